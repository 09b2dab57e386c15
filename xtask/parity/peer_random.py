"""Random transforms: MONAI's with ranges that leave one possibility or with the numbers that our program draws, and SimpleITK's B-spline displacements, which are those of TorchIO's elastic deformation; and what nnU-Net marks beside its crop."""

from __future__ import annotations

import warnings

import monai
import numpy as np
import SimpleITK as sitk
import torch
from monai import transforms as mt
from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero

import grids
import volumes
from casebook import EXACT, Casebook, close, nearest
from monai_steps import KEY, Run, arrays, tensor
from monai_steps import record as add
from ours import Draws
from peer_sitk import from_sitk, to_sitk


def turns(book: Casebook) -> None:
    for affine, axis in zip(["aniso", "oblique", "mirrored"], [0, [0, 2], None]):
        p = {"prob": 1.0} | ({} if axis is None else {"spatial_axis": axis})
        add(book, f"rand-flip/{affine}", volumes.full("a", affine), [{"rand_flip": p}], EXACT)
    for affine, axes in zip(["aniso", "oblique", "pir"], [[0, 1], [2, 0], [1, 2]]):
        p = {"prob": 1.0, "max_k": 1, "spatial_axes": axes}
        add(book, f"rand-rotate90/{affine}", volumes.label("b", affine),
               [{"rand_rotate90": p}], EXACT)


def one_axis(book: Casebook) -> None:
    """The axis that our program draws, drawn by MONAI."""
    seen = set()
    for seed, (shape, affine, kind) in enumerate([("a", "oblique", volumes.full), ("b", "pir", volumes.label),
                                                  ("c", "sheared", volumes.full), ("a", "thick", volumes.ct),
                                                  ("b", "mirrored", volumes.full), ("c", "lps", volumes.label)]):
        volume, steps = kind(shape, affine), [{"rand_axis_flip": {"prob": 1.0}}]
        draws = Draws(volume, steps, seed)
        axis = draws.drawn[0]["axis"]
        seen.add(axis)
        flip = mt.RandAxisFlipd(KEY, prob=1.0)
        # Among three axes MONAI takes the one that this says.
        flip.flipper.set_random_state(state=_Always(axis))
        answer = flip({KEY: tensor(volume.data, volume.affine)})[KEY]
        book.add(f"rand-axis-flip/{seed}", "RandAxisFlipd", volume, steps, arrays(answer), EXACT, draws=draws.entry)
    if seen != {0, 1, 2}:
        raise ValueError(f"only the axes {seen} were drawn: take other seeds")


class _Always(np.random.RandomState):
    """Draws one whole number again and again."""

    def __init__(self, number: int):
        super().__init__(0)
        self.number = number

    def randint(self, low, high=None, size=None, dtype=int):
        return self.number


def _pairs(values: list[float]) -> list[list[float]]:
    return [[value, value] for value in values]


AFFINES = {
    "rotate": {"rotate_range": [0.21, -0.13, 0.34]},
    "rotate-one": {"rotate_range": [-0.4]},
    "shear": {"shear_range": [0.11, -0.07, 0.05, 0.13, -0.09, 0.04]},
    "shear-two": {"shear_range": [0.15, 0.08]},
    "translate": {"translate_range": [1.4, -2.3, 0.7]},
    "scale": {"scale_range": [0.125, -0.125, 0.0625]},
    "all": {"rotate_range": [0.17, 0.09, -0.21], "shear_range": [0.06, -0.04, 0.03],
            "translate_range": [-1.2, 0.8, 0.5], "scale_range": [-0.0625, 0.125, 0.0625]},
}


# RandAffined makes its matrix in float32.
MATRIX = {"affine_mm": 2e-5}


def affines(book: Casebook) -> None:
    places = ["oblique", "aniso", "pir", "mirrored", "lps", "sheared", "permuted-oblique"]
    for (name, ranges), place in zip(AFFINES.items(), places):
        p = {"prob": 1.0} | {key: _pairs(values) for key, values in ranges.items()}
        image, label = volumes.full("a", place), volumes.label("a", place)
        for padding in ["border", "reflection", "zeros"]:
            steps = [{"rand_affine": {**p, "padding": padding}}]
            where = Run(image, steps).positions()
            mask = grids.off_rim(where, image.shape, 1.0) if padding == "zeros" else None
            add(book, f"rand-affine/{name}-{padding}", image, steps, close() | MATRIX, mask=mask)
        add(book, f"rand-affine/{name}-default", image, [{"rand_affine": p}], close() | MATRIX)
        steps = [{"rand_affine": {**p, "padding": "border"}}]
        ties = grids.off_ties(Run(label, steps).positions())
        add(book, f"rand-affine/{name}-label", label, steps, nearest() | MATRIX, mask=ties)


def zooms(book: Casebook) -> None:
    rows = {"larger": [1.2], "smaller": [0.83], "axes": [1.15, 0.9, 1.3], "round": [1.07, 1.0, 0.77]}
    for (name, zoom), place in zip(rows.items(), ["oblique", "aniso", "pir", "mirrored"]):
        p = {"prob": 1.0, "min_zoom": zoom, "max_zoom": zoom}
        image = volumes.full("a", place)
        add(book, f"rand-zoom/{name}", image, [{"rand_zoom": p}])
        add(book, f"rand-zoom/{name}-free", image, [{"rand_zoom": {**p, "keep_size": False}}])
        add(book, f"rand-zoom/{name}-constant", image,
               [{"rand_zoom": {**p, "padding_mode": "constant"}}])


def values(book: Casebook) -> None:
    for name, p in {"bright": {"gamma": [0.6, 0.6]}, "dark": {"gamma": [2.3, 2.3]},
                    "inverted": {"gamma": [1.7, 1.7], "invert_image": True},
                    "kept": {"gamma": [1.7, 1.7], "retain_stats": True},
                    "both": {"gamma": [0.7, 0.7], "invert_image": True,
                             "retain_stats": True}}.items():
        add(book, f"rand-gamma/{name}", volumes.full("a", "oblique"),
               [{"rand_gamma": {"prob": 1.0, **p}}], close())
        add(book, f"rand-gamma/{name}-channels", volumes.image("b", "lps", 2),
               [{"rand_gamma": {"prob": 1.0, **p}}], close())
    for mean in [2.5, -40.0]:
        add(book, f"rand-gaussian-noise/{mean}", volumes.full("a", "oblique"),
            [{"rand_gaussian_noise": {"prob": 1.0, "mean": mean, "std": 0.0, "sample_std": False}}], close())
    for degree, coefficient in [(1, 0.3), (3, 0.1), (4, -0.15)]:
        p = {"prob": 1.0, "degree": degree, "coeff_range": [coefficient, coefficient]}
        add(book, f"rand-bias-field/{degree}", volumes.full("a", "oblique"),
               [{"rand_bias_field": p}], close())


def _spline(affine, size, points, ras) -> sitk.BSplineTransform:
    """The transform over the outer faces of a grid; displacements (mm, RAS) by control point and axis."""
    image = to_sitk(np.zeros(size, np.float32), affine)
    # BSplineTransformInitializer would go an eighth of a voxel beyond the outer faces.
    corner = image.TransformContinuousIndexToPhysicalPoint([-0.5] * 3)
    transform = sitk.BSplineTransform(3, 3)
    transform.SetTransformDomainOrigin(corner)
    transform.SetTransformDomainDirection(image.GetDirection())
    transform.SetTransformDomainPhysicalDimensions([n * s for n, s in zip(size, image.GetSpacing())])
    transform.SetTransformDomainMeshSize([n - 3 for n in points])
    transform.SetParameters((ras * [-1.0, -1.0, 1.0]).flatten(order="F").tolist())
    return transform


def bent(book: Casebook) -> None:
    """Volumes bent by the control points that our program draws."""
    rows = [("a", "oblique", {"num_control_points": [5, 4, 6], "max_displacement_mm": 3, "locked_borders": 1}),
            ("b", "mirrored", {"num_control_points": 7, "max_displacement_mm": 2.5}),
            ("c", "pir", {"num_control_points": 6, "max_displacement_mm": [4, 1, 2]}),
            ("b", "aniso", {"num_control_points": 5, "max_displacement_mm": 40})]
    for seed, (shape, affine, p) in enumerate(rows):
        for volume, interpolator in [(volumes.full(shape, affine), sitk.sitkLinear),
                                     (volumes.label(shape, affine), sitk.sitkNearestNeighbor)]:
            steps = [{"rand_elastic": {"prob": 1.0, **p}}]
            draws = Draws(volume, steps, seed)
            (op,), = draws.ops
            warp = op["warp"]
            points = warp["points"]
            ras = np.array(warp["displacements"]).reshape((*points, 3), order="F")
            transform = _spline(volume.affine, volume.shape, points, ras)
            image = to_sitk(volume.data[0], volume.affine)
            answer = sitk.Resample(image, image, transform, interpolator, 0.0, image.GetPixelID())
            # Where each voxel takes its value from, as an index.
            where = np.array([image.TransformPhysicalPointToContinuousIndex(transform.TransformPoint(
                image.TransformIndexToPhysicalPoint(index))) for index in np.ndindex(volume.shape)])
            where = where.T.reshape((3, *volume.shape))
            mask = grids.inside(where, volume.shape)
            mask &= grids.off_ties(where) if volume.kind == "label" else True
            book.add(f"rand-elastic/{volume.name}-{seed}", "Resample(BSplineTransform)", volume, steps,
                     from_sitk(answer), nearest() if volume.kind == "label" else close(), mask=mask,
                     draws=draws.entry)


RUNS_BACK = "The cell that is left over at an end runs back to where the volume ends, and there is no way back from that."


def cells(book: Casebook) -> None:
    """MONAI's grid distortion, which agrees where cells begin, and by steps that our program draws."""
    rows = [("a", "oblique", [5, 4, 3], [[1.2, 0.9, 1.05, 0.8, 1.1, 1.0], [0.8, 1.3, 0.7, 1.1, 1.0],
                                         [1.1, 0.85, 1.0, 1.0]]),
            ("b", "pir", [7, 6, 5], [[1.05, 0.95, 1.1, 0.9, 1.0, 0.97, 1.02, 1.0],
                                     [0.9, 0.95, 1.1, 1.1, 0.92, 1.0, 1.0], [1.2, 0.7, 0.9, 1.1, 1.0, 1.0]]),
            ("c", "mirrored", [4, 6, 4], None), ("b", "sheared", [7, 6, 5], None),
            ("a", "lps", [3, 4, 2], [[0.9, 0.95, 0.9, 1.0], [0.8, 1.2, 0.9, 1.0, 1.0], [1.0, 0.9, 1.0]])]
    for seed, (shape, affine, counts, steps) in enumerate(rows):
        for volume in [volumes.full(shape, affine), volumes.label(shape, affine)]:
            mode, draws = "nearest" if volume.kind == "label" else "bilinear", None
            if steps is not None:
                step = {"grid_distortion": {"num_cells": counts, "distort_steps": steps}}
                transform = mt.GridDistortiond(KEY, counts, steps, mode=mode)
                answer = transform({KEY: tensor(volume.data, volume.affine)})[KEY]
            else:
                step = {"rand_grid_distortion": {"prob": 1.0, "num_cells": counts, "distort_limit": [-0.2, 0.1]}}
                draws = Draws(volume, [step], seed)
                transform = mt.RandGridDistortiond(KEY, num_cells=counts, prob=1.0, mode=mode)
                transform.rand_grid_distortion.randomize = lambda shape, t=transform.rand_grid_distortion, d=draws: (
                    setattr(t, "distort_steps", d.drawn[0]["distort_steps"]))
                transform.rand_grid_distortion._do_transform = True
                answer = transform({KEY: tensor(volume.data, volume.affine)})[KEY]
            used = steps or draws.drawn[0]["distort_steps"]
            axes = [_cells(n, count, by) for n, count, by in zip(volume.shape, counts, used)]
            where = np.stack(np.meshgrid(*[shows for _, shows in axes], indexing="ij"))
            starts = np.ix_(*[np.flatnonzero(first) for first, _ in axes])
            mask = np.zeros(volume.shape, bool)
            mask[starts] = True
            if volume.kind == "label":
                mask &= grids.off_ties(where)
            rule = nearest() if volume.kind == "label" else close()
            name = type(transform).__name__
            key = f"{'rand-' if draws else ''}grid-distortion/{volume.name}"
            entry = None if draws is None else draws.entry
            # Of large cells too few voxels are the first.
            if shape != "a" or affine != "lps":
                book.add(f"{key}-starts", name, volume, [step], arrays(answer), rule, mask=mask, draws=entry)
            spread = [_spread(n, count, by) for n, count, by in zip(volume.shape, counts, used)]
            if all(np.all(np.diff(shows) >= 0) for shows in spread):
                (ours, parameters), = step.items()
                places = np.stack(np.meshgrid(*spread, indexing="ij"))
                off = grids.off_ties(places) if volume.kind == "label" else None
                book.add(f"{key}-all", name, volume, [{ours: {**parameters, "rule": "monai"}}], arrays(answer), rule,
                         mask=off, draws=entry)
            else:
                book.add(f"{key}-all", name, volume, [step], arrays(answer), rule, wrong=RUNS_BACK,
                         wrong_in=["values"], draws=entry)


def _spread(voxels: int, count: int, steps: list[float]) -> np.ndarray:
    """What each voxel shows in MONAI."""
    width, shows, prev = voxels // count, np.zeros(voxels), 0.0
    for cell in range(count + 1):
        start, end = cell * width, (cell + 1) * width
        end, cur = (voxels, float(voxels)) if end > voxels else (end, prev + width * steps[cell])
        shows[start:end] = np.linspace(prev, cur, max(end - start, 0))
        prev = cur
    return shows


def _cells(voxels: int, count: int, steps: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Which voxels are the first of a cell, and what each shows."""
    width = voxels // count
    cell = np.minimum(np.arange(voxels) // width, count)
    shows = np.concatenate([[0.0], np.cumsum(np.array(steps)[cell])])[:voxels]
    return np.arange(voxels) == cell * width, shows


def outside(book: Casebook) -> None:
    """What nnU-Net's crop makes of a segmentation, where there is nothing to crop."""
    for shape, affine, label in [("a", "oblique", -1), ("b", "lps", 7), ("c", "pir", -1)]:
        image, seg = volumes.image(shape, affine), volumes.label(shape, affine)
        data = image.data.copy()
        # The box of what is not 0 is the whole volume; there is a hole, and a label outside of the region.
        data[0, 0, 0, 0], data[0, -1, -1, -1], data[0, 4:6, 4:6, 3] = 5, -3, 0
        image = volumes.Volume(f"reaching-{shape}-{affine}", data, image.affine, "image")
        marked = seg.data.copy()
        marked[0, -1, 0, -1] = 3
        seg = volumes.Volume(f"beyond-{shape}-{affine}", marked, seg.affine, "label")
        _, answer, box = crop_to_nonzero(image.data.copy(), seg.data.astype(np.int8), label)
        if [list(b) for b in box] != [[0, n] for n in seg.shape]:
            raise ValueError("the crop takes something away")
        p = {"nonzero_of": ["source"]} | ({} if label == -1 else {"label": label})
        book.add(f"mark-outside/{affine}", "crop_to_nonzero(seg)", seg, [{"mark_outside": p}],
                 (answer, seg.affine), EXACT, source=image)


def bspline(book: Casebook) -> None:
    """Where SimpleITK's BSplineTransform takes points from, in indices of the grid that it spans."""
    rows = []
    random = np.random.default_rng(20)
    for place, shape, points in [("aniso", "a", (5, 4, 6)), ("oblique", "b", (7, 5, 4)),
                                 ("mirrored", "c", (4, 6, 5)), ("pir", "b", (5, 7, 6))]:
        size, affine = volumes.SHAPES[shape], volumes.AFFINES[place]
        ras = np.round(random.uniform(-0.25, 0.25, (*points, 3)), 4) * [-1.0, -1.0, 1.0]
        transform = _spline(affine, size, points, ras)
        at = np.round(random.uniform(-0.49, np.array(size) - 0.51, (40, 3)), 3)
        shown = []
        for index in at:
            start = grids.LPS @ affine @ np.array([*index, 1.0])
            end = grids.LPS @ np.array([*transform.TransformPoint(start[:3].tolist()), 1.0])
            shown.append(np.linalg.solve(affine, end)[:3].tolist())
        rows.append({"affine": affine.tolist(), "shape": list(size), "points": list(points),
                     "displacements": ras.reshape(-1, 3, order="F").tolist(),
                     "at": at.tolist(), "shown": shown})
    book.lists["bspline"] = rows


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0],
                "SimpleITK": sitk.Version().VersionString()}
    book = Casebook("random", monai.__version__, versions)
    for part in [turns, one_axis, affines, zooms, values, bent, cells, outside, bspline]:
        part(book)
    return book
