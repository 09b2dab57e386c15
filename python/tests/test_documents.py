"""The Python of the README and of docs/python.md runs as it is written."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import revoxel
from revoxel._program import program

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "docs/python.md", "python/README.md"]


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def model(scans: Any) -> np.ndarray:
    """Two classes: what is bright, and what is not."""
    scans = np.asarray(scans)
    return np.concatenate([0.5 - scans, scans - 0.5], axis=1)


PIPELINE = """
version: 1
inputs:
  image: { kind: image, path: "images/{case}.nii.gz" }
  label: { kind: label, path: "labels/{case}.nii.gz" }
steps: [{ orientation: { axcodes: RAS } }, { spacing: { pixdim: 3 } }]
outputs: { image: { path: "{case}/image.nii" }, label: { path: "{case}/label.nii" } }
trace: "{case}/trace.json"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files that the documents name."""
    folder = tmp_path_factory.mktemp("documents")
    subprocess.run([*program(), "demo", "demo-out"], cwd=folder, check=True, capture_output=True)
    (folder / "pipelines").symlink_to(ROOT / "pipelines")
    demo = folder / "demo-out" / "data"
    (folder / "ct.nii.gz").symlink_to(demo / "images" / "phantom.nii.gz")
    for kind in ("images", "labels"):
        (folder / "data" / kind).mkdir(parents=True)
        for case in ("phantom", "second"):
            (folder / "data" / kind / f"{case}.nii.gz").symlink_to(demo / kind / "phantom.nii.gz")
    (folder / "pipeline.yaml").write_text(PIPELINE)
    # What a model would have made of the output of the first block that runs the dataset.
    case = revoxel.Pipeline.load(folder / "pipeline.yaml")(
        {"image": demo / "images" / "phantom.nii.gz", "label": demo / "labels" / "phantom.nii.gz"}
    )
    (folder / "predictions").mkdir()
    for name in ("phantom", "second"):
        revoxel.write(case["label"], folder / "predictions" / f"{name}.nii.gz")
    return folder


CASES = [(page, number) for page in PAGES for number in range(len(blocks(page)))]


def test_there_are_blocks() -> None:
    assert [page for page in PAGES if not blocks(page)] == []


@pytest.mark.parametrize(("page", "number"), CASES)
def test_a_block_runs(page: str, number: int, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = blocks(page)[number]
    if "torch" in block:
        pytest.importorskip("torch")
    monkeypatch.chdir(place)
    names: dict[str, Any] = {"model": model, "revoxel": revoxel}
    exec(compile(block, f"{page}, block {number}", "exec"), names)
    assert CHECKS.get((page, number), lambda _: True)(names)


def _on_its_scan(names: dict[str, Any]) -> bool:
    back, case = names["back"], names["case"]
    return back.grid == case.trace.source_grid and 0 < back.xyz.mean() < 1


CHECKS: dict[tuple[str, int], Callable[[dict[str, Any]], bool]] = {
    ("README.md", 0): lambda names: 0 < names["labels"].xyz.mean() < 1,
    ("docs/python.md", 0): _on_its_scan,
    ("docs/python.md", 1): lambda names: names["small"].spacing == pytest.approx((2, 2, 2)),
    ("docs/python.md", 2): lambda names: bool(names["scores"]) and Path("scores.csv").exists(),
    ("docs/python.md", 3): lambda names: len(names["whole"]) == 2 and len(next(iter(names["patches"]))["image"]) == 2,
    ("python/README.md", 0): _on_its_scan,
}
