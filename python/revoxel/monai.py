"""A pipeline as one of MONAI's dictionary transforms."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import TraceKeys

from revoxel._core import Pipeline, Trace, Volume
from revoxel._errors import RevoxelError
from revoxel._program import StrPath

__all__ = ["Revoxeld"]


class Revoxeld(MapTransform, InvertibleTransform):  # type: ignore[misc]
    """Takes items of a dictionary through a pipeline, in ``Compose`` between MONAI's own transforms.

    ``keys`` are the keys of the dictionary, and of the pipeline's inputs unless ``inputs`` names these, in the same order. What
    is there may be a MetaTensor (channels, x, y, z), a :class:`revoxel.Volume`, or the path of a file. What comes out are
    MetaTensors with the affine of their new grid; the metadata of the old ones stays.

    The way back is the trace, which the tensors carry in ``applied_operations`` as text: through processes, and in
    MONAI's ``Invertd`` and ``Compose.inverse``. With ``nearest_interp`` (the default of ``Invertd``) values stay as they are,
    else they are interpolated linearly. Intensities are not undone: a prediction has none.

    Random steps draw by the name of the case: what ``case_key`` holds, else the name of the first input's file.
    """

    def __init__(
        self,
        keys: KeysCollection,
        pipeline: StrPath | Pipeline,
        *,
        inputs: KeysCollection | None = None,
        set: Mapping[str, Any] | None = None,
        case_key: str = "case",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if isinstance(pipeline, Pipeline):
            self.pipeline = pipeline
        else:
            self.pipeline = Pipeline.load(pipeline, dict(set) if set else None)
        names = self.keys if inputs is None else ((inputs,) if isinstance(inputs, str) else tuple(inputs))
        if len(names) != len(self.keys):
            raise RevoxelError(f"{len(self.keys)} keys, but {len(names)} inputs")
        unknown = [name for name in names if name not in self.pipeline.inputs]
        if unknown:
            raise RevoxelError(f"the pipeline has no input {unknown[0]!r}; it has: {', '.join(self.pipeline.inputs)}")
        self.inputs = dict(zip(self.keys, map(str, names), strict=True))
        self.case_key = case_key
        self._kinds = {key: spec["kind"] for key, spec in self.pipeline.to_dict()["inputs"].items()}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Run the pipeline on the items of a dictionary."""
        d = dict(data)
        given = {key: d[key] for key in self.key_iterator(d)}
        volumes = {self.inputs[key]: self._volume(key, value) for key, value in given.items()}
        case = self._case(d, given)
        made = self.pipeline(volumes, case=case)
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
            record = self.pop_transform(d[key])
            extra = record[TraceKeys.EXTRA_INFO]
            d[key] = _back(d[key], Trace.parse(extra["trace"]), extra["volume"], nearest=extra["mode"] == "nearest")
        return d

    def _volume(self, key: Hashable, value: Any) -> Any:
        if isinstance(value, (str, os.PathLike, Volume, list, tuple)):
            return value
        if isinstance(value, MetaTensor) and value.pending_operations:
            raise RevoxelError(
                f"{key}: lazy operations of MONAI are pending: end them with ApplyPendingd before this transform"
            )
        return Volume.from_(value, kind=self._kinds[self.inputs[key]])

    def _case(self, d: Mapping[Hashable, Any], given: Mapping[Hashable, Any]) -> str:
        if self.case_key in d:
            return str(d[self.case_key])
        for value in given.values():
            name = value.meta.get("filename_or_obj") if isinstance(value, MetaTensor) else value
            if isinstance(name, (str, os.PathLike)):
                return os.path.basename(os.fspath(name))
        return "case"

    def _tracked(self, before: Any, volume: Volume, name: str, trace: str) -> MetaTensor:
        made: MetaTensor = volume.to_monai(contiguous=True)
        if isinstance(before, MetaTensor):
            meta = {**before.meta, **made.meta, "affine": made.affine}
            meta["spatial_shape"] = np.asarray(made.shape[1:])
            made = MetaTensor(made.as_tensor(), meta=meta, applied_operations=list(before.applied_operations))
            size = tuple(before.shape[1:])
        else:
            size = volume.shape[:3]
            if isinstance(before, (str, os.PathLike)):
                made.meta["filename_or_obj"] = os.fspath(before)
        # The trace says all, so any other transform of this class may invert it, in another process too.
        info = {"trace": trace, "volume": name, "mode": "bilinear"}
        made = self.push_transform(made, orig_size=size, extra_info=info)
        if made.applied_operations:
            made.applied_operations[-1][TraceKeys.ID] = TraceKeys.NONE
        return made


def _back(prediction: Any, trace: Trace, name: str, *, nearest: bool) -> MetaTensor:
    """A prediction on the grid of its scan."""
    values = prediction.as_tensor() if isinstance(prediction, MetaTensor) else torch.as_tensor(prediction)
    array = values.detach().cpu().numpy()
    model = trace.grids(name)[1]
    if array.ndim != 4 or tuple(array.shape[1:]) != tuple(model.shape):
        raise RevoxelError(
            f"{name}: the prediction has shape {tuple(array.shape)}, but the model's grid is (channels, "
            f"{', '.join(map(str, model.shape))})"
        )
    whole = not np.issubdtype(array.dtype, np.floating)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    is_label = nearest and whole and array.shape[0] == 1
    if not is_label and whole and not nearest:
        array = array.astype(np.float32)
    planes = [
        trace.invert(
            Volume(np.ascontiguousarray(channel), grid=model, kind="label" if is_label else "image", order="xyz"),
            volume=name,
            kind="label" if is_label else "image",
            interpolation="nearest" if nearest else "linear",
            values="keep",
            fill=0,
        )
        for channel in array
    ]
    back = np.stack([np.asarray(plane.xyz) for plane in planes])
    made = MetaTensor(torch.from_numpy(np.ascontiguousarray(back)).to(values.dtype))
    source = trace.grids(name)[0]
    if isinstance(prediction, MetaTensor):
        made = MetaTensor(
            made.as_tensor(), meta=dict(prediction.meta), applied_operations=list(prediction.applied_operations)
        )
    made.affine = torch.from_numpy(np.array(source.affine))
    made.meta["spatial_shape"] = np.asarray(source.shape)
    return made
