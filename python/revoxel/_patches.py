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

from revoxel._core import Grid, Trace, Volume, read
from revoxel._errors import RevoxelError
from revoxel._program import StrPath
from revoxel._tensors import Epoch, is_whole, tensor

__all__ = ["PatchDataset", "outputs"]


class PatchDataset(IterableDataset[dict[str, Any]]):  # type: ignore[misc]
    """Random patches of preprocessed cases: ``length`` in an epoch, or without an end.

    ``cases`` are dictionaries of paths by key, such as :func:`outputs` lists of a run. Each has the same keys, and the volumes of
    a case lie on one grid. ``kinds`` says which keys are labels, whose tensors keep their type, where ``cases`` does not say it
    and ``label`` names another key.

    ``size`` is a length or three. With ``label`` a patch is centred on a voxel of foreground (label above 0) with the chance
    ``positive / (positive + negative)``, else anywhere, and moved inside the volume. Of a label with several channels the first
    one is the background, as in MONAI: it is no foreground. A case smaller than the patch is padded with ``fill`` at its far ends.

    Uncompressed files (.nii, .nrrd, …) stay mapped: all workers look at the memory of the system, which it may take back, and
    of images only the parts that patches need are read. A
    compressed file, or one below 1 MiB, is read into memory of the worker, which keeps up to ``cache`` bytes of such volumes beside
    those of the case at hand, and forgets first what it did not use for longest. Where the cases are more than that, ``samples``
    patches of a case in a row need fewer readings.

    The workers of a loader draw different patches, and share the ``length``: choose a multiple of the number of workers and the
    size of a batch, since each worker makes batches of its own.

    Without ``seed`` torch decides what is drawn (``torch.manual_seed``), and each epoch has other patches. With ``seed`` the
    patches depend on it, on the number of workers and on the epoch, and are the same again: call :meth:`set_epoch` before each
    epoch, else all have the same patches. Give each process of a distributed training another seed.
    """

    def __init__(
        self,
        cases: Sequence[Mapping[str, Any]],
        size: int | Sequence[int],
        *,
        length: int | None = None,
        label: str | None = None,
        positive: float = 1.0,
        negative: float = 1.0,
        samples: int = 1,
        seed: int | None = None,
        fill: Mapping[str, float] | None = None,
        kinds: Mapping[str, str] | None = None,
        dtypes: Mapping[str, torch.dtype] | None = None,
        cache: int = 512 << 20,
        transform: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        if isinstance(cases, (str, os.PathLike)) or not all(isinstance(case, Mapping) for case in cases):
            raise RevoxelError("cases: expected dictionaries of paths by key, such as outputs(folder) lists of a run")
        if not cases:
            raise RevoxelError("there are no cases")
        self.size = _size(size)
        _check_numbers(
            {"samples": samples, "length": 1 if length is None else length},
            {"seed": 0 if seed is None else seed, "cache": cache},
        )
        # Not (a < 0), which NaN is not either.
        if not (positive >= 0 and negative >= 0 and 0 < positive + negative < np.inf):
            raise RevoxelError("`positive` and `negative` are shares, and one of them is above 0")
        self.names = [str(case["case"]) if "case" in case else str(number) for number, case in enumerate(cases)]
        self.cases = [_files(case, name) for case, name in zip(cases, self.names, strict=True)]
        keys = self.cases[0].keys()
        for name, files in zip(self.names, self.cases, strict=True):
            if files.keys() != keys:
                raise RevoxelError(
                    f"case {name} has the keys {', '.join(sorted(files))}, and case {self.names[0]} has {', '.join(sorted(keys))}: "
                    "patches have the same keys, so leave out cases, or keys"
                )
        if label is not None and label not in keys:
            raise RevoxelError(f"label: the cases have no key {label!r}; they have: {', '.join(keys)}")
        for what, by_key in {"fill": fill, "kinds": kinds, "dtypes": dtypes}.items():
            unknown = [key for key in by_key or {} if key not in keys]
            if unknown:
                raise RevoxelError(f"{what}: the cases have no key {unknown[0]!r}; they have: {', '.join(keys)}")
        of_label = {} if label is None else {label: "label"}
        self.kinds = [{**case.get("kinds", {}), **(kinds or {}), **of_label} for case in cases]
        self.length = length
        self.label = label
        self.share = positive / (positive + negative) if label is not None else 0.0
        self.samples = samples
        self.seed = seed
        self.fill = dict(fill or {})
        self.dtypes = dict(dtypes or {})
        self.cache = cache
        self.transform = transform
        self._epoch = Epoch()
        # How often this worker has begun.
        self._begun = 0
        self._open: dict[int, dict[str, Volume]] = {}
        # The bytes of the cases that are not mapped, the last used one last.
        self._held: OrderedDict[int, int] = OrderedDict()
        self._foreground: dict[int, NDArray[Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Maps of files are opened again by each worker.
        return {**self.__dict__, "_open": {}, "_held": OrderedDict()}

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
        share = None if self.length is None else len(range(worker, self.length, workers))
        given = [self.seed, 0, 0] if self.seed is not None else [0, *self._of_torch(info)]
        seed, drawn, begun = given
        random = np.random.default_rng([seed, drawn, worker, workers, self.epoch, begun])
        return itertools.islice(self._patches(random), share)

    def _of_torch(self, info: Any) -> tuple[int, int]:
        """What torch says of this epoch: a number, and how often this worker has begun with it."""
        if info is None:
            return int(torch.empty((), dtype=torch.int64).random_()), 0
        # A loader gives new workers another seed for each of its epochs; those that live on keep theirs.
        self._begun += 1
        return (info.seed - info.id) & (2**63 - 1), self._begun

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
            min(max(at - size // 2, 0), max(length - size, 0))
            for at, size, length in zip(centre, self.size, shape, strict=True)
        ]
        stop = [min(first + size, length) for first, size, length in zip(start, self.size, shape, strict=True)]
        box = tuple(slice(first, last) for first, last in zip(start, stop, strict=True))
        item: dict[str, Any] = {"case": self.names[number], "start": torch.tensor(start)}
        for key, volume in volumes.items():
            part = volume[box]
            self._check_label(number, key, part)
            cut = tensor(part, self.dtypes.get(key))
            lacking = [size - have for size, have in zip(self.size, cut.shape[1:], strict=True)]
            if any(lacking):
                ends = [0, lacking[2], 0, lacking[1], 0, lacking[0]]
                cut = torch.nn.functional.pad(cut, ends, value=self.fill.get(key, 0.0))
            item[key] = cut
        return item if self.transform is None else self.transform(item)

    def _volumes(self, number: int) -> dict[str, Volume]:
        volumes = self._open.get(number)
        if volumes is None:
            files, kinds = self.cases[number], self.kinds[number]
            # All of a label is looked at, to find its foreground; of others the patches alone.
            volumes = {key: read(path, kinds.get(key, "image"), lazy=key != self.label) for key, path in files.items()}
            self._check_grids(number, volumes)
            self._open[number] = volumes
            held = sum(volume.nbytes for key, volume in volumes.items() if not _is_mapped(volume, files[key]))
            if held:
                self._held[number] = held
                self._forget(number)
        elif number in self._held:
            self._held.move_to_end(number)
        return volumes

    def _forget(self, kept: int) -> None:
        """Leave volumes of other cases until what is held beside the case at hand is small enough."""
        others = sum(self._held.values()) - self._held[kept]
        while others > self.cache:
            number, held = self._held.popitem(last=False)
            del self._open[number]
            others -= held

    def _check_grids(self, number: int, volumes: Mapping[str, Volume]) -> None:
        first, *rest = volumes.items()
        for key, volume in rest:
            grids = first[1].grid, volume.grid
            if grids[0].shape != grids[1].shape or _apart(*grids) >= _NOISE:
                raise RevoxelError(
                    f"case {self.names[number]}: {first[0]!r} and {key!r} lie on different grids, {grids[0]} and {grids[1]}, and "
                    "patches are cut by voxels: let a pipeline bring them onto one grid"
                )

    def _check_label(self, number: int, key: str, volume: Volume) -> None:
        """Labels are whole numbers, in whatever type a file has them."""
        if volume.kind != "label" or volume.dtype.kind != "f":
            return
        values = volume.xyz
        wrong = ~(np.abs(values - np.rint(values)) <= _NOISE)
        if wrong.any():
            raise RevoxelError(
                f"case {self.names[number]}: {key!r} is a label, and {values[wrong][0]} is no whole number: scores are of another "
                'kind, such as kinds={"' + key + '": "probability"}'
            )

    def _centre(self, number: int, shape: Sequence[int], random: np.random.Generator) -> list[int]:
        if self.share > 0 and random.random() < self.share:
            foreground = self._inside(number)
            if len(foreground):
                at = np.unravel_index(int(foreground[random.integers(len(foreground))]), shape, order="F")
                return [int(index) for index in at]
        return [int(random.integers(length)) for length in shape]

    def _inside(self, number: int) -> NDArray[Any]:
        """Places of foreground voxels, found once for each case and worker."""
        found = self._foreground.get(number)
        if found is None:
            volume = self._volumes(number)[str(self.label)]
            self._check_label(number, str(self.label), volume)
            values = volume.xyz if volume.channels == 1 else volume.xyz[..., 1:].max(axis=-1)
            found = np.flatnonzero(np.ravel(values, order="F") > 0)
            if len(found) > _MOST_PLACES:
                found = np.random.default_rng(number).choice(found, _MOST_PLACES, replace=False)
            # There may be many cases.
            found = found.astype(np.uint32 if values.size < 2**32 else np.int64)
            self._foreground[number] = found
        return found


def _size(size: int | Sequence[int]) -> tuple[int, int, int]:
    given = list(size) if isinstance(size, Iterable) else [size] * 3
    if len(given) != 3 or not all(is_whole(length) and length >= 1 for length in given):
        raise RevoxelError(f"size: {size!r} is neither one nor three whole numbers of voxels, at least 1")
    return (int(given[0]), int(given[1]), int(given[2]))


def _check_numbers(counts: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    for least, numbers in enumerate((others, counts)):
        for what, number in numbers.items():
            if not is_whole(number) or number < least:
                raise RevoxelError(f"{what}: {number!r} is no whole number of at least {least}")


# What a case is called, and of which kinds its volumes are, is no file.
_ABOUT = frozenset({"case", "trace", "kinds"})
# So many places of foreground are kept for each case.
_MOST_PLACES = 100_000
# As near as this grids are one (in voxels), and values of labels whole numbers. Pipelines have the same limits.
_NOISE = 1e-3


def _files(case: Mapping[str, Any], name: str) -> dict[str, str]:
    """The paths of a case by key."""
    files = {key: path for key, path in case.items() if key not in _ABOUT}
    if not files:
        raise RevoxelError(f"case {name} has no files")
    if not isinstance(case.get("kinds", {}), Mapping):
        raise RevoxelError(
            f"case {name}: `kinds` says of which kind its volumes are, by key: call the volume otherwise"
        )
    for key, path in files.items():
        if key == "start":
            raise RevoxelError(f"case {name}: the place of a patch is called {key!r}: call the volume otherwise")
        if not isinstance(path, (str, os.PathLike)):
            raise RevoxelError(f"case {name}: {key!r} is {type(path).__name__}: expected the path of a file")
    return {str(key): os.fspath(path) for key, path in files.items()}


def _is_mapped(volume: Volume, path: str) -> bool:
    """Whether the system reads voxels of a file when they are looked at. Where this is not known, they count as held."""
    compressed = path.lower().endswith((".gz", ".mgz"))
    return not (volume.writable or compressed) and os.path.getsize(path) >= volume.nbytes


def _apart(one: Grid, other: Grid) -> float:
    """How far corners of two grids of the same shape are apart, in voxels of the finer one, as pipelines judge it."""
    # Not every 2-D file says how thick its slice is.
    axes = 2 if one.planar and other.planar else 3
    ends = [(-0.5, length - 0.5) if axis < axes else (0.0,) for axis, length in enumerate(one.shape)]
    corners = np.array(list(itertools.product(*ends)))
    away = np.linalg.norm(one.to_world(corners) - other.to_world(corners), axis=-1).max()
    # The sizes of voxels; grids may be sheared, and have no `spacing` then.
    sizes = [np.linalg.norm(grid.affine[:3, :axes], axis=0).min() for grid in (one, other)]
    return float(away / min(sizes))


def outputs(out: StrPath) -> list[dict[str, Any]]:
    """The cases of a run, as :class:`PatchDataset` takes them: the outputs of each case by key, its name under ``case``, the file
    of its trace under ``trace``, and under ``kinds`` the kind of each output ("image", "label", …)."""
    out = Path(out)
    found, without = [], 0
    for path in sorted(out.rglob("*.json")):
        if ".revoxel" in path.relative_to(out).parts:
            continue
        try:
            trace = Trace.load(path)
        except RevoxelError:
            continue
        volumes = trace.to_dict()["volumes"]
        results = {key: volume["result"].get("path") for key, volume in volumes.items()}
        files = {key: str(out / file) for key, file in results.items() if file is not None}
        without += not files
        kinds = {key: volumes[key]["kind"] for key in files}
        copy = trace.to_dict().get("copy")
        name = trace.case if copy is None else f"{trace.case}/{copy}"
        found.append({"case": name, "trace": str(path), "kinds": kinds, **files})
    if not found:
        raise RevoxelError(f"{out}: there is no trace of a case here")
    if without == len(found):
        raise RevoxelError(
            f"{out}: the traces here name no files, as those of revoxel.nnunet.preprocess, whose files nnU-Net's own loader reads"
        )
    return found
