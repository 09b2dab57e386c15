"""Volumes, results, traces and pipelines in notebooks.

Volumes are three planes through the middle, as PNG, in the patient's proportions and as radiologists look at them: from the
feet (axial), from the front (coronal), and from the left (sagittal).
"""

from __future__ import annotations

import base64
import html
import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from revoxel._core import Grid, Pipeline, Result, Trace, Volume

_Array = np.ndarray[Any, Any]

# The longest side of a picture, and the shortest one, in pixels.
_LONGEST, _SHORTEST = 220, 60
_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}
# By plane: the direction that it is cut across, the side that lies at the left, and the one that lies at the top.
_VIEWS = {"axial": ("S", "R", "A"), "coronal": ("A", "R", "S"), "sagittal": ("R", "A", "S")}
# Colours of labels, repeated; 0 is black.
_COLOURS = np.array(
    [
        [230, 97, 1],
        [94, 160, 220],
        [120, 190, 90],
        [250, 210, 70],
        [170, 110, 200],
        [240, 130, 160],
        [80, 200, 190],
        [200, 200, 200],
    ],
    np.uint8,
)


def volume(shown: Volume) -> str:
    """What ``Volume._repr_html_`` gives."""
    note = f", channel 0 of {shown.channels}" if shown.channels > 1 else ""
    pictures = "".join(_figure(plane) for plane in planes(shown))
    return f"<div>{_line(_told(shown) + note)}<div>{pictures}</div></div>"


def result(shown: Result) -> str:
    """A result: its volumes, and what was said about the case."""
    lines = [_line(f"Result {shown.case}", bold=True)]
    if shown.skipped is not None:
        lines.append(_line(f"left out: {shown.skipped}"))
    lines += [_line(f"note: {note}") for note in shown.notes]
    for name, item in shown.items():
        lines.append(_line(name, bold=True) + volume(item))
    return f"<div>{''.join(lines)}</div>"


def trace(shown: Trace) -> str:
    """A trace: what happened to each volume, step by step, with the grid after each."""
    document = shown.to_dict()
    lines = [_line(f"Trace {shown.case}", bold=True)]
    for name, item in document["volumes"].items():
        file = item["source"].get("path") or "in memory"
        rows = [("", "", f"{file}: {_grid(item['source']['grid'])}")]
        for number, step in enumerate(item["steps"], 1):
            moved = _grid(step["after"]) if step["ops"] else "no voxel moves"
            rows.append(
                (str(number), f"{step['transform']} {_parameters(step['params'])}", f"{step['fidelity']}: {moved}")
            )
        lines += [_line(f"{name} ({item['kind']})", bold=True), _table(rows)]
    return f"<div>{''.join(lines)}</div>"


def pipeline(shown: Pipeline) -> str:
    """A pipeline: its inputs and its steps."""
    document = shown.to_dict()
    lines = [_line(f"Pipeline {shown.name}", bold=True)]
    if shown.description:
        lines.append(_line(shown.description))
    given = ", ".join(f"{name} ({_kind(spec)})" for name, spec in document.get("inputs", {}).items())
    lines.append(_line(f"inputs: {given}"))
    rows = [
        (str(number), name, "" if not isinstance(step, dict) else _parameters(step.get(name)))
        for number, (name, step) in enumerate(zip(shown.steps, document.get("steps", []), strict=False), 1)
    ]
    lines += [_table(rows), _line(shown.hash)]
    return f"<div>{''.join(lines)}</div>"


def _kind(spec: Any) -> str:
    kind = str(spec.get("kind", "image")) if isinstance(spec, dict) else str(spec)
    return f"{kind}, optional" if isinstance(spec, dict) and spec.get("optional") else kind


def _told(thing: object) -> str:
    return repr(thing).strip("<>")


def _grid(document: dict[str, Any]) -> str:
    grid = Grid(document["shape"], document["affine"], planar=bool(document.get("planar", False)))
    return _told(grid).removeprefix("revoxel.Grid ")


def _parameters(params: Any) -> str:
    text = "" if params in (None, {}) else json.dumps(params, ensure_ascii=False)
    return text if len(text) <= 160 else text[:159] + "…"


def _line(text: str, *, bold: bool = False) -> str:
    weight = ";font-weight:bold" if bold else ""
    return f'<div style="font-family:monospace{weight}">{html.escape(text)}</div>'


def _table(rows: list[tuple[str, str, str]]) -> str:
    cell = '<td style="text-align:left;font-family:monospace">{}</td>'
    body = "".join(f"<tr>{''.join(cell.format(html.escape(text)) for text in row)}</tr>" for row in rows)
    return f"<table>{body}</table>"


@dataclass(frozen=True, eq=False)
class Plane:
    """A picture, and how it is shown."""

    name: str
    pixels: _Array
    """(row, column, red-green-blue), from the top left."""
    left: str
    top: str
    width: int
    height: int
    stretched: str
    """What was done to a picture that would be too thin to see anything."""


def planes(shown: Volume) -> list[Plane]:
    """Axial, coronal and sagittal through the middle; of a two-dimensional image, the one that it is."""
    values = shown.xyz
    if values.ndim == 4:
        values = values[..., 0]
    cuts = {}
    for name, (across, left, top) in _VIEWS.items():
        normal, column, row = (_axis(shown, letter) for letter in (across, left, top))
        if shown.grid.planar and normal != 2:
            continue
        middle = shown.shape[normal] // 2
        # The same slice of the patient, whichever way the axis points.
        middle = middle if shown.axcodes[normal] == across else shown.shape[normal] - 1 - middle
        cut = np.take(values, middle, axis=normal)
        # Rows first; the first row at the top, the first column at the left.
        cut = cut.T if column < row else cut
        cut = cut[:: 1 if shown.axcodes[row] != top else -1, :: 1 if shown.axcodes[column] != left else -1]
        cuts[name] = (cut, column, row)
    pixels = _pixels([cut for cut, _, _ in cuts.values()], shown.kind)
    out = []
    for (name, (cut, column, row)), picture in zip(cuts.items(), pixels, strict=True):
        width, height, stretched = _size(cut.shape[1] * _step(shown, column), cut.shape[0] * _step(shown, row))
        _, left, top = _VIEWS[name]
        out.append(Plane(name, picture, left, top, width, height, stretched))
    return out


def _axis(shown: Volume, letter: str) -> int:
    """The axis of the array that runs closest to a direction of the patient."""
    return next(axis for axis, code in enumerate(shown.axcodes) if code in (letter, _OPPOSITE[letter]))


def _step(shown: Volume, axis: int) -> float:
    return float(np.linalg.norm(shown.affine[:3, axis]))


def _size(wide: float, high: float) -> tuple[int, int, str]:
    """Pixels for a picture of so many millimetres, and what was done to its proportions."""
    scale = _LONGEST / max(wide, high)
    width, height = wide * scale, high * scale
    thin = min(width, height)
    if thin >= _SHORTEST:
        return round(width), round(height), ""
    side = "width" if width < height else "height"
    told = f"{side} stretched {_SHORTEST / thin:.3g} times"
    return round(max(width, _SHORTEST)), round(max(height, _SHORTEST)), told


def _figure(plane: Plane) -> str:
    """The picture with a letter at each side, beside it, so that nothing of a thin one is covered."""
    data = base64.b64encode(png(plane.pixels)).decode("ascii")
    size = f"width:{plane.width}px;height:{plane.height}px;max-width:none;margin:0"
    picture = f'<img alt="{plane.name}" style="{size};image-rendering:pixelated" src="data:image/png;base64,{data}">'
    letter = '<span style="grid-area:{place};color:#fc6;font:bold 12px sans-serif;margin:2px">{text}</span>'
    letters = "".join(
        letter.format(place=place, text=text)
        for place, text in (
            ("1/2", plane.top),
            ("2/1", plane.left),
            ("2/3", _OPPOSITE[plane.left]),
            ("3/2", _OPPOSITE[plane.top]),
        )
    )
    told = f"{plane.name}, {plane.stretched}" if plane.stretched else plane.name
    caption = f'<span style="grid-area:4/1/5/4;color:#aaa;font:11px sans-serif;margin:2px">{told}</span>'
    box = "display:inline-grid;place-items:center;background:#000;margin:2px;vertical-align:top"
    return f'<div style="{box}"><div style="grid-area:2/2;line-height:0">{picture}</div>{letters}{caption}</div>'


def _pixels(cuts: list[_Array], kind: str) -> list[_Array]:
    """Grey values between the 1st and the 99th percentile of all planes, or colours of labels."""
    # Pictures need no more pixels than they are shown with.
    cuts = [cut[:: max(1, cut.shape[0] // 512), :: max(1, cut.shape[1] // 512)] for cut in cuts]
    if kind == "label":
        whole = [np.nan_to_num(cut.astype(np.float64)).astype(np.int64) for cut in cuts]
        return [np.where(w[..., None] == 0, np.uint8(0), _COLOURS[(w - 1) % len(_COLOURS)]) for w in whole]
    wide = [cut.astype(np.float64) for cut in cuts]
    every = np.concatenate([cut.ravel() for cut in wide])
    # Values that are not finite have no part in the scale: NaN is black.
    finite = every[np.isfinite(every)]
    low, high = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
    shades = [np.nan_to_num(np.clip((cut - low) / max(high - low, 1e-12), 0, 1)) for cut in wide]
    grey = [(shade * 255).astype(np.uint8) for shade in shades]
    return [np.repeat(cut[..., None], 3, axis=2) for cut in grey]


def png(pixels: _Array) -> bytes:
    """A PNG of (row, column, red-green-blue) in bytes."""
    height, width, _ = pixels.shape

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
