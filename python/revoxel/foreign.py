"""Traces from what MONAI, TorchIO and nnU-Net record of a scan's preprocessing.

Each function returns a `revoxel.Trace`: `invert` brings predictions home, and `save` keeps it for `revoxel invert`.
None of these packages is imported: what they recorded is all that is read. An operation that a trace cannot express
raises `revoxel.TraceError`. Operations that a program does not record cannot be known; where they change the shape or
the affine, the record does not lead to the result, and that is an error too.

Indices are those of the arrays (channels apart), world coordinates are RAS millimetres.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from revoxel._chain import (
    CLOSE,
    Array,
    Chain,
    Shape,
    apart,
    matrix_of,
    names_of,
    overlap,
    shape_of,
    shift,
    signed_permutation,
    understood,
)
from revoxel._core import Trace
from revoxel._errors import TraceError

__all__ = ["trace_from_monai", "trace_from_nnunet", "trace_from_torchio"]


@understood("MONAI")
def trace_from_monai(image: Any, *, affine: Any = None, case: str | None = None, ignore: Collection[str] = ()) -> Trace:
    """The trace of a MONAI `MetaTensor` (channels first, three spatial axes), from its `applied_operations`.

    `affine` is that of the scan (RAS); without it, the `original_affine` that `LoadImage` kept. Operations named in
    `ignore` are taken to leave voxels where they are (`Lambda`, for instance).

    Operations that are only pending are refused: run `monai.transforms.lazy.functional.apply_pending`, or the pipeline
    without `lazy`. Spatial transforms that MONAI does not record (`Transpose`, `Rand3DElastic`, patches) are not seen,
    unless the shape or the affine tells. What `OneOf`, `SomeOf` and `RandomOrder` chose is in the record. The affine that
    `Spacing(recompute_affine=True)` writes is refused, for it leads nowhere.

    A `Revoxeld` in the chain has a trace of its own: its steps are put in as they are, and with them how values are
    undone and what is to be restored. MONAI does not record how it changed intensities, so that those of its own
    transforms are not undone.
    """
    if not hasattr(image, "applied_operations") or not hasattr(image, "meta"):
        raise TraceError(
            f"MONAI: expected a MetaTensor, not {type(image).__name__}: only it says what was done to it. "
            "Pass an item of the dictionary that the chain gave"
        )
    pending = [str(op.get("class", "?")) for op in getattr(image, "pending_operations", [])]
    if pending:
        raise TraceError(f"MONAI: {', '.join(pending)} are pending: apply them first, or do not run lazily")
    if len(image.shape) == 3:
        return _of_plane(image, names_of(ignore))
    final_shape = shape_of(image.shape[1:], "MONAI: the image")
    meta = image.meta
    if not isinstance(meta, Mapping):
        raise TraceError(f"MONAI: the image's meta is {type(meta).__name__}, not what LoadImage gives")
    if str(getattr(meta.get("space"), "value", meta.get("space", "RAS"))) == "LPS":
        raise TraceError("MONAI: the affine is LPS: load with affine_lps_to_ras=True")
    found = meta.get("original_affine") if affine is None else affine
    passed = names_of(ignore)
    done = [op for op in image.applied_operations if op.get("do_transforms", True) and op["class"] not in passed]
    own = [_Splice(op) if _has_trace(op) else None for op in done]
    if found is None and own and own[0] is not None:
        found = own[0].affine_before
    if found is None:
        raise TraceError("MONAI: the affine of the scan is unknown: pass affine")
    shapes = [
        shape_of(op["orig_size"], f"MONAI {op['class']}") if splice is None else splice.before
        for op, splice in zip(done, own, strict=True)
    ] + [final_shape]
    loaded: Any = meta.get("spatial_shape")
    # A pipeline writes the shape of its own result there.
    if affine is None and not any(own) and np.shape(loaded) == (3,):
        whole = shape_of(loaded, "MONAI: spatial_shape")
        if whole != shapes[0]:
            raise TraceError(
                f"MONAI: the scan has {whole} voxels, but the record begins with {shapes[0]}: an operation before it is "
                "not in the record. If the array did not come from this file, pass affine"
            )
    moves: list[_Move] = []
    for op, splice, before, after in zip(done, own, shapes, shapes[1:], strict=False):
        moves += _monai_moves(op, before, after) if splice is None else [splice]
    chain = Chain(shapes[0], matrix_of(found, "MONAI: the affine of the scan"))
    for number, move in enumerate(moves):
        if move.affine_before is not None and not isinstance(move, _Splice):
            chain.expect(move.affine_before, f"MONAI {move.name}: what came before it")
            # The grid after it is found from the next one that is known.
            later = moves[number + 1 :]
            known = next((i for i, m in enumerate(later) if m.affine_before is not None), len(later))
            end = later[known].affine_before if known < len(later) else None
            end = matrix_of(image.affine, "MONAI: the affine") if end is None else end
            back: Array = np.eye(4)
            for step in later[:known]:
                back = back @ step.matrix
            move.matrix = np.linalg.solve(chain.affine, end @ np.linalg.inv(back))
            if not move.exact:
                _not_lost(move, chain)
        move.onto(chain, "MONAI")
    chain.expect(matrix_of(image.affine, "MONAI: the affine"), "MONAI: the affine of the image", final_shape)
    path = meta.get("filename_or_obj")
    return chain.trace("MONAI", case, path if isinstance(path, str) else None)


@understood("TorchIO")
def trace_from_torchio(
    subject: Any, name: str | None = None, *, source: Any = None, case: str = "case", ignore: Collection[str] = ()
) -> Trace:
    """The trace of an image of a TorchIO `Subject`, from its history.

    `name` is the image's; without it, the first scalar image. `source` is the scan before all transforms: something
    with `affine` and `spatial_shape` or `shape` (an image of TorchIO or nibabel), or a pair of shape and affine.
    Without it, the header of the image's file is read again. Transforms named in `ignore` are taken to leave voxels
    where they are.

    TorchIO flips voxels and leaves the affine. The trace tells where the voxels really lie: after `Flip`, pass the
    prediction as an array (.npy), not as a file with TorchIO's affine.
    """
    if not hasattr(subject, "history") or not hasattr(subject, "items"):
        raise TraceError(
            f"TorchIO: expected a Subject, not {type(subject).__name__}: only it has the history of its images"
        )
    passed = names_of(ignore)
    if name is None:
        images = [key for key, value in subject.items() if "ScalarImage" in _bases(value)]
        if not images:
            raise TraceError("TorchIO: the subject has no scalar image: pass its name")
        name = images[0]
    elif name not in subject:
        raise TraceError(f"TorchIO: the subject has no image {name!r}: it has {', '.join(map(str, subject))}")
    image = subject[name]
    if source is None:
        if getattr(image, "path", None) is None:
            raise TraceError(f"TorchIO: the image {name!r} has no file: pass source")
        source = type(image)(image.path)
    shape, affine = _source(source)
    final, end = tuple(image.spatial_shape), matrix_of(image.affine, "TorchIO: the affine")
    # Sizes are rounded down; where that is a matter of the last bit, the size of the image decides.
    for nudge in (0, 1e-9, -1e-9):
        chain, claimed = Chain(shape, affine), affine  # and what TorchIO takes the affine for
        for transform in subject.history:
            kind = type(transform).__name__
            if kind in passed or {"IntensityTransform", "LabelTransform"} & _bases(transform):
                continue
            if name in (transform.exclude or ()) or (transform.include is not None and name not in transform.include):
                continue
            if getattr(transform, "scalars_only", False) and "ScalarImage" not in _bases(image):
                continue
            move = _torchio_move(transform, kind, chain.shape, claimed, nudge)
            claimed = claimed if kind == "Flip" else claimed @ move.matrix
            move.onto(chain, "TorchIO")
        far = apart(chain.shape, claimed, end)
        if final == chain.shape and far <= CLOSE:
            break
    else:
        raise TraceError(
            f"TorchIO: the history leads to {chain.shape}, but the image {name!r} is {final} and lies {far:.3g} voxels "
            "apart: a transform is not in the history, or source is another scan"
        )
    return chain.trace("TorchIO", case, str(image.path) if getattr(image, "path", None) else None)


@understood("nnU-Net")
def trace_from_nnunet(
    properties: Mapping[str, Any],
    shape: Sequence[int] | None = None,
    *,
    spacing: Sequence[float] | None = None,
    transpose_forward: Sequence[int] = (0, 1, 2),
    affine: Any = None,
    case: str = "case",
) -> Trace:
    """The trace of a case of nnU-Net v2, from the properties that its preprocessing pickles.

    `shape` is the spatial shape of the preprocessed array and of the logits; `spacing` (of the configuration) and
    `transpose_forward` are in the plans. At least one of `shape` and `spacing` is needed, and both are better: whether
    thick slices are interpolated by themselves depends on the spacing. The arrays keep nnU-Net's axes, so that logits
    saved by `numpy.save` are read with `--axes cxyz`.

    `affine` is that of the scan (RAS), for a result with the very same numbers: what SimpleITK tells nnU-Net is
    rounded.
    """
    if not isinstance(properties, Mapping):
        raise TraceError(
            f"nnU-Net: expected the properties that its preprocessing pickled, a dict, not {type(properties).__name__}"
        )
    for name in ("shape_before_cropping", "bbox_used_for_cropping", "shape_after_cropping_and_before_resampling"):
        if name not in properties:
            raise TraceError(f"nnU-Net: the properties have no {name}: pass those that its preprocessing pickled")
    order = [int(axis) for axis in transpose_forward]
    if sorted(order) != [0, 1, 2]:
        raise TraceError(f"nnU-Net: transpose_forward {order} is not an order of three axes")
    whole = shape_of(properties["shape_before_cropping"], "nnU-Net: shape_before_cropping")
    stored = tuple(whole[order.index(2 - axis)] for axis in range(3))  # along x, y, z of the file as it was read
    read, scan = _nnunet_affines(properties)
    scan = scan if affine is None else matrix_of(affine, "nnU-Net: affine")
    if affine is None and "original_orientation" in properties.get("sitk_stuff", {}):
        raise TraceError("nnU-Net: SimpleITKIOWithReorient does not keep the grid of the scan: pass affine")
    turn = signed_permutation(np.linalg.solve(scan, read), "nnU-Net: affine")
    source = [0, 0, 0]
    for axis, along in enumerate(turn[0]):
        source[along] = stored[axis]
    chain = Chain(shape_of(source, "nnU-Net"), scan)
    chain.reorient("read", *turn)
    chain.expect(read, "nnU-Net: the grid of the scan", stored)
    chain.reorient("transpose_forward", [2 - axis for axis in order], [False] * 3)
    box = np.array(properties["bbox_used_for_cropping"], int)
    cropped = shape_of(properties["shape_after_cropping_and_before_resampling"], "nnU-Net: shape after cropping")
    if tuple(box[:, 1] - box[:, 0]) != cropped:
        raise TraceError(f"nnU-Net: bbox_used_for_cropping {box.tolist()} does not give the shape {cropped}")
    chain.window("crop_to_nonzero", box[:, 0], cropped)
    before = [float(properties["spacing"][axis]) for axis in order]
    target = None if spacing is None else [float(s) for s in spacing]
    if target is not None and len(target) == 2:
        target = [before[0], *target]
    if target is not None:
        new = shape_of([round(s / t * n) for s, t, n in zip(before, target, cropped, strict=False)], "nnU-Net: spacing")
        if shape is not None and new != tuple(shape):
            raise TraceError(f"nnU-Net: the spacing {target} gives the shape {new}, not {tuple(shape)}")
        shape = new
    if shape is None:
        raise TraceError("nnU-Net: pass the shape of the preprocessed array, or the spacing of the configuration")
    # Its resampling of probabilities: nearest along thick slices.
    separate = {"threshold": 3.0, "interpolation": "nearest", **({"pixdim": target} if target else {})}
    chain.resample("resample", _stretched(cropped, shape), shape_of(shape, "nnU-Net: shape"), separate=separate)
    return chain.trace("nnU-Net", case, None)


def _nnunet_affines(properties: Mapping[str, Any]) -> tuple[Array, Array]:
    """The grid of the array as it was read (x, y, z), and that of the scan."""
    if "nibabel_stuff" in properties:
        stuff = properties["nibabel_stuff"]
        scan = matrix_of(stuff["original_affine"], "nnU-Net: original_affine")
        return matrix_of(stuff.get("reoriented_affine", scan), "nnU-Net: reoriented_affine"), scan
    if "sitk_stuff" not in properties:
        raise TraceError("nnU-Net: neither sitk_stuff nor nibabel_stuff: the reader kept no grid")
    stuff = properties["sitk_stuff"]
    if len(stuff["spacing"]) != 3:
        raise TraceError("nnU-Net: only volumes of three axes are possible")
    lps = np.eye(4)
    lps[:3, :3] = np.array(stuff["direction"], float).reshape(3, 3) * np.array(stuff["spacing"], float)
    lps[:3, 3] = np.array(stuff["origin"], float).reshape(3)
    return (ras := np.diag([-1.0, -1, 1, 1]) @ lps), ras


class _Move:
    """What an operation does to indices: `matrix` maps those after it to those before it."""

    def __init__(
        self, name: str, matrix: Array, shape: Shape, exact: bool = True, affine_before: Array | None = None
    ) -> None:
        self.name, self.matrix, self.shape, self.exact, self.affine_before = name, matrix, shape, exact, affine_before

    def onto(self, chain: Chain, program: str) -> None:
        if not self.exact:
            chain.resample(self.name, self.matrix, self.shape)
            return
        source, flipped = signed_permutation(self.matrix, f"{program} {self.name}")
        if source == [0, 1, 2] and not any(flipped):
            chain.window(self.name, np.rint(self.matrix[:3, 3]), self.shape)
            return
        chain.reorient(self.name, source, flipped)
        if chain.shape != self.shape or np.abs(chain.last - self.matrix).max() > CLOSE:
            raise TraceError(f"{program} {self.name}: turns the axes and moves the voxels at once")


def _has_trace(op: Mapping[str, Any]) -> bool:
    """Whether this is the record of `revoxel.monai.Revoxeld`, with a trace of its own."""
    extra = op.get("extra_info") or {}
    return op["class"] == "Revoxeld" and "trace" in extra and "volume" in extra


class _Splice(_Move):
    """The steps of a trace of its own."""

    def __init__(self, op: Mapping[str, Any]) -> None:
        extra = op["extra_info"]
        self.document, self.volume = json.loads(extra["trace"]), str(extra["volume"])
        volume = self.document["volumes"][self.volume]
        source, result = volume["source"]["grid"], volume["result"]["grid"]
        self.before = shape_of(source["shape"], "Revoxeld")
        affine = matrix_of(source["affine"], "Revoxeld")
        matrix = np.linalg.solve(affine, matrix_of(result["affine"], "Revoxeld"))
        super().__init__("Revoxeld", matrix, shape_of(result["shape"], "Revoxeld"), False, affine)

    def onto(self, chain: Chain, program: str) -> None:
        chain.splice(f"{program} {self.name}", self.document, self.volume)


def _of_plane(image: Any, passed: Collection[str]) -> Trace:
    """The trace of a 2-D image, which only a `Revoxeld` knows how to make."""
    done = [op for op in image.applied_operations if op.get("do_transforms", True) and op["class"] not in passed]
    if len(done) != 1 or not _has_trace(done[0]):
        names = ", ".join(str(op["class"]) for op in done) or "nothing"
        raise TraceError(f"MONAI: a 2-D image can have a trace if Revoxeld alone moved it, and {names} did")
    splice = _Splice(done[0])
    if tuple(splice.shape[:2]) != tuple(image.shape[1:]):
        raise TraceError(f"MONAI: the image has the shape {tuple(image.shape[1:])} instead of {splice.shape[:2]}")
    return Trace.parse(json.dumps(splice.document))


def _not_lost(move: _Move, chain: Chain) -> None:
    """Refuses the affine that `Spacing(recompute_affine=True)` writes: the scale between two sizes, and nothing else.

    It lacks the place, the rotation and the voxel size of the scan, so that predictions would miss it.
    """
    no = (
        f"MONAI {move.name}: the affine after it {{}}. Spacing does this with recompute_affine=True: leave that out, "
        "so that the affine is the one that it sampled with"
    )
    for corners in (False, True):
        if corners and min(*chain.shape, *move.shape) < 2:
            continue
        bare = _stretched(chain.shape, move.shape, corners)
        now = apart(move.shape, chain.affine @ move.matrix, bare)
        if now <= CLOSE < apart(move.shape, move.matrix, bare):
            raise TraceError(no.format("is no more than the scale between both sizes: where the scan lies is lost"))
    if not overlap(chain.shape, move.shape, move.matrix):
        raise TraceError(
            no.format("leads to a grid that does not overlap the one before: nothing of the scan is in it")
        )


def _monai_moves(op: Mapping[str, Any], before: Shape, after: Shape) -> list[_Move]:
    name, extra = str(op["class"]), op.get("extra_info") or {}
    if "class" in extra:  # a random transform, around what it drew
        if not extra.get("do_transforms", True):
            return []
        return _monai_moves(extra, before, after)
    if name == "ToTensord" or (name in ("OneOf", "SomeOf", "RandomOrder") and {"index", "applied_order"} & set(extra)):
        # What these have chosen has its own records, before this one.
        return []
    if name == "Orientation":
        return [_Move(name, np.eye(4), after, True, matrix_of(extra["original_affine"], f"MONAI {name}"))]
    if "src_affine" in extra:  # Spacing, SpatialResample, ResampleToMatch
        return [_Move(name, np.eye(4), after, False, matrix_of(extra["src_affine"], f"MONAI {name}"))]
    if "rot_mat" in extra:
        return [_Move(name, matrix_of(extra["rot_mat"], f"MONAI {name}"), after, False)]
    if "affine" in extra:
        if not extra.get("do_resampling", True):
            return []
        if extra.get("align_corners") is True:
            raise TraceError(
                f"MONAI {name}: with align_corners the affine that MONAI gives its result is not where it sampled"
            )
        matrix = _centre(before, 1) @ matrix_of(extra["affine"], f"MONAI {name}") @ _centre(after, -1)
        return [_Move(name, matrix, after, False)]
    if name in ("Resize", "Zoom"):
        if str(getattr(extra["mode"], "value", extra["mode"])) == "nearest":
            raise TraceError(f"MONAI {name}: mode nearest shifts voxels by up to half of one: use nearest-exact")
        padcrop = extra.get("padcrop") or {}
        middle = shape_of(padcrop["orig_size"], f"MONAI {name}") if padcrop else after
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
    raise TraceError(
        f"MONAI {name}: this operation cannot be expressed in a trace. If it leaves voxels where they are, pass "
        f"ignore=[{name!r}]; if not, put it outside the chain"
    )


def _monai_windows(name: str, extra: Mapping[str, Any], before: Shape) -> list[_Move]:
    """Crops and pads, alone or one after the other."""
    windows: list[tuple[Array, Array]] = []  # voxels that are cut off, below and above; added where negative

    def pad(padded: Any) -> None:
        widths = np.array(padded, float)
        if widths[0].any():
            raise TraceError(f"MONAI {name}: channels are padded")
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
        shape = shape_of(np.array(shape) - low - high, f"MONAI {name}")
        moves.append(_Move(name, shift(low), shape))
    return moves


def _torchio_move(transform: Any, kind: str, shape: Shape, affine: Array, nudge: float) -> _Move:
    if kind in ("ToCanonical", "ToOrientation", "Transpose"):
        letters = _letters(affine)[::-1] if kind == "Transpose" else transform.orientation
        matrix = _towards(shape, affine, letters)
        return _Move(kind, matrix, shape_of(np.abs(np.linalg.inv(matrix)[:3, :3]) @ shape, kind))
    if kind in ("Crop", "Pad"):
        low, high = (
            np.array(transform.bounds_parameters[side::2], float) * (-1 if kind == "Pad" else 1) for side in (0, 1)
        )
        return _Move(kind, shift(low), shape_of(np.array(shape) - low - high, f"TorchIO {kind}"))
    if kind == "Flip":
        if any(isinstance(axis, str) for axis in transform.axes):
            raise TraceError("TorchIO Flip: axes by name are not understood: pass their numbers")
        return _Move(kind, _flip(shape, [int(axis) for axis in transform.axes]), shape)
    if kind == "Resample":
        target = transform.target
        if transform.pre_affine_name is not None:
            raise TraceError("TorchIO Resample: a matrix before resampling (pre_affine_name) cannot be expressed")
        if not isinstance(target, (str, os.PathLike)) and hasattr(target, "spatial_shape"):
            target = (target.spatial_shape, target.affine)
        if isinstance(target, tuple) and len(target) == 2:
            matrix = np.linalg.solve(affine, matrix_of(target[1], "TorchIO Resample"))
            return _Move(kind, matrix, shape_of(target[0], "TorchIO Resample"), False)
        if isinstance(target, (str, os.PathLike)):
            raise TraceError("TorchIO Resample: the target is named only: pass an image, or shape and affine")
        old = np.linalg.norm(affine[:3, :3], axis=0)
        new = np.broadcast_to(np.array(target, float), 3)
        size = np.where(np.array(shape) == 1, 1, np.floor(np.array(shape) * old / new + nudge))
        after = shape_of(size, "TorchIO Resample")
        return _Move(kind, _centre(shape, 1) @ np.diag([*(new / old), 1.0]) @ _centre(after, -1), after, False)
    raise TraceError(f"TorchIO {kind}: this transform cannot be expressed in a trace")


def _source(source: Any) -> tuple[Shape, Array]:
    """Shape and affine of a scan, as an image or as a pair."""
    if isinstance(source, (tuple, list)) and len(source) == 2:
        shape, affine = source
    elif hasattr(source, "affine") and (hasattr(source, "spatial_shape") or hasattr(source, "shape")):
        shape, affine = getattr(source, "spatial_shape", None) or source.shape[:3], source.affine
    else:
        raise TraceError(
            f"TorchIO: source is {type(source).__name__}: expected an image with affine and shape, or a pair of both"
        )
    return shape_of(shape, "the scan"), matrix_of(affine, "the affine of the scan")


def _bases(value: Any) -> set[str]:
    return {base.__name__ for base in type(value).__mro__}


def _centre(shape: Shape, sign: int) -> Array:
    return shift(sign * (np.array(shape, float) - 1) / 2)


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
        return shift((n / m - 1) / 2) @ np.diag([*(n / m), 1.0])
    if (m < 2).any() or (n < 2).any():
        raise TraceError("align_corners with a single voxel along an axis cannot be expressed")
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
