"""A scan for the examples: oblique, not symmetric, with a label in it."""

from pathlib import Path

import numpy as np

import revoxel

PIPELINE = """
version: 1
inputs:
  image: { kind: image, path: "{case}.nii.gz" }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: [1.5, 1.5, 2.0] }
  - crop_foreground: { source: image, above: 0, margin: 2 }
  - scale_intensity_range: { a_min: 0, a_max: 400, b_min: 0, b_max: 1, clip: true }
outputs:
  image: { path: "{case}-model.nii.gz", dtype: float32 }
trace: "{case}-trace.json"
"""


def make(folder: Path) -> tuple[Path, Path]:
    """Write a scan and a pipeline; their paths."""
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in (40, 46, 24)], indexing="ij")
    body = (x / 0.8) ** 2 + (y / 0.7) ** 2 + ((z - 0.1) / 0.85) ** 2 < 1
    tumour = (x - 0.3) ** 2 + (y + 0.2) ** 2 + (z - 0.2) ** 2 < 0.06
    image = (100.0 * body + 250.0 * tumour + 20.0 * body * x).astype(np.float32)
    turned = np.array([[-1.1, 0.1, 0.05, 30.0], [0.1, 1.0, 0.2, -25.0], [0.05, -0.2, 2.0, 12.0], [0, 0, 0, 1]])
    # Columns at right angles, as scanners make them: axes of the nearest rotation, with three spacings.
    left, _, right = np.linalg.svd(turned[:3, :3] / np.linalg.norm(turned[:3, :3], axis=0))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = left @ right * [1.1, 1.0, 2.0], turned[:3, 3]
    scan, pipeline = folder / "patient.nii.gz", folder / "pipeline.yaml"
    revoxel.write(revoxel.Volume(image, affine), scan)
    pipeline.write_text(PIPELINE)
    return scan, pipeline


def model(image: np.ndarray) -> np.ndarray:
    """Something in the place of a network: two channels of logits for an image of shape (x, y, z)."""
    return np.stack([0.6 - image, image - 0.6])
