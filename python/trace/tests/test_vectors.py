"""The reader on every case of tests/trace-vectors: it gives what is expected, and refuses what must be refused."""

import ast
import io
import json
import math
import struct
import sys
import tokenize
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import revoxel_trace
from revoxel_trace import Array, TraceError

VECTORS = Path(__file__).resolve().parents[3] / "tests" / "trace-vectors"
CASES = sorted(path.parent for path in VECTORS.glob("*/case.json"))

# What takes the second file of the reader. Without it, the first one must say so.
SECOND = {"values-bias-field": "bias_field", "values-noise": "noise", "values-noise-sampled": "noise"}

def read_nifti(path: Path) -> tuple[Array, Array]:
    """The values, with channels first where there are any, and the affine of a case's file."""
    raw = path.read_bytes()
    dim, code = struct.unpack("<8h", raw[40:56]), struct.unpack("<h", raw[70:72])[0]
    types = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 256: "i1", 512: "<u2", 768: "<u4", 1024: "<i8"}
    shape = [*dim[1 : dim[0] + 1], 1, 1, 1][: max(3, dim[0])]
    affine = np.array([*struct.unpack("<12f", raw[280:328]), 0, 0, 0, 1], float).reshape(4, 4)
    offset = int(struct.unpack("<f", raw[108:112])[0])
    data = np.frombuffer(raw, types[code], math.prod(shape), offset).reshape(shape, order="F")
    return (data if data.ndim == 3 else np.moveaxis(data.reshape(*shape[:3], -1), 3, 0)), affine


def invert(case: Path) -> revoxel_trace.Restored:
    what = json.loads((case / "case.json").read_text(encoding="utf-8"))
    options: dict[str, Any] = {}
    words = iter(what["options"])
    for word in words:
        name = word.removeprefix("--")
        if name in ("argmax", "values", "clamp"):
            options[name] = True
        elif name == "axes":
            assert next(words) == "cxyz"
        else:
            options[name] = float(next(words)) if name == "fill" else next(words)
    path = case / what["prediction"]
    if path.suffix == ".npy":
        data = np.load(path)
    else:
        data, options["affine"] = read_nifti(path)
    return revoxel_trace.invert(revoxel_trace.load(case / "trace.json"), data, **options)


def test_all_cases_are_there() -> None:
    assert len(CASES) >= 51, f"{VECTORS}: {len(CASES)} cases"
    assert set(SECOND) <= {case.name for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    check(case, json.loads((case / "case.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_without_the_second_file(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "revoxel_trace_noise", None)
    what = json.loads((case / "case.json").read_text(encoding="utf-8"))
    if case.name in SECOND:
        what["refused"] = [SECOND[case.name], "put revoxel_trace_noise.py beside"]
    check(case, what)


def check(case: Path, what: dict[str, Any]) -> None:
    if "refused" in what:
        with pytest.raises(TraceError) as refusal:
            invert(case)
        for part in what["refused"]:
            assert part in str(refusal.value)
        return
    back = invert(case)
    expected, affine = read_nifti(case / "expected.nii")
    seen, _ = read_nifti(case / "coverage.nii")
    assert back.grid.shape == expected.shape[-3:]
    assert back.grid.affine.tobytes() == affine.tobytes()
    assert np.array_equal(back.coverage, seen)
    assert back.values.shape == expected.shape
    off = np.abs(back.values.astype(float) - expected).max()
    assert off <= what["tolerance"] * np.abs(expected).max()


def crop() -> dict[str, Any]:
    record: dict[str, Any] = json.loads((VECTORS / "crop" / "trace.json").read_text(encoding="utf-8"))
    return record


def test_a_trace_may_be_an_object() -> None:
    trace, data = revoxel_trace.load(crop()), read_nifti(VECTORS / "crop" / "prediction.nii")[0]
    back = revoxel_trace.invert(trace, data)
    assert np.array_equal(back.values, read_nifti(VECTORS / "crop" / "expected.nii")[0])
    assert back.values.dtype == data.dtype


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("schema", "trace", "schema"),
        ("version", "1", "version"),
        ("version", True, "version"),
        ("volumes", {}, "none"),
        ("volumes", [1], "none"),
        ("pipeline", {}, "missing"),
        ("kind", "mask", "kind"),
        ("ties", "lower", "ties"),
        ("source", {"grid": 1}, "missing"),
        ("fidelity", "good", "fidelity"),
        ("interpolation", "sinc", "interpolation"),
        ("sampled", {"outside": "zero"}, "outside"),
        ("sampled", {"later": 1}, "later"),
        ("separate", {"interpolation": "sinc"}, "interpolation"),
        ("values", {"log": {}}, "log"),
        ("values", {"rescale": {"scale": [1], "shift": [0], "more": 1}}, "more"),
        ("ops", [], "after"),
        ("ops", [{"window": {"start": [1, 0, 1.5], "shape": [3, 4, 2]}}], "not a number"),
        ("ops", [{"window": {"start": [1, 0, 2**50], "shape": [3, 4, 2]}}], "range"),
        ("ops", [{"window": {"start": [1, 0, 1], "shape": [3, 4, 0]}}], "range"),
        ("ops", [{"reorient": {"source": [0, 0, 1], "flipped": [True, False, True]}}], "permutation"),
        ("ops", [{"reorient": {"source": [0, 1, 2], "flipped": [1, 0, 0]}}], "flipped"),
        ("ops", 3, "not a trace"),
    ],
)
def test_what_is_wrong_is_named(field: str, value: object, problem: str) -> None:
    trace = crop()
    volume = trace["volumes"]["volume"]
    places = [place for place in (trace, volume, volume["steps"][0]) if field in place]
    (places or [volume["steps"][0]])[0][field] = value
    with pytest.raises(TraceError, match=problem):
        revoxel_trace.load(trace)


def test_a_prediction_on_another_grid_is_refused() -> None:
    data, affine = read_nifti(VECTORS / "crop" / "prediction.nii")
    trace = revoxel_trace.load(VECTORS / "crop" / "trace.json")
    affine[0, 3] += 0.01
    with pytest.raises(TraceError, match="does not lie"):
        revoxel_trace.invert(trace, data, affine=affine)
    with pytest.raises(TraceError, match="kind"):
        revoxel_trace.invert(trace, data.astype(np.float32))
    with pytest.raises(TraceError, match="no volume 'mask'"):
        revoxel_trace.invert(trace, data, "mask")
    with pytest.raises(TraceError, match="finite"):
        revoxel_trace.invert(trace, data * np.float32("nan"), kind="image")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("noise", [1, 2, 3, 2**32], "range"),
        ("noise", [1, 2, 3], "list"),
        ("magnitude", 2e6, "range"),
        ("smoothing", {"box": 2}, "box"),
        ("smoothing", {"gaussian": 2, "bicubic": [2, 2]}, "one key"),
        ("smoothing", {"gaussian": 0}, "range"),
        ("smoothing", {"bicubic": [2, 0.5]}, "range"),
        ("region", {"shape": [1 << 20, 3, 1], "affine": np.eye(4).tolist()}, "too large"),
    ],
)
def test_an_elastic_op_is_checked_before_it_is_made(field: str, value: object, problem: str) -> None:
    trace = json.loads((VECTORS / "elastic-gaussian" / "trace.json").read_text(encoding="utf-8"))
    trace["volumes"]["volume"]["steps"][0]["ops"][0]["elastic"][field] = value
    with pytest.raises(TraceError, match=problem):
        revoxel_trace.load(trace)


@pytest.mark.parametrize(
    ("rule", "kind", "interpolation", "problem"),
    [
        ({"interpolation": "cubic"}, "probability", "linear", "cubic along an axis does not go with linear"),
        ({"interpolation": "linear"}, "label", "label", "linear along an axis does not go with label"),
        ({"interpolation": "nearest", "threshold": "3"}, "label", "nearest", "not a trace"),
        ({"interpolation": "nearest", "pixdim": [1, 2]}, "label", "nearest", "not a trace"),
    ],
)
def test_rules_for_thick_slices_are_checked(rule: object, kind: str, interpolation: str, problem: str) -> None:
    trace = json.loads((VECTORS / "separate" / "trace.json").read_text(encoding="utf-8"))
    trace["volumes"]["volume"]["steps"][0]["separate"] = rule
    data = np.load(VECTORS / "separate" / "prediction.npy")
    with pytest.raises(TraceError, match=problem):
        revoxel_trace.invert(revoxel_trace.load(trace), data, kind=kind, interpolation=interpolation)


def test_an_axis_is_thick_by_the_size_in_its_header() -> None:
    """The lengths of columns of a turned affine in 32 bits are noisy, and would pass a threshold by chance."""
    for length, size in ((0.6999999721607101, np.float32(0.7)), (1.0000000170536910, 1), (0.7000000000000001, 0.7)):
        assert revoxel_trace.nominal(length) == float(size)


@pytest.mark.parametrize(
    "undo",
    [
        {"rescale": {"scale": ["2"], "shift": [0]}},
        {"rescale": {"scale": [], "shift": []}},
        {"table": {"points": [[[0, 1]]]}},
        {"table": {"points": [[[0, 1], [0, 2]]]}},
        {"power": {"low": [0], "range": [0], "exponent": 2}},
        {"power": {"low": [0], "range": [None], "exponent": 2}},
        {"noise": {"noise": [1, 2, 3, 4], "mean": False, "std": False, "channels": 1}},
        {"bias_field": {"degree": 1, "coefficients": "0000"}},
        {"rescale": {"scale": [True], "shift": [False]}},
    ],
)
def test_undos_of_another_form_are_refused_when_they_are_wanted(undo: object) -> None:
    trace = crop()
    trace["volumes"]["volume"]["steps"][0]["values"] = undo
    volumes, data = revoxel_trace.load(trace), read_nifti(VECTORS / "crop" / "prediction.nii")[0].astype(np.float32)
    revoxel_trace.invert(volumes, data, kind="image")
    with pytest.raises(TraceError):
        revoxel_trace.invert(volumes, data, kind="image", values=True)


UNDOS_OF_NOTHING: list[Any] = [
    {"rescale": {"scale": [1, 1.0], "shift": [0, -0.0]}},
    {"noise": {"noise": [1, 2, 3, 4], "mean": 0, "std": 0.0, "channels": 7}},
    {"bias_field": {"degree": 1, "coefficients": [0, 0, 0.0, 0]}},
]


@pytest.mark.parametrize("undo", UNDOS_OF_NOTHING)
def test_undos_of_nothing_are_skipped(undo: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """For labels, too, with any number of channels, and without the second file."""
    monkeypatch.setitem(sys.modules, "revoxel_trace_noise", None)
    trace = crop()
    trace["volumes"]["volume"]["steps"][0]["values"] = undo
    volumes, data = revoxel_trace.load(trace), read_nifti(VECTORS / "crop" / "prediction.nii")[0]
    for kind, values in (("label", data), ("image", data.astype(np.float32))):
        back = revoxel_trace.invert(volumes, values, kind=kind, values=True)
        assert np.array_equal(back.values, revoxel_trace.invert(volumes, values, kind=kind).values)


@pytest.mark.parametrize("name", ["revoxel_trace.py", "revoxel_trace_noise.py"])
def test_the_reader_stays_short(name: str) -> None:
    """At most 400 lines of code: blank lines, comments and docstrings do not count, as for Rust in this repository."""
    text = Path(revoxel_trace.__file__).with_name(name).read_text(encoding="utf-8")
    space = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in space:
            code |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            code -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    assert len(code) <= 400
