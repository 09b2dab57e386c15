"""The conformance checker: it agrees with a right library, catches wrong ones, and the answers of
installed libraries are those that are recorded.

`python -m revoxel.testing --record python/tests/conformance.json --page docs/spatial-images.md`
(from the root of the repository) asks all installed libraries and records their answers again.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from revoxel.testing import (
    QUESTIONS,
    Adapter,
    NonConformance,
    NotApplicable,
    Report,
    Verdict,
    check_spatial_image,
    make_files,
    sample_files,
)
from revoxel.testing import _files as files_module
from revoxel.testing._page import BEGIN, END, answers_page, replace_answers, table_json
from revoxel.testing.adapters import KNOWN, adapter, missing

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TABLE = HERE / "conformance.json"
PAGE = ROOT / "docs" / "spatial-images.md"

# ------------------------------------------------------------------------- a library that is right


@dataclasses.dataclass
class Image:
    values: Any  # (c, x, y, z)
    affine: Any  # index to the frame of the adapter
    kind: str = "image"


class Exact(Adapter):
    """Does everything, and everything right. It reads the sample files from their answers."""

    name = "exact"
    version = "1"
    frame = "RAS"
    axis_order = "xyz"
    formats = frozenset({"nifti", "nrrd", "metaimage", "dicom", "ome-zarr"})
    suffixes = (".npz",)
    kind_in_files = (".npz",)
    shares_input = True
    shares_output = True
    ties = "upper"

    def to_frame(self, affine_ras: Any) -> Any:
        return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_ras if self.frame == "LPS" else affine_ras

    def image(self, values: Any, affine_ras: Any, kind: str = "image") -> Image:
        # A copy: the array is the caller's.
        affine = self.to_frame(np.array(affine_ras))
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-12:
            raise ValueError("this affine has no inverse")
        return Image(values, affine, kind)

    def make(self, array_xyz: Any, affine_ras: Any) -> Image:
        return self.image(array_xyz[np.newaxis], affine_ras)

    def make_channels(self, array_cxyz: Any, affine_ras: Any) -> Image:
        return self.image(array_cxyz, affine_ras)

    def make_labels(self, array_xyz: Any, affine_ras: Any) -> Image:
        return self.image(array_xyz[np.newaxis], affine_ras, "label")

    def open(self, path: Path) -> Image:
        if path.suffix == ".npz":
            with np.load(path) as held:
                return Image(held["values"], held["affine"], str(held["kind"]))
        file = files_module.load(path.with_name(path.name + ".json"))
        if file.refuse is not None:
            raise ValueError(file.refuse)
        return self.image(np.moveaxis(file.values, 3, 0), file.affine_ras)

    def save(self, image: Image, path: Path) -> None:
        np.savez(path, values=image.values, affine=image.affine, kind=image.kind)

    def array(self, image: Image) -> Any:
        return image.values[0].transpose(2, 1, 0) if self.axis_order == "zyx" else image.values[0]

    def channels(self, image: Image) -> Any:
        return image.values

    def world(self, image: Image, index_xyz: Any) -> Any:
        return image.affine[:3, :3] @ np.asarray(index_xyz) + image.affine[:3, 3]

    def index(self, image: Image, point: Any) -> Any:
        return np.linalg.solve(image.affine[:3, :3], np.asarray(point) - image.affine[:3, 3])

    def spacing(self, image: Image) -> Any:
        return np.linalg.norm(image.affine[:3, :3], axis=0)

    def direction(self, image: Image) -> Any:
        return image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)

    def moved(self, image: Image, values: Any, move: Any) -> Image:
        return Image(values, image.affine @ move, image.kind)

    def slice(self, image: Image, slices_xyz: Any) -> Any:
        move = np.eye(4)
        for axis, cut in enumerate(slices_xyz):
            move[axis, 3], _, move[axis, axis] = cut.indices(image.values.shape[axis + 1])
        return self.moved(image, image.values[(slice(None), *slices_xyz)], move)

    def crop(self, image: Image, start: Any, stop: Any) -> Any:
        return self.slice(image, [slice(a, b) for a, b in zip(start, stop, strict=True)])

    def flip(self, image: Image, axis: int) -> Any:
        return self.slice(image, [slice(None, None, -1 if i == axis else 1) for i in range(3)])

    def transpose(self, image: Image, order: Any) -> Any:
        move = np.eye(4)
        move[:3, :3] = np.eye(3)[:, list(order)]
        return self.moved(image, image.values.transpose(0, *(a + 1 for a in order)), move)

    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        onto = self.to_frame(affine_ras)
        grid = np.indices(shape_xyz).reshape(3, -1)
        at = np.linalg.solve(image.affine[:3, :3], onto[:3, :3] @ grid + (onto[:3, 3] - image.affine[:3, 3])[:, None])
        at = np.round(at, 9)
        out = np.zeros((len(image.values), grid.shape[1]))
        if mode == "nearest":
            corners, weights = [np.floor(at + 0.5)], [np.ones(grid.shape[1])]
        else:
            corners, weights = [], []
            for step in np.ndindex(2, 2, 2):
                corner = np.floor(at) + np.array(step)[:, None]
                corners.append(corner)
                weights.append(np.prod(1 - np.abs(at - corner), axis=0))
        for corner, weight in zip(corners, weights, strict=True):
            inside = np.all((corner >= 0) & (image.values.shape[1:] > corner.T).T, axis=0) & (weight > 0)
            i, j, k = corner[:, inside].astype(int)
            out[:, inside] += weight[inside] * image.values[:, i, j, k]
        return Image(out.reshape(-1, *shape_xyz).astype(image.values.dtype), onto, image.kind)

    def kind(self, image: Image) -> str:
        return image.kind


class ExactLps(Exact):
    """The same in the other conventions."""

    frame = "LPS"
    axis_order = "zyx"


@pytest.mark.parametrize("kind", [Exact, ExactLps])
def test_a_right_library_passes_everything(kind: type[Exact]) -> None:
    report = check_spatial_image(kind(), strict=True)
    assert [a.number for a in report.answers] == list(range(1, 13))
    assert {a.number: a.verdict for a in report.answers} == dict.fromkeys(range(1, 13), Verdict.PASS)
    tried = {m.what for a in report.answers for m in a.measures}
    # Every sample file has a part in some question.
    assert all(any(file.name in what for what in tried) for file in sample_files())


# ------------------------------------------------------------------- libraries that are wrong in one thing


def orthogonal(affine: Any) -> Any:
    """The nearest affine without a shear."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing)
    out = affine.copy()
    out[:3, :3] = left @ right * spacing
    return out


class DirectionTransposed(Exact):
    def world(self, image: Image, index_xyz: Any) -> Any:
        spacing = self.spacing(image)
        rows = (image.affine[:3, :3] / spacing).T * spacing
        return rows @ np.asarray(index_xyz) + image.affine[:3, 3]


class DirectionAttributeTransposed(Exact):
    def direction(self, image: Image) -> Any:
        return super().direction(image).T


class CornerNotCentre(Exact):
    def world(self, image: Image, index_xyz: Any) -> Any:
        return super().world(image, np.asarray(index_xyz) - 0.5)


class SamplesAtCorners(Exact):
    """Voxel i reaches from i to i + 1, as far as nearest sampling is concerned."""

    ties = None

    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        if mode == "nearest":
            affine_ras = affine_ras.copy()
            affine_ras[:3, 3] -= affine_ras[:3, :3] @ np.full(3, 0.5)
        return super().resample(image, affine_ras, shape_xyz, mode)


class LpsTakenForRas(Exact):
    def to_frame(self, affine_ras: Any) -> Any:
        return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_ras


class LpsTakenForRasInFiles(Exact):
    def open(self, path: Path) -> Image:
        image = super().open(path)
        if path.name == "nrrd_las.nrrd":
            image.affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
        return image


class AxesReversed(Exact):
    def array(self, image: Image) -> Any:
        return super().array(image).transpose(2, 1, 0)


class FlipsLostInFiles(Exact):
    def save(self, image: Image, path: Path) -> None:
        affine = image.affine.copy()
        if np.linalg.det(affine) < 0:
            affine[:3, 2] *= -1
        super().save(Image(image.values, affine, image.kind), path)


class IndexingKeepsTheAffine(Exact):
    def slice(self, image: Image, slices_xyz: Any) -> Any:
        return Image(image.values[(slice(None), *slices_xyz)], image.affine, image.kind)


class StrideForgotten(Exact):
    """Moves the origin, and keeps the spacing."""

    def slice(self, image: Image, slices_xyz: Any) -> Any:
        out = super().slice(image, slices_xyz)
        out.affine[:3, :3] = image.affine[:3, :3] * np.sign([cut.step or 1 for cut in slices_xyz])
        return out


class ShearOrthogonalised(Exact):
    def image(self, values: Any, affine_ras: Any, kind: str = "image") -> Image:
        made = super().image(values, affine_ras, kind)
        made.affine = orthogonal(made.affine)
        return made


class ShearOrthogonalisedInFiles(Exact):
    def save(self, image: Image, path: Path) -> None:
        super().save(Image(image.values, orthogonal(image.affine), image.kind), path)


class TimeIsSpace(Exact):
    """Three frames in 2.5 s become the step of the third axis."""

    def open(self, path: Path) -> Image:
        image = super().open(path)
        if path.name == "nifti1_time.nii.gz":
            image.affine = image.affine @ np.diag([1, 1, 2.5 / 2.3, 1])
        return image


class ChannelsInterleaved(Exact):
    def open(self, path: Path) -> Image:
        image = super().open(path)
        c = len(image.values)
        image.values = np.moveaxis(image.values, 0, -1).reshape(c, *image.values.shape[1:])
        return image


class ThicknessLost(Exact):
    def save(self, image: Image, path: Path) -> None:
        steps = [1.0 / s if n == 1 else 1.0 for s, n in zip(self.spacing(image), image.values.shape[1:], strict=True)]
        super().save(Image(image.values, image.affine @ np.diag([*steps, 1.0]), image.kind), path)


class CopiesSilently(Exact):
    def make(self, array_xyz: Any, affine_ras: Any) -> Image:
        return super().make(array_xyz.copy(), affine_ras)


class HandsOutCopies(Exact):
    def array(self, image: Image) -> Any:
        return super().array(image).copy()


class EverythingIsFloat32(Exact):
    shares_input = None

    def make(self, array_xyz: Any, affine_ras: Any) -> Image:
        with np.errstate(over="ignore"):
            return super().make(array_xyz.astype(np.float32), affine_ras)


class ByteOrderIgnored(Exact):
    def make(self, array_xyz: Any, affine_ras: Any) -> Image:
        return super().make(array_xyz.view(array_xyz.dtype.newbyteorder("=")), affine_ras)


class WritesIntoReadOnlyMemory(Exact):
    def array(self, image: Image) -> Any:
        values = image.values[0]
        place = values.__array_interface__["data"][0]

        class Window:
            __array_interface__ = {  # noqa: RUF012 - the protocol wants an attribute
                "data": (place, False),
                "shape": values.shape,
                "strides": values.strides,
                "typestr": values.dtype.str,
                "version": 3,
            }

        window = Window()
        window.owner = values  # type: ignore[attr-defined]
        return np.asarray(window)


class UnitsIgnored(Exact):
    def open(self, path: Path) -> Image:
        image = super().open(path)
        if path.name == "nifti1_micrometre.nii":
            image.affine = np.diag([1e3, 1e3, 1e3, 1.0]) @ image.affine
        return image


class NanTaken(Exact):
    def image(self, values: Any, affine_ras: Any, kind: str = "image") -> Image:
        return Image(values, self.to_frame(np.asarray(affine_ras)), kind)


class ZeroBecomesOne(Exact):
    def image(self, values: Any, affine_ras: Any, kind: str = "image") -> Image:
        affine = np.array(affine_ras)
        for axis in range(3):
            if not affine[:3, axis].any():
                affine[axis, axis] = 1.0
        return super().image(values, affine, kind)


class ResamplingShifts(Exact):
    """Half a voxel, as between conventions for the corner of a grid."""

    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        if mode == "linear":
            affine_ras = affine_ras.copy()
            affine_ras[:3, 3] += affine_ras[:3, :3] @ np.full(3, 0.5)
        return super().resample(image, affine_ras, shape_xyz, mode)


class TiesAreOtherThanDocumented(Exact):
    ties = "even"


class NoInverse(Exact):
    def index(self, image: Image, point: Any) -> Any:
        return image.affine[:3, :3].T @ (np.asarray(point) - image.affine[:3, 3]) / self.spacing(image)


class NegativeSpacing(Exact):
    def spacing(self, image: Image) -> Any:
        return super().spacing(image) * [1, 1, np.sign(np.linalg.det(image.affine))]


class LabelsBecomeImages(Exact):
    def crop(self, image: Image, start: Any, stop: Any) -> Any:
        return dataclasses.replace(super().crop(image, start, stop), kind="image")


BROKEN: list[tuple[type[Exact], int, str]] = [
    (DirectionTransposed, 2, "rows of the direction are taken for the axes"),
    (DirectionAttributeTransposed, 2, "a column differs from the step"),
    (CornerNotCentre, 1, "corner of the first voxel"),
    (SamplesAtCorners, 1, "inner voxels are others"),
    (LpsTakenForRas, 3, "places are LPS, though RAS is declared"),
    (LpsTakenForRasInFiles, 3, "nrrd_las.nrrd: places are LPS"),
    (AxesReversed, 4, "the axes are reversed"),
    (FlipsLostInFiles, 5, "come back with other places"),
    (IndexingKeepsTheAffine, 6, "voxels move, the geometry stays"),
    (StrideForgotten, 6, "strides"),
    (ShearOrthogonalised, 7, "the axes are made orthogonal"),
    (ShearOrthogonalisedInFiles, 7, "sheared, saved as .npz: the shear is dropped"),
    (TimeIsSpace, 8, "places of nifti1_time.nii.gz"),
    (ChannelsInterleaved, 8, "values are in other channels"),
    (ThicknessLost, 8, "the next slice would lie"),
    (CopiesSilently, 9, "memory of make: copied"),
    (HandsOutCopies, 9, "memory of array: copied"),
    (EverythingIsFloat32, 9, "values are changed, they are float32"),
    (ByteOrderIgnored, 9, "made of big-endian int32"),
    (WritesIntoReadOnlyMemory, 9, "the same memory as writable"),
    (UnitsIgnored, 10, "1e+03 times too long"),
    (NanTaken, 10, "places are NaN"),
    (ZeroBecomesOne, 10, "zero spacing is replaced"),
    (ResamplingShifts, 11, "onto the same grid, linear"),
    (TiesAreOtherThanDocumented, 11, "but even is documented"),
    (NoInverse, 11, "comes back"),
    (NegativeSpacing, 12, "spacing, mirrored"),
    (LabelsBecomeImages, 12, "label became image"),
]


@pytest.mark.parametrize(("kind", "number", "words"), BROKEN, ids=[k.__name__ for k, _, _ in BROKEN])
def test_a_wrong_library_is_caught_by_the_right_question(kind: type[Exact], number: int, words: str) -> None:
    report = check_spatial_image(kind())
    failed = {answer.number for answer in report.failed}
    assert number in failed, str(report)
    told = "\n".join(f"{m.what}: {m.sentence}" for m in report[number].of(Verdict.FAIL))
    assert words in told
    # The first four look at one thing each, so that a fault is not told four times.
    assert failed & {1, 2, 3, 4} <= {number}, str(report)
    with pytest.raises(NonConformance, match=f"{number:2}"):
        report.check()


def test_a_fault_in_one_convention_is_caught_in_the_other_too() -> None:
    class Reversed(ExactLps):
        def array(self, image: Image) -> Any:
            return super().array(image).transpose(2, 1, 0)

    class RasTakenForLps(ExactLps):
        def to_frame(self, affine_ras: Any) -> Any:
            return affine_ras

    assert {a.number for a in check_spatial_image(Reversed()).failed} & {1, 2, 3, 4} == {4}
    assert {a.number for a in check_spatial_image(RasTakenForLps()).failed} & {1, 2, 3, 4} == {3}


def test_strict_raises_and_names_what_failed() -> None:
    with pytest.raises(NonConformance, match="the axes are made orthogonal"):
        check_spatial_image(ShearOrthogonalised(), strict=True)
    check_spatial_image(ShearOrthogonalised(), strict=True, questions=[1, 2, 3, 4])


def test_a_refusal_is_no_failure_and_no_pass() -> None:
    class Refuses(Exact):
        def image(self, values: Any, affine_ras: Any, kind: str = "image") -> Image:
            made = super().image(values, affine_ras, kind)
            if np.abs(orthogonal(made.affine) - made.affine).max() > 1e-6:
                raise ValueError("the affine is sheared")
            return made

    answer = check_spatial_image(Refuses(), questions=[7])[7]
    assert answer.verdict is Verdict.REFUSED
    assert "the affine is sheared" in answer.sentence
    answer.check()


def test_a_warning_is_told_and_does_not_change_the_verdict() -> None:
    class Warns(ShearOrthogonalised):
        def image(self, values: Any, affine_ras: Any, kind: str = "image") -> Image:
            warnings.warn("the shear is dropped", stacklevel=1)
            return super().image(values, affine_ras, kind)

    answer = check_spatial_image(Warns(), questions=[7])[7]
    assert answer.verdict is Verdict.FAIL
    assert answer.sentence.count("with a warning") == 1


def test_a_warning_while_saving_is_told() -> None:
    class Warns(ShearOrthogonalisedInFiles):
        def save(self, image: Image, path: Path) -> None:
            # As a library in C++ warns: past Python.
            os.write(2, b"the direction is made orthogonal\n")
            super().save(image, path)

    answer = check_spatial_image(Warns(), questions=[7])[7]
    assert answer.sentence.startswith("sheared, saved as .npz")
    assert answer.sentence.endswith("with a warning")


class Smallest:
    """No base class, three facts and three methods."""

    name = "smallest"
    frame = "RAS"
    axis_order = "xyz"

    def make(self, array_xyz: Any, affine_ras: Any) -> Any:
        return array_xyz, affine_ras.copy()

    def array(self, image: Any) -> Any:
        return image[0]

    def world(self, image: Any, index_xyz: Any) -> Any:
        return image[1][:3, :3] @ index_xyz + image[1][:3, 3]


def test_absent_methods_are_not_applicable() -> None:
    report = check_spatial_image(Smallest())  # type: ignore[arg-type]
    verdicts = {a.number: a.verdict for a in report.answers}
    assert [n for n, v in verdicts.items() if v is Verdict.NOT_APPLICABLE] == [5, 6, 11, 12]
    # It takes any affine.
    assert [n for n, v in verdicts.items() if v is Verdict.FAIL] == [10]


def test_an_image_that_cannot_be_asked_fails() -> None:
    class Mute(Smallest):
        def world(self, image: Any, index_xyz: Any) -> Any:
            raise RuntimeError("no idea")

    class Short(Smallest):
        def world(self, image: Any, index_xyz: Any) -> Any:
            return super().world(image, index_xyz)[:2]

    for kind, words in ((Mute, "RuntimeError: no idea"), (Short, "world gave 2 numbers, not 3")):
        answer = check_spatial_image(kind(), questions=[1])[1]  # type: ignore[arg-type]
        assert answer.verdict is Verdict.FAIL
        assert words in answer.sentence


def test_a_question_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="question 13 does not exist"):
        check_spatial_image(Exact(), questions=[13])


def test_not_applicable_is_not_a_refusal() -> None:
    class Straight(Exact):
        def image(self, values: Any, affine_ras: Any, kind: str = "image") -> Image:
            if (np.abs(affine_ras[:3, :3]) > 1e-9).sum() > 3:
                raise NotApplicable("no direction")
            return super().image(values, affine_ras, kind)

    report = check_spatial_image(Straight())
    assert report[7].verdict is Verdict.NOT_APPLICABLE
    assert report[7].sentence == "no direction"
    assert not report.failed, str(report)


# ------------------------------------------------------------------------------------- sample files


def test_sample_files_are_what_the_script_writes(tmp_path: Path) -> None:
    names = make_files.write_all(tmp_path)
    assert len(names) >= 20
    written = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    folder = files_module.FOLDER
    there = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert written.keys() == there.keys()
    assert [str(p) for p in written if written[p] != there[p]] == []
    assert sum(len(data) for data in there.values()) < 200_000


def test_sample_files_are_asymmetric_and_each_is_asked_about() -> None:
    for file in sample_files():
        assert len(set(file.shape)) == 3, file.name
        assert file.questions, file.name
        for axis in range(3):
            assert not np.array_equal(file.values, np.flip(file.values, axis)), file.name
    asked = {number for file in sample_files() for number in file.questions}
    assert asked == {1, 2, 3, 4, 7, 8, 9, 10}


def test_one_answer_by_hand() -> None:
    """Numbers worked out on paper from the definitions at the top of the script.

    (12, 1, 2, -3) is a quaternion of length sqrt(158). The first column of its rotation is
    (144 + 1 - 4 - 9, 2 (2 - 36), 2 (-3 - 24)) / 158, times 0.7 mm.
    """
    (file,) = [f for f in sample_files() if f.name == "nifti1_sform.nii"]
    assert file.affine_ras is not None
    assert file.affine_ras[:3, 0] == pytest.approx([132 / 158 * 0.7, -68 / 158 * 0.7, -54 / 158 * 0.7])
    assert file.affine_ras[:3, 3].tolist() == [-31.7, 12.9, 48.3]
    assert file.values[3, 0, 0, 0] == 4
    assert file.values[0, 5, 0, 0] == 51
    assert file.values[0, 0, 7, 0] == 701
    data = file.path.read_bytes()
    # The voxel after the first is the neighbour along x.
    assert np.frombuffer(data[352:356], "<i2").tolist() == [1, 2]
    assert np.frombuffer(data[280:296], "<f4").tolist() == pytest.approx(file.affine_ras[0].tolist())


# ---------------------------------------------------------------------------------------- libraries


def recorded() -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))["libraries"]
    return documents


@pytest.mark.parametrize("name", [report["name"] for report in recorded()])
def test_libraries_answer_as_recorded(name: str) -> None:
    absent = missing(name)
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    (was,) = [report for report in recorded() if report["name"] == name]
    now = check_spatial_image(adapter(name)).to_dict()
    assert differences(was, now) == [], (
        f"recorded with {was['version']}, installed is {now['version']}: look at the differences, then "
        "record again with the command at the top of this file"
    )


def differences(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Verdicts that changed, and numbers that changed by more than a tenth."""
    out = []
    for old, new in zip(was["answers"], now["answers"], strict=True):
        before = {m["what"]: m for m in old["measures"]}
        after = {m["what"]: m for m in new["measures"]}
        for what in [*before, *(w for w in after if w not in before)]:
            if what not in before or what not in after:
                out.append(f"{old['number']}, {what}: only {'now' if what in after else 'recorded'}")
                continue
            a, b = before[what], after[what]
            if a["verdict"] != b["verdict"]:
                out.append(f"{old['number']}, {what}: was {a['verdict']}, is {b['verdict']}: {b['sentence']}")
            for key in a["numbers"]:
                if b["numbers"].get(key) != pytest.approx(a["numbers"][key], rel=0.11, abs=1e-6):
                    was_, is_ = a["numbers"][key], b["numbers"].get(key)
                    out.append(f"{old['number']}, {what}: {key} was {was_}, is {is_}")
    return out


def test_differences_are_seen() -> None:
    was = check_spatial_image(Exact()).to_dict()
    assert differences(was, check_spatial_image(Exact()).to_dict()) == []
    changed = differences(was, check_spatial_image(DirectionTransposed()).to_dict())
    assert any(line.startswith("2, nifti1_sform.nii: was pass, is fail") for line in changed)


def test_every_library_with_an_adapter_is_in_the_table() -> None:
    known = set(KNOWN) - {"revoxel"}
    assert known <= {report["name"] for report in recorded()}


@pytest.mark.skipif(bool(missing("revoxel")), reason="the native module of revoxel is not built")
def test_revoxel_passes() -> None:
    report = check_spatial_image(adapter("revoxel"), strict=True)
    assert_no_crash(report)


def assert_no_crash(report: Report) -> None:
    """Refusals of revoxel are its own errors, not those of a mistake in its code."""
    for answer in report.answers:
        for measure in answer.of(Verdict.REFUSED):
            kind = measure.sentence.split(":")[0]
            assert kind not in {"TypeError", "AttributeError", "KeyError", "IndexError"}, measure


def test_the_page_shows_the_recorded_answers() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == replace_answers(PAGE, recorded()), "write it again with the command at the top of this file"
    table = text.partition(BEGIN)[2].partition(END)[0]
    for number, (title, _) in QUESTIONS.items():
        assert f"| {number}. {title} |" in table
    assert TABLE.read_text(encoding="utf-8") == table_json(recorded())


def test_the_page_changes_with_the_answers() -> None:
    right, wrong = (check_spatial_image(k()).to_dict() for k in (Exact, DirectionTransposed))
    assert "**no**" not in answers_page([right])
    assert "**no**" in answers_page([right, wrong])


def test_importing_the_checker_imports_no_library() -> None:
    code = (
        "import sys, types; p = types.ModuleType('revoxel'); p.__path__ = [sys.argv[1]]; "
        "sys.modules['revoxel'] = p; import revoxel.testing, revoxel.testing.adapters; "
        "print(sorted(m for m in ('nibabel', 'SimpleITK', 'itk', 'monai', 'torch', 'torchio', 'xarray', "
        "'scipy', 'pytest') if m in sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(HERE.parent / "revoxel")], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


# ------------------------------------------------------------------------------------------- plugin


class Outcomes:
    """Counts what a run of pytest did."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.seen[report.nodeid.split("::")[-1]] = report.outcome


def run_tests(folder: Path, text: str, *options: str) -> Outcomes:
    # Names of modules must differ, for these run in one process.
    path = folder / f"test_{folder.name}_{len(list(folder.iterdir()))}.py"
    path.write_text(text, encoding="utf-8")
    outcomes = Outcomes()
    loaded = ["-p", "no:cacheprovider", "-p", "revoxel.testing.plugin", "--rootdir", str(folder)]
    pytest.main([str(path), "-q", *loaded, *options], plugins=[outcomes])
    return outcomes


def test_the_plugin_gives_every_file(tmp_path: Path) -> None:
    ran = run_tests(
        tmp_path,
        "import pytest\n"
        "def test_all(spatial_file):\n"
        "    assert spatial_file.path.exists() and 'revoxel/testing' not in str(spatial_file.path)\n"
        "@pytest.mark.spatial_files(formats=['nifti'], questions=[7])\n"
        "def test_some(spatial_file):\n"
        "    assert spatial_file.path.read_bytes()[:2] != b'\\x1f\\x8b'\n",
    )
    everything = [name for name in ran.seen if name.startswith("test_all")]
    assert everything == [f"test_all[{file.name}]" for file in sample_files()]
    assert {ran.seen[name] for name in everything} == {"passed"}
    # The one sheared NIfTI file is compressed, so that this test of it must fail.
    assert {k: v for k, v in ran.seen.items() if "some" in k} == {"test_some[nifti1_sheared.nii.gz]": "failed"}


def test_the_plugin_asks_twelve_questions(tmp_path: Path) -> None:
    text = (
        "import pytest, sys\n"
        f"this = sys.modules[{__name__!r}]\n"
        "@pytest.mark.spatial_image(this.ShearOrthogonalised())\n"
        "def test_answers(spatial_answer):\n"
        "    spatial_answer.check()\n"
    )
    ran = run_tests(tmp_path, text)
    assert [n for n, v in ran.seen.items() if v == "failed"] == ["test_answers[7]"]
    assert len(ran.seen) == 12
    ran = run_tests(tmp_path, text, "--spatial-image", f"{__name__}:Exact")
    assert set(ran.seen.values()) == {"passed"}


def test_the_plugin_says_what_is_missing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_tests(tmp_path, "def test_answers(spatial_answer): spatial_answer.check()\n")
    assert "name an adapter" in capfd.readouterr().out


# -------------------------------------------------------------------------------------- command line


def test_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main = importlib.import_module("revoxel.testing.__main__").main
    wrong = f"{__name__}:ShearOrthogonalised"
    assert main([wrong, "--question", "7"]) == 0
    assert "the axes are made orthogonal" in capsys.readouterr().out
    assert main([wrong, "--question", "7", "--strict"]) == 1
    assert main([f"{__name__}:Exact", "--strict"]) == 0
    table = tmp_path / "table.json"
    assert main([wrong, "--record", str(table)]) == 0
    assert main([f"{__name__}:Exact", "--record", str(table)]) == 0
    held = json.loads(table.read_text(encoding="utf-8"))["libraries"]
    assert [report["name"] for report in held] == ["exact"]
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["no-such-library"])
    assert "no adapter is called 'no-such-library'" in capsys.readouterr().err
