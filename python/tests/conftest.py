"""What the tests share: grids in all orientations, oblique and sheared, and volumes whose every voxel is another."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

import revoxel

# Processes that tests start take the package that is installed, not what lies in the folder where they start.
os.environ["PYTHONSAFEPATH"] = "1"

SHAPE = (5, 7, 9)
CORNERS = np.array(list(itertools.product(*[(0, n - 1) for n in SHAPE])), float)

PIPELINE = """
version: 1
inputs:
  image: { kind: image, path: "{case}.nii.gz" }
  label: { kind: label, path: "{case}-label.nii.gz", optional: true }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: [1, 1, 1], interpolation: { label: nearest } }
outputs:
  image: { path: "{case}-out.nii.gz", dtype: float32 }
  label: { path: "{case}-label-out.nii.gz" }
trace: "{case}.json"
"""


def orientations() -> list[np.ndarray]:
    """The 48 ways to permute and flip the axes, as 3×3 matrices."""
    ways = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            for axis in range(3):
                matrix[order[axis], axis] = signs[axis]
            ways.append(matrix)
    return ways


def oblique() -> np.ndarray:
    """A rotation about all three axes."""
    a, b, c = 0.31, -0.17, 0.44
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


def affines(shear: bool) -> list[np.ndarray]:
    """Affines of all 48 orientations, plain and oblique; with shear or without."""
    found = []
    sheared = np.array([[1, 0.2, 0], [0, 1, 0.1], [0, 0, 1]]) if shear else np.eye(3)
    for turn, rotation in itertools.product(orientations(), (np.eye(3), oblique())):
        affine = np.eye(4)
        affine[:3, :3] = rotation @ sheared @ turn @ np.diag([0.7, 1.1, 2.3])
        affine[:3, 3] = [-31.5, 12.25, 77.125]
        found.append(affine)
    return found


def world(affine: np.ndarray, indices: np.ndarray = CORNERS) -> np.ndarray:
    """RAS positions of voxel indices."""
    return indices @ affine[:3, :3].T + affine[:3, 3]


def voxels(dtype: str = "int16", channels: int = 1) -> np.ndarray:
    """(x, y, z), or (x, y, z, c): no two voxels are equal where the type has room for that."""
    shape = SHAPE if channels == 1 else (*SHAPE, channels)
    return np.asfortranarray((np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype))


@pytest.fixture
def oblique_affine() -> np.ndarray:
    return affines(False)[11]


@pytest.fixture
def scan(oblique_affine: np.ndarray) -> revoxel.Volume:
    return revoxel.Volume(voxels(), oblique_affine)


@pytest.fixture
def pipeline() -> revoxel.Pipeline:
    return revoxel.Pipeline.parse(PIPELINE)


@pytest.fixture
def repository() -> Path:
    return Path(__file__).resolve().parents[2]
