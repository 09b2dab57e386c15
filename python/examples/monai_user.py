"""A pipeline among MONAI's transforms; Invertd brings the prediction home. And traces of what MONAI did alone."""

# %% A scan.
import tempfile
from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, EnsureChannelFirstd, Invertd, LoadImaged, Orientationd, RandFlipd, Spacingd
from scan import make, model

import revoxel
from revoxel.monai import Revoxeld

folder = Path(tempfile.mkdtemp())
path, pipeline_file = make(folder)

# %% The pipeline is one transform of the chain.
chain = Compose(
    [LoadImaged("image"), EnsureChannelFirstd("image"), Revoxeld("image", pipeline_file), RandFlipd("image", prob=1.0)]
)
item = chain({"image": str(path)})
print("the model sees", tuple(item["image"].shape), "with the affine\n", item["image"].affine.numpy().round(2))

# %% A prediction, and MONAI's own way back.
scores = model(item["image"][0].numpy())
item["pred"] = MetaTensor(torch.from_numpy(scores.argmax(0)[None].astype(np.uint8)), meta=item["image"].meta)
home = Invertd("pred", chain, orig_keys="image", nearest_interp=True)(item)["pred"]
scan = revoxel.read(path)
assert tuple(home.shape[1:]) == scan.shape
inside = scan.xyz[home[0].numpy() == 1]
print(f"{inside.size} voxels, mean intensity {inside.mean():.0f}")
assert inside.mean() > 250

# %% Predictions of a chain without revoxel come home, too: what MONAI recorded makes a trace.
plain = Compose(
    [
        LoadImaged("image"),
        EnsureChannelFirstd("image"),
        Orientationd("image", "RAS", labels=None),
        Spacingd("image", (1.5, 1.5, 2.0)),
    ]
)
prepared = plain({"image": str(path)})["image"]
trace = revoxel.trace_from_monai(prepared)
labels = (prepared[0].numpy() > 240).astype(np.uint8)
back = trace.invert(labels, kind="label")
assert back.grid == scan.grid
assert scan.xyz[back.xyz == 1].mean() > 250
print("ok")
