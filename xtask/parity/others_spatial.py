"""TorchIO's anti-aliasing, nnU-Net's crop and SimpleITK's affine transforms."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
import torchio as tio
from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero

import grids
import volumes
from casebook import EXACT, Casebook, close
from peer_sitk import from_sitk, to_sitk


def anti_alias(book: Casebook) -> None:
    """TorchIO smooths with ITK's recursive filter, which is an approximation of the Gaussian."""
    for affine, shape in [("aniso", "a"), ("lps", "b"), ("oblique", "c")]:
        volume = volumes.full(shape, affine)
        for pixdim in [[2.1, 2.3, 4.4], [1.9, 0.9, 3.1]]:
            image = tio.ScalarImage(tensor=torch.as_tensor(volume.data.copy()),
                                    affine=volume.affine)
            answer = tio.Resample(tuple(pixdim), antialias=True)(tio.Subject(image=image))["image"]
            data = answer.data.numpy()
            target = np.asarray(answer.affine, dtype=np.float64)
            where = grids.positions(volume.affine, target, data.shape[1:])
            step = {"pixdim": pixdim, "rule": "torchio", "padding": "zeros", "anti_alias": True}
            # 16 voxels of exactly the asked size lie in 12 of 1.2 mm, which the floor of
            # 15.999999999999998 makes 15.
            lost = {"wrong": "floor(15.999999999999998) loses a voxel to rounding",
                    "wrong_in": ["shape"]} if (affine, pixdim[0]) == ("oblique", 1.9) else {}
            book.add(f"anti-alias/{affine}-{pixdim[0]}", "Resample(antialias)", volume,
                     [{"spacing": step}], (data, target), close(0.02),
                     mask=grids.off_faces(where, volume.shape),
                     note="ITK's recursive Gaussian is an approximation; ours is the sampled one.", **lost)


def nonzero(book: Casebook) -> None:
    for affine, shape, channels in [("aniso", "a", 1), ("oblique", "b", 1), ("pir", "c", 3),
                                    ("mirrored", "b", 2)]:
        volume = volumes.image(shape, affine, channels)
        data, _, box = crop_to_nonzero(volume.data.copy())
        step = np.eye(4)
        step[:3, 3] = [low for low, _ in box]
        book.add(f"crop-to-nonzero/{affine}-{channels}", "crop_to_nonzero", volume,
                 [{"crop_to_nonzero": {"source": "image"}}], (data, volume.affine @ step), EXACT)
    hollow = volumes.image("a", "lps")
    data = hollow.data.copy()
    data[:, 4:7, 4:6, 3:4] = 0
    data[:, 0, 0, 0] = -5
    hollow = volumes.Volume("hollow", data, hollow.affine, "image")
    answer, _, box = crop_to_nonzero(hollow.data.copy())
    step = np.eye(4)
    step[:3, 3] = [low for low, _ in box]
    book.add("crop-to-nonzero/hollow", "crop_to_nonzero", hollow,
             [{"crop_to_nonzero": {"source": "image"}}], (answer, hollow.affine @ step), EXACT)


def _matrix(transform: sitk.Transform) -> np.ndarray:
    """The 4x4 LPS matrix of a linear transform, from where it takes four points."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(tuple(map(float, row)))) - origin
               for row in np.eye(3)]
    return grids.affine(np.array(columns).T, origin)


def _transforms(centre) -> dict[str, sitk.Transform]:
    euler = sitk.Euler3DTransform(tuple(centre), 0.2, -0.15, 0.3, (2.5, -1.25, 3.0))
    affine = sitk.AffineTransform(3)
    affine.SetMatrix((1.1, 0.1, -0.05, -0.12, 0.95, 0.2, 0.03, -0.1, 1.05))
    affine.SetCenter(tuple(centre))
    affine.SetTranslation((-1.5, 2.0, 0.75))
    return {"euler": euler, "affine": affine}


def matrix(book: Casebook) -> None:
    """SimpleITK.Resample with a transform; the grid of ours is the transform after its grid."""
    for kind_of, shape in [("aniso", "a"), ("oblique", "b"), ("mirrored", "c")]:
        volume = volumes.full(shape, kind_of)
        centre = (grids.LPS @ np.append(grids.centre(volume.affine, volume.shape), 1))[:3]
        image = to_sitk(volume.data[0], volume.affine)
        for name, transform in _transforms(centre).items():
            lps = _matrix(transform)
            for title, reference in [("own", None), *volumes.references(volume).items()]:
                if title not in ("own", "tilted", "shifted"):
                    continue
                size, target = (volume.shape, volume.affine) if reference is None else reference
                empty = to_sitk(np.zeros(size, np.float32), target)
                answer = sitk.Resample(image, empty, transform, sitk.sitkLinear, -7.0,
                                       sitk.sitkFloat32)
                data, _ = from_sitk(answer)
                moved = grids.LPS @ lps @ grids.LPS @ target
                where = grids.positions(volume.affine, moved, size)
                p = {"matrix": lps.tolist(), "frame": "LPS", "padding": -7.0}
                if reference is not None:
                    p["reference"] = "reference"
                book.add(f"matrix/{kind_of}-{name}-{title}", "Resample(transform)", volume,
                         [{"affine": p}], (data, moved), close(),
                         mask=grids.off_faces(where, volume.shape), reference=reference)
    # The other direction: the inverse matrix with maps: input_to_output.
    volume = volumes.full("a", "oblique")
    transform = _transforms((1.0, 2.0, 3.0))["affine"]
    answer = sitk.Resample(to_sitk(volume.data[0], volume.affine), transform, sitk.sitkLinear, 0.0,
                           sitk.sitkFloat32)
    moved = grids.LPS @ _matrix(transform) @ grids.LPS @ volume.affine
    where = grids.positions(volume.affine, moved, volume.shape)
    p = {"matrix": _matrix(transform.GetInverse()).tolist(), "frame": "LPS", "padding": 0.0,
         "maps": "input_to_output"}
    book.add("matrix/input-to-output", "Resample(transform)", volume, [{"affine": p}],
             (from_sitk(answer)[0], moved), close(), mask=grids.off_faces(where, volume.shape))


def add(book: Casebook) -> None:
    for part in [anti_alias, nonzero, matrix]:
        part(book)
