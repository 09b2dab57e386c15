"""Volumes from and to the objects of other libraries.

Every conversion keeps where voxels lie, or raises. ``from_`` knows an object by what it is, and imports nothing: whoever holds an
object of a library has loaded that library.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from revoxel._arrays import as_array, plain
from revoxel._core import Volume
from revoxel._errors import RevoxelError
from revoxel._names import FlatOrder, Kind, Order

_Array = np.ndarray[Any, Any]
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def from_(thing: Any, kind: Kind | None = None) -> Volume:
    """What ``Volume.from_`` gives."""
    if isinstance(thing, Volume):
        return thing if kind is None else thing.with_kind(kind)
    library = type(thing).__module__.partition(".")[0]
    if library == "SimpleITK" and hasattr(thing, "GetPixelIDTypeAsString"):
        return _from_sitk(thing, kind)
    if all(hasattr(thing, name) for name in ("spatial_shape", "affine", "data")):
        return _from_torchio(thing, kind)
    if hasattr(thing, "dataobj") and hasattr(thing, "affine"):
        return _from_nibabel(thing, kind)
    if hasattr(thing, "pending_operations") and hasattr(thing, "affine"):
        return _from_monai(thing, kind)
    if all(hasattr(thing, name) for name in ("dims", "coords", "attrs", "values")):
        return _from_xarray(thing, kind)
    if all(hasattr(thing, name) for name in ("imageType", "origin", "spacing", "direction", "data")):
        return _from_itkwasm(thing, kind)
    if hasattr(thing, "GetLargestPossibleRegion"):
        return _from_itk(thing, kind)
    if isinstance(thing, np.ndarray) or library == "torch":
        raise RevoxelError("an array does not say where its voxels lie: pass Volume(array, affine)")
    raise RevoxelError(
        f"cannot make a volume of {type(thing).__module__}.{type(thing).__qualname__}: known are images of nibabel, SimpleITK, "
        "ITK, xarray (spatial-image), MONAI and TorchIO; of anything else make an array, and pass Volume(array, affine)"
    )


def bare_array(thing: Any) -> _Array | None:
    """The array of a thing that does not say where it lies: of numpy, or a tensor. None for anything else."""
    # A MetaTensor says where it lies.
    array = None if hasattr(thing, "pending_operations") else plain(thing)
    return as_array(array) if isinstance(array, np.ndarray) else None


def _lps(array: _Array, order: Any, origin: Any, spacing: Any, direction: Any, kind: Kind | None) -> Volume:
    return Volume(array, origin=origin, spacing=spacing, direction=direction, order=order, kind=kind or "image")


# nibabel: (x, y, z[, t]), affine in RAS.


def _from_nibabel(image: Any, kind: Kind | None) -> Volume:
    if image.affine is None:
        raise RevoxelError("the image has no affine: pass Volume(image.dataobj, affine)")
    values = np.asanyarray(image.dataobj)
    if values.ndim == 5 and values.shape[3] == 1:
        # Vectors lie along the fifth axis, behind a single time.
        values = values[:, :, :, 0, :]
    if values.ndim not in (2, 3, 4):
        raise RevoxelError(
            f"an image of shape {values.shape}: a volume has two or three axes and one of channels or frames"
        )
    orders: dict[int, Order | FlatOrder] = {2: "xy", 3: "xyz", 4: "xyzc"}
    affine = np.array(image.affine, np.float64)
    if hasattr(image.header, "get_xyzt_units"):
        # nibabel leaves the affine in the units of the file.
        affine[:3] *= {"micron": 1e-3, "meter": 1e3}.get(image.header.get_xyzt_units()[0], 1.0)
    return Volume(values, affine, order=orders[values.ndim], kind=kind or "image")


def to_nibabel(volume: Volume) -> Any:
    """What ``Volume.to_nibabel`` gives."""
    import nibabel

    # Channels lie along the fourth axis, so a 2-D image has all axes where there are several.
    values = volume.xyz[:, :, 0] if volume.grid.planar and volume.channels == 1 else volume.xyz
    image = nibabel.Nifti1Image(values, np.array(volume.affine), dtype=volume.dtype)
    image.header.set_xyzt_units("mm")
    return image


# SimpleITK: (z, y, x[, c]), origin, spacing and direction in LPS, x first.


def _from_sitk(image: Any, kind: Kind | None) -> Volume:
    sitk = sys.modules["SimpleITK"]
    dimension = image.GetDimension()
    vectors = image.GetNumberOfComponentsPerPixel() > 1
    values_are = image.GetPixelIDTypeAsString()
    if "complex" in values_are:
        raise RevoxelError("the image has complex values: take its real and imaginary part, or its magnitude")
    if "label of" in values_are:
        # Its voxels lie in runs; to ask for an array of them ends the process.
        raise RevoxelError("a label map of runs has no array of voxels: pass SimpleITK.LabelMapToLabel(image)")
    # The view does not keep the image alive.
    values = sitk.GetArrayViewFromImage(image).copy()
    direction = np.reshape(image.GetDirection(), (dimension, dimension))
    origin, spacing = image.GetOrigin(), image.GetSpacing()
    if dimension == 4:
        if vectors:
            raise RevoxelError("a 4-D image of vectors has two axes more than space: take one of them apart")
        _check_time(direction)
        return _lps(values, "czyx", origin[:3], spacing[:3], direction[:3, :3], kind)
    if dimension == 2:
        origin, spacing, direction = _in_space(origin, spacing, direction)
        return _lps(values, "yxc" if vectors else "yx", origin, spacing, direction, kind)
    return _lps(values, "zyxc" if vectors else "zyx", origin, spacing, direction, kind)


def _check_time(direction: _Array) -> None:
    """Time is no direction of space."""
    if np.any(direction[:3, 3]) or np.any(direction[3, :3]):
        raise RevoxelError("the direction of the image mixes space and time")


def _in_space(origin: Any, spacing: Any, direction: _Array) -> tuple[Any, Any, _Array]:
    """The plane of a 2-D image as a slice of thickness 1 in space."""
    whole = np.eye(3)
    whole[:2, :2] = direction
    return (*origin, 0.0), (*spacing, 1.0), whole


def to_sitk(volume: Volume) -> Any:
    """What ``Volume.to_sitk`` gives."""
    origin, spacing, direction = volume.origin, volume.spacing, volume.direction
    import SimpleITK

    vectors, axes = volume.channels > 1, _axes_of_itk(volume)
    values = volume.to_numpy(order="zyxc" if vectors else "zyx")
    image = SimpleITK.GetImageFromArray(values if axes == 3 else values[0], isVector=vectors)
    image.SetOrigin(origin[:axes])
    image.SetSpacing(spacing[:axes])
    image.SetDirection([float(v) for v in direction[:axes, :axes].ravel()])
    return image


def _axes_of_itk(volume: Volume) -> int:
    """Two for a 2-D image, if it lies as those of ITK can: in the plane z = 0, with a thickness of 1."""
    third = np.array([0.0, 0.0, 1.0])
    direction = volume.direction
    flat = np.array_equal(direction[2], third) and np.array_equal(direction[:, 2], third)
    return 2 if volume.grid.planar and flat and volume.origin[2] == 0 and volume.spacing[2] == 1 else 3


# ITK: as SimpleITK.


def _from_itk(image: Any, kind: Kind | None) -> Volume:
    itk = sys.modules["itk"]
    dimension = image.GetImageDimension()
    vectors = image.GetNumberOfComponentsPerPixel() > 1
    try:
        # The view holds the image. A plain array of it would not.
        values = itk.array_view_from_image(image)
    except (KeyError, RuntimeError, TypeError) as problem:
        raise RevoxelError(f"ITK gives no array of {type(image).__name__}: {problem}") from problem
    direction = np.asarray(itk.array_from_matrix(image.GetDirection()))
    # The first voxel in memory, which is not index 0 where the image is a part of another one.
    start = image.GetBufferedRegion().GetIndex()
    origin = [float(v) for v in image.TransformIndexToPhysicalPoint(start)]
    spacing = [float(v) for v in image.GetSpacing()]
    if dimension == 4:
        if vectors:
            raise RevoxelError("a 4-D image of vectors has two axes more than space: take one of them apart")
        _check_time(direction)
        return _lps(values, "czyx", origin[:3], spacing[:3], direction[:3, :3], kind)
    if dimension == 2:
        flat_origin, flat_spacing, direction = _in_space(origin, spacing, direction)
        return _lps(values, "yxc" if vectors else "yx", flat_origin, flat_spacing, direction, kind)
    return _lps(values, "zyxc" if vectors else "zyx", origin, spacing, direction, kind)


def to_itk(volume: Volume) -> Any:
    """What ``Volume.to_itk`` gives."""
    origin, spacing, direction = volume.origin, volume.spacing, volume.direction
    import itk

    vectors, axes = volume.channels > 1, _axes_of_itk(volume)
    values = volume.to_numpy(order="zyxc" if vectors else "zyx")
    values = np.array(values if axes == 3 else values[0], order="C")
    try:
        image = itk.image_from_array(values, is_vector=vectors)
    except (KeyError, RuntimeError, TypeError) as problem:
        raise RevoxelError(
            f"this ITK has no images of {values.dtype}: convert the values first ({problem})"
        ) from problem
    image.SetOrigin([float(v) for v in origin[:axes]])
    image.SetSpacing([float(v) for v in spacing[:axes]])
    image.SetDirection(itk.matrix_from_array(np.array(direction[:axes, :axes])))
    return image


def _from_itkwasm(image: Any, kind: Kind | None) -> Volume:
    dimension, vectors = image.imageType.dimension, image.imageType.components > 1
    values = np.asarray(image.data)
    direction = np.asarray(image.direction, np.float64).reshape(dimension, dimension)
    if dimension == 2:
        origin, spacing, direction = _in_space(image.origin, image.spacing, direction)
        return _lps(values, "yxc" if vectors else "yx", origin, spacing, direction, kind)
    if dimension != 3:
        raise RevoxelError(f"an image of {dimension} dimensions: a volume has two or three")
    return _lps(values, "zyxc" if vectors else "zyx", image.origin, image.spacing, direction, kind)


# xarray: coordinates along the axes as ITK's origin and spacing; ITK's direction in attrs, rows and columns in the order of the
# dimensions z, y, x.


def _from_xarray(array: Any, kind: Kind | None) -> Volume:
    dims = [str(dim) for dim in array.dims]
    others = sorted(set(dims) - {"x", "y", "z", "c", "t"})
    if others or not {"x", "y"} <= set(dims) or {"c", "t"} <= set(dims):
        raise RevoxelError(f"dimensions {dims}: expected x, y, z, and at most one of c (channels) and t (time)")
    if "z" not in dims and "z" in array.coords:
        # A plane of a stack knows where it was cut.
        return _from_xarray(array.expand_dims("z"), kind)
    order = "".join("c" if dim == "t" else dim for dim in dims)
    space = [dim for dim in "xyz" if dim in dims]
    along = [_steps(array, dim) for dim in space]
    origin, spacing = [first for first, _ in along], [step for _, step in along]
    direction = _direction(array, len(space))
    if "origin" in array.attrs:
        # Coordinates count along the axes from there, which is not where a part of the array begins unless the axes are those
        # of the patient.
        known = array.attrs["origin"]
        if not isinstance(known, dict) or not set(space) <= set(known):
            raise RevoxelError(f"attrs['origin'] is {known!r}: expected a dictionary with {', '.join(space)}")
        start = np.array([float(known[dim]) for dim in space])
        origin = list(start + direction @ (np.array(origin) - start))
    # Coordinates that fall are a flip.
    direction = direction * np.sign(spacing)
    if len(space) == 2:
        flat_origin, flat_spacing, direction = _in_space(origin, np.abs(spacing), direction)
        return _lps(array.values, order, flat_origin, flat_spacing, direction, kind)
    return _lps(array.values, order, origin, np.abs(spacing), direction, kind)


def _direction(array: Any, count: int) -> _Array:
    """The directions of x, y and z as columns."""
    if "direction" not in array.attrs:
        return np.eye(count)
    try:
        direction = np.flip(np.asarray(array.attrs["direction"], np.float64))
    except (TypeError, ValueError) as problem:
        raise RevoxelError(f"attrs['direction']: {problem}") from problem
    if direction.shape == (4, 4) and count == 3:
        # Time comes first where there is one: behind the flip it is last.
        _check_time(direction)
        direction = direction[:3, :3]
    if direction.shape != (count, count):
        raise RevoxelError(f"attrs['direction'] is of shape {direction.shape}, expected {count}×{count}")
    return direction


# What a unit of coordinates is in millimetres.
_UNITS = {
    "": 1.0,
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(("m", "meter", "metre"), 1e3),
    **dict.fromkeys(("um", "µm", "micron", "micrometer", "micrometre"), 1e-3),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-6),
}


def _steps(array: Any, dim: str) -> tuple[float, float]:
    """The first coordinate along a dimension, and the step, mm."""
    if dim not in array.coords:
        raise RevoxelError(f"dimension {dim} has no coordinates, which say where its voxels lie")
    coords = array.coords[dim]
    unit = str(coords.attrs.get("units", ""))
    if unit not in _UNITS:
        raise RevoxelError(
            f"the unit of the coordinates along {dim} is {unit!r}: expected a length, such as millimeter"
        )
    places = np.asarray(coords.values)
    if places.ndim != 1 or places.dtype.kind not in "iuf" or not np.isfinite(places).all():
        raise RevoxelError(f"the coordinates along {dim} are no finite numbers ({places.dtype}, shape {places.shape})")
    places = places.astype(np.float64) * _UNITS[unit]
    if len(places) == 1:
        known = array.attrs.get("spacing")
        if not isinstance(known, dict) or dim not in known:
            raise RevoxelError(
                f"dimension {dim} has one voxel, whose size is not known: set attrs['spacing'] = {{{dim!r}: mm}}"
            )
        return float(places[0]), float(known[dim])
    step = (places[-1] - places[0]) / (len(places) - 1)
    even = places[0] + step * np.arange(len(places))
    if not step or np.abs(places - even).max() > 1e-3 * abs(step):
        raise RevoxelError(f"the coordinates along {dim} are not evenly spaced: resample the array first")
    return float(places[0]), float(step)


def to_xarray(volume: Volume) -> Any:
    """What ``Volume.to_xarray`` gives."""
    origin, spacing, direction = volume.origin, volume.spacing, volume.direction
    import xarray

    values = volume.zyx
    dims = ("c", "z", "y", "x")[-values.ndim :]
    coords: dict[str, _Array] = {
        dim: origin[i] + spacing[i] * np.arange(volume.shape[i]) for i, dim in enumerate("xyz")
    }
    if volume.channels > 1:
        coords["c"] = np.arange(volume.channels)
    attrs = {
        "direction": np.flip(direction),
        "origin": dict(zip("xyz", origin, strict=True)),
        "spacing": dict(zip("xyz", spacing, strict=True)),
    }
    return xarray.DataArray(values, name=volume.kind, dims=dims, coords=coords, attrs=attrs)


# torch, MONAI, TorchIO: (c, x, y, z), affine in RAS.


def to_torch(volume: Volume, order: str, contiguous: bool) -> Any:
    """What ``Volume.to_torch`` gives."""
    import torch

    if order not in ("xyz", "zyx"):
        raise RevoxelError(f'order: {order!r} is neither "xyz" nor "zyx"')
    values = volume.to_numpy(order="cxyz" if order == "xyz" else "czyx")
    # torch writes to what it is given, whatever the memory says of itself.
    if not values.flags.writeable:
        values = values.copy(order="C" if contiguous else "K")
    elif contiguous:
        values = np.ascontiguousarray(values)
    return torch.from_numpy(values)


def _from_monai(tensor: Any, kind: Kind | None) -> Volume:
    if tensor.pending_operations:
        raise RevoxelError("the tensor has pending operations, which its affine does not know of: apply them first")
    values, affine = plain(tensor), plain(tensor.affine).astype(np.float64)
    if values.ndim == 5 and values.shape[0] == 1 and affine.ndim == 3:
        affine = affine[0]
    if values.ndim == 5 and values.shape[0] == 1:
        # A batch of one.
        values = values[0]
    if affine.shape == (3, 3):
        flat = np.eye(4)
        flat[:2, :2], flat[:2, 3] = affine[:2, :2], affine[:2, 2]
        affine = flat
        if values.ndim != 3:
            raise RevoxelError(f"a 2-D tensor of shape {values.shape}: expected (channel, x, y)")
        order: Order | FlatOrder = "cxy"
    elif affine.shape == (4, 4) and values.ndim == 3 and _spatial_axes(tensor) == 2:
        # A 2-D file: MONAI gives it an affine of space.
        order = "cxy"
    elif affine.shape == (4, 4) and values.ndim == 3 and _spatial_axes(tensor) != 3:
        raise RevoxelError(
            f"a tensor of shape {values.shape}: are its axes (channel, x, y) or (x, y, z)? Give it an axis of channels "
            "(EnsureChannelFirst, tensor[None])"
        )
    elif affine.shape != (4, 4) or values.ndim not in (3, 4):
        raise RevoxelError(
            f"a tensor of shape {values.shape} with an affine of shape {affine.shape}: expected (channel, x, y, z), or (x, y, z), "
            "and 4×4; take batches apart with decollate_batch"
        )
    else:
        order = "cxyz" if values.ndim == 4 else "xyz"
    space = str(tensor.meta.get("space", "RAS")).rpartition(".")[2].upper()
    if space == "LPS":
        affine = _LPS @ affine
    elif space not in ("RAS", "NONE", ""):
        raise RevoxelError(f"the space of the tensor is {space}: expected RAS or LPS")
    return Volume(values, affine, order=order, kind=kind or "image")


def _spatial_axes(tensor: Any) -> int | None:
    """How many axes of space the file had that a tensor of MONAI came from, where that is known."""
    shape = tensor.meta.get("spatial_shape")
    return None if shape is None else len(np.ravel(np.asarray(shape)))


def to_monai(volume: Volume, contiguous: bool) -> Any:
    """What ``Volume.to_monai`` gives."""
    import torch
    from monai.data import MetaTensor

    affine = torch.from_numpy(np.array(volume.affine))
    return MetaTensor(to_torch(volume, "xyz", contiguous), affine=affine, meta={"space": "RAS"})


def _from_torchio(image: Any, kind: Kind | None) -> Volume:
    if kind is None:
        kind = "label" if getattr(image, "type", "") == "label" else "image"
    return Volume(plain(image.data), np.asarray(image.affine, np.float64), order="cxyz", kind=kind)


def to_torchio(volume: Volume) -> Any:
    """What ``Volume.to_torchio`` gives."""
    import torchio

    make = torchio.LabelMap if volume.kind == "label" else torchio.ScalarImage
    return make(tensor=to_torch(volume, "xyz", True), affine=np.array(volume.affine))
