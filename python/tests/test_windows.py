"""Sliding windows against recorded answers of MONAI and nnU-Net (record_windows.py), and against themselves where installed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import revoxel
from revoxel import windows

HERE = Path(__file__).parent

PLACES: list[dict[str, Any]] = [
    {"shape": list(shape), "window": list(window), "overlap": overlap}
    for (shape, window), overlap in itertools.product(
        [
            ((110, 64, 65), (64, 64, 64)),
            ((40, 33, 17), (8, 11, 5)),
            ((7, 30, 12), (16, 16, 12)),
            ((5, 6, 4), (9, 9, 9)),
            ((301, 257, 43), (128, 96, 28)),
            ((2, 1, 3), (1, 1, 2)),
        ],
        [0.0, 0.1, 0.25, 0.3, 0.5, 0.6, 0.75, 0.9, 0.99],
    )
]
GAUSSIANS = [[8, 8, 8], [9, 7, 5], [32, 20, 11], [1, 6, 3], [64, 48, 2], [5, 5, 160]]
_MONAI: dict[str, Any] = {"rule": "monai", "padding": "constant", "batch": 1}
_NNUNET: dict[str, Any] = {"rule": "nnunet", "mirror": None, "step": 0.5}
PREDICTIONS: dict[str, dict[str, Any]] = {
    "monai constant": {**_MONAI, "shape": [21, 17, 13], "window": [8, 8, 8], "overlap": 0.25, "blend": "constant"},
    "monai gaussian": {**_MONAI, "shape": [21, 17, 13], "window": [9, 6, 5], "overlap": 0.5, "blend": "gaussian"},
    "monai batches": {
        **_MONAI,
        "shape": [13, 18, 11],
        "window": [7, 5, 11],
        "overlap": [0.1, 0.7, 0.3],
        "blend": "gaussian",
        "batch": 4,
    },
    "monai small": {**_MONAI, "shape": [6, 15, 3], "window": [9, 8, 8], "overlap": 0.6, "blend": "gaussian"},
    "monai reflected": {
        **_MONAI,
        "shape": [6, 15, 5],
        "window": [9, 8, 8],
        "overlap": 0.5,
        "blend": "constant",
        "padding": "reflect",
    },
    "monai replicated": {
        **_MONAI,
        "shape": [3, 15, 2],
        "window": [9, 8, 8],
        "overlap": 0.25,
        "blend": "gaussian",
        "padding": "replicate",
    },
    "monai circular": {
        **_MONAI,
        "shape": [6, 15, 5],
        "window": [9, 8, 8],
        "overlap": 0.25,
        "blend": "gaussian",
        "padding": "circular",
    },
    "nnunet gaussian": {**_NNUNET, "shape": [21, 17, 13], "window": [8, 8, 8], "blend": "gaussian"},
    "nnunet constant": {**_NNUNET, "shape": [21, 17, 13], "window": [9, 6, 5], "blend": "constant", "step": 0.7},
    "nnunet small": {**_NNUNET, "shape": [6, 15, 3], "window": [9, 8, 8], "blend": "gaussian"},
    "nnunet mirrored": {
        **_NNUNET,
        "shape": [13, 18, 11],
        "window": [7, 6, 11],
        "blend": "gaussian",
        "mirror": [0, 1, 2],
        "step": 0.4,
    },
    "nnunet one mirror": {**_NNUNET, "shape": [10, 9, 11], "window": [7, 6, 5], "blend": "gaussian", "mirror": [2]},
}


def volume(shape: list[int] | tuple[int, ...]) -> np.ndarray:
    """Two channels (c, x, y, z), float32, without any symmetry; whole numbers over 32, the same on every machine."""
    x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
    first = (7 * x + 13 * y + 29 * z + 3 * x * y) % 31
    second = (5 * x + 11 * y * z + 2 * z) % 23
    return np.stack([first, second]).astype(np.float32) / np.float32(32)


def model(block: np.ndarray) -> np.ndarray:
    """Three classes that depend on the values and on the place in the window, by sums and products alone."""
    x, y, z = (
        np.arange(n, dtype=np.float32).reshape([-1 if k == axis else 1 for k in range(3)]) / np.float32(n)
        for axis, n in enumerate(block.shape[2:])
    )
    first, second = block[:, 0], block[:, 1]
    zero = np.zeros_like(first)
    return np.stack([first * x - second + zero, second * (y + 2) - x + zero, first * second * 4 - z * y + zero], axis=1)


def thinned(values: np.ndarray) -> np.ndarray:
    """At most some 900 values out of all, from everywhere."""
    flat = np.asarray(values).ravel()
    return flat[:: max(1, len(flat) // 600) | 1]


def slid(case: dict[str, Any], **others: Any) -> np.ndarray:
    """The prediction of a case."""
    overlap = case["overlap"] if "overlap" in case else 1 - case["step"]
    arguments: dict[str, Any] = {
        "rule": case["rule"],
        "overlap": overlap,
        "blend": case["blend"],
        "mirror": case.get("mirror") or (),
        "batch": case.get("batch", 1),
        "padding": case.get("padding", "constant"),
    }
    return windows.slide(volume(case["shape"]), model, case["window"], **{**arguments, **others})


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    with np.load(HERE / "windows.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_positions_are_theirs() -> None:
    kept = json.loads((HERE / "windows.json").read_text())
    assert set(kept["versions"]) == {"monai", "nnunetv2", "numpy", "scipy", "torch"}
    cases = [{key: case[key] for key in ("shape", "window", "overlap")} for case in kept["places"]]
    assert cases == PLACES
    for case, answer in zip(PLACES, kept["places"], strict=True):
        arguments = {"window": case["window"], "overlap": case["overlap"]}
        # Two windows at one place are one place in the record of MONAI; there are none.
        monai = windows.positions(case["shape"], rule="monai", **arguments)
        assert list(monai) == answer["monai"], case
        assert list(windows.positions(case["shape"], rule="nnunet", **arguments)) == answer["nnunet"], case


@pytest.mark.parametrize("rule", ["monai", "nnunet"])
@pytest.mark.parametrize("window", GAUSSIANS, ids=str)
def test_weights_are_theirs(rule: Any, window: list[int], recorded: dict[str, np.ndarray]) -> None:
    ours = windows.weights(window, rule=rule, blend="gaussian")
    assert ours.dtype == np.float32
    theirs = recorded[f"gaussian/{rule}/{'x'.join(map(str, window))}"]
    if rule == "nnunet":
        assert theirs.dtype == np.float16
        assert np.array_equal(thinned(ours), theirs)
    else:
        assert np.abs(thinned(ours) - theirs).max() < 2e-7
    assert (windows.weights(window, rule=rule, blend="constant") == 1).all()


@pytest.mark.parametrize("name", PREDICTIONS)
def test_predictions_are_theirs(name: str, recorded: dict[str, np.ndarray]) -> None:
    ours = slid(PREDICTIONS[name])
    assert ours.dtype == np.float32
    assert ours.shape == (3, *PREDICTIONS[name]["shape"])
    assert np.abs(thinned(ours) - recorded[name]).max() < 1e-6
    if name + "/half" in recorded:
        # nnU-Net's own sums are float16: coarse, and wrong in corners of the volume, where weights are as small as float16 can
        # be and their products with scores are rounded to multiples of 6e-8.
        theirs = recorded[name + "/half"].astype(np.float32)
        close = np.abs(thinned(ours) - theirs) < 4e-3 * np.abs(theirs).max()
        assert close.mean() > 0.95
        if PREDICTIONS[name]["blend"] == "constant":
            assert close.all()


@pytest.mark.parametrize("name", [name for name, case in PREDICTIONS.items() if case["rule"] == "monai"])
def test_monai_itself(name: str) -> None:
    pytest.importorskip("monai")
    record = pytest.importorskip("record_windows", reason="nnU-Net is not installed, which the recorder needs")
    assert np.abs(slid(PREDICTIONS[name]) - record.of_monai(PREDICTIONS[name])).max() < 1e-6


@pytest.mark.parametrize("name", [name for name, case in PREDICTIONS.items() if case["rule"] == "nnunet"])
def test_nnunet_itself(name: str) -> None:
    pytest.importorskip("nnunetv2")
    record = pytest.importorskip("record_windows", reason="MONAI is not installed, which the recorder needs")
    assert np.abs(slid(PREDICTIONS[name]) - record.of_nnunet(PREDICTIONS[name], half=False)).max() < 1e-6


def test_defaults_are_those_of_the_rule() -> None:
    assert windows.positions((20, 20, 20), 8) == windows.positions((20, 20, 20), 8, rule="monai", overlap=0.25)
    assert windows.positions((20, 20, 20), 8, rule="nnunet")[0] == [0, 4, 8, 12]
    assert (windows.weights((4, 5, 6)) == 1).all()
    assert windows.weights((4, 5, 6), rule="nnunet").max() == 10
    assert windows.padding((5, 20, 7), (8, 8, 8)) == ((1, 2), (0, 0), (0, 1))
    assert windows.positions((5, 20, 7), (8, None, -1))[1:] == ([0], [0])


@pytest.mark.parametrize("rule", ["monai", "nnunet"])
@pytest.mark.parametrize("shape", [(21, 17, 13), (4, 30, 9), (9, 5, 40)])
@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_labels_row_by_row_are_those_of_the_whole(rule: Any, shape: tuple[int, int, int], batch: int) -> None:
    arguments: dict[str, Any] = {"rule": rule, "blend": "gaussian", "mirror": (0,)}
    whole = windows.slide(volume(shape), model, (8, 7, 6), **arguments)
    labels = windows.slide(volume(shape), model, (8, 7, 6), batch=batch, argmax=True, **arguments)
    assert (labels.dtype, labels.shape) == (np.uint8, shape)
    # Sums in another order may decide differently where two classes are equal but for rounding.
    highest = np.sort(whole, axis=0)
    clear = highest[-1] - highest[-2] > 1e-6
    assert clear.mean() > 0.99
    assert np.array_equal(labels[clear], whole.argmax(axis=0)[clear])
    assert len(np.unique(labels)) == 3


def test_at_a_tie_the_lowest_class_wins() -> None:
    def tie(block: np.ndarray) -> np.ndarray:
        return np.stack([block[:, 0] * 0, block[:, 0] * 0 + 1, block[:, 0] * 0 + 1], axis=1)

    assert (windows.slide(volume((6, 5, 4)), tie, 3, argmax=True) == 1).all()


def test_a_window_of_the_whole_is_the_model_itself() -> None:
    given = volume((6, 5, 4))
    assert np.array_equal(windows.slide(given, model, (None, None, None)), model(given[None])[0])


def test_own_weights() -> None:
    case = PREDICTIONS["monai gaussian"]
    own = windows.weights(case["window"], blend="gaussian")
    assert np.array_equal(slid(case, blend=own), slid(case))
    for wrong, match in ((own[1:], "shape"), (own * 0, "above 0"), (own * np.nan, "finite")):
        with pytest.raises(revoxel.RevoxelError, match=match):
            slid(case, blend=wrong)


def test_a_model_may_use_its_memory_again() -> None:
    case = PREDICTIONS["nnunet mirrored"]
    memory: dict[tuple[int, ...], np.ndarray] = {}

    def sparing(block: np.ndarray) -> np.ndarray:
        made = model(block)
        kept = memory.setdefault(made.shape, made)
        kept[...] = made
        return kept

    def spoiling(block: np.ndarray) -> np.ndarray:
        made = model(block)
        block[...] = 7
        return made

    for other in (sparing, spoiling):
        arguments: dict[str, Any] = {"rule": "nnunet", "overlap": 0.6, "mirror": case["mirror"]}
        found = windows.slide(volume(case["shape"]), other, case["window"], **arguments)
        assert np.array_equal(found, slid(case))


def test_progress_and_interruptions() -> None:
    told: list[tuple[int, int]] = []
    windows.slide(volume((10, 9, 8)), model, 4, batch=5, progress=lambda ended, of: told.append((ended, of)))
    count = np.prod([len(starts) for starts in windows.positions((10, 9, 8), 4)])
    assert told[-1] == (count, count)
    assert [ended for ended, _ in told] == [*range(5, count, 5), count]

    calls = 0

    def interrupted(block: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return model(block)

    with pytest.raises(KeyboardInterrupt):
        windows.slide(volume((10, 9, 8)), interrupted, 4)
    assert calls == 3


def _without(block: np.ndarray) -> np.ndarray:
    made = model(block)
    made[0, 1, 2, 3, 1] = np.nan
    return made


def _other_classes() -> Callable[[np.ndarray], np.ndarray]:
    count = itertools.count(3)
    return lambda block: np.zeros((len(block), next(count), *block.shape[2:]), np.float32)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (lambda block: model(block)[..., :-1], r"shape \(1, 3, 4, 4, 3\).*expected \(1, classes, 4, 4, 4\)"),
        (lambda block: model(block)[0], r"expected \(1, classes"),
        (lambda block: model(block)[:, :0], "no class"),
        (lambda block: np.repeat(model(block), 2, axis=0), r"\(2, 3, 4, 4, 4\)"),
        (_other_classes(), "4 classes for window 2 of .*3 before"),
        (_without, r"nan in class 1 at voxel \(2, 3, 1\)"),
        (lambda block: model(block) / np.float32(0), "not finite"),
        (lambda block: model(block).argmax(axis=1, keepdims=True), "int64.*scores"),
        (lambda block: [model(block)] * 2, "2 things.*choose one"),
        (lambda block: {"scores": model(block)}, "dict"),
        (lambda block: None, "NoneType"),
        ("model.onnx", "cannot be called"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_a_model_must_not_give(wrong: Any, match: str) -> None:
    with pytest.raises(revoxel.RevoxelError, match=match):
        windows.slide(volume((10, 9, 8)), wrong, 4)


def test_large_values_are_no_fault() -> None:
    huge = np.float32(3e37)
    found = windows.slide(volume((6, 5, 4)), lambda block: np.ones((1, 1, 6, 5, 4), np.float32) * huge, (6, 5, 4))
    assert (found == huge).all()


def test_faults_of_a_model_say_where() -> None:
    def broken(block: np.ndarray) -> np.ndarray:
        raise OSError("no memory")

    with pytest.raises(OSError, match="no memory") as error:
        windows.slide(volume((10, 9, 8)), broken, 4)
    assert error.value.__notes__ == ["in the model, window 1 of 27, first voxel (0, 0, 0)"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"window": 0}, "window: 0"),
        ({"window": (4, 4)}, "window: "),
        ({"window": (4, 4, 2.5)}, "window: "),
        ({"window": 5000}, "window: .*voxels"),
        ({"window": 40, "padding": "reflect"}, "too large.*axis 0.*padded by 15"),
        ({"window": 40, "padding": "circular"}, "too large"),
        ({"padding": "edge"}, "padding: 'edge' is none of constant, reflect"),
        ({"pad_value": np.nan}, "pad_value"),
        ({"overlap": 1}, "overlap: 1"),
        ({"overlap": (0.5, 0.5)}, "overlap: "),
        ({"overlap": -0.1}, "overlap: "),
        ({"rule": "unet"}, "rule: 'unet'"),
        ({"blend": "linear"}, "blend: 'linear'"),
        ({"blend": "gaussian", "sigma": 0}, "sigma"),
        ({"mirror": (0, 3)}, "mirror"),
        ({"mirror": (1, 1)}, "mirror"),
        ({"mirror": 1}, r"mirror: 1 must name axes .*\(0, 1, 2\) for all"),
        ({"mirror": (True,)}, "mirror"),
        ({"mirror": "01"}, "mirror"),
        ({"mirror": ([0],)}, "mirror"),
        ({"batch": 0}, "batch: 0"),
        ({"batch": 2.0}, "batch: 2.0"),
        ({"batch": True}, "batch: True"),
        ({"window": 8.0}, "window: 8.0"),
        ({"overlap": "abc"}, "overlap: 'abc'"),
        ({"overlap": [None] * 3}, "overlap: "),
        ({"overlap": np.zeros((1, 3))}, "overlap: "),
        ({"blend": "gaussian", "sigma": "x"}, "sigma: 'x'"),
        ({"pad_value": None}, "pad_value: None"),
        ({"padding": ["constant"]}, "padding: "),
        ({"rule": ["monai"]}, "rule: "),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(revoxel.RevoxelError, match=match):
        windows.slide(volume((10, 9, 8)), model, **{"window": 4, **arguments})


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"batch": np.int64(2)}, {"batch": 2}),
        ({"overlap": np.array([0.1, 0.2, 0.5])}, {"overlap": (0.1, 0.2, 0.5)}),
        ({"overlap": np.array(0.5)}, {"overlap": 0.5}),
        ({"overlap": np.float32(0.5)}, {"overlap": 0.5}),
        ({"window": np.array([4, 5, 6])}, {"window": (4, 5, 6)}),
        ({"window": np.array(4)}, {"window": 4}),
        ({"mirror": np.array([0, 2])}, {"mirror": (0, 2)}),
        ({"blend": "gaussian", "sigma": np.float64(0.25)}, {"blend": "gaussian", "sigma": 0.25}),
        ({"window": 12, "pad_value": np.float32(2)}, {"window": 12, "pad_value": 2.0}),
    ],
)
def test_numbers_of_numpy_are_numbers(given: dict[str, Any], same: dict[str, Any]) -> None:
    made, wanted = (windows.slide(volume((10, 9, 8)), model, **{"window": 4, **each}) for each in (given, same))
    assert np.array_equal(made, wanted)


def test_arrays_of_all_libraries() -> None:
    class Dlpack:
        def __init__(self, array: np.ndarray) -> None:
            self.array = array

        def __dlpack__(self, **keywords: Any) -> Any:
            return self.array.__dlpack__(**keywords)

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

    case = PREDICTIONS["monai gaussian"]
    wanted = slid(case)
    for other in (
        lambda block: Dlpack(model(block)),
        lambda block: [model(block)],
        lambda block: model(block).astype(np.float64),
        lambda block: np.asfortranarray(model(block)),
    ):
        found = windows.slide(volume(case["shape"]), other, case["window"], overlap=0.5, blend="gaussian")
        assert np.array_equal(found, wanted)
    half = windows.slide(
        volume(case["shape"]),
        lambda block: model(block).astype(np.float16),
        case["window"],
        overlap=0.5,
        blend="gaussian",
    )
    assert 0 < np.abs(half - wanted).max() < 4e-3


def test_modules_of_torch() -> None:
    torch = pytest.importorskip("torch")

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))
            self.drop = torch.nn.Dropout(0.5)
            self.kept = torch.nn.Dropout(0.5).eval()
            self.seen: set[tuple[object, ...]] = set()

        def forward(self, block: Any) -> Any:
            self.seen.add((block.dtype, torch.is_inference_mode_enabled(), self.training, self.drop.training))
            first, second = block[:, :1], block[:, 1:]
            return self.drop(torch.cat([first - second, second * 2, first * second], dim=1)) * self.scale

    def plain(block: np.ndarray) -> np.ndarray:
        first, second = block[:, :1], block[:, 1:]
        return np.concatenate([first - second, second * 2, first * second], axis=1)

    given = volume((11, 9, 8))
    wanted = windows.slide(given, plain, 5, rule="nnunet", mirror=(0, 1))
    network = Network()
    found = windows.slide(given, network, 5, rule="nnunet", mirror=(0, 1))
    assert np.abs(found - wanted).max() < 1e-6
    assert network.seen == {(torch.float32, True, False, False)}
    assert (network.training, network.drop.training, network.kept.training) == (True, True, False)
    assert not torch.is_inference_mode_enabled()
    half = windows.slide(given, Network().to(torch.bfloat16), 5, rule="nnunet", mirror=(0, 1))
    assert 0 < np.abs(half - wanted).max() < 0.05
    # A function that holds a graph.
    graph = windows.slide(
        given, lambda block: Network().eval()(torch.from_numpy(block)), 5, rule="nnunet", mirror=(0, 1)
    )
    assert np.abs(graph - wanted).max() < 1e-6


def test_memory_is_bounded_by_the_length_of_the_window() -> None:
    import tracemalloc

    shape, classes = (40, 40, 200), 12
    given = np.zeros((1, *shape), np.float32)

    def wide(block: np.ndarray) -> np.ndarray:
        return np.broadcast_to(block, (1, classes, *block.shape[2:]))

    peaks = {}
    for argmax in (True, False):
        tracemalloc.start()
        windows.slide(given, wide, (20, 20, 16), argmax=argmax)
        peaks[argmax] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    voxels = 40 * 40 * 200
    assert peaks[False] > classes * voxels * 4
    # 16 of 200 rows of the scores and weights, the labels, and a few windows.
    assert peaks[True] < (classes + 1) * voxels * 4 * 16 / 200 + voxels + 6 * classes * 20 * 20 * 16 * 4
