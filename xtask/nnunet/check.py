"""Compares `revoxel import nnunet` with nnU-Net itself: its preprocessor, its export, its fingerprint.

    python xtask/nnunet/check.py target/debug/revoxel-under-test [--scan FILE_OR_FOLDER]... [--only WORD]
    python xtask/nnunet/check.py target/debug/revoxel-under-test --record tests/fixtures/nnunet

Needs the versions of xtask/parity/requirements.txt. Without --scan the volumes are generated: oblique, mirrored, thin
and thick slices. A scan is anything that `revoxel convert` reads, tilt and uneven slices evened out; it is treated by
plans for CT and by plans for MR. Each case gets a plans.json and a dataset.json written here. nnU-Net's
`DefaultPreprocessor.run_case` and `export_prediction_from_logits` (on smooth random logits) answer first; then
`revoxel import nnunet`, `run` and `invert` do the same from the same files. Compared are shapes (equal), images
(largest difference as a share of the range, at most 1e-3), exports and preprocessed segmentations (share of equal
voxels, at least 99.99 %; voxels of segmentations in which two labels have the same weight to nine digits are counted
apart, for there nnU-Net decides by rounding). Ends with 1 where something differs. --record writes the three smallest
cases and two small datasets, with nnU-Net's answers, as fixtures of the tests.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

for name in ["nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"]:
    os.environ.setdefault(name, tempfile.gettempdir())
warnings.filterwarnings("ignore")

import nibabel
import numpy as np
import SimpleITK as sitk
from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import DatasetFingerprintExtractor
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from scipy import ndimage

VALUES, VOXELS = 1e-3, 0.9999


def rotation(angles):
    """A rotation about all axes."""
    product = np.eye(3)
    for axis, angle in enumerate(angles):
        turn, (a, b) = np.eye(3), ((axis + 1) % 3, (axis + 2) % 3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        product = product @ turn
    return product


def affine(spacing, angles=(0.2, -0.3, 0.5), flips=(1, 1, 1)):
    """Voxel indices to RAS mm."""
    made = np.eye(4)
    made[:3, :3] = rotation(angles) @ np.diag(np.array(spacing) * flips)
    made[:3, 3] = [12.5, -30.25, 40.75]
    return made


def smooth(rng, shape, coarse, count):
    """Smooth noise, `count` channels."""
    fields = []
    for _ in range(count):
        small = rng.standard_normal([max(2, int(np.ceil(n / coarse)) + 1) for n in shape])
        zoomed = ndimage.zoom(small, [n / s for n, s in zip(shape, small.shape)], order=1, grid_mode=True, mode="nearest")
        fields.append(zoomed[tuple(slice(0, n) for n in shape)])
    return np.stack(fields).astype(np.float32)


def plans(schemes, spacing, *, transpose=(0, 1, 2), masks=None, order_z=0, force=None, reader="SimpleITKIO",
          configuration="3d_fullres", **more):
    """plans.json with what a preprocessor reads of it."""
    kwargs = {"order_z": order_z, "force_separate_z": force}
    back = [list(transpose).index(a) for a in range(3)]
    settings = {
        "data_identifier": "check", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
        "patch_size": [32, 32, 32], "median_image_size_in_voxels": [32.0, 32.0, 32.0], "spacing": list(spacing),
        "normalization_schemes": schemes, "use_mask_for_norm": masks or [False] * len(schemes),
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **kwargs},
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, **kwargs, "order_z": 0},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, **kwargs},
        "architecture": {"network_class_name": "none", "arch_kwargs": {}, "_kw_requires_import": []},
        "batch_dice": False,
    }
    properties = {str(c): {"max": 1500.0, "mean": 54.5, "median": 60.0, "min": -900.0, "percentile_00_5": -480.0,
                           "percentile_99_5": 310.5, "std": 131.25} for c in range(len(schemes))}
    return {
        "dataset_name": "Dataset001_Check", "plans_name": "nnUNetPlans", "image_reader_writer": reader,
        "transpose_forward": list(transpose), "transpose_backward": back, "label_manager": "LabelManager",
        "configurations": {configuration: settings}, "experiment_planner_used": "ExperimentPlanner",
        "foreground_intensity_properties_per_channel": properties, **more,
    }


def dataset(channels, labels=None, order=None):
    """dataset.json."""
    made = {"channel_names": {str(c): f"channel {c}" for c in range(channels)}, "numTraining": 1,
            "labels": labels or {"background": 0, "organ": 1, "lesion": 2}, "file_ending": ".nii.gz"}
    return made | ({"regions_class_order": order} if order else {})


REGIONS = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "active": 3}


class Case:
    """Images, a label map, plans."""

    def __init__(self, name, images, label, matrix, plans, dataset, configuration="3d_fullres", labelled=True):
        self.name, self.images, self.label, self.matrix = name, images, label, matrix
        self.plans, self.dataset, self.configuration, self.labelled = plans, dataset, configuration, labelled


def generated(shape, matrix, kind, seed=3, channels=1, labels=3):
    """Images as CT or MR give them, and labels."""
    rng = np.random.default_rng(seed)
    images = smooth(rng, shape, 6, channels) * 300 + smooth(rng, shape, 1.5, channels) * 60
    if kind == "ct":
        images = np.clip(np.round(images), -1024, 3000)
    else:
        images = np.round(images + 700).clip(1, None)
        at = np.stack(np.meshgrid(*[np.linspace(-1.15, 1.15, n) for n in shape], indexing="ij"))
        for c in range(channels):
            outside = sum((at[a] * (1 + 0.08 * a) - 0.04 * c) ** 2 for a in range(3)) > 1
            images[c][outside] = 0
            # Holes, which a mask fills, and a notch, which it does not.
            images[c][tuple(slice(n // 2, n // 2 + 3) for n in shape)] = 0
            images[c][shape[0] // 2, : shape[1] // 3, shape[2] // 2] = 0
    label = smooth(rng, shape, 7, labels).argmax(0).astype(np.uint8)
    return images.astype(np.int16), label


def cases():
    """All generated cases."""
    made = []

    def add(name, shape, matrix, kind, plan, labels=None, order=None, channels=1, **more):
        top = 4 if labels else 3
        images, label = generated(shape, matrix, kind, channels=channels, labels=top)
        made.append(Case(name, images, label, matrix, plan, dataset(channels, labels, order), **more))

    ct, z = ["CTNormalization"], ["ZScoreNormalization"]
    add("ct-finer", (37, 41, 29), affine((0.9, 0.8, 1.25)), "ct", plans(ct, (1.0, 0.7, 0.7)))
    add("ct-coarser", (48, 44, 40), affine((0.7, 0.7, 1.0), flips=(-1, -1, 1)), "ct", plans(ct, (1.5, 1.25, 1.25)))
    add("ct-half", (41, 43, 27), affine((0.75, 0.75, 0.5)), "ct", plans(ct, (1.0, 1.5, 1.5)))
    add("ct-same", (30, 28, 26), affine((1.0, 1.0, 1.5), (0, 0, 0)), "ct", plans(ct, (1.5, 1.0, 1.0)))
    add("ct-thick", (52, 50, 13), affine((0.7, 0.7, 5.0)), "ct", plans(ct, (2.5, 0.8, 0.8)))
    add("ct-thick-linear", (52, 50, 13), affine((0.7, 0.7, 5.0)), "ct", plans(ct, (3.1, 0.8, 0.8), order_z=1))
    add("ct-thicker", (40, 42, 44), affine((0.8, 0.8, 0.9)), "ct", plans(ct, (4.0, 0.9, 0.9)))
    add("ct-at-three", (40, 42, 22), affine((1.0, 1.0, 3.0)), "ct", plans(ct, (2.2, 0.95, 0.95)))
    add("ct-made-for-three", (40, 41, 33), affine((0.9, 0.9, 2.2)), "ct", plans(ct, (3.0, 1.0, 1.0)))
    add("mr-mask", (48, 46, 44), affine((0.9, 1.0, 1.1)), "mr", plans(z, (1.2, 0.9, 0.8), masks=[True]))
    add("mr-mask-unlabelled", (48, 46, 44), affine((0.9, 1.0, 1.1)), "mr", plans(z, (1.2, 0.9, 0.8), masks=[True]),
        labelled=False)
    add("mr-thick-mask", (50, 52, 14), affine((0.6, 0.6, 4.4), flips=(1, -1, 1)), "mr",
        plans(z, (3.6, 0.75, 0.75), masks=[True]))
    add("mr-no-mask", (40, 42, 38), affine((1.0, 1.0, 1.0), (0, 0, 0)), "mr", plans(z, (1.3, 0.8, 0.9)))
    add("transposed-thick-x", (13, 48, 50), affine((5.0, 0.8, 0.7)), "mr",
        plans(z, (3.0, 0.7, 0.9), transpose=(2, 0, 1), masks=[True]))
    add("transposed-thick-y", (44, 14, 40), affine((0.9, 4.0, 0.8)), "ct", plans(ct, (4.4, 0.7, 0.7), transpose=(1, 2, 0)))
    add("transposed-swap", (36, 34, 40), affine((0.9, 1.1, 0.8)), "ct", plans(ct, (1.0, 0.9, 0.7), transpose=(0, 2, 1)))
    add("two-channels", (42, 40, 38), affine((0.9, 1.0, 1.2)), "mr",
        plans(["ZScoreNormalization", "ZScoreNormalization"], (1.0, 0.8, 0.8), masks=[True, True]), channels=2)
    add("three-channels", (38, 40, 36), affine((1.0, 0.9, 1.2)), "mr",
        plans(["RescaleTo01Normalization", "ZScoreNormalization", "NoNormalization"], (1.0, 0.8, 1.1),
              masks=[False, True, False]), channels=3)
    add("regions", (42, 40, 38), affine((0.9, 1.0, 1.2)), "mr", plans(z, (1.0, 0.8, 0.8), masks=[True]), labels=REGIONS,
        order=[1, 2, 3])
    add("regions-thick", (42, 40, 11), affine((0.9, 0.9, 6.0)), "mr", plans(z, (4.0, 0.8, 0.8)), labels=REGIONS,
        order=[1, 2, 3])
    add("2d", (44, 46, 12), affine((0.9, 0.8, 4.0)), "mr", plans(z, (0.7, 0.75), configuration="2d"), configuration="2d")
    add("2d-isotropic", (40, 36, 38), affine((1.0, 1.0, 1.0)), "ct", plans(ct, (0.8, 0.7), configuration="2d"),
        configuration="2d")
    add("reoriented", (38, 36, 34), affine((0.9, 1.0, 1.2), flips=(-1, 1, -1)), "ct",
        plans(ct, (1.0, 0.8, 1.1), reader="NibabelIOWithReorient"))
    add("reoriented-sitk", (38, 36, 34), affine((0.9, 1.0, 1.2), flips=(-1, 1, -1)), "ct",
        plans(ct, (1.0, 0.8, 1.1), reader="SimpleITKIOWithReorient"))
    add("nibabel", (38, 36, 34), affine((0.9, 1.0, 1.2), flips=(-1, 1, -1)), "ct",
        plans(ct, (1.0, 0.8, 1.1), reader="NibabelIO"))
    return made


def small():
    """What is recorded."""
    made = []
    images, label = generated((21, 23, 9), None, "mr", labels=3)
    made.append(Case("thick", images, label, affine((0.8, 0.7, 4.5)),
                     plans(["ZScoreNormalization"], (3.5, 0.9, 1.0), masks=[True]), dataset(1)))
    images, label = generated((19, 15, 17), None, "ct", labels=4)
    made.append(Case("turned", images, label, affine((1.0, 1.25, 0.75), flips=(-1, 1, 1)),
                     plans(["CTNormalization"], (1.0, 1.1, 0.9), transpose=(1, 2, 0)), dataset(1, REGIONS, [1, 2, 3])))
    images, label = generated((16, 18, 15), None, "mr", channels=2, labels=3)
    made.append(Case("two", images, label, affine((1.0, 1.1, 1.3)),
                     plans(["ZScoreNormalization", "RescaleTo01Normalization"], (1.0, 1.0, 1.2), masks=[True, False]),
                     dataset(2)))
    return made


def scan_cases(program, scan, folder):
    """A real scan under plans for CT and for MR, spacings derived from its own."""
    path = folder / "scan.nii.gz"
    if scan.name.endswith((".nii", ".nii.gz")):
        nibabel.save(nibabel.load(scan), path)
    else:
        subprocess.run([program, "convert", scan, path, "--overwrite", "--deshear", "--slices", "regularize"], check=True, capture_output=True)
    image = nibabel.load(path)
    data = np.asanyarray(image.dataobj)
    if data.ndim != 3:
        raise ValueError(f"{data.ndim} axes")
    data = data.astype(np.float32)
    spacing = np.array(image.header.get_zooms()[:3], dtype=float)[::-1]
    rng = np.random.default_rng(8)
    coarse = max(4.0, max(data.shape) / 12)
    label = smooth(rng, data.shape, coarse, 3).argmax(0).astype(np.uint8)
    flat = np.sort(spacing)[1]
    fine = [float(round(s if s > 3 * flat else f * flat, 3)) for s, f in zip(spacing, (1.15, 1.1, 1.1))]
    even = [float(round(1.2 * flat, 3))] * 3
    name = scan.parent.name + "/" + scan.name if scan.is_file() else scan.name
    made = []
    for word, plan in [("ct", plans(["CTNormalization"], fine)),
                       ("mr", plans(["ZScoreNormalization"], even, masks=[True]))]:
        low, high = np.percentile(data, [0.5, 99.5])
        plan["foreground_intensity_properties_per_channel"]["0"] |= {
            "mean": float(data.mean()), "std": float(data.std()), "percentile_00_5": float(low),
            "percentile_99_5": float(high)}
        made.append(Case(f"{name} {word}", data[None], label, image.affine, plan, dataset(1)))
    return made


def write(case, folder):
    """The files of a case."""
    for name, arrays in [("imagesTr/case_{:04}.nii.gz", case.images), ("labelsTr/case.nii.gz", [case.label])]:
        if name.startswith("labels") and not case.labelled:
            continue
        for number, array in enumerate(arrays):
            path = folder / name.format(number)
            path.parent.mkdir(exist_ok=True)
            image = nibabel.Nifti1Image(array, case.matrix)
            image.set_qform(case.matrix, 1)
            image.set_sform(case.matrix, 1)
            nibabel.save(image, path)
    (folder / "plans.json").write_text(json.dumps(case.plans))
    (folder / "dataset.json").write_text(json.dumps(case.dataset))


def nnunet(case, folder):
    """What nnU-Net makes of it: images, segmentation, logits, exported labels."""
    manager = PlansManager(json.loads(json.dumps(case.plans)))
    configuration = manager.get_configuration(case.configuration)
    files = [str(folder / f"imagesTr/case_{c:04}.nii.gz") for c in range(len(case.images))]
    label = str(folder / "labelsTr/case.nii.gz") if case.labelled else None
    data, seg, properties = DefaultPreprocessor(verbose=False).run_case(
        files, label, manager, configuration, case.dataset)
    heads = manager.get_label_manager(case.dataset).num_segmentation_heads
    rng = np.random.default_rng(11)
    logits = smooth(rng, data.shape[1:], max(3.0, max(data.shape[1:]) / 10), heads) * 4
    # Few digits, so that fixtures are small.
    logits = (np.round(logits * 64) / 64).astype(np.float32)
    export_prediction_from_logits(logits.copy(), properties, configuration, manager, case.dataset, str(folder / "exported"))
    return data, seg, logits, sitk.ReadImage(str(folder / "exported.nii.gz"))


def decided(case, folder, shape):
    """Where the labels of nnU-Net's preprocessed segmentation do not hang on rounding: no two are equally heavy."""
    manager = PlansManager(json.loads(json.dumps(case.plans)))
    configuration = manager.get_configuration(case.configuration)
    reader = manager.image_reader_writer_class()
    images, properties = reader.read_images([str(folder / f"imagesTr/case_{c:04}.nii.gz") for c in range(len(case.images))])
    label, _ = reader.read_seg(str(folder / "labelsTr/case.nii.gz"))
    turn = [0, *(a + 1 for a in manager.transpose_forward)]
    _, label, _ = crop_to_nonzero(images.transpose(turn), label.transpose(turn))
    spacing = [properties["spacing"][a] for a in manager.transpose_forward]
    target = [*spacing[: 3 - len(configuration.spacing)], *configuration.spacing]
    best = second = np.zeros(shape)
    for value in np.unique(label):
        weight = resample_data_or_seg_to_shape(
            (label == value).astype(float), shape, spacing, target, is_seg=False, order=1, order_z=0, force_separate_z=None)[0]
        second = np.maximum(second, np.minimum(best, weight))
        best = np.maximum(best, weight)
    return (best - second > 1e-9) | (best == second)


def revoxel(program, case, folder, logits):
    """What revoxel makes of it."""
    def run(*arguments):
        done = subprocess.run([program, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, arguments))}\n{done.stderr}")

    run("import", "nnunet", "plans.json", "dataset.json", "--configuration", case.configuration, "-o", "pipeline.yaml")
    run("run", "pipeline.yaml", "--data", ".", "--out", "out")
    np.save(folder / "logits.npy", logits)
    run("invert", "out/traces/case.json", "logits.npy", "--axes", "czyx", "--out", "back")
    read = lambda path: sitk.GetArrayFromImage(sitk.ReadImage(str(folder / path)))
    images = np.stack([read(f"out/images/case_{c:04}.nii.gz") for c in range(len(case.images))])
    seg = read("out/labels/case.nii.gz") if case.labelled else None
    return images, seg, sitk.ReadImage(str(folder / "back/segmentations/case.nii.gz"))


def compare(program, case, folder):
    """Prints a line; whether all agrees."""
    write(case, folder)
    try:
        data, seg, logits, exported = nnunet(case, folder)
    except Exception as error:
        print(f"skip {case.name}: nnU-Net fails itself: {str(error).strip().splitlines()[-1][:100]}")
        return True
    try:
        images, ours, segmentation = revoxel(program, case, folder, logits)
    except RuntimeError as error:
        print(f"FAIL {case.name}: {error}")
        return False
    if images.shape != data.shape:
        print(f"FAIL {case.name}: shape {images.shape}, nnU-Net has {data.shape}")
        return False
    if np.ptp(data) == 0:
        print(f"FAIL {case.name}: one value everywhere shows nothing")
        return False
    worst = max(np.abs(a - b).max() / max(np.ptp(b), 1e-12) for a, b in zip(images.astype(float), data.astype(float)))
    labels, tied = 1.0, 0
    if case.labelled:
        clear = decided(case, folder, data.shape[1:])
        labels, tied = np.mean((ours == seg[0])[clear]), int(np.sum((ours != seg[0]) & ~clear))
    theirs, mine = sitk.GetArrayFromImage(exported), sitk.GetArrayFromImage(segmentation)
    same = theirs.shape == mine.shape
    export = np.mean(theirs == mine) if same else 0.0
    place = np.abs(np.array(exported.GetOrigin()) - segmentation.GetOrigin()).max() if same else np.inf
    good = worst <= VALUES and labels >= VOXELS and export >= VOXELS and place < 1e-3
    wrong = int(np.sum(theirs != mine)) if same else -1
    print(f"{'ok  ' if good else 'FAIL'} {case.name}: {'x'.join(map(str, case.images[0].shape))} -> "
          f"{'x'.join(map(str, data.shape[:0:-1]))}, values {worst:.1e}, segmentation {100 * labels:.4f} % ({tied} ties differ), "
          f"export {100 * export:.4f} % ({wrong} differ)", flush=True)
    return good


DATASETS = {
    "even": [(1.0, 1.1, 1.2), (0.9, 0.9, 1.0), (1.2, 1.0, 1.4)],
    "uneven": [(0.7, 0.7, 5.0), (0.8, 0.8, 3.0), (0.6, 0.6, 6.0), (0.7, 0.7, 4.0)],
}


def fingerprinted(root, spacings, shape):
    """Writes a dataset; nnU-Net's fingerprint and target spacing of it. It draws labelled voxels with replacement:
    here so many that chance is below a thousandth of the range."""
    for sub in ["imagesTr", "labelsTr"]:
        (root / sub).mkdir(parents=True)
    theirs = {"spacings": [], "shapes_after_crop": []}
    pooled, shares = [[], []], []
    for number, spacing in enumerate(spacings):
        images, label = generated((shape[0] + number, shape[1], shape[2] + number), None, "mr", seed=number, channels=2)
        matrix = affine(spacing)
        for c, array in [*enumerate(images), (None, label)]:
            image = nibabel.Nifti1Image(array, matrix)
            image.set_qform(matrix, 1)
            path = f"labelsTr/c{number}.nii.gz" if c is None else f"imagesTr/c{number}_{c:04}.nii.gz"
            nibabel.save(image, root / path)
        files = [str(root / f"imagesTr/c{number}_{c:04}.nii.gz") for c in range(2)]
        answer = DatasetFingerprintExtractor.analyze_case(
            files, str(root / f"labelsTr/c{number}.nii.gz"), SimpleITKIO, num_samples=2_000_000)
        theirs["shapes_after_crop"].append([int(n) for n in answer[0]])
        theirs["spacings"].append([float(s) for s in answer[1]])
        shares.append(answer[4])
        for c in range(2):
            pooled[c].append(answer[2][c])
    planner = ExperimentPlanner.__new__(ExperimentPlanner)
    planner.overwrite_target_spacing, planner.dataset_fingerprint, planner.anisotropy_threshold = None, theirs, 3
    theirs["target_spacing"] = [float(s) for s in planner.determine_fullres_target_spacing()]
    theirs["median_relative_size_after_cropping"] = float(np.median(shares))
    intensities = {}
    for c in range(2):
        values = np.concatenate(pooled[c])
        p = np.percentile(values, [0.5, 50, 99.5])
        known = {"mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max(),
                 "percentile_00_5": p[0], "median": p[1], "percentile_99_5": p[2]}
        intensities[str(c)] = {k: float(v) for k, v in known.items()}
    theirs["foreground_intensity_properties_per_channel"] = intensities
    return theirs


def fingerprint(program, folder):
    """nnU-Net's fingerprint and target spacing against ours; whether they agree."""
    good = True
    for name, spacings in DATASETS.items():
        theirs = fingerprinted(folder / name, spacings, (40, 44, 9 if name == "uneven" else 36))
        done = subprocess.run([program, "fingerprint", str(folder / name), "--json"], capture_output=True, text=True, check=True)
        ours = json.loads(done.stdout)
        same = ours["shapes_after_crop"] == theirs["shapes_after_crop"]
        for key in ["spacings", "target_spacing", "median_relative_size_after_cropping"]:
            same &= bool(np.allclose(ours[key], theirs[key], rtol=1e-6))
        worst = 0.0
        for c, known in theirs["foreground_intensity_properties_per_channel"].items():
            found = ours["foreground_intensity_properties_per_channel"][c]
            worst = max([worst, *(abs(found[k] - v) / (known["max"] - known["min"]) for k, v in known.items())])
        same &= worst < VALUES
        print(f"{'ok  ' if same else 'FAIL'} fingerprint {name}: target {theirs['target_spacing']} / "
              f"{ours['target_spacing']}, intensities {worst:.1e}")
        good &= bool(same)
    return good


def record(case, folder, out):
    """The files of a case and nnU-Net's answers."""
    write(case, folder)
    data, seg, logits, _ = nnunet(case, folder)
    target = out / case.name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ["imagesTr", "labelsTr"]:
        shutil.copytree(folder / name, target / name)
    for name in ["plans.json", "dataset.json"]:
        shutil.copy(folder / name, target / name)
    shutil.copy(folder / "exported.nii.gz", target / "exported.nii.gz")
    np.savez_compressed(target / "expected.npz", data=data.astype(np.float32), seg=seg[0].astype(np.int16))
    np.savez_compressed(target / "logits.npz", logits=logits)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{case.name}: {size // 1024} KB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--scan", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--only", default="")
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()
    program = str(pathlib.Path(arguments.program).resolve())
    good = True
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)

        def fresh():
            return pathlib.Path(tempfile.mkdtemp(dir=root))

        if arguments.record:
            for case in small():
                record(case, fresh(), arguments.record)
            for name, spacings in DATASETS.items():
                target = arguments.record / f"fingerprint_{name}"
                shutil.rmtree(target, ignore_errors=True)
                answer = fingerprinted(target, spacings, (28, 27, 4) if name == "uneven" else (13, 14, 12))
                (target / "expected.json").write_text(json.dumps(answer, indent=1) + "\n")
            return
        todo = [] if arguments.scan else [*small(), *cases()]
        for case in todo:
            if arguments.only in case.name:
                good &= compare(program, case, fresh())
        if not arguments.scan and arguments.only in "fingerprint":
            good &= fingerprint(program, fresh())
        for scan in arguments.scan:
            try:
                found = scan_cases(program, scan, fresh())
            except (ValueError, subprocess.CalledProcessError) as error:
                said = getattr(error, "stderr", b"") or str(error).encode()
                print(f"skip {scan.name}: {said.decode().strip().splitlines()[0]}")
                continue
            for case in found:
                if arguments.only in case.name:
                    good &= compare(program, case, fresh())
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
