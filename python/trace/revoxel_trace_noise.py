"""The part of revoxel_trace.py that undoes `noise` and `bias_field`: put it beside that file, which then uses it.

What such a step put on its voxels is made again, goes through all later steps as the volume did, and is taken off on
the grid of the prediction: see "Noise and fields after which voxels moved" in docs/trace-format.md. On the way there,
ops sample as `way_back` does, through the ops turned round. Volumes have channels before axes 0, 1 and 2.
Licence: MIT OR Apache-2.0.
"""
from collections.abc import Callable
from copy import copy
from math import erf, floor, log, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggrid3d

import revoxel_trace as rt
from revoxel_trace import Array, Op, Volume, mirrored, need, numbers

# By the name of `repeats`: the voxel, from a first to a last one, that stands for one beyond them.
REPEATS: dict[str, Callable[[Array, int, int], Array]] = {
    "edge": lambda x, low, high: np.clip(x, low, high), "reflect": mirrored,
    "symmetric": lambda x, low, high: mirrored(x, low - 0.5, high + 0.5).astype(np.int64),
    "wrap": lambda x, low, high: low + (x - low) % (high - low + 1)}
BOUNDARIES = {"edge": "edge", "reflect": "symmetric", "itk": "reflect"}  # these names, by that of `boundary`
FADED = 12  # a spline forgets voxels that are so far away


def taken_off(volume: Volume, number: int, at: str, name: str, f: Any, values: Array, clamp: bool) -> Array:
    """Values on the grid of the prediction, without what step `number` put on the voxels of its grid."""
    ops = [op for op in volume.ops if op.number <= number]
    with np.errstate(all="ignore"):
        put, nothing = made(name, f, ops[-1].after.shape if ops else volume.start.shape, len(values), at)
        put = put.astype(np.float32)
        for each in passes(volume, number + 1, clamp):
            put = taken_on(volume, put, each, nothing)
        out = np.asarray(values - put if name == "noise" else values / put)
    need(np.isfinite(out).all(), f"{at}: {name} leads to values that are not finite")
    return out


def made(name: str, f: Any, shape: tuple[int, ...], channels: int, at: str) -> tuple[Array, float]:
    """What a step put on voxels (one channel is for all), and the number that would have changed nothing."""
    if name == "noise":
        words, mean = numbers(f["noise"], (4,), at, 0, rt.WORD, whole=True), numbers(f["mean"], (), at)
        std, count = numbers(f["std"], (), at, 0), int(numbers(f["channels"], (), at, 1, whole=True))
        need(count in (1, channels), f"{at}: noise of {count} channels for {channels}")
        return mean + std * np.moveaxis(rt.normals(words, (*shape, count))[0], 3, 0), 0
    degree = int(numbers(f["degree"], (), at, 1, 10, whole=True))
    c = np.zeros((degree + 1, degree + 1, degree + 1))
    terms = np.indices(c.shape).sum(0) <= degree
    c[terms] = numbers(f["coefficients"], (terms.sum(),), at)
    need(np.abs(c).sum() <= 80, f"{at}: factors beyond what float32 holds")
    x, y, z = (np.linspace(-1, 1, n) for n in shape)
    return np.exp(leggrid3d(x, y, z, c))[None], 1


# --- the way there ---


class Pass(NamedTuple):
    """Ops that sample once, and the axis that is treated apart (-1: none)."""

    ops: list[Op]
    axis: int
    through: str


def passes(volume: Volume, first: int, clamp: bool) -> list[Pass]:
    """The passes of all steps from the first on."""
    found = list[Pass]()
    for number, step in list(enumerate(volume.steps))[first:]:
        at, sampled = f"steps[{number}]", step.get("sampled") or {}
        numbers(sampled.get("clipped") or 0, (), f"{at}.sampled.clipped", 0, whole=True)
        bound = sampled.get("clipped") is not None or sampled.get("computed")
        need(clamp or not bound, f"{at}: its result depends on what was put on; pass clamp=True to take it off still")
        ops = [op for op in volume.ops if op.number == number]
        samples = [op for op in ops if op.matrix is None]
        need(not samples or step.get("interpolation"), f"{at}.interpolation is missing")
        axis, through = rt.separated(samples[:1], -1)
        need(axis < 0 or through in rt.WITHIN, f"{at}.separate: {through}")
        alone, joins = axis >= 0 or sampled.get("smoothed") or sampled.get("area"), bool(sampled.get("fused"))
        need(not (alone and joins), f"{at}.sampled: fused, and yet smoothed, of means, or with an axis apart")
        for op in ops:
            # A step samples once. If it is fused, it does so with the last pass that interpolates, and with what was
            # copied since.
            last = [n for n, each in enumerate(found) if each.ops[-1].matrix is None]
            start = last[-1] if last and joins and op.matrix is None else len(found)
            shared = [each for one in found[start:] for each in one.ops]
            need(holds(found[start + 1:], op), f"{at}: one interpolation with an earlier step, and padding in between")
            found[start:] = [Pass([*shared, op], axis, through)]
            joins = joins or op.matrix is None
    return found


def holds(copies: list[Pass], op: Op) -> bool:
    """Whether the volume before copies holds all voxels of that before an op."""
    ends, held = op.before.whole - [0, 1], True
    for copied, *_ in reversed([each.ops for each in copies]):
        ends = rt.apply(np.asarray(copied.matrix), ends)
        held &= bool(((ends >= 0) & (ends < copied.before.whole[:, 1:])).all())
    return held


def taken_on(volume: Volume, values: Array, each: Pass, nothing: float) -> Array:
    """Values after a pass. Where steps had values of their own, there is nothing."""
    first, last = each.ops[0], each.ops[-1]
    early, late = (volume.steps[op.number].get("sampled") or {} for op in (first, last))
    if first.matrix is not None:
        return copied(values, first, early.get("repeats"), nothing)
    if first.name == "resample" and early.get("smoothed"):
        values = smoothed(values, first, early["smoothed"], nothing)
    if first.name == "resample" and early.get("area"):
        need(first is last, f"steps[{first.number}].sampled: means of voxels, and yet shared with other ops")
        return averaged(values, last.after.shape)
    # How each axis is read, as that of a prediction.
    how, outside, boundary = volume.steps[last.number]["interpolation"], late.get("outside"), late.get("boundary")
    ties = "upper" if how == "label_nearest" or (how == "nearest" and each.axis >= 0) else volume.ties
    rules = [(each.through, "upper") if a == each.axis else (how, ties) for a in range(3)]
    # Where a spline is not mirrored, the volume goes on beyond its faces.
    shape, goes_on = first.before.shape, BOUNDARIES.get(boundary or "mirror")
    more = [FADED if rule == "cubic" and goes_on and n > 1 else 0 for (rule, _), n in zip(rules, shape)]
    box = {"start": [-m for m in more], "shape": [n + 2 * m for n, m in zip(shape, more)]}
    window = Op({"window": box}, first.before, None, first.number, "boundary")
    values, inside = copied(values, window, goes_on, nothing), np.ones(prod(last.after.shape), bool)

    def beyond(x: Array) -> Array:
        for a, (n, m) in enumerate(zip(shape, more)):
            low, high = m - 0.5, m + n - 0.5
            if outside == "fill":
                inside[(x[a] < low - 1e-6) | (x[a] > high + 1e-6)] = False
            elif outside == "reflection":
                x[a] = mirrored(x[a], low, high)
            elif m and boundary != "edge":  # an edge has no end
                x[a] = np.clip(x[a], low, high)
        return x

    back = [turned_round(op) for op in reversed(each.ops)]
    back[-1].after = window.after
    axes, _ = rt.way_back(last.after, back, rules, each.axis, beyond=beyond)
    got = np.stack([rt.read(channel, axes, how, volume.ties) for channel in values])
    return np.where(inside, got, np.float32(nothing)).reshape(-1, *last.after.shape)


def turned_round(op: Op) -> Op:
    """The op that leads from where an op put values to where it took them from."""
    back = copy(op)
    back.before, back.after, back.matrix = op.after, op.before, None
    if op.name == "reslice":
        slices = np.arange(op.before.shape[2])
        places = op.shows(np.stack([slices] * 3))[2]

        def uneven(u: Array) -> Array:
            at = np.stack([u[0], u[1], rt.piecewise(u[2], places, slices)])
            return np.stack([*(2 * at - op.shows(at))[:2], at[2]])

        back.shows = uneven
    elif op.moves:
        back.shows = rt.MOVES[op.name](op.region, {**op.f, "back": not op.f.get("back")}, op.name)
    return back


def copied(values: Array, op: Op, repeats: str | None, nothing: float) -> Array:
    """A volume after an op that copies voxels."""
    x = rt.apply(np.asarray(op.matrix), np.indices(op.after.shape).reshape(3, -1)).astype(np.int64)
    if repeats and op.name == "window":
        # Padding repeats voxels that the window holds of the volume, from `low` to `high`.
        for a, start in enumerate(x[:, 0].tolist()):
            low, high = max(start, 0), min(start + op.after.shape[a], op.before.shape[a]) - 1
            need(low <= high, "sampled.repeats: the window holds no voxel")
            x[a] = REPEATS[repeats](x[a], low, high)
    inside = ((x >= 0) & (x < op.before.whole[:, 1:])).all(0)
    i, j, k = np.where(inside, x, 0)
    return np.where(inside, values[:, i, j, k], np.float32(nothing)).reshape(-1, *op.after.shape)


def smoothed(values: Array, op: Op, rule: str, nothing: float) -> Array:
    """A volume before it is sampled more coarsely."""
    n, m = np.array(op.before.shape), np.array(op.after.shape)
    if rule == "cardoso":
        sigmas = np.sqrt(np.maximum((op.after.to(op.before)[:3, :3] ** 2).sum(1) - 1, 0) / (8 * log(2)))
    else:
        sigmas = np.maximum(n / m - 1, 0) / 2
    for a, sigma in enumerate(np.clip(sigmas, 1e-9, 16 * n)):
        radius = floor(max(4 * sigma, 0.5) + 0.5)
        if rule == "cardoso":
            weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
            weights /= weights.sum()
        else:
            weights = np.diff([erf((x - 0.5) / (sigma * 2**0.5)) / 2 for x in range(-radius, radius + 2)])
        ends = [(radius, radius) if axis == a + 1 else (0, 0) for axis in range(4)]
        lines = np.pad(values.astype(float), ends, "edge" if rule == "cardoso" or nothing else "constant")
        total = sum(w * lines.take(range(k, k + n[a]), a + 1) for k, w in enumerate(weights))
        values = np.asarray(total).astype(np.float32)
    return values


def averaged(values: Array, shape: tuple[int, ...]) -> Array:
    """Means of all voxels that each voxel of another shape touches, whole ones."""
    means = values.astype(float)
    for a, m in enumerate(shape, 1):
        n = means.shape[a]
        means = np.stack([means.take(range(i * n // m, -(-(i + 1) * n // m)), a).mean(a) for i in range(m)], a)
    return means.astype(np.float32)
