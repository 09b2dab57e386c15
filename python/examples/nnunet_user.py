"""A raw dataset of nnU-Net becomes the folder that nnU-Net trains on, and predictions come home by the trace.

`python nnunet_user.py RAW PLANS` takes a dataset of your own (a folder of nnUNet_raw) and the plans that nnU-Net made
for it. Without them, the script writes a dataset of one case, and plans as nnU-Net writes them.
"""

# %% A raw dataset.
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from scan import make

import revoxel
from revoxel import nnunet

DATASET = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "tumour": 1},
    "numTraining": 1,
    "file_ending": ".nii.gz",
}


def make_raw(raw: Path) -> None:
    """One case, in the layout of nnU-Net: images by case and channel, and a label map."""
    scan, _ = make(raw.parent)
    for name in ("imagesTr", "labelsTr"):
        (raw / name).mkdir(parents=True)
    shutil.copy(scan, raw / "imagesTr" / "patient_0000.nii.gz")
    image = revoxel.read(scan)
    tumour = revoxel.Volume((image.xyz > 240).astype(np.uint8), grid=image.grid, kind="label")
    revoxel.write(tumour, raw / "labelsTr" / "patient.nii.gz")
    (raw / "dataset.json").write_text(json.dumps(DATASET))


def make_plans(path: Path) -> None:
    """What the import needs of nnU-Net's plans. Axes are counted as SimpleITK does: z, y, x."""
    resample, order = "resample_data_or_seg_to_shape", {"order_z": 0, "force_separate_z": None}
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "patch_size": [24, 32, 32],
        "spacing": [2.0, 1.5, 1.5],
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": resample,
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **order},
        "resampling_fn_seg": resample,
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, **order},
        "resampling_fn_probabilities": resample,
        "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, **order},
    }
    intensities = {"mean": 350.0, "std": 12.0, "median": 350.0, "min": 240.0, "max": 370.0}
    plans = {
        "dataset_name": "Dataset001_Tumour",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "label_manager": "LabelManager",
        "configurations": {"3d_fullres": configuration},
        "foreground_intensity_properties_per_channel": {
            "0": {**intensities, "percentile_00_5": 320.0, "percentile_99_5": 368.0}
        },
    }
    path.write_text(json.dumps(plans))


folder = Path(tempfile.mkdtemp())
if len(sys.argv) == 3:
    raw, plans = Path(sys.argv[1]), Path(sys.argv[2])
elif len(sys.argv) == 1:
    raw, plans = folder / "Dataset001_Tumour", folder / "nnUNetPlans.json"
    make_raw(raw)
    make_plans(plans)
else:
    sys.exit("usage: python nnunet_user.py [RAW PLANS]")

# %% The folder: arrays, properties, segmentations for the validation, folds, and a trace of each case.
told = nnunet.preprocess(raw, plans, folder / "preprocessed", format="npz")
for configuration, about in told.items():
    print(configuration, about["folder"])
    for case in about["cases"]:
        print("  ", case["case"], case["outcome"])
        assert case["outcome"] == "done"

# %% nnU-Net's arrays are (channel, z, y, x) in the order of its plans.
place = Path(told["3d_fullres"]["folder"])
first = sorted(place.glob("*.npz"))[0]
arrays = np.load(first)
print("data", arrays["data"].shape, arrays["data"].dtype, "seg", arrays["seg"].shape)

# %% Whatever a network makes of them comes home: here, what was 1 in the segmentation.
trace = revoxel.Trace.load(place / "traces" / f"{first.stem}.json")
seg = arrays["seg"][0]
logits = np.stack([(seg < 1), (seg >= 1)]).astype(np.float32) * 10
back = trace.invert(logits, argmax=True, axes="czyx")
assert back.grid == trace.source_grid
assert back.xyz.any()
if len(sys.argv) == 1:
    wanted = revoxel.read(raw / "labelsTr" / "patient.nii.gz", "label").xyz > 0
    found = back.xyz > 0
    print(f"Dice with the label map of the scan: {2 * (wanted & found).sum() / (wanted.sum() + found.sum()):.3f}")
    assert 2 * (wanted & found).sum() > 0.9 * (wanted.sum() + found.sum())
print("ok")
