"""SimpleITK's answers: Resample onto another grid."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

import grids
import volumes
from casebook import Casebook, close, nearest

_INTERPOLATORS = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor,
                  "cubic": sitk.sitkBSpline}


def _parts(affine: np.ndarray) -> tuple[list, list, list]:
    """Origin, spacing and direction in SimpleITK's LPS+ world."""
    lps = grids.LPS @ affine
    sizes = grids.spacing(lps)
    return lps[:3, 3].tolist(), sizes.tolist(), (lps[:3, :3] / sizes).ravel().tolist()


def to_sitk(data: np.ndarray, affine: np.ndarray) -> sitk.Image:
    """A scalar image from (X, Y, Z) voxels."""
    image = sitk.GetImageFromArray(data.transpose(2, 1, 0))
    origin, sizes, direction = _parts(affine)
    image.SetOrigin(origin)
    image.SetSpacing(sizes)
    image.SetDirection(direction)
    return image


def from_sitk(image: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Voxels as (1, X, Y, Z) and the RAS+ affine."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    lps = grids.affine(direction @ np.diag(image.GetSpacing()), image.GetOrigin())
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0)[None], grids.LPS @ lps


def _resample(book: Casebook, name: str, volume, reference, interpolation: str,
              padding: float) -> None:
    shape, target = reference
    origin, sizes, direction = _parts(target)
    image = to_sitk(volume.data[0], volume.affine)
    kind = image.GetPixelID() if interpolation == "nearest" else sitk.sitkFloat32
    answer = sitk.Resample(image, list(shape), sitk.Transform(), _INTERPOLATORS[interpolation],
                           origin, sizes, direction, padding, kind)
    data, affine = from_sitk(answer)
    where = grids.positions(volume.affine, target, shape)
    mask = grids.off_faces(where, volume.shape)
    if interpolation == "nearest":
        mask &= grids.off_ties(where)
    if interpolation == "cubic":  # mirrors the half voxel where ours clamps
        mask &= grids.off_rim(where, volume.shape, 0.5)
    step = {"reference": "reference", "interpolation": interpolation, "padding": padding}
    book.add(f"resample/{name}", "Resample", volume, [{"resample_to": step}], (data, affine),
             nearest() if interpolation == "nearest" else close(), mask=mask,
             reference=reference)


def record() -> Casebook:
    version = sitk.Version().VersionString()
    book = Casebook("sitk", version, {"SimpleITK": version})
    paddings = {"straight": 0.0, "flipped": -1000.0, "tilted": 12.5, "mirrored": -1000.0,
                "shifted": 0.0}
    for affine, shape in zip(["aniso", "oblique", "mirrored", "permuted-oblique"], "abca"):
        image = volumes.full(shape, affine)
        for name, reference in volumes.references(image).items():
            title, padding = f"{affine}-{name}", paddings[name]
            _resample(book, f"{title}-linear", image, reference, "linear", padding)
            if name != "straight":
                _resample(book, f"{title}-cubic", image, reference, "cubic", padding)
            if name != "flipped":
                label = volumes.label(shape, affine)
                _resample(book, f"{title}-label", label, reference, "nearest", 0.0)
    ct = volumes.ct("b", "thick")
    for name, reference in volumes.references(ct).items():
        if name in ("tilted", "shifted"):
            _resample(book, f"thick-{name}-int16", ct, reference, "linear", -1000.0)
            _resample(book, f"thick-{name}-int16-nearest", ct, reference, "nearest", -1024.0)
    return book
