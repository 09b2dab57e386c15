"""PyTorch datasets of cases and of patches.

Tensors are (channels, x, y, z). Labels keep their type, which is mostly uint8 (``.long()`` on the device costs less than eight bytes
a voxel on the way there); everything else is float32, unless ``dtypes`` says otherwise. Workers may be forked or spawned; each uses
one thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
import torch
from torch.utils.data import Dataset

from revoxel import datasets
from revoxel._core import Pipeline, read
from revoxel._errors import RevoxelError
from revoxel._patches import PatchDataset, outputs
from revoxel._program import StrPath
from revoxel._tensors import Epoch, tensor

__all__ = ["CaseDataset", "PatchDataset", "outputs", "tensor"]


class CaseDataset(Dataset[dict[str, Any]]):  # type: ignore[misc]
    """The cases of a dataset, each taken through the pipeline when it is asked for. Nothing is written.

    An item has a tensor for each key of the pipeline's volumes, the name of the case under ``case``, the affine (RAS, 4×4,
    float64) of each volume under ``KEY_affine``, and with ``traces=True`` the trace as JSON under ``trace``:
    ``Trace.parse(item["trace"]).invert(logits, axes="cxyz")`` brings a prediction home. A case that a step leaves out is an error:
    leave it out of ``cases``.

    With ``copies`` in the pipeline there is an item for each copy of each case, as :func:`revoxel.run` makes them: those of case
    ``a`` are called ``a/0``, ``a/1``, …

    Random steps draw by the name of the item, so epoch 0 has what ``run`` writes. In every other epoch (:meth:`set_epoch`) they
    draw anew, by another name: that of the trace is ``a@2`` for case ``a`` in epoch 2, as only this name draws the same again.
    """

    def __init__(
        self,
        pipeline: StrPath | Pipeline,
        data: StrPath,
        *,
        set: Mapping[str, Any] | None = None,
        cases: str | Iterable[str] | None = None,
        keys: Sequence[str] | None = None,
        dtypes: Mapping[str, torch.dtype] | None = None,
        traces: bool = False,
        transform: Callable[[dict[str, Any]], Any] | None = None,
        allow_outside: bool = False,
    ) -> None:
        if isinstance(pipeline, Pipeline):
            if set:
                raise RevoxelError("`set` changes a pipeline when it is read: pass it to Pipeline.load")
            self.pipeline = pipeline
        else:
            self.pipeline = Pipeline.load(pipeline, dict(set) if set else None)
        if not isinstance(data, (str, os.PathLike)):
            raise RevoxelError(
                f"data: {type(data).__name__} is no path: pass the folder in which the pipeline finds its cases (PatchDataset takes "
                "lists of files)"
            )
        self.data = Path(data)
        self.cases = datasets.cases(pipeline, data, set=set, cases=cases, allow_outside=allow_outside)
        if not self.cases:
            raise RevoxelError(f"{self.data}: no cases")
        self.keys = list(keys or [])
        self.dtypes = dict(dtypes or {})
        self.traces = traces
        self.transform = transform
        document = self.pipeline.to_dict()
        self._kinds = {key: spec["kind"] for key, spec in document["inputs"].items()}
        # A pipeline that makes one copy calls it a/0; one that makes none has the case alone.
        self._copies: int | None = document.get("copies")
        self._epoch = Epoch()

    def __len__(self) -> int:
        return len(self.cases) * (self._copies or 1)

    def __repr__(self) -> str:
        copies = "" if self._copies is None else f" × {self._copies} copies"
        return f"<revoxel.torch.CaseDataset {self.pipeline.name}, {self.data}: {len(self.cases)} cases{copies}>"

    @property
    def epoch(self) -> int:
        """The epoch that random steps draw for."""
        return self._epoch.get()

    def set_epoch(self, epoch: int) -> None:
        """Let random steps draw for this epoch: before its loop begins, as with a ``DistributedSampler``. Workers that live on
        (``persistent_workers=True``) follow."""
        self._epoch.set(epoch)

    def __getitem__(self, index: int) -> Any:
        if not isinstance(index, SupportsIndex):
            raise RevoxelError(
                f"{index!r} is no number of a case: for several take torch.utils.data.Subset(dataset, range(…))"
            )
        number, copy = divmod(range(len(self))[index], self._copies or 1)
        case = self.cases[number]
        ending = "" if self._copies is None else f"/{copy}"
        name = f"{case['case']}{ending}"
        epoch = self.epoch
        # The number of the copy comes last, where random steps look for it.
        drawn = name if epoch == 0 else f"{case['case']}@{epoch}{ending}"
        made = self.pipeline({key: self._given(case, key) for key in self._kinds if key in case}, case=drawn)
        if made.skipped is not None:
            advice = (
                "leave it out of `cases`"
                if self._copies is None
                else "make fewer `copies`, or take a Subset without it"
            )
            raise RevoxelError(f"case {name} is left out by the pipeline ({made.skipped}): {advice}")
        item: dict[str, Any] = {"case": name}
        for key in self.keys or made.keys():
            volume = made[key]
            item[key] = tensor(volume, self.dtypes.get(key))
            item[f"{key}_affine"] = torch.from_numpy(np.array(volume.affine))
        if self.traces:
            item["trace"] = made.trace.to_json()
        return item if self.transform is None else self.transform(item)

    def _given(self, case: Mapping[str, Any], key: str) -> Any:
        files = case[key]
        series = case.get(f"{key}.series")
        if series is not None:
            return read(self.data / files, self._kinds[key], series=f"uid:{series}")
        return [self.data / file for file in files] if isinstance(files, list) else self.data / files
