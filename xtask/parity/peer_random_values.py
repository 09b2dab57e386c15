"""MONAI's random transforms of intensities: with ranges that leave one possibility, or with the numbers that our program draws."""

from __future__ import annotations

import warnings
from itertools import cycle

import monai
import numpy as np
import torch
from monai import transforms as mt

import values_volumes as vv
import volumes
from casebook import EXACT, Casebook
from monai_steps import KEY, arrays, tensor
from ours import Draws
from volumes import Volume

WHOLE = ("The control points, shares of the range from 0 to 1, are made whole numbers where the volume holds whole "
         "numbers: all but the last are 0.")
LOWER = ("Its default takes for each large voxel the one at its lower faces, which moves the content; ours takes the "
         "one in the middle, as nearest-exact does.")
TURNS = "nearest-exact takes the upper one of two equally close voxels; here the lower and the upper one take turns."
FACES = "GaussianFilter takes what lies beyond the volume to be 0; ours mirrors unless edge: zero is asked for."


class Given(np.random.RandomState):
    """Gives numbers that were drawn elsewhere: shares of the range that is asked for, or numbers themselves, as whole
    numbers among the shares or as a list of others."""

    def __init__(self, shares: list[float], numbers: list[float] | None = None):
        super().__init__(0)
        self.shares, self.numbers = iter(shares), iter(numbers or [])

    def randint(self, low, high=None, size=None, dtype=int):
        share = next(self.shares)
        return share if isinstance(share, int) else low + int(share * (high - low))

    def uniform(self, low=0.0, high=1.0, size=None):
        if size is not None:
            return super().uniform(low, high, size)
        number = next(self.numbers, None)
        return low + (high - low) * next(self.shares) if number is None else number


def _add(book: Casebook, name: str, transform, volume: Volume, step: dict, compare=None, **more) -> None:
    (word, p), = step.items()
    answer = transform({KEY: tensor(volume.data, volume.affine)})[KEY]
    data, affine = arrays(answer)
    name = f"{word.replace('_', '-')}/{name}-{volume.name}"
    book.add(name, type(transform).__name__, volume, [{word: {"prob": 1.0, **p}}], (data, affine),
             compare or vv.fitted(data, volume), **more)


def _draws(volume: Volume, step: dict, seed: int) -> Draws:
    """Our draws, which do not depend on the volume: they are taken with its first channel."""
    (word, p), = step.items()
    one = Volume(volume.name, volume.data[:1], volume.affine, volume.kind)
    return Draws(one, [{word: {"prob": 1.0, **p}}], seed)


def _images() -> list[Volume]:
    return [volumes.full("a", "oblique"), volumes.image("b", "mirrored", 3), volumes.ct("c", "pir")]


def linear(book: Casebook) -> None:
    for volume in _images():
        for factor, each in [(0.3, False), (-0.45, True)]:
            pair = [factor, factor]
            _add(book, f"{factor}", mt.RandScaleIntensityd(KEY, pair, prob=1.0, channel_wise=each), volume,
                 {"rand_scale_intensity": {"factors": pair, "channel_wise": each}})
        # Whole numbers stay whole numbers there.
        for offset, each in [(12.0, False), (-37.0 if volume.data.dtype.kind == "i" else -36.75, True)]:
            pair = [offset, offset]
            _add(book, f"{offset}", mt.RandShiftIntensityd(KEY, pair, prob=1.0, channel_wise=each), volume,
                 {"rand_shift_intensity": {"offsets": pair, "channel_wise": each}})
        for factor, p in [(0.7, {}), (-1.2, {"channel_wise": True}), (0.4, {"nonzero": True}),
                          (2.0, {"nonzero": True, "channel_wise": True})]:
            pair = [factor, factor]
            _add(book, f"{factor}", mt.RandStdShiftIntensityd(KEY, pair, prob=1.0, **p), volume,
                 {"rand_std_shift_intensity": {"factors": pair, **p}})
        if volume.data.dtype.kind == "i":
            # MONAI has no mean of whole numbers.
            continue
        for factor, p in [(0.4, {}), (-0.3, {"fixed_mean": False}), (0.6, {"preserve_range": True}),
                          (0.25, {"fixed_mean": False, "preserve_range": True}), (0.35, {"channel_wise": True}),
                          (0.8, {"preserve_range": True, "channel_wise": True})]:
            pair = [factor, factor]
            _add(book, f"{factor}", mt.RandScaleIntensityFixedMeand(KEY, factors=pair, prob=1.0, **p), volume,
                 {"rand_scale_intensity_fixed_mean": {"factors": pair, **p}})


def smoothed(book: Casebook) -> None:
    def pairs(names, values):
        return {name: [value, value] for name, value in zip(names, values)}

    names = ["sigma_x", "sigma_y", "sigma_z"]
    rows = [(volumes.full("a", "oblique"), [0.6, 1.3, 0.9]), (volumes.image("b", "lps", 2), [1.5, 0.25, 0.8])]
    for volume, sigma in rows:
        p = pairs(names, sigma)
        transform = mt.RandGaussianSmoothd(KEY, **p, prob=1.0)
        _add(book, "zero", transform, volume, {"rand_gaussian_smooth": {**p, "edge": "zero"}})
    volume = volumes.full("b", "sheared")
    p = pairs(names, [0.4, 0.45, 0.35])
    transform = mt.RandGaussianSmoothd(KEY, **p, prob=1.0)
    _add(book, "faces", transform, volume, {"rand_gaussian_smooth": p}, wrong=FACES, wrong_in=["values"])
    inner = np.zeros(volume.shape, dtype=bool)
    inner[2:-2, 2:-2, 2:-2] = True
    _add(book, "inner", transform, volume, {"rand_gaussian_smooth": p}, mask=inner)

    names = [f"sigma{k}_{axis}" for k in (1, 2) for axis in "xyz"]
    for volume, values, alpha in [(volumes.full("a", "pir"), [1.2, 0.7, 1.9, 0.5, 0.9, 0.6], 4.0),
                                  (volumes.image("b", "oblique", 2), [0.5, 1.0, 0.8, 0.7, 0.4, 0.5], 22.5)]:
        p = pairs(names, values) | {"alpha": [alpha, alpha]}
        _add(book, "pairs", mt.RandGaussianSharpend(KEY, **p, prob=1.0), volume,
             {"rand_gaussian_sharpen": {**p, "edge": "zero"}})
        # A second deviation given as one number reaches to the first.
        p |= {name: p[name.replace("2", "1")][0] for name in names[3:]}
        _add(book, "single", mt.RandGaussianSharpend(KEY, **p, prob=1.0), volume,
             {"rand_gaussian_sharpen": {**p, "edge": "zero"}})


def noises(book: Casebook) -> None:
    for volume in _images():
        for name, p in {"shifted": {"mean": 3.5}, "relative": {"mean": -20.0, "relative": True}}.items():
            p = {**p, "std": 0.0, "sample_std": False}
            _add(book, name, mt.RandRicianNoised(KEY, prob=1.0, **p), volume, {"rand_rician_noise": p})
        p = {"mean": [4.0, -9.5, 12.0][:volume.channels], "std": 0.0, "channel_wise": True}
        _add(book, "channels", mt.RandRicianNoised(KEY, prob=1.0, **p), volume, {"rand_rician_noise": p})
    for volume in [volumes.full("a", "oblique"), volumes.image("b", "lps", 2), volumes.full("c", "pir")]:
        for alpha in [0.0, 0.35, 0.7]:
            p = {"alpha": [alpha, alpha]}
            _add(book, f"{alpha}", mt.RandGibbsNoised(KEY, prob=1.0, **p), volume, {"rand_gibbs_noise": p})


def spikes(book: Casebook) -> None:
    rows = [(volumes.full("a", "oblique"), {"intensity_range": [8.0, 11.0]}), (volumes.full("b", "pir"), {}),
            (volumes.image("c", "lps", 3), {"intensity_range": [9.5, 10.5]}), (volumes.image("b", "sheared", 2), {}),
            (volumes.full("c", "mirrored"), {})]
    for seed, (volume, p) in enumerate(rows):
        step = {"rand_k_space_spike_noise": {**p, "channel_wise": False}}
        draws = _draws(volume, step, seed)
        drawn = draws.drawn[0]
        transform = mt.RandKSpaceSpikeNoised(KEY, prob=1.0, channel_wise=False, **p)
        # Three places along the axes, then the strength of each channel, which is one strength here.
        transform.rand_noise.set_random_state(state=Given([*drawn["place"], *[drawn["strength"]] * volume.channels]))
        _add(book, f"{seed}", transform, volume, step, draws=draws.entry)


def histograms(book: Casebook) -> None:
    rows = [(volumes.full("a", "oblique"), 10), (volumes.image("b", "lps", 3), [4, 9]), (volumes.full("c", "pir"), 3),
            (volumes.image("a", "sheared"), [5, 30]), (volumes.ct("c", "mirrored"), 6)]
    for seed, (volume, points) in enumerate(rows):
        step = {"rand_histogram_shift": {"num_control_points": points}}
        draws = _draws(volume, step, seed)
        places = draws.drawn[0]["control_points"]
        least, most = (points, points) if isinstance(points, int) else points
        count = (len(places) - least + 0.5) / (most - least + 1)
        transform = mt.RandHistogramShiftd(KEY, points, prob=1.0)
        transform.shifter.set_random_state(state=Given([count], places[1:-1]))
        wrong = {"wrong": WHOLE, "wrong_in": ["values"]} if volume.data.dtype.kind == "i" else {}
        _add(book, f"{seed}", transform, volume, step, draws=draws.entry, **wrong)


def _boxes(volume: Volume, p: dict, drawn: dict) -> tuple[list[float], np.ndarray]:
    """The shares in the order in which MONAI asks for them, and where the boxes lie."""
    holes, inside = drawn["holes"], np.zeros(volume.shape, dtype=bool)
    shares = []
    if "max_holes" in p:
        shares.append((len(holes) - p["holes"] + 0.5) / (p["max_holes"] - p["holes"] + 1))
    for hole in holes:
        place = []
        for axis, n in enumerate(volume.shape):
            least, most = (n if q[axis] < 1 else q[axis] for q in (p["spatial_size"],
                                                                  p.get("max_spatial_size", p["spatial_size"])))
            size = min(least + int(hole["size"][axis] * (most - least + 1)), n)
            # Where there is no room, nothing is drawn.
            place.append((hole["place"][axis], size, n))
        # MONAI takes the size of the box before as the smallest of the next: the sizes are given as they are.
        shares += [size for _, size, _ in place] if "max_spatial_size" in p else []
        shares += [share for share, size, n in place if n > size]
        starts = [int(share * (n - size + 1)) for share, size, n in place]
        inside[tuple(slice(start, start + size) for start, (_, size, _) in zip(starts, place))] = True
    return shares, inside


HOLES = {
    "one": {"holes": 1, "spatial_size": [4, 3, 2]},
    "several": {"holes": 2, "max_holes": 6, "spatial_size": [3, 5, 2]},
    "sizes": {"holes": 3, "spatial_size": [2, 3, 1], "max_spatial_size": [6, 4, 5]},
    "all": {"holes": 1, "max_holes": 4, "spatial_size": [2, -1, 30], "max_spatial_size": [9, -1, 40]},
}


def dropouts(book: Casebook) -> None:
    kinds = cycle(_images())
    fills = {"number": {"fill_value": -7.0}, "rest": {"fill_value": 55.0, "dropout_holes": False},
             "pair": {"fill_value": [12.0, 12.0]}, "range": {}}
    seed = 0
    for name, boxes in HOLES.items():
        for fill, p in fills.items():
            volume, p = next(kinds), {**boxes, **p}
            step = {"rand_coarse_dropout": p}
            draws = _draws(volume, step, seed)
            shares, inside = _boxes(volume, boxes, draws.drawn[0])
            transform = mt.RandCoarseDropoutd(KEY, prob=1.0, **p)
            transform.dropper.set_random_state(state=Given(shares))
            # What is drawn by voxel is not compared.
            mask = ~inside if fill == "range" else None
            _add(book, f"{name}-{fill}", transform, volume, step, EXACT, mask=mask, draws=draws.entry)
            seed += 1


def shuffles(book: Casebook) -> None:
    """The order inside of the boxes is drawn by voxel: what lies around them is compared."""
    rows = [(name, p) for name, p in HOLES.items() if name != "all"]
    for seed, ((name, p), volume) in enumerate(zip(rows, cycle(_images()))):
        step = {"rand_coarse_shuffle": p}
        draws = _draws(volume, step, seed)
        shares, inside = _boxes(volume, p, draws.drawn[0])
        transform = mt.RandCoarseShuffled(KEY, prob=1.0, **p)
        transform.shuffle.set_random_state(state=Given(shares))
        _add(book, name, transform, volume, step, EXACT, mask=~inside, draws=draws.entry)


def resolutions(book: Casebook) -> None:
    modes = {"nearest": "nearest-exact", "linear": "trilinear"}
    for volume, zoom in zip([*_images(), volumes.full("b", "thick")], [0.5, 0.8, 0.63, 0.37]):
        for down, up in [("nearest", "linear"), ("linear", "linear"), ("nearest", "nearest"), ("linear", "nearest")]:
            p = {"zoom_range": [zoom, zoom], "downsample_mode": down, "upsample_mode": up}
            there = mt.RandSimulateLowResolutiond(KEY, prob=1.0, downsample_mode=modes[down], upsample_mode=modes[up],
                                                  zoom_range=(zoom, zoom))
            # Places of the others lie half way nowhere, or the voxel whose turn it is is the upper one.
            tied = up == "nearest" or (down == "nearest" and zoom == 0.63)
            wrong = {"wrong": TURNS, "wrong_in": ["values"]} if tied else {}
            _add(book, f"{zoom}-{down}-{up}", there, volume, {"rand_simulate_low_resolution": p}, **wrong)
    volume = volumes.full("a", "mirrored")
    _add(book, "default", mt.RandSimulateLowResolutiond(KEY, prob=1.0, zoom_range=(0.4, 0.4)), volume,
         {"rand_simulate_low_resolution": {"zoom_range": [0.4, 0.4]}}, wrong=LOWER, wrong_in=["values"])


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}
    book = Casebook("random_values", monai.__version__, versions)
    for part in [linear, smoothed, noises, spikes, histograms, dropouts, shuffles, resolutions]:
        part(book)
    return book
