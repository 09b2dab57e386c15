"""What nnU-Net v2 expects of its preprocessed data besides the voxels: properties, folds, the fingerprint,
and how arrays are cut in blocks.

The rules are those of nnU-Net 2.8.1. Arrays and lists are in its order of axes, (c, z, y, x), turned by ``transpose_forward``.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from revoxel import _program
from revoxel._core import Grid, Trace
from revoxel._errors import RevoxelError

Array: TypeAlias = NDArray[Any]

# Voxels drawn of a class: so many, or this share of it if that is more.
_DRAWN, _SHARE, _SEED = 10_000, 0.01, 1234
_FOLDS, _FOLD_SEED = 5, 12345
# Sizes of blosc2's blocks and chunks in bytes, and how far a chunk may exceed the patch along an axis.
_BLOCK, _CHUNK, _BEYOND = 128 * 1024, 6 * 1024**2, 1.5


def classes(labels: dict[str, Any]) -> list[int | tuple[int, ...]]:
    """The labels or regions of ``dataset.json`` whose voxels nnU-Net's loader wants to find, in its order.

    With an ignore label, a last entry holds all that is annotated.
    """
    given = {name: value for name, value in labels.items() if name != "ignore"}
    numbers = {int(n) for value in given.values() for n in (value if isinstance(value, list) else [value])}
    found: list[int | tuple[int, ...]]
    if any(isinstance(value, list) and len(value) > 1 for value in given.values()):
        regions = [tuple(map(int, value)) if isinstance(value, list) else int(value) for value in given.values()]
        found = [region for region in regions if region != 0 and (isinstance(region, int) or set(region) != {0})]
    else:
        found = sorted(numbers - {0})
    if labels.get("ignore") is not None:
        found.append((-1, *sorted(numbers)))
    return found


def class_locations(seg: Array, wanted: Sequence[int | tuple[int, ...]]) -> dict[int | tuple[int, ...], Any]:
    """Voxels (c, z, y, x) of each class, drawn as nnU-Net draws them: the same ones for the same segmentation."""
    draw = np.random.RandomState(_SEED)
    found: dict[int | tuple[int, ...], Any] = {}
    for one in wanted:
        labels = one if isinstance(one, tuple) else (one,)
        # A region is the list of the voxels of its first label, then those of the second, and so on.
        voxels = np.concatenate([np.flatnonzero(seg == label) for label in labels])
        if voxels.size == 0:
            found[one] = []
            continue
        count = max(min(_DRAWN, voxels.size), int(np.ceil(voxels.size * _SHARE)))
        chosen = voxels[draw.choice(voxels.size, count, replace=False)]
        found[one] = np.stack(np.unravel_index(chosen, seg.shape), axis=1)
    return found


def folds(names: Sequence[str]) -> list[dict[str, list[str]]] | None:
    """Five folds, as scikit-learn's shuffled ``KFold`` makes them of the sorted names; None for fewer than five cases."""
    names = sorted(names)
    if len(names) < _FOLDS:
        return None
    order = np.arange(len(names))
    np.random.RandomState(_FOLD_SEED).shuffle(order)
    held = [set(part.tolist()) for part in np.array_split(order, _FOLDS)]
    return [
        {
            "train": [name for n, name in enumerate(names) if n not in part],
            "val": [name for n, name in enumerate(names) if n in part],
        }
        for part in held
    ]


def blocks(shape: Sequence[int], patch: Sequence[int], voxel_bytes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Blocks and chunks of a (c, z, y, x) array for a patch of two or three axes."""
    flat = len(patch) == 2
    sizes, wanted = list(shape[1:]), [1, *patch] if flat else list(patch)
    target = [max(1, min(size, int(_BEYOND * length))) for size, length in zip(sizes, wanted, strict=True)]
    # A block: powers of two that hold the patch, halved along the axis that is longest for its target until it is small.
    block = [min(_power_from(length), size) for length, size in zip(wanted, sizes, strict=True)]
    while int(np.prod(block)) * voxel_bytes > _BLOCK:
        axis = max((a for a in range(3) if block[a] > 1), key=lambda a: (block[a] / target[a], a))
        block[axis] = max(1, _power_from(block[axis]) // 2)
    # A chunk: whole blocks, one more at a time along the axis that is shortest for its target.
    chunk = list(block)
    while True:
        grown = []
        for axis in range(3):
            if wanted[axis] == 1 or chunk[axis] >= target[axis]:
                continue
            longer = list(chunk)
            longer[axis] = min(chunk[axis] + block[axis], target[axis])
            if int(np.prod(longer)) * voxel_bytes <= _CHUNK:
                grown.append((chunk[axis] / target[axis], -sizes[axis], axis, longer))
        if not grown:
            return (1, *block), (1, *chunk)
        chunk = min(grown)[3]


def _power_from(length: int) -> int:
    """The first power of two that is not below a length."""
    return 1 << max(0, length - 1).bit_length()


def properties(trace: Trace, key: str, reader: str) -> dict[str, Any]:
    """What nnU-Net's loader, trainer and export read of a case, from the trace of its image ``key``."""
    source, _ = trace.grids(key)
    if source.planar:
        raise RevoxelError(
            "a two-dimensional image: nnU-Net gives it a slice thickness that is not in the file; "
            "convert it to a volume of one slice"
        )
    read, cropped, whole = source, None, None
    for step in trace.to_dict()["volumes"][key]["steps"]:
        if step["transform"] == "orientation":
            read = Grid(step["after"]["shape"], step["after"]["affine"])
        elif step["transform"] == "crop_to_nonzero":
            whole, cropped = step["before"]["shape"], step
    if cropped is None or whole is None:
        raise RevoxelError("the pipeline has no step crop_to_nonzero: it is not one of nnU-Net")
    start, shape = [0, 0, 0], whole
    for op in cropped["ops"]:
        start, shape = op["window"]["start"], op["window"]["shape"]
    # nnU-Net reads sizes from the header and compares them with a threshold: the noise of an oblique affine would decide.
    spacing = list(read.nominal_spacing)
    return {
        **_geometry(source, read, spacing, reader),
        "spacing": spacing[::-1],
        "shape_before_cropping": tuple(whole[::-1]),
        "bbox_used_for_cropping": [[a, a + n] for a, n in zip(start[::-1], shape[::-1], strict=True)],
        "shape_after_cropping_and_before_resampling": tuple(shape[::-1]),
    }


def _geometry(source: Grid, read: Grid, spacing: list[float], reader: str) -> dict[str, Any]:
    """Where voxels lie, in the words of the reader that will write predictions."""
    if reader.startswith("Nibabel"):
        affines = {"original_affine": np.array(source.affine)}
        if reader.endswith("WithReorient"):
            affines["reoriented_affine"] = np.array(read.affine)
        return {"nibabel_stuff": affines}
    geometry: dict[str, Any] = {
        "spacing": tuple(spacing),
        "origin": tuple(read.origin),
        "direction": tuple(float(cosine) for cosine in np.ravel(read.direction)),
    }
    if reader.endswith("WithReorient"):
        geometry["original_orientation"] = "".join(source.axcodes)
    return {"sitk_stuff": geometry}


def answer(arguments: list[str], what: str) -> tuple[str, list[str]]:
    """What the program prints, and what it says besides."""
    done = _program.answer(arguments)
    said = [
        line.strip().removeprefix("× ") for line in done.stderr.decode(errors="replace").splitlines() if line.strip()
    ]
    if done.returncode != 0:
        raise RevoxelError("\n".join(said) or f"the {what} of the program ended with exit code {done.returncode}")
    return done.stdout.decode(), said


def measured(raw: Path, ending: str, cases: dict[str, dict[str, Any]]) -> str:
    """The fingerprint of cases."""
    with tempfile.TemporaryDirectory(prefix="revoxel-") as place:
        # The files may be anywhere, where dataset.json lists them.
        for name, case in cases.items():
            images = {f"imagesTr/{name}_{n:04}": case[key] for n, key in enumerate(channels(case))}
            for link, file in {**images, f"labelsTr/{name}": case["label"]}.items():
                (Path(place) / link).parent.mkdir(exist_ok=True)
                (Path(place) / f"{link}{ending}").symlink_to((raw / file).absolute())
        return answer(["fingerprint", place, f"--ending={ending}", "--json", "--quiet"], "fingerprint")[0]


def channels(case: dict[str, Any]) -> list[str]:
    """The inputs of a case that are channels, in their order."""
    return sorted(key for key in case if key.startswith("image"))


def write_b2nd(array: Array, path: Path, patch: Sequence[int]) -> None:
    """An array in blosc2's format. The filter is the one that makes the middle of the array smaller."""
    blosc2 = blosc2_library()
    small, chunks = blocks(array.shape, patch, array.itemsize)
    parts = [min(chunk, size) for chunk, size in zip(chunks, array.shape, strict=True)]
    middle = np.ascontiguousarray(
        array[tuple(slice((size - n) // 2, (size - n) // 2 + n) for size, n in zip(array.shape, parts, strict=True))]
    )
    fit = [min(block, n) for block, n in zip(small, parts, strict=True)]
    options = {"codec": blosc2.Codec.LZ4HC, "clevel": 5, "nthreads": 1}
    best = min(
        (blosc2.Filter.NOFILTER, blosc2.Filter.SHUFFLE),
        key=lambda kind: (
            blosc2.asarray(middle, chunks=parts, blocks=fit, cparams={**options, "filters": [kind]}).schunk.cbytes
        ),
    )
    blosc2.asarray(array, urlpath=str(path), chunks=chunks, blocks=small, cparams={**options, "filters": [best]})


def blosc2_library() -> Any:
    """The library of the format b2nd."""
    try:
        return importlib.import_module("blosc2")
    except ImportError as error:
        raise RevoxelError(
            'format "b2nd" needs the package blosc2: pip install blosc2, or use format="npz" (--format npz)'
        ) from error
