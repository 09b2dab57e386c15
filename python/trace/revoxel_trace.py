"""A reader of revoxel traces in NumPy: it brings a prediction back onto the voxels of the scan.

    trace = revoxel_trace.load("case/trace.json")
    back = revoxel_trace.invert(trace, np.load("labels.npy"))  # back.values, back.coverage, back.grid

It follows docs/trace-format.md of revoxel, and uses its words. Volumes are arrays by axes 0, 1, 2, with channels, if
any, before these. Places have three rows, and a column for each voxel. Licence: MIT OR Apache-2.0.
This file needs no other one, but to undo `noise` and `bias_field`: for these, put revoxel_trace_noise.py beside it.
"""
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import product
from math import ceil, erf, floor, prod
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Map = Callable[[Array], Array]
Taps = list[tuple[Array, Array]]  # voxels that are read along an axis, and their weights
INTERPOLATIONS = ("linear", "cubic", "nearest", "label", "label_nearest")  # the first two average
# What may be used within slices, by what `separate` asks for across them.
WITHIN = {"nearest": INTERPOLATIONS, "linear": INTERPOLATIONS[:3], "cubic": ("cubic",)}
FILLS = {"image": (0, 0), "label": (0, 0), "probability": (1, 0), "logit": (1e4, -1e4)}  # channel 0, the others
# The fields of ops, of undos of values, and of `sampled`; those behind a bar are optional. An undo
# with the numbers of IDLE changes nothing.
OPS = {"reorient": "source flipped", "window": "start shape", "resample": "grid", "reslice": "from grid | to",
       "warp": "region points displacements | back", "stretch": "region nodes | back",
       "elastic": "region noise magnitude smoothing | back"}
UNDOS = {"rescale": "scale shift", "rescale_clipped": "scale shift limits", "table": "points", "relabel": "pairs",
         "power": "low range exponent | before", "noise": "noise mean std channels", "lost": "reason",
         "bias_field": "degree coefficients"}
IDLE = dict(rescale=[("scale", 1), ("shift", 0)], noise=[("mean", 0), ("std", 0)], bias_field=[("coefficients", 0)])
SAMPLED = "| outside boundary smoothed area fused repeats clipped computed"
# The names that fields may have.
NAMES: dict[str, Any] = {
    "kind": FILLS, "fidelity": ("exact", "exact_inside", "lossy"), "outside": ("border", "reflection", "fill"),
    "dtype": [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)] + ["float16", "float32", "float64"],
    "ties": ("alternate", "upper"), "interpolation": INTERPOLATIONS, "smoothed": ("cardoso", "scikit_image"),
    "boundary": ("mirror", "edge", "reflect", "itk"), "repeats": ("edge", "reflect", "symmetric", "wrap"),
    **dict.fromkeys(("area", "fused", "computed", "back", "planar"), (False, True))}
HUGE, WORD = float(np.finfo(float).max), 2**32 - 1


class TraceError(ValueError):
    """Not a trace, not a prediction of it, or something that cannot be undone."""


def need(good: object, problem: str) -> None:
    if not good:
        raise TraceError(problem)


def fields(record: Any, names: str, place: str, closed: bool = False) -> None:
    """All fields are there, with names that are known; where `closed`, none that is unknown."""
    required, optional = (set(part.split()) for part in f"{names}|".split("|")[:2])
    need(isinstance(record, dict), f"{place}: not an object")
    need(required <= set(record), f"{place}: missing {sorted(required - set(record))}")
    need(not closed or set(record) <= required | optional, f"{place}: unknown {set(record) - required - optional}")
    for name in NAMES.keys() & (required | optional) & record.keys():
        need(repr(record[name]) in map(repr, (None, *NAMES[name])), f"{place}: {name} {record[name]!r} is unknown")


def tagged(record: Any, known: Any, place: str) -> tuple[str, Any]:
    """An object with one key: which one of those known, and what it holds."""
    need(isinstance(record, dict) and len(record) == 1, f"{place}: not an object with one key")
    name, content = next(iter(record.items()))
    need(name in known, f"{place}: {name!r} is unknown")
    if isinstance(known, dict):
        fields(content, known[name], f"{place} ({name})", closed=True)
    return name, content


@contextmanager
def refusing() -> Iterator[None]:
    """What is of another type than the format says leads to errors of many kinds: they become one."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise error if isinstance(error, TraceError) else TraceError(f"not a trace: {error}") from None


def numbers(value: Any, shape: Any, place: str, low: float = -HUGE, high: float = HUGE, whole: bool = False) -> Array:
    """Numbers from `low` to `high` in lists of a shape, in which -1 stands for any length."""
    if shape:
        need(isinstance(value, list) and shape[0] in (-1, len(value)), f"{place}: not a list of shape {shape}")
        parts = [numbers(v, shape[1:], place, low, high, whole) for v in value]
        return np.array(parts, np.int64 if whole else float).reshape(len(value), *shape[1:])
    need(type(value) is int or (type(value) is float and not whole), f"{place}: {value!r} is not a number")
    need(low <= value <= high, f"{place}: number out of range")
    return np.array(value, np.int64 if whole else float)


# --- grids and ops ---


def apply(m: Array, x: Array) -> Array:
    return np.asarray(m[:3, :3] @ x + m[:3, 3:])


def nominal(size: float) -> float:
    """The voxel size that the length of a column stands for: such lengths may have the noise of 32 bits."""
    single, nine = np.float32(size), float(f"{size:.8e}")
    near = [float(single + np.float32(steps) * np.spacing(single)) for steps in range(-2, 3)]
    near = [s for s in near if abs(s - size) <= 1.2e-7 * size]
    shortest = min(near, key=lambda s: (len(str(np.float32(s))), abs(s - size)), default=size)
    return size if float(single) == size else nine if abs(nine - size) <= 1e-12 * size else shortest


class Grid:
    """The affine maps indices to RAS mm; index (0, 0, 0) is the centre of the first voxel."""

    def __init__(self, record: Any, place: str) -> None:
        fields(record, "shape affine | planar", place)
        shape = numbers(record["shape"], (3,), f"{place}.shape", 1, 2**20, whole=True)
        self.affine, self.planar = numbers(record["affine"], (4, 4), f"{place}.affine"), record.get("planar", False)
        self.sizes = [nominal(size) for size in np.linalg.norm(self.affine[:3, :3], axis=0)]
        # The box of all voxels, by axis: the first index, and the one after the last.
        self.shape, self.whole = tuple(shape.tolist()), np.column_stack([0 * shape, shape])
        need(self.affine[3].tolist() == [0, 0, 0, 1], f"{place}.affine: the last row is not 0, 0, 0, 1")
        need(np.linalg.matrix_rank(self.affine[:3, :3]) == 3, f"{place}.affine: singular")
        need(not self.planar or shape[2] == 1, f"{place}.planar: several slices")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self.shape == other.shape and np.array_equal(self.affine, other.affine)

    def apart(self, other: "Grid") -> float:
        """How far corners are apart from those of a grid of the same shape, in the smallest voxel size."""
        axes = 2 if self.planar and other.planar else 3
        corners = product(*((-0.5, n - 0.5) if a < axes else (0,) for a, n in enumerate(self.shape)))
        off = apply(self.affine - other.affine, np.array(list(corners)).T)
        return float(np.linalg.norm(off, axis=0).max() / min(self.sizes[:axes] + other.sizes[:axes]))

    def to(self, other: "Grid") -> Array:
        """From indices of this grid to indices of the other one."""
        return np.eye(4) if np.array_equal(self.affine, other.affine) else np.linalg.solve(other.affine, self.affine)


class Op:
    """An op: its fields, the grids before and after it, the number of its step, and its rule for an axis apart."""

    def __init__(self, record: Any, before: Grid, separate: Any, number: int, place: str) -> None:
        self.name, f = tagged(record, OPS, place)
        self.before, self.number, self.f, self.moves, self.source = before, number, f, self.name in MOVES, [0, 1, 2]
        self.separate, matrix, place = separate if self.name == "resample" else None, None, f"{place} ({self.name})"
        self.region, self.after = (Grid(f[key], f"{place}.{key}") if key in f else before for key in ("region", "grid"))
        if self.name == "reorient":
            self.source, flipped = numbers(f["source"], (3,), place, 0, 2, whole=True).tolist(), f["flipped"]
            turned = sorted(self.source) == [0, 1, 2] and [type(flip) for flip in flipped] == [bool] * 3
            need(turned, f"{place}: source is not a permutation, or flipped not three of true and false")
            shape, matrix = [before.shape[s] for s in self.source], np.eye(4)[:, [*self.source, 3]]
            for a, s in enumerate(self.source):
                matrix[s, [a, 3]] = (-1, before.shape[s] - 1) if flipped[a] else (1, 0)
        elif self.name == "window":
            shape, matrix = f["shape"], np.eye(4)
            matrix[:3, 3] = numbers(f["start"], (3,), place, -(2**40), 2**40, whole=True)
        if matrix is not None:
            need([*abs(matrix[2]), shape[2]] == [0, 0, 1, 0, 1] or not before.planar, f"{place}: leaves the 2-D plane")
            affine = before.affine @ matrix
            self.after = Grid({"shape": shape, "affine": affine.tolist(), "planar": before.planar}, place)
        self.matrix = matrix  # of ops that copy voxels: from indices after to indices before
        # Where on the region a place before the op is shown.
        self.shows: Map = MOVES[self.name](self.region, f, place) if self.moves else np.asarray


def piecewise(x: Array, of: Array, to: Array) -> Array:
    """Straight between nodes; the outermost pieces go on."""
    need(len(of) > 1 and (np.diff(of) > 0).all(), "a map in pieces that does not rise")
    b = np.clip(np.searchsorted(of, x, side="right"), 1, len(of) - 1)
    return np.asarray(to[b - 1] + (x - of[b - 1]) * (to[b] - to[b - 1]) / (of[b] - of[b - 1]))


# Ops that move: where on the region a place before the op is shown, or with `back`, what is shown at that place.


def reslice(region: Grid, f: Any, place: str) -> Map:
    """Where uneven slices lie on the even grid."""
    offsets, slices = numbers(f["from"], (-1, 3), f"{place}.from"), np.arange(region.shape[2])
    need(f.get("to") is None, f"{place}: uneven slices after the op")
    good = len(offsets) == len(slices) > 1 and (np.diff(slices + offsets[:, 2]) > 1e-9).all()
    need(good, f"{place}.from: not a rising place per slice")
    return lambda u: u + np.stack([piecewise(u[2], slices, offset) for offset in offsets.T])


def stretch(region: Grid, f: Any, place: str) -> Map:
    nodes = [numbers(n, (-1, 2), f"{place}.nodes").T for n in f["nodes"]]
    rise = [2 <= n.shape[1] <= 65536 and (np.diff(n) > 0).all() for n in nodes]
    need(len(rise) == 3 and all(rise), f"{place}: nodes that rise are needed along each of three axes")
    return lambda u: np.stack([piecewise(x, *(n if f.get("back") else n[::-1])) for x, n in zip(u, nodes)])


def warp(region: Grid, f: Any, place: str) -> Map:
    m = numbers(f["points"], (3,), f"{place}: points", 4, 64, whole=True)
    d, cells = numbers(f["displacements"], (m.prod(), 3), f"{place}: displacements"), m[:, None] - 3
    d = (np.linalg.inv(region.affine[:3, :3]) @ d.T).reshape((3, *m), order="F")
    per_voxel = cells / np.array(region.shape)[:, None]
    bends = [np.abs(np.diff(d * per_voxel[:, :, None, None], axis=a)).max(axis=(1, 2, 3)) for a in (1, 2, 3)]
    need(np.sum(bends, 0).max() <= 0.9 * (1 + 1e-9), f"{place}: too steep to be undone")
    return moved(lambda u: displacement(d, np.clip((u + 0.5) * per_voxel, 0, cells) + 1, "cubic"), f.get("back"))


def displacement(d: Array, x: Array, how: str) -> Array:
    """The three components at places among the points of displacements."""
    return weighed(d, [Axis(x[a], (0, d.shape[a + 1]), how).taps for a in range(3)])


def moved(push: Map, back: Any) -> Map:
    """The same for what a place is pushed by; the inverse is a limit."""
    def hidden(u: Array) -> Array:
        v, last = u - push(u), u
        while np.abs(v - last).max() > 1e-10 * np.abs(u).max(initial=1):
            v, last = u - push(v), v
        return np.asarray(v)

    return (lambda u: u + push(u)) if back else hidden


def elastic(region: Grid, f: Any, place: str) -> Map:
    magnitude, n = numbers(f["magnitude"], (), f"{place}.magnitude", -1e6, 1e6), region.shape
    words = numbers(f["noise"], (4,), f"{place}.noise", 0, WORD, whole=True)
    name, size = tagged(f["smoothing"], ("gaussian", "bicubic"), f"{place}.smoothing")
    sizes = numbers(size, (2,) if name == "bicubic" else (), place, 1 if name == "bicubic" else 1e-3, 1e6)

    @cache
    def made() -> Array:  # not before it is needed, as it takes a while
        if name == "gaussian":
            d = ((philox(words, n)[:3] + 0.5) / 2**31 - 1).astype(np.float32)
            for a in range(3):
                d = multiplied(d, a + 1, gaussian(n[a], min(float(sizes), 16 * n[a]))).astype(np.float32)
        else:
            x, y = (bicubic(n[a], sizes[a]) for a in (0, 1))
            flat = multiplied(multiplied(normals(words, (x.shape[1], y.shape[1])), 1, x), 2, y)
            d = np.stack([*flat, 0 * flat[0]])[..., None]  # one slice stands for all
        # At each voxel, the differences to the neighbours before and after, in all eight combinations.
        d = (magnitude * d.astype(float)).astype(np.float32).astype(float)
        sides = [[np.diff(d, 1, a, d.take([0], a)), np.diff(d, 1, a, append=d.take([-1], a))] for a in (1, 2, 3)]
        steepest = max(np.linalg.norm(np.stack(j), 2, axis=(0, 1)).max() for j in product(*sides))
        return np.asarray((d * (0.9 / max(steepest, 0.9))).astype(np.float32).astype(float))

    return moved(lambda u: displacement(made(), u, "linear"), f.get("back"))


def bicubic(n: int, size: float) -> Array:
    """Weights of control points (columns) for each voxel (row) of an axis."""
    # There are c points, some of them beyond the axis.
    c = 2 * ceil((n - 1) / (2 * size) + (1 - n % 2) / 2) + 2 + n % 2
    wide = floor(c * size)
    x = (wide // 2 - n // 2 + np.arange(n) + 0.5) * c / wide - 0.5
    points = np.floor(x).astype(int) + np.arange(-1, 3)[:, None]
    y = np.abs(x - points)
    weights = np.where(y <= 1, (1.25 * y - 2.25) * y * y + 1, -0.75 * (((y - 5) * y + 8) * y - 4))
    return np.asarray((weights[:, :, None] * np.eye(c)[np.clip(points, 0, c - 1)]).sum(0))


MOVES = {"reslice": reslice, "warp": warp, "stretch": stretch, "elastic": elastic}


# --- noise and smoothing ---


def philox(words: Array, shape: tuple[int, ...]) -> Array:
    """Four words for each voxel (Philox4x32-10)."""
    block, (key, other, c, d) = np.arange(prod(shape), dtype=np.uint64).reshape(shape, order="F"), words.tolist()
    x = [block & WORD, block >> 32, np.full_like(block, c), np.full_like(block, d)]
    for _ in range(10):
        p, q = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(q >> 32) ^ x[1] ^ key, q & WORD, (p >> 32) ^ x[3] ^ other, p & WORD]
        key, other = key + 0x9E3779B9 & WORD, other + 0xBB67AE85 & WORD
    return np.stack(x)


def normals(words: Array, shape: tuple[int, ...]) -> Array:
    """The cosine normal and the sine normal of each voxel (Box and Muller)."""
    x = philox(words, shape)
    e, f = ((((x[a] << 32 | x[a + 1]) >> 11) + 1) / 2**53 for a in (0, 2))
    return np.asarray(np.sqrt(-2 * np.log(e)) * [np.cos(2 * np.pi * f), np.sin(2 * np.pi * f)])


def multiplied(values: Array, axis: int, matrix: Array) -> Array:
    """Each line of voxels along an axis, times a matrix."""
    return np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)


def gaussian(n: int, sigma: float) -> Array:
    """The integrals of a Gaussian over the voxels around each voxel of an axis (rows); zeros lie beyond the axis."""
    radius = floor(max(3 * sigma, 0.5) + 0.5)
    weights = np.diff([erf((x - 0.5) / (sigma * 2**0.5)) / 2 for x in range(-radius, radius + 2)])
    return np.stack([np.convolve(one, weights)[radius:radius + n] for one in np.eye(n)])


# --- a trace ---


class Volume:
    """What happened to one volume, checked."""

    def __init__(self, record: Any, place: str) -> None:
        fields(record, "kind source steps result | ties", place)
        fields(record["source"], "path format dtype channels grid", f"{place}: source")
        fields(record["result"], "dtype grid", f"{place}: result")
        self.kind, self.ties, self.steps = record["kind"], record.get("ties", "upper"), record["steps"]
        self.source = Grid(record["source"]["grid"], f"{place}: source.grid")
        self.start = self.source if record.get("snapped") is None else Grid(record["snapped"], f"{place}: snapped")
        need(self.start.shape == self.source.shape, f"{place}: snapped has another shape than the source")
        self.ops, self.undos, current = list[Op](), list[tuple[int, str, str, Any]](), self.start
        for number, step in enumerate(self.steps):
            at = f"{place}: steps[{number}]"
            fields(step, "transform params before after ops fidelity | interpolation", at)
            fields(step.get("sampled") or {}, SAMPLED, f"{at}.sampled", closed=True)
            fields(step.get("separate") or {"interpolation": None}, "interpolation", f"{at}.separate")
            before, after = Grid(step["before"], f"{at}.before"), Grid(step["after"], f"{at}.after")
            need(before == current, f"{at}.before: not the grid after the previous step")
            if step.get("values") is not None:
                self.undos.append((number, f"{at}.values", *tagged(step["values"], UNDOS, f"{at}.values")))
            for content in step["ops"]:
                op = Op(content, current, step.get("separate"), number, f"{at}.ops")
                need(op.name != "reslice" or not self.ops, f"{at}: uneven slices are possible before the first op only")
                self.ops, current = [*self.ops, op], op.after
            same = current.apart(after) <= 1e-6 if step["ops"] and current.shape == after.shape else current == after
            need(same, f"{at}.after: not what the ops {step['ops']!r:.60} make")
            if step["ops"]:
                self.ops[-1].after = current = after
        self.result = Grid(record["result"]["grid"], f"{place}: result.grid")
        need(self.result == current, f"{place}: result.grid is not the grid after the last step")


@refusing()
def load(trace: Any) -> dict[str, Volume]:
    """Reads a trace, a file or what it holds, and checks it: its volumes by key."""
    record = trace
    if not isinstance(trace, dict):
        with open(trace, encoding="utf-8") as file:
            record = json.load(file, parse_constant=lambda name: need(False, f"not a trace: {name} is not JSON"),
                               parse_float=lambda text: float(numbers(float(text), (), "not a trace")))
    need(isinstance(record, dict) and record.get("schema") == "revoxel-trace", 'not a trace: the "schema" is another')
    need(repr(record.get("version")) == "1", f"not a trace of version 1, but version {record.get('version')}")
    fields(record, "tool case pipeline volumes", "not a trace")
    fields(record["pipeline"], "name hash", "pipeline")
    need(isinstance(record["volumes"], dict) and record["volumes"], "volumes: there are none")
    volumes = {key: Volume(volume, key) for key, volume in record["volumes"].items()}
    ops = [op for volume in volumes.values() for op in volume.ops]
    largest = max([2**21, *(prod(grid.shape) for op in ops for grid in (op.before, op.after))])
    need(all(prod(op.region.shape) <= largest for op in ops if op.name == "elastic"), "an elastic region is too large")
    return volumes


# --- reading voxels at places ---


class Axis:
    """An axis that is read at places x, between the first and the last readable voxel."""

    def __init__(self, x: Array, box: Any, how: str, ties: str = "upper", scale: float = 1, count: Any = (1, 0),
                 leans: bool = False) -> None:
        self.x, self.low, self.high, self.how = np.clip(x, box[0], box[1] - 1), int(box[0]), int(box[1]) - 1, how
        # The voxels of both grids meet again after a whole number of steps: the power of two in it tells ties apart.
        self.bit = next((p & -p for q in range(1, 17) if (p := round(scale * q)) and abs(scale * q - p) < 1e-6 * q), 1)
        self.ties, self.count = ties, count
        self.taps = self.nearest(x) if how == "nearest" else self.cubic() if how == "cubic" else self.linear(leans)

    def upper(self, lower: Array) -> Array:
        """Whether the upper one of two equally close voxels is taken."""
        c, d = (self.count[0] * i + self.count[1] for i in (lower, lower + 1))
        return np.asarray(((np.minimum(c, d).astype(int) & self.bit != 0) | (self.ties == "upper")) == (d > c))

    def nearest(self, x: Array) -> Taps:
        r = np.floor(x + 1)  # the whole number closest to x + 1/2
        index = np.where(np.abs(x + 0.5 - r) <= 3e-4, r - 1 + self.upper(r - 1), np.floor(x + 0.5))
        return [(np.clip(index.astype(int), self.low, self.high), np.ones(1))]

    def linear(self, leans: bool) -> Taps:
        x, below = self.x, np.floor(self.x)
        if leans:
            x = np.where(np.abs(x - below - 0.5) <= 3e-4, below + 0.5 + np.where(self.upper(below), 4e-6, -4e-6), x)
        below = np.clip(below, self.low, max(self.high - 1, self.low)).astype(int)
        return [(below, 1 - (x - below)), (np.minimum(below + 1, self.high), x - below)]

    def cubic(self) -> Taps:
        t, near = self.x % 1, np.floor(self.x) + np.arange(-1, 3)[:, None]
        weights = [(1 - t) ** 3 / 6, 2 / 3 - t**2 * (1 - t / 2), 2 / 3 - (1 - t) ** 2 * (1 + t) / 2, t**3 / 6]
        return list(zip(mirrored(near.astype(int), self.low, self.high), weights))


def mirrored(x: Array, low: float, high: float) -> Array:
    """Places between `low` and `high` that stand for those beyond them."""
    period = max(2 * (high - low), 1)
    return np.asarray(low + np.minimum((x - low) % period, (low - x) % period))


def weighed(values: Array, taps: list[Taps]) -> Array:
    """Sums of weighed voxels of a volume, or of each volume where there is an axis before the three."""
    return np.asarray(sum(u * v * w * values[..., i, j, k] for (i, u), (j, v), (k, w) in product(*taps)))


def read(channel: Array, axes: list[Axis], how: str, ties: str) -> Array:
    """A channel at all places: copied, averaged, or for labels the one with the highest sum of weights."""
    if all(axis.how == "nearest" for axis in axes):
        return np.asarray(channel[tuple(axis.taps[0][0] for axis in axes)])
    if how in INTERPOLATIONS[:3]:
        values = channel.astype(float)
        for a, axis in enumerate(axes):
            values = coefficients(values, a, axis.low, axis.high + 1) if axis.how == "cubic" else values
        return weighed(values, [axis.taps for axis in axes]).astype("f8" if channel.dtype == "f8" else "f4")
    taps = list(product(*(axis.taps for axis in axes)))
    found = np.stack([channel[i, j, k] for (i, _), (j, _), (k, _) in taps])
    weights = np.stack([u * v * w for (_, u), (_, v), (_, w) in taps])
    sums = np.stack([np.where(found == label, weights, 0).sum(0) for label in found])
    best = sums > sums.max(0) - (1.2e-3 if (how, ties) == ("label", "alternate") else 1e-9)
    lowest = np.where(best, found, found.max()).min(0)
    closest = lowest if (how, ties) == ("label", "upper") else channel[tuple(a.nearest(a.x)[0][0] for a in axes)]
    return np.where((best & (found == closest)).any(0), closest, lowest)


def coefficients(values: Array, axis: int, low: int, end: int) -> Array:
    """Those of the B-spline through the voxels of the box, along an axis."""
    i, one, matrix = np.arange(end - low), np.eye(end - low), np.eye(values.shape[axis])
    matrix[low:end, low:end] = np.linalg.inv((4 * one + one[mirrored(np.stack([i - 1, i + 1]), 0, i[-1])].sum(0)) / 6)
    return multiplied(values, axis, matrix)


# --- the way back ---


def straight(m: Array, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """By row: the axis with the largest entry, that entry, and whether the others add nothing over the grid."""
    axes = np.argmax(np.abs(m[:3, :3]), 1)
    step, most = m[range(3), axes], np.abs(m[:3, :3]) * shape
    return axes, step, most.sum(1) - most[range(3), axes] <= 1e-7


def reach(m: Array) -> Array:
    """How far beyond the centre of a voxel its extent is met, in the units of the other grid."""
    return np.asarray(np.abs(m[:3, :3]).sum(1)[:, None] * (0.5 - 1e-4))


def covered(op: Op, box: Array) -> Array:
    """The readable box after an op: the voxels whose centres, or else extents, lie in the one before."""
    m = op.after.to(op.before) if op.matrix is None else op.matrix
    if op.moves or (op.matrix is None and (box == op.before.whole).all()) or not straight(m, op.after.shape)[2].all():
        return op.after.whole
    ends = [np.sort(apply(np.linalg.inv(m), box - 0.5 + far * [-1, 1])) for far in (np.full((3, 1), 1e-6), reach(m))]
    centred, met = (np.asarray(np.clip(np.ceil(end), 0, op.after.whole[:, 1:]), int) for end in ends)
    return centred if (centred[:, 0] < centred[:, 1]).all() else met


def way_back(grid: Grid, ops: list[Op], rules: list[tuple[str, str]], thick: int, leaning: bool = False,
             beyond: Map = np.asarray) -> tuple[list[Axis], Array]:
    """The axes of the prediction, at the places of the voxels of a grid before ops, and which of these are seen.

    `beyond` changes places on the grid of the prediction."""
    shape, box, exact, m = grid.shape, grid.whole, True, grid.to(grid)
    # last: back to the last op that interpolated
    at, seen, last = np.indices(shape, float).reshape(3, -1), np.ones(prod(shape), bool), m
    for op in ops:
        box, exact = covered(op, box), exact and op.matrix is not None
        last = np.eye(4) if op.matrix is None else last @ op.matrix
        if op.moves:
            at, grid = op.shows(apply(grid.to(op.region), at)), op.region
        m = np.linalg.inv(last).round() if exact else grid.to(op.after)
        # Half the grid, from its centre, and what a voxel adds.
        seen &= (np.abs(apply(m, at) - (op.after.whole[:, 1:] - 1) / 2) <= op.after.whole[:, 1:] / 2 + reach(m)).all(0)
    x, bent, (follows, step, alone) = beyond(apply(m, at)), any(op.moves for op in ops), straight(m, shape)
    if thick >= 0 and rules[thick][0] == "nearest" and alone.all() and not bent and last[:3, thick].sum() > 0:
        # Slices from face to face are read as nnU-Net's export reads them.
        (low, high), i = box[thick], np.arange(shape[follows[thick]])
        place = (high - low) / len(i) * (i + 0.5) - 0.5
        if np.abs(low + place - step[thick] * i - m[thick, 3]).max() < 1e-6:
            x[thick] = low + np.floor(place + 0.5)[np.indices(shape)[follows[thick]].ravel()]
    scale, leans = np.where(alone & (not bent), np.abs(step), 1), (alone | bent) & leaning
    counts = [last[np.argmax(np.abs(last[:3, a])), [a, 3]] for a in range(3)]
    axes = [Axis(x[a], box[a], *rules[a], scale[a], counts[a], leans[a]) for a in range(3)]
    return axes, seen & (box[:, 0] < box[:, 1]).all()


@refusing()
def separated(ops: list[Op], order: int = 1) -> tuple[int, str]:
    """The axis of the result that the first rule `separate` interpolates apart (-1: none), and how.

    The order in which the sizes after and before the op are looked at: 1 on the way back, -1 on the way there."""
    axis, how = -1, ""
    for op in ops:
        axis = op.source.index(axis) if axis >= 0 else axis
        if op.separate and not how:
            how, limit = op.separate["interpolation"], op.separate.get("threshold") or 0
            given = op.separate.get("pixdim") or op.after.sizes
            after = [size if size > 0 else other for size, other in zip(given, op.before.sizes)]
            sizes = next((s for s in (after, op.before.sizes)[::order] if max(s) / min(s) > limit), [1, 1, 1])
            coarsest = [a for a in range(3) if sizes[a] >= max(sizes) * (1 - 1e-6)]
            axis = coarsest[0] if len(coarsest) == 1 else -1
    return axis, how


# --- values ---


@refusing()
def undone(volume: Volume, data: Array, kind: str, clamp: bool) -> Array:
    """Values in the units of the source."""
    out = data.astype(np.int64 if kind == "label" else float)
    for number, at, name, f in reversed(volume.undos):
        if name in IDLE and all({*numbers(f[key], (-1,) * (name != "noise"), at).flat} == {n} for key, n in IDLE[name]):
            continue
        need(kind == {"relabel": "label", "lost": ""}.get(name, "image"), f"{at}: {name} is not undone for kind {kind}")
        need(name != "rescale_clipped" or clamp, f"{at}: values were cut off; pass clamp=True to get the limits")
        if name in ("noise", "bias_field"):
            need(find_spec("revoxel_trace_noise"), f"{at}: put revoxel_trace_noise.py beside this file to undo {name}")
            from revoxel_trace_noise import taken_off
            out = taken_off(volume, number, at, name, f, out, clamp)
            continue
        lists = {key: v for key, v in f.items() if isinstance(v, list) and key != "pairs"}
        need(all(len(v) in (1, len(out)) for v in lists.values()), f"{at}: not one entry, and not one for each channel")
        for c, y in enumerate(out.copy()):
            of = {key: v[c if len(v) > 1 else 0] for key, v in lists.items()}
            if name == "relabel":
                for after, before in f["pairs"]:
                    out[c][y == after] = before
            elif name == "table":
                out[c] = piecewise(y, *numbers(of["points"], (-1, 2), at).T)
            elif name == "power":
                need(of["range"] != 0 and f["exponent"] > 0, f"{at}: range 0, or an exponent that is not above 0")
                low, span = of.get("before", (of["low"], of["range"]))
                out[c] = low + span * np.maximum((y - of["low"]) / of["range"], 0) ** f["exponent"]
            else:
                out[c] = np.clip(y, *of.get("limits", (-HUGE, HUGE))) * of["scale"] + of["shift"]
    return out if kind == "label" or data.dtype == np.float64 else out.astype(np.float32)


# --- invert ---


class Restored(NamedTuple):
    values: Array
    coverage: Array  # 1 where the model saw the voxel
    grid: Grid  # that of the source


def invert(volumes: dict[str, Volume], prediction: Array, volume: str | None = None, kind: str | None = None,
           interpolation: str | None = None, argmax: bool = False, fill: float | None = None,
           values: bool = False, clamp: bool = False, affine: Array | None = None) -> Restored:
    """The prediction, an array of three axes or channels before three axes, on the grid of the source.

    `kind` is one of FILLS (whole numbers are labels), `interpolation` one of INTERPOLATIONS; `argmax` takes the highest
    channel; `fill` goes to unseen voxels; `values` undoes changes of values; `clamp` accepts the limits where they were
    cut off; `affine` is that of the prediction, to be checked."""
    need(volume is None or volume in volumes, f"the trace has no volume {volume!r}: choose one of {', '.join(volumes)}")
    found = [v for v in volumes.values() if v.kind == "image"] or list(volumes.values())
    of = volumes[volume] if volume else found[0]
    need(volume or all((v.source, v.result) == (of.source, of.result) for v in found), "several grids: choose a volume")
    data = np.asarray(prediction)[None] if np.ndim(prediction) == 3 else np.asarray(prediction)
    need(data.shape[1:] == of.result.shape, f"prediction: shape {data.shape[1:]} instead of {of.result.shape}")
    if affine is not None:
        grid = Grid({"shape": list(of.result.shape), "affine": np.asarray(affine, float).tolist()}, "affine")
        need(grid.apart(of.result) < 1e-3, "prediction: it does not lie on the grid that the trace ends on")
    need(data.dtype.kind in "iu" or np.isfinite(data).all(), "prediction: values that are not finite")
    kind = kind or ("label" if data.dtype.kind in "iu" else "probability" if argmax else "")
    how = interpolation or ("nearest" if kind == "label" else "linear")
    need(kind in FILLS, f"kind {kind!r}: pass one of {', '.join(FILLS)}")
    need(how in INTERPOLATIONS[2 if kind == "label" else 0:], f"interpolation {how!r} is not for {kind}")
    how = "nearest" if all(op.matrix is not None for op in of.ops) else how  # voxels are copied
    axis, through = separated(of.ops)
    axis = -1 if kind == "label" and how == "nearest" and through != "nearest" else axis
    need(axis < 0 or how in WITHIN.get(through, ()), f"separate: {through} along an axis does not go with {how}")
    ties = "upper" if how == "label_nearest" or (how == "nearest" and axis >= 0) else of.ties
    rules = [(through, "upper") if a == axis else (how, ties) for a in range(3)]
    data = undone(of, data, kind, clamp) if values else data
    axes, seen = way_back(of.start, of.ops, rules, axis, argmax and of.ties == "alternate" and not through)
    first, others = (data.min(), data.min()) if kind == "image" else FILLS[kind][:: 1 if len(data) > 1 else -1]
    fills = [first, *[others] * (len(data) - 1)] if fill is None or argmax else [fill] * len(data)
    got = [read(channel, axes, how, of.ties) if seen.any() else np.zeros(seen.shape, data.dtype) for channel in data]
    types = [np.result_type(got[0].dtype, np.min_scalar_type(blank)) for blank in fills]
    result = np.stack([np.where(seen, g, np.array(blank, t)) for g, blank, t in zip(got, fills, types)])
    if argmax:
        need(len(data) > 1, "argmax of a single channel")
        result = np.where(seen, np.argmax(result.astype(np.float32), 0), fill or 0).astype(np.uint16)
    shape = (-1, *of.source.shape) if np.ndim(prediction) > 3 and not argmax else of.source.shape
    return Restored(result.reshape(shape), seen.reshape(of.source.shape).astype(np.uint8), of.source)
