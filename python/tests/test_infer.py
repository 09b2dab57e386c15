"""A model on a case: windows on the model's grid, and the result on the scan's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import affines
from test_windows import model as places

import revoxel
from revoxel import windows
from revoxel._infer import Inference, infer

SHAPE = (31, 26, 19)
PIPELINE = """
version: 1
inputs:
  image: { kind: image, path: "{case}.nii.gz" }
  label: { kind: label, path: "{case}-label.nii.gz", optional: true }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: [1.5, 1.25, 2], interpolation: { label: nearest } }
  - crop_foreground: { source: image, above: -500, margin: 2, allow_smaller: true }
  - scale_intensity_range: { a_min: -200, a_max: 400, b_min: 0, b_max: 1, clip: true }
outputs:
  image: { path: "{case}-out.nii.gz", dtype: float32 }
trace: "{case}.json"
"""


def scan(affine: np.ndarray | None = None) -> revoxel.Volume:
    """Air, and in it, off the middle, tissue with two structures; oblique, and of another voxel size along each axis."""
    x, y, z = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    values = np.full(SHAPE, -1000, np.int16)
    body = ((x - 13) / 11) ** 2 + ((y - 14) / 9) ** 2 + ((z - 8) / 6) ** 2 < 1
    values[body] = (20 + (x * 3 + y * 5 + z * 7) % 40)[body]
    values[8:13, 12:19, 5:9] = 180
    values[15:24, 6:12, 7:13] = 350
    return revoxel.Volume(np.asfortranarray(values), affines(False)[37] if affine is None else affine)


def thresholds(block: np.ndarray) -> np.ndarray:
    """Logits of three classes: below, between and above two limits."""
    value = block[:, 0]
    return np.stack([0.4 - value, np.float32(0.2) - np.abs(value - np.float32(0.6)), value - np.float32(0.8)], axis=1)


@pytest.fixture
def pipeline() -> revoxel.Pipeline:
    return revoxel.Pipeline.parse(PIPELINE)


@pytest.mark.parametrize("rule", ["monai", "nnunet"])
@pytest.mark.parametrize("which", [3, 37, 58, 90])
def test_labels_lie_on_the_grid_of_the_scan(rule: Any, which: int, pipeline: revoxel.Pipeline) -> None:
    given = scan(affines(False)[which])
    case = pipeline(given)
    assert min(case["image"].shape) > 8
    found = infer({"image": given}, pipeline, model=thresholds, window=(9, 8, 8), rule=rule, coverage=True)
    assert isinstance(found, Inference)
    assert found.label.grid == given.grid
    assert np.array_equal(found.label.affine, given.affine)
    assert (found.label.kind, set(np.unique(found.label.xyz))) == ("label", {0, 1, 2})
    # A model without windows: thresholds do not depend on the place.
    whole = thresholds(case["image"].to_numpy(order="cxyz")[None])[0]
    assert np.abs(found.prediction.to_numpy(order="cxyz") - whole).max() < 1e-6
    assert found.prediction.grid == case.trace.model_grid
    # The label is what the way back makes of the whole prediction.
    scores = found.prediction.to_numpy(order="cxyz", copy=True)
    again = case.trace.invert(scores, kind="logit", argmax=True, axes="cxyz")
    assert np.array_equal(found.label.xyz, again.xyz)
    # Scores that come back are rounded to float32, which makes ties.
    soft = np.sort(case.trace.invert(scores, kind="logit", axes="cxyz").xyz, axis=-1)
    clear = soft[..., -1] - soft[..., -2] > 1e-6
    assert clear.mean() > 0.99
    highest = case.trace.invert(scores, kind="logit", axes="cxyz").xyz.argmax(axis=-1)
    assert np.array_equal(found.label.xyz[clear], highest[clear])
    assert found.coverage is not None
    assert np.array_equal(found.coverage.xyz, case.trace.coverage().xyz)
    assert found.inversion.unseen == int((found.coverage.xyz == 0).sum()) > 0
    # And it finds what is in the scan.
    assert (found.label.xyz[10, 15, 7], found.label.xyz[19, 9, 10], found.label.xyz[2, 24, 16]) == (1, 2, 0)


def test_a_case_in_all_forms(pipeline: revoxel.Pipeline, tmp_path: Path) -> None:
    given = scan()
    revoxel.write(given, tmp_path / "ct.nii.gz")
    read = revoxel.read(tmp_path / "ct.nii.gz")
    arguments: dict[str, Any] = {"model": thresholds, "window": 8}
    wanted = infer(read, pipeline, **arguments, name="seven")
    assert (wanted.case, wanted.trace.case) == ("seven", "seven")
    for case in (tmp_path / "ct.nii.gz", {"image": str(tmp_path / "ct.nii.gz")}, {"image": read, "label": None}):
        assert np.array_equal(infer(case, pipeline, **arguments).label.xyz, wanted.label.xyz)
    (tmp_path / "p.yaml").write_text(PIPELINE)
    for path in (tmp_path / "p.yaml", str(tmp_path / "p.yaml")):
        assert np.array_equal(infer(read, path, **arguments).label.xyz, wanted.label.xyz)
    with pytest.raises(revoxel.RevoxelError, match=r"none\.yaml"):
        infer(read, tmp_path / "none.yaml", **arguments)
    done = pipeline(read, case="eight")
    before = done["image"].to_numpy(copy=True)
    again = infer(done, **arguments)
    assert again.case == "eight"
    assert np.array_equal(again.label.xyz, wanted.label.xyz)
    assert np.array_equal(done["image"].xyz, before), "the case is as it was"
    assert "eight" in repr(again)
    assert str(again.windows) in repr(again)
    with pytest.raises(revoxel.RevoxelError, match="already"):
        infer(done, pipeline, **arguments)
    with pytest.raises(revoxel.RevoxelError, match="pipeline: missing"):
        infer(read, **arguments)
    with pytest.raises(revoxel.RevoxelError, match="is no Pipeline"):
        infer(pipeline, read, **arguments)  # type: ignore[arg-type]


def test_the_window_may_be_the_whole_volume(pipeline: revoxel.Pipeline) -> None:
    whole = infer(scan(), pipeline, model=thresholds, window=None)
    assert whole.windows == 1
    assert np.array_equal(
        whole.label.xyz, infer(scan(), pipeline, model=thresholds, window=(None, None, None)).label.xyz
    )
    assert windows.positions((5, 6, 7), None) == ([0], [0], [0])
    for wrong in ("8", 2.5, (None, 4)):
        with pytest.raises(revoxel.RevoxelError, match=r"window: .*whole of an axis"):
            infer(scan(), pipeline, model=thresholds, window=wrong)  # type: ignore[arg-type]
    with pytest.raises(revoxel.RevoxelError, match=r"window: None must be .* of at least 1$"):
        windows.weights(None)  # type: ignore[arg-type]


def test_the_axes_of_the_model(pipeline: revoxel.Pipeline) -> None:
    case = pipeline(scan())
    array = case["image"].to_numpy(order="cxyz", copy=True)
    two = np.concatenate([array, array])
    straight = infer(case, model=_twice, window=(9, 8, 5), overlap=(0.5, 0.25, 0.1), mirror=(0,), argmax=False)
    expected = windows.slide(two, places, (9, 8, 5), overlap=(0.5, 0.25, 0.1), mirror=(0,))
    assert np.array_equal(straight.prediction.to_numpy(order="cxyz"), expected)
    turned = infer(
        case, model=_twice, window=(9, 8, 5), overlap=(0.5, 0.25, 0.1), mirror=(0,), argmax=False, order="zyx"
    )
    other = windows.slide(two.transpose(0, 3, 2, 1), places, (9, 8, 5), overlap=(0.5, 0.25, 0.1), mirror=(0,))
    assert np.array_equal(turned.prediction.to_numpy(order="czyx"), other)
    assert not np.array_equal(turned.prediction.xyz, straight.prediction.xyz)
    with pytest.raises(revoxel.RevoxelError, match="order"):
        infer(case, model=_twice, window=8, order="yxz")  # type: ignore[arg-type]


def _twice(block: np.ndarray) -> np.ndarray:
    return places(np.concatenate([block, block], axis=1))


def test_several_images_are_channels() -> None:
    text = PIPELINE.replace("  label:", '  second: { kind: image, path: "{case}-2.nii.gz" }\n  label:')
    text = text.replace("  - scale_intensity_range", "  - scale_intensity_range")
    pipeline = revoxel.Pipeline.parse(text)
    first = scan()
    second = revoxel.Volume(np.asfortranarray(first.xyz[::-1] // 2), first.affine)
    case = pipeline({"image": first, "second": second})
    seen: list[np.ndarray] = []

    def look(block: np.ndarray) -> np.ndarray:
        seen.append(block)
        return thresholds(block)

    infer(case, model=look, window=(None, None, None))
    assert seen[0].shape == (1, 2, *case["image"].shape)
    assert np.array_equal(seen[0][0, 0], case["image"].xyz)
    assert np.array_equal(seen[0][0, 1], case["second"].xyz)
    infer(case, model=look, window=(None, None, None), inputs=["second", "image"])
    assert np.array_equal(seen[1][0], seen[0][0, ::-1])
    one = infer(case, model=look, window=(None, None, None), inputs="second")
    assert np.array_equal(seen[2][0, 0], case["second"].xyz)
    assert one.inversion.key == "second"
    with pytest.raises(revoxel.RevoxelError, match=r"no 'third'.*image \(image\), second \(image\)"):
        infer(case, model=look, window=8, inputs=["third"])
    with pytest.raises(revoxel.RevoxelError, match="no image"):
        infer(case, model=look, window=8, inputs=[])


def test_labels_on_the_grid_of_the_model(pipeline: revoxel.Pipeline) -> None:
    given = scan()
    whole = infer(given, pipeline, model=thresholds, window=8, overlap=0.5)
    for order in ("xyz", "zyx"):
        rows = infer(given, pipeline, model=thresholds, window=8, overlap=0.5, argmax="model", order=order)
        assert (rows.prediction.kind, rows.prediction.dtype) == ("label", np.uint8)
        scores = whole.prediction.to_numpy(order="cxyz")
        clear = np.sort(scores, axis=0)
        clear = clear[-1] - clear[-2] > 1e-6
        assert np.array_equal(rows.prediction.xyz[clear], scores.argmax(axis=0)[clear])
        assert rows.label.grid == given.grid
        assert np.array_equal(rows.label.xyz, rows.trace.invert(rows.prediction).xyz)
    smooth = infer(given, pipeline, model=thresholds, window=8, argmax="model", interpolation="label")
    assert smooth.inversion.interpolation == "label"


def test_scores_come_back(pipeline: revoxel.Pipeline) -> None:
    given = scan()
    logits = infer(given, pipeline, model=thresholds, window=8, argmax=False)
    assert list(logits.volumes) == ["logit"]
    assert logits.volumes["logit"].channels == 3
    assert logits.volumes["logit"].grid == given.grid
    with pytest.raises(revoxel.RevoxelError, match="kind logit, no labels"):
        _ = logits.label
    soft = infer(given, pipeline, model=thresholds, window=8, argmax=False, activation="softmax")
    assert np.allclose(soft.volumes["probability"].xyz.sum(axis=-1), 1, atol=1e-5)
    sure = infer(given, pipeline, model=_softmax, window=8, kind="probability")
    again = infer(given, pipeline, model=thresholds, window=8, activation="softmax")
    assert (sure.label.xyz == again.label.xyz).mean() > 0.99
    each = infer(given, pipeline, model=thresholds, window=8, activation="sigmoid")
    assert list(each.volumes) == ["probability"]
    regions = infer(given, pipeline, model=lambda block: thresholds(block)[:, 2:], window=8, regions=[5])
    assert set(np.unique(regions.label.xyz)) == {0, 5}
    image = infer(given, pipeline, model=lambda block: block * 2, window=8, kind="image")
    assert image.volumes["image"].grid == given.grid
    assert image.coverage is None


def _softmax(block: np.ndarray) -> np.ndarray:
    powers = np.exp(thresholds(block))
    return powers / powers.sum(axis=1, keepdims=True)


def test_the_pipeline_says_what_becomes_of_scores() -> None:
    given = scan()
    entry = "restore: {{ seg: {{ {}, output: {{ path: '{{case}}-seg.nii.gz' }} }} }}\ntrace:"
    plain = infer(given, revoxel.Pipeline.parse(PIPELINE), model=thresholds, window=8)

    def by(text: str, **arguments: Any) -> Inference:
        pipeline = revoxel.Pipeline.parse(PIPELINE.replace("trace:", entry.format(text)))
        return infer(given, pipeline, model=thresholds, window=8, **arguments)

    same = by("kind: logit, argmax: true")
    assert np.array_equal(same.label.xyz, plain.label.xyz)
    assert list(by("kind: logit, activation: softmax").volumes) == ["probability"]
    assert list(by("kind: logit, activation: softmax", restore="none", argmax=False).volumes) == ["logit"]
    painted = by("kind: logit, regions: { paint: [{ channel: 2, label: 9 }] }")
    assert set(np.unique(painted.label.xyz)) == {0, 9}
    labels = by("kind: label, steps: [{ map_label_value: { orig_labels: [2], target_labels: [7] } }]")
    assert labels.prediction.kind == "label"
    assert set(np.unique(labels.label.xyz)) == {0, 1, 7}
    with pytest.raises(revoxel.RevoxelError, match="no entry 'other'; it has: seg"):
        by("kind: logit, argmax: true", restore="other")
    for decides, text in (("argmax", "argmax: true"), ("regions", "regions: { paint: [{ channel: 2, label: 9 }] }")):
        with pytest.raises(revoxel.RevoxelError, match=rf"decides labels \({decides}\).*restore=\"none\""):
            by(f"kind: logit, {text}", argmax=False)
        assert list(by(f"kind: logit, {text}", restore="none", argmax=False).volumes) == ["logit"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"model": lambda block: thresholds(block)[:, :1]}, "one class.*regions"),
        ({"regions": [1, 2, 3, 4]}, "regions: 4 labels for the 3 channels"),
        ({"regions": [1], "argmax": True}, "contradict"),
        ({"argmax": "native"}, "argmax"),
        ({"argmax": np.array([1, 0])}, "argmax"),
        ({"regions": 1}, "regions: 1 is no list of labels"),
        ({"regions": "12"}, "regions: '12' is no list of labels"),
        ({"inputs": 5}, "inputs: 5 is no list"),
        ({"mirror": 1}, "mirror: 1"),
        ({"kind": "label"}, "kind: 'label'"),
        ({"activation": "softmax", "kind": "probability"}, "is for logits"),
        ({"model": lambda block: thresholds(block)[..., 1:]}, r"expected \(1, classes, 8, 8, 8\)"),
        ({"model": lambda block: thresholds(block) * np.float32(np.nan)}, "not finite"),
        ({"window": (8, 8, 500), "padding": "reflect"}, "too large"),
        ({"restore": "seg"}, "no entry 'seg'"),
        ({"volume": "none"}, "none"),
        ({"interpolation": "cubical"}, "interpolation.*cubical"),
        ({"dtype": "complex64"}, "dtype.*complex64"),
        ({"threshold": 0.7}, "threshold"),
        ({"regions": [1], "threshold": 7.0}, "threshold.*7"),
    ],
)
def test_faults_are_found_after_one_window_at_most(
    arguments: dict[str, Any], match: str, pipeline: revoxel.Pipeline
) -> None:
    calls = 0
    model = arguments.get("model", thresholds)

    def counted(block: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return model(block)

    with pytest.raises(revoxel.RevoxelError, match=match):
        infer(scan(), pipeline, **{"window": 8, **arguments, "model": counted})
    assert calls <= 1


def test_numbers_of_numpy_are_numbers(pipeline: revoxel.Pipeline) -> None:
    whole = {"overlap": (0.5, 0.25, 0.1), "batch": 2, "regions": [5, 6], "threshold": 0.51, "mirror": (0, 1)}
    numpy = {
        "overlap": np.array([0.5, 0.25, 0.1]), "batch": np.int64(2), "regions": np.array([5, 6]),
        "threshold": np.float64(0.51), "mirror": np.array([0, 1]),
    }  # fmt: skip
    made, wanted = (
        infer(scan(), pipeline, model=thresholds, window=8, **each).label.xyz  # type: ignore[arg-type]
        for each in (numpy, whole)
    )
    assert np.array_equal(made, wanted)
    assert set(np.unique(made)) >= {0, 5}
    decided = infer(scan(), pipeline, model=thresholds, window=8, argmax=np.True_)  # type: ignore[arg-type]
    assert decided.label.kind == "label"


def test_interruptions_and_progress(pipeline: revoxel.Pipeline) -> None:
    told: list[tuple[int, int]] = []
    found = infer(
        scan(), pipeline, model=thresholds, window=8, batch=3, progress=lambda ended, of: told.append((ended, of))
    )
    assert told[-1] == (found.windows, found.windows)

    def stop(ended: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        infer(scan(), pipeline, model=thresholds, window=8, progress=stop)


def test_a_case_that_the_pipeline_leaves_out() -> None:
    text = PIPELINE.replace(
        "allow_smaller: true }", "allow_smaller: true }\n  - grid_patch: { patch_size: 8, pad_mode: constant }"
    )
    text = text.replace("{case}-out", "{case}/{copy}").replace("{case}.json", "{case}/{copy}.json")
    patches = revoxel.Pipeline.parse(text.replace("trace:", "copies: 4000\ntrace:"))
    assert infer(scan(), patches, model=thresholds, window=8, name="c/3").windows == 1
    with pytest.raises(revoxel.RevoxelError, match=r"c/3000.*leaves it out.*patches"):
        infer(scan(), patches, model=thresholds, window=8, name="c/3000")


def test_an_onnx_model(pipeline: revoxel.Pipeline, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    kernel, bias = _kernel()
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    sizes = ["batch", 1, "x", "y", "z"]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "kernel", "bias"], ["hidden"], pads=[1] * 6),
            helper.make_node("LeakyRelu", ["hidden"], ["scores"], alpha=0.125),
        ],
        "net",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["batch", 3, "x", "y", "z"])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(bias, "bias")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, tmp_path / "net.onnx")
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])

    given = scan()
    wanted = infer(given, pipeline, model=_convolved, window=8, rule="nnunet", mirror=(0, 2), batch=2)
    for model in (session, lambda block: session.run(None, {"image": block})[0]):
        found = infer(given, pipeline, model=model, window=8, rule="nnunet", mirror=(0, 2), batch=2)
        assert np.abs(found.prediction.xyz - wanted.prediction.xyz).max() < 1e-5
        assert found.label.grid == given.grid
        assert (found.label.xyz == wanted.label.xyz).mean() > 0.999
        assert len(np.unique(found.label.xyz)) > 1
    with pytest.raises(Exception, match=r"INVALID_ARGUMENT|Invalid") as error:
        windows.slide(np.zeros((2, 9, 9, 9), np.float32), session, 8)
    assert "window 1 of" in error.value.__notes__[0]


def _kernel() -> tuple[np.ndarray, np.ndarray]:
    kernel = ((np.arange(3 * 27) * 7 % 19 - 9) / 32).astype(np.float32).reshape(3, 1, 3, 3, 3)
    return kernel, np.array([0.25, -0.125, 0.0], np.float32)


def _convolved(block: np.ndarray) -> np.ndarray:
    """The ONNX model, by shifts and sums."""
    kernel, bias = _kernel()
    padded = np.pad(block[:, 0], [(0, 0), (1, 1), (1, 1), (1, 1)])
    _, nx, ny, nz = block[:, 0].shape
    scores = np.zeros((len(block), 3, nx, ny, nz), np.float32) + bias[:, None, None, None]
    for x, y, z in np.ndindex(3, 3, 3):
        part = padded[:, x : x + nx, y : y + ny, z : z + nz]
        scores += part[:, None] * kernel[:, 0, x, y, z][:, None, None, None]
    return np.where(scores < 0, scores * np.float32(0.125), scores)
