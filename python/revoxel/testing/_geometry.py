"""Grids of the checker: affines, corners, and the 48 ways to order and flip three axes.

An affine leads from an index (x, y, z) to world millimetres; index (0,0,0) is a voxel's centre.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]
Points = npt.NDArray[np.float64]

# RAS to LPS and back: the first two coordinates change their signs.
FLIP_XY: Affine = np.diag([-1.0, -1.0, 1.0, 1.0])

SHAPE = (5, 7, 9)
SPACING = (0.7, 1.1, 2.3)


def phantom(shape: Sequence[int] = SHAPE, dtype: str = "int16") -> Array:
    """Every voxel tells its index: 1 + x + 10 y + 100 z."""
    x, y, z = np.indices(tuple(shape))
    return np.asarray(1 + x + 10 * y + 100 * z).astype(dtype)


def aligned_affine() -> Affine:
    """Axes along the world's, spacing 0.7 × 1.1 × 2.3."""
    out = np.diag([*SPACING, 1.0])
    out[:3, 3] = (-31.7, 12.9, 48.3)
    return out


def oblique_affine(handed: int = 1) -> Affine:
    """Turned by 31 degrees about a slanted axis, determinant of the sign of `handed`.

    No entry is 0 and no two columns are parallel in a plane of the world.
    """
    out = aligned_affine()
    out[:3, :3] = rotation(11, 2, -1, 2) * np.array([SPACING[0], SPACING[1], handed * SPACING[2]])
    return out


def rotation(a: float, b: float, c: float, d: float) -> Affine:
    """The rotation (3 × 3) of a quaternion, which need not have the length 1."""
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a - b * b + c * c - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a - b * b - c * c + d * d],
        ]
    )
    return np.asarray(turn / (a * a + b * b + c * c + d * d))


# A larger image, and a grid within it whose voxels are larger along one axis and smaller along others.
WIDE = (9, 8, 7)
WITHIN = (4, 5, 6)


def grid_within(affine: Affine, turned: bool) -> Affine:
    """A grid of WITHIN voxels whose centres lie inside an image of WIDE voxels, `turned` by 30 degrees or not.

    Most of its centres lie beside those of the image, and few halfway between two.
    """
    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    out = np.eye(4)
    out[:3, :3] = direction @ (rotation(9, 1, -1, 2) if turned else np.eye(3)) * np.array([0.9, 0.8, 1.7])
    middle = apply(affine, np.array([4.1, 3.45, 3.07]))
    out[:3, 3] = middle - out[:3, :3] @ ((np.array(WITHIN) - 1) / 2)
    return out


def sheared_affine() -> Affine:
    """The third axis leans towards the second by 0.9 mm per step, as with a tilted gantry."""
    out = oblique_affine()
    out[:3, 2] += 0.9 * out[:3, 1] / np.linalg.norm(out[:3, 1])
    return out


def apply(affine: Affine, indices: Points) -> Points:
    return np.asarray(indices @ affine[:3, :3].T + affine[:3, 3])


def corners(shape: Sequence[int]) -> Points:
    """The indices of the eight outermost voxels, (8, 3)."""
    return np.array(list(itertools.product(*[(0, n - 1) for n in shape])), dtype=np.float64)


def in_voxels(affine: Affine, millimetres: Points) -> Points:
    """Differences in the world as differences of indices."""
    return np.asarray(np.linalg.solve(affine[:3, :3], millimetres.T).T)


def orders() -> Iterator[tuple[tuple[int, int, int], tuple[bool, bool, bool]]]:
    """The 48 permutations and flips."""
    for order in itertools.permutations(range(3)):
        for flips in itertools.product((False, True), repeat=3):
            yield (order[0], order[1], order[2]), (flips[0], flips[1], flips[2])


def window(affine: Affine, shape: Sequence[int], slices: Sequence[slice]) -> Affine:
    """The affine of what these slices take."""
    move = np.eye(4)
    for axis, cut in enumerate(slices):
        start, _, step = cut.indices(shape[axis])
        move[axis, axis], move[axis, 3] = step, start
    return np.asarray(affine @ move)


def permuted(affine: Affine, order: Sequence[int]) -> Affine:
    """The affine after axis `order[i]` has become axis i."""
    out = affine.copy()
    out[:3, :3] = affine[:3, list(order)]
    return out


def reordered(array: Array, affine: Affine, order: Sequence[int], flips: Sequence[bool]) -> tuple[Array, Affine]:
    """The same volume with other axes: flipped, then permuted. The array is a copy in C order.

    Channels may follow the three axes, and stay last.
    """
    cuts = [slice(None, None, -1 if f else 1) for f in flips]
    turned = array[tuple(cuts)].transpose(*order, *range(3, array.ndim))
    return np.ascontiguousarray(turned), permuted(window(affine, array.shape, cuts), order)
