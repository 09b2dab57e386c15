"""A model on a case: prepared by a pipeline, in windows, and back on the grid of the scan."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from revoxel._core import Grid, Inversion, Pipeline, Result, Trace, Volume
from revoxel._errors import RevoxelError
from revoxel._names import Kind, Order
from revoxel._program import StrPath
from revoxel.windows import Blend, Padding, Progress, Rule, Sweep, Window

__all__ = ["Inference", "infer"]

# The name of a result by the kind of its values.
_NAMES = {"label": "label", "probability": "probability", "logit": "logit", "image": "image"}


@dataclass(frozen=True)
class Inference:
    """What ``infer`` gives."""

    case: str
    """The name of the case."""
    trace: Trace
    """How the case was prepared."""
    prediction: Volume
    """On the model's grid: the blended scores, before any activation; labels with ``argmax="model"``."""
    inversion: Inversion
    """How the prediction came back: voxels that the model never saw, labels that vanished, the interpolation."""
    windows: int
    """How many windows the model saw, mirrored copies not counted."""

    @property
    def volumes(self) -> dict[str, Volume]:
        """The result on the native grid, by its kind: "label", "probability", "logit" or "image"."""
        return {_NAMES[self.inversion.volume.kind]: self.inversion.volume}

    @property
    def label(self) -> Volume:
        """The label map on the native grid."""
        if self.inversion.volume.kind != "label":
            raise RevoxelError(
                f"the result holds values of kind {self.inversion.volume.kind}, no labels: use .volumes, or ask with "
                "argmax=True, or regions=[1, …] if channels overlap"
            )
        return self.inversion.volume

    @property
    def coverage(self) -> Volume | None:
        """1 in voxels of the native grid that the model saw, with ``coverage=True``."""
        return self.inversion.coverage

    def __repr__(self) -> str:
        volume = self.inversion.volume
        return f"<revoxel.Inference {self.case}, {self.windows} windows, {volume.kind} {volume.shape}>"


def infer(
    case: Any,
    pipeline: StrPath | Pipeline | None = None,
    *,
    model: Any,
    window: Window,
    rule: Rule = "monai",
    overlap: float | Sequence[float] | None = None,
    blend: Blend | ArrayLike | None = None,
    sigma: float = 0.125,
    mirror: Sequence[int] = (),
    batch: int = 1,
    order: Literal["xyz", "zyx"] = "xyz",
    padding: Padding = "constant",
    pad_value: float = 0.0,
    inputs: Sequence[str] | None = None,
    name: str = "case",
    kind: Literal["logit", "probability", "image"] | None = None,
    activation: Literal["softmax", "sigmoid", "none"] | None = None,
    argmax: bool | Literal["model"] | None = None,
    regions: Sequence[int] | None = None,
    threshold: float | None = None,
    volume: str | None = None,
    restore: str | None = None,
    interpolation: str | None = None,
    fill: float | None = None,
    dtype: DTypeLike | None = None,
    coverage: bool = False,
    progress: Progress | None = None,
) -> Inference:
    """Prepare a case, run a model over its windows, and bring the scores, or the labels, to the grid of the scan.

    **Case.** ``case`` is what a pipeline takes (a path, a volume, or a mapping of these), and ``name`` its name; ``pipeline`` is
    a ``Pipeline``, or the path of its file. Or ``case`` is the ``Result`` of a pipeline that ran already. The images of the
    result are the channels of the model, in order; ``inputs`` names others.

    **Model.** A function from float32 (batch, channels, x, y, z) to scores (batch, classes, x, y, z): anything with
    ``__array__`` or ``__dlpack__``. A module of torch gets tensors on its device, in evaluation mode, without a graph; a session
    of onnxruntime works as it is. With ``order="zyx"`` the spatial axes are z, y, x, for models that were trained so (nnU-Net
    with SimpleITK); ``window``, ``mirror`` and an ``overlap`` for each axis are in that order, too.

    **Windows.** ``rule`` is ``"monai"`` or ``"nnunet"``; ``revoxel.windows`` says what they mean, and what ``overlap`` and
    ``blend`` are by default. ``window`` is a length or three; None stands for the whole of an axis, and ``window=None`` for the
    whole volume. ``blend`` is ``"constant"``, ``"gaussian"``, or an array of weights. ``mirror`` names axes: the scores of all
    mirrored copies of a window are averaged. ``batch`` windows go into the model at once. Volumes that are smaller than the
    window get ``padding``: ``"constant"`` (``pad_value``), ``"reflect"``, ``"replicate"`` or ``"circular"``.

    **Result.** ``kind`` says what the scores are; they are logits unless it, or the entry ``restore`` of the pipeline, says
    otherwise. What follows is that of ``Trace.inversion``: activation, interpolation to the native grid, then ``argmax`` or
    ``regions``. By default the entry ``restore`` of the pipeline decides; without one, ``argmax`` is on, except with
    ``regions``, with ``activation="sigmoid"`` and for images. ``argmax="model"`` decides labels on the model's grid: then scores
    are held for no more rows than a window is long, and the labels are interpolated (``interpolation``). It is the default where
    the entry takes labels.

    ``progress`` is called with the number of windows that ended, and of all. Ctrl-C ends the work after the window that runs.
    """
    result = _prepared(case, pipeline, name)
    channels, grid = _channels(result, inputs)
    trace, case_name = result.trace, result.case
    if order not in ("xyz", "zyx"):
        raise RevoxelError(f'order: {order!r} is neither "xyz" nor "zyx"')
    ask = _Wishes.of(trace, kind, activation, argmax, regions, restore)
    home = volume or ask.volume or _home(trace, inputs)
    _check_grid(trace, home, grid)
    turned = [channel.T for channel in channels] if order == "zyx" else channels
    shape = turned[0].shape
    plan = Sweep.plan(shape, window, rule, overlap, blend, sigma, mirror, batch, padding, pad_value)
    given = "label" if ask.argmax == "model" else ask.kind
    way_back: dict[str, Any] = {
        "restore": restore,
        "kind": given,
        "interpolation": interpolation,
        "activation": None if ask.argmax == "model" else activation,
        "argmax": ask.argmax is True,
        "regions": None if regions is None else list(regions),
        "threshold": threshold,
        "fill": fill,
        "dtype": dtype,
        "coverage": coverage,
    }
    # Before the model works, which can take hours.
    trace.check_inversion(home, **way_back)

    del result, case
    made = plan.run(turned, model, argmax=ask.argmax == "model", check=ask.check, progress=progress)
    if order == "xyz":
        _turn(made)
    # The first spatial axis of a volume is fastest.
    values = made.reshape((*made.shape[:-3], *grid.shape[::-1]))
    order_of_memory: Order = "czyx" if values.ndim == 4 else "zyx"
    prediction = Volume(values, grid=grid, kind=given, order=order_of_memory, copy=False)
    inversion = trace.inversion(prediction, home, **way_back)
    return Inference(case_name, trace, prediction, inversion, len(plan))


def _turn(made: NDArray[Any]) -> None:
    """(…, x, y, z) with the last axis fastest becomes (…, z, y, x), in the same memory but for one channel."""
    x, y, z = made.shape[-3:]
    for channel in made.reshape(-1, x, y, z):
        turned, kept = channel.reshape(z, y, x), channel.copy()
        for row in range(y):
            turned[:, row] = kept[:, row].T


def _prepared(case: Any, pipeline: StrPath | Pipeline | None, name: str) -> Result:
    if isinstance(case, Result):
        if pipeline is not None:
            raise RevoxelError("the case went through its pipeline already: leave pipeline out, or pass the volumes")
        result = case
    elif pipeline is None:
        raise RevoxelError("pipeline: missing; without it, case must be the Result of a pipeline")
    else:
        if isinstance(pipeline, (str, os.PathLike)):
            pipeline = Pipeline.load(pipeline)
        if not isinstance(pipeline, Pipeline):
            raise RevoxelError(
                f"pipeline: {type(pipeline).__qualname__} is no Pipeline: pass the path of one, or Pipeline.load(path) (infer "
                "takes the case first)"
            )
        result = pipeline(case, case=name)
    if result.skipped is not None:
        raise RevoxelError(f"case {result.case}: the pipeline leaves it out: {result.skipped}")
    return result


def _channels(result: Result, inputs: Sequence[str] | None) -> tuple[list[NDArray[Any]], Grid]:
    """The channels of the model, each (x, y, z), and their grid."""
    if isinstance(inputs, str):
        inputs = [inputs]
    if not (inputs is None or isinstance(inputs, Iterable)):
        raise RevoxelError(f"inputs: {inputs!r} is no list of keys")
    keys = [key for key in result.keys() if result[key].kind == "image"] if inputs is None else list(inputs)  # noqa: SIM118
    missing = [key for key in keys if key not in result]
    if missing or not keys:
        there = ", ".join(f"{key} ({given.kind})" for key, given in result.items())
        wrong = f"inputs: there is no {missing[0]!r}" if missing else "there is no image for the model: name inputs"
        raise RevoxelError(f"case {result.case}: {wrong}; the pipeline made: {there or 'nothing'}")
    grid = result[keys[0]].grid
    channels: list[NDArray[Any]] = []
    for key in keys:
        made = result[key]
        if made.grid != grid:
            raise RevoxelError(
                f"inputs: {key!r} ({made.shape[:3]}) and {keys[0]!r} ({grid.shape}) lie on different grids, and a model gets one: "
                "let the pipeline bring them together, or name fewer inputs"
            )
        values = made.xyz
        channels += [values] if values.ndim == 3 else [values[..., c] for c in range(values.shape[3])]
    return channels, grid


def _home(trace: Trace, inputs: Sequence[str] | None) -> str | None:
    """The volume whose grid the prediction goes to, where nobody says: the first input, if inputs are named."""
    if inputs is None:
        return None
    first = inputs if isinstance(inputs, str) else next(iter(inputs))
    return first if first in trace.volumes else None


def _check_grid(trace: Trace, home: str | None, grid: Grid) -> None:
    """Before the model works: does the trace end on the grid of what the model gets?"""
    _, model = trace.grids(home)
    if model != grid:
        raise RevoxelError(
            f"the model gets voxels on a grid of {grid.shape}, and the trace of {home or 'the case'} ends on {model.shape}: "
            "name the volume whose grid is meant with volume="
        )


@dataclass(frozen=True)
class _Wishes:
    """What becomes of the scores."""

    kind: Kind
    argmax: bool | Literal["model"]
    regions: Sequence[int] | None
    volume: str | None

    @classmethod
    def of(
        cls,
        trace: Trace,
        kind: Kind | None,
        activation: str | None,
        argmax: Any,
        regions: Sequence[int] | None,
        restore: str | None,
    ) -> _Wishes:
        """Faults that can be seen before the model works are found here, the others by the way back."""
        entry = _entry(trace, restore)
        if kind not in (None, "logit", "probability", "image"):
            raise RevoxelError(
                f'kind: {kind!r} is none of "logit", "probability", "image": windows of labels cannot be averaged'
            )
        if isinstance(argmax, np.bool_):
            argmax = bool(argmax)
        if not (argmax is None or isinstance(argmax, int | str)) or argmax not in (None, True, False, "model"):
            raise RevoxelError(f'argmax: {argmax!r} is none of True, False, "model"')
        if regions is not None and np.ndim(regions) != 1:
            raise RevoxelError(f"regions: {regions!r} is no list of labels, one for each channel")
        if argmax and regions is not None:
            raise RevoxelError("argmax and regions contradict each other: choose one")
        told = entry.get("kind")
        decides = "argmax" if entry.get("argmax") else "regions" if entry.get("regions") else None
        if argmax is False and decides:
            raise RevoxelError(
                f'argmax=False: the entry `restore` of the pipeline decides labels ({decides}): pass restore="none" for the scores'
            )
        if argmax is None and told == "label" and kind is None and regions is None:
            # The entry takes labels of the model's grid, and a model gives scores.
            argmax = "model"
        if argmax is None:
            argmax = not entry and regions is None and activation != "sigmoid" and kind != "image"
        scores = kind or (told if told not in (None, "label") else "logit")
        if activation in ("softmax", "sigmoid") and scores != "logit":
            raise RevoxelError(f"activation: {activation} is for logits, and the scores are of kind {scores}")
        return cls(scores, "model" if argmax == "model" else bool(argmax), regions, entry.get("volume"))

    @property
    def check(self) -> Callable[[int], None]:
        """Whether the model's classes can become what is asked for: known after the first window."""

        def check(classes: int) -> None:
            if self.argmax and classes == 1:
                raise RevoxelError(
                    "the model gave one class, whose argmax is 0 everywhere: ask for regions=[1], with threshold= for another "
                    "limit than 0.5, or for the scores with argmax=False"
                )
            if self.regions is not None and len(self.regions) > classes:
                raise RevoxelError(
                    f"regions: {len(self.regions)} labels for the {classes} channels that the model gave"
                )

        return check


def _entry(trace: Trace, restore: str | None) -> dict[str, Any]:
    """The entry `restore` of the pipeline that says what becomes of predictions, or nothing."""
    if restore == "none":
        return {}
    entries: dict[str, dict[str, Any]] = trace.to_dict().get("restore") or {}
    if restore is None and len(entries) > 1:
        raise RevoxelError(f'restore: the pipeline has the entries {", ".join(entries)}: name one, or "none"')
    if restore is not None and restore not in entries:
        raise RevoxelError(f"restore: the pipeline has no entry {restore!r}; it has: {', '.join(entries) or 'none'}")
    return next(iter(entries.values()), {}) if restore is None else entries[restore]
