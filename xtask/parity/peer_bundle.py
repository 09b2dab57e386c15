"""MONAI's bundles: what `monai.bundle.ConfigParser` makes of a configuration, run on files.

The grids are not oblique: the float32 header of an oblique one is orthogonal to some 1e-8 only, and whether Spacingd
then keeps the first voxel or the middle of the volume is decided by that noise.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import monai
import nibabel as nib
import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose

import grids
import volumes
from casebook import Casebook
from monai_steps import arrays

SEGMENTATION = """{
  "image_key": "image",
  "keys": ["@image_key", "label"],
  "pixdim": [1.07, 1.31, 1.93],
  "device": "$torch.device('cpu')",
  "window": { "low": -160, "high": 240 },
  "preprocessing": {
    "_target_": "Compose",
    "transforms": [
      { "_target_": "LoadImaged", "keys": "@keys", "image_only": true },
      { "_target_": "EnsureChannelFirstd", "keys": "@keys" },
      { "_target_": "Orientationd", "keys": "@keys", "axcodes": "RAS" },
      { "_target_": "Spacingd", "keys": "@keys", "pixdim": "@pixdim", "mode": ["bilinear", "nearest"] },
      { "_target_": "ScaleIntensityRanged", "keys": "@image_key", "a_min": "@window#low", "a_max": "%window#high",
        "b_min": 0.0, "b_max": 1.0, "clip": true },
      { "_target_": "CropForegroundd", "keys": "@keys", "source_key": "@image_key", "margin": 1,
        "allow_smaller": true },
      { "_target_": "SpatialPadd", "keys": "@keys", "spatial_size": [14, 12, 10] },
      { "_target_": "RandFlipd", "_disabled_": true, "keys": "@keys", "prob": 0.5 },
      { "_target_": "EnsureTyped", "keys": "@keys", "device": "@device" }
    ]
  },
  "postprocessing": {
    "_target_": "Compose",
    "transforms": [
      { "_target_": "Activationsd", "keys": "pred", "softmax": true },
      { "_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "@image_key",
        "nearest_interp": false, "to_tensor": true },
      { "_target_": "AsDiscreted", "keys": "pred", "argmax": true },
      { "_target_": "KeepLargestConnectedComponentd", "keys": "pred", "applied_labels": [1, 2] }
    ]
  }
}
"""

NORMALISED = """# One key, one class, and labels made on the model's grid.
train:
  preprocessing:
    _target_: Compose
    transforms:
    - _target_: LoadImaged
      keys: image
      image_only: true
    - _target_: EnsureChannelFirstd
      keys: image
    - _target_: Spacingd
      keys: image
      pixdim: [1.4, 1.4, -1]
      mode: bilinear
    - _target_: NormalizeIntensityd
      keys: image
      nonzero: true
      channel_wise: true
    - _target_: DivisiblePadd
      keys: image
      k: 8
    - _target_: Flipd
      keys: image
      spatial_axis: [0, 2]
postprocessing:
  _target_: Compose
  transforms:
  - _target_: Activationsd
    keys: pred
    sigmoid: true
  - _target_: AsDiscreted
    keys: pred
    threshold: 0.6
  - _target_: Invertd
    keys: pred
    transform: '@train#preprocessing'
    orig_keys: image
"""

# Images are not padded with zeros: MONAI mixes them into the outermost half voxel. Values from 0 to 1 first: positions are float32 in parts of MONAI, which shows in proportion to the values. Nothing
# of predictions: three interpolations are undone one by one there, and in one pass here.
TURNED = """# Turned, scaled and moved, with every mode and padding written out.
pair: [image, label]
preprocessing:
- _target_: LoadImaged
  keys: '@pair'
  image_only: true
- _target_: EnsureChannelFirstd
  keys: '@pair'
- _target_: ScaleIntensityRanged
  keys: image
  a_min: -1024
  a_max: 1500
  b_min: 0
  b_max: 1
- _target_: Rotated
  keys: '@pair'
  angle: [0.21, -0.13, 0.34]
  keep_size: false
  mode: [bilinear, nearest]
  padding_mode: [border, zeros]
  dtype: float64
- _target_: Zoomd
  keys: '@pair'
  zoom: [1.3, 0.7, 1.17]
  keep_size: false
  mode: [trilinear, nearest-exact]
- _target_: Affined
  keys: '@pair'
  rotate_params: [-0.11, 0.07, 0.23]
  shear_params: [0.05, -0.03, 0.02, 0.04, 0.01, -0.06]
  translate_params: [1.3, -2.1, 0.7]
  scale_params: [1.11, 0.93, 1.04]
  spatial_size: [15, 13, 12]
  mode: [bilinear, nearest]
  padding_mode: [border, zeros]
  dtype: float64
"""


def _logits(shape, affine, channels: int, centre) -> np.ndarray:
    """Blobs about the middle of the patient: nothing is foreground near the rim of what the model saw."""
    index = np.indices(shape).reshape(3, -1)
    world = (affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, *shape)
    logits = []
    for channel in range(channels):
        shift = np.array([1.7, -1.1, 0.9]) * channel
        away = np.sqrt(sum((world[a] - centre[a] - shift[a]) ** 2 for a in range(3)))
        logits.append(2.6 - away + 0.4 * np.sin(1.3 * world[0] + channel) if channels == 1 or channel
                      else np.full(shape, 0.0))
    return np.stack(logits).astype(np.float32)


def _run(book: Casebook, name: str, suffix: str, config: str, ids: tuple, inputs: dict, channels: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"config.{suffix}"
        path.write_text(config)
        parser = ConfigParser()
        parser.read_config(str(path))
        case = {}
        for key, volume in inputs.items():
            case[key] = str(Path(folder) / f"{key}.nii")
            image = nib.Nifti1Image(volume.data[0], volume.affine)
            image.set_sform(volume.affine, 1)
            nib.save(image, case[key])
        before = parser.get_parsed_content(ids[0])
        before = Compose(before) if isinstance(before, list) else before
        result = before(case)
        row = {"name": name, "suffix": suffix, "config": config, "transforms": ids[0],
               "inputs": {key: book.volume(volume) for key, volume in inputs.items()}, "outputs": {}}
        for key in inputs:
            data, affine = arrays(result[key])
            row["outputs"][key] = book.answer(f"{name}.{key}", data, affine)
        book.lists["bundles"].append(row)
        if channels == 0:
            return
        after = parser.get_parsed_content(ids[1])
        volume = inputs["image"]
        _, affine = arrays(result["image"])
        logits = _logits(data.shape[1:], affine, channels, grids.centre(volume.affine, volume.shape))
        row["prediction"] = book.prediction(name, logits, "logit")
        restored = after({**result, "pred": MetaTensor(torch.as_tensor(logits), affine=torch.as_tensor(affine))})
        data, affine = arrays(restored["pred"])
        if not 0.005 < (data > 0).mean() < 0.3:
            raise ValueError(f"{name}: {(data > 0).mean()} of the voxels are foreground")
        row["restored"] = book.answer(f"{name}.restored", data.astype(np.uint8), affine)


def record() -> Casebook:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    versions = {"monai": monai.__version__, "torch": torch.__version__.split("+")[0], "nibabel": nib.__version__}
    book = Casebook("bundle", monai.__version__, versions)
    book.lists["bundles"] = []
    _run(book, "segmentation", "json", SEGMENTATION, ("preprocessing", "postprocessing"),
         {"image": volumes.ct("b", "pir"), "label": volumes.label("b", "pir")}, 3)
    _run(book, "normalised", "yaml", NORMALISED, ("train#preprocessing", "postprocessing"),
         {"image": volumes.full("b", "lps")}, 1)
    _run(book, "turned", "yaml", TURNED, ("preprocessing",),
         {"image": volumes.ct("b", "mirrored"), "label": volumes.label("b", "mirrored")}, 0)
    return book
