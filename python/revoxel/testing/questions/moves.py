"""Questions 5 and 6: the geometry goes where the voxels go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._geometry import (
    Affine,
    Array,
    aligned_affine,
    corners,
    oblique_affine,
    orders,
    permuted,
    phantom,
    reordered,
    window,
)
from .._lab import Lab, Notebook, Outcome
from .._report import Verdict

# What headers of single precision hold, and what text or doubles hold.
TOLERANCE = {".nii": 1e-3, ".nii.gz": 1e-3, ".mgz": 1e-3}


def tolerance(suffix: str) -> float:
    """What the header of such a file holds, in voxels."""
    return TOLERANCE.get(suffix, 1e-6)


def agree(lab: Lab, image: Any, array: Array, affine_ras: Affine) -> tuple[bool, float]:
    """Whether the values are these, and how far the corners are off, in voxels.

    Where a library gives the axes another order, the values may be too, if they go together.
    """
    best: tuple[bool, float] = (False, float("inf"))
    got = lab.array(image)
    places = lab.places(image, corners(got.shape))
    for order, flips in orders():
        turned, moved = reordered(array, affine_ras, order, flips)
        if turned.shape != got.shape or not np.array_equal(turned, got):
            continue
        for frame in lab.frames() if lab.frame is None else lab.frames()[:1]:
            affine = lab.in_frame(moved, frame)
            wanted = corners(got.shape) @ affine[:3, :3].T + affine[:3, 3]
            off = float(np.abs(np.linalg.solve(affine[:3, :3], (places - wanted).T)).max())
            if not best[0] or off < best[1]:
                best = (True, off if np.isfinite(off) else float("inf"))
    return best


def returned(lab: Lab, image: Any, array: Array, affine_ras: Affine, got: Sequence[int]) -> tuple[Array, float]:
    """What the values of a file should be, in the order of axes that the places tell, and how far corners are off.

    A format may give the axes another order. `got` is the shape that came back. Channels may be last.
    """
    best: tuple[Array, float] = (array, float("inf"))
    for order, flips in orders():
        turned, moved = reordered(array, affine_ras, order, flips)
        if turned.shape[:3] != tuple(got[:3]):
            continue
        off = lab.misplaced(image, moved, turned.shape[:3])
        if off < best[1]:
            best = (turned, off)
    return best


def permutations(lab: Lab, note: Notebook) -> None:
    """Question 5."""
    if not lab.suffixes:
        note.refused("save", Outcome(absent="the library saves no images"))
    bases = {"right-handed": oblique_affine(), "left-handed": oblique_affine(-1)}
    if lab.call("make", phantom(), oblique_affine()).absent is not None:
        # Without a direction, the flips remain.
        bases = {"axes along the world's": aligned_affine()}
    for suffix in lab.suffixes:
        for name, base in bases.items():
            one_base(lab, note, suffix, name, base)


def one_base(lab: Lab, note: Notebook, suffix: str, name: str, base: Affine) -> None:
    """The 48 orders and flips of one grid."""
    what = f"{suffix}, {name}"
    wrong, worst, tried = 0, 0.0, 0
    refusals: list[Outcome] = []
    with note.trying(what):
        for order, flips in orders():
            array, affine = reordered(phantom(), base, order, flips)
            made = lab.call("make", array, affine.copy())
            back = lab.round_trip(made.value, suffix) if made.ok else made
            if not back.ok:
                refusals += [back] if back.absent is None else []
                continue
            tried += 1
            same, off = agree(lab, back.value, array, affine)
            worst = max(worst, off)
            wrong += not (same and off <= tolerance(suffix))
        if tried:
            note.judge(
                what,
                wrong == 0,
                f"{tried} come back",
                f"{wrong} of {tried} come back with other places or values",
                voxels_off=worst,
                wrong=wrong,
            )
    if refusals:
        # A fault of the adapter is told before what the library refuses.
        told = next((outcome for outcome in refusals if outcome.broken is not None), refusals[0])
        note.refused(f"{what}, {len(refusals)} of 48", told)


CUTS: dict[str, tuple[slice, slice, slice]] = {
    "a box": (slice(1, 4), slice(2, 6), slice(3, 8)),
    "strides": (slice(None, None, 2), slice(1, None, 3), slice(None, None, 4)),
    "one axis reversed": (slice(None), slice(None, None, -1), slice(None)),
    "box, stride and reversed": (slice(1, 4), slice(None, None, -1), slice(None, None, 2)),
    "counted from the end": (slice(-4, None), slice(1, -2), slice(-7, -1)),
}
BOX = ((1, 2, 3), (4, 6, 8))


def slicing(lab: Lab, note: Notebook) -> None:
    """Question 6."""
    array = phantom()
    for name, affine in (("", oblique_affine()), (", axes along the world's", aligned_affine())):
        made = lab.call("make", array, affine.copy())
        if made.absent is not None:
            # A library without a direction is asked about the other grid.
            continue
        if note.refused(f"made{name}", made):
            continue
        before = len(note.measures)
        for what, cuts in CUTS.items():
            sliced = lab.call("slice", made.value, cuts)
            compare(
                lab,
                note,
                f"indexing, {what}{name}",
                sliced,
                array[cuts],
                window(affine, array.shape, cuts),
                affine,
            )
        start, stop = BOX
        cuts = (slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2]))
        if lab.has("crop"):
            cropped = lab.call("crop", made.value, start, stop)
            compare(lab, note, f"crop{name}", cropped, array[cuts], window(affine, array.shape, cuts), affine)
        if lab.has("flip"):
            for axis in range(3):
                back = [slice(None)] * 3
                back[axis] = slice(None, None, -1)
                flipped = lab.call("flip", made.value, axis)
                wanted = window(affine, array.shape, back)
                compare(lab, note, f"flip of axis {axis}{name}", flipped, array[tuple(back)], wanted, affine)
        if lab.has("transpose"):
            order = (2, 0, 1)
            turned = lab.call("transpose", made.value, order)
            compare(
                lab,
                note,
                f"transpose{name}",
                turned,
                array.transpose(order),
                permuted(affine, order),
                affine,
            )
        if any(measure.verdict in (Verdict.PASS, Verdict.FAIL) for measure in note.measures[before:]):
            untouched(lab, note, f"the image itself{name}", made.value, array, affine)


def untouched(lab: Lab, note: Notebook, what: str, image: Any, array: Array, affine: Affine) -> None:
    """The image that was sliced, flipped and so on is as it was made."""
    with note.trying(what):
        got = lab.array(image)
        same = got.shape == array.shape and bool(np.array_equal(got, array))
        off = lab.misplaced(image, affine, array.shape)
        no = "is changed by what is made of it: " + ("it lies elsewhere" if same else "its values are others")
        note.judge(what, same and off <= 1e-6, "stays as it was made", no)


def compare(
    lab: Lab, note: Notebook, what: str, outcome: Outcome, array: Array, affine: Affine, before: Affine
) -> None:
    """Voxels and geometry went the way that was asked for: a slice, a flip and an order of axes say which."""
    if note.refused(what, outcome):
        return
    if isinstance(outcome.value, np.ndarray):
        note.refused(what, Outcome(refusal="gives an array without geometry"))
        return
    with note.trying(what):
        got = lab.array(outcome.value)
        same = got.shape == array.shape and bool(np.array_equal(got, array))
        off = lab.misplaced(outcome.value, affine, got.shape)
        stayed = lab.misplaced(outcome.value, before, array.shape) <= 1e-6
        if not same and agree(lab, outcome.value, array, affine)[0]:
            no = "axes have another order or direction than was asked for"
        elif not same:
            no = "values are others than those of the indices"
        elif stayed:
            no = f"voxels move, the geometry stays: {off:.2g} voxels off"
        else:
            no = f"voxels and geometry move differently: {off:.2g} voxels off"
        note.judge(
            what,
            same and off <= 1e-6,
            "geometry moves with the voxels",
            no,
            outcome.warned,
            # Of other voxels if the values are others.
            **({"voxels_off": off} if same else {}),
        )
