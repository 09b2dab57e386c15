"""Adapters of libraries. None of them is imported before its adapter is made."""

from __future__ import annotations

import importlib
import importlib.util

from .._adapter import SpatialImageAdapter

# Name of the adapter: the modules that it needs, its own module, its class.
KNOWN: dict[str, tuple[tuple[str, ...], str, str]] = {
    "revoxel": (("revoxel._core",), "_revoxel", "RevoxelAdapter"),
    "nibabel": (("nibabel", "scipy"), "_nibabel", "NibabelAdapter"),
    "SimpleITK": (("SimpleITK",), "_simpleitk", "SimpleITKAdapter"),
    "ITK": (("itk",), "_itk", "ITKAdapter"),
    "MONAI": (("monai", "nibabel", "nrrd", "itk"), "_monai", "MONAIAdapter"),
    "TorchIO": (("torchio",), "_torchio", "TorchIOAdapter"),
    "xarray (ITK)": (("itk", "xarray"), "_xarray_itk", "XarrayITKAdapter"),
    "spatial-image": (("spatial_image",), "_spatial_image", "SpatialImageLibraryAdapter"),
    "ngff-zarr": (("ngff_zarr",), "_ngff_zarr", "NgffZarrAdapter"),
}


def missing(name: str) -> list[str]:
    """The modules that an adapter needs and that are not installed."""
    out = []
    for module in KNOWN[name][0]:
        try:
            found = importlib.util.find_spec(module) is not None
        except ImportError:
            found = False
        if not found:
            out.append(module)
    return out


def adapter(name: str) -> SpatialImageAdapter:
    """An adapter by its name in `KNOWN`, or `module:Class` of your own."""
    if name in KNOWN:
        absent = missing(name)
        if absent:
            raise ImportError(f"{name} is not installed: missing {', '.join(absent)}")
        _, module, kind = KNOWN[name]
        made: SpatialImageAdapter = getattr(importlib.import_module(f".{module}", __name__), kind)()
        return made
    module, colon, kind = name.partition(":")
    if not colon:
        raise ValueError(f"no adapter is called {name!r}: known are {', '.join(KNOWN)}; or pass MODULE:CLASS")
    found = getattr(importlib.import_module(module), kind)
    # A class or a function that makes an adapter, or an adapter that is there already.
    own: SpatialImageAdapter = found if hasattr(found, "make") and not isinstance(found, type) else found()
    return own
