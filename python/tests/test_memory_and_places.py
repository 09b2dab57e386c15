"""What a breaker found: memory that outlives its owner, units, cut arrays, pickles, and things that are no volume."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import affines, voxels, world

import revoxel


class Owner:
    """Memory that ends with its owner, as that of a C++ library does."""

    def __init__(self) -> None:
        self.values = bytearray(np.arange(24, dtype=np.int16).tobytes())
        self.alive = True

    def __del__(self) -> None:
        self.alive = False
        self.values[:] = b"\xff" * len(self.values)


class View(np.ndarray[Any, Any]):
    """A view that holds its owner by an attribute, which plain arrays of it do not have."""

    owner: Owner | None

    def __array_finalize__(self, other: object) -> None:
        self.owner = getattr(other, "owner", None)


def view() -> View:
    owner = Owner()
    made = np.frombuffer(memoryview(owner.values), np.int16).reshape(4, 3, 2).view(View)
    made.owner = owner
    return made


def test_a_volume_holds_what_its_memory_belongs_to() -> None:
    volume = revoxel.Volume(view(), np.eye(4), order="zyx", copy=False)
    gc.collect()
    assert np.array_equal(volume.zyx.ravel(), np.arange(24))
    # What is copied holds nothing.
    array = view()
    assert array.owner is not None
    copied = revoxel.Volume(array, np.eye(4), order="xyz")
    count = sys.getrefcount(array.owner)
    del array
    gc.collect()
    assert count
    assert np.array_equal(copied.xyz, np.arange(24).reshape(4, 3, 2))


def test_an_image_of_itk_may_be_dropped(oblique_affine: np.ndarray) -> None:
    pytest.importorskip("itk")
    volume = revoxel.Volume(voxels(), oblique_affine)
    for _ in range(20):
        again = revoxel.Volume.from_(volume.to_itk())
        gc.collect()
        others = [np.full(voxels().shape, 9, np.int16) for _ in range(20)]
        assert np.array_equal(again.xyz, voxels())
        del others


@pytest.mark.parametrize(("unit", "mm"), [("micron", 1e-3), ("mm", 1.0), ("meter", 1e3)])
def test_nibabel_leaves_units_to_us(unit: str, mm: float, tmp_path: Path, oblique_affine: np.ndarray) -> None:
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(voxels(), oblique_affine)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, tmp_path / "a.nii")
    loaded = revoxel.Volume.from_(nibabel.load(tmp_path / "a.nii"))
    read = revoxel.read(tmp_path / "a.nii")
    assert np.allclose(loaded.affine, read.affine, rtol=1e-6)
    assert np.allclose(world(loaded.affine), world(oblique_affine) * mm, rtol=1e-5)


def test_a_part_of_an_xarray_lies_where_it_was_cut() -> None:
    pytest.importorskip("xarray")
    for affine in affines(False):
        volume = revoxel.Volume(voxels(), affine)
        array = volume.to_xarray()
        for part, expected in [
            (array[:, :, 2:], volume[2:]),
            (array[1:7:2, ::-1, 1:], volume[1:, ::-1, 1:7:2]),
            (array.isel(z=slice(None, None, -2), x=slice(3, None)), volume[3:, :, ::-2]),
            (array.isel(z=3), volume[:, :, 3]),
            (array.isel(z=[3]), volume[:, :, 3]),
        ]:
            found = revoxel.Volume.from_(part)
            assert np.array_equal(found.xyz, expected.xyz)
            assert np.abs(world(found.affine) - world(expected.affine)).max() < 1e-9


def test_coordinates_are_lengths() -> None:
    xarray = pytest.importorskip("xarray")

    def array(x: Any, unit: str | None = None) -> Any:
        made = xarray.DataArray(np.zeros((2, 3, 4), np.uint8), dims=("z", "y", "x"))
        made = made.assign_coords(x=x, y=[0.0, 1, 2], z=[0.0, 1])
        if unit is not None:
            made.coords["x"].attrs["units"] = unit
        return made

    assert revoxel.Volume.from_(array([0.0, 500, 1000, 1500], "micrometer")).spacing == (0.5, 1, 1)
    assert revoxel.Volume.from_(array([0.0, 0.5, 1, 1.5], "mm")).spacing == (0.5, 1, 1)
    days = np.arange("2020-01-01", "2020-01-05", dtype="datetime64[D]")
    for wrong, unit, match in [
        ([0.0, np.nan, 2, 3], None, "no finite numbers"),
        (days, None, "no finite numbers"),
        (["a", "b", "c", "d"], None, "no finite numbers"),
        ([0.0, 1, 2, 3], "second", "unit of the coordinates along x is 'second'"),
    ]:
        with pytest.raises(revoxel.RevoxelError, match=match):
            revoxel.Volume.from_(array(wrong, unit))


def test_a_plane_of_monai_is_no_volume(tmp_path: Path) -> None:
    transforms = pytest.importorskip("monai.transforms")
    torch = pytest.importorskip("torch")
    from monai.data import MetaTensor

    nibabel = pytest.importorskip("nibabel")
    nibabel.save(nibabel.Nifti1Image(voxels()[:, :, 0], np.diag([2.0, 3, 4, 1])), tmp_path / "a.nii")
    plane = revoxel.Volume.from_(transforms.LoadImage(ensure_channel_first=True)(tmp_path / "a.nii"))
    assert plane.shape == (5, 7, 1)
    assert plane.grid.planar
    assert np.array_equal(plane.xyz[..., 0], voxels()[:, :, 0])
    nibabel.save(nibabel.Nifti1Image(voxels(), np.diag([2.0, 3, 4, 1])), tmp_path / "b.nii")
    whole = transforms.LoadImage(ensure_channel_first=True)(tmp_path / "b.nii")
    assert revoxel.Volume.from_(whole[0]).shape == (5, 7, 9)
    with pytest.raises(revoxel.RevoxelError, match=r"\(channel, x, y\) or \(x, y, z\)"):
        revoxel.Volume.from_(MetaTensor(torch.zeros(3, 4, 5), affine=torch.eye(4)))


@pytest.mark.parametrize("shape", [(4, 3), (2, 8), (8, 2), (3, 3), (6,)])
def test_an_affine_has_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(revoxel.RevoxelError, match="affine: expected numbers of shape"):
        revoxel.Grid((2, 3, 4), np.resize(np.eye(4), shape))


def test_what_is_no_affine_says_why() -> None:
    for wrong, match in [(np.eye(4) * 1j, "complex"), (np.full((4, 4), np.nan), "NaN is not a finite number")]:
        with pytest.raises(revoxel.RevoxelError, match=match):
            revoxel.Grid((2, 3, 4), wrong)
    with pytest.raises(revoxel.RevoxelError, match="one slice"):
        revoxel.Grid((2, 3, 4), np.eye(4), planar=True)


def test_masks_and_lists_are_no_voxels() -> None:
    masked = np.ma.masked_equal(np.arange(24).reshape(2, 3, 4), 5)
    with pytest.raises(revoxel.RevoxelError, match="filled"):
        revoxel.Volume(masked, np.eye(4))
    assert revoxel.Volume(np.ma.MaskedArray(np.zeros((2, 3, 4))), np.eye(4)).shape == (2, 3, 4)
    with pytest.raises(revoxel.RevoxelError, match="not an array"):
        revoxel.Volume([[1, 2], [3]], np.eye(4))


def test_a_label_map_of_runs_is_refused() -> None:
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.LabelImageToLabelMap(sitk.GetImageFromArray(np.ones((2, 3, 4), np.uint8)))
    with pytest.raises(revoxel.RevoxelError, match="LabelMapToLabel"):
        revoxel.Volume.from_(image)
    with pytest.raises(revoxel.RevoxelError, match="cannot make a volume of"):
        revoxel.Volume.from_(sitk.Transform())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("planar", [False, True])
def test_volumes_come_back_from_pickles(channels: int, planar: bool, oblique_affine: np.ndarray) -> None:
    plain = voxels(channels=channels)
    order = ("xyz" if channels == 1 else "xyzc").replace("z", "" if planar else "z")
    volume = revoxel.Volume(plain[:, :, 0] if planar else plain, oblique_affine, order=order, kind="probability")
    again = pickle.loads(pickle.dumps(volume))
    assert (again.grid, again.kind, again.channels) == (volume.grid, volume.kind, channels)
    assert np.array_equal(again.xyz, volume.xyz)


def test_pickles_keep_what_files_say(tmp_path: Path, oblique_affine: np.ndarray) -> None:
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(voxels(), oblique_affine)
    image.header["descrip"] = b"a description"
    image.set_sform(oblique_affine, code=4)
    nibabel.save(image, tmp_path / "a.nii")
    read = revoxel.read(tmp_path / "a.nii")
    case = revoxel.Pipeline.from_steps([{"orientation": {"axcodes": "PIR"}}])(read)
    back = case.trace.inversion(case["image"], kind="image", coverage=True)
    assert back.coverage is not None
    for number, volume in enumerate([read, case["image"], back.volume, back.coverage]):
        revoxel.write(volume, tmp_path / f"{number}.nii")
        expected = (tmp_path / f"{number}.nii").read_bytes()
        assert nibabel.load(tmp_path / f"{number}.nii").header["sform_code"] == 4
        for same in (pickle.loads(pickle.dumps(volume)), volume[:], volume.with_grid(volume.grid)):
            revoxel.write(same, tmp_path / "again.nii")
            assert (tmp_path / "again.nii").read_bytes() == expected


def test_results_have_the_type_of_those_of_the_program(tmp_path: Path, scan: revoxel.Volume) -> None:
    from revoxel._program import program

    case = revoxel.Pipeline.from_steps([{"orientation": {"axcodes": "PIR"}}])(scan)
    case.trace.save(tmp_path / "trace.json")
    labels = case["image"].with_kind("label")
    labels = revoxel.Volume((labels.xyz % 3).astype(np.uint8), grid=labels.grid, kind="label")
    revoxel.write(labels, tmp_path / "labels.nii")
    for fill in (-5, 0, 300):
        arguments = ["invert", "trace.json", "labels.nii", "-o", "theirs.nii", "--overwrite", f"--fill={fill}"]
        subprocess.run([*program(), *arguments], cwd=tmp_path, check=True, capture_output=True)
        back = case.trace.invert(labels, fill=fill)
        assert back.dtype == revoxel.read(tmp_path / "theirs.nii", "label").dtype


def test_numbers_of_numpy_are_numbers() -> None:
    steps = [{"spacing": {"pixdim": np.array([1.0, 2, 3])}}, {"flip": {"spatial_axis": np.int64(1)}}]
    pipeline = revoxel.Pipeline.from_steps(steps)
    text = pipeline.text
    again = revoxel.Pipeline.parse(text, {"steps.0.spacing.pixdim": np.float32(2)})
    assert pipeline != again
    with pytest.raises(revoxel.RevoxelError, match="no number"):
        revoxel.Pipeline.from_steps([{"spacing": {"pixdim": object()}}])


def test_arguments_are_checked(scan: revoxel.Volume, tmp_path: Path, pipeline: revoxel.Pipeline) -> None:
    trace = pipeline(scan).trace
    revoxel.write(scan, tmp_path / "a.nii")
    for wrong, match in [
        (lambda: trace.invert(np.zeros(trace.model_grid.shape, np.float32), regions=[-1]), "regions: label -1"),
        (lambda: trace.points("abc"), "points: not an array of numbers"),
        (lambda: revoxel.set_threads(-1), "-1 threads"),
        (lambda: pipeline.plan({}), "missing input: image"),
        (lambda: pipeline({"image": scan, "foo": None}), "foo"),
        (lambda: revoxel.read(tmp_path / "a.nii", series="1"), "for DICOM"),
    ]:
        with pytest.raises(revoxel.RevoxelError, match=match):
            wrong()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_patch_of_a_mapped_file_reads_no_more(tmp_path: Path) -> None:
    values = np.zeros((256, 256, 200), np.float32, order="F")
    values[100:110, 120, 99] = 7
    revoxel.write(revoxel.Volume(values, np.eye(4)), tmp_path / "a.nii")
    code = """
import sys, revoxel
def mapped():
    line = next(line for line in open("/proc/self/status") if line.startswith("RssFile"))
    return int(line.split()[1]) / 1024
# What the program itself needs of its own file is there then.
revoxel.read(sys.argv[1], lazy=True)[:2, :2, :2]
before = mapped()
volume = revoxel.read(sys.argv[1], lazy=sys.argv[2] == "lazy")
patch = volume[80:112, 100:132, 80:112]
print(mapped() - before)
assert patch.xyz.sum() == 70
"""

    def grown(how: str) -> float:
        arguments = [sys.executable, "-P", "-c", code, str(tmp_path / "a.nii"), how]
        return float(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)

    # The file has 50 MiB; the rows of the patch lie in 4 MiB of pages, as the system reads them.
    assert grown("all") > 49
    assert grown("lazy") < 8
