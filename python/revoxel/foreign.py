"""Traces from what MONAI, TorchIO and nnU-Net record of a scan's preprocessing.

Each function returns a trace as a dict; `json.dump` it, and `revoxel invert` brings predictions home. None of these
packages is imported: what they recorded is all that is read. An operation that a trace cannot express raises
`ValueError`. Operations that a program does not record cannot be known; where they change the shape or the affine, the
record does not lead to the result, and that is a `ValueError` too.

Indices are those of the arrays (channels apart), world coordinates are RAS millimetres.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["trace_from_monai", "trace_from_nnunet", "trace_from_torchio"]

Array = NDArray[Any]
Shape = tuple[int, int, int]

# How far the last grid of a record may lie from the grid of the result, in voxels: what `revoxel invert` allows.
CLOSE = 1e-3


def trace_from_monai(
    image: Any, *, affine: Any = None, case: str = "case", ignore: Collection[str] = ()
) -> dict[str, Any]:
    """The trace of a MONAI `MetaTensor` (channels first, three spatial axes), from its `applied_operations`.

    `affine` is that of the scan (RAS); without it, the `original_affine` that `LoadImage` kept. Operations named in
    `ignore` are taken to leave voxels where they are (`Lambda`, for instance).

    Operations that are only pending are refused: run `monai.transforms.lazy.functional.apply_pending`, or the pipeline
    without `lazy`. Spatial transforms that MONAI does not record (`Transpose`, `Rand3DElastic`, patches) are not seen.
    """
    pending = [str(op.get("class", "?")) for op in getattr(image, "pending_operations", [])]
    if pending:
        raise ValueError(f"MONAI: {', '.join(pending)} are pending: apply them first, or do not run lazily")
    final_shape = _shape(image.shape[1:], "MONAI: the image")
    meta = image.meta
    if str(getattr(meta.get("space"), "value", meta.get("space", "RAS"))) == "LPS":
        raise ValueError("MONAI: the affine is LPS: load with affine_lps_to_ras=True")
    found = meta.get("original_affine") if affine is None else affine
    if found is None:
        raise ValueError("MONAI: the affine of the scan is unknown: pass affine")
    names = [op for op in image.applied_operations if op.get("do_transforms", True) and op["class"] not in ignore]
    shapes = [_shape(op["orig_size"], f"MONAI {op['class']}") for op in names] + [final_shape]
    moves: list[_Move] = []
    for op, before, after in zip(names, shapes, shapes[1:], strict=False):
        moves += _monai_moves(op, before, after)
    chain = _Chain(shapes[0], _matrix(found, "MONAI: the affine of the scan"))
    for number, move in enumerate(moves):
        if move.affine_before is not None:
            chain.expect(move.affine_before, f"MONAI {move.name}: what came before it")
            # The grid after it is found from the next one that is known.
            later = moves[number + 1 :]
            known = next((i for i, m in enumerate(later) if m.affine_before is not None), len(later))
            end = later[known].affine_before if known < len(later) else None
            end = _matrix(image.affine, "MONAI: the affine") if end is None else end
            back: Array = np.eye(4)
            for step in later[:known]:
                back = back @ step.matrix
            move.matrix = np.linalg.solve(chain.affine, end @ np.linalg.inv(back))
        move.onto(chain, "MONAI")
    chain.expect(_matrix(image.affine, "MONAI: the affine"), "MONAI: the affine of the image", final_shape)
    path = meta.get("filename_or_obj")
    return chain.trace("MONAI", case, path if isinstance(path, str) else "scan")


def trace_from_torchio(
    subject: Any, name: str | None = None, *, source: Any = None, case: str = "case", ignore: Collection[str] = ()
) -> dict[str, Any]:
    """The trace of an image of a TorchIO `Subject`, from its history.

    `name` is the image's; without it, the first scalar image. `source` is the scan before all transforms: something
    with `affine` and `spatial_shape` or `shape` (an image of TorchIO or nibabel), or a pair of shape and affine.
    Without it, the header of the image's file is read again. Transforms named in `ignore` are taken to leave voxels
    where they are.

    TorchIO flips voxels and leaves the affine. The trace tells where the voxels really lie: after `Flip`, pass the
    prediction as an array (.npy), not as a file with TorchIO's affine.
    """
    if name is None:
        images = [key for key, value in subject.items() if "ScalarImage" in _bases(value)]
        if not images:
            raise ValueError("TorchIO: the subject has no scalar image: pass its name")
        name = images[0]
    image = subject[name]
    if source is None:
        if getattr(image, "path", None) is None:
            raise ValueError(f"TorchIO: the image {name!r} has no file: pass source")
        source = type(image)(image.path)
    shape, affine = _source(source)
    final, end = tuple(image.spatial_shape), _matrix(image.affine, "TorchIO: the affine")
    # Sizes are rounded down; where that is a matter of the last bit, the size of the image decides.
    for nudge in (0, 1e-9, -1e-9):
        chain, claimed = _Chain(shape, affine), affine  # and what TorchIO takes the affine for
        for transform in subject.history:
            kind = type(transform).__name__
            if kind in ignore or {"IntensityTransform", "LabelTransform"} & _bases(transform):
                continue
            if name in (transform.exclude or ()) or (transform.include is not None and name not in transform.include):
                continue
            if getattr(transform, "scalars_only", False) and "ScalarImage" not in _bases(image):
                continue
            move = _torchio_move(transform, kind, chain.shape, claimed, nudge)
            claimed = claimed if kind == "Flip" else claimed @ move.matrix
            move.onto(chain, "TorchIO")
        far = _apart(chain.shape, claimed, end)
        if final == chain.shape and far <= CLOSE:
            break
    else:
        raise ValueError(
            f"TorchIO: the history leads to {chain.shape}, but the image {name!r} is {final} and lies {far:.3g} voxels "
            "apart: a transform is not in the history, or source is another scan"
        )
    return chain.trace("TorchIO", case, str(image.path) if getattr(image, "path", None) else "scan")


def trace_from_nnunet(
    properties: Mapping[str, Any],
    shape: Sequence[int] | None = None,
    *,
    spacing: Sequence[float] | None = None,
    transpose_forward: Sequence[int] = (0, 1, 2),
    affine: Any = None,
    case: str = "case",
) -> dict[str, Any]:
    """The trace of a case of nnU-Net v2, from the properties that its preprocessing pickles.

    `shape` is the spatial shape of the preprocessed array and of the logits; `spacing` (of the configuration) and
    `transpose_forward` are in the plans. At least one of `shape` and `spacing` is needed, and both are better: whether
    thick slices are interpolated by themselves depends on the spacing. The arrays keep nnU-Net's axes, so that logits
    saved by `numpy.save` are read with `--axes cxyz`.

    `affine` is that of the scan (RAS), for a result with the very same numbers: what SimpleITK tells nnU-Net is
    rounded.
    """
    order = [int(axis) for axis in transpose_forward]
    if sorted(order) != [0, 1, 2]:
        raise ValueError(f"nnU-Net: transpose_forward {order} is not an order of three axes")
    whole = _shape(properties["shape_before_cropping"], "nnU-Net: shape_before_cropping")
    stored = tuple(whole[order.index(2 - axis)] for axis in range(3))  # along x, y, z of the file as it was read
    read, scan = _nnunet_affines(properties)
    scan = scan if affine is None else _matrix(affine, "nnU-Net: affine")
    if affine is None and "original_orientation" in properties.get("sitk_stuff", {}):
        raise ValueError("nnU-Net: SimpleITKIOWithReorient does not keep the grid of the scan: pass affine")
    turn = _signed_permutation(np.linalg.solve(scan, read), "nnU-Net: affine")
    source = [0, 0, 0]
    for axis, along in enumerate(turn[0]):
        source[along] = stored[axis]
    chain = _Chain(_shape(source, "nnU-Net"), scan)
    chain.reorient("read", *turn)
    chain.expect(read, "nnU-Net: the grid of the scan", stored)
    chain.reorient("transpose_forward", [2 - axis for axis in order], [False] * 3)
    box = np.array(properties["bbox_used_for_cropping"], int)
    cropped = _shape(properties["shape_after_cropping_and_before_resampling"], "nnU-Net: shape after cropping")
    if tuple(box[:, 1] - box[:, 0]) != cropped:
        raise ValueError(f"nnU-Net: bbox_used_for_cropping {box.tolist()} does not give the shape {cropped}")
    chain.window("crop_to_nonzero", box[:, 0], cropped)
    before = [float(properties["spacing"][axis]) for axis in order]
    target = None if spacing is None else [float(s) for s in spacing]
    if target is not None and len(target) == 2:
        target = [before[0], *target]
    if target is not None:
        new = _shape([round(s / t * n) for s, t, n in zip(before, target, cropped, strict=False)], "nnU-Net: spacing")
        if shape is not None and new != tuple(shape):
            raise ValueError(f"nnU-Net: the spacing {target} gives the shape {new}, not {tuple(shape)}")
        shape = new
    if shape is None:
        raise ValueError("nnU-Net: pass the shape of the preprocessed array, or the spacing of the configuration")
    # Its resampling of probabilities: nearest along thick slices.
    separate = {"threshold": 3.0, "interpolation": "nearest", **({"pixdim": target} if target else {})}
    chain.resample("resample", _stretched(cropped, shape), _shape(shape, "nnU-Net: shape"), separate=separate)
    return chain.trace("nnU-Net", case, "scan")


def _nnunet_affines(properties: Mapping[str, Any]) -> tuple[Array, Array]:
    """The grid of the array as it was read (x, y, z), and that of the scan."""
    if "nibabel_stuff" in properties:
        stuff = properties["nibabel_stuff"]
        scan = _matrix(stuff["original_affine"], "nnU-Net: original_affine")
        return _matrix(stuff.get("reoriented_affine", scan), "nnU-Net: reoriented_affine"), scan
    if "sitk_stuff" not in properties:
        raise ValueError("nnU-Net: neither sitk_stuff nor nibabel_stuff: the reader kept no grid")
    stuff = properties["sitk_stuff"]
    if len(stuff["spacing"]) != 3:
        raise ValueError("nnU-Net: only volumes of three axes are possible")
    lps = np.eye(4)
    lps[:3, :3] = np.array(stuff["direction"], float).reshape(3, 3) * np.array(stuff["spacing"], float)
    lps[:3, 3] = stuff["origin"]
    return (ras := np.diag([-1.0, -1, 1, 1]) @ lps), ras


class _Move:
    """What an operation does to indices: `matrix` maps those after it to those before it."""

    def __init__(
        self, name: str, matrix: Array, shape: Shape, exact: bool = True, affine_before: Array | None = None
    ) -> None:
        self.name, self.matrix, self.shape, self.exact, self.affine_before = name, matrix, shape, exact, affine_before

    def onto(self, chain: _Chain, program: str) -> None:
        if not self.exact:
            chain.resample(self.name, self.matrix, self.shape)
            return
        source, flipped = _signed_permutation(self.matrix, f"{program} {self.name}")
        if source == [0, 1, 2] and not any(flipped):
            chain.window(self.name, np.rint(self.matrix[:3, 3]), self.shape)
            return
        chain.reorient(self.name, source, flipped)
        if chain.shape != self.shape or np.abs(chain.last - self.matrix).max() > CLOSE:
            raise ValueError(f"{program} {self.name}: turns the axes and moves the voxels at once")


def _monai_moves(op: Mapping[str, Any], before: Shape, after: Shape) -> list[_Move]:
    name, extra = str(op["class"]), op.get("extra_info") or {}
    if "class" in extra:  # a random transform, around what it drew
        if not extra.get("do_transforms", True):
            return []
        return _monai_moves(extra, before, after)
    if name == "Orientation":
        return [_Move(name, np.eye(4), after, True, _matrix(extra["original_affine"], f"MONAI {name}"))]
    if "src_affine" in extra:  # Spacing, SpatialResample, ResampleToMatch
        return [_Move(name, np.eye(4), after, False, _matrix(extra["src_affine"], f"MONAI {name}"))]
    if "rot_mat" in extra:
        return [_Move(name, _matrix(extra["rot_mat"], f"MONAI {name}"), after, False)]
    if "affine" in extra:
        matrix = _centre(before, 1) @ _matrix(extra["affine"], f"MONAI {name}") @ _centre(after, -1)
        if not extra.get("do_resampling", True):
            return []
        return [_Move(name, matrix, after, False)]
    if name in ("Resize", "Zoom"):
        if str(getattr(extra["mode"], "value", extra["mode"])) == "nearest":
            raise ValueError(f"MONAI {name}: mode nearest shifts voxels by up to half of one: use nearest-exact")
        padcrop = extra.get("padcrop") or {}
        middle = _shape(padcrop["orig_size"], f"MONAI {name}") if padcrop else after
        corners = extra.get("align_corners") is True
        moves = [_Move(name, _stretched(before, middle, corners), middle, False)]
        return moves + (_monai_windows(name, padcrop["extra_info"], middle) if padcrop else [])
    if name == "Flip":
        axes = extra["axes"]
        every = range(3) if axes is None else [axes] if isinstance(axes, int) else axes
        return [_Move(name, _flip(before, [int(a) % 3 for a in every]), after)]
    if name == "Rotate90":
        return [_Move(name, _quarters(before, [int(a) % 3 for a in extra["axes"]], int(extra["k"])), after)]
    if {"cropped", "padded", "pad_info", "crop_info"} & set(extra):
        return _monai_windows(name, extra, before)
    raise ValueError(f"MONAI {name}: this operation cannot be expressed in a trace")


def _monai_windows(name: str, extra: Mapping[str, Any], before: Shape) -> list[_Move]:
    """Crops and pads, alone or one after the other."""
    windows: list[tuple[Array, Array]] = []  # voxels that are cut off, below and above; added where negative

    def pad(padded: Any) -> None:
        widths = np.array(padded, float)
        if widths[0].any():
            raise ValueError(f"MONAI {name}: channels are padded")
        windows.append((-widths[1:, 0], -widths[1:, 1]))

    def crop(cropped: Any) -> None:
        widths = np.array(cropped, float).reshape(-1, 2)
        windows.append((widths[:, 0], widths[:, 1]))

    if "crop_info" in extra:  # ResizeWithPadOrCrop pads first
        pad(extra["pad_info"]["extra_info"]["padded"])
        crop(extra["crop_info"]["extra_info"]["cropped"])
    else:  # CropForeground crops first
        if "cropped" in extra:
            crop(extra["cropped"])
        if "padded" in extra or "pad_info" in extra:
            pad(extra["padded"] if "padded" in extra else extra["pad_info"]["extra_info"]["padded"])
    moves, shape = [], before
    for low, high in windows:
        shape = _shape(np.array(shape) - low - high, f"MONAI {name}")
        moves.append(_Move(name, _shift(low), shape))
    return moves


def _torchio_move(transform: Any, kind: str, shape: Shape, affine: Array, nudge: float) -> _Move:
    if kind in ("ToCanonical", "ToOrientation", "Transpose"):
        letters = _letters(affine)[::-1] if kind == "Transpose" else transform.orientation
        matrix = _towards(shape, affine, letters)
        return _Move(kind, matrix, _shape(np.abs(np.linalg.inv(matrix)[:3, :3]) @ shape, kind))
    if kind in ("Crop", "Pad"):
        low, high = (
            np.array(transform.bounds_parameters[side::2], float) * (-1 if kind == "Pad" else 1) for side in (0, 1)
        )
        return _Move(kind, _shift(low), _shape(np.array(shape) - low - high, f"TorchIO {kind}"))
    if kind == "Flip":
        if any(isinstance(axis, str) for axis in transform.axes):
            raise ValueError("TorchIO Flip: axes by name are not understood: pass their numbers")
        return _Move(kind, _flip(shape, [int(axis) for axis in transform.axes]), shape)
    if kind == "Resample":
        target = transform.target
        if transform.pre_affine_name is not None:
            raise ValueError("TorchIO Resample: a matrix before resampling (pre_affine_name) cannot be expressed")
        if not isinstance(target, (str, os.PathLike)) and hasattr(target, "spatial_shape"):
            target = (target.spatial_shape, target.affine)
        if isinstance(target, tuple) and len(target) == 2:
            matrix = np.linalg.solve(affine, _matrix(target[1], "TorchIO Resample"))
            return _Move(kind, matrix, _shape(target[0], "TorchIO Resample"), False)
        if isinstance(target, (str, os.PathLike)):
            raise ValueError("TorchIO Resample: the target is named only: pass an image, or shape and affine")
        old = np.linalg.norm(affine[:3, :3], axis=0)
        new = np.broadcast_to(np.array(target, float), 3)
        size = np.where(np.array(shape) == 1, 1, np.floor(np.array(shape) * old / new + nudge))
        after = _shape(size, "TorchIO Resample")
        return _Move(kind, _centre(shape, 1) @ np.diag([*(new / old), 1.0]) @ _centre(after, -1), after, False)
    raise ValueError(f"TorchIO {kind}: this transform cannot be expressed in a trace")


class _Chain:
    """The steps of a trace, and the grid at which they have arrived."""

    def __init__(self, shape: Shape, affine: Array) -> None:
        if (
            not np.isfinite(affine).all()
            or np.linalg.matrix_rank(affine[:3, :3]) < 3
            or (affine[3] != [0, 0, 0, 1]).any()
        ):
            raise ValueError(f"the affine of the scan is not one: {affine.tolist()}")
        self.shape, self.affine, self.steps = shape, affine, list[dict[str, Any]]()
        self.source = self._grid()
        self.last = np.eye(4)

    def _grid(self) -> dict[str, Any]:
        return {"shape": [int(n) for n in self.shape], "affine": [[float(v) + 0.0 for v in row] for row in self.affine]}

    def _step(self, name: str, op: dict[str, Any], matrix: Array, shape: Shape, fidelity: str, **more: Any) -> None:
        before, self.last = self._grid(), matrix
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
        self._step(name, op, matrix, _shape([self.shape[s] for s in source], name), "exact")

    def window(self, name: str, start: Any, shape: Shape) -> None:
        first = [int(s) for s in start]
        if not any(first) and shape == self.shape:
            return
        cuts = any(s > 0 or s + n < m for s, n, m in zip(first, shape, self.shape, strict=False))
        op = {"window": {"start": first, "shape": list(shape)}}
        self._step(name, op, _shift(np.array(first, float)), shape, "exact_inside" if cuts else "exact")

    def resample(self, name: str, matrix: Array, shape: Shape, **more: Any) -> None:
        if shape == self.shape and np.array_equal(matrix, np.eye(4)):
            return
        self._step(name, {"resample": {}}, matrix, shape, "lossy", interpolation="linear", **more)

    def expect(self, affine: Array, what: str, shape: Sequence[int] | None = None) -> None:
        """Checks that the grid is this one."""
        far = _apart(self.shape, self.affine, affine)
        if far > CLOSE or (shape is not None and tuple(shape) != self.shape):
            raise ValueError(
                f"{what} does not lie where its operations lead: {far:.3g} voxels apart, shape {self.shape}"
                f"{'' if shape is None else f' instead of {tuple(shape)}'}. An operation is not in the record, or the "
                "affine is not that of the scan"
            )

    def trace(self, program: str, case: str, path: str) -> dict[str, Any]:
        source = {
            "path": os.path.basename(path),
            "format": "unknown",
            "grid": self.source,
            "dtype": "float32",
            "channels": 1,
        }
        volume = {
            "kind": "image",
            "source": source,
            "ties": "alternate",
            "steps": self.steps,
            "result": {"grid": self._grid(), "dtype": "float32"},
        }
        return {
            "schema": "revoxel-trace",
            "version": 1,
            "tool": f"revoxel.foreign ({program})",
            "case": case,
            "pipeline": {"name": program, "hash": "none"},
            "volumes": {"image": volume},
        }


def _shape(shape: Any, what: str) -> Shape:
    sizes = [int(n) for n in shape]
    if len(sizes) != 3 or min(sizes) < 1:
        raise ValueError(f"{what}: the shape {tuple(sizes)} is not one of three axes")
    return sizes[0], sizes[1], sizes[2]


def _matrix(values: Any, what: str) -> Array:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    matrix = np.array(values, np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"{what}: a matrix of shape {matrix.shape}, expected 4 by 4")
    return matrix


def _bases(value: Any) -> set[str]:
    return {base.__name__ for base in type(value).__mro__}


def _source(source: Any) -> tuple[Shape, Array]:
    """Shape and affine of a scan, as an image or as a pair."""
    if isinstance(source, tuple):
        shape, affine = source
    else:
        shape, affine = getattr(source, "spatial_shape", None) or source.shape[:3], source.affine
    return _shape(shape, "the scan"), _matrix(affine, "the affine of the scan")


def _apart(shape: Shape, a: Array, b: Array) -> float:
    """How far corners are apart, in the smallest voxel size."""
    corners = np.array([[(-0.5, n - 0.5)[c >> axis & 1] for axis, n in enumerate(shape)] + [1.0] for c in range(8)]).T
    size = min(np.linalg.norm(m[:3, :3], axis=0).min() for m in (a, b))
    return float(np.linalg.norm(((a - b) @ corners)[:3], axis=0).max() / size)


def _signed_permutation(matrix: Array, what: str) -> tuple[list[int], list[bool]]:
    whole = np.rint(matrix[:3, :3])
    if (
        (np.abs(whole).sum(0) != 1).any()
        or (np.abs(whole).sum(1) != 1).any()
        or np.abs(matrix[:3, :3] - whole).max() > 1e-3
    ):
        raise ValueError(f"{what}: the axes are not those of the grid before, turned and flipped")
    source = [int(axis) for axis in np.argmax(np.abs(whole), axis=0)]
    return source, [bool(whole[along, axis] < 0) for axis, along in enumerate(source)]


def _shift(by: Array) -> Array:
    matrix = np.eye(4)
    matrix[:3, 3] = by
    return matrix


def _centre(shape: Shape, sign: int) -> Array:
    return _shift(sign * (np.array(shape, float) - 1) / 2)


def _flip(shape: Shape, axes: Sequence[int]) -> Array:
    matrix = np.eye(4)
    for axis in axes:
        matrix[axis, axis], matrix[axis, 3] = -1, shape[axis] - 1
    return matrix


def _quarters(shape: Shape, axes: Sequence[int], k: int) -> Array:
    """`numpy.rot90` by k quarter turns from the first axis towards the second."""
    matrix: Array = np.eye(4)
    sizes, (a, b) = list(shape), axes
    for _ in range(k % 4):
        turn = np.eye(4)
        turn[[a, b]] = 0
        turn[a, b], turn[b, a], turn[b, 3] = 1, -1, sizes[b] - 1
        sizes[a], sizes[b] = sizes[b], sizes[a]
        matrix = matrix @ turn
    return matrix


def _stretched(before: Sequence[int], after: Sequence[int], corners: bool = False) -> Array:
    """The same box in another number of voxels: from face to face, or from outermost centre to outermost centre."""
    n, m = np.array(before, float), np.array(after, float)
    if not corners:
        return _shift((n / m - 1) / 2) @ np.diag([*(n / m), 1.0])
    if (m < 2).any() or (n < 2).any():
        raise ValueError("align_corners with a single voxel along an axis cannot be expressed")
    return np.diag([*((n - 1) / (m - 1)), 1.0])


def _axes(affine: Array) -> list[tuple[int, int]]:
    """By axis of the array, the closest axis of the world and the direction along it."""
    left, _, right = np.linalg.svd(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    rotation, found = left @ right, []
    for axis in range(3):
        world = int(np.argmax(np.abs(rotation[:, axis])))
        found.append((world, 1 if rotation[world, axis] > 0 else -1))
        rotation[world] = 0
    return found


def _letters(affine: Array) -> str:
    return "".join(("LR", "PA", "IS")[world][sign > 0] for world, sign in _axes(affine))


def _towards(shape: Shape, affine: Array, letters: str) -> Array:
    """From indices of the axes that `letters` name by their positive ends to those there are."""
    have = _axes(affine)
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis, letter in enumerate(letters):
        world = next(w for w, ends in enumerate(("LR", "PA", "IS")) if letter.upper() in ends)
        along = next(a for a, (w, _) in enumerate(have) if w == world)
        forward = (have[along][1] > 0) == (letter.upper() in "RAS")
        matrix[along, axis], matrix[along, 3] = (1, 0) if forward else (-1, shape[along] - 1)
    return matrix
