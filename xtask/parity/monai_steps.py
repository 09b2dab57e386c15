"""Runs steps written in the vocabulary of `revoxel` with MONAI's dictionary transforms."""

from __future__ import annotations

import numpy as np
import torch
from monai import transforms as mt
from monai.data import MetaTensor

import grids
from casebook import Casebook, close, nearest
from volumes import Volume

KEY = "image"
_GRID_MODES = {"linear": "bilinear", "nearest": "nearest", "cubic": 3}
_RESIZE_MODES = {"linear": "trilinear", "nearest": "nearest-exact"}


def _select(step: dict):
    """The foreground rule of crop_foreground as a function on tensors."""
    if "above" in step:
        return lambda x: x > step["above"]
    if "below" in step:
        return lambda x: x < step["below"]
    if "between" in step:
        low, high = step["between"]
        return lambda x: (x >= low) & (x <= high)
    if "labels" in step:
        return lambda x: torch.isin(x.as_tensor(), torch.tensor(step["labels"], dtype=x.dtype))
    return lambda x: x != 0


def _pad(step: dict, *names: str) -> dict:
    """Arguments shared by the padding transforms."""
    chosen = {name: step[name] for name in names if name in step}
    if "mode" in step:
        chosen["mode"] = step["mode"]
    if "value" in step:
        chosen["value"] = step["value"]
    return chosen


def _grid_mode(step: dict, kind: str) -> str | int:
    default = "nearest" if kind == "label" else "linear"
    return _GRID_MODES[step.get("interpolation", default)]


def _grid_padding(step: dict, mode: str | int) -> str:
    # A spline is compared only inside the volume, where `mirror` is the prefilter meant.
    return "mirror" if isinstance(mode, int) else step["padding"]


def transform(step: dict, kind: str):
    """The MONAI transform of one step on a volume of the given kind."""
    (name, p), = step.items()
    if name == "orientation":
        canonical = p.get("closest_canonical", False)
        return mt.Orientationd(KEY, axcodes=p.get("axcodes"), as_closest_canonical=canonical,
                               labels=(("L", "R"), ("P", "A"), ("I", "S")))
    if name == "canonical":
        return mt.Orientationd(KEY, as_closest_canonical=True)
    if name == "spacing":
        mode = _grid_mode(p, kind)
        extra = {k: p[k] for k in ("min_pixdim", "max_pixdim", "diagonal") if k in p}
        padding = _grid_padding({"padding": "border", **p}, mode)
        return mt.Spacingd(KEY, pixdim=p["pixdim"], mode=mode, padding_mode=padding, **extra)
    if name in ("resample_to", "align"):
        mode = _grid_mode(p, kind)
        return mt.ResampleToMatchd(KEY, key_dst=p["reference"], mode=mode,
                                   padding_mode=_grid_padding(p, mode))
    if name == "resize":
        default = "nearest" if kind == "label" else "linear"
        mode = _RESIZE_MODES[p.get("interpolation", default)]
        return mt.Resized(KEY, spatial_size=p["spatial_size"],
                          size_mode=p.get("size_mode", "all"), mode=mode)
    if name == "spatial_crop":
        arguments = dict(p)
        if "roi_slices" in p:
            arguments["roi_slices"] = [slice(*pair) for pair in p["roi_slices"]]
        return mt.SpatialCropd(KEY, **arguments)
    if name == "center_spatial_crop":
        return mt.CenterSpatialCropd(KEY, roi_size=p["roi_size"])
    if name == "crop_to_nonzero":
        return mt.CropForegroundd(KEY, source_key=p["source"], select_fn=lambda x: x != 0)
    if name == "crop_foreground":
        extra = {k: p[k] for k in ("margin", "k_divisible", "allow_smaller") if k in p}
        return mt.CropForegroundd(KEY, source_key=p["source"], select_fn=_select(p), **extra)
    if name == "spatial_pad":
        return mt.SpatialPadd(KEY, **_pad(p, "spatial_size", "method"))
    if name == "border_pad":
        return mt.BorderPadd(KEY, **_pad(p, "spatial_border"))
    if name == "divisible_pad":
        return mt.DivisiblePadd(KEY, **_pad(p, "k", "method"))
    if name == "resize_with_pad_or_crop":
        return mt.ResizeWithPadOrCropd(KEY, **_pad(p, "spatial_size", "method"))
    if name == "flip":
        return mt.Flipd(KEY, spatial_axis=p.get("spatial_axis"))
    if name == "rotate90":
        return mt.Rotate90d(KEY, k=p["k"], spatial_axes=p["spatial_axes"])
    if name == "transpose":
        return mt.Transposed(KEY, indices=[0, *(axis + 1 for axis in p["indices"])])
    if name == "scale_intensity_range":
        return mt.ScaleIntensityRanged(KEY, **p)
    if name == "normalize_intensity":
        return mt.NormalizeIntensityd(KEY, **p)
    if name == "rand_flip":
        return mt.RandFlipd(KEY, **p)
    if name == "rand_rotate90":
        return mt.RandRotate90d(KEY, **p)
    if name == "rand_affine":
        ranges = {k: v for k, v in p.items() if k.endswith("_range") or k == "prob"}
        mode = _grid_mode(p, kind)
        return mt.RandAffined(KEY, mode=mode, **ranges,
                              padding_mode=_grid_padding({"padding": "reflection", **p}, mode))
    if name == "rand_zoom":
        return mt.RandZoomd(KEY, mode="trilinear", **p)
    if name == "rand_rotate":
        ranges = {k: tuple(v) if k.startswith("range_") else v for k, v in p.items()
                  if k not in ("padding", "interpolation")}
        mode = _grid_mode(p, kind)
        return mt.RandRotated(KEY, mode=mode, padding_mode=_grid_padding({"padding": "border", **p}, mode), **ranges)
    if name == "rand_spatial_crop":
        return mt.RandSpatialCropd(KEY, **p)
    if name == "rand_scale_crop":
        return mt.RandScaleCropd(KEY, **p)
    if name in ("rand_crop_by_pos_neg_label", "rand_crop_by_label_classes"):
        extra = {k: v for k, v in p.items() if k not in ("source", "image")}
        if name == "rand_crop_by_pos_neg_label":
            return mt.RandCropByPosNegLabeld(KEY, label_key=p["source"], image_key=p.get("image"), **extra)
        return mt.RandCropByLabelClassesd(KEY, label_key=p["source"], image_key=p.get("image"), warn=False, **extra)
    if name == "rand_weighted_crop":
        return mt.RandWeightedCropd(KEY, w_key=p["source"], spatial_size=p["spatial_size"])
    if name == "rand_gaussian_noise":
        return mt.RandGaussianNoised(KEY, **p)
    if name == "rand_gamma":
        return mt.RandAdjustContrastd(KEY, **p)
    if name == "rand_bias_field":
        return mt.RandBiasFieldd(KEY, **p)
    raise ValueError(f"no MONAI transform for {name}")


def operation(steps: list[dict], kind: str) -> str:
    """Class names of the transforms, joined."""
    return "+".join(type(transform(step, kind)).__name__ for step in steps)


def tensor(data: np.ndarray, affine: np.ndarray) -> MetaTensor:
    """Voxels and affine as MONAI carries them."""
    return MetaTensor(torch.as_tensor(data.copy()), affine=torch.as_tensor(affine))


def arrays(value: MetaTensor) -> tuple[np.ndarray, np.ndarray]:
    """Voxels and affine as numpy arrays."""
    return value.as_tensor().numpy(), value.affine.numpy()


class Run:
    """One pipeline and what it made of one volume."""

    def __init__(self, volume: Volume, steps: list[dict], *, source: Volume | None = None,
                 reference: tuple | None = None):
        self.volume = volume
        self.steps = steps
        self.pipeline = mt.Compose([transform(step, volume.kind) for step in steps])
        case = {KEY: tensor(volume.data, volume.affine)}
        if source is not None:
            case["source"] = tensor(source.data, source.affine)
        if reference is not None:
            shape, affine = reference
            case["reference"] = tensor(np.zeros((1, *shape), np.float32), affine)
        self.result = self.pipeline(case)

    @property
    def voxels(self) -> np.ndarray:
        return arrays(self.result[KEY])[0]

    @property
    def affine(self) -> np.ndarray:
        return arrays(self.result[KEY])[1]

    def positions(self) -> np.ndarray:
        """Input index coordinates of the result's voxels."""
        return grids.positions(self.volume.affine, self.affine, self.voxels.shape[1:])

    def invert(self, prediction: np.ndarray, nearest_interp: bool):
        """Bring a prediction on the result grid back with Invertd."""
        inverter = mt.Invertd("pred", transform=self.pipeline, orig_keys=KEY,
                              nearest_interp=nearest_interp)
        case = dict(self.result)
        case["pred"] = tensor(prediction, self.affine)
        return arrays(inverter(case)["pred"])


def record(book: Casebook, name: str, volume: Volume, steps: list[dict], compare=None, *,
           source=None, reference=None, mask=None, **more) -> Run:
    """Run the steps and add the answer as a case; the masks follow from the rule."""
    run = Run(volume, steps, source=source, reference=reference)
    compare = compare or close()
    if compare == nearest():
        ties = grids.off_ties(run.positions())
        mask = ties if mask is None else mask & ties
    book.add(name, operation(steps, volume.kind), volume, steps, (run.voxels, run.affine), compare,
             mask=mask, source=source, reference=reference, **more)
    return run
