"""What pickles are made of."""

from __future__ import annotations

from typing import Any

from revoxel import _core
from revoxel._names import Kind


def grid(shape: tuple[int, int, int], rows: list[list[float]], planar: bool) -> _core.Grid:
    """A grid."""
    return _core.Grid(shape, rows, planar=planar)


def volume(array: Any, on: _core.Grid, kind: Kind, origin: str | None = None) -> _core.Volume:
    """A volume; its memory is that of the pickle's array. ``origin`` says what its file had said."""
    made: Any = _core.Volume(array, grid=on, kind=kind, order="xyzc" if array.ndim == 4 else "xyz")
    volume: _core.Volume = made if origin is None else made._with_origin(origin)
    return volume


def pipeline(text: str, name: str) -> _core.Pipeline:
    """A pipeline."""
    return _core.Pipeline.parse(text, name=name)


def trace(text: str) -> _core.Trace:
    """A trace."""
    return _core.Trace.parse(text)
