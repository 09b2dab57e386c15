"""The sample files and their expected answers."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._geometry import Affine, Array

FOLDER = Path(__file__).parent / "files"


@dataclass(frozen=True, eq=False)
class SampleFile:
    """A tiny file (or folder of slices) and what it holds."""

    name: str
    path: Path
    format: str
    """nifti, nrrd, metaimage, dicom or ome-zarr."""
    says: str
    questions: tuple[int, ...]
    """The questions that use this file."""
    shape: tuple[int, int, int]
    channels: int
    frame: str | None
    """`patient`, or None where the format does not say how x, y and z lie in the patient."""
    affine_ras: Affine | None
    """Index (x, y, z) to RAS+ mm, None if the file must be refused."""
    other_affines_ras: tuple[Affine, ...]
    """Answers that are as good, where a file says two things."""
    axis_order_free: bool
    """The format does not fix the order and signs of the axes."""
    tolerance_voxels: float
    """What the numbers of the header can hold."""
    refuse: str | None
    """Why a reader should refuse the file."""
    values: Array
    """(x, y, z, channel), after slope and intercept."""

    @property
    def affines_ras(self) -> tuple[Affine, ...]:
        return () if self.affine_ras is None else (self.affine_ras, *self.other_affines_ras)


def load(answers: Path) -> SampleFile:
    """Reads the JSON beside a sample file."""
    document = json.loads(answers.read_text(encoding="utf-8"))
    x, y, z = document["shape_xyz"]
    channels = document["channels"]
    affine = document["affine_ras"]
    return SampleFile(
        name=document["file"],
        path=answers.parent / document["file"],
        format=document["format"],
        says=document["says"],
        questions=tuple(document["questions"]),
        shape=(x, y, z),
        channels=channels,
        frame=document["frame"],
        affine_ras=None if affine is None else np.array(affine, dtype=np.float64),
        other_affines_ras=tuple(np.array(m, dtype=np.float64) for m in document["other_affines_ras"]),
        axis_order_free=document["axis_order_free"],
        tolerance_voxels=document["tolerance_voxels"],
        refuse=document["refuse"],
        values=np.array(document["values"]).reshape((x, y, z, channels), order="F"),
    )


@functools.cache
def _all(folder: Path) -> tuple[SampleFile, ...]:
    return tuple(load(path) for path in sorted(folder.glob("*.json")))


def sample_files(
    question: int | None = None, formats: Iterable[str] | None = None, folder: Path = FOLDER
) -> list[SampleFile]:
    """All sample files, or those of one question, or of some formats."""
    wanted = None if formats is None else set(formats)
    return [
        file
        for file in _all(folder)
        if (question is None or question in file.questions) and (wanted is None or file.format in wanted)
    ]
