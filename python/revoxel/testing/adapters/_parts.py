"""An affine in ITK's three parts."""

from __future__ import annotations

import numpy as np

from .._geometry import FLIP_XY, Affine, Array, Points


def lps_parts(affine_ras: Affine) -> tuple[Points, Points, Affine]:
    """Origin, spacing, and the direction with an axis in each column, in LPS.

    A shear stays in the direction: it is for the library to refuse it.
    """
    lps = FLIP_XY @ affine_ras
    spacing = np.sqrt((lps[:3, :3] ** 2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        direction = lps[:3, :3] / spacing
    return lps[:3, 3], spacing, direction


def zyx(array_xyz: Array) -> Array:
    """The same values with axes (z, y, x)."""
    return array_xyz.transpose(2, 1, 0)
