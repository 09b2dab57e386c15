"""TorchIO's answers: Resample, ToCanonical, CropOrPad, Pad, flips, noise without deviation and Clamp."""

from __future__ import annotations

import numpy as np
import torch
import torchio as tio

import grids
import volumes
from casebook import EXACT, Casebook, close, nearest

MIRRORED = "The voxels are reversed and the affine is not: the result is the mirrored patient."
ODD = ("An odd difference puts the extra voxel at the low end (ceil); MONAI's and ours put it "
       "at the high end of a pad, and start a crop one voxel earlier or later.")


def _run(volume, transform) -> tuple[np.ndarray, np.ndarray]:
    kind = tio.LabelMap if volume.kind == "label" else tio.ScalarImage
    image = kind(tensor=torch.as_tensor(volume.data.copy()), affine=volume.affine)
    answer = transform(tio.Subject(image=image))["image"]
    return answer.data.numpy(), np.asarray(answer.affine, dtype=np.float64)


def resample(book: Casebook) -> None:
    """Spacing with TorchIO's grid; beyond the outer faces it fills with 0."""
    shapes = {"aniso": "a", "lps": "b", "pir": "c", "oblique": "a", "mirrored": "b"}
    for affine, shape in shapes.items():
        for pixdim in [[1.03, 1.03, 1.03], [1.7, 1.4, 2.3]]:
            for volume in [volumes.full(shape, affine), volumes.label(shape, affine)]:
                data, target = _run(volume, tio.Resample(tuple(pixdim)))
                where = grids.positions(volume.affine, target, data.shape[1:])
                mask = grids.off_faces(where, volume.shape)
                rule = close()
                if volume.kind == "label":
                    mask, rule = mask & grids.off_ties(where), nearest()
                step = {"pixdim": pixdim, "rule": "torchio", "padding": "zeros"}
                book.add(f"resample/{affine}-{pixdim[0]}-{volume.kind}", "Resample", volume,
                         [{"spacing": step}], (data, target), rule, mask=mask)


def resample_to(book: Casebook) -> None:
    for affine, shape in [("lps", "a"), ("oblique", "b")]:
        volume = volumes.full(shape, affine)
        for name, reference in volumes.references(volume).items():
            data, target = _run(volume, tio.Resample(reference))
            where = grids.positions(volume.affine, reference[1], reference[0])
            step = {"reference": "reference", "interpolation": "linear", "padding": 0.0}
            book.add(f"resample-to/{affine}-{name}", "Resample", volume, [{"resample_to": step}],
                     (data, target), close(), mask=grids.off_faces(where, volume.shape),
                     reference=reference)


def canonical(book: Casebook) -> None:
    for i, affine in enumerate(["aniso", "lps", "pir", "oblique", "mirrored",
                                "permuted-oblique", "sheared"]):
        volume = (volumes.full, volumes.label)[i % 2]("abc"[i % 3], affine)
        book.add(f"to-canonical/{affine}", "ToCanonical", volume,
                 [{"orientation": {"closest_canonical": True}}], _run(volume, tio.ToCanonical()),
                 EXACT)
        book.add(f"canonical/{affine}", "ToCanonical", volume, [{"canonical": {}}],
                 _run(volume, tio.ToCanonical()), EXACT)


def flips_and_pads(book: Casebook) -> None:
    for affine, axes in [("aniso", [0]), ("oblique", [0, 2]), ("mirrored", [0, 1, 2])]:
        volume = volumes.full("b", affine)
        book.add(f"flip/{affine}", "Flip", volume, [{"flip": {"spatial_axis": axes}}],
                 _run(volume, tio.Flip(tuple(axes))), EXACT, wrong=MIRRORED, wrong_in=["affine"])
        book.add(f"random-flip/{affine}", "RandomFlip", volume,
                 [{"rand_flip": {"prob": 1.0, "spatial_axis": axes}}],
                 _run(volume, tio.RandomFlip(tuple(axes), flip_probability=1)), EXACT,
                 wrong=MIRRORED, wrong_in=["affine"])
    rows = {"one": (2, 0, "constant"), "sides": ((1, 2, 0, 3, 2, 1), -7.5, "constant"),
            "edge": ((2, 1, 3, 0, 1, 2), "edge", "edge"),
            "reflect": ((3, 2, 1, 2, 0, 3), "reflect", "reflect")}
    for (name, (border, how, mode)), affine in zip(rows.items(), ["lps", "oblique", "pir", "aniso"]):
        volume = volumes.full("a", affine)
        step = {"spatial_border": border if isinstance(border, int) else list(border), "mode": mode}
        if how == -7.5:
            step["value"] = how
        book.add(f"pad/{name}", "Pad", volume, [{"border_pad": step}],
                 _run(volume, tio.Pad(border, padding_mode=how)), EXACT)


def noise(book: Casebook) -> None:
    """Noise without deviation: what is left is its mean."""
    for affine, mean in [("oblique", 2.5), ("pir", -40.0)]:
        volume = volumes.full("a", affine)
        transform = tio.RandomNoise(mean=(mean, mean), std=(0, 0))
        book.add(f"noise/{affine}", "RandomNoise", volume,
                 [{"rand_gaussian_noise": {"prob": 1.0, "mean": mean, "std": 0.0}}],
                 _run(volume, transform), close(1e-6))


def crop_or_pad(book: Casebook) -> None:
    """Even differences agree with resize_with_pad_or_crop; odd ones do not."""
    rows = {"even": [13, 7, 11], "pad": [15, 13, 9], "crop": [5, 7, 3], "value": [13, 9, 9]}
    for (name, size), affine in zip(rows.items(), ["lps", "oblique", "pir", "mirrored"]):
        value = -12.5 if name == "value" else 0
        volume = volumes.full("a", affine)
        step = {"spatial_size": size, "value": value} if value else {"spatial_size": size}
        book.add(f"crop-or-pad/{name}", "CropOrPad", volume, [{"resize_with_pad_or_crop": step}],
                 _run(volume, tio.CropOrPad(tuple(size), padding_mode=value)), EXACT)
    for size in [[14, 12, 10], [6, 5, 4]]:
        volume = volumes.full("a", "oblique")
        book.add(f"crop-or-pad/odd-{size[0]}", "CropOrPad", volume,
                 [{"resize_with_pad_or_crop": {"spatial_size": size}}],
                 _run(volume, tio.CropOrPad(tuple(size))), EXACT,
                 wrong=ODD, wrong_in=["affine", "values"])


def clamp(book: Casebook) -> None:
    for name, low, high in [("window", -160.0, 240.0), ("narrow", 0.0, 80.0)]:
        for affine in ["lps", "oblique"]:
            volume = volumes.ct("a", affine)
            book.add(f"clamp/{affine}-{name}", "Clamp", volume,
                     [{"clip_intensity": {"min": low, "max": high}}],
                     _run(volume, tio.Clamp(low, high)), EXACT)
    volume = volumes.full("b", "pir")
    for name, p in {"low": {"min": 12.5}, "high": {"max": 40.25}}.items():
        transform = tio.Clamp(p.get("min"), p.get("max"))
        book.add(f"clamp/{name}", "Clamp", volume, [{"clip_intensity": p}],
                 _run(volume, transform), EXACT)


def record() -> Casebook:
    book = Casebook("torchio", tio.__version__, {"torchio": tio.__version__})
    for part in [resample, resample_to, canonical, flips_and_pads, noise, crop_or_pad, clamp]:
        part(book)
    return book
