"""xarray arrays as ITK makes them: coordinates, and the direction as an attribute."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from .._adapter import Adapter, Refused
from .._geometry import Affine, Array
from .._lab import first_line
from ._itk import ITKAdapter


class XarrayITKAdapter(Adapter):
    name = "xarray (ITK)"
    frame = "LPS"
    axis_order = "zyx"
    notes = (
        (
            "an array of `itk.xarray_from_image`; places are those of `itk.image_from_xarray`. "
            "Indexing is xarray's, which knows the coordinates but not the attribute `direction`."
        ),
    )

    def __init__(self) -> None:
        self.through = ITKAdapter()
        self.itk: Any = self.through.itk
        xarray: Any = importlib.import_module("xarray")
        self.version: str = f"{xarray.__version__} (ITK {self.through.version})"

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self.itk.xarray_from_image(self.through.make(array_xyz, affine_ras))

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        return self.itk.xarray_from_image(self.through.make_channels(array_cxyz, affine_ras))

    def array(self, image: Any) -> Array:
        return np.asarray(image.values)

    def channels(self, image: Any) -> Array:
        return np.asarray(image.transpose("c", "x", "y", "z").values)

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        return self.through.world(self._image(image), index_xyz)

    def index(self, image: Any, point: Any) -> Any:
        return self.through.index(self._image(image), point)

    def _image(self, array: Any) -> Any:
        try:
            return self.itk.image_from_xarray(array)
        except RuntimeError as error:
            raise Refused(f"image_from_xarray: {first_line(error)}") from error

    def spacing(self, image: Any) -> Any:
        return [float(image[name][1] - image[name][0]) for name in "xyz"]

    def slice(self, image: Any, slices_xyz: tuple[slice, slice, slice]) -> Any:
        return image.isel(dict(zip("xyz", slices_xyz, strict=True)))
