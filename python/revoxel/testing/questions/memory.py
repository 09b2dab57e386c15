"""Questions 8 and 9: channels, time, types of voxels, and who owns the memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._geometry import SHAPE, Affine, Array, aligned_affine, apply, corners, in_voxels, oblique_affine, phantom
from .._lab import Broken, Lab, Notebook, Outcome
from .moves import BOX, returned, tolerance


def channels(lab: Lab, note: Notebook) -> None:
    """Question 8."""
    for file in lab.files:
        if 8 not in file.questions:
            continue
        opened = lab.open(file)
        if note.refused(file.name, opened):
            continue
        with note.trying(file.name):
            _, _, off = lab.nearest(opened.value, file)
            note.judge(
                f"places of {file.name}",
                off <= file.tolerance_voxels,
                "the other axis has no part in the geometry",
                f"voxels are up to {off:.2g} voxels off",
                opened.warned,
                voxels_off=off,
            )
        same_channels(lab, note, f"values of {file.name}", opened, np.moveaxis(file.values, 3, 0))
    made_channels(lab, note)
    singletons(lab, note)


def same_channels(lab: Lab, note: Notebook, what: str, outcome: Outcome, wanted: Array, part: Any = ...) -> None:
    """Channels (c, x, y, z) are these."""
    given = lab.call("channels", outcome.value)
    if note.refused(what, given):
        return
    with note.trying(what):
        got = np.asarray(given.value)
        same = got.shape == wanted.shape and bool(np.array_equal(got[part], wanted[part]))
        note.judge(
            what,
            same,
            f"{len(wanted)} channels or frames of (x, y, z)",
            f"the shape is {got.shape}, not {wanted.shape}"
            if got.shape != wanted.shape
            else "values are in other channels or at other indices",
            outcome.warned,
        )


def made_channels(lab: Lab, note: Notebook) -> None:
    """An image made of two channels."""
    what = "made of 2 channels"
    array = np.stack([phantom(), phantom() + 1000])
    for affine in (oblique_affine(), aligned_affine()):
        made = lab.call("make_channels", array, affine.copy())
        if made.absent is None:
            break
    if note.refused(what, made):
        return
    same_channels(lab, note, what, made, array)
    with note.trying(what):
        frames = lab.frames() if lab.frame is None else lab.frames()[:1]
        off = min(lab.deviation(made.value, lab.in_frame(affine, f), array.shape[1:]) for f in frames)
        note.judge(
            f"places, {what}",
            off <= 1e-6,
            "as without channels",
            f"voxels are up to {off:.2g} voxels off",
            voxels_off=off,
        )
    if lab.has("resample"):
        onto = lab.call("resample", made.value, affine, array.shape[1:], "nearest")
        if not note.refused(f"resampled, {what}", onto):
            # The outermost voxels belong to question 11.
            inner = (slice(None), *(slice(1, -1),) * 3)
            same_channels(lab, note, f"resampled, {what}", onto, array, inner)
    cut_channels(lab, note, what, made.value, array, affine)
    for suffix in lab.suffixes:
        back = lab.round_trip(made.value, suffix)
        name = f"{what}, saved as {suffix}"
        if not note.refused(name, back):
            saved_channels(lab, note, name, back, (array, affine), tolerance(suffix))


def cut_channels(lab: Lab, note: Notebook, what: str, image: Any, array: Array, affine: Affine) -> None:
    """What takes a part of an image takes it of every channel."""
    start, stop = BOX
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    turned: tuple[slice, ...] = (slice(None), slice(None, None, -1), slice(None))
    for name, cuts, arguments in (("slice", box, (box,)), ("crop", box, (start, stop)), ("flip", turned, (1,))):
        if not lab.has(name):
            continue
        cut = lab.call(name, image, *arguments)
        told = f"{'indexing' if name == 'slice' else name}, {what}"
        if note.refused(told, cut):
            continue
        if isinstance(cut.value, np.ndarray):
            note.refused(told, Outcome(refusal="gives an array without geometry"))
            continue
        same_channels(lab, note, told, cut, array[(slice(None), *cuts)])


def saved_channels(
    lab: Lab, note: Notebook, what: str, back: Outcome, wanted: tuple[Array, Affine], limit: float
) -> None:
    """A file holds both channels, in their order and at their places."""
    given = lab.call("channels", back.value)
    if note.refused(what, given):
        return
    with note.trying(what):
        got = np.moveaxis(np.asarray(given.value), 0, -1)
        values, off = returned(lab, back.value, np.moveaxis(wanted[0], 0, -1), wanted[1], got.shape)
        if got.shape != values.shape:
            told = " × ".join(str(n) for n in got.shape)
            note.failed(what, f"{told} values come back (x, y, z, channels), not 5 × 7 × 9 × 2", back.warned)
            return
        same = bool(np.array_equal(got, values))
        note.judge(
            what,
            same and off <= limit,
            "2 channels come back",
            f"voxels are up to {off:.2g} voxels off" if same else "values are in other channels or at other indices",
            back.warned,
            voxels_off=off,
        )


def singletons(lab: Lab, note: Notebook) -> None:
    """An axis of one voxel is still 0.7, 1.1 or 2.3 mm thick."""
    for axis in range(3):
        shape = [5, 7, 9]
        shape[axis] = 1
        for affine in (oblique_affine(), aligned_affine()):
            made = lab.call("make", phantom(shape), affine.copy())
            if made.absent is None:
                break
        what = f"axis {axis} of one voxel"
        if note.refused(what, made):
            continue
        thickness(lab, note, what, made, axis, affine, 1e-6)
        for suffix in lab.suffixes:
            back = lab.round_trip(made.value, suffix)
            name = f"{what}, saved as {suffix}"
            if not note.refused(name, back):
                thickness(lab, note, name, back, axis, affine, tolerance(suffix))


def thickness(lab: Lab, note: Notebook, what: str, outcome: Outcome, axis: int, affine_ras: Any, limit: float) -> None:
    """The place of a slice, and of the next one that is not there."""
    with note.trying(what):
        if lab.array(outcome.value).ndim != 3:
            raise Broken("the axis is gone")
        ends = np.vstack([np.zeros((1, 3)), np.eye(3)[axis]])
        frames = lab.frames() if lab.frame is None else lab.frames()[:1]
        gaps = []
        for frame in frames:
            affine = lab.in_frame(affine_ras, frame)
            gaps.append(in_voxels(affine, lab.places(outcome.value, ends) - apply(affine, ends)))
        gap = np.abs(min(gaps, key=lambda g: float(np.abs(g).max())))
        place, thick = float(gap[0].max()), float(gap.max())
        no = f"the next slice would lie {thick:.2g} voxels from where it should"
        if place > limit:
            no = f"its one slice lies {place:.2g} voxels from where it should"
        note.judge(what, thick <= limit, "keeps its thickness", no, outcome.warned, voxels_off=thick)


TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")


def extreme(dtype: str) -> Array:
    """A phantom with the smallest and the largest value of the type, and with NaN and infinity."""
    array = (phantom() % 100).astype(dtype) if np.dtype(dtype).itemsize == 1 else phantom(dtype="int16").astype(dtype)
    if dtype.startswith("float"):
        array[0, 0, 0], array[4, 6, 8] = np.finfo(dtype).min, np.finfo(dtype).max
        array[1, 0, 0] = np.nextafter(array.dtype.type(1), array.dtype.type(2))
        array[2:5, 0, 0] = np.nan, np.inf, -np.inf
    else:
        array[0, 0, 0], array[4, 6, 8] = np.iinfo(dtype).min, np.iinfo(dtype).max
    return array


def grid(lab: Lab) -> Any:
    """A grid that the library can hold."""
    for affine in (oblique_affine(), aligned_affine()):
        if lab.call("make", phantom(), affine.copy()).absent is None:
            return affine
    return aligned_affine()


def memory(lab: Lab, note: Notebook) -> None:
    """Question 9."""
    affine = grid(lab)
    for dtype in TYPES:
        values_kept(lab, note, f"made of {dtype}", extreme(dtype), affine)
    big = phantom(dtype="int32").astype(">i4")
    values_kept(lab, note, "made of big-endian int32", big, affine)
    values_kept(lab, note, "made of float32 in Fortran order", np.asfortranarray(phantom(dtype="float32")), affine)
    read_only(lab, note, affine)
    shared(lab, note, affine)
    callers_affine(lab, note, affine)
    for suffix in lab.suffixes:
        for dtype in TYPES:
            values_saved(lab, note, f"{dtype}, saved as {suffix}", extreme(dtype), affine, suffix)
    for file in lab.files:
        if 9 in file.questions:
            opened = lab.open(file)
            if note.refused(file.name, opened):
                continue
            with note.trying(file.name):
                equal(note, file.name, lab.array(opened.value), file.values[..., 0], opened.warned)


def values_kept(lab: Lab, note: Notebook, what: str, array: Array, affine: Any) -> None:
    """An image made of this array holds its values, and the array stays."""
    before = array.copy()
    made = lab.call("make", array, affine.copy())
    if note.refused(what, made):
        return
    with note.trying(what):
        equal(note, what, lab.array(made.value), before, made.warned)
        if array.tobytes() != before.tobytes():
            note.failed(what, "the caller's array was changed")


def values_saved(lab: Lab, note: Notebook, what: str, array: Array, affine: Affine, suffix: str) -> None:
    """A file holds these values. A type that the library cannot make was told already."""
    made = lab.call("make", array, affine.copy())
    if not made.ok:
        return
    back = lab.round_trip(made.value, suffix)
    if note.refused(what, back):
        return
    with note.trying(what):
        got = lab.array(back.value)
        wanted, _ = returned(lab, back.value, array, affine, got.shape)
        equal(note, what, got, wanted, back.warned)


def callers_affine(lab: Lab, note: Notebook, affine: Affine) -> None:
    """The array of the affine stays the caller's: nobody writes into it, and the image does not follow it."""
    what = "the affine that was given"
    given = affine.copy()
    made = lab.call("make", phantom(), given)
    if note.refused(what, made):
        return
    with note.trying(what):
        kept = bool(np.array_equal(given, affine))
        before = lab.places(made.value, corners(SHAPE))
        given[:3, 3] += 100.0
        after = lab.places(made.value, corners(SHAPE))
        follows = not np.array_equal(before, after) and lab.fact("shares_affine") is not True
        no = "the image moves if the caller writes into it later" if kept else "the library writes into it"
        note.judge(what, kept and not follows, "stays the caller's", no, made.warned)


def equal(note: Notebook, what: str, got: Array, wanted: Array, warned: bool) -> None:
    """Values are these, exactly."""
    if got.shape != wanted.shape:
        note.failed(what, f"the shape is {got.shape}, not {wanted.shape}", warned)
        return
    with np.errstate(over="ignore", invalid="ignore"):
        # Python's numbers, because NumPy compares uint64 and int64 as float64.
        pairs = zip(wanted.ravel().tolist(), got.ravel().tolist(), strict=True)
        wrong = [(a, b) for a, b in pairs if a != b and not (a != a and b != b)]  # noqa: PLR0124 - NaN is NaN
    kind = got.dtype.newbyteorder("=").name
    same = kind == wanted.dtype.newbyteorder("=").name
    note.judge(
        what,
        not wrong,
        f"values are kept{'' if same else f', as {kind}'}",
        f"{len(wrong)} values are changed{'' if same else f', they are {kind}'}" + said(wrong),
        warned,
        changed_values=len(wrong),
    )


def said(wrong: list[tuple[Any, Any]]) -> str:
    """What became of the first value that was changed."""
    return f": {wrong[0][0]} became {wrong[0][1]}" if wrong else ""


def read_only(lab: Lab, note: Notebook, affine: Any) -> None:
    """Memory that must not be written is not handed out as writable."""
    what = "made of read-only memory"
    array = phantom(dtype="float32")
    array.flags.writeable = False
    made = lab.call("make", array, affine.copy())
    if note.refused(what, made):
        return
    with note.trying(what):
        got = np.asarray(lab.adapter.array(made.value))
        open_door = bool(np.shares_memory(got, array) and got.flags.writeable)
        note.judge(
            what,
            not open_door,
            "nobody can write into it through the image",
            "the image hands out the same memory as writable",
            made.warned,
        )


def shared(lab: Lab, note: Notebook, affine: Any) -> None:
    """Promises about copies, against addresses. A library may share one layout only: two are tried."""
    shares = {"make": False, "array": False}
    for array in (phantom(dtype="float32"), np.asfortranarray(phantom(dtype="float32"))):
        made = lab.call("make", array, affine.copy())
        if note.refused("shared memory", made):
            return
        with note.trying("shared memory"):
            one, two = (np.asarray(lab.adapter.array(made.value)) for _ in range(2))
            shares["make"] |= bool(np.shares_memory(one, array))
            shares["array"] |= bool(np.shares_memory(one, two))
    for method, promise in (("make", "shares_input"), ("array", "shares_output")):
        note.judge(
            f"memory of {method}",
            shares[method] or lab.fact(promise) is not True,
            "shared" if shares[method] else "copied",
            "copied, though the library promises to share it",
            shared=shares[method],
        )
