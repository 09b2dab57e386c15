"""MONAI's heatmaps of landmarks, and the peaks that it finds in maps of probabilities."""

from __future__ import annotations

import warnings
from importlib.metadata import version

import numpy as np
import torch
from monai.networks.layers import GaussianFilter
from monai.transforms import GenerateHeatmapd, ProbNMS

import values_volumes as vv
import volumes
from casebook import Casebook
from monai_steps import arrays, tensor
from volumes import AFFINES, SHAPES, Volume

ONE_AXIS = ("The filter takes the first two axes of the map for batch and channels: only the last axis is smoothed, by the "
            "first sigma.")


def marks(shape: str, affine: str, places: dict[int, list[tuple]]) -> Volume:
    """A label map with these voxels of each label."""
    data = np.zeros(SHAPES[shape], dtype=np.uint8)
    for label, voxels in places.items():
        for voxel in voxels:
            data[voxel] = label
    name = "_".join(f"{label}-{'-'.join(map(str, voxels[0]))}-{len(voxels)}" for label, voxels in places.items())
    return Volume(f"marks-{shape}-{affine}-{name}", data[None], AFFINES[affine], "label")


def points_of(volume: Volume, labels: list[int]) -> np.ndarray:
    """The mean index of each label; of one that is not there a place outside, or none."""
    places = [np.argwhere(volume.data[0] == label) for label in labels]
    outside = iter([[-1.0, 2.0, 3.0], [np.nan] * 3, [2.0, 3.0, 99.0]])
    return np.array([p.mean(axis=0) if len(p) else next(outside) for p in places])


def heatmaps(book: Casebook) -> None:
    corners = {1: [(0, 0, 0)], 2: [(10, 1, 5)], 3: [(4, 8, 2)]}
    several = {1: [(2, 3, 1), (3, 4, 1)], 2: [(9, 0, 6)], 4: [(5, 5, 2), (6, 5, 2), (7, 5, 2), (8, 5, 3)]}
    rows = [
        ("default", "a", "oblique", corners, {}),
        ("one", "a", "lps", corners, {"sigma": 1.0}),
        ("axes", "a", "oblique", corners, {"sigma": [0.6, 1.4, 2.5]}),
        ("axes-plain", "b", "pir", corners, {"sigma": [3.0, 0.8, 1.5], "normalize": False}),
        ("plain", "b", "mirrored", several, {"sigma": 2.2, "normalize": False}),
        ("plain-default", "c", "thick", {1: [(7, 11, 8)], 2: [(3, 0, 4)]}, {"normalize": False}),
        ("narrow", "a", "aniso", several, {"sigma": 0.2}),
        ("absent", "a", "sheared", several, {"sigma": 1.3}),
    ]
    rows += [(f"truncated-{t}", shape, "oblique", {1: [(1, 6, 2)], 2: [(6, 2, 5)]},
              {"sigma": [1.5, 1.0, 2.0], "truncated": t, "normalize": t != 2}) for t, shape in
             [(1, "a"), (2, "b"), (2.6, "c"), (3, "a"), (4, "b"), (0.1, "c")]]
    for name, shape, affine, places, p in rows:
        volume = marks(shape, affine, places)
        labels = list(range(1, max(places) + 1))
        _heatmap(book, f"heatmap/{name}", volume, labels, p, p)
    # By name and in another order, with some that are not there.
    volume = marks("a", "oblique", several)
    _heatmap(book, "heatmap/named", volume, [4, 7, 1, 9], {"sigma": 1.7}, {"sigma": 1.7, "labels": [4, 7, 1, 9]})
    for name, mm in [("mm", [3.0]), ("mm-axes", [2.0, 1.5, 4.0])]:
        for affine in ["oblique", "thick"]:
            sigma = (np.array(mm * (3 // len(mm))) / np.linalg.norm(AFFINES[affine][:3, :3], axis=0)).tolist()
            _heatmap(book, f"heatmap/{name}-{affine}", marks("b", affine, corners), [1, 2, 3], {"sigma": sigma},
                     {"sigma_mm": mm if len(mm) > 1 else mm[0]})
    # MONAI is given places in the patient, ours the voxels that they lie in.
    for affine in ["oblique", "permuted-oblique"]:
        volume = marks("b", affine, several)
        _heatmap(book, f"heatmap/world-{affine}", volume, [1, 2, 3, 4], {"sigma": [2.0, 1.0, 1.6]},
                 {"sigma": [2.0, 1.0, 1.6]}, world=True)


def _heatmap(book: Casebook, name: str, volume: Volume, labels: list[int], theirs: dict, ours: dict,
             world: bool = False) -> None:
    points = points_of(volume, labels)
    reference = tensor(np.zeros_like(volume.data, dtype=np.float32), volume.affine)
    if world:
        # In the voxel of the middle, but not on its centre.
        points = np.nan_to_num((np.round(points) + 0.2) @ volume.affine[:3, :3].T + volume.affine[:3, 3], nan=1e6)
    transform = GenerateHeatmapd("points", heatmap_keys="heat", ref_image_keys="image",
                                 coordinate_space="world" if world else "voxel", **theirs)
    answer = transform({"points": points, "image": reference})["heat"]
    voxels, affine = arrays(answer)
    assert voxels.shape == (len(labels), *volume.shape)
    book.add(name, "GenerateHeatmapd", volume, [{"generate_heatmap": ours}], (voxels, affine),
             vv.fitted(voxels, volume))


def map_of(shape: str, affine: str, how: str, channels: int = 1) -> Volume:
    """Probabilities with several hills: all different, in steps (ties), cut off (plateaus), or of other types."""
    size = SHAPES[shape]
    planes = []
    for channel in range(channels):
        random = volumes._random("peaks", shape, how, channel)
        hills = volumes._blobs(size, random, 9) + random.uniform(0, 0.15, size)
        planes.append((hills - hills.min()) / (hills.max() - hills.min()))
    data = np.stack(planes)
    if how == "steps":
        data = np.round(data * 6) / 6
    elif how == "plateau":
        data = np.minimum(data * 1.7, 1.0)
    elif how == "tenths":
        data = np.round(data * 10) / 10
    elif how == "signed":
        data = data * 9 - 5
    data = data.astype(np.float32)
    if how == "counts":
        data = np.round(data * 9).astype(np.uint8)
    elif how == "double":
        data = data.astype(np.float64)
    return Volume(f"peaks-{shape}-{affine}-{how}-{channels}", data, AFFINES[affine], "probability")


def peaks(book: Casebook) -> None:
    rows = [
        ("default", "a", "oblique", "smooth", {}),
        ("box", "a", "oblique", "smooth", {"box_size": 3}),
        ("even", "b", "lps", "smooth", {"box_size": 4, "prob_threshold": 0.4}),
        ("axes", "b", "pir", "smooth", {"box_size": [2, 5, 3], "prob_threshold": 0.3}),
        ("each", "c", "thick", "smooth", {"box_size": 1, "prob_threshold": 0.8}),
        ("all", "a", "aniso", "smooth", {"box_size": [3, 4, 2], "prob_threshold": 0.0}),
        ("none", "a", "aniso", "smooth", {"box_size": 3, "prob_threshold": 1.0}),
        ("ties", "a", "oblique", "steps", {"box_size": 3, "prob_threshold": 0.3}),
        ("ties-even", "c", "mirrored", "steps", {"box_size": [4, 2, 6], "prob_threshold": 0.5}),
        ("plateau", "b", "sheared", "plateau", {"box_size": 5, "prob_threshold": 0.9}),
        ("plateau-axes", "c", "oblique", "plateau", {"box_size": [1, 3, 2], "prob_threshold": 0.95}),
        # The threshold is a value of the map, as it is in single precision.
        ("at-threshold", "a", "lps", "tenths", {"box_size": 2, "prob_threshold": 0.7}),
        ("at-threshold-too", "b", "lps", "tenths", {"box_size": 3, "prob_threshold": 0.6}),
        ("negative", "a", "pir", "signed", {"box_size": 3, "prob_threshold": 0.0}),
        ("counts", "b", "oblique", "counts", {"box_size": 4, "prob_threshold": 4.5}),
        ("double", "a", "oblique", "double", {"box_size": 3, "prob_threshold": 0.6}),
    ]
    for name, shape, affine, how, p in rows:
        _peaks(book, name, map_of(shape, affine, how), p)
    _peaks(book, "channels", map_of("b", "oblique", "smooth", 3), {"box_size": 5, "prob_threshold": 0.6})
    for name, shape, sigma, p in [("sigma", "a", 1.0, {"box_size": 3, "prob_threshold": 0.2}),
                                  ("sigma-axes", "b", [0.5, 1.5, 0.8], {"box_size": 4, "prob_threshold": 0.3}),
                                  ("sigma-one-axis", "c", [0.0, 2.0, 0.0], {"box_size": [3, 2, 5]}),
                                  ("sigma-wide", "b", 3.0, {"box_size": 6, "prob_threshold": 0.1})]:
        volume = map_of(shape, "mirrored", "smooth")
        _peaks(book, name, volume, p, sigma=sigma)
        if name != "sigma-one-axis":
            _peaks(book, f"{name}-alone", volume, p | {"sigma": sigma}, wrong=ONE_AXIS)
    # What it does smooth, of three axes.
    _peaks(book, "sigma-last-axis", map_of("a", "lps", "smooth"), {"box_size": 3, "prob_threshold": 0.4, "sigma": 1.2},
           says={"sigma": [0.0, 0.0, 1.2]})


def _peaks(book: Casebook, name: str, volume: Volume, p: dict, sigma=None, wrong: str | None = None,
           says: dict | None = None) -> None:
    """`sigma` smooths by MONAI's filter before, on three axes; `says` are our parameters, where they are others."""
    found = []
    for channel, data in enumerate(volume.data):
        values = data.copy()
        if sigma is not None:
            values = GaussianFilter(3, sigma)(torch.as_tensor(values)[None, None])[0, 0].numpy()
        for value, *index in ProbNMS(spatial_dims=3, **p)(values):
            found.append([channel, float(value), *map(int, index)])
    given = p | (says or {}) | ({} if sigma is None else {"sigma": sigma})
    row = {"name": f"landmarks/peaks/{name}", "peer": book.label,
           "op": "ProbNMS" if sigma is None else "GaussianFilter, ProbNMS", "input": book.volume(volume),
           "parameters": given, "expected": found}
    if wrong is not None:
        row["peer_is_wrong"] = wrong
    book.lists.setdefault("peaks", []).append(row)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {name: version(name).split("+")[0] for name in ["monai", "torch"]}
    book = Casebook("landmarks", "", versions)
    book.label = f"monai {versions['monai']}"
    heatmaps(book)
    peaks(book)
    return book
