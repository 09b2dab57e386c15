"""Datasets for PyTorch: cases and patches, in workers that are forked and spawned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_datasets import PIPELINE, place  # noqa: F401  (a fixture)

import revoxel
from revoxel import datasets

torch = pytest.importorskip("torch")
from torch.utils.data import DataLoader  # noqa: E402

from revoxel.torch import CaseDataset, PatchDataset, outputs, tensor  # noqa: E402


def test_an_item_is_what_the_pipeline_gives(place: Path) -> None:  # noqa: F811
    data = CaseDataset(place / "p.yaml", place / "data", traces=True)
    assert len(data) == 3
    item = data[1]
    files = {"image": place / "data/c1_i.nii.gz", "label": place / "data/c1_l.nii.gz"}
    made = revoxel.Pipeline.load(place / "p.yaml")(files, case="c1")
    assert item["case"] == "c1"
    assert item["image"].dtype == torch.float32
    assert item["label"].dtype == torch.uint8
    for key in ("image", "label"):
        assert item[key].is_contiguous()
        assert item[key].shape == (1, *made[key].shape)
        np.testing.assert_array_equal(item[key][0].numpy(), made[key].xyz)
        np.testing.assert_array_equal(item[f"{key}_affine"].numpy(), made[key].affine)
    back = revoxel.Trace.parse(item["trace"]).invert(made["label"], volume="image", kind="label")
    assert back.grid == revoxel.read(files["image"]).grid
    # What a tensor holds is its own: the next item is not changed by writing into this one.
    item["image"].zero_()
    assert float(data[1]["image"].abs().sum()) > 0


@pytest.mark.parametrize(("workers", "method"), [(0, None), (1, "fork"), (2, "fork"), (4, "fork"), (2, "spawn")])
def test_workers_give_what_one_process_gives(place: Path, workers: int, method: str | None) -> None:  # noqa: F811
    data = CaseDataset(place / "p.yaml", place / "data", keys=["image"])
    expected = {item["case"]: item["image"] for item in (data[number] for number in range(3))}
    loader = DataLoader(
        data, batch_size=None, num_workers=workers, multiprocessing_context=method, timeout=60 if workers else 0
    )
    for _ in range(2):
        got = {item["case"]: item["image"] for item in loader}
        assert got.keys() == expected.keys()
        assert all(torch.equal(got[case], expected[case]) for case in expected)


def test_patches_are_cut_from_the_volumes(place: Path) -> None:  # noqa: F811
    datasets.run(place / "p.yaml", place / "data", place / "out")
    cases = outputs(place / "out")
    assert [case["case"] for case in cases] == ["c0", "c1", "c2"]
    whole = {case["case"]: tensor(revoxel.read(case["image"])) for case in cases}
    patches = PatchDataset(cases, (6, 5, 4), label="label", positive=1, negative=0, seed=3)
    drawn = iter(patches)
    starts = set()
    for _ in range(60):
        patch = next(drawn)
        x, y, z = patch["start"].tolist()
        expected = whole[patch["case"]][:, x : x + 6, y : y + 5, z : z + 4]
        assert torch.equal(patch["image"], expected)
        assert patch["image"].shape == (1, 6, 5, 4)
        assert bool((patch["label"] > 0).any())
        starts.add((patch["case"], x, y, z))
    assert len({case for case, *_ in starts}) == 3
    assert len(starts) > 20
    # The same seed draws the same; a case that is smaller than the patch is padded behind.
    first = [patch["start"].tolist() for patch, _ in zip(patches, range(5), strict=False)]
    again = [
        patch["start"].tolist()
        for patch, _ in zip(PatchDataset(cases, (6, 5, 4), label="label", negative=0, seed=3), range(5), strict=False)
    ]
    assert first == again
    large = next(iter(PatchDataset(cases, (64, 5, 4), fill={"image": -7.0})))
    size = whole[large["case"]].shape[1]
    assert large["image"].shape == (1, 64, 5, 4)
    assert bool((large["image"][:, size:] == -7).all())


def test_workers_draw_different_patches_and_batches_are_made(place: Path) -> None:  # noqa: F811
    datasets.run(place / "p.yaml", place / "data", place / "out")
    patches = PatchDataset(outputs(place / "out"), (4, 4, 4), label="label")
    loader = DataLoader(patches, batch_size=4, num_workers=2, timeout=60)
    batches = [batch for batch, _ in zip(loader, range(6), strict=False)]
    assert batches[0]["image"].shape == (4, 1, 4, 4, 4)
    places = [
        (case, *start.tolist()) for batch in batches for case, start in zip(batch["case"], batch["start"], strict=True)
    ]
    assert len(set(places)) > len(places) // 2


@pytest.mark.parametrize(
    ("stored", "given"), [("uint8", "uint8"), ("int16", "int16"), ("uint16", "int32"), ("uint32", "int64")]
)
def test_labels_keep_their_type(stored: str, given: str) -> None:
    values = np.arange(60).reshape(3, 4, 5).astype(stored)
    made = tensor(revoxel.Volume(values, np.diag([1, 2, 3, 1.0]), kind="label"))
    assert str(made.dtype) == f"torch.{given}"
    np.testing.assert_array_equal(made[0].numpy(), values)
    assert tensor(revoxel.Volume(values, np.eye(4), kind="label"), torch.int64).dtype == torch.int64


def test_what_cannot_be_is_refused(place: Path) -> None:  # noqa: F811
    with pytest.raises(revoxel.RevoxelError, match="three numbers"):
        PatchDataset([{"image": "a.nii"}], (4, 4))
    with pytest.raises(revoxel.RevoxelError, match="key 'label'"):
        PatchDataset([{"image": "a.nii"}], (4, 4, 4), label="label")
    with pytest.raises(revoxel.RevoxelError, match="no trace"):
        outputs(place / "data")
    assert "steps" in PIPELINE
