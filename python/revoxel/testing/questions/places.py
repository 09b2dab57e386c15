"""Questions 1 to 4: where voxels are, asked of files and of images made from an array.

Each question looks at one thing and lets the others be wrong, so that a fault shows up in its own
question: the first at the place of one voxel in any frame, the second at steps in either frame,
the third at one place in the declared frame, the fourth at values.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._geometry import (
    Affine,
    Array,
    aligned_affine,
    apply,
    in_voxels,
    oblique_affine,
    permuted,
    phantom,
    window,
)
from .._lab import Lab, Notebook, Outcome

ZERO = np.zeros((1, 3))
MADE = 1e-6


def subjects(lab: Lab, question: int) -> Iterator[tuple[str, Outcome, list[tuple[Array, Affine]], float, bool]]:
    """What is asked about: a name, the image, acceptable answers (to RAS), the tolerance, has a frame."""
    for file in lab.files:
        if question in file.questions:
            variants = [(values[..., 0], affine) for values, affine in lab.variants(file)]
            yield file.name, lab.open(file), variants, file.tolerance_voxels, file.frame is not None
    for name, affine in (
        ("made, axes along the world's", aligned_affine()),
        ("made, oblique", oblique_affine()),
        ("made, mirrored", oblique_affine(-1)),
    ):
        yield name, lab.call("make", phantom(), affine.copy()), [(phantom(), affine)], MADE, True


def centres(lab: Lab, note: Notebook) -> None:
    """Question 1."""
    for what, outcome, variants, tolerance, _ in subjects(lab, 1):
        if note.refused(what, outcome):
            continue
        with note.trying(what):
            place = lab.places(outcome.value, ZERO)
            offsets = []
            for _, affine in variants:
                for signs in itertools.product((1.0, -1.0), repeat=2):
                    turned = np.diag([*signs, 1.0, 1.0]) @ affine
                    offsets.append(in_voxels(turned, place - apply(turned, ZERO))[0])
            offset = min(offsets, key=lambda o: float(np.nan_to_num(np.abs(o), nan=np.inf).max()))
            off = float(np.abs(offset).max())
            corner = bool(np.allclose(np.abs(offset), 0.5, atol=1e-3))
            told = "index (0,0,0) is the corner of the first voxel, not its centre"
            note.judge(
                what,
                off <= tolerance,
                "the place of index (0,0,0) is the centre of the first voxel",
                told if corner else f"index (0,0,0) lies {off:.2g} voxels from where it should",
                outcome.warned,
                voxels_off=off,
            )
    shifted(lab, note)


def shifted(lab: Lab, note: Notebook) -> None:
    """Nearest samples 0.4 voxels beside the centres are the voxels themselves, on both sides."""
    what = "nearest, 0.4 voxels beside the centres"
    if not lab.has("resample"):
        return
    array = phantom()
    made = lab.call("make", array, aligned_affine())
    if note.refused(what, made):
        return
    for side in (-0.4, 0.4):
        affine = aligned_affine()
        affine[:3, 3] = apply(affine, np.full((1, 3), side))[0]
        sampled = lab.call("resample", made.value, affine, array.shape, "nearest")
        if note.refused(f"{what} ({side:+})", sampled):
            continue
        with note.trying(f"{what} ({side:+})"):
            inner = (slice(1, -1),) * 3
            # As the library hands them out: the order of axes belongs to question 4.
            before, got = lab.array(made.value), lab.array(sampled.value)
            wrong = int((got[inner] != before[inner]).sum()) if got.shape == before.shape else array.size
            note.judge(
                f"{what} ({side:+})",
                wrong == 0,
                "the same voxels",
                f"{wrong} inner voxels are others",
                other_voxels=wrong,
            )


def directions(lab: Lab, note: Notebook) -> None:
    """Question 2."""
    ends = np.vstack([ZERO, np.eye(3)])
    for what, outcome, variants, tolerance, _ in subjects(lab, 2):
        if note.refused(what, outcome):
            continue
        with note.trying(what):
            at = lab.places(outcome.value, ends)
            steps = (at[1:] - at[0]).T
            off, affine = steps_off(lab, steps, variants)
            row, _ = steps_off(lab, transposed(steps), variants)
            handed = np.linalg.det(steps) * np.linalg.det(affine[:3, :3])
            if off > tolerance and row <= tolerance:
                no = "rows of the direction are taken for the axes: it is transposed"
            elif off > tolerance and handed < 0:
                no = "left-handed and right-handed are mistaken"
            else:
                no = f"the end of a step lies {off:.2g} voxels from where it should"
            note.judge(what, off <= tolerance, "steps are those of the grid", no, outcome.warned, voxels_off=off)
            if off <= tolerance and lab.has("direction"):
                columns(lab, note, what, outcome.value, steps)


def steps_off(lab: Lab, steps: Affine, variants: list[tuple[Array, Affine]]) -> tuple[float, Affine]:
    """How far these steps (columns) are from the nearest acceptable ones, in voxels; and those."""
    best: tuple[float, Affine] | None = None
    for _, affine_ras in variants:
        for frame in lab.frames():
            affine = lab.in_frame(affine_ras, frame)
            off = np.abs(np.linalg.solve(affine[:3, :3], steps - affine[:3, :3])).max()
            off = float(off) if np.isfinite(off) else float("inf")
            if best is None or off < best[0]:
                best = (off, affine)
    assert best is not None
    return best


def transposed(steps: Affine) -> Affine:
    """The steps of a reader that takes rows of the direction for columns."""
    spacing = np.linalg.norm(steps, axis=0)
    return np.asarray((steps / spacing).T * spacing)


def columns(lab: Lab, note: Notebook, what: str, image: Any, steps: Affine) -> None:
    """The library's own direction and spacing say the same as its places."""
    direction = lab.call("direction", image)
    if direction.ok:
        cosines = np.asarray(direction.value, dtype=np.float64).reshape(3, 3)
        length = np.linalg.norm(steps, axis=0)
        off = float(np.abs(cosines - steps / length).max())
        note.judge(
            f"direction of {what}",
            off <= 1e-6,
            "its columns are the steps",
            f"a column differs from the step of its axis by {off:.2g}",
            difference=off,
        )
    elif direction.broken is not None:
        note.refused(f"direction of {what}", direction)


def world_frame(lab: Lab, note: Notebook) -> None:
    """Question 3: the place of one voxel is nearer to the declared frame's than to the other's."""
    for what, outcome, variants, _, framed in subjects(lab, 3):
        if lab.frame is None or not framed:
            note.refused(what, Outcome(absent="the library does not say how x, y and z lie in the patient"))
            continue
        if note.refused(what, outcome):
            continue
        with note.trying(what):
            place = lab.places(outcome.value, ZERO)
            distance = {
                frame: min(
                    float(np.linalg.norm(place - apply(lab.in_frame(affine, frame), ZERO))) for _, affine in variants
                )
                for frame in lab.frames()
            }
            here, there = lab.frames()
            note.judge(
                what,
                distance[here] < distance[there],
                f"places are {here}",
                f"places are {there}, though {here} is declared",
                outcome.warned,
                # `min` is over the variants; of the declared frame.
                mm_from_declared=distance[here],
            )


def axes(lab: Lab, note: Notebook) -> None:
    """Question 4: values at their indices."""
    for what, outcome, variants, tolerance, _ in subjects(lab, 4):
        if note.refused(what, outcome):
            continue
        with note.trying(what):
            got = lab.array(outcome.value)
            wanted = matching(lab, outcome.value, variants, tolerance)
            order = ", ".join(lab.adapter.axis_order)
            if got.shape == wanted.shape:
                wrong = int((got != wanted).sum())
                no = f"{wrong} of {wanted.size} values are not where they should be"
            else:
                wrong = wanted.size
                no = f"the shape is {got.shape}, not {wanted.shape} (x, y, z)"
            back = got.transpose(2, 1, 0)
            if back.shape == wanted.shape and (back == wanted).all():
                no = f"the axes are reversed: {order} is declared"
            note.judge(what, wrong == 0, f"values at (x, y, z), axes {order}", no, outcome.warned, other_voxels=wrong)
    by_hand(lab, note)


def matching(lab: Lab, image: Any, variants: list[tuple[Array, Affine]], limit: float) -> Array:
    """The values in the order of axes that the places tell.

    Where the places fit no order, that is told by question 2: any order will do here.
    """
    offs = [
        min(lab.deviation(image, lab.in_frame(affine, frame), values.shape) for frame in lab.frames())
        for values, affine in variants
    ]
    best = variants[int(np.argmin(offs))][0]
    if min(offs) > limit:
        got = lab.array(image)
        return next((values for values, _ in variants if np.array_equal(values, got)), best)
    return best


def by_hand(lab: Lab, note: Notebook) -> None:
    """Arrays of other strides: a view that is transposed, reversed and strided."""
    what = "made from a strided view"
    large = phantom((9, 14, 10))
    order, cuts = (2, 0, 1), (slice(None, None, 2), slice(None, None, -1), slice(None))
    view = large.transpose(order)[cuts]
    affine = window(permuted(aligned_affine(), order), large.transpose(order).shape, cuts)
    made = lab.call("make", view, affine)
    if note.refused(what, made):
        return
    with note.trying(what):
        got = lab.array(made.value)
        same = got.shape == view.shape and bool((got == view).all())
        note.judge(what, same, "values at (x, y, z)", "the strides of the view are not followed")
