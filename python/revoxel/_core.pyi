"""The native part of the package. `tests/test_stubs.py` compares this file with what was built."""

import enum
import sys
from collections.abc import Iterator
from os import PathLike
from typing import Any, Literal, Self, TypeAlias, TypedDict, final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from revoxel._names import Activation, Axes, FlatOrder, Interpolation, Kind, Onto, Order, Space, Values

__all__ = [
    "Grid",
    "Inversion",
    "Pipeline",
    "Result",
    "Trace",
    "Volume",
    "__version__",
    "read",
    "run_cli",
    "set_threads",
    "threads",
    "write",
]

__version__: str

_Path: TypeAlias = str | PathLike[str]
_Array: TypeAlias = NDArray[Any]
_Codes: TypeAlias = tuple[str, str, str]
_Three: TypeAlias = tuple[float, float, float]

class _Planned(TypedDict):
    """What is known of a volume before any voxel is read; None is what depends on voxels."""

    grid: Grid | None
    shape: tuple[int, int, int] | None
    spacing: _Three | None
    axcodes: _Codes | None
    kind: Kind | None
    channels: int | None
    dtype: str | None

@final
class Grid:
    """Where voxels lie: a shape and an affine from voxel indices to RAS+ millimetres. Index (0, 0, 0) is the centre of
    the first voxel. Two grids are equal where all numbers of shape and affine are."""

    def __new__(
        cls,
        shape: tuple[int, int, int] | list[int],
        affine: ArrayLike | None = None,
        *,
        origin: ArrayLike | None = None,
        spacing: ArrayLike | None = None,
        direction: ArrayLike | None = None,
        planar: bool = False,
    ) -> Self: ...
    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""
    @property
    def affine(self) -> NDArray[np.float64]:
        """The 4×4 matrix from voxel indices to RAS+ millimetres; a read-only array of float64."""
    @property
    def origin(self) -> _Three:
        """The position of the centre of voxel (0, 0, 0) in LPS, mm, as ITK gives it. Raises on shear."""
    @property
    def spacing(self) -> _Three:
        """The distance between neighbouring voxels along x, y and z, mm. Raises on shear."""
    @property
    def nominal_spacing(self) -> _Three:
        """The spacing as a header gives it: without the rounding noise that the columns of an oblique affine have,
        about 1e-7 of the size. Raises on shear."""
    @property
    def direction(self) -> NDArray[np.float64]:
        """The unit steps of the axes in LPS, as the columns of a 3×3 matrix; a read-only array. Raises on shear."""
    @property
    def axcodes(self) -> _Codes:
        """The anatomical directions that the axes point to most, such as ('L', 'P', 'S')."""
    @property
    def shear(self) -> float:
        """The sine of the largest deviation of two axes from a right angle."""
    @property
    def planar(self) -> bool:
        """Whether this is the grid of a 2-D file, which has one slice."""
    @property
    def voxel_volume(self) -> float:
        """How much space a voxel takes, mm³."""
    def to_world(self, index: ArrayLike) -> Any:
        """The RAS+ position, mm, of a voxel index, which may have fractions; of an array (…, 3) an array of
        positions."""
    def to_index(self, point: ArrayLike) -> Any:
        """The voxel index, with fractions, of a RAS+ position, mm; of an array (…, 3) an array of indices."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: Any) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Volume:
    """Voxels on a grid."""

    def __new__(
        cls,
        array: ArrayLike,
        affine: ArrayLike | None = None,
        *,
        origin: ArrayLike | None = None,
        spacing: ArrayLike | None = None,
        direction: ArrayLike | None = None,
        grid: Grid | None = None,
        kind: Kind = "image",
        order: Order | FlatOrder | None = None,
        channels: Literal["first", "last"] | None = None,
        copy: bool | None = None,
    ) -> Self: ...
    @classmethod
    def from_(cls, object: Any, *, kind: Kind | None = None) -> Volume:
        """A volume of an object of nibabel, SimpleITK, ITK, xarray, MONAI or TorchIO. `kind` is what the values
        mean."""
    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
    @property
    def affine(self) -> NDArray[np.float64]:
        """The 4×4 matrix from voxel indices to RAS+ millimetres; a read-only array of float64."""
    @property
    def origin(self) -> _Three:
        """The position of the centre of voxel (0, 0, 0) in LPS, mm, as ITK gives it. Raises on shear."""
    @property
    def spacing(self) -> _Three:
        """The distance between neighbouring voxels along x, y and z, mm. Raises on shear."""
    @property
    def direction(self) -> NDArray[np.float64]:
        """The unit steps of the axes in LPS, as the columns of a 3×3 matrix; a read-only array. Raises on shear."""
    @property
    def axcodes(self) -> _Codes:
        """The anatomical directions that the axes point to most, such as ('L', 'P', 'S')."""
    @property
    def kind(self) -> Kind:
        """What the values mean: "image", "label", "probability" or "logit"."""
    @property
    def shape(self) -> tuple[int, ...]:
        """The shape as an array has it: (x, y, z), or (x, y, z, channels) where there are several."""
    @property
    def channels(self) -> int:
        """How many channels or frames there are; 1 for a plain scan."""
    @property
    def dtype(self) -> np.dtype[Any]:
        """The voxel type, as numpy has it."""
    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
    @property
    def writable(self) -> bool:
        """Whether arrays on this memory can be written to: the package owns it, and nothing but this volume holds
        it."""
    @property
    def xyz(self) -> _Array:
        """The values as an array (x, y, z[, c]) on the same memory, the first axis fastest."""
    @property
    def zyx(self) -> _Array:
        """The values as an array ([c, ]z, y, x) on the same memory, the last axis fastest."""
    def with_kind(self, kind: Kind) -> Volume:
        """The same voxels with another meaning. The memory is shared."""
    def with_grid(self, grid: Grid) -> Volume:
        """The same values on another grid of the same shape. The memory is shared."""
    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> _Array: ...
    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[enum.Enum, int] | tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    if sys.version_info >= (3, 12):
        def __buffer__(self, flags: int, /) -> memoryview: ...

    def to_numpy(self, *, order: Order = "xyz", copy: bool | None = None) -> _Array:
        """The values as an array. With `copy=None` on the same memory, with `copy=True` on memory of its own."""
    def to_nibabel(self) -> Any:
        """A nibabel.Nifti1Image on the same memory."""
    def to_sitk(self) -> Any:
        """A SimpleITK.Image, which has memory of its own. Raises on shear."""
    def to_itk(self) -> Any:
        """An itk.Image, which has memory of its own. Raises on shear."""
    def to_xarray(self) -> Any:
        """An xarray.DataArray (z, y, x[, c]) on the same memory, as ITK makes it: coordinates along the axes, and the
        direction in `attrs`. Raises on shear."""
    def to_monai(self, *, contiguous: bool = True) -> Any:
        """A monai.data.MetaTensor (c, x, y, z) with the affine."""
    def to_torchio(self) -> Any:
        """A torchio.ScalarImage, or a torchio.LabelMap of labels."""
    def to_torch(self, *, order: Literal["xyz", "zyx"] = "xyz", contiguous: bool = True) -> Any:
        """A torch.Tensor (c, x, y, z), or (c, z, y, x) with order="zyx". `contiguous=False` takes the memory of the
        volume where it can be written to. Memory that cannot be written to is copied."""
    def save(self, path: _Path) -> None:
        """Write the volume; the name says the format."""
    def flip(self, axis: int) -> Volume:
        """The volume with one spatial axis (0, 1 or 2) reversed: the voxels stay where they are in the world."""
    def __getitem__(self, key: Any, /) -> Volume: ...
    def __len__(self) -> int: ...
    def __copy__(self) -> Volume: ...
    def __deepcopy__(self, _memo: Any) -> Volume: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def _repr_html_(self) -> str: ...

@final
class Pipeline:
    """What is done to the scans of a case, as a YAML file declares it."""

    @classmethod
    def load(cls, path: _Path, set: dict[str, Any] | None = None) -> Pipeline:
        """Read a pipeline file. `set` changes values of it: {"vars.spacing": 1.5, "steps.1.spacing.pixdim": 2}."""
    @classmethod
    def parse(cls, text: str, set: dict[str, Any] | None = None, *, name: str = "pipeline") -> Pipeline:
        """A pipeline of a text. `name` is what errors and traces call it."""
    @classmethod
    def from_dict(
        cls, document: dict[str, Any], set: dict[str, Any] | None = None, *, name: str = "pipeline"
    ) -> Pipeline:
        """A pipeline of a dictionary, as YAML has it."""
    @classmethod
    def from_steps(
        cls,
        steps: list[dict[str, Any]],
        inputs: dict[str, Kind] | None = None,
        *,
        seed: int | None = None,
        name: str = "pipeline",
    ) -> Pipeline:
        """A pipeline of steps alone, for volumes in memory: there are no paths. `inputs` are kinds by key."""
    def __call__(self, volumes: Any, case: str = "case") -> Result: ...
    @property
    def copies(self) -> int | None:
        """How often each case is taken through it, each time with other random draws: copy 2 of case "a" is
        case="a/2". None where cases have no copies."""
    @property
    def is_random(self) -> bool:
        """Whether any step draws by the name of the case."""
    def plan(self, like: Any, case: str | None = None) -> dict[str, _Planned]:
        """What the pipeline will make of volumes, from their headers alone: for each input a dictionary with its "grid"
        (None where that depends on voxels), "shape", "spacing", "axcodes" (what is known of the grid all the same),
        "kind", "channels" and "dtype"."""
    def snapshot(self) -> str:
        """What the pipeline does to synthetic scans, as the text that the command `snapshot` writes: to be committed
        and compared."""
    @property
    def inputs(self) -> list[str]:
        """The keys of the inputs."""
    @property
    def steps(self) -> list[str]:
        """The names of the steps, in order."""
    @property
    def name(self) -> str:
        """The name: that of the file."""
    @property
    def description(self) -> str:
        """What the file says of itself."""
    @property
    def text(self) -> str:
        """The text, as written."""
    @property
    def hash(self) -> str:
        """The hash of what is done, as in traces: comments and layout do not change it."""
    def to_dict(self) -> dict[str, Any]:
        """The pipeline as a dictionary that from_dict takes: with what `set` and files had a part in, and without
        comments."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Pipeline: ...
    def __deepcopy__(self, _memo: Any) -> Pipeline: ...
    def _repr_html_(self) -> str: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Result:
    """What became of a case: its volumes by their keys, and the trace."""

    def __new__(
        cls,
        volumes: dict[str, Volume],
        trace: Trace,
        case: str,
        skipped: str | None = None,
        notes: list[str] = ...,
    ) -> Self: ...
    def _repr_html_(self) -> str: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    @property
    def trace(self) -> Trace:
        """All that the way back needs."""
    @property
    def case(self) -> str:
        """The name of the case."""
    @property
    def skipped(self) -> str | None:
        """Why the case was left out, where a step said so; there are no volumes then."""
    @property
    def notes(self) -> list[str]:
        """What happened to voxels that is worth knowing: values that were not finite, labels that were lost."""
    def __getitem__(self, key: str, /) -> Volume: ...
    def __len__(self) -> int: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def keys(self) -> list[str]:
        """The keys."""
    def values(self) -> list[Volume]:
        """The volumes."""
    def items(self) -> list[tuple[str, Volume]]:
        """The keys with their volumes."""
    def get(self, key: str, default: Any = None) -> Any:
        """The volume of a key, or `default`."""

@final
class Trace:
    """What happened to the volumes of a case: all that the way back needs, besides a prediction."""

    @classmethod
    def load(cls, path: _Path) -> Trace:
        """Read a trace file."""
    @classmethod
    def parse(cls, text: str) -> Trace:
        """A trace of a text (JSON)."""
    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Trace:
        """A trace of a dictionary."""
    def to_dict(self) -> dict[str, Any]:
        """The trace as a dictionary."""
    def to_json(self) -> str:
        """The trace as a text (JSON). Numbers come back exactly."""
    def save(self, path: _Path) -> None:
        """Write the trace. The file appears whole or not at all."""
    @property
    def case(self) -> str:
        """The name of the case."""
    @property
    def volumes(self) -> list[str]:
        """The keys of the volumes."""
    @property
    def pipeline_hash(self) -> str:
        """The hash of the pipeline."""
    @property
    def source_grid(self) -> Grid:
        """The grid of the scan: of the image, if there are several volumes."""
    @property
    def model_grid(self) -> Grid:
        """The grid where the pipeline ended, on which predictions lie: of the image, if there are several volumes."""
    def grids(self, volume: str | None = None) -> tuple[Grid, Grid]:
        """The grid that a volume came from, and the grid where it ended."""
    def invert(
        self,
        prediction: Any,
        volume: str | None = None,
        *,
        restore: str | None = None,
        kind: Kind | None = None,
        interpolation: Interpolation | None = None,
        activation: Activation | None = None,
        argmax: bool = False,
        regions: list[int] | tuple[int, ...] | None = None,
        threshold: float | None = None,
        values: Values | None = None,
        fill: float | None = None,
        dtype: DTypeLike | None = None,
        axes: Axes | None = None,
        assume_grid: bool = False,
        onto: Onto = "slices",
    ) -> Volume:
        """The prediction on the grid of its scan. See `inversion` for the arguments and for what else is known of the
        result."""
    def inversion(
        self,
        prediction: Any,
        volume: str | None = None,
        *,
        restore: str | None = None,
        kind: Kind | None = None,
        interpolation: Interpolation | None = None,
        activation: Activation | None = None,
        argmax: bool = False,
        regions: list[int] | tuple[int, ...] | None = None,
        threshold: float | None = None,
        values: Values | None = None,
        fill: float | None = None,
        dtype: DTypeLike | None = None,
        axes: Axes | None = None,
        assume_grid: bool = False,
        onto: Onto = "slices",
        coverage: bool = False,
    ) -> Inversion:
        """The prediction on the grid of its scan, with what is known of it."""
    def check_inversion(
        self,
        volume: str | None = None,
        *,
        restore: str | None = None,
        kind: Kind | None = None,
        interpolation: Interpolation | None = None,
        activation: Activation | None = None,
        argmax: bool = False,
        regions: list[int] | tuple[int, ...] | None = None,
        threshold: float | None = None,
        values: Values | None = None,
        fill: float | None = None,
        dtype: DTypeLike | None = None,
        axes: Axes | None = None,
        assume_grid: bool = False,
        onto: Onto = "slices",
        coverage: bool = False,
    ) -> None:
        """Raise what `inversion` would raise of its arguments, before there is a prediction."""
    def coverage(self, volume: str | None = None) -> Volume:
        """The mask of the voxels of the scan that the model saw: 1 where it did, 0 elsewhere."""
    def points(
        self,
        points: ArrayLike,
        volume: str | None = None,
        *,
        forward: bool = False,
        space: Space = "ras",
        to: Space | None = None,
    ) -> tuple[NDArray[np.float64], list[str]]:
        """Points (one row of three numbers each) from the model's grid to the scan, or with `forward` from the scan to
        the model's grid; and for each whether the model saw its place: "seen", "unseen" or "outside"."""
    def boxes(
        self,
        boxes: ArrayLike,
        volume: str | None = None,
        *,
        forward: bool = False,
        space: Space = "ras",
        to: Space | None = None,
    ) -> tuple[NDArray[np.float64], list[str]]:
        """The same for boxes: rows of the lowest and the highest corner (six numbers). In "index", these are the first
        voxel and one past the last. A box can also be "partly" seen."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __copy__(self) -> Trace: ...
    def __deepcopy__(self, _memo: Any) -> Trace: ...
    def _repr_html_(self) -> str: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Inversion:
    """A prediction on the grid of its scan, and what is known of it."""

    @property
    def volume(self) -> Volume:
        """The prediction; its grid is that of the scan bit for bit."""
    @property
    def coverage(self) -> Volume | None:
        """1 where the model saw the voxel, 0 elsewhere; None where it was not asked for."""
    @property
    def unseen(self) -> int:
        """How many voxels the model did not see: they hold the fill."""
    @property
    def interpolation(self) -> Interpolation | None:
        """The interpolation; None where voxels were only copied."""
    @property
    def agreement(self) -> str:
        """How the prediction's grid related to the grid where the pipeline ended."""
    @property
    def vanished(self) -> list[str]:
        """Labels of the prediction that have no voxel on the grid of the scan."""
    @property
    def key(self) -> str:
        """The key of the volume whose grid the prediction went back to."""

def read(
    path: _Path,
    kind: Kind = "image",
    *,
    series: str | int | None = None,
    select: str | None = None,
    spacing: tuple[float, float, float] | None = None,
    lazy: bool = False,
    **rules: Any,
) -> Volume:
    """Read a volume: a file, a DICOM folder or an archive. `kind` says what the values mean, which no header does."""

def write(volume: Volume, path: _Path) -> None:
    """Write a volume; the name says the format. The file appears whole or not at all. A volume that was read keeps what
    the header of its file said and still holds."""

def threads() -> int:
    """How many threads the next call works with."""

def set_threads(count: int | None = None) -> None:
    """Work with so many threads in this process and in children that fork from it; None for the default: 1 in a worker
    of a torch DataLoader, else one for each core."""

def run_cli(arguments: list[str]) -> int:
    """Run the program with these arguments, the first of which is its name, and return its exit code. Once in a
    process."""
