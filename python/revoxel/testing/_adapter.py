"""What a library must offer to be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from ._geometry import Affine, Array


class NotApplicable(Exception):
    """The library has no such thing: raised by an adapter, so that the question is not asked."""


class Refused(Exception):
    """The library holds no answer, and says so: for `world` and `array`, where another error is a fault."""


class SpatialImageAdapter(Protocol):
    """The smallest adapter: three facts and three methods.

    `frame` is the world in which `world` answers: x, y and z grow to the right, front and head (RAS),
    or to the left, back and head (LPS), in mm; None if the library does not say. `axis_order` is the
    order of the axes of `array`. An adapter should call the library as a user would, and compute
    nothing that the library can compute.

    These are optional; a question that needs an absent one is "not applicable". `make`, `open`,
    `save` and the optional methods refuse by any exception but `NotApplicable`. `world` and `array` of an
    image that was given must answer, or raise `Refused`; another exception is a failure. So is a fault of
    the adapter's own code: a name or an attribute that does not exist, a wrong number of arguments, a
    module that cannot be imported.

    | attribute or method | |
    |---|---|
    | `version` | of the library |
    | `formats` | what `open` reads: some of nifti, nrrd, metaimage, dicom, ome-zarr |
    | `open(path)` | an image from a file, or from a folder of DICOM slices |
    | `suffixes` | of the files that `save` writes and `open` reads, as ".nii.gz" |
    | `save(image, path)` | |
    | `channels(image)` | (channel, x, y, z), for frames too |
    | `make_channels(array_cxyz, affine_ras)` | |
    | `direction(image)` | 3 × 3, in `frame`, columns for axes |
    | `spacing(image)` | three numbers for x, y, z |
    | `index(image, point)` | the inverse of `world` |
    | `slice(image, slices_xyz)` | the library's indexing: an image, or an array if it drops the geometry |
    | `crop(image, start_xyz, stop_xyz)` | the library's function for it |
    | `flip(image, axis)` | reverses an axis, the patient stays where it is |
    | `transpose(image, order)` | axis `order[i]` becomes axis i, the patient stays |
    | `resample(image, affine_ras, shape_xyz, mode)` | onto a grid; mode is nearest or linear |
    | `ties` | what the library documents for nearest at half: upper, lower or even |
    | `make_labels(array_xyz, affine_ras)`, `kind(image)` | where images and label maps are told apart |
    | `kind_in_files` | suffixes of files that hold the kind |
    | `shares_input`, `shares_output` | True if the library promises that `make`, or `array`, copies nothing |
    | `shares_affine` | True if the library documents that it keeps the array of `affine_ras` itself |
    | `notes` | sentences for the table of answers |
    """

    name: str
    frame: Literal["RAS", "LPS"] | None
    axis_order: Literal["xyz", "zyx"]

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        """An image of these values (indexed x, y, z) on this grid."""

    def array(self, image: Any) -> Array:
        """The values as the library hands them out, three axes in `axis_order`."""

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        """Where this index lies: three numbers in `frame`."""


class Adapter:
    """A base for adapters: no more than the defaults."""

    name: str
    frame: Literal["RAS", "LPS"] | None = None
    axis_order: Literal["xyz", "zyx"] = "xyz"
    version: str = ""
    formats: ClassVar[frozenset[str]] = frozenset()
    suffixes: ClassVar[tuple[str, ...]] = ()
    shares_input: bool | None = None
    shares_output: bool | None = None
    ties: str | None = None
    notes: tuple[str, ...] = ()

    def make(self, array_xyz: Array, affine_ras: Affine) -> Any:
        raise NotImplementedError

    def array(self, image: Any) -> Array:
        raise NotImplementedError

    def world(self, image: Any, index_xyz: tuple[float, float, float]) -> Any:
        raise NotImplementedError

    def open(self, path: Path) -> Any:
        raise NotApplicable(f"{self.name} reads no files")
