"""Does a library agree with others about where voxels are?

`check_spatial_image(adapter)` asks twelve questions: voxel centre or corner, columns of the
direction, LPS or RAS, order of axes, permutations and flips, slices, shear, channels and time,
types and memory, units, resampling and inverses, metadata. `docs/spatial-images.md` says what is
asked and why. Only NumPy is needed; `revoxel.testing.plugin` is a plugin for pytest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from ._adapter import Adapter, NotApplicable, Refused, SpatialImageAdapter
from ._broken import check_adapter
from ._files import SampleFile, sample_files
from ._lab import Lab, Notebook, listening
from ._report import Answer, Measure, NonConformance, Report, Verdict
from .questions import QUESTIONS

__all__ = [
    "QUESTIONS",
    "Adapter",
    "Answer",
    "Measure",
    "NonConformance",
    "NotApplicable",
    "Refused",
    "Report",
    "SampleFile",
    "SpatialImageAdapter",
    "Verdict",
    "check_spatial_image",
    "sample_files",
]


def check_spatial_image(
    adapter: SpatialImageAdapter,
    *,
    strict: bool = False,
    questions: Iterable[int] | None = None,
    files: Iterable[SampleFile] | None = None,
) -> Report:
    """Asks a library the twelve questions, or some of them, and reports the answers.

    Raises nothing for a wrong answer unless `strict`: then `NonConformance`, with everything that
    failed. Questions 1 to 4 must have an answer then (the third, if the adapter declares a frame). An
    adapter that lacks what it needs is refused by `TypeError` or `ValueError`; one whose own code fails,
    by a misspelt name for instance, has failed. `files` replaces the sample files.
    """
    check_adapter(adapter)
    asked = sorted(QUESTIONS) if questions is None else sorted(set(questions))
    for number in asked:
        if number not in QUESTIONS:
            raise ValueError(f"question {number} does not exist: they are 1 to {len(QUESTIONS)}")
    answers = []
    with tempfile.TemporaryDirectory() as scratch:
        lab = Lab(adapter, sample_files() if files is None else list(files), Path(scratch))
        for number in asked:
            title, ask = QUESTIONS[number]
            notebook = Notebook()
            with listening():
                ask(lab, notebook)
            needed = number in (1, 2, 4) or (number == 3 and adapter.frame is not None)
            answers.append(Answer(number, title, tuple(notebook.measures), needed))
    report = Report(
        name=adapter.name,
        version=str(lab.fact("version", "")),
        frame=adapter.frame,
        axis_order=adapter.axis_order,
        notes=tuple(lab.fact("notes", ())),
        answers=tuple(answers),
    )
    if strict:
        report.check()
    return report
