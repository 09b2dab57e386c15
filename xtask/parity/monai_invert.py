"""MONAI: pipelines undone on predictions with Invertd.

A prediction lies on the result grid of the forward steps.  MONAI fills what a
crop removed with 0 and interpolates across that edge; `revoxel` fills by kind
and clamps at the edge.  For probabilities, logits and images there are thus
two cases per cropping pipeline: one limited to the voxels whose answer holds
no fill at all, found by inverting a volume of ones, and one marked as wrong.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

import grids
import volumes
from casebook import EXACT, Casebook, close, nearest
from monai_steps import Run, operation

FILL = "What the crop removed is filled with 0, for a {} {}, and blended in at the edge."
FILL_MEANS = {
    "probability": "no class at all (background must be 1)",
    "logit": "a sigmoid of 0.5",
    "image": "a value that need not be background",
}
LEGACY = ("Invertd(nearest_interp=True) undoes Resized with torch's mode 'nearest', "
          "source index floor(i * scale): shifted by up to half a voxel.")
TWICE = "Every step is undone by its own interpolation; ours composes them into one."

RAS = {"orientation": {"axcodes": "RAS"}}
THRESHOLD = 60.6
FOREGROUND = {"crop_foreground": {"source": "image", "above": THRESHOLD, "margin": 1,
                                  "allow_smaller": True}}
WINDOW = {"scale_intensity_range": {"a_min": 0.0, "a_max": 300.0, "b_min": 0.0, "b_max": 1.0,
                                    "clip": True}}

EXACT_CHAINS = {
    "turned": [RAS, {"flip": {"spatial_axis": [0, 2]}},
               {"rotate90": {"k": 1, "spatial_axes": [0, 2]}}],
    "padded": [{"orientation": {"axcodes": "LPS"}}, {"spatial_pad": {"spatial_size": [17] * 3}}],
    "cropped": [RAS, FOREGROUND, {"resize_with_pad_or_crop": {"spatial_size": [12, 6, 8]}}],
    "block": [{"spatial_crop": {"roi_start": [2, 1, 1], "roi_end": [8, 8, 6]}},
              {"divisible_pad": {"k": 4}}, {"flip": {}}],
}
LOSSY_CHAINS = {
    "spaced": [RAS, {"spacing": {"pixdim": [1.4, 1.3, 1.7]}}],
    "spaced-padded": [RAS, {"spacing": {"pixdim": [1.03, 1.57, 1.23]}}, {"divisible_pad": {"k": 8}},
                      {"border_pad": {"spatial_border": [1, 2, 0, 3, 2, 1]}}],
    "full": [RAS, {"spacing": {"pixdim": [1.3, 1.3, 1.6]}}, FOREGROUND,
             {"resize_with_pad_or_crop": {"spatial_size": [11, 8, 10]}}, WINDOW],
    "crop-first": [RAS, FOREGROUND, {"spacing": {"pixdim": [1.7, 1.2, 1.5]}},
                   {"normalize_intensity": {"subtrahend": 100.0, "divisor": 50.0}}],
    "crop-flip": [{"spacing": {"pixdim": [1.5, 1.25, 1.1]}},
                  {"center_spatial_crop": {"roi_size": [6, 6, 5]}}, {"flip": {"spatial_axis": 1}},
                  {"border_pad": {"spatial_border": 2, "mode": "edge"}}],
    "resized": [RAS, {"resize": {"spatial_size": [9, 12, 11]}}],
}
DIAGONAL = [{"spacing": {"pixdim": [1.1, 1.2, 1.5], "diagonal": True}}]
TWO_RESAMPLINGS = [RAS, {"spacing": {"pixdim": [1.6, 1.3, 1.9]}},
                   {"resize": {"spatial_size": [9, 10, 8]}}]


def _safe_threshold(volume, steps: list[dict]) -> None:
    """The box must not hang on the last bits of an interpolated value."""
    names = [next(iter(step)) for step in steps]
    if "crop_foreground" not in names:
        return
    before = steps[: names.index("crop_foreground")]
    values = Run(volume, before).voxels if before else volume.data
    if np.abs(values - THRESHOLD).min() < 0.01:
        raise ValueError(f"a voxel of {volume.name} is too close to the threshold")


def _forward_rule(volume, steps: list[dict], answer: np.ndarray) -> dict:
    names = {next(iter(step)) for step in steps}
    if not names & {"spacing", "resize", "scale_intensity_range", "normalize_intensity"}:
        return EXACT
    ratio = np.ptp(answer) / np.ptp(volume.data)
    return close(float(f"{2e-5 * min(1.0, ratio):.1e}"))


def _seen(run: Run) -> np.ndarray:
    """Input voxels whose inverted value holds nothing but the prediction."""
    ones = run.invert(np.ones((1, *run.voxels.shape[1:]), np.float32), nearest_interp=False)[0]
    return ones[0] > 1 - 1e-6


def _invert(book: Casebook, name: str, volume, steps: list[dict], kind: str, channels: int, *,
            whole: bool = False, wrong: str | None = None) -> None:
    """One case: forward steps, then the prediction brought back.

    `whole` compares the filled voxels too, where MONAI's answer is not ours.
    """
    run = Run(volume, steps)
    size = run.voxels.shape[1:]
    is_label = kind == "label"
    data = volumes.prediction(kind, size, channels, name)
    restored, affine = run.invert(data, nearest_interp=is_label)
    seen = _seen(run)
    if is_label:
        rule = nearest()
        where = grids.positions(run.affine, volume.affine, volume.shape)
        # Around what MONAI samples our edge is extended, on every grid on the way.
        reach = np.abs(np.linalg.solve(volume.affine, run.affine)[:3, :3]).sum(1).max() / 2
        around = ndimage.binary_dilation(seen, np.ones((3, 3, 3)), iterations=int(np.ceil(reach)) + 1)
        mask = grids.off_ties(where) & (seen | ~around)
    else:
        lossless = steps in EXACT_CHAINS.values()
        rule = EXACT if lossless else close()
        mask = None if whole else seen
        if whole and seen.all():
            return
        if whole:
            wrong = FILL.format(kind, "means " + FILL_MEANS[kind])
    title = f"invert/{name}-{kind}" + ("-filled" if whole else "")
    key = title.replace("/", ".")
    block = {
        "prediction": book.prediction(key, data, kind),
        "interpolation": "nearest" if is_label else "linear",
        "expected": book.answer(f"back.{key}", restored, affine),
        "compare": book.comparison(f"back.{key}", rule, mask),
    }
    if wrong is not None:
        block["peer_is_wrong"] = wrong
        block["wrong_in"] = ["values"]
    book.add(title, operation(steps, volume.kind) + "+Invertd", volume, steps,
             (run.voxels, run.affine), _forward_rule(volume, steps, run.voxels), invert=block)


def _all_kinds(book: Casebook, name: str, volume, steps: list[dict]) -> None:
    _safe_threshold(volume, steps)
    resized = any("resize" in step for step in steps)
    _invert(book, name, volume, steps, "label", 1, wrong=LEGACY if resized else None)
    for kind, channels in [("probability", 2), ("logit", 2), ("image", 1)]:
        _invert(book, name, volume, steps, kind, channels)
        _invert(book, name, volume, steps, kind, channels, whole=True)


def add(book: Casebook) -> None:
    for chain, steps in EXACT_CHAINS.items():
        for affine, shape in [("pir", "a"), ("oblique", "b")]:
            _all_kinds(book, f"{chain}-{affine}", volumes.image(shape, affine), steps)
    for chain, steps in LOSSY_CHAINS.items():
        for affine, shape in [("lps", "a"), ("permuted-oblique", "c"), ("mirrored", "a")]:
            _all_kinds(book, f"{chain}-{affine}", volumes.image(shape, affine), steps)
    for affine in ["lps", "pir"]:
        volume = volumes.image("a", affine)
        _invert(book, f"diagonal-{affine}", volume, DIAGONAL, "label", 1)
        _invert(book, f"diagonal-{affine}", volume, DIAGONAL, "probability", 2)
    volume = volumes.image("a", "oblique")
    _invert(book, "two-resamplings-oblique", volume, TWO_RESAMPLINGS, "probability", 2,
            wrong=TWICE)
