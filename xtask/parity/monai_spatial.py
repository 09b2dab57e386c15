"""MONAI: zoom, rotate and affine, forwards and undone with Invertd."""

from __future__ import annotations

import numpy as np
from monai import transforms as mt

import grids
import volumes
from casebook import Casebook, close, nearest
from monai_steps import KEY, arrays, tensor

PADDINGS = ["border", "reflection", "zeros"]
AFFINE_MM = 2e-4
"""Affined makes its matrices in float32."""


def _keys(p: dict, *names: str) -> dict:
    return {name: p[name] for name in names if name in p}


def _transform(step: dict, kind: str):
    (name, p), = step.items()
    linear = p.get("interpolation", "nearest" if kind == "label" else "linear") == "linear"
    grid = "bilinear" if linear else "nearest"
    if name == "zoom":
        extra = _keys(p, "keep_size")
        if "value" in p:
            extra["value"] = p["value"]
        return mt.Zoomd(KEY, zoom=p["zoom"], mode="trilinear" if linear else "nearest-exact",
                        padding_mode=p.get("mode", "edge"), **extra)
    if name == "rotate":
        return mt.Rotated(KEY, angle=p["angle"], mode=grid,
                          padding_mode=p.get("padding", "border"),
                          **_keys(p, "keep_size", "rotate_order"))
    return mt.Affined(KEY, mode=grid, padding_mode=p.get("padding", "reflection"),
                      **_keys(p, "rotate_params", "shear_params", "translate_params",
                              "scale_params", "spatial_size", "rotate_order"))


def _record(book: Casebook, name: str, volume, step: dict, *, undo: bool = False,
            tolerance: float = 2e-5, affine_mm: float | None = None) -> None:
    pipeline = mt.Compose([_transform(step, volume.kind)])
    result = pipeline({KEY: tensor(volume.data, volume.affine)})
    data, affine = arrays(result[KEY])
    where = grids.positions(volume.affine, affine, data.shape[1:])
    (_, p), = step.items()
    mask = np.ones(data.shape[1:], dtype=bool)
    rule = close(tolerance)
    if volume.kind == "label":
        rule, mask = nearest(), grids.off_ties(where)
    if p.get("padding") == "zeros":
        mask &= grids.off_rim(where, volume.shape, 1.0) & grids.off_faces(where, volume.shape)
    if affine_mm is not None:
        rule["affine_mm"] = affine_mm
    invert = _inverse(book, name, volume, pipeline, result, data, affine) if undo else None
    book.add(name, type(pipeline.transforms[0]).__name__, volume, [step], (data, affine), rule,
             mask=mask, invert=invert)


def _inverse(book, name, volume, pipeline, result, data, affine) -> dict:
    """A prediction on the result grid, brought back; compared where the model saw the place."""
    random = np.random.default_rng(len(name))
    prediction = np.round(random.uniform(0, 50, data.shape) * 4).astype(np.float32) / 4
    inverter = mt.Invertd("pred", transform=pipeline, orig_keys=KEY, nearest_interp=False)
    case = dict(result)
    case["pred"] = tensor(prediction, affine)
    back, _ = arrays(inverter(case)["pred"])
    where = grids.positions(affine, volume.affine, volume.shape)
    rule = close(5e-5)
    key = name.replace("/", ".")
    return {
        "prediction": book.prediction(key, prediction, "image"),
        "interpolation": "linear",
        "expected": book.answer(f"{key}.inverse", back, volume.affine),
        "compare": book.comparison(f"{key}.inverse", rule,
                                   grids.inside(where, data.shape[1:])),
    }


def zoom(book: Casebook) -> None:
    factors = {"up": [1.3, 1.15, 1.7], "down": [0.7, 0.8, 0.6], "mixed": [1.45, 0.65, 1.0],
               "one": 0.83}
    for affine, shape in zip(["aniso", "oblique", "mirrored", "sheared"], "abca"):
        for name, zoom_ in factors.items():
            for volume in [volumes.full(shape, affine), volumes.label(shape, affine)]:
                title = f"zoom/{affine}-{name}-{volume.kind}"
                _record(book, f"{title}-free", volume, {"zoom": {"zoom": zoom_, "keep_size": False}},
                        undo=volume.kind == "image")
                _record(book, f"{title}-kept", volume, {"zoom": {"zoom": zoom_}})
    for mode in ["constant", "reflect", "symmetric", "minimum"]:
        p = {"zoom": [0.8, 0.7, 1.2], "mode": mode}
        _record(book, f"zoom/pad-{mode}", volumes.full("b", "lps"), {"zoom": p})


ANGLES = {"small": [0.11, -0.23, 0.31], "z": [0.0, 0.0, 0.6], "large": [1.9, -0.8, 2.6]}


def rotate(book: Casebook) -> None:
    for affine, shape in zip(["aniso", "oblique", "pir", "sheared"], "abca"):
        for name, angle in ANGLES.items():
            for keep in [True, False]:
                title = f"rotate/{affine}-{name}-{'kept' if keep else 'free'}"
                p = {"angle": angle, "keep_size": keep}
                _record(book, title, volumes.full(shape, affine), {"rotate": p}, undo=True)
                _record(book, f"{title}-label", volumes.label(shape, affine), {"rotate": p})
    for padding in PADDINGS:
        p = {"angle": [0.4, 0.2, -0.5], "padding": padding}
        _record(book, f"rotate/{padding}", volumes.full("c", "mirrored"), {"rotate": p})
    for order in ["ZYX", "xyz", "ZXZ"]:
        p = {"angle": [0.4, 0.2, -0.5], "rotate_order": order}
        _record(book, f"rotate/order-{order}", volumes.full("c", "mirrored"), {"rotate": p})
    _record(book, "rotate/one-number", volumes.full("a", "lps"), {"rotate": {"angle": 0.3}})


def affine(book: Casebook) -> None:
    rows = {
        "rotate": {"rotate_params": [0.2, -0.15, 0.4]},
        "shear": {"shear_params": [0.1, -0.2, 0.05, 0.15, -0.1, 0.08]},
        "shear-short": {"shear_params": [0.2, 0.1]},
        "translate": {"translate_params": [1.3, -0.7, 0.45]},
        "scale": {"scale_params": [1.2, 0.8, 1.1]},
        "all": {"rotate_params": [0.2, -0.15, 0.4], "shear_params": [0.1, 0.0, 0.0, 0.2],
                "translate_params": [1.3, -0.7, 0.45], "scale_params": [1.2, 0.8, 1.1]},
        "size": {"rotate_params": [0.2, -0.15, 0.4], "scale_params": [1.2, 0.8, 1.1],
                 "spatial_size": [9, -1, 12]},
        "order": {"rotate_params": [0.2, -0.15, 0.4], "rotate_order": "zyx"},
    }
    for kind_of, shape in zip(["aniso", "oblique", "mirrored"], "abc"):
        for name, p in rows.items():
            padding = {"padding": PADDINGS[len(name) % 3]}
            _record(book, f"affine/{kind_of}-{name}", volumes.full(shape, kind_of),
                    {"affine": {**p, **padding}}, tolerance=1e-4, affine_mm=AFFINE_MM)
        _record(book, f"affine/{kind_of}-label", volumes.label(shape, kind_of),
                {"affine": {**rows["all"], "padding": "border"}}, affine_mm=AFFINE_MM)
        _record(book, f"affine/{kind_of}-default", volumes.full(shape, kind_of),
                {"affine": rows["all"]}, tolerance=1e-4, affine_mm=AFFINE_MM)


def add(book: Casebook) -> None:
    for part in [zoom, rotate, affine]:
        part(book)
