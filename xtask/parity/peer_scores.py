"""The rows that MONAI writes of what a model says of whole images."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from monai.transforms import SaveClassificationd

from casebook import Casebook


def record() -> Casebook:
    versions = {name: version(name).split("+")[0] for name in ["monai", "numpy"]}
    book = Casebook("scores", "", versions)
    book.label = f"monai {versions['monai']}"
    random = np.random.default_rng(3)
    arrays = {
        "class": np.array([2], dtype=np.int64),
        "alone": np.array(0.1, dtype=np.float32),
        "probabilities": random.dirichlet([1.0] * 5).astype(np.float32),
        "logits": random.normal(0, 40, (1, 7)),
        "table": random.normal(0, 1e-9, (3, 4)),
        "flags": np.array([True, False, True]),
        "extreme": np.array([1e300, -5e-324, 0.0, -0.0, np.inf, -np.inf, np.nan, 2.0**53]),
    }
    for name, array in arrays.items():
        with tempfile.TemporaryDirectory() as folder:
            SaveClassificationd("pred", output_dir=folder, filename="t.csv")(
                {"pred": array, "pred_meta_dict": {"filename_or_obj": f"{name}.nrrd"}})
            row = (Path(folder) / "t.csv").read_text()
        book.lists.setdefault("rows", []).append(
            {"name": name, "op": "SaveClassificationd", "dtype": array.dtype.str, "shape": list(array.shape),
             "hex": array.tobytes().hex(), "row": row})
    return book
