"""MONAI's patches of a grid, one by one: each is what a copy of a case takes."""

from __future__ import annotations

import warnings

import monai
import numpy as np
import torch
from monai import transforms as mt

import volumes
from casebook import EXACT, Casebook
from monai_steps import tensor
from ours import Draws, philox
from volumes import Volume


def _at(affine: np.ndarray, start) -> np.ndarray:
    """The grid that begins at an index; MONAI leaves the affine as it was."""
    moved = affine.copy()
    moved[:3, 3] = affine[:3, :3] @ np.asarray(start, dtype=float) + affine[:3, 3]
    return moved


def _chosen(count: int) -> list[int]:
    """The first and the last patch, and some between."""
    return sorted({0, 1, count // 3, count // 2, count - 1} & set(range(count)))


def _sweeps(book: Casebook) -> None:
    rows = [("a", "oblique", {"patch_size": [4, 3, 2]}), ("b", "pir", {"patch_size": [5, 4, 6], "overlap": 0.5}),
            ("c", "mirrored", {"patch_size": [3, 0, 4], "offset": [1, 0, 2]}),
            ("b", "sheared", {"patch_size": [6, 5, 4], "overlap": [0.25, 0.0, 0.5], "offset": [2, 1, 0]}),
            ("a", "lps", {"patch_size": [4, 4, 4], "pad_mode": "constant"}),
            ("c", "aniso", {"patch_size": [5, 5, 5], "pad_mode": "reflect", "overlap": 0.3}),
            ("b", "thick", {"patch_size": [8, 6, 7], "pad_mode": "edge", "offset": [-3, -1, 0]}),
            ("a", "mirrored", {"patch_size": [20, 4, 3]})]
    for shape, affine, p in rows:
        for volume in [volumes.full(shape, affine), volumes.label(shape, affine)]:
            theirs = {**p, "patch_size": tuple(p["patch_size"])}
            if isinstance(p.get("overlap"), list):
                # MONAI wants a number for the channels, too.
                theirs["overlap"] = [0.0, *p["overlap"]]
            patch = mt.GridPatch(**theirs)(tensor(volume.data, volume.affine))
            places = np.asarray(patch.meta["location"]).T
            for number in _chosen(len(places)):
                book.add(f"grid-patch/{volume.name}-{number}", "GridPatchd", volume,
                         [{"grid_patch": {**p, "patch": number}}],
                         (np.asarray(patch[number]), _at(volume.affine, places[number])), EXACT)


def _drawn(book: Casebook) -> None:
    """Sweeps from the place that our program draws."""
    rows = [("a", "oblique", {"patch_size": [4, 4, 3]}), ("b", "pir", {"patch_size": [5, 0, 4]}),
            ("c", "mirrored", {"patch_size": [3, 4, 4], "min_offset": [1, 0, 2], "max_offset": [3, 5, 4]}),
            ("b", "aniso", {"patch_size": [6, 5, 4], "overlap": 0.5, "pad_mode": "constant", "min_offset": -2,
                            "max_offset": 3})]
    for seed, (shape, affine, p) in enumerate(rows):
        volume = volumes.full(shape, affine)
        first = Draws(volume, [{"rand_grid_patch": {**p, "patch": 0}}], seed)
        offset = first.ops[0][0]["window"]["start"]
        sizes = tuple(p["patch_size"])
        extra = {k: p[k] for k in ("overlap", "pad_mode") if k in p}
        patch = mt.RandGridPatch(sizes, min_offset=tuple(offset), max_offset=tuple(offset), **extra)
        answer = patch(tensor(volume.data, volume.affine))
        places = np.asarray(answer.meta["location"]).T
        for number in _chosen(len(places)):
            steps = [{"rand_grid_patch": {**p, "patch": number}}]
            draws = Draws(volume, steps, seed)
            book.add(f"rand-grid-patch/{volume.name}-{number}", "RandGridPatchd", volume, steps,
                     (np.asarray(answer[number]), _at(volume.affine, places[number])), EXACT, draws=draws.entry)


def _middle(volume: Volume, p: dict) -> float:
    """A threshold in the middle between two sums: about half of the windows are below it."""
    arguments = {"patch_size": tuple(p["patch_size"]), **{k: p[k] for k in ("overlap", "pad_mode") if k in p}}
    patches = mt.GridPatch(**arguments)(tensor(volume.data, volume.affine))
    sums = np.unique(np.asarray(patches, dtype=np.float64).sum(axis=(1, 2, 3, 4)))
    return float(sums[len(sums) // 2 - 1 : len(sums) // 2 + 1].mean())


def _choices(book: Casebook) -> None:
    """Windows by the sum of what they hold."""
    rows = [("a", "oblique", {"patch_size": [4, 3, 2], "sort_fn": "min", "num_patches": 6}, False),
            ("b", "pir", {"patch_size": [5, 4, 6], "overlap": 0.5, "sort_fn": "max", "num_patches": 5}, True),
            ("c", "mirrored", {"patch_size": [3, 0, 4]}, True),
            ("a", "lps", {"patch_size": [4, 4, 4], "pad_mode": "constant", "sort_fn": "max", "num_patches": 4}, False),
            ("c", "aniso", {"patch_size": [5, 5, 5], "pad_mode": "reflect", "overlap": 0.3, "num_patches": 3}, True),
            ("b", "thick", {"patch_size": [6, 5, 4], "pad_mode": "edge", "sort_fn": "min", "num_patches": 7}, True)]
    for shape, affine, p, filtered in rows:
        volume = volumes.full(shape, affine)
        if filtered:
            p = {**p, "threshold": _middle(volume, p)}
        patch = mt.GridPatch(**{**p, "patch_size": tuple(p["patch_size"])})(tensor(volume.data, volume.affine))
        places = np.asarray(patch.meta["location"]).T
        for number in _chosen(len(places)):
            book.add(f"grid-patch/choice-{volume.name}-{number}", "GridPatchd", volume,
                     [{"grid_patch": {**p, "source": "image", "patch": number}}],
                     (np.asarray(patch[number]), _at(volume.affine, places[number])), EXACT)


class _Order:
    """Takes the place of MONAI's generator: the permutation is ours."""

    def __init__(self, words: list[int]):
        self._words = words

    def randint(self, low: int, high: int) -> int:
        assert high == low + 1
        return low

    def permutation(self, count: int) -> np.ndarray:
        blocks = philox(self._words, count)
        return np.argsort((blocks[:, 0] << np.uint64(32) | blocks[:, 1]) >> np.uint64(11), kind="stable")


def _drawn_choices(book: Casebook) -> None:
    rows = [("a", "oblique", {"patch_size": [4, 4, 3], "sort_fn": "random", "num_patches": 5}, False),
            ("b", "pir", {"patch_size": [5, 4, 4], "sort_fn": "max", "num_patches": 4}, True),
            ("c", "mirrored", {"patch_size": [3, 4, 4], "sort_fn": "min", "num_patches": 3, "max_offset": [1, 2, 1]}, False),
            ("b", "aniso", {"patch_size": [6, 5, 4], "overlap": 0.5, "pad_mode": "constant", "min_offset": -2,
                            "max_offset": 3, "sort_fn": "random", "num_patches": 9}, False)]
    for seed, (shape, affine, p, filtered) in enumerate(rows):
        volume = volumes.full(shape, affine)
        ours = {**p} if p["sort_fn"] == "random" else {**p, "source": "image"}
        if filtered:
            p["threshold"] = ours["threshold"] = _middle(volume, p)
        swept = {k: v for k, v in ours.items() if k in ("patch_size", "min_offset", "max_offset", "overlap", "pad_mode")}
        first = Draws(volume, [{"rand_grid_patch": {**swept, "patch": 0}}], seed)
        offset = tuple(first.ops[0][0]["window"]["start"])
        theirs = {k: v for k, v in p.items() if k not in ("patch_size", "min_offset", "max_offset")}
        patch = mt.RandGridPatch(tuple(p["patch_size"]), min_offset=offset, max_offset=offset, **theirs)
        if p["sort_fn"] == "random":
            drawn = Draws(volume, [{"rand_grid_patch": {**ours, "patch": 0}}], seed).drawn[0]
            patch.R = _Order(drawn["order"])
        answer = patch(tensor(volume.data, volume.affine))
        places = np.asarray(answer.meta["location"]).T
        if len(np.unique(places, axis=0)) < len(places):
            raise ValueError(f"{p}: MONAI made up patches")
        for number in _chosen(len(places)):
            steps = [{"rand_grid_patch": {**ours, "patch": number}}]
            draws = Draws(volume, steps, seed)
            book.add(f"rand-grid-patch/choice-{volume.name}-{number}", "RandGridPatchd", volume, steps,
                     (np.asarray(answer[number]), _at(volume.affine, places[number])), EXACT, draws=draws.entry)


def _splits(book: Casebook) -> None:
    """Volumes of one slice, and of several, slice by slice."""
    rows = [("a", "oblique", 1, {}), ("b", "pir", 3, {"grid": [3, 2]}), ("c", "mirrored", 1, {"grid": [2, 3], "size": 5}),
            ("b", "sheared", 2, {"grid": [4, 1], "size": [3, 6]})]
    for shape, affine, slices, p in rows:
        whole = volumes.full(shape, affine)
        volume = Volume(f"{whole.name}-{slices}", whole.data[..., :slices], whole.affine, whole.kind)
        grid = tuple(p.get("grid", [2, 2]))
        size = p.get("size")
        split = mt.GridSplit(grid, None if size is None else tuple(size) if isinstance(size, list) else size)
        by_slice = [split(torch.as_tensor(np.ascontiguousarray(volume.data[..., z]))) for z in range(slices)]
        _, steps = split._get_params(volume.shape[:2], split.size)
        for number in range(grid[0] * grid[1]):
            values = np.stack([np.asarray(parts[number]) for parts in by_slice], axis=-1)
            start = [number // grid[1] * steps[0], number % grid[1] * steps[1], 0]
            book.add(f"grid-split/{volume.name}-{number}", "GridSplitd", volume,
                     [{"grid_split": {**p, "patch": number}}], (values, _at(volume.affine, start)), EXACT)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}
    book = Casebook("patches", monai.__version__, versions)
    for part in [_sweeps, _choices, _drawn, _drawn_choices, _splits]:
        part(book)
    return book
