"""Calls an adapter, and turns what happens into measures."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ._adapter import NotApplicable, Refused, SpatialImageAdapter
from ._broken import is_broken
from ._files import SampleFile
from ._geometry import FLIP_XY, Affine, Array, Points, apply, corners, in_voxels, orders, reordered
from ._report import Measure, Verdict


@dataclass(frozen=True)
class Outcome:
    """What a call gave: a value, a refusal, a fault of the adapter, or nothing: the library has no such thing."""

    value: Any = None
    refusal: str | None = None
    absent: str | None = None
    broken: str | None = None
    warned: bool = False

    @property
    def ok(self) -> bool:
        return self.refusal is None and self.absent is None and self.broken is None


class Broken(Exception):
    """An adapter gave something that cannot be judged, such as a place of two numbers."""


@contextlib.contextmanager
def listening() -> Iterator[list[bool]]:
    """Notes whether anything was said: a Python warning, or text on standard error (also of C++)."""
    said = [False]
    sys.stderr.flush()
    with tempfile.TemporaryFile() as heard, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kept = os.dup(2)
        try:
            os.dup2(heard.fileno(), 2)
            yield said
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            # Notices to programmers about what will go away are no answer to a question.
            spoken = [w for w in caught if not issubclass(w.category, (DeprecationWarning, FutureWarning))]
            said[0] = bool(spoken) or heard.seek(0, os.SEEK_END) > 0


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # ITK puts the place in its source first, and what is wrong last; places of files say nothing.
    text = next((line for line in reversed(lines) if "ITK ERROR" in line), "")
    text = text or (lines[-1] if "ITK ERROR" in str(error) else (lines[0] if lines else ""))
    # Addresses differ from run to run.
    text = re.sub(r"\w*\(0x[0-9a-f]+\): ", "", text)
    text = re.sub(r"(?<![\w:/])(/[\w.+-]+){2,}", lambda found: found.group().rsplit("/", 1)[1], text)
    if len(text) > 160:
        text = text[:159] + "…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Lab:
    """An adapter, with what the questions share."""

    def __init__(self, adapter: SpatialImageAdapter, files: Sequence[SampleFile], scratch: Path) -> None:
        self.adapter = adapter
        self.files = files
        self.scratch = scratch
        self._opened: dict[str, Outcome] = {}
        self._count = 0

    @property
    def frame(self) -> str | None:
        return self.adapter.frame

    @property
    def suffixes(self) -> tuple[str, ...]:
        return tuple(self.fact("suffixes", ()))

    def fact(self, name: str, default: Any = None) -> Any:
        return getattr(self.adapter, name, default)

    def has(self, method: str) -> bool:
        return callable(getattr(self.adapter, method, None))

    def call(self, method: str, *args: Any) -> Outcome:
        """Calls a method of the adapter, whatever happens."""
        function = getattr(self.adapter, method, None)
        if not callable(function):
            return Outcome(absent=f"the adapter has no {method}")
        outcome: Outcome
        with listening() as said:
            try:
                outcome = Outcome(value=function(*args))
            except NotApplicable as missing:
                outcome = Outcome(absent=str(missing) or f"no {method}")
            except Exception as error:
                told = first_line(error)
                outcome = Outcome(broken=told) if is_broken(error, self.adapter) else Outcome(refusal=told)
        return dataclasses.replace(outcome, warned=said[0])

    def open(self, file: SampleFile) -> Outcome:
        """Opens a sample file, once."""
        if file.format not in self.fact("formats", ()):
            return Outcome(absent=f"does not read {file.format}")
        if file.name not in self._opened:
            self._opened[file.name] = self.call("open", file.path)
        return self._opened[file.name]

    def round_trip(self, image: Any, suffix: str) -> Outcome:
        """Saves an image and opens it again."""
        self._count += 1
        folder = self.scratch / str(self._count)
        folder.mkdir()
        path = folder / f"image{suffix}"
        saved = self.call("save", image, path)
        if not saved.ok:
            return saved
        opened = self.call("open", path)
        return dataclasses.replace(opened, warned=saved.warned or opened.warned)

    # --- what an image says

    def places(self, image: Any, indices: Points) -> Points:
        """Where these indices lie, in the adapter's frame, (n, 3)."""
        out = []
        for x, y, z in np.asarray(indices, dtype=np.float64):
            place = np.asarray(self.adapter.world(image, (float(x), float(y), float(z))), dtype=np.float64).ravel()
            if place.shape != (3,):
                raise Broken(f"world gave {place.size} numbers, not 3")
            out.append(place)
        return np.array(out)

    def array(self, image: Any) -> Array:
        """The values with axes (x, y, z)."""
        array = np.asarray(self.adapter.array(image))
        if array.ndim != 3:
            raise Broken(f"array has {array.ndim} axes, not 3")
        return array.transpose(2, 1, 0) if self.adapter.axis_order == "zyx" else array

    def in_frame(self, affine_ras: Affine, frame: str | None = None) -> Affine:
        """An affine to RAS as one to the adapter's frame, or to another."""
        frame = frame or self.frame
        return np.asarray(FLIP_XY @ affine_ras) if frame == "LPS" else affine_ras

    def frames(self) -> tuple[str, ...]:
        """The declared frame first, then the other."""
        return ("LPS", "RAS") if self.frame == "LPS" else ("RAS", "LPS")

    def variants(self, file: SampleFile) -> Iterator[tuple[Array, Affine]]:
        """What a reader may answer: values (x, y, z, c) and the affine to RAS."""
        for affine in file.affines_ras:
            if not file.axis_order_free:
                yield file.values, affine
                continue
            for order, flips in orders():
                turned, moved = reordered(file.values[..., 0], affine, order, flips)
                yield turned[..., np.newaxis], moved

    def deviation(self, image: Any, affine: Affine, shape: Sequence[int]) -> float:
        """The largest distance of a corner from where `affine` (to the frame) puts it, in voxels."""
        at = corners(shape)
        off = in_voxels(affine, self.places(image, at) - apply(affine, at))
        return float(np.max(np.abs(off))) if np.isfinite(off).all() else float("inf")

    def misplaced(self, image: Any, affine_ras: Affine, shape: Sequence[int]) -> float:
        """The same for an affine to RAS; the better of both frames where the adapter declares none."""
        frames = self.frames() if self.frame is None else self.frames()[:1]
        return min(self.deviation(image, self.in_frame(affine_ras, frame), shape) for frame in frames)

    def nearest(self, image: Any, file: SampleFile) -> tuple[Array, Affine, float]:
        """The variant whose corners fit best: values, affine to the frame, and the deviation.

        Where the adapter declares no frame, or the file has none, the better of both frames.
        """
        both = self.frame is None or file.frame is None
        best: tuple[Array, Affine, float] | None = None
        for values, affine_ras in self.variants(file):
            for frame in self.frames() if both else self.frames()[:1]:
                affine = self.in_frame(affine_ras, frame)
                off = self.deviation(image, affine, values.shape[:3])
                if best is None or off < best[2]:
                    best = (values, affine, off)
        if best is None:
            raise Broken(f"{file.name} has no expected answer")
        return best


class Notebook:
    """Collects the measures of one question."""

    def __init__(self) -> None:
        self.measures: list[Measure] = []

    def add(self, what: str, verdict: Verdict, sentence: str, **numbers: float) -> None:
        named = {key.replace("_", " "): float(value) for key, value in numbers.items()}
        self.measures.append(Measure(what, verdict, sentence, named))

    def passed(self, what: str, sentence: str, **numbers: float) -> None:
        self.add(what, Verdict.PASS, sentence, **numbers)

    def failed(self, what: str, sentence: str, warned: bool = False, **numbers: float) -> None:
        self.add(what, Verdict.FAIL, sentence + (", with a warning" if warned else ""), **numbers)

    def judge(self, what: str, good: bool, yes: str, no: str, warned: bool = False, **numbers: float) -> None:
        if good:
            self.passed(what, yes, **numbers)
        else:
            self.failed(what, no, warned, **numbers)

    def refused(self, what: str, outcome: Outcome) -> bool:
        """Notes a call that gave nothing; True if it did."""
        if outcome.absent is not None:
            self.add(what, Verdict.NOT_APPLICABLE, outcome.absent)
        elif outcome.refusal is not None:
            self.add(what, Verdict.REFUSED, outcome.refusal)
        elif outcome.broken is not None:
            self.add(what, Verdict.FAIL, f"the adapter is broken: {outcome.broken}")
        return not outcome.ok

    @contextlib.contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """An error inside is noted: an image was given, and then could not be asked."""
        try:
            yield
        except NotApplicable as missing:
            self.add(what, Verdict.NOT_APPLICABLE, str(missing))
        except Broken as broken:
            self.failed(what, str(broken))
        except Refused as refused:
            self.add(what, Verdict.REFUSED, str(refused))
        except Exception as error:
            self.failed(what, f"an image is given, and asking it raises {first_line(error)}")
