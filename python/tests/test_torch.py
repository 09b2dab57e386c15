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

from revoxel import _patches  # noqa: E402
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
    assert [case["case"] for case in outputs(place / "out")] == [f"c{n}/{copy}" for n in range(3) for copy in range(2)]
    with pytest.raises(revoxel.RevoxelError, match="Subset"):
        data[0:2]
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
    cases = [{"image": place / "data/c0_i.nii.gz"}]
    return [CaseDataset(place / "p.yaml", place / "data"), PatchDataset(cases, 4, seed=0)]


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
    assert [len(epoch) for epoch in epochs] == [11] * len(epochs)
    assert len({*itertools.chain(*epochs)}) > 9 * len(epochs)
    patches.set_epoch(1)
    assert _starts(loader) == epochs[1]


@pytest.mark.parametrize(("workers", "lasting"), [(0, False), (2, False), (2, True)])
def test_a_seed_decides_what_is_drawn(place: Path, workers: int, lasting: bool) -> None:  # noqa: F811
    cases = [{"image": place / f"data/c{number}_i.nii.gz"} for number in range(3)]

    def drawn(seed: int | None, epochs: int = 1) -> list[Any]:
        patches = PatchDataset(cases, 4, length=9, seed=seed)
        loader = DataLoader(
            patches, batch_size=None, num_workers=workers, persistent_workers=lasting, timeout=60 if workers else 0
        )
        return [_starts(loader) for _ in range(epochs)]

    # Whatever was drawn of torch before.
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    # An epoch has what it has, and nobody said that it is another one.
    first, second = drawn(3, epochs=2)
    assert first == second
    # Without a seed torch decides, and each epoch has other patches.
    first, second = drawn(None, epochs=2)
    assert first != second
    torch.manual_seed(11)
    once = drawn(None)
    assert once != drawn(None)
    torch.manual_seed(11)
    assert once == drawn(None)


def _write(path: Path, values: np.ndarray, kind: str = "image", affine: np.ndarray | None = None) -> Path:
    channels = "cxyz" if values.ndim == 4 else None
    revoxel.write(revoxel.Volume(values, np.eye(4) if affine is None else affine, kind=kind, order=channels), path)
    return path


def test_labels_of_all_keys_keep_their_type(place: Path, tmp_path: Path) -> None:  # noqa: F811
    datasets.run(place / "p.yaml", place / "data", place / "out")
    cases = outputs(place / "out")
    assert cases[0]["kinds"] == {"image": "image", "label": "label"}
    assert next(iter(PatchDataset(cases, 4)))["label"].dtype == torch.uint8
    # A number that float32 does not have.
    path = _write(tmp_path / "organs.nii", np.full((6, 5, 4), 2**24 + 1, np.uint32), "label")
    given = [{"image": path, "label": path, "organs": path}]
    patch = next(iter(PatchDataset(given, 4, label="label", kinds={"organs": "label"})))
    assert {key: str(patch[key].dtype) for key in given[0]} == {
        "image": "torch.float32", "label": "torch.int64", "organs": "torch.int64",
    }  # fmt: skip
    assert patch["organs"].unique().tolist() == [2**24 + 1]


def test_a_channel_of_background_is_no_foreground(tmp_path: Path) -> None:
    label = np.zeros((3, 20, 20, 20), np.uint8)
    label[2, 15, 3, 8] = 1
    label[0] = 1 - label[2]
    path = _write(tmp_path / "label.nii", label, "label")
    for patch in itertools.islice(PatchDataset([{"label": path}], 3, label="label", negative=0), 20):
        assert patch["start"].tolist() == [14, 2, 7]


def test_volumes_on_different_grids_are_refused(tmp_path: Path) -> None:
    values = np.zeros((9, 8, 7), np.int16)

    def first(affine: np.ndarray) -> Any:
        other = _write(tmp_path / "other.nii", values, "label", affine)
        return next(iter(PatchDataset([{"image": image, "label": other}], 4)))

    spacing = np.diag([0.5, 2, 3, 1.0])
    image = _write(tmp_path / "image.nii", values, affine=spacing)
    moved, mirrored, small = spacing.copy(), spacing.copy(), spacing.copy()
    # Along the first axis in voxels of the first.
    moved[0, 3] = 0.5 * 2e-3
    small[0, 3] = 0.5 * 5e-4
    mirrored[0, 0], mirrored[0, 3] = -0.5, 4
    assert first(spacing)["label"].shape == (1, 4, 4, 4)
    assert first(small)["label"].shape == (1, 4, 4, 4)
    for affine in (moved, mirrored):
        with pytest.raises(revoxel.RevoxelError, match=r"case 0: 'image' and 'label' .*9×8×7.*9×8×7.* one grid"):
            first(affine)


@pytest.mark.parametrize(("ending", "cache", "readings"), [(".nii", 0, 4), (".nii.gz", 0, 12), (".nii.gz", 10**8, 4)])
def test_compressed_volumes_are_not_kept_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, cache: int, readings: int
) -> None:
    # Large enough to be mapped.
    values = np.random.default_rng(3).integers(0, 9, (128, 128, 64)).astype(np.int16)
    cases = [{"image": _write(tmp_path / f"{number}{ending}", values)} for number in range(4)]
    read: list[str] = []
    monkeypatch.setattr(
        _patches, "read", lambda path, kind, lazy: (read.append(path), revoxel.read(path, kind, lazy=lazy))[1]
    )
    patches = PatchDataset(cases, 8, seed=1, cache=cache, samples=2)
    for _, patch in zip(range(24), patches, strict=False):
        assert patch["image"].shape == (1, 8, 8, 8)
        assert sum(patches._held.values()) <= cache + values.nbytes
    # The case at hand is kept, also where one order of the cases ends with that which the next one begins with.
    assert readings - 2 <= len(read) <= readings
    assert len(patches._open) == (1 if readings == 12 else 4)


def test_what_was_used_last_is_forgotten_last(tmp_path: Path) -> None:
    values = np.zeros((64, 64, 64), np.int16)
    cases = [{"image": _write(tmp_path / f"{number}.nii.gz", values)} for number in range(4)]
    patches = PatchDataset(cases, 8, cache=values.nbytes)
    for number in (0, 1, 0, 2):
        patches._volumes(number)
    assert list(patches._open) == [0, 2]


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
    for wrong in ({"seed": -1}, {"seed": 1.5}, {"cache": -1}, {"cache": "1G"}):
        with pytest.raises(revoxel.RevoxelError, match="no whole number of at least 0"):
            PatchDataset([{"image": "a.nii"}], 4, **wrong)  # type: ignore[arg-type]
    for what in ("fill", "kinds", "dtypes"):
        with pytest.raises(revoxel.RevoxelError, match=f"{what}: the cases have no key 'imge'; they have: image"):
            PatchDataset([{"image": "a.nii"}], 4, **{what: {"imge": 0}})  # type: ignore[arg-type]
    for match, case in {
        "case a has no files": {"case": "a"},
        "'image' is list: expected the path": {"image": ["a.nii"]},
        "call the volume otherwise": {"start": "a.nii"},
        "`kinds` says": {"image": "a.nii", "kinds": "b.nii"},
    }.items():
        with pytest.raises(revoxel.RevoxelError, match=match):
            PatchDataset([case], 4)
    with pytest.raises(revoxel.RevoxelError, match="case b has the keys label, and case 0 has image, label"):
        PatchDataset([{"image": "a.nii", "label": "b.nii"}, {"case": "b", "label": "b.nii"}], 4)
    for share in (-1.0, float("nan"), float("inf")):
        with pytest.raises(revoxel.RevoxelError, match="shares"):
            PatchDataset([{"image": "a.nii"}], 4, positive=share)
    half = _write(place / "half.nii", np.full((5, 5, 5), 0.5, np.float32))
    for patches in (
        PatchDataset([{"label": half}], 4, label="label"),
        PatchDataset([{"label": half}], 4, kinds={"label": "label"}),
    ):
        with pytest.raises(revoxel.RevoxelError, match=r"case 0: 'label' is a label, and 0\.5 is no whole number"):
            next(iter(patches))
    for cases in ("out", place, ["a.nii"]):
        with pytest.raises(revoxel.RevoxelError, match="outputs"):
            PatchDataset(cases, 4)  # type: ignore[arg-type]
    with pytest.raises(revoxel.RevoxelError, match="key 'label'"):
        PatchDataset([{"image": "a.nii"}], (4, 4, 4), label="label")
    with pytest.raises(revoxel.RevoxelError, match="no trace"):
        outputs(place / "data")
    # As revoxel.nnunet.preprocess writes them.
    made = revoxel.Pipeline.load(place / "p.yaml")(
        {"image": place / "data/c0_i.nii.gz", "label": place / "data/c0_l.nii.gz"}
    )
    (place / "bare").mkdir()
    made.trace.save(place / "bare/c0.json")
    with pytest.raises(revoxel.RevoxelError, match="name no files"):
        outputs(place / "bare")
    for data in ([{"image": "a.nii"}], {"image": "a.nii"}, None):
        with pytest.raises(revoxel.RevoxelError, match=r"data: .*folder"):
            CaseDataset(place / "p.yaml", data)  # type: ignore[arg-type]
