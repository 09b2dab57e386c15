"""Predictions of MONAI, TorchIO and nnU-Net come home by `revoxel invert`, and agree with their own inverses."""

import itertools
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import revoxel
from revoxel import Trace, foreign
from revoxel._program import program

nibabel = pytest.importorskip("nibabel")

SHAPE = (22, 27, 17)
CUBE = [(p, f) for p in itertools.permutations(range(3)) for f in itertools.product((1, -1), repeat=3)]


def scan_affine(turn: tuple[tuple[int, ...], tuple[int, ...]] = ((0, 1, 2), (1, 1, 1))) -> np.ndarray:
    """An oblique affine whose axes run along any of the 48 orientations, in numbers that NIfTI holds."""
    a, b, c = 0.11, -0.21, 0.29
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = (x @ y @ z)[:, list(turn[0])] * np.array(turn[1]) * np.array([1.3, 0.9, 2.5])
    affine[:3, 3] = (-20.25, 31.5, 7.75)
    return affine.astype(np.float32).astype(float)


def labels_of(shape: tuple[int, ...]) -> np.ndarray:
    """Labels in blobs that look different from every side."""
    i, j, k = (np.linspace(0, 1, n).reshape([-1 if a == b else 1 for b in range(3)]) for a, n in enumerate(shape))
    value = np.sin(5 * i + 2 * j) + np.cos(7 * j - 3 * k) + np.sin(4 * k * (1 + i))
    return np.digitize(value, [-0.8, 0.1, 0.9, 1.6]).astype(np.uint8)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return write_scan(tmp_path / "scan.nii", scan_affine())


def write_scan(path: Path, affine: np.ndarray) -> Path:
    i, j, k = np.indices(SHAPE)
    body = ((i - 11) / 9) ** 2 + ((j - 12) / 11) ** 2 + ((k - 9) / 6) ** 2 < 1
    data = np.where(body, 100 + i + 2 * j + 3 * k, 0).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return path


def invert(folder: Path, trace: Trace, prediction: np.ndarray, scan: Path, *options: str) -> np.ndarray:
    """What `revoxel invert` makes of it; the grid is that of the scan, bit for bit."""
    trace.save(folder / "trace.json")
    np.save(folder / "prediction.npy", prediction)
    command = [
        *program(),
        "invert",
        "trace.json",
        "prediction.npy",
        "-o",
        "back.nii",
        "--coverage",
        "seen.nii",
        "--overwrite",
    ]
    kind = options or ("--kind", "label")
    axes = ("--axes", "xyz" if prediction.ndim == 3 else "cxyz")
    done = subprocess.run([*command, *kind, *axes], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    back, source = nibabel.load(folder / "back.nii"), nibabel.load(scan)
    assert back.affine.tobytes() == source.affine.tobytes()
    assert back.shape[:3] == source.shape[:3]
    return np.asarray(back.dataobj)


def seen(folder: Path) -> np.ndarray:
    return np.asarray(nibabel.load(folder / "seen.nii").dataobj) > 0


def places_of(trace: Trace) -> np.ndarray:
    """Where the voxels of the scan lie on the grid of the prediction."""
    to = np.linalg.solve(trace.model_grid.affine, scan_affine())
    return np.einsum("ab,bijk->ijka", to[:3, :3], np.indices(SHAPE)) + to[:3, 3]


def within_all(trace: Trace, margin: float = -0.49) -> np.ndarray:
    """The voxels of the scan whose centres lie in the grids after all steps, so far within the outermost centres."""
    inside = np.ones(SHAPE, bool)
    for step in trace.to_dict()["volumes"]["image"]["steps"]:
        to = np.linalg.solve(np.array(step["after"]["affine"]), scan_affine())
        places = np.einsum("ab,bijk->ijka", to[:3, :3], np.indices(SHAPE)) + to[:3, 3]
        inside &= ((places > margin) & (places < np.array(step["after"]["shape"]) - 1 - margin)).all(-1)
    return inside


# --- MONAI


def monai_chain(transforms: list[Any]) -> Any:
    from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged

    chain = Compose([LoadImaged("image"), EnsureChannelFirstd("image"), *transforms])
    chain.set_random_state(seed=5)
    return chain


def monai_transforms(name: str) -> list[Any]:
    m = pytest.importorskip("monai.transforms")
    return {
        "orientation": [m.Orientationd("image", "PLI", labels=None)],
        "crop": [m.CropForegroundd("image", "image", margin=2, allow_smaller=True)],
        "crop-beyond": [m.CropForegroundd("image", "image", margin=(5, 0, 4), allow_smaller=False)],
        "pad": [m.SpatialPadd("image", (30, 30, 16)), m.BorderPadd("image", 1), m.DivisiblePadd("image", 8)],
        "pad-or-crop": [m.ResizeWithPadOrCropd("image", (16, 32, 17))],
        "center-crop": [m.CenterSpatialCropd("image", (12, 13, 9)), m.SpatialCropd("image", (3, 3, 3), (5, 6, 5))],
        "flip": [m.Flipd("image", (0, 2)), m.Flipd("image")],
        "rotate90": [m.Rotate90d("image", 1, (0, 2)), m.Rotate90d("image", 3, (1, 2)), m.Rotate90d("image", 2, (0, 1))],
        "random-exact": [
            m.RandFlipd("image", 1.0, 1),
            m.RandRotate90d("image", 1.0, 3),
            m.RandAxisFlipd("image", 1.0),
            m.RandSpatialCropd("image", (9, 10, 11), random_size=False),
            m.RandFlipd("image", 0.0, 1),
        ],
        "one-of": [
            m.ToTensord("image"),
            m.OneOf([m.Flipd("image", 1), m.BorderPadd("image", 2), m.Rotate90d("image", 1)]),
            m.OneOf([m.OneOf([m.Flipd("image", 0)]), m.CropForegroundd("image", "image")]),
        ],
        "some-of": [
            m.SomeOf(
                [m.Flipd("image", 1), m.BorderPadd("image", 2), m.CropForegroundd("image", "image")], num_transforms=2
            ),
            m.OneOf([m.ScaleIntensityd("image")]),
        ],
        "random-order": [
            m.RandomOrder([m.Flipd("image", 1), m.SpatialPadd("image", (30, 30, 30)), m.Rotate90d("image", 1, (0, 2))]),
            m.CenterSpatialCropd("image", (12, 13, 9)),
        ],
        "random-order-spacing": [m.RandomOrder([m.Flipd("image", 1), m.Spacingd("image", (1.1, 1.2, 1.7))])],
        "spacing": [m.Spacingd("image", (1.1, 1.2, 1.7))],
        "spacing-diagonal": [m.Spacingd("image", (2, 2, 2), diagonal=True)],
        "whole": [
            m.Orientationd("image", "RAS", labels=None),
            m.Spacingd("image", (1.5, 1.5, 2.0)),
            m.ScaleIntensityd("image"),
            m.CropForegroundd("image", "image"),
            m.SpatialPadd("image", (24, 24, 24)),
            m.NormalizeIntensityd("image"),
        ],
        "turned-between": [
            m.Spacingd("image", (1.5, 1.5, 2.0)),
            m.Flipd("image", 1),
            m.BorderPadd("image", 2),
            m.Orientationd("image", "SPL", labels=None),
            m.Rotate90d("image", 1, (0, 1)),
            m.Spacingd("image", (2, 1, 1)),
        ],
        "resize": [m.Resized("image", (19, 30, 23), mode="trilinear")],
        "resize-corners": [m.Resized("image", (19, 30, 23), mode="trilinear", align_corners=True)],
        "zoom": [m.Zoomd("image", (1.3, 0.8, 1.1), mode="trilinear")],
        "zoom-free": [m.Zoomd("image", 0.7, mode="trilinear", keep_size=False)],
        "affine": [m.Affined("image", rotate_params=(0.1, -0.2, 0.3), translate_params=(1, -2, 0.5))],
        "rotate": [m.Rotated("image", (0.1, 0.2, -0.1), keep_size=False), m.RandRotated("image", 0.2, prob=1.0)],
        "random-affine": [m.RandAffined("image", prob=1.0, rotate_range=0.2, scale_range=0.1, translate_range=2)],
        "random-zoom": [m.RandZoomd("image", 1.0, 1.1, 1.3, mode="trilinear")],
    }[name]


EXACT = [
    "orientation",
    "crop",
    "crop-beyond",
    "pad",
    "pad-or-crop",
    "center-crop",
    "flip",
    "rotate90",
    "random-exact",
    "one-of",
    "some-of",
    "random-order",
]
SAMPLED = [
    "random-order-spacing",
    "spacing",
    "spacing-diagonal",
    "whole",
    "turned-between",
    "resize",
    "resize-corners",
    "zoom",
    "zoom-free",
    "affine",
    "rotate",
    "random-affine",
    "random-zoom",
]
# MONAI goes back by its nearest rule in one interpolation, at the same places.
NEAREST = ["spacing", "spacing-diagonal", "whole"]


@pytest.mark.parametrize("name", EXACT + SAMPLED)
def test_monai(name: str, scan: Path, tmp_path: Path) -> None:
    pytest.importorskip("monai")
    from monai.data import MetaTensor
    from monai.transforms import Invertd

    chain = monai_chain(monai_transforms(name))
    case = chain({"image": str(scan)})
    trace = foreign.trace_from_monai(case["image"])
    shape = tuple(case["image"].shape[1:])
    assert trace.model_grid.shape == shape

    def both(prediction: np.ndarray, nearest: bool) -> tuple[np.ndarray, np.ndarray]:
        case["pred"] = MetaTensor(prediction.astype(np.float32), meta=case["image"].meta)
        theirs = Invertd("pred", chain, "image", nearest_interp=nearest)(dict(case))["pred"]
        options = ("--kind", "label") if nearest else ("--kind", "image")
        return invert(tmp_path, trace, prediction, scan, *options), np.moveaxis(np.asarray(theirs), 0, -1)

    if name in EXACT + NEAREST:
        ours, theirs = both(labels_of(shape)[None], True)
        differs = ours != theirs[..., 0]
        # The edge of a crop: we read it for voxels that it covers by less than half, MONAI reads the padding there.
        within = within_all(trace)
        print(f"{name}: {differs.mean():.4%} of the labels differ, {differs[within].mean():.4%} within the crop")
        assert differs.mean() < 0.03
        # Within, all that differ are ties: halfway between two voxels.
        ties = (np.abs(places_of(trace) % 1 - 0.5) < 1e-3).any(-1)
        assert not differs[within & ~ties].any()
        if name in EXACT:
            assert not differs.any()
    if name in SAMPLED:
        # Indices as values: their inverse and ours read at the same places. (Its nearest rule does not, for Resize,
        # Zoom and affine transforms: it reads up to a voxel beside them.)
        ours, theirs = both(np.indices(shape).astype(np.float32), False)
        places = places_of(trace)
        # Not at the edges of the scan, where padding is not read, nor at those of crops.
        inside = ((places > 2) & (places < np.array(shape) - 3)).all(-1) & within_all(trace, 1)
        inside[[0, 1, -2, -1]] = inside[:, [0, 1, -2, -1]] = inside[:, :, [0, 1, -2, -1]] = False
        assert inside.mean() > 0.05
        print(f"{name}: {np.abs(ours - theirs)[inside].max():.1e} voxels apart in {inside.mean():.0%}")
        assert np.abs(ours - places)[inside].max() < 1e-4
        assert np.abs(ours - theirs)[inside].max() < 1e-3


@pytest.mark.parametrize("turn", CUBE)
def test_monai_orientations(turn: Any, tmp_path: Path) -> None:
    pytest.importorskip("monai")
    scan = write_scan(tmp_path / "scan.nii", scan_affine(turn))
    from monai.data import MetaTensor
    from monai.transforms import CropForegroundd, Flipd, Invertd, Orientationd

    chain = monai_chain(
        [Orientationd("image", "ASL", labels=None), CropForegroundd("image", "image"), Flipd("image", 2)]
    )
    case = chain({"image": str(scan)})
    prediction = labels_of(tuple(case["image"].shape[1:]))
    case["pred"] = MetaTensor(prediction[None], meta=case["image"].meta)
    theirs = np.asarray(Invertd("pred", chain, "image")(dict(case))["pred"])[0]
    assert np.array_equal(invert(tmp_path, foreign.trace_from_monai(case["image"]), prediction, scan), theirs)


def test_monai_refusals(scan: Path) -> None:
    m = pytest.importorskip("monai.transforms")
    from monai.data import MetaTensor

    image = monai_chain([m.Lambdad("image", lambda v: v * 2)])({"image": str(scan)})["image"]
    with pytest.raises(revoxel.TraceError, match="Lambda"):
        foreign.trace_from_monai(image)
    assert foreign.trace_from_monai(image, ignore=["Lambda"]).to_dict()["volumes"]["image"]["steps"] == []
    image = monai_chain([m.Resized("image", (9, 9, 9), mode="nearest")])({"image": str(scan)})["image"]
    with pytest.raises(revoxel.TraceError, match="nearest-exact"):
        foreign.trace_from_monai(image)
    image = monai_chain([m.Flipd("image", 0)])({"image": str(scan)})["image"]
    image.affine[0, 3] += 1
    with pytest.raises(revoxel.TraceError, match="affine of the image"):
        foreign.trace_from_monai(image)
    with pytest.raises(revoxel.TraceError, match="expected a MetaTensor, not ndarray"):
        foreign.trace_from_monai(np.zeros((1, 3, 4, 5)))
    with pytest.raises(revoxel.TraceError, match="affine of the scan is unknown"):
        foreign.trace_from_monai(MetaTensor(np.zeros((1, 3, 4, 5)), affine=scan_affine()))
    image = m.Flip(0, lazy=True)(MetaTensor(np.zeros((1, 3, 4, 5)), affine=scan_affine()))
    with pytest.raises(revoxel.TraceError, match=r"Flip.*pending"):
        foreign.trace_from_monai(image, affine=scan_affine())


def test_monai_lazy(scan: Path, tmp_path: Path) -> None:
    """Lazy operations that were applied together: the same grid, the same labels."""
    m = pytest.importorskip("monai.transforms")
    steps = [m.Orientationd("image", "PLI", labels=None), m.Spacingd("image", (1.5, 1.5, 2.0)), m.Flipd("image", 1)]
    load = [m.LoadImaged("image"), m.EnsureChannelFirstd("image")]
    lazy = m.Compose([*load, *steps], lazy=True)({"image": str(scan)})["image"]
    plain = m.Compose([*load, *steps])({"image": str(scan)})["image"]
    prediction = labels_of(tuple(plain.shape[1:]))
    backs = [invert(tmp_path, foreign.trace_from_monai(i), prediction, scan) for i in (lazy, plain)]
    assert np.array_equal(*backs)


# --- TorchIO


def torchio_transforms(name: str) -> list[Any]:
    t = pytest.importorskip("torchio")
    return {
        "crop": [t.Crop((1, 2, 0, 3, 4, 0))],
        "pad": [t.Pad((1, 2, 0, 3, 4, 0)), t.EnsureShapeMultiple(8)],
        "crop-or-pad": [t.CropOrPad((16, 32, 17)), t.ZNormalization()],
        "flip": [t.Flip(axes=(0, 2)), t.RandomFlip(axes=(1,), flip_probability=1), t.Crop((1, 2, 0, 3, 4, 0))],
        "canonical": [t.ToCanonical(), t.RescaleIntensity()],
        "orientation": [t.ToOrientation("PIR"), t.Transpose(), t.Crop((1, 2, 0, 3, 4, 0))],
        "resample": [t.Resample((1.1, 1.2, 1.7))],
        "whole": [t.ToCanonical(), t.Resample(1.5), t.CropOrPad((22, 17, 28)), t.ZNormalization(), t.Flip(axes=1)],
        "twice": [t.Resample((2, 1, 2)), t.Pad(2), t.ToOrientation("SAL"), t.Resize((20, 18, 24))],
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "crop",
        "pad",
        "crop-or-pad",
        "flip",
        "canonical",
        "orientation",
        "resample",
        "whole",
        "twice",
    ],
)
def test_torchio(name: str, scan: Path, tmp_path: Path) -> None:
    tio = pytest.importorskip("torchio")
    import torch

    chain = tio.Compose(torchio_transforms(name))
    subject = chain(tio.Subject(image=tio.ScalarImage(scan)))
    trace = foreign.trace_from_torchio(subject, source=nibabel.load(scan))
    shape = tuple(subject.spatial_shape)
    prediction = labels_of(shape)
    ours = invert(tmp_path, trace, prediction, scan)
    if name in ("crop", "pad", "crop-or-pad", "flip"):  # TorchIO cannot invert the others
        pred = tio.LabelMap(tensor=torch.as_tensor(prediction[None]), affine=subject.image.affine)
        subject.add_image(pred, "pred")
        theirs = subject.apply_inverse_transform(warn=False)["pred"].numpy()[0]
        assert np.array_equal(ours, theirs)
    # Where TorchIO read the voxels of the scan: indices as values, through the same transforms.
    index = torch.as_tensor(np.indices(SHAPE).astype(np.float32))
    moved = chain(tio.Subject(image=tio.ScalarImage(tensor=index, affine=scan_affine())))
    if name in ("crop-or-pad", "canonical", "whole"):  # these change intensities
        spatial = [
            x for x in torchio_transforms(name) if type(x).__name__ not in ("ZNormalization", "RescaleIntensity")
        ]
        moved = tio.Compose(spatial)(tio.Subject(image=tio.ScalarImage(tensor=index, affine=scan_affine())))
    places = np.linalg.solve(scan_affine(), trace.model_grid.affine)
    places = np.einsum("ab,bijk->aijk", places[:3, :3], np.indices(shape)) + places[:3, 3].reshape(3, 1, 1, 1)
    inside = ((places > 1.5) & (places < np.array(SHAPE).reshape(3, 1, 1, 1) - 2.5)).all(0)
    if name in ("whole", "pad", "crop-or-pad", "twice"):
        inside &= (moved.image.numpy() != 0).any(0)
    assert inside.mean() > 0.05
    apart = np.abs(moved.image.numpy() - places)[:, inside]
    print(f"{name}: {apart.max():.1e} voxels apart")
    assert (apart.max() if name != "twice" else np.quantile(apart, 0.9)) < 1e-3


def test_corners_of_monai_are_refused(scan: Path) -> None:
    """With ``align_corners`` it samples elsewhere than the affine of its result says."""
    m = pytest.importorskip("monai.transforms")
    case = monai_chain([m.Affined("image", rotate_params=(0.1, 0, 0), align_corners=True)])({"image": scan})
    with pytest.raises(revoxel.TraceError, match="Affine: with align_corners"):
        foreign.trace_from_monai(case["image"])
    case = monai_chain([m.Affined("image", rotate_params=(0.1, 0, 0))])({"image": scan})
    assert foreign.trace_from_monai(case["image"]).source_grid.shape == SHAPE


def test_torchio_refusals(scan: Path) -> None:
    tio = pytest.importorskip("torchio")

    def subject(*transforms: Any) -> Any:
        return tio.Compose(transforms)(tio.Subject(image=tio.ScalarImage(scan)))

    for transform in (tio.RandomAffine(), tio.RandomElasticDeformation(max_displacement=1)):
        with pytest.raises(revoxel.TraceError, match=r"TorchIO .*(Affine|Elastic)"):
            foreign.trace_from_torchio(subject(transform))
    with pytest.raises(revoxel.TraceError, match="another scan"):
        foreign.trace_from_torchio(subject(tio.Crop(1)), source=((22, 27, 18), scan_affine()))
    case = subject(tio.Crop(1))
    with pytest.raises(revoxel.TraceError, match="no image 'label': it has image"):
        foreign.trace_from_torchio(case, "label")
    case.clear_history()
    with pytest.raises(revoxel.TraceError, match="not in the history"):
        foreign.trace_from_torchio(case)
    with pytest.raises(revoxel.TraceError, match="pass source"):
        foreign.trace_from_torchio(tio.Subject(image=tio.ScalarImage(tensor=np.zeros((1, 3, 4, 5)))))


# --- nnU-Net


class Configuration:
    """What nnU-Net reads of a configuration, without a dataset."""

    def __init__(self, spacing: list[float]) -> None:
        from functools import partial

        from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape as resample

        self.spacing = spacing
        self.normalization_schemes, self.use_mask_for_norm = ["NoNormalization"], [False]
        image = {"is_seg": False, "order_z": 0, "force_separate_z": None}
        self.resampling_fn_data = partial(resample, order=3, **image)
        self.resampling_fn_seg = partial(resample, order=1, **{**image, "is_seg": True})
        self.resampling_fn_probabilities = partial(resample, order=1, **image)


class Plans:
    def __init__(self, transpose: list[int]) -> None:
        self.transpose_forward = transpose
        self.transpose_backward = [transpose.index(axis) for axis in range(3)]
        self.foreground_intensity_properties_per_channel = {"0": {}}


def nnunet_case(scan: Path, reader: str, spacing: list[float], transpose: list[int]) -> tuple[Any, ...]:
    from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor

    io = {"sitk": SimpleITKIO, "nibabel": NibabelIO, "reorient": NibabelIOWithReorient}[reader]()
    data, properties = io.read_images([str(scan)])
    plans, configuration = Plans(transpose), Configuration(spacing)
    array, _, properties = DefaultPreprocessor(verbose=False).run_case_npy(
        data, None, properties, plans, configuration, {"channel_names": {"0": "x"}}
    )
    return io, array, properties, plans, configuration


@pytest.mark.parametrize(
    ("reader", "spacing", "transpose"),
    [
        ("sitk", [2.0, 1.2, 1.1], [0, 1, 2]),
        ("nibabel", [2.0, 1.2, 1.1], [0, 1, 2]),
        ("nibabel", [1.1, 2.0, 1.0], [1, 0, 2]),
        ("sitk", [0.9, 2.5, 1.3], [2, 0, 1]),
        ("nibabel", [2.5, 0.7, 0.7], [0, 1, 2]),  # thick slices by themselves
        ("nibabel", [1.2, 1.1], [0, 1, 2]),  # slices by slices
        ("reorient", [2.0, 1.2, 1.1], [0, 2, 1]),
    ],
)
def test_nnunet(reader: str, spacing: list[float], transpose: list[int], tmp_path: Path) -> None:
    pytest.importorskip("nnunetv2")
    from nnunetv2.inference import export_prediction
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    turn = ((2, 0, 1), (-1, 1, -1)) if reader != "sitk" else ((0, 1, 2), (-1, -1, 1))
    scan = write_scan(tmp_path / "scan.nii", scan_affine(turn))
    io, array, properties, plans, configuration = nnunet_case(scan, reader, spacing, transpose)
    shape = array.shape[1:]
    names = {"background": 0, "a": 1, "b": 2, "c": 3, "d": 4}
    labels = labels_of(shape)
    rng = np.random.default_rng(3)
    logits = (8.0 * (labels == np.arange(5).reshape(5, 1, 1, 1)) + rng.normal(size=(5, *shape))).astype(np.float32)
    export = export_prediction.convert_predicted_logits_to_segmentation_with_correct_shape
    segmentation = export(logits, plans, configuration, LabelManager(names, None), dict(properties))
    io.write_seg(segmentation, str(tmp_path / "theirs.nii"), properties)
    theirs = np.asarray(nibabel.load(tmp_path / "theirs.nii").dataobj)
    exact = nibabel.load(scan).affine if reader == "sitk" else None
    for known in ({"shape": shape, "spacing": spacing}, {"spacing": spacing}, {"shape": shape}):
        trace = foreign.trace_from_nnunet(properties, **known, transpose_forward=transpose, affine=exact)
        ours = invert(tmp_path, trace, logits, scan, "--kind", "logit", "--argmax")
        differs = ours != theirs
        print(f"{reader} {spacing} {list(known)}: {differs.mean():.4%} differ, {(~seen(tmp_path)).mean():.1%} unseen")
        assert seen(tmp_path).mean() > 0.2
        # Logits of float32: two channels may be equal but for rounding. Without the spacing, sizes come from shapes.
        assert differs.mean() < 0.001


def test_nnunet_refusals() -> None:
    properties = {
        "sitk_stuff": {"spacing": (1.0, 2.0, 3.0), "origin": (1.0, 2.0, 3.0), "direction": (1, 0, 0, 0, 1, 0, 0, 0, 1)},
        "spacing": [3.0, 2.0, 1.0],
        "shape_before_cropping": (7, 6, 5),
        "bbox_used_for_cropping": [[1, 6], [0, 6], [0, 4]],
        "shape_after_cropping_and_before_resampling": (5, 6, 4),
    }
    trace = foreign.trace_from_nnunet(properties, (5, 6, 4))
    assert isinstance(trace, Trace)
    assert trace.source_grid.shape == (5, 6, 7)
    assert trace.source_grid.affine.tolist() == [[-1, 0, 0, -1], [0, -2, 0, -2], [0, 0, 3, 3], [0, 0, 0, 1]]
    for change, problem in [
        ({"bbox_used_for_cropping": [[1, 5], [0, 6], [0, 4]]}, "bbox"),
        ({"sitk_stuff": {**properties["sitk_stuff"], "spacing": (1.0, 2.0)}}, "three axes"),
        ({"sitk_stuff": {**properties["sitk_stuff"], "original_orientation": "LPS"}}, "pass affine"),
    ]:
        with pytest.raises(revoxel.TraceError, match=problem):
            foreign.trace_from_nnunet({**properties, **change}, (5, 6, 4))
    with pytest.raises(revoxel.TraceError, match="pass the shape"):
        foreign.trace_from_nnunet(properties)
    with pytest.raises(revoxel.TraceError, match="no shape_before_cropping"):
        foreign.trace_from_nnunet({}, (5, 6, 4))
    with pytest.raises(revoxel.TraceError, match="gives the shape"):
        foreign.trace_from_nnunet(properties, (5, 6, 5), spacing=(3, 2, 1))
    with pytest.raises(revoxel.TraceError, match="transpose_forward"):
        foreign.trace_from_nnunet(properties, (5, 6, 4), transpose_forward=(0, 0, 1))
    with pytest.raises(revoxel.TraceError, match="neither"):
        foreign.trace_from_nnunet({k: v for k, v in properties.items() if k != "sitk_stuff"}, (5, 6, 4))
