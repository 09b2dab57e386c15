"""SimpleITK."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._adapter import Adapter
from .._geometry import Affine, Array
from ._parts import lps_parts, zyx


class SimpleITKAdapter(Adapter):
    name = "SimpleITK"
    frame = "LPS"
    axis_order = "zyx"
    formats: ClassVar[frozenset[str]] = frozenset({"nifti", "nrrd", "metaimage", "dicom"})
    suffixes = (".nii.gz", ".nrrd", ".mha")
    # GetArrayViewFromImage is documented as a view.
    shares_output = True

    def __init__(self) -> None:
        self.sitk: Any = importlib.import_module("SimpleITK")
        self.version: str = self.sitk.Version.VersionString()

    def open(self, path: Path) -> Any:
        if not path.is_dir():
            return self.sitk.ReadImage(str(path))
        reader = self.sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
        return reader.Execute()

    def save(self, image: Any, path: Path) -> None:
        self.sitk.WriteImage(image, str(path))

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self._place(self.sitk.GetImageFromArray(zyx(array_xyz)), affine_ras)

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        image = self.sitk.GetImageFromArray(array_cxyz.transpose(3, 2, 1, 0), isVector=True)
        return self._place(image, affine_ras)

    def _place(self, image: Any, affine_ras: Affine) -> Any:
        origin, spacing, direction = lps_parts(affine_ras)
        image.SetOrigin(origin.tolist())
        image.SetSpacing(spacing.tolist())
        image.SetDirection(direction.ravel().tolist())
        return image

    def array(self, image: Any) -> Array:
        return np.asarray(self.sitk.GetArrayViewFromImage(image))

    def channels(self, image: Any) -> Array:
        array = np.asarray(self.sitk.GetArrayViewFromImage(image))
        # Components are the last axis of the array, the fourth axis of an image is the first.
        last = image.GetNumberOfComponentsPerPixel() > 1
        return array.transpose(3, 2, 1, 0) if last else array.transpose(0, 3, 2, 1)

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        rest = (0.0,) * (image.GetDimension() - 3)
        return image.TransformContinuousIndexToPhysicalPoint((*index_xyz, *rest))[:3]

    def index(self, image: Any, point: Any) -> Any:
        return image.TransformPhysicalPointToContinuousIndex(tuple(point))

    def spacing(self, image: Any) -> Any:
        return image.GetSpacing()

    def direction(self, image: Any) -> Any:
        return np.reshape(image.GetDirection(), (3, 3))

    def slice(self, image: Any, slices_xyz: tuple[slice, slice, slice]) -> Any:
        return image[slices_xyz]

    def crop(self, image: Any, start_xyz: tuple[int, ...], stop_xyz: tuple[int, ...]) -> Any:
        size = [b - a for a, b in zip(start_xyz, stop_xyz, strict=True)]
        return self.sitk.RegionOfInterest(image, size, list(start_xyz))

    def flip(self, image: Any, axis: int) -> Any:
        return self.sitk.Flip(image, [i == axis for i in range(3)])

    def transpose(self, image: Any, order: tuple[int, int, int]) -> Any:
        return self.sitk.PermuteAxes(image, list(order))

    def resample(self, image: Any, affine_ras: Affine, shape_xyz: tuple[int, ...], mode: str) -> Any:
        origin, spacing, direction = lps_parts(affine_ras)
        how = {"nearest": self.sitk.sitkNearestNeighbor, "linear": self.sitk.sitkLinear}[mode]
        return self.sitk.Resample(
            image,
            list(shape_xyz),
            self.sitk.Transform(),
            how,
            origin.tolist(),
            spacing.tolist(),
            direction.ravel().tolist(),
        )
