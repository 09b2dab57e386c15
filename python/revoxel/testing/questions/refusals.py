"""Questions 7 and 10: what cannot be held, or cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._geometry import Affine, aligned_affine, oblique_affine, phantom, sheared_affine
from .._lab import Lab, Notebook, Outcome
from .moves import agree, tolerance


def shear(lab: Lab, note: Notebook) -> None:
    """Question 7."""
    affine = sheared_affine()
    array = phantom()
    made = lab.call("make", array, affine.copy())
    if not note.refused("made, sheared", made):
        kept(lab, note, "made, sheared", made, affine, 1e-6)
        for suffix in lab.suffixes:
            what = f"sheared, saved as {suffix}"
            back = lab.round_trip(made.value, suffix)
            if not note.refused(what, back):
                kept(lab, note, what, back, affine, tolerance(suffix))
    for file in lab.files:
        if 7 in file.questions:
            opened = lab.open(file)
            if note.refused(file.name, opened):
                continue
            with note.trying(file.name):
                _, wanted, off = lab.nearest(opened.value, file)
                judge_shear(note, file.name, opened, off, file.tolerance_voxels, steps(lab, opened.value), wanted)


def kept(lab: Lab, note: Notebook, what: str, outcome: Outcome, affine_ras: Affine, limit: float) -> None:
    """An image on this sheared grid."""
    with note.trying(what):
        frames = lab.frames() if lab.frame is None else lab.frames()[:1]
        off, affine = min(
            (
                (
                    lab.deviation(outcome.value, lab.in_frame(affine_ras, f), phantom().shape),
                    lab.in_frame(affine_ras, f),
                )
                for f in frames
            ),
            key=lambda pair: pair[0],
        )
        judge_shear(note, what, outcome, off, limit, steps(lab, outcome.value), affine)


def steps(lab: Lab, image: Any) -> Affine:
    """The steps of the three axes, in columns."""
    at = lab.places(image, np.vstack([np.zeros((1, 3)), np.eye(3)]))
    return np.asarray((at[1:] - at[0]).T)


def judge_shear(
    note: Notebook, what: str, outcome: Outcome, off: float, limit: float, got: Affine, affine: Affine
) -> None:
    """Says what became of the shear."""
    unit = got / np.linalg.norm(got, axis=0)
    right_angles = bool(np.abs(unit.T @ unit - np.eye(3)).max() < 1e-3)
    no = "the shear is dropped: the axes are made orthogonal" if right_angles else "the shear is another"
    note.judge(
        what,
        off <= limit,
        "the shear is kept",
        f"{no}, voxels are up to {off:.2g} voxels off",
        outcome.warned,
        voxels_off=off,
    )


def units(lab: Lab, note: Notebook) -> None:
    """Question 10."""
    for file in lab.files:
        if 10 not in file.questions:
            continue
        opened = lab.open(file)
        what = file.name
        if note.refused(what, opened):
            continue
        with note.trying(what):
            if file.refuse is not None:
                impossible(lab, note, what, opened, file.refuse)
                continue
            _, affine, off = lab.nearest(opened.value, file)
            ratio = float(np.cbrt(np.abs(np.linalg.det(steps(lab, opened.value)) / np.linalg.det(affine[:3, :3]))))
            note.judge(
                what,
                off <= file.tolerance_voxels,
                "places are in mm",
                f"places are taken as mm without a look at the unit: steps are {ratio:.3g} times too long"
                if abs(ratio - 1) > 1e-3
                else f"voxels are up to {off:.2g} voxels off",
                opened.warned,
                times_too_long=ratio,
            )
    for what, value in (("made with a spacing of 0", 0.0), ("made with a spacing of NaN", np.nan)):
        affine = aligned_affine()
        affine[:3, 1] *= value
        made = lab.call("make", phantom(), affine)
        if not note.refused(what, made):
            with note.trying(what):
                impossible(lab, note, what, made, "zero spacing" if value == 0 else "NaN spacing")
    single_precision(lab, note)


def impossible(lab: Lab, note: Notebook, what: str, outcome: Outcome, reason: str) -> None:
    """A file or an affine that has no grid was taken."""
    step = steps(lab, outcome.value)
    if np.isfinite(step).all() and abs(np.linalg.det(step)) > 1e-9:
        lengths = " × ".join(f"{v:.3g}" for v in np.linalg.norm(step, axis=0))
        told = f"{reason} is replaced: the voxels become {lengths} mm"
    elif np.isfinite(step).all():
        told = f"{reason} is taken: different voxels lie at one place"
    else:
        told = f"{reason} is taken: places are NaN"
    note.failed(what, told, outcome.warned)


def single_precision(lab: Lab, note: Notebook) -> None:
    """Far from the origin, through a header of single precision."""
    affine = oblique_affine()
    affine[:3, 3] = (1234.56789, -987.654321, 345.678912)
    array = phantom()
    for suffix in lab.suffixes:
        what = f"1.6 m from the origin, saved as {suffix}"
        made = lab.call("make", array, affine.copy())
        back = lab.round_trip(made.value, suffix) if made.ok else made
        if not note.refused(what, back):
            with note.trying(what):
                same, off = agree(lab, back.value, array, affine)
                note.judge(
                    what,
                    same and off <= 1e-3,
                    "places come back",
                    f"voxels are up to {off:.2g} voxels off",
                    voxels_off=off if same else 0.0,
                )
