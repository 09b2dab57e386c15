"""ngff-zarr: `NgffImage`, and OME-Zarr files."""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._adapter import Adapter
from .._geometry import Affine, Array
from ._parts import zyx
from ._spatial_image import scale_and_translation


class NgffZarrAdapter(Adapter):
    name = "ngff-zarr"
    frame = None
    axis_order = "zyx"
    formats: ClassVar[frozenset[str]] = frozenset({"ome-zarr"})
    suffixes = (".ome.zarr",)
    notes = ("the first scale of a multiscale image; only `scale` and `translation` are used.",)

    def __init__(self) -> None:
        self.library: Any = importlib.import_module("ngff_zarr")
        self.version: str = importlib.metadata.version("ngff-zarr")

    def open(self, path: Path) -> Any:
        return self.library.from_ngff_zarr(str(path)).images[0]

    def save(self, image: Any, path: Path) -> None:
        multiscales = self.library.to_multiscales(image, scale_factors=[])
        self.library.to_ngff_zarr(str(path), multiscales)

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        scale, translation = scale_and_translation(affine_ras)
        return self.library.to_ngff_image(zyx(array_xyz), ("z", "y", "x"), scale, translation)

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        scale, translation = scale_and_translation(affine_ras)
        array = array_cxyz.transpose(0, 3, 2, 1)
        return self.library.to_ngff_image(array, ("c", "z", "y", "x"), scale, translation)

    def array(self, image: Any) -> Array:
        return np.asarray(image.data)

    def channels(self, image: Any) -> Array:
        return np.asarray(image.data).transpose(0, 3, 2, 1)

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        return [
            image.translation[name] + index * image.scale[name] for name, index in zip("xyz", index_xyz, strict=True)
        ]

    def spacing(self, image: Any) -> Any:
        return [image.scale[name] for name in "xyz"]
