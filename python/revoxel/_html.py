"""Volumes in notebooks: three planes through the middle, in the patient's proportions, as PNG."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from typing import Any

import numpy as np

from revoxel._core import Volume

# The longest side of a picture, pixels.
_LONGEST = 220
_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}
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
    values = shown.xyz
    if values.ndim == 4:
        values = values[..., 0]
    planes = "".join(_plane(shown, values, axis) for axis in (2, 1, 0) if shown.shape[axis] >= 1)
    note = f", channel 0 of {shown.channels}" if shown.channels > 1 else ""
    head = html.escape(repr(shown).strip("<>"))
    return f'<div><div style="font-family:monospace">{head}{note}</div><div>{planes}</div></div>'


def _plane(shown: Volume, values: np.ndarray[Any, Any], axis: int) -> str:
    """The plane through the middle across an axis: its first axis to the right, its second one upwards."""
    right, up = [other for other in (0, 1, 2) if other != axis]
    cut = np.take(values, shown.shape[axis] // 2, axis=axis)
    steps = np.linalg.norm(shown.affine[:3, :3], axis=0)
    pixels = _pixels(cut.T[::-1], shown.kind)
    width, height = shown.shape[right] * steps[right], shown.shape[up] * steps[up]
    scale = _LONGEST / max(width, height)
    size = f"width:{max(1, round(width * scale))}px;height:{max(1, round(height * scale))}px"
    to_right, upwards = shown.axcodes[right], shown.axcodes[up]
    data = base64.b64encode(png(pixels)).decode("ascii")
    letter = '<span style="position:absolute;color:#fc6;font:bold 12px sans-serif;{place}">{text}</span>'
    letters = "".join(
        letter.format(place=place, text=text)
        for place, text in (
            ("right:2px;top:45%", to_right),
            ("left:2px;top:45%", _OPPOSITE[to_right]),
            ("left:48%;top:0", upwards),
            ("left:48%;bottom:0", _OPPOSITE[upwards]),
        )
    )
    picture = f'<img style="{size};image-rendering:pixelated" src="data:image/png;base64,{data}">'
    box = "display:inline-block;position:relative;background:#000;margin:2px;line-height:0"
    return f'<div style="{box}">{picture}{letters}</div>'


def _pixels(cut: np.ndarray[Any, Any], kind: str) -> np.ndarray[Any, Any]:
    """Grey values between the 1st and the 99th percentile, or colours of labels."""
    # Pictures need no more pixels than they are shown with.
    cut = cut[:: max(1, cut.shape[0] // 512), :: max(1, cut.shape[1] // 512)]
    if kind == "label":
        whole = np.nan_to_num(cut.astype(np.float64)).astype(np.int64)
        return np.where(whole[..., None] == 0, np.uint8(0), _COLOURS[(whole - 1) % len(_COLOURS)])
    wide = np.nan_to_num(cut.astype(np.float64))
    low, high = np.percentile(wide, [1, 99])
    grey = np.clip((wide - low) / max(high - low, 1e-12), 0, 1) * 255
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """A PNG of (row, column, red-green-blue) in bytes."""
    height, width, _ = pixels.shape

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
