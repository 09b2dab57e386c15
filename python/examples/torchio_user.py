"""TorchIO: images in and out, and the history of a subject as a trace that inverts in any process."""

# %% A scan.
import tempfile
from pathlib import Path

import numpy as np
import torchio
from scan import make, model

import revoxel

folder = Path(tempfile.mkdtemp())
path, pipeline_file = make(folder)
scan = revoxel.read(path)

# %% A subject through a pipeline, and TorchIO's images of what came out.
subject = torchio.Subject(image=torchio.ScalarImage(path))
case = revoxel.Pipeline.load(pipeline_file)({"image": subject["image"]}, case="patient")
prepared = torchio.Subject(image=case["image"].to_torchio())
print("the model sees", prepared.shape, prepared.spacing)
labels = case.trace.invert(model(prepared["image"].data[0].numpy()), argmax=True)
assert labels.grid.shape == scan.shape
assert scan.xyz[labels.xyz == 1].mean() > 250

# %% A subject that TorchIO prepared alone: its history makes a trace. Random crops and pads are in it as they were drawn.
transform = torchio.Compose(
    [
        torchio.ToCanonical(),
        torchio.Resample((1.5, 1.5, 2.0)),
        torchio.CropOrPad((32, 40, 28)),
        torchio.ZNormalization(),
    ]
)
theirs = transform(subject)
trace = revoxel.trace_from_torchio(theirs)
prediction = (theirs["image"].data[0].numpy() > 6).astype(np.uint8)
back = trace.invert(prediction, kind="label")
assert back.grid.shape == scan.shape
inside = scan.xyz[back.xyz == 1]
print(f"{inside.size} voxels, mean intensity {inside.mean():.0f}")
assert inside.mean() > 200
print("ok")
