"""Synthetic volumes with content that shows every flip, swap and shift.

Every volume is made from a name and fixed seeds, so that a rerun records the
same bytes.  Values are multiples of 1/4 to keep the files small.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np

import grids

SHAPES = {"a": (11, 9, 7), "b": (14, 13, 10), "c": (8, 12, 9)}

_SHEAR = np.array([[1.0, 0.12, 0.0], [0.0, 1.0, 0.27], [0.0, 0.0, 1.0]])
_TILT = grids.rotation(20, -15, 35)

AFFINES = {
    "aniso": grids.affine(np.diag([0.8, 1.1, 2.5]), (-12.3, 7.1, -30.5)),
    "round": grids.affine(np.diag([1.0, 1.5, 2.0]), (-16.0, 8.5, 4.0)),
    "lps": grids.affine(np.diag([-0.9, -1.3, 1.7]), (22.4, 41.0, -10.25)),
    # A sagittal stack: first axis to posterior, second to inferior, third to the right.
    "pir": grids.affine(
        np.array([[0, 0, 2.2], [-1.2, 0, 0], [0, -0.9, 0]]), (-31.0, 18.2, 55.5)
    ),
    "oblique": grids.affine(_TILT @ np.diag([0.9, 1.2, 2.1]), (5.5, -20.25, 13.0)),
    "mirrored": grids.affine(
        grids.rotation(-12, 28, 160) @ np.diag([-1.1, 0.95, 1.9]), (-3.75, 11.5, -48.0)
    ),
    "permuted-oblique": grids.affine(
        grids.rotation(8, -11, 14)[:, [2, 0, 1]] @ np.diag([1.9, -1.05, 0.85]), (9.0, 30.5, -7.25)
    ),
    "thick": grids.affine(np.diag([-0.6, -0.6, 5.0]), (30.0, 28.0, -100.0)),
    "sheared": grids.affine(_TILT @ np.diag([0.9, 1.2, 2.1]) @ _SHEAR, (2.0, -6.5, 3.25)),
}


@dataclass(frozen=True)
class Volume:
    """Voxels of shape (C, X, Y, Z) on a grid, with the kind of what they mean."""

    name: str
    data: np.ndarray
    affine: np.ndarray
    kind: str

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape[1:]

    @property
    def channels(self) -> int:
        return self.data.shape[0]

    def at(self, affine: np.ndarray, name: str) -> Volume:
        """The same voxels elsewhere."""
        return replace(self, affine=affine, name=name)


def _random(*words) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32("/".join(map(str, words)).encode()))


def _blobs(shape, random: np.random.Generator, count: int) -> np.ndarray:
    """Sum of Gaussian hills of random place, width and height."""
    index = np.indices(shape, dtype=float)
    total = np.zeros(shape)
    for _ in range(count):
        middle = random.uniform(0.15, 0.85, 3) * np.array(shape)
        width = random.uniform(0.12, 0.3, 3) * np.array(shape)
        distance = sum(((index[i] - middle[i]) / width[i]) ** 2 for i in range(3))
        total += random.uniform(0.5, 1.5) * np.exp(-distance)
    return total


def _ramp(shape) -> np.ndarray:
    i, j, k = np.indices(shape, dtype=float)
    return i / shape[0] + 2 * j / shape[1] + 4 * k / shape[2]


def _body(shape) -> np.ndarray:
    """An off-centre box with one corner cut off: the foreground of image and label."""
    low = [shape[0] // 5, shape[1] // 4, 1]
    high = [shape[0] - 2, shape[1] - 1, shape[2] - shape[2] // 4]
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high))] = True
    i, j, k = np.indices(shape)
    return mask & ((i - low[0]) + (j - low[1]) + (k - low[2]) >= 3)


def _quarters(values: np.ndarray) -> np.ndarray:
    return np.round(values * 4) / 4


def image(shape: str, affine: str, channels: int = 1) -> Volume:
    """Float image: exact zero outside the body, 20..300 inside."""
    size = SHAPES[shape]
    planes = []
    for channel in range(channels):
        random = _random("image", shape, channel)
        values = 40 + 90 * _blobs(size, random, 6) + 12 * _ramp(size) + random.normal(0, 4, size)
        planes.append(np.where(_body(size), np.clip(values, 20, 300), 0))
    data = _quarters(np.stack(planes)).astype(np.float32)
    suffix = "" if channels == 1 else f"-{channels}ch"
    return Volume(f"image-{shape}-{affine}{suffix}", data, AFFINES[affine], "image")


def full(shape: str, affine: str) -> Volume:
    """Float image with content up to every face, positive and negative."""
    size = SHAPES[shape]
    random = _random("full", shape)
    values = -30 + 60 * _blobs(size, random, 7) + 15 * _ramp(size) + random.normal(0, 6, size)
    data = _quarters(values)[None].astype(np.float32)
    return Volume(f"full-{shape}-{affine}", data, AFFINES[affine], "image")


def ct(shape: str, affine: str) -> Volume:
    """Int16 image in Hounsfield-like numbers: about -1000 outside the body."""
    size = SHAPES[shape]
    random = _random("ct", shape)
    body = -150 + 500 * _blobs(size, random, 6) + 25 * _ramp(size)
    values = np.where(_body(size), body, -1000) + random.normal(0, 12, size)
    data = np.round(np.clip(values, -1024, 1500))[None].astype(np.int16)
    return Volume(f"ct-{shape}-{affine}", data, AFFINES[affine], "image")


def label(shape: str, affine: str) -> Volume:
    """Label map with values 0 to 4 of different extent, none symmetric."""
    size = SHAPES[shape]
    random = _random("label", shape)
    field = _blobs(size, random, 8) + 0.4 * _ramp(size)
    levels = np.quantile(field[_body(size)], [0.35, 0.6, 0.8, 0.93])
    data = np.where(_body(size), np.digitize(field, levels), 0)[None].astype(np.uint8)
    return Volume(f"label-{shape}-{affine}", data, AFFINES[affine], "label")


def prediction(kind: str, shape, channels: int, *words) -> np.ndarray:
    """What a model might return on a grid of the given shape, as (C, X, Y, Z)."""
    random = _random("prediction", kind, shape, channels, *words)
    field = np.stack([_blobs(shape, random, 6) + 0.3 * _ramp(shape) for _ in range(channels)])
    field += random.normal(0, 0.1, field.shape)
    if kind == "label":
        cuts = np.quantile(field[0], [0.3, 0.55, 0.8])
        return np.digitize(field[:1], cuts).astype(np.uint8)
    if kind == "image":
        return _quarters(100 * field + 50).astype(np.float32)
    logits = _quarters(6 * (field - field.mean()))
    if kind == "logit":
        return logits.astype(np.float32)
    powers = np.exp(logits - logits.max(axis=0))
    return (powers / powers.sum(axis=0)).astype(np.float32)


def references(volume: Volume) -> dict[str, tuple]:
    """Grids that overlap the volume in different ways, as (shape, affine)."""
    middle = grids.centre(volume.affine, volume.shape)
    turn = grids.rotation
    rows = {
        "straight": ((9, 11, 8), np.diag([1.5, 1.3, 1.7]), (0.4, -0.3, 0.6)),
        "flipped": ((10, 8, 9), np.diag([-1.2, -1.6, 1.9]), (1.5, 0.9, -1.1)),
        "tilted": ((10, 9, 8), turn(25, -10, 50) @ np.diag([1.4, 1.6, 1.8]), (0.7, 0.2, -0.5)),
        "mirrored": ((9, 10, 7), turn(-30, 15, 120) @ np.diag([1.1, -1.7, 2.1]), (-2, 1, 0.3)),
        "shifted": ((8, 9, 10), turn(5, 5, -10) @ np.diag([1.3, 1.2, 1.6]), (6, -5, 4)),
    }
    return {name: (shape, grids.grid_around(middle + shift, linear, shape))
            for name, (shape, linear, shift) in rows.items()}
