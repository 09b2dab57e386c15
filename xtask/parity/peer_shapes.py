"""The shapes that MONAI's Spacing gives, many of them where the number of voxels is a half."""

from __future__ import annotations

import itertools
from importlib.metadata import version

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Spacing

import grids
from casebook import Casebook, matrix

SIZES = [0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0, 1.1, 1.2, 1.25, 1.3, 1.4, 1.5, 1.6, 1.75, 1.8, 2.0, 2.4, 2.5, 3.0, 3.5, 5.0]


def halves() -> list[tuple[int, float, float]]:
    """Voxels and sizes for which voxels times ratio ends with a half."""
    return [(n, a, b) for a in SIZES for b in SIZES for n in range(8, 160)
            if a != b and abs((n - 1) * a / b % 1 - 0.5) < 1e-6]


def record() -> Casebook:
    versions = {name: version(name).split("+")[0] for name in ["monai", "torch", "numpy"]}
    book = Casebook("shapes", "", versions)
    book.label = f"monai {versions['monai']}"
    random = np.random.default_rng(58)
    cases = halves()
    orders = list(itertools.permutations(range(3)))
    picked = [(58, 1.75, 1.5), *(cases[i] for i in random.permutation(len(cases))[:359])]
    rows = []
    for i, (n, present, target) in enumerate(picked):
        sizes, pixdim = [present, 0.9, 2.5], [target, 1.0, 1.25]
        shape = (n, 11, 7)
        if i % 3 == 2:  # oblique, as NIfTI holds it
            turn = grids.rotation(*random.uniform(-40, 40, 3))
            linear = (turn @ np.diag(sizes)).astype(np.float32)
        else:
            linear = np.zeros((3, 3))
            for axis, world in enumerate(orders[0 if i % 3 else i % 6]):
                linear[world, axis] = sizes[axis] * random.choice([-1, 1])
            if i % 2:
                linear = linear.astype(np.float32)
        affine = grids.affine(linear, random.uniform(-200, 200, 3).astype(np.float32)) + 0.0
        image = MetaTensor(torch.zeros((1, *shape)), affine=torch.as_tensor(affine, dtype=torch.float64))
        answer = Spacing(pixdim=pixdim)(image)
        rows.append({"affine": matrix(affine), "shape": list(shape), "pixdim": pixdim, "expected": list(answer.shape[1:]),
                     "expected_affine": matrix(answer.affine.numpy())})
    book.lists["shapes"] = rows
    return book
