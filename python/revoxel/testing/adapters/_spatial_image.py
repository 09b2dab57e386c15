"""spatial-image: xarray arrays with coordinates, and without a direction."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from .._adapter import Adapter, NotApplicable, Refused
from .._geometry import Affine, Array
from ._parts import zyx


def scale_and_translation(affine_ras: Affine) -> tuple[dict[str, float], dict[str, float]]:
    """Of an affine whose axes lie along the world's; a library without a direction holds no other."""
    rest = affine_ras[:3, :3] - np.diag(np.diag(affine_ras[:3, :3]))
    if rest.any():
        raise NotApplicable("the library has no direction")
    steps = dict(zip("xyz", (float(v) for v in np.diag(affine_ras)[:3]), strict=True))
    return steps, dict(zip("xyz", (float(v) for v in affine_ras[:3, 3]), strict=True))


class SpatialImageLibraryAdapter(Adapter):
    name = "spatial-image"
    frame = None
    axis_order = "zyx"
    notes = ("it reads no files, and has neither a direction nor a frame: only coordinates of each axis.",)

    def __init__(self) -> None:
        self.library: Any = importlib.import_module("spatial_image")
        self.version: str = self.library.__version__

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        scale, translation = scale_and_translation(affine_ras)
        return self.library.to_spatial_image(zyx(array_xyz), ("z", "y", "x"), scale, translation)

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        scale, translation = scale_and_translation(affine_ras)
        array = array_cxyz.transpose(3, 2, 1, 0)
        return self.library.to_spatial_image(array, ("z", "y", "x", "c"), scale, translation)

    def array(self, image: Any) -> Array:
        return np.asarray(image.values)

    def channels(self, image: Any) -> Array:
        return np.asarray(image.transpose("c", "x", "y", "z").values)

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        return [self._at(image, name, index) for name, index in zip("xyz", index_xyz, strict=True)]

    def _at(self, image: Any, name: str, index: float) -> float:
        line = image[name].values
        if len(line) < 2 and index != 0:
            raise Refused(f"axis {name} has one coordinate, and so no step")
        step = line[1] - line[0] if len(line) > 1 else 0.0
        return float(line[0] + index * step)

    def slice(self, image: Any, slices_xyz: tuple[slice, slice, slice]) -> Any:
        return image.isel(dict(zip("xyz", slices_xyz, strict=True)))
