"""Volumes for the transforms of values: label maps with islands and holes, and predictions."""

from __future__ import annotations

import numpy as np

import volumes
from volumes import AFFINES, SHAPES, Volume


def speckled(shape: str, affine: str, labels: int = 4, share: float = 0.12) -> Volume:
    """Label map of blobs with islands and holes of every size."""
    size = SHAPES[shape]
    random = volumes._random("speckled", shape, labels)
    field = volumes._blobs(size, random, 8) + 0.3 * volumes._ramp(size)
    cuts = np.quantile(field, np.linspace(0.4, 1.0, labels + 1)[:-1])
    data = np.digitize(field, cuts)
    noise = random.random(size) < share
    data[noise] = random.integers(0, labels + 1, int(noise.sum()))
    name = f"speckled-{shape}-{affine}-{labels}-{share}"
    return Volume(name, data[None].astype(np.uint8), AFFINES[affine], "label")


def hollow(shape: str, affine: str) -> Volume:
    """Shells of two labels, one inside the other, with holes that leak along edges and corners."""
    size = SHAPES[shape]
    random = volumes._random("hollow", shape)
    middle = (np.array(size) - 1) / 2
    index = np.indices(size) - middle[:, None, None, None]
    radius = np.sqrt(sum((index[a] / (size[a] / 2)) ** 2 for a in range(3)))
    data = np.zeros(size, dtype=np.uint8)
    data[(radius > 0.62) & (radius < 0.95)] = 3
    data[(radius > 0.2) & (radius < 0.42)] = 1
    data[(random.random(size) < 0.06)] = 0
    data[:2, :3, :3] = 2
    data[0, 1, 1] = 0
    data[0, 0, 0] = 1
    return Volume(f"hollow-{shape}-{affine}", data[None], AFFINES[affine], "label")


def renumbered(volume: Volume, numbers: list[int], dtype=np.int16) -> Volume:
    """The same label map with other numbers."""
    data = np.array(numbers, dtype=dtype)[volume.data]
    name = f"{volume.name}-{'_'.join(map(str, numbers))}"
    return Volume(name, data, volume.affine, "label")


def one_hot(volume: Volume) -> Volume:
    """A channel for each label of a label map, the background first."""
    data = np.stack([volume.data[0] == label for label in range(int(volume.data.max()) + 1)])
    return Volume(f"one-hot-{volume.name}", data.astype(np.uint8), volume.affine, "label")


def overlapping(shape: str, affine: str, channels: int, share: float = 0.12) -> Volume:
    """Regions of several channels that overlap, with islands and holes of every size."""
    size = SHAPES[shape]
    random = volumes._random("overlapping", shape, channels)
    data = []
    for _ in range(channels):
        field = volumes._blobs(size, random, 8)
        data.append((field > np.quantile(field, 0.7)) ^ (random.random(size) < share))
    name = f"overlapping-{shape}-{affine}-{channels}-{share}"
    return Volume(name, np.stack(data).astype(np.uint8), AFFINES[affine], "label")


def predicted(kind: str, shape: str, affine: str, channels: int) -> Volume:
    """What a model might return."""
    data = volumes.prediction(kind, SHAPES[shape], channels, "values")
    return Volume(f"predicted-{kind}-{shape}-{affine}-{channels}", data, AFFINES[affine], kind)


def constant(value: float, affine: str) -> Volume:
    data = np.full((1, *SHAPES["a"]), value, dtype=np.float32)
    return Volume(f"constant-{value}-{affine}", data, AFFINES[affine], "image")


def fitted(answer: np.ndarray, volume: Volume, share: float = 1e-5) -> dict:
    """Close up to a share of the range of the answer; the recorded tolerance is a share of the input's."""
    extent = max(np.ptp(np.asarray(answer, dtype=float)), 1e-3)
    tolerance = share * extent / max(np.ptp(volume.data.astype(float)), 1e-30)
    return {"values": "close", "tolerance": float(f"{tolerance:.1e}")}
