"""A pipeline between MONAI's own transforms, and back through MONAI's Invertd."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from test_datasets import AFFINE, place  # noqa: F401  (a fixture)

import revoxel

pytest.importorskip("torch")
pytest.importorskip("monai")
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import Compose, EnsureChannelFirstd, Flipd, Invertd, LoadImaged, SpatialPadd

from revoxel.monai import Revoxeld


def _files(place: Path, case: str) -> dict[str, str]:  # noqa: F811
    return {"image": str(place / f"data/{case}_i.nii.gz"), "label": str(place / f"data/{case}_l.nii.gz")}


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.sum((a == 1) & (b == 1)) / (np.sum(a == 1) + np.sum(b == 1)))


def test_it_gives_what_the_pipeline_gives_with_right_affines(place: Path) -> None:  # noqa: F811
    load = Compose([LoadImaged(["image", "label"]), EnsureChannelFirstd(["image", "label"])])
    given = load(_files(place, "c1"))
    made = Revoxeld(["image", "label"], place / "p.yaml")(given)
    expected = revoxel.Pipeline.load(place / "p.yaml")(_files(place, "c1"), case="c1_i.nii.gz")
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


def test_what_does_not_fit_is_refused(place: Path) -> None:  # noqa: F811
    with pytest.raises(revoxel.RevoxelError, match="no input 'mask'"):
        Revoxeld("mask", place / "p.yaml")
    with pytest.raises(revoxel.RevoxelError, match="2 keys, but 1 inputs"):
        Revoxeld(["image", "label"], place / "p.yaml", inputs="image")
