"""Faults that a library may have, each put alone into one that is right: some question must find each.

The faults of test_conformance.py show that a question looks at its own thing. These show that nothing slips through.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_conformance import Exact, ExactLps, Image

from revoxel.testing import NotApplicable, Verdict, check_spatial_image

# ------------------------------------------------------------------------ question 6: flips, slices, transposes


class FlipDoesNothing(Exact):
    def flip(self, image: Image, axis: int) -> Any:
        return image


class FlipOfTheWrongAxis(Exact):
    def flip(self, image: Image, axis: int) -> Any:
        return super().flip(image, 2 - axis)


class NegativeStepsIgnored(Exact):
    def slice(self, image: Image, slices_xyz: Any) -> Any:
        return super().slice(image, [slice(None) if (cut.step or 1) < 0 else cut for cut in slices_xyz])


class NegativeStartsAreZero(Exact):
    def slice(self, image: Image, slices_xyz: Any) -> Any:
        starts = [0 if (cut.start or 0) < 0 else cut.start for cut in slices_xyz]
        cuts = zip(starts, slices_xyz, strict=True)
        return super().slice(image, tuple(slice(start, cut.stop, cut.step) for start, cut in cuts))


class NegativeStartsGoBeforeTheImage(Exact):
    """The values are right, and the geometry takes the negative number as it is."""

    def slice(self, image: Image, slices_xyz: Any) -> Any:
        out = super().slice(image, slices_xyz)
        for axis, cut in enumerate(slices_xyz):
            if (cut.start or 0) < 0:
                out.affine[:3, 3] -= image.affine[:3, axis] * image.values.shape[axis + 1]
        return out


class TransposeByTheInverse(Exact):
    def transpose(self, image: Image, order: Any) -> Any:
        return super().transpose(image, np.argsort(order))


class TransposeDoesNothing(Exact):
    def transpose(self, image: Image, order: Any) -> Any:
        return image


class CropTakesOneMore(Exact):
    def crop(self, image: Image, start: Any, stop: Any) -> Any:
        return super().crop(image, start, [n + 1 for n in stop])


class FlipMovesTheImageItself(Exact):
    def flip(self, image: Image, axis: int) -> Any:
        out = super().flip(image, axis)
        image.affine = out.affine.copy()
        return out


class TransposeWritesIntoTheImage(Exact):
    def transpose(self, image: Image, order: Any) -> Any:
        out = super().transpose(image, order)
        image.values = np.zeros_like(image.values)
        return Image(out.values.copy(), out.affine, out.kind)


# ------------------------------------------------------------------------------------ question 11: resampling


class ResampledKeepsTheOldGeometry(Exact):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        return dataclasses.replace(super().resample(image, affine_ras, shape_xyz, mode), affine=image.affine)


class RotationOfTheTargetIgnored(Exact):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        onto = np.array(affine_ras)
        spacing = np.linalg.norm(onto[:3, :3], axis=0)
        # Exact keeps affines in RAS.
        onto[:3, :3] = image.affine[:3, :3] / self.spacing(image) * spacing
        return super().resample(image, onto, shape_xyz, mode)


class RotationIgnoredInValuesOnly(RotationOfTheTargetIgnored):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        return dataclasses.replace(super().resample(image, affine_ras, shape_xyz, mode), affine=np.array(affine_ras))


class SpacingOfTheTargetIgnored(Exact):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        onto = np.array(affine_ras)
        onto[:3, :3] *= self.spacing(image) / np.linalg.norm(onto[:3, :3], axis=0)
        out = super().resample(image, onto, shape_xyz, mode)
        return dataclasses.replace(out, affine=np.array(affine_ras))


class ShapeOfTheTargetIgnored(Exact):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        return super().resample(image, affine_ras, image.values.shape[1:], mode)


class LinearIsNearest(Exact):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        return super().resample(image, affine_ras, shape_xyz, "nearest")


class NearestIsLinear(Exact):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        return super().resample(image, affine_ras, shape_xyz, "linear")


class LinearIsHalfAVoxelOffElsewhere(Exact):
    """Right onto the same grid, and half a voxel beside it onto another."""

    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        onto = np.array(affine_ras)
        if mode == "linear" and not np.allclose(onto, image.affine):
            onto[:3, 3] += onto[:3, :3].sum(axis=1) / 2
        out = super().resample(image, onto, shape_xyz, mode)
        return dataclasses.replace(out, affine=np.array(affine_ras))


class CornersAreAligned(Exact):
    """Half the difference of the voxel sizes beside the place: corners are taken for centres."""

    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        onto = np.array(affine_ras)
        spacing = np.linalg.norm(onto[:3, :3], axis=0)
        onto[:3, 3] += onto[:3, :3] @ ((self.spacing(image) / spacing - 1) / 2)
        out = super().resample(image, onto, shape_xyz, mode)
        return dataclasses.replace(out, affine=np.array(affine_ras))


class MirroredImagesAreResampledWrong(Exact):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        out = super().resample(image, affine_ras, shape_xyz, mode)
        if np.linalg.det(image.affine[:3, :3]) < 0:
            out.values = out.values[:, :, :, ::-1]
        return out


# ------------------------------------------------------------------------------------------ question 8: channels


class SavingLosesChannels(Exact):
    def save(self, image: Image, path: Path) -> None:
        super().save(dataclasses.replace(image, values=image.values[:1]), path)


class SavingReversesChannels(Exact):
    def save(self, image: Image, path: Path) -> None:
        super().save(dataclasses.replace(image, values=image.values[::-1]), path)


class ChannelsMoveWhenSaved(Exact):
    def save(self, image: Image, path: Path) -> None:
        affine = image.affine.copy()
        if len(image.values) > 1:
            affine[:3, 3] += affine[:3, 2]
        super().save(dataclasses.replace(image, affine=affine), path)


class SlicesDropChannels(Exact):
    def slice(self, image: Image, slices_xyz: Any) -> Any:
        out = super().slice(image, slices_xyz)
        return dataclasses.replace(out, values=out.values[:1])


class SlicesReverseChannels(Exact):
    def slice(self, image: Image, slices_xyz: Any) -> Any:
        out = super().slice(image, slices_xyz)
        return dataclasses.replace(out, values=out.values[::-1])


class FlipsReverseChannels(Exact):
    def flip(self, image: Image, axis: int) -> Any:
        out = super().flip(image, axis)
        return dataclasses.replace(out, values=out.values[::-1])


# --------------------------------------------------------------------------------------- question 9: values, memory


class SavesAs(Exact):
    """Saves all values as one type."""

    dtype = ""

    def save(self, image: Image, path: Path) -> None:
        with np.errstate(all="ignore"):
            super().save(dataclasses.replace(image, values=image.values.astype(self.dtype)), path)


class SavesFloatsAsInt16(SavesAs):
    def save(self, image: Image, path: Path) -> None:
        self.dtype = "int16" if image.values.dtype.kind == "f" else image.values.dtype.name
        super().save(image, path)


class SavesFloat64AsFloat32(SavesAs):
    def save(self, image: Image, path: Path) -> None:
        self.dtype = "float32" if image.values.dtype == np.float64 else image.values.dtype.name
        super().save(image, path)


class SavesInt64AsFloat64(SavesAs):
    def save(self, image: Image, path: Path) -> None:
        self.dtype = "float64" if image.values.dtype == np.int64 else image.values.dtype.name
        super().save(image, path)


class NanBecomesZero(Exact):
    shares_input = None

    def make(self, array_xyz: Any, affine_ras: Any) -> Image:
        return super().make(np.where(np.isnan(array_xyz), 0, array_xyz).astype(array_xyz.dtype), affine_ras)


class InfinityIsClippedInFiles(Exact):
    def save(self, image: Image, path: Path) -> None:
        values = np.nan_to_num(image.values, nan=np.nan) if image.values.dtype.kind == "f" else image.values
        super().save(dataclasses.replace(image, values=values), path)


class WritesIntoTheCallersAffine(Exact):
    def make(self, array_xyz: Any, affine_ras: Any) -> Image:
        made = super().make(array_xyz, affine_ras)
        affine_ras[:3, 3] = 0
        return made


class KeepsTheCallersAffine(Exact):
    def make(self, array_xyz: Any, affine_ras: Any) -> Image:
        return dataclasses.replace(super().make(array_xyz, affine_ras), affine=affine_ras)


# ------------------------------------------------------------------------------------------ question 12: kinds


class LabelsAreMadeAsImages(Exact):
    def make_labels(self, array_xyz: Any, affine_ras: Any) -> Image:
        return self.make(array_xyz, affine_ras)


class LabelsAreResampledByLinear(Exact):
    def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
        return super().resample(image, affine_ras, shape_xyz, "linear" if image.kind == "label" else mode)


MUTANTS: dict[type[Exact], tuple[int, str]] = {
    FlipDoesNothing: (6, "flip of axis 0: axes have another order or direction"),
    FlipOfTheWrongAxis: (6, "flip of axis 0: axes have another order or direction"),
    NegativeStepsIgnored: (6, "indexing, one axis reversed: axes have another order or direction"),
    NegativeStartsAreZero: (6, "indexing, counted from the end: values are others"),
    NegativeStartsGoBeforeTheImage: (6, "indexing, counted from the end: voxels and geometry move differently"),
    TransposeByTheInverse: (6, "transpose: axes have another order or direction"),
    TransposeDoesNothing: (6, "transpose: axes have another order or direction"),
    CropTakesOneMore: (6, "crop: values are others"),
    FlipMovesTheImageItself: (6, "the image itself: is changed by what is made of it: it lies elsewhere"),
    TransposeWritesIntoTheImage: (6, "the image itself: is changed by what is made of it: its values are others"),
    ResampledKeepsTheOldGeometry: (11, "onto another grid, nearest: the grid is another"),
    RotationOfTheTargetIgnored: (11, "onto another grid, nearest: the grid is another"),
    RotationIgnoredInValuesOnly: (11, "values are not those of their places"),
    SpacingOfTheTargetIgnored: (11, "onto other voxel sizes, linear: "),
    ShapeOfTheTargetIgnored: (11, "the shape is (9, 8, 7), not (4, 5, 6)"),
    LinearIsNearest: (11, "onto another grid, linear: "),
    NearestIsLinear: (11, "onto another grid, nearest: "),
    LinearIsHalfAVoxelOffElsewhere: (11, "onto other voxel sizes, linear: "),
    CornersAreAligned: (11, "onto other voxel sizes, nearest: "),
    MirroredImagesAreResampledWrong: (11, "onto another grid, of a mirrored image, nearest: "),
    SavingLosesChannels: (8, "made of 2 channels, saved as .npz: 5 × 7 × 9 × 1 values come back"),
    SavingReversesChannels: (8, "made of 2 channels, saved as .npz: values are in other channels"),
    ChannelsMoveWhenSaved: (8, "made of 2 channels, saved as .npz: voxels are up to 1 voxels off"),
    SlicesDropChannels: (8, "indexing, made of 2 channels: the shape is (1, 3, 4, 5), not (2, 3, 4, 5)"),
    SlicesReverseChannels: (8, "indexing, made of 2 channels: values are in other channels"),
    FlipsReverseChannels: (8, "flip, made of 2 channels: values are in other channels"),
    SavesFloatsAsInt16: (9, "float32, saved as .npz: "),
    SavesFloat64AsFloat32: (9, "float64, saved as .npz: 3 values are changed, they are float32"),
    SavesInt64AsFloat64: (9, "they are float64: 9223372036854775807 became 9.223372036854776e+18"),
    NanBecomesZero: (9, "made of float32: 1 values are changed: nan became 0.0"),
    InfinityIsClippedInFiles: (9, "float32, saved as .npz: 2 values are changed: inf became 3.4028"),
    WritesIntoTheCallersAffine: (9, "the affine that was given: the library writes into it"),
    KeepsTheCallersAffine: (9, "the affine that was given: the image moves if the caller writes into it later"),
    LabelsAreMadeAsImages: (12, "a label map and an image are both image"),
    LabelsAreResampledByLinear: (12, "labels after resampling: "),
}


@pytest.mark.parametrize("kind", [Exact, ExactLps])
def test_without_a_fault_nothing_is_found(kind: type[Exact]) -> None:
    report = check_spatial_image(kind(), strict=True)
    assert {answer.verdict for answer in report.answers} == {Verdict.PASS}
    # What cannot be held is refused, and nothing else.
    others = [answer.number for answer in report.answers for m in answer.measures if m.verdict is not Verdict.PASS]
    assert set(others) == {10}


@pytest.mark.parametrize("kind", MUTANTS, ids=[kind.__name__ for kind in MUTANTS])
def test_every_fault_is_found(kind: type[Exact]) -> None:
    number, words = MUTANTS[kind]
    report = check_spatial_image(kind())
    print(f"{kind.__name__}: found by {[answer.number for answer in report.failed]}")
    told = "\n".join(f"{m.what}: {m.sentence}" for m in report[number].of(Verdict.FAIL))
    assert words in told, str(report)
    # The axes and the frame are right. The first question samples by nearest, too.
    assert {answer.number for answer in report.failed} <= {1, 6, 8, 9, 11, 12}, str(report)


def test_faults_are_found_in_the_other_convention_too() -> None:
    class NoFlip(ExactLps):
        def flip(self, image: Image, axis: int) -> Any:
            return image

    class KeepsGeometry(ExactLps):
        def resample(self, image: Image, affine_ras: Any, shape_xyz: Any, mode: str) -> Image:
            return dataclasses.replace(super().resample(image, affine_ras, shape_xyz, mode), affine=image.affine)

    for kind, number in ((NoFlip, 6), (KeepsGeometry, 11)):
        assert check_spatial_image(kind(), questions=[number])[number].verdict is Verdict.FAIL


# ------------------------------------------------------------------------------------------- no false alarms


def test_a_format_may_give_the_axes_another_order() -> None:
    """Files in the order of the patient's axes, as some formats want them: nothing is wrong."""

    class Canonical(Exact):
        def save(self, image: Image, path: Path) -> None:
            # Axes from the front to the back, up, and to the left, whatever they were.
            turned = self.flip(self.transpose(image, (1, 2, 0)), 2)
            super().save(turned, path)

    report = check_spatial_image(Canonical(), questions=[5, 9])
    assert not report.failed, str(report)
    # The eighth looks for a thin axis where it was before, but channels are found.
    told = check_spatial_image(Canonical(), questions=[8])[8]
    assert [m.what for m in told.of(Verdict.PASS) if "2 channels, saved" in m.what] == [
        "made of 2 channels, saved as .npz"
    ]


def test_a_library_may_say_that_it_keeps_the_affine() -> None:
    class Says(KeepsTheCallersAffine):
        shares_affine = True

    assert check_spatial_image(Says(), questions=[9])[9].verdict is Verdict.PASS


def test_what_only_refuses_is_not_taken_for_right() -> None:
    class Refuses(Exact):
        def slice(self, image: Image, *_: Any) -> Any:
            raise ValueError("not today")

        crop = flip = transpose = slice

    assert check_spatial_image(Refuses(), questions=[6])[6].verdict is Verdict.REFUSED


def test_a_library_without_directions_is_asked_on_a_grid_along_the_axes() -> None:
    class Straight(Exact):
        def image(self, values: Any, affine_ras: Any, kind: str = "image") -> Image:
            if (np.abs(affine_ras[:3, :3]) > 1e-9).sum() > 3:
                raise NotApplicable("no direction")
            return super().image(values, affine_ras, kind)

    class LinearIsOff(LinearIsHalfAVoxelOffElsewhere, Straight):
        pass

    assert check_spatial_image(Straight(), questions=[11])[11].verdict is Verdict.PASS
    assert check_spatial_image(LinearIsOff(), questions=[11])[11].verdict is Verdict.FAIL
