"""Makes the cases of this folder: traces and predictions by formula, and what is expected by reader.py.

    python make.py            (NumPy is all it needs)

No line of this calls revoxel. To the extent possible under law, the author has waived all rights to this file (CC0 1.0).
"""

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import reader

FOLDER = Path(__file__).parent


def turned(spacing, angles, origin):
    """An affine of voxels that are turned about the three axes, in numbers that a NIfTI header holds."""
    (a, b, c), turn = angles, np.eye(3)
    for axis, angle in ((0, a), (1, b), (2, c)):
        s, o = math.sin(angle), math.cos(angle)
        i, j = [x for x in range(3) if x != axis]
        one = np.eye(3)
        one[i, i], one[j, j], one[i, j], one[j, i] = o, o, -s, s
        turn = turn @ one
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * np.array(spacing), origin
    return affine.astype(np.float32).astype(float)


def grid(shape, spacing=(1, 1, 1), angles=(0.2, -0.3, 0.5), origin=(-12.5, 31.25, 7.75), planar=False):
    return reader.Grid.of(shape, turned(spacing, angles, origin), planar)


def record(g):
    return {"shape": list(g.shape), "affine": g.affine.tolist(), **({"planar": True} if g.planar else {})}


def onto(before, factor, shift, shape):
    """The grid with `factor` times the voxel size, whose first voxel lies at index `shift` of the grid before."""
    affine = before.affine.copy()
    affine[:3, 3] = reader.mapped(before.affine[:3], np.array(shift, float)[:, None])[:, 0]
    affine[:3, :3] = before.affine[:3, :3] * np.array(factor, float)
    return {"resample": {"grid": record(reader.Grid.of(shape, affine, before.planar))}}


def window(start, shape):
    return {"window": {"start": list(start), "shape": list(shape)}}


def reorient(source, flipped):
    return {"reorient": {"source": list(source), "flipped": [bool(f) for f in flipped]}}


def pattern(shape, channels=1):
    """Whole numbers from 0 to 100 that look different from every side."""
    i, j, k, c = np.indices((*shape, channels))
    return (17 * i + 29 * j * j + 41 * k + 7 * i * j * (k + 1) + 53 * c * (i + 2 * j + 1)) % 101


def labels(shape):
    return (pattern(shape) % 5).astype(np.uint8)


def blocks(shape):
    """Labels in regions of several voxels."""
    i, j, k, _ = np.indices((*shape, 1))
    return ((i + 1) // 2 + 2 * ((2 * j + k) // 3) + k // 2).astype(np.uint8) % 4


def image(shape):
    return (pattern(shape) / 8 - 3).astype(np.float32)


def chances(shape):
    """Three channels that add up to 1, in 64ths."""
    a, b = pattern(shape) % 40, pattern(shape, 2)[..., 1:] % 24
    return (np.concatenate([a, b, 64 - a - b], 3) / 64).astype(np.float32)


def one_hot(of, count):
    return (of == np.arange(count)).astype(np.float32)


class Case:
    """A source grid and what became of it."""

    def __init__(self, native, kind="image", **volume):
        self.native, self.grid, self.steps, self.kind, self.volume = native, native, [], kind, volume
        if volume.get("snapped"):
            self.grid = reader.Grid(volume["snapped"])

    def step(self, *ops, transform=None, **fields):
        before = self.grid
        for op in ops:
            self.grid = reader.Op.read(op).after(self.grid)
        self.steps.append({
            "transform": transform or f"step_{len(self.steps)}", "params": {}, "before": record(before),
            "after": record(self.grid), "ops": list(ops), "fidelity": "lossy", **fields,
        })
        return self

    def trace(self):
        source = {"path": "case/source.nii", "format": "NIfTI-1", "grid": record(self.native), "dtype": "int16", "channels": 1}
        volume = {"kind": self.kind, "source": source, "ties": "alternate", **self.volume, "steps": self.steps,
                  "result": {"grid": record(self.grid), "dtype": "float32"}}
        if volume["ties"] is None:
            del volume["ties"]
        trace = {"schema": "revoxel-trace", "version": 1, "tool": "make.py", "case": "case",
                 "pipeline": {"name": "none", "hash": "none"}, "volumes": {"volume": volume}}
        return json.loads(json.dumps(trace))


TABLE = []


def text_of(trace):
    text = json.dumps(trace, indent=1)
    return re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text) + "\n"


def put(name, shows, case, data, options=(), npy=False, change=None, raw=None):
    """Writes a case; `change` edits the trace, `raw` its text."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    trace = case.trace()
    if change:
        change(trace)
    text = text_of(trace)
    (folder / "trace.json").write_text(raw(text) if raw else text, encoding="utf-8")
    prediction = "prediction.npy" if npy else "prediction.nii"
    options = list(options)
    if npy:
        np.save(folder / prediction, np.ascontiguousarray(data.transpose(3, 0, 1, 2)))
        options += ["--axes", "cxyz"]
    else:
        grid = case.grid
        reader.write_nifti(folder / prediction, data, grid.affine, grid.planar)
    return folder, prediction, options


def good(name, shows, case, data, options=(), exact=True, **more):
    folder, prediction, options = put(name, shows, case, data, options, **more)
    args = reader.arguments([str(folder / "trace.json"), str(folder / prediction), *options])
    volume, result, coverage = reader.run(args)
    reader.write_nifti(folder / "expected.nii", result, volume.source.affine, volume.source.planar)
    reader.write_nifti(folder / "coverage.nii", coverage, volume.source.affine, volume.source.planar)
    what = {"shows": shows, "prediction": prediction, "options": options, "tolerance": 0 if exact else 1e-5}
    (folder / "case.json").write_text(json.dumps(what, indent=1) + "\n", encoding="utf-8")
    share = f"{int(coverage.sum())} of {coverage.size}"
    TABLE.append(f"| [{name}]({name}) | {shows} | `{' '.join(options)}` | {share} | {'exact' if exact else '10⁻⁵'} |")


def bad(name, shows, case, data, says, options=("--kind", "label"), **more):
    folder, prediction, options = put(name, shows, case, data, options, **more)
    args = reader.arguments([str(folder / "trace.json"), str(folder / prediction), *options])
    try:
        reader.run(args)
    except reader.Refused:
        pass
    else:
        raise AssertionError(f"{name}: is not refused")
    what = {"shows": shows, "prediction": prediction, "options": options, "refused": says}
    (folder / "case.json").write_text(json.dumps(what, indent=1) + "\n", encoding="utf-8")
    TABLE.append(f"| [{name}]({name}) | {shows} | `{' '.join(options)}` | | refused |")


LABEL, IMAGE = ("--kind", "label"), ("--kind", "image")
PROBABILITY, LOGIT = ("--kind", "probability"), ("--kind", "logit")


def copies():
    native = grid((5, 4, 3), (1, 1.5, 2))
    case = Case(native).step(reorient((2, 0, 1), (1, 0, 1)))
    good("reorient", "Axes permuted and flipped.", case, labels(case.grid.shape), LABEL)
    case = Case(native).step(window((1, 0, 1), (3, 4, 2)))
    good("crop", "Voxels that were cut away get the fill, 0.", case, labels(case.grid.shape) + 1, LABEL)
    good("crop-fill", "The same with another fill.", case, labels(case.grid.shape) + 1, (*LABEL, "--fill", "9"))
    case = Case(native).step(window((-2, -1, 0), (9, 5, 4)))
    good("pad", "Padding is not read, and hides nothing.", case, labels(case.grid.shape), LABEL)
    case = Case(native).step(window((-1, 1, 0), (5, 2, 4))).step(reorient((1, 2, 0), (0, 1, 1))).step(window((0, 1, -1), (2, 4, 5)))
    good("crop-reorient-pad", "Exact ops in turn: some cut, some pad.", case, labels(case.grid.shape) + 1, LABEL)
    flat = grid((6, 5, 1), (1.25, 1, 4), planar=True)
    case = Case(flat).step(reorient((1, 0, 2), (1, 0, 0))).step(window((1, -1, 0), (4, 7, 1)))
    good("planar", "A 2-D volume: its file has two axes.", case, labels(case.grid.shape) + 1, LABEL)
    case = Case(native).step(window((1, 1, 0), (4, 2, 3)))
    good("logits", "Unseen voxels of logits: 10000 in channel 0, -10000 in the others. An array without a grid.", case,
         (pattern(case.grid.shape, 3) / 4 - 9).astype(np.float32), LOGIT, npy=True)

    def strange(trace):
        trace["unknown"] = {"a": [1, 2]}
        trace["volumes"]["volume"]["unknown"] = None
        trace["volumes"]["volume"]["source"]["grid"]["unknown"] = 3
        trace["volumes"]["volume"]["steps"][0].update(transform="a transform of the future")

    case = Case(native).step(window((0, 1, 0), (5, 3, 3)))
    good("unknown-fields", "Unknown fields and transforms are ignored.", case, labels(case.grid.shape) + 1,
         LABEL, change=strange)


def halves(**volume):
    native = grid((8, 9, 5), (1, 1, 3))
    op = onto(native, (2, 0.5, 1.5), (0.5, 0, 0), (4, 17, 10))
    return Case(native, **volume).step(op).step(reorient((1, 0, 2), (0, 1, 0)))


def sampled():
    case = halves()
    good("nearest-ties", "Places halfway between two voxels: from 2 to 1, from 0.5 to 1 and from 1.5 to 3 mm, and a flip.",
         case, labels(case.grid.shape), LABEL)
    case = halves(ties=None)
    good("nearest-ties-upper", "The same in a trace without `ties`: the upper voxel wins.", case, labels(case.grid.shape), LABEL)
    case = halves()
    good("label", "Labels weighed by linear weights, with ties.", case, blocks(case.grid.shape),
         (*LABEL, "--interpolation", "label"))
    good("label-nearest", "The same by nnU-Net's rule.", case, blocks(case.grid.shape),
         (*LABEL, "--interpolation", "label_nearest"))
    good("argmax", "The highest of three channels; 0 and 1 meet halfway.", case, one_hot(blocks(case.grid.shape) % 3, 3),
         (*PROBABILITY, "--argmax"), npy=True)
    native = grid((6, 7, 5), (1, 1.5, 2.5))
    far = grid((7, 6, 6), (1.25, 1, 2), (0.35, -0.1, 0.3), (-11.5, 31, 6.5))
    case = Case(native).step({"resample": {"grid": record(far)}})
    good("linear-oblique", "Linear onto a grid that is turned against the source's.", case, image(far.shape), IMAGE, exact=False)
    good("nearest-oblique", "Nearest, the same grids.", case, labels(far.shape), LABEL)
    good("cubic-oblique", "A cubic B-spline, the same grids.", case, image(far.shape), (*IMAGE, "--interpolation", "cubic"),
         exact=False)
    good("argmax-oblique", "The highest of three channels, the same grids.", case, chances(far.shape),
         (*PROBABILITY, "--argmax"), npy=True)
    case = Case(native).step(window((1, -2, 0), (4, 10, 5))).step(onto(grid((6, 7, 5), (1, 1.5, 2.5)), (0.75, 1.5, 1), (1, -2, 0), (5, 6, 5)))
    case.step(reorient((2, 1, 0), (1, 0, 0))).step({"resample": {"grid": record(far)}}).step(window((-1, 1, 0), (7, 4, 7)))
    good("fused", "Crop, pad, resample, reorient, resample and crop again: one interpolation.", case,
         chances(case.grid.shape), PROBABILITY, exact=False, npy=True)
    good("fused-labels", "The same with labels.", case, labels(case.grid.shape) + 1, LABEL)
    case = Case(native).step(window((-1, -2, 1), (9, 10, 6))).step(onto(native, (1.25, 1.5, 1), (-1, -2, 1), (7, 7, 6)))
    good("pad-resample", "Padding that was resampled is not read: the edge of the content goes on.", case,
         image(case.grid.shape), IMAGE, exact=False)
    thick = grid((6, 5, 4), (1, 1, 5))
    case = Case(thick).step(onto(thick, (1.2, 1.2, 0.4), (0.1, 0.1, -0.3), (5, 4, 10)), separate={"threshold": 3.0, "interpolation": "nearest"})
    case.step(reorient((2, 0, 1), (0, 0, 0)))
    good("separate", "Thick slices by themselves: nearest along the coarsest axis, linear within.", case,
         chances(case.grid.shape), PROBABILITY, exact=False, npy=True)
    near = reader.Grid.of(native.shape, native.affine + np.pad(np.full((3, 1), 1e-5), ((0, 1), (3, 0))))
    case = Case(native, snapped=record(near)).step(onto(near, (1.5, 1, 1), (0.25, 0, 0), (4, 7, 5)))
    good("snapped", "The steps begin on another grid; the result has the source's.", case, image(case.grid.shape), IMAGE,
         exact=False)
    flat = grid((6, 5, 1), (1.25, 1, 4), planar=True)
    case = Case(flat).step(onto(flat, (2, 0.8, 1), (0.5, -0.1, 0), (3, 6, 1)))
    good("planar-resample", "A 2-D volume, resampled.", case, image(case.grid.shape), IMAGE, exact=False)


def moved():
    uneven = [[0, 0, 0], [0.25, -0.5, -0.25], [0.5, 0, -0.625], [0, 0.25, 0.375], [-0.25, 0, 0]]
    native = grid((6, 5, 5), (1, 1.25, 4))
    far = onto(native, (1, 1, 0.75), (0, 0, 0), (6, 5, 6))["resample"]["grid"]
    case = Case(native).step({"reslice": {"from": uneven, "grid": far}}).step(window((1, 0, 0), (5, 5, 6)))
    good("reslice", "Slices that lie unevenly and are shifted.", case, image(case.grid.shape), IMAGE, exact=False)
    good("reslice-labels", "The same with labels.", case, labels(case.grid.shape) + 1, LABEL)

    native, region = grid((7, 6, 5), (1, 1.25, 2)), grid((8, 9, 6), (1.5, 1, 1.5), (0.1, 0.2, -0.4), (-13, 29, 7))
    k = np.arange(4 * 5 * 4)
    pushes = np.stack([(k * 7 % 11 - 5) / 8, (k * 5 % 13 - 6) / 8, (k * 3 % 7 - 3) / 8], 1).tolist()
    warp = {"region": record(region), "points": [4, 5, 4], "displacements": pushes}
    case = Case(native).step({"warp": warp})
    good("warp", "A B-spline over a region of its own.", case, image(case.grid.shape), IMAGE, exact=False)
    case = Case(native).step(onto(native, (1.5, 1, 1), (0.25, 0, 0), (5, 6, 5))).step({"warp": {**warp, "back": True}}).step(reorient((1, 0, 2), (0, 1, 0)))
    good("warp-back", "An inverse warp between other ops.", case, chances(case.grid.shape), PROBABILITY, exact=False, npy=True)
    nodes = [[[0, 0], [2, 3], [5, 4], [7, 8]], [[-0.5, 0], [8.5, 7.5]], [[0, 0.5], [1, 1], [5, 5.5]]]
    case = Case(native).step({"stretch": {"region": record(region), "nodes": nodes}})
    good("stretch", "Axes stretched in pieces.", case, image(case.grid.shape), IMAGE, exact=False)
    noise = [1, 2, 3, 4294967295]
    case = Case(native).step({"elastic": {"region": record(native), "noise": noise, "magnitude": 9, "smoothing": {"gaussian": 1.25}}})
    good("elastic-gaussian", "Displacements of smoothed noise, reduced to what can be undone.", case, image(case.grid.shape), IMAGE, exact=False)
    case = Case(native).step({"elastic": {"region": record(region), "noise": noise, "magnitude": 0.75, "smoothing": {"bicubic": [3.5, 4]}}})
    good("elastic-bicubic", "Displacements between control points.", case, image(case.grid.shape), IMAGE, exact=False)
    case = Case(native).step({"warp": warp}).step({"stretch": {"region": record(native), "nodes": [[[0, 0], [6, 5]], [[0, 1], [5, 5]], [[0, 0], [4, 4]]]}}).step(window((1, 1, 0), (5, 4, 5)))
    good("moved-twice", "Two moving ops and a crop, with labels.", case, labels(case.grid.shape) + 1, LABEL)


def valued():
    native = grid((6, 5, 4), (1, 1.25, 2))
    case = Case(native).step(values={"power": {"low": [-4], "range": [20], "exponent": 2, "before": [[-100, 50]]}})
    case.step(onto(native, (1.5, 1, 1), (0.25, 0, 0), (4, 5, 4)), interpolation="linear")
    case.step(values={"rescale": {"scale": [2.5], "shift": [-1.5]}}).step(window((0, 1, 0), (4, 4, 4)))
    case.step(values={"table": {"points": [[[-3, -2], [0, 0], [4, 1], [9, 12]]]}})
    good("values", "A table, a scaling and a power are undone, last first; the fill is the lowest of what comes of it.",
         case, image(case.grid.shape), (*IMAGE, "--values"), exact=False)
    case = Case(native).step(values={"rescale_clipped": {"scale": [425], "shift": [-175], "limits": [[0, 1]]}})
    case.step(window((1, 0, 0), (5, 5, 4)))
    good("values-clipped", "Values that were cut off come back as the limits.", case, (image(case.grid.shape) / 8).astype(np.float32),
         (*IMAGE, "--values", "--clamp"), exact=False)
    case = Case(native, "label").step(values={"relabel": {"pairs": [[1, 7], [2, 300], [4, 1]]}}).step(reorient((0, 2, 1), (1, 0, 0)))
    good("values-relabel", "Labels get their old names.", case, labels(case.grid.shape), (*LABEL, "--values"))
    case = Case(native).step(values={"noise": {"noise": [9, 8, 7, 6], "mean": 0.5, "std": 1.25, "channels": 1}})
    case.step(window((-1, 0, 0), (6, 5, 4))).step(onto(native, (1.5, 1, 0.75), (-0.75, 0, 0), (4, 5, 5)), interpolation="linear")
    good("values-noise", "Noise is made again, taken through the later steps, and subtracted.", case, image(case.grid.shape),
         (*IMAGE, "--values"), exact=False)
    case = Case(native).step(values={"noise": {"noise": [1, 2, 3, 4], "mean": 0, "std": 2, "channels": 1}})
    case.step(onto(native, (1.75, 1, 1.5), (0.25, 0, 0), (4, 5, 3)), interpolation="linear", sampled={"smoothed": "cardoso"})
    case.step(window((-2, 0, -1), (7, 5, 4)), sampled={"repeats": "reflect"})
    case.step(onto(case.grid, (0.75, 1.25, 1), (0.5, -0.25, 0), (8, 4, 4)), interpolation="cubic", sampled={"boundary": "edge"})
    case.step(reorient((1, 0, 2), (0, 1, 0)))
    case.step(onto(case.grid, (1, 1.5, 1), (0, 0.25, 0), (4, 5, 4)), interpolation="linear", sampled={"outside": "fill", "fused": True})
    good("values-noise-sampled", "The same through steps that smooth, repeat voxels, continue a spline, and share one interpolation.",
         case, image(case.grid.shape), (*IMAGE, "--values"), exact=False)
    case = Case(native).step(reorient((1, 0, 2), (1, 0, 0)))
    case.step(values={"bias_field": {"degree": 2, "coefficients": [0, 0.1, -0.2, 0.3, 0.05, 0.1, -0.1, 0.2, 0.15, -0.05]}})
    case.step(window((1, 0, 0), (4, 6, 4)))
    good("values-bias-field", "A field of factors is divided out.", case, image(case.grid.shape), (*IMAGE, "--values"), exact=False)


def refused():
    native = grid((5, 4, 3), (1, 1.5, 2))
    crop = Case(native).step(window((1, 0, 1), (3, 4, 2)))
    data = labels(crop.grid.shape)

    def edit(f):
        return lambda trace: f(trace["volumes"]["volume"])

    def unknown(volume):
        volume["steps"][0]["ops"] = [{"shear": {"by": 0.5}}]

    bad("refused-unknown-op", "An op that no reader knows.", crop, data, ["shear"], change=edit(unknown))

    def future(volume):
        volume["kind"] = "a kind of the future"

    bad("refused-unknown-kind", "A kind that no reader knows.", crop, data, ["kind"], change=edit(future))

    def extra(volume):
        volume["steps"][0]["ops"][0]["window"]["stride"] = [2, 2, 2]

    bad("refused-unknown-op-field", "A field of an op that no reader knows.", crop, data, ["stride"], change=edit(extra))
    case = Case(native).step(window((1, 0, 1), (3, 4, 2))).step(reorient((1, 0, 2), (0, 0, 1)))

    def broken(volume):
        volume["steps"][1]["before"]["affine"][0][3] += 1

    bad("refused-broken-chain", "`before` is not the `after` of the step before.", case, labels(case.grid.shape),
        ["steps[1]", "before"], change=edit(broken))

    def contradiction(volume):
        volume["steps"][0]["ops"][0]["window"]["start"] = [0, 0, 1]

    bad("refused-contradiction", "`after` is not what the op makes.", crop, data, ["steps[0]", "window"], change=edit(contradiction))

    def end(volume):
        volume["result"]["grid"]["affine"][2][3] -= 0.5

    bad("refused-result-grid", "`result.grid` is not the last grid.", crop, data, ["result.grid"], change=edit(end))
    bad("refused-shape", "A prediction of another shape.", crop, labels((3, 4, 3)), ["prediction"], ("--kind", "label"))

    def newer(trace):
        trace["version"] = 2

    bad("refused-version", "A newer version.", crop, data, ["version 2"], change=newer)
    bad("refused-not-finite", "A number that double precision does not hold.", crop, data, ["number out of range"],
        raw=lambda text: text.replace("-12.5", "-1e999", 1))
    bad("refused-nan", "NaN is not JSON.", crop, data, ["not a trace"], raw=lambda text: text.replace("-12.5", "NaN", 1))

    def singular(volume):
        for row in volume["source"]["grid"]["affine"][:3]:
            row[1] = 2 * row[0]

    bad("refused-singular", "An affine that cannot be inverted.", crop, data, ["source.grid", "singular"], change=edit(singular))
    even = Case(native).step(reorient((0, 1, 2), (1, 0, 0)))

    def late(volume):
        step = volume["steps"][0]
        grid = step["after"]
        volume["steps"].append({**step, "before": grid, "ops": [{"reslice": {"from": [[0, 0, 0], [0, 0, 0.1], [0, 0, 0]], "grid": grid}}]})

    bad("refused-late-reslice", "Uneven slices after another op.", even, labels(even.grid.shape), ["steps[1]", "slice"], change=edit(late))
    pushes = [[0.0, 0.0, 0.0]] * 64

    def steep(volume):
        push = [list(p) for p in pushes]
        push[21] = [9.0, 0.0, 0.0]
        grid = volume["steps"][0]["after"]
        volume["steps"][0]["ops"].append({"warp": {"region": grid, "points": [4, 4, 4], "displacements": push}})

    bad("refused-steep-warp", "A warp that cannot be undone.", even, labels(even.grid.shape), ["steps[0]", "steep"], change=edit(steep))
    lost = Case(native).step(values={"lost": {"reason": "smoothed"}})
    bad("refused-lost-values", "Values that are lost, asked for.", lost, image(native.shape), ["lost"], (*IMAGE, "--values"))


def main():
    copies()
    sampled()
    moved()
    valued()
    refused()
    path = FOLDER / "README.md"
    head = path.read_text(encoding="utf-8").split("| case |")[0]
    rows = ["| case | shows | options of `revoxel invert` | voxels seen | compared |", "|---|---|---|---|---|", *TABLE]
    path.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(TABLE)} cases")


if __name__ == "__main__":
    main()
