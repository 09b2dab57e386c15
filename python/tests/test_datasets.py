"""Datasets through the program: run, interrupted, brought home, scored."""

from __future__ import annotations

import _thread
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import revoxel
from revoxel import datasets
from revoxel._program import in_python, plain

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


@pytest.mark.parametrize("none", [[], (), np.array([], str)])
def test_an_empty_list_of_cases_is_not_all_cases(place: Path, none: Any) -> None:
    with pytest.raises(revoxel.RevoxelError, match="cases is an empty list"):
        datasets.run(place / "p.yaml", place / "data", place / "out", cases=none)
    with pytest.raises(revoxel.RevoxelError, match="cases is an empty list"):
        datasets.cases(place / "p.yaml", place / "data", cases=none)
    assert not (place / "out").exists()
    given = (name for name in np.array(["c0", "c2"]))
    assert [case["case"] for case in datasets.cases(place / "p.yaml", place / "data", cases=given)] == ["c0", "c2"]


def test_arguments_of_numpy(place: Path) -> None:
    summary = datasets.run(
        place / "p.yaml", place / "data", place / "out", jobs=np.int64(1), seed=np.uint8(3), keep_going=np.bool_(True),
        shard=(np.int64(1), np.int64(2)), memory=1e9, set={"steps.1.spacing.pixdim": np.array([2, 2, np.float32(2.5)])},
    )  # fmt: skip
    trace = json.loads(Path(summary["cases"][0]["files"][-1]).read_text())
    assert trace["pipeline"]["document"]["steps"][1]["spacing"]["pixdim"] == [2, 2, 2.5]
    assert plain(np.uint8) == plain(np.dtype("u1")) == "uint8"
    assert plain({"a": (np.float64(0.5), [np.bool_(True)])}) == {"a": [0.5, [True]]}
    options = datasets._options(dtype=np.uint8, threshold=np.float64(0.1), overwrite=np.bool_(False), fill=np.int16(-3))
    assert options == ["--dtype=uint8", "--threshold=0.1", "--fill=-3"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jobs": True}, "jobs: True: expected a whole number"),
        ({"jobs": 2.0}, "jobs: 2.0: expected a whole number"),
        ({"threads": 0}, "threads: 0: expected a whole number, at least 1"),
        ({"retries": -1}, "retries: -1: expected a whole number, at least 0"),
        ({"memory": True}, "memory: True: expected a text, a path or a number"),
        ({"overwrite": 1}, "overwrite: 1: expected True or False"),
        ({"shard": (1, 2, 3)}, r"shard: .*: expected two whole numbers"),
        ({"cases": 3}, "cases: 3: expected the name of a case"),
        ({"set": {"seed": {1}}}, "set: seed: "),
    ],
)
def test_wrong_arguments_are_refused(place: Path, wrong: Any, said: str) -> None:
    with pytest.raises(revoxel.RevoxelError, match=said):
        datasets.run(place / "p.yaml", place / "data", place / "out", **wrong)


@pytest.mark.parametrize("wrong", [{"version": 1}, b"p.yaml", None])
def test_what_is_no_path_is_refused(place: Path, wrong: Any) -> None:
    with pytest.raises(revoxel.RevoxelError, match="expected a path"):
        datasets.cases(wrong, place / "data")


def test_weights_and_labels_keep_their_digits(place: Path) -> None:
    assert datasets._listed("weights", [1 / 3, 2, 0.25]) == f"{1 / 3!r},2,0.25"
    assert datasets._listed("regions", np.array([1.0, 2345678.0])) == "1,2345678"
    with pytest.raises(revoxel.RevoxelError, match="weights is an empty list"):
        datasets._listed("weights", [])
    datasets.run(place / "p.yaml", place / "data", place / "out", cases="c0")
    trace = revoxel.Trace.load(place / "out/c0/trace.json")
    (place / "predictions").mkdir()
    scores = np.zeros((2, *trace.model_grid.shape), np.float32)
    scores[1] = 0.75
    np.save(place / "predictions/c0.npy", scores)
    datasets.invert_all(
        place / "out", place / "predictions", place / "home", kind="probability", regions=[1, 65535], axes="cxyz"
    )
    assert revoxel.read(place / "home/c0-home.nii.gz", "label").xyz.max() == 65535


def test_paths_that_begin_with_a_dash(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    shutil.copy("p.yaml", "-p.yaml")
    (place / "data").rename("-data")
    datasets.run("-p.yaml", "-data", "-out")
    assert datasets.status("-out")["counts"]["done"] == 3
    (place / "-labels").mkdir()
    for case in ("c0", "c1", "c2"):
        shutil.copy(f"-out/{case}/label.nii", f"-labels/{case}.nii")
    datasets.invert_all("-out", "-labels", "-home")
    shutil.move("-home/c0-home.nii.gz", "-labels/c0-home.nii.gz")
    assert datasets.score("-labels", reference="-labels")["cases"]


def test_names_that_are_not_text_are_refused(place: Path) -> None:
    os.rename(place / "data/c0_i.nii.gz", os.fsencode(place / "data") + b"/\xfe_i.nii.gz")
    os.rename(place / "data/c0_l.nii.gz", os.fsencode(place / "data") + b"/\xfe_l.nii.gz")
    with pytest.raises(revoxel.RevoxelError, match=r"_[il]\.nii\.gz: the name of this file is not UTF-8"):
        datasets.cases(place / "p.yaml", place / "data")
    # The character itself is a name like any other.
    for kind in "il":
        os.rename(os.fsencode(place / "data") + f"/\udcfe_{kind}.nii.gz".encode("utf-8", "surrogateescape"),
                  place / "data" / f"\ufffd_{kind}.nii.gz")  # fmt: skip
    assert len(datasets.cases(place / "p.yaml", place / "data")) == 3


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("/nowhere/program", "no such program"),
        ("", "is empty"),
        ("  ", "is empty"),
        ("'", "no command"),
        ("{place}/p.yaml", "not executable"),
        ("{place}/broken", "cannot be started"),
        ("false", "ended with exit code 1"),
        ("true", "gave no answer"),
    ],
)
def test_a_wrong_program_names_the_variable(
    place: Path, monkeypatch: pytest.MonkeyPatch, variable: str, said: str
) -> None:
    (place / "broken").write_bytes(b"\x00\x01")
    (place / "broken").chmod(0o755)
    monkeypatch.setenv("REVOXEL_PROGRAM", variable.format(place=place))
    with pytest.raises(revoxel.RevoxelError, match="REVOXEL_PROGRAM") as caught:
        datasets.run(place / "p.yaml", place / "data", place / "out")
    assert said in str(caught.value)


def test_errors_speak_of_arguments(place: Path) -> None:
    odd = place / "with --overwrite"
    datasets.run(place / "p.yaml", place / "data", odd)
    with pytest.raises(revoxel.RevoxelError, match=r"pass resume=True$") as caught:
        datasets.run(place / "p.yaml", place / "data", odd)
    assert f"{odd}/c0/image.nii exists already (overwrite=True)" in str(caught.value)
    (place / "labels").mkdir()
    shutil.copy(odd / "c0/label.nii", place / "labels/c0.nii")
    datasets.invert_all(odd, place / "labels", place / "home", keep_going=True)
    with pytest.raises(revoxel.RevoxelError, match="pass overwrite=True to replace it, or resume=True"):
        datasets.invert_all(odd, place / "labels", place / "home", keep_going=True)
    with pytest.raises(revoxel.RevoxelError, match=r"not provided:\n  reference=$"):
        datasets.score(place / "labels")


def test_options_become_arguments() -> None:
    said = {
        "the option is --data DIR": "the argument is data=",
        "the options are --overwrite and --memory SIZE": "the arguments are overwrite=True and memory=",
        "the option is --max-volume SIZE": "the option is --max-volume SIZE",
        "pass --dtype float64, or scale": 'pass dtype="float64", or scale',
        "pass --case NAME or --jobs.": "pass cases= or jobs=.",
        "/a/--overwrite/b exists (--overwrite)": "/a/--overwrite/b exists (overwrite=True)",
        "/a--jobs: --jobs": "/a--jobs: jobs=",
        "case a: --weights: 1 weight": "case a: weights: 1 weight",
    }
    assert {text: in_python(text) for text in said} == said
    assert in_python("a --data b: --data", ["a --data b"]) == "a --data b: data="


PRESSED = """
import os, signal, sys, threading
from revoxel import _program, datasets
import subprocess

def press():
    os.kill(os.getpid(), signal.SIGINT)

where, place = sys.argv[1:]
if where == "process":
    begin = subprocess.Popen.__init__
    def init(self, *a, **k):
        begin(self, *a, **k)
        press()
    subprocess.Popen.__init__ = init
elif where == "fork":
    begin = subprocess.Popen._execute_child
    def execute(self, *a, **k):
        press()
        begin(self, *a, **k)
        press()
    subprocess.Popen._execute_child = execute
else:
    begin = threading.Thread.start
    def start(self):
        press()
        begin(self)
    threading.Thread.start = start
# Another thread may be the one that gets the signal.
idle = threading.Event()
other = threading.Thread(target=idle.wait, daemon=True)
(threading.Thread.start if where != "thread" else begin)(other)
try:
    datasets.run(place + "/p.yaml", place + "/data", place + "/out", jobs=1, threads=1)
except KeyboardInterrupt:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    print("interrupted", flush=True)
idle.set()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("where", ["process", "fork", "thread"])
def test_ctrl_c_while_the_program_starts_leaves_none(place: Path, where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRESSED, where, str(place)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "interrupted\n", done.stderr
    assert at_work(place) == []
    assert not (place / "out").exists()


def at_work(place: Path) -> list[str]:
    """The programs that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if f"--out={place}/out".encode() in command:
            found.append(command.decode())
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_ctrl_c_at_any_moment_leaves_no_program(place: Path) -> None:
    code = """
import sys
from revoxel import datasets
print("go", flush=True)
try:
    datasets.run(sys.argv[1] + "/p.yaml", sys.argv[1] + "/data", sys.argv[1] + "/out", resume=True, jobs=1, threads=1)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    draw = np.random.default_rng(7)
    for _ in range(15):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(draw.uniform(0, 0.05))
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        assert at_work(place) == []
