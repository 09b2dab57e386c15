"""Medical volumes to models and back.

>>> import revoxel
>>> pipeline = revoxel.Pipeline.load("ct-1mm.yaml")
>>> case = pipeline({"image": "ct.nii.gz"}, case="case-7")
>>> tensor = case["image"].to_torch()
>>> back = case.trace.invert(model(tensor), axes="cxyz", argmax=True)
>>> revoxel.write(back, "labels-on-scan.nii.gz")

A volume's arrays are (x, y, z) with the first axis fastest, its affine is RAS+ millimetres, index (0, 0, 0) is the centre of the
first voxel; ``origin``, ``spacing`` and ``direction`` are ITK's, in LPS.
"""

from collections.abc import Mapping as _Mapping
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from revoxel._core import (
    Grid,
    Inversion,
    Pipeline,
    Result,
    Trace,
    Volume,
    __version__,
    read,
    set_threads,
    threads,
    write,
)
from revoxel._errors import (
    PipelineError,
    ReadError,
    RevoxelError,
    RevoxelWarning,
    TraceError,
    WriteError,
)

if _TYPE_CHECKING:
    from revoxel._infer import Inference, infer
    from revoxel.datasets import CasesError, cases, invert_all, run, score, status
    from revoxel.foreign import trace_from_monai, trace_from_nnunet, trace_from_torchio

_Mapping.register(Result)

# Looked for where they are used: whoever reads a volume waits for none of them.
_LATER = {
    **dict.fromkeys(("CasesError", "cases", "invert_all", "run", "score", "status"), "revoxel.datasets"),
    **dict.fromkeys(("Inference", "infer"), "revoxel._infer"),
    **dict.fromkeys(("trace_from_monai", "trace_from_nnunet", "trace_from_torchio"), "revoxel.foreign"),
}
_MODULES = ("datasets", "dist", "foreign", "monai", "nnunet", "testing", "torch", "windows")


def __getattr__(name: str) -> _Any:
    if name in _LATER:
        return getattr(_import_module(_LATER[name]), name)
    if name in _MODULES:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_MODULES})


__all__ = [
    "CasesError",
    "Grid",
    "Inference",
    "Inversion",
    "Pipeline",
    "PipelineError",
    "ReadError",
    "Result",
    "RevoxelError",
    "RevoxelWarning",
    "Trace",
    "TraceError",
    "Volume",
    "WriteError",
    "__version__",
    "cases",
    "infer",
    "invert_all",
    "read",
    "run",
    "score",
    "set_threads",
    "status",
    "threads",
    "trace_from_monai",
    "trace_from_nnunet",
    "trace_from_torchio",
    "write",
]
