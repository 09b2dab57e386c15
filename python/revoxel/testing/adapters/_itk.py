"""ITK through its Python package `itk`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._adapter import Adapter
from .._geometry import Affine, Array
from ._parts import lps_parts, zyx


class ITKAdapter(Adapter):
    name = "ITK"
    frame = "LPS"
    axis_order = "zyx"
    formats: ClassVar[frozenset[str]] = frozenset({"nifti", "nrrd", "metaimage", "dicom"})
    suffixes = (".nii.gz", ".nrrd", ".mha")
    # array_view_from_image is documented as a view.
    shares_output = True
    notes = ("`flip_image_filter` is asked with `flip_about_origin=False`; its default mirrors the patient.",)

    def __init__(self) -> None:
        self.itk: Any = importlib.import_module("itk")
        self.version: str = self.itk.Version.GetITKVersion()

    def open(self, path: Path) -> Any:
        return self.itk.imread(str(path))

    def save(self, image: Any, path: Path) -> None:
        self.itk.imwrite(image, str(path))

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self._place(self.itk.image_from_array(np.ascontiguousarray(zyx(array_xyz))), affine_ras)

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        array = np.ascontiguousarray(array_cxyz.transpose(3, 2, 1, 0))
        return self._place(self.itk.image_from_array(array, is_vector=True), affine_ras)

    def _place(self, image: Any, affine_ras: Affine) -> Any:
        origin, spacing, direction = lps_parts(affine_ras)
        image.SetOrigin(origin.tolist())
        image.SetSpacing(spacing.tolist())
        image.SetDirection(direction)
        return image

    def array(self, image: Any) -> Array:
        return np.asarray(self.itk.array_view_from_image(image))

    def channels(self, image: Any) -> Array:
        array = np.asarray(self.itk.array_view_from_image(image))
        last = image.GetNumberOfComponentsPerPixel() > 1
        return array.transpose(3, 2, 1, 0) if last else array.transpose(0, 3, 2, 1)

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        index = self.itk.ContinuousIndex[self.itk.D, image.GetImageDimension()]()
        for axis, value in enumerate(index_xyz):
            index.SetElement(axis, value)
        return list(image.TransformContinuousIndexToPhysicalPoint(index))[:3]

    def index(self, image: Any, point: Any) -> Any:
        return list(image.TransformPhysicalPointToContinuousIndex(list(point)))

    def spacing(self, image: Any) -> Any:
        return list(image.GetSpacing())

    def direction(self, image: Any) -> Any:
        return self.itk.array_from_matrix(image.GetDirection())

    def slice(self, image: Any, slices_xyz: tuple[slice, slice, slice]) -> Any:
        # NumPy's order of axes.
        given = image[slices_xyz[::-1]]
        return np.asarray(given) if isinstance(given, np.ndarray) else given

    def crop(self, image: Any, start_xyz: tuple[int, ...], stop_xyz: tuple[int, ...]) -> Any:
        region = self.itk.ImageRegion[3]()
        region.SetIndex(list(start_xyz))
        region.SetSize([b - a for a, b in zip(start_xyz, stop_xyz, strict=True)])
        return self.itk.region_of_interest_image_filter(image, region_of_interest=region)

    def flip(self, image: Any, axis: int) -> Any:
        flips = [i == axis for i in range(3)]
        return self.itk.flip_image_filter(image, flip_axes=flips, flip_about_origin=False)

    def transpose(self, image: Any, order: tuple[int, int, int]) -> Any:
        return self.itk.permute_axes_image_filter(image, order=list(order))

    def resample(self, image: Any, affine_ras: Affine, shape_xyz: tuple[int, ...], mode: str) -> Any:
        origin, spacing, direction = lps_parts(affine_ras)
        kind = {
            "nearest": self.itk.NearestNeighborInterpolateImageFunction,
            "linear": self.itk.LinearInterpolateImageFunction,
        }[mode]
        return self.itk.resample_image_filter(
            image,
            interpolator=kind.New(image),
            size=list(shape_xyz),
            output_origin=origin.tolist(),
            output_spacing=spacing.tolist(),
            output_direction=self.itk.matrix_from_array(direction),
        )
