"""Cases whose files lie in an object store: copied to a worker, run there, and the results copied back, the trace last."""

from __future__ import annotations

import bisect
import contextlib
import importlib
import json
import os
import posixpath
import re
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from revoxel import _task
from revoxel._core import Pipeline, Trace
from revoxel._errors import RevoxelError
from revoxel._program import pipeline_file

# Stores whose folders are but names: what comes first in a path is a bucket, and nothing else has to be there.
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "oss"})


class _Store:
    """A folder of an object store, or whatever else fsspec knows."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        try:
            core = importlib.import_module("fsspec.core")
        except ImportError:
            raise RevoxelError("a stage needs the package fsspec, and s3fs, gcsfs or adlfs for the store") from None
        self.url = url.rstrip("/")
        try:
            self._files, root = core.url_to_fs(url, **options)
        except (ImportError, ValueError) as problem:
            raise RevoxelError(f"{url}: {problem}") from problem
        self._root = root.rstrip("/")
        protocol = self._files.protocol
        self._has_buckets = not _BUCKETS.isdisjoint([protocol] if isinstance(protocol, str) else protocol)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def sizes(self) -> dict[str, int]:
        """The files, and how many bytes each has."""
        self._files.invalidate_cache()
        try:
            found = self._files.find(self._root, detail=True)
        except FileNotFoundError as problem:
            raise RevoxelError(f"{self.url}: {problem}") from problem
        cut = len(self._root) + 1
        return {path[cut:]: int(info.get("size") or 0) for path, info in found.items()}

    def check_place(self) -> None:
        """Refuse a folder whose bucket or parent is not there: a mistyped one would be made, and nobody would find it."""
        around = self._root.split("/")[0] if self._has_buckets else posixpath.dirname(self._root)
        try:
            if self._files.exists(around):
                return
            if self._has_buckets:
                # Who may not ask for a bucket may still list what is in it.
                self._files.find(self._root)
                return
        except PermissionError:
            return
        except FileNotFoundError:
            pass
        what = "bucket" if self._has_buckets else "folder"
        raise RevoxelError(f"out is {self.url}, and there is no {what} {around}: make it first, or mend its name")

    def get(self, path: str, to: Path) -> bool:
        """Whether the file is there; it is now at ``to``, too."""
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._files.get_file(self._at(path), os.fspath(to))
        except FileNotFoundError:
            to.unlink(missing_ok=True)
            return False
        return True

    def put(self, file: Path, path: str) -> None:
        if not self._has_buckets:
            self._files.makedirs(posixpath.dirname(self._at(path)), exist_ok=True)
        self._files.put_file(os.fspath(file), self._at(path))

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._at(path))


def check_place(url: str, options: dict[str, Any]) -> None:
    """Refuse a folder for results whose bucket or parent is not there."""
    _Store(url, options).check_place()


def _filled(template: str, fields: dict[str, str]) -> str:
    """A path of a pipeline for one case. A text in brackets is there if the case has what its placeholders name."""

    def part(match: re.Match[str]) -> str:
        names = re.findall(r"\{(\w+)\}", match[1])
        if not names:
            return match[0]
        return match[1] if all(fields.get(name) for name in names) else ""

    whole = re.sub(r"\[([^\[\]]*)\]", part, template)
    return re.sub(r"\{(\w+)\}", lambda match: fields.get(match[1], match[0]), whole)


class Listing:
    """The files of a store."""

    def __init__(self, job: _task.Job) -> None:
        assert job.stage is not None
        self.store = _Store(job.stage, job.storage)
        self.sizes = self.store.sizes()
        self._names = sorted(self.sizes)
        self._alike: dict[tuple[str, str], list[str]] = {}
        for name in self._names:
            self._alike.setdefault(_stem(name), []).append(name)

    def _files(self, name: str) -> list[str]:
        """An input: all files below it where it is a folder, else itself and what is beside it with other endings, such as
        the voxels of a header.
        """
        if name == ".":
            return self._names
        if name in self.sizes:
            return self._alike[_stem(name)]
        first, end = bisect.bisect_left(self._names, f"{name}/"), bisect.bisect_left(self._names, f"{name}0")
        return self._names[first:end]

    def case(self, entry: dict[str, Any], pipeline: Pipeline) -> _task.Case:
        """Where the inputs and the traces of a case lie, by what ``revoxel cases`` says of it. The more bytes it has, the
        longer it takes.
        """
        document = pipeline.to_dict()
        named: list[str] = [lists] if (lists := _lists(document)) else []
        for key in pipeline.inputs:
            given = entry.get(key, [])
            named.extend([given] if isinstance(given, str) else given)
        files = tuple(dict.fromkeys(file for name in named for file in self._files(name)))
        fields = {name: value for name, value in entry.items() if isinstance(value, str)}
        copies = document.get("copies")
        each = [fields] if copies is None else [{**fields, "copy": str(copy)} for copy in range(copies)]
        traces = tuple(_filled(document["trace"], one) for one in each)
        size = sum(self.sizes[file] for file in files)
        return _task.Case(entry["case"], seconds=float(size), files=files, traces=traces)

    def cases(self, pipeline: Pipeline, asked: list[str], ask: Callable[[list[str]], Any]) -> list[_task.Case]:
        """The cases that the names of the files make."""
        with tempfile.TemporaryDirectory(prefix="revoxel-") as folder, pipeline_file(pipeline) as path:
            # The program sees the tree of the store; of its files the lists of cases alone have content.
            lists = _lists(pipeline.to_dict())
            beside = None if lists is None else posixpath.dirname(lists)
            for name in self._names:
                file = Path(folder, name)
                if posixpath.dirname(name) == beside and name.endswith((".csv", ".tsv", ".json")):
                    self.store.get(name, file)
                    continue
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
            try:
                document = ask(["cases", path, f"--data={folder}", *asked])
            except RevoxelError as problem:
                if folder not in str(problem):
                    raise
                raise RevoxelError(str(problem).replace(folder, self.store.url), help=problem.help) from None
        if document["problems"]:
            problems = "\n".join(f"case {one['case']}: {one['problem']}" for one in document["problems"])
            problems = problems.replace(folder, self.store.url)
            raise RevoxelError(f"nothing was started:\n{problems}")
        return [self.case(entry, pipeline) for entry in document["cases"]]


def _lists(document: dict[str, Any]) -> str | None:
    """The list of cases, where there is one."""
    found = (document.get("cases") or {}).get("from")
    return str(found) if found else None


def _stem(name: str) -> tuple[str, str]:
    path = PurePosixPath(name.removesuffix(".gz"))
    return str(path.parent), path.stem


def _results_of(trace: Path) -> list[str]:
    """The files that a trace names, relative to the folder of the results."""
    try:
        volumes = json.loads(trace.read_bytes())["volumes"].values()
        found = []
        for result in (volume["result"] for volume in volumes):
            if result.get("path"):
                folder = posixpath.dirname(result["path"])
                found.append(result["path"])
                found.extend(posixpath.join(folder, part["path"]) for part in result.get("parts", ()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return [path for path in found if not path.startswith("/") and ".." not in path.split("/")]


def _there(out: Path) -> set[str]:
    every = (path.relative_to(out) for path in out.rglob("*") if path.is_file())
    return {path.as_posix() for path in every if path.parts[0] not in {".revoxel", ".revoxel-lock"}}


# How the headers in text that may name other files as those of their voxels do so, and what ends them.
_NRRD = (re.compile(rb"data ?file:(.*)", re.IGNORECASE), b"")
_META = (re.compile(rb"ElementDataFile\s*=(.*)", re.IGNORECASE), None)
_MRTRIX = (re.compile(rb"file\s*:(.*)", re.IGNORECASE), b"END")
_HEADERS = {".nhdr": _NRRD, ".nrrd": _NRRD, ".mhd": _META, ".mha": _META, ".mih": _MRTRIX, ".mif": _MRTRIX}
_MOST_BYTES = 2**20


def _named(header: Path) -> list[str]:
    """The files that a header in text names as those of its voxels, relative to its folder and within it."""
    known = _HEADERS.get(header.suffix.lower())
    if known is None:
        return []
    pattern, end = known
    found: list[str] = []
    with header.open("rb") as file:
        lines = (line.strip() for line in iter(lambda: file.readline(_MOST_BYTES), b""))
        for line in lines:
            if line == end:
                break
            field = pattern.match(line)
            if field is None:
                continue
            value = os.fsdecode(field[1].strip())
            words = value.split()
            if known is _MRTRIX:
                # A line for each file, with the place of the voxels in it.
                found.append(re.sub(r"\s+\d+$", "", value))
                continue
            if words[:1] == ["LIST"]:
                found = [os.fsdecode(name) for name in lines if name]
            elif len(words) > 1 and "%" in words[0]:
                found = _pattern(words)
            elif value != "LOCAL":
                found = [value]
            break
    names = [posixpath.normpath(name) for name in found]
    return [name for name in names if not name.startswith(("/", "../")) and name not in {".", ".."}]


def _pattern(words: list[str]) -> list[str]:
    """The names that a pattern such as ``slice%03d.raw 1 40 1`` stands for. Of a wrong one the program says what is wrong."""
    try:
        first, last, step = (int(word) for word in [*words[1:3], *(words[3:4] or ["1"])])
        numbers = range(first, last + (1 if step > 0 else -1), step)
        return [words[0] % number for number in numbers[:_MOST_FILES]]
    except (ValueError, TypeError):
        return []


_MOST_FILES = 1_000_000


def _replaced(value: Any, places: dict[str, str]) -> Any:
    """An answer of the program with other places in its texts."""
    if isinstance(value, str):
        for place, url in places.items():
            value = value.replace(place, url)
        return value
    if isinstance(value, dict):
        return {key: _replaced(item, places) for key, item in value.items()}
    return [_replaced(item, places) for item in value] if isinstance(value, list) else value


def _without_stamps(file: Path) -> None:
    """Take from a trace what it says of the times of its inputs: they are those of the copies, which nobody sees again."""
    document = Trace.load(file).to_dict()
    for volume in document["volumes"].values():
        volume["source"].pop("stamp", None)
    Trace.from_dict(document).save(file)


def work(job: _task.Job, case: _task.Case, pipeline: str, scratch: Path) -> dict[str, Any]:
    """Run a case whose files lie in a store."""
    assert job.stage is not None
    source, results = _Store(job.stage, job.storage), _Store(job.out, job.storage)
    data, out = scratch / "data", scratch / "out"
    data.mkdir()
    out.mkdir()
    for name in case.files:
        if _task.is_stopped(job.run):
            return _task.cancelled(case)
        if not source.get(name, data / name):
            continue
        for beside in _named(data / name):
            voxels = posixpath.join(posixpath.dirname(name), beside)
            if voxels not in case.files and not source.get(voxels, data / voxels):
                break
    # The program itself sees whether what is there is what it would make.
    for trace in case.traces:
        if results.get(trace, out / trace):
            for name in _results_of(out / trace):
                results.get(name, out / name)
    before = _there(out)
    document = _task.execute(job, case, pipeline, str(data), str(out))
    rows = document["cases"]
    for row in rows:
        written = [Path(file).relative_to(out).as_posix() for file in row.get("files", ())]
        if written and written[-1] not in case.traces:
            raise RevoxelError(f"case {case.name}: its trace is {written[-1]}, and not {' or '.join(case.traces)}")
        if written:
            _without_stamps(out / written[-1])
    if any(row["outcome"] in {"done", "skipped"} for row in rows) and not _push(job, results, case, before, out):
        return _task.cancelled(case)
    places = {str(data): source.url, str(out): results.url, pipeline: Path(pipeline).name}
    return dict(_replaced(document, places))


def _push(job: _task.Job, results: _Store, case: _task.Case, before: set[str], out: Path) -> bool:
    """Results first, then the traces; an old trace goes before anything changes. A run that is stopped meanwhile leaves the
    case without a trace: it is not done.
    """
    if _task.is_stopped(job.run):
        return False
    now = _there(out)
    for trace in case.traces:
        results.remove(trace)
    for name in sorted(before - now - set(case.traces)):
        results.remove(name)
    for name in sorted(now, key=lambda name: (name in case.traces, name)):
        if name not in case.traces and _task.is_stopped(job.run):
            return False
        results.put(out / name, name)
    return True
