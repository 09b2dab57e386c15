"""Tells an adapter that is broken from a library that refuses."""

from __future__ import annotations

import re
import types
from typing import Any

from ._adapter import Adapter, SpatialImageAdapter

FACTS = ("name", "frame", "axis_order")
METHODS = ("make", "array", "world")
# How Python says that a function was called with other arguments than it has.
ARGUMENTS = re.compile(
    r"\btakes (no|exactly|at most|at least|from|\d+)\b|missing \d+ required|missing required argument"
    r"|unexpected keyword argument|multiple values for|is an invalid keyword argument"
)


def check_adapter(adapter: SpatialImageAdapter) -> None:
    """Raises an error if this is no adapter, with the name of what is missing."""
    if isinstance(adapter, type):
        raise TypeError(f"{adapter.__name__} is a class: pass an instance, {adapter.__name__}()")
    kind = type(adapter).__qualname__
    for fact in FACTS:
        if not hasattr(adapter, fact):
            raise TypeError(f"the adapter {kind} has no {fact}: it needs {', '.join(FACTS)} and {', '.join(METHODS)}")
    for method in METHODS:
        # The base class only says that these are needed.
        inherited = getattr(type(adapter), method, None) is getattr(Adapter, method)
        if inherited or not callable(getattr(adapter, method, None)):
            raise TypeError(f"the adapter {kind} has no method {method}: it needs {', '.join(METHODS)}")
    if adapter.frame not in ("RAS", "LPS", None):
        raise ValueError(f"the adapter {kind} has the frame {adapter.frame!r}: expected 'RAS', 'LPS' or None")
    if adapter.axis_order not in ("xyz", "zyx"):
        raise ValueError(f"the adapter {kind} has the axis_order {adapter.axis_order!r}: expected 'xyz' or 'zyx'")


def is_broken(error: Exception, adapter: Any) -> bool:
    """Whether an error comes of a fault in the adapter's own code, and so is no refusal of the library."""
    if isinstance(error, NameError):
        # No library says by this that it cannot do something.
        return True
    if isinstance(error, ImportError):
        return raised_by(error, adapter, while_importing=True)
    if isinstance(error, AttributeError) or (isinstance(error, TypeError) and ARGUMENTS.search(str(error))):
        return raised_by(error, adapter)
    return False


def raised_by(error: Exception, adapter: Any, while_importing: bool = False) -> bool:
    """Whether the last code that ran is that of the adapter, or the call of one of its methods.

    `while_importing`: where modules that it imports were being run, too.
    """
    own = {kind.__module__ for kind in type(adapter).__mro__} - {"builtins", "typing"}
    frames: list[types.FrameType] = []
    step = error.__traceback__
    while step is not None:
        frames.append(step.tb_frame)
        step = step.tb_next
    if while_importing:
        while frames and importing(frames[-1]):
            frames.pop()
    # The first frame is that of the checker, which calls the adapter.
    return len(frames) <= 1 or frames[-1].f_globals.get("__name__") in own


def importing(frame: types.FrameType) -> bool:
    """The machinery of imports, or a module that is being run."""
    code = frame.f_code
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return code.co_name == "<module>" or package == "importlib" or code.co_filename.startswith("<frozen importlib")
