"""nibabel: `Nifti1Image`, its `slicer`, `as_reoriented` and `nibabel.processing`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._adapter import Adapter
from .._geometry import Affine, Array


class NibabelAdapter(Adapter):
    name = "nibabel"
    frame = "RAS"
    axis_order = "xyz"
    formats: ClassVar[frozenset[str]] = frozenset({"nifti"})
    suffixes = (".nii", ".nii.gz", ".mgz")
    kind_in_files = (".nii", ".nii.gz")
    notes = ("kind is the intent of the NIfTI header (`label`); resampling is `nibabel.processing.resample_from_to`.",)

    def __init__(self) -> None:
        self.nib: Any = importlib.import_module("nibabel")
        self.processing: Any = importlib.import_module("nibabel.processing")
        self.version: str = self.nib.__version__

    def open(self, path: Path) -> Any:
        return self.nib.load(path)

    def save(self, image: Any, path: Path) -> None:
        self.nib.save(image, path)

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self.nib.Nifti1Image(array_xyz, affine_ras)

    def array(self, image: Any) -> Array:
        return np.asanyarray(image.dataobj)

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        return self.nib.affines.apply_affine(image.affine, index_xyz)

    def index(self, image: Any, point: Any) -> Any:
        return self.nib.affines.apply_affine(np.linalg.inv(image.affine), point)

    def spacing(self, image: Any) -> Any:
        return image.header.get_zooms()[:3]

    def channels(self, image: Any) -> Array:
        return np.moveaxis(np.asanyarray(image.dataobj), 3, 0)

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        return self.make(np.moveaxis(array_cxyz, 0, 3), affine_ras)

    def slice(self, image: Any, slices_xyz: tuple[slice, slice, slice]) -> Any:
        return image.slicer[slices_xyz]

    def flip(self, image: Any, axis: int) -> Any:
        signs = [-1 if i == axis else 1 for i in range(3)]
        return image.as_reoriented(np.array([[i, signs[i]] for i in range(3)]))

    def transpose(self, image: Any, order: tuple[int, int, int]) -> Any:
        return image.as_reoriented(np.array([[order.index(i), 1] for i in range(3)]))

    def resample(self, image: Any, affine_ras: Affine, shape_xyz: tuple[int, ...], mode: str) -> Any:
        shape = (*shape_xyz, *image.shape[3:])
        order = {"nearest": 0, "linear": 1}[mode]
        return self.processing.resample_from_to(image, (shape, affine_ras), order=order)

    def make_labels(self, array_xyz: Array, affine_ras: Affine) -> Any:
        image = self.make(array_xyz, affine_ras)
        image.header.set_intent("label")
        return image

    def kind(self, image: Any) -> str:
        if not hasattr(image.header, "get_intent"):
            return "none"
        intent: str = image.header.get_intent()[0]
        return intent
