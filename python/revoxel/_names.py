"""The names that arguments take, as types: what checkers of types and editors know of them."""

from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["image", "label", "probability", "logit"]
Space: TypeAlias = Literal["index", "ras", "lps"]
Interpolation: TypeAlias = Literal["nearest", "linear", "cubic", "label", "label_nearest"]
Activation: TypeAlias = Literal["softmax", "sigmoid", "none"]
Values: TypeAlias = Literal["keep", "undo", "clamp"]
Onto: TypeAlias = Literal["slices", "regular"]
# Of a prediction: channels first, if there are any; those without z are for 2-D.
Axes: TypeAlias = Literal["xyz", "zyx", "cxyz", "czyx", "xy", "yx", "cxy", "cyx"]
# Of an array: any order, with channels or without.
# fmt: off
Order: TypeAlias = Literal[
    "xyz", "xzy", "yxz", "yzx", "zxy", "zyx",
    "xyzc", "xycz", "xzyc", "xzcy", "xcyz", "xczy", "yxzc", "yxcz", "yzxc", "yzcx", "ycxz", "yczx",
    "zxyc", "zxcy", "zyxc", "zycx", "zcxy", "zcyx", "cxyz", "cxzy", "cyxz", "cyzx", "czxy", "czyx",
]
# fmt: on
# Of an array of one slice.
FlatOrder: TypeAlias = Literal["xy", "yx", "cxy", "xyc", "cyx", "yxc", "xcy", "ycx"]
