"""nnU-Net's answers: resampling of images, segmentations and logits, forth and back.

nnU-Net works on arrays (channels, z, y, x) and lists of spacings in that order; here the axes are
turned for it and back.
"""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
from nnunetv2.preprocessing.resampling import default_resampling as nnunet

import grids
import volumes
from casebook import Casebook, close, nearest

_NAMES = {0: "nearest", 1: "linear", 3: "cubic"}
_SEPARATE = {None: "auto", True: True, False: False}


def _turned(data: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(data.transpose(0, 3, 2, 1))


def _resample(data, shape, old, new, **arguments) -> np.ndarray:
    answer = nnunet.resample_data_or_seg_to_shape(
        _turned(data), shape[::-1], list(old)[::-1], list(new)[::-1], **arguments)
    return _turned(np.asarray(answer))


def _clear(data, shape, old, new, **arguments) -> np.ndarray:
    """Where nnU-Net's label does not hang on the last digit: the best two indicators are equal or clearly not."""
    weights = np.stack([
        _resample((data == label).astype(np.float64), shape, old, new, is_seg=False, order=1, **arguments)[0]
        for label in np.unique(data)])
    ordered = np.sort(weights, axis=0)
    lead = ordered[-1] - ordered[-2]
    return (lead == 0) | (lead > 1e-9)


def _case(book, name, volume, pixdim, order, order_z, force, logits=False) -> None:
    old = grids.spacing(volume.affine)
    shape = tuple(int(n) for n in nnunet.compute_new_shape(volume.shape, old, pixdim))
    target = grids.half_pixel_resize(volume.affine, volume.shape, shape)
    arguments = {"order_z": order_z, "force_separate_z": force}
    label = volume.kind == "label"
    data = volume.data if label else volume.data.astype(np.float32)
    answer = _resample(data, shape, old, pixdim, is_seg=label, order=order, **arguments)
    mask = _clear(volume.data, shape, old, pixdim, **arguments) if label else None
    step = {"pixdim": list(pixdim), "rule": "nnunet", "interpolation": "label_nearest" if label else _NAMES[order]}
    if force is not False:
        step |= {"separate_z": _SEPARATE[force], "through_plane": _NAMES[order_z]}
    if order == 3:
        step |= {"boundary": "edge", "clip": True}
    invert = None
    if logits:
        key = f"logits.{name.replace('/', '.')}"
        model = volumes.prediction("logit", shape, 3, name)
        back = _resample(model, volume.shape, pixdim, old, is_seg=False, order=1, **arguments)
        invert = {
            "prediction": book.prediction(key, model, "logit"),
            "interpolation": "linear",
            "expected": book.answer(f"back.{key}", back, volume.affine),
            "compare": close(1e-4),
        }
    book.add(name, "resample_data_or_seg_to_shape", volume, [{"spacing": step}], (answer, target),
             nearest() if label else close(1e-4), mask=mask, invert=invert)


def images(book: Casebook) -> None:
    for affine, shape, pixdim in [("round", "a", (0.8, 1.1, 1.6)), ("oblique", "c", (1.5, 1.0, 2.9)),
                                  ("lps", "b", (0.7, 2.1, 1.7))]:
        volume = volumes.full(shape, affine)
        for order in [1, 3]:
            _case(book, f"{volume.name}-order{order}", volume, pixdim, order, 0, False, logits=order == 1)
    # Sharp edges overshoot and are cut off.
    for affine, shape in [("mirrored", "a"), ("pir", "b")]:
        _case(book, f"sharp/{affine}", volumes.image(shape, affine), (0.9, 0.75, 1.3), 3, 0, None)


def slices(book: Casebook) -> None:
    """Slices that lie far apart: by themselves where the rule says so."""
    for shape, pixdim in [("a", (0.5, 0.8, 3.1)), ("b", (0.9, 0.7, 5.0)), ("c", (0.75, 0.75, 7.3))]:
        for make in [volumes.full, volumes.image]:
            volume = make(shape, "thick")
            for order, order_z in [(3, 0), (3, 1), (1, 0), (0, 0), (0, 1)]:
                name = f"slices/{volume.name}-{order}-{order_z}"
                _case(book, name, volume, pixdim, order, order_z, None, logits=order != 0 and (order_z == 0 or order == 3))
        _case(book, f"slices/label-{shape}", volumes.label(shape, "thick"), pixdim, 1, 0, None)
    # The slices lie along the first and the second axis.
    for axes in [(2, 0, 1), (0, 2, 1)]:
        volume = volumes.full("c", "thick")
        turned = volumes.Volume(f"turned-{axes[0]}", np.ascontiguousarray(volume.data.transpose(0, *(a + 1 for a in axes))),
                                volume.affine[:, [*axes, 3]], "image")
        spacing = grids.spacing(turned.affine)
        pixdim = tuple(float(s * f) for s, f in zip(spacing, (0.8, 1.3, 0.7)))
        _case(book, f"slices/turned-{axes[0]}", turned, pixdim, 3, 0, None, logits=True)
    # Only the grid after is uneven, and a rule that is forced.
    _case(book, "slices/after", volumes.full("b", "lps"), (0.6, 0.6, 4.2), 3, 0, None, logits=True)
    _case(book, "slices/forced", volumes.full("a", "aniso"), (0.6, 1.3, 1.9), 3, 1, True, logits=True)


def ties(book: Casebook) -> None:
    """Positions half way between two slices, but for the last digit of a double."""
    for slices_there, slices_then in [(18, 33), (24, 44), (26, 45), (33, 18)]:
        random = volumes._random("ties", slices_there)
        data = np.round(random.standard_normal((1, 4, 3, slices_there)) * 100)
        affine = volumes.AFFINES["thick"].copy()
        affine[:3, 2] *= 5.0 / np.linalg.norm(affine[:3, 2])
        spacing = grids.spacing(affine)
        pixdim = (*spacing[:2], 5.0 * slices_there / slices_then)
        for kind, dtype in [("image", np.int16), ("label", np.uint8)]:
            values = data if kind == "image" else np.abs(data) % 4
            volume = volumes.Volume(f"ties-{kind}-{slices_there}", values.astype(dtype), affine, kind)
            _case(book, f"ties/{kind}-{slices_there}-{slices_then}", volume, pixdim, 1 if kind == "label" else 3, 0, True,
                  logits=kind == "image")


def labels(book: Casebook) -> None:
    for affine, shape, pixdim in [("oblique", "a", (0.7, 1.4, 1.5)), ("lps", "b", (1.3, 1.0, 1.1))]:
        _case(book, f"label/{affine}", volumes.label(shape, affine), pixdim, 1, 0, None)
    # Twice the voxel size: every border is a tie.
    volume = volumes.label("a", "round")
    twice = tuple(2 * s for s in grids.spacing(volume.affine))
    _case(book, "label/ties", volume, twice, 1, 0, None)


def record() -> Casebook:
    versions = {name: version(name) for name in ["nnunetv2", "batchgenerators", "scipy", "scikit-image"]}
    book = Casebook("nnunet_resampling", version("nnunetv2"), versions)
    for part in [images, slices, ties, labels]:
        part(book)
    return book
