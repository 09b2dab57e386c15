"""Grid arithmetic shared by the recorders.

A grid is a shape and a voxel-index -> RAS+ millimetre matrix.  The functions
here say where an output voxel lands in the source volume; the masks keep
positions out of a comparison at which two correct programs may differ
(rounding ties) or at which the peer's boundary rule is known to be another.
"""

from __future__ import annotations

import numpy as np

TIE = 1e-3
"""Distance from a half-integer source coordinate below which rounding may go either way."""

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Turns RAS+ coordinates into LPS+ ones and back."""


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Rotation about the x, then y, then z axis (degrees)."""
    cx, cy, cz = np.cos(np.radians([x, y, z]))
    sx, sy, sz = np.sin(np.radians([x, y, z]))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def affine(matrix: np.ndarray, origin) -> np.ndarray:
    """4x4 matrix from its linear part and the position of voxel (0, 0, 0)."""
    result = np.eye(4)
    result[:3, :3] = matrix
    result[:3, 3] = origin
    return result


def spacing(matrix: np.ndarray) -> np.ndarray:
    """Voxel size along each index axis."""
    return np.linalg.norm(matrix[:3, :3], axis=0)


def centre(matrix: np.ndarray, shape) -> np.ndarray:
    """World position of the middle of a volume."""
    return matrix[:3, :3] @ ((np.array(shape) - 1) / 2) + matrix[:3, 3]


def grid_around(point, linear: np.ndarray, shape) -> np.ndarray:
    """Affine of a grid with the given axes whose middle is at `point`."""
    return affine(linear, np.asarray(point) - linear @ ((np.array(shape) - 1) / 2))


def half_pixel_resize(matrix: np.ndarray, old_shape, new_shape) -> np.ndarray:
    """Affine after a resize that keeps the outer faces of the volume."""
    scale = np.array(old_shape, dtype=float) / np.array(new_shape, dtype=float)
    step = np.eye(4)
    step[:3, :3] = np.diag(scale)
    step[:3, 3] = (scale - 1) / 2
    return matrix @ step


def positions(source: np.ndarray, target: np.ndarray, shape) -> np.ndarray:
    """Source index coordinates, shape (3, X, Y, Z), of every voxel of the target grid."""
    relative = np.linalg.solve(source, target)
    index = np.indices(tuple(shape), dtype=float).reshape(3, -1)
    return (relative[:3, :3] @ index + relative[:3, 3:]).reshape((3, *shape))


def off_ties(where: np.ndarray) -> np.ndarray:
    """True where no coordinate is halfway between two voxels."""
    return (np.abs(where - np.floor(where) - 0.5) > TIE).all(axis=0)


def _column(shape) -> np.ndarray:
    return np.array(shape, dtype=float).reshape(3, 1, 1, 1)


def inside(where: np.ndarray, shape) -> np.ndarray:
    """True where the position lies between the outermost voxel centres."""
    slack = 1e-6
    return ((where >= -slack) & (where <= _column(shape) - 1 + slack)).all(axis=0)


def off_faces(where: np.ndarray, shape) -> np.ndarray:
    """True away from the outer faces, where inside and outside meet."""
    low = np.abs(where + 0.5) > TIE
    high = np.abs(where - (_column(shape) - 0.5)) > TIE
    return (low & high).all(axis=0)


def off_rim(where: np.ndarray, shape, width: float) -> np.ndarray:
    """True unless a coordinate lies up to `width` voxels beyond an outermost centre."""
    slack = 1e-6
    last = _column(shape) - 1
    low = (where < -slack) & (where > -width - slack)
    high = (where > last + slack) & (where < last + width + slack)
    return ~(low | high).any(axis=0)
