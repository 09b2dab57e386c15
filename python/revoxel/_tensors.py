"""What the datasets for PyTorch share: tensors of volumes, and epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from revoxel._core import Volume
from revoxel._errors import RevoxelError

__all__ = ["Epoch", "is_whole", "tensor"]


def tensor(volume: Volume, dtype: torch.dtype | None = None) -> torch.Tensor:
    """A contiguous tensor (channels, x, y, z) of a volume. Labels keep their type, or get the next larger one with a sign where
    torch knows too little of theirs; everything else is float32, unless ``dtype`` says otherwise."""
    wanted = dtype or (_LABELS.get(volume.dtype.name) if volume.kind == "label" else torch.float32)
    values = _first(volume.to_torch(contiguous=True), volume)
    return values if wanted is None else values.to(wanted)


# What torch can hardly calculate with.
_LABELS = {"uint16": torch.int32, "uint32": torch.int64, "uint64": torch.int64}


def _first(values: Any, volume: Volume) -> torch.Tensor:
    """Channels first, also where there is one."""
    made: torch.Tensor = values if values.ndim == 4 else values.unsqueeze(0)
    if made.ndim != 4 or made.shape[0] != volume.channels:
        raise RevoxelError(f"a volume of {volume.channels} channels gave a tensor of shape {tuple(values.shape)}")
    return made


class Epoch:
    """The number of an epoch, in memory that processes share: workers that live on from epoch to epoch see it change."""

    def __init__(self) -> None:
        self._number = torch.zeros((), dtype=torch.int64).share_memory_()

    def __setstate__(self, state: dict[str, torch.Tensor]) -> None:
        # What torch sends to a worker is shared already; copies of another kind have an epoch of their own.
        self._number = state["_number"].share_memory_()

    def get(self) -> int:
        """The number."""
        return int(self._number)

    def set(self, epoch: int) -> None:
        """Another number, at least 0."""
        if not is_whole(epoch) or epoch < 0:
            raise RevoxelError(f"epoch: {epoch!r} is no whole number of at least 0")
        self._number.fill_(int(epoch))


def is_whole(number: Any) -> bool:
    """Whether something is a whole number."""
    return isinstance(number, int | np.integer) and not isinstance(number, bool)
