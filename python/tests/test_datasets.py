"""Datasets through the program: run, interrupted, brought home, scored."""

from __future__ import annotations

import _thread
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import revoxel
from revoxel import datasets

PIPELINE = """
version: 1
inputs:
  image: { kind: image, path: "{case}_i.nii.gz" }
  label: { kind: label, path: "{case}_l.nii.gz" }
steps:
  - orientation: { axcodes: PSR }
  - spacing: { pixdim: [1.5, 1.25, 2.0] }
  - crop_foreground: { source: label, margin: 2 }
outputs:
  image: { path: "{case}/image.nii", dtype: float32 }
  label: { path: "{case}/label.nii" }
trace: "{case}/trace.json"
restore:
  prediction: { kind: label, output: { path: "{case}-home.nii.gz" } }
"""

# Oblique about two axes, with spacings that differ.
AFFINE = np.array([[0.0, -1.1, 0.2, 31.0], [0.9, 0.1, 0.4, -17.0], [0.15, 0.3, 2.1, 5.5], [0, 0, 0, 1]])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    random = np.random.default_rng(5)
    for number in range(3):
        shape = (13 + number, 17, 9)
        image = random.normal(100, 40, shape).astype(np.float32)
        label = np.zeros(shape, np.uint8)
        label[2:9, 4:13, 2:7] = 1
        label[3:6, 5 + number : 9, 3:6] = 2
        revoxel.write(revoxel.Volume(image, AFFINE), data / f"c{number}_i.nii.gz")
        revoxel.write(revoxel.Volume(label, AFFINE, kind="label"), data / f"c{number}_l.nii.gz")
    (tmp_path / "p.yaml").write_text(PIPELINE)
    return tmp_path


def test_a_dataset_is_found_run_brought_home_and_scored(place: Path) -> None:
    found = datasets.cases(place / "p.yaml", place / "data")
    assert [case["case"] for case in found] == ["c0", "c1", "c2"]
    assert found[1]["image"] == "c1_i.nii.gz"
    told: list[tuple[int, int, str | None]] = []
    summary = datasets.run(
        place / "p.yaml", place / "data", place / "out", progress=lambda *step: told.append(step), jobs=1
    )
    assert [case["outcome"] for case in summary["cases"]] == ["done"] * 3
    assert told == [(0, 3, None), (1, 3, "c0"), (2, 3, "c1"), (3, 3, "c2")]
    again = datasets.run(place / "p.yaml", place / "data", place / "out", resume=True)
    assert sorted(again["done_already"]) == ["c0", "c1", "c2"]
    assert again["cases"] == []
    assert datasets.status(place / "out")["counts"]["done"] == 3

    # The labels that went in are the predictions of a perfect model.
    (place / "predictions").mkdir()
    for case in ("c0", "c1", "c2"):
        label = revoxel.read(place / "out" / case / "label.nii", "label")
        revoxel.write(label, place / "predictions" / f"{case}.nii.gz")
    home = datasets.invert_all(place / "out", place / "predictions", place / "home")
    assert [case["outcome"] for case in home["cases"]] == ["done"] * 3
    back = revoxel.read(place / "home" / "c1-home.nii.gz", "label")
    assert back.grid == revoxel.read(place / "data" / "c1_i.nii.gz").grid
    # In process it is the same to the bit.
    trace = revoxel.Trace.load(place / "out" / "c1" / "trace.json")
    alone = trace.invert(revoxel.read(place / "predictions" / "c1.nii.gz", "label"), restore="prediction")
    np.testing.assert_array_equal(np.asarray(alone), np.asarray(back))

    for case in ("c0", "c1", "c2"):
        (place / "home" / f"{case}-home.nii.gz").rename(place / "home" / f"{case}.nii.gz")
    scores = datasets.score(place / "home", run=place / "out", key="label", csv=place / "scores.csv")
    assert len(scores["labels"]) == 2
    assert all(0.5 < label["dice"]["mean"] <= 1 for label in scores["labels"])
    assert (place / "scores.csv").read_text().count("\n") == 7


def test_a_pipeline_in_memory_is_the_same_as_its_file(place: Path) -> None:
    datasets.run(place / "p.yaml", place / "data", place / "a", set={"steps.1.spacing.pixdim": 2})
    pipeline = revoxel.Pipeline.load(place / "p.yaml", set={"steps.1.spacing.pixdim": 2})
    datasets.run(pipeline, place / "data", place / "b")
    for file in ("c0/image.nii", "c2/label.nii"):
        assert (place / "a" / file).read_bytes() == (place / "b" / file).read_bytes()
    hashes = {json.loads((place / at / "c1/trace.json").read_text())["pipeline"]["hash"] for at in "ab"}
    assert hashes == {pipeline.hash}


def test_faults_are_exceptions_with_their_place(place: Path) -> None:
    (place / "bad.yaml").write_text(PIPELINE.replace("pixdim: [1.5, 1.25, 2.0]", "pixdin: 2"))
    with pytest.raises(revoxel.PipelineError, match="pixdin") as caught:
        datasets.run(place / "bad.yaml", place / "data", place / "out")
    assert (caught.value.file or "").endswith("bad.yaml")
    assert caught.value.line == 8
    assert not (place / "out").exists()
    with pytest.raises(revoxel.RevoxelError, match="none"):
        datasets.run(place / "p.yaml", place / "none", place / "out")
    # A broken file fails its case, and says which.
    whole = (place / "data/c1_i.nii.gz").read_bytes()
    (place / "data/c1_i.nii.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(datasets.CasesError, match=r"case c1: .*truncated") as broken:
        datasets.run(place / "p.yaml", place / "data", place / "out", jobs=1)
    assert [case["outcome"] for case in broken.value.summary["cases"]] == ["done", "failed", "not_run"]
    summary = datasets.run(place / "p.yaml", place / "data", place / "out", resume=True, keep_going=True)
    assert {case["case"]: case["outcome"] for case in summary["cases"]} == {"c1": "failed", "c2": "done"}
    (place / "data/c2_l.nii.gz").unlink()
    with pytest.raises(datasets.CasesError, match="c2_l"):
        datasets.cases(place / "p.yaml", place / "data")


def test_an_interrupt_ends_the_program_within_a_second(place: Path) -> None:
    for number in range(3, 40):
        for kind in "il":
            target = place / "data" / f"c0_{kind}.nii.gz"
            (place / "data" / f"c{number}_{kind}.nii.gz").symlink_to(target)
    pressed: list[float] = []

    def press(ended: int, of: int, case: str | None) -> None:
        if ended == 3 and not pressed:
            pressed.append(time.monotonic())
            threading.Thread(target=_thread.interrupt_main).start()

    with pytest.raises(KeyboardInterrupt):
        datasets.run(place / "p.yaml", place / "data", place / "out", progress=press, jobs=1)
    assert time.monotonic() - pressed[0] < 1.0
    assert not list((place / "out").rglob("*.partial"))
    datasets.run(place / "p.yaml", place / "data", place / "out", resume=True)
    counts = datasets.status(place / "out")["counts"]
    assert counts == {"done": 40, "left_out": 0, "stale": 0, "failed": 0, "missing": 0}


def test_an_exception_of_the_callback_ends_the_program_too(place: Path) -> None:
    def refuse(ended: int, of: int, case: str | None) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        datasets.run(place / "p.yaml", place / "data", place / "out", progress=refuse)


def test_a_folder_of_the_same_name_is_no_package(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "revoxel").mkdir()
    (place / "revoxel" / "__init__.py").write_text("raise RuntimeError('not this one')\n")
    monkeypatch.chdir(place)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    assert len(datasets.cases("p.yaml", "data")) == 3


def test_help_speaks_of_arguments(place: Path) -> None:
    with pytest.raises(revoxel.RevoxelError, match=r"the argument is data=\)") as caught:
        datasets.run(place / "p.yaml", place / "data", place / "alone", cases="c0")
        datasets.score(place / "alone", run=place / "alone")
    assert caught.value.help == "the argument is data="


def test_progress_counts_cases_alone(place: Path) -> None:
    told: list[tuple[int, int, str | None]] = []
    datasets.run(place / "p.yaml", place / "data", place / "out", progress=lambda *step: told.append(step), jobs=1)
    assert told == [(0, 3, None), (1, 3, "c0"), (2, 3, "c1"), (3, 3, "c2")]


def test_what_was_done_before_counts_as_done(place: Path) -> None:
    whole = (place / "data" / "c2_i.nii.gz").read_bytes()
    (place / "data" / "c2_i.nii.gz").write_bytes(whole[:-40])
    datasets.run(place / "p.yaml", place / "data", place / "out", keep_going=True)
    again = datasets.run(place / "p.yaml", place / "data", place / "out", keep_going=True, resume=True)
    assert again["done_already"] == ["c0", "c1"]
    assert [row["outcome"] for row in again["cases"]] == ["failed"]
    (place / "data" / "c2_i.nii.gz").write_bytes(b"nothing")
    again = datasets.run(place / "p.yaml", place / "data", place / "out", keep_going=True, resume=True)
    assert [row["outcome"] for row in again["cases"]] == ["failed"]


def test_a_wrong_value_says_of_what(place: Path) -> None:
    with pytest.raises(revoxel.RevoxelError, match=r"^set steps\.9.*the pipeline has no \"9\""):
        datasets.run(place / "p.yaml", place / "data", place / "out", set={"steps.9.spacing.pixdim": 2})
