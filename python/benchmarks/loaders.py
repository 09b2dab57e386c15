"""How fast models are fed: cases and patches, beside MONAI and TorchIO, in one run.

python loaders.py [--cases 40] [--size 128] [--workers 2] [--patches 200] [--large 6] [--large-size 256]

Makes its own scans (an image of int16 and a label map, .nii.gz, oblique), then times, in cases or patches a second:
loaders of cases (to RAS, 1.5 mm, crop of the foreground, window), and patches of 96³ around foreground from
preprocessed volumes of 256³ (uncompressed, mapped) against MONAI's RandCropByPosNegLabeld from a PersistentDataset that is filled already. The first
batch is not counted: it starts the workers. Peers that are missing are left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

import revoxel
from revoxel.torch import CaseDataset, PatchDataset, outputs

PIPELINE = """
version: 1
inputs:
  image: { kind: image, path: "{case}_i.nii.gz" }
  label: { kind: label, path: "{case}_l.nii.gz" }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: 1.5, interpolation: { label: nearest } }
  - crop_foreground: { source: image, above: 0, margin: 4, allow_smaller: true }
  - scale_intensity_range: { a_min: -175, a_max: 250, b_min: 0, b_max: 1, clip: true, keys: [image] }
outputs:
  image: { path: "{case}/image.nii", dtype: float32 }
  label: { path: "{case}/label.nii" }
trace: "{case}/trace.json"
"""
# Turned about one axis, in millimetres.
COS, SIN = np.cos(0.1), np.sin(0.1)
AFFINE = np.array([[-0.8 * COS, 0.8 * SIN, 0, 60.0], [0.8 * SIN, 0.8 * COS, 0, -70.0], [0, 0, 1.2, 10.0], [0, 0, 0, 1]])


def scans(folder: Path, cases: int, size: int) -> None:
    """Noise on a body that is not symmetric, and two labels in it."""
    random = np.random.default_rng(0)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, size)] * 3, indexing="ij")
    body = (x / 0.8) ** 2 + (y / 0.6) ** 2 + ((z - 0.1) / 0.9) ** 2 < 1
    label = np.zeros((size,) * 3, np.uint8)
    label[(x - 0.2) ** 2 + (y + 0.1) ** 2 + z**2 < 0.09] = 1
    label[(x + 0.3) ** 2 + (y - 0.1) ** 2 + (z - 0.2) ** 2 < 0.02] = 2
    for case in range(cases):
        image = (random.normal(40, 60, body.shape) * body).astype(np.int16)
        revoxel.write(revoxel.Volume(image, AFFINE), folder / f"c{case:02d}_i.nii.gz")
        revoxel.write(revoxel.Volume(label, AFFINE, kind="label"), folder / f"c{case:02d}_l.nii.gz")


def large(folder: Path, cases: int, size: int) -> list[dict[str, str]]:
    """Preprocessed cases of the size of a CT: float32 and labels, uncompressed."""
    random = np.random.default_rng(1)
    made = []
    for case in range(cases):
        image = random.random((size,) * 3, dtype=np.float32)
        label = np.zeros((size,) * 3, np.uint8)
        label[size // 4 : size // 2, size // 3 : size // 2 + case, size // 5 : size // 3] = 1
        files = {"case": f"c{case}", "image": str(folder / f"l{case}_i.nii"), "label": str(folder / f"l{case}_l.nii")}
        revoxel.write(revoxel.Volume(image, np.eye(4)), files["image"])
        revoxel.write(revoxel.Volume(label, np.eye(4), kind="label"), files["label"])
        made.append(files)
    return made


def rate(items: Iterable[Any], count: int, each: int = 1) -> float:
    """Items a second, without the first one."""
    drawn = iter(items)
    next(drawn)
    start = time.perf_counter()
    taken = sum(1 for _, _ in zip(range(count - 1), drawn, strict=False))
    return taken * each / (time.perf_counter() - start)


def monai_cases(data: Path, cases: int, workers: int) -> float:
    """MONAI's Dataset with the same steps."""
    from monai.data import Dataset
    from monai.transforms import Compose, CropForegroundd, LoadImaged, Orientationd, ScaleIntensityRanged, Spacingd

    both = ["image", "label"]
    steps = Compose(
        [
            LoadImaged(both, ensure_channel_first=True),
            Orientationd(both, "RAS", labels=None),
            Spacingd(both, (1.5, 1.5, 1.5), mode=("bilinear", "nearest")),
            CropForegroundd(both, source_key="image", select_fn=lambda v: v > 0, margin=4, allow_smaller=True),
            ScaleIntensityRanged(["image"], -175, 250, 0, 1, clip=True),
        ]
    )
    return rate(DataLoader(Dataset(_files(data, cases), steps), batch_size=None, num_workers=workers), cases)


def torchio_cases(data: Path, cases: int, workers: int) -> float:
    """TorchIO's SubjectsDataset with the same steps but the crop."""
    import torchio

    # Without the crop, which TorchIO has for masks only.
    steps = torchio.Compose(
        [
            torchio.ToCanonical(),
            torchio.Resample(1.5),
            torchio.Clamp(-175, 250),
            torchio.RescaleIntensity((0, 1), in_min_max=(-175, 250)),
        ]
    )
    subjects = [
        torchio.Subject(image=torchio.ScalarImage(files["image"]), label=torchio.LabelMap(files["label"]))
        for files in _files(data, cases)
    ]
    return rate(DataLoader(torchio.SubjectsDataset(subjects, steps), batch_size=None, num_workers=workers), cases)


def monai_patches(out: list[dict[str, str]], cache: Path, count: int, workers: int, size: int) -> float:
    """MONAI's random crops from a cache on the disk that is full."""
    from monai.data import PersistentDataset
    from monai.transforms import Compose, LoadImaged, RandCropByPosNegLabeld

    both = ["image", "label"]
    steps = Compose(
        [
            LoadImaged(both, ensure_channel_first=True),
            RandCropByPosNegLabeld(both, "label", (size,) * 3, pos=1, neg=1, num_samples=1, allow_smaller=True),
        ]
    )
    files = [{key: case[key] for key in both} for case in out]
    data = PersistentDataset(files, steps, cache_dir=cache)
    for number in range(len(data)):
        data[number]
    rounds = -(-count // len(data))
    loader = DataLoader(
        torch.utils.data.ConcatDataset([data] * rounds), batch_size=None, num_workers=workers, shuffle=True
    )
    return rate(loader, min(count, len(data) * rounds))


def _files(data: Path, cases: int) -> list[dict[str, str]]:
    return [
        {"image": str(data / f"c{case:02d}_i.nii.gz"), "label": str(data / f"c{case:02d}_l.nii.gz")}
        for case in range(cases)
    ]


def tried(work: Callable[[], float]) -> float | None:
    """A figure, or None where a library is missing."""
    try:
        return work()
    except ImportError as missing:
        print(f"left out: {missing}", file=sys.stderr)
        return None


def main() -> None:
    """Time all, and print the figures as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    for name, value in (
        ("cases", 40),
        ("size", 128),
        ("workers", 2),
        ("patches", 200),
        ("patch", 96),
        ("large", 6),
        ("large-size", 256),
    ):
        options.add_argument(f"--{name}", type=int, default=value)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data, out = place / "data", place / "out"
        data.mkdir()
        scans(data, given.cases, given.size)
        (place / "p.yaml").write_text(PIPELINE)
        loader = DataLoader(CaseDataset(place / "p.yaml", data), batch_size=None, num_workers=given.workers)
        cases = {
            "revoxel": rate(loader, given.cases),
            "MONAI Dataset": tried(lambda: monai_cases(data, given.cases, given.workers)),
            "TorchIO SubjectsDataset": tried(lambda: torchio_cases(data, given.cases, given.workers)),
        }
        revoxel.run(place / "p.yaml", data, out, progress=False)
        assert len(outputs(out)) == given.cases
        written = large(place, given.large, given.large_size)
        drawn = PatchDataset(written, (given.patch,) * 3, label="label")
        warm = given.large * given.workers
        drawing = iter(DataLoader(drawn, batch_size=None, num_workers=given.workers))
        for _ in range(warm):
            next(drawing)
        patches = {
            "revoxel": rate(drawing, given.patches),
            "MONAI PersistentDataset": tried(
                lambda: monai_patches(written, place / "cache", given.patches, given.workers, given.patch)
            ),
        }
        files = _files(data, 1)[0]
        pipeline = revoxel.Pipeline.load(place / "p.yaml")
        start = time.perf_counter()
        for _ in range(10):
            volume = pipeline(files)["image"]
        call = (time.perf_counter() - start) / 10
        start = time.perf_counter()
        for _ in range(10_000):
            volume.xyz  # noqa: B018
        view = (time.perf_counter() - start) / 10_000
    code = "import numpy, time; t = time.perf_counter(); import revoxel; print(time.perf_counter() - t)"
    starts = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    figures = {
        "cases_per_second": cases,
        "patches_per_second": patches,
        "call_seconds": call,
        "view_microseconds": view * 1e6,
        "import_seconds": min(starts),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
