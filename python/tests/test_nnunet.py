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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import oblique

import revoxel
from revoxel import _nnunet, datasets
from revoxel.nnunet import main, preprocess

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
    with pytest.raises(revoxel.RevoxelError, match=r"format npz, such as b\.b2nd"):
        run(overwrite=True)


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
    t("jobs: 0", jobs=0)
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
    with pytest.raises(datasets.CasesError, match="2"):
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
    for size in [0.7, 0.9765625, 1.0, 1.2, 3.0, 4.5, *rng.uniform(0.3, 9, 50).round(3)]:
        for column in oblique().T:
            length = float(np.linalg.norm((column * np.float32(size)).astype(np.float32).astype(float)))
            assert _nnunet.nominal(length) == float(np.float32(size))
            assert _nnunet.nominal(size) == size
