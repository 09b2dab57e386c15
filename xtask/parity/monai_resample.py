"""MONAI: Orientationd, Spacingd, ResampleToMatchd and Resized."""

from __future__ import annotations

import numpy as np
from monai import transforms as mt

import grids
import volumes
from casebook import EXACT, Casebook, close, nearest
from monai_steps import KEY, Run, arrays, operation, record, tensor

SHEAR_DROPPED = "Spacing rebuilds the axes from a Cholesky factor and drops shear: another grid."


def orientation(book: Casebook) -> None:
    codes = ["RAS", "LPS", "LAS", "PIR", "SRA", "ASL", "ILP"]
    for affine, shape in zip(["aniso", "lps", "pir", "oblique", "mirrored"], "abcab"):
        volume = volumes.full(shape, affine)
        for code in codes if affine == "oblique" else codes[:4]:
            record(book, f"orientation/{affine}-{code}", volume,
                   [{"orientation": {"axcodes": code}}], EXACT)
    for affine in ["lps", "pir", "permuted-oblique", "sheared"]:
        record(book, f"orientation/{affine}-canonical", volumes.label("c", affine),
               [{"orientation": {"closest_canonical": True}}], EXACT)
    record(book, "orientation/two-channels", volumes.image("a", "permuted-oblique", 2),
           [{"orientation": {"axcodes": "LPS"}}], EXACT)


def _spacing(book: Casebook, name: str, volume, compare=None, *, covered=False, **p) -> None:
    """One Spacingd case; `covered` asserts that no sample lies outside the centres."""
    steps = [{"spacing": p}]
    if covered:
        run = Run(volume, steps)
        if not grids.inside(run.positions(), volume.shape).all():
            raise ValueError(f"{name}: choose a spacing that stays inside")
    record(book, f"spacing/{name}", volume, steps, compare)


def spacing(book: Casebook) -> None:
    shapes = dict(zip(["aniso", "lps", "pir", "oblique", "mirrored", "permuted-oblique", "thick"],
                      "abcabca"))
    for affine, shape in shapes.items():
        image = volumes.full(shape, affine)
        _spacing(book, f"{affine}-1mm", image, pixdim=[1.0, 1.0, 1.0])
        _spacing(book, f"{affine}-mixed", image, pixdim=[1.71, 1.31, 2.41])
        label = volumes.label(shape, affine)
        _spacing(book, f"{affine}-label", label, nearest(), pixdim=[1.23, 0.83, 2.03])
        _spacing(book, f"{affine}-int16", volumes.ct(shape, affine), pixdim=[1.45, 1.15, 1.6])
    for affine in ["aniso", "oblique"]:
        image = volumes.full("b", affine)
        _spacing(book, f"{affine}-nearest-image", image, nearest(), pixdim=[1.1, 0.7, 1.6],
                 interpolation="nearest")
        _spacing(book, f"{affine}-short-list", image, pixdim=[1.4, 2.0])
        _spacing(book, f"{affine}-one-entry", image, pixdim=[1.9])
        _spacing(book, f"{affine}-keep-axes", image, pixdim=[0, 1.5, -1])
        _spacing(book, f"{affine}-in-range", image, pixdim=[1.01, 1.01, 1.01],
                 min_pixdim=[0.5, 0.5, 0.5], max_pixdim=[1.0, 1.15, 2.0])
        _spacing(book, f"{affine}-min-only", image, pixdim=[1.3, 1.3, 1.3],
                 min_pixdim=[0.85, 1.25, 1.0])
        _spacing(book, f"{affine}-short-max", image, pixdim=[0.7, 0.7, 0.7], max_pixdim=[1.5])
        _spacing(book, f"{affine}-three-channels", volumes.image("a", affine, 3),
                 pixdim=[1.25, 1.15, 1.35])
    _spacing_edges(book)
    _spacing_shapes(book)
    _spacing_noise(book)


def _spacing_edges(book: Casebook) -> None:
    """Cubic, other paddings, diagonal grids."""
    for affine, pixdim in {"aniso": [1.3, 1.45, 1.65], "lps": [0.42, 1.65, 1.1],
                           "oblique": [0.55, 1.55, 2.5], "pir": [0.8, 1.7, 1.4]}.items():
        volume = volumes.full("a", affine)
        _spacing(book, f"{affine}-cubic", volume, covered=True, pixdim=pixdim,
                 interpolation="cubic")
    for affine in ["aniso", "mirrored"]:
        volume = volumes.full("c", affine)
        for padding in ["zeros", "reflection"]:
            p = {"pixdim": [3.1, 3.7, 3.3], "padding": padding}
            steps = [{"spacing": p}]
            where = Run(volume, steps).positions()
            mask = grids.off_rim(where, volume.shape, 1.0) if padding == "zeros" else None
            record(book, f"spacing/{affine}-{padding}", volume, steps, mask=mask)
    for affine in ["aniso", "lps", "pir"]:
        volume = volumes.full("a", affine)
        _spacing(book, f"{affine}-diagonal", volume, pixdim=[1.23, 1.57, 1.93], diagonal=True)
    _spacing(book, "lps-diagonal-label", volumes.label("b", "lps"), nearest(),
             pixdim=[1.23, 1.57, 1.93], diagonal=True)
    for affine in ["oblique", "mirrored"]:
        volume = volumes.full("a", affine)
        for padding in ["border", "reflection", "zeros"]:
            steps = [{"spacing": {"pixdim": [1.5, 1.5, 2.0], "diagonal": True,
                                  "padding": padding}}]
            where = Run(volume, steps).positions()
            mask = grids.off_rim(where, volume.shape, 1.0) if padding == "zeros" else None
            record(book, f"spacing/{affine}-diagonal-{padding}", volume, steps, mask=mask,
                   note="No corner has the smallest output index on every axis; MONAI then puts "
                        "index shape/2 (not (shape-1)/2) of both grids on one another.")


def _spacing_shapes(book: Casebook) -> None:
    """Shapes that depend on the rounding rule, on the tolerance and on shear."""
    image = volumes.full("a", "round")
    label = volumes.label("a", "round")
    # 11 @1 -> 4: 3.5 -> 4; 9 @1.5 -> 8: 2.5 -> 2; 7 @2 -> 8: 2.5 -> 2.
    _spacing(book, "shape-ties", image, pixdim=[4.0, 8.0, 8.0])
    _spacing(book, "shape-ties-label", label, nearest(), pixdim=[4.0, 8.0, 8.0])
    # 11 @1 -> 0.8: 13.5 -> 14; 9 @1.5 -> 0.5: 25; 7 @2 -> 1.6: 8.5 -> 8.
    _spacing(book, "shape-ties-up", image, pixdim=[0.8, 0.5, 1.6])
    _spacing(book, "unchanged", image, EXACT, pixdim=[1.0, 1.5, 2.0])
    nearly = image.affine.copy()
    nearly[:3, :3] = np.diag([1.0006, 1.5, 2.0])
    _spacing(book, "kept-within-1e-3", image.at(nearly, "nearly-round"), pixdim=[1.0, 1.0, 1.0])
    for pixdim in [[1.0, 1.0, 1.0], [1.6, 1.2, 2.4]]:
        steps = [{"spacing": {"pixdim": pixdim}}]
        record(book, f"spacing/sheared-{pixdim[0]}", volumes.full("a", "sheared"), steps,
               wrong=SHEAR_DROPPED, wrong_in=["shape", "affine", "values"])


def _spacing_noise(book: Casebook) -> None:
    """Oblique grids as headers in single precision hold them: noise decides which corner is kept, if any."""
    turns = [(12, -7, 30), (-20, 5, 10), (3, 17, -25), (33, 11, -4), (-8, -14, 21)]
    middles = 0
    for number, (turn, kind_of) in enumerate(zip(turns, ["aniso", "lps", "pir", "mirrored", "sheared"])):
        image, label = volumes.full("abcab"[number], kind_of), volumes.label("abcab"[number], kind_of)
        oblique = image.affine.copy()
        oblique[:3, :3] = grids.rotation(*turn) @ oblique[:3, :3]
        header = oblique.astype(np.float32).astype(np.float64)
        for pixdim in [[0.61, 0.83, 0.97], [1.7, 1.3, 2.3]]:
            steps = [{"spacing": {"pixdim": pixdim, "rule": "monai_strict"}}]
            name = f"spacing/header-{kind_of}-{pixdim[0]}"
            run = record(book, name, image.at(header, f"header-{kind_of}"), steps)
            corner = np.linalg.norm(run.affine[:3, 3] - header[:3, 3])
            middles += corner > 1e-3
            record(book, f"{name}-label", label.at(header, f"header-{kind_of}-label"), steps, nearest())
    if not 3 <= middles <= 9:
        raise ValueError(f"{middles} of 10 grids keep their middle: choose other angles")


def label_weights(book: Casebook) -> None:
    """One-hot, linear, argmax: what the interpolation `label` gives in one go."""
    for affine, shape in [("aniso", "a"), ("pir", "b"), ("oblique", "c"), ("mirrored", "a")]:
        volume = volumes.label(shape, affine)
        one_hot = mt.AsDiscreted(KEY, to_onehot=int(volume.data.max()) + 1)
        for pixdim in [[1.13, 0.83, 1.47], [2.3, 1.9, 2.7]]:
            chain = mt.Compose([one_hot, mt.Spacingd(KEY, pixdim=pixdim, mode="bilinear")])
            weights, grid = arrays(chain({KEY: tensor(volume.data, volume.affine)})[KEY])
            second, first = np.sort(weights, axis=0)[-2:]
            answer = np.argmax(weights, axis=0)[None].astype(np.uint8)
            step = {"pixdim": pixdim, "interpolation": "label"}
            book.add(f"spacing/{affine}-{pixdim[0]}-one-hot", "AsDiscreted+Spacingd", volume,
                     [{"spacing": step}], (answer, grid), EXACT, mask=first - second > 1e-5)


def match(book: Casebook) -> None:
    for affine, shape in zip(["aniso", "oblique", "mirrored", "pir"], "abca"):
        image, label = volumes.full(shape, affine), volumes.label(shape, affine)
        for name, reference in volumes.references(image).items():
            if (affine, name) in [("aniso", "straight"), ("pir", "mirrored")]:
                continue
            where = grids.positions(image.affine, reference[1], reference[0])
            for padding in ["border", "zeros"]:
                p = {"reference": "reference", "interpolation": "linear", "padding": padding}
                rim = grids.off_rim(where, image.shape, 1.0) if padding == "zeros" else None
                record(book, f"resample-to/{affine}-{name}-{padding}", image,
                       [{"resample_to": p}], mask=rim, reference=reference)
            p = {"reference": "reference", "interpolation": "nearest", "padding": "zeros"}
            record(book, f"resample-to/{affine}-{name}-label", label, [{"resample_to": p}],
                   nearest(), reference=reference)
            if affine in ("oblique", "mirrored"):
                # The same by the transform that also puts up with noise in headers.
                p = {"reference": "reference", "interpolation": "linear", "padding": "border"}
                record(book, f"align/{affine}-{name}", image, [{"align": p}], reference=reference)
                p = {"reference": "reference", "interpolation": "nearest", "padding": "zeros"}
                record(book, f"align/{affine}-{name}-label", label, [{"align": p}], nearest(),
                       reference=reference)


def resize(book: Casebook) -> None:
    sizes = [[16, 7, 12], [5, 6, 4], [22, 18, 14], [9, 9, 9]]
    for affine in ["aniso", "oblique"]:
        for size in sizes:
            title = "x".join(map(str, size))
            record(book, f"resize/{affine}-{title}", volumes.full("a", affine),
                   [{"resize": {"spatial_size": size}}])
            record(book, f"resize/{affine}-{title}-label", volumes.label("a", affine),
                   [{"resize": {"spatial_size": size}}], nearest())
    for length in [9, 20]:
        record(book, f"resize/longest-{length}", volumes.ct("b", "lps"),
               [{"resize": {"spatial_size": length, "size_mode": "longest"}}])
    record(book, "resize/keep-axis", volumes.full("c", "mirrored"),
           [{"resize": {"spatial_size": [12, -1, 7]}}])
    _legacy_nearest(book)


def _legacy_nearest(book: Casebook) -> None:
    """Resized(mode="nearest") is torch's floor rule: shifted against its own affine."""
    volume = volumes.label("a", "aniso")
    for size in [[16, 14, 12], [7, 5, 4]]:
        steps = [{"resize": {"spatial_size": size, "interpolation": "nearest"}}]
        legacy = mt.Resized(KEY, spatial_size=size, mode="nearest")
        result = arrays(legacy({KEY: tensor(volume.data, volume.affine)})[KEY])
        book.add(f"resize/legacy-nearest-{size[0]}", operation(steps, "label"), volume, steps,
                 result, EXACT, wrong_in=["values"],
                 wrong="mode 'nearest' takes source index floor(i * scale), up to half a voxel "
                       "away from where the affine it writes says the voxel is.")


def add(book: Casebook) -> None:
    for part in [orientation, spacing, label_weights, match, resize]:
        part(book)
