"""Data that nnU-Net v2 trains on, preprocessed by a pipeline that was imported from its plans.

``python -m revoxel.nnunet RAW PLANS OUT`` does what ``nnUNetv2_preprocess`` does. OUT is the folder of the dataset in
``nnUNet_preprocessed``::

    OUT/dataset.json, nnUNetPlans.json, dataset_fingerprint.json, splits_final.json
    OUT/gt_segmentations/CASE.nii.gz
    OUT/nnUNetPlans_3d_fullres/CASE.b2nd, CASE_seg.b2nd, CASE.pkl      # or CASE.npz, CASE.pkl
    OUT/nnUNetPlans_3d_fullres/traces/CASE.json

``revoxel invert OUT/nnUNetPlans_3d_fullres PREDICTIONS --axes czyx --out BACK`` brings logits home by the traces. nnU-Net's own
export works, too. docs/nnunet.md says how far values agree; besides that,

- an image or label map that lies elsewhere than the first channel is an error (nnU-Net compares shapes and spacings only),
- a label that dataset.json does not name, and one beyond 16 bits, is an error (nnU-Net takes the first and wraps the second),
- a training case without a label map is an error before anything is written (nnU-Net stops in the middle),
- a voxel size is that of the header to 1e-7 (nnU-Net: to the last digit), and origin and direction are those of the affine,
- sheared and two-dimensional images and several channels in one file are refused.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from revoxel import _nnunet, datasets
from revoxel._core import Pipeline, Result, Trace, __version__, threads
from revoxel._errors import ReadError, RevoxelError
from revoxel._program import Progress, StrPath, _shown, positional, whole_number

__all__ = ["preprocess"]

Format = Literal["b2nd", "npz"]
# The cases that nnU-Net trains on: those in imagesTr, or those that dataset.json lists.
_LISTED = {"cases": {"from": "dataset.json", "split": "training"}}


def preprocess(
    dataset_folder: StrPath,
    plans: StrPath,
    out: StrPath,
    *,
    configuration: str | Iterable[str] = "3d_fullres",
    jobs: int | None = None,
    format: Format = "b2nd",
    overwrite: bool = False,
    allow_outside: bool = False,
    progress: Progress = None,
) -> dict[str, Any]:
    """Write the preprocessed folder of a dataset, for nnU-Net to train on.

    ``dataset_folder`` is the dataset in ``nnUNet_raw``, ``plans`` the plans of nnU-Net, ``out`` the folder of the dataset in
    ``nnUNet_preprocessed``. A case appears whole or not at all, and a second call goes on where the first one ended: a case is
    done if the pipeline, the format and the size and time of its files are those of its record. Anything else under
    its name, and cases of the other format, are an error, or replaced with ``overwrite=True``. Folds that exist (``splits_final.json``) are kept.

    ``jobs`` cases are in work at once (default: 2), each with all threads. ``progress`` is that of
    :func:`revoxel.datasets.run`. The result has for each configuration ``folder``, ``cases`` with their ``outcome``, ``done``
    or ``was done``, and the ``notes`` of the import. A case whose voxels are all 0 is kept, as nnU-Net keeps it.

    Raises:
        revoxel.datasets.CasesError: if cases failed. The others are done.
        RevoxelError: if the plans, the dataset or the folder cannot be used. No case was written, unless the error is one of
            the fingerprint, which comes last.
        KeyboardInterrupt: after the cases in work are whole.
    """
    if format not in ("b2nd", "npz"):
        raise RevoxelError(f'format: {format!r} is neither "b2nd" nor "npz"')
    if format == "b2nd":
        _nnunet.blosc2_library()
    jobs = whole_number("jobs", jobs, 1)
    raw, plans, out = Path(dataset_folder), Path(plans), Path(out)
    names = [configuration] if isinstance(configuration, str) else list(dict.fromkeys(configuration))
    if not names:
        raise RevoxelError("configuration: expected at least one, such as 3d_fullres")
    dataset = _json(raw / "dataset.json")
    parsed = _json(plans)
    todo = [_Folder.of(raw, plans, out, dataset, parsed, name, format) for name in names]
    if len({one.place for one in todo}) < len(todo):
        raise RevoxelError(f"{plans}: two of the configurations {', '.join(names)} have the same data_identifier")
    cases = _cases(todo[0].pipeline, raw, allow_outside)
    work = [(folder, name) for folder in todo for name in folder.undone(cases, overwrite)]
    _write_shared(raw, plans, out, dataset, parsed, cases, overwrite)
    failed = _run(work, cases, min(2, threads()) if jobs is None else jobs, progress)
    summary = {folder.name: folder.summary(cases, work, failed) for folder in todo}
    if failed:
        lines = [f"{name} ({folder.name}): {error}" for (folder, name), error in failed.items()]
        raise datasets.CasesError("\n".join(lines), summary)
    _write_fingerprint(raw, plans, out, dataset["file_ending"], cases, overwrite)
    _write_folds(out, list(cases))
    return summary


@dataclass(frozen=True, eq=False)
class _Folder:
    """The folder of a configuration, and what is written into it."""

    name: str
    place: Path
    raw: Path
    pipeline: Pipeline
    notes: list[str]
    images: list[str]
    reader: str
    patch: tuple[int, ...]
    classes: list[int | tuple[int, ...]]
    format: Format

    @classmethod
    def of(cls, raw: Path, plans: Path, out: Path, dataset: Any, parsed: Any, name: str, format: Format) -> _Folder:
        pipeline, notes = _imported(plans, raw / "dataset.json", name)
        settings = _configuration(parsed, name)
        where = f"{plans}: configurations.{name}"
        identifier, patch = settings.get("data_identifier"), settings.get("patch_size")
        if not isinstance(identifier, str) or Path(identifier).name != identifier:
            raise RevoxelError(f"{where}.data_identifier: {identifier!r}: expected the name of a folder")
        if (
            not isinstance(patch, list)
            or len(patch) not in (2, 3)
            or not all(isinstance(n, int) and n > 0 for n in patch)
        ):
            raise RevoxelError(f"{where}.patch_size: {patch!r}: expected 2 or 3 whole numbers above 0")
        return cls(
            name=name,
            place=out / identifier,
            raw=raw,
            pipeline=pipeline,
            notes=notes,
            images=sorted(key for key in pipeline.inputs if key != "label"),
            reader=parsed.get("image_reader_writer", "SimpleITKIO"),
            patch=tuple(patch),
            classes=_nnunet.classes(dataset["labels"]),
            format=format,
        )

    def files(self, name: str) -> list[Path]:
        """The files of a case, in the order in which they get their names: nnU-Net sees a case by the last one."""
        traces = self.place / "traces"
        arrays = [f"{name}_seg.b2nd", f"{name}.b2nd"] if self.format == "b2nd" else [f"{name}.npz"]
        return [
            traces / f"{name}.json",
            traces / f"{name}.done",
            *(self.place / end for end in [f"{name}.pkl", *arrays]),
        ]

    def record(self, case: dict[str, Any]) -> dict[str, Any]:
        """What makes a case be done."""
        inputs = {}
        for key in sorted([*self.images, "label"]):
            told = (self.raw / case[key]).stat()
            inputs[case[key]] = [told.st_size, told.st_mtime_ns]
        return {"pipeline": self.pipeline.hash, "format": self.format, "classes": repr(self.classes), "inputs": inputs}

    def undone(self, cases: dict[str, dict[str, Any]], overwrite: bool) -> list[str]:
        """The cases that are still to be written."""
        if not self.place.is_dir():
            return list(cases)
        _sweep(self.place / "traces")
        second: Format = "npz" if self.format == "b2nd" else "b2nd"
        ending, former = f".{self.format}", f".{second}"
        there = {path.name for path in self.place.iterdir() if path.is_file()}
        if overwrite:
            for name in {file.removesuffix(former).removesuffix("_seg") for file in there if file.endswith(former)}:
                replace(self, format=second).remove(name)
            there = {name for name in there if (self.place / name).exists()}
        # nnU-Net takes a folder with files of two formats for neither.
        foreign = sorted(name for name in there if not name.endswith((ending, ".pkl", ".npy")))
        if foreign:
            how = "replace them with overwrite (--overwrite)" if foreign[0].endswith(former) else "remove them"
            raise RevoxelError(
                f"{self.place}: has files that do not belong to the format {self.format}, such as {foreign[0]}: "
                f"nnU-Net wants one format in a folder; {how}, or write elsewhere"
            )
        seen = {name.removesuffix(ending) for name in there if name.endswith(ending) and not name.endswith("_seg.b2nd")}
        gone = sorted(seen - set(cases))
        if gone and not overwrite:
            raise RevoxelError(
                f"{self.place}: has cases that {self.raw} has not ({', '.join(gone[:5])}), and nnU-Net would train on them: "
                "remove their files, or have that done with overwrite (--overwrite)"
            )
        for name in gone:
            self.remove(name)
        undone, other = [], []
        for name, case in cases.items():
            why = self.differs(name, case) if name in seen else None
            if why is not None:
                other.append(f"{name} ({why})")
            if name not in seen or why is not None:
                undone.append(name)
        if other and not overwrite:
            raise RevoxelError(
                f"{self.place}: has other results for {', '.join(other[:5])}: replace them with overwrite (--overwrite), "
                "or write elsewhere"
            )
        return undone

    def differs(self, name: str, case: dict[str, Any]) -> str | None:
        """Why the files of a case are not what would be written."""
        trace, done, *others = self.files(name)
        if not all(path.is_file() for path in (trace, done, *others)):
            return "written by another program, or incomplete"
        recorded = _json(done)
        for what, value in self.record(case).items():
            if recorded.get(what) != value:
                told = {"pipeline": "the plans are different", "inputs": "its files have changed since"}
                return told.get(what, f"another {what}")
        return None

    def remove(self, name: str) -> None:
        """Remove a case, first from nnU-Net's sight. Arrays that nnU-Net unpacked go with it."""
        unpacked = [self.place / f"{name}.npy", self.place / f"{name}_seg.npy"]
        for path in [*reversed(self.files(name)), *unpacked]:
            path.unlink(missing_ok=True)

    def write(self, name: str, case: dict[str, Any], staging: Path) -> None:
        """Take a case through the pipeline, and write its files."""
        record = self.record(case)
        keys = [*self.images, "label"]
        result = self.pipeline({key: self.raw / case[key] for key in keys}, case=name)
        data, seg = self.arrays(result)
        properties = _nnunet.properties(result.trace, self.images[0], self.reader)
        properties["class_locations"] = _nnunet.class_locations(seg, self.classes)
        trace = result.trace.to_dict()
        for key in keys:
            trace["volumes"][key]["source"]["path"] = case[key]
        del result
        with tempfile.TemporaryDirectory(dir=staging) as place:
            paths = [Path(place) / path.name for path in self.files(name)]
            Trace.from_dict(trace).save(paths[0])
            paths[1].write_text(json.dumps({"tool": f"revoxel {__version__}", **record}), encoding="utf-8")
            paths[2].write_bytes(pickle.dumps(properties))
            if self.format == "npz":
                np.savez_compressed(paths[3], data=data, seg=seg)
            else:
                _nnunet.write_b2nd(seg, paths[3], self.patch)
                _nnunet.write_b2nd(data, paths[4], self.patch)
            for path in paths:
                _sync(path)
            if self.record(case) != record:
                raise RevoxelError("its files were changed while they were read: run again")
            self.remove(name)
            for path, final in zip(paths, self.files(name), strict=True):
                path.replace(final)

    def arrays(self, result: Result) -> tuple[_nnunet.Array, _nnunet.Array]:
        """Images as float32 and labels as int16, both (c, z, y, x)."""
        images = [result[key].zyx for key in self.images]
        if any(image.ndim != 3 for image in images):
            raise RevoxelError(
                "a file has several channels: write each channel into its own file, CASE_0000, CASE_0001 …"
            )
        labels = result["label"].zyx
        if labels.size and labels.max() > np.iinfo(np.int16).max:
            raise RevoxelError(
                f"label {labels.max()} is above {np.iinfo(np.int16).max}, the highest that nnU-Net holds"
            )
        return np.stack(images).astype(np.float32, copy=False), np.ascontiguousarray(labels[np.newaxis], np.int16)

    def summary(self, cases: Iterable[str], work: list[Any], failed: dict[Any, Exception]) -> dict[str, Any]:
        """What became of the cases."""
        told = []
        for name in cases:
            error = failed.get((self, name))
            outcome = "failed" if error else "done" if (self, name) in work else "was done"
            told.append({"case": name, "outcome": outcome, "problem": str(error) if error else None})
        return {"folder": str(self.place), "cases": told, "notes": self.notes}


def _run(
    work: list[tuple[_Folder, str]], cases: dict[str, dict[str, Any]], jobs: int, progress: Progress
) -> dict[tuple[_Folder, str], Exception]:
    """Write the cases; the errors of those that failed."""
    failed: dict[tuple[_Folder, str], Exception] = {}
    with contextlib.ExitStack() as stack:
        staging = {folder: stack.enter_context(_staging(folder.place / "traces")) for folder, _ in work}
        tell = stack.enter_context(_shown(progress))
        pool = ThreadPoolExecutor(jobs)
        # Cases in work are finished, those that wait are not begun.
        stack.callback(pool.shutdown, cancel_futures=True)
        running: dict[Future[None], tuple[_Folder, str]] = {
            pool.submit(folder.write, name, cases[name], staging[folder]): (folder, name) for folder, name in work
        }
        for ended, future in enumerate(as_completed(running), 1):
            error = future.exception()
            if error is not None and not isinstance(error, (RevoxelError, OSError, MemoryError)):
                raise error
            if isinstance(error, Exception):
                failed[running[future]] = error
            tell(ended, len(work), running[future][1])
    return failed


def _imported(plans: Path, dataset: Path, name: str) -> tuple[Pipeline, list[str]]:
    """The pipeline that the program makes of the plans, and what it notes."""
    command = ["import", "nnunet", positional(plans), positional(dataset), f"--configuration={name}"]
    text, said = _nnunet.answer(command, "import")
    return Pipeline.parse(text, name=f"{name}.yaml"), said


def _configuration(plans: Any, name: str) -> dict[str, Any]:
    """A configuration with what it inherits. That there is no circle was seen by the import."""
    own: dict[str, Any] = plans["configurations"][name]
    parent = own.get("inherits_from")
    return {**_configuration(plans, parent), **own} if isinstance(parent, str) else own


def _cases(pipeline: Pipeline, raw: Path, allow_outside: bool) -> dict[str, dict[str, Any]]:
    """The training cases by name, with the files of each relative to the dataset."""
    try:
        listed = datasets.cases(pipeline, raw, set=_LISTED, allow_outside=allow_outside)
    except datasets.CasesError as error:
        raise RevoxelError(str(error), help=error.help) from error
    found = {case["case"]: case for case in listed}
    bare = [name for name, case in found.items() if not case.get("label")]
    if bare:
        raise RevoxelError(f"{raw}: no label map for {', '.join(bare[:5])}: nnU-Net trains on labelled cases only")
    # nnU-Net finds a case by the ending of its file, where CASE_seg is the label map of CASE.
    double = [name for name in found if name.endswith("_seg")]
    if double:
        raise RevoxelError(
            f"{raw}: case {double[0]}: nnU-Net takes a name that ends in _seg for a label map; rename the case"
        )
    return dict(sorted(found.items()))


def _write_shared(
    raw: Path, plans: Path, out: Path, dataset: Any, parsed: Any, cases: dict[str, dict[str, Any]], overwrite: bool
) -> None:
    """What the configurations share: documents, and label maps as they are."""
    truth = out / "gt_segmentations"
    truth.mkdir(parents=True, exist_ok=True)
    copies = {
        out / "dataset.json": (raw / "dataset.json", dataset),
        out / f"{parsed.get('plans_name', 'nnUNetPlans')}.json": (plans, parsed),
    }
    for target, (_, document) in copies.items():
        if target.is_file() and _json(target) != document and not overwrite:
            raise RevoxelError(f"{target}: is there with another content: replace it with overwrite (--overwrite)")
    for target, (source, document) in copies.items():
        if not target.is_file() or _json(target) != document:
            _appear(target, partial(shutil.copyfile, source))
    for name, case in cases.items():
        target, source = truth / f"{name}{dataset['file_ending']}", raw / case["label"]
        if not target.is_file() or _told(target) != _told(source):
            _appear(target, partial(shutil.copy2, source))


def _write_fingerprint(
    raw: Path, plans: Path, out: Path, ending: str, cases: dict[str, dict[str, Any]], overwrite: bool
) -> None:
    """The fingerprint that lies beside the plans, or what the program measures. nnU-Net's training copies it, no more."""
    target, known = out / "dataset_fingerprint.json", plans.parent / "dataset_fingerprint.json"
    if known.is_file() and (overwrite or not target.is_file()) and not (target.is_file() and known.samefile(target)):
        _appear(target, partial(shutil.copyfile, known))
    if not target.is_file():
        text = _nnunet.measured(raw, ending, cases)
        _appear(target, lambda place: place.write_text(text, encoding="utf-8"))


def _write_folds(out: Path, cases: list[str]) -> None:
    """The folds of the cross-validation, unless somebody made them. nnU-Net cannot make five of fewer cases either."""
    target, folds = out / "splits_final.json", _nnunet.folds(cases)
    if folds is not None and not target.exists():
        text = json.dumps(folds, indent=4, sort_keys=True)
        _appear(target, lambda place: place.write_text(text, encoding="utf-8"))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror or error}", file=str(path)) from error
    except ValueError as error:
        raise ReadError(f"{path}: not JSON: {error}", file=str(path)) from error


def _told(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _appear(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place and rename it."""
    handle, place = tempfile.mkstemp(prefix=".revoxel-", suffix=".partial", dir=path.parent)
    os.close(handle)
    unnamed = Path(place)
    try:
        write(unnamed)
        unnamed.chmod(0o666 & ~_umask())
        _sync(unnamed)
        unnamed.replace(path)
    finally:
        unnamed.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _staging(place: Path) -> Iterator[Path]:
    """A folder for files without their names, held by a lock: see `_sweep`."""
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".revoxel-", suffix=".partial", dir=place))
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Remove what killed processes left behind."""
    for folder in place.glob(".revoxel-*.partial"):
        with contextlib.suppress(OSError), (folder / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 if all cases are done, 1 if some failed, 2 if nothing could be done."""
    parser = argparse.ArgumentParser(
        prog="python -m revoxel.nnunet",
        description="Write the preprocessed folder of a dataset, for nnU-Net v2 to train on.",
        epilog="Run again to go on after an interruption.",
    )
    parser.add_argument("raw", metavar="RAW", help="the dataset in nnUNet_raw, with dataset.json")
    parser.add_argument("plans", metavar="PLANS", help="nnUNetPlans.json, or plans.json of a trained model")
    parser.add_argument("out", metavar="OUT", help="the folder of the dataset in nnUNet_preprocessed")
    parser.add_argument(
        "-c", dest="configuration", metavar="NAME", nargs="+", default=["3d_fullres"], help="default: 3d_fullres"
    )
    parser.add_argument(
        "--format", choices=["b2nd", "npz"], default="b2nd", help="format of the arrays (default: b2nd)"
    )
    parser.add_argument("-j", "--jobs", metavar="N", type=int, help="cases in work at once (default: 2)")
    parser.add_argument("--overwrite", action="store_true", help="replace cases and documents of other plans or files")
    parser.add_argument("--allow-outside", action="store_true", help="dataset.json may name files outside RAW")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    given = parser.parse_args(arguments)

    def tell(ended: int, of: int, case: str | None) -> None:
        print(f"{ended}/{of} {case}", file=sys.stderr, flush=True)

    try:
        summary = preprocess(
            given.raw,
            given.plans,
            given.out,
            configuration=given.configuration,
            jobs=given.jobs,
            format=given.format,
            overwrite=given.overwrite,
            allow_outside=given.allow_outside,
            progress=False if given.quiet else tell,
        )
    except datasets.CasesError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (RevoxelError, OSError) as error:
        help = getattr(error, "help", None)
        print(f"error: {error}" + (f"\nhelp: {help}" if help else ""), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: what is done is whole; run again to go on", file=sys.stderr)
        return 130
    if not given.quiet:
        for told in summary.values():
            done = sum(case["outcome"] == "done" for case in told["cases"])
            for note in told["notes"]:
                print(note, file=sys.stderr)
            print(f"{told['folder']}: {done} cases written, {len(told['cases']) - done} were done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
