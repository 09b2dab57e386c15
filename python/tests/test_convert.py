"""Other libraries: values and world points come through, or the conversion raises. Libraries that are missing are skipped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import CORNERS, SHAPE, affines, oblique, voxels, world

import revoxel
from revoxel import windows

LIBRARIES = {
    "nibabel": "nibabel",
    "sitk": "SimpleITK",
    "itk": "itk",
    "xarray": "xarray",
    "monai": "monai",
    "torchio": "torchio",
}
HOLD_NO_SHEAR = {"sitk", "itk", "xarray"}


def there_and_back(library: str) -> Callable[[revoxel.Volume], tuple[object, revoxel.Volume]]:
    pytest.importorskip(LIBRARIES[library])

    def convert(volume: revoxel.Volume) -> tuple[object, revoxel.Volume]:
        other = getattr(volume, f"to_{library}")()
        return other, revoxel.Volume.from_(other)

    return convert


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("library", LIBRARIES)
def test_all_orientations_there_and_back(library: str, channels: int) -> None:
    convert = there_and_back(library)
    plain = voxels(channels=channels)
    for affine in affines(False):
        volume = revoxel.Volume(plain, affine, order="xyzc" if channels > 1 else "xyz")
        other, again = convert(volume)
        assert np.array_equal(again.xyz, plain)
        assert np.abs(world(again.affine) - world(affine)).max() < 1e-6
        assert np.abs(POINTS[library](other) - world(affine)).max() < 1e-6, "as the library itself says"


@pytest.mark.parametrize("library", LIBRARIES)
def test_shear_is_kept_or_refused(library: str) -> None:
    convert = there_and_back(library)
    for affine in affines(True):
        volume = revoxel.Volume(voxels(), affine)
        if library in HOLD_NO_SHEAR:
            with pytest.raises(revoxel.RevoxelError, match="sheared"):
                convert(volume)
        else:
            other, again = convert(volume)
            assert np.abs(world(again.affine) - world(affine)).max() < 1e-6
            assert np.abs(POINTS[library](other) - world(affine)).max() < 1e-6


def _itk_points(image: object) -> np.ndarray:
    points = [image.TransformIndexToPhysicalPoint([int(v) for v in corner]) for corner in CORNERS]
    return np.array([[float(v) for v in point] for point in points]) * [-1, -1, 1]


def _xarray_points(array: object) -> np.ndarray:
    places = np.stack([array.coords[dim].values[CORNERS[:, i].astype(int)] for i, dim in enumerate("xyz")], axis=1)
    origin = np.array([array.coords[dim].values[0] for dim in "xyz"])
    return (origin + (places - origin) @ np.flip(array.attrs["direction"]).T) * [-1, -1, 1]


POINTS: dict[str, Callable[[object], np.ndarray]] = {
    "nibabel": lambda image: world(image.affine),
    "sitk": _itk_points,
    "itk": _itk_points,
    "xarray": _xarray_points,
    "monai": lambda tensor: world(tensor.affine.numpy()),
    "torchio": lambda image: world(image.affine),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_single_slice_keeps_its_thickness(library: str, oblique_affine: np.ndarray) -> None:
    convert = there_and_back(library)
    part = revoxel.Volume(voxels(), oblique_affine)[:, :, 4]
    _, again = convert(part)
    assert again.shape == (5, 7, 1)
    assert np.abs(again.affine - part.affine).max() < 1e-9


def test_nibabel_takes_frames_vectors_and_scaled_values(oblique_affine: np.ndarray) -> None:
    nibabel = pytest.importorskip("nibabel")
    frames = voxels(channels=4)
    volume = revoxel.Volume.from_(nibabel.Nifti1Image(frames, oblique_affine), kind="probability")
    assert np.array_equal(volume.xyz, frames)
    assert volume.kind == "probability"
    vectors = revoxel.Volume.from_(nibabel.Nifti1Image(frames[:, :, :, None, :], oblique_affine))
    assert np.array_equal(vectors.xyz, frames)
    flat = revoxel.Volume.from_(nibabel.Nifti1Image(frames[:, :, 0, 0], oblique_affine))
    assert flat.grid.planar
    with pytest.raises(revoxel.RevoxelError, match="two or three axes"):
        revoxel.Volume.from_(nibabel.Nifti1Image(np.zeros((2, 2, 2, 2, 2), np.uint8), np.eye(4)))
    image = revoxel.Volume(voxels(), oblique_affine).to_nibabel()
    assert np.shares_memory(image.dataobj, np.asarray(image.dataobj))
    assert image.header.get_xyzt_units()[0] == "mm"


def test_simpleitk_memory_is_its_own(oblique_affine: np.ndarray) -> None:
    sitk = pytest.importorskip("SimpleITK")
    image = revoxel.Volume(voxels(), oblique_affine).to_sitk()
    volume = revoxel.Volume.from_(image)
    image.SetPixel(1, 2, 3, 9999)
    del image
    assert np.array_equal(volume.xyz, voxels())
    time = sitk.JoinSeries([volume.to_sitk(), volume.to_sitk()])
    frames = revoxel.Volume.from_(time)
    assert frames.channels == 2
    assert np.array_equal(frames.xyz[..., 1], voxels())
    assert np.abs(frames.affine - oblique_affine).max() < 1e-9
    with pytest.raises(revoxel.RevoxelError, match="complex"):
        revoxel.Volume.from_(sitk.Image([3, 3, 3], sitk.sitkComplexFloat32))
    flat = sitk.GetImageFromArray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    flat.SetSpacing([0.5, 2])
    assert revoxel.Volume.from_(flat).spacing == (0.5, 2, 1)
    assert revoxel.Volume.from_(flat).shape == (4, 3, 1)


def test_itk_agrees_with_its_own_xarray(oblique_affine: np.ndarray) -> None:
    itk = pytest.importorskip("itk")
    pytest.importorskip("xarray")
    volume = revoxel.Volume(voxels(), oblique_affine)
    theirs = revoxel.Volume.from_(itk.xarray_from_image(volume.to_itk()))
    assert np.abs(world(theirs.affine) - world(oblique_affine)).max() < 1e-6
    assert np.array_equal(theirs.xyz, voxels())
    again = itk.image_from_xarray(volume.to_xarray())
    assert np.abs(_itk_points(again) - world(oblique_affine)).max() < 1e-6


def test_xarray_that_does_not_say_where_it_lies_is_refused() -> None:
    xarray = pytest.importorskip("xarray")
    array = np.zeros((2, 3, 4), np.uint8)
    with pytest.raises(revoxel.RevoxelError, match="no coordinates"):
        revoxel.Volume.from_(xarray.DataArray(array, dims=("z", "y", "x")))
    coords = {"z": [0, 1.0], "y": [0, 1, 3.0], "x": [0, 1, 2, 3.0]}
    with pytest.raises(revoxel.RevoxelError, match="evenly"):
        revoxel.Volume.from_(xarray.DataArray(array, dims=("z", "y", "x"), coords=coords))
    with pytest.raises(revoxel.RevoxelError, match="dimensions"):
        revoxel.Volume.from_(xarray.DataArray(array, dims=("a", "y", "x")))
    with pytest.raises(revoxel.RevoxelError, match="size is not known"):
        one = {"z": [5.0], "y": [0, 1, 2.0], "x": [0, 1, 2, 3.0]}
        revoxel.Volume.from_(xarray.DataArray(array[:1], dims=("z", "y", "x"), coords=one))
    falling = {"z": [7.0, 4.0], "y": [0, 1, 2.0], "x": [0, 1, 2, 3.0]}
    volume = revoxel.Volume.from_(xarray.DataArray(array, dims=("z", "y", "x"), coords=falling))
    assert volume.grid.to_world([0, 0, 1]) == pytest.approx((0, 0, 4))
    # Another order of dimensions, with channels in front.
    named = voxels(channels=2)
    there = revoxel.Volume(named, np.diag([2.0, 3, 4, 1]), order="xyzc").to_xarray().transpose("y", "c", "x", "z")
    assert np.array_equal(revoxel.Volume.from_(there).xyz, named)


def test_an_image_of_itkwasm(oblique_affine: np.ndarray) -> None:
    from types import SimpleNamespace

    own = revoxel.Volume(voxels(), oblique_affine)
    kind = SimpleNamespace(dimension=3, components=1)
    parts = {"origin": list(own.origin), "spacing": list(own.spacing), "direction": np.array(own.direction)}
    volume = revoxel.Volume.from_(SimpleNamespace(imageType=kind, data=own.zyx, **parts))
    assert np.abs(volume.affine - oblique_affine).max() < 1e-9
    assert np.array_equal(volume.xyz, voxels())


@pytest.mark.parametrize("dtype", "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split())
def test_torch_gets_every_type(dtype: str, oblique_affine: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    tensor = revoxel.Volume(voxels(dtype), oblique_affine, kind="label").to_torch()
    assert tensor.dtype == getattr(torch, dtype)
    assert np.array_equal(tensor.numpy().reshape(SHAPE), voxels(dtype))


def test_torch_gets_memory_that_it_may_write_to(oblique_affine: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    array = voxels("float32", channels=2)
    volume = revoxel.Volume(array, oblique_affine, order="xyzc")
    tensor = volume.to_torch()
    assert (tuple(tensor.shape), tensor.is_contiguous()) == ((2, *SHAPE), True)
    tensor += 1
    assert np.array_equal(volume.xyz, voxels("float32", channels=2)), "the volume is read-only, so it was copied"
    assert torch.equal(volume.to_torch(), torch.from_numpy(np.moveaxis(array, 3, 0).copy()))
    own = volume[:, :, :]
    shared = own.to_torch(order="zyx")
    assert shared.is_contiguous()
    shared[1, 2, 3, 4] = -5
    assert own.xyz[4, 3, 2, 1] == -5, "the package's own memory is shared where it lies well"
    assert torch.from_dlpack(own)[4, 3, 2, 1] == -5
    with pytest.raises(BufferError, match="read-only"):
        torch.from_dlpack(volume)
    with pytest.raises(revoxel.RevoxelError, match=r"Volume\(array, affine\)"):
        revoxel.Volume.from_(tensor)
    assert np.array_equal(revoxel.Volume(tensor, oblique_affine, order="cxyz").xyz, array + 1)


@pytest.mark.parametrize("kind", ["graph", "bfloat16", "float16", "parameter"])
def test_every_tensor_comes_in(kind: str, oblique_affine: np.ndarray) -> None:
    """What a training loop has at hand: tensors with a graph, and the half precision of autocast."""
    torch = pytest.importorskip("torch")
    # Halves are exact in every type.
    values = (np.arange(np.prod(SHAPE)).reshape(SHAPE) % 7 / 2 - 1).astype(np.float32)
    tensor = torch.from_numpy(values)
    if kind == "graph":
        tensor = tensor.requires_grad_(True) * 1
    elif kind == "parameter":
        tensor = torch.nn.Parameter(tensor)
    else:
        tensor = tensor.to(getattr(torch, kind))
    made = revoxel.Volume(tensor, oblique_affine)
    assert made.dtype == np.float32
    assert np.array_equal(made.xyz, values)
    with pytest.raises(revoxel.RevoxelError, match="does not say where"):
        revoxel.Volume.from_(tensor)
    case = revoxel.Pipeline.parse(PIPELINE)(made)
    back = case.trace.invert(tensor, kind="image", axes="xyz")
    assert np.array_equal(back.xyz, values[::-1])
    two = torch.stack([tensor, -tensor])
    labels = case.trace.invert([two, two.float()], kind="logit", activation="none", argmax=True, axes="cxyz")
    assert np.array_equal(labels.xyz, (values < 0)[::-1])
    slid = windows.slide(tensor, lambda block: torch.from_numpy(block).to(two.dtype), 3)
    assert np.array_equal(slid[0], values)


def test_tensors_of_other_libraries_come_in_half_precision(oblique_affine: np.ndarray) -> None:
    pytest.importorskip("monai")
    import torch
    from monai.data import MetaTensor

    values = torch.ones(1, *SHAPE, dtype=torch.bfloat16, requires_grad=True)
    given = MetaTensor(values, affine=torch.from_numpy(oblique_affine))
    for made in (revoxel.Volume.from_(given), revoxel.Volume(given, oblique_affine, order="cxyz")):
        assert (made.dtype, float(made.xyz.min())) == (np.float32, 1)


def test_no_tensor_is_copied_silently(oblique_affine: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(9, 7, 5, requires_grad=True)
    shared = revoxel.Volume(tensor, oblique_affine, order="zyx", copy=False)
    with torch.no_grad():
        tensor[3, 2, 1] = 4
    assert shared.xyz[1, 2, 3] == 4
    with pytest.raises(revoxel.RevoxelError, match="bfloat16"):
        revoxel.Volume(tensor.bfloat16(), oblique_affine, order="zyx", copy=False)


PIPELINE = """
version: 1
inputs: { image: { kind: image, path: "{case}.nii" } }
steps: [{ flip: { spatial_axis: 0 } }]
outputs: { image: { path: "{case}-out.nii" } }
trace: "{case}.json"
"""


def test_monai_says_what_it_means(oblique_affine: np.ndarray) -> None:
    pytest.importorskip("monai")
    import torch
    from monai.data import MetaTensor

    tensor = revoxel.Volume(voxels(), oblique_affine).to_monai()
    assert tuple(tensor.shape) == (1, *SHAPE)
    batch = MetaTensor(tensor.as_tensor()[None], affine=tensor.affine, meta={"space": "RAS"})
    assert np.array_equal(revoxel.Volume.from_(batch).xyz, voxels())
    lps = MetaTensor(
        tensor.as_tensor(), affine=torch.from_numpy(np.diag([-1.0, -1, 1, 1]) @ oblique_affine), meta={"space": "LPS"}
    )
    assert np.abs(revoxel.Volume.from_(lps).affine - oblique_affine).max() < 1e-9
    two = MetaTensor(torch.zeros(2, *tensor.shape), affine=tensor.affine)
    with pytest.raises(revoxel.RevoxelError, match="decollate"):
        revoxel.Volume.from_(two)
    tensor.push_pending_operation({"lazy_affine": torch.eye(4)})
    with pytest.raises(revoxel.RevoxelError, match="pending"):
        revoxel.Volume.from_(tensor)


def test_torchio_keeps_the_kind(oblique_affine: np.ndarray) -> None:
    torchio = pytest.importorskip("torchio")
    label = revoxel.Volume(voxels(), oblique_affine, kind="label")
    image = label.to_torchio()
    assert isinstance(image, torchio.LabelMap)
    assert revoxel.Volume.from_(image).kind == "label"
    assert isinstance(label.with_kind("image").to_torchio(), torchio.ScalarImage)


def test_unknown_things_are_named() -> None:
    with pytest.raises(revoxel.RevoxelError, match=r"collections\.Counter"):
        from collections import Counter

        revoxel.Volume.from_(Counter())
    with pytest.raises(revoxel.RevoxelError, match="does not say where"):
        revoxel.Volume.from_(oblique())


def test_nothing_is_imported_that_is_not_loaded() -> None:
    code = """
import sys, numpy
before = set(sys.modules)
import revoxel
heavy = {"torch", "monai", "torchio", "nibabel", "SimpleITK", "itk", "xarray", "zlib_ng"}
revoxel.Volume(numpy.zeros((2, 3, 4)), numpy.eye(4))._repr_html_()
try:
    revoxel.Volume.from_(3)
except revoxel.RevoxelError:
    pass
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_does_not_go_through_nibabel() -> None:
    """As docs/other-tools.md says: voxels, places and channels go, the rest of the header does not."""
    nibabel = pytest.importorskip("nibabel")
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5, 2), np.int16), affine)
    image.set_sform(affine, 4)
    image.set_qform(np.eye(4), 1)
    image.header["descrip"] = "a scan"
    image.header["pixdim"][4] = 2.5
    image.header.set_xyzt_units("micron", "msec")
    back = revoxel.Volume.from_(image).to_nibabel()
    np.testing.assert_allclose(back.affine, np.diag([2e-3, 3e-3, 4e-3, 1.0]))
    assert back.shape == image.shape
    assert (int(back.header["sform_code"]), int(back.header["qform_code"])) == (2, 0)
    assert back.header["descrip"].item() == b""
    assert back.header["pixdim"][4] == 1
    assert back.header.get_xyzt_units() == ("mm", "unknown")


def _axes(image: Any) -> int:
    if hasattr(image, "dataobj"):
        return len(image.shape)
    return int(image.GetImageDimension() if hasattr(image, "GetImageDimension") else image.GetDimension())


@pytest.mark.parametrize("library", ["SimpleITK", "itk", "nibabel"])
def test_a_2d_image_is_one_again(library: str) -> None:
    pytest.importorskip(library)
    array = np.arange(20, dtype=np.int16).reshape(5, 4)
    affine = np.diag([-1.5, -0.75, 1.0, 1.0])
    affine[:2, 3] = 4, 2
    volume = revoxel.Volume(array, affine, order="xy")
    image = {"SimpleITK": volume.to_sitk, "itk": volume.to_itk, "nibabel": volume.to_nibabel}[library]()
    assert _axes(image) == 2
    back = revoxel.Volume.from_(image)
    assert back.grid.planar
    assert np.array_equal(back.affine, affine)
    assert np.array_equal(back.xyz[:, :, 0], array)
    # Elsewhere ITK has no 2-D images.
    affine[2, 3] = 30
    moved = revoxel.Volume(array, affine, order="xy")
    image = {"SimpleITK": moved.to_sitk, "itk": moved.to_itk, "nibabel": moved.to_nibabel}[library]()
    assert _axes(image) == (2 if library == "nibabel" else 3)
    assert np.array_equal(revoxel.Volume.from_(image).affine, affine)


def test_tensors_without_values_are_refused() -> None:
    torch = pytest.importorskip("torch")
    for tensor in (torch.rand(3, 3, 3).to_sparse(), torch.empty(3, 3, 3, device="meta")):
        with pytest.raises(revoxel.RevoxelError, match="a tensor without an array of values"):
            revoxel.Volume(tensor, np.eye(4))
