"""Sliding windows: where they lie, how they are weighted, and a model over all of them.

Two rules are known by name. ``"monai"`` places and weights windows as MONAI's ``sliding_window_inference`` does, ``"nnunet"`` as
nnU-Net's predictor does:

============  ============================================  ==============================================
\\             ``rule="monai"``                              ``rule="nnunet"``
============  ============================================  ==============================================
overlap       0.25 by default                               0.5 by default (``tile_step_size`` is 1 - overlap)
positions     steps of int(window · (1 - overlap)); the     as few as steps of window · (1 - overlap) need,
              last window is pulled back inside             spread evenly
blend         ``"constant"`` by default                     ``"gaussian"`` by default
Gaussian      around (window - 1) / 2, at least 10⁻³        around window // 2, cut off at 4 sigma, scaled to 10,
                                                            float16, zeros raised to the smallest weight
small volume  padded on both sides, the odd voxel at the    the same
              end
============  ============================================  ==============================================

Sums are float32 under both rules; nnU-Net's own are float16.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from revoxel._arrays import plain
from revoxel._errors import RevoxelError
from revoxel._models import Scores, running

__all__ = ["Blend", "Padding", "Progress", "Rule", "Window", "padding", "positions", "slide", "weights"]

Rule: TypeAlias = Literal["monai", "nnunet"]
Blend: TypeAlias = Literal["constant", "gaussian"]
Padding: TypeAlias = Literal["constant", "reflect", "replicate", "circular"]
Window: TypeAlias = int | Sequence[int | None] | None
Progress: TypeAlias = Callable[[int, int], object]

_Float: TypeAlias = NDArray[np.float32]
_Three: TypeAlias = tuple[int, int, int]

_OVERLAP: dict[str, float] = {"monai": 0.25, "nnunet": 0.5}
_BLEND: dict[str, Blend] = {"monai": "constant", "nnunet": "gaussian"}
# The names of torch's padding, and numpy's.
_PADDING = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def positions(
    shape: Sequence[int], window: Window, *, rule: Rule = "monai", overlap: float | Sequence[float] | None = None
) -> tuple[list[int], list[int], list[int]]:
    """The first index of the windows along each axis; every combination of the three is a window.

    Indices count from the first voxel of the volume. Along an axis that is shorter than the window there is one window, and it
    begins where the padding begins, at ``-padding(shape, window)[axis][0]``.
    """
    sizes = _shape(shape)
    wide = _window(window, sizes)
    shares = _overlap(overlap, _rule(rule))
    along = _monai_starts if rule == "monai" else _nnunet_starts
    first, second, third = (
        [-((w - n) // 2)] if n < w else along(n, w, share) for n, w, share in zip(sizes, wide, shares, strict=True)
    )
    return first, second, third


def _monai_starts(size: int, window: int, overlap: float) -> list[int]:
    step = window if window == size else max(1, int(window * (1 - overlap)))
    count = 1 + max(0, -(-(size - window) // step))
    return [min(i * step, size - window) for i in range(count)]


def _nnunet_starts(size: int, window: int, overlap: float) -> list[int]:
    # Users say the step: 1 - 0.9 is meant to be 0.1, not 0.09999999999999998, which would need one window more.
    step = window * round(1 - overlap, 12)
    count = math.ceil((size - window) / step) + 1
    even = (size - window) / (count - 1) if count > 1 else 0.0
    # Python rounds halves to the even number, as numpy does.
    return [round(even * i) for i in range(count)]


def padding(shape: Sequence[int], window: Window) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """How many voxels are put before and behind each axis that is shorter than the window; both rules agree."""
    sizes = _shape(shape)
    missing = [max(0, w - n) for n, w in zip(sizes, _window(window, sizes), strict=True)]
    first, second, third = ((m // 2, m - m // 2) for m in missing)
    return first, second, third


def weights(
    window: int | Sequence[int], *, rule: Rule = "monai", blend: Blend | None = None, sigma: float = 0.125
) -> _Float:
    """The weight of each voxel of a window, float32. ``sigma`` is that of the Gaussian, in lengths of the window."""
    wide = _window(window, None)
    chosen = blend or _BLEND[_rule(rule)]
    if chosen not in ("constant", "gaussian"):
        raise RevoxelError(f'blend: {chosen!r} is neither "constant" nor "gaussian", nor an array of weights')
    if not (_is_number(sigma) and math.isfinite(sigma) and sigma > 0):
        raise RevoxelError(f"sigma: {sigma!r} must be a number above 0")
    if chosen == "constant":
        return np.ones(wide, np.float32)
    return _monai_gaussian(wide, sigma) if rule == "monai" else _nnunet_gaussian(wide, sigma)


def _monai_gaussian(window: _Three, sigma: float) -> _Float:
    product = np.ones((), np.float32)
    for width in window:
        away = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
        along = np.exp(away**2 / np.float32(-2 * (width * sigma) ** 2))
        product = product[..., None] * along
    least = np.float32(max(float(product.min()), 1e-3))
    return np.asarray(np.maximum(product, least), np.float32)


def _nnunet_gaussian(window: _Three, sigma: float) -> _Float:
    product = np.ones(())
    for width in window:
        deviation = width * sigma
        reach = int(4 * deviation + 0.5)
        away = np.arange(-reach, reach + 1)
        kernel = np.exp(-0.5 / (deviation * deviation) * away**2)
        kernel /= kernel.sum()
        # What a one in the middle becomes: the kernel around the middle, zero beyond its reach.
        from_middle = np.arange(width) - width // 2 + reach
        inside = (from_middle >= 0) & (from_middle < len(kernel))
        along = np.where(inside, kernel[np.clip(from_middle, 0, len(kernel) - 1)], 0)
        product = product[..., None] * along
    scaled = product / (product.max() / 10)
    # By way of float32, as torch converts.
    half: NDArray[np.float16] = np.asarray(scaled.astype(np.float32).astype(np.float16))
    half[half == 0] = half[half > 0].min()
    return half.astype(np.float32)


def slide(
    array: ArrayLike,
    model: Any,
    window: Window,
    *,
    rule: Rule = "monai",
    overlap: float | Sequence[float] | None = None,
    blend: Blend | ArrayLike | None = None,
    sigma: float = 0.125,
    mirror: Sequence[int] = (),
    batch: int = 1,
    padding: Padding = "constant",
    pad_value: float = 0.0,
    argmax: bool = False,
    progress: Progress | None = None,
) -> NDArray[Any]:
    """A model over all windows of an array (channels, x, y, z) or (x, y, z): scores (classes, x, y, z), float32.

    With ``argmax=True`` the labels (x, y, z) of the highest class, uint8 or uint16; then scores are held for no more rows than
    a window is long. For the other arguments see ``revoxel.infer``.
    """
    given = np.asarray(plain(array))
    if given.ndim not in (3, 4) or not given.size:
        raise RevoxelError(f"array: expected (channels, x, y, z) or (x, y, z), got the shape {given.shape}")
    channels = [given] if given.ndim == 3 else list(given)
    plan = Sweep.plan(channels[0].shape, window, rule, overlap, blend, sigma, mirror, batch, padding, pad_value)
    return plan.run(channels, model, argmax=argmax, progress=progress)


@dataclass(frozen=True)
class Sweep:
    """Windows over a volume of a given shape."""

    shape: _Three
    window: _Three
    starts: tuple[list[int], list[int], list[int]]
    weights: _Float
    constant: bool
    mirror: tuple[int, ...]
    batch: int
    padding: Padding
    pad_value: float

    @classmethod
    def plan(
        cls,
        shape: Sequence[int],
        window: Window,
        rule: Rule,
        overlap: float | Sequence[float] | None,
        blend: Blend | ArrayLike | None,
        sigma: float,
        mirror: Sequence[int],
        batch: int,
        padding: Padding,
        pad_value: float,
    ) -> Sweep:
        """Checks all arguments."""
        sizes = _shape(shape)
        starts = positions(sizes, window, rule=rule, overlap=overlap)
        wide = _window(window, sizes)
        if blend is None or isinstance(blend, str):
            weight = weights(wide, rule=rule, blend=cast("Blend | None", blend), sigma=sigma)
        else:
            weight = np.array(blend, np.float32)
            if weight.shape != wide:
                raise RevoxelError(f"blend: the weights are of shape {weight.shape}, and the window is {wide}")
            if not (np.isfinite(weight).all() and (weight > 0).all()):
                raise RevoxelError("blend: weights must be finite and above 0")
        axes = _mirror(mirror)
        if not _is_whole(batch) or batch < 1:
            raise RevoxelError(f"batch: {batch!r} must be a whole number of at least 1")
        _check_padding(padding, pad_value, sizes, wide)
        constant = bool((weight == 1).all())
        return cls(sizes, wide, starts, weight, constant, axes, int(batch), padding, float(pad_value))

    def __len__(self) -> int:
        return math.prod(len(starts) for starts in self.starts)

    def run(
        self,
        channels: Sequence[NDArray[Any]],
        model: Any,
        *,
        argmax: bool,
        check: Callable[[int], None] | None = None,
        progress: Progress | None = None,
    ) -> NDArray[Any]:
        """Scores (classes, x, y, z), or labels (x, y, z); the last axis is fastest.

        `check` is called with the number of classes once it is known.
        """
        # Scores are summed where they stay, in the order of the rule. Labels are decided row by row: along the axis where the
        # rows of one window are the smallest part of the volume.
        parts = [min(1.0, w / n) for w, n in zip(self.window, self.shape, strict=True)]
        axis = parts.index(min(parts)) if argmax else 0
        blended: _Blended | None = None
        done = 0
        with running(model) as call:
            for corners in self._batches(axis):
                block = np.empty((len(corners), len(channels), *self.window), np.float32)
                for into, corner in zip(block, corners, strict=True):
                    self._cut(channels, corner, into)
                try:
                    scores = self._mirrored(call, block)
                except Exception as error:
                    error.add_note(f"in the model, window {done + 1} of {len(self)}, first voxel {corners[0]}")
                    raise
                if blended is None:
                    classes = scores.shape[1]
                    if check is not None:
                        check(classes)
                    blended = _Blended(self, classes, axis, argmax)
                elif scores.shape[1] != blended.classes:
                    raise RevoxelError(
                        f"the model gave {scores.shape[1]} classes for window {done + 1} of {len(self)}, "
                        f"and {blended.classes} before"
                    )
                for corner, part in zip(corners, scores, strict=True):
                    blended.add(corner, part)
                done += len(corners)
                if progress is not None:
                    progress(done, len(self))
        assert blended is not None, "a volume has at least one window"
        return blended.end()

    def _batches(self, axis: int) -> Iterator[list[_Three]]:
        """Corners of windows, by their place along `axis`, then in the order of the rule."""
        order = [axis, *(other for other in range(3) if other != axis)]
        back = [order.index(k) for k in range(3)]
        swept = itertools.product(*(self.starts[k] for k in order))
        corners = iter((place[back[0]], place[back[1]], place[back[2]]) for place in swept)
        while taken := list(itertools.islice(corners, self.batch)):
            yield taken

    def inside(self, corner: _Three) -> tuple[list[slice], list[slice]]:
        """The part of a window that lies in the volume: in the volume, and in the window."""
        volume = [slice(max(0, a), min(n, a + w)) for a, n, w in zip(corner, self.shape, self.window, strict=True)]
        window = [slice(part.start - a, part.stop - a) for part, a in zip(volume, corner, strict=True)]
        return volume, window

    def _cut(self, channels: Sequence[NDArray[Any]], corner: _Three, into: _Float) -> None:
        volume, window = self.inside(corner)
        missing = [(part.start, w - part.stop) for part, w in zip(window, self.window, strict=True)]
        for channel, target in zip(channels, into, strict=True):
            part = channel[tuple(volume)]
            if not any(map(any, missing)):
                target[...] = part
            elif self.padding == "constant":
                target[...] = self.pad_value
                target[tuple(window)] = part
            else:
                target[...] = np.pad(part, missing, mode=_PADDING[self.padding])  # type: ignore[call-overload]

    def _mirrored(self, call: Scores, block: _Float) -> _Float:
        """The mean of the scores of all mirrored copies, mirrored back."""
        if not self.mirror:
            return self._checked(call(block), block)
        # A model may write to what it is given, and use the memory of what it gave again.
        total = np.array(self._checked(call(block.copy()), block))
        copies = [c for count in range(1, len(self.mirror) + 1) for c in itertools.combinations(self.mirror, count)]
        for copy in copies:
            axes = tuple(axis + 2 for axis in copy)
            there = np.ascontiguousarray(np.flip(block, axes))
            back = np.flip(self._checked(call(there), there), axes)
            if back.shape != total.shape:
                raise RevoxelError(
                    f"the model gave {back.shape[1]} classes for a mirrored copy and {total.shape[1]} for the window"
                )
            total += back
        total /= np.float32(len(copies) + 1)
        return total

    def _checked(self, scores: _Float, block: _Float) -> _Float:
        expected = f"({block.shape[0]}, classes, {', '.join(map(str, block.shape[2:]))})"
        if scores.ndim != 5 or scores.shape[0] != block.shape[0] or scores.shape[2:] != block.shape[2:]:
            raise RevoxelError(f"the model gave the shape {scores.shape} for {block.shape}: expected {expected}")
        if scores.shape[1] == 0:
            raise RevoxelError(f"the model gave no class: the shape is {scores.shape}, expected {expected}")
        # A sum tells of a NaN without another array; it may overflow where all values are finite.
        with np.errstate(over="ignore", invalid="ignore"):
            suspect = not np.isfinite(scores.sum())
        if suspect and not np.isfinite(scores).all():
            bad = ~np.isfinite(scores)
            window, channel, x, y, z = (int(i) for i in np.argwhere(bad)[0])
            raise RevoxelError(
                f"the model gave {scores[window, channel, x, y, z]} in class {channel} at voxel {(x, y, z)} of the window, and "
                f"{int(bad.sum())} of {bad.size} values are not finite: look at its input there "
                f"({', '.join(str(v) for v in block[window, :, x, y, z])}), and at overflow in half precision"
            )
        return scores


class _Rows:
    """An array of which some rows along an axis are held: row i lies at i modulo their number."""

    def __init__(self, array: NDArray[Any], axis: int) -> None:
        self.array = array
        self.axis = axis
        self.held = array.shape[axis]

    def only(self, rows: slice) -> tuple[slice, ...]:
        """The key of rows."""
        return (slice(None),) * self.axis + (rows,)

    def parts(self, start: int, stop: int) -> Iterator[tuple[NDArray[Any], slice]]:
        """The rows from `start` to `stop` in one or two views, and which of these rows each view has."""
        row = start
        while row < stop:
            at = row % self.held
            count = min(self.held - at, stop - row)
            yield self.array[self.only(slice(at, at + count))], slice(row - start, row - start + count)
            row += count


class _Blended:
    """Weighted sums. Rows that no later window touches are divided by their weights, and become labels if these are wanted."""

    def __init__(self, sweep: Sweep, classes: int, axis: int, argmax: bool) -> None:
        self.sweep = sweep
        self.classes = classes
        self.axis = axis
        self.first = 0
        rows = list(sweep.shape)
        rows[axis] = min(sweep.window[axis], sweep.shape[axis])
        self.weights = _Rows(np.zeros((1, *rows), np.float32), axis + 1)
        self.sums = _Rows(np.zeros((classes, *(rows if argmax else sweep.shape)), np.float32), axis + 1)
        self.labels = np.zeros(sweep.shape, np.uint8 if classes <= 256 else np.uint16) if argmax else None
        self.product = None if sweep.constant else np.empty((classes, *sweep.window), np.float32)

    def add(self, corner: _Three, scores: _Float) -> None:
        volume, window = self.sweep.inside(corner)
        self._finish(volume[self.axis].start)
        weight = self.sweep.weights[(None, *window)]
        part = scores[(slice(None), *window)]
        if self.product is not None:
            part = np.multiply(part, weight, out=self.product[(slice(None), *window)])
        across = list(volume)
        across[self.axis] = slice(None)
        for rows, added in ((self.sums, part), (self.weights, weight)):
            for view, which in rows.parts(volume[self.axis].start, volume[self.axis].stop):
                view[(slice(None), *across)] += added[rows.only(which)]

    def _finish(self, stop: int) -> None:
        """Rows before `stop` are complete."""
        while self.first < stop:
            until = min(stop, self.first + self.weights.held)
            for weight, which in self.weights.parts(self.first, until):
                begin = self.first + which.start
                for sums, part in self.sums.parts(begin, self.first + which.stop):
                    np.divide(sums, weight[self.weights.only(part)], out=sums)
                    if self.labels is not None:
                        at = slice(begin + part.start, begin + part.stop)
                        _decide(sums, self.labels[(slice(None),) * self.axis + (at,)])
                        sums[...] = 0
                weight[...] = 0
            self.first = until

    def end(self) -> NDArray[Any]:
        self._finish(self.sweep.shape[self.axis])
        return self.sums.array if self.labels is None else self.labels


def _decide(scores: NDArray[Any], labels: NDArray[Any]) -> None:
    """The class with the highest score, the lowest one at a tie; plane by plane, so that no other array is large."""
    for plane, into in zip(np.moveaxis(scores, 1, 0), labels, strict=True):
        highest = plane[0].copy()
        label = np.zeros(highest.shape, labels.dtype)
        for channel in range(1, len(plane)):
            np.copyto(label, labels.dtype.type(channel), where=plane[channel] > highest)
            np.maximum(highest, plane[channel], out=highest)
        into[...] = label


def _rule(rule: str) -> str:
    if rule not in [*_OVERLAP]:
        raise RevoxelError(f'rule: {rule!r} is neither "monai" nor "nnunet"')
    return rule


def _is_whole(number: Any) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _three(given: Any) -> list[Any]:
    """What is given for each axis; one value is for all."""
    if isinstance(given, np.ndarray):
        given = given.tolist()
    return list(given) if isinstance(given, Iterable) else [given] * 3


def _shape(shape: Sequence[int]) -> _Three:
    sizes = tuple(int(n) for n in shape)
    if len(sizes) != 3 or min(sizes) < 1:
        raise RevoxelError(f"shape: {tuple(shape)} must be three whole numbers of at least 1")
    return (sizes[0], sizes[1], sizes[2])


def _window(window: Window, shape: _Three | None) -> _Three:
    """The window; where `shape` is known, None and -1 stand for the whole axis, and None alone for the whole volume."""
    given = _three(window)
    if shape is not None and len(given) == 3:
        given = [n if w is None or w == -1 else w for w, n in zip(given, shape, strict=True)]
    whole = all(_is_whole(w) and w >= 1 for w in given)
    if len(given) != 3 or not whole:
        raise RevoxelError(
            f"window: {window!r} must be one or three whole numbers of at least 1"
            + (", or None for the whole of an axis" if shape is not None else "")
        )
    x, y, z = (int(w) for w in given if w is not None)
    # Longer than any volume: a mistake of units, and more memory than there is.
    if x * y * z > 2**31:
        raise RevoxelError(f"window: {(x, y, z)} has {x * y * z} voxels, at most {2**31} are possible")
    return x, y, z


def _overlap(overlap: float | Sequence[float] | None, rule: str) -> tuple[float, float, float]:
    if overlap is None:
        overlap = _OVERLAP[rule]
    given = _three(overlap)
    if len(given) != 3 or not all(_is_number(share) and 0 <= share < 1 for share in given):
        raise RevoxelError(f"overlap: {overlap!r} must be one or three numbers from 0 to below 1")
    return (float(given[0]), float(given[1]), float(given[2]))


def _mirror(mirror: Sequence[int]) -> tuple[int, ...]:
    axes: list[Any] = list(mirror) if np.ndim(mirror) == 1 else [None]
    if not all(_is_whole(axis) and 0 <= axis <= 2 for axis in axes) or len(set(axes)) != len(axes):
        raise RevoxelError(
            f"mirror: {mirror!r} must name axes of the window: 0, 1, 2, each at most once, such as (0, 1, 2) for all"
        )
    return tuple(map(int, axes))


def _check_padding(padding: str, pad_value: float, shape: _Three, window: _Three) -> None:
    if padding not in [*_PADDING]:
        raise RevoxelError(f"padding: {padding!r} is none of {', '.join(_PADDING)}")
    if not (_is_number(pad_value) and math.isfinite(pad_value)):
        raise RevoxelError(f"pad_value: {pad_value!r} must be a finite number")
    for axis, (n, w) in enumerate(zip(shape, window, strict=True)):
        behind = max(0, w - n) - max(0, w - n) // 2
        if (padding == "reflect" and behind > n - 1) or (padding == "circular" and behind > n):
            raise RevoxelError(
                f"window: {window} is too large for a volume of {shape} with padding={padding!r}: axis {axis} would be padded "
                f'by {behind} voxels, and has {n}; use a smaller window, or padding="replicate" or "constant"'
            )
