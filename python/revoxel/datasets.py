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
from revoxel._program import FLAGS, Progress, StrPath, call, in_python, pipeline_file, plain, positional, whole_number

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
        RevoxelError: if the list of cases is wrong, a case lacks a file, or the name of one is not UTF-8.
    """
    options = _options(set=_assignments(set), case=_names(cases), allow_outside=allow_outside)
    with pipeline_file(pipeline) as path:
        _, document = call(["cases", path, *_options(data=data), *options], progress=False)
    if document["problems"]:
        raise CasesError("\n".join(found["problem"] for found in document["problems"]), document)
    found: list[dict[str, Any]] = document["cases"]
    for case in found:
        _check_names(case, data)
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
    options = _options(
        set=_assignments(set), seed=seed, snap=snap, case=_names(cases), resume=resume, overwrite=overwrite,
        shard=_shard(shard), keep_going=keep_going, retries=whole_number("retries", retries, 0) or None, jobs=jobs,
        threads=threads, memory=memory, allow_outside=allow_outside,
    )  # fmt: skip
    with pipeline_file(pipeline) as path:
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
        regions=_listed("regions", regions), threshold=threshold, values=values, clamp=clamp, fill=fill, dtype=dtype,
        weights=_listed("weights", weights), axes=axes, assume_grid=assume_grid, onto=onto, resume=resume, overwrite=overwrite,
        keep_going=keep_going, jobs=jobs, threads=threads, memory=memory,
    )  # fmt: skip
    places = [positional(place) for place in [run, *given]]
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
    code, summary = call(["score", positional(results), *options], progress)
    failed = _problems(summary)
    if failed:
        raise CasesError("\n".join(failed), summary)
    if code != 0:
        raise CasesError("not every label map has its counterpart: see `no_reference` and `no_result`", summary)
    return dict(summary)


def status(out: StrPath, *, data: StrPath | None = None) -> dict[str, Any]:
    """Which cases of a run are done, stale, failed or missing: ``counts``, and ``cases`` with the reasons."""
    _, document = call(["status", positional(out), *_options(data=data)], progress=False)
    return dict(document)


def _judged(code: int, summary: dict[str, Any], keep_going: bool) -> dict[str, Any]:
    """The summary, unless cases failed and nobody said that the others are to go on."""
    failed = _problems(summary)
    good = len(summary["cases"]) - len(failed) + len(summary.get("done_already", []))
    if code == 0 or (keep_going and good > 0):
        return summary
    lacking = [f"no prediction for {case}" for case in summary.get("no_prediction", [])]
    raise CasesError("\n".join([*failed, *lacking]) or "not all cases were run", summary)


def _problems(summary: dict[str, Any]) -> list[str]:
    """What is wrong with cases, in the words of this package."""
    return [
        f"case {case['case']}: {in_python(str(case['problem']))}" for case in summary["cases"] if case.get("problem")
    ]


def _check_names(case: dict[str, Any], data: StrPath) -> None:
    """Refuse a file that cannot be found by its name: a document cannot hold a name that is not UTF-8."""
    lists = [[given] if isinstance(given, str) else given or [] for given in case.values()]
    odd = [name for names in lists for name in names if isinstance(name, str) and "\ufffd" in name]
    # Somebody may have meant this character.
    if odd and not any(os.path.lexists(os.path.join(os.fspath(data), name)) for name in odd):
        raise RevoxelError(
            f"{max(odd, key=len)}: the name of this file is not UTF-8 (\ufffd is in its place): rename it"
        )


def _names(cases: str | Iterable[str] | None) -> list[str] | None:
    """Names of cases. None are no choice of a case: who has an empty list does not mean all of them."""
    if cases is None:
        return None
    given = plain(cases)
    if not isinstance(given, (str, Iterable)):
        raise RevoxelError(f"cases: {cases!r}: expected the name of a case, or several")
    names = [given] if isinstance(given, str) else [str(plain(name)) for name in given]
    if not names:
        raise RevoxelError("cases is an empty list: name a case, or leave the argument out to take all of them")
    return names


def _shard(shard: tuple[int, int] | None) -> str | None:
    given = plain(shard)
    if given is None:
        return None
    if not isinstance(given, list) or len(given) != 2:
        raise RevoxelError(f"shard: {shard!r}: expected two whole numbers, such as (2, 8)")
    return "/".join(str(whole_number("shard", number, 1)) for number in given)


def _assignments(values: Mapping[str, Any] | None) -> list[str]:
    found = []
    for path, value in (values or {}).items():
        try:
            found.append(f"{path}={json.dumps(plain(value))}")
        except TypeError as problem:
            raise RevoxelError(f"set: {path}: {value!r}: {problem}") from None
    return found


def _listed(name: str, values: Iterable[float] | None) -> str | None:
    """Numbers with commas between them, each with all its digits."""
    if values is None:
        return None
    given = [plain(value) for value in plain(values)]
    wrong = [value for value in given if isinstance(value, bool) or not isinstance(value, (int, float))]
    if wrong or not given:
        raise RevoxelError(f"{name}: {wrong[0]!r}: expected a number" if wrong else f"{name} is an empty list")
    return ",".join(_number(value) for value in given)


def _number(value: float) -> str:
    """A number that is whole as such, also where Python holds it as a float."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else repr(value)


def _options(**values: Any) -> list[str]:
    """Options of the program. What is None or False is left out; a list is an option for each item."""
    options: list[str] = []
    for name, given in values.items():
        flag, value = f"--{name.replace('_', '-')}", plain(given)
        if value is None:
            continue
        if name in FLAGS:
            if not isinstance(value, bool):
                raise RevoxelError(f"{name}: {given!r}: expected True or False")
            options.extend([flag] if value else [])
        elif name in {"jobs", "threads"}:
            options.append(f"{flag}={whole_number(name, given, 1)}")
        elif name in {"seed", "retries"}:
            options.append(f"{flag}={whole_number(name, given, 0)}")
        elif name in {"case", "set"}:
            options.extend(f"{flag}={item}" for item in value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            options.append(f"{flag}={_number(value)}")
        elif isinstance(value, str):
            options.append(f"{flag}={value}")
        else:
            raise RevoxelError(f"{name}: {given!r}: expected a text, a path or a number")
    return options
