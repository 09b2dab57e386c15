"""TorchIO's answers: Resample, ToCanonical, CropOrPad, EnsureShapeMultiple, Pad, flips, noise without deviation and Clamp."""

from __future__ import annotations

import warnings

import numpy as np
import torch
import torchio as tio

import grids
import volumes
from casebook import EXACT, Casebook, close, nearest

MIRRORED = "The voxels are reversed and the affine is not: the result is the mirrored patient."


def _image(volume):
    kind = tio.LabelMap if volume.kind == "label" else tio.ScalarImage
    return kind(tensor=torch.as_tensor(volume.data.copy()), affine=volume.affine)


def _run(volume, transform, **others) -> tuple[np.ndarray, np.ndarray]:
    others = {key: _image(other) for key, other in others.items()}
    answer = transform(tio.Subject(image=_image(volume), **others))["image"]
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
    """Even differences are those of resize_with_pad_or_crop, too."""
    rows = {"even": [13, 7, 11], "pad": [15, 13, 9], "crop": [5, 7, 3], "value": [13, 9, 9]}
    for (name, size), affine in zip(rows.items(), ["lps", "oblique", "pir", "mirrored"]):
        value = -12.5 if name == "value" else 0
        volume = volumes.full("a", affine)
        step = {"spatial_size": size, "value": value} if value else {"spatial_size": size}
        book.add(f"crop-or-pad/{name}", "CropOrPad", volume, [{"resize_with_pad_or_crop": step}],
                 _run(volume, tio.CropOrPad(tuple(size), padding_mode=value)), EXACT)
    for shape, affine in [("a", "oblique"), ("b", "mirrored"), ("c", "pir")]:
        volume = volumes.full(shape, affine)
        # Odd and even differences, to less and to more; a number below 1 stands for None.
        for size in [[14, 12, 10], [6, 5, 4], [7, 13, 0], [11, 0, 8], [9, 6, 11]]:
            target = tuple(n or None for n in size)
            for only in [None, "crop", "pad"]:
                step = {"target_shape": size} | ({"only": only} if only else {})
                transform = tio.CropOrPad(target, only_crop=only == "crop", only_pad=only == "pad")
                book.add(f"crop-or-pad/{affine}-{'-'.join(map(str, size))}-{only}", "CropOrPad", volume,
                         [{"crop_or_pad": step}], _run(volume, transform), EXACT)
        for units, size in [("mm", [15.5, 0, 21.0]), ("cm", [1.23, 2.1, 0.7])]:
            transform = tio.CropOrPad(tuple(n or None for n in size), units=units)
            book.add(f"crop-or-pad/{affine}-{units}", "CropOrPad", volume,
                     [{"crop_or_pad": {"target_shape": size, "units": units}}], _run(volume, transform), EXACT)


def around_masks(book: Casebook) -> None:
    """Windows around a label map, whose middle lies in a voxel or between two."""
    for shape, affine in [("a", "oblique"), ("b", "mirrored"), ("c", "pir")]:
        volume = volumes.full(shape, affine)
        for seed in range(4):
            random = np.random.default_rng(seed)
            data = np.zeros((1, *volume.shape), dtype=np.uint8)
            for label in (1, 2):
                first = [int(random.integers(0, n - 2)) for n in volume.shape]
                size = [int(random.integers(1, 4)) for _ in range(3)]
                data[0, *(slice(f, f + n) for f, n in zip(first, size))] = label
            mask = volumes.Volume(f"boxes-{affine}-{seed}", data, volume.affine, "label")
            for name, size, labels, only in [("box", None, None, None), ("label", None, [2], None),
                                             ("odd", [5, 7, 3], None, None), ("even", [4, 6, 12], None, None),
                                             ("mixed", [15, 4, 5], [1], None), ("crop", [5, 14, 4], None, "crop"),
                                             ("pad", [5, 14, 4], [2], "pad")]:
                step = {"source": "source"}
                step |= {"target_shape": size} if size else {}
                step |= {"labels": labels} if labels else {}
                step |= {"only": only} if only else {}
                transform = tio.CropOrPad(size and tuple(size), mask_name="source", labels=labels,
                                          only_crop=only == "crop", only_pad=only == "pad")
                book.add(f"crop-or-pad/mask-{affine}-{seed}-{name}", "CropOrPad", volume, [{"crop_or_pad": step}],
                         _run(volume, transform, source=mask), EXACT, source=mask)
        empty = volumes.Volume(f"empty-{affine}", np.zeros((1, *volume.shape), dtype=np.uint8), volume.affine, "label")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = _run(volume, tio.CropOrPad((7, 12, 4), mask_name="source"), source=empty)
        book.add(f"crop-or-pad/mask-{affine}-empty", "CropOrPad", volume,
                 [{"crop_or_pad": {"source": "source", "target_shape": [7, 12, 4], "on_empty": "keep"}}], answer, EXACT,
                 source=empty)


def padding(book: Casebook) -> None:
    """What pads, of single precision: of whole numbers TorchIO cuts fractions off."""
    for shape, affine in [("a", "oblique"), ("b", "mirrored")]:
        volume = volumes.full(shape, affine)
        for mode in ["maximum", "mean", "median", "minimum", "linear_ramp", "edge", "reflect", "symmetric", "wrap"]:
            ours = f"volume_{mode}" if mode in ("maximum", "mean", "median", "minimum") else mode
            rule = close(1e-6) if mode in ("mean", "median", "linear_ramp") else EXACT
            book.add(f"pad/{affine}-{mode}", "Pad", volume,
                     [{"border_pad": {"spatial_border": [1, 4, 0, 3, 2, 5], "mode": ours}}],
                     _run(volume, tio.Pad((1, 4, 0, 3, 2, 5), padding_mode=mode)), rule)
            size = [volume.shape[0] + 3, volume.shape[1] - 3, volume.shape[2] + 2]
            book.add(f"crop-or-pad/{affine}-{mode}", "CropOrPad", volume,
                     [{"crop_or_pad": {"target_shape": size, "mode": ours}}],
                     _run(volume, tio.CropOrPad(tuple(size), padding_mode=mode)), rule)


def masked_ranges(book: Casebook) -> None:
    """Percentiles of what lies in a mask."""
    for shape, affine in [("a", "oblique"), ("b", "mirrored"), ("c", "pir")]:
        volume, mask = volumes.full(shape, affine), volumes.label(shape, affine)
        for lower, upper, ends in [(0, 100, (0, 1)), (2, 97.5, (-1, 1)), (10, 60, (0, 255))]:
            transform = tio.RescaleIntensity(ends, percentiles=(lower, upper), masking_method="source")
            step = {"lower": lower, "upper": upper, "b_min": ends[0], "b_max": ends[1], "clip": True,
                    "source": "source"}
            book.add(f"rescale-masked/{affine}-{lower}", "RescaleIntensity", volume,
                     [{"scale_intensity_range_percentiles": step}], _run(volume, transform, source=mask), close(1e-6),
                     source=mask)


def multiples(book: Casebook) -> None:
    for shape, affine in [("a", "oblique"), ("b", "mirrored"), ("c", "pir")]:
        volume = volumes.full(shape, affine)
        for k in [[4, 5, 3], [16, 8, 7], [2, 3, 5]]:
            book.add(f"shape-multiple/{affine}-{k[0]}", "EnsureShapeMultiple", volume,
                     [{"divisible_pad": {"k": k, "method": "symmetric_low"}}],
                     _run(volume, tio.EnsureShapeMultiple(tuple(k))), EXACT)


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
    for part in [resample, resample_to, canonical, flips_and_pads, noise, crop_or_pad, around_masks, padding, masked_ranges, multiples,
                 clamp]:
        part(book)
    return book
