"""The twelve questions, in order: a title and a function each."""

from __future__ import annotations

from collections.abc import Callable

from .._lab import Lab, Notebook
from .memory import channels, memory
from .moves import permutations, slicing
from .places import axes, centres, directions, world_frame
from .refusals import shear, units
from .transforms import metadata, resampling

QUESTIONS: dict[int, tuple[str, Callable[[Lab, Notebook], None]]] = {
    1: ("index (0,0,0) is the centre of a voxel", centres),
    2: ("a column of the direction is the step of an axis", directions),
    3: ("world is LPS or RAS, as declared", world_frame),
    4: ("the axes of the array are in the declared order", axes),
    5: ("48 orders and flips of the axes survive saving and loading", permutations),
    6: ("slices, flips and strides move the geometry or drop it loudly", slicing),
    7: ("a sheared affine is kept or refused", shear),
    8: ("channels and time are not space", channels),
    9: ("types of voxels, byte order, read-only memory, copies", memory),
    10: ("units are followed, impossible spacings refused", units),
    11: ("resampling onto the same grid changes nothing, inverses are inverses", resampling),
    12: ("kind and positive spacing survive", metadata),
}
