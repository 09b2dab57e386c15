"""What our own program draws, so that a peer can be given the same numbers.

`cargo xtask parity` builds the program and names it in the variable REVOXEL.  The draws of a step follow from the
seed, the name of the case and the position of the step alone: the tests draw them again, and they must be those
that are recorded here.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from casebook import memory_order
from volumes import Volume

_TYPES = {"float32": "float", "int16": "short", "uint8": "uchar"}


def _write(path: Path, volume: Volume) -> None:
    """An NRRD file: its geometry is text, so that no digit is lost."""
    if volume.channels != 1:
        raise ValueError(f"{volume.name}: draws are taken with one channel")
    columns = [f"({','.join(map(repr, map(float, volume.affine[:3, axis])))})" for axis in range(4)]
    header = ["NRRD0004", f"type: {_TYPES[str(volume.data.dtype)]}", "dimension: 3", "space: right-anterior-superior",
              f"sizes: {' '.join(map(str, volume.shape))}", f"space directions: {' '.join(columns[:3])}",
              f"space origin: {columns[3]}", "endian: little", "encoding: raw"]
    path.write_bytes("\n".join([*header, "", ""]).encode() + memory_order(volume.data).tobytes())


class Draws:
    """One run of random steps by our program: what `Casebook.add` records as `draws`."""

    def __init__(self, volume: Volume, steps: list[dict], seed: int, case: str = "case", *,
                 source: Volume | None = None):
        inputs = {"image": volume} | ({} if source is None else {"source": source})
        aimed = [{name: {**p, "keys": "image"} for name, p in step.items()} for step in steps]
        pipeline = {"version": 1, "seed": seed, "steps": aimed, "outputs": {}, "trace": "{case}.json",
                    "inputs": {key: {"kind": one.kind, "path": f"{{case}}.{key}.nrrd", "grid": "own"}
                               for key, one in inputs.items()}}
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            for key, one in inputs.items():
                _write(place / f"{case}.{key}.nrrd", one)
            # JSON is YAML.
            (place / "pipeline.yaml").write_text(json.dumps(pipeline))
            subprocess.run([os.environ["REVOXEL"], "run", str(place / "pipeline.yaml"), "--data", str(place),
                            "--out", str(place / "out")], check=True, capture_output=True)
            trace = json.loads((place / "out" / f"{case}.json").read_text())
        done = trace["volumes"]["image"]["steps"]
        self.seed, self.case = seed, case
        self.drawn = [step["params"]["drawn"] for step in done]
        """The numbers, by step."""
        self.ops = [step["ops"] for step in done]
        """What was made of them on the volume's grid, by step."""

    @property
    def entry(self) -> dict:
        """Schema entry."""
        return {"seed": self.seed, "case": self.case, "drawn": self.drawn}


def philox(words: list[int], count: int) -> np.ndarray:
    """The blocks (count, 4) of the generator Philox4x32-10 for the counters 0 to count - 1, by its publication."""
    counter = [np.arange(count, dtype=np.uint64), np.zeros(count, np.uint64),
               np.full(count, words[2], np.uint64), np.full(count, words[3], np.uint64)]
    low, keys = np.uint64(0xFFFFFFFF), [int(words[0]), int(words[1])]
    for _ in range(10):
        left, right = np.uint64(0xD2511F53) * counter[0], np.uint64(0xCD9E8D57) * counter[2]
        counter = [(right >> np.uint64(32)) ^ counter[1] ^ np.uint64(keys[0]), right & low,
                   (left >> np.uint64(32)) ^ counter[3] ^ np.uint64(keys[1]), left & low]
        keys = [(keys[0] + 0x9E3779B9) % 2**32, (keys[1] + 0xBB67AE85) % 2**32]
    return np.stack(counter, axis=1)
