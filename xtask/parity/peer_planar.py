"""MONAI's transforms on 2-D arrays: (C, X, Y) there, volumes of one slice that are 2-D for `revoxel`."""

from __future__ import annotations

import warnings

import monai
import numpy as np
import torch
from monai import transforms as mt

import grids
import volumes
from casebook import EXACT, Casebook, close, nearest
from monai_steps import KEY, tensor
from volumes import Volume

SHAPE = (24, 20)
THICKNESS = 5.0

_TURN = grids.rotation(0, 0, 25)
AFFINES = {
    "straight": grids.affine(np.diag([1.1, 0.9, THICKNESS]), (-12.5, 7.25, 31.0)),
    # MONAI takes a plane of world x and y; within it axes may lie as they like.
    "turned": grids.affine(_TURN @ np.diag([-1.1, 0.9, THICKNESS]), (14.5, -7.25, -3.0)),
}


def _slice(kind: str, affine: str) -> Volume:
    """One slice with content up to its edges (image), or with labels 0 to 4 and holes in them."""
    random = np.random.default_rng(11 if kind == "image" else 12)
    i, j = np.indices(SHAPE, dtype=float)
    hills = np.zeros(SHAPE)
    for _ in range(7):
        x, y, width = random.uniform(0, SHAPE[0]), random.uniform(0, SHAPE[1]), random.uniform(2, 6)
        hills += random.uniform(0.5, 1.5) * np.exp(-((i - x) ** 2 + (j - y) ** 2) / width ** 2)
    values = 60 * hills + i + 2 * j + random.normal(0, 4, SHAPE)
    if kind == "image":
        data = (np.round(4 * (values - 30)) / 4).astype(np.float32)
    else:
        body = (i > 2) & (i < 20) & (j > 3) & (j < 18)
        data = np.where(body, np.digitize(values, np.quantile(values[body], [0.2, 0.5, 0.7, 0.9])), 0)
        data = data.astype(np.uint8)
        data[8:15, 7:14] = 3
        data[10:12, 9:12] = 0
    return Volume(f"{kind}-{affine}", data[None, :, :, None], AFFINES[affine], kind)


def _flat(volume: Volume):
    return tensor(volume.data[..., 0], volume.affine)


def _solid(value, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A 2-D answer as a volume of one slice. Of its affine MONAI leaves the third column and row alone."""
    affine = np.asarray(value.affine, dtype=float)
    if affine.shape == (3, 3):
        affine = np.block([[affine[:2, :2], np.zeros((2, 1)), affine[:2, 2:]], [np.zeros((2, 2)), np.eye(2)]])
        affine[2, 2:] = like[2, 2:]
    return value.as_tensor().numpy()[..., None], affine


def _record(book: Casebook, name: str, transform, volume: Volume, step: dict, compare=None, back=None, **more) -> None:
    compare = compare or (EXACT if volume.kind == "label" else close())
    result = transform({KEY: _flat(volume)})
    data, affine = _solid(result[KEY], volume.affine)
    mask = None
    if compare == nearest():
        mask = grids.off_ties(grids.positions(volume.affine, affine, data.shape[1:])[:2])
    invert = None
    if back is not None:
        random = np.random.default_rng(13)
        prediction = (np.round(random.uniform(-50, 200, data.shape) * 4) / 4).astype(np.float32)
        inverter = mt.Invertd("pred", transform=transform, orig_keys=KEY, nearest_interp=False)
        case = {**result, "pred": tensor(prediction[..., 0], result[KEY].affine)}
        answer = _solid(inverter(case)["pred"], volume.affine)
        key = name.replace("/", ".")
        invert = {
            "prediction": book.prediction(key, prediction, "image"),
            "interpolation": "linear",
            "expected": book.answer(f"{key}.back", *answer),
            "compare": book.comparison(f"{key}.back", back, None),
        }
    op = "+".join(type(t).__name__ for t in transform.transforms)
    book.add(name, op, volume, [step], (data, affine), compare, mask=mask, invert=invert, **more)


def _both(book: Casebook, name: str, make, step: dict, **more) -> None:
    """An image by `bilinear` and labels by nearest."""
    for affine in AFFINES:
        _record(book, f"{name}-{affine}", mt.Compose([make("bilinear")]), _slice("image", affine), step, **more)
    _record(book, f"{name}-label", mt.Compose([make("nearest")]), _slice("label", "turned"), step, nearest())


def shapes(book: Casebook) -> None:
    for name, size in {"two": [12, 10], "odd": [31, 17], "keep": [-1, 33], "one": 15}.items():
        step, sizes = {"resize": {"spatial_size": size}}, [size, size] if isinstance(size, int) else size
        for affine in AFFINES:
            _record(book, f"resize/{name}-{affine}", mt.Compose([mt.Resized(KEY, spatial_size=sizes, mode="bilinear")]),
                    _slice("image", affine), step, back=close() if name in ("two", "odd") else None)
        if name != "two":  # There every position lies half way between two voxels.
            transform = mt.Resized(KEY, spatial_size=sizes, mode="nearest-exact")
            _record(book, f"resize/{name}-label", mt.Compose([transform]), _slice("label", "turned"), step, nearest())
    _record(book, "resize/longest", mt.Compose([mt.Resized(KEY, spatial_size=37, size_mode="longest", mode="bilinear")]),
            _slice("image", "straight"), {"resize": {"spatial_size": 37, "size_mode": "longest"}})
    for name, zoom in {"one": 1.3, "two": [0.7, 1.2]}.items():
        for keep in (True, False):
            _record(book, f"zoom/{name}-{keep}",
                    mt.Compose([mt.Zoomd(KEY, zoom=zoom, keep_size=keep, mode="bilinear", padding_mode="edge")]),
                    _slice("image", "turned"), {"zoom": {"zoom": zoom, "keep_size": keep}})


def spacings(book: Casebook) -> None:
    for name, pixdim in {"two": [1, 1], "one": 1.7, "keep": [0.6, -1]}.items():
        def make(mode, pixdim=pixdim):
            return mt.Spacingd(KEY, pixdim=pixdim, mode=mode, padding_mode="border")
        _both(book, f"spacing/{name}", make, {"spacing": {"pixdim": pixdim}})


def boxes(book: Casebook) -> None:
    volume, labels = _slice("image", "turned"), _slice("label", "straight")
    rows = {
        "spatial-pad/two": (mt.SpatialPadd(KEY, spatial_size=[30, 27]), {"spatial_pad": {"spatial_size": [30, 27]}}),
        "spatial-pad/one": (mt.SpatialPadd(KEY, spatial_size=31, method="end"),
                            {"spatial_pad": {"spatial_size": 31, "method": "end"}}),
        "border-pad/one": (mt.BorderPadd(KEY, spatial_border=2), {"border_pad": {"spatial_border": 2}}),
        "border-pad/two": (mt.BorderPadd(KEY, spatial_border=[2, 5]), {"border_pad": {"spatial_border": [2, 5]}}),
        "border-pad/four": (mt.BorderPadd(KEY, spatial_border=[1, 2, 3, 4]),
                            {"border_pad": {"spatial_border": [1, 2, 3, 4]}}),
        "divisible-pad/one": (mt.DivisiblePadd(KEY, k=16), {"divisible_pad": {"k": 16}}),
        "divisible-pad/two": (mt.DivisiblePadd(KEY, k=[7, 8]), {"divisible_pad": {"k": [7, 8]}}),
        "pad-or-crop/two": (mt.ResizeWithPadOrCropd(KEY, spatial_size=[17, 29]),
                            {"resize_with_pad_or_crop": {"spatial_size": [17, 29]}}),
        "center-crop/two": (mt.CenterSpatialCropd(KEY, roi_size=[11, 8]), {"center_spatial_crop": {"roi_size": [11, 8]}}),
        "center-crop/one": (mt.CenterSpatialCropd(KEY, roi_size=9), {"center_spatial_crop": {"roi_size": 9}}),
        "center-scale/one": (mt.CenterScaleCropd(KEY, roi_scale=0.6), {"center_scale_crop": {"roi_scale": 0.6}}),
        "spatial-crop/ends": (mt.SpatialCropd(KEY, roi_start=[2, 3], roi_end=[15, 18]),
                              {"spatial_crop": {"roi_start": [2, 3], "roi_end": [15, 18]}}),
        "spatial-crop/centre": (mt.SpatialCropd(KEY, roi_center=[9, 8], roi_size=[7, 6]),
                                {"spatial_crop": {"roi_center": [9, 8], "roi_size": [7, 6]}}),
        "foreground/margin": (mt.CropForegroundd(KEY, source_key=KEY, select_fn=lambda x: x > 0, margin=2,
                                                 allow_smaller=False),
                              {"crop_foreground": {"source": "image", "above": 0, "margin": 2}}),
        "foreground/divisible": (mt.CropForegroundd(KEY, source_key=KEY, select_fn=lambda x: x > 0, margin=[1, 3],
                                                    k_divisible=[8, 5], allow_smaller=False),
                                 {"crop_foreground": {"source": "image", "above": 0, "margin": [1, 3],
                                                      "k_divisible": [8, 5]}}),
    }
    for name, (transform, step) in rows.items():
        of = labels if name.startswith("foreground") else volume
        _record(book, name, mt.Compose([transform]), of, step, EXACT)


def turns(book: Casebook) -> None:
    volume = _slice("image", "turned")
    for name, axis in {"all": None, "one": 1, "last": -1, "both": [0, 1]}.items():
        step = {"flip": {} if axis is None else {"spatial_axis": axis}}
        _record(book, f"flip/{name}", mt.Compose([mt.Flipd(KEY, spatial_axis=axis)]), volume, step, EXACT)
    for k in (1, 3):
        _record(book, f"rotate90/{k}", mt.Compose([mt.Rotate90d(KEY, k=k, spatial_axes=(-2, -1))]), volume,
                {"rotate90": {"k": k, "spatial_axes": [-2, -1]}}, EXACT)
    for codes in ("RA", "AL", "PR"):
        _record(book, f"orientation/{codes}",
                mt.Compose([mt.Orientationd(KEY, axcodes=codes, labels=(("L", "R"), ("P", "A"), ("I", "S")))]),
                volume, {"orientation": {"axcodes": codes}}, EXACT)
    for keep in (True, False):
        def make(mode, keep=keep):
            return mt.Rotated(KEY, angle=0.35, keep_size=keep, mode=mode, padding_mode="border")
        _both(book, f"rotate/{keep}", make, {"rotate": {"angle": 0.35, "keep_size": keep}})
    rows = {
        "turned": {"rotate_params": 0.4},
        "sheared": {"shear_params": [0.2, -0.15]},
        "moved": {"translate_params": [2.5, -1.25], "scale_params": [1.2, 0.8]},
        "all": {"rotate_params": -0.3, "shear_params": [0.1, 0.2], "translate_params": [1, 2], "scale_params": [0.9, 1.1]},
    }
    for name, p in rows.items():
        transform = mt.Affined(KEY, **p, mode="bilinear", padding_mode="border")
        # Its affine is made in float32.
        _record(book, f"affine/{name}", mt.Compose([transform]), volume, {"affine": {**p, "padding": "border"}},
                {**close(), "affine_mm": 1e-5})


def values(book: Casebook) -> None:
    image, labels = _slice("image", "straight"), _slice("label", "turned")
    _record(book, "gaussian-smooth/zero", mt.Compose([mt.GaussianSmoothd(KEY, sigma=1.5)]), image,
            {"gaussian_smooth": {"sigma": 1.5, "edge": "zero"}})
    _record(book, "sobel/all", mt.Compose([mt.SobelGradientsd(KEY, normalize_kernels=False, padding_mode="zeros")]),
            image, {"sobel_gradients": {"normalize_kernels": False, "padding_mode": "zeros"}})
    _record(book, "median-smooth/one", mt.Compose([mt.MedianSmoothd(KEY, radius=1)]), image, {"median_smooth": {}})
    _record(book, "fill-holes/three", mt.Compose([mt.FillHolesd(KEY, applied_labels=[3])]), labels,
            {"fill_holes": {"applied_labels": [3]}}, EXACT)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}
    book = Casebook("planar", monai.__version__, versions)
    book.label = f"monai {monai.__version__}"
    shapes(book)
    spacings(book)
    boxes(book)
    turns(book)
    values(book)
    for case in book.cases:
        case["input"]["planar"] = True
    return book
