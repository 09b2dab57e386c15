"""The program, started by Python for work on whole datasets: it can be interrupted, and its memory is its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

from revoxel._core import Pipeline
from revoxel._errors import PipelineError, RevoxelError

StrPath: TypeAlias = str | os.PathLike[str]
Progress: TypeAlias = Callable[[int, int, "str | None"], object] | bool | None

# Not `-m revoxel`: a folder of that name where the user happens to work would come first.
_START = "import sys; sys.path.append(sys.argv.pop(1)); from revoxel._cli import main; main()"

# How long the program may take to end after it was told to. It lets a case that gets its names just now have all of them.
_GRACE = 5.0


def program() -> list[str]:
    """The command that is the program: what the variable REVOXEL_PROGRAM says, or that of this package."""
    said = os.environ.get("REVOXEL_PROGRAM")
    return shlex.split(said) if said else [sys.executable, "-P", "-c", _START, str(Path(__file__).parents[1])]


def call(arguments: Iterable[str], progress: Progress = None) -> tuple[int, Any]:
    """Run the program with ``--json``; its exit code and its document.

    ``progress`` is called with the number of cases that ended, the number of all, and the name of the last one. True and
    None show a bar of tqdm where that is installed and a terminal is there (None), False shows nothing.

    Raises:
        RevoxelError: if the program says that it cannot do this, or ends without a document.
        KeyboardInterrupt: after the program has ended. What it had done is there and whole.
    """
    arguments = list(arguments)
    command = [*program(), *arguments, "--json", "--quiet", "--progress", "json"]
    with _shown(progress) as tell:
        # A group of its own: a Ctrl-C reaches the program through this function, once.
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
        )
        assert started.stdout is not None
        assert started.stderr is not None
        answer: list[bytes] = []
        reader = threading.Thread(target=_read, args=(started.stdout, answer), daemon=True)
        reader.start()
        said: list[str] = []
        try:
            for line in started.stderr:
                text = line.decode(errors="replace").rstrip()
                step = _progress_of(text)
                if step is None:
                    said.append(text)
                elif step:
                    tell(*step)
            code = started.wait()
        except BaseException:
            _end(started)
            raise
        reader.join()
    return code, _document(arguments[0], code, b"".join(answer), said)


def _read(pipe: IO[bytes], into: list[bytes]) -> None:
    into.append(pipe.read())


def _end(started: subprocess.Popen[bytes]) -> None:
    started.send_signal(signal.SIGINT)
    try:
        started.wait(_GRACE)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()


def _progress_of(line: str) -> tuple[int, int, str | None] | tuple[()] | None:
    if not line.startswith('{"progress":'):
        return None
    try:
        step = json.loads(line)["progress"]
        # Headers and labels are looked at first, which counts other things.
        return (int(step["ended"]), int(step["of"]), step["case"]) if step["unit"] == "cases" else ()
    except (ValueError, KeyError, TypeError):
        return None


def _document(command: str, code: int, answer: bytes, said: list[str]) -> Any:
    try:
        document = json.loads(answer)
    except ValueError:
        document = None
    if isinstance(document, dict) and "error" in document:
        raise _refused(document)
    if document is None or code not in {0, 1, 2}:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        lines = "\n".join(said[-20:])
        raise RevoxelError(f"the command `revoxel {command}` {how}" + (f":\n{lines}" if lines else ""))
    return document


def _refused(document: dict[str, Any]) -> RevoxelError:
    """What the program says is wrong, as an exception."""
    place, help = document.get("place"), document.get("help")
    said = str(document["error"])
    if isinstance(help, str):
        help = _in_python(help)
        said = f"{said} ({help})"
    if not isinstance(place, str):
        return RevoxelError(said, help=help)
    file, line, column = (*place.rsplit(":", 2), "", "")[:3]
    known = line.isdigit() and column.isdigit()
    return PipelineError(
        f"{place}: {said}",
        file=file if known else place,
        line=int(line) if known else None,
        column=int(column) if known else None,
        help=help,
    )


def _in_python(help: str) -> str:
    """Options of the program as arguments: ``--keep-going`` is ``keep_going=``."""
    named = help.replace("the option is --", "the argument is --")
    return re.sub(r"--([a-z][a-z-]*)(?: [A-Z]+\b)?", lambda option: option[1].replace("-", "_") + "=", named)


@contextlib.contextmanager
def pipeline_file(pipeline: StrPath | Pipeline) -> Iterator[str]:
    """The path of a pipeline. One that is in memory alone is written for as long as it is needed."""
    if not isinstance(pipeline, Pipeline):
        yield os.fspath(pipeline)
        return
    with tempfile.TemporaryDirectory(prefix="revoxel-") as folder:
        # What pickle makes of it needs no other file.
        text, name = pipeline.__reduce__()[1]
        path = Path(folder) / Path(name).name
        path.write_text(text, encoding="utf-8")
        yield str(path)


@contextlib.contextmanager
def _shown(progress: Progress) -> Iterator[Callable[[int, int, str | None], object]]:
    if callable(progress):
        yield progress
        return
    bar = None if progress is False or (progress is None and not sys.stderr.isatty()) else _tqdm()
    if bar is None:
        yield lambda _ended, _of, _case: None
        return

    def tell(ended: int, of: int, case: str | None) -> None:
        bar.total = of
        bar.set_postfix_str(case or "", refresh=False)
        bar.update(ended - bar.n)

    try:
        yield tell
    finally:
        bar.close()


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(unit=" cases")
