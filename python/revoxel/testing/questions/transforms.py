"""Questions 11 and 12: resampling, inverses, and what else an image carries."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._geometry import (
    WIDE,
    WITHIN,
    Affine,
    Array,
    aligned_affine,
    apply,
    grid_within,
    in_voxels,
    oblique_affine,
    phantom,
)
from .._lab import Lab, Notebook, Outcome
from .moves import BOX, CUTS


def resampling(lab: Lab, note: Notebook) -> None:
    """Question 11."""
    if lab.has("resample"):
        for mode in ("nearest", "linear"):
            identity(lab, note, mode)
        for mode in ("nearest", "linear"):
            elsewhere(lab, note, mode)
        ties(lab, note)
    else:
        note.refused("resample", Outcome(absent="the library has no resampling onto a grid"))
    there_and_back(lab, note)


def identity(lab: Lab, note: Notebook, mode: str) -> None:
    """Onto the same grid."""
    what = f"onto the same grid, {mode}"
    array = phantom(dtype="float32")
    made = lab.call("make", array, oblique_affine())
    same = lab.call("resample", made.value, oblique_affine(), array.shape, mode) if made.ok else made
    if note.refused(what, same):
        return
    with note.trying(what):
        got = lab.array(same.value)
        if got.shape != array.shape:
            note.failed(what, f"the shape is {got.shape}, not {array.shape}")
            return
        difference = np.abs(got.astype(np.float64) - array) / float(np.ptp(array))
        off = float(difference.max())
        limit = 0.0 if mode == "nearest" else 1e-5
        changed = int((difference > limit).sum())
        outside = changed and not (difference[1:-1, 1:-1, 1:-1] > limit).any()
        # Linear in single precision: half an ulp of an index, times the slope between neighbours.
        note.judge(
            what,
            changed == 0,
            "values stay",
            f"{changed} of {array.size} values change, by up to {off:.2g} of their range"
            + (", all on the outer faces" if outside else ""),
            share_of_range=off,
            changed_values=changed,
        )


def elsewhere(lab: Lab, note: Notebook, mode: str) -> None:
    """Onto grids within the image, of other voxel sizes, number and rotation."""
    for name, affine, turned in GRIDS:
        what = f"onto {name}, {mode}"
        array = phantom(WIDE, "float32")
        made = lab.call("make", array, affine.copy())
        if made.absent is not None:
            # A library without a direction is asked about the others.
            continue
        onto = grid_within(affine, turned)
        sampled = lab.call("resample", made.value, onto.copy(), WITHIN, mode) if made.ok else made
        if note.refused(what, sampled):
            continue
        with note.trying(what):
            got = lab.array(sampled.value)
            if got.shape != WITHIN:
                note.failed(what, f"the shape is {got.shape}, not {WITHIN}", sampled.warned)
                continue
            off = lab.misplaced(sampled.value, onto, WITHIN)
            wrong = others(got, affine, onto, mode)
            note.judge(
                what,
                off <= 1e-6 and wrong == 0,
                "the grid is that one, and values are those of its places",
                f"the grid is another: voxels are up to {off:.2g} voxels off"
                if off > 1e-6
                else f"{wrong} of {got.size} values are not those of their places",
                sampled.warned,
                voxels_off=off,
                other_values=wrong,
            )


# What is resampled, and whether the grid is turned. The last are for libraries without a direction.
GRIDS: tuple[tuple[str, Affine, bool], ...] = (
    ("another grid", oblique_affine(), True),
    ("another grid, of a mirrored image", oblique_affine(-1), True),
    ("other voxel sizes", aligned_affine(), False),
)


def others(got: Array, affine: Affine, onto: Affine, mode: str) -> int:
    """How many values are not those of the image of WIDE voxels at their places.

    Halfway between two voxels, nearest may take either. The phantom grows evenly along every axis, so that
    linear interpolation gives a value that is known without interpolating.
    """
    indices = np.indices(WITHIN).reshape(3, -1).T.astype(np.float64)
    at = in_voxels(affine, apply(onto, indices) - affine[:3, 3])
    sure = np.ones(len(at), bool)
    if mode == "nearest":
        sure = np.asarray(np.abs(at % 1 - 0.5).min(axis=1) > 0.05)
        at = np.rint(at)
    wanted = 1 + at @ np.array([1.0, 10.0, 100.0])
    # Linear in single precision, as for the same grid.
    limit = 0.0 if mode == "nearest" else 1e-5 * float(np.ptp(phantom(WIDE)))
    return int((np.abs(got.astype(np.float64).ravel() - wanted)[sure] > limit).sum())


def ties(lab: Lab, note: Notebook) -> None:
    """Nearest halfway between voxels. Spacings are powers of two, so that halves are exact.

    Any rule will do, if the library documents none; a value of neither voxel will not.
    """
    affine = np.diag([0.5, 1.0, 2.0, 1.0])
    array = phantom(dtype="float32")
    made = lab.call("make", array, affine.copy())
    told = lab.fact("ties")
    for axis in range(3):
        onto = affine.copy()
        onto[:3, 3] = affine[:3, axis] / 2
        what = f"nearest at halves, axis {'xyz'[axis]}"
        sampled = lab.call("resample", made.value, onto, array.shape, "nearest") if made.ok else made
        if note.refused(what, sampled):
            continue
        with note.trying(what):
            # The last sample lies beyond the last centre, where libraries fill in what they like.
            got = np.moveaxis(lab.array(sampled.value), axis, 0)[:-1]
            rule = rule_of(got, np.moveaxis(array, axis, 0))
            if rule is None:
                note.failed(what, "takes a value of neither voxel")
            else:
                note.judge(what, told is None or f" {told} " in rule, rule, f"{rule}, but {told} is documented")


def rule_of(got: Any, array: Any) -> str | None:
    """Which of two neighbours the first axis takes, None if another value."""
    lower, upper = array[:-1], array[1:]
    if got.shape != lower.shape or not ((got == lower) | (got == upper)).all():
        return None
    at = np.arange(len(lower)).reshape(-1, 1, 1)
    for rule, wanted in (("lower", lower), ("upper", upper), ("even", np.where(at % 2 == 0, lower, upper))):
        if np.array_equal(got, wanted):
            return f"takes the {rule} index"
    return "no fixed rule: now the lower, now the upper index"


def there_and_back(lab: Lab, note: Notebook) -> None:
    """Index to place to index."""
    if not lab.has("index"):
        note.refused("index of a place", Outcome(absent="the library has no way from a place to an index"))
        return
    # The second lies outside: a line goes on.
    points = [(0.0, 0.0, 0.0), (-1.25, 7.5, 11.0), (3.3, 2.7, 6.9), (4.0, 6.0, 8.0)]
    for name, affine in (
        ("axes along the world's", aligned_affine()),
        ("oblique", oblique_affine()),
        ("mirrored", oblique_affine(-1)),
    ):
        made = lab.call("make", phantom(), affine)
        what = f"index of a place, {name}"
        if note.refused(what, made):
            continue
        with note.trying(what):
            off = 0.0
            for point in points:
                place = lab.adapter.world(made.value, point)
                back = np.asarray(lab.fact("index")(made.value, place), dtype=np.float64).ravel()
                off = max(off, float(np.abs(back - point).max()))
            note.judge(what, off <= 1e-6, "comes back", f"comes back {off:.2g} voxels beside", voxels_off=off)


def metadata(lab: Lab, note: Notebook) -> None:
    """Question 12."""
    if lab.has("spacing"):
        for name, affine in (("oblique", oblique_affine()), ("mirrored", oblique_affine(-1))):
            spacing_of(lab, note, f"spacing, {name}", lab.call("make", phantom(), affine))
        spacing_of(lab, note, "spacing, axes along the world's", lab.call("make", phantom(), aligned_affine()))
    else:
        note.refused("spacing", Outcome(absent="the library states no spacing"))
    kinds(lab, note)


def spacing_of(lab: Lab, note: Notebook, what: str, made: Outcome) -> None:
    """The stated spacing is positive, and right."""
    if note.refused(what, made):
        return
    given = lab.call("spacing", made.value)
    if note.refused(what, given):
        return
    with note.trying(what):
        spacing = np.asarray(given.value, dtype=np.float64).ravel()
        off = float(np.abs(spacing - np.array([0.7, 1.1, 2.3])).max())
        told = " × ".join(f"{v:.3g}" for v in spacing)
        note.judge(what, off <= 1e-6, "positive, as made", f"is {told}, not 0.7 × 1.1 × 2.3", mm_off=off)


def kinds(lab: Lab, note: Notebook) -> None:
    """A label map stays one."""
    affine: Affine = oblique_affine()
    made = lab.call("make_labels", phantom(), affine)
    if note.refused("kind", made):
        return
    before = lab.call("kind", made.value)
    if note.refused("kind", before):
        return
    image = lab.call("make", phantom(), affine)
    if image.ok:
        plain = lab.call("kind", image.value)
        if not note.refused("kind of an image", plain):
            told = f"a label map and an image are both {before.value}"
            note.judge("kind of an image", plain.value != before.value, f"is {plain.value}", told)
    labels_stay(lab, note, affine)
    tries: list[tuple[str, Outcome]] = []
    if lab.has("slice"):
        tries.append(("indexing", lab.call("slice", made.value, CUTS["a box"])))
    if lab.has("crop"):
        tries.append(("crop", lab.call("crop", made.value, *BOX)))
    if lab.has("flip"):
        tries.append(("flip", lab.call("flip", made.value, 1)))
    if lab.has("resample"):
        tries.append(("resampling", lab.call("resample", made.value, affine, (5, 7, 9), "nearest")))
    tries += [(f"saving as {s}", lab.round_trip(made.value, s)) for s in lab.fact("kind_in_files", ())]
    for name, outcome in tries:
        what = f"kind after {name}"
        if note.refused(what, outcome):
            continue
        if isinstance(outcome.value, np.ndarray):
            note.refused(what, Outcome(refusal="gives an array without a kind"))
            continue
        after = lab.call("kind", outcome.value)
        if not note.refused(what, after):
            same = after.value == before.value
            note.judge(what, same, f"still {before.value}", f"{before.value} became {after.value}")


def labels_stay(lab: Lab, note: Notebook, affine: Affine) -> None:
    """Labels that are resampled by nearest are labels of the map: none lies between two."""
    if not lab.has("resample"):
        return
    what = "labels after resampling"
    made = lab.call("make_labels", phantom(WIDE), affine.copy())
    onto = grid_within(affine, True)
    sampled = lab.call("resample", made.value, onto.copy(), WITHIN, "nearest") if made.ok else made
    if note.refused(what, sampled):
        return
    with note.trying(what):
        got = lab.array(sampled.value)
        # A grid of another shape is told by question 11.
        if got.shape == WITHIN:
            wrong = others(got, affine, onto, "nearest")
            no = f"{wrong} of {got.size} labels are not those of the nearest voxels"
            note.judge(what, wrong == 0, "are those of the nearest voxels", no, other_labels=wrong)
