"""`revoxel trace export`: SimpleITK brings a prediction to the voxels of the scan, as `revoxel invert` does."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from revoxel._program import program

nibabel = pytest.importorskip("nibabel")
sitk = pytest.importorskip("SimpleITK")


SHAPE = (22, 27, 17)
PIPELINE = """\
version: 1
inputs:
  image: { kind: image, path: "{case}.nii" }
steps:
  - orientation: { axcodes: PSR }
STEPS
outputs:
  image: { path: "{case}.nii" }
trace: "{case}.json"
"""


def revoxel(folder: Path, *arguments: str) -> str:
    done = subprocess.run([*program(), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def case(folder: Path, steps: str) -> np.ndarray:
    """A scan that ran through a pipeline; gives the scan's affine."""
    a, b = 0.2, -0.3
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * np.array([-1.3, 0.9, 2.5]), (-20.25, 31.5, 7.75)
    affine = affine.astype(np.float32).astype(float)
    i, j, k = np.indices(SHAPE)
    (folder / "data").mkdir()
    nibabel.save(nibabel.Nifti1Image((i + 2 * j + 3 * k).astype(np.float32), affine), folder / "data" / "a.nii")
    (folder / "p.yaml").write_text(PIPELINE.replace("STEPS", steps))
    revoxel(folder, "run", "p.yaml", "--data", "data", "--out", "out")
    return affine


def prediction(folder: Path) -> None:
    """Labels on the model's grid, in blobs that look different from every side."""
    like = nibabel.load(folder / "out" / "a.nii")
    i, j, k = (np.linspace(0, 1, n).reshape([-1 if a == b else 1 for b in range(3)]) for a, n in enumerate(like.shape))
    value = np.sin(5 * i + 2 * j) + np.cos(7 * j - 3 * k) + np.sin(4 * k * (1 + i))
    labels = (1 + np.digitize(value, [-0.8, 0.1, 0.9, 1.6])).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, like.affine), folder / "labels.nii")


def labels_affine(folder: Path) -> np.ndarray:
    return np.asarray(nibabel.load(folder / "labels.nii").affine)


@pytest.mark.parametrize(
    "steps",
    [
        "  - spatial_crop: { roi_start: [2, 3, 1], roi_end: [15, 20, 20] }",
        "  - spacing: { pixdim: [1.1, 1.7, 1.3] }",
        "  - spacing: { pixdim: 1.2 }\n  - spatial_crop: { roi_start: [2, 3, 1], roi_end: [15, 20, 18] }",
    ],
)
def test_simpleitk_brings_labels_home(steps: str, tmp_path: Path) -> None:
    affine = case(tmp_path, steps)
    prediction(tmp_path)
    revoxel(
        tmp_path, "invert", "out/a.json", "labels.nii", "--kind", "label", "-o", "ours.nii", "--coverage", "seen.nii"
    )
    said = json.loads(revoxel(tmp_path, "trace", "export", "out/a.json", "--to", "itk", "-o", "a.tfm", "--json"))
    assert "coverage" in [entry["name"] for entry in said["not_exported"]]
    reference, transform = sitk.ReadImage(str(tmp_path / "a.nrrd")), sitk.ReadTransform(str(tmp_path / "a.tfm"))
    labels = sitk.ReadImage(str(tmp_path / "labels.nii"))
    home = sitk.GetArrayFromImage(sitk.Resample(labels, reference, transform, sitk.sitkNearestNeighbor)).T
    ours = np.asarray(nibabel.load(tmp_path / "ours.nii").dataobj)
    seen = np.asarray(nibabel.load(tmp_path / "seen.nii").dataobj) > 0
    assert home.shape == ours.shape == SHAPE
    assert seen.mean() > 0.2
    # ITK fills where the centre of a voxel leaves the prediction; we read voxels whose extent meets it.
    inside = seen & (home > 0)
    edge = (seen & (home == 0)).mean()
    assert edge < 0.1
    # Halfway between two voxels ITK goes by rounding noise; we take turns.
    index = np.indices(SHAPE).reshape(3, -1)
    model = np.linalg.solve(labels_affine(tmp_path), affine)
    place = model[:3, :3] @ index + model[:3, 3:]
    tie = (np.abs(place % 1 - 0.5) < 1e-4).any(axis=0).reshape(SHAPE)
    assert tie.mean() < 0.5
    assert not (home != ours)[inside & ~tie].any()
    assert not home[~seen].any()
    # The reference is the grid of the scan.
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    index = np.array([3.0, 5, 7])
    assert np.allclose(
        reference.TransformContinuousIndexToPhysicalPoint(index.tolist()), lps[:3, :3] @ index + lps[:3, 3]
    )


def test_the_matrix_maps_indices(tmp_path: Path) -> None:
    affine = case(tmp_path, "  - spacing: { pixdim: [1.1, 1.7, 1.3] }")
    revoxel(tmp_path, "trace", "export", "out/a.json", "--to", "affine", "-o", "a.json")
    document = json.loads((tmp_path / "a.json").read_text())
    expected = np.linalg.solve(affine, np.array(document["model"]["affine"]))
    assert np.allclose(np.array(document["model_index_to_source_index"]), expected, atol=1e-9)
    assert np.array_equal(np.array(document["source"]["affine"]), affine)
