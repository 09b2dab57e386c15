"""Arrays in and out: the order of axes, and when memory is copied."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from revoxel._core import Grid, Volume
from revoxel._errors import RevoxelError

# The types of voxels; others are turned into one of these, or refused.
_VOXELS = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"}
# These become float32. numpy has bfloat16 from other packages.
_HALF = {"float16", "bfloat16"}
# The axes of an array by its number of axes, where nobody says more. The first three are those of a volume.
_DEFAULT = {"xyz": {2: "xy", 3: "xyz", 4: "xyzc"}, "zyx": {2: "yx", 3: "zyx", 4: "czyx"}}
# The letters that an order may have, each once.
_LETTERS = ("xy", "xyz", "cxy", "cxyz")


def plain(thing: Any) -> Any:
    """A tensor of torch as an array of numpy, on the same memory where that can be; anything else as it is.

    Every tensor that is given to this package comes through here: of any device, with a graph or without, and in types such
    as bfloat16 that numpy does not know, which become float32.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(thing, torch.Tensor):
        return thing
    values = thing.as_tensor() if hasattr(thing, "as_tensor") else thing
    if values.is_floating_point() and values.dtype not in (torch.float16, torch.float32, torch.float64):
        values = values.float()
    try:
        return values.numpy(force=True)
    except (NotImplementedError, RuntimeError, TypeError) as problem:
        raise RevoxelError(
            f"a tensor without an array of values ({values.layout}, {values.device}): {problem}"
        ) from problem


def _axes(shape: tuple[int, ...], order: str | None, channels: str | None) -> str:
    """The letters of an array's axes."""
    given = "xyz" if order is None else order
    axes = given
    if channels is not None:
        if channels not in ("first", "last"):
            raise RevoxelError(f'channels: {channels!r} is neither "first" nor "last"')
        if "c" in given:
            raise RevoxelError(f"order={given!r} says already where the channels are: leave channels out")
        spatial = _DEFAULT.get(given, {}).get(len(shape) - 1, given)
        axes = "c" + spatial if channels == "first" else spatial + "c"
    elif given in _DEFAULT:
        if len(shape) == 4 and order is None:
            raise RevoxelError(
                f"an array of shape {shape} has four axes: say where its channels are, with "
                'order="cxyz" (MONAI, TorchIO), "xyzc" (nibabel), "czyx" or "zyxc" (SimpleITK)'
            )
        axes = _DEFAULT[given].get(len(shape), given)
    if "".join(sorted(axes)) not in _LETTERS:
        raise RevoxelError(f"order: {axes!r} is not made of x, y, z and c, such as xyz, zyx, cxyz, xyzc, czyx or zyxc")
    if len(axes) != len(shape):
        raise RevoxelError(f"an array of shape {shape} has {len(shape)} axes, and order {axes!r} names {len(axes)}")
    return axes


def voxels(
    array: Any, order: str | None, channels: str | None, copy: bool | None
) -> tuple[np.ndarray[Any, Any], bool, Any]:
    """An array with the axes (x, y, z[, c]), the first fastest, whether it was of two axes, and what holds its memory.

    The memory is that of `array` where it lies so already; else it is copied, or refused with ``copy=False``.
    """
    given = as_array(plain(array))
    if copy is False and hasattr(array, "data_ptr") and array.data_ptr() != given.ctypes.data:
        raise RevoxelError(
            f"the tensor has to be copied: it is {array.dtype} on {array.device}, and a volume has float32 or float64, or whole "
            "numbers, in memory of the processor"
        )
    if given.ndim == 0:
        raise RevoxelError("an array of voxels has two to four axes, and this is a single value")
    axes = _axes(given.shape, order, channels)
    planar = "z" not in axes
    arranged = given.transpose([axes.index(letter) for letter in "xyzc" if letter in axes])
    if planar:
        arranged = np.expand_dims(arranged, 2)
    if arranged.ndim == 4 and arranged.shape[3] == 1:
        arranged = arranged[..., 0]
    made = _native(arranged, copy)
    # Views of other libraries hold what they look at by attributes, which a plain array of them does not have.
    return made, planar, array if np.may_share_memory(made, given) else None


def json_of(value: Any) -> str:
    """Values as JSON, also those of numpy."""
    return json.dumps(value, default=_of_numpy)


def _of_numpy(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise RevoxelError(f"{value!r} is no number, text, list or dictionary of these")


def as_array(array: Any) -> np.ndarray[Any, Any]:
    """Anything that is an array as one of numpy."""
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise RevoxelError("a masked array: say what its masked voxels are, with array.filled(value)")
    try:
        return np.asarray(array)
    except (TypeError, ValueError, RuntimeError) as problem:
        raise RevoxelError(f"not an array of numbers: {problem}") from problem


def _native(array: np.ndarray[Any, Any], copy: bool | None) -> np.ndarray[Any, Any]:
    """The array in one of the ten voxel types, without gaps, the first axis fastest."""
    dtype = array.dtype
    if dtype.name == "bool":
        array = array.view(np.uint8)
    elif dtype.name not in _VOXELS and dtype.name not in _HALF:
        raise RevoxelError(f"the type {dtype} holds no voxels: use whole numbers of 8 to 64 bit, float32 or float64")
    wanted = np.float32 if dtype.name in _HALF else array.dtype.newbyteorder("=")
    lies_well = array.flags.f_contiguous and array.flags.aligned and array.dtype.isnative
    if lies_well and array.dtype == wanted and not copy:
        return array
    if copy is False:
        why = "its type" if array.dtype != wanted or not array.dtype.isnative else "the order of its memory"
        raise RevoxelError(
            f"the array has to be copied because of {why}; the first spatial axis must be fastest "
            "(numpy.asfortranarray of an (x, y, z) array), in one of the ten voxel types"
        )
    return np.array(array, dtype=wanted, order="F", copy=True)


def on_grid(array: np.ndarray[Any, Any], axes: str, shape: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """A prediction with the axes (x, y, z[, c]) of a grid. Leading axes of length 1 are dropped."""
    count = int(np.prod(shape, dtype=np.int64))
    channels = array.size // count
    reverse = axes.startswith("z") or axes.startswith("cz")
    spatial = shape[::-1] if reverse else shape
    arranged = array.reshape((channels, *spatial))
    arranged = arranged.transpose((3, 2, 1, 0) if reverse else (1, 2, 3, 0))
    if channels == 1:
        arranged = arranged[..., 0]
    return _native(arranged, None)


def array(view: np.ndarray[Any, Any], dtype: Any, copy: bool | None) -> np.ndarray[Any, Any]:
    """What ``__array__`` gives."""
    if dtype is not None and np.dtype(dtype) != view.dtype:
        if copy is False:
            raise ValueError(f"a volume of {view.dtype} has to be copied to become {np.dtype(dtype)}")
        return view.astype(dtype)
    return view.copy(order="K") if copy else view


def dlpack(view: np.ndarray[Any, Any], stream: Any, max_version: Any, dl_device: Any, copy: bool | None) -> Any:
    """What ``__dlpack__`` gives."""
    if stream is not None:
        raise BufferError("the memory is that of the processor: there is no stream")
    if dl_device is not None and tuple(dl_device) != (1, 0):
        raise BufferError(f"the memory is that of the processor, and device {tuple(dl_device)} was asked for")
    if copy:
        view = view.copy(order="K")
    if not view.flags.writeable:
        # Not every library honours the mark of read-only memory: it would write into a file, or into another volume.
        raise BufferError("the volume is read-only: use volume.to_torch(), which copies, or ask with copy=True")
    keywords = {} if max_version is None else {"max_version": max_version}
    return view.__dlpack__(**keywords)


def to_numpy(volume: Volume, order: str, copy: bool | None) -> np.ndarray[Any, Any]:
    """What ``Volume.to_numpy`` gives."""
    view = volume.xyz
    letters = _DEFAULT[order].get(view.ndim, order) if order in _DEFAULT else order
    if "".join(sorted(letters)) not in ("xyz", "cxyz"):
        raise RevoxelError(f"order: {order!r} is not made of x, y, z and c, such as xyz, zyx, cxyz, xyzc, czyx or zyxc")
    if "c" in letters and view.ndim == 3:
        view = view[..., np.newaxis]
    if "c" not in letters and view.ndim == 4:
        raise RevoxelError(f"order: {order!r} does not say where the {view.shape[3]} channels are")
    arranged = view.transpose(["xyzc".index(letter) for letter in letters])
    return arranged.copy(order="K") if copy else arranged


def grids_as_volumes(like: Any) -> Any:
    """Headers for a plan: grids become volumes whose voxels nobody looks at."""
    if isinstance(like, Mapping):
        return {key: grids_as_volumes(value) for key, value in like.items()}
    if isinstance(like, Grid):
        # One byte for all voxels would need strides of 0, which no volume has: this much memory is never touched.
        try:
            return Volume(np.zeros(like.shape, np.uint8, order="F"), grid=like)
        except MemoryError as problem:
            raise RevoxelError(f"a grid of {like.shape} voxels is larger than what this machine can hold") from problem
    return like
