"""What a worker of :mod:`revoxel.dist` does: the program on one case."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from revoxel._errors import RevoxelError
from revoxel._program import held, program, start

# How long a program that was told to end may take to give the files of a case their names.
_GRACE = 5.0

# The program becomes the child of a worker that may be killed: it is to end with it, and not go on beside the next one. Linux
# alone knows how; elsewhere the program goes on, and does no harm but to the load.
_LAUNCH = """
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
except (AttributeError, OSError):
    pass
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""


class ProgramEnded(RuntimeError):
    """The program ended without an answer: it was killed, or could not be started. Another try may have more luck."""


@dataclass(frozen=True)
class Job:
    """What all cases of a run have in common."""

    run: str
    """Names the run."""
    pipeline: str
    """A path, where all machines see the file."""
    data: str
    out: str
    options: tuple[str, ...]
    text: tuple[str, str] | None = None
    """The text of the pipeline and its name, where there is no file."""
    threads: int | None = None
    slots: int = 1
    """How many tasks a machine runs at once."""
    stage: str | None = None
    storage: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Case:
    """A case, and what it needs, as estimated."""

    name: str
    seconds: float = 0.0
    memory: int = 0
    files: tuple[str, ...] = ()
    """Its inputs below the stage; folders end with a slash."""
    traces: tuple[str, ...] = ()
    """Where its traces lie in the results."""


_at_work: dict[str, set[subprocess.Popen[bytes]]] = {}
_stopped: set[str] = set()
_lock = threading.Lock()


def is_stopped(run: str) -> bool:
    """Whether a run was cancelled here."""
    return run in _stopped


async def stop(run: str) -> None:
    """End the programs of a run in this process, and begin no others."""
    with _lock:
        _stopped.add(run)
        running = list(_at_work.get(run, ()))
    for started in running:
        started.terminate()
    until = time.monotonic() + _GRACE
    while any(started.poll() is None for started in running) and time.monotonic() < until:
        await asyncio.sleep(0.02)
    for started in running:
        started.kill()


def work(job: Job, case: Case) -> dict[str, Any]:
    """Run a case; what the program says of it.

    Raises:
        ProgramEnded: if it says nothing.
    """
    try:
        return _work(job, case)
    except RevoxelError as problem:
        return _answer(case, "failed", str(problem))


def _work(job: Job, case: Case) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        if job.stage is None and job.text is None:
            return execute(job, case, job.pipeline, job.data, job.out)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="revoxel-", dir=_scratch())))
        pipeline = job.pipeline
        if job.text is not None:
            text, name = job.text
            file = scratch / "pipeline" / Path(name).name
            file.parent.mkdir()
            file.write_text(text, encoding="utf-8")
            pipeline = str(file)
        if job.stage is None:
            return execute(job, case, pipeline, job.data, job.out)
        from revoxel import _stage

        return _stage.work(job, case, pipeline, scratch)


def _scratch() -> str | None:
    """The folder of a worker of Dask, which is removed with it; else that of the system."""
    if "distributed" not in sys.modules:
        return None
    from importlib import import_module

    try:
        return str(import_module("distributed").get_worker().local_directory)
    except ValueError:
        return None


def execute(job: Job, case: Case, pipeline: str, data: str, out: str) -> dict[str, Any]:
    """The answer of the program to one case."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = job.threads or max(1, cores // job.slots)
    command = [
        *program(), "run", pipeline, f"--data={data}", f"--out={out}", f"--case={case.name}", *job.options,
        f"--threads={threads}", "--jobs=1", "--resume", "--keep-going", "--json", "--quiet",
    ]  # fmt: skip
    code, answer, said = _communicate(job.run, command)
    try:
        document = json.loads(answer)
    except ValueError:
        document = None
    if not isinstance(document, dict) or code not in {0, 1, 2}:
        # A program that came to its end before it was told to stop has something to say.
        if is_stopped(job.run):
            return cancelled(case)
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        lines = "\n".join(said.decode(errors="replace").splitlines()[-20:])
        raise ProgramEnded(f"{program()[0]} run --case={case.name} {how}" + (f":\n{lines}" if lines else ""))
    if "error" in document:
        problem = str(document["error"]).removeprefix("nothing was written:\n").removeprefix(f"case {case.name}: ")
        help = document.get("help")
        return _answer(case, "failed", f"{problem} ({help})" if help else problem)
    return document


def cancelled(case: Case) -> dict[str, Any]:
    """The answer of a case that was stopped."""
    return _answer(case, "not_run", "cancelled")


def _answer(case: Case, outcome: str, problem: str) -> dict[str, Any]:
    return {"cases": [{"case": case.name, "outcome": outcome, "problem": problem}]}


def _communicate(run: str, command: list[str]) -> tuple[int, bytes, bytes]:
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())]
    started = None
    try:
        with _lock:
            if run in _stopped:
                return -signal.SIGTERM, b"", b""
            with held():
                started = start([*launch, *command])
                _at_work.setdefault(run, set()).add(started)
        answer, said = _wait(started)
    except BaseException:
        if started is not None:
            started.terminate()
            try:
                started.wait(_GRACE)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
        raise
    finally:
        if started is not None:
            with _lock:
                _at_work[run].discard(started)
                if not _at_work[run]:
                    del _at_work[run]
    return started.returncode, answer, said


def _wait(started: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    # Ray interrupts Python, but no system call: it has to come back now and then.
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return started.communicate(timeout=0.2)
