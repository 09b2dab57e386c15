"""A reader of revoxel traces in NumPy: it brings a prediction back onto the voxels of the scan.

    trace = revoxel_trace.load("case/trace.json")
    back = revoxel_trace.invert(trace, np.load("labels.npy"))  # back.values, back.coverage, back.grid

It follows docs/trace-format.md of revoxel, and uses its words. Volumes are arrays by axes 0, 1, 2, with channels, if
any, before these. Places have three rows, and a column for each voxel. Licence: MIT OR Apache-2.0.
Refused, as it would be too long: the op `elastic`, undoing `noise` and `bias_field`, interpolating with `separate`.
"""
import json
from collections.abc import Callable
from itertools import product
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Map = Callable[[Array], Array]
Taps = list[tuple[Array, Array]]  # voxels that are read along an axis, and their weights
INTERPOLATIONS = ("nearest", "linear", "cubic", "label", "label_nearest")
FILLS = {"image": (0, 0), "label": (0, 0), "probability": (1, 0), "logit": (1e4, -1e4)}  # channel 0, the others
OPS = {  # fields of ops; those behind a bar are optional
    "reorient": "source flipped", "window": "start shape", "resample": "grid", "reslice": "from grid | to",
    "warp": "region points displacements | back", "stretch": "region nodes | back",
    "elastic": "region noise magnitude smoothing | back"}
UNDOS = {
    "rescale": "scale shift", "rescale_clipped": "scale shift limits", "table": "points", "relabel": "pairs",
    "power": "low range exponent | before", "noise": "noise mean std channels", "bias_field": "degree coefficients",
    "lost": "reason"}
NAMES: dict[str, Any] = {  # names that fields may have
    "kind": FILLS, "ties": ("alternate", "upper"), "fidelity": ("exact", "exact_inside", "lossy"),
    "dtype": [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)] + ["float16", "float32", "float64"],
    "interpolation": INTERPOLATIONS, "outside": ("border", "reflection", "fill"), "area": (False, True),
    "boundary": ("mirror", "edge", "reflect", "itk"), "repeats": ("edge", "reflect", "symmetric", "wrap"),
    "smoothed": ("cardoso", "scikit_image"), "fused": (False, True), "back": (False, True), "planar": (False, True)}
SAMPLED = "| outside boundary smoothed area fused repeats clipped computed"

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

def tagged(record: Any, known: dict[str, str], place: str) -> tuple[str, Any]:
    """An object with one key: which one of those known, and what it holds."""
    need(isinstance(record, dict) and len(record) == 1, f"{place}: not an object with one key")
    name, content = next(iter(record.items()))
    need(name in known, f"{place}: {name!r} is unknown")
    fields(content, known[name], f"{place} ({name})", closed=True)
    return name, content

def numbers(value: Any, shape: tuple[int, ...], place: str, whole: bool = False) -> Array:
    """Finite numbers of a shape, in which -1 stands for any length."""
    if shape:
        need(isinstance(value, list) and shape[0] in (-1, len(value)), f"{place}: not a list of shape {shape}")
        parts = [numbers(v, shape[1:], place, whole) for v in value]
        return np.array(parts, np.int64 if whole else float).reshape(len(value), *shape[1:])
    need(type(value) is int or (type(value) is float and not whole), f"{place}: {value!r} is not a number")
    need(abs(value) <= 2**40 if whole else np.isfinite(value), f"{place}: number out of range")
    return np.array(value, np.int64 if whole else float)

def apply(m: Array, x: Array) -> Array:
    return np.asarray(m[:3, :3] @ x + m[:3, 3:])

class Grid:
    """The affine maps indices to RAS mm; index (0, 0, 0) is the centre of the first voxel."""
    def __init__(self, record: Any, place: str) -> None:
        fields(record, "shape affine | planar", place)
        shape, self.planar = numbers(record["shape"], (3,), f"{place}.shape", whole=True), record.get("planar", False)
        self.affine, self.shape = numbers(record["affine"], (4, 4), f"{place}.affine"), tuple(shape.tolist())
        need(shape.min() >= 1 and shape.max() <= 1 << 20, f"{place}.shape: out of range")
        need(self.affine[3].tolist() == [0, 0, 0, 1], f"{place}.affine: the last row is not 0, 0, 0, 1")
        need(np.linalg.matrix_rank(self.affine[:3, :3]) == 3, f"{place}.affine: singular")
        need(not self.planar or shape[2] == 1, f"{place}.planar: several slices")
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self.shape == other.shape and np.array_equal(self.affine, other.affine)
    def apart(self, other: "Grid") -> float:
        """How far corners are apart, in the smallest voxel size."""
        axes, grids = 2 if self.planar and other.planar else 3, (self, other)
        ends = [product(*((-0.5, n - 0.5) if a < axes else (0, 0) for a, n in enumerate(g.shape))) for g in grids]
        one, two = (apply(g.affine, np.array(list(e)).T) for g, e in zip(grids, ends))
        finest = min(np.linalg.norm(g.affine[:3, :axes], axis=0).min() for g in grids)
        return float(np.linalg.norm(one - two, axis=0).max() / finest)
    def extent(self) -> Array:
        return np.array([(0, n) for n in self.shape])
    def to(self, other: "Grid") -> Array:
        """From indices of this grid to indices of the other one."""
        if np.array_equal(self.affine, other.affine):
            return np.eye(3, 4)
        step = np.column_stack([self.affine[:3, :3], self.affine[:3, 3] - other.affine[:3, 3]])
        return np.asarray(np.linalg.inv(other.affine[:3, :3]) @ step)

class Op:
    """An op, with the grids before and after it."""
    def __init__(self, record: Any, before: Grid, first: bool, place: str) -> None:
        self.name, f = tagged(record, OPS, place)
        place, self.moves, self.before, self.after = f"{place} ({self.name})", "region" in f, before, before
        need(self.name != "elastic", f"{place}: this reader makes no noise, use `revoxel invert`")
        self.matrix: Array | None = None  # of ops that copy voxels: from indices after to indices before
        if self.name == "reorient":
            self.source, self.flipped = numbers(f["source"], (3,), place, whole=True).tolist(), f["flipped"]
            turned = sorted(self.source) == [0, 1, 2] and [type(flip) for flip in self.flipped] == [bool] * 3
            need(turned, f"{place}: source is not a permutation, or flipped not three of true and false")
            shape, self.matrix = [before.shape[s] for s in self.source], np.zeros((3, 4))
            for a, s in enumerate(self.source):
                self.matrix[s, [a, 3]] = (-1, before.shape[s] - 1) if self.flipped[a] else (1, 0)
        elif self.name == "window":
            self.start, shape = numbers(f["start"], (3,), place, whole=True), f["shape"]
            self.matrix = np.column_stack([np.eye(3), self.start])
        elif self.moves:
            self.region = Grid(f["region"], f"{place}.region")
            self.place = (warp if self.name == "warp" else stretch)(self.region, f, place)
        else:
            self.after = Grid(f["grid"], f"{place}.grid")
        if self.name == "reslice":
            self.offsets = numbers(f["from"], (-1, 3), f"{place}.from")
            rise = np.diff(np.arange(len(self.offsets)) + self.offsets[:, 2]) > 1e-9
            need(first and f.get("to") is None, f"{place}: uneven slices are possible before the first op only")
            need(len(self.offsets) == before.shape[2] > 1 and rise.all(), f"{place}.from: not a rising place per slice")
        if self.matrix is not None:
            flat = [*abs(self.matrix[2]), shape[2]] == [0, 0, 1, 0, 1]
            need(flat or not before.planar, f"{place}: a 2-D grid leaves its plane")
            affine = before.affine @ np.vstack([self.matrix, [0, 0, 0, 1]])
            self.after = Grid({"shape": shape, "affine": affine.tolist(), "planar": before.planar}, place)

def even(op: Op, x: Array) -> Array:  # where uneven slices lie on the even grid
    low = np.clip(np.floor(x[2]), 0, len(op.offsets) - 2).astype(int)
    return np.asarray(x + (1 - (x[2] - low)) * op.offsets[low].T + (x[2] - low) * op.offsets[low + 1].T)

def piecewise(x: Array, of: Array, to: Array) -> Array:  # straight between nodes; the outermost pieces go on
    b = np.clip(np.searchsorted(of, x, side="right"), 1, len(of) - 1)
    return np.asarray(to[b - 1] + (x - of[b - 1]) * (to[b] - to[b - 1]) / (of[b] - of[b - 1]))

def stretch(region: Grid, f: Any, place: str) -> Map:
    """Where on the region a place is shown; with `back`, what is shown there. The same for `warp`."""
    nodes = [numbers(n, (-1, 2), f"{place}.nodes").T for n in f["nodes"]]
    rise = [2 <= n.shape[1] <= 65536 and (np.diff(n) > 0).all() for n in nodes]
    need(len(rise) == 3 and all(rise), f"{place}: nodes that rise are needed along each of three axes")
    return lambda u: np.stack([piecewise(x, *(n if f.get("back") else n[::-1])) for x, n in zip(u, nodes)])

def warp(region: Grid, f: Any, place: str) -> Map:
    m, d = numbers(f["points"], (3,), place, whole=True), numbers(f["displacements"], (-1, 3), place)
    need(((m >= 4) & (m <= 64)).all() and len(d) == m.prod(), f"{place}: {len(d)} displacements, {m.tolist()} points")
    d, cells = (np.linalg.inv(region.affine[:3, :3]) @ d.T).reshape((3, *m), order="F"), m[:, None] - 3
    per_voxel = cells / np.array(region.shape)[:, None]
    bends = [np.abs(np.diff(d * per_voxel[:, :, None, None], axis=a)).max(axis=(1, 2, 3)) for a in (1, 2, 3)]
    need(np.sum(bends, 0).max() <= 0.9 * (1 + 1e-9), f"{place}: too steep to be undone")
    def shown(u: Array) -> Array:
        c = np.clip((u + 0.5) * per_voxel, 0, cells)
        low = np.minimum(np.floor(c), cells - 1).astype(int)
        return u + weighed(d, [[(low[a] + k, w) for k, w in enumerate(spline(c[a] - low[a]))] for a in range(3)])
    def hidden(u: Array) -> Array:
        v, last = u - (shown(u) - u), u
        while np.abs(v - last).max() > 1e-9:
            v, last = u - (shown(v) - v), v
        return np.asarray(v)
    return shown if f.get("back") else hidden

def spline(t: Array) -> list[Array]:  # the weights of the four points around a place
    return [(1 - t) ** 3 / 6, 2 / 3 - t**2 * (1 - t / 2), 2 / 3 - (1 - t) ** 2 * (1 + t) / 2, t**3 / 6]

def weighed(values: Array, taps: list[Taps]) -> Array:
    """Sums of weighed voxels of a volume, or of each volume where there is an axis before the three."""
    return np.asarray(sum(u * v * w * values[..., i, j, k] for (i, u), (j, v), (k, w) in product(*taps)))

class Volume:
    """What happened to one volume, checked."""
    def __init__(self, record: Any, place: str) -> None:
        fields(record, "kind source steps result | ties", place)
        fields(record["source"], "path format dtype channels grid", f"{place}: source")
        fields(record["result"], "dtype grid", f"{place}: result")
        self.kind, self.ties, self.steps = record["kind"], record.get("ties", "upper"), record["steps"]
        self.source = self.start = Grid(record["source"]["grid"], f"{place}: source.grid")
        if record.get("snapped") is not None:
            self.start = Grid(record["snapped"], f"{place}: snapped")
        need(self.start.shape == self.source.shape, f"{place}: snapped has another shape than the source")
        self.ops, current = list[Op](), self.start
        for number, step in enumerate(self.steps):
            at = f"{place}: steps[{number}]"
            fields(step, "transform params before after ops fidelity | interpolation", at)
            fields(step.get("sampled") or {}, SAMPLED, f"{at}.sampled", closed=True)
            fields(step.get("separate") or {}, "| interpolation threshold pixdim", f"{at}.separate")
            before, after = Grid(step["before"], f"{at}.before"), Grid(step["after"], f"{at}.after")
            need(before == current, f"{at}.before: not the grid after the previous step")
            if step.get("values") is not None:
                tagged(step["values"], UNDOS, f"{at}.values")
            for content in step["ops"]:
                self.ops.append(Op(content, current, not self.ops, f"{at}.ops"))
                current = self.ops[-1].after
            same = current.apart(after) <= 1e-6 if step["ops"] else current == after
            need(same and current.shape == after.shape, f"{at}.after: not what the ops {step['ops']!r:.60} make")
            for op in self.ops[-1:]:
                op.after = after
            current = after
        self.result = Grid(record["result"]["grid"], f"{place}: result.grid")
        need(self.result == current, f"{place}: result.grid is not the grid after the last step")

def load(trace: "str | PathLike[str] | dict[str, Any]") -> dict[str, Volume]:
    """Reads a trace, a file or what it holds, and checks it: its volumes by key."""
    try:
        if isinstance(trace, dict):
            return check(trace)
        with open(trace, encoding="utf-8") as file:
            return check(json.load(file, parse_constant=lambda name: need(False, f"not a trace: {name} is not JSON"),
                                   parse_float=lambda text: float(numbers(float(text), (), "not a trace"))))
    except (json.JSONDecodeError, AttributeError, TypeError) as problem:
        raise TraceError(f"not a trace: {problem}") from None

def check(record: Any) -> dict[str, Volume]:
    fields(record, "schema", "not a trace")
    need(record["schema"] == "revoxel-trace", 'not a trace: the field "schema" is not "revoxel-trace"')
    need(repr(record.get("version")) == "1", f"not a trace of version 1, but version {record.get('version')}")
    fields(record, "tool case pipeline volumes", "not a trace")
    fields(record["pipeline"], "name hash", "pipeline")
    need(isinstance(record["volumes"], dict) and record["volumes"], "volumes: there are none")
    return {key: Volume(volume, key) for key, volume in record["volumes"].items()}

def straight(m: Array, shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """By row: the axis with the largest entry, that entry, and whether the others add nothing over the grid."""
    axes = np.argmax(np.abs(m[:, :3]), 1)
    along, most = m[range(3), axes], np.abs(m[:, :3]) * shape
    return axes, along, most.sum(1) - most[range(3), axes] <= 1e-7

def covered(op: Op, box: Array) -> Array:
    """The readable box after a `resample`: the voxels whose centres, or else extents, lie in the one before."""
    whole, m = op.after.extent(), op.after.to(op.before)
    axes, along, alone = straight(m, op.after.shape)
    if (box == op.before.extent()).all() or not alone.all():
        return whole
    for far in (np.full(3, 1e-6), np.abs(m[:, :3]).sum(1) * (0.5 - 1e-4)):
        ends = np.sort((box - 0.5 + np.outer(far, [-1, 1]) - m[:, 3:]) / along[:, None])
        found = np.empty_like(whole)
        found[axes] = np.clip(np.column_stack([np.ceil(ends[:, 0]), np.floor(ends[:, 1]) + 1]), 0, whole[axes, 1:])
        if (found[:, 0] < found[:, 1]).all():
            break
    return found

class Way:
    """Where the voxels of the source lie on the grid of the prediction (x), which are seen, and the readable box."""
    def __init__(self, volume: Volume) -> None:
        ops, grid, at = volume.ops, volume.start, np.indices(volume.start.shape, float).reshape(3, -1)
        at = even(ops[0], at) if ops and ops[0].name == "reslice" else at
        self.box, self.seen = grid.extent(), np.ones(at.shape[1], bool)
        self.last, self.exact, m = np.eye(4), True, np.eye(3, 4)  # last: back to the last op that interpolated
        for op in ops:
            self.exact = self.exact and op.matrix is not None
            self.last = np.eye(4) if op.matrix is None else self.last @ np.vstack([op.matrix, [0, 0, 0, 1]])
            if op.name == "reorient":
                self.box = np.array([op.before.shape[s] - self.box[s, ::-1] if f else self.box[s]
                                     for s, f in zip(op.source, op.flipped)])
            elif op.name == "window":
                self.box = np.clip(self.box - op.start[:, None], 0, op.after.extent()[:, 1:])
            else:
                self.box = covered(op, self.box) if op.name == "resample" else op.after.extent()
            if op.moves:
                at, grid = op.place(apply(grid.to(op.region), at)), op.region
            m = np.linalg.inv(self.last).round()[:3] if self.exact else grid.to(op.after)
            y, far = apply(m, at), np.abs(m[:, :3]).sum(1)[:, None] * (0.5 - 1e-4)
            self.seen &= ((y >= -0.5 - far) & (y <= op.after.extent()[:, 1:] - 0.5 + far)).all(0)
        self.x, self.seen = apply(m, at), self.seen & (self.box[:, 0] < self.box[:, 1]).all()
        bent = any(op.moves or op.name == "reslice" for op in ops)
        _, scale, alone = straight(m, volume.start.shape)
        self.scale, self.leans = np.where(alone & (not bent), np.abs(scale), 1), alone | bent

class Sampler:
    """Reads a channel at all places of a way."""
    def __init__(self, way: Way, how: str, ties: str, leans: bool) -> None:
        self.way, self.how, self.leans, self.low, self.high = way, how, leans, way.box[:, 0], way.box[:, 1] - 1
        self.ties = "upper" if how == "label_nearest" else ties
    def upper(self, a: int, lower: Array) -> Array:
        """Whether the upper one of two equally close voxels is taken."""
        row = np.argmax(np.abs(self.way.last[:3, a]))
        c, d = (self.way.last[row, a] * i + self.way.last[row, 3] for i in (lower, lower + 1))
        apart = [(q, self.way.scale[a] * q) for q in range(1, 17)]
        p = next((round(s) for q, s in apart if s > 0.5 and abs(s - round(s)) < 1e-6 * q), 1)
        return np.asarray(((np.minimum(c, d).astype(int) & p & -p != 0) | (self.ties == "upper")) == (d > c))
    def nearest(self, a: int, x: Array) -> Array:
        r = np.floor(x + 1)  # the whole number closest to x + 1/2
        index = np.where(np.abs(x + 0.5 - r) <= 3e-4, r - 1 + self.upper(a, r - 1), np.floor(x + 0.5))
        return np.asarray(np.clip(index.astype(int), self.low[a], self.high[a]))
    def taps(self, a: int) -> Taps:
        x = np.clip(self.way.x[a], self.low[a], self.high[a])
        below = np.floor(x)
        if self.how == "cubic":
            near, weights = below.astype(int) + np.arange(-1, 3)[:, None], spline(x - below)
            return list(zip(mirrored(near, self.low[a], self.high[a]), weights))
        if self.leans and self.way.leans[a]:
            lean = np.where(self.upper(a, below), 4e-6, -4e-6)
            x = np.where(np.abs(x - below - 0.5) <= 3e-4, below + 0.5 + lean, x)
        below = np.clip(below, self.low[a], max(self.high[a] - 1, self.low[a])).astype(int)
        return [(below, 1 - (x - below)), (np.minimum(below + 1, self.high[a]), x - below)]
    def read(self, channel: Array) -> Array:
        if self.how == "nearest":
            i, j, k = (self.nearest(a, self.way.x[a]) for a in range(3))
            return np.asarray(channel[i, j, k])
        taps, values = [self.taps(a) for a in range(3)], channel.astype(float)
        if self.how in ("linear", "cubic"):
            for a in range(3 if self.how == "cubic" else 0):
                values = coefficients(values, a, self.low[a], self.high[a] + 1)
            return weighed(values, taps).astype(np.float64 if channel.dtype == np.float64 else np.float32)
        found = np.stack([channel[i, j, k] for (i, _), (j, _), (k, _) in product(*taps)])
        weights = np.stack([u * v * w for (_, u), (_, v), (_, w) in product(*taps)])
        sums = np.stack([np.where(found == label, weights, 0).sum(0) for label in found])
        best = sums > sums.max(0) - (1.2e-3 if self.ties == "alternate" else 1e-9)
        lowest = np.where(best, found, found.max()).min(0)
        i, j, k = (self.nearest(a, np.clip(self.way.x[a], self.low[a], self.high[a])) for a in range(3))
        closest = lowest if (self.how, self.ties) == ("label", "upper") else channel[i, j, k]
        return np.where((best & (found == closest)).any(0), closest, lowest)

def mirrored(i: Array, low: int, high: int) -> Array:
    period = max(2 * (high - low), 1)
    return np.asarray(low + np.minimum((i - low) % period, (low - i) % period))

def coefficients(values: Array, axis: int, low: int, end: int) -> Array:
    """Those of the B-spline through the voxels of the box, along an axis."""
    i, one, lines = np.arange(end - low), np.eye(end - low), np.moveaxis(values, axis, 0).copy()
    matrix = (4 * one + one[mirrored(i - 1, 0, i[-1])] + one[mirrored(i + 1, 0, i[-1])]) / 6
    lines[low:end] = np.tensordot(np.linalg.inv(matrix), lines[low:end], 1)
    return np.moveaxis(lines, 0, axis)

def undone(steps: list[Any], data: Array, kind: str, clamp: bool) -> Array:
    """Values in the units of the source."""
    out = data.astype(np.int64 if kind == "label" else float)
    nothing = (None, {"rescale": {"scale": [1], "shift": [0]}})
    for number, undo in reversed([(n, s["values"]) for n, s in enumerate(steps) if s.get("values") not in nothing]):
        (name, f), at = next(iter(undo.items())), f"steps[{number}].values"
        need(name not in ("noise", "bias_field", "lost"), f"{at}: {name} is not undone")
        need(kind == ("label" if name == "relabel" else "image"), f"{at}: {name} is not for values of kind {kind}")
        need(name != "rescale_clipped" or clamp, f"{at}: values were cut off; pass clamp=True to get the limits")
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
                low, span = of.get("before", (of["low"], of["range"]))
                out[c] = low + span * np.maximum((y - of["low"]) / of["range"], 0) ** f["exponent"]
            else:
                out[c] = np.clip(y, *of.get("limits", (None, None))) * of["scale"] + of["shift"]
    return out if kind == "label" or data.dtype == np.float64 else out.astype(np.float32)

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
    averages = how in ("linear", "cubic")
    need(how in INTERPOLATIONS and not (averages and kind == "label"), f"interpolation {how!r} is not for {kind}")
    data, way = undone(of.steps, data, kind, clamp) if values else data, Way(of)
    need(way.exact or not any(s.get("separate") for s in of.steps), "steps with `separate` are not undone here")
    sampler = Sampler(way, "nearest" if way.exact else how, of.ties, argmax and of.ties == "alternate")
    first, others = (data.min(), data.min()) if kind == "image" else FILLS[kind][:: 1 if len(data) > 1 else -1]
    fills = [first, *[others] * (len(data) - 1)] if fill is None or argmax else [fill] * len(data)
    out = []
    for channel, blank in zip(data, fills):
        got = sampler.read(channel) if way.seen.any() else np.zeros(way.seen.shape, data.dtype)
        out.append(np.where(way.seen, got, np.array(blank, np.result_type(got.dtype, np.min_scalar_type(blank)))))
    result = np.stack(out)
    if argmax:
        need(len(data) > 1, "argmax of a single channel")
        result = np.where(way.seen, np.argmax(result.astype(np.float32), 0), fill or 0).astype(np.uint16)
    shape = (-1, *of.source.shape) if np.ndim(prediction) > 3 and not argmax else of.source.shape
    return Restored(result.reshape(shape), way.seen.reshape(of.source.shape).astype(np.uint8), of.source)
