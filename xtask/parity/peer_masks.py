"""MONAI's masks of colours and maps of instances, with the rules of scikit-image."""

from __future__ import annotations

import warnings
from importlib.metadata import version

import numpy as np
import skimage
import torch
from monai import transforms as mt

import volumes
from casebook import EXACT, Casebook
from monai_steps import KEY, arrays, tensor
from volumes import AFFINES, SHAPES, Volume

RULES = ["isodata", "li", "mean", "minimum", "otsu", "triangle", "yen"]


def stained(shape: str, affine: str, dtype: str) -> Volume:
    """A picture of stained tissue on white as red, green and blue: hills of two dyes, none symmetric."""
    size = SHAPES[shape]
    random = volumes._random("stained", shape)
    red_dye, blue_dye = (volumes._blobs(size, random, 6) for _ in range(2))
    # What the dyes let through of each colour; the light is not even.
    through = [np.exp(-0.35 * red_dye - 1.5 * blue_dye), np.exp(-1.3 * red_dye - 0.9 * blue_dye),
               np.exp(-0.9 * red_dye - 0.2 * blue_dye)]
    light = 0.95 - 0.02 * volumes._ramp(size)
    planes = np.stack([light * t + random.normal(0, 0.012, size) for t in through]).clip(0, 1)
    if dtype == "uint8":
        data = np.round(255 * planes).astype(np.uint8)
    elif dtype == "int16":
        data = np.round(2400 * planes + 60).astype(np.int16)
    else:
        data = (np.round(planes * 4096) / 4096).astype(np.float32)
    return Volume(f"stained-{shape}-{affine}-{dtype}", data, AFFINES[affine], "image")


STAINED = [("a", "oblique", "uint8"), ("b", "lps", "int16"), ("c", "pir", "float32")]


def _mask(book: Casebook, name: str, volume: Volume, p: dict) -> None:
    """The answer for parameters of ours; those of MONAI are called the same. Left out is what shows nothing."""
    asked = dict(p)
    for field, letters in [("threshold", "RGB"), ("hsv_threshold", "HSV")]:
        if isinstance(asked.get(field), list):
            asked[field] = dict(zip(letters, asked[field]))
    try:
        answer = mt.ForegroundMaskd(KEY, **asked)({KEY: tensor(volume.data, volume.affine)})[KEY]
    except RuntimeError as error:
        # Not every histogram has two maxima.
        print(f"left out: {name} of {volume.name}: {error}")
        return
    voxels, affine = arrays(answer)
    share = float(voxels.mean())
    if not 0.002 < share < 0.998:
        print(f"left out: {name} of {volume.name}: {share} is foreground")
        return
    book.add(f"{name}-{volume.name}", "ForegroundMaskd", volume, [{"foreground_mask": p}], (voxels, affine), EXACT)


def rules(book: Casebook) -> None:
    for volume in [stained(*which) for which in STAINED]:
        for rule in RULES:
            for invert in [False, True]:
                name = f"foreground/{rule}{'-invert' if invert else ''}"
                # One channel by itself: where any of three may be foreground a threshold hides another.
                for letter in "RGB":
                    p = {"threshold": {letter: rule}, "invert": invert}
                    _mask(book, f"{name}-{letter}", volume, p)
    for volume in [volumes.ct("c", "pir"), volumes.full("a", "oblique"), volumes.image("b", "mirrored")]:
        for rule in RULES:
            for invert in [False, True]:
                name = f"foreground/{rule}{'-invert' if invert else ''}"
                _mask(book, name, volume, {"threshold": rule, "invert": invert})


def colours(book: Casebook) -> None:
    for volume in [stained(*which) for which in STAINED]:
        # More than these is about a quarter of the voxels.
        parts = skimage.color.rgb2hsv(volume.data, channel_axis=0)
        values = [float(f"{np.quantile(part, 0.76):.3g}") for part in parts]
        turned = skimage.color.rgb2hsv(skimage.util.invert(volume.data), channel_axis=0)
        hue = float(f"{np.quantile(turned[0], 0.6):.3g}")
        rgb = {"uint8": 100, "int16": 700.5, "float32": 0.4}[str(volume.data.dtype)]
        for rule in RULES:
            for letter in "HSV":
                p = {"threshold": None, "hsv_threshold": {letter: rule}}
                _mask(book, f"hsv/{rule}-{letter}", volume, p)
        rows = {
            "numbers": {"threshold": None, "hsv_threshold": values},
            "rules": {"threshold": None, "hsv_threshold": {"H": values[0], "S": "otsu"}},
            "list": {"threshold": None, "hsv_threshold": [values[0], "otsu", 1.5]},
            "one-for-all": {"threshold": {"R": rgb}, "hsv_threshold": "li"},
            "saturation": {"threshold": None, "hsv_threshold": {"S": values[1]}},
            "value-invert": {"threshold": None, "hsv_threshold": {"V": "otsu"}, "invert": True},
            "hue-invert": {"threshold": None, "hsv_threshold": {"h": hue}, "invert": True},
            "both": {"threshold": {"R": rgb, "g": "otsu"}, "hsv_threshold": {"S": values[1]}},
            "both-invert": {"threshold": {"B": "yen"}, "hsv_threshold": {"S": "otsu"}, "invert": True},
            "default-and-saturation": {"hsv_threshold": {"S": "triangle"}},
        }
        for name, p in rows.items():
            _mask(book, f"hsv/{name}", volume, p)


def instances(shape: str, affine: str, dtype: str, slices: int | None = None, large: bool = False) -> Volume:
    """Cells that touch, in pieces too, with numbers that are not consecutive."""
    size = SHAPES[shape]
    random = volumes._random("instances", shape, str(slices))
    places = random.uniform(0, 1, (9, 3)) * np.array(size)
    index = np.indices(size).reshape(3, -1).T
    apart = np.linalg.norm((index[:, None] - places[None]) * [1.0, 1.3, 0.8], axis=2)
    nearest = apart.argmin(axis=1) + 1
    nearest[apart.min(axis=1) > 0.3 * max(size)] = 0
    nearest[random.random(len(nearest)) < 0.05] = 0
    # The last cell gets the number of the first: one instance in two pieces.
    numbers = np.array([0, 1, 2, 3, 5, 8, 40, 99, 120, 1])
    if large:
        numbers = numbers * 65_521
    data = numbers[nearest].reshape(size)[None].astype(dtype)
    if slices is not None:
        data = data[..., :slices]
    name = f"instances-{shape}-{affine}-{dtype}-{slices or 'all'}{'-large' if large else ''}"
    return Volume(name, data, AFFINES[affine], "label")


def maps(book: Casebook) -> None:
    cases = [instances("a", "oblique", "uint8"), instances("b", "lps", "int16"), instances("c", "pir", "int32"),
             instances("b", "mirrored", "uint16"), instances("a", "thick", "int64"),
             instances("a", "aniso", "uint8", 1), instances("b", "oblique", "int32", 1),
             instances("c", "lps", "uint16", 1), instances("b", "pir", "int32", large=True),
             instances("c", "permuted-oblique", "int64", 2, large=True)]
    for volume in cases:
        answer = mt.ComputeHoVerMapsd(KEY, new_key_prefix=None)({KEY: volume.data})[KEY]
        voxels = np.asarray(answer)
        # It gives arrays without an affine: the grid is that of the labels.
        book.add(f"ho-ver/{volume.name}", "ComputeHoVerMapsd", volume, [{"compute_ho_ver_maps": {}}],
                 (voxels, volume.affine), {"values": "close", "tolerance": 1e-8})


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {name: version(name).split("+")[0] for name in ["monai", "torch", "scikit-image", "scipy"]}
    book = Casebook("masks", "", versions)
    book.label = f"monai {versions['monai']}"
    for part in [rules, colours, maps]:
        part(book)
    return book
