"""Collects the cases of one peer and writes them as JSON and NPZ.

Arrays are stored in the memory order of `revoxel`: axis 0 fastest, channels
slowest, one-dimensional.  Equal arrays are stored once.  The JSON has one
case per line, so that a change of one answer is a change of one line.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from volumes import Volume

EXACT = {"values": "exact"}


def close(tolerance: float = 2e-5) -> dict:
    """Equal up to a fraction of the input's value range."""
    return {"values": "close", "tolerance": tolerance}


def nearest() -> dict:
    """Equal wherever the source position is not halfway between two voxels."""
    return {"values": "nearest"}


def memory_order(data: np.ndarray) -> np.ndarray:
    """(C, X, Y, Z) flattened with X fastest and C slowest."""
    return np.concatenate([channel.ravel(order="F") for channel in data])


def matrix(affine) -> list[list[float]]:
    """A 4x4 matrix as JSON numbers, without negative zeros."""
    return (np.asarray(affine, dtype=np.float64) + 0.0).tolist()


class Casebook:
    """The cases, lists and arrays of one peer."""

    def __init__(self, peer: str, version: str, versions: dict[str, str]):
        self.peer = peer
        self.label = f"{peer} {version}"
        self.versions = {**versions, "numpy": np.__version__}
        self.cases: list[dict] = []
        self.lists: dict[str, list[dict]] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self._keys: dict[str, str] = {}
        self._names: set[str] = set()

    def store(self, key: str, flat: np.ndarray) -> str:
        """Keep an array under `key`, or return the key it is already kept under."""
        digest = hashlib.sha256(f"{flat.dtype}{flat.shape}".encode() + flat.tobytes()).hexdigest()
        if digest not in self._keys:
            if key in self._arrays:
                raise ValueError(f"two different arrays are called {key}")
            self._keys[digest] = key
            self._arrays[key] = flat
        return self._keys[digest]

    def volume(self, volume: Volume) -> dict:
        """Schema entry of an input volume."""
        return {
            "array": self.store(f"in.{volume.name}", memory_order(volume.data)),
            "shape": list(volume.shape),
            "channels": volume.channels,
            "dtype": str(volume.data.dtype),
            "affine": matrix(volume.affine),
            "kind": volume.kind,
        }

    def answer(self, key: str, data: np.ndarray, affine) -> dict:
        """Schema entry of what the peer returned."""
        data = np.asarray(data)
        if data.dtype == np.float64:
            data = data.astype(np.float32)
        return {
            "array": self.store(f"out.{key}", memory_order(data)),
            "shape": list(data.shape[1:]),
            "channels": data.shape[0],
            "dtype": str(data.dtype),
            "affine": matrix(affine),
        }

    def comparison(self, key: str, compare: dict, mask: np.ndarray | None) -> dict:
        """A comparison rule, with the voxels it is limited to."""
        compare = dict(compare)
        if mask is not None and not mask.all():
            if mask.mean() < 0.1:
                raise ValueError(f"{key}: the mask leaves too little to compare")
            flat = mask.ravel(order="F").astype(np.uint8)
            compare["mask"] = self.store(f"mask.{key}", flat)
        return compare

    def add(
        self,
        name: str,
        op: str,
        volume: Volume,
        steps: list[dict],
        result: tuple[np.ndarray, np.ndarray],
        compare: dict,
        *,
        mask: np.ndarray | None = None,
        source: Volume | None = None,
        reference: tuple | None = None,
        invert: dict | None = None,
        draws: dict | None = None,
        wrong: str | None = None,
        wrong_in: list[str] | None = None,
        note: str | None = None,
    ) -> None:
        """Record one case: `steps` applied to `volume` gave `result` (voxels, affine)."""
        if name in self._names:
            raise ValueError(f"two cases are called {name}")
        self._names.add(name)
        key = name.replace("/", ".")
        case = {
            "name": f"{self.peer}/{name}",
            "peer": self.label,
            "op": op,
            "input": self.volume(volume),
        }
        if reference is not None:
            shape, affine = reference
            case["reference"] = {"shape": [int(n) for n in shape], "affine": matrix(affine)}
        if source is not None:
            case["source"] = self.volume(source)
        case["steps"] = steps
        if draws is not None:
            case["draws"] = draws
        case["expected"] = self.answer(key, *result)
        case["compare"] = self.comparison(key, compare, mask)
        if wrong is not None:
            case["peer_is_wrong"] = wrong
            case["wrong_in"] = wrong_in
        if note is not None:
            case["note"] = note
        if invert is not None:
            case["invert"] = invert
        self.cases.append(case)

    def prediction(self, key: str, data: np.ndarray, kind: str) -> dict:
        """Schema entry of a prediction on the result grid of a case."""
        return {
            "array": self.store(f"pred.{key}", memory_order(data)),
            "shape": list(data.shape[1:]),
            "channels": data.shape[0],
            "dtype": str(data.dtype),
            "kind": kind,
        }

    def write(self, folder: Path) -> None:
        """Write `<peer>.json` and, if there are arrays, `<peer>.npz`."""
        blocks = {"cases": self.cases, **self.lists}
        lines = ["{", f' "versions": {json.dumps(self.versions)}']
        for title, rows in blocks.items():
            body = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in rows)
            lines[-1] += ","
            lines.append(f' "{title}": [\n{body}\n ]')
        lines.append("}")
        (folder / f"{self.peer}.json").write_text("\n".join(lines) + "\n")
        if self._arrays:
            np.savez_compressed(folder / f"{self.peer}.npz", **self._arrays)
