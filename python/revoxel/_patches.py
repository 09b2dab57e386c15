"""Random patches of the cases that a run wrote."""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset, get_worker_info

from revoxel._core import Trace, Volume, read
from revoxel._errors import RevoxelError
from revoxel._program import StrPath
from revoxel._tensors import Epoch, is_whole, tensor

__all__ = ["PatchDataset", "outputs"]


class PatchDataset(IterableDataset[dict[str, Any]]):  # type: ignore[misc]
    """Random patches of preprocessed cases: ``length`` in an epoch, or without an end.

    ``cases`` are dictionaries of paths by key, such as :func:`outputs` lists of a run. From uncompressed files (.nii, .npy, …) only
    the voxels of the patch are read; the files stay mapped. ``size`` is a length or three. With ``label`` a patch is centred on a
    voxel of foreground (label above 0) with the chance ``positive / (positive + negative)``, else anywhere, and moved inside the
    volume. A case smaller than the patch is padded with ``fill`` at its far ends.

    The workers of a loader draw different patches, and share the ``length``: choose a multiple of the number of workers and the
    size of a batch, since each worker makes batches of its own. ``seed`` makes the patches the same again. With workers each
    epoch has other patches: torch gives them another seed (which ``torch.manual_seed`` decides), and those that live on count
    their epochs. Without workers call :meth:`set_epoch`.
    """

    def __init__(
        self,
        cases: Sequence[Mapping[str, StrPath]],
        size: int | Sequence[int],
        *,
        length: int | None = None,
        label: str | None = None,
        positive: float = 1.0,
        negative: float = 1.0,
        samples: int = 1,
        seed: int = 0,
        fill: Mapping[str, float] | None = None,
        dtypes: Mapping[str, torch.dtype] | None = None,
        transform: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        if isinstance(cases, (str, os.PathLike)) or not all(isinstance(case, Mapping) for case in cases):
            raise RevoxelError("cases: expected dictionaries of paths by key, such as outputs(folder) lists of a run")
        if not cases:
            raise RevoxelError("there are no cases")
        self.size = _size(size)
        for what, number in {"samples": samples, "length": 1 if length is None else length}.items():
            if not is_whole(number) or number < 1:
                raise RevoxelError(f"{what}: {number!r} is no whole number of at least 1")
        if positive < 0 or negative < 0 or positive + negative <= 0:
            raise RevoxelError("`positive` and `negative` are shares, and one of them is above 0")
        if label is not None and any(label not in case for case in cases):
            raise RevoxelError(f"not every case has the key {label!r}")
        self.cases = [{key: os.fspath(path) for key, path in case.items() if key not in _ABOUT} for case in cases]
        self.names = [str(case["case"]) if "case" in case else str(number) for number, case in enumerate(cases)]
        self.length = length
        self.label = label
        self.share = positive / (positive + negative) if label is not None else 0.0
        self.samples = samples
        self.seed = seed
        self.fill = dict(fill or {})
        self.dtypes = dict(dtypes or {})
        self.transform = transform
        self._epoch = Epoch()
        # How often this worker has begun.
        self._begun = 0
        self._open: dict[int, dict[str, Volume]] = {}
        self._foreground: dict[int, NDArray[np.int64]] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Maps of files are opened again by each worker.
        return {**self.__dict__, "_open": {}}

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("the patches have no end: pass length=, the number of patches in an epoch")
        return self.length

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        size = "×".join(map(str, self.size))
        length = "without an end" if self.length is None else f"{self.length} in an epoch"
        return f"<revoxel.torch.PatchDataset {len(self.cases)} cases: patches of {size} voxels, {length}>"

    @property
    def epoch(self) -> int:
        """The epoch that patches are drawn for."""
        return self._epoch.get()

    def set_epoch(self, epoch: int) -> None:
        """Draw other patches than in other epochs. Call it before the loop of an epoch begins; workers follow."""
        self._epoch.set(epoch)

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info is not None else (0, 1)
        # A loader gives new workers another seed for each of its epochs; those that live on keep theirs.
        seed = info.seed - info.id if info is not None else 0
        begun = self._begun
        if info is not None:
            self._begun += 1
        random = np.random.default_rng([self.seed, seed & (2**63 - 1), worker, workers, self.epoch, begun])
        share = None if self.length is None else len(range(worker, self.length, workers))
        return itertools.islice(self._patches(random), share)

    def _patches(self, random: np.random.Generator) -> Iterator[Any]:
        while True:
            for case in random.permutation(len(self.cases)):
                for _ in range(self.samples):
                    yield self._patch(int(case), random)

    def _patch(self, number: int, random: np.random.Generator) -> Any:
        volumes = self._volumes(number)
        shape = next(iter(volumes.values())).shape[:3]
        centre = self._centre(number, shape, random)
        start = [
            min(max(at - size // 2, 0), max(whole - size, 0))
            for at, size, whole in zip(centre, self.size, shape, strict=True)
        ]
        stop = [min(first + size, whole) for first, size, whole in zip(start, self.size, shape, strict=True)]
        box = tuple(slice(first, last) for first, last in zip(start, stop, strict=True))
        item: dict[str, Any] = {"case": self.names[number], "start": torch.tensor(start)}
        for key, volume in volumes.items():
            cut = tensor(volume[box], self.dtypes.get(key))
            lacking = [size - have for size, have in zip(self.size, cut.shape[1:], strict=True)]
            if any(lacking):
                ends = [0, lacking[2], 0, lacking[1], 0, lacking[0]]
                cut = torch.nn.functional.pad(cut, ends, value=self.fill.get(key, 0.0))
            item[key] = cut
        return item if self.transform is None else self.transform(item)

    def _volumes(self, number: int) -> dict[str, Volume]:
        volumes = self._open.get(number)
        if volumes is None:
            files = self.cases[number]
            kind = {self.label: "label"}
            volumes = {key: read(path, kind.get(key, "image")) for key, path in files.items()}
            shapes = {key: volume.shape[:3] for key, volume in volumes.items()}
            if len({*shapes.values()}) > 1:
                raise RevoxelError(f"case {self.names[number]}: the volumes have different shapes: {shapes}")
            self._open[number] = volumes
        return volumes

    def _centre(self, number: int, shape: Sequence[int], random: np.random.Generator) -> list[int]:
        if self.share > 0 and random.random() < self.share:
            foreground = self._inside(number)
            if len(foreground):
                at = np.unravel_index(int(foreground[random.integers(len(foreground))]), shape, order="F")
                return [int(index) for index in at]
        return [int(random.integers(whole)) for whole in shape]

    def _inside(self, number: int) -> NDArray[np.int64]:
        """Places of foreground voxels, found once for each case and worker."""
        found = self._foreground.get(number)
        if found is None:
            volume = self._volumes(number)[str(self.label)]
            values = volume.xyz if volume.channels == 1 else volume.xyz.max(axis=-1)
            found = np.flatnonzero(np.ravel(values, order="F") > 0)
            if len(found) > _MOST_PLACES:
                found = np.random.default_rng(number).choice(found, _MOST_PLACES, replace=False)
            self._foreground[number] = found
        return found


def _size(size: int | Sequence[int]) -> tuple[int, int, int]:
    given = list(size) if isinstance(size, Iterable) else [size] * 3
    if len(given) != 3 or not all(is_whole(length) and length >= 1 for length in given):
        raise RevoxelError(f"size: {size!r} is neither one nor three whole numbers of voxels, at least 1")
    return (int(given[0]), int(given[1]), int(given[2]))


# What a case is called is no file.
_ABOUT = frozenset({"case", "trace"})
# So many places of foreground are kept for each case.
_MOST_PLACES = 100_000


def outputs(out: StrPath) -> list[dict[str, str]]:
    """The cases of a run, as :class:`PatchDataset` takes them: the outputs of each case by key, ``case`` and ``trace``."""
    out = Path(out)
    found = []
    for path in sorted(out.rglob("*.json")):
        if ".revoxel" in path.relative_to(out).parts:
            continue
        try:
            trace = Trace.load(path)
        except RevoxelError:
            continue
        document = trace.to_dict()
        results = {key: volume["result"]["path"] for key, volume in document["volumes"].items()}
        files = {key: str(out / file) for key, file in results.items() if file is not None}
        found.append({"case": trace.case, "trace": str(path), **files})
    if not found:
        raise RevoxelError(f"{out}: there is no trace of a case here")
    return found
