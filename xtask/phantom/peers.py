"""Brings the predictions of `cargo xtask phantom` back with SimpleITK and MONAI, as far as they are installed.

    python peers.py FOLDER

Prints a line for each result: program, way back, file, divided by tabs."""
import pathlib
import sys

import numpy as np


def sitk_image(array, affine):
    """An image of an array (x, y, z) on a grid whose affine is RAS."""
    import SimpleITK as sitk
    lps = np.diag([-1, -1, 1, 1]) @ affine
    size = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.SetSpacing(size.tolist())
    image.SetDirection((lps[:3, :3] / size).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def with_sitk(labels, logits, model, native, shape):
    import SimpleITK as sitk
    reference = sitk_image(np.zeros(shape, np.uint8), native)

    def back(array, how):
        image = sitk.Resample(sitk_image(array, model), reference, sitk.Transform(), how, 0.0)
        return sitk.GetArrayFromImage(image).transpose(2, 1, 0)

    def highest(how):
        return np.argmax([back(channel, how) for channel in logits], 0)

    yield "SimpleITK", "label map, nearest", back(labels, sitk.sitkNearestNeighbor)
    yield "SimpleITK", "label map, LabelGaussian", back(labels, sitk.sitkLabelGaussian)
    yield "SimpleITK", "logits, linear, argmax", highest(sitk.sitkLinear)
    yield "SimpleITK", "logits, BSpline, argmax", highest(sitk.sitkBSpline)


def with_monai(labels, logits, model, native, shape):
    import torch
    from monai.data import MetaTensor
    from monai.transforms import SpatialResample

    def back(array, mode):
        tensor = MetaTensor(torch.as_tensor(array, dtype=torch.float32), affine=torch.as_tensor(model))
        resample = SpatialResample(mode=mode, padding_mode="border", dtype=torch.float64)
        return resample(tensor, dst_affine=torch.as_tensor(native), spatial_size=shape).numpy()

    yield "MONAI", "label map, nearest", back(labels[None], "nearest")[0]
    yield "MONAI", "logits, bilinear, argmax", back(logits, "bilinear").argmax(0)
    yield "MONAI", "logits, spline of order 3, argmax", back(logits, 3).argmax(0)


def main(folder):
    import nibabel
    scan = nibabel.load(folder / "data/scan.nii")
    for place in sorted(folder.glob("p*")):
        model = nibabel.load(place / "scan.nii").affine
        labels, logits = np.load(place / "labels.npy"), np.load(place / "logits.npy")
        for program in (with_sitk, with_monai):
            try:
                for name, way, map_ in program(labels, logits, model, scan.affine, scan.shape):
                    file = place / f"{name}-{way.split(', ')[0].replace(' ', '-')}-{way.split(', ')[1].replace(' ', '-')}.nii"
                    image = nibabel.Nifti1Image(np.asarray(map_, np.int16), scan.affine)
                    nibabel.save(image, file)
                    print(name, way, file, sep="\t")
            except ImportError as error:
                print(f"{program.__name__}: {error}", file=sys.stderr)


main(pathlib.Path(sys.argv[1]))
