"""How MONAI and SimpleITK measure two label maps: Dice, Hausdorff distances, surface Dice, volumes."""

from __future__ import annotations

import warnings
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance, compute_surface_dice

import volumes
from casebook import Casebook
from volumes import AFFINES, Volume

NO_SHEAR = "MONAI takes a spacing for each axis, which does not say how a sheared grid lies."


def maps(how: str, shape: tuple[int, int, int], affine: str) -> tuple[Volume, Volume]:
    """Two label maps of one shape: the second is the first with labels moved, grown, cut or lost."""
    random = volumes._random("metrics", how, shape, affine)
    index = np.indices(shape, dtype=float)
    mm = np.einsum("ij,j...->i...", AFFINES[affine][:3, :3], index)
    size = np.ptp(mm.reshape(3, -1), axis=1)
    middle = mm.reshape(3, -1).mean(axis=1)

    def ball(data, label, off, radius):
        centre = (middle + np.array(off) * size)[:, None, None, None]
        data[((mm - centre) ** 2).sum(axis=0) <= (radius * size.min()) ** 2] = label

    first, second = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    if how == "balls":
        ball(first, 1, (-0.1, 0.05, 0.1), 0.38)
        ball(second, 1, (-0.02, 0.0, 0.02), 0.33)
        ball(first, 2, (0.3, -0.2, -0.1), 0.22)
        ball(second, 2, (0.25, -0.25, -0.1), 0.26)
    elif how == "boxes":
        x, y, z = shape
        first[1:x - 3, 2:y - 2, 1:z - 1] = 1
        second[2:x - 1, 1:y - 2, 1:z] = 1
        first[x - 2:, :y // 2] = 3
        second[x - 2:, 1:y // 2 + 1] = 3
    elif how == "lost":
        ball(first, 1, (0.0, 0.0, 0.0), 0.3)
        ball(second, 1, (0.0, 0.0, 0.0), 0.3)
        first[0, 0, 0] = 2
        second[-1, -1, -1] = 4
        first[2, 3] = 5
        second[1, 2] = 5
    elif how == "noise":
        first[:] = random.integers(0, 4, shape)
        second[:] = np.where(random.uniform(size=shape) < 0.3, random.integers(0, 4, shape), first)
    elif how == "specks":
        first[random.uniform(size=shape) < 0.02] = 7
        second[random.uniform(size=shape) < 0.015] = 7
    name = f"metrics-{how}-{affine}-{'x'.join(map(str, shape))}"
    volume = lambda data, side: Volume(f"{name}-{side}", data[None], AFFINES[affine], "label")
    return volume(first, "a"), volume(second, "b")


def number(value) -> float | None:
    """A number; `None` where there is none: MONAI says NaN or infinity of a label that only one map has."""
    value = float(value)
    return value if np.isfinite(value) else None


def measures(first: np.ndarray, second: np.ndarray, spacing: np.ndarray, tolerance: float) -> list[dict]:
    """A row for each label of either map."""
    flat = first.shape[2] == 1
    space = spacing[:2].tolist() if flat else spacing.tolist()
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*(sitk.GetImageFromArray(d) for d in (first, second)))
    rows = []
    for label in sorted(set(np.unique(first)) | set(np.unique(second)) - {0}):
        if label == 0:
            continue
        a, b = (torch.as_tensor((d[..., 0] if flat else d) == label)[None, None].float() for d in (first, second))
        distance = lambda p: compute_hausdorff_distance(a, b, include_background=True, percentile=p, spacing=space)
        surface = compute_surface_dice(a, b, [tolerance], include_background=True, spacing=space)
        dice = compute_dice(a, b, include_background=True)
        rows.append({
            "label": int(label),
            "hd95_mm": number(distance(95)),
            "hausdorff_mm": number(distance(None)),
            "surface_dice": number(surface),
            "dice": number(dice),
            "itk_dice": overlap.GetDiceCoefficient(int(label)),
            "itk_volume_similarity": overlap.GetVolumeSimilarity(int(label)),
        })
    return rows


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {name: version(name).split("+")[0] for name in ["monai", "torch", "scipy", "SimpleITK"]}
    book = Casebook("metrics", "", versions)
    book.label = f"monai {versions['monai']}, SimpleITK {versions['SimpleITK']}"
    rows = [(how, (15, 13, 11), affine) for how in ["balls", "boxes", "lost", "noise", "specks"] for affine in AFFINES]
    # Boxes that lie one voxel apart along an axis are as far apart on a sheared grid.
    rows.remove(("boxes", (15, 13, 11), "sheared"))
    rows += [(how, (17, 14, 1), affine) for how in ["boxes", "noise", "specks"] for affine in ["aniso", "oblique", "pir"]]
    rows += [("balls", (30, 34, 22), affine) for affine in ["thick", "oblique", "sheared"]]
    for number_, (how, shape, affine) in enumerate(rows):
        first, second = maps(how, shape, affine)
        spacing = np.linalg.norm(AFFINES[affine][:3, :3], axis=0)
        tolerance = [0.5, 1.0, 2.0, 3.5][number_ % 4]
        row = {"name": f"metrics/{how}-{affine}-{'x'.join(map(str, shape))}", "peer": book.label,
               "a": book.volume(first), "b": book.volume(second), "tolerance_mm": tolerance,
               "expected": measures(first.data[0], second.data[0], spacing, tolerance)}
        if affine == "sheared":
            row["peer_is_wrong"] = NO_SHEAR
        book.lists.setdefault("labels", []).append(row)
    return book
