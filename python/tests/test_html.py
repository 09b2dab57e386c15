"""Pictures in notebooks show the patient as radiologists look at them, whichever way the axes of the array run."""

from __future__ import annotations

import base64
import itertools
import re
import struct
import zlib

import numpy as np
import pytest
from conftest import PIPELINE, affines, oblique, orientations, voxels

import revoxel
from revoxel import _html

# Right, front and head are where the indices of this volume grow; three axes of different length and spacing.
SHAPE, SPACING = (6, 8, 10), (1.0, 1.5, 2.0)


def turned(
    values: np.ndarray, turn: np.ndarray, rotation: np.ndarray | None = None, kind: str = "image"
) -> revoxel.Volume:
    """A volume of RAS axes, stored with other ones: `turn` leads from its indices to RAS, with signs."""
    order = [int(np.argmax(np.abs(turn[:, axis]))) for axis in range(3)]
    flips = [bool(turn[order[axis], axis] < 0) for axis in range(3)]
    stored = values.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if rotation is None else rotation) @ turn @ np.diag([SPACING[a] for a in order])
    return revoxel.Volume(np.asfortranarray(stored), affine, kind=kind)


def pictures(text: str) -> list[tuple[str, np.ndarray, tuple[int, int]]]:
    """The name, the pixels and the shown size (width, height) of each picture."""
    found = []
    for name, style, data in re.findall(r'<img alt="(\w+)" style="([^"]*)" src="data:image/png;base64,([^"]*)"', text):
        picture = base64.b64decode(data)
        width, height = struct.unpack(">II", picture[16:24])
        length = struct.unpack(">I", picture[33:37])[0]
        rows = np.frombuffer(zlib.decompress(picture[41 : 41 + length]), np.uint8).reshape(height, -1)
        size = tuple(int(re.search(rf"{side}:(\d+)px", style)[1]) for side in ("width", "height"))  # type: ignore[index]
        found.append((name, rows[:, 1:].reshape(height, width, 3), (size[0], size[1])))
    return found


def letters(text: str) -> list[dict[str, str]]:
    """By picture, the letter at each side."""
    sides = {"1/2": "top", "2/1": "left", "2/3": "right", "3/2": "bottom"}
    spans = re.findall(r'<span style="grid-area:(\d/\d);[^"]*">([RLAPSI])</span>', text)
    parts = [dict(spans[i : i + 4]) for i in range(0, len(spans), 4)]
    return [{sides[place]: letter for place, letter in part.items()} for part in parts]


WAYS = list(itertools.product(range(48), (False, True)))


@pytest.mark.parametrize(("number", "slanted"), WAYS)
def test_the_right_front_upper_corner_is_at_the_top_left(number: int, slanted: bool) -> None:
    turn = orientations()[number]
    # Edges of the volume, each bright along one axis: every picture cuts one of them, at the corner of the two others.
    values = np.zeros(SHAPE, np.float32)
    values[-1, -1, :] = values[-1, :, -1] = values[:, -1, -1] = 100
    shown = turned(values, turn, oblique() if slanted else None)
    text = shown._repr_html_()
    there = pictures(text)
    assert [name for name, _, _ in there] == ["axial", "coronal", "sagittal"]
    for _, pixels, _ in there:
        bright = np.argwhere(pixels[..., 0] == 255)
        np.testing.assert_array_equal(bright, [[0, 0]])
    axial = {"top": "A", "left": "R", "right": "L", "bottom": "P"}
    coronal = {"top": "S", "left": "R", "right": "L", "bottom": "I"}
    sagittal = {"top": "S", "left": "A", "right": "P", "bottom": "I"}
    assert letters(text) == [axial, coronal, sagittal]


def test_all_orientations_give_the_same_pictures() -> None:
    values = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    first = pictures(turned(values, np.eye(3))._repr_html_())
    # Columns from the right to the left, rows from the top to the bottom; the middle slice.
    grey = first[0][1][..., 0].astype(int)
    order = np.argsort(values[::-1, ::-1, SHAPE[2] // 2].T, axis=None)
    assert (np.diff(grey.ravel()[order]) >= 0).all()
    for turn in orientations():
        other = pictures(turned(values, turn)._repr_html_())
        for (_, one, size), (_, two, again) in zip(first, other, strict=True):
            np.testing.assert_array_equal(one, two)
            assert size == again


def test_proportions_are_those_of_the_patient() -> None:
    sizes = {name: size for name, _, size in pictures(turned(np.zeros(SHAPE, np.uint8), np.eye(3))._repr_html_())}
    wide, deep, high = (n * step for n, step in zip(SHAPE, SPACING, strict=True))
    assert sizes["axial"] == (round(220 * wide / deep), 220)
    assert sizes["coronal"] == (round(220 * wide / high), 220)
    assert sizes["sagittal"] == (round(220 * deep / high), 220)
    assert "stretched" not in turned(np.zeros(SHAPE, np.uint8), np.eye(3))._repr_html_()


def test_thin_stacks_can_be_seen() -> None:
    text = revoxel.Volume(np.zeros((64, 64, 3), np.uint8), np.diag([1.0, 1.0, 2.0, 1.0]))._repr_html_()
    sizes = {name: size for name, _, size in pictures(text)}
    assert sizes == {"axial": (220, 220), "coronal": (220, 60), "sagittal": (220, 60)}
    assert text.count("height stretched 2.91 times") == 2
    line = revoxel.Volume(np.zeros((1, 1, 500), np.uint8), np.eye(4))._repr_html_()
    assert all(min(size) >= 60 for _, _, size in pictures(line))
    assert "width stretched" in line


def test_grey_is_the_same_in_all_planes() -> None:
    values = np.full(SHAPE, 10.0, np.float32)
    values[:, :, SHAPE[2] // 2] = 20
    there = pictures(turned(values, np.eye(3))._repr_html_())
    assert (there[0][1] == 255).all()
    assert {int(v) for v in np.unique(there[1][1])} == {0, 255}


def test_an_image_of_two_dimensions_is_one_picture() -> None:
    flat = revoxel.Volume(np.zeros((40, 50), np.uint8), np.eye(4), order="xy")
    assert [name for name, _, _ in pictures(flat._repr_html_())] == ["axial"]


def test_labels_have_colours_and_channels_are_told() -> None:
    labels = turned(np.full(SHAPE, 2, np.uint8), np.eye(3), kind="label")
    assert {tuple(v) for v in pictures(labels._repr_html_())[0][1].reshape(-1, 3)} == {(94, 160, 220)}
    two = revoxel.Volume(voxels(channels=2), np.eye(4), order="xyzc")
    assert "channel 0 of 2" in two._repr_html_()


def test_values_that_are_not_finite_are_no_error() -> None:
    for value in (np.nan, np.inf, -np.inf):
        values = np.ones(SHAPE, np.float32)
        values[3] = value
        assert len(pictures(revoxel.Volume(values, np.eye(4))._repr_html_())) == 3
    # They do not hide the others.
    values = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    values[0, :, :] = np.inf
    assert len(np.unique(pictures(revoxel.Volume(values, np.eye(4))._repr_html_())[0][1])) > 20
    assert not pictures(revoxel.Volume(np.full(SHAPE, np.nan), np.eye(4))._repr_html_())[0][1].any()


def test_results_traces_and_pipelines(scan: revoxel.Volume, pipeline: revoxel.Pipeline) -> None:
    made = pipeline({"image": scan}, case="a<b")
    text = _html.result(made)
    assert "a&lt;b" in text
    assert "<b" not in text
    assert len(pictures(text)) == 3
    text = _html.trace(made.trace)
    for words in ("a&lt;b", "orientation", "spacing", "&quot;axcodes&quot;: &quot;RAS&quot;", "lossy", "5×7×9"):
        assert words in text
    assert "revoxel.Grid" not in text
    text = _html.pipeline(pipeline)
    for words in ("image (image), label (label, optional)", "spacing", "&quot;pixdim&quot;: [1, 1, 1]", pipeline.hash):
        assert words in text


def test_a_result_tells_that_it_was_left_out(scan: revoxel.Volume) -> None:
    trace = revoxel.Pipeline.parse(PIPELINE)({"image": scan}, case="a").trace
    text = _html.result(revoxel.Result({}, trace, "a", "it has no label", ["two slices <are> missing"]))
    assert "left out: it has no label" in text
    assert "note: two slices &lt;are&gt; missing" in text


def test_a_description_with_marks_is_text() -> None:
    told = PIPELINE.replace("version: 1\n", 'version: 1\ndescription: "<script>alert(1)</script>"\n', 1)
    assert "<script>" not in _html.pipeline(revoxel.Pipeline.parse(told))


def test_long_parameters_are_cut() -> None:
    assert _html._parameters({"a": list(range(1000))}).endswith("…")
    assert _html._parameters(None) == ""


def test_shear_does_not_matter() -> None:
    for affine in affines(True)[:8]:
        assert len(pictures(revoxel.Volume(voxels(), affine)._repr_html_())) == 3
