"""Cases on many machines, through Dask or Ray.

>>> from distributed import Client
>>> summary = revoxel.dist.run("ct-1mm.yaml", "data", "out", client=Client("tcp://scheduler:8786"), keep_going=True)

The headers of all cases are checked before the first task. Then each case is one task, the longest first, and a task runs the
program on its case with ``--resume``: an engine may run a task twice, or begin it anew after its worker has died, and the
outputs and traces are, byte for byte, those of one undisturbed run on one machine. The same call goes on with a run that was
interrupted: what is done is left alone.

All machines see ``data`` and ``out`` under the same paths, or, with ``stage``, read and write an object store.

``revoxel status OUT`` tells how the cases stand, also while they run. With ``stage`` the results are in the store, and the
summary tells.

Workers of Dask declare the memory that they share among tasks: ``dask worker --resources MEMORY=64e9``.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from revoxel import _stage, _task
from revoxel._core import Pipeline
from revoxel._errors import RevoxelError
from revoxel._program import Progress, StrPath, _shown, ask, library, pipeline_file, whole_number
from revoxel.datasets import CasesError, _assignments, _names, _options

__all__ = ["CasesError", "Run", "run", "start"]

# How long tasks may take to say what they did before they were stopped.
_GRACE = 5.0


def run(
    pipeline: StrPath | Pipeline,
    data: StrPath | None,
    out: StrPath,
    *,
    client: Any = None,
    set: Mapping[str, Any] | None = None,
    seed: int | None = None,
    snap: bool = False,
    cases: str | Iterable[str] | None = None,
    allow_outside: bool = False,
    keep_going: bool = False,
    retries: int = 2,
    threads: int | None = None,
    memory: str | None = "MEMORY",
    stage: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Run a pipeline on a dataset, each case on some machine of a cluster.

    ``client`` is a :class:`distributed.Client`, by default the current one, or ``"ray"``. ``retries`` is how often a case is
    begun again after its program was killed or could not be started, or its workers died (Dask itself tries some workers before:
    ``distributed.scheduler.allowed-failures``); the program tries as often to read or write files, for reasons that may pass. A case that the program refuses, or that fails, is not run again. ``threads`` is for each case; by default
    the cores of a machine are shared among the tasks that it runs at once. ``memory`` names a resource in bytes: where workers
    declare it (``dask worker --resources MEMORY=64e9``), the cases at work on one need no more together, as estimated. Ray has
    one of its own.

    ``stage`` is a URL of fsspec, such as ``s3://bucket/data``: the files of a case are copied to its worker, and the results to
    ``out``, a URL too, the trace last. The bucket of ``out``, or the folder around it, is to be there. ``data`` is then a folder with the same files that the client sees, or None: cases are
    found by their names in the store, headers are checked on the workers, and memory is not known before. ``storage_options`` are for fsspec.

    The result has ``cases``, each with its ``outcome`` (done, skipped, failed, not_run), and ``done_already``,
    ``left_out_already``, ``done_again`` as from ``revoxel run --resume --json``.

    Raises:
        CasesError: if a case fails; the others are cancelled. With ``keep_going`` only if none could be run.
        RevoxelError: if the pipeline or the data is wrong; nothing was started then.
        KeyboardInterrupt: after all was cancelled. Cases that were done are whole; the same call goes on.
    """
    begun = start(
        pipeline, data, out, client=client, set=set, seed=seed, snap=snap, cases=cases, allow_outside=allow_outside,
        keep_going=keep_going, retries=retries, threads=threads, memory=memory, stage=stage,
        storage_options=storage_options, progress=progress,
    )  # fmt: skip
    return begun.result()


def start(
    pipeline: StrPath | Pipeline,
    data: StrPath | None,
    out: StrPath,
    *,
    client: Any = None,
    set: Mapping[str, Any] | None = None,
    seed: int | None = None,
    snap: bool = False,
    cases: str | Iterable[str] | None = None,
    allow_outside: bool = False,
    keep_going: bool = False,
    retries: int = 2,
    threads: int | None = None,
    memory: str | None = "MEMORY",
    stage: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress = None,
) -> Run:
    """Check all cases, hand them to the cluster, and return: :meth:`Run.result` waits for them, :meth:`Run.cancel` ends them.
    The arguments are those of :func:`run`.
    """
    if stage is None and data is None:
        raise RevoxelError("data is None: give the folder of the data, or stage= with a URL")
    for name, url in {"stage": stage, "out": os.fspath(out)}.items() if stage is not None else ():
        if "://" not in str(url):
            raise RevoxelError(f"{name} is {str(url)!r}: with stage it is a URL, such as s3://bucket/folder")
    retries, threads = whole_number("retries", retries, 0) or 0, whole_number("threads", threads, 1)
    client = _client(client)
    chosen = _options(set=_assignments(set), seed=seed, snap=snap, allow_outside=allow_outside)
    picked = _options(case=_names(cases))
    job = _task.Job(
        run=uuid.uuid4().hex,
        pipeline=pipeline if isinstance(pipeline, str) else str(pipeline),
        data="" if data is None else os.path.abspath(data),
        out=os.path.abspath(out) if stage is None else os.fspath(out),
        options=(*chosen, *_options(retries=retries or None)),
        threads=threads,
    )
    named: StrPath | Pipeline
    if stage is not None:
        _stage.check_place(job.out, dict(storage_options or {}))
        whole = _changed(pipeline, {**(set or {}), **({} if seed is None else {"seed": seed})})
        job = replace(
            job, text=whole.__reduce__()[1], options=tuple(_options(snap=snap, retries=retries or None)), stage=stage,
            storage=dict(storage_options or {}),
        )  # fmt: skip
        named, asked = whole, [*picked, *_options(snap=snap)]
    elif isinstance(pipeline, Pipeline):
        job, named = replace(job, text=pipeline.__reduce__()[1]), pipeline
        asked = [*picked, *chosen]
    else:
        job, named = replace(job, pipeline=os.path.abspath(pipeline)), pipeline
        asked = [*picked, *chosen]
    tasks, hopeless = _planned(named, job, asked)
    engine: _Engine = _Ray(retries) if client == "ray" else _Dask(client, memory, retries)
    problems = {case.name: engine.refuse(case) for case in tasks}
    hopeless |= {case: problem for case, problem in problems.items() if problem is not None}
    tasks = [case for case in tasks if case.name not in hopeless]
    if hopeless and (not keep_going or not tasks):
        rows = [{"case": case, "outcome": "failed", "problem": problem} for case, problem in hopeless.items()]
        summary = {"out": job.out, "cases": rows, "done_already": [], "left_out_already": [], "done_again": {}}
        told = "\n".join(f"case {case}: {problem}" for case, problem in hopeless.items())
        raise CasesError(f"nothing was started:\n{told}", summary)
    job = replace(job, slots=engine.slots())

    def asking(*options: str) -> dict[str, Any]:
        with pipeline_file(named) as path:
            return ask(["run", path, f"--data={job.data}", f"--out={job.out}", *options])

    def record(moment: str) -> None:
        if stage is None:
            asking(*asked, f"--record={moment}")

    def standing(names: list[str]) -> list[dict[str, Any]]:
        # A case of a store that was stopped has no trace there.
        parts = [names[at : at + 500] for at in range(0, len(names), 500)] if stage is None else []
        return [row for part in parts for row in asking(*chosen, *_options(case=part), "--resume=check")["cases"]]

    record("begin")
    return Run(
        engine, job, tasks, hopeless, keep_going=keep_going, retries=retries, progress=progress, record=record,
        standing=standing,
    )  # fmt: skip


def _client(client: Any) -> Any:
    """The client of a cluster, or ``"ray"``."""
    if isinstance(client, str):
        if client != "ray":
            raise RevoxelError(f"client is {client!r}: give a distributed.Client, or 'ray'")
        return client
    distributed = library("distributed", "distributed")
    if client is None:
        try:
            return distributed.get_client()
        except ValueError:
            raise RevoxelError("no cluster: give client=distributed.Client(…), or client='ray'") from None
    if isinstance(client, distributed.Client):
        return client
    name = type(client).__name__
    if isinstance(client, distributed.deploy.Cluster):
        raise RevoxelError(f"client is a {name}: give a client of this cluster, client=distributed.Client(cluster)")
    raise RevoxelError(f"client is {client!r}: give a distributed.Client, or 'ray'")


def _changed(pipeline: StrPath | Pipeline, values: dict[str, Any]) -> Pipeline:
    """A pipeline that needs no file, with these values set."""
    if not isinstance(pipeline, Pipeline):
        return Pipeline.load(pipeline, values)
    text, name = pipeline.__reduce__()[1]
    return Pipeline.parse(text, values, name=name)


def _planned(pipeline: StrPath | Pipeline, job: _task.Job, asked: list[str]) -> tuple[list[_task.Case], dict[str, str]]:
    """The cases that can run, with what each needs, and why others cannot."""
    staged: dict[str, _task.Case] = {}
    with pipeline_file(pipeline) as path:
        if job.stage is not None:
            assert isinstance(pipeline, Pipeline)
            listing, chosen = _stage.Listing(job), [option for option in asked if option.startswith("--case")]
            if not job.data:
                return listing.cases(pipeline, chosen, ask), {}
            listed = ask(["cases", path, f"--data={job.data}", *chosen])["cases"]
            staged = {entry["case"]: listing.case(entry, pipeline) for entry in listed}
        plan = ask(["plan", path, f"--data={job.data}", *asked])
    hopeless: dict[str, str] = {}
    for failure in plan["failures"]:
        # The copies of a case are run together.
        hopeless.setdefault(failure["case"].split("/")[0], failure["problem"])
    found: dict[str, _task.Case] = {}
    for one in plan["plans"]:
        name, estimate = one["like"].split("/")[0], one["estimate"]
        before = found.get(name, _task.Case(name))
        seconds = before.seconds + (estimate["seconds"] or 0.0)
        memory = max(before.memory, int(estimate["memory_bytes"] or 0))
        found[name] = replace(staged.get(name, before), seconds=seconds, memory=memory)
    return [case for name, case in found.items() if name not in hopeless], hopeless


class _Lost(Exception):
    """The workers of a task died, perhaps of another one."""


class _Engine(Protocol):
    """What a cluster has to do. Tasks that raise are begun again by the engine itself."""

    def slots(self) -> int:
        """The most tasks that one machine runs at once."""

    def refuse(self, case: _task.Case) -> str | None:
        """Why no worker could ever take a case."""

    def submit(self, job: _task.Job, case: _task.Case, rank: int, ended: Callable[[Any], object]) -> Any:
        """Hand over a case; those of a lower rank go first. ``ended`` is called when its task has ended, however that was."""

    def outcome(self, future: Any) -> dict[str, Any] | None:
        """What an ended task returned, or None where others cancelled it; raises what it raised, or :class:`_Lost`."""

    def stop(self, job: _task.Job, futures: list[Any]) -> list[Any]:
        """Cancel tasks, end the programs that are at work, and wait a little for what they say; the tasks that may have
        begun.
        """


@dataclass
class _Task:
    case: _task.Case
    rank: int
    future: Any = None
    tries: int = 0


class Run:
    """A run that was handed to a cluster. ``of`` is the number of its cases, ``ended`` how many have ended so far."""

    def __init__(
        self, engine: _Engine, job: _task.Job, cases: list[_task.Case], hopeless: dict[str, str], *,
        keep_going: bool, retries: int, progress: Progress, record: Callable[[str], object],
        standing: Callable[[list[str]], list[dict[str, Any]]],
    ) -> None:  # fmt: skip
        self._engine, self._job, self._keep_going, self._retries = engine, job, keep_going, retries
        self._progress, self._record, self._standing = progress, record, standing
        self._order = [*(case.name for case in cases), *hopeless]
        self._rows = {case: [_row(case, "failed", problem)] for case, problem in hopeless.items()}
        self._done_already: list[str] = []
        self._left_out_already: list[str] = []
        self._done_again: dict[str, str] = {}
        self._events: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._cancelled, self._stopping = threading.Event(), threading.Lock()
        self._begun: list[Any] | None = None
        self.of, self.ended = len(self._order), len(hopeless)
        longest_first = sorted(cases, key=lambda case: -case.seconds)
        self._pending = {case.name: _Task(case, rank) for rank, case in enumerate(longest_first)}
        try:
            for task in self._pending.values():
                self._submit(task)
        except BaseException:
            self.cancel()
            raise

    def _submit(self, task: _Task) -> None:
        task.tries += 1
        task.future = self._engine.submit(self._job, task.case, task.rank, lambda _: self._events.put(task))

    def cancel(self) -> None:
        """Cancel the cases that have not ended, and end their programs; :meth:`result` returns then. What is done is whole."""
        with self._stopping:
            if self._cancelled.is_set():
                return
            self._cancelled.set()
            try:
                futures = [task.future for task in list(self._pending.values()) if task.future is not None]
                self._begun = self._engine.stop(self._job, futures)
            finally:
                self._events.put(None)

    def result(self) -> dict[str, Any]:
        """Wait for all cases; the result of :func:`run`, with its exceptions. Of a run that :meth:`cancel` ended, the cases
        that have not ended are ``not_run``.
        """
        try:
            with _shown(self._progress) as tell:
                while self._pending and (task := self._events.get()) is not None:
                    if self._note(task):
                        tell(self.ended, self.of, task.case.name)
                        if not self._keep_going and self._failed():
                            break
            if self._failed() and not self._keep_going:
                self.cancel()
            self._settle()
        except BaseException:
            with contextlib.suppress(Exception):
                self.cancel()
            with contextlib.suppress(Exception):
                self._settle()
            raise
        with contextlib.suppress(RevoxelError):
            # The results are whole, whatever becomes of the record.
            self._record("end")
        summary, failed = self.summary(), self._failed()
        not_run = [row["case"] for row in summary["cases"] if row["outcome"] == "not_run"]
        if not_run and not self._cancelled.is_set():
            raise CasesError(
                f"{len(not_run)} cases were not run: their tasks were cancelled, or the cluster has ended", summary
            )
        if failed and (not self._keep_going or len(failed) == len(self._order)):
            problems = [
                f"case {row['case']}: {row['problem']}"
                for case in failed
                for row in self._rows[case]
                if row["outcome"] == "failed"
            ]
            raise CasesError("\n".join(problems), summary)
        return summary

    def _settle(self) -> None:
        """Take up what the tasks did that were stopped. Where nobody heard of a case, its trace tells whether it is done."""
        with self._stopping:
            begun = None if self._begun is None else {id(future) for future in self._begun}
        tasks = {task.case.name: task for task in list(self._pending.values())}
        for task in tasks.values():
            self._note(task)
        silent = [
            case
            for case, rows in self._rows.items()
            if any(row["outcome"] == "not_run" for row in rows)
            and (begun is None or case not in tasks or id(tasks[case].future) in begun)
        ]
        found: dict[str, list[dict[str, Any]]] = {}
        with contextlib.suppress(RevoxelError):
            for row in self._standing(silent) if silent else ():
                found.setdefault(row["case"], []).append(row)
        for case, rows in found.items():
            if case in self._rows and all(row["outcome"] in {"done", "left_out"} for row in rows):
                self._rows[case] = [
                    {**row, "outcome": "done" if row["outcome"] == "done" else "skipped"} for row in rows
                ]

    def summary(self) -> dict[str, Any]:
        """What is known of the cases now."""
        rest = [_row(case, "not_run", "cancelled" if self._cancelled.is_set() else None) for case in self._pending]
        order = {case: number for number, case in enumerate(self._order)}
        rows = sorted(
            [*(row for rows in self._rows.values() for row in rows), *rest], key=lambda row: order[row["case"]]
        )
        return {
            "out": self._job.out,
            "cases": rows,
            "done_already": sorted(self._done_already, key=lambda case: order[case.split("/")[0]]),
            "left_out_already": sorted(self._left_out_already, key=lambda case: order[case.split("/")[0]]),
            "done_again": self._done_again,
        }

    def _failed(self) -> list[str]:
        return [case for case, rows in self._rows.items() if any(row["outcome"] == "failed" for row in rows)]

    def _note(self, task: _Task) -> bool:
        """Take up what became of a task; whether its case has ended."""
        name = task.case.name
        if name not in self._pending:
            return False
        try:
            told = None if task.future is None else self._engine.outcome(task.future)
        except _Lost as problem:
            if task.tries <= self._retries and not self._cancelled.is_set():
                self._submit(task)
                return False
            told = {"cases": [_row(name, "failed", str(problem))]}
        except Exception as problem:
            told = {"cases": [_row(name, "failed", str(problem) or repr(problem))]}
        if told is None:
            why = "cancelled" if self._cancelled.is_set() else "its task was cancelled, or the cluster has ended"
            told = {"cases": [_row(name, "not_run", why)]}
        del self._pending[name]
        self.ended += 1
        self._rows[name] = told["cases"]
        self._done_already.extend(told.get("done_already", ()))
        self._left_out_already.extend(told.get("left_out_already", ()))
        self._done_again.update(told.get("done_again", {}))
        return True


def _row(case: str, outcome: str, problem: str | None) -> dict[str, Any]:
    return {"case": case, "outcome": outcome, "problem": problem}


class _Dask:
    """Workers of ``distributed``."""

    def __init__(self, client: Any, memory: str | None, retries: int) -> None:
        distributed = library("distributed", "distributed")
        self._client = client
        self._killed, self._retries = distributed.scheduler.KilledWorker, retries
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        self._threads: dict[str, int] = {}
        for worker in workers:
            self._threads[worker["host"]] = self._threads.get(worker["host"], 0) + worker["nthreads"]
        declared = [worker["resources"][memory] for worker in workers if memory in worker.get("resources", {})]
        self._memory = memory if declared else None
        self._most: float = max(declared, default=0.0)

    def slots(self) -> int:
        return max(self._threads.values(), default=1)

    def refuse(self, case: _task.Case) -> str | None:
        if self._memory is None or case.memory <= self._most:
            return None
        return f"it needs {case.memory} bytes, and no worker has more than {self._most:.0f} ({self._memory})"

    def submit(self, job: _task.Job, case: _task.Case, rank: int, ended: Callable[[Any], object]) -> Any:
        future = self._client.submit(
            _task.work, job, case, key=f"revoxel-{case.name}-{uuid.uuid4().hex}", pure=False, priority=-rank,
            retries=self._retries, resources={self._memory: case.memory} if self._memory and case.memory else None,
        )  # fmt: skip
        future.add_done_callback(ended)
        return future

    def outcome(self, future: Any) -> dict[str, Any] | None:
        if future.status in {"cancelled", "lost", "pending"}:
            return None
        try:
            found: dict[str, Any] = future.result()
        except self._killed as problem:
            raise _Lost(f"its workers died: {problem}") from None
        except Exception:
            # It may have been cancelled since.
            if future.status in {"cancelled", "lost"}:
                return None
            raise
        return found

    def stop(self, job: _task.Job, futures: list[Any]) -> list[Any]:
        # Programs first: the workers begin no others.
        self._client.run(_task.stop, job.run, on_error="ignore")
        keys = [future.key for future in futures]
        states = self._client.sync(self._client.scheduler.get_task_status, keys=keys)
        begun: list[Any] = []
        others: list[Any] = []
        for future in futures:
            (begun if states.get(future.key) in {"processing", "memory", "erred"} else others).append(future)
        self._client.cancel(others)
        until = time.monotonic() + _GRACE
        while any(future.status == "pending" for future in begun) and time.monotonic() < until:
            time.sleep(0.01)
        self._client.cancel([future for future in begun if future.status == "pending"])
        return begun


class _Ray:
    """Workers of Ray. It knows the memory of its machines; it has no priorities, and takes tasks as they come."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._ray = library("ray", "ray")
        if not self._ray.is_initialized():
            self._ray.init()
        self._work = self._ray.remote(_task.work)
        self._most = max((node["Resources"].get("memory", 0) for node in self._ray.nodes() if node["Alive"]), default=0)

    def slots(self) -> int:
        return int(max((node["Resources"].get("CPU", 1) for node in self._ray.nodes() if node["Alive"]), default=1))

    def refuse(self, case: _task.Case) -> str | None:
        return (
            None
            if case.memory <= self._most
            else f"it needs {case.memory} bytes, and no node has more than {self._most:.0f}"
        )

    def submit(self, job: _task.Job, case: _task.Case, rank: int, ended: Callable[[Any], object]) -> Any:
        reference = self._work.options(
            num_cpus=job.threads or 1, memory=case.memory or None, max_retries=self._retries, retry_exceptions=True
        ).remote(job, case)
        reference.future().add_done_callback(ended)
        return reference

    def outcome(self, future: Any) -> dict[str, Any] | None:
        if not self._ray.wait([future], timeout=0)[0]:
            return None
        try:
            found: dict[str, Any] = self._ray.get(future)
        except self._ray.exceptions.TaskCancelledError:
            return None
        except self._ray.exceptions.WorkerCrashedError as problem:
            raise _Lost(f"its workers died: {problem}") from None
        return found

    def stop(self, job: _task.Job, futures: list[Any]) -> list[Any]:
        # A task that is at work gets a KeyboardInterrupt, and ends its program.
        for future in futures:
            self._ray.cancel(future)
        if futures:
            self._ray.wait(futures, num_returns=len(futures), timeout=_GRACE)
        return futures
