"""MONAI: crops, pads, flips, rotations and intensity transforms."""

from __future__ import annotations

import numpy as np

import volumes
from casebook import EXACT, Casebook, close
from monai_steps import Run, record

EMPTY = "No foreground gives a box from 0 to 0 and so a volume without voxels; ours is an error."
NO_GEOMETRY = "Transpose moves the voxels but not the affine, which then describes another volume."


def crops(book: Casebook) -> None:
    forms = {
        "centre-size": {"roi_center": [5, 4, 3], "roi_size": [6, 5, 4]},
        "centre-odd": {"roi_center": [6, 5, 4], "roi_size": [5, 4, 3]},
        "centre-clipped": {"roi_center": [1, 7, 3], "roi_size": [6, 6, 4]},
        "start-end": {"roi_start": [2, 1, 0], "roi_end": [9, 6, 5]},
        "end-beyond": {"roi_start": [4, 3, 2], "roi_end": [40, 9, 20]},
        "start-below": {"roi_start": [-3, 1, -1], "roi_end": [5, 8, 6]},
        "slices": {"roi_slices": [[1, 8], [2, 9], [0, 4]]},
    }
    for (name, p), affine in zip(forms.items(), ["aniso", "lps", "pir", "oblique", "mirrored",
                                                 "permuted-oblique", "sheared"]):
        record(book, f"spatial-crop/{name}", volumes.full("a", affine),
               [{"spatial_crop": p}], EXACT)
    sizes = {"odd-even": [5, 6, 4], "larger": [20, 5, 7], "keep-axis": [-1, 4, 3],
             "even-odd": [8, 7, 3], "single": [1, 1, 1]}
    for (name, size), affine in zip(sizes.items(), ["oblique", "lps", "pir", "mirrored", "aniso"]):
        record(book, f"center-crop/{name}", volumes.label("b", affine),
               [{"center_spatial_crop": {"roi_size": size}}], EXACT)


def foreground(book: Casebook) -> None:
    rows = {
        "positive": {"above": 0},
        "margin": {"above": 0, "margin": 1, "allow_smaller": True},
        "margin-axes": {"above": 0, "margin": [3, 1, 2], "allow_smaller": True},
        "margin-outside": {"above": 0, "margin": [4, 3, 2], "allow_smaller": False},
        "threshold": {"above": 180.6},
        "below": {"below": 30.1, "margin": 0},
        "between": {"between": [150.1, 240.1]},
        "nonzero": {"nonzero": True, "margin": 1, "allow_smaller": False},
        "divisible": {"above": 0, "k_divisible": 4},
        "divisible-axes": {"above": 0, "k_divisible": [2, 8, 3], "allow_smaller": True},
        "divisible-margin": {"above": 180.6, "margin": [2, 0, 1], "k_divisible": 5,
                             "allow_smaller": True},
        "divisible-outside": {"above": 0, "margin": 2, "k_divisible": 8, "allow_smaller": False},
    }
    affines = ["aniso", "lps", "pir", "oblique", "mirrored", "permuted-oblique"]
    for i, (name, p) in enumerate(rows.items()):
        volume = volumes.image("abc"[i % 3], affines[i % len(affines)])
        record(book, f"crop-foreground/{name}", volume,
               [{"crop_foreground": {"source": "image", **p}}], EXACT)
    record(book, "crop-foreground/labels", volumes.label("a", "oblique"),
           [{"crop_foreground": {"source": "image", "labels": [2, 4]}}], EXACT)
    record(book, "crop-foreground/one-label", volumes.label("b", "lps"),
           [{"crop_foreground": {"source": "image", "labels": [4], "margin": 2,
                                 "allow_smaller": False}}], EXACT)
    record(book, "crop-foreground/two-channels", volumes.image("c", "pir", 2),
           [{"crop_foreground": {"source": "image", "above": 215.1}}], EXACT)
    sources = {"labels": {"labels": [1, 3]}, "positive": {"above": 0},
               "margin": {"labels": [4], "margin": [1, 2, 3], "allow_smaller": False},
               "divisible": {"labels": [3], "k_divisible": 4, "allow_smaller": True}}
    for (name, p), affine in zip(sources.items(), affines):
        shape = "b" if name == "divisible" else "a"
        record(book, f"crop-foreground/source-{name}", volumes.ct(shape, affine),
               [{"crop_foreground": {"source": "source", **p}}], EXACT,
               source=volumes.label(shape, affine),
               note="The image is padded with 0 where the box leaves it."
               if name == "margin" else None)
    record(book, "crop-foreground/empty", volumes.image("a", "aniso"),
           [{"crop_foreground": {"source": "image", "above": 5000}}], EXACT,
           wrong=EMPTY, wrong_in=["shape"])


def pads(book: Casebook) -> None:
    modes = ["constant", "edge", "reflect", "symmetric", "wrap", "minimum", "maximum", "mean",
             "median"]
    for mode in modes:
        record(book, f"spatial-pad/{mode}", volumes.full("a", "oblique"),
               [{"spatial_pad": {"spatial_size": [16, 12, 12], "mode": mode}}],
               close(1e-6) if mode in ("mean", "median") else EXACT)
        record(book, f"border-pad/{mode}", volumes.full("c", "pir"),
               [{"border_pad": {"spatial_border": [1, 3, 2, 0, 4, 1], "mode": mode}}],
               close(1e-6) if mode in ("mean", "median") else EXACT)
    rows = {
        "end": {"spatial_size": [14, 13, 10], "method": "end"},
        "value": {"spatial_size": [15, 14, 11], "method": "symmetric", "value": -7.5},
        "smaller": {"spatial_size": [5, 12, 7]},
        "keep-axis": {"spatial_size": [16, -1, 12]},
        "end-edge": {"spatial_size": [13, 15, 8], "method": "end", "mode": "edge"},
        "wide-reflect": {"spatial_size": [25, 22, 18], "mode": "reflect"},
        "wide-symmetric": {"spatial_size": [40, 9, 30], "mode": "symmetric"},
    }
    for (name, p), affine in zip(rows.items(), ["aniso", "lps", "mirrored", "oblique", "pir",
                                                "aniso", "lps"]):
        record(book, f"spatial-pad/{name}", volumes.full("a", affine), [{"spatial_pad": p}], EXACT)
    record(book, "spatial-pad/label", volumes.label("b", "mirrored"),
           [{"spatial_pad": {"spatial_size": [17, 16, 15]}}], EXACT)
    record(book, "spatial-pad/int16", volumes.ct("a", "lps"),
           [{"spatial_pad": {"spatial_size": [16, 12, 10], "value": -1024}}], EXACT)
    for name, border in {"int": 2, "three": [1, 0, 3], "six": [2, 0, 0, 1, 3, 3]}.items():
        record(book, f"border-pad/{name}", volumes.ct("c", "permuted-oblique"),
               [{"border_pad": {"spatial_border": border, "value": -1000}}], EXACT)
    for name, p in {"8": {"k": 8}, "axes": {"k": [4, 5, 6], "method": "symmetric"},
                    "end": {"k": [16, 2, 3], "method": "end", "mode": "edge"},
                    "keep": {"k": [4, -1, 8], "value": 3.0}}.items():
        record(book, f"divisible-pad/{name}", volumes.full("b", "oblique"),
               [{"divisible_pad": p}], EXACT)


def pad_or_crop(book: Casebook) -> None:
    rows = {
        "both": {"spatial_size": [14, 6, 7]},
        "end": {"spatial_size": [14, 6, 10], "method": "end"},
        "crop": {"spatial_size": [6, 5, 4]},
        "pad": {"spatial_size": [16, 14, 12], "value": -20.0},
        "edge": {"spatial_size": [8, 14, 9], "mode": "edge"},
        "reflect": {"spatial_size": [16, 8, 11], "mode": "reflect"},
        "symmetric-mode": {"spatial_size": [12, 12, 4], "mode": "symmetric"},
        "wrap-end": {"spatial_size": [13, 7, 12], "method": "end", "mode": "wrap"},
        "minimum": {"spatial_size": [9, 13, 11], "mode": "minimum"},
    }
    affines = ["aniso", "lps", "pir", "oblique", "mirrored", "permuted-oblique"]
    for i, (name, p) in enumerate(rows.items()):
        record(book, f"pad-or-crop/{name}", volumes.full("a", affines[i % len(affines)]),
               [{"resize_with_pad_or_crop": p}], EXACT)
    record(book, "pad-or-crop/label", volumes.label("c", "mirrored"),
           [{"resize_with_pad_or_crop": {"spatial_size": [11, 9, 11]}}], EXACT)


def turns(book: Casebook) -> None:
    for name, axis in {"x": 0, "y": 1, "z": 2, "xz": [0, 2], "all": None, "last": -1}.items():
        p = {} if axis is None else {"spatial_axis": axis}
        record(book, f"flip/{name}", volumes.full("a", "oblique"), [{"flip": p}], EXACT)
    for k in (1, 2, 3):
        for axes in ([0, 1], [0, 2], [1, 2]):
            volume = volumes.label("c", "mirrored") if k == 3 else volumes.full("c", "pir")
            record(book, f"rotate90/{k}-{axes[0]}{axes[1]}", volume,
                   [{"rotate90": {"k": k, "spatial_axes": axes}}], EXACT)
    record(book, "rotate90/swapped-axes", volumes.full("a", "oblique"),
           [{"rotate90": {"k": 1, "spatial_axes": [2, 0]}}], EXACT)
    for indices in ([2, 0, 1], [1, 0, 2]):
        record(book, f"transpose/{''.join(map(str, indices))}", volumes.full("a", "oblique"),
               [{"transpose": {"indices": indices}}], EXACT, wrong=NO_GEOMETRY,
               wrong_in=["affine"])


def _values(book: Casebook, name: str, volume, step: dict) -> None:
    """An intensity case, with the tolerance scaled to the range of the answer."""
    steps = [step]
    answer = Run(volume, steps).voxels
    ratio = np.ptp(answer.astype(float)) / np.ptp(volume.data.astype(float))
    record(book, name, volume, steps, close(float(f"{1e-5 * ratio:.1e}")))


def settled(book: Casebook) -> None:
    """What another transform does in one of its settings."""
    for affine, shape in zip(["aniso", "pir", "oblique", "permuted-oblique"], "abca"):
        record(book, f"canonical/{affine}", volumes.full(shape, affine), [{"canonical": {}}], EXACT)
    for affine, shape in [("oblique", "a"), ("mirrored", "c")]:
        record(book, f"crop-to-nonzero/{affine}", volumes.image(shape, affine),
               [{"crop_to_nonzero": {"source": "image"}}], EXACT)


def intensities(book: Casebook) -> None:
    window = {"a_min": -160.0, "a_max": 240.0, "b_min": 0.0, "b_max": 1.0}
    for affine in ["aniso", "oblique"]:
        image = volumes.ct("a", affine)
        _values(book, f"scale-range/{affine}-clip", image,
                {"scale_intensity_range": {**window, "clip": True}})
        _values(book, f"scale-range/{affine}-free", image,
                {"scale_intensity_range": {**window, "clip": False}})
    _values(book, "scale-range/signed", volumes.full("b", "lps"),
            {"scale_intensity_range": {"a_min": -20.0, "a_max": 80.0, "b_min": -1.0, "b_max": 1.0,
                                       "clip": True}})
    rows = {
        "plain": {},
        "nonzero": {"nonzero": True},
        "channel-wise": {"channel_wise": True},
        "nonzero-channel-wise": {"nonzero": True, "channel_wise": True},
        "given": {"subtrahend": 100.0, "divisor": 40.0},
        "given-nonzero": {"subtrahend": 100.0, "divisor": 40.0, "nonzero": True},
        "given-channels": {"subtrahend": [10.0, 20.0, 30.0], "divisor": [2.0, 4.0, 8.0],
                           "channel_wise": True},
    }
    for name, p in rows.items():
        _values(book, f"normalize/{name}", volumes.image("a", "oblique", 3),
                {"normalize_intensity": p})
    _values(book, "normalize/int16", volumes.ct("b", "pir"), {"normalize_intensity": {}})


def add(book: Casebook) -> None:
    for part in [crops, foreground, pads, pad_or_crop, turns, settled, intensities]:
        part(book)
