"""SimpleITK in, SimpleITK out: the mask lies on the image that was read, whatever happened between."""

# %% A scan.
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scan import make, model

import revoxel

folder = Path(tempfile.mkdtemp())
path, pipeline_file = make(folder)

# %% Read with SimpleITK, prepare with a pipeline. The image is taken with its origin, spacing and direction.
image = sitk.ReadImage(str(path))
pipeline = revoxel.Pipeline.load(pipeline_file)
case = pipeline({"image": image}, case="patient")
volume = case["image"]
print("the model sees", volume.shape, "voxels of", volume.spacing, "mm, axes", volume.axcodes)

# %% NumPy as SimpleITK has it: (z, y, x), the same memory.
assert np.shares_memory(volume.zyx, volume.xyz)
logits = model(volume.xyz)

# %% Back, as a SimpleITK image on the grid of the scan.
mask = case.trace.invert(logits, argmax=True).to_sitk()
assert mask.GetSize() == image.GetSize()
for ours, theirs in (
    (mask.GetOrigin(), image.GetOrigin()),
    (mask.GetSpacing(), image.GetSpacing()),
    (mask.GetDirection(), image.GetDirection()),
):
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
inside = sitk.GetArrayViewFromImage(image)[sitk.GetArrayViewFromImage(mask) == 1]
print(f"{inside.size} voxels, mean intensity {inside.mean():.0f}")
assert inside.mean() > 250

# %% In another process, tomorrow: the trace is a file.
case.trace.save(folder / "patient-trace.json")
again = revoxel.Trace.load(folder / "patient-trace.json").invert(logits, argmax=True)
np.testing.assert_array_equal(again.zyx, sitk.GetArrayViewFromImage(mask))
print("ok")
