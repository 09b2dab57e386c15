"""TorchIO's answers: transforms of intensities and of labels."""

from __future__ import annotations

import warnings

import numpy as np
import torch
import torchio as tio

import values_volumes as vv
import volumes
from casebook import EXACT, Casebook

LANDMARKS = [0.0, 3.5, 6.25, 8.0, 9.75, 14.0, 22.5, 34.0, 48.25, 55.0, 63.0, 79.5, 100.0]
MASKS = {"above_mean": tio.ZNormalization.mean, "positive": lambda x: x > 0, "nonzero": lambda x: x != 0}


def _image(volume):
    kind = tio.LabelMap if volume.kind == "label" else tio.ScalarImage
    return kind(tensor=torch.as_tensor(volume.data.copy()), affine=volume.affine)


def _add(book: Casebook, name: str, transform, volume, step: dict, compare=None, *, source=None, **more) -> None:
    images = {"image": _image(volume)}
    if source is not None:
        images["source"] = _image(source)
    answer = transform(tio.Subject(**images))["image"]
    data = answer.data.numpy()
    if data.dtype == bool:
        data = data.astype(np.uint8)
    affine = np.asarray(answer.affine, dtype=np.float64)
    book.add(name, type(transform).__name__, volume, [step], (data, affine), compare or vv.fitted(data, volume),
             source=source, **more)


def intensities(book: Casebook) -> None:
    for volume in [volumes.full("a", "oblique"), volumes.image("b", "lps", 3), volumes.ct("c", "pir")]:
        words = volume.name
        mask = volumes.label(words.split("-")[1], words.split("-")[2])
        _add(book, f"z/{words}", tio.ZNormalization(), volume, {"z_score": {"ddof": 1}})
        landmarks = tio.HistogramStandardization({"image": np.array(LANDMARKS)})
        _add(book, f"histogram/{words}", landmarks, volume, {"histogram_standardization": {"landmarks": LANDMARKS}})
        for name, method in MASKS.items():
            _add(book, f"z/{name}-{words}", tio.ZNormalization(masking_method=method), volume,
                 {"z_score": {"ddof": 1, "mask": name}})
            standardize = tio.HistogramStandardization({"image": np.array(LANDMARKS)}, masking_method=method)
            _add(book, f"histogram/{name}-{words}", standardize, volume,
                 {"histogram_standardization": {"landmarks": LANDMARKS, "mask": name}})
        if volume.channels == 1:
            _add(book, f"z/source-{words}", tio.ZNormalization(masking_method="source"), volume,
                 {"z_score": {"ddof": 1, "source": "source"}}, source=mask)
            standardize = tio.HistogramStandardization({"image": np.array(LANDMARKS)}, masking_method="source")
            _add(book, f"histogram/source-{words}", standardize, volume,
                 {"histogram_standardization": {"landmarks": LANDMARKS, "source": "source"}}, source=mask)
        _add(book, f"rescale/{words}", tio.RescaleIntensity((-1, 1)), volume,
             {"scale_intensity": {"minv": -1.0, "maxv": 1.0}})
        _add(book, f"rescale/percentiles-{words}", tio.RescaleIntensity((0, 1), percentiles=(0.5, 99.5)), volume,
             {"scale_intensity_range_percentiles": {"lower": 0.5, "upper": 99.5, "b_min": 0.0, "b_max": 1.0,
                                                    "clip": True}})
        _add(book, f"rescale/range-{words}", tio.RescaleIntensity((0, 2), in_min_max=(-40, 160)), volume,
             {"scale_intensity_range": {"a_min": -40.0, "a_max": 160.0, "b_min": 0.0, "b_max": 2.0}})
        _add(book, f"mask/{words}", tio.Mask("source", outside_value=-7), volume,
             {"mask_intensity": {"source": "source", "cval": -7.0}}, EXACT, source=mask)
        _add(book, f"mask/labels-{words}", tio.Mask("source", labels=[1, 3]), volume,
             {"mask_intensity": {"source": "source", "labels": [1.0, 3.0]}}, EXACT, source=mask)


def labels(book: Casebook) -> None:
    plain = vv.speckled("a", "oblique")
    gaps = vv.renumbered(plain, [0, 3, 5, 90, 91])
    shifted = vv.renumbered(vv.speckled("b", "lps"), [7, -2, 11, 400, 99])
    for volume in [plain, gaps, shifted]:
        _add(book, f"sequential/{volume.name}", tio.SequentialLabels(), volume, {"sequential_labels": {}}, EXACT)
    _add(book, "remap/chain", tio.RemapLabels({1: 2, 2: 1, 3: 1, 4: 7}), plain,
         {"map_label_value": {"orig_labels": [1, 2, 3, 4], "target_labels": [2, 1, 1, 7]}}, EXACT)
    _add(book, "remove/two", tio.RemoveLabels([2, 3]), plain, {"remove_labels": {"labels": [2, 3]}}, EXACT)
    _add(book, "remove/background", tio.RemoveLabels([5], background_label=90), gaps,
         {"remove_labels": {"labels": 5, "background_label": 90}}, EXACT)
    _add(book, "one-hot/all", tio.OneHot(), plain, {"one_hot": {}}, EXACT)
    _add(book, "one-hot/six", tio.OneHot(num_classes=6), plain, {"one_hot": {"num_classes": 6}}, EXACT)
    for shape, affine, share in [("a", "pir", 0.2), ("b", "oblique", 0.4)]:
        volume = vv.speckled(shape, affine, labels=1, share=share)
        _add(book, f"largest/{shape}", tio.KeepLargestComponent(), volume,
             {"keep_largest_connected_component": {"connectivity": 1}}, EXACT)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    book = Casebook("torchio_values", tio.__version__, {"torchio": tio.__version__})
    for part in [intensities, labels]:
        part(book)
    return book
