"""A pipeline as one of MONAI's dictionary transforms."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, Randomizable
from monai.utils import TraceKeys

from revoxel._arrays import plain
from revoxel._core import Pipeline, Trace, Volume
from revoxel._errors import RevoxelError
from revoxel._names import Kind
from revoxel._program import StrPath

__all__ = ["RandRevoxeld", "Revoxeld"]


class Revoxeld(MapTransform, InvertibleTransform):  # type: ignore[misc]
    """Takes items of a dictionary through a pipeline, in ``Compose`` between MONAI's own transforms.

    ``keys`` are the keys of the dictionary, and of the pipeline's inputs unless ``inputs`` names these, in the same order; each
    input once. What is there may be a MetaTensor (channels, x, y, z), a :class:`revoxel.Volume`, or the path of a file. A tensor
    (channels, x, y) is taken where MONAI's metadata says that it is 2-D, and stays so. What comes out are MetaTensors with the
    affine of their new grid; the metadata of the old ones stays.

    The way back is the trace, which the tensors carry in ``applied_operations`` as text: through processes, and in
    MONAI's ``Invertd`` and ``Compose.inverse``. As with MONAI's own transforms, the key that carries the trace decides how:
    values of labels are taken from the nearest voxel, those of other kinds are interpolated linearly, unless ``Invertd`` is asked
    for ``nearest_interp`` (its default). So scores need ``nearest_interp=False`` and ``orig_keys`` of an image. Interpolated whole
    numbers and truth values become float32; everything else keeps its type. Intensities are not undone: a prediction has none.

    In workers that a ``DataLoader`` spawns MONAI cannot tell its own transforms from others, and refuses to invert them. A chain in
    which this is the only transform that is inverted has no such limit; nor has a program that calls
    ``torch.multiprocessing.set_start_method("spawn")``, as MONAI goes by names then.

    With random steps in the pipeline what is made is a :class:`RandRevoxeld`, which draws anew at every call, as MONAI's random
    transforms do. With ``by_case=True`` steps draw by the name of the case alone, as :func:`revoxel.run` does: the same numbers
    at every call, so MONAI's datasets may cache them. The name is what ``case_key`` holds, else what the path of the first input's
    file says: what stands in the place of ``{case}``, or the name of the file without its ending. ``copies`` of the pipeline are
    not made; copy 1 of case ``a`` is what the case ``a/1`` draws.
    """

    def __new__(
        cls,
        keys: KeysCollection | None = None,
        pipeline: StrPath | Pipeline | None = None,
        *,
        set: Mapping[str, Any] | None = None,
        by_case: bool = False,
        **_: Any,
    ) -> Revoxeld:
        """A :class:`RandRevoxeld` where the pipeline draws: MONAI goes by classes, gives random states to what is Randomizable, and
        never caches it. Copies are made without arguments."""
        draws = cls is Revoxeld and pipeline is not None and not by_case and _is_random(_loaded(pipeline, set))
        made: Revoxeld = super().__new__(RandRevoxeld if draws else cls)
        return made

    def __init__(
        self,
        keys: KeysCollection,
        pipeline: StrPath | Pipeline,
        *,
        inputs: KeysCollection | None = None,
        set: Mapping[str, Any] | None = None,
        case_key: str = "case",
        by_case: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.pipeline = _loaded(pipeline, set)
        names = self.keys if inputs is None else ((inputs,) if isinstance(inputs, str) else tuple(inputs))
        if len(names) != len(self.keys):
            raise RevoxelError(f"{len(self.keys)} keys, but {len(names)} inputs")
        unknown = [name for name in names if name not in self.pipeline.inputs]
        if unknown:
            raise RevoxelError(f"the pipeline has no input {unknown[0]!r}; it has: {', '.join(self.pipeline.inputs)}")
        # The pipeline takes one volume for each input: of two keys one would be lost.
        repeated = [name for at, name in enumerate(names) if name in names[:at]]
        if repeated:
            raise RevoxelError(f"the input {repeated[0]!r} is named for two keys: make a transform for each of them")
        self.inputs = dict(zip(self.keys, map(str, names), strict=True))
        self.case_key = case_key
        self.by_case = by_case
        document = self.pipeline.to_dict()
        self._kinds = {key: spec["kind"] for key, spec in document["inputs"].items()}
        self._paths = {key: _pattern(spec.get("path")) for key, spec in document["inputs"].items()}
        self._copies = "copies" in document

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Run the pipeline on the items of a dictionary."""
        d = dict(data)
        given = {key: d[key] for key in self.key_iterator(d)}
        volumes = {self.inputs[key]: self._volume(key, value) for key, value in given.items()}
        case = self._case(d, given)
        made = self.pipeline(volumes, case=self._drawn_by(case))
        if made.skipped is not None:
            raise RevoxelError(f"case {case} is left out by the pipeline: {made.skipped}")
        trace = made.trace.to_json()
        for key, value in given.items():
            d[key] = self._tracked(value, made[self.inputs[key]], self.inputs[key], trace)
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring items back onto the grids that they came from."""
        d = dict(data)
        for key in self.key_iterator(d):
            extra, later = _taken(d[key], key)
            trace = Trace.parse(extra["trace"])
            d[key] = _back(d[key], trace, extra["volume"], later, nearest=extra["mode"] == "nearest")
        return d

    def get_transform_info(self) -> dict[str, Any]:
        """What MONAI notes of this transform."""
        # The trace says all, so any other transform of this class may invert it, in another process too. It is found by what it
        # holds: with MONAI's mark for any transform, one of MONAI's would take it for its own.
        return {**super().get_transform_info(), TraceKeys.CLASS_NAME: "Revoxeld", TraceKeys.ID: "revoxel"}

    def _drawn_by(self, case: str) -> str:
        """The name that random steps draw by."""
        return case

    def _volume(self, key: Hashable, value: Any) -> Any:
        if isinstance(value, (str, os.PathLike, Volume, list, tuple)):
            return value
        if isinstance(value, MetaTensor) and value.pending_operations:
            raise RevoxelError(
                f"{key}: lazy operations of MONAI are pending: end them with ApplyPendingd before this transform"
            )
        if isinstance(value, torch.Tensor) and not isinstance(value, MetaTensor):
            raise RevoxelError(
                f"{key}: a plain tensor does not say where its voxels lie: pass a MetaTensor (LoadImaged makes one), a volume or a "
                "path. MONAI's PersistentDataset keeps MetaTensors with track_meta=True, weights_only=False"
            )
        if isinstance(value, torch.Tensor) and value.ndim not in (3, 4):
            raise RevoxelError(
                f"{key}: a tensor of shape {tuple(value.shape)}: expected (channels, x, y, z), or (channels, x, y) of a 2-D file. "
                "Take batches apart with decollate_batch, and frames in time one by one"
            )
        volume = Volume.from_(value, kind=self._kinds[self.inputs[key]])
        if isinstance(value, torch.Tensor) and value.ndim == 3 and not volume.grid.planar:
            raise RevoxelError(
                f"{key}: a tensor of shape {tuple(value.shape)} of a 3-D file has no axis of channels: add it with "
                "EnsureChannelFirstd"
            )
        return volume

    def _case(self, d: Mapping[Hashable, Any], given: Mapping[Hashable, Any]) -> str:
        if self.case_key in d:
            return str(d[self.case_key])
        for key, value in given.items():
            file = value.meta.get("filename_or_obj") if isinstance(value, MetaTensor) else value
            if isinstance(file, (list, tuple)) and file:
                file = file[0]
            if isinstance(file, (str, os.PathLike)):
                return _case_of(os.fspath(file), self._paths[self.inputs[key]])
        return "case"

    def _tracked(self, before: Any, volume: Volume, name: str, trace: str) -> MetaTensor:
        made: MetaTensor = volume.to_monai(contiguous=True)
        if isinstance(before, MetaTensor):
            if before.ndim == 3 and volume.grid.planar:
                made = _flat(made, before)
            meta = {**before.meta, **made.meta, "affine": made.affine}
            meta["spatial_shape"] = np.asarray(made.shape[1:])
            made = MetaTensor(made.as_tensor(), meta=meta, applied_operations=list(before.applied_operations))
            size = tuple(before.shape[1:])
        else:
            size = volume.shape[:3]
            if isinstance(before, (str, os.PathLike)):
                made.meta["filename_or_obj"] = os.fspath(before)
        # MONAI's word for the way back; its Invertd puts "nearest" in its place where it is asked to.
        mode = "nearest" if volume.kind == "label" else "bilinear"
        info = {"trace": trace, "volume": name, "mode": mode}
        tracked: MetaTensor = self.push_transform(made, orig_size=size, extra_info=info)
        return tracked


class RandRevoxeld(Randomizable, Revoxeld):  # type: ignore[misc]
    """What :class:`Revoxeld` makes of a pipeline with random steps. Each call draws a number from MONAI's random state, and the
    steps draw by the name of the case and this number (``case@number``, which the trace says)."""

    def randomize(self, data: Any = None) -> None:
        """Draw the number of the next call."""
        self._number = int(self.R.randint(2**32, dtype=np.uint32))

    def _drawn_by(self, case: str) -> str:
        if self.by_case:
            return case
        self.randomize()
        # The number of a copy comes last, where random steps look for it.
        name, slash, copy = case.rpartition("/")
        if self._copies and slash and copy.isdecimal():
            return f"{name}@{self._number}/{copy}"
        return f"{case}@{self._number}"


def _loaded(pipeline: StrPath | Pipeline, set: Mapping[str, Any] | None) -> Pipeline:
    if not isinstance(pipeline, Pipeline):
        return Pipeline.load(pipeline, dict(set) if set else None)
    if set:
        raise RevoxelError("`set` changes a pipeline when it is read: pass it to Pipeline.load")
    return pipeline


def _is_random(pipeline: Pipeline) -> bool:
    """Whether a step draws."""
    return pipeline.is_random


def _pattern(path: Any) -> re.Pattern[str] | None:
    """What the path of a case looks like, if it has ``{case}`` and no parts that may be missing."""
    path = path[0] if isinstance(path, list) and path else path
    if not isinstance(path, str) or "{case}" not in path or "[" in path:
        return None
    seen: set[str] = set()

    def piece(found: str) -> str:
        if found == "*":
            return "[^/]*?"
        name = found[1:-1]
        if not (found.startswith("{") and name.isidentifier()):
            return re.escape(found)
        again = name in seen
        seen.add(name)
        return f"(?P={name})" if again else f"(?P<{name}>[^/]+)"

    return re.compile("(?:.*/)?" + "".join(map(piece, re.split(r"(\*|\{[^{}]*\})", path))), re.DOTALL)


def _case_of(file: str, pattern: re.Pattern[str] | None) -> str:
    """The name of the case of a file, as ``run`` has it."""
    found = pattern.fullmatch(file.replace(os.sep, "/")) if pattern is not None else None
    if found is not None:
        return found["case"]
    name = os.path.basename(os.path.normpath(file))
    if os.path.isdir(file):
        return name
    name = name.removesuffix(".gz")
    return (name.rpartition(".")[0] or name).removesuffix(".seg")


def _taken(prediction: Any, key: Hashable) -> tuple[dict[str, Any], list[str]]:
    """What the last transform of this class noted, taken off the tensor, and the names of those behind it that were not undone."""
    operations = prediction.applied_operations if isinstance(prediction, MetaTensor) else []
    for at in reversed(range(len(operations))):
        extra = operations[at].get(TraceKeys.EXTRA_INFO)
        if isinstance(extra, Mapping) and {"trace", "volume", "mode"} <= extra.keys():
            del operations[at]
            return dict(extra), [str(later.get(TraceKeys.CLASS_NAME)) for later in operations[at:]]
    names = ", ".join(str(operation.get(TraceKeys.CLASS_NAME)) for operation in operations)
    raise RevoxelError(
        f"{key}: the tensor does not carry the trace of Revoxeld (its operations: {names or 'none'}). Use Invertd with orig_keys=the "
        "key that Revoxeld made. If workers are spawned, MONAI cannot tell its own transforms from others: let Revoxeld be the only "
        'transform of the chain that is inverted, or call torch.multiprocessing.set_start_method("spawn")'
    )


def _between(later: list[str]) -> str:
    """Why a prediction may not be on the model's grid."""
    if later:
        return (
            f"Behind Revoxeld there was {', '.join(later)}, which MONAI does not invert: predict the whole volume, or crop in the "
            "pipeline, whose trace brings crops home"
        )
    return "A crop or a change of size that MONAI does not record may lie in between"


def _flat(made: MetaTensor, like: MetaTensor) -> MetaTensor:
    """A volume of one slice as the 2-D tensor that MONAI has of it, with an affine as large as that of another."""
    affine = made.affine
    if like.affine.shape[-1] == 3:
        affine = affine[[0, 1, 3]][:, [0, 1, 3]]
    return MetaTensor(made.as_tensor()[..., 0], meta={**made.meta, "affine": affine})


def _back(prediction: Any, trace: Trace, name: str, later: list[str], *, nearest: bool) -> MetaTensor:
    """A prediction on the grid of its scan."""
    values = prediction.as_tensor() if isinstance(prediction, MetaTensor) else torch.as_tensor(prediction)
    array = plain(values)
    source, model = trace.grids(name)
    flat = array.ndim == 3 and model.planar
    if flat:
        array = array[..., np.newaxis]
    if array.ndim != 4 or tuple(array.shape[1:]) != tuple(model.shape):
        raise RevoxelError(
            f"{name}: the prediction has shape {tuple(values.shape)}, but the model's grid is (channels, "
            f"{', '.join(map(str, model.shape))}). {_between(later)}"
        )
    whole = not np.issubdtype(array.dtype, np.floating)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    if whole and not nearest:
        array = array.astype(np.float32)
    kind: Kind = "label" if whole and nearest and array.shape[0] == 1 else "image"
    planes = [
        trace.invert(
            Volume(np.ascontiguousarray(channel), grid=model, kind=kind, order="xyz"),
            volume=name,
            kind=kind,
            interpolation="nearest" if nearest else "linear",
            values="keep",
            fill=0,
        )
        for channel in array
    ]
    back = np.stack([np.asarray(plane.xyz) for plane in planes])
    made = MetaTensor(torch.from_numpy(np.ascontiguousarray(back)))
    # Whole numbers between which was interpolated have fractions, which their type has not.
    if nearest or not whole:
        made = made.to(values.dtype)
    made.affine = torch.from_numpy(np.array(source.affine))
    if flat:
        made = _flat(made, prediction if isinstance(prediction, MetaTensor) else made)
    if isinstance(prediction, MetaTensor):
        meta = {**prediction.meta, "affine": made.affine}
        made = MetaTensor(made.as_tensor(), meta=meta, applied_operations=list(prediction.applied_operations))
    made.meta["spatial_shape"] = np.asarray(made.shape[1:])
    return made
