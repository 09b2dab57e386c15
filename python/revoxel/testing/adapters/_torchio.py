"""TorchIO: `ScalarImage` and `LabelMap`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._adapter import Adapter
from .._geometry import Affine, Array


class TorchIOAdapter(Adapter):
    name = "TorchIO"
    frame = "RAS"
    axis_order = "xyz"
    formats: ClassVar[frozenset[str]] = frozenset({"nifti", "nrrd", "metaimage", "dicom"})
    suffixes = (".nii.gz", ".nrrd", ".mha")
    notes = (
        "`Flip` is not asked: it is an augmentation that mirrors the patient and keeps the affine.",
        "kind is the class, which the user names when a file is opened.",
    )

    def __init__(self) -> None:
        self.tio: Any = importlib.import_module("torchio")
        self.version: str = self.tio.__version__

    def open(self, path: Path) -> Any:
        image = self.tio.ScalarImage(path)
        image.load()
        return image

    def save(self, image: Any, path: Path) -> None:
        image.save(path)

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self.make_channels(array_xyz[np.newaxis], affine_ras)

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        return self.tio.ScalarImage(tensor=array_cxyz, affine=affine_ras)

    def array(self, image: Any) -> Array:
        return np.asarray(image.numpy()[0])

    def channels(self, image: Any) -> Array:
        return np.asarray(image.numpy())

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        return (np.asarray(image.affine, dtype=np.float64) @ [*index_xyz, 1.0])[:3]

    def spacing(self, image: Any) -> Any:
        return image.spacing

    def slice(self, image: Any, slices_xyz: tuple[slice, slice, slice]) -> Any:
        return image[slices_xyz]

    def crop(self, image: Any, start_xyz: tuple[int, ...], stop_xyz: tuple[int, ...]) -> Any:
        sides = []
        for axis, size in enumerate(image.spatial_shape):
            sides += [start_xyz[axis], size - stop_xyz[axis]]
        return self.tio.Crop(tuple(sides))(image)

    def resample(self, image: Any, affine_ras: Affine, shape_xyz: tuple[int, ...], mode: str) -> Any:
        change = self.tio.Resample((tuple(shape_xyz), affine_ras), image_interpolation=mode)
        return change(image)

    def make_labels(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self.tio.LabelMap(tensor=array_xyz[np.newaxis], affine=affine_ras)

    def kind(self, image: Any) -> str:
        return type(image).__name__
