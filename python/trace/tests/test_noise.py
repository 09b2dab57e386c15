"""Undoing noise and fields of factors: as tests/trace-vectors/reader.py does on traces that are drawn, and refusals."""

import copy
import importlib.util
import json
import random
import sys
from typing import Any

import numpy as np
import pytest
from test_vectors import VECTORS, read_nifti

import revoxel_trace
from revoxel_trace import Array, TraceError


def by_path(name: str) -> Any:
    """A module of tests/trace-vectors, which are no package."""
    spec = importlib.util.spec_from_file_location(name, VECTORS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reader = by_path("reader")
make = by_path("make")


# --- traces that are drawn ---


def resampled(r: random.Random, case: Any) -> Any:
    """Onto any grid, or one whose axes are those before: with ties, or from face to face."""
    shape = [r.randint(1, 9) for _ in range(3)]
    if r.random() < 0.3:
        turn = make.turned([r.uniform(0.6, 1.8) for _ in range(3)], [r.uniform(-0.4, 0.4) for _ in range(3)], [0, 0, 0])
        affine = case.grid.affine.copy()
        affine[:3, :3] = affine[:3, :3] @ turn[:3, :3]
        affine[:3, 3] += [r.uniform(-2, 2) for _ in range(3)]
        return {"resample": {"grid": make.record(reader.Grid.of(shape, affine, False))}}
    if r.random() < 0.4:
        factor = [n / m for n, m in zip(case.grid.shape, shape)]
        return make.onto(case.grid, factor, [(f - 1) / 2 for f in factor], shape)
    factor = [r.choice([0.5, 0.75, 1.5, 2, r.uniform(0.5, 2)]) for _ in range(3)]
    return make.onto(case.grid, factor, [r.choice([0, 0.25, -0.25, 0.5, r.uniform(-1, 1)]) for _ in range(3)], shape)


def moved(r: random.Random, case: Any) -> Any:
    other = make.grid([r.randint(3, 6) for _ in range(3)], (1.25, 1.5, 2), origin=case.grid.affine[:3, 3].tolist())
    common = {"region": make.record(r.choice([case.grid, other])), **({"back": True} if r.random() < 0.4 else {})}
    name = r.choice(["warp", "stretch", "gaussian", "bicubic"])
    if name == "warp":
        displacements = [[r.uniform(-0.1, 0.1) for _ in range(3)] for _ in range(4 * 4 * 5)]
        return {"warp": {"points": [4, 4, 5], "displacements": displacements, **common}}
    if name == "stretch":
        steps = [[[r.uniform(0.5, 2), r.uniform(0.5, 2)] for _ in range(r.randint(2, 5))] for _ in range(3)]
        return {"stretch": {"nodes": [np.cumsum(nodes, 0).tolist() for nodes in steps], **common}}
    smoothing = {name: r.uniform(0.8, 2) if name == "gaussian" else [r.uniform(2, 5), r.uniform(2, 5)]}
    noise = [r.getrandbits(32) for _ in range(4)]
    return {"elastic": {"noise": noise, "magnitude": r.uniform(-9, 9), "smoothing": smoothing, **common}}


def drawn(seed: int) -> tuple[Any, Array]:
    """A trace with noise or fields, and a prediction: channels, then axes 0, 1, 2."""
    r, numbers = random.Random(seed), np.random.default_rng(seed)
    spacing = r.choice([(1, 1, 1), (1, 1.25, 2), (3, 1, 1), (0.7, 0.7, 2.5)])
    native, ties = make.grid([r.randint(2, 8) for _ in range(3)], spacing), r.choice(["alternate", "upper", None])
    case, channels = make.Case(native, ties=ties), r.choice([1, 1, 2])

    def put() -> None:
        noise = {"noise": [r.getrandbits(32) for _ in range(4)], "mean": r.choice([0, 1.5]), "std": r.uniform(0, 3)}
        degree = r.randint(1, 4)
        terms = (degree + 1) * (degree + 2) * (degree + 3) // 6
        field = {"degree": degree, "coefficients": [r.uniform(-0.3, 0.3) for _ in range(terms)]}
        noise["channels"] = r.choice([1, channels])
        case.step(values={"noise": noise} if r.random() < 0.7 else {"bias_field": field})

    put()
    for number in range(r.randint(1, 5)):
        how, form = r.choice(["linear", "linear", "nearest", "cubic", "cubic", "label"]), r.random()
        sampled: dict[str, Any] = {}
        if r.random() < 0.6:
            sampled["outside"] = r.choice(["border", "reflection", "fill"])
        if r.random() < 0.6:
            sampled["boundary"] = r.choice(["mirror", "edge", "reflect", "itk"])
        if number == 0 and form < 0.2:
            places = [[r.uniform(-most, most) for most in (0.5, 0.5, 0.3)] for _ in range(case.grid.shape[2])]
            reslice = {"reslice": {"from": places, "grid": make.record(make.grid((5, 4, 6)))}}
            case.step(reslice, interpolation=how, sampled=sampled)
        elif form < 0.25:
            # Some axes are cropped and some padded, or both.
            start, shape = [r.randint(-4, 1) for _ in range(3)], [r.randint(5, 8) for _ in range(3)]
            repeats = r.choice([{}, {"repeats": r.choice(["edge", "reflect", "symmetric", "wrap"])}])
            case.step(make.window(start, shape), sampled=repeats)
        elif form < 0.4:
            case.step(make.reorient(r.sample([0, 1, 2], 3), [r.random() < 0.5 for _ in range(3)]))
        elif form < 0.75:
            extra: dict[str, Any] = {}
            kind = r.choice(["", "", "fused", "smoothed", "area", "separate"])
            if kind == "separate":
                within = ["nearest"] if how == "label" else ["nearest", "linear"]
                extra["separate"] = {"interpolation": r.choice(within), **r.choice([{}, {"threshold": 1.4}])}
            elif kind:
                sampled[kind] = r.choice(["cardoso", "scikit_image"]) if kind == "smoothed" else True
            case.step(resampled(r, case), interpolation=how, sampled=sampled, **extra)
        elif form < 0.93:
            case.step(moved(r, case), interpolation=how, sampled={**sampled, "fused": r.random() < 0.3})
        else:
            # One interpolation by two ops.
            first, before = resampled(r, case), case.grid
            case.grid = reader.Op.read(first).after(before)
            second, case.grid = moved(r, case), before
            case.step(first, second, interpolation=how, sampled=sampled)
        if r.random() < 0.15:
            put()
    return case.trace(), numbers.normal(50, 10, (channels, *case.grid.shape)).astype(np.float32)


def test_noise_is_undone_as_the_other_reader_does() -> None:
    compared = 0
    for seed in range(120):
        trace, data = drawn(seed)
        options: dict[str, Any] = {"kind": "image", "interpolation": ["linear", "nearest"][seed % 2], "values": True}
        volume = reader.main_volume(reader.read_trace(json.dumps(trace)))
        try:
            expected, seen = reader.invert(volume, data.transpose(1, 2, 3, 0), **options)
        except reader.Refused:
            # What contradicts itself: means of voxels, or padding, within one interpolation.
            with pytest.raises(TraceError):
                revoxel_trace.invert(revoxel_trace.load(trace), data, **options)
            continue
        back = revoxel_trace.invert(revoxel_trace.load(trace), data, **options)
        assert np.array_equal(back.coverage, seen), seed
        off = np.abs(back.values.transpose(1, 2, 3, 0) - expected).max()
        assert off <= 1e-5 * np.abs(expected).max(), f"{seed}: {off}"
        compared += 1
    assert compared > 80


# --- what is refused ---


def of_case(name: str) -> tuple[Any, Array]:
    case = VECTORS / name
    trace = json.loads((case / "trace.json").read_text(encoding="utf-8"))
    return trace, read_nifti(case / "prediction.nii")[0]


def undo(name: str, change: Any, clamp: bool = False) -> Array:
    """The values of a case whose list of steps was changed."""
    trace, data = of_case(name)
    change(trace["volumes"]["volume"]["steps"])
    return revoxel_trace.invert(revoxel_trace.load(trace), data, kind="image", values=True, clamp=clamp).values


ODD: list[Any] = [None, True, "1", -1, 1.5, 10**400, 2**63, float("nan"), [], [1], {}, [[1, 2, 3, 4]]]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize(
    ("name", "undoes", "field"),
    [
        *(("values-noise", "noise", field) for field in ("noise", "mean", "std", "channels")),
        *(("values-bias-field", "bias_field", field) for field in ("degree", "coefficients")),
    ],
)
def test_fields_of_another_form_are_refused(name: str, undoes: str, field: str, value: Any) -> None:
    if type(value) in (int, float) and field in ("mean", "std") and (field == "mean" or value != -1) and value < 1e300:
        pytest.skip("noise may have this")

    def change(steps: Any) -> None:
        (step,) = (step for step in steps if undoes in step.get("values", {}))
        step["values"][undoes][field] = value

    with pytest.raises(TraceError):
        undo(name, change)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("noise", [0, 0, 0, 2**32], "range"),
        ("std", -0.5, "range"),
        ("std", 1e308, "not finite"),
        ("channels", 2, "noise of 2 channels for 1"),
        ("channels", 2**62, "channels for 1"),
        ("more", 1, "more"),
    ],
)
def test_noise_that_was_not_put_on_is_refused(field: str, value: object, problem: str) -> None:
    with pytest.raises(TraceError, match=problem):
        undo("values-noise", lambda steps: steps[0]["values"]["noise"].update({field: value}))


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"degree": 0, "coefficients": [1]}, "range"),
        ({"degree": 11, "coefficients": [0.1] * 364}, "range"),
        ({"degree": 1, "coefficients": [0.1] * 5}, "list of shape"),
        ({"degree": 1, "coefficients": [0.1, 0.1, 0.1, "0.1"]}, "not a number"),
        ({"degree": 1, "coefficients": [20, -20, 20, 20.1]}, "float32"),
        ({"degree": 1}, "missing"),
    ],
)
def test_fields_of_factors_that_are_none_are_refused(record: object, problem: str) -> None:
    with pytest.raises(TraceError, match=problem):
        undo("values-bias-field", lambda steps: steps[1].update(values={"bias_field": record}))


@pytest.mark.parametrize(
    ("number", "change", "problem"),
    [
        (1, {"interpolation": None}, "interpolation is missing"),
        (1, {"sampled": {"clipped": 0}}, "clamp=True"),
        (1, {"sampled": {"computed": True}}, "clamp=True"),
        (2, {"sampled": {"computed": True}}, "clamp=True"),
        (1, {"sampled": {"clipped": "3"}}, "not a number"),
        (1, {"sampled": {"computed": 1}}, "computed"),
        (1, {"sampled": {"smoothed": "gaussian"}}, "smoothed"),
        (1, {"sampled": {"fused": "yes"}}, "fused"),
        (1, {"sampled": [["outside", "fill"]]}, "not an object"),
        (5, {"sampled": {"fused": True, "smoothed": "cardoso"}}, "fused, and yet smoothed"),
        (5, {"sampled": {"fused": True, "area": True}}, "fused, and yet smoothed, of means"),
        (5, {"sampled": {"fused": True}, "separate": {"interpolation": "nearest"}}, "an axis apart"),
        (5, {"separate": {"interpolation": "label"}}, "separate: label"),
        (5, {"separate": {"interpolation": "nearest", "threshold": "2"}}, "not a trace"),
        (3, {"sampled": {"fused": True}}, "padding in between"),
    ],
)
def test_steps_that_say_something_else_are_refused(number: int, change: Any, problem: str) -> None:
    with pytest.raises(TraceError, match=problem):
        undo("values-noise-sampled", lambda steps: steps[number].update(change))


def test_what_did_not_follow_is_undone_where_that_is_accepted() -> None:
    def change(steps: Any) -> None:
        steps[3]["sampled"]["clipped"] = 3
        steps[2]["sampled"]["computed"] = True

    unchanged = undo("values-noise-sampled", lambda steps: None)
    assert np.array_equal(undo("values-noise-sampled", change, clamp=True), unchanged)


def test_padding_repeats_nothing_where_there_is_nothing() -> None:
    trace, data = of_case("values-noise")
    steps = trace["volumes"]["volume"]["steps"]
    steps[1]["ops"].insert(0, {"window": {"start": [9, 0, 0], "shape": [2, 5, 4]}})
    steps[1]["ops"].insert(1, {"window": {"start": [-9, 0, 0], "shape": [6, 5, 4]}})
    revoxel_trace.invert(revoxel_trace.load(trace), data, kind="image", values=True)
    steps[1]["sampled"] = {"repeats": "edge"}
    with pytest.raises(TraceError, match="holds no voxel"):
        revoxel_trace.invert(revoxel_trace.load(trace), data, kind="image", values=True)


def test_noise_of_all_channels_and_of_each() -> None:
    """The noise of the first channel is that of all: the numbers of its voxels are the same."""
    trace, data = of_case("values-noise")
    found = []
    for channels in (1, 2):
        trace["volumes"]["volume"]["steps"][0]["values"]["noise"]["channels"] = channels
        volumes, both = revoxel_trace.load(trace), np.stack([data, data])
        found.append(revoxel_trace.invert(volumes, both, kind="image", values=True, fill=0).values)
    (one, same), (first, second) = found
    assert np.array_equal(one, same)
    assert np.array_equal(one, first)
    assert not np.allclose(first, second)


def test_a_trace_is_left_as_it_was() -> None:
    trace, data = of_case("values-noise-sampled")
    before = copy.deepcopy(trace)
    revoxel_trace.invert(revoxel_trace.load(trace), data, kind="image", values=True)
    assert trace == before
