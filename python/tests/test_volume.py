"""Volumes: memory, geometry, parts."""

from __future__ import annotations

import copy
import pickle
import struct
import zlib

import numpy as np
import pytest
from conftest import CORNERS, SHAPE, affines, voxels, world

import revoxel


@pytest.mark.parametrize("dtype", "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64".split())
def test_memory_is_shared_where_it_lies_well(dtype: str, oblique_affine: np.ndarray) -> None:
    array = voxels(dtype) % 100
    for order, given in (("xyz", array), ("zyx", array.T)):
        volume = revoxel.Volume(given, oblique_affine, order=order, copy=False)
        assert np.shares_memory(volume.xyz, array)
        assert np.shares_memory(volume.zyx, array)
        assert np.array_equal(volume.xyz, array)
        assert volume.zyx.flags.c_contiguous
        assert volume.dtype == np.dtype(dtype)
        assert not volume.xyz.flags.writeable, "the array's owner holds the memory, too"


def test_memory_that_does_not_is_copied_or_refused(oblique_affine: np.ndarray) -> None:
    for array in (np.ascontiguousarray(voxels()), voxels().astype(">i2"), voxels("float16"), voxels()[::2]):
        volume = revoxel.Volume(array, oblique_affine)
        assert np.array_equal(volume.xyz, array)
        with pytest.raises(revoxel.RevoxelError, match="has to be copied"):
            revoxel.Volume(array, oblique_affine, copy=False)
    forced = voxels()
    assert not np.shares_memory(revoxel.Volume(forced, oblique_affine, copy=True).xyz, forced)


def test_truth_values_are_labels_of_one_byte(oblique_affine: np.ndarray) -> None:
    mask = np.asfortranarray(voxels() > 100)
    volume = revoxel.Volume(mask, oblique_affine, kind="label", copy=False)
    assert volume.dtype == np.uint8
    assert np.array_equal(volume.xyz, mask)


def test_what_holds_no_voxels_is_refused(oblique_affine: np.ndarray) -> None:
    for wrong in (voxels().astype(complex), np.full(SHAPE, "a"), np.array([[None]], dtype=object)):
        with pytest.raises(revoxel.RevoxelError, match="no voxels"):
            revoxel.Volume(wrong, oblique_affine)
    with pytest.raises(revoxel.RevoxelError, match="without voxels"):
        revoxel.Volume(np.zeros((0, 3, 4)), oblique_affine)
    with pytest.raises(revoxel.RevoxelError, match="four axes"):
        revoxel.Volume(np.zeros((2, 3, 4, 5)), oblique_affine)
    with pytest.raises(revoxel.RevoxelError, match="where do the voxels lie"):
        revoxel.Volume(voxels())
    with pytest.raises(revoxel.RevoxelError, match="kind"):
        revoxel.Volume(voxels(), oblique_affine, kind="scan")
    singular = oblique_affine.copy()
    singular[:3, 1] = singular[:3, 0]
    with pytest.raises(revoxel.RevoxelError, match="singular"):
        revoxel.Volume(voxels(), singular)


@pytest.mark.parametrize("order", ["cxyz", "xyzc", "czyx", "zyxc"])
def test_channels_are_where_the_order_says(order: str, oblique_affine: np.ndarray) -> None:
    plain = voxels(channels=3)
    array = plain.transpose(["xyzc".index(letter) for letter in order])
    volume = revoxel.Volume(array, oblique_affine, order=order)
    assert (volume.shape, volume.channels) == ((*SHAPE, 3), 3)
    assert np.array_equal(volume.xyz, plain)
    assert np.array_equal(volume.zyx, plain.T)
    assert np.array_equal(volume.to_numpy(order=order), array)


def test_where_channels_are_can_be_said_in_words(oblique_affine: np.ndarray) -> None:
    plain = voxels(channels=2)
    for order, channels, array in (
        ("xyz", "first", np.moveaxis(plain, 3, 0)),
        ("xyz", "last", plain),
        ("zyx", "first", plain.T),
        ("zyx", "last", plain.transpose(2, 1, 0, 3)),
    ):
        assert np.array_equal(revoxel.Volume(array, oblique_affine, order=order, channels=channels).xyz, plain)


def test_two_axes_are_a_flat_volume() -> None:
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    volume = revoxel.Volume(plane, np.eye(4))
    assert volume.shape == (3, 4, 1)
    assert volume.grid.planar
    assert np.array_equal(revoxel.Volume(plane.T, np.eye(4), order="yx").xyz[..., 0], plane)


def test_the_triple_is_that_of_itk() -> None:
    for affine in affines(False):
        volume = revoxel.Volume(voxels(), affine)
        points = np.asarray(volume.direction) @ (CORNERS * volume.spacing).T + np.array(volume.origin)[:, None]
        assert np.abs(points.T * [-1, -1, 1] - world(affine)).max() < 1e-6
        again = revoxel.Volume(voxels(), origin=volume.origin, spacing=volume.spacing, direction=volume.direction)
        assert np.abs(again.affine - affine).max() < 1e-12


def test_shear_has_no_triple() -> None:
    for affine in affines(True):
        volume = revoxel.Volume(voxels(), affine)
        assert np.array_equal(volume.affine, affine)
        for name in ("origin", "spacing", "direction"):
            with pytest.raises(revoxel.RevoxelError, match=r"use \.affine"):
                getattr(volume, name)


def test_an_affine_cannot_be_written_to(scan: revoxel.Volume) -> None:
    with pytest.raises(ValueError, match="read-only"):
        scan.affine[0, 3] = 1
    with pytest.raises(ValueError, match="read-only"):
        scan.direction[0, 0] = 1


def test_letters_are_the_positive_ends() -> None:
    assert revoxel.Volume(voxels(), np.diag([-1.0, -1.0, 1.0, 1.0])).axcodes == ("L", "P", "S")


def test_arrays_and_copies(scan: revoxel.Volume) -> None:
    assert np.shares_memory(np.asarray(scan), scan.xyz)
    assert not np.shares_memory(np.array(scan), scan.xyz)
    assert np.asarray(scan, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="copied"):
        scan.__array__(np.dtype("float32"), copy=False)
    assert not np.shares_memory(scan.to_numpy(copy=True), scan.xyz)


def test_memory_outlives_the_volume(oblique_affine: np.ndarray) -> None:
    view = revoxel.Volume(voxels(), oblique_affine).xyz
    part = revoxel.Volume(voxels(), oblique_affine)[1:, :, :].xyz
    assert np.array_equal(view, voxels())
    assert np.array_equal(part, voxels()[1:])


def test_what_the_package_owns_can_be_written_to(scan: revoxel.Volume) -> None:
    own = scan[:, :, :]
    assert own.writable
    own.xyz[2, 3, 4] = 7
    assert own.xyz[2, 3, 4] == 7
    other = own.with_kind("label")
    assert not own.writable
    assert not other.writable, "both hold the memory"
    with pytest.raises(BufferError, match="read-only"):
        own.__dlpack__()
    del other
    assert own.writable


def test_dlpack(scan: revoxel.Volume) -> None:
    own = scan[:, :, :]
    array = np.from_dlpack(own)
    assert np.array_equal(array, own.xyz)
    assert np.shares_memory(array, own.xyz)
    assert own.__dlpack_device__() == (1, 0)


def test_the_buffer_says_what_it_is(scan: revoxel.Volume) -> None:
    view = memoryview(scan)
    assert (view.shape, view.strides, view.format, view.readonly) == (SHAPE, (2, 10, 70), "h", True)
    with pytest.raises(BufferError, match="strides"):
        bytes(memoryview(scan).obj.__buffer__(0)) if hasattr(scan, "__buffer__") else zlib.crc32(scan)


KEYS = [
    np.s_[2:4],
    np.s_[1:5, ::-1, ::2],
    np.s_[::-2, 3:1:-1, 8],
    np.s_[-1, -3:, ...],
    np.s_[..., 4],
    np.s_[0],
    np.s_[4:0:-3, 6::-4, 7:2:-2],
]


@pytest.mark.parametrize("key", KEYS, ids=repr)
@pytest.mark.parametrize("shear", [False, True])
def test_parts_stay_where_they_are(key: object, shear: bool) -> None:
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij"), axis=-1)
    # Whole numbers keep their axis.
    keys = key if isinstance(key, tuple) else (key,)
    wide = tuple(slice(k, k + 1 or None) if isinstance(k, int) else k for k in keys)
    for affine in affines(shear)[::5]:
        volume = revoxel.Volume(voxels(), affine)
        part = volume[key]
        assert np.array_equal(part.xyz, voxels()[wide])
        taken = indices[(*wide, ...) if ... not in wide else (*wide, slice(None))].reshape(-1, 3)
        own = np.stack(np.meshgrid(*[np.arange(n) for n in part.shape], indexing="ij"), axis=-1).reshape(-1, 3)
        assert np.abs(world(part.affine, own) - world(affine, taken)).max() < 1e-9


def test_flips_stay_where_they_are(scan: revoxel.Volume) -> None:
    for axis in range(3):
        flipped = scan.flip(axis)
        assert np.array_equal(flipped.xyz, np.flip(scan.xyz, axis))
        assert flipped.flip(axis).grid.to_world([4, 1, 3]) == pytest.approx(scan.grid.to_world([4, 1, 3]), abs=1e-9)
        assert np.array_equal(flipped.flip(axis).xyz, scan.xyz)
    for axis in (3, -1):
        with pytest.raises(revoxel.RevoxelError, match=f"axis {axis}"):
            scan.flip(axis)


def test_channels_are_cut_too(oblique_affine: np.ndarray) -> None:
    volume = revoxel.Volume(voxels(channels=4), oblique_affine, order="xyzc")
    assert np.array_equal(volume[:, 2:, :, 1:3].xyz, voxels(channels=4)[:, 2:, :, 1:3])
    assert volume[..., 2].shape == SHAPE


def test_what_is_no_part_is_refused(scan: revoxel.Volume) -> None:
    for key in (np.s_[5], np.s_[3:3], np.s_[:, :, :, 0], np.s_[..., ...]):
        with pytest.raises(IndexError):
            scan[key]
    for key in (scan.xyz > 3, [1, 2], True, None, 1.5):
        with pytest.raises(TypeError):
            scan[key]


def test_pickles_and_copies(scan: revoxel.Volume) -> None:
    label = scan.with_kind("label")
    for again in (pickle.loads(pickle.dumps(label)), copy.copy(label), copy.deepcopy(label)):
        assert np.array_equal(again.xyz, scan.xyz)
        assert (again.kind, again.grid) == ("label", scan.grid)
    assert np.shares_memory(copy.copy(scan).xyz, scan.xyz)
    own = copy.deepcopy(scan)
    assert not np.shares_memory(own.xyz, scan.xyz)
    assert own.writable


def test_a_picture_for_notebooks(scan: revoxel.Volume) -> None:
    from base64 import b64decode

    text = scan._repr_html_()
    assert "int16" in text
    pictures = [b64decode(part.split('"')[0]) for part in text.split("base64,")[1:]]
    assert len(pictures) == 3
    sizes = set()
    for picture in pictures:
        assert picture.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", picture[16:24])
        sizes.add((width, height))
        length = struct.unpack(">I", picture[33:37])[0]
        rows = zlib.decompress(picture[41 : 41 + length])
        assert len(rows) == height * (1 + 3 * width)
    assert sizes == {(5, 7), (5, 9), (7, 9)}
    # test_html.py looks at what they show.
    assert revoxel.Volume(np.full((2, 1, 1), np.nan), np.eye(4))._repr_html_()


def test_grids() -> None:
    affine = affines(True)[7]
    grid = revoxel.Grid(SHAPE, affine)
    assert grid == revoxel.Grid(SHAPE, affine.tolist())
    assert hash(grid) == hash(revoxel.Grid(list(SHAPE), affine))
    moved = affine.copy()
    moved[0, 3] = np.nextafter(moved[0, 3], 1)
    assert grid != revoxel.Grid(SHAPE, moved)
    assert grid != revoxel.Grid((5, 7, 8), affine)
    assert grid != "grid"
    assert pickle.loads(pickle.dumps(grid)) == grid
    assert grid.to_index(grid.to_world([1.5, -2, 30])) == pytest.approx((1.5, -2, 30))
    with pytest.raises(revoxel.RevoxelError, match="not both"):
        revoxel.Grid(SHAPE, affine, origin=(0, 0, 0))
    with pytest.raises(revoxel.RevoxelError, match="last row"):
        revoxel.Grid(SHAPE, np.ones((4, 4)))
    with pytest.raises(revoxel.RevoxelError, match="distances belong into spacing"):
        revoxel.Grid(SHAPE, spacing=(1, 1, 1), direction=np.diag([1.0, 2.0, 1.0]))
    with pytest.raises(revoxel.RevoxelError, match="above 0"):
        revoxel.Grid(SHAPE, spacing=(1, -1, 1))


@pytest.mark.parametrize("shape", [(-1, 2, 3), (2, 0, 3)])
def test_a_grid_has_voxels(shape: tuple[int, int, int]) -> None:
    with pytest.raises(revoxel.RevoxelError, match="at least 1"):
        revoxel.Grid(shape, np.eye(4))
