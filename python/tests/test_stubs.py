"""The committed stubs say what was built."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import revoxel
from revoxel import _core, _names

STUB = Path(_core.__file__).with_name("_core.pyi")


def test_stubs_agree_with_the_module(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "revoxel._core"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr


def words(text: str | None) -> str:
    return " ".join((text or "").split())


def documented() -> list[tuple[str, str, str]]:
    """The name, the text in the stub and the one of the module, of all that is public."""
    found = []
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        there = getattr(_core, node.name)
        found.append((node.name, words(ast.get_docstring(node)), words(there.__doc__)))
        for part in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
                text = getattr(there, part.name).__doc__
                found.append((f"{node.name}.{part.name}", words(ast.get_docstring(part)), words(text)))
    return found


@pytest.mark.parametrize(("name", "stub", "module"), documented(), ids=[name for name, _, _ in documented()])
def test_editors_show_what_help_shows(name: str, stub: str, module: str) -> None:
    """The stub has the beginning of each text, in whole sentences."""
    assert stub, f"{name} has no text in _core.pyi: copy the first sentences of its own"
    assert module.startswith(stub), f"_core.pyi says of {name}: {stub}"


def said(call: Any, **wrong: Any) -> str:
    with pytest.raises(revoxel.RevoxelError) as caught:
        call(**wrong)
    return str(caught.value)


def names_in(message: str) -> set[str]:
    """The names that a message lists, behind the one that was wrong."""
    told = re.split(r": use |: expected | is none of | is neither ", message)[-1]
    return set(re.findall(r"[a-z_]{2,}", told)) - {"and", "or", "for", "nor", "also"}


def test_the_names_of_arguments_are_those_that_are_taken(scan: revoxel.Volume, pipeline: revoxel.Pipeline) -> None:
    trace = pipeline({"image": scan}).trace
    prediction = np.zeros(trace.model_grid.shape, np.float32)

    def invert(**wish: Any) -> Any:
        return trace.invert(prediction, **wish)

    def points(**wish: Any) -> Any:
        return trace.points([[0, 0, 0]], **wish)

    for names, argument, call in (
        (_names.Kind, "kind", invert),
        (_names.Interpolation, "interpolation", invert),
        (_names.Activation, "activation", invert),
        (_names.Values, "values", invert),
        (_names.Onto, "onto", invert),
        (_names.Axes, "axes", invert),
        (_names.Space, "space", points),
        (_names.Space, "to", points),
    ):
        assert names_in(said(call, **{argument: "nonsense"})) == set(get_args(names)), argument


def test_the_orders_of_axes_are_those_that_are_taken(scan: revoxel.Volume) -> None:
    def taken(order: str) -> bool:
        try:
            revoxel.Volume(np.zeros([2] * len(order), np.uint8), np.eye(4), order=order)
        except revoxel.RevoxelError:
            return False
        return True

    letters = ["".join(o) for n in (2, 3, 4) for o in itertools.permutations("xyzc", n)]
    assert {order for order in letters if taken(order)} == {*get_args(_names.Order), *get_args(_names.FlatOrder)}
    for order in get_args(_names.Order):
        assert scan.to_numpy(order=order).ndim == len(order)


def test_plans_have_the_keys_of_their_type(scan: revoxel.Volume, pipeline: revoxel.Pipeline) -> None:
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    planned = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "_Planned")
    keys = [part.target.id for part in planned.body if isinstance(part, ast.AnnAssign)]  # type: ignore[union-attr]
    assert sorted(pipeline.plan({"image": scan})["image"]) == sorted(keys)


RIGHT = """
import numpy as np
import revoxel

volume = revoxel.Volume(np.zeros((2, 3, 4)), np.eye(4), order="zyx", kind="label")
trace = revoxel.trace_from_monai(None)
back: revoxel.Volume = trace.invert(volume, kind="logit", interpolation="label", activation="softmax", axes="czyx")
trace.points([[0, 0, 0]], space="lps", to="index")
grid: revoxel.Grid | None = revoxel.Pipeline.parse("").plan({"image": volume})["image"]["grid"]
revoxel.read("scan.nii.gz", "probability").to_numpy(order="cyxz")
"""
WRONG = """
import revoxel

def f(trace: revoxel.Trace, volume: revoxel.Volume, pipeline: revoxel.Pipeline) -> None:
    trace.invert(volume, kind="labl")
    trace.invert(volume, interpolation="linaer")
    trace.invert(volume, activation="relu")
    trace.invert(volume, axes="zxy")
    trace.invert(volume, values="undone")
    trace.invert(volume, onto="slice")
    trace.points([[0, 0, 0]], space="mm")
    revoxel.read("x", "imge")
    volume.with_kind("mask")
    volume.to_numpy(order="xxy")
    volume.to_torch(order="xyzc")
    pipeline.plan({})["image"]["gird"]
"""


def test_checkers_of_types_know_the_names(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "right.py", "wrong.py"], capture_output=True, text=True, cwd=tmp_path
    )
    lines = [line for line in done.stdout.splitlines() if ": error: " in line and line.startswith(("right", "wrong"))]
    first = WRONG.splitlines().index('    trace.invert(volume, kind="labl")') + 1
    told = [line.split(": error")[0] for line in lines]
    assert told == [f"wrong.py:{number}" for number in range(first, first + 12)], done.stdout
