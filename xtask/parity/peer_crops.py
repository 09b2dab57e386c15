"""MONAI's random crops where only one box is possible: drawn sizes between equal bounds, boxes in the middle, one voxel of the class or weight that is asked for."""

from __future__ import annotations

import warnings
from dataclasses import replace

import monai
import numpy as np
import torch
from monai import transforms as mt

import volumes
from casebook import EXACT, Casebook
from monai_steps import KEY, Run, arrays, operation, tensor, transform
from volumes import Volume

LAST = ("RandWeightedCropd leaves out the last box along each axis: a weight there does not count, "
        "and without any other the box is drawn evenly.")
INVERTED = ("Of labels in unsigned 8 bit every voxel is background: `~` of what torch.any answers for them is never 0.")


def _add(book: Casebook, name: str, volume: Volume, step: dict, *, source: Volume | None = None, crop=None,
         **more) -> None:
    """MONAI's answer: of transforms that give several samples, the first."""
    crop = crop or transform(step, volume.kind)
    crop.set_random_state(seed=0)
    case = {KEY: tensor(volume.data, volume.affine)}
    if source is not None:
        case["source"] = tensor(source.data, source.affine)
    result = crop(case)
    answer = (result[0] if isinstance(result, list) else result)[KEY]
    book.add(name, type(crop).__name__, volume, [step], arrays(answer), EXACT, source=source, **more)


def _source(volume: Volume, name: str, kind: str, data: np.ndarray) -> Volume:
    """Another input on the grid of a volume."""
    return replace(volume, name=f"{name}-{volume.name}", kind=kind, data=data)


def _voxel(volume: Volume, at, value=1, rest=0, dtype=np.uint8) -> np.ndarray:
    data = np.full((1, *volume.shape), rest, dtype)
    data[(0, *at)] = value
    return data


def _places(shape) -> dict[str, tuple]:
    """Voxels in the middle, at every face, and one and two voxels from some."""
    n = np.array(shape)
    middle = n // 2
    rows = {"middle": middle, "first": n * 0, "last": n - 1, "near-first": n * 0 + 1, "near-last": n - 2,
            "third-first": n * 0 + 2, "third-last": n - 3}
    for axis in range(3):
        face = np.eye(3, dtype=int)[axis]
        rows[f"low-{axis}"] = middle * (1 - face)
        rows[f"high-{axis}"] = middle * (1 - face) + (n - 1) * face
    return {name: tuple(int(i) for i in at) for name, at in rows.items()}


# Odd, even, mixed, whole axes by 0 and by their length, single voxels.
SIZES = {"odd": [3, 5, 3], "even": [4, 2, 6], "mixed": [5, 4, 1], "whole": [0, 6, -1], "one": 1}
ODD_SHAPES = [("a", "oblique"), ("b", "mirrored"), ("c", "pir")]


def in_the_middle(book: Casebook) -> None:
    rows = {"odd": {"roi_size": [3, 5, 3]}, "even": {"roi_size": [4, 2, 6]}, "one-number": {"roi_size": 5},
            "beyond": {"roi_size": [30, 6, 4]}, "whole": {"roi_size": [-1, 3, 0]},
            "drawn-odd": {"roi_size": [5, 3, 3], "max_roi_size": [5, 3, 3], "random_size": True},
            "drawn-even": {"roi_size": [6, 2, 4], "max_roi_size": [6, 2, 4], "random_size": True},
            "drawn-beyond": {"roi_size": [20, 8, 3], "max_roi_size": [20, 8, 3], "random_size": True},
            "drawn-whole": {"roi_size": -1, "random_size": True}}
    for name, p in rows.items():
        for shape, place in ODD_SHAPES:
            for volume in [volumes.full(shape, place), volumes.label(shape, place)]:
                _add(book, f"spatial/{name}-{volume.name}", volume,
                     {"rand_spatial_crop": {**p, "random_center": False}})
    shares = {"half": {"roi_scale": 0.5}, "each": {"roi_scale": [0.3, 0.7, 0.9]}, "whole": {"roi_scale": [1, 0.1, -1]},
              "drawn": {"roi_scale": [0.3, 0.6, 0.45], "max_roi_scale": [0.3, 0.6, 0.45], "random_size": True},
              "drawn-whole": {"roi_scale": 0, "random_size": True}}
    for name, p in shares.items():
        for shape, place in ODD_SHAPES:
            volume = volumes.image(shape, place, 2)
            _add(book, f"scale/{name}-{volume.name}", volume, {"rand_scale_crop": {**p, "random_center": False}})


def anywhere(book: Casebook) -> None:
    """Boxes as large as the volume lie in one place only."""
    for shape, place in ODD_SHAPES:
        volume = volumes.full(shape, place)
        n = list(volume.shape)
        for name, p in {"shape": {"roi_size": n}, "zero": {"roi_size": 0}, "beyond": {"roi_size": [99, n[1], -1]},
                        "drawn": {"roi_size": n, "max_roi_size": n, "random_size": True}}.items():
            _add(book, f"spatial/anywhere-{name}-{volume.name}", volume, {"rand_spatial_crop": p})
        _add(book, f"scale/anywhere-{volume.name}", volume, {"rand_scale_crop": {"roi_scale": [1, 0, -1]}})
        samples = mt.RandSpatialCropSamplesd(KEY, roi_size=[5, 4, 3], num_samples=1, random_center=False,
                                             random_size=False)
        _add(book, f"spatial/samples-{volume.name}", volume,
             {"rand_spatial_crop": {"roi_size": [5, 4, 3], "random_center": False}}, crop=samples)


def foreground(book: Casebook) -> None:
    for shape, place in ODD_SHAPES:
        volume = volumes.full(shape, place)
        for at_name, at in _places(volume.shape).items():
            label = _source(volume, f"one-{at_name}", "label", _voxel(volume, at, 3))
            for size_name, size in SIZES.items():
                step = {"source": "source", "spatial_size": size, "pos": 1.0, "neg": 0.0}
                if shape == "b" and size_name in ("odd", "one"):
                    continue
                _add(book, f"foreground/{at_name}-{size_name}-{volume.name}", volume,
                     {"rand_crop_by_pos_neg_label": step}, source=label)
        at = (1, 2, volume.shape[2] - 2)
        # One voxel of background; one that the image allows; none of foreground; one channel for each class.
        rows = {
            "background": ({"pos": 0, "neg": 2}, "label", _voxel(volume, at, 0, 1, np.int16)),
            "background-u8": ({"pos": 0, "neg": 2}, "label", _voxel(volume, at, 0, 1)),
            "longer": ({"neg": 0, "spatial_size": [40, 4, 30], "allow_smaller": True}, "label", _voxel(volume, at)),
            "channels": ({"neg": 0}, "probability",
                         np.concatenate([_voxel(volume, at, 0, 1, np.float32), _voxel(volume, at, 0.5, 0, np.float32)])),
        }
        for name, (p, kind, data) in rows.items():
            step = {"source": "source", "spatial_size": [4, 5, 3], **p}
            _add(book, f"foreground/{name}-{volume.name}", volume, {"rand_crop_by_pos_neg_label": step},
                 source=_source(volume, name, kind, data),
                 **({"wrong": INVERTED, "wrong_in": ["affine", "values"]} if name == "background-u8" else {}))
        peak = tuple(int(i) for i in np.unravel_index(np.argmax(volume.data[0]), volume.shape))
        threshold = float(np.sort(volume.data.ravel())[-2])
        beside = {"source": "source", "spatial_size": [4, 5, 3], "image": KEY, "image_threshold": threshold}
        empty = _source(volume, "empty", "label", np.zeros((1, *volume.shape), np.uint8))
        if volume.data[(0, *peak)] <= threshold:
            raise ValueError("the image has two peaks")
        _add(book, f"foreground/allowed-{volume.name}", volume, {"rand_crop_by_pos_neg_label": {**beside, "pos": 0}},
             source=empty)
        _add(book, f"foreground/none-{volume.name}", volume, {"rand_crop_by_pos_neg_label": beside}, source=empty)
        _add(book, f"classes/allowed-{volume.name}", volume,
             {"rand_crop_by_label_classes": {**beside, "num_classes": 3}}, source=empty)


def classes(book: Casebook) -> None:
    for shape, place in ODD_SHAPES:
        volume = volumes.image(shape, place, 2)
        for at_name, at in _places(volume.shape).items():
            if at_name.startswith(("low", "high")) and shape != "c":
                continue
            data = volumes.label(shape, place).data % 2
            data[(0, *at)] = 3
            label = _source(volume, f"classes-{at_name}", "label", data)
            for size_name in ["mixed", "even"]:
                # Class 2 has a ratio but no voxel.
                step = {"source": "source", "spatial_size": SIZES[size_name], "ratios": [0, 0, 5, 0.5]}
                _add(book, f"classes/{at_name}-{size_name}-{volume.name}", volume,
                     {"rand_crop_by_label_classes": {**step, "num_classes": 4}}, source=label)
        at = (volume.shape[0] - 3, 1, 2)
        channels = np.concatenate([_voxel(volume, at, 1, 1), _voxel(volume, at, 0, 0), _voxel(volume, at)])
        step = {"source": "source", "spatial_size": [3, 4, 0], "ratios": [0, 3, 1]}
        _add(book, f"classes/channels-{volume.name}", volume, {"rand_crop_by_label_classes": step},
             source=_source(volume, "channels", "probability", channels.astype(np.float32)))
        only = _source(volume, "only", "label", _voxel(volume, at, 1, 7))
        step = {"source": "source", "spatial_size": [50, 3, 2], "num_classes": 3, "allow_smaller": True}
        _add(book, f"classes/only-{volume.name}", volume, {"rand_crop_by_label_classes": step}, source=only)


def weights(book: Casebook) -> None:
    sizes = {"odd": [3, 5, 3], "even": [4, 2, 6], "whole": [0, 6, -1], "longer": [5, 40, 4]}
    for shape, place in ODD_SHAPES:
        volume = volumes.full(shape, place)
        n = np.array(volume.shape)
        for name, size in sizes.items():
            wanted = np.array([n[a] if size[a] < 1 else min(size[a], n[a]) for a in range(3)])
            first, last = wanted // 2, n - wanted + wanted // 2
            # MONAI's last box is one before the last.
            ends = {"first": first, "last": np.maximum(last - 1, first), "between": (first + last) // 2}
            for end, at in ends.items():
                data = _voxel(volume, at, 0.25, 0, np.float32)
                # Where no box has its middle, weights do not count.
                if name in ("odd", "even"):
                    data[0, 0], data[0, :, :, -1] = 9, 4
                _add(book, f"weights/{name}-{end}-{volume.name}", volume,
                     {"rand_weighted_crop": {"source": "source", "spatial_size": size}},
                     source=_source(volume, f"weights-{name}-{end}", "image", data))
            if name in ("odd", "even"):
                data = _voxel(volume, last, 0.25, 0, np.float32)
                _add(book, f"weights/{name}-very-last-{volume.name}", volume,
                     {"rand_weighted_crop": {"source": "source", "spatial_size": size}},
                     source=_source(volume, f"weights-{name}-very-last", "image", data), wrong=LAST,
                     wrong_in=["affine", "values"])


def back(book: Casebook) -> None:
    """Crops undone on label maps, which both fill with 0."""
    rows = {"spatial": {"rand_spatial_crop": {"roi_size": [5, 4, 3], "random_center": False}},
            "drawn": {"rand_spatial_crop": {"roi_size": [4, 5, 6], "max_roi_size": [4, 5, 6], "random_size": True,
                                            "random_center": False}},
            "scale": {"rand_scale_crop": {"roi_scale": [0.6, 0.5, 0.8], "random_center": False}}}
    for name, step in rows.items():
        for shape, place in ODD_SHAPES:
            volume = volumes.image(shape, place)
            run = Run(volume, [step])
            key = f"back/{name}-{volume.name}"
            data = volumes.prediction("label", run.voxels.shape[1:], 1, name, shape)
            answer = run.invert(data, True)
            expected = book.answer(f"{key.replace('/', '.')}.inverse", *answer)
            invert = {"prediction": book.prediction(key.replace("/", "."), data, "label"), "interpolation": "nearest",
                      "expected": expected, "compare": EXACT}
            book.add(key, operation([step], volume.kind), volume, [step], (run.voxels, run.affine), EXACT,
                     invert=invert)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}
    book = Casebook("crops", monai.__version__, versions)
    for part in [in_the_middle, anywhere, foreground, classes, weights, back]:
        part(book)
    return book
