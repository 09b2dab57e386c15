"""Records what MONAI and nnU-Net give, for test_windows.py: needs both, and writes windows.json and windows.npz beside itself.

The arrays that go in are made from formulas (`volume`, `model` in test_windows.py), so that only answers are recorded.
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nnunetv2.inference.predict_from_raw_data as nnunet
import numpy as np
import torch
from monai.data.utils import compute_importance_map, dense_patch_slices, get_valid_patch_size
from monai.inferers.utils import _get_scan_interval, sliding_window_inference
from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window
from test_windows import GAUSSIANS, PLACES, PREDICTIONS, model, thinned, volume

HERE = Path(__file__).parent


class Network(torch.nn.Module):
    """The model of the tests, as a module."""

    def forward(self, block: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(model(block.numpy()))


def of_monai(case: dict[str, Any]) -> np.ndarray:
    """The prediction of a case, (classes, x, y, z)."""
    given = torch.from_numpy(volume(case["shape"])[None])
    arguments = {"overlap": case["overlap"], "mode": case["blend"], "padding_mode": case["padding"]}
    return sliding_window_inference(given, case["window"], case["batch"], Network(), **arguments)[0].numpy()


def of_nnunet(case: dict[str, Any], half: bool) -> np.ndarray:
    """The prediction of nnU-Net's own predictor; its sums are float16, or float32 with `half=False`."""
    predictor = nnunet.nnUNetPredictor(
        tile_step_size=case["step"],
        use_gaussian=case["blend"] == "gaussian",
        use_mirroring=bool(case["mirror"]),
        perform_everything_on_device=False,
        device=torch.device("cpu"),
        allow_tqdm=False,
    )
    predictor.network = Network()
    predictor.allowed_mirroring_axes = case["mirror"]
    predictor.configuration_manager = SimpleNamespace(patch_size=case["window"])
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=3)
    kept = torch.half
    try:
        # The weights stay float16: their type is an argument's default.
        torch.half = kept if half else torch.float32
        return predictor.predict_sliding_window_return_logits(torch.from_numpy(volume(case["shape"]))).float().numpy()
    finally:
        torch.half = kept


def monai_places(shape: list[int], window: list[int], overlap: float) -> list[list[int]]:
    """The first index of MONAI's windows along each axis."""
    padded = tuple(max(n, w) for n, w in zip(shape, window, strict=True))
    interval = _get_scan_interval(padded, window, 3, [overlap] * 3)
    slices = dense_patch_slices(padded, get_valid_patch_size(padded, window), interval)
    before = [(p - n) // 2 for p, n in zip(padded, shape, strict=True)]
    return [sorted({int(part[axis].start) - before[axis] for part in slices}) for axis in range(3)]


def nnunet_places(shape: list[int], window: list[int], overlap: float) -> list[list[int]]:
    """The first index of nnU-Net's windows along each axis."""
    padded = tuple(max(n, w) for n, w in zip(shape, window, strict=True))
    steps = compute_steps_for_sliding_window(padded, tuple(window), round(1 - overlap, 12))
    return [[s - (p - n) // 2 for s in along] for along, p, n in zip(steps, padded, shape, strict=True)]


def main() -> None:
    """Writes both files."""
    versions = {name: importlib.metadata.version(name) for name in ("monai", "nnunetv2", "torch", "numpy", "scipy")}
    places = [{**case, "monai": monai_places(**case), "nnunet": nnunet_places(**case)} for case in PLACES]
    arrays: dict[str, np.ndarray] = {}
    for window in GAUSSIANS:
        name = "x".join(map(str, window))
        arrays[f"gaussian/monai/{name}"] = thinned(compute_importance_map(tuple(window), mode="gaussian").numpy())
        theirs = compute_gaussian(tuple(window), 1 / 8, 10, device=torch.device("cpu"))
        arrays[f"gaussian/nnunet/{name}"] = thinned(theirs.numpy())
    for name, case in PREDICTIONS.items():
        if case["rule"] == "monai":
            arrays[name] = thinned(of_monai(case))
        else:
            arrays[name] = thinned(of_nnunet(case, half=False))
            arrays[name + "/half"] = thinned(of_nnunet(case, half=True)).astype(np.float16)
    np.savez_compressed(HERE / "windows.npz", **arrays)
    text = json.dumps({"versions": versions, "places": places}, separators=(",", ":"))
    (HERE / "windows.json").write_text(text.replace('{"shape"', '\n{"shape"') + "\n")


if __name__ == "__main__":
    main()
