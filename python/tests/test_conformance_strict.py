"""A strict check of the conformance checker passes no adapter that is broken or that answers nothing."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from revoxel.testing import Adapter, NonConformance, NotApplicable, Verdict, check_spatial_image
from revoxel.testing.__main__ import main
from revoxel.testing.adapters import adapter as adapter_called


class Small:
    """Three facts, three methods, and a file format that nobody else reads."""

    name = "small"
    frame: Any = "RAS"
    axis_order = "xyz"
    suffixes = (".npz",)

    def make(self, array_xyz: Any, affine_ras: Any) -> Any:
        if not np.isfinite(affine_ras).all() or not np.linalg.det(affine_ras):
            raise ValueError("this affine has no inverse")
        return array_xyz, affine_ras.copy()

    def array(self, image: Any) -> Any:
        return image[0]

    def world(self, image: Any, index_xyz: Any) -> Any:
        return image[1][:3, :3] @ index_xyz + image[1][:3, 3]

    def save(self, image: Any, path: Path) -> None:
        np.savez(path, values=image[0], affine=image[1])

    def open(self, path: Path) -> Any:
        with np.load(path) as held:
            return held["values"], held["affine"]


def test_a_small_adapter_passes() -> None:
    report = check_spatial_image(Small(), strict=True)
    assert {report[n].verdict for n in (1, 2, 3, 4, 5)} == {Verdict.PASS}
    assert not report.unanswered


def test_a_class_is_no_adapter() -> None:
    with pytest.raises(TypeError, match=r"Small is a class: pass an instance, Small\(\)"):
        check_spatial_image(Small, strict=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["name", "frame", "axis_order", "make", "array", "world"])
def test_what_is_missing_is_named(missing: str) -> None:
    kept = {name: value for name, value in vars(Small).items() if name != missing and not name.startswith("__")}
    with pytest.raises(TypeError, match=rf"the adapter Less has no (method )?{missing}\b"):
        check_spatial_image(type("Less", (), kept)())


def test_the_base_class_alone_is_no_adapter() -> None:
    class Named(Adapter):
        name = "named"

    with pytest.raises(TypeError, match="has no name"):
        check_spatial_image(Adapter())
    with pytest.raises(TypeError, match="has no method make"):
        check_spatial_image(Named())


@pytest.mark.parametrize(("fact", "value"), [("frame", "ras"), ("axis_order", "ijk")])
def test_facts_must_be_known(fact: str, value: str) -> None:
    adapter = Small()
    setattr(adapter, fact, value)
    with pytest.raises(ValueError, match=rf"has the {fact} '{value}': expected"):
        check_spatial_image(adapter)


def two(a: Any, b: Any) -> Any:
    return a, b


class Misspelt(Small):
    def make(self, array_xyz: Any, affine_ras: Any) -> Any:
        return Imge(array_xyz, affine_ras)  # type: ignore[name-defined]  # noqa: F821


class NoSuchAttribute(Small):
    def make(self, array_xyz: Any, affine_ras: Any) -> Any:
        return self.library.image(array_xyz, affine_ras)  # type: ignore[attr-defined]


class TooManyArguments(Small):
    def make(self, array_xyz: Any, affine_ras: Any) -> Any:
        return two(array_xyz, affine_ras, 1)  # type: ignore[call-arg]


class TooFewParameters(Small):
    def make(self, array_xyz: Any) -> Any:  # type: ignore[override]
        return array_xyz, np.eye(4)


class UnknownKeyword(Small):
    def make(self, array_xyz: Any, affine_ras: Any) -> Any:
        return np.asarray(array_xyz, affine=affine_ras)  # type: ignore[call-overload]


class NoSuchModule(Small):
    def make(self, array_xyz: Any, affine_ras: Any) -> Any:
        return importlib.import_module("no_such_library").image(array_xyz, affine_ras)


class NoSuchName(Small):
    def make(self, array_xyz: Any, affine_ras: Any) -> Any:
        from numpy import no_such_name  # type: ignore[attr-defined]

        return no_such_name(array_xyz, affine_ras)


BROKEN = {
    Misspelt: "NameError",
    NoSuchAttribute: "AttributeError",
    TooManyArguments: "TypeError",
    TooFewParameters: "TypeError",
    UnknownKeyword: "TypeError",
    NoSuchModule: "ModuleNotFoundError",
    NoSuchName: "ImportError",
}


@pytest.mark.parametrize("kind", BROKEN, ids=[kind.__name__ for kind in BROKEN])
def test_a_broken_adapter_fails(kind: type[Small]) -> None:
    report = check_spatial_image(kind())
    for number in (1, 2, 3, 4, 5, 7, 9):
        assert report[number].verdict is Verdict.FAIL
        assert f"the adapter is broken: {BROKEN[kind]}" in report[number].sentence
    with pytest.raises(NonConformance, match="the adapter is broken"):
        report.check()


@pytest.mark.parametrize("method", ["open", "save"])
def test_optional_methods_may_be_broken_too(method: str) -> None:
    class Broken(Small):
        formats = ("nifti",)

    def fails(self: Any, *_: Any) -> Any:
        return self.no_such_thing

    setattr(Broken, method, fails)
    report = check_spatial_image(Broken())
    assert report[5].verdict is Verdict.FAIL
    assert "the adapter is broken" in report[5].sentence
    assert (report[1].verdict is Verdict.FAIL) == (method == "open")


def test_a_broken_direction_is_not_passed_over() -> None:
    class Broken(Small):
        def direction(self, image: Any) -> Any:
            return image.direction

    assert "the adapter is broken" in check_spatial_image(Broken())[2].sentence


def test_errors_of_the_library_are_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same errors, raised by the library: it refuses, if in an unusual way."""
    (tmp_path / "odd_library.py").write_text(
        "def image(error):\n    raise error\n"
        "def optional():\n    raise ImportError('to read this file, install something')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    library = importlib.import_module("odd_library")

    class Odd(Small):
        formats = ("nifti",)

        def make(self, array_xyz: Any, affine_ras: Any) -> Any:
            if array_xyz.dtype == np.uint64:
                library.image(AttributeError("this type has no name"))
            if array_xyz.dtype == np.int64:
                library.image(TypeError("uint8() takes no int64"))
            return super().make(array_xyz, affine_ras)

        def open(self, path: Path) -> Any:
            return super().open(path) if path.suffix == ".npz" else library.optional()

    report = check_spatial_image(Odd(), strict=True)
    kinds = {measure.sentence.partition(":")[0] for measure in report[9].of(Verdict.REFUSED)}
    assert kinds == {"AttributeError", "TypeError", "ImportError"}


def test_strict_fails_where_nothing_is_answered() -> None:
    class RefusesAll(Small):
        def make(self, array_xyz: Any, affine_ras: Any) -> Any:
            raise ValueError("not today")

    class HasNothing(Small):
        def make(self, array_xyz: Any, affine_ras: Any) -> Any:
            raise NotApplicable("it makes no images")

    for kind in (RefusesAll, HasNothing):
        report = check_spatial_image(kind())
        assert [answer.number for answer in report.unanswered] == [1, 2, 3, 4]
        assert not report.failed
        with pytest.raises(NonConformance, match="question 2: not one try was answered"):
            check_spatial_image(kind(), strict=True)
        # As the fixture of pytest asks: one question by itself.
        with pytest.raises(NonConformance, match="not one try was answered"):
            check_spatial_image(kind(), questions=[3])[3].check()


def test_the_third_question_needs_a_frame() -> None:
    class Frameless(Small):
        frame = None

    report = check_spatial_image(Frameless(), strict=True)
    assert report[3].verdict is Verdict.NOT_APPLICABLE


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "adapters_of_mine.py").write_text(
        "from test_conformance_strict import Misspelt, Small\n"
        "there = Small()\n"
        "class Less:\n    name = 'less'\n"
        "class Refuses(Small):\n    def make(self, *_): raise ValueError('not today')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return "adapters_of_mine"


def test_the_command(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{module}:Small", "--strict"]) == 0
    assert main([f"{module}:Misspelt", "--strict", "--question", "1"]) == 1
    assert main([f"{module}:Refuses", "--strict", "--question", "1"]) == 1
    assert main([f"{module}:Refuses", "--question", "1"]) == 0
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([f"{module}:Less"])
    assert "has no frame" in capsys.readouterr().err
    # An adapter that is there already is taken as it is.
    assert main([f"{module}:there", "--strict", "--json", "--question", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["libraries"][0]["name"] == "small"
    assert adapter_called(f"{module}:there").name == "small"
