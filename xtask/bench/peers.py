"""What the peers take for the work that `cargo xtask bench` measures: peers.py GROUP FOLDER. Prints one JSON object.

Groups: main_sitk, main_nibabel, main_torchio, main_monai (the main job, one process each), sitk, torch, scipy, nnunet
(kernels), files, dicom. Compressed files are read from a folder where no uncompressed file lies beside them: ITK takes
ct.nii where it is asked for ct.nii.gz. Versions as in xtask/parity/requirements.txt, and nnunetv2==2.8.1. Seconds are medians of a few
runs, of one run where a run takes long.
"""
import json
import os
import resource
import statistics
import sys
import time

GROUP, FOLDER = sys.argv[1:3]
os.chdir(FOLDER)
os.makedirs("peers", exist_ok=True)
ROWS = {}
SIZE = [359, 359, 450]


def timed(name, work, runs=3):
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
        del result
    ROWS[name] = round(statistics.median(seconds), 4)


def main_sitk():
    import SimpleITK as sitk

    def work():
        image, label = sitk.ReadImage("data/ct.nii.gz"), sitk.ReadImage("data/seg.nii.gz")
        turned, turned_label = sitk.DICOMOrient(image, "LPS"), sitk.DICOMOrient(label, "LPS")
        size = [round((n - 1) * s) + 1 for n, s in zip(turned.GetSize(), turned.GetSpacing())]

        def onto(volume, how, outside):
            grid = (turned.GetOrigin(), (1, 1, 1), turned.GetDirection())
            return sitk.Resample(volume, size, sitk.Transform(), how, *grid, outside)

        means = onto(sitk.Cast(turned, sitk.sitkFloat32), sitk.sitkLinear, -1024)
        labels = onto(turned_label, sitk.sitkNearestNeighbor, 0)
        sitk.WriteImage(means, "peers/i.nii.gz", True)
        sitk.WriteImage(labels, "peers/l.nii.gz", True)
        back = sitk.Resample(labels, label, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
        sitk.WriteImage(back, "peers/b.nii.gz", True)

    timed("main_job", work, 1)


def main_nibabel():
    import nibabel as nib
    from nibabel.processing import resample_from_to, resample_to_output

    def work():
        image, label = nib.load("data/ct.nii.gz"), nib.load("data/seg.nii.gz")
        turned, turned_label = nib.as_closest_canonical(image), nib.as_closest_canonical(label)
        means = resample_to_output(turned, (1, 1, 1), order=1)
        labels = resample_to_output(turned_label, (1, 1, 1), order=0)
        nib.save(means, "peers/i.nii.gz")
        nib.save(labels, "peers/l.nii.gz")
        nib.save(resample_from_to(labels, label, order=0), "peers/b.nii.gz")

    timed("main_job", work, 1)


def main_torchio():
    import torchio as tio

    def work():
        case = tio.Subject(image=tio.ScalarImage("data/ct.nii.gz"), label=tio.LabelMap("data/seg.nii.gz"))
        case.load()
        case = tio.Resample(1.0)(tio.ToCanonical()(case))
        case.image.save("peers/i.nii.gz")
        case.label.save("peers/l.nii.gz")
        tio.Resample("data/ct.nii.gz")(tio.Subject(label=case.label)).label.save("peers/b.nii.gz")

    timed("main_job", work, 1)


def main_monai():
    import torch
    from monai.transforms import Compose, EnsureChannelFirstd, Invertd, LoadImaged, Orientationd, SaveImaged, Spacingd

    keys = ["image", "label"]

    def work():
        steps = Compose([
            LoadImaged(keys), EnsureChannelFirstd(keys), Orientationd(keys, "RAS"),
            Spacingd(keys, (1.0, 1.0, 1.0), mode=("bilinear", "nearest")),
        ])
        case = steps({"image": "data/ct.nii.gz", "label": "data/seg.nii.gz"})
        save = {"output_dir": "peers", "separate_folder": False, "print_log": False}
        SaveImaged(keys, output_postfix="p", **save)(case)
        case["pred"] = case["label"].clone()
        case["pred"].applied_operations = case["image"].applied_operations
        case = Invertd(keys="pred", transform=steps, orig_keys="image", nearest_interp=True)(case)
        SaveImaged(["pred"], output_postfix="b", output_dtype="uint8", **save)({"pred": case["pred"].to(torch.uint8)})

    timed("main_job", work, 1)


def sitk():
    import SimpleITK as sitk

    image, label = sitk.Cast(sitk.ReadImage("ct.nii"), sitk.sitkFloat32), sitk.ReadImage("seg.nii")

    def onto(volume, how, direction, outside):
        return lambda: sitk.Resample(
            volume, SIZE, sitk.Transform(), how, volume.GetOrigin(), (1, 1, 1), direction, outside
        )

    same, straight = image.GetDirection(), (1, 0, 0, 0, 1, 0, 0, 0, 1)
    timed("linear_axis", onto(image, sitk.sitkLinear, same, -1024))
    timed("linear_oblique", onto(image, sitk.sitkLinear, straight, -1024))
    timed("nearest_axis", onto(label, sitk.sitkNearestNeighbor, same, 0))
    timed("cubic_axis", onto(image, sitk.sitkBSpline, same, -1024), 1)
    timed("label_axis", onto(label, sitk.sitkLabelGaussian, same, 0), 1)


def torch():
    import numpy as np
    import SimpleITK as sitk
    import torch
    from torch.nn.functional import interpolate

    image = torch.from_numpy(sitk.GetArrayFromImage(sitk.ReadImage("ct.nii")).astype(np.float32))[None, None]
    timed("linear_axis", lambda: interpolate(image, size=SIZE[::-1], mode="trilinear", align_corners=False))
    timed("nearest_axis", lambda: interpolate(image, size=SIZE[::-1], mode="nearest-exact"))
    del image
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 14, 150, 120, 120)).astype(np.float32))
    timed("logits14_argmax", lambda: interpolate(logits, size=(300, 512, 512), mode="trilinear").argmax(1), 1)


def scipy():
    import numpy as np
    import SimpleITK as sitk
    from scipy.ndimage import zoom

    image = sitk.GetArrayFromImage(sitk.ReadImage("ct.nii")).astype(np.float32)
    factors = (450 / 300, 359 / 512, 359 / 512)
    timed("linear_axis", lambda: zoom(image, factors, order=1), 1)
    timed("cubic_axis", lambda: zoom(image, factors, order=3), 1)


def nnunet():
    import numpy as np
    import SimpleITK as sitk
    from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape as resample

    image = sitk.GetArrayFromImage(sitk.ReadImage("ct.nii")).astype(np.float32)[None]
    label = sitk.GetArrayFromImage(sitk.ReadImage("seg.nii"))[None].astype(np.int8)
    there = (SIZE[::-1], (1.5, 0.7, 0.7), (1.0, 1.0, 1.0))
    order = {"order_z": 0, "force_separate_z": None}
    timed("cubic_axis", lambda: resample(image, *there, is_seg=False, order=3, **order), 1)
    timed("label_axis", lambda: resample(label, *there, is_seg=True, order=1, **order), 1)
    logits = np.random.default_rng(0).normal(size=(14, 150, 120, 120)).astype(np.float32)
    back = ([300, 512, 512], (3.0, 3.0, 3.0), (1.5, 0.7, 0.7))
    timed("logits14_argmax", lambda: resample(logits, *back, is_seg=False, order=1, **order).argmax(0), 1)


def files():
    import nibabel as nib
    import numpy as np
    import SimpleITK as sitk

    timed("read_nii_gz:SimpleITK", lambda: sitk.ReadImage("data/ct.nii.gz"))
    timed("read_nii_gz:nibabel", lambda: np.asanyarray(nib.load("data/ct.nii.gz").dataobj))
    image = sitk.ReadImage("ct.nii")
    timed("write_nii_gz:SimpleITK", lambda: sitk.WriteImage(image, "peers/s.nii.gz", True), 1)
    timed("write_nii_gz:nibabel", lambda: nib.save(nib.load("ct.nii"), "peers/n.nii.gz"))
    ROWS["size_nii_gz:nibabel"] = os.path.getsize("peers/n.nii.gz")


def dicom():
    import SimpleITK as sitk

    def work():
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames("dcm"))
        return reader.Execute()

    timed("read_dicom_300", work)


def make_dicom():
    """300 slices of ct.nii as a DICOM folder: oblique, from the top down, under random names."""
    import numpy as np
    import pydicom
    import SimpleITK as sitk
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    voxels = sitk.GetArrayFromImage(sitk.ReadImage("ct.nii"))
    os.makedirs("dcm", exist_ok=True)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    names = np.random.default_rng(1).permutation(len(voxels))
    tilt = np.deg2rad(2.1)
    row, column = np.array([np.cos(tilt), 0, np.sin(tilt)]), np.array([0.0, 1, 0])
    normal, origin = np.cross(row, column), np.array([-191.8, -176.1, 86.6])
    for position, plane in enumerate(voxels):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.Modality, data.PatientID, data.PatientName = "CT", "P1", "X"
        data.SeriesInstanceUID, data.StudyInstanceUID, data.FrameOfReferenceUID = series, study, frame
        data.InstanceNumber, data.SeriesNumber, data.ImageType = position + 1, 2, ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.SliceThickness, data.PixelSpacing = "1.1", ["0.8", "0.8"]
        data.ImageOrientationPatient = [f"{v:.10g}" for v in (*row, *column)]
        data.ImagePositionPatient = [f"{v:.10g}"[:16] for v in origin - normal * 1.1 * position]
        data.Rows, data.Columns = plane.shape
        data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 1
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.RescaleIntercept, data.RescaleSlope = "-1024", "1"
        data.PixelData = (plane.astype(np.int16) + 1024).astype(np.int16).tobytes()
        data.save_as(f"dcm/IM{names[position]:05d}", enforce_file_format=True)


globals()[GROUP]()
ROWS["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps(ROWS))
