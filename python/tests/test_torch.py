"""Datasets for PyTorch: cases and patches, in workers that are forked and spawned."""

from __future__ import annotations

import copy
import itertools
import pickle
from pathlib import Path
from typing import Any

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


RANDOM = PIPELINE.replace("outputs:", "  - rand_gaussian_noise: { prob: 1, std: 0.1 }\noutputs:")
COPIES = RANDOM.replace("{case}/", "{case}/{copy}/").replace("{case}-home", "{case}-{copy}-home") + "copies: 2\n"


def test_every_copy_of_a_case_is_an_item(place: Path) -> None:  # noqa: F811
    (place / "copies.yaml").write_text(COPIES)
    data = CaseDataset(place / "copies.yaml", place / "data", keys=["image"], traces=True)
    assert len(data) == 6
    items = list(data)
    assert [item["case"] for item in items] == ["c0/0", "c0/1", "c1/0", "c1/1", "c2/0", "c2/1"]
    assert not torch.equal(items[2]["image"], items[3]["image"])
    assert torch.equal(data[-1]["image"], items[5]["image"])
    with pytest.raises(IndexError):
        data[6]
    # As `run` makes them.
    datasets.run(place / "copies.yaml", place / "data", place / "out")
    for item in items:
        written = revoxel.read(place / "out" / item["case"] / "image.nii")
        np.testing.assert_array_equal(item["image"][0].numpy(), written.xyz)
        assert revoxel.Trace.parse(item["trace"]).case == item["case"]
    # Each draws anew in another epoch, and knows which copy it is.
    data.set_epoch(3)
    later = data[3]
    assert later["case"] == "c1/1"
    assert not torch.equal(later["image"], items[3]["image"])
    assert revoxel.Trace.parse(later["trace"]).case == "c1@3/1"
    # One copy has a number, too.
    (place / "one.yaml").write_text(COPIES.replace("copies: 2", "copies: 1"))
    assert CaseDataset(place / "one.yaml", place / "data")[2]["case"] == "c2/0"


def test_copies_take_the_windows_of_a_sweep_in_every_epoch(place: Path) -> None:  # noqa: F811
    sweep = "  - grid_patch: { patch_size: [8, 8, 8], pad_mode: constant }\noutputs:"
    (place / "sweep.yaml").write_text(COPIES.replace("outputs:", sweep).replace("copies: 2", "copies: 40"))
    data = CaseDataset(place / "sweep.yaml", place / "data", keys=["image"])
    places = data[1]["image_affine"]
    assert not torch.equal(data[0]["image_affine"], places)
    data.set_epoch(2)
    assert torch.equal(data[1]["image_affine"], places)
    with pytest.raises(revoxel.RevoxelError, match=r"case c0/39 is left out .*fewer `copies`"):
        data[39]


@pytest.mark.parametrize(("method", "lasting"), [("fork", False), ("fork", True), ("spawn", True)])
def test_workers_see_the_epoch(place: Path, method: str, lasting: bool) -> None:  # noqa: F811
    (place / "random.yaml").write_text(RANDOM)
    data = CaseDataset(place / "random.yaml", place / "data", keys=["image"], cases=["c0"])
    loader = DataLoader(
        data, batch_size=None, num_workers=1, multiprocessing_context=method, persistent_workers=lasting, timeout=60
    )
    here, there = [], []
    for epoch in (0, 1, 2, 0):
        data.set_epoch(epoch)
        here.append(data[0]["image"])
        there += [item["image"] for item in loader]
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(here[:3], 2))
    assert torch.equal(here[0], here[3])


def _datasets(place: Path) -> list[Any]:  # noqa: F811
    return [CaseDataset(place / "p.yaml", place / "data"), PatchDataset([{"image": place / "data/c0_i.nii.gz"}], 4)]


def test_datasets_are_copied_with_an_epoch_of_their_own(place: Path) -> None:  # noqa: F811
    for data in _datasets(place):
        data.set_epoch(5)
        for again in (copy.deepcopy(data), copy.copy(data), pickle.loads(pickle.dumps(data))):
            assert again.epoch == 5
            assert torch.equal(next(iter(again))["image"], next(iter(data))["image"])
        again = pickle.loads(pickle.dumps(data))
        again.set_epoch(6)
        assert (data.epoch, again.epoch) == (5, 6)
        for wrong in (-1, 1.5, "1", True):
            with pytest.raises(revoxel.RevoxelError, match="epoch"):
                data.set_epoch(wrong)


def _starts(patches: Any) -> list[tuple[int, ...]]:
    return [(*patch["start"].tolist(), int(patch["image"].sum())) for patch in patches]


@pytest.mark.parametrize(("workers", "method"), [(0, None), (2, "fork"), (1, "spawn")])
def test_each_epoch_has_other_patches_and_so_many(place: Path, workers: int, method: str | None) -> None:  # noqa: F811
    cases = [{"image": place / f"data/c{number}_i.nii.gz"} for number in range(3)]
    patches = PatchDataset(cases, 4, length=11, seed=1)
    assert len(patches) == 11
    loader = DataLoader(
        patches, batch_size=None, num_workers=workers, multiprocessing_context=method,
        persistent_workers=workers > 0, timeout=60 if workers else 0,
    )  # fmt: skip
    assert len(loader) == 11
    epochs = []
    for epoch in (0, 1, 2):
        patches.set_epoch(epoch)
        epochs.append(_starts(loader))
    # Without a call, too, where there are workers.
    epochs += [_starts(loader)] if workers else []
    assert [len(epoch) for epoch in epochs] == [11] * len(epochs)
    assert len({*itertools.chain(*epochs)}) > 9 * len(epochs)
    if not workers:
        patches.set_epoch(1)
        assert _starts(loader) == epochs[1]


def test_patches_without_a_length_have_no_end(place: Path) -> None:  # noqa: F811
    cases = [{"image": place / "data/c0_i.nii.gz"}]
    patches = PatchDataset(cases, 4)
    with pytest.raises(TypeError, match="length="):
        len(patches)
    assert patches
    assert len(list(itertools.islice(patches, 50))) == 50
    assert [patch["image"].shape for patch in PatchDataset(cases, 4, length=2)] == [(1, 4, 4, 4)] * 2
    # The workers of a loader share the patches, also where some get none.
    few = DataLoader(PatchDataset(cases, 4, length=1), batch_size=None, num_workers=2, timeout=60)
    assert len(list(few)) == 1


def test_datasets_say_what_they_are(place: Path) -> None:  # noqa: F811
    whole, patches = _datasets(place)
    assert repr(whole) == f"<revoxel.torch.CaseDataset p.yaml, {place / 'data'}: 3 cases>"
    assert repr(patches) == "<revoxel.torch.PatchDataset 1 cases: patches of 4×4×4 voxels, without an end>"
    (place / "copies.yaml").write_text(COPIES)
    assert "3 cases × 2 copies" in repr(CaseDataset(place / "copies.yaml", place / "data"))
    assert "6 in an epoch" in repr(PatchDataset(patches.cases, 4, length=6))


def test_what_cannot_be_is_refused(place: Path) -> None:  # noqa: F811
    for size in (0, (4, 4), (4, 4, 0), "444", 2.5, True, None):
        with pytest.raises(revoxel.RevoxelError, match=r"size: .* three whole numbers"):
            PatchDataset([{"image": "a.nii"}], size)  # type: ignore[arg-type]
    for wrong in ({"length": 0}, {"length": 2.0}, {"samples": 0}):
        with pytest.raises(revoxel.RevoxelError, match="no whole number of at least 1"):
            PatchDataset([{"image": "a.nii"}], 4, **wrong)  # type: ignore[arg-type]
    for cases in ("out", place, ["a.nii"]):
        with pytest.raises(revoxel.RevoxelError, match="outputs"):
            PatchDataset(cases, 4)  # type: ignore[arg-type]
    with pytest.raises(revoxel.RevoxelError, match="key 'label'"):
        PatchDataset([{"image": "a.nii"}], (4, 4, 4), label="label")
    with pytest.raises(revoxel.RevoxelError, match="no trace"):
        outputs(place / "data")
    for data in ([{"image": "a.nii"}], {"image": "a.nii"}, None):
        with pytest.raises(revoxel.RevoxelError, match=r"data: .*folder"):
            CaseDataset(place / "p.yaml", data)  # type: ignore[arg-type]
