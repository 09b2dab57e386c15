"""Traces that are built step by step from what another program says that it did."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from revoxel._core import Trace
from revoxel._errors import RevoxelError, TraceError

P = ParamSpec("P")
T = TypeVar("T")
Array = NDArray[Any]
Shape = tuple[int, int, int]

# How far the last grid of a record may lie from the grid of the result, in voxels: what `Trace.invert` allows.
CLOSE = 1e-3


class Chain:
    """The steps of a trace, and the grid at which they have arrived."""

    def __init__(self, shape: Shape, affine: Array) -> None:
        if (
            not np.isfinite(affine).all()
            or np.linalg.matrix_rank(affine[:3, :3]) < 3
            or (affine[3] != [0, 0, 0, 1]).any()
        ):
            raise TraceError(f"the affine of the scan is not one: {affine.tolist()}")
        self.shape, self.affine, self.steps = shape, affine, list[dict[str, Any]]()
        self.planar = False
        self.source = self._grid()
        self.last = np.eye(4)
        self.spliced: tuple[dict[str, Any], str] | None = None
        # The spliced volume whose steps are the first of all; and whether they are all there are.
        self.first: dict[str, Any] | None = None
        self.alone = True

    def _grid(self) -> dict[str, Any]:
        grid = {"shape": [int(n) for n in self.shape], "affine": [[float(v) + 0.0 for v in row] for row in self.affine]}
        return {**grid, "planar": True} if self.planar else grid

    def _step(self, name: str, op: dict[str, Any], matrix: Array, shape: Shape, fidelity: str, **more: Any) -> None:
        before, self.last, self.alone, self.planar = self._grid(), matrix, False, False
        self.affine, self.shape = np.array(self.affine @ matrix, np.float64), shape
        self.affine[3] = [0, 0, 0, 1]
        after = self._grid()
        if "resample" in op:
            op = {"resample": {"grid": after}}
        self.steps.append(
            {
                "transform": name,
                "params": {},
                "before": before,
                "after": after,
                "ops": [op],
                "fidelity": fidelity,
                **more,
            }
        )

    def reorient(self, name: str, source: Sequence[int], flipped: Sequence[bool]) -> None:
        if list(source) == [0, 1, 2] and not any(flipped):
            return
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1
        for axis, along in enumerate(source):
            matrix[along, axis] = -1 if flipped[axis] else 1
            matrix[along, 3] = self.shape[along] - 1 if flipped[axis] else 0
        op = {"reorient": {"source": list(source), "flipped": [bool(f) for f in flipped]}}
        self._step(name, op, matrix, shape_of([self.shape[s] for s in source], name), "exact")

    def window(self, name: str, start: Any, shape: Shape) -> None:
        first = [int(s) for s in start]
        if not any(first) and shape == self.shape:
            return
        cuts = any(s > 0 or s + n < m for s, n, m in zip(first, shape, self.shape, strict=False))
        op = {"window": {"start": first, "shape": list(shape)}}
        self._step(name, op, shift(np.array(first, float)), shape, "exact_inside" if cuts else "exact")

    def resample(self, name: str, matrix: Array, shape: Shape, **more: Any) -> None:
        if shape == self.shape and np.array_equal(matrix, np.eye(4)):
            return
        # How another program samples at edges is not known well enough to follow noise that was added before.
        for step in self.steps:
            if {"noise", "bias_field"} & set(step.get("values") or {}):
                step["values"] = {"lost": {"reason": f"{name} has interpolated since"}}
        self._step(name, {"resample": {}}, matrix, shape, "lossy", interpolation="linear", **more)

    def splice(self, name: str, document: dict[str, Any], volume: str) -> None:
        """Puts the steps of another trace in, as they are. It must begin at the grid where this one has arrived."""
        theirs = document["volumes"][volume]
        grid = theirs["source"]["grid"]
        self.expect(np.array(grid["affine"]), f"{name}: its scan", grid["shape"])
        if not self.steps and self.spliced is None:
            self.source, self.first = grid, theirs
        else:
            self.alone = False
            first: dict[str, Any] = next((op for step in theirs["steps"] for op in step["ops"]), {})
            if "snapped" in theirs or "reslice" in first or theirs.get("ties", "upper") != "alternate":
                raise TraceError(
                    f"{name}: its pipeline begins with what must come first (uneven slices, or a grid that is snapped): "
                    "put it before the other spatial transforms, or invert it and them one after the other"
                )
            self._end_at(grid, name)
        result = theirs["result"]["grid"]
        self.steps += theirs["steps"]
        self.affine, self.shape = np.array(result["affine"]), shape_of(result["shape"], name)
        self.planar = bool(result.get("planar", False))
        self.spliced = (document, volume)

    def _end_at(self, grid: dict[str, Any], name: str) -> None:
        """The same grid by the arithmetic of two programs differs in its last bits: the steps end at this one."""
        now = self._grid()
        if now["affine"] == grid["affine"]:
            return
        last = self.steps[-1] if self.steps else {"ops": []}
        if not last["ops"]:
            raise TraceError(f"{name}: its scan is not the one of the operations before, by a little")
        last["after"] = grid
        if "resample" in last["ops"][-1]:
            last["ops"][-1] = {"resample": {"grid": grid}}

    def expect(self, affine: Array, what: str, shape: Sequence[int] | None = None) -> None:
        """Checks that the grid is this one."""
        far = apart(self.shape, self.affine, affine)
        # Written so that NaN is far.
        if not far <= CLOSE or (shape is not None and tuple(shape) != self.shape):
            raise TraceError(
                f"{what} does not lie where its operations lead: {far:.3g} voxels apart, shape {self.shape}"
                f"{'' if shape is None else f' instead of {tuple(shape)}'}. An operation is not in the record, or the "
                "affine is not that of the scan"
            )

    def trace(self, program: str, case: str | None, path: str | None) -> Trace:
        """The trace, checked."""
        file = os.path.basename(path or "")
        source = {
            "path": file or "scan",
            "format": "unknown",
            "grid": self.source,
            "dtype": "float32",
            "channels": 1,
        }
        volume: dict[str, Any] = {
            "kind": "image",
            "source": source,
            "ties": "alternate",
            "steps": self.steps,
            "result": {"grid": self._grid(), "dtype": "float32"},
        }
        document = {
            "schema": "revoxel-trace",
            "version": 1,
            "tool": f"revoxel.foreign ({program})",
            "case": case or "case",
            "pipeline": {"name": program, "hash": "none"},
            "volumes": {"image": volume},
        }
        if self.spliced is not None:
            theirs, name = self.spliced
            old = theirs["volumes"][name]
            volume["kind"], volume["result"]["dtype"] = old["kind"], old["result"]["dtype"]
            document = {**document, "case": case or theirs["case"], "volumes": {name: volume}}
            document |= {key: theirs[key] for key in ("restore", "fields", "copy") if key in theirs}
            if self.alone:
                document |= {key: theirs[key] for key in ("tool", "pipeline")}
        if (begin := self.first) is not None:
            volume |= {key: begin[key] for key in ("source", "snapped", "ties") if key in begin}
            volume["source"] = {**begin["source"], "path": file or begin["source"]["path"]}
        return Trace.from_dict(document)


def understood(program: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A record that lacks something, or that is none, is a `TraceError` that says so."""

    def outer(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def inner(*args: P.args, **kwargs: P.kwargs) -> T:
            # A wrong call is the caller's mistake, and no matter of the record.
            signature.bind(*args, **kwargs)
            try:
                return function(*args, **kwargs)
            except RevoxelError:
                raise
            except KeyError as error:
                raise TraceError(f"{program}: the record lacks {error}: is it complete, and of {program}?") from error
            except (AttributeError, TypeError, ValueError, IndexError) as error:
                raise TraceError(f"{program}: the record is not understood: {error}") from error

        return inner

    return outer


def names_of(names: Any) -> set[str]:
    """Names of operations. A text is one name: `in` would find parts of it."""
    return {names} if isinstance(names, str) else set(names)


def shape_of(shape: Any, what: str) -> Shape:
    try:
        sizes = [int(n) for n in shape]
    except (TypeError, ValueError) as error:
        raise TraceError(f"{what}: {shape!r} is no shape: expected three whole numbers") from error
    if len(sizes) != 3 or min(sizes) < 1:
        raise TraceError(f"{what}: the shape {tuple(sizes)} is not one of three axes")
    return sizes[0], sizes[1], sizes[2]


def matrix_of(values: Any, what: str) -> Array:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    try:
        matrix = np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise TraceError(f"{what}: {type(values).__name__} is no matrix: expected 4 by 4 numbers") from error
    if matrix.shape != (4, 4):
        raise TraceError(f"{what}: a matrix of shape {matrix.shape}, expected 4 by 4")
    return matrix


def apart(shape: Shape, a: Array, b: Array) -> float:
    """How far corners are apart, in the smallest voxel size."""
    corners = np.array([[(-0.5, n - 0.5)[c >> axis & 1] for axis, n in enumerate(shape)] + [1.0] for c in range(8)]).T
    size = min(np.linalg.norm(m[:3, :3], axis=0).min() for m in (a, b))
    return float(np.linalg.norm(((a - b) @ corners)[:3], axis=0).max() / size)


def overlap(before: Shape, after: Shape, matrix: Array) -> bool:
    """Whether two grids share a part of space; `matrix` maps indices of the one after to those of the one before.

    Two boxes are apart if a plane lies between them: parallel to a face of one, or to an edge of each.
    """
    unit = np.eye(3)
    edges = matrix[:3, :3]
    across = [np.cross(a, b) for a in unit for b in edges.T]
    here, there = (
        np.array([[(-0.5, n - 0.5)[c >> axis & 1] for axis, n in enumerate(shape)] for c in range(8)])
        for shape in (before, after)
    )
    there = there @ edges.T + matrix[:3, 3]
    for normal in [*unit, *np.linalg.inv(edges), *across]:
        a, b = here @ normal, there @ normal
        if np.abs(normal).max() > 1e-9 and (a.max() <= b.min() or b.max() <= a.min()):
            return False
    return True


def signed_permutation(matrix: Array, what: str) -> tuple[list[int], list[bool]]:
    whole = np.rint(matrix[:3, :3])
    if (
        (np.abs(whole).sum(0) != 1).any()
        or (np.abs(whole).sum(1) != 1).any()
        or np.abs(matrix[:3, :3] - whole).max() > 1e-3
    ):
        raise TraceError(f"{what}: the axes are not those of the grid before, turned and flipped")
    source = [int(axis) for axis in np.argmax(np.abs(whole), axis=0)]
    return source, [bool(whole[along, axis] < 0) for axis, along in enumerate(source)]


def shift(by: Array) -> Array:
    matrix = np.eye(4)
    matrix[:3, 3] = by
    return matrix
