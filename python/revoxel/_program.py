"""The program, started by Python for work on whole datasets: it can be interrupted, and its memory is its own."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

from revoxel._core import Pipeline
from revoxel._errors import PipelineError, RevoxelError

StrPath: TypeAlias = str | os.PathLike[str]
Progress: TypeAlias = Callable[[int, int, "str | None"], object] | bool | None

# Not `-m revoxel`: a folder of that name where the user happens to work would come first. Until the program listens, Ctrl-C ends
# it at once: Python's own handler may lose it in the middle of an import.
_START = """
import signal, sys
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.path.append(sys.argv.pop(1))
from revoxel._cli import main
main()
"""

# How long the program may take to end after it was told to. It lets a case that gets its names just now have all of them.
_GRACE = 5.0

# Another program in place of that of this package.
_VARIABLE = "REVOXEL_PROGRAM"

# Options of the program that are arguments here, and how they are written: those that are there or not, those that take a
# word, and the others.
FLAGS = frozenset(
    {"snap", "resume", "overwrite", "keep_going", "allow_outside", "argmax", "values", "clamp", "assume_grid"}
)
_WORDS = frozenset({"restore", "volume", "kind", "interpolation", "activation", "dtype", "axes", "onto", "key"})
_OTHERS = frozenset(
    {"data", "out", "run", "set", "seed", "shard", "retries", "jobs", "threads", "memory", "regions", "threshold", "fill",
     "weights", "reference", "tolerance_mm", "csv"}
)  # fmt: skip
_RENAMED = {"case": "cases"}


def plain(value: Any) -> Any:
    """A value as Python itself has it: scalars and arrays of numpy become numbers and lists, types of voxels and paths text."""
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # Who gives nothing of numpy does not wait for it.
    np = importlib.import_module("numpy")
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, (np.generic, int, float))):
        return np.dtype(value).name
    return value.tolist() if hasattr(value, "tolist") else value


def whole_number(name: str, value: Any, least: int) -> Any:
    """A whole number, or None. A flag or a text that looks like one is none.

    Raises:
        RevoxelError: if it is not a whole number, or below the least.
    """
    number = plain(value)
    if number is None or (isinstance(number, int) and not isinstance(number, bool) and number >= least):
        return number
    raise RevoxelError(f"{name}: {value!r}: expected a whole number, at least {least}")


def positional(path: StrPath) -> str:
    """A path among the arguments of the program: one that begins with a dash is no option."""
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise RevoxelError(f"{path!r}: expected a path, as text or as pathlib.Path")
    return f"./{text}" if text.startswith("-") else text


def program() -> list[str]:
    """The command that is the program: what the variable REVOXEL_PROGRAM says, or that of this package.

    Raises:
        RevoxelError: if the variable does not name a program.
    """
    said = os.environ.get(_VARIABLE)
    if said is None:
        return [sys.executable, "-P", "-c", _START, str(Path(__file__).parents[1])]
    try:
        words = shlex.split(said)
    except ValueError as problem:
        raise RevoxelError(f"the variable {_VARIABLE} is {said!r}, and no command: {problem}") from None
    if not words:
        raise RevoxelError(f"the variable {_VARIABLE} is empty: remove it, or let it name a program")
    if shutil.which(words[0]) is None:
        why = "it is not executable" if os.path.exists(words[0]) else "there is no such program"
        raise RevoxelError(f"the variable {_VARIABLE} is {said!r}: {words[0]}: {why}")
    return words


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Ctrl-C waits until this is left: a program that is started meanwhile is known to its caller, who can end it.

    A mask of signals would not do, as the system gives a signal to any thread, and Python runs the handler in the main one.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed: list[Any] = []
    signal.signal(signal.SIGINT, lambda _, frame: pressed.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            before(signal.SIGINT, pressed[0])


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a program in a group of its own: a Ctrl-C reaches it through whoever started it, once.

    Raises:
        RevoxelError: if the system does not start it.
    """
    try:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
        )
    except OSError as problem:
        said = os.environ.get(_VARIABLE)
        what = f"{command[0]}: cannot be started: {problem.strerror or problem}"
        raise RevoxelError(what if said is None else f"the variable {_VARIABLE} is {said!r}: {what}") from problem


def answer(arguments: Iterable[str]) -> subprocess.CompletedProcess[bytes]:
    """Run the program to its end; what it says."""
    command = [*program(), *arguments]
    started = None
    try:
        with held():
            started = start(command)
        said, besides = started.communicate()
    except BaseException:
        if started is not None:
            _end(started)
        raise
    return subprocess.CompletedProcess(command, started.returncode, said, besides)


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
    found: list[bytes] = []
    said: list[str] = []
    with _shown(progress) as tell:
        started = None
        try:
            with held():
                started = start(command)
            assert started.stdout is not None
            assert started.stderr is not None
            reader = threading.Thread(target=_read, args=(started.stdout, found), daemon=True)
            reader.start()
            for line in started.stderr:
                text = line.decode(errors="replace").rstrip()
                step = _progress_of(text)
                if step is None:
                    said.append(text)
                elif step:
                    tell(*step)
            code = started.wait()
            reader.join()
        except BaseException:
            if started is not None:
                _end(started)
            raise
    return code, _document(arguments, code, b"".join(found), said)


def ask(arguments: list[str]) -> dict[str, Any]:
    """The document of a command. One that says what is wrong with single cases is an answer, too."""
    ended = answer([*arguments, "--json", "--quiet"])
    try:
        document = json.loads(ended.stdout)
    except ValueError:
        said = ended.stderr.decode(errors="replace").strip()
        raise RevoxelError(f"{ended.args[0]} {arguments[0]} ended with exit code {ended.returncode}: {said}") from None
    if "error" in document:
        raise refused(document, arguments)
    return dict(document)


def _read(pipe: IO[bytes], into: list[bytes]) -> None:
    into.append(pipe.read())


def _end(started: subprocess.Popen[bytes]) -> None:
    try:
        started.send_signal(signal.SIGINT)
        started.wait(_GRACE)
    except BaseException as problem:
        # Also where Ctrl-C is pressed again.
        started.kill()
        started.wait()
        if not isinstance(problem, subprocess.TimeoutExpired):
            raise


def _progress_of(line: str) -> tuple[int, int, str | None] | tuple[()] | None:
    if not line.startswith('{"progress":'):
        return None
    try:
        step = json.loads(line)["progress"]
        # Headers and labels are looked at first, which counts other things.
        return (int(step["ended"]), int(step["of"]), step["case"]) if step["unit"] == "cases" else ()
    except (ValueError, KeyError, TypeError):
        return None


def _document(arguments: list[str], code: int, answer: bytes, said: list[str]) -> Any:
    try:
        document = json.loads(answer)
    except ValueError:
        document = None
    if isinstance(document, dict) and "error" in document:
        raise refused(document, arguments)
    if not isinstance(document, dict) or code not in {0, 1, 2}:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if document is None and code in {0, 1, 2}:
            how += " and gave no answer"
        if _VARIABLE in os.environ:
            how += f" (the variable {_VARIABLE} is {os.environ[_VARIABLE]!r})"
        lines = "\n".join(said[-20:])
        raise RevoxelError(f"the command `revoxel {arguments[0]}` {how}" + (f":\n{lines}" if lines else ""))
    return document


def refused(document: dict[str, Any], arguments: Iterable[str] = ()) -> RevoxelError:
    """What the program says is wrong with these arguments, as an exception."""
    where, help = document.get("place"), document.get("help")
    given = [argument.partition("=")[2] if argument.startswith("--") else argument for argument in arguments]
    said = in_python(str(document["error"]), given)
    if isinstance(help, str):
        help = in_python(help, given)
        said = f"{said} ({help})"
    if not isinstance(where, str):
        return RevoxelError(said, help=help)
    file, line, column = (*where.rsplit(":", 2), "", "")[:3]
    known = line.isdigit() and column.isdigit()
    return PipelineError(
        f"{where}: {said}",
        file=file if known else where,
        line=int(line) if known else None,
        column=int(column) if known else None,
        help=help,
    )


def in_python(text: str, given: Iterable[str] = ()) -> str:
    """Options of the program as arguments: ``--keep-going`` is ``keep_going=True``, ``--data DIR`` is ``data=``.

    Options that are no arguments stay as they are, and so does what was given, such as a path with two dashes in it.
    """
    kept = [re.escape(path) for path in sorted(given, key=len, reverse=True) if "--" in path]
    option = r"(?<![^\s(`'\"])--(?P<name>[a-z]+(?:-[a-z]+)*)(?![\w=/-]|\.\w)(?:(?P<what> [A-Z]+\b| <[^>]*>)| (?P<word>[a-z]\w*))?"

    def argument(found: re.Match[str]) -> str:
        name = str(found["name"] or "").replace("-", "_")
        name, what, word = _RENAMED.get(name, name), found["what"] or "", found["word"]
        if name in FLAGS:
            return f"{name}=True{what}" + (f" {word}" if word else "")
        if name in _WORDS and word and word not in {"or", "and", "to"}:
            return f'{name}="{word}"'
        if name in _WORDS | _OTHERS | {"cases"}:
            # What is said of an argument begins with its name alone.
            return name + ("" if text[found.end() :].startswith(":") else "=") + (f" {word}" if word else "")
        return found[0]

    said = re.sub("|".join([*kept, option]), argument, text)
    return re.sub(r"the option(s are| is) (?!.*--)", r"the argument\1 ", said) if said != text else said


def library(name: str, package: str) -> Any:
    """A library that need not be installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise RevoxelError(f"{package} is not installed: pip install '{package}'") from None


@contextlib.contextmanager
def pipeline_file(pipeline: StrPath | Pipeline) -> Iterator[str]:
    """The path of a pipeline. One that is in memory alone is written for as long as it is needed."""
    if not isinstance(pipeline, Pipeline):
        yield positional(pipeline)
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
