"""MONAI's answers: transforms of intensities and of labels."""

from __future__ import annotations

import warnings

import monai
import numpy as np
import torch
from monai import transforms as mt
from skimage import measure

import values_volumes as vv
import volumes
from casebook import EXACT, Casebook
from monai_steps import KEY, arrays, tensor

PIECES = ("On a map with several labels MONAI counts all voxels of a label, however many pieces it has; its "
          "documentation speaks of islands.")
FOURTH_AXIS = ("Several channels are taken for a fourth axis, whatever `independent_channels` says: objects hang together "
               "through neighbouring channels, and what overlaps counts twice.")
OF_THE_SIZE = ("With scikit-image 0.26 objects of exactly min_size go too; MONAI's text says smaller ones.")
NEGATIVE = "Negative labels are erased; the documentation speaks of all voxels that are not background."
FIRST_ALONE = "Of several channels that are no one-hot map only the first is treated."
ONLY_ONE = "With is_onehot=True and independent=False only what is exactly 1 is foreground; else what is above 0."
ONE_VALUE = "A volume that holds one value everywhere is multiplied by minv; ours becomes minv."


def _transform(name: str, p: dict):
    """The MONAI transform of one step."""
    if name == "keep_largest_connected_component":
        return mt.KeepLargestConnectedComponentd(KEY, **p)
    if name == "remove_small_objects":
        size = p.get("min_size_voxels", p.get("min_size_mm3"))
        return mt.RemoveSmallObjectsd(KEY, min_size=size, connectivity=p.get("connectivity", 1),
                                      independent_channels=p.get("independent", True),
                                      by_measure="min_size_mm3" in p)
    if name == "one_hot":
        return mt.AsDiscreted(KEY, to_onehot=p["num_classes"])
    if name == "scale_intensity" and "factor" in p:
        return mt.ScaleIntensityd(KEY, minv=None, maxv=None, **p)
    if name == "scale_intensity_range_percentiles":
        return mt.ScaleIntensityRangePercentilesd(KEY, **{"b_min": None, "b_max": None, **p})
    if name == "clip_intensity_percentiles":
        return mt.ClipIntensityPercentilesd(KEY, **{"lower": None, "upper": None, **p})
    if name == "gaussian_smooth":
        return mt.GaussianSmoothd(KEY, sigma=p["sigma"], approx="erf")
    if name == "gaussian_sharpen":
        return mt.GaussianSharpend(KEY, sigma1=p["sigma1"], sigma2=p["sigma2"], alpha=p["alpha"], approx="erf")
    if name == "mask_intensity":
        return mt.MaskIntensityd(KEY, mask_key=p["source"])
    names = {
        "fill_holes": mt.FillHolesd, "map_label_value": mt.MapLabelValued,
        "label_filter": mt.LabelFilterd, "as_discrete": mt.AsDiscreted,
        "scale_intensity": mt.ScaleIntensityd, "threshold_intensity": mt.ThresholdIntensityd,
        "adjust_contrast": mt.AdjustContrastd, "shift_intensity": mt.ShiftIntensityd,
        "std_shift_intensity": mt.StdShiftIntensityd, "median_smooth": mt.MedianSmoothd,
    }
    return names[name](KEY, **p)


def _record(book: Casebook, name: str, volume, step: dict, compare=None, *, source=None, **more):
    (word, p), = step.items()
    transform = _transform(word, p)
    case = {KEY: tensor(volume.data, volume.affine)}
    if source is not None:
        case["source"] = tensor(source.data, source.affine)
    data, affine = arrays(transform(case)[KEY])
    if volume.kind != "image" and data.dtype.kind == "f" and compare == EXACT:
        data = data.astype(np.float32)
    book.add(name, type(transform).__name__, volume, [step], (data, affine),
             compare or vv.fitted(data, volume), source=source, **more)


def _no_ties(volume, p: dict) -> None:
    """Which of equal components MONAI keeps is not defined."""
    onehot = p.get("is_onehot", volume.channels > 1)
    # Without channels of labels the first one is enough: MONAI treats no other.
    data, count = volume.data if onehot else volume.data[0], p.get("num_components", 1)
    there = range(1, volume.channels) if onehot else [label for label in np.unique(data) if label]
    chosen = p.get("applied_labels", list(there))
    groups = [[label] for label in chosen] if p.get("independent", True) else [chosen]
    for group in groups:
        mask = (data[group] > 0).any(0) if onehot else np.isin(data, group)
        sizes = np.bincount(measure.label(mask, connectivity=p.get("connectivity", 3)).ravel())[1:]
        sizes = np.sort(sizes)[::-1]
        if len(sizes) > count and sizes[count - 1] == sizes[count]:
            raise ValueError(f"{volume.name}, {p}: components of equal size")


def components(book: Casebook) -> None:
    rows = {
        "default": {}, "faces": {"connectivity": 1}, "edges": {"connectivity": 2},
        "some": {"applied_labels": [2, 4]}, "union": {"independent": False, "connectivity": 1},
        "union-some": {"independent": False, "applied_labels": [1, 3], "connectivity": 2},
        "two": {"num_components": 2, "applied_labels": [1, 2], "connectivity": 1},
    }
    affines = ["oblique", "lps", "pir", "mirrored", "aniso", "permuted-oblique", "sheared"]
    for (name, p), affine, shape in zip(rows.items(), affines, "abcabca"):
        for share in [0.12, 0.35]:
            volume = vv.speckled(shape, affine, share=share)
            try:
                _no_ties(volume, p)
            except ValueError:
                continue
            _record(book, f"keep-largest/{name}-{share}", volume,
                    {"keep_largest_connected_component": p}, EXACT)


def small(book: Casebook) -> None:
    for connectivity in (1, 2, 3):
        for share, least in [(0.12, 3), (0.35, 12)]:
            volume = vv.speckled("bca"[connectivity - 1], "oblique", labels=1, share=share)
            _record(book, f"small/one-label-{connectivity}-{share}", volume,
                    {"remove_small_objects": {"min_size_voxels": least, "connectivity": connectivity}}, EXACT)
        volume = vv.speckled("a", "mirrored", labels=4, share=0.3)
        _record(book, f"small/union-{connectivity}", volume,
                {"remove_small_objects": {"min_size_voxels": 9, "connectivity": connectivity,
                                          "independent": False}}, EXACT)
    volume = vv.speckled("b", "lps", labels=1, share=0.3)
    _record(book, "small/mm3", volume, {"remove_small_objects": {"min_size_mm3": 10.5}}, EXACT)
    volume = vv.speckled("c", "oblique", labels=1, share=0.3)
    _record(book, "small/mm3-union", volume,
            {"remove_small_objects": {"min_size_mm3": 9.0, "independent": False, "connectivity": 2}}, EXACT)
    volume = vv.speckled("b", "pir", labels=4, share=0.2)
    _record(book, "small/labels", volume, {"remove_small_objects": {"min_size_voxels": 5}}, EXACT,
            wrong=PIECES, wrong_in=["values"])


def holes(book: Casebook) -> None:
    for connectivity in (1, 2, 3):
        for shape, affine in zip("abc", ["oblique", "lps", "pir"]):
            _record(book, f"holes/hollow-{shape}-{connectivity}", vv.hollow(shape, affine),
                    {"fill_holes": {"connectivity": connectivity}}, EXACT)
        _record(book, f"holes/speckled-{connectivity}", vv.speckled("b", "sheared", labels=3),
                {"fill_holes": {"connectivity": connectivity}}, EXACT)
    _record(book, "holes/default", vv.hollow("b", "mirrored"), {"fill_holes": {}}, EXACT)
    _record(book, "holes/one", vv.hollow("b", "aniso"), {"fill_holes": {"applied_labels": [1], "connectivity": 1}},
            EXACT)
    _record(book, "holes/two", vv.hollow("a", "aniso"),
            {"fill_holes": {"applied_labels": [3, 2], "connectivity": 1}}, EXACT)


def channels(book: Casebook) -> None:
    """One-hot maps, with labels that overlap and labels that do not."""
    word = "keep_largest_connected_component"
    hot = [vv.one_hot(vv.speckled("b", "oblique", labels=3, share=0.2)), vv.overlapping("a", "pir", 3),
           vv.overlapping("c", "sheared", 4, 0.2)]
    rows = {
        "default": {}, "faces": {"connectivity": 1}, "told": {"is_onehot": True, "connectivity": 2},
        "some": {"applied_labels": [1], "connectivity": 1}, "background-too": {"applied_labels": [2, 0], "connectivity": 1},
        "union": {"independent": False, "connectivity": 1},
        "union-some": {"independent": False, "applied_labels": [0, 2], "connectivity": 1, "is_onehot": True},
        "two": {"num_components": 2, "connectivity": 1},
    }
    for name, p in rows.items():
        for volume in hot:
            try:
                _no_ties(volume, p)
            except ValueError:
                continue
            _record(book, f"keep-largest-channels/{name}-{volume.name}", volume, {word: p}, EXACT)
    p = {"is_onehot": False, "applied_labels": [1], "connectivity": 1}
    for volume in hot[:2]:
        _no_ties(volume, p)
        _record(book, f"keep-largest-channels/label-maps-{volume.name}", volume, {word: p}, EXACT,
                wrong=FIRST_ALONE, wrong_in=["values"])
    one = vv.speckled("a", "lps", labels=3, share=0.2)
    for name, p in {"none": {}, "named": {"applied_labels": [0]}, "union": {"independent": False}}.items():
        _record(book, f"keep-largest-channels/one-{name}", one, {word: {"is_onehot": True, "connectivity": 1, **p}}, EXACT)
    _record(book, "keep-largest-channels/one-above-1", one,
            {word: {"is_onehot": True, "connectivity": 1, "independent": False, "applied_labels": [0]}}, EXACT,
            wrong=ONLY_ONE, wrong_in=["values"])

    hollow = vv.one_hot(vv.hollow("b", "lps"))
    for connectivity in (1, 2, 3):
        for volume in [hollow, *hot]:
            _record(book, f"holes-channels/{volume.name}-{connectivity}", volume,
                    {"fill_holes": {"connectivity": connectivity}}, EXACT)
    for name, named in {"one": [1], "two": [3, 1], "background": [0, 3]}.items():
        _record(book, f"holes-channels/{name}", hollow, {"fill_holes": {"applied_labels": named, "connectivity": 1}}, EXACT)

    def least(volume, size: int) -> int:
        """A size from this one on that no object has."""
        found = [np.bincount(measure.label(c, connectivity=1).ravel())[1:] for c in volume.data]
        return next(n for n in range(size, size + 99) if all((sizes != n).all() for sizes in found))

    small, apart = "remove_small_objects", vv.one_hot(vv.speckled("c", "mirrored", labels=3, share=0.3))
    for volume in [hot[0], apart]:
        p = {"min_size_voxels": least(volume, 5), "connectivity": 1}
        _record(book, f"small-channels/{volume.name}", volume, {small: p}, EXACT)
        for name, more in {"edges": {"connectivity": 2}, "union": {"independent": False, "applied_labels": [1, 2, 3]}}.items():
            _record(book, f"small-channels/{name}-{volume.name}", volume, {small: {**p, **more}}, EXACT,
                    wrong=FOURTH_AXIS, wrong_in=["values"])
    for independent in (True, False):
        p = {"min_size_voxels": least(hot[1], 5), "connectivity": 1, "independent": independent}
        _record(book, f"small-channels/{hot[1].name}-{independent}", hot[1], {small: p}, EXACT,
                wrong=FOURTH_AXIS, wrong_in=["values"])
    one = vv.speckled("b", "oblique", labels=1, share=0.3)
    sizes = np.bincount(measure.label(one.data[0], connectivity=1).ravel())[1:]
    size = next(int(n) for n in np.sort(sizes) if n > 2)
    _record(book, "small/of-the-size", one, {small: {"min_size_voxels": size}}, EXACT, wrong=OF_THE_SIZE,
            wrong_in=["values"])
    negative = vv.renumbered(vv.speckled("c", "lps", labels=2, share=0.3), [0, -2, 1])
    _record(book, "small/negative", negative, {small: {"min_size_voxels": 4, "independent": False}}, EXACT,
            wrong=NEGATIVE, wrong_in=["values"])


def labels(book: Casebook) -> None:
    pairs = {"swap": ([1, 2], [2, 1]), "merge": ([2, 3, 4], [1, 1, 0]), "large": ([4, 1], [1000, 70000]),
             "negative": ([0, 3], [-1, 7])}
    for (name, (old, new)), affine in zip(pairs.items(), ["lps", "oblique", "pir", "mirrored"]):
        _record(book, f"map-labels/{name}", vv.speckled("a", affine),
                {"map_label_value": {"orig_labels": old, "target_labels": new}}, EXACT)
    _record(book, "label-filter/two", vv.speckled("b", "oblique"), {"label_filter": {"applied_labels": [2, 4]}}, EXACT)
    other = vv.renumbered(vv.speckled("c", "lps"), [0, -3, 500, 7, 12])
    _record(book, "label-filter/int16", other, {"label_filter": {"applied_labels": [-3, 12, 99]}}, EXACT)
    _record(book, "one-hot/five", vv.speckled("a", "oblique"), {"one_hot": {"num_classes": 5}}, EXACT)
    _record(book, "one-hot/seven", vv.speckled("c", "lps"), {"one_hot": {"num_classes": 7}}, EXACT)
    for kind, channels in [("probability", 4), ("logit", 3), ("logit", 1)]:
        volume = vv.predicted(kind, "a", "oblique", channels)
        rows = {"argmax": {"argmax": True}, "argmax-onehot": {"argmax": True, "to_onehot": channels},
                "threshold": {"threshold": 0.5 if kind == "probability" else 0.25},
                "rounding": {"rounding": "torchrounding"},
                "all": {"argmax": True, "to_onehot": channels + 1, "rounding": "torchrounding"}}
        for name, p in rows.items():
            _record(book, f"as-discrete/{kind}-{channels}-{name}", volume, {"as_discrete": p}, EXACT)


def scales(book: Casebook) -> None:
    full, three = volumes.full("a", "oblique"), volumes.image("b", "lps", 3)
    rows = {"default": {}, "signed": {"minv": -1.0, "maxv": 1.0}, "factor": {"factor": -0.3},
            "flipped": {"minv": 5.0, "maxv": -2.0}, "channels": {"channel_wise": True}}
    for name, p in rows.items():
        for volume in [full, three, volumes.ct("c", "pir")]:
            _record(book, f"scale/{name}-{volume.name}", volume, {"scale_intensity": p})
    _record(book, "scale/one-value", vv.constant(7.5, "lps"), {"scale_intensity": {}}, EXACT)
    _record(book, "scale/one-value-signed", vv.constant(7.5, "pir"), {"scale_intensity": {"minv": -1.0, "maxv": 1.0}},
            EXACT, wrong=ONE_VALUE, wrong_in=["values"])
    unit = {"b_min": 0.0, "b_max": 1.0}
    rows = {
        "plain": {"lower": 5.0, "upper": 95.0, **unit}, "clip": {"lower": 0.5, "upper": 99.5, **unit, "clip": True},
        "relative": {"lower": 10.0, "upper": 90.0, "b_min": -1.0, "b_max": 3.0, "relative": True},
        "relative-clip": {"lower": 20.0, "upper": 70.0, **unit, "relative": True, "clip": True},
        "none": {"lower": 1.0, "upper": 99.0},
        "channels": {"lower": 2.0, "upper": 97.0, "b_min": 0.0, "b_max": 255.0, "channel_wise": True},
        "channels-clip": {"lower": 30.0, "upper": 97.0, **unit, "channel_wise": True, "clip": True},
    }
    for name, p in rows.items():
        for volume in [full, three]:
            _record(book, f"percentiles/{name}-{volume.name}", volume, {"scale_intensity_range_percentiles": p})


def clips(book: Casebook) -> None:
    full, three = volumes.full("a", "oblique"), volumes.image("b", "lps", 3)
    rows = {"both": {"lower": 5.0, "upper": 95.0}, "low": {"lower": 12.5}, "high": {"upper": 87.5},
            "soft": {"lower": 5.0, "upper": 95.0, "sharpness_factor": 0.5},
            "soft-high": {"upper": 60.0, "sharpness_factor": 4.0},
            "channels": {"lower": 30.0, "upper": 99.0, "channel_wise": True},
            "soft-channels": {"lower": 30.0, "upper": 99.0, "sharpness_factor": 1.0, "channel_wise": True}}
    for name, p in rows.items():
        for volume in [full, three]:
            _record(book, f"clip-percentiles/{name}-{volume.name}", volume, {"clip_intensity_percentiles": p})
    for name, p in {"above": {"threshold": 20.5}, "below": {"threshold": 20.5, "above": False, "cval": -3.5},
                    "value": {"threshold": 0.0, "cval": -10.25}}.items():
        _record(book, f"threshold/{name}", full, {"threshold_intensity": p}, EXACT)
    _record(book, "threshold/int16", volumes.ct("c", "lps"),
            {"threshold_intensity": {"threshold": -500.0, "cval": -1024.0}}, EXACT)
    for name, mask in [("label", vv.speckled("b", "lps")), ("channels", volumes.image("b", "lps", 3))]:
        _record(book, f"mask/{name}", three, {"mask_intensity": {"source": "source"}}, EXACT, source=mask)


def contrasts(book: Casebook) -> None:
    full, three = volumes.full("a", "oblique"), volumes.image("b", "lps", 3)
    for volume in [full, three]:
        for name, p in {"bright": {"gamma": 0.5}, "dark": {"gamma": 2.2}, "negative": {"gamma": 1.7, "invert_image": True},
                        "retain": {"gamma": 0.7, "retain_stats": True},
                        "all": {"gamma": 1.4, "invert_image": True, "retain_stats": True}}.items():
            _record(book, f"contrast/{name}-{volume.name}", volume, {"adjust_contrast": p})
        for name, p in {"plain": {"factor": 0.5}, "nonzero": {"factor": -1.5, "nonzero": True},
                        "channels": {"factor": 2.0, "channel_wise": True},
                        "both": {"factor": 1.0, "nonzero": True, "channel_wise": True}}.items():
            _record(book, f"std-shift/{name}-{volume.name}", volume, {"std_shift_intensity": p})
        _record(book, f"shift/{volume.name}", volume, {"shift_intensity": {"offset": 12.75}})


def smooth(book: Casebook) -> None:
    for name, sigma, shape, affine in [("one", 1.0, "a", "oblique"), ("axes", [0.6, 1.3, 2.1], "b", "lps"),
                                       ("narrow", 0.4, "c", "pir")]:
        volume = volumes.full(shape, affine)
        _record(book, f"gaussian/{name}", volume, {"gaussian_smooth": {"sigma": sigma, "edge": "zero"}})
        if name != "narrow":
            continue
        # Away from the faces the edge does not matter.
        inner = np.zeros(volume.shape, dtype=bool)
        inner[2:-2, 2:-2, 2:-2] = True
        _record(book, "gaussian/inner", volume, {"gaussian_smooth": {"sigma": sigma}}, mask=inner)
    for name, p, shape, affine in [("default", {"sigma1": 3.0, "sigma2": 1.0, "alpha": 30.0}, "b", "oblique"),
                                   ("axes", {"sigma1": [1.2, 0.7, 1.9], "sigma2": [0.5, 0.9, 0.6], "alpha": 4.0},
                                    "a", "pir")]:
        _record(book, f"sharpen/{name}", volumes.full(shape, affine),
                {"gaussian_sharpen": {**p, "edge": "zero"}})
    for name, radius, volume in [("one", 1, volumes.full("a", "oblique")), ("axes", [2, 0, 1], volumes.full("b", "lps")),
                                 ("two", 2, volumes.ct("c", "pir")), ("channels", 1, volumes.image("a", "pir", 3))]:
        _record(book, f"median/{name}", volume, {"median_smooth": {"radius": radius}}, EXACT)


def eight_bits(book: Casebook) -> None:
    """Percentiles to 0 and 255, then rounded: MONAI leaves the rounding to others."""
    for volume, low, high in [(volumes.full("a", "oblique"), 2.5, 96.0), (volumes.full("b", "pir"), 0, 100),
                              (volumes.image("c", "lps", 3), 0.5, 99.5)]:
        transform = mt.ScaleIntensityRangePercentilesd(KEY, low, high, 0, 255, clip=True)
        data, affine = arrays(transform({KEY: tensor(volume.data, volume.affine)})[KEY])
        exact = data.astype(np.float64)
        # Halfway between two numbers the last digit of the arithmetic decides.
        sure = (np.abs(exact - np.floor(exact) - 0.5) > 1e-3).all(axis=0)
        book.add(f"8bit/{volume.name}", "ScaleIntensityRangePercentilesd", volume,
                 [{"rescale_to_8bit": {"lower": low, "upper": high}}],
                 (np.round(exact).astype(np.uint8), affine), EXACT, mask=sure)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}
    book = Casebook("monai_values", monai.__version__, versions)
    for part in [components, small, holes, labels, scales, clips, contrasts, smooth, eight_bits, channels]:
        part(book)
    return book
