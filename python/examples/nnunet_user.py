"""A raw dataset of nnU-Net becomes the folder that nnU-Net trains on, and predictions come home by the trace."""

# %% A raw dataset and the plans that nnU-Net made for it: `python nnunet_user.py RAW`, or a small one of the tests.
import sys
import tempfile
from pathlib import Path

import numpy as np

import revoxel
from revoxel import nnunet

fixtures = Path(__file__).resolve().parents[2] / "tests/fixtures/nnunet"
raw = Path(sys.argv[1]) if len(sys.argv) > 1 else fixtures / "turned"
folder = Path(tempfile.mkdtemp())

# %% The folder: arrays, properties, segmentations for the validation, folds, and a trace of each case.
told = nnunet.preprocess(raw, raw / "plans.json", folder / "preprocessed", format="npz")
for configuration, about in told.items():
    print(configuration, about["folder"])
    for case in about["cases"]:
        print("  ", case["case"], case["outcome"])
        assert case["outcome"] == "done"

# %% nnU-Net's arrays are (channel, z, y, x) in the order of its plans.
place = Path(told["3d_fullres"]["folder"])
arrays = np.load(next(place.glob("*.npz")))
print("data", arrays["data"].shape, arrays["data"].dtype, "seg", arrays["seg"].shape)

# %% Whatever a network makes of them comes home: here, what was 1 in the segmentation.
trace = revoxel.Trace.load(next((place / "traces").glob("*.json")))
seg = arrays["seg"][0]
logits = np.stack([(seg < 1), (seg >= 1)]).astype(np.float32) * 10
back = trace.invert(logits, argmax=True, axes="czyx")
assert back.grid == trace.source_grid
assert back.xyz.any()
print("ok")
