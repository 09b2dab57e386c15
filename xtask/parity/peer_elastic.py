"""MONAI's elastic transforms with the noise and the amounts that our program draws."""

from __future__ import annotations

import itertools
import warnings

import monai
import numpy as np
import torch
from monai import transforms as mt
from monai.networks.layers import GaussianFilter
from monai.transforms.utils import create_control_grid, create_grid

import grids
import volumes
from casebook import Casebook, close, nearest
from monai_steps import tensor
from ours import Draws, philox
from volumes import Volume

STEEPEST = 0.9
WOBBLES = ("The places of the control points are interpolated by a cubic that does not keep straight lines: the image moves "
           "at a magnitude of 0, too.")
PADDINGS = {"border": "border", "reflection": "reflection", "zeros": "zeros"}


def _uniform(words: list[int], shape) -> np.ndarray:
    """Noise between -1 and 1: (3, X, Y, Z)."""
    blocks = philox(words, int(np.prod(shape)))[:, :3].astype(np.float64)
    noise = (blocks + 0.5) / 2.0**31 - 1.0
    return np.stack([noise[:, a].reshape(shape, order="F") for a in range(3)]).astype(np.float32)


def _normal(words: list[int], shape) -> np.ndarray:
    """Normally distributed noise: (2, X, Y)."""
    blocks = philox(words, int(np.prod(shape)))
    a, b = (((blocks[:, k] << np.uint64(32) | blocks[:, k + 1]) >> np.uint64(11)) + np.uint64(1) for k in (0, 2))
    length, angle = np.sqrt(-2.0 * np.log(a / 2.0**53)), 2.0 * np.pi * (b / 2.0**53)
    return np.stack([(length * turn(angle)).reshape(shape, order="F") for turn in (np.cos, np.sin)])


def _steepness(field: np.ndarray) -> float:
    """How much displacements (axes, X, Y[, Z]) of two points differ at most, by their distance."""
    axes, steepest = field.ndim - 1, 0.0
    for corner in itertools.product((0, 1), repeat=axes):
        columns = []
        for axis in range(axes):
            change = np.diff(field, axis=axis + 1)
            places = [slice(None) if other == axis else slice(corner[other], field.shape[other + 1] - 1 + corner[other])
                      for other in range(axes)]
            columns.append(change[(slice(None), *places)].reshape(axes, -1))
        derivatives = np.stack(columns, axis=-1).transpose(1, 0, 2)
        steepest = max(steepest, float(np.linalg.norm(derivatives, ord=2, axis=(1, 2)).max()))
    return steepest


def _amounts(transform, drawn: dict) -> None:
    """The amounts for the affine part, instead of those that MONAI would draw."""
    grid = transform.rand_affine_grid
    grid.randomize = lambda data=None: None
    for name in ("rotate", "shear", "translate", "scale"):
        setattr(grid, f"{name}_params", drawn[name] or None)


def _moved(affine: np.ndarray, shape, matrix: np.ndarray) -> np.ndarray:
    """The grid that a matrix about the middle leads to; MONAI leaves the affine as it was."""
    middle = (np.array(shape) - 1) / 2
    there, back = np.eye(4), np.eye(4)
    there[:3, 3], back[:3, 3] = middle, -middle
    return affine @ there @ matrix @ back


def _three(book: Casebook) -> None:
    rows = [("a", "oblique", {"sigma_range": [1.5, 2.0], "magnitude_range": [4, 8]}, None),
            ("b", "pir", {"sigma_range": [2, 3], "magnitude_range": [10, 20]}, "border"),
            ("c", "mirrored", {"sigma_range": [1, 1.2], "magnitude_range": [-3, -1]}, "zeros"),
            ("b", "sheared", {"sigma_range": [2.5, 3], "magnitude_range": [10, 15], "rotate_range": [0.2, -0.1, 0.3],
                              "shear_range": [0.1, 0.05], "translate_range": [1, [-2, 1]],
                              "scale_range": [0.1, 0.15, [-0.1, 0.2]]}, None),
            ("a", "lps", {"sigma_range": [1, 1], "magnitude_range": [1, 2], "rotate_range": [[0.3, 0.3]]}, "border"),
            ("c", "aniso", {"sigma_range": [0.8, 0.9], "magnitude_range": [40, 50]}, "border")]
    for seed, (shape, affine, ranges, padding) in enumerate(rows):
        for volume in [volumes.full(shape, affine), volumes.label(shape, affine)]:
            if volume.kind == "label" and padding != "border":
                continue
            p = {"prob": 1.0, **ranges} | ({"padding": padding} if padding else {})
            steps = [{"rand_3d_elastic": p}]
            draws = Draws(volume, steps, seed)
            made = draws.ops[0][-1]["elastic"]
            noise, sigma = _uniform(made["noise"], volume.shape), made["smoothing"]["gaussian"]
            mode = "nearest" if volume.kind == "label" else "bilinear"
            transform = mt.Rand3DElastic(sigma_range=(sigma, sigma), magnitude_range=(0, 0), prob=1.0, mode=mode,
                                         padding_mode=PADDINGS[padding or "reflection"])
            smooth = GaussianFilter(3, sigma, 3.0)(torch.as_tensor(noise)[None])[0].numpy()
            steep = _steepness(smooth * made["magnitude"])
            if (steep > STEEPEST) != (affine == "aniso"):
                raise ValueError(f"{volume.name}: a steepness of {steep}")
            transform._do_transform, transform.rand_offset = True, noise
            transform.sigma, transform.magnitude = sigma, made["magnitude"] * min(1.0, STEEPEST / steep)
            _amounts(transform, draws.drawn[0])
            where = _positions(transform, volume.shape)
            answer = transform(tensor(volume.data, volume.affine), randomize=False)
            matrix = np.asarray(transform.rand_affine_grid.get_transformation_matrix(), dtype=float)
            _add(book, f"rand-3d-elastic/{volume.name}-{seed}", "Rand3DElasticd", volume, steps, draws,
                 np.asarray(answer), _moved(volume.affine, volume.shape, matrix), where, padding)


def _positions(transform, shape) -> np.ndarray:
    """Where the transform takes voxels from, as indices."""
    taken, inner = [], transform.resampler
    transform.resampler = lambda img, grid, **_: taken.append(np.asarray(grid, dtype=float)) or img
    transform(torch.zeros((1, *shape)), randomize=False)
    transform.resampler = inner
    axes = len(shape)
    middle = (np.array(shape, dtype=float).reshape(axes, *[1] * axes) - 1) / 2
    return taken[0][:axes] + middle


def _add(book: Casebook, name: str, op: str, volume: Volume, steps, draws: Draws, values, affine, where, padding,
         **more) -> None:
    label = volume.kind == "label"
    mask = grids.off_ties(where) if label else np.ones(volume.shape, bool)
    if padding == "zeros":
        mask &= grids.off_rim(where, volume.shape, 1.0)
    rule = {**(nearest() if label else close(1e-4)), "affine_mm": 2e-5}
    book.add(name, op, volume, steps, (values, affine), rule, mask=mask, draws=draws.entry, **more)


def _two(book: Casebook) -> None:
    rows = [("a", "oblique", 1, {"spacing": 1, "magnitude_range": [0.02, 0.05]}, None),
            ("b", "aniso", 4, {"spacing": [1, 1], "magnitude_range": [0.05, 0.08], "rotate_range": [0.3],
                               "translate_range": [1, 2]}, "border"),
            ("b", "pir", 1, {"spacing": [4, 5], "magnitude_range": [0.3, 0.5]}, None),
            ("c", "mirrored", 3, {"spacing": 3, "magnitude_range": [0.2, 0.3], "rotate_range": [[-0.4, -0.2]],
                                  "shear_range": [0.1, 0.2], "scale_range": [0.1, 0.2]}, "zeros"),
            ("a", "lps", 2, {"spacing": [2.5, 4], "magnitude_range": [0.2, 0.4], "translate_range": [1]}, "border"),
            ("b", "sheared", 1, {"spacing": 7, "magnitude_range": [6, 8]}, "border")]
    for seed, (shape, affine, slices, ranges, padding) in enumerate(rows):
        for whole in [volumes.full(shape, affine), volumes.label(shape, affine)]:
            if whole.kind == "label" and padding != "border":
                continue
            volume = Volume(f"{whole.name}-{slices}", whole.data[..., :slices], whole.affine, whole.kind)
            steps = [{"rand_2d_elastic": {"prob": 1.0, **ranges} | ({"padding": padding} if padding else {})}]
            draws = Draws(volume, steps, seed)
            made, size = draws.ops[0][-1]["elastic"], volume.shape[:2]
            spacing = tuple(made["smoothing"]["bicubic"])
            controls = create_control_grid(size, spacing, backend="torch")
            noise = _normal(made["noise"], controls.shape[1:]).astype(np.float32)
            # What lies between the control points.
            wide = torch.nn.functional.interpolate(
                torch.as_tensor(noise * made["magnitude"], dtype=torch.float64)[None], scale_factor=list(spacing),
                mode="bicubic", align_corners=False, recompute_scale_factor=True)[0]
            offsets = mt.CenterSpatialCrop(size)(wide).numpy()
            steep = _steepness(offsets)
            if (steep > STEEPEST) != (affine == "sheared"):
                raise ValueError(f"{volume.name}: a steepness of {steep}")
            factor = min(1.0, STEEPEST / steep)
            mode = "nearest" if volume.kind == "label" else "bilinear"
            transform = mt.Rand2DElastic(spacing=spacing, magnitude_range=(0, 0), prob=1.0, mode=mode,
                                         padding_mode=PADDINGS[padding or "reflection"])
            transform._do_transform = True
            transform.deform_grid.rand_mag = made["magnitude"] * factor
            transform.deform_grid.random_offset = noise
            transform.deform_grid.randomize = lambda grid_size: None
            _amounts(transform, draws.drawn[0])
            # MONAI's grid and its affine, with the offsets alone interpolated.
            grid = create_grid(size, backend="torch")
            grid[:2] += torch.as_tensor(offsets * factor)
            grid = transform.rand_affine_grid(grid=grid)
            matrix = np.eye(4)
            plane = np.asarray(transform.rand_affine_grid.get_transformation_matrix(), dtype=float)
            matrix[:2, :2], matrix[:2, 3] = plane[:2, :2], plane[:2, 2]
            moved = _moved(volume.affine, volume.shape, matrix)
            peers = [
                ("RandDeformGrid, Resample", lambda image: transform.resampler(
                    image, grid, mode=mode, padding_mode=PADDINGS[padding or "reflection"])),
                ("Rand2DElasticd", lambda image: transform(image, randomize=False)),
            ]
            # A wobble of a tenth of a voxel changes few labels.
            wobbles = spacing != (1, 1)
            for op, by_slice in peers[:1] if wobbles and volume.kind == "label" else peers:
                answer = np.stack([np.asarray(by_slice(torch.as_tensor(volume.data[..., z].astype(np.float32))))
                                   for z in range(slices)], axis=-1).astype(volume.data.dtype)
                if op == "Rand2DElasticd":
                    where = _positions(transform, size)
                else:
                    where = np.asarray(grid[:2], dtype=float) + (np.array(size, float).reshape(2, 1, 1) - 1) / 2
                where = np.stack([*(np.repeat(w[..., None], slices, axis=-1) for w in where),
                                  np.broadcast_to(np.arange(slices, dtype=float), volume.shape)])
                wrong = {"wrong": WOBBLES, "wrong_in": ["values"]} if op == "Rand2DElasticd" and wobbles else {}
                _add(book, f"{op}/{volume.name}-{seed}".replace(", ", "-"), op, volume, steps, draws, answer, moved,
                     where, padding, **wrong)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}
    book = Casebook("elastic", monai.__version__, versions)
    _three(book)
    _two(book)
    return book
