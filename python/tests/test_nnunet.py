"""Data for nnU-Net: against what nnU-Net itself plans, writes, loads and exports where it is installed, and against answers of
nnU-Net that lie beside the tests where it is not."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import oblique

import revoxel
from revoxel import _nnunet, datasets
from revoxel.nnunet import _Folder, main, preprocess

# The largest difference of an image as a share of its range. Both sum splines in double precision, in another order; the
# difference is that of rounding to 32 bits.
VALUES = 2e-6


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


needs_blosc2 = pytest.mark.skipif(not has("blosc2"), reason="blosc2 is not installed")
needs_nnunet = pytest.mark.skipif(
    not all(map(has, ["nnunetv2", "blosc2", "SimpleITK", "nibabel", "torch"])), reason="nnunetv2 is not installed"
)
FORMATS = [pytest.param("b2nd", marks=needs_blosc2), "npz"]


def arrays(folder: Path, case: str) -> tuple[np.ndarray, np.ndarray]:
    """Data and segmentation of a case, in whichever format."""
    if (folder / f"{case}.npz").exists():
        found = np.load(folder / f"{case}.npz")
        return found["data"], found["seg"]
    import blosc2

    return blosc2.open(str(folder / f"{case}.b2nd"))[:], blosc2.open(str(folder / f"{case}_seg.b2nd"))[:]


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    for one, other in zip(ours, theirs, strict=True):
        assert np.ptp(other) > 0
        assert np.abs(one.astype(float) - other).max() <= VALUES * np.ptp(other.astype(float))


# Without nnU-Net: three datasets of one case, with the answers of nnU-Net 2.8.1 (xtask/nnunet/check.py --record).


@pytest.fixture
def recorded(repository: Path, tmp_path: Path) -> Callable[[str], Path]:
    def copy(name: str) -> Path:
        shutil.copytree(repository / "tests/fixtures/nnunet" / name, tmp_path / name)
        return tmp_path / name

    return copy


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["thick", "turned", "two"])
def test_the_recorded_answers(recorded: Callable[[str], Path], tmp_path: Path, name: str, format: Any) -> None:
    raw, out = recorded(name), tmp_path / "out"
    told = preprocess(raw, raw / "plans.json", out, format=format)["3d_fullres"]
    folder = out / "check"
    assert told["folder"] == str(folder)
    assert [(case["case"], case["outcome"]) for case in told["cases"]] == [("case", "done")]
    expected = np.load(raw / "expected.npz")
    data, seg = arrays(folder, "case")
    close(data, expected["data"])
    assert seg.dtype == np.int16
    assert np.array_equal(seg[0], expected["seg"])

    properties = pickle.loads((folder / "case.pkl").read_bytes())
    before, after = properties["shape_before_cropping"], properties["shape_after_cropping_and_before_resampling"]
    turn = json.loads((raw / "plans.json").read_text())["transpose_forward"]
    scan = revoxel.read(raw / "imagesTr/case_0000.nii.gz")
    assert before == tuple(scan.shape[2 - axis] for axis in turn)
    assert after == tuple(high - low for low, high in properties["bbox_used_for_cropping"])
    # The largest box without zeros beyond it, by another way than a pipeline's.
    files = sorted((raw / "imagesTr").iterdir())
    values = np.stack([revoxel.read(file).zyx for file in files]).any(axis=0).transpose(turn)
    box = [[int(i.min()), int(i.max()) + 1] for i in np.nonzero(values)]
    assert properties["bbox_used_for_cropping"] == box
    for label, places in properties["class_locations"].items():
        wanted = label if isinstance(label, tuple) else (label,)
        assert len(np.unique(places, axis=0)) == min(np.isin(seg, wanted).sum(), 10_000)
        assert np.isin(seg[tuple(places.T)], wanted).all()

    assert json.loads((out / "dataset.json").read_text()) == json.loads((raw / "dataset.json").read_text())
    assert json.loads((out / "nnUNetPlans.json").read_text()) == json.loads((raw / "plans.json").read_text())
    assert "foreground_intensity_properties_per_channel" in json.loads((out / "dataset_fingerprint.json").read_text())
    truth = out / "gt_segmentations/case.nii.gz"
    assert truth.read_bytes() == (raw / "labelsTr/case.nii.gz").read_bytes()
    assert not (out / "splits_final.json").exists()
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"traces"}
    assert {path.name for path in (folder / "traces").iterdir()} == {"case.json", "case.done"}

    # Logits of a network come home as nnU-Net exported them, with nothing but the trace.
    command = ["invert", folder / "traces/case.json", raw / "logits.npz", "--axes", "czyx", "--out", tmp_path / "back"]
    program(*command)
    back, exported = revoxel.read(tmp_path / "back/segmentations/case.nii.gz"), revoxel.read(raw / "exported.nii.gz")
    assert np.allclose(back.affine, exported.affine, atol=1e-5)
    assert np.array_equal(back.xyz, exported.xyz)


def program(*arguments: object) -> None:
    from revoxel._program import program as command

    subprocess.run([*command(), *map(str, arguments)], check=True, capture_output=True)


def test_a_second_run_goes_on(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    for name in ("b", "c"):
        for file in (*raw.glob("imagesTr/case_*"), *raw.glob("labelsTr/case.*")):
            shutil.copy(file, file.with_name(file.name.replace("case", name)))
    steps: list[tuple[int, int, str | None]] = []

    def run(**more: Any) -> dict[str, str]:
        told = preprocess(raw, raw / "plans.json", out, format="npz", progress=lambda *step: steps.append(step), **more)
        return {case["case"]: case["outcome"] for case in told["3d_fullres"]["cases"]}

    assert run(jobs=1) == {"b": "done", "c": "done", "case": "done"}
    assert steps == [(1, 3, "b"), (2, 3, "c"), (3, 3, "case")]
    folder = out / "check"
    times = {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert set(run().values()) == {"was done"}
    # A case that is not whole is done again, alone; so is one whose files changed, if that is asked for.
    (folder / "c.npz").unlink()
    assert run() == {"b": "was done", "c": "done", "case": "was done"}
    assert {path for path in times if path.stat().st_mtime_ns == times[path]} == {folder / "b.npz", folder / "case.npz"}
    os.utime(raw / "labelsTr/b.nii.gz")
    with pytest.raises(
        revoxel.RevoxelError, match=r"other results for b \(its files have changed since\).*--overwrite"
    ):
        run()
    np.save(folder / "b.npy", np.zeros(3))
    assert run(overwrite=True) == {"b": "done", "c": "was done", "case": "was done"}
    assert not (folder / "b.npy").exists(), "nnU-Net would read this in place of b.npz"
    # Files of nobody, of another format, or of cases that are no longer there.
    (folder / "b.npz").write_bytes(b"")
    (folder / "traces/b.done").unlink()
    with pytest.raises(revoxel.RevoxelError, match=r"b .*written by another program"):
        run()
    (folder / "d.npz").write_bytes(b"")
    with pytest.raises(revoxel.RevoxelError, match=r"has cases that .*two has not \(d\)"):
        run()
    assert run(overwrite=True)["b"] == "done"
    assert not (folder / "d.npz").exists()
    (folder / "b.b2nd").write_bytes(b"")
    with pytest.raises(revoxel.RevoxelError, match=r"format npz, such as b\.b2nd: .*; replace them with overwrite"):
        run()
    assert run(overwrite=True)["b"] == "done"
    assert not (folder / "b.b2nd").exists()
    (folder / "b.txt").write_bytes(b"")
    with pytest.raises(revoxel.RevoxelError, match=r"format npz, such as b\.txt: .*; remove them"):
        run(overwrite=True)


@needs_blosc2
@pytest.mark.parametrize(("first", "second"), [("b2nd", "npz"), ("npz", "b2nd")])
def test_the_other_format_is_replaced(recorded: Callable[[str], Path], tmp_path: Path, first: Any, second: Any) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    preprocess(raw, raw / "plans.json", out, format=first)
    before = arrays(out / "check", "case")
    (out / f"check/gone.{first}").write_bytes(b"")
    with pytest.raises(revoxel.RevoxelError, match=f"do not belong to the format {second}"):
        preprocess(raw, raw / "plans.json", out, format=second)
    told = preprocess(raw, raw / "plans.json", out, format=second, overwrite=True)["3d_fullres"]
    assert [case["outcome"] for case in told["cases"]] == ["done"]
    assert {path.suffix for path in (out / "check").iterdir() if path.is_file()} == {f".{second}", ".pkl"}
    assert all(map(np.array_equal, before, arrays(out / "check", "case")))
    assert preprocess(raw, raw / "plans.json", out, format=second)["3d_fullres"]["cases"][0]["outcome"] == "was done"


def test_a_case_without_values_is_kept(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    alone = preprocess(raw, raw / "plans.json", tmp_path / "alone", format="npz")["3d_fullres"]
    for file in (*raw.glob("imagesTr/case_*"), *raw.glob("labelsTr/case.*")):
        copy = file.with_name(file.name.replace("case", "none"))
        scan = revoxel.read(file, "label" if "labels" in str(file) else "image")
        zeros = revoxel.Volume(np.zeros_like(scan.xyz), scan.affine)
        revoxel.write(scan if "labels" in str(file) else zeros, copy)
    told = preprocess(raw, raw / "plans.json", out, format="npz")["3d_fullres"]
    assert [case["outcome"] for case in told["cases"]] == ["done", "done"]
    assert told["notes"] == alone["notes"]
    fingerprint = json.loads((out / "dataset_fingerprint.json").read_text())
    sizes = revoxel.read(next(raw.glob("imagesTr/none_*"))).zyx.shape
    assert fingerprint["shapes_after_crop"][1] == list(sizes), "no box of zeros is cut off"
    data, seg = arrays(out / "check", "none")
    assert np.ptp(data) == 0
    assert seg.max() > 0
    assert preprocess(raw, raw / "plans.json", out, format="npz")["3d_fullres"]["cases"][1]["outcome"] == "was done"


def test_other_plans_do_not_mix(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    preprocess(raw, raw / "plans.json", out, format="npz")
    plans = json.loads((raw / "plans.json").read_text())
    plans["configurations"]["3d_fullres"]["spacing"] = [1.5, 1.25, 1.0]
    assert len(json.loads((out / "dataset_fingerprint.json").read_text())["spacings"]) == 1
    (raw / "dataset_fingerprint.json").write_text('{"of": "the plans"}')
    (raw / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(revoxel.RevoxelError, match=r"other results for case \(the plans are different\)"):
        preprocess(raw, raw / "plans.json", out, format="npz")
    before, _ = arrays(out / "check", "case")
    preprocess(raw, raw / "plans.json", out, format="npz", overwrite=True)
    after, _ = arrays(out / "check", "case")
    assert before.shape != after.shape
    assert json.loads((out / "nnUNetPlans.json").read_text()) == plans
    assert json.loads((out / "dataset_fingerprint.json").read_text()) == {"of": "the plans"}


@pytest.mark.parametrize("format", FORMATS)
def test_a_case_appears_whole_or_not_at_all(
    recorded: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Any
) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    folder, done = out / "check", Path.replace
    seen = folder / f"case.{format}"
    preprocess(raw, raw / "plans.json", out, format=format)
    os.utime(raw / "labelsTr/case.nii.gz")
    for allowed in range(4 if format == "npz" else 5):
        left = [allowed]

        def replace(path: Path, target: Path, left: list[int] = left) -> Path:
            if Path(target).parent in (folder, folder / "traces"):
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(28, "No space left on device", str(target))
            return done(path, target)

        monkeypatch.setattr(Path, "replace", replace)
        with pytest.raises(datasets.CasesError, match="No space left") as error:
            preprocess(raw, raw / "plans.json", out, format=format, overwrite=True)
        assert error.value.summary["3d_fullres"]["cases"][0]["outcome"] == "failed"
        assert not seen.exists()
        assert not list(folder.rglob(".revoxel*"))
        monkeypatch.undo()
    assert preprocess(raw, raw / "plans.json", out, format=format)["3d_fullres"]["cases"][0]["outcome"] == "done"
    assert seen.exists()


def test_an_interrupted_run_leaves_whole_cases(
    recorded: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    write, told_of = _Folder.write, threading.Event()

    def waits(folder: _Folder, name: str, *more: Any) -> None:
        assert name == "a" or told_of.wait(60)
        write(folder, name, *more)

    monkeypatch.setattr(_Folder, "write", waits)
    for name in "abcdef":
        for file in (*raw.glob("imagesTr/case_*"), *raw.glob("labelsTr/case.*")):
            shutil.copy(file, file.with_name(file.name.replace("case", name)))

    def interrupted(ended: int, of: int, case: str | None) -> None:
        told_of.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preprocess(raw, raw / "plans.json", out, format="npz", jobs=1, progress=interrupted)
    folder = out / "check"
    left = {path.stem for path in folder.glob("*.npz")}
    assert "a" in left
    assert "case" not in left, "cases that wait are not begun"
    assert {path.stem for path in folder.glob("*.pkl")} == left
    assert {path.name for path in (folder / "traces").iterdir()} == {f"{n}.{e}" for n in left for e in ("json", "done")}
    assert not (out / "splits_final.json").exists()
    told = preprocess(raw, raw / "plans.json", out, format="npz")["3d_fullres"]["cases"]
    assert {case["case"] for case in told if case["outcome"] == "was done"} == left
    splits = json.loads((out / "splits_final.json").read_text())
    assert [len(fold["val"]) for fold in splits] == [2, 2, 1, 1, 1]
    # Folds that somebody made stay.
    (out / "splits_final.json").write_text("[]")
    preprocess(raw, raw / "plans.json", out, format="npz", overwrite=True)
    assert (out / "splits_final.json").read_text() == "[]"


def test_what_killed_processes_left_is_removed(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    traces = out / "check/traces"
    dead, alive = traces / ".revoxel-dead.partial", traces / ".revoxel-alive.partial"
    for folder in (dead, alive):
        folder.mkdir(parents=True)
        (folder / "lock").touch()
        (folder / "case.npz").write_bytes(b"half")
    with (alive / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        preprocess(raw, raw / "plans.json", out, format="npz")
    assert not dead.exists()
    assert (alive / "case.npz").exists()


def test_a_case_that_fails_does_not_stop_the_others(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    for file in (*raw.glob("imagesTr/case_*"), *raw.glob("labelsTr/case.*")):
        shutil.copy(file, file.with_name(file.name.replace("case", "a")))
    (raw / "imagesTr/a_0001.nii.gz").write_bytes(b"not an image")
    with pytest.raises(datasets.CasesError, match=r"a \(3d_fullres\): .*a_0001\.nii\.gz") as error:
        preprocess(raw, raw / "plans.json", out, format="npz")
    outcomes = {case["case"]: case["outcome"] for case in error.value.summary["3d_fullres"]["cases"]}
    assert outcomes == {"a": "failed", "case": "done"}
    assert {path.name for path in (out / "check").glob("*.*")} == {"case.npz", "case.pkl"}


def test_faults_say_what_to_do(
    recorded: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    plans, dataset = (json.loads((raw / name).read_text()) for name in ("plans.json", "dataset.json"))

    def t(says: str, **more: Any) -> None:
        with pytest.raises(revoxel.RevoxelError, match=says):
            preprocess(raw, raw / "plans.json", out, **{"format": "npz", **more})
        assert not out.exists()

    def changed(**values: Any) -> None:
        document = json.loads(json.dumps(plans))
        for key, value in values.items():
            document["configurations"]["3d_fullres"][key] = value
        (raw / "plans.json").write_text(json.dumps(document))

    t('no "3d_lowres"; the file has 3d_fullres', configuration="3d_lowres")
    t("format: \"zarr\"|format: 'zarr'", format="zarr")
    for jobs in (0, "2", 1.5, True):
        t(f"jobs: {jobs!r}: expected a whole number", jobs=jobs)
    t("configuration: expected at least one", configuration=[])
    changed(data_identifier="../elsewhere")
    t("data_identifier: '../elsewhere': expected the name of a folder")
    changed(patch_size=[32])
    t(r"patch_size: \[32\]")
    changed(previous_stage="3d_lowres")
    t("previous_stage")
    changed(preprocessor_name="MyPreprocessor")
    t('"MyPreprocessor" is not supported')
    changed()
    (raw / "dataset.json").write_text(json.dumps({**dataset, "labels": {"background": 0, "organ": 1}}))
    with pytest.raises(datasets.CasesError, match=r"case \(3d_fullres\): .*label"):
        preprocess(raw, raw / "plans.json", out, format="npz")
    shutil.rmtree(out)
    (raw / "dataset.json").write_text(json.dumps(dataset))
    (raw / "labelsTr/case.nii.gz").rename(raw / "case.nii.gz")
    t("case")
    (raw / "case.nii.gz").rename(raw / "labelsTr/case.nii.gz")
    (raw / "plans.json").write_text("{")
    t(r"plans\.json: not JSON")
    (raw / "plans.json").unlink()
    t(r"plans\.json: No such file")
    (raw / "dataset.json").unlink()
    t(r"dataset\.json: No such file")
    monkeypatch.setitem(sys.modules, "blosc2", None)
    t("pip install blosc2", format="b2nd")


def test_what_nnunet_would_take_wrongly_is_refused(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    raw, out = recorded("turned"), tmp_path / "out"
    image, label = raw / "imagesTr/case_0000.nii.gz", raw / "labelsTr/case.nii.gz"
    scan, truth = revoxel.read(image), revoxel.read(label, kind="label")

    def t(says: str) -> None:
        with pytest.raises(datasets.CasesError, match=says):
            preprocess(raw, raw / "plans.json", out, format="npz", overwrite=True)
        assert not list((out / "check").glob("*.*"))

    moved = np.array(truth.affine)
    moved[0, 3] += 5
    revoxel.Volume(truth.xyz, moved, kind="label").save(label)
    t("grid")
    sheared = np.array(scan.affine)
    sheared[:3, 1] += 0.3 * sheared[:3, 0]
    revoxel.Volume(scan.xyz, sheared).save(image)
    revoxel.Volume(truth.xyz, sheared, kind="label").save(label)
    t("shear")
    revoxel.Volume(np.stack([scan.xyz, scan.xyz], -1), scan.affine, order="xyzc").save(image)
    truth.save(label)
    t("several channels|CASE_0001")


def test_the_command(recorded: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    raw, out = recorded("two"), tmp_path / "out"
    given = [str(raw), str(raw / "plans.json"), str(out), "--format", "npz"]
    done = subprocess.run([sys.executable, "-m", "revoxel.nnunet", *given], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{out / 'check'}: 1 cases written, 0 were done\n")
    assert "1/1 case" in done.stderr
    assert main([*given, "-q"]) == 0
    assert capfd.readouterr().out == ""
    assert main([*given, "-c", "2d"]) == 2
    assert 'no "2d"' in capfd.readouterr().err
    (raw / "imagesTr/case_0001.nii.gz").write_bytes(b"not an image")
    assert main([*given, "--overwrite"]) == 1
    assert "case_0001.nii.gz" in capfd.readouterr().err


def test_lists_of_files(recorded: Callable[[str], Path], tmp_path: Path) -> None:
    """dataset.json may name the files of each case."""
    raw, out = recorded("two"), tmp_path / "out"
    (raw / "imagesTr").rename(raw / "scans")
    (raw / "labelsTr").rename(raw / "truth")
    dataset = json.loads((raw / "dataset.json").read_text())
    files = {"images": ["scans/case_0000.nii.gz", "scans/case_0001.nii.gz"], "label": "truth/case.nii.gz"}
    (raw / "dataset.json").write_text(json.dumps({**dataset, "dataset": {"other": files}}))
    preprocess(raw, raw / "plans.json", out, format="npz")
    assert len(json.loads((out / "dataset_fingerprint.json").read_text())["spacings"]) == 1
    close(arrays(out / "check", "other")[0], np.load(raw / "expected.npz")["data"])
    assert (out / "gt_segmentations/other.nii.gz").exists()
    trace = revoxel.Trace.load(out / "check/traces/other.json").to_dict()
    assert trace["volumes"]["image_0001"]["source"]["path"] == "scans/case_0001.nii.gz"


def test_folds() -> None:
    assert _nnunet.folds(["a", "b", "c", "d"]) is None
    found = _nnunet.folds([f"case_{n:03}" for n in range(12)][::-1])
    assert found is not None
    # As scikit-learn's KFold(5, shuffle=True, random_state=12345) has them.
    assert [fold["val"] for fold in found] == RECORDED_FOLDS
    for fold in found:
        assert sorted(fold["train"] + fold["val"]) == [f"case_{n:03}" for n in range(12)]


RECORDED_FOLDS = [
    ["case_000", "case_003", "case_008"],
    ["case_007", "case_010", "case_011"],
    ["case_006", "case_009"],
    ["case_001", "case_004"],
    ["case_002", "case_005"],
]


def test_classes() -> None:
    def t(labels: dict[str, Any], expected: list[Any]) -> None:
        assert _nnunet.classes(labels) == expected

    t({"background": 0, "b": 2, "a": 1}, [1, 2])
    t({"background": 0, "a": 1, "ignore": 2}, [1, (-1, 0, 1)])
    t({"background": 0, "a": [1], "b": [2]}, [1, 2])
    t({"background": 0, "whole": [1, 2, 3], "core": [2, 3], "c": 3}, [(1, 2, 3), (2, 3), 3])
    t({"background": 0, "w": [2, 1], "c": 2, "ignore": 3}, [(2, 1), 2, (-1, 0, 1, 2)])


def test_voxel_sizes() -> None:
    """Sizes that nnU-Net reads from a header, from the columns of an oblique affine in 32 bits."""
    rng = np.random.default_rng(5)
    for size in [0.7, 0.48828125, 0.9765625, 1.0, 1.2, 3.0, 4.5, *rng.uniform(0.3, 9, 50).round(3)]:
        single = float(np.float32(size))
        affine = np.eye(4)
        affine[:3, :3] = (oblique() * np.float32(size)).astype(np.float32)
        assert revoxel.Grid((3, 4, 5), affine).nominal_spacing == (single, single, single)
        assert revoxel.Grid((3, 4, 5), np.diag([size, size, size, 1])).nominal_spacing == (size, size, size)


# With nnU-Net: it makes the fingerprint, plans, and writes its own folder of the same files.

THEIRS = """
import os
from batchgenerators.utilities.file_and_folder_operations import load_json
from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprint_dataset, plan_experiment_dataset
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

if __name__ == "__main__":
    for number, name, configurations in DATASETS:
        extract_fingerprint_dataset(number, num_processes=1, show_progress_bar=False, verbose=False)
        plan_experiment_dataset(number)
        raw, out = (os.path.join(os.environ[key], name) for key in ("nnUNet_raw", "nnUNet_preprocessed"))
        manager, dataset = PlansManager(out + "/nnUNetPlans.json"), load_json(out + "/dataset.json")
        for configuration in configurations:
            made = manager.get_configuration(configuration)
            os.makedirs(os.path.join(out, made.data_identifier))
            for case, files in get_filenames_of_train_images_and_targets(raw, dataset).items():
                # What its command does for each case in processes of its own.
                made.preprocessor_class(verbose=False).run_case_save(
                    os.path.join(out, made.data_identifier, case), files["images"], files["label"], manager, made, dataset)
"""

NAMES = {1: "Dataset001_CT", 2: "Dataset002_MR"}
# Thick slices along the first axis of the files, so that nnU-Net turns axes: arrays become (x, z, y).
CT = {
    "a": (4.0, 0.8, 0.9),
    "b": (4.25, 0.75, 0.85),
    "c": (3.75, 0.82, 0.93),
    "d": (4.1, 0.78, 0.88),
    "e": (4.2, 0.7, 0.9),
}
# Sizes under which no voxel has two labels of the same weight: nnU-Net decides these by rounding.
MR = {"p_01": (0.965, 1.095, 1.27), "p_02": (1.149, 0.923, 1.228), "p_03": (0.974, 1.179, 1.403)}
LABELS = {
    1: {"background": 0, "liver": 1, "tumour": 2, "vessel": 3},
    2: {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
}


def smooth(rng: np.random.Generator, shape: tuple[int, ...], coarse: int) -> np.ndarray:
    """Noise that is linear between points that far apart."""
    values = rng.standard_normal([-(-n // coarse) + 2 for n in shape])
    for axis, n in enumerate(shape):
        place = np.arange(n) / coarse
        low = place.astype(int)
        part = (place - low).reshape([-1 if a == axis else 1 for a in range(3)])
        values = values.take(low, axis) * (1 - part) + values.take(low + 1, axis) * part
    return values


def write_raw(raw: Path, number: int) -> None:
    """An oblique, asymmetric dataset; MR with two channels, and with zeros around what was scanned."""
    import nibabel

    (raw / "imagesTr").mkdir(parents=True)
    (raw / "labelsTr").mkdir()
    rng = np.random.default_rng(number)
    for n, (name, spacing) in enumerate((CT if number == 1 else MR).items()):
        shape = (13 + n, 44 + 2 * n, 39 - n) if number == 1 else (38 + n, 33, 29 + 2 * n)
        affine = np.eye(4)
        affine[:3, :3] = oblique() @ np.diag(spacing) @ np.diag([(-1) ** n, 1, -1 if n == 2 else 1])
        affine[:3, 3] = [-31.5 + n, 12.25, 77.125]
        parts = smooth(rng, shape, 7)
        label = np.digitize(parts, [0.2, 0.7, 1.2]).astype(np.uint8)
        images = [(smooth(rng, shape, 4) * 300 + 200 * parts).round() for _ in range(number)]
        if number == 2:
            index = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in shape], indexing="ij"))
            head = (index**2 / np.array([0.5, 0.35, 0.4]).reshape(3, 1, 1, 1)).sum(0) < 1
            images = [(image - image.min() + 10) * head for image in images]
            label[~head] = 0
        else:
            images = [image.clip(-1000, 1500) for image in images]
        files = {f"imagesTr/{name}_{c:04}": image.astype(np.int16) for c, image in enumerate(images)}
        for file, values in {**files, f"labelsTr/{name}": label}.items():
            image = nibabel.Nifti1Image(values, affine)
            image.set_qform(affine, 1)
            nibabel.save(image, raw / f"{file}.nii.gz")
    document: dict[str, Any] = {
        "channel_names": {"0": "CT"} if number == 1 else {"0": "T1", "1": "noNorm"},
        "labels": LABELS[number],
        "numTraining": len(CT if number == 1 else MR),
        "file_ending": ".nii.gz",
    }
    if number == 2:
        document["regions_class_order"] = [1, 2]
    (raw / "dataset.json").write_text(json.dumps(document))


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``raw``, ``theirs`` (nnU-Net's own folders) and ``ours``."""
    place = tmp_path_factory.mktemp("nnunet")
    for part in ("raw", "theirs", "results", "ours"):
        (place / part).mkdir()
    for number, name in NAMES.items():
        write_raw(place / "raw" / name, number)
    listed = [(number, name, configurations(number)) for number, name in NAMES.items()]
    (place / "theirs.py").write_text(f"DATASETS = {listed!r}\n{THEIRS}")
    environment = {
        **os.environ,
        "nnUNet_raw": str(place / "raw"),
        "nnUNet_preprocessed": str(place / "theirs"),
        "nnUNet_results": str(place / "results"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, place / "theirs.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for number, name in NAMES.items():
        plans = place / "theirs" / name / "nnUNetPlans.json"
        preprocess(place / "raw" / name, plans, place / "ours" / name, configuration=configurations(number))
    return place


def configurations(number: int) -> list[str]:
    return ["3d_fullres", "2d"] if number == 1 else ["3d_fullres"]


def folders(both: Path) -> list[tuple[int, str, Path, Path]]:
    found = []
    for number, name in NAMES.items():
        for configuration in configurations(number):
            part = f"{name}/nnUNetPlans_{configuration}"
            found.append((number, configuration, both / "theirs" / part, both / "ours" / part))
    return found


@needs_nnunet
def test_nnunet_writes_the_same_arrays(both: Path) -> None:
    turned = json.loads((both / "theirs/Dataset001_CT/nnUNetPlans.json").read_text())["transpose_forward"]
    assert turned != [0, 1, 2]
    for number, _, theirs, ours in folders(both):
        cases = sorted(CT if number == 1 else MR)
        assert sorted(path.stem for path in ours.glob("*.pkl")) == cases
        for case in cases:
            expected, found = arrays(theirs, case), arrays(ours, case)
            close(found[0], expected[0])
            assert found[1].dtype == expected[1].dtype
            assert np.array_equal(found[1], expected[1])
            assert set(np.unique(found[1])) == {-1, 0, 1, 2, 3}


@needs_nnunet
def test_nnunet_cuts_arrays_in_the_same_blocks(both: Path) -> None:
    import blosc2
    from nnunetv2.training.dataloading.nnunet_dataset import comp_blosc2_params

    for _, _, theirs, ours in folders(both):
        for file in theirs.glob("*.b2nd"):
            expected, found = blosc2.open(str(file)), blosc2.open(str(ours / file.name))
            assert (found.blocks, found.chunks) == (expected.blocks, expected.chunks)
            assert found.schunk.cparams.filters == expected.schunk.cparams.filters
            assert found.schunk.cparams.codec == expected.schunk.cparams.codec
    rng = np.random.default_rng(3)
    for _ in range(300):
        shape = (int(rng.integers(1, 4)), *rng.integers(1, 400, 3).tolist())
        patch = rng.integers(1, 300, rng.integers(2, 4)).tolist()
        for size in (2, 4):
            assert _nnunet.blocks(shape, patch, size) == comp_blosc2_params(shape, patch, size)


@needs_nnunet
def test_nnunet_writes_the_same_properties(both: Path) -> None:
    for _, _, theirs, ours in folders(both):
        for file in sorted(theirs.glob("*.pkl")):
            expected, found = (pickle.loads((place / file.name).read_bytes()) for place in (theirs, ours))
            assert set(found) == set(expected)
            assert list(found["class_locations"]) == list(expected["class_locations"])
            for label, places in expected["class_locations"].items():
                assert type(places) is type(found["class_locations"][label])
                assert np.array_equal(found["class_locations"][label], places)
            for key in (
                "shape_before_cropping",
                "bbox_used_for_cropping",
                "shape_after_cropping_and_before_resampling",
            ):
                assert (found[key], type(found[key])) == (expected[key], type(expected[key]))
            assert found["spacing"] == expected["spacing"]
            assert set(found["sitk_stuff"]) == set(expected["sitk_stuff"])
            assert found["sitk_stuff"]["spacing"] == expected["sitk_stuff"]["spacing"]
            for key in ("origin", "direction"):
                assert np.allclose(found["sitk_stuff"][key], expected["sitk_stuff"][key], rtol=0, atol=1e-6)


@needs_nnunet
@pytest.mark.parametrize("reader", ["SimpleITKIO", "SimpleITKIOWithReorient", "NibabelIO", "NibabelIOWithReorient"])
def test_readers(both: Path, tmp_path: Path, reader: str) -> None:
    """The geometry of each of nnU-Net's readers, and what it writes with it."""
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    raw, name = both / "raw/Dataset002_MR", "p_03"
    plans = json.loads((both / "theirs/Dataset002_MR/nnUNetPlans.json").read_text())
    plans["image_reader_writer"] = reader
    dataset = json.loads((raw / "dataset.json").read_text())
    (tmp_path / "plans.json").write_text(json.dumps(plans))
    preprocess(raw, tmp_path / "plans.json", tmp_path / "out", format="npz")
    data, seg = arrays(tmp_path / "out/nnUNetPlans_3d_fullres", name)
    found = pickle.loads((tmp_path / f"out/nnUNetPlans_3d_fullres/{name}.pkl").read_bytes())
    manager = PlansManager(plans)
    files = [str(raw / f"imagesTr/{name}_{c:04}.nii.gz") for c in range(2)]
    theirs, label, expected = DefaultPreprocessor(verbose=False).run_case(
        files, str(raw / f"labelsTr/{name}.nii.gz"), manager, manager.get_configuration("3d_fullres"), dataset
    )
    close(data, theirs)
    assert np.array_equal(seg, label)
    # nibabel computes the sizes of a turned image anew from its affine, with noise in the last digit.
    digits = 2e-7 if reader == "NibabelIOWithReorient" else 0
    assert np.allclose(found["spacing"], expected["spacing"], rtol=digits, atol=0)
    assert found["bbox_used_for_cropping"] == expected["bbox_used_for_cropping"]
    kind = "nibabel_stuff" if reader.startswith("Nib") else "sitk_stuff"
    assert set(found) == set(expected)
    assert set(found[kind]) == set(expected[kind])
    for key, value in expected[kind].items():
        if isinstance(value, str):
            assert found[kind][key] == value
        else:
            assert np.allclose(found[kind][key], value, rtol=0, atol=1e-5)
    # What it writes by our properties lies where the scan lies, wherever the reader turned it.
    io = manager.image_reader_writer_class()
    shape = [found["shape_before_cropping"][axis] for axis in manager.transpose_backward]
    written = (np.arange(np.prod(shape)) % 200).reshape(shape).astype(np.uint8)
    io.write_seg(written, str(tmp_path / "ours.nii.gz"), found)
    io.write_seg(written, str(tmp_path / "theirs.nii.gz"), expected)
    ours, other, scan = (revoxel.read(f) for f in (tmp_path / "ours.nii.gz", tmp_path / "theirs.nii.gz", files[0]))
    assert np.array_equal(ours.xyz, other.xyz)
    assert np.allclose(ours.affine, other.affine, atol=1e-5)
    assert np.allclose(ours.affine, scan.affine, atol=1e-5)


@needs_nnunet
def test_nnunet_loads_the_same_batches(both: Path, tmp_path: Path) -> None:
    from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
    from nnunetv2.training.dataloading.nnunet_dataset import (
        infer_dataset_class,
        nnUNetDatasetBlosc2,
        nnUNetDatasetNumpy,
    )
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    for number, configuration, theirs, ours in folders(both):
        plans = both / "theirs" / NAMES[number] / "nnUNetPlans.json"
        raw, npz = both / "raw" / NAMES[number], tmp_path / configuration / str(number)
        preprocess(raw, plans, npz, configuration=configuration, format="npz")
        packed = npz / ours.name
        manager = PlansManager(str(both / "ours" / NAMES[number] / "nnUNetPlans.json"))
        labels = manager.get_label_manager(json.loads((both / "ours" / NAMES[number] / "dataset.json").read_text()))
        patch = manager.get_configuration(configuration).patch_size

        def batches(folder: Path, labels: Any = labels, patch: Any = patch) -> list[dict[str, Any]]:
            kind = infer_dataset_class(str(folder))
            assert kind is (nnUNetDatasetNumpy if list(folder.glob("*.npz")) else nnUNetDatasetBlosc2)
            loader = nnUNetDataLoader(kind(str(folder)), 2, patch, patch, labels, oversample_foreground_percent=0.5)
            np.random.seed(7)
            return [next(loader) for _ in range(4)]

        expected = batches(theirs)
        assert any((batch["target"] > 0).any() for batch in expected)
        for folder in (ours, packed):
            for one, other in zip(batches(folder), expected, strict=True):
                assert list(one["keys"]) == list(other["keys"])
                assert np.array_equal(one["target"], other["target"])
                scale = float(np.ptp(other["data"].numpy()))
                assert np.abs(one["data"].numpy() - other["data"].numpy()).max() <= VALUES * scale
        # Its loader may unpack archives first.
        nnUNetDatasetNumpy.unpack_dataset(str(packed), num_processes=1)
        assert np.array_equal(batches(packed)[0]["target"], expected[0]["target"])
        again = preprocess(raw, plans, npz, configuration=configuration, format="npz")
        assert {case["outcome"] for case in again[configuration]["cases"]} == {"was done"}


@needs_nnunet
def test_nnunet_exports_what_a_trace_brings_home(both: Path, tmp_path: Path) -> None:
    from nnunetv2.inference.export_prediction import export_prediction_from_logits
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    for number, configuration, theirs, ours in folders(both):
        manager = PlansManager(str(both / "ours" / NAMES[number] / "nnUNetPlans.json"))
        dataset = json.loads((both / "ours" / NAMES[number] / "dataset.json").read_text())
        heads = manager.get_label_manager(dataset).num_segmentation_heads
        predicted, exported = tmp_path / f"{number}{configuration}", tmp_path / f"{number}{configuration}-exported"
        predicted.mkdir()
        exported.mkdir()
        for case in sorted(CT if number == 1 else MR):
            rng = np.random.default_rng(11)
            shape = arrays(ours, case)[1].shape[1:]
            logits = np.stack([smooth(rng, shape, 5) * 4 for _ in range(heads)]).astype(np.float32)
            np.save(predicted / f"{case}.npy", logits)
            for place, name in ((ours, case), (theirs, f"{case}-theirs")):
                properties = pickle.loads((place / f"{case}.pkl").read_bytes())
                export_prediction_from_logits(
                    logits.copy(),
                    properties,
                    manager.get_configuration(configuration),
                    manager,
                    dataset,
                    str(exported / name),
                )
        program("invert", ours, predicted, "--axes", "czyx", "--out", predicted / "back")
        for case in sorted(CT if number == 1 else MR):
            back = revoxel.read(predicted / f"back/segmentations/{case}.nii.gz")
            for name in (case, f"{case}-theirs"):
                other = revoxel.read(exported / f"{name}.nii.gz")
                assert np.allclose(back.affine, other.affine, atol=1e-5)
                assert np.array_equal(back.xyz, other.xyz)
            assert len(np.unique(back.xyz)) == heads + (number == 2)


@needs_nnunet
def test_nnunet_finds_the_rest(both: Path) -> None:
    from nnunetv2.utilities.crossval_split import generate_crossval_split

    for name in NAMES.values():
        theirs, ours = both / "theirs" / name, both / "ours" / name
        for file in ("dataset.json", "nnUNetPlans.json", "dataset_fingerprint.json"):
            assert json.loads((ours / file).read_text()) == json.loads((theirs / file).read_text())
        expected = {path.name: path.read_bytes() for path in (both / "raw" / name / "labelsTr").iterdir()}
        assert {path.name: path.read_bytes() for path in (ours / "gt_segmentations").iterdir()} == expected
    splits = json.loads((both / "ours/Dataset001_CT/splits_final.json").read_text())
    assert splits == generate_crossval_split(sorted(CT))
    # nnU-Net's five folds need five cases.
    assert not (both / "ours/Dataset002_MR/splits_final.json").exists()
    names = [f"x{n}" for n in range(103)]
    assert _nnunet.folds(names) == generate_crossval_split(sorted(names))


@needs_nnunet
def test_nnunet_draws_the_same_voxels() -> None:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    rng = np.random.default_rng(9)
    # Classes of more voxels than are drawn, of fewer, of one in a hundred, and of none.
    seg = rng.choice([-1, 0, 1, 2, 3], (1, 110, 120, 130), p=[0.2, 0.1, 0.6882, 0.0118, 0]).astype(np.int16)
    for labels, order in [
        ({"background": 0, "a": 1, "b": 2, "c": 3}, None),
        ({"background": 0, "a": 1, "b": 2, "ignore": 3}, None),
        ({"background": 0, "all": [2, 1], "b": 2, "c": [3, 4]}, [1, 2, 3]),
        ({"background": 0, "all": [1, 2], "b": [2], "ignore": 3}, [1, 2]),
    ]:
        manager = LabelManager(labels, order)
        wanted = list(manager.foreground_regions if manager.has_regions else manager.foreground_labels)
        if manager.has_ignore_label:
            wanted.append([-1, *manager.all_labels])
        expected = DefaultPreprocessor._sample_foreground_locations(seg, wanted)
        found = _nnunet.class_locations(seg, _nnunet.classes(labels))
        assert list(found) == list(expected)
        assert len(found[next(iter(found))]) > 10_000
        for label, places in expected.items():
            assert np.array_equal(found[label], places)


TRAINING = """
import json, sys
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

if __name__ == "__main__":
    folder = sys.argv[1]
    plans, dataset = (json.load(open(f"{folder}/{name}.json")) for name in ("nnUNetPlans", "dataset"))
    plans["continue_training"] = False
    trainer = nnUNetTrainer(plans, "3d_fullres", 0, dataset, device=torch.device("cpu"))
    trainer.num_epochs = trainer.num_iterations_per_epoch = trainer.num_val_iterations_per_epoch = 1
    trainer.run_training()
"""


@needs_nnunet
def test_nnunet_trains_on_it(both: Path, tmp_path: Path) -> None:
    """One step of its trainer, in fold 0 of ours: it needs all documents, and writes a checkpoint."""
    (tmp_path / "training.py").write_text(TRAINING)
    environment = {
        **os.environ,
        "nnUNet_raw": str(tmp_path),
        "nnUNet_preprocessed": str(both / "ours"),
        "nnUNet_results": str(tmp_path / "results"),
        "nnUNet_compile": "f",
        "nnUNet_n_proc_DA": "0",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, tmp_path / "training.py", both / "ours/Dataset001_CT"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "This split has 4 training and 1 validation cases." in done.stdout
    assert list((tmp_path / "results").rglob("fold_0/checkpoint_final.pth"))
    assert list((tmp_path / "results").rglob("dataset_fingerprint.json"))
