"""The answers of MONAI, TorchIO, nnU-Net and SimpleITK for the later spatial transforms."""

from __future__ import annotations

import warnings
from importlib.metadata import version

import torch

import monai_spatial
import others_spatial
from casebook import Casebook


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    names = ["monai", "torch", "torchio", "nnunetv2", "SimpleITK"]
    versions = {name: version(name).split("+")[0] for name in names}
    label = ", ".join(f"{name} {versions[name]}" for name in names if name != "torch")
    book = Casebook("spatial", label, versions)
    book.label = label
    for part in [monai_spatial, others_spatial]:
        part.add(book)
    return book
