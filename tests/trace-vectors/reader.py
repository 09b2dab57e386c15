"""A reader of traces, in NumPy alone. It follows docs/trace-format.md and shares no code with revoxel.

    reader.py trace.json prediction.nii -o result.nii [--coverage coverage.nii] [options of `revoxel invert`]

To the extent possible under law, the author has waived all rights to this file (CC0 1.0).
"""

import argparse
import json
import math
import struct
import sys
from types import SimpleNamespace

import numpy as np

HALF, LEAN, TOUCH, STEEPEST = 3e-4, 4e-6, 2e-4, 0.9


class Refused(Exception):
    """Not a trace, or not a prediction of it."""


def need(good, what):
    if not good:
        raise Refused(what)


# --- grids -----------------------------------------------------------------------------------------------------------


class Grid:
    def __init__(self, record):
        need(isinstance(record, dict), "a grid is an object")
        shape, affine = record.get("shape"), record.get("affine")
        need(isinstance(shape, list) and len(shape) == 3 and all(type(n) is int for n in shape), "shape")
        need(all(1 <= n <= 1 << 20 for n in shape), f"shape {shape}")
        self.affine = numbers(affine, (4, 4), "affine")
        need(self.affine[3].tolist() == [0, 0, 0, 1], "the last row of an affine is 0, 0, 0, 1")
        need(np.linalg.matrix_rank(self.affine[:3, :3]) == 3, "the affine is singular")
        self.shape = tuple(shape)
        self.planar = bool(record.get("planar", False)) and shape[2] == 1

    @classmethod
    def of(cls, shape, affine, planar=False):
        return cls({"shape": [int(n) for n in shape], "affine": affine.tolist(), "planar": planar})

    def __eq__(self, other):
        return self.shape == other.shape and np.array_equal(self.affine, other.affine)

    def spacing(self):
        return np.sqrt((self.affine[:3, :3] ** 2).sum(0))

    def indices(self):
        """The indices of all voxels, axis 0 fastest: 3 rows."""
        return np.stack([a.ravel(order="F") for a in np.indices(self.shape)]).astype(float)


def numbers(value, shape, what):
    def flat(v):
        return [x for w in v for x in flat(w)] if isinstance(v, list) else [v]

    need(all(type(v) in (int, float) and math.isfinite(v) for v in flat(value)), f"{what}: not finite numbers")
    try:
        array = np.array(value, float)
    except ValueError:
        raise Refused(f"{what}: not of one shape") from None
    need(array.ndim == len(shape) and all(n in (-1, m) for n, m in zip(shape, array.shape)), f"{what}: {array.shape}")
    return array


def between(g, h):
    """From indices of g to indices of h, 3 by 4."""
    if np.array_equal(g.affine, h.affine):
        return np.eye(3, 4)
    inverse = np.linalg.inv(h.affine[:3, :3])
    return np.column_stack([inverse @ g.affine[:3, :3], inverse @ (g.affine[:3, 3] - h.affine[:3, 3])])


def mapped(m, i):
    return m[:, :3] @ i + m[:, 3:]


def corner_distance(a, b):
    """The farthest distance of two corners, in voxels of the finer grid."""
    axes = 2 if a.planar and b.planar else 3

    def corners(g):
        ends = [(-0.5, n - 0.5) if axis < axes else (0, 0) for axis, n in enumerate(g.shape)]
        at = np.array([[ends[axis][c >> axis & 1] for c in range(8)] for axis in range(3)])
        return mapped(g.affine[:3], at)

    finest = min(a.spacing()[:axes].min(), b.spacing()[:axes].min())
    return np.sqrt(((corners(a) - corners(b)) ** 2).sum(0)).max() / finest


# --- ops -------------------------------------------------------------------------------------------------------------

FIELDS = {
    "reorient": ({"source", "flipped"}, set()),
    "window": ({"start", "shape"}, set()),
    "resample": ({"grid"}, set()),
    "reslice": ({"from", "grid"}, {"to"}),
    "warp": ({"region", "points", "displacements"}, {"back"}),
    "elastic": ({"region", "noise", "magnitude", "smoothing"}, {"back"}),
    "stretch": ({"region", "nodes"}, {"back"}),
}


def only(record, required, optional, what):
    need(isinstance(record, dict), f"{what} is an object")
    need(required <= set(record), f"{what}: missing {sorted(required - set(record))}")
    need(set(record) <= required | optional, f"{what}: unknown {sorted(set(record) - required - optional)}")


class Op:
    exact = moves = False

    @staticmethod
    def read(record):
        need(isinstance(record, dict) and len(record) == 1, "an op is an object with one key")
        name, fields = next(iter(record.items()))
        need(name in FIELDS, f"unknown op {name!r}")
        only(fields, *FIELDS[name], name)
        need(type(fields.get("back", False)) is bool, "back")
        return {"reorient": Reorient, "window": Window, "resample": Resample, "reslice": Reslice}.get(name, Move)(
            fields, name
        )


class Reorient(Op):
    exact = True

    def __init__(self, fields, _):
        self.source, self.flipped = fields["source"], fields["flipped"]
        need(sorted(self.source) == [0, 1, 2], f"source {self.source}")
        need(len(self.flipped) == 3 and all(type(f) is bool for f in self.flipped), "flipped")

    def matrix(self, before):
        """From indices after to indices before."""
        m = np.zeros((3, 4))
        for a, s in enumerate(self.source):
            m[s, a] = -1 if self.flipped[a] else 1
            m[s, 3] = before.shape[s] - 1 if self.flipped[a] else 0
        return m

    def after(self, before):
        need(not before.planar or self.source[2] == 2, "a 2-D grid is turned out of its plane")
        m = self.matrix(before)
        affine = before.affine @ np.vstack([m, [0, 0, 0, 1]])
        return Grid.of([before.shape[s] for s in self.source], affine, before.planar)


class Window(Op):
    exact = True

    def __init__(self, fields, _):
        self.start, self.shape = fields["start"], fields["shape"]
        need(len(self.start) == 3 and all(type(s) is int and abs(s) <= 1 << 40 for s in self.start), "start")

    def matrix(self, before):
        return np.column_stack([np.eye(3), self.start])

    def after(self, before):
        need(not before.planar or (self.start[2], self.shape[2]) == (0, 1), "a 2-D grid is windowed across its plane")
        affine = before.affine.copy()
        affine[:3, 3] = mapped(before.affine[:3], np.array(self.start, float)[:, None])[:, 0]
        return Grid.of(self.shape, affine, before.planar)


class Resample(Op):
    def __init__(self, fields, _):
        self.grid = Grid(fields["grid"])

    def after(self, before):
        return self.grid


class Reslice(Op):
    def __init__(self, fields, _):
        self.grid, self.offsets = Grid(fields["grid"]), numbers(fields["from"], (-1, 3), "from")
        need(fields.get("to") is None, "uneven slices after an op")
        need(len(self.offsets) >= 2, "an uneven stack has at least two slices")
        self.place = np.arange(len(self.offsets)) + self.offsets[:, 2]
        need((np.diff(self.place) > 1e-9).all(), "slices out of order")

    def after(self, before):
        return self.grid

    def offset(self, k):
        low = np.clip(np.floor(k), 0, len(self.offsets) - 2).astype(int)
        t = k - low
        return ((1 - t) * self.offsets[low].T) + t * self.offsets[low + 1].T

    def even(self, i):
        return i + self.offset(i[2])

    def uneven(self, i):
        above = np.clip(np.searchsorted(self.place, i[2], side="right"), 1, len(self.place) - 1)
        p, q = self.place[above - 1], self.place[above]
        k = above - 1 + (i[2] - p) / (q - p)
        o = self.offset(k)
        return np.stack([i[0] - o[0], i[1] - o[1], k])


class Move(Op):
    """A warp, a stretch or an elastic op."""

    moves = True

    def __init__(self, fields, name):
        self.region, self.back = Grid(fields["region"]), fields.get("back", False)
        self.field = {"warp": Warp, "elastic": Elastic, "stretch": Stretch}[name](self.region, fields)

    def after(self, before):
        return before

    def place(self, u, undo):
        """Where the voxel at u comes from, or where u goes to; indices of the region."""
        if undo == self.back:
            return self.field.shown(u)
        return self.field.hidden(u)


class Contraction:
    def hidden(self, u):
        v = u
        for _ in range(1000):
            v, last = u - (self.shown(v) - v), v
            if np.abs(v - last).max() < 1e-10:
                break
        return v


class Warp(Contraction):
    def __init__(self, region, fields):
        self.shape = np.array(region.shape)[:, None]
        points = fields["points"]
        need(len(points) == 3 and all(type(m) is int and 4 <= m <= 64 for m in points), f"points {points}")
        d = numbers(fields["displacements"], (-1, 3), "displacements")
        need(len(d) == np.prod(points), f"{len(d)} displacements for {points} points")
        self.mesh = np.array(points)[:, None] - 3
        self.d = (np.linalg.inv(region.affine[:3, :3]) @ d.T).reshape((3, *points), order="F")
        cells = self.d * (self.mesh / self.shape)[:, :, None, None]
        steepness = sum(np.abs(np.diff(cells, axis=a + 1)).max(axis=(1, 2, 3)) for a in range(3)).max()
        need(steepness <= STEEPEST * (1 + 1e-9), f"the warp is too steep: {steepness:.3f}")

    def shown(self, u):
        c = np.clip((u + 0.5) / self.shape * self.mesh, 0, self.mesh)
        low = np.minimum(np.floor(c), self.mesh - 1).astype(int)
        weights = [spline_weights(c[a] - low[a]) for a in range(3)]
        total = np.zeros_like(u)
        for x, y, z in np.ndindex(4, 4, 4):
            total += weights[0][x] * weights[1][y] * weights[2][z] * self.d[:, low[0] + x, low[1] + y, low[2] + z]
        return u + total


def spline_weights(t):
    s = 1 - t
    return s**3 / 6, 2 / 3 - t * t * (1 - t / 2), 2 / 3 - s * s * (1 - s / 2), t**3 / 6


class Stretch:
    def __init__(self, region, fields):
        need(isinstance(fields["nodes"], list) and len(fields["nodes"]) == 3, "nodes")
        self.nodes = [numbers(n, (-1, 2), "nodes") for n in fields["nodes"]]
        for n in self.nodes:
            need(2 <= len(n) <= 65536 and (np.diff(n, axis=0) > 0).all(), "nodes do not rise")

    def along(self, u, a, b):
        out = np.empty_like(u)
        for axis, n in enumerate(self.nodes):
            end = np.clip(np.searchsorted(n[:, a], u[axis], side="right"), 1, len(n) - 1)
            low, high = n[end - 1], n[end]
            out[axis] = low[:, b] + (u[axis] - low[:, a]) * (high[:, b] - low[:, b]) / (high[:, a] - low[:, a])
        return out

    def shown(self, u):
        return self.along(u, 0, 1)

    def hidden(self, u):
        return self.along(u, 1, 0)


class Elastic(Contraction):
    def __init__(self, region, fields):
        self.noise, self.magnitude = words(fields["noise"]), float(numbers([fields["magnitude"]], (1,), "magnitude")[0])
        need(abs(self.magnitude) <= 1e6, "magnitude")
        smoothing = fields["smoothing"]
        only(smoothing, set(), {"gaussian", "bicubic"}, "smoothing")
        need(len(smoothing) == 1, "smoothing")
        self.gaussian, self.bicubic = smoothing.get("gaussian"), smoothing.get("bicubic")
        if self.bicubic is None:
            need(1e-3 <= numbers([self.gaussian], (1,), "gaussian")[0] <= 1e6, "gaussian")
        else:
            need(((b := numbers(self.bicubic, (2,), "bicubic")) >= 1).all() and (b <= 1e6).all(), "bicubic")
        self.shape, self.made = region.shape, None

    def displacements(self):
        """Three arrays by voxel; an axis of 1 holds for all."""
        if self.bicubic is None:
            count = int(np.prod(self.shape))
            w = philox(self.noise, np.arange(count))[:3]
            d = ((w + 0.5) / 2.0**31 - 1).astype(np.float32)
            d = d.reshape((3, *self.shape), order="F")
            d = np.stack([smooth(c, [self.gaussian] * 3) for c in d])
            return (d.astype(float) * self.magnitude).astype(np.float32)
        tables = []
        for n, s in zip(self.shape[:2], self.bicubic):
            r = (n - 1) / (2 * s)
            c = 2 * math.ceil(r + 0.5) + 2 if n % 2 == 0 else 2 * math.ceil(r) + 3
            wide = math.floor(c * s)
            x = (wide // 2 - n // 2 + np.arange(n) + 0.5) * c / wide - 0.5
            table = np.zeros((n, c))
            for k in (-1, 0, 1, 2):
                y = np.abs(x - np.floor(x) - k)
                near, far = (1.25 * y - 2.25) * y * y + 1, -0.75 * (((y - 5) * y + 8) * y - 4)
                column = np.clip(np.floor(x) + k, 0, c - 1).astype(int)
                np.add.at(table, (np.arange(n), column), np.where(y <= 1, near, far))
            tables.append(table)
        c0, c1 = tables[0].shape[1], tables[1].shape[1]
        pair = [v.reshape((c0, c1), order="F") * self.magnitude for v in normals(self.noise, np.arange(c0 * c1))]
        flat = [tables[0] @ p @ tables[1].T for p in pair]
        return np.stack([*flat, np.zeros_like(flat[0])]).astype(np.float32)[:, :, :, None]

    def make(self):
        d = self.displacements()
        wide = d.astype(float)
        steps = []
        for axis in (1, 2, 3):
            step = np.diff(wide, axis=axis)
            none = np.zeros_like(wide.take([0], axis))
            steps.append((np.concatenate([none, step], axis), np.concatenate([step, none], axis)))
        steepness = 0.0
        for side in np.ndindex(2, 2, 2):
            j = np.stack([steps[a][side[a]].reshape(3, -1) for a in range(3)])
            steepness = max(steepness, np.linalg.svd(j.transpose(2, 1, 0), compute_uv=False).max())
        if steepness > STEEPEST:
            d = (wide * (STEEPEST / steepness)).astype(np.float32)
        self.made = d.astype(float)

    def shown(self, u):
        if self.made is None:
            self.make()
        total = u.copy()
        low, weight = [], []
        for a in range(3):
            last = self.made.shape[a + 1] - 1
            inside = np.clip(u[a], 0, last)
            low.append(np.minimum(inside.astype(int), max(last - 1, 0)))
            weight.append((1 - (inside - low[a]), inside - low[a]))
        for corner in np.ndindex(2, 2, 2):
            at = [np.minimum(low[a] + corner[a], self.made.shape[a + 1] - 1) for a in range(3)]
            w = weight[0][corner[0]] * weight[1][corner[1]] * weight[2][corner[2]]
            total += w * self.made[:, at[0], at[1], at[2]]
        return total


# --- noise -----------------------------------------------------------------------------------------------------------


def words(value):
    need(isinstance(value, list) and len(value) == 4, "noise")
    need(all(type(w) is int and 0 <= w < 1 << 32 for w in value), "noise")
    return value


def philox(noise, v):
    low = np.uint64(0xFFFFFFFF)
    v = v.astype(np.uint64)
    x = [v & low, v >> np.uint64(32), np.full_like(v, noise[2]), np.full_like(v, noise[3])]
    k = noise[:2]
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * x[0], np.uint64(0xCD9E8D57) * x[2]
        keys = np.uint64(k[0]), np.uint64(k[1])
        x = [q >> np.uint64(32) ^ x[1] ^ keys[0], q & low, p >> np.uint64(32) ^ x[3] ^ keys[1], p & low]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return np.stack(x)


def normals(noise, v):
    x = philox(noise, v)
    unit = [(((x[a] << np.uint64(32) | x[a + 1]) >> np.uint64(11)) + np.uint64(1)) / 2.0**53 for a in (0, 2)]
    length, angle = np.sqrt(-2 * np.log(unit[0])), 2 * math.pi * unit[1]
    return length * np.cos(angle), length * np.sin(angle)


def integrated(sigma, reach):
    """The integrals of a Gaussian over voxels."""
    radius = math.floor(max(reach * sigma, 0.5) + 0.5)
    ends = [math.erf((x + 0.5) / (sigma * math.sqrt(2))) / 2 for x in range(-radius - 1, radius + 1)]
    return np.diff(ends)


def sampled_gaussian(sigma, reach):
    """A Gaussian at voxel centres."""
    at = np.arange(-math.floor(reach * sigma + 0.5), math.floor(reach * sigma + 0.5) + 1)
    weights = np.exp(-0.5 * (at / sigma) ** 2)
    return weights / weights.sum()


def smooth(values, sigma, weights=integrated, reach=3, edge=False):
    """A Gaussian along each axis, in float32; beyond the volume are zeros, or the edge goes on."""
    for axis, s in enumerate(sigma):
        n = values.shape[axis]
        if s <= 1e-15:
            continue
        kernel, matrix = weights(min(s, 16.0 * n), reach), np.zeros((n, n))
        for i in range(n):
            for x, w in enumerate(kernel):
                at = i + x - len(kernel) // 2
                if edge or 0 <= at < n:
                    matrix[i, min(max(at, 0), n - 1)] += w
        values = np.moveaxis(np.tensordot(matrix, values.astype(float), (1, axis)), 0, axis).astype(np.float32)
    return values


# --- the trace -------------------------------------------------------------------------------------------------------


def refuse_constant(name):
    raise Refused(f"{name} is not a number")


class Volume:
    """One volume of a trace, checked."""

    def __init__(self, record):
        for field in ("kind", "source", "steps", "result"):
            need(field in record, f"missing {field}")
        for field in ("path", "format", "dtype", "channels"):
            need(field in record["source"], f"missing source.{field}")
        need("dtype" in record["result"], "missing result.dtype")
        self.kind = record["kind"]
        need(self.kind in ("image", "label", "probability", "logit"), f"the kind {self.kind!r} is unknown")
        self.ties = record.get("ties", "upper")
        need(self.ties in ("alternate", "upper"), f"ties {self.ties!r}")
        self.source = Grid(record["source"].get("grid"))
        self.start = Grid(record["snapped"]) if record.get("snapped") is not None else self.source
        need(self.start.shape == self.source.shape, "snapped has another shape")
        self.steps, self.ops = record["steps"], []
        current = self.start
        for number, step in enumerate(self.steps):
            what = f"steps[{number}]"
            need({"transform", "params", "before", "after", "ops", "fidelity"} <= set(step), f"{what}: missing fields")
            need(Grid(step["before"]) == current, f"{what}.before is not the grid after the step before it")
            after, ops = Grid(step["after"]), [Op.read(op) for op in step["ops"]]
            for position, op in enumerate(ops):
                if isinstance(op, Reslice):
                    need(not self.ops and len(op.offsets) == current.shape[2], f"{what}: reslice comes first")
                expected = op.after(current)
                if position + 1 == len(ops):
                    good = expected.shape == after.shape and corner_distance(expected, after) <= 1e-6
                    need(good, f"{what}.after is not what the op makes")
                    expected = after
                self.ops.append((number, op, current, expected))
                current = expected
            need(after == current, f"{what}.after differs, but there is no op")
            undo_of(step.get("values"))
            sampled_of(step.get("sampled"))
        self.result = Grid(record["result"].get("grid"))
        need(self.result == current, "result.grid is not the grid after the last step")


def read_trace(text):
    try:
        trace = json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as e:
        raise Refused(f"not JSON: {e}") from None
    need(isinstance(trace, dict) and trace.get("schema") == "revoxel-trace", "another schema")
    version = trace.get("version")
    need(type(version) is int and 1 <= version <= 1, f"version {version}")
    for field in ("tool", "case", "pipeline", "volumes"):
        need(field in trace, f"missing {field}")
    need({"name", "hash"} <= set(trace["pipeline"]), "missing pipeline.name or pipeline.hash")
    volumes = {key: Volume(record) for key, record in trace["volumes"].items()}
    largest = max([1 << 21] + [math.prod(g.shape) for v in volumes.values() for g in (v.source, v.result)]
                  + [math.prod(g.shape) for v in volumes.values() for _, _, a, b in v.ops for g in (a, b)])
    for volume in volumes.values():
        for _, op, _, _ in volume.ops:
            if op.moves and isinstance(op.field, Elastic):
                need(math.prod(op.region.shape) <= largest, "an elastic region larger than any grid")
    return volumes


def main_volume(volumes):
    images = {k: v for k, v in volumes.items() if v.kind == "image"} or volumes
    need(images, "no volumes")
    first = next(iter(images.values()))
    need(all(v.source == first.source and v.result == first.result for v in images.values()), "several images: say which")
    return first


# --- the way back ----------------------------------------------------------------------------------------------------


def box_from(m, low, high, box):
    """The voxels of `box` whose mapped index lies between the limits; None where that is no box."""
    box = [list(r) for r in box]
    for row in range(3):
        entries = m[row, :3]
        axis = int(np.argmax(np.abs(entries)))
        rest = sum(abs(entries[a]) * (box[a][1] + 1) for a in range(3) if a != axis)
        if rest > 1e-7:
            return None
        ends = sorted([(low[row] - m[row, 3]) / entries[axis], (high[row] - m[row, 3]) / entries[axis]])
        box[axis] = [max(box[axis][0], math.ceil(ends[0])), min(box[axis][1], math.floor(ends[1]) + 1)]
    return box


def empty(box):
    return any(high <= low for low, high in box)


def meeting(m, box):
    """Limits within which extents meet."""
    beyond = np.abs(m[:, :3]).sum(1) / 2 * (1 - TOUCH)
    box = np.array(box, float)
    return box[:, 0] - 0.5 - beyond, box[:, 1] - 0.5 + beyond


class Way:
    """Places of source voxels on the grid of the prediction."""

    def __init__(self, volume):
        start, ops = volume.start, volume.ops
        at = start.indices()
        uneven = bool(ops) and isinstance(ops[0][1], Reslice)
        if uneven:
            at = ops[0][1].even(at)
        seen = np.ones(at.shape[1], bool)
        exact = np.eye(4)  # from the source to the grid at hand, as long as there were reorients and windows only
        last = np.eye(4)  # from the model's grid to that after the last interpolating op
        grid, box, moved = start, [(0, n) for n in start.shape], False
        for _, op, before, after in ops:
            if op.exact:
                m = np.vstack([op.matrix(before), [0, 0, 0, 1]])
                last = last @ m
                if exact is not None:
                    exact = np.linalg.inv(m).round() @ exact
            else:
                exact, last = None, np.eye(4)
            if isinstance(op, Reorient):
                box = [box[s] if not f else (before.shape[s] - box[s][1], before.shape[s] - box[s][0])
                       for s, f in zip(op.source, op.flipped)]
            elif isinstance(op, Window):
                box = [(max(b[0] - s, 0), min(b[1] - s, n)) for b, s, n in zip(box, op.start, op.shape)]
            elif isinstance(op, Resample):
                box = self.covered(before, after, box)
            else:
                box = [(0, n) for n in after.shape]
            if op.moves:
                at = op.place(mapped(between(grid, op.region), at), undo=True)
                grid, moved = op.region, True
            m = exact[:3] if exact is not None else between(grid, after)
            low, high = meeting(m, [(0, n) for n in after.shape])
            y = mapped(m, at)
            seen &= ((y >= low[:, None]) & (y <= high[:, None])).all(0)
        m = exact[:3] if exact is not None else between(grid, volume.result)
        self.x, self.exact, self.last = mapped(m, at), exact is not None, last
        self.box, self.seen = box, seen & (not empty(box))
        self.map, self.shape = m, start.shape
        self.even = not (uneven or moved)
        self.follows = follows(m, start.shape)
        self.scale = scales(m, self.follows) if self.even else np.ones(3)
        self.leans = [not self.even or axis is not None for axis in self.follows]

    @staticmethod
    def covered(before, after, box):
        whole = [(0, n) for n in after.shape]
        if [tuple(b) for b in box] == [(0, n) for n in before.shape]:
            return whole
        m = between(after, before)
        b = np.array(box, float)
        centred = box_from(m, b[:, 0] - 0.5 - 1e-6, b[:, 1] - 0.5 + 1e-6, whole)
        if centred is None:
            return whole
        return box_from(m, *meeting(m, box), whole) if empty(centred) else centred


def follows(m, shape):
    """For each axis of the grid that is read, the axis of the grid that is written that it follows, if it is one."""
    axes = [int(np.argmax(np.abs(m[a, :3]))) for a in range(3)]
    rest = [sum(abs(m[a, t]) * shape[t] for t in range(3) if t != axes[a]) for a in range(3)]
    return [axis if r <= 1e-7 else None for axis, r in zip(axes, rest)]


def scales(m, along):
    """How far apart voxels of the grid that is written lie along each axis of the one that is read."""
    return np.array([1.0 if axis is None else m[a, axis] for a, axis in enumerate(along)])


class Tie:
    """The tie rule of one axis."""

    def __init__(self, rule, scale, count):
        self.rule, self.count = rule, count  # count: (sign, offset)
        self.bit = 0
        for q in range(1, 17):
            p = abs(scale) * q
            if p > 0.5 and abs(p - round(p)) < 1e-6 * q:
                p = round(p)
                self.bit = (p & -p).bit_length() - 1
                break

    def upper(self, lower):
        sign, offset = self.count
        a, b = offset + sign * lower, offset + sign * (lower + 1)
        larger = np.ones(lower.shape, bool) if self.rule == "upper" else (np.minimum(a, b) >> self.bit & 1) == 1
        return larger == (b > a)

    def nearest(self, x, low, high):
        r = np.floor(x + 1)  # the whole number closest to x + 1/2
        tie = np.abs(x + 0.5 - r) <= HALF
        lower = r.astype(np.int64) - 1
        index = np.where(tie, lower + self.upper(lower), np.floor(x + 0.5).astype(np.int64))
        return np.clip(index, low, high)

    def leaning(self, x):
        lower = np.floor(x)
        tie = np.abs(x - lower - 0.5) <= HALF
        lean = np.where(self.upper(lower.astype(np.int64)), LEAN, -LEAN)
        return np.where(tie, lower + 0.5 + lean, x)


class Sampler:
    """Values of a channel (shape n0, n1, n2) at places x."""

    def __init__(self, x, box, interpolation, ties, scale, last, leans=(False,) * 3, through=None, taken=None):
        self.x, self.box, self.leans, self.taken = x, box, leans, taken or {}
        self.along = [interpolation] * 3
        rules = [ties] * 3
        if through is not None:
            axis, other = through
            self.along[axis], rules[axis] = other, "upper"
            if interpolation == "nearest":
                rules = ["upper"] * 3
        if interpolation == "label_nearest":
            rules = ["upper"] * 3
        self.interpolation, self.lowest = interpolation, interpolation == "label" and ties == "upper"
        self.weighing = 4 * HALF if interpolation == "label" and ties == "alternate" else 1e-9
        self.ties = []
        for a in range(3):
            row = int(np.flatnonzero(last[:3, a])[0])
            self.ties.append(Tie(rules[a], scale[a], (int(last[row, a]), int(last[row, 3]))))

    def placed(self, a, clamp=True):
        low, high = self.box[a][0], self.box[a][1] - 1
        return np.clip(self.x[a], low, high) if clamp else self.x[a]

    def nearest(self, a):
        if a in self.taken:
            return self.taken[a]
        return self.ties[a].nearest(self.x[a], self.box[a][0], self.box[a][1] - 1)

    def taps(self, a):
        """Pairs of indices and weights along an axis."""
        low, high = self.box[a][0], self.box[a][1] - 1
        if self.along[a] == "nearest":
            return [(self.nearest(a), 1.0)]
        x = self.placed(a)
        if self.along[a] == "cubic":
            floor = np.floor(x)
            weights = spline_weights(x - floor)
            return [(mirrored(floor.astype(int) + k - 1, low, high), weights[k]) for k in range(4)]
        if self.leans[a]:
            x = self.ties[a].leaning(x)
        lower = np.clip(np.floor(x).astype(int), low, max(high - 1, low))
        return [(lower, 1 - (x - lower)), (np.minimum(lower + 1, high), x - lower)]

    def of(self, channel):
        if self.interpolation in ("label", "label_nearest"):
            return self.label(channel)
        if all(along == "nearest" for along in self.along):
            return channel[self.nearest(0), self.nearest(1), self.nearest(2)]
        values = channel.astype(float)
        for a in range(3):
            if self.along[a] == "cubic":
                values = coefficients(values, a, *self.box[a])
        taps = [self.taps(a) for a in range(3)]
        total = np.zeros(self.x.shape[1])
        for (i, u), (j, v), (k, w) in ((p, q, r) for p in taps[0] for q in taps[1] for r in taps[2]):
            total += u * v * w * values[i, j, k]
        return total.astype(np.float64 if channel.dtype == np.float64 else np.float32)

    def label(self, channel):
        # Labels are chosen among the eight voxels around; a place of its own along an axis has one.
        self.along = ["linear" if a == self.interpolation else a for a in self.along]
        taps = [self.taps(a) for a in range(3)]
        labels = [(channel[i, j, k], u * v * w) for i, u in taps[0] for j, v in taps[1] for k, w in taps[2]]
        values = np.stack([np.broadcast_to(v, self.x.shape[1:]) for v, _ in labels])
        weights = np.stack([np.broadcast_to(w, self.x.shape[1:]) for _, w in labels])
        sums = np.stack([(weights * (values == v)).sum(0) for v in values])
        best = sums > sums.max(0) - self.weighing
        if values.dtype.kind == "f":
            ceiling = np.inf
        else:
            ceiling = np.iinfo(values.dtype).max
        lowest = np.where(best, values, ceiling).min(0).astype(values.dtype)
        if self.lowest:
            return lowest
        closest = channel[tuple(self.ties[a].nearest(self.placed(a), self.box[a][0], self.box[a][1] - 1) for a in range(3))]
        return np.where((best & (values == closest)).any(0), closest, lowest)


def mirrored(i, low, high):
    if high == low:
        return np.full_like(i, low)
    phase = (i - low) % (2 * (high - low))
    return low + np.where(phase > high - low, 2 * (high - low) - phase, phase)


def coefficients(values, axis, low, high):
    """B-spline coefficients along an axis of the box, by solving for them."""
    n = high - low
    if n < 2:
        return values
    matrix = np.eye(n) * 4 / 6
    for i in range(n):
        for j in (i - 1, i + 1):
            matrix[i, mirrored(np.array(j), 0, n - 1)] += 1 / 6
    out = values.copy()
    inside = [slice(None)] * 3
    inside[axis] = slice(low, high)
    part = np.moveaxis(values[tuple(inside)], axis, 0)
    out[tuple(inside)] = np.moveaxis(np.linalg.solve(matrix, part.reshape(n, -1)).reshape(part.shape), 0, axis)
    return out


def rounded(size):
    """The size that the length of a column stands for."""
    if float(np.float32(size)) == size:
        return size
    decimal = float(f"{size:.8e}")
    if abs(decimal - size) <= 1e-12 * size:
        return decimal
    near = [np.float32(size)]
    for to in (np.float32(0), np.float32(np.inf)):
        step = np.float32(size)
        for _ in range(2):
            step = np.nextafter(step, to)
            near.append(step)
    near = [s for s in near if abs(float(s) - size) <= 1.2e-7 * size]
    near.sort(key=lambda s: (len(np.format_float_positional(s, trim="-")), abs(float(s) - size)))
    return float(near[0]) if near else size


def separate_axis(rule, before, after, back):
    """The axis that is treated apart, in the order of the op's grids, and its interpolation."""
    name = rule.get("interpolation")
    need(name in ("nearest", "linear", "cubic"), f"separate.interpolation {name!r}")
    sizes = [np.array([rounded(s) for s in g.spacing()]) for g in (before, after)]
    pixdim = rule.get("pixdim")
    if pixdim is not None:
        sizes[1] = np.array([p if p > 0 else s for p, s in zip(pixdim, sizes[0])])
    threshold = rule.get("threshold")
    for size in reversed(sizes) if back else sizes:
        if threshold is None or size.max() / size.min() > threshold:
            coarsest = np.flatnonzero(size >= size.max() * (1 - 1e-6))
            return (int(coarsest[0]), name) if len(coarsest) == 1 else None
    return None


def separate_back(volume):
    for number, step in enumerate(volume.steps):
        found = [p for p, (n, op, _, _) in enumerate(volume.ops) if n == number and isinstance(op, Resample)]
        if step.get("separate") is None or not found:
            continue
        _, _, before, after = volume.ops[found[0]]
        through = separate_axis(step["separate"], before, after, back=True)
        if through is None:
            return True, None
        axis = through[0]
        for _, op, _, _ in volume.ops[found[0] + 1 :]:
            if isinstance(op, Reorient):
                axis = op.source.index(axis)
        return True, (axis, through[1])
    return False, None


def fill_of(kind, channels, data):
    yes, no = {"probability": (1, 0), "logit": (1e4, -1e4)}.get(kind, (0, 0))
    if kind == "image":
        return [float(data.min())] * channels
    return [yes if c == 0 and channels > 1 and kind != "label" else no for c in range(channels)]


INTERPOLATIONS = ("nearest", "linear", "cubic", "label", "label_nearest")


def invert(volume, data, kind, interpolation=None, argmax=False, fill=None, values=False, clamp=False):
    """The prediction (n0, n1, n2, channels) on the grid of the source, and the coverage."""
    need(data.shape[:3] == volume.result.shape, f"a prediction of shape {data.shape[:3]}, expected {volume.result.shape}")
    need(data.dtype.kind != "f" or np.isfinite(data).all(), "values that are not finite")
    if values:
        data = undo_values(volume, data, kind, clamp)
    interpolation = interpolation or ("nearest" if kind == "label" else "linear")
    need(interpolation in INTERPOLATIONS, f"interpolation {interpolation!r}")
    need(kind != "label" or interpolation not in ("linear", "cubic"), "labels are not averaged")
    way = Way(volume)
    has_separate, through = separate_back(volume)
    if through and kind == "label" and interpolation == "nearest" and through[1] != "nearest":
        through = None
    if through and not way.exact:
        need(through[1] != "cubic" or interpolation == "cubic", "separate: cubic, but not within the slices")
        need(through[1] == "nearest" or "label" not in interpolation, f"separate: {through[1]}, and {interpolation}")
    channels = data.shape[3]
    fills = fill_of(kind, channels, data) if fill is None or argmax else [fill] * channels
    decides = argmax and volume.ties == "alternate" and not has_separate
    sampler = Sampler(way.x, way.box, "nearest" if way.exact else interpolation, volume.ties, way.scale, way.last,
                      way.leans if decides else [False] * 3, None if way.exact else through, taken_apart(way, through))
    out = []
    for c in range(channels):
        got = sampler.of(data[..., c]) if way.seen.any() else np.zeros(way.seen.shape, data.dtype)
        whole = got.dtype.kind != "f" and float(fills[c]).is_integer()
        lost = whole and not np.iinfo(got.dtype).min <= fills[c] <= np.iinfo(got.dtype).max
        if got.dtype.kind != "f" and (lost or not whole):
            got = got.astype(np.int64 if whole else np.float32)
        out.append(np.where(way.seen, got, np.array(fills[c]).astype(got.dtype)))
    out = np.stack(out, 1)
    if argmax:
        need(channels > 1, "argmax of one channel")
        out = np.argmax(out.astype(np.float32), 1).astype(np.uint8)[:, None]
        if fill is not None:
            out[~way.seen] = fill
    shape = (*volume.source.shape, out.shape[1])
    return out.reshape(shape, order="F"), way.seen.astype(np.uint8).reshape(volume.source.shape, order="F")


def taken_apart(way, through):
    """Slices that fill the box from face to face are read where nnU-Net's export reads them."""
    if through is None or through[1] != "nearest" or way.exact or not way.even or None in way.follows:
        return {}
    a = through[0]
    sign = way.last[np.flatnonzero(way.last[:3, a])[0], a]
    axis = way.follows[a]
    low, n, m = way.box[a][0], way.box[a][1] - way.box[a][0], way.shape[axis]
    place = n / m * (np.arange(m) + 0.5) - 0.5
    line = way.map[a, axis] * np.arange(m) + way.map[a, 3] - low
    if sign < 0 or abs(place[0] - line[0]) >= 1e-6 or abs(place[-1] - line[-1]) >= 1e-6:
        return {}
    index = np.clip(low + np.floor(place + 0.5).astype(int), low, low + n - 1)
    number = np.indices(way.shape)[axis].ravel(order="F")
    return {a: index[number]}


# --- values ----------------------------------------------------------------------------------------------------------

UNDOS = {
    "rescale": ({"scale", "shift"}, set()),
    "rescale_clipped": ({"scale", "shift", "limits"}, set()),
    "table": ({"points"}, set()),
    "power": ({"low", "range", "exponent"}, {"before"}),
    "relabel": ({"pairs"}, set()),
    "noise": ({"noise", "mean", "std", "channels"}, set()),
    "bias_field": ({"degree", "coefficients"}, set()),
    "lost": ({"reason"}, set()),
}
SAMPLED = {"outside", "boundary", "smoothed", "area", "fused", "repeats", "clipped", "computed"}


def undo_of(record):
    if record is None:
        return None
    need(isinstance(record, dict) and len(record) == 1, "values is an object with one key")
    name, fields = next(iter(record.items()))
    need(name in UNDOS, f"unknown values {name!r}")
    only(fields, *UNDOS[name], name)
    return name, fields


def sampled_of(record):
    record = record or {}
    only(record, set(), SAMPLED, "sampled")
    need(record.get("outside", "border") in ("border", "reflection", "fill"), "sampled.outside")
    need(record.get("boundary", "mirror") in ("mirror", "edge", "reflect", "itk"), "sampled.boundary")
    need(record.get("smoothed") in (None, "cardoso", "scikit_image"), "sampled.smoothed")
    need(record.get("repeats") in (None, "edge", "reflect", "symmetric", "wrap"), "sampled.repeats")
    return record


def nothing(name, f):
    return (
        (name == "rescale" and all(s == 1 for s in f["scale"]) and all(s == 0 for s in f["shift"]))
        or (name == "noise" and f["mean"] == 0 and f["std"] == 0)
        or (name == "bias_field" and all(c == 0 for c in f["coefficients"]))
    )


def undo_values(volume, data, kind, clamp):
    need(kind in ("image", "label"), f"values of kind {kind} have no units")
    channels, out = data.shape[3], data if kind == "label" else data.astype(float)
    for number in range(len(volume.steps) - 1, -1, -1):
        undo = undo_of(volume.steps[number].get("values"))
        if undo is None or nothing(*undo):
            continue
        name, f = undo
        need(name != "lost", f"the values of steps[{number}] are lost")
        need((name == "relabel") == (kind == "label"), f"{name} is not undone for kind {kind}")
        need(name != "rescale_clipped" or clamp, f"steps[{number}] cut values off")
        if name == "relabel":
            pairs = numbers(f["pairs"], (-1, 2), "pairs") if f["pairs"] else np.zeros((0, 2))
            need((np.diff(pairs[:, 0]) > 0).all(), "pairs do not rise")
            old, out = out, out.astype(np.int64)
            for after, before in pairs:
                out[old == after] = int(before)
        elif name in ("noise", "bias_field"):
            carried = carry(volume, number, name, f, clamp, channels)
            out = out / carried if name == "bias_field" else out - carried
        else:
            out = np.stack([undone(name, f, c, channels, out[..., c]) for c in range(channels)], 3)
    if kind == "label" or data.dtype == np.float64:
        return out
    return out.astype(np.float32)


def undone(name, f, c, channels, after):
    def of(value, shape, what):
        array = numbers(value, shape, what)
        need(len(array) in (1, channels), f"{what}: {len(array)} entries for {channels} channels")
        return array[min(c, len(array) - 1)]

    if name == "table":
        need(len(f["points"]) in (1, channels), "points")
        p = numbers(f["points"][min(c, len(f["points"]) - 1)], (-1, 2), "points")
        need(len(p) > 1 and (np.diff(p[:, 0]) > 0).all() and (np.diff(p[:, 1]) >= 0).all(), "points do not rise")
        end = np.clip(np.searchsorted(p[:, 0], after, side="right"), 1, len(p) - 1)
        low, high = p[end - 1], p[end]
        return low[..., 1] + (after - low[..., 0]) * ((high[..., 1] - low[..., 1]) / (high[..., 0] - low[..., 0]))
    if name == "power":
        low, reach = of(f["low"], (-1,), "low"), of(f["range"], (-1,), "range")
        need(f["exponent"] > 0 and reach != 0, "power")
        to = (low, reach) if f.get("before") is None else of(f["before"], (-1, 2), "before")
        return to[0] + to[1] * np.maximum((after - low) / reach, 0) ** f["exponent"]
    need(len(f["scale"]) == len(f["shift"]), "scale and shift")
    if name == "rescale_clipped":
        need(len(f["limits"]) in (1, channels), "limits")
        low, high = f["limits"][min(c, len(f["limits"]) - 1)]
        after = np.clip(after, -np.inf if low is None else low, np.inf if high is None else high)
    return after * of(f["scale"], (-1,), "scale") + of(f["shift"], (-1,), "shift")


def legendre(n, degree):
    x = np.full(1, -1.0) if n < 2 else 2 * np.arange(n) / (n - 1) - 1
    p = [np.ones(n), x]
    for k in range(1, degree):
        p.append(((2 * k + 1) * x * p[k] - k * p[k - 1]) / (k + 1))
    return p


def carry(volume, number, name, f, clamp, channels):
    """What a step put on voxels by their place, on the grid of the prediction: (n0, n1, n2, channels)."""
    grid = Grid(volume.steps[number]["after"])
    if name == "noise":
        need(f["std"] >= 0 and f["channels"] in (1, channels), "noise")
        count = math.prod(grid.shape) * f["channels"]
        values = f["mean"] + f["std"] * normals(words(f["noise"]), np.arange(count))[0]
        neutral = 0.0
    else:
        d = f["degree"]
        terms = [(i, j, k) for i in range(d + 1) for j in range(d + 1 - i) for k in range(d + 1 - i - j)]
        need(1 <= d <= 10 and len(f["coefficients"]) == len(terms), "bias_field")
        factors = numbers(f["coefficients"], (-1,), "coefficients")
        need(np.abs(factors).sum() <= 80, "bias_field: beyond float32")
        p = [legendre(n, d) for n in grid.shape]
        total = np.zeros(grid.shape)
        for (i, j, k), c in zip(terms, factors):
            total += c * p[0][i][:, None, None] * p[1][j][None, :, None] * p[2][k][None, None, :]
        values, neutral = np.exp(total).ravel(order="F"), 1.0
    values = values.astype(np.float32).reshape((*grid.shape, -1), order="F")
    runs = []
    for later in range(number + 1, len(volume.steps)):
        step = volume.steps[later]
        sampled = sampled_of(step.get("sampled"))
        need(clamp or not (sampled.get("clipped") is not None or sampled.get("computed")), "not undone exactly")
        ops, through = [o for o in volume.ops if o[0] == later], None
        first = next((o for o in ops if not o[1].exact), None)
        if first is not None and isinstance(first[1], Resample) and step.get("separate") is not None:
            through = separate_axis(step["separate"], first[2], first[3], back=False)
        joins = sampled.get("fused", False)
        apart = through is not None or sampled.get("smoothed") is not None or sampled.get("area")
        need(not (joins and apart), "fused with what is sampled by itself")
        for op in ops:
            last = [at for at, run in enumerate(runs) if not run["ops"][-1][1].exact]
            how = {"step": step, "sampled": sampled, "through": through}
            if not op[1].exact and joins and last:
                # One interpolation with the last one, and with what was copied since; what came before it stays.
                copies = [run["ops"][0] for run in runs[last[-1] + 1 :]]
                ends = np.array([[0, n - 1] for n in op[2].shape])
                for _, each, one, _ in reversed(copies):
                    ends = mapped(each.matrix(one), ends)
                    held = (ends >= 0) & (ends < np.array(one.shape)[:, None])
                    need(held.all(), "fused across padding")
                shared = [*runs[last[-1]]["ops"], *copies, op]
                runs[last[-1] :] = [{"ops": shared, "before": runs[last[-1]]["before"], **how}]
            else:
                runs.append({"ops": [op], "before": sampled, **how})
            joins = joins or not op[1].exact  # what a step samples, it samples once
    for run in runs:
        values = forward(values=values, neutral=neutral, ties=volume.ties, **run)
    return values.astype(float)


def place_before(op, before, after, x):
    """The place before an op of one after it."""
    if op.exact:
        return mapped(op.matrix(before), x)
    if op.moves:
        u = op.place(mapped(between(after, op.region), x), undo=False)
        return mapped(between(op.region, before), u)
    x = mapped(between(after, before), x)
    return op.uneven(x) if isinstance(op, Reslice) else x


def forward(ops, values, neutral, step, sampled, before, through, ties):
    """An op, or ops that are one interpolation, on a volume."""
    first, op, start, after = ops[0][1], ops[-1][1], ops[0][2], ops[-1][3]
    if isinstance(first, Resample):
        values = smoothed(start, ops[0][3], values, neutral, before.get("smoothed"))
        if before.get("area"):
            need(len(ops) == 1, "means of voxels, shared with other ops")
            return averaged(values, start.shape, after.shape)
    x = after.indices()
    for _, each, one, other in reversed(ops):
        x = place_before(each, one, other, x)
    box, scale, taken = [(0, n) for n in start.shape], np.ones(3), {}
    if op.exact:
        interpolation = "nearest"
        inside = ((x >= 0) & (x < np.array(start.shape)[:, None])).all(0)
        if sampled.get("repeats") and isinstance(op, Window):
            # Padding repeats voxels of the part of the volume that the window holds.
            low = np.maximum(op.start, 0)
            shape = np.minimum(np.array(op.start) + op.shape, start.shape) - low
            need((shape > 0).all(), "repeats: a window without a voxel of the volume")
            x = repeated(x - low[:, None], shape, sampled["repeats"]) + low[:, None]
            inside = np.ones(x.shape[1], bool)
    else:
        interpolation = step.get("interpolation")
        need(interpolation in INTERPOLATIONS, f"interpolation {interpolation!r}")
        if all(isinstance(o[1], Resample) or o[1].exact for o in ops):
            m = between(after, start)
            along = follows(m, after.shape)
            scale = scales(m, along)
            taken = taken_apart(SimpleNamespace(map=m, follows=along, shape=after.shape, box=box, last=np.eye(4), exact=False,
                                                even=True), through)
        inside = np.ones(x.shape[1], bool)
        n = np.array(start.shape)[:, None]
        outside, boundary = sampled.get("outside", "border"), sampled.get("boundary", "mirror")
        if outside == "fill":
            inside = ((x >= -0.5 - 1e-6) & (x <= n - 0.5 + 1e-6)).all(0)
        elif outside == "reflection":
            phase = (x + 0.5) % (2 * n)
            x = np.where(phase > n, 2 * n - phase, phase) - 0.5
        for a in range(3):
            cubic = (through[1] if through and through[0] == a else interpolation) == "cubic"
            if not cubic or boundary == "mirror":
                continue
            # A spline forgets what lies twelve voxels away. An edge that goes on has no faces.
            if boundary != "edge" or outside != "border":
                x[a] = np.clip(x[a], -0.5, n[a] - 0.5)
            x[a] += 12
            how = {"edge": "edge", "reflect": "symmetric", "itk": "reflect"}[boundary]
            values = values.take(repeated(np.arange(-12, n[a, 0] + 12)[None], n[a], how)[0], a)
            box[a] = (0, n[a, 0] + 24)
    sampler = Sampler(x, box, interpolation, ties, scale, np.eye(4), [False] * 3, through, taken)
    out = [np.where(inside, sampler.of(values[..., c]), np.float32(neutral)) for c in range(values.shape[3])]
    return np.stack(out, 1).astype(np.float32).reshape((*after.shape, -1), order="F")


def repeated(x, shape, how):
    """The voxels that padding repeats."""
    n = np.array(shape)[:, None]
    x = x.astype(np.int64)
    if how == "edge":
        return np.clip(x, 0, n - 1)
    if how == "wrap":
        return x % n
    if how == "symmetric":
        return np.minimum(x % (2 * n), 2 * n - 1 - x % (2 * n))
    period = np.maximum(2 * (n - 1), 1)
    return np.where(n > 1, np.minimum(x % period, period - x % period), 0)


def smoothed(before, after, values, neutral, rule):
    """A volume before it is sampled more coarsely."""
    if rule is None:
        return values
    if rule == "cardoso":
        squared = (between(after, before)[:, :3] ** 2).sum(1)
        sigma = [math.sqrt((r - 1) / (8 * math.log(2))) if r > 1 + 1e-6 else 0 for r in squared]
        how = {"weights": sampled_gaussian, "reach": 4, "edge": True}
    else:
        sigma = [max(n / m - 1, 0) / 2 for n, m in zip(before.shape, after.shape)]
        how = {"weights": integrated, "reach": 4, "edge": neutral != 0}
    return np.stack([smooth(values[..., c], sigma, **how) for c in range(values.shape[3])], 3)


def averaged(values, n, m):
    """Means of whole voxels."""
    for axis in range(3):
        parts = [(i * n[axis] // m[axis], -(-(i + 1) * n[axis] // m[axis])) for i in range(m[axis])]
        values = np.stack([values.take(range(*p), axis).astype(float).mean(axis) for p in parts], axis)
    return values.astype(np.float32)


# --- files -----------------------------------------------------------------------------------------------------------

TYPES = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 256: "i1", 512: "<u2", 768: "<u4", 1024: "<i8", 1280: "<u8"}


def read_nifti(path):
    """The values (n0, n1, n2, channels) and the affine of an uncompressed little-endian NIfTI-1 file with an sform."""
    with open(path, "rb") as file:
        raw = file.read()
    dim = struct.unpack("<8h", raw[40:56])
    code = struct.unpack("<h", raw[70:72])[0]
    offset = int(struct.unpack("<f", raw[108:112])[0])
    shape = (list(dim[1 : dim[0] + 1]) + [1, 1, 1])[:4] if dim[0] < 5 else [*dim[1:4], dim[5]]
    affine = np.vstack([np.array(struct.unpack("<12f", raw[280:328])).reshape(3, 4), [0, 0, 0, 1]])
    return np.frombuffer(raw, TYPES[code], math.prod(shape), offset).reshape(shape, order="F"), affine


def write_nifti(path, data, affine, planar=False):
    code = next(c for c, t in TYPES.items() if np.dtype(t) == data.dtype.newbyteorder("<"))
    header = bytearray(352)
    axes = list(data.shape[:2]) if planar else list(data.shape[:3])
    if data.ndim == 4 and data.shape[3] > 1:
        axes = [*data.shape[:3], data.shape[3]]
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(axes), *axes, *[1] * (7 - len(axes)))
    struct.pack_into("<hh", header, 70, code, 8 * data.dtype.itemsize)
    spacing = np.sqrt((np.array(affine)[:3, :3] ** 2).sum(0))
    struct.pack_into("<8f", header, 76, 1, *spacing, *[0] * 4)
    struct.pack_into("<fff", header, 108, 352, 0, 0)
    header[123] = 2
    struct.pack_into("<hh", header, 252, 0, 1)
    struct.pack_into("<12f", header, 280, *np.array(affine)[:3].ravel())
    header[344:348] = b"n+1\0"
    with open(path, "wb") as file:
        file.write(bytes(header) + data.astype(data.dtype.newbyteorder("<")).tobytes(order="F"))


def read_prediction(path, volume):
    if str(path).endswith(".npy"):
        data = np.load(path)  # channels first, then axes 0, 1, 2
        return data.transpose(1, 2, 3, 0) if data.ndim == 4 else data[..., None]
    data, affine = read_nifti(path)
    need(data.shape[:3] == volume.result.shape, f"a prediction of shape {data.shape[:3]}, expected {volume.result.shape}")
    far = corner_distance(Grid.of(data.shape[:3], affine, volume.result.planar), volume.result)
    need(far < 1e-3, f"the prediction lies {far:.3f} voxels away")
    return data


def arguments(words=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("trace")
    parser.add_argument("prediction")
    parser.add_argument("-o", "--output")
    parser.add_argument("--coverage")
    parser.add_argument("--volume")
    parser.add_argument("--kind", default="label")
    parser.add_argument("--interpolation")
    parser.add_argument("--argmax", action="store_true")
    parser.add_argument("--values", action="store_true")
    parser.add_argument("--clamp", action="store_true")
    parser.add_argument("--fill", type=float)
    parser.add_argument("--axes")
    return parser.parse_args(words)


def run(args):
    with open(args.trace, encoding="utf-8") as file:
        volumes = read_trace(file.read())
    volume = volumes[args.volume] if args.volume else main_volume(volumes)
    data = read_prediction(args.prediction, volume)
    result, coverage = invert(volume, data, args.kind, args.interpolation, args.argmax, args.fill, args.values, args.clamp)
    if args.kind == "label" and result.min() >= 0:
        result = result.astype(np.min_scalar_type(int(result.max())))
    return volume, result, coverage


def main():
    args = arguments()
    try:
        volume, result, coverage = run(args)
    except Refused as problem:
        print(f"refused: {problem}", file=sys.stderr)
        return 2
    if args.output:
        write_nifti(args.output, result, volume.source.affine, volume.source.planar)
    if args.coverage:
        write_nifti(args.coverage, coverage, volume.source.affine, volume.source.planar)
    return 0


if __name__ == "__main__":
    sys.exit(main())
