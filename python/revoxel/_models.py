"""Models of any library as functions of arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from revoxel._arrays import plain
from revoxel._errors import RevoxelError

_Float: TypeAlias = NDArray[np.float32]
Scores: TypeAlias = Callable[[_Float], _Float]


@contextmanager
def running(model: Any) -> Iterator[Scores]:
    """A function from (batch, channels, …) to (batch, classes, …), both float32 in memory of the processor.

    A module of torch is in evaluation mode in the meantime, gets tensors on its own device and in its own type, and makes no
    graph. A session of onnxruntime gets its one input. Anything else is called with an array.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        with _evaluating(model), torch.inference_mode():
            yield _of_torch(torch, model)
    elif hasattr(model, "run") and hasattr(model, "get_inputs"):
        yield _of_onnx(model)
    elif callable(model):
        yield lambda block: _scores(model(block))
    else:
        raise RevoxelError(
            f"model: {type(model).__module__}.{type(model).__qualname__} cannot be called: pass a function of an array "
            "(batch, channels, x, y, z), a module of torch, or a session of onnxruntime"
        )


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _of_torch(torch: Any, module: Any) -> Scores:
    first = next(iter(module.parameters()), None)
    if first is None:
        first = next(iter(module.buffers()), None)
    device = "cpu" if first is None else first.device
    dtype = first.dtype if first is not None and first.dtype.is_floating_point else torch.float32
    return lambda block: _scores(module(torch.from_numpy(block).to(device=device, dtype=dtype)))


def _of_onnx(session: Any) -> Scores:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(given.name for given in inputs)
        raise RevoxelError(
            f"model: the session has the inputs {names}: pass a function that fills all of them, such as "
            "lambda block: session.run(None, {…})[0]"
        )
    dtype = {"tensor(float16)": np.float16, "tensor(double)": np.float64}.get(inputs[0].type, np.float32)
    name = inputs[0].name
    return lambda block: _scores(session.run(None, {name: block.astype(dtype, copy=False)}))


def _scores(given: Any) -> _Float:
    if isinstance(given, list | tuple):
        if len(given) != 1:
            raise RevoxelError(
                f"the model gave {len(given)} things: choose one, such as model=lambda block: net(block)[0] (nets with deep "
                "supervision give the finest scores first)"
            )
        given = given[0]
    given = plain(given)
    if hasattr(given, "__array__"):
        array = np.asarray(given)
    elif hasattr(given, "__dlpack__"):
        array = np.from_dlpack(given)
    else:
        raise RevoxelError(
            f"the model gave {type(given).__module__}.{type(given).__qualname__}: expected an array (batch, classes, x, y, z)"
        )
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        raise RevoxelError(
            f"the model gave {array.dtype}: expected scores in floating point. Labels of windows cannot be averaged; take the "
            "model's scores from before its argmax, and leave argmax to this function"
        )
    return array.astype(np.float32, copy=False)
