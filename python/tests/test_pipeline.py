"""Pipelines, traces and the way back."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from conftest import PIPELINE, affines, voxels, world

import revoxel
from revoxel._program import program as revoxel_program


def test_a_case_in_memory(pipeline: revoxel.Pipeline, scan: revoxel.Volume) -> None:
    case = pipeline(scan, case="seven")
    assert isinstance(case, Mapping)
    assert list(case) == ["image"]
    assert (case.case, case.trace.case, case.skipped, case.notes) == ("seven", "seven", None, [])
    out = case["image"]
    assert (out.dtype, out.axcodes, out.spacing) == (np.float32, ("R", "A", "S"), pytest.approx((1, 1, 1)))
    assert out.writable
    assert case.trace.source_grid == scan.grid
    assert case.trace.model_grid == out.grid
    with pytest.raises(KeyError, match="there are: image"):
        case["label"]
    assert case.get("label") is None
    assert dict(case.items())["image"] is out


def test_labels_and_optional_inputs(pipeline: revoxel.Pipeline, scan: revoxel.Volume) -> None:
    label = revoxel.Volume((voxels() % 4).astype(np.uint8), scan.affine, kind="label")
    both = pipeline({"image": scan, "label": label})
    assert both["label"].kind == "label"
    assert set(np.unique(both["label"].xyz)) <= {0, 1, 2, 3}
    assert list(pipeline({"image": scan, "label": None})) == ["image"]
    with pytest.raises(revoxel.RevoxelError, match="missing input: image"):
        pipeline({"label": label})
    with pytest.raises(revoxel.RevoxelError, match='no input "scan"'):
        pipeline({"scan": scan})
    elsewhere = revoxel.Volume(voxels(), affines(False)[40])
    with pytest.raises(revoxel.RevoxelError, match="grid"):
        pipeline({"image": scan, "label": elsewhere})


@pytest.mark.parametrize("shear", [False, True])
def test_the_way_back_has_the_grid_of_the_scan_bit_for_bit(shear: bool) -> None:
    exact = revoxel.Pipeline.parse(
        PIPELINE.replace(
            "  - spacing: { pixdim: [1, 1, 1], interpolation: { label: nearest } }\n",
            "  - spatial_pad: { spatial_size: [12, 12, 12] }\n",
        )
    )
    for affine in affines(shear)[::3]:
        scan = revoxel.Volume(voxels(), affine)
        case = exact(scan)
        back = case.trace.invert(case["image"], kind="image", dtype="int16")
        assert back.grid == scan.grid
        assert np.array_equal(back.affine, affine)
        assert np.array_equal(back.xyz, voxels())


def test_predictions_of_all_forms(pipeline: revoxel.Pipeline, scan: revoxel.Volume, tmp_path: Path) -> None:
    case = pipeline(scan)
    grid = case.trace.model_grid
    x, y, z = grid.shape
    labels = (np.arange(x * y * z) % 3).astype(np.uint8).reshape(grid.shape)
    first = case.trace.invert(labels)
    assert (first.kind, first.dtype, first.grid) == ("label", np.uint8, scan.grid)
    np.save(tmp_path / "labels.npy", labels)
    revoxel.write(revoxel.Volume(labels, grid=grid, kind="label"), tmp_path / "labels.nii.gz")
    forms = [
        labels.T,
        labels[None, None],
        np.asfortranarray(labels),
        tmp_path / "labels.npy",
        str(tmp_path / "labels.nii.gz"),
        revoxel.Volume(labels, grid=grid, kind="label"),
        revoxel.Volume(labels, grid=grid),
        [labels, labels.T, labels],
        revoxel.Volume(labels, grid=grid).to_nibabel() if _has("nibabel") else labels,
    ]
    for form in forms:
        assert np.array_equal(case.trace.invert(form).xyz, first.xyz)
    assert (scan.shape, set(np.unique(first.xyz))) == ((5, 7, 9), {0, 1, 2})


def _has(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def test_scores_become_labels(pipeline: revoxel.Pipeline, scan: revoxel.Volume) -> None:
    case = pipeline(scan)
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(3, *case.trace.model_grid.shape)).astype(np.float32)
    done = case.trace.inversion(logits, argmax=True, coverage=True)
    assert (done.volume.kind, done.key, done.agreement) == ("label", "image", "identical")
    assert done.coverage is not None
    assert np.array_equal(done.coverage.xyz, case.trace.coverage().xyz)
    assert done.unseen == int((done.coverage.xyz == 0).sum())
    soft = case.trace.invert(logits, kind="logit", activation="softmax")
    assert soft.channels == 3
    assert np.allclose(soft.xyz.sum(axis=-1), 1, atol=1e-5)
    regions = case.trace.invert(logits, kind="logit", regions=[2, 5, 1], threshold=0.6)
    assert set(np.unique(regions.xyz)) <= {0, 1, 2, 5}
    with pytest.raises(revoxel.RevoxelError, match="contradict"):
        case.trace.invert(logits, argmax=True, regions=[1, 2, 3])
    with pytest.raises(revoxel.TraceError, match="kind") as error:
        case.trace.invert(logits)
    assert "kind=" in error.value.help


def test_values_come_back(scan: revoxel.Volume) -> None:
    text = PIPELINE.replace(
        "outputs:", "  - scale_intensity_range: { a_min: 0, a_max: 250, b_min: 0, b_max: 1 }\noutputs:"
    )
    pipeline = revoxel.Pipeline.parse(
        text.replace("  - spacing: { pixdim: [1, 1, 1], interpolation: { label: nearest } }\n", "")
    )
    case = pipeline(scan)
    assert case["image"].xyz.max() <= 1
    back = case.trace.invert(case["image"], kind="image", values="undo")
    assert np.abs(back.xyz - scan.xyz).max() < 1e-3


def test_a_prediction_elsewhere_is_refused(pipeline: revoxel.Pipeline, scan: revoxel.Volume) -> None:
    case = pipeline(scan)
    moved = np.array(case["image"].affine)
    moved[0, 3] += 3
    wrong = revoxel.Volume(case["image"].xyz, moved)
    with pytest.raises(revoxel.TraceError, match="assume_grid=True"):
        case.trace.invert(wrong, kind="image")
    assert case.trace.invert(wrong, kind="image", assume_grid=True).grid == scan.grid
    with pytest.raises(revoxel.TraceError, match="does not fit"):
        case.trace.invert(np.zeros((2, 3, 4), np.uint8))
    with pytest.raises(revoxel.TraceError, match="no volume"):
        case.trace.invert(case["image"], volume="label")
    wrong_words = {"interpolation": "best", "kind": "k", "values": "v", "axes": "a", "onto": "o", "dtype": "complex64"}
    for name, value in wrong_words.items():
        with pytest.raises(revoxel.RevoxelError, match=name):
            case.trace.invert(case["image"], **{name: value})


def test_points_and_boxes(pipeline: revoxel.Pipeline, scan: revoxel.Volume) -> None:
    trace = pipeline(scan).trace
    source, model = trace.source_grid, trace.model_grid
    indices = np.array([[1.0, 2, 3], [4, 6, 8], [-9, 0, 0]])
    found, known = trace.points(indices, forward=True, space="index", to="ras")
    assert np.abs(found - world(np.asarray(source.affine), indices)).max() < 1e-9
    assert known[0] == "seen"
    assert known[2] == "outside"
    there, _ = trace.points(indices, forward=True, space="index")
    assert np.abs(world(np.asarray(model.affine), there) - found).max() < 1e-9
    back, _ = trace.points(there, space="index")
    assert np.abs(back - indices).max() < 1e-9
    lps, _ = trace.points(found, space="ras", to="lps")
    assert np.allclose(lps, found * [-1, -1, 1])
    boxes, states = trace.boxes([[1, 2, 3, 4, 5, 6]], forward=True, space="index")
    assert boxes.shape == (1, 6)
    assert states == ["seen"]
    assert trace.points(np.zeros((0, 3)))[0].shape == (0, 3)
    for wrong in ([1, 2], [[1, 2]], [[1, 2, np.nan]]):
        with pytest.raises(revoxel.RevoxelError, match="points"):
            trace.points(wrong)
    with pytest.raises(revoxel.RevoxelError, match="space"):
        trace.points(indices, space="world")


def test_files(pipeline: revoxel.Pipeline, scan: revoxel.Volume, tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    revoxel.write(scan, path)
    read = revoxel.read(path)
    assert np.array_equal(read.xyz, scan.xyz)
    assert np.abs(read.affine - scan.affine).max() < 1e-5
    for given in (path, str(path), {"image": path}, [path], read):
        case = pipeline(given)
        assert np.array_equal(case["image"].xyz, pipeline(read)["image"].xyz)
    assert pipeline(path).trace.to_dict()["volumes"]["image"]["source"]["format"].startswith("NIfTI")
    back = case.trace.invert(case["image"], kind="image")
    back.save(tmp_path / "back.nii.gz")
    assert revoxel.read(tmp_path / "back.nii.gz").grid == read.grid
    plain = tmp_path / "scan.nii"
    revoxel.write(scan, plain)
    # Small files are read, large ones are mapped.
    large = revoxel.Volume(np.ones((200, 150, 120), np.float32, order="F"), scan.affine)
    revoxel.write(large, tmp_path / "large.nii")
    mapped = revoxel.read(tmp_path / "large.nii")
    assert not mapped.writable
    assert not mapped.xyz.flags.writeable
    two = {"image": [plain, path]}
    assert pipeline(two)["image"].channels == 2


def test_plans(pipeline: revoxel.Pipeline, scan: revoxel.Volume, tmp_path: Path) -> None:
    revoxel.write(scan, tmp_path / "scan.nii")
    case = pipeline(revoxel.read(tmp_path / "scan.nii"))
    for like in (
        tmp_path / "scan.nii",
        revoxel.read(tmp_path / "scan.nii"),
        {"image": revoxel.read(tmp_path / "scan.nii").grid},
    ):
        planned = pipeline.plan(like)
        assert planned["image"]["grid"] == case["image"].grid
        assert planned["image"]["kind"] == "image"
    crop = revoxel.Pipeline.parse(
        PIPELINE.replace("outputs:", "  - crop_foreground: { source: image, above: 3 }\noutputs:")
    )
    assert crop.plan(scan)["image"]["grid"] is None
    with pytest.raises(revoxel.RevoxelError, match="no input"):
        pipeline.plan({"scan": scan})


def test_faults_have_their_place(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(PIPELINE.replace("pixdim", "pixdims"))
    with pytest.raises(revoxel.PipelineError) as error:
        revoxel.Pipeline.load(path)
    wrong = error.value
    line = next(number for number, line in enumerate(PIPELINE.splitlines(), 1) if "pixdim" in line)
    assert (wrong.file, wrong.line) == (str(path), line)
    assert wrong.column
    assert "pixdim" in (wrong.help or "")
    assert isinstance(wrong, revoxel.RevoxelError)
    assert isinstance(wrong, ValueError)
    again = pickle.loads(pickle.dumps(wrong))
    assert (str(again), again.line, again.help) == (str(wrong), wrong.line, wrong.help)


def test_errors_have_their_class(tmp_path: Path, scan: revoxel.Volume) -> None:
    with pytest.raises(revoxel.ReadError, match=r"none\.nii"):
        revoxel.read(tmp_path / "none.nii")
    (tmp_path / "bad.nii").write_bytes(b"\x5c\x01\0\0" + b"\xff" * 400)
    with pytest.raises(revoxel.ReadError, match=r"bad\.nii"):
        revoxel.read(tmp_path / "bad.nii")
    with pytest.raises(revoxel.WriteError, match="nowhere"):
        revoxel.write(scan, tmp_path / "nowhere" / "a.nii")
    with pytest.raises(revoxel.WriteError):
        revoxel.write(scan, tmp_path / "a.xyz")
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(revoxel.TraceError, match=r"t\.json: not a trace"):
        revoxel.Trace.load(tmp_path / "t.json")
    for text in ("", "[1]", '{"schema": "revoxel-trace", "version": 99}'):
        with pytest.raises(revoxel.TraceError):
            revoxel.Trace.parse(text)
    with pytest.raises(revoxel.ReadError):
        revoxel.Trace.load(tmp_path / "none.json")
    with pytest.raises(revoxel.ReadError):
        revoxel.Pipeline.load(tmp_path / "none.yaml")
    with pytest.raises(revoxel.PipelineError):
        revoxel.Pipeline.parse(": :")


def test_values_of_a_pipeline_can_be_set(pipeline: revoxel.Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(PIPELINE)
    other = revoxel.Pipeline.load(path, set={"steps.1.spacing.pixdim": [2, 2, 3]})
    assert other.to_dict()["steps"][1]["spacing"]["pixdim"] == [2, 2, 3]
    assert other != pipeline
    assert revoxel.Pipeline.load(path) == pipeline
    again = pickle.loads(pickle.dumps(other))
    assert (again.hash, again.name) == (other.hash, "p.yaml")
    with pytest.raises(revoxel.PipelineError):
        revoxel.Pipeline.load(path, set={"steps.7.spacing.pixdim": 1})
    assert revoxel.Pipeline.from_dict(json.loads(json.dumps(pipeline.to_dict()))).hash == pipeline.hash


def test_pipelines_and_traces_travel(pipeline: revoxel.Pipeline, scan: revoxel.Volume, tmp_path: Path) -> None:
    for again in (pickle.loads(pickle.dumps(pipeline)), copy.copy(pipeline), copy.deepcopy(pipeline)):
        assert again == pipeline
        assert hash(again) == hash(pipeline)
        assert (again.text, again.steps, again.inputs) == (PIPELINE, ["orientation", "spacing"], ["image", "label"])
    trace = pipeline(scan).trace
    trace.save(tmp_path / "t.json")
    forms = [
        pickle.loads(pickle.dumps(trace)),
        copy.deepcopy(trace),
        revoxel.Trace.load(tmp_path / "t.json"),
        revoxel.Trace.from_dict(trace.to_dict()),
        revoxel.Trace.parse(trace.to_json()),
    ]
    for again in forms:
        assert again == trace
        assert again.source_grid == scan.grid
    assert trace.pipeline_hash == pipeline.hash


def test_a_snapshot_is_that_of_the_command(repository: Path) -> None:
    path = repository / "pipelines" / "ct-1mm.yaml"
    assert revoxel.Pipeline.load(path).snapshot() == path.with_suffix(".snapshot.yaml").read_text()


def test_random_steps_draw_by_the_case(scan: revoxel.Volume) -> None:
    text = PIPELINE.replace("outputs:", "  - rand_flip: { prob: 0.5, spatial_axis: [0] }\noutputs:")
    text = text.replace("  - spacing: { pixdim: [1, 1, 1], interpolation: { label: nearest } }\n", "")
    pipeline = revoxel.Pipeline.parse(text)
    outcomes = {bytes(pipeline(scan, case=f"case-{i}")["image"].to_numpy(copy=True)) for i in range(12)}
    assert len(outcomes) == 2
    for i in range(12):
        case = pipeline(scan, case=f"case-{i}")
        assert np.array_equal(case.trace.invert(case["image"], kind="image").xyz, scan.xyz)


def test_what_is_not_finite_is_told(pipeline: revoxel.Pipeline, oblique_affine: np.ndarray) -> None:
    values = voxels("float32")
    values[2, 3, 4] = np.nan
    with pytest.raises(revoxel.RevoxelError, match="NaN"):
        pipeline(revoxel.Volume(values, oblique_affine))


def test_threads(pipeline: revoxel.Pipeline, scan: revoxel.Volume) -> None:
    results = []
    for count in (1, 2, 5):
        revoxel.set_threads(count)
        assert revoxel.threads() == count
        results.append(bytes(pipeline(scan)["image"].to_numpy(copy=True)))
    revoxel.set_threads(None)
    assert len(set(results)) == 1
    with pytest.raises(revoxel.RevoxelError, match="threads"):
        revoxel.set_threads(0)


def test_the_lines_of_the_readme(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What README.md shows of Python is run as it is printed, on the demo's phantom."""
    import shutil
    import subprocess
    import sys

    block = (repository / "README.md").read_text().split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    shutil.copytree(repository / "pipelines", tmp_path / "pipelines")
    subprocess.run([sys.executable, "-m", "revoxel", "--quiet", "demo", "demo-out"], check=True, capture_output=True)
    exec(compile(block, "README.md", "exec"), {})
    assert revoxel.read("labels.nii.gz").grid == revoxel.read("demo-out/data/images/phantom.nii.gz").grid


LABELS = """
version: 1
inputs: { label: { kind: label, path: "{case}.nii.gz", labels: { liver: 1, spleen: 2 } } }
steps: [{ orientation: { axcodes: PSL } }, { flip: { spatial_axis: 1 } }, { map_label_value: { orig_labels: [2], target_labels: [7] } }]
outputs: { label: { path: "{case}/label.nii" } }
trace: "{case}/trace.json"
restore: { organs: { kind: label, labels: { kidney: 1, lung: 7 } } }
"""


def test_files_say_what_those_of_the_program_say(tmp_path: Path) -> None:
    """Header facts and names of labels: the same bytes, there and back."""
    nibabel = pytest.importorskip("nibabel")
    data = (voxels() % 3).astype(np.uint8)
    image = nibabel.Nifti1Image(data, affines(False)[29])
    image.header["descrip"] = b"a description"
    image.header.set_xyzt_units("mm", "sec")
    (tmp_path / "data").mkdir()
    nibabel.save(image, tmp_path / "data" / "c.nii.gz")
    (tmp_path / "p.yaml").write_text(LABELS)

    def program(*arguments: str) -> None:
        subprocess.run([*revoxel_program(), *arguments], cwd=tmp_path, check=True, capture_output=True)

    program("run", "p.yaml", "--data", "data", "--out", "out")
    case = revoxel.Pipeline.load(tmp_path / "p.yaml")(tmp_path / "data" / "c.nii.gz", case="c")
    revoxel.write(case["label"], tmp_path / "label.nii")
    made = (tmp_path / "label.nii").read_bytes()
    assert made == (tmp_path / "out" / "c" / "label.nii").read_bytes()
    assert b"a description" in made
    assert b"spleen" in made
    program("invert", "out/c/trace.json", "out/c/label.nii", "-o", "back.nii")
    for prediction in (tmp_path / "label.nii", case["label"]):
        revoxel.write(case.trace.invert(prediction), tmp_path / "mine.nii")
        assert (tmp_path / "mine.nii").read_bytes() == (tmp_path / "back.nii").read_bytes()
    assert b"lung" in (tmp_path / "back.nii").read_bytes()


def test_slices_that_lie_unevenly_are_told(tmp_path: Path) -> None:
    vectors = Path(__file__).resolve().parents[2] / "tests" / "trace-vectors" / "reslice-labels"
    trace = revoxel.Trace.load(vectors / "trace.json")
    with pytest.warns(revoxel.RevoxelWarning, match="lie unevenly.*misplaces them by up to"):
        back = trace.invert(vectors / "prediction.nii", kind="label")
    arguments = [
        "invert",
        str(vectors / "trace.json"),
        str(vectors / "prediction.nii"),
        "--kind",
        "label",
        "-o",
        "back.nii",
    ]
    subprocess.run([*revoxel_program(), *arguments], cwd=tmp_path, check=True, capture_output=True)
    beside = tmp_path / "back.nii.slices.json"
    expected = [path.read_bytes() for path in (tmp_path / "back.nii", beside)]
    beside.unlink()
    revoxel.write(back, tmp_path / "back.nii")
    assert [path.read_bytes() for path in (tmp_path / "back.nii", beside)] == expected
    even = trace.invert(vectors / "prediction.nii", kind="label", onto="regular")
    revoxel.write(even, tmp_path / "back.nii")
    assert not beside.exists()


def test_an_inversion_can_be_checked_before_there_is_a_prediction(
    pipeline: revoxel.Pipeline, scan: revoxel.Volume
) -> None:
    trace = pipeline(scan).trace
    trace.check_inversion(kind="label", interpolation="nearest", coverage=True)
    for wrong, match in [
        ({"interpolation": "cubical"}, "interpolation.*cubical"),
        ({"onto": "even"}, "onto.*even"),
        ({"onto": "regular"}, "unevenly"),
        ({"volume": "label"}, "label"),
        ({"argmax": True, "regions": [1]}, "argmax"),
    ]:
        with pytest.raises(revoxel.RevoxelError, match=match):
            trace.check_inversion(**wrong)
        with pytest.raises(revoxel.RevoxelError, match=match):
            trace.invert(np.zeros(trace.model_grid.shape, np.float32), **wrong)
    with pytest.raises(TypeError, match=r"'interpolate'.*known: restore, kind, interpolation"):
        trace.check_inversion(interpolate="nearest")
    with pytest.raises(TypeError, match="fill"):
        trace.check_inversion(fill="none")
    with pytest.raises(TypeError, match="inversion"):
        trace.invert(np.zeros(trace.model_grid.shape, np.uint8), coverage=True)


def test_a_plan_of_a_grid_beyond_all_memory_is_refused() -> None:
    pipeline = revoxel.Pipeline.from_steps([{"flip": {"spatial_axis": [0]}}])
    with pytest.raises(revoxel.RevoxelError, match="larger than what this machine can hold"):
        pipeline.plan(revoxel.Grid((100_000,) * 3, np.eye(4)))


def test_a_plan_says_what_is_known_of_a_grid_that_depends_on_voxels(scan: revoxel.Volume) -> None:
    pipeline = revoxel.Pipeline.from_steps(
        [
            {"orientation": {"axcodes": "LPS"}},
            {"spacing": {"pixdim": [2, 2, 3]}},
            {"crop_foreground": {"source": "image"}},
        ]
    )
    planned = pipeline.plan(scan)["image"]
    assert (planned["grid"], planned["shape"], planned["kind"], planned["channels"]) == (None, None, "image", 1)
    assert (planned["spacing"], planned["axcodes"]) == (pytest.approx((2, 2, 3)), ("L", "P", "S"))
    assert pipeline(scan)["image"].grid.axcodes == ("L", "P", "S")


def test_steps_alone_are_a_pipeline(scan: revoxel.Volume) -> None:
    label = revoxel.Volume((voxels() % 4).astype(np.uint8), scan.affine, kind="label")
    steps = [{"orientation": {"axcodes": "LPS"}}, {"rand_flip": {"prob": 0.5, "spatial_axis": 0}}]
    pipeline = revoxel.Pipeline.from_steps(steps, {"image": "image", "label": "label"}, seed=3)
    assert (pipeline.is_random, pipeline.copies, pipeline.inputs) == (True, None, ["image", "label"])
    drawn = {pipeline({"image": scan, "label": label}, case=f"c{n}")["image"].grid.affine[0, 0] for n in range(20)}
    assert len(drawn) == 2
    assert not revoxel.Pipeline.from_steps(steps[:1]).is_random
    with pytest.raises(revoxel.PipelineError, match="orientatoin"):
        revoxel.Pipeline.from_steps([{"orientatoin": {"axcodes": "LPS"}}])


def test_points_come_one_by_one_and_in_arrays(scan: revoxel.Volume) -> None:
    grid = scan.grid
    one = grid.to_world((1, 2, 3))
    assert isinstance(one, tuple)
    many = grid.to_world(np.array([[[1, 2, 3], [0, 0, 0]]]))
    assert many.shape == (1, 2, 3)
    assert np.array_equal(many[0, 0], one)
    assert np.allclose(grid.to_index(many), [[[1, 2, 3], [0, 0, 0]]])
    with pytest.raises(revoxel.RevoxelError, match="three numbers"):
        grid.to_world([1, 2])
    trace = revoxel.Pipeline.from_steps([{"orientation": {"axcodes": "LPS"}}])(scan).trace
    single, _ = trace.points(one)
    rows, _ = trace.points([one])
    assert np.array_equal(single, rows)
    corners, _ = trace.boxes([[[0, 0, 0], [1, 1, 1]]])
    flat, _ = trace.boxes([[0, 0, 0, 1, 1, 1]])
    assert np.array_equal(corners, flat)


def test_a_batch_of_one_may_be_named(scan: revoxel.Volume) -> None:
    cube = scan[:5, :5, :5]
    trace = revoxel.Pipeline.from_steps([{"orientation": {"axcodes": "LPS"}}])(cube).trace
    logits = np.random.default_rng(0).normal(size=(1, 2, 5, 5, 5)).astype(np.float32)
    with pytest.raises(revoxel.RevoxelError, match="axes="):
        trace.invert(logits, argmax=True)
    batch, plain = (trace.invert(logits, argmax=True, axes=axes) for axes in ("bcxyz", "cxyz"))
    assert np.array_equal(batch.xyz, plain.xyz)


def test_modules_are_found_when_they_are_named() -> None:
    assert revoxel.dist.run.__module__ == "revoxel.dist"
    assert revoxel.windows.positions
    with pytest.raises(AttributeError, match="nothing"):
        _ = revoxel.nothing
