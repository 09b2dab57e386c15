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
from revoxel._core import Pipeline
from revoxel._errors import RevoxelError
from revoxel._program import pipeline_file


class _Store:
    """A folder of an object store, or whatever else fsspec knows."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        try:
            core = importlib.import_module("fsspec.core")
        except ImportError:
            raise RevoxelError("a stage needs the package fsspec, and s3fs, gcsfs or adlfs for the store") from None
        self.url = url.rstrip("/")
        self._files, root = core.url_to_fs(url, **options)
        self._root = root.rstrip("/")

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def sizes(self) -> dict[str, int]:
        """The files, and how many bytes each has."""
        self._files.invalidate_cache()
        found = self._files.find(self._root, detail=True)
        cut = len(self._root) + 1
        return {path[cut:]: int(info.get("size") or 0) for path, info in found.items()}

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
        self._files.makedirs(posixpath.dirname(self._at(path)), exist_ok=True)
        self._files.put_file(os.fspath(file), self._at(path))

    def remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._at(path))


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
            document = ask(["cases", path, f"--data={folder}", *asked])
        if document["problems"]:
            problems = "\n".join(f"case {one['case']}: {one['problem']}" for one in document["problems"])
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


def work(job: _task.Job, case: _task.Case, pipeline: str, scratch: Path) -> dict[str, Any]:
    """Run a case whose files lie in a store."""
    assert job.stage is not None
    source, results = _Store(job.stage, job.storage), _Store(job.out, job.storage)
    data, out = scratch / "data", scratch / "out"
    data.mkdir()
    out.mkdir()
    for name in case.files:
        if _task.is_stopped(job.run):
            break
        source.get(name, data / name)
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
            row["files"] = [f"{results.url}/{file}" for file in written]
        if row.get("problem"):
            shown = str(row["problem"]).replace(str(data), source.url)
            row["problem"] = shown.replace(str(out), results.url)
    if any(row["outcome"] in {"done", "skipped"} for row in rows):
        _push(results, case, before, out)
    return document


def _push(results: _Store, case: _task.Case, before: set[str], out: Path) -> None:
    """Results first, then the traces; an old trace goes before anything changes."""
    now = _there(out)
    for trace in case.traces:
        results.remove(trace)
    for name in sorted(before - now - set(case.traces)):
        results.remove(name)
    for name in sorted(now, key=lambda name: (name in case.traces, name)):
        results.put(out / name, name)
