"""Records of other programs that mislead, or that lack something, are refused with words that say what is wrong."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_foreign import SHAPE, monai_chain, scan_affine, write_scan

import revoxel
from revoxel import TraceError, foreign
from revoxel._chain import overlap, shift

nibabel = pytest.importorskip("nibabel")


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return write_scan(tmp_path / "scan.nii", scan_affine())


# --- an affine that leads nowhere


def spacing(**more: Any) -> Any:
    m = pytest.importorskip("monai.transforms")
    return m.Spacingd("image", (1.4, 1.4, 2.9), **more)


AFTER = ["nothing", "flip and crop", "orientation", "another spacing", "resize"]


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("corners", [False, True])
def test_a_recomputed_affine_is_refused(after: str, corners: bool, scan: Path) -> None:
    """MONAI writes the scale between both sizes, and forgets where the scan lies."""
    m = pytest.importorskip("monai.transforms")
    rest = {
        "nothing": [],
        "flip and crop": [m.Flipd("image", 1), m.CenterSpatialCropd("image", (9, 10, 11))],
        "orientation": [m.Orientationd("image", "PLI", labels=None)],
        "another spacing": [m.Spacingd("image", (1.1, 1.2, 1.3))],
        "resize": [m.Resized("image", (9, 8, 7), mode="trilinear"), m.BorderPadd("image", 1)],
    }[after]
    image = monai_chain([spacing(recompute_affine=True, align_corners=corners), *rest])({"image": str(scan)})["image"]
    with pytest.raises(TraceError, match=r"MONAI SpatialResample: .*scale between both sizes.*recompute_affine=True"):
        foreign.trace_from_monai(image)
    # Without it, the same chain is taken.
    image = monai_chain([spacing(align_corners=corners), *rest])({"image": str(scan)})["image"]
    trace = foreign.trace_from_monai(image)
    everywhere = trace.inversion(np.ones(trace.model_grid.shape, np.uint8), kind="label")
    assert (everywhere.volume.xyz == 1).mean() > 0.1


@pytest.mark.parametrize("turn", [((0, 1, 2), (-1, -1, 1)), ((2, 0, 1), (-1, 1, -1))])
def test_a_recomputed_affine_is_refused_however_the_scan_lies(turn: Any, tmp_path: Path) -> None:
    path = write_scan(tmp_path / "scan.nii", scan_affine(turn))
    image = monai_chain([spacing(recompute_affine=True)])({"image": str(path)})["image"]
    with pytest.raises(TraceError, match="recompute_affine"):
        foreign.trace_from_monai(image)


def test_a_scan_whose_voxels_are_its_millimetres_may_be_sampled(tmp_path: Path) -> None:
    """There the scale between both sizes is the affine, and right."""
    m = pytest.importorskip("monai.transforms")
    nibabel.save(nibabel.Nifti1Image(np.ones((22, 18, 14), np.float32), np.eye(4)), tmp_path / "scan.nii")
    steps = [m.Spacingd("image", (2, 2, 2), scale_extent=True)]
    trace = foreign.trace_from_monai(monai_chain(steps)({"image": str(tmp_path / "scan.nii")})["image"])
    assert trace.model_grid.shape == (11, 9, 7)


def test_a_grid_beside_the_scan_is_refused(scan: Path) -> None:
    m = pytest.importorskip("monai.transforms")
    image = monai_chain([])({"image": str(scan)})["image"]
    for away, fits in ((10.0, True), (500.0, False)):
        onto = scan_affine()
        onto[:3, 3] += away
        moved = m.SpatialResample()(image, dst_affine=onto, spatial_size=SHAPE)
        if fits:
            assert foreign.trace_from_monai(moved).model_grid.shape == SHAPE
            continue
        with pytest.raises(TraceError, match=r"MONAI SpatialResample: .*does not overlap"):
            foreign.trace_from_monai(moved)


def test_boxes_overlap_or_not() -> None:
    """Compared with many points of the one box, which lie in the other or not."""
    rng = np.random.default_rng(7)
    before, after = (4, 5, 6), (3, 4, 2)
    ends = [np.linspace(-0.499, n - 0.501, 12) for n in after]
    points = np.array(list(itertools.product(*ends)))
    found = set()
    for _ in range(300):
        matrix = shift(rng.uniform(-6, 10, 3))
        matrix[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.5, 2, 3)
        inside = points @ matrix[:3, :3].T + matrix[:3, 3]
        shares = bool(((inside > -0.5) & (inside < np.array(before) - 0.5)).all(axis=1).any())
        said = overlap(before, after, matrix)
        # Points miss a small part that two boxes share at a corner, so that only one direction is sure.
        assert said or not shares
        found.add((said, shares))
    assert {(True, True), (False, False)} <= found
    assert not overlap(before, after, shift(np.array([4.0, 0, 0])))
    assert overlap(before, after, shift(np.array([3.9, 0, 0])))


# --- compositions


def test_compositions_without_what_they_chose_are_refused(scan: Path) -> None:
    m = pytest.importorskip("monai.transforms")
    image = monai_chain([m.OneOf([m.Flipd("image", 0)])])({"image": str(scan)})["image"]
    assert len(foreign.trace_from_monai(image).to_dict()["volumes"]["image"]["steps"]) == 1
    del image.applied_operations[-1]["extra_info"]
    with pytest.raises(TraceError, match=r"MONAI OneOf: .*ignore=\['OneOf'\]"):
        foreign.trace_from_monai(image)
    assert foreign.trace_from_monai(image, ignore=["OneOf"]) is not None


def test_an_operation_that_is_not_recorded_is_seen_in_a_composition_too(scan: Path) -> None:
    m = pytest.importorskip("monai.transforms")

    def transposed(case: Any) -> Any:
        case["image"] = m.Transpose((0, 2, 1, 3))(case["image"])
        return case

    image = monai_chain([m.OneOf([transposed])])({"image": str(scan)})["image"]
    with pytest.raises(
        TraceError, match=r"the scan has \(22, 27, 17\) voxels, but the record begins with \(27, 22, 17\)"
    ):
        foreign.trace_from_monai(image)
    # As it is without a composition, before and after other operations.
    for steps in ([m.Transposed("image", (0, 2, 1, 3)), m.Flipd("image", 1)], [transposed, m.Flipd("image", 1)]):
        with pytest.raises(TraceError, match=r"Transposed|the record begins with"):
            foreign.trace_from_monai(monai_chain(steps)({"image": str(scan)})["image"])
    with pytest.raises(TraceError, match=r"MONAI Flip: turns the axes"):
        foreign.trace_from_monai(monai_chain([m.Flipd("image", 1), transposed])({"image": str(scan)})["image"])


def test_one_name_may_be_ignored_and_no_part_of_it_is(scan: Path) -> None:
    m = pytest.importorskip("monai.transforms")
    image = monai_chain([m.Lambdad("image", lambda v: v * 2), m.Flipd("image", 0)])({"image": str(scan)})["image"]
    trace = foreign.trace_from_monai(image, ignore="Lambda")
    assert len(trace.to_dict()["volumes"]["image"]["steps"]) == 1
    # "Flip" is a part of the name, and was ignored with it: half of the voxels would have come home mirrored.
    image = monai_chain([m.Flipd("image", 0)])({"image": str(scan)})["image"]
    trace = foreign.trace_from_monai(image, ignore="RandFlip")
    assert len(trace.to_dict()["volumes"]["image"]["steps"]) == 1


# --- garbage

GARBAGE: list[Any] = [None, 3, "text", [], {}, [1, 2], object(), float("nan")]


def told(call: Any, what: str) -> str | None:
    """What is said, or None if a trace is given. Any other error fails the test."""
    try:
        trace = call()
    except TraceError as error:
        assert len(str(error)) > 10, what
        return str(error)
    except revoxel.RevoxelError as error:
        return str(error)
    except Exception as error:
        pytest.fail(f"{what}: {type(error).__name__}: {error}")
    assert isinstance(trace, revoxel.Trace)
    return None


def test_monai_says_what_is_missing(scan: Path) -> None:
    m = pytest.importorskip("monai.transforms")
    steps = [
        m.Orientationd("image", "PLI", labels=None),
        m.Spacingd("image", (1.5, 1.5, 2.0)),
        m.Flipd("image", 1),
        m.Rotate90d("image", 1, (0, 2)),
        m.ResizeWithPadOrCropd("image", (16, 32, 17)),
        m.CropForegroundd("image", "image"),
        m.Resized("image", (19, 30, 23), mode="trilinear"),
        m.Zoomd("image", 0.7, mode="trilinear"),
        m.RandAffined("image", prob=1.0, rotate_range=0.2),
        m.OneOf([m.Flipd("image", 0)]),
    ]
    image = monai_chain(steps)({"image": str(scan)})["image"]
    whole = copy.deepcopy(image.applied_operations)
    assert foreign.trace_from_monai(image) is not None
    words = []
    for number, op in enumerate(whole):
        for key in op:
            for garbage in ["gone", *GARBAGE]:
                image.applied_operations = copy.deepcopy(whole)
                if garbage == "gone":
                    del image.applied_operations[number][key]
                else:
                    image.applied_operations[number][key] = garbage
                said = told(lambda: foreign.trace_from_monai(image), f"{op['class']} {key} {garbage!r}")
                words.append((op["class"], key, garbage, said))
        for key in op.get("extra_info") or {}:
            for garbage in ["gone", *GARBAGE]:
                image.applied_operations = copy.deepcopy(whole)
                if garbage == "gone":
                    del image.applied_operations[number]["extra_info"][key]
                else:
                    image.applied_operations[number]["extra_info"][key] = garbage
                said = told(lambda: foreign.trace_from_monai(image), f"{op['class']} {key} {garbage!r}")
                words.append((op["class"], key, garbage, said))
    gone = {(str(kind), str(key)): said for kind, key, garbage, said in words if garbage == "gone"}
    assert "the record lacks 'orig_size'" in str(gone["Flip", "orig_size"])
    assert "the record lacks 'class'" in str(gone["Flip", "class"])
    assert sum(said is not None for *_, said in words) > 100
    image.applied_operations = whole
    for operations in [*GARBAGE[1:3], [3], [None], ["text"]]:
        image.applied_operations = operations
        assert told(lambda: foreign.trace_from_monai(image), f"{operations!r}")


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_nothing_but_a_record_is_taken(garbage: Any) -> None:
    assert "expected a MetaTensor" in str(told(lambda: foreign.trace_from_monai(garbage), "MONAI"))
    said = str(told(lambda: foreign.trace_from_torchio(garbage), "TorchIO"))
    assert "expected a Subject" in said
    said = str(told(lambda: foreign.trace_from_nnunet(garbage, (3, 3, 3)), "nnU-Net"))
    assert "expected the properties" in said or "the properties have no" in said


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_torchio_says_what_is_missing(garbage: Any, scan: Path) -> None:
    tio = pytest.importorskip("torchio")
    subject = tio.Subject(image=tio.ScalarImage(scan))
    subject.load()
    if garbage is not None:
        assert told(lambda: foreign.trace_from_torchio(subject, source=garbage), "source")
        assert told(lambda: foreign.trace_from_torchio(subject, source=(garbage, np.eye(4))), "shape")
        said = str(told(lambda: foreign.trace_from_torchio(subject, garbage), "name"))
        assert "no image" in said or "unhashable" in said
    assert told(lambda: foreign.trace_from_torchio(subject, source=(SHAPE, garbage)), "affine")
    assert "expected an image with affine and shape" in str(
        told(lambda: foreign.trace_from_torchio(subject, source=np.zeros(SHAPE)), "array")
    )
    flipped = tio.Flip(axes=0)(subject)
    for fact in ("axes", "include", "exclude"):
        broken = copy.deepcopy(flipped)
        setattr(broken.history[-1], fact, garbage)
        told(lambda broken=broken: foreign.trace_from_torchio(broken), f"{fact} {garbage!r}")


def test_a_pair_may_be_a_list(scan: Path) -> None:
    tio = pytest.importorskip("torchio")
    subject = tio.Subject(image=tio.ScalarImage(scan))
    pair = [list(SHAPE), scan_affine().tolist()]
    assert foreign.trace_from_torchio(subject, source=pair).source_grid.shape == SHAPE


PROPERTIES = {
    "sitk_stuff": {"spacing": (1.0, 2.0, 3.0), "origin": (1.0, 2.0, 3.0), "direction": (1, 0, 0, 0, 1, 0, 0, 0, 1)},
    "spacing": [3.0, 2.0, 1.0],
    "shape_before_cropping": (7, 6, 5),
    "bbox_used_for_cropping": [[1, 6], [0, 6], [0, 4]],
    "shape_after_cropping_and_before_resampling": (5, 6, 4),
}


def test_nnunet_says_what_is_missing() -> None:
    for name in PROPERTIES:
        rest = {key: value for key, value in PROPERTIES.items() if key != name}
        assert name in str(told(lambda rest=rest: foreign.trace_from_nnunet(rest, (5, 6, 4)), name))
        for garbage in GARBAGE:
            assert told(
                lambda name=name, garbage=garbage: foreign.trace_from_nnunet({**PROPERTIES, name: garbage}, (5, 6, 4)),
                f"{name} {garbage!r}",
            )
    for part in PROPERTIES["sitk_stuff"]:
        for garbage in ["gone", *GARBAGE]:
            stuff = dict(PROPERTIES["sitk_stuff"])  # type: ignore[call-overload]
            stuff[part] = garbage
            if garbage == "gone":
                del stuff[part]
            said = told(
                lambda stuff=stuff: foreign.trace_from_nnunet({**PROPERTIES, "sitk_stuff": stuff}, (5, 6, 4)),
                f"{part} {garbage!r}",
            )
            assert said
            assert garbage != "gone" or f"the record lacks '{part}'" in said
    for garbage in GARBAGE[1:]:
        assert told(lambda garbage=garbage: foreign.trace_from_nnunet(PROPERTIES, garbage), f"shape {garbage!r}")
        # Two numbers are the spacing of a 2-D configuration.
        two = isinstance(garbage, list) and len(garbage) == 2
        said = told(lambda garbage=garbage: foreign.trace_from_nnunet(PROPERTIES, spacing=garbage), "spacing")
        assert said or two
        assert told(
            lambda garbage=garbage: foreign.trace_from_nnunet(PROPERTIES, (5, 6, 4), transpose_forward=garbage), "order"
        )
        assert told(lambda garbage=garbage: foreign.trace_from_nnunet(PROPERTIES, (5, 6, 4), affine=garbage), "affine")


def test_a_wrong_call_is_no_matter_of_the_record() -> None:
    with pytest.raises(TypeError, match="no_such"):
        foreign.trace_from_nnunet(PROPERTIES, (5, 6, 4), no_such=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="properties"):
        foreign.trace_from_nnunet()  # type: ignore[call-arg]


def test_an_affine_that_is_not_a_number_is_refused(scan: Path) -> None:
    m = pytest.importorskip("monai.transforms")
    image = monai_chain([m.Flipd("image", 0)])({"image": str(scan)})["image"]
    image.affine[0, 3] = np.nan
    with pytest.raises(TraceError, match="the affine of the image does not lie where"):
        foreign.trace_from_monai(image)
