"""MONAI's and TorchIO's answers for the rest of their deterministic transforms."""

from __future__ import annotations

import warnings
from importlib.metadata import version

import numpy as np
import torch
import torchio as tio
from monai import transforms as mt

import grids
import values_volumes as vv
import volumes
from casebook import EXACT, Casebook, close, nearest
from monai_steps import KEY, Run, arrays, tensor
from monai_steps import record as add_spatial
from peer_torchio import _run as torchio_run

MASK_OF_NUMBERS = ("A map of several labels is taken for a mask with numbers: a label inside another one gets no "
                   "contour of its own, and all contours are 1.")
CEILING = ("The rounding of the voxel size makes a voxel more along an axis, and after the cut to the shape the affine is "
           "half a voxel off.")
NO_AFFINE = "The answer has lost its affine: it says that voxels are cubes of 1 mm."


def _add(book: Casebook, name: str, transform, volume, step: dict, compare=None, *, source=None, data=None,
         **more) -> None:
    """The answer of a dictionary transform, or of one on arrays."""
    case = {KEY: tensor(volume.data if data is None else data, volume.affine)}
    if source is not None:
        case["source"] = tensor(source.data, source.affine)
    answer = transform(case)[KEY] if hasattr(transform, "keys") else transform(case[KEY])
    voxels, affine = arrays(answer)
    book.add(name, type(transform).__name__, volume, [step], (voxels, affine),
             compare or vv.fitted(voxels, volume), source=source, **more)


def fixed_mean(book: Casebook) -> None:
    rows = {"up": {"factor": 0.35}, "down-held": {"factor": -1.6, "preserve_range": True},
            "held": {"factor": 0.5, "preserve_range": True},
            "plain": {"factor": 0.25, "fixed_mean": False},
            "channels": {"factor": 0.4, "preserve_range": True, "channel_wise": True}}
    for name, p in rows.items():
        for volume in [volumes.full("a", "oblique"), volumes.image("b", "lps", 3), volumes.ct("c", "pir")]:
            # MONAI takes the mean of floats only.
            data = volume.data.astype(np.float32)
            _add(book, f"fixed-mean/{name}-{volume.name}", mt.ScaleIntensityFixedMean(**p), volume,
                 {"scale_intensity_fixed_mean": p}, data=data)


def histograms(book: Casebook) -> None:
    rows = {"default": {}, "bins": {"num_bins": 31, "min": -2, "max": 7}}
    for name, p in rows.items():
        for volume in [volumes.full("a", "oblique"), volumes.image("b", "lps", 3), volumes.ct("c", "pir")]:
            _add(book, f"histogram/{name}-{volume.name}", mt.HistogramNormalized(KEY, **p), volume,
                 {"histogram_normalize": p})
    for volume in [volumes.full("b", "mirrored"), volumes.ct("a", "aniso")]:
        mask = volumes.label(*volume.name.split("-")[1:])
        _add(book, f"histogram/mask-{volume.name}", mt.HistogramNormalized(KEY, mask_key="source"), volume,
             {"histogram_normalize": {"source": "source"}}, source=mask)


def filters(book: Casebook) -> None:
    rows = [(5, 2, 0, "zeros"), (7, 3, 1, "reflect"), (3, 1, 2, "replicate"), (5, 4, 1, "circular")]
    for window, order, axis, mode in rows:
        for volume in [volumes.full("a", "oblique"), volumes.image("b", "lps", 3)]:
            p = {"window_length": window, "order": order, "mode": mode}
            _add(book, f"savitzky-golay/{window}-{order}-{axis}-{mode}-{volume.name}",
                 mt.SavitzkyGolaySmoothd(KEY, axis=axis + 1, **p), volume,
                 {"savitzky_golay_smooth": {**p, "spatial_axis": axis}})
    rows = {"default": {}, "wide": {"kernel_size": 5, "padding_mode": "replicate", "spatial_axes": [0, 2]},
            "whole": {"kernel_size": 3, "normalize_kernels": False, "padding_mode": "zeros", "spatial_axes": [1]},
            "range": {"kernel_size": 7, "normalize_gradients": True, "padding_mode": "circular",
                      "spatial_axes": [2, -3]}}
    for name, p in rows.items():
        for volume in [volumes.full("a", "mirrored"), volumes.image("b", "oblique", 2)]:
            _add(book, f"sobel/{name}-{volume.name}", mt.SobelGradientsd(KEY, **p), volume, {"sobel_gradients": p})


def masks(book: Casebook) -> None:
    for volume in [volumes.full("a", "oblique"), volumes.ct("c", "pir"), volumes.image("b", "lps", 3),
                   volumes.image("a", "aniso")]:
        rows = {"otsu": {}, "otsu-invert": {"invert": True}, "mean": {"threshold": "mean"},
                "number": {"threshold": 60.5}, "number-invert": {"threshold": -60.5, "invert": True}}
        if volume.channels == 3:
            rows["each"] = {"threshold": [30.0, "otsu", "mean"]}
        for name, p in rows.items():
            asked = dict(p)
            if name == "each":
                asked["threshold"] = dict(zip("RGB", p["threshold"]))
            _add(book, f"foreground/{name}-{volume.name}", mt.ForegroundMaskd(KEY, **asked), volume,
                 {"foreground_mask": p}, EXACT)


def k_space(book: Casebook) -> None:
    for volume in [volumes.full("a", "oblique"), volumes.image("b", "lps", 2), volumes.full("c", "pir")]:
        for alpha in [0.0, 0.35, 0.5, 0.8]:
            _add(book, f"gibbs/{alpha}-{volume.name}", mt.GibbsNoised(KEY, alpha=alpha), volume,
                 {"gibbs_noise": {"alpha": alpha}})
        for name, loc, strength in [("one", (2, 3, 4), 9.5), ("middle", tuple(n // 2 for n in volume.shape), 12.0),
                                    ("two", ((3, 2, 5), (7, 1, 1)), (10.0, 9.0)), ("channel", (0, 6, 5, 4), 10.5)]:
            p = {"loc": np.array(loc).tolist(), "k_intensity": strength if np.isscalar(strength) else list(strength)}
            _add(book, f"spike/{name}-{volume.name}", mt.KSpaceSpikeNoised(KEY, loc, strength), volume,
                 {"k_space_spike_noise": p})
        loc = [(channel, 4, 3, 2) for channel in range(volume.channels)]
        _add(book, f"spike/default-{volume.name}", mt.KSpaceSpikeNoised(KEY, loc), volume,
             {"k_space_spike_noise": {"loc": [4, 3, 2]}})


def contours(book: Casebook) -> None:
    for volume in [vv.speckled("a", "oblique", labels=1, share=0.05), vv.speckled("b", "pir", labels=1, share=0.01)]:
        # MONAI clamps in place and cannot bring floats back to whole numbers.
        _add(book, f"contour/monai-{volume.name}", mt.LabelToContourd(KEY), volume, {"label_to_contour": {}}, EXACT,
             data=volume.data.astype(np.float32))
        data, affine = torchio_run(volume, tio.Contour())
        book.add(f"contour/torchio-{volume.name}", "Contour", volume,
                 [{"label_to_contour": {"connectivity": 1, "border": False}}], (data, affine), EXACT)
    volume = volumes.label("b", "lps")
    _add(book, "contour/monai-several", mt.LabelToContourd(KEY), volume, {"label_to_contour": {}}, EXACT,
         data=volume.data.astype(np.float32), wrong=MASK_OF_NUMBERS, wrong_in=["values"])


def distances(book: Casebook) -> None:
    for volume in [volumes.label("a", "oblique"), vv.hollow("b", "lps"), volumes.label("c", "thick")]:
        spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
        rows = {"voxels": ({}, None), "number": ({"sampling": 1.75}, 1.75),
                "axes": ({"sampling": [0.5, 2.0, 3.25]}, [0.5, 2.0, 3.25]), "mm": ({"mm": True}, spacing.tolist())}
        for name, (p, sampling) in rows.items():
            transform = mt.DistanceTransformEDTd(KEY, sampling=sampling)
            # The voxels alone: what becomes of the affine says the case below.
            voxels = transform({KEY: volume.data})[KEY]
            book.add(f"distance/{name}-{volume.name}", type(transform).__name__, volume,
                     [{"distance_transform_edt": p}], (voxels, volume.affine), vv.fitted(voxels, volume))
    _add(book, "distance/affine", mt.DistanceTransformEDTd(KEY), volumes.label("a", "oblique"),
         {"distance_transform_edt": {}}, wrong=NO_AFFINE, wrong_in=["affine"])


def activations(book: Casebook) -> None:
    for shape, affine, channels in [("a", "oblique", 4), ("b", "lps", 1), ("c", "pir", 2)]:
        volume = vv.predicted("logit", shape, affine, channels)
        for name in ["softmax", "sigmoid"]:
            _add(book, f"activations/{name}-{channels}", mt.Activationsd(KEY, **{name: True}), volume,
                 {"activations": {name: True}})


def boxes(book: Casebook) -> None:
    for affine, shape, scale in [("aniso", "a", [0.6, 0.7, 0.5]), ("oblique", "b", [0.5]), ("pir", "c", [0.8, 0.0, 1.0]),
                                 ("mirrored", "a", [0.34, 0.91, 0.1])]:
        p = scale[0] if len(scale) == 1 else scale
        _add(book, f"center-scale-crop/{affine}", mt.CenterScaleCropd(KEY, roi_scale=p), volumes.full(shape, affine),
             {"center_scale_crop": {"roi_scale": p}}, EXACT)
    for affine, shape, k in [("oblique", "a", [4, 2, 5]), ("lps", "b", [8, 8, 8]), ("pir", "c", [3, 5, 16])]:
        for volume in [volumes.full(shape, affine), volumes.label(shape, affine)]:
            result = torchio_run(volume, tio.EnsureShapeMultiple(tuple(k), method="crop"))
            book.add(f"shape-multiple/crop-{volume.name}", "EnsureShapeMultiple", volume,
                     [{"divisible_crop": {"k": k}}], result, EXACT)
    # Padding is among TorchIO's own cases.


def areas(book: Casebook) -> None:
    """What Resized and Zoomd do where no mode is given."""
    for affine, shape in [("oblique", "a"), ("mirrored", "b"), ("pir", "c")]:
        volume = volumes.full(shape, affine)
        for size in [[5, 4, 3], [13, 17, 6], [7, 3, 19], [volume.shape[0], 5, volume.shape[2] + 1]]:
            answer = mt.Resized(KEY, spatial_size=size)({KEY: tensor(volume.data, volume.affine)})[KEY]
            book.add(f"area/resize-{affine}-{'-'.join(map(str, size))}", "Resized", volume,
                     [{"resize": {"spatial_size": size, "area": True}}], arrays(answer), close(1e-6))
        for zoom, keep in [(0.6, False), ([1.4, 0.7, 1.1], False), (0.7, True), ([1.3, 0.8, 1.0], True)]:
            answer = mt.Zoomd(KEY, zoom=zoom, keep_size=keep)({KEY: tensor(volume.data, volume.affine)})[KEY]
            book.add(f"area/zoom-{affine}-{zoom}-{keep}", "Zoomd", volume,
                     [{"zoom": {"zoom": zoom, "keep_size": keep, "area": True}}], arrays(answer), close(1e-6))


def whole_numbers(book: Casebook) -> None:
    """Files of whole numbers, which LoadImaged reads in single precision."""
    for affine, shape in [("oblique", "a"), ("mirrored", "b"), ("pir", "c")]:
        volume = volumes.ct(shape, affine)
        if not np.issubdtype(volume.data.dtype, np.integer):
            raise ValueError("these are no whole numbers")
        read = lambda: {KEY: tensor(volume.data.astype(np.float32), volume.affine)}  # noqa: E731
        for bins in [256, 40]:
            answer = mt.HistogramNormalized(KEY, num_bins=bins)(read())[KEY]
            book.add(f"whole/histogram-{affine}-{bins}", "HistogramNormalized", volume,
                     [{"histogram_normalize": {"num_bins": bins, "as_float": True}}], arrays(answer), close(1e-5))
        for rule in ["otsu", "yen", "triangle", "isodata", "li", "mean"]:
            for invert in [False, True]:
                answer = mt.ForegroundMaskd(KEY, threshold=rule, invert=invert)(read())[KEY]
                book.add(f"whole/mask-{affine}-{rule}-{invert}", "ForegroundMaskd", volume,
                         [{"foreground_mask": {"threshold": rule, "invert": invert, "as_float": True}}],
                         arrays(answer), EXACT)
        for cval in [0.5, 1e6, -7.0]:
            answer = mt.ThresholdIntensityd(KEY, threshold=10.0, cval=cval)(read())[KEY]
            book.add(f"whole/threshold-{affine}-{cval}", "ThresholdIntensityd", volume,
                     [{"threshold_intensity": {"threshold": 10, "cval": cval}}], arrays(answer), EXACT)


def corners(book: Casebook) -> None:
    """What Resized and Zoomd do where asked: outermost centres that stay, and smoothing before."""
    for affine, shape in [("oblique", "a"), ("mirrored", "b"), ("pir", "c")]:
        volume = volumes.full(shape, affine)
        for size in [[5, 4, 3], [13, 17, 6], [volume.shape[0], 5, volume.shape[2] + 1]]:
            for given, ours in [({"align_corners": True}, {"align_corners": True}),
                                ({"anti_aliasing": True}, {"anti_alias": True, "anti_alias_rule": "scikit_image"})]:
                answer = mt.Resized(KEY, spatial_size=size, mode="trilinear", **given)(
                    {KEY: tensor(volume.data, volume.affine)})[KEY]
                name = f"{next(iter(given))}/resize-{affine}-{'-'.join(map(str, size))}"
                step = {"spatial_size": size, "interpolation": "linear", **ours}
                book.add(name, "Resized", volume, [{"resize": step}], arrays(answer), close(2e-6))
        for zoom, keep in [(0.6, False), ([1.4, 0.7, 1.1], False), ([1.3, 0.8, 1.0], True)]:
            answer = mt.Zoomd(KEY, zoom=zoom, keep_size=keep, mode="trilinear", align_corners=True)(
                {KEY: tensor(volume.data, volume.affine)})[KEY]
            step = {"zoom": zoom, "keep_size": keep, "interpolation": "linear", "align_corners": True}
            book.add(f"align_corners/zoom-{affine}-{zoom}-{keep}", "Zoomd", volume, [{"zoom": step}], arrays(answer),
                     close(2e-6))


def named_otherwise(book: Casebook) -> None:
    """What other transforms of the peers do that ours have under one name."""
    for affine, shape, codes in [("oblique", "a", "PIR"), ("lps", "b", "RAS"), ("mirrored", "c", "SAL")]:
        volume = volumes.full(shape, affine)
        book.add(f"to-orientation/{affine}", "ToOrientation", volume, [{"orientation": {"axcodes": codes}}],
                 torchio_run(volume, tio.ToOrientation(codes)), EXACT)
    for affine, shape, cut in [("oblique", "a", (1, 2, 0, 3, 2, 1)), ("pir", "b", (0, 4, 5, 1, 3, 0))]:
        volume = volumes.label(shape, affine)
        start, end = list(cut[::2]), [n - c for n, c in zip(volume.shape, cut[1::2])]
        book.add(f"crop/{affine}", "Crop", volume, [{"spatial_crop": {"roi_start": start, "roi_end": end}}],
                 torchio_run(volume, tio.Crop(cut)), EXACT)
    for affine, shape in [("oblique", "a"), ("lps", "b")]:
        volume = volumes.full(shape, affine)
        for name, (size, target) in volumes.references(volume).items():
            # The dictionary transform takes affine and shape from the case; the work is this.
            answer = mt.SpatialResample(mode="bilinear", padding_mode="border")(
                tensor(volume.data, volume.affine), dst_affine=torch.as_tensor(np.asarray(target)), spatial_size=size)
            step = {"grid": {"shape": list(size), "affine": np.asarray(target).tolist()}, "interpolation": "linear",
                    "padding": "border"}
            book.add(f"resample-to-grid/{affine}-{name}", "SpatialResample", volume, [{"resample_to": step}],
                     arrays(answer), close())


def headers(book: Casebook) -> None:
    """An affine that lost digits, and gets those of the other image."""
    for shape, affine in [("a", "oblique"), ("b", "mirrored"), ("c", "permuted-oblique")]:
        whole = volumes.full(shape, affine)
        volume = whole.at(np.round(whole.affine, 5), f"{whole.name}-rounded")
        subject = tio.Subject(image=tio.ScalarImage(tensor=torch.as_tensor(volume.data.copy()), affine=volume.affine),
                              source=tio.ScalarImage(tensor=torch.as_tensor(whole.data.copy()), affine=whole.affine))
        answer = tio.CopyAffine("source")(subject)["image"]
        book.add(f"copy-affine/{affine}", "CopyAffine", volume, [{"align": {"reference": "source"}}],
                 (answer.data.numpy(), np.asarray(answer.affine, dtype=np.float64)), EXACT, source=whole)


def torchio_shapes(book: Casebook) -> None:
    """TorchIO's Resize, which says a spacing to its Resample, and its Transpose, which says an orientation."""
    for shape, affine, size in [("a", "oblique", [8, 12, 5]), ("b", "lps", [20, 9, 16]), ("c", "pir", [5, 8, 18]),
                                ("b", "mirrored", [14, 6, 10]), ("a", "thick", [17, 7, 7])]:
        for volume in [volumes.full(shape, affine), volumes.label(shape, affine)]:
            data, target = torchio_run(volume, tio.Resize(tuple(size)))
            where = grids.positions(volume.affine, target, data.shape[1:])
            mask, rule = grids.off_faces(where, volume.shape), close()
            if volume.kind == "label":
                mask, rule = mask & grids.off_ties(where), nearest()
            odd = {"wrong": CEILING, "wrong_in": ["affine", "values"]} if affine == "thick" else {}
            book.add(f"torchio-resize/{volume.name}", "Resize", volume, [{"resize": {"spatial_size": size}}],
                     (data, target), rule, mask=mask, **odd)
    for shape, affine in [("a", "oblique"), ("b", "permuted-oblique"), ("c", "pir")]:
        volume = volumes.full(shape, affine)
        book.add(f"torchio-transpose/{affine}", "Transpose", volume, [{"transpose": {"indices": [2, 1, 0]}}],
                 torchio_run(volume, tio.Transpose()), EXACT)


def components(book: Casebook) -> None:
    rows = {"default": {}, "plain": {"num_components": 2, "whiten": False, "normalize": False, "clip": False,
                                     "make_skewness_positive": False, "values_range": [-100, 300]},
            "own-range": {"num_components": 4, "values_range": None, "normalize": False},
            "first": {"num_components": 1, "whiten": False, "values_range": [-1, 4]}}
    for shape, affine, channels in [("a", "oblique", 5), ("b", "lps", 4), ("c", "pir", 8)]:
        volume = volumes.image(shape, affine, channels)
        for name, p in rows.items():
            # scikit-learn computes in the type of the values, and its float32 is good for four digits.
            wide = volumes.Volume(volume.name, volume.data.astype(np.float64), volume.affine, volume.kind)
            voxels, target = torchio_run(wide, tio.PCA(**p))
            book.add(f"pca/{name}-{volume.name}", "PCA", volume, [{"pca": p}], (voxels.astype(np.float32), target),
                     vv.fitted(voxels, volume))


def turns(book: Casebook) -> None:
    rows = {"z": {"range_z": [0.3, 0.3]}, "all": {"range_x": [0.21, 0.21], "range_y": [-0.13, -0.13], "range_z": [0.34, 0.34]},
            "whole": {"range_x": [-0.4, -0.4], "range_z": [0.2, 0.2], "keep_size": False}}
    for (name, ranges), affine in zip(rows.items(), ["oblique", "aniso", "lps"]):
        for padding in ["border", "zeros"]:
            image = volumes.full("a", affine)
            steps = [{"rand_rotate": {"prob": 1.0, **ranges, "padding": padding}}]
            mask = grids.off_rim(Run(image, steps).positions(), image.shape, 1.0) if padding == "zeros" else None
            add_spatial(book, f"rand-rotate/{name}-{padding}", image, steps, close() | {"affine_mm": 2e-5}, mask=mask)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    names = ["monai", "torch", "torchio", "scipy", "scikit-image", "scikit-learn"]
    versions = {name: version(name).split("+")[0] for name in names}
    book = Casebook("vocabulary", "", versions)
    book.label = ", ".join(f"{name} {versions[name]}" for name in ["monai", "torchio"])
    parts = [fixed_mean, histograms, filters, masks, k_space, contours, distances, activations, boxes, headers, components, torchio_shapes, turns,
             named_otherwise, areas, corners, whole_numbers]
    for part in parts:
        part(book)
    return book
