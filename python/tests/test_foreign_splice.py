"""Traces of chains of MONAI that have a pipeline among their transforms: its own steps are put in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import revoxel
from revoxel import foreign

pytest.importorskip("monai")

SHAPE = (22, 27, 17)
# Spacings without ties: programs may differ halfway between two voxels.
STEPS = """
version: 1
inputs:
  image: { kind: image, path: "{case}.nii" }
  label: { kind: label, path: "{case}-label.nii", optional: true }
steps:
  - orientation: { axcodes: PLI }
  - spacing: { pixdim: [1.37, 1.21, 1.93], interpolation: { label: nearest } }
  - crop_foreground: { source: image, above: 0, margin: 1 }
  - scale_intensity_range: { a_min: 0, a_max: 400, b_min: 0, b_max: 1 }
outputs:
  image: { path: "{case}-out.nii", dtype: float32 }
  label: { path: "{case}-label-out.nii" }
trace: "{case}.json"
"""
EXACT = 'version: 1\ninputs: { image: { kind: image, path: "{case}.nii" } }\nsteps:\n  - STEP\noutputs: { image: { path: "{case}-out.nii" } }\ntrace: "{case}.json"\n'


def one(step: str) -> revoxel.Pipeline:
    """A pipeline of one step."""
    return revoxel.Pipeline.parse(EXACT.replace("STEP", step))


@pytest.fixture
def path(tmp_path: Path, oblique_affine: np.ndarray) -> Path:
    i, j, k = np.indices(SHAPE)
    body = ((i - 11) / 9) ** 2 + ((j - 12) / 11) ** 2 + ((k - 9) / 6) ** 2 < 1
    image = np.where(body, 100 + i + 2 * j + 3 * k, 0).astype(np.float32)
    affine = oblique_affine.astype(np.float32).astype(float)
    revoxel.write(revoxel.Volume(image, affine, kind="image"), tmp_path / "scan.nii")
    revoxel.write(revoxel.Volume(body.astype(np.uint8), affine, kind="label"), tmp_path / "label.nii")
    return tmp_path / "scan.nii"


def chain_of(*transforms: Any, load: bool = True) -> Any:
    from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged

    loaded = [LoadImaged("image"), EnsureChannelFirstd("image")] if load else []
    chain = Compose([*loaded, *transforms])
    chain.set_random_state(seed=5)
    return chain


def labels_of(shape: tuple[int, ...]) -> np.ndarray:
    i, j, k = (np.linspace(0, 1, n).reshape([-1 if a == b else 1 for b in range(3)]) for a, n in enumerate(shape))
    value = np.sin(5 * i + 2 * j) + np.cos(7 * j - 3 * k) + np.sin(4 * k * (1 + i))
    return np.digitize(value, [-0.8, 0.1, 0.9, 1.6]).astype(np.uint8)


def steps_of(trace: revoxel.Trace, name: str = "image") -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = trace.to_dict()["volumes"][name]["steps"]
    return steps


def recorded(image: Any) -> list[revoxel.Trace]:
    """The traces that pipelines left in the record."""
    return [
        revoxel.Trace.parse(op["extra_info"]["trace"]) for op in image.applied_operations if op["class"] == "Revoxeld"
    ]


def test_a_pipeline_alone_gives_its_own_trace(path: Path) -> None:
    from monai.transforms import ScaleIntensityd

    from revoxel.monai import Revoxeld

    pipeline = revoxel.Pipeline.parse(STEPS)
    image = chain_of(Revoxeld("image", pipeline), ScaleIntensityd("image", factor=0.0))({"image": str(path)})["image"]
    trace = foreign.trace_from_monai(image)
    scan = revoxel.read(path)
    direct = pipeline({"image": scan}, case="scan").trace
    assert trace.case == "scan"
    assert trace.pipeline_hash == direct.pipeline_hash
    assert steps_of(trace) == steps_of(direct)
    assert trace.source_grid.affine.tobytes() == scan.affine.tobytes()
    assert trace.to_dict()["volumes"]["image"]["source"]["path"] == "scan.nii"
    prediction = labels_of(trace.model_grid.shape)
    np.testing.assert_array_equal(
        trace.invert(prediction, kind="label").xyz, direct.invert(prediction, kind="label").xyz
    )
    # Values are undone as the pipeline changed them.
    values = np.full(trace.model_grid.shape, 0.5, np.float32)
    back = trace.invert(values, kind="image", values="undo", fill=0.0).xyz
    assert back.max() == pytest.approx(200)
    assert foreign.trace_from_monai(image, case="other").case == "other"


CHAINS = ["after", "before", "both", "twice", "path", "random"]


@pytest.mark.parametrize("name", CHAINS)
def test_steps_stand_in_their_order(name: str, path: Path) -> None:
    from monai import transforms as m
    from monai.data import MetaTensor

    from revoxel.monai import Revoxeld

    pipeline = Revoxeld("image", revoxel.Pipeline.parse(STEPS))
    transforms = {
        "after": [pipeline, m.Flipd("image", 0), m.SpatialPadd("image", (40, 40, 40))],
        "before": [m.Orientationd("image", "SAR", labels=None), m.BorderPadd("image", 2), pipeline],
        "both": [
            m.Flipd("image", 1),
            pipeline,
            m.Rotate90d("image", 1, (0, 2)),
            m.CenterSpatialCropd("image", (9, 11, 10)),
        ],
        "twice": [pipeline, m.Flipd("image", 2), Revoxeld("image", one("orientation: { axcodes: ASR }"))],
        "path": [pipeline, m.Flipd("image", 2)],
        "random": [
            m.RandFlipd("image", 1.0, 1),
            pipeline,
            m.RandSpatialCropd("image", (8, 9, 7), random_size=False),
            m.RandAxisFlipd("image", 1.0),
        ],
    }[name]
    chain = chain_of(*transforms, load=name != "path")
    case = chain({"image": str(path)})
    trace = foreign.trace_from_monai(case["image"])
    scan = revoxel.read(path)
    assert trace.source_grid == scan.grid
    np.testing.assert_allclose(trace.model_grid.affine, np.asarray(case["image"].affine), atol=1e-5)
    # The steps of each pipeline are there as they were recorded, one after the other.
    own = [steps_of(other) for other in recorded(case["image"])]
    steps = steps_of(trace)
    at = 0
    for part in own:
        names = [step["transform"] for step in part]
        start = next(i for i in range(at, len(steps)) if [s["transform"] for s in steps[i : i + len(part)]] == names)
        assert [step["ops"] for step in steps[start : start + len(part)]] == [step["ops"] for step in part]
        at = start + len(part)
    assert len(steps) > sum(map(len, own))
    # All of it is undone at once, with the labels that MONAI's own way back gives.
    prediction = labels_of(tuple(case["image"].shape[1:]))
    case["pred"] = MetaTensor(prediction[None], meta=case["image"].meta)
    theirs = np.asarray(m.Invertd("pred", chain, "image", nearest_interp=True)(dict(case))["pred"])[0]
    ours = trace.invert(prediction, kind="label", axes="xyz").xyz
    # Not at the edges of crops, where MONAI gives the padding for voxels that the crop covers by less than half.
    inside = np.ones(SHAPE, bool)
    for step in steps:
        to = np.linalg.solve(np.array(step["after"]["affine"]), scan.affine)
        places = np.einsum("ab,bijk->ijka", to[:3, :3], np.indices(SHAPE)) + to[:3, 3]
        inside &= ((places > -0.49) & (places < np.array(step["after"]["shape"]) - 0.51)).all(-1)
    assert inside.mean() > 0.04
    np.testing.assert_array_equal(ours[inside], theirs[inside])


def test_interpolation_on_both_sides(path: Path) -> None:
    """Both are undone in one interpolation, at the places that the grids tell."""
    from monai import transforms as m

    from revoxel.monai import Revoxeld

    pipeline = Revoxeld("image", revoxel.Pipeline.parse(STEPS))
    chain = chain_of(m.Spacingd("image", (1.1, 1.3, 1.7)), pipeline, m.Spacingd("image", (1.6, 1.5, 2.1)))
    image = chain({"image": str(path)})["image"]
    trace = foreign.trace_from_monai(image)
    shape = trace.model_grid.shape
    assert shape == tuple(image.shape[1:])
    np.testing.assert_allclose(trace.model_grid.affine, np.asarray(image.affine), atol=1e-5)
    back = np.stack(
        [trace.invert(index.astype(np.float32), kind="image", values="keep").xyz for index in np.indices(shape)], -1
    )
    to = np.linalg.solve(trace.model_grid.affine, trace.source_grid.affine)
    places = np.einsum("ab,bijk->ijka", to[:3, :3], np.indices(SHAPE)) + to[:3, 3]
    inside = ((places > 1) & (places < np.array(shape) - 2)).all(-1)
    assert inside.mean() > 0.1
    assert np.abs(back - places)[inside].max() < 1e-3


def test_the_label_of_a_case_has_its_own_trace(path: Path) -> None:
    from monai import transforms as m

    from revoxel.monai import Revoxeld

    keys = ["image", "label"]
    chain = m.Compose(
        [
            m.LoadImaged(keys),
            m.EnsureChannelFirstd(keys),
            Revoxeld(keys, revoxel.Pipeline.parse(STEPS)),
            m.Flipd(keys, 0),
        ]
    )
    case = chain({"image": str(path), "label": str(path.with_name("label.nii"))})
    trace = foreign.trace_from_monai(case["label"])
    assert trace.volumes == ["label"]
    back = trace.invert(case["label"][0].numpy().astype(np.uint8))
    assert back.kind == "label"
    mask = revoxel.read(path.with_name("label.nii"), "label").xyz > 0
    assert 2 * ((back.xyz > 0) & mask).sum() / ((back.xyz > 0).sum() + mask.sum()) > 0.9


def test_noise_before_interpolation_of_monai_is_lost(path: Path) -> None:
    from monai import transforms as m

    from revoxel.monai import Revoxeld

    noisy = Revoxeld("image", one("rand_gaussian_noise: { prob: 1, mean: 0, std: 5 }"))
    image = chain_of(noisy, m.Flipd("image", 0))({"image": str(path)})["image"]
    assert "noise" in steps_of(foreign.trace_from_monai(image))[0]["values"]
    image = chain_of(noisy, m.Spacingd("image", (2, 2, 2)))({"image": str(path)})["image"]
    trace = foreign.trace_from_monai(image)
    assert steps_of(trace)[0]["values"] == {"lost": {"reason": "SpatialResample has interpolated since"}}
    values = np.zeros(trace.model_grid.shape, np.float32)
    trace.invert(values, kind="image", values="keep")
    with pytest.raises(revoxel.RevoxelError, match="interpolated since"):
        trace.invert(values, kind="image", values="undo")


def test_an_affine_of_another_scan_is_refused(path: Path) -> None:
    from revoxel.monai import Revoxeld

    image = chain_of(Revoxeld("image", revoxel.Pipeline.parse(STEPS)))({"image": str(path)})["image"]
    other = revoxel.read(path).affine.copy()
    other[0, 3] += 1
    with pytest.raises(revoxel.TraceError, match="Revoxeld: its scan does not lie where"):
        foreign.trace_from_monai(image, affine=other)


def test_what_must_come_first_is_refused(path: Path) -> None:
    """A trace that begins on another grid than its scan: only the first steps of a trace can."""
    from monai import transforms as m

    from revoxel.monai import Revoxeld

    image = chain_of(m.Flipd("image", 0), Revoxeld("image", revoxel.Pipeline.parse(STEPS)))({"image": str(path)})[
        "image"
    ]
    record = image.applied_operations[-1]["extra_info"]
    document = json.loads(record["trace"])
    volume = document["volumes"]["image"]
    volume["snapped"] = volume["source"]["grid"]
    record["trace"] = json.dumps(document)
    with pytest.raises(revoxel.TraceError, match="put it before the other spatial transforms"):
        foreign.trace_from_monai(image)
