"""SciPy's answers: map_coordinates and zoom, written as resampling onto a grid."""

from __future__ import annotations

import numpy as np
import scipy
from scipy import ndimage

import grids
import volumes
from casebook import Casebook, close

_ORDERS = {"linear": 1, "cubic": 3}


def _inner_grids(volume) -> dict[str, tuple]:
    """Grids whose voxels all lie between the outermost centres of the volume."""
    last = np.array(volume.shape) - 1.0
    straight = grids.affine(np.diag((last - 0.7) / (np.array([13, 8, 11]) - 1)), [0.4, 0.1, 0.6])
    flipped = grids.affine(np.diag(-last / (np.array([7, 15, 9]) - 1)), last)
    turned = grids.grid_around(last / 2, grids.rotation(12, -20, 33) @ np.diag([0.7, 0.6, 0.5]),
                               (6, 7, 6))
    rows = {"straight": ((13, 8, 11), straight), "flipped": ((7, 15, 9), flipped),
            "turned": ((6, 7, 6), turned)}
    return {name: (shape, volume.affine @ index) for name, (shape, index) in rows.items()}


def _sample(volume, where: np.ndarray, interpolation: str, mode: str, fill: float = 0.0):
    return ndimage.map_coordinates(volume.data[0].astype(np.float64), where,
                                   order=_ORDERS[interpolation], mode=mode, cval=fill)[None]


def inner(book: Casebook) -> None:
    for affine, shape in zip(["aniso", "pir", "oblique", "sheared"], "abca"):
        volume = volumes.full(shape, affine)
        for name, (size, target) in _inner_grids(volume).items():
            where = grids.positions(volume.affine, target, size)
            if not grids.inside(where, volume.shape).all():
                raise ValueError(f"{affine}-{name} leaves the volume")
            for interpolation in ["linear", "cubic"]:
                step = {"reference": "reference", "interpolation": interpolation,
                        "padding": "border"}
                book.add(f"map-coordinates/{affine}-{name}-{interpolation}", "map_coordinates",
                         volume, [{"resample_to": step}],
                         (_sample(volume, where, interpolation, "mirror"), target), close(1e-5),
                         reference=(size, target))


def outer(book: Casebook) -> None:
    """Order 1 beyond the volume: 'nearest' is border."""
    for affine, shape in [("lps", "a"), ("sheared", "b")]:
        volume = volumes.full(shape, affine)
        for name in ["tilted", "shifted"]:
            size, target = volumes.references(volume)[name]
            where = grids.positions(volume.affine, target, size)
            step = {"reference": "reference", "interpolation": "linear", "padding": "border"}
            book.add(f"map-coordinates/{affine}-{name}-border", "map_coordinates", volume,
                     [{"resample_to": step}], (_sample(volume, where, "linear", "nearest"), target),
                     close(1e-5), reference=(size, target))


def zoom(book: Casebook) -> None:
    """zoom(grid_mode=True) keeps the outer faces, as resize does."""
    for affine, shape in [("aniso", "a"), ("oblique", "c")]:
        volume = volumes.full(shape, affine)
        for size in [(16, 7, 12), (5, 6, 4), (20, 21, 15)]:
            target = grids.half_pixel_resize(volume.affine, volume.shape, size)
            where = grids.positions(volume.affine, target, size)
            factors = np.array(size) / np.array(volume.shape)
            for interpolation, mode in [("linear", "nearest"), ("cubic", "mirror")]:
                data = ndimage.zoom(volume.data[0].astype(np.float64), factors, grid_mode=True,
                                    order=_ORDERS[interpolation], mode=mode)[None]
                mask = grids.inside(where, volume.shape) if interpolation == "cubic" else None
                step = {"spatial_size": list(size), "interpolation": interpolation}
                book.add(f"zoom/{affine}-{size[0]}-{interpolation}", "zoom", volume,
                         [{"resize": step}], (data, target), close(1e-5), mask=mask)


def nnunet(book: Casebook) -> None:
    """nnU-Net's grid with SciPy's samples; nnU-Net itself is not run.

    The shape is the published rule, round(n * old / new) half to even per
    axis; the outer faces stay and the spacing follows from the shape.
    """
    for affine, shape in [("round", "a"), ("lps", "b"), ("oblique", "c")]:
        volume = volumes.full(shape, affine)
        for pixdim in [[0.8, 2.0, 1.6], [1.5, 1.0, 3.0]]:
            ratio = np.array(volume.shape) * grids.spacing(volume.affine) / pixdim
            if np.abs(ratio % 1 - 0.5).min() < 1e-9 and affine != "round":
                raise ValueError("a tie of the shape must be exact")
            size = tuple(int(n) for n in np.round(ratio))
            target = grids.half_pixel_resize(volume.affine, volume.shape, size)
            where = grids.positions(volume.affine, target, size)
            data = _sample(volume, where, "linear", "nearest")
            step = {"pixdim": pixdim, "rule": "nnunet"}
            book.add(f"nnunet-rule/{affine}-{pixdim[0]}", "map_coordinates", volume,
                     [{"spacing": step}], (data, target), close(1e-5),
                     note="Shape from nnU-Net's published rule; nnU-Net was not run.")
    book.lists["nnunet_shapes"] = [
        {"shape": n, "spacing": old, "target": new,
         "expected": [round(o / t * count) for o, t, count in zip(old, new, n)],
         "note": "published rule of compute_new_shape, Python round; nnU-Net was not run"}
        for n, old, new in [
            ([512, 512, 100], [0.7, 0.7, 1.0], [1.5, 1.5, 1.2]),
            ([20, 20, 32], [2.0, 1.5, 1.0], [3.0, 3.0, 0.2]),
            ([11, 9, 7], [1.0, 1.5, 2.0], [2.0, 1.0, 4.0]),
            ([13, 5, 3], [1.0, 0.5, 0.5], [2.0, 1.0, 1.0]),
            ([320, 320, 24], [0.625, 0.625, 3.6], [0.625, 0.625, 3.0]),
            ([240, 240, 155], [1.0, 1.0, 1.0], [0.9, 1.1, 1.3]),
        ]
    ]


def record() -> Casebook:
    book = Casebook("scipy", scipy.__version__, {"scipy": scipy.__version__})
    for part in [inner, outer, zoom, nnunet]:
        part(book)
    return book
