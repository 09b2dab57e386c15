"""nnU-Net's answers: the normalisation schemes and the largest component."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
from nnunetv2.postprocessing.remove_connected_components import (
    remove_all_but_largest_component_from_segmentation as keep_largest,
)
from nnunetv2.preprocessing.normalization import default_normalization_schemes as schemes

import values_volumes as vv
import volumes
from casebook import EXACT, Casebook

PROPERTIES = {"mean": 54.5, "std": 131.25, "percentile_00_5": -480.0, "percentile_99_5": 310.5}


def _run(scheme, volume, mask=None, properties=None) -> tuple[np.ndarray, np.ndarray]:
    """One channel after another, as the preprocessor does it."""
    normalizer = scheme(use_mask_for_norm=mask is not None, intensityproperties=properties or {}, target_dtype=np.float32)
    seg = None if mask is None else np.where(mask.data[0] > 0, 0, -1)
    data = np.stack([normalizer.run(channel.astype(np.float32), seg) for channel in volume.data])
    return data, volume.affine


def _add(book: Casebook, name: str, scheme, volume, step: dict, *, compare=None, **arguments) -> None:
    data, affine = _run(scheme, volume, **arguments)
    book.add(name, scheme.__name__, volume, [step], (data, affine), compare or vv.fitted(data, volume),
             source=arguments.get("mask"))


def z_score(book: Casebook) -> None:
    for volume in [volumes.full("a", "oblique"), volumes.ct("b", "lps"), volumes.image("c", "pir", 3)]:
        _add(book, f"z-score/{volume.name}", schemes.ZScoreNormalization, volume,
             {"z_score": {"channel_wise": True}})
        mask = volumes.label(volume.name.split("-")[1], volume.name.split("-")[2])
        _add(book, f"z-score-mask/{volume.name}", schemes.ZScoreNormalization, volume,
             {"z_score": {"source": "source", "keep_outside": True, "channel_wise": True}}, mask=mask)
    volume = volumes.image("a", "mirrored")
    nonzero = volumes.Volume("nonzero-a", (volume.data != 0).astype(np.uint8), volume.affine, "label")
    data, affine = _run(schemes.ZScoreNormalization, volume, mask=nonzero)
    book.add("z-score-mask/nonzero", "ZScoreNormalization", volume,
             [{"z_score": {"mask": "nonzero", "keep_outside": True}}], (data, affine), vv.fitted(data, volume))


def others(book: Casebook) -> None:
    for volume in [volumes.ct("a", "oblique"), volumes.ct("b", "lps"), volumes.full("c", "pir")]:
        _add(book, f"ct/{volume.name}", schemes.CTNormalization, volume, {"ct_normalization": PROPERTIES},
             properties=PROPERTIES)
    narrow = {**PROPERTIES, "std": 0.0, "mean": 0.0, "percentile_00_5": -1.0, "percentile_99_5": 2.0}
    _add(book, "ct/no-deviation", schemes.CTNormalization, volumes.ct("a", "pir"), {"ct_normalization": narrow},
         properties=narrow)
    for volume in [volumes.full("a", "oblique"), volumes.image("b", "lps", 3), vv.constant(3.25, "pir")]:
        compare = EXACT if "constant" in volume.name else None
        _add(book, f"rescale/{volume.name}", schemes.RescaleTo01Normalization, volume,
             {"scale_intensity": {"channel_wise": True}}, compare=compare)
    source = volumes.full("b", "aniso")
    data = np.clip(np.round(source.data + 60), 0, 255).astype(np.uint8)
    volume = volumes.Volume("rgb-b", data, source.affine, "image")
    _add(book, "rgb/uint8", schemes.RGBTo01Normalization, volume,
         {"scale_intensity_range": {"a_min": 0.0, "a_max": 255.0, "b_min": 0.0, "b_max": 1.0}})


def largest(book: Casebook) -> None:
    """Neighbours share a corner; the labels of a list are one object."""
    for shape, affine, labels in [("a", "oblique", [1, 2, 3, 4]), ("b", "pir", [2]), ("c", "lps", [1, 3])]:
        volume = vv.speckled(shape, affine, share=0.2)
        answer = np.stack([keep_largest(channel, labels) for channel in volume.data])
        book.add(f"largest/{volume.name}", "remove_all_but_largest_component_from_segmentation", volume,
                 [{"keep_largest_connected_component":
                   {"applied_labels": labels, "independent": False}}],
                 (answer, volume.affine), EXACT)


def record() -> Casebook:
    book = Casebook("nnunet", version("nnunetv2"), {"nnunetv2": version("nnunetv2")})
    for part in [z_score, others, largest]:
        part(book)
    return book
