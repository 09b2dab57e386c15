"""MONAI's answers: spatial, intensity and inverse transforms on MetaTensors."""

from __future__ import annotations

import warnings

import monai
import torch

import monai_exact
import monai_invert
import monai_resample
from casebook import Casebook


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0]}
    book = Casebook("monai", monai.__version__, versions)
    for part in [monai_resample, monai_exact, monai_invert]:
        part.add(book)
    return book
