"""A pipeline between MONAI's own transforms, and back through MONAI's Invertd."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_datasets import AFFINE, PIPELINE, place  # noqa: F401  (a fixture)

import revoxel

pytest.importorskip("torch")
pytest.importorskip("monai")
import torch
from monai.data import CacheDataset, DataLoader, Dataset, MetaTensor, PersistentDataset, decollate_batch
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    Flipd,
    Invertd,
    Lambdad,
    LoadImaged,
    RandCropByPosNegLabeld,
    Randomizable,
    Spacingd,
    SpatialPadd,
)
from monai.utils import set_determinism

from revoxel.monai import RandRevoxeld, Revoxeld


def _files(place: Path, case: str) -> dict[str, str]:  # noqa: F811
    return {"image": str(place / f"data/{case}_i.nii.gz"), "label": str(place / f"data/{case}_l.nii.gz")}


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.sum((a == 1) & (b == 1)) / (np.sum(a == 1) + np.sum(b == 1)))


def test_it_gives_what_the_pipeline_gives_with_right_affines(place: Path) -> None:  # noqa: F811
    load = Compose([LoadImaged(["image", "label"]), EnsureChannelFirstd(["image", "label"])])
    given = load(_files(place, "c1"))
    made = Revoxeld(["image", "label"], place / "p.yaml")(given)
    expected = revoxel.Pipeline.load(place / "p.yaml")(_files(place, "c1"), case="c1")
    for key in ("image", "label"):
        assert isinstance(made[key], MetaTensor)
        np.testing.assert_allclose(made[key].affine.numpy(), expected[key].affine, atol=1e-6)
        np.testing.assert_allclose(made[key][0].numpy(), expected[key].xyz, atol=1e-4)
        assert made[key].meta["filename_or_obj"] == given[key].meta["filename_or_obj"]
    # Paths and volumes are taken as they are.
    alone = Revoxeld(["image", "label"], place / "p.yaml")(_files(place, "c1"))
    np.testing.assert_array_equal(alone["image"][0].numpy(), expected["image"].xyz)
    renamed = Revoxeld(["a", "b"], place / "p.yaml", inputs=["image", "label"])
    files = _files(place, "c1")
    same = renamed({"a": revoxel.read(files["image"]), "b": revoxel.read(files["label"], "label")})
    np.testing.assert_array_equal(same["a"][0].numpy(), expected["image"].xyz)


def test_invertd_brings_predictions_home(place: Path) -> None:  # noqa: F811
    chain = Compose(
        [
            LoadImaged(["image", "label"]),
            EnsureChannelFirstd(["image", "label"]),
            Flipd(["image", "label"], spatial_axis=1),
            Revoxeld(["image", "label"], place / "p.yaml"),
            SpatialPadd(["image", "label"], (24, 24, 24)),
        ]
    )
    home = Invertd("pred", chain, orig_keys="image", nearest_interp=True)
    for case in ("c0", "c2"):
        d = chain(_files(place, case))
        d["pred"] = d["label"].clone()
        back = home(d)["pred"]
        source = revoxel.read(place / f"data/{case}_l.nii.gz", "label")
        assert tuple(back.shape) == (1, *source.shape)
        np.testing.assert_allclose(back.affine.numpy(), AFFINE, atol=1e-5)
        # The same through the trace alone.
        plain = revoxel.Pipeline.load(place / "p.yaml")(_files(place, case), case="c")
        expected = plain.trace.invert(plain["label"], volume="image", kind="label")
        share = float(np.mean(back[0].numpy() == expected.xyz))
        assert share > 0.995, share
        assert abs(_dice(back[0].numpy(), source.xyz) - _dice(expected.xyz, source.xyz)) < 0.01
        assert _dice(back[0].numpy(), source.xyz) > 0.7


def test_it_works_in_workers_and_through_collation(place: Path) -> None:  # noqa: F811
    chain = Compose(
        [
            LoadImaged(["image", "label"]),
            EnsureChannelFirstd(["image", "label"]),
            Revoxeld(["image", "label"], place / "p.yaml"),
        ]
    )
    data = Dataset([_files(place, "c0"), _files(place, "c1")], chain)
    loader = DataLoader(data, batch_size=1, num_workers=2, timeout=60)
    home = Invertd("pred", chain, orig_keys="image", nearest_interp=True)
    for batch, case in zip(loader, ("c0", "c1"), strict=True):
        batch["pred"] = MetaTensor(batch["label"].as_tensor(), meta=batch["image"].meta)
        [item] = decollate_batch(batch)
        back = home(item)["pred"]
        source = revoxel.read(place / f"data/{case}_l.nii.gz", "label")
        assert tuple(back.shape) == (1, *source.shape)


def test_scores_are_interpolated_and_compose_inverts(place: Path) -> None:  # noqa: F811
    (place / "p1.yaml").write_text(
        "version: 1\ninputs: { image: { kind: image, path: '{case}.nii' } }\nsteps:\n  - spacing: { pixdim: 2 }\n"
        "outputs: { image: { path: '{case}.nii' } }\ntrace: '{case}.json'\n"
    )
    step = pickle.loads(pickle.dumps(Revoxeld("image", place / "p1.yaml")))
    smooth = np.fromfunction(lambda x, y, z: x + 2 * y - z, (13, 17, 9)).astype(np.float32)
    d = step({"image": MetaTensor(torch.from_numpy(smooth[None]), affine=torch.from_numpy(AFFINE))})
    two = MetaTensor(torch.cat([d["image"].as_tensor(), -d["image"].as_tensor()]), meta=d["image"].meta)
    two.applied_operations = list(d["image"].applied_operations)
    back = step.inverse({"image": two})["image"]
    assert back.shape == (2, 13, 17, 9)
    assert back.applied_operations == []
    inner = (slice(2, -2),) * 3
    np.testing.assert_allclose(back[0].numpy()[inner], smooth[inner], atol=0.05)
    np.testing.assert_allclose(back[1].numpy()[inner], -smooth[inner], atol=0.05)
    with pytest.raises(revoxel.RevoxelError, match="model's grid"):
        wrong = MetaTensor(two.as_tensor()[:, 1:], meta=two.meta)
        wrong.applied_operations = list(d["image"].applied_operations)
        step.inverse({"image": wrong})


RANDOM = PIPELINE.replace(
    "outputs:",
    "  - rand_flip: { prob: 0.5, spatial_axis: 0 }\n  - rand_gaussian_noise: { prob: 1, std: 9, keys: [image] }\noutputs:",
)


@pytest.fixture
def random(place: Path) -> Path:  # noqa: F811
    (place / "random.yaml").write_text(RANDOM)
    return place / "random.yaml"


def _chain(pipeline: Path, *behind: Any, **options: Any) -> Any:
    both = ["image", "label"]
    return Compose([LoadImaged(both), EnsureChannelFirstd(both), Revoxeld(both, pipeline, **options), *behind])


def _image(item: Any) -> torch.Tensor:
    made: torch.Tensor = item["image"].as_tensor()
    return made


def test_random_steps_draw_as_monai_says(place: Path, random: Path) -> None:  # noqa: F811
    chain = _chain(random)
    files = _files(place, "c0")

    def three(begin: Callable[[], Any]) -> list[torch.Tensor]:
        begin()
        return [_image(chain(files)) for _ in range(3)]

    first = three(lambda: chain.set_random_state(7))
    again = three(lambda: chain.set_random_state(7))
    other = three(lambda: chain.set_random_state(8))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    drawn = [*first, *other]
    assert not any(a.shape == b.shape and torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])
    # The seed of MONAI decides what a chain that is made after it draws.
    try:
        set_determinism(5)
        one = _image(_chain(random)(files))
        set_determinism(5)
        assert torch.equal(_image(_chain(random)(files)), one)
    finally:
        set_determinism(None)


def test_workers_draw_anew_in_each_epoch(place: Path, random: Path) -> None:  # noqa: F811
    chain = _chain(random, Lambdad("image", lambda image: image.mean()[None]))
    data = Dataset([_files(place, case) for case in ("c0", "c0", "c1", "c1")], chain)
    for lasting in (False, True):
        loader = DataLoader(data, batch_size=1, num_workers=2, persistent_workers=lasting, timeout=60)
        means = [float(batch["image"][0, 0]) for _ in range(2) for batch in loader]
        assert len(set(means)) == 8, means


def test_by_case_draws_what_run_draws(place: Path, random: Path) -> None:  # noqa: F811
    revoxel.run(random, place / "data", place / "out")
    step = Revoxeld(["image", "label"], random, by_case=True)
    assert type(step) is Revoxeld
    for case in ("c0", "c1"):
        expected = revoxel.read(place / f"out/{case}/image.nii").xyz
        for given in (step(_files(place, case)), _chain(random, by_case=True)(_files(place, case))):
            np.testing.assert_allclose(_image(given)[0].numpy(), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("path", "file", "case"),
    [
        ("{case}_i.nii.gz", "/d/c1_i.nii.gz", "c1"),
        ("{case}/ct.nii.gz", "/d/c1/ct.nii.gz", "c1"),
        ("sub-{case}/sub-{case}_*_T1w.nii.gz", "/d/sub-07/sub-07_run-1_T1w.nii.gz", "07"),
        ("{case}/ct.nii.gz", "/elsewhere/a.nii.gz", "a"),
        ("[{ses}/]{case}.nii.gz", "b.c.seg.nrrd", "b.c"),
        ("{case}_i.nii.gz", "/d/scan", "scan"),
    ],
)
def test_a_case_is_called_as_run_calls_it(path: str, file: str, case: str, tmp_path: Path) -> None:
    # `outputs` needs all names of the inputs.
    names = "{ses}-" if "ses" in path else ""
    text = PIPELINE.replace("{case}_i.nii.gz", path).replace('"{case}/', f'"{names}{{case}}/')
    (tmp_path / "p.yaml").write_text(text.split("restore:")[0].replace("{ses}-", "[{ses}-]"))
    step = Revoxeld("image", tmp_path / "p.yaml", allow_missing_keys=True)
    assert step._case({}, {"image": file}) == case
    assert step._case({}, {"image": MetaTensor(torch.zeros(1), meta={"filename_or_obj": file})}) == case
    assert step._case({}, {"image": [file, "other"]}) == case
    assert step._case({"case": "mine"}, {"image": file}) == "mine"


def test_a_folder_keeps_its_whole_name(place: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "1.2.840").mkdir()
    assert Revoxeld("image", place / "p.yaml")._case({}, {"image": f"{tmp_path}/1.2.840/"}) == "1.2.840"


def test_only_what_draws_is_random_to_monai(place: Path, random: Path) -> None:  # noqa: F811
    plain, drawing = Revoxeld("image", place / "p.yaml"), Revoxeld("image", random)
    assert type(plain) is Revoxeld
    assert not isinstance(plain, Randomizable)
    assert type(drawing) is type(pickle.loads(pickle.dumps(drawing))) is RandRevoxeld
    assert isinstance(drawing, Revoxeld)
    assert not isinstance(Revoxeld("image", random, by_case=True), Randomizable)


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_monai_caches_what_does_not_draw(place: Path, random: Path, kind: str) -> None:  # noqa: F811
    calls: list[str] = []

    def count(image: Any) -> Any:
        calls.append("call")
        return image

    def twice(chain: Any) -> tuple[torch.Tensor, torch.Tensor, int]:
        calls.clear()
        files = [_files(place, "c0")]
        if kind == "memory":
            data = CacheDataset(files, chain, num_workers=0, progress=False)
        else:
            data = PersistentDataset(
                files, chain, cache_dir=place / str(len(list(place.iterdir()))), track_meta=True, weights_only=False
            )
        return _image(data[0]), _image(data[0]), len(calls)

    # What comes after a random transform is not cached.
    for cached in (
        _chain(place / "p.yaml", Lambdad("image", count)),
        _chain(random, Lambdad("image", count), by_case=True),
    ):
        first, second, called = twice(cached)
        assert torch.equal(first, second)
        assert called == 1
    first, second, called = twice(_chain(random, Lambdad("image", count)))
    assert first.shape != second.shape or not torch.equal(first, second)
    assert called == 2
    # What lies before is.
    both = ["image", "label"]
    before = [LoadImaged(both), EnsureChannelFirstd(both), Lambdad("image", count), Revoxeld(both, random)]
    assert twice(Compose(before))[2] == 1


def test_what_was_drawn_is_inverted(place: Path, random: Path) -> None:  # noqa: F811
    chain = _chain(random)
    source = revoxel.read(place / "data/c1_l.nii.gz", "label")
    for _ in range(4):
        d = chain(_files(place, "c1"))
        d["pred"] = d["label"].clone()
        # Others than the transform that made it may invert it.
        for home in (chain, pickle.loads(pickle.dumps(chain)), _chain(random)):
            back = Invertd("pred", home, orig_keys="image", nearest_interp=True)(d)["pred"]
            assert _dice(back[0].numpy(), source.xyz) > 0.7
        whole = chain.inverse(d)
        assert tuple(whole["image"].shape) == (1, *source.shape)
        assert whole["image"].applied_operations == []


def test_predictions_in_half_precision_come_home(place: Path) -> None:  # noqa: F811
    d = _chain(place / "p.yaml")(_files(place, "c0"))
    scores = d["image"].as_tensor().bfloat16().requires_grad_(True)
    for given in (scores, scores * 1):
        d["pred"] = MetaTensor(given, meta=d["image"].meta)
        back = Invertd("pred", _chain(place / "p.yaml"), orig_keys="image", nearest_interp=False)(d)["pred"]
        assert (back.shape[1:], back.dtype) == (revoxel.read(place / "data/c0_i.nii.gz").shape, torch.bfloat16)


SPACING = """
version: 1
inputs: { image: { kind: image, path: "{case}_i.nii" }, label: { kind: label, path: "{case}_l.nii" } }
steps:
  - spacing: { pixdim: [1.5, 1.5, 1.5], interpolation: { label: nearest } }
outputs: { image: { path: "{case}/i.nii" }, label: { path: "{case}/l.nii" } }
trace: "{case}.json"
"""


def _both() -> tuple[Any, Any, dict[str, MetaTensor]]:
    """Chains of the same resampling, of this package and of MONAI, and an image with a label off the middle, whose values are
    far apart."""
    ours = Compose([Revoxeld(["image", "label"], revoxel.Pipeline.parse(SPACING))])
    theirs = Compose([Spacingd(["image", "label"], (1.5, 1.5, 1.5), mode=("bilinear", "nearest"))])
    affine = torch.diag(torch.tensor([1.0, 1.2, 2.0, 1.0], dtype=torch.float64))
    affine[:3, 3] = torch.tensor([5.0, -7.0, 11.0])
    label = np.zeros((1, 20, 24, 16), np.uint8)
    label[:, 3:15, 6:18, 4:12] = 10
    label[:, 5:9, 8:11, 5:9] = 3
    image = np.random.default_rng(4).normal(size=label.shape).astype(np.float32)
    return ours, theirs, {key: MetaTensor(v, affine=affine) for key, v in (("image", image), ("label", label))}


@pytest.mark.parametrize("key", ["image", "label"])
@pytest.mark.parametrize("nearest", [True, False])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64, torch.float32, torch.float16])
def test_predictions_come_back_as_from_a_transform_of_monai(key: str, nearest: bool, dtype: torch.dtype) -> None:
    ours, theirs, given = _both()
    prediction = theirs(given)["label"].as_tensor().to(dtype)
    mine, wanted = (
        Invertd("pred", chain, orig_keys=key, nearest_interp=nearest)(
            {**chain(given), "pred": MetaTensor(prediction.clone())}
        )["pred"]
        for chain in (ours, theirs)
    )
    # Half precision is kept, and MONAI makes float32 of it.
    np.testing.assert_allclose(mine.float(), wanted, atol=4e-3 if dtype is torch.float16 else 1e-5, rtol=0)
    np.testing.assert_allclose(mine.affine, wanted.affine, atol=1e-6)
    interpolated = key == "image" and not nearest
    assert mine.dtype == (torch.float32 if interpolated and not dtype.is_floating_point else dtype)
    # A label map stays one, unless its key is that of an image and linear interpolation is asked for.
    assert interpolated == bool(len(mine.unique()) > 3)


def test_compose_brings_labels_back_as_labels() -> None:
    ours, _, given = _both()
    back = ours.inverse(ours(given))
    assert (back["label"].dtype, back["label"].unique().tolist()) == (torch.uint8, [0, 3, 10])
    assert float((back["label"] != given["label"]).float().mean()) < 0.03
    assert back["image"].dtype == torch.float32


def test_what_lies_behind_and_is_not_undone_is_named(place: Path) -> None:  # noqa: F811
    crop = RandCropByPosNegLabeld(["image", "label"], "label", (4, 4, 4), num_samples=1)
    chain = _chain(place / "p.yaml", crop)
    [d] = chain(_files(place, "c0"))
    with pytest.raises(RuntimeError, match="Revoxeld") as caught:
        Invertd("label", chain)(d)
    assert "RandCropByPosNegLabel, which MONAI does not invert" in str(caught.value.__cause__)
    # A spatial transform of MONAI that was in another process is not known to MONAI; this one is.
    for behind in (Flipd("image", 0), SpatialPadd("image", (24, 24, 24))):
        chain = _chain(place / "p.yaml", behind)
        other = pickle.loads(pickle.dumps(chain))
        with pytest.raises(RuntimeError, match="most recently applied") as caught:
            try:
                Invertd("image", chain)(other(_files(place, "c0")))
            except RuntimeError as error:
                raise error.__cause__ or error from None
    kept = _chain(place / "p.yaml")
    source = revoxel.read(place / "data/c0_i.nii.gz").shape
    assert Invertd("image", kept)(pickle.loads(pickle.dumps(kept))(_files(place, "c0")))["image"].shape[1:] == source


def test_a_record_that_is_missing_is_told(place: Path) -> None:  # noqa: F811
    step = Revoxeld("image", place / "p.yaml")
    for tensor in (torch.zeros(1, 4, 4, 4), MetaTensor(torch.zeros(1, 4, 4, 4))):
        with pytest.raises(revoxel.RevoxelError, match="does not carry the trace"):
            step.inverse({"image": tensor})


def test_what_does_not_fit_is_refused(place: Path) -> None:  # noqa: F811
    with pytest.raises(revoxel.RevoxelError, match="no input 'mask'"):
        Revoxeld("mask", place / "p.yaml")
    with pytest.raises(revoxel.RevoxelError, match="2 keys, but 1 inputs"):
        Revoxeld(["image", "label"], place / "p.yaml", inputs="image")
    with pytest.raises(revoxel.RevoxelError, match=r"Pipeline\.load"):
        Revoxeld("image", revoxel.Pipeline.load(place / "p.yaml"), set={"seed": 3})
    # What PersistentDataset keeps by default.
    with pytest.raises(revoxel.RevoxelError, match=r"image: a plain tensor .*track_meta=True"):
        Revoxeld("image", place / "p.yaml")({"image": torch.zeros(1, 4, 4, 4)})
    with pytest.raises(revoxel.RevoxelError, match=r"input 'image' is named for two keys"):
        Revoxeld(["a", "b"], place / "p.yaml", inputs=["image", "image"])


@pytest.mark.parametrize(
    ("shape", "spatial", "match"),
    [
        ((1, 10, 12, 14, 5), None, "decollate_batch"),
        ((3, 30, 30), None, r"\(channel, x, y\) or \(x, y, z\)"),
        ((10, 12, 14), 3, "EnsureChannelFirstd"),
        ((10, 12), 2, r"expected \(channels, x, y, z\)"),
    ],
)
def test_tensors_have_an_axis_of_channels(place: Path, shape: Any, spatial: int | None, match: str) -> None:  # noqa: F811
    meta = {} if spatial is None else {"spatial_shape": np.ones(spatial)}
    with pytest.raises(revoxel.RevoxelError, match=match):
        Revoxeld("image", place / "p.yaml")({"image": MetaTensor(torch.zeros(shape), affine=torch.eye(4), meta=meta)})


@pytest.mark.parametrize("size", [3, 4])
def test_a_plane_stays_one(size: int) -> None:
    text = SPACING.replace("[1.5, 1.5, 1.5]", "[2, 1.5]").replace("kind: label", "optional: true, kind: label")
    affine = torch.diag(torch.tensor([1.0, 1.5, 1.0, 1.0], dtype=torch.float64))
    affine[:2, 3] = torch.tensor([5.0, -7.0])
    affine = affine if size == 4 else affine[[0, 1, 3]][:, [0, 1, 3]]
    plane = torch.arange(3.0)[:, None, None] * 100 + torch.arange(20.0)[None, :, None] + torch.zeros(1, 1, 12)
    given = {"image": MetaTensor(plane, affine=affine, meta={"spatial_shape": np.array([20, 12])})}
    chain = Compose([Revoxeld("image", revoxel.Pipeline.parse(text)), Flipd("image", 1)])
    made = chain(given)["image"]
    assert tuple(made.shape) == (3, 10, 12)
    assert made.affine.shape == (size, size)
    assert made.affine[0, 0] == 2
    assert made.meta["spatial_shape"].tolist() == [10, 12]
    with pytest.raises(revoxel.TraceError, match="if Revoxeld alone moved it, and Revoxeld, Flip did"):
        revoxel.trace_from_monai(made)
    trace = revoxel.trace_from_monai(Revoxeld("image", revoxel.Pipeline.parse(text))(given)["image"])
    assert trace.source_grid.planar
    assert trace.source_grid.shape == (20, 12, 1)
    back = chain.inverse({"image": made})["image"]
    assert tuple(back.shape) == (3, 20, 12)
    np.testing.assert_allclose(back.affine, affine, atol=1e-6)
    np.testing.assert_allclose(back.as_tensor()[:, 2:-2], plane[:, 2:-2], atol=1e-3)
