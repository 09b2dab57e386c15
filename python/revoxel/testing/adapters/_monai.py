"""MONAI: `MetaTensor`, `LoadImage`, `SaveImage` and spatial transforms."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._adapter import Adapter
from .._geometry import Affine, Array


class MONAIAdapter(Adapter):
    name = "MONAI"
    frame = "RAS"
    axis_order = "xyz"
    formats: ClassVar[frozenset[str]] = frozenset({"nifti", "nrrd", "metaimage", "dicom"})
    suffixes = (".nii.gz", ".nrrd", ".mha")
    notes = (
        (
            "`LoadImage` and `SaveImage` with their defaults, `ensure_channel_first` and no resampling; "
            "pynrrd and ITK are installed, so its readers of NRRD and ITK take part."
        ),
        "indexing is that of a tensor; `SpatialCrop` and `Flip` are asked beside it.",
    )

    def __init__(self) -> None:
        monai: Any = importlib.import_module("monai")
        self.torch: Any = importlib.import_module("torch")
        self.transforms: Any = importlib.import_module("monai.transforms")
        self.meta_tensor: Any = importlib.import_module("monai.data").MetaTensor
        self.version: str = monai.__version__
        # Made once: it says at once which readers are missing, which is no answer to a question.
        self.load = self.transforms.LoadImage(image_only=True, ensure_channel_first=True)

    def open(self, path: Path) -> Any:
        return self.load(str(path))

    def save(self, image: Any, path: Path) -> None:
        suffix = next(s for s in self.suffixes if path.name.endswith(s))
        writer = self.transforms.SaveImage(output_ext=suffix, resample=False, separate_folder=False, print_log=False)
        writer(image, filename=str(path)[: -len(suffix)])

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        return self.make_channels(array_xyz[np.newaxis], affine_ras)

    def make_channels(self, array_cxyz: Array, affine_ras: Affine) -> Any:
        return self.meta_tensor(array_cxyz, affine=self.torch.as_tensor(affine_ras))

    def array(self, image: Any) -> Array:
        return np.asarray(image.array[0])

    def channels(self, image: Any) -> Array:
        return np.asarray(image.array)

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        return (np.asarray(image.affine, dtype=np.float64) @ [*index_xyz, 1.0])[:3]

    def spacing(self, image: Any) -> Any:
        return np.asarray(image.pixdim)

    def slice(self, image: Any, slices_xyz: tuple[slice, slice, slice]) -> Any:
        return image[(slice(None), *slices_xyz)]

    def crop(self, image: Any, start_xyz: tuple[int, ...], stop_xyz: tuple[int, ...]) -> Any:
        return self.transforms.SpatialCrop(roi_start=start_xyz, roi_end=stop_xyz)(image)

    def flip(self, image: Any, axis: int) -> Any:
        return self.transforms.Flip(spatial_axis=axis)(image)

    def transpose(self, image: Any, order: tuple[int, int, int]) -> Any:
        return self.transforms.Transpose(indices=(0, *(axis + 1 for axis in order)))(image)

    def resample(self, image: Any, affine_ras: Affine, shape_xyz: tuple[int, ...], mode: str) -> Any:
        how = {"nearest": "nearest", "linear": "bilinear"}[mode]
        change = self.transforms.SpatialResample(mode=how)
        return change(image, dst_affine=self.torch.as_tensor(affine_ras), spatial_size=list(shape_xyz))
