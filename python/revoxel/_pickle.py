"""What pickles are made of."""

from __future__ import annotations

from typing import Any

from revoxel import _core


def grid(shape: tuple[int, int, int], rows: list[list[float]], planar: bool) -> _core.Grid:
    """A grid."""
    return _core.Grid(shape, rows, planar=planar)


def volume(array: Any, on: _core.Grid, kind: str) -> _core.Volume:
    """A volume; its memory is that of the pickle's array."""
    return _core.Volume(array, grid=on, kind=kind)


def pipeline(text: str, name: str) -> _core.Pipeline:
    """A pipeline."""
    return _core.Pipeline.parse(text, name=name)


def trace(text: str) -> _core.Trace:
    """A trace."""
    return _core.Trace.parse(text)
