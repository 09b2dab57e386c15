"""Cubic B-splines and what lies beyond the volume: MONAI's `mode=3`, SimpleITK's and TorchIO's."""

from __future__ import annotations

import warnings

import monai
import SimpleITK as sitk
import torch
import torchio as tio
from monai import transforms as mt

import grids
import volumes
from casebook import Casebook, close
from monai_steps import KEY, arrays, tensor
from peer_sitk import _parts, from_sitk, to_sitk

BOUNDARIES = {"border": "edge", "reflection": "reflect", "zeros": "mirror"}
"""What SciPy's prefilter continues a volume by, for each padding_mode of MONAI."""

AFFINES = {
    "turned": {"rotate_params": [0.3, -0.2, 0.4], "scale_params": [1.2, 0.9, 1.1]},
    "moved": {"translate_params": [2.3, -1.7, 0.6], "scale_params": [0.8, 1.3, 1.0]},
    "larger": {"rotate_params": [0.0, 0.0, 0.5], "spatial_size": [17, 16, 12]},
}


def _record(book: Casebook, name: str, transform, volume, step: dict, reference=None, **rule) -> None:
    case = {KEY: tensor(volume.data, volume.affine)}
    if reference is not None:
        shape, affine = reference
        case["reference"] = tensor(torch.zeros((1, *shape)).numpy(), affine)
    data, affine = arrays(transform(case)[KEY])
    (_, p), = step.items()
    mask = None
    if p["padding"] == "zeros":
        # There nothing is left as soon as a position lies beyond the outermost centre, by noise too.
        where = grids.positions(volume.affine, affine, data.shape[1:])
        mask = grids.off_rim(where - 1e-4, volume.shape, 1.0) & grids.off_rim(where + 1e-4, volume.shape, 1.0)
    book.add(name, type(transform).__name__, volume, [step], (data, affine), {**close(5e-6), **rule},
             mask=mask, reference=reference)


def spacing(book: Casebook) -> None:
    for kind_of, shape, pixdim in [("aniso", "a", [0.9, 1.7, 1.3]), ("oblique", "b", [2.1, 0.8, 1.2]),
                                   ("mirrored", "c", [1.5, 1.1, 2.9])]:
        volume = volumes.full(shape, kind_of)
        for padding, boundary in BOUNDARIES.items():
            step = {"pixdim": pixdim, "interpolation": "cubic", "padding": padding, "boundary": boundary}
            transform = mt.Spacingd(KEY, pixdim=pixdim, mode=3, padding_mode=padding)
            _record(book, f"spacing/{kind_of}-{padding}", transform, volume, {"spacing": step})


def match(book: Casebook) -> None:
    for kind_of, shape in [("aniso", "a"), ("oblique", "b"), ("mirrored", "c")]:
        volume = volumes.full(shape, kind_of)
        for name, reference in volumes.references(volume).items():
            for padding, boundary in BOUNDARIES.items():
                step = {"reference": "reference", "interpolation": "cubic", "padding": padding,
                        "boundary": boundary}
                transform = mt.ResampleToMatchd(KEY, key_dst="reference", mode=3, padding_mode=padding)
                _record(book, f"resample-to/{kind_of}-{name}-{padding}", transform, volume,
                        {"resample_to": step}, reference)


def affine(book: Casebook) -> None:
    for kind_of, shape in [("aniso", "a"), ("oblique", "b")]:
        volume = volumes.full(shape, kind_of)
        for name, p in AFFINES.items():
            for padding, boundary in BOUNDARIES.items():
                step = {**p, "interpolation": "cubic", "padding": padding, "boundary": boundary}
                transform = mt.Affined(KEY, mode=3, padding_mode=padding, dtype=torch.float64, **p)
                # Its matrices are in single precision.
                _record(book, f"affine/{kind_of}-{name}-{padding}", transform, volume, {"affine": step},
                        tolerance=1e-4, affine_mm=2e-4)


def itk(book: Casebook) -> None:
    for kind_of, shape in [("aniso", "a"), ("oblique", "b"), ("mirrored", "c")]:
        volume = volumes.full(shape, kind_of)
        for name, (size, target) in volumes.references(volume).items():
            origin, sizes, direction = _parts(target)
            answer = sitk.Resample(to_sitk(volume.data[0], volume.affine), list(size), sitk.Transform(),
                                   sitk.sitkBSpline, origin, sizes, direction, -7.0, sitk.sitkFloat32)
            mask = grids.off_faces(grids.positions(volume.affine, target, size), volume.shape)
            step = {"reference": "reference", "interpolation": "cubic", "padding": -7.0, "boundary": "itk"}
            book.add(f"itk/{kind_of}-{name}", "Resample(sitkBSpline)", volume, [{"resample_to": step}],
                     from_sitk(answer), close(), mask=mask, reference=(size, target))


def torchio(book: Casebook) -> None:
    for kind_of, shape, pixdim in [("aniso", "a", (0.9, 1.7, 1.3)), ("oblique", "b", (2.1, 0.8, 1.2)),
                                   ("mirrored", "c", (0.6, 1.1, 0.7))]:
        volume = volumes.full(shape, kind_of)
        subject = tio.Resample(pixdim, image_interpolation="bspline")(
            tio.ScalarImage(tensor=torch.as_tensor(volume.data.copy()), affine=volume.affine))
        data, target = subject.data.numpy(), subject.affine
        mask = grids.off_faces(grids.positions(volume.affine, target, data.shape[1:]), volume.shape)
        step = {"pixdim": list(pixdim), "rule": "torchio", "interpolation": "cubic", "padding": "zeros",
                "boundary": "itk"}
        book.add(f"torchio/{kind_of}", "Resample(bspline)", volume, [{"spacing": step}], (data, target),
                 close(), mask=mask)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0],
                "torchio": tio.__version__, "SimpleITK": sitk.Version().VersionString()}
    book = Casebook("splines", monai.__version__, versions)
    book.label = ", ".join(f"{name} {versions[name]}" for name in versions if name != "torch")
    for part in [spacing, match, affine, itk, torchio]:
        part(book)
    return book
