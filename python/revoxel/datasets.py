"""Datasets: cases found, run on all cores, brought home and scored, as the program does it.

Every function starts the program of this package, so it does the same as the command of its name, holds no lock of Python,
and leaves whole files behind when it is interrupted. A pipeline is the path of a file, or a :class:`revoxel.Pipeline`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from revoxel._core import Pipeline
from revoxel._errors import RevoxelError
from revoxel._program import Progress, StrPath, call, pipeline_file

__all__ = ["CasesError", "cases", "invert_all", "run", "score", "status"]


class CasesError(RevoxelError):
    """Some cases failed. ``summary`` tells of all cases, as the functions return it where none failed."""

    summary: dict[str, Any]

    def __init__(self, message: str, summary: dict[str, Any]) -> None:
        super().__init__(message)
        self.summary = summary


def cases(
    pipeline: StrPath | Pipeline,
    data: StrPath,
    *,
    set: Mapping[str, Any] | None = None,
    cases: str | Iterable[str] | None = None,
    allow_outside: bool = False,
) -> list[dict[str, Any]]:
    """The cases of a dataset: for each a dictionary with its name under ``case`` and its files under the keys of the inputs,
    relative to ``data``.

    Raises:
        RevoxelError: if the list of cases is wrong, or a case lacks a file.
    """
    with pipeline_file(pipeline) as path:
        options = _options(set=_assignments(set), case=cases, allow_outside=allow_outside)
        _, document = call(["cases", path, *_options(data=data), *options], progress=False)
    if document["problems"]:
        raise CasesError("\n".join(found["problem"] for found in document["problems"]), document)
    found: list[dict[str, Any]] = document["cases"]
    return found


def run(
    pipeline: StrPath | Pipeline,
    data: StrPath,
    out: StrPath,
    *,
    set: Mapping[str, Any] | None = None,
    seed: int | None = None,
    snap: bool = False,
    cases: str | Iterable[str] | None = None,
    shard: tuple[int, int] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    keep_going: bool = False,
    retries: int = 0,
    jobs: int | None = None,
    threads: int | None = None,
    memory: int | str | None = None,
    allow_outside: bool = False,
    progress: Progress = None,
) -> dict[str, Any]:
    """Run a pipeline on a dataset. Every case is checked before the first file is written.

    ``progress`` is called with the number of cases that ended, the number of all, and the name of the last one; None is a
    bar of tqdm on a terminal, where tqdm is installed. The result has ``cases``, each with its ``outcome``, files and seconds.

    Raises:
        CasesError: if a case fails; with ``keep_going`` only if none could be run, else the result tells.
        PipelineError: if the pipeline is wrong.
        RevoxelError: if the command or the data is wrong; nothing was written then.
        KeyboardInterrupt: what was done is whole; ``resume=True`` goes on.
    """
    with pipeline_file(pipeline) as path:
        options = _options(
            set=_assignments(set), seed=seed, snap=snap, case=cases, resume=resume, overwrite=overwrite,
            shard=None if shard is None else f"{shard[0]}/{shard[1]}",
            keep_going=keep_going, retries=retries or None, jobs=jobs, threads=threads, memory=memory,
            allow_outside=allow_outside,
        )  # fmt: skip
        code, summary = call(["run", path, *_options(data=data, out=out), *options], progress)
    return _judged(code, summary, keep_going)


def invert_all(
    run: StrPath,
    predictions: StrPath | Iterable[StrPath],
    out: StrPath,
    *,
    restore: str | None = None,
    volume: str | None = None,
    kind: str | None = None,
    interpolation: str | None = None,
    activation: str | None = None,
    argmax: bool = False,
    regions: Iterable[int] | None = None,
    threshold: float | None = None,
    values: bool = False,
    clamp: bool = False,
    fill: float | None = None,
    dtype: str | None = None,
    weights: Iterable[float] | None = None,
    axes: str | None = None,
    assume_grid: bool = False,
    onto: Literal["slices", "regular"] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    keep_going: bool = False,
    jobs: int | None = None,
    threads: int | None = None,
    memory: int | str | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Bring all predictions of a run home. ``run`` is the folder that :func:`run` wrote into, ``predictions`` a folder (or
    one for each fold) with a file for each case, ``out`` the folder of the results.

    The result has ``cases``, and the predictions without a case (``no_case``) and the cases without a prediction
    (``no_prediction``).

    Raises:
        CasesError: if a case fails or has no prediction; with ``keep_going`` the result tells.
        RevoxelError: if the command, a trace or a prediction is wrong.
    """
    given = [predictions] if isinstance(predictions, (str, os.PathLike)) else list(predictions)
    options = _options(
        restore=restore, volume=volume, kind=kind, interpolation=interpolation, activation=activation, argmax=argmax,
        regions=_listed(regions), threshold=threshold, values=values, clamp=clamp, fill=fill, dtype=dtype,
        weights=_listed(weights), axes=axes, assume_grid=assume_grid, onto=onto, resume=resume, overwrite=overwrite,
        keep_going=keep_going, jobs=jobs, threads=threads, memory=memory,
    )  # fmt: skip
    places = [os.fspath(place) for place in [run, *given]]
    code, summary = call(["invert", *places, *_options(out=out), *options], progress)
    return _judged(code, summary, keep_going)


def score(
    results: StrPath,
    *,
    reference: StrPath | None = None,
    run: StrPath | None = None,
    key: str | None = None,
    data: StrPath | None = None,
    tolerance_mm: float = 1.0,
    csv: StrPath | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Score label maps against references: a folder (``reference``), or the label maps that a run read (``run``). For each
    case and label Dice, distances, volumes and pieces, and for each label mean, spread and worst cases.

    Raises:
        CasesError: if a case cannot be scored.
        RevoxelError: if the command is wrong.
    """
    options = _options(
        reference=reference, run=run, key=key, data=data, tolerance_mm=tolerance_mm, csv=csv, overwrite=overwrite,
        threads=threads,
    )  # fmt: skip
    code, summary = call(["score", os.fspath(results), *options], progress)
    failed = [f"case {case['case']}: {case['problem']}" for case in summary["cases"] if case.get("problem")]
    if failed:
        raise CasesError("\n".join(failed), summary)
    if code != 0:
        raise CasesError("not every label map has its counterpart: see `no_reference` and `no_result`", summary)
    return dict(summary)


def status(out: StrPath, *, data: StrPath | None = None) -> dict[str, Any]:
    """Which cases of a run are done, stale, failed or missing: ``counts``, and ``cases`` with the reasons."""
    _, document = call(["status", os.fspath(out), *_options(data=data)], progress=False)
    return dict(document)


def _judged(code: int, summary: dict[str, Any], keep_going: bool) -> dict[str, Any]:
    """The summary, unless cases failed and nobody said that the others are to go on."""
    failed = [f"case {case['case']}: {case['problem']}" for case in summary["cases"] if case.get("problem")]
    good = len(summary["cases"]) - len(failed) + len(summary.get("done_already", []))
    if code == 0 or (keep_going and good > 0):
        return summary
    lacking = [f"no prediction for {case}" for case in summary.get("no_prediction", [])]
    raise CasesError("\n".join([*failed, *lacking]) or "not all cases were run", summary)


def _assignments(values: Mapping[str, Any] | None) -> list[str]:
    return [f"{path}={json.dumps(value)}" for path, value in (values or {}).items()]


def _listed(values: Iterable[float] | None) -> str | None:
    return None if values is None else ",".join(f"{value:g}" for value in values)


def _options(**values: Any) -> list[str]:
    """Options of the program. What is None or False is left out; a list is an option for each item."""
    options: list[str] = []
    for name, value in values.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            options.append(flag)
        elif isinstance(value, (str, os.PathLike)):
            options.append(f"{flag}={os.fspath(value)}")
        elif isinstance(value, (int, float)) and value is not False:
            options.append(f"{flag}={value!r}")
        elif value is not None and value is not False:
            options.extend(f"{flag}={item}" for item in value)
    return options
