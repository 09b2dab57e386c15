"""revoxel itself."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._adapter import Adapter
from .._geometry import Affine, Array


class RevoxelAdapter(Adapter):
    name = "revoxel"
    frame = "RAS"
    axis_order = "xyz"
    formats: ClassVar[frozenset[str]] = frozenset({"nifti", "nrrd", "metaimage", "dicom"})
    suffixes = (".nii", ".nii.gz", ".nrrd", ".mha")
    shares_output = True

    def __init__(self) -> None:
        self.revoxel: Any = importlib.import_module("revoxel")
        self.version: str = self.revoxel.__version__

    def open(self, path: Path) -> Any:
        return self.revoxel.read(path)

    def save(self, image: Any, path: Path) -> None:
        self.revoxel.write(image, path)

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self.revoxel.Volume(array_xyz, affine=affine_ras, kind="image", order="xyz")

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        return self.revoxel.Volume(array_cxyz, affine=affine_ras, kind="image", order="xyz", channels="first")

    def channels(self, image: Any) -> Array:
        # Channels are the last axis.
        return np.moveaxis(np.asarray(image.xyz), 3, 0)

    def array(self, image: Any) -> Array:
        return np.asarray(image.xyz)

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        return image.grid.to_world(index_xyz)

    def index(self, image: Any, point: Any) -> Any:
        return image.grid.to_index(point)

    def spacing(self, image: Any) -> Any:
        return image.spacing

    def direction(self, image: Any) -> Any:
        # It is ITK's, and so in LPS.
        return np.diag([-1.0, -1.0, 1.0]) @ image.direction

    def slice(self, image: Any, slices_xyz: tuple[slice, slice, slice]) -> Any:
        return image[slices_xyz]

    def flip(self, image: Any, axis: int) -> Any:
        return image.flip(axis)

    def make_labels(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self.revoxel.Volume(array_xyz, affine=affine_ras, kind="label", order="xyz")

    def kind(self, image: Any) -> str:
        kind: str = image.kind
        return kind
