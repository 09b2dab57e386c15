"""One case: `pipeline(path)` in Python beside the command `run`, on the same file, alternating.

python calls.py [--size 512 512 200] [--times 7]

Makes its own scan (int16, oblique, .nii.gz), takes it to RAS and 1 mm, crops the foreground, and writes an uncompressed file
and the trace: with the program, and with `pipeline(path)`, `write` and `trace.save`. Prints the least and the median
time of each in seconds; the program's include its start, Python's do not include that of Python.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import revoxel
from revoxel._program import program

PIPELINE = """
version: 1
inputs: { image: { kind: image, path: "{case}.nii.gz" } }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: 1 }
  - crop_foreground: { source: image, above: 0, margin: 4, allow_smaller: true }
  - scale_intensity_range: { a_min: -175, a_max: 250, b_min: 0, b_max: 1, clip: true }
outputs: { image: { path: "{case}/image.nii", dtype: float32 } }
trace: "{case}/trace.json"
"""


def scan(path: Path, shape: tuple[int, int, int]) -> None:
    """A body that is not symmetric, with noise, on a grid that is turned about one axis."""
    random = np.random.default_rng(0)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n, dtype=np.float32) for n in shape], indexing="ij", sparse=True)
    body = (x / 0.8) ** 2 + (y / 0.6) ** 2 + ((z - 0.1) / 0.95) ** 2 < 1
    values = np.where(body, random.normal(40, 60, shape), 0).astype(np.int16)
    cos, sin = np.cos(0.1), np.sin(0.1)
    affine = np.array(
        [[-0.75 * cos, 0.75 * sin, 0, 190.0], [0.75 * sin, 0.75 * cos, 0, -200.0], [0, 0, 2, 10.0], [0, 0, 0, 1]]
    )
    revoxel.write(revoxel.Volume(np.asfortranarray(values), affine), path)


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--size", type=int, nargs=3, default=(512, 512, 200))
    arguments.add_argument("--times", type=int, default=7)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "data").mkdir()
        scan(place / "data" / "c.nii.gz", tuple(given.size))
        (place / "p.yaml").write_text(PIPELINE)
        pipeline = revoxel.Pipeline.load(place / "p.yaml")
        took: dict[str, list[float]] = {"program": [], "python": [], "pipeline(path) alone": []}
        for turn in range(given.times + 1):
            out = place / f"program-{turn}"
            begun = time.perf_counter()
            command = [*program(), "run", place / "p.yaml", "--data", place / "data", "--out", out, "--quiet"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            ended = time.perf_counter()
            case = pipeline(place / "data" / "c.nii.gz", case="c")
            made = time.perf_counter()
            (place / f"python-{turn}").mkdir()
            revoxel.write(case["image"], place / f"python-{turn}" / "image.nii")
            case.trace.save(place / f"python-{turn}" / "trace.json")
            done = time.perf_counter()
            del case
            if turn == 0:
                same = (out / "c" / "image.nii").read_bytes() == (place / "python-0" / "image.nii").read_bytes()
                assert same, "both write the same file"
                continue
            took["program"].append(ended - begun)
            took["python"].append(done - ended)
            took["pipeline(path) alone"].append(made - ended)
        seconds = {
            name: {"least": round(min(all), 3), "median": round(statistics.median(all), 3)}
            for name, all in took.items()
        }
        print(json.dumps(seconds, indent=2))


if __name__ == "__main__":
    main()
