"""Medical volumes to models and back.

>>> import revoxel
>>> pipeline = revoxel.Pipeline.load("ct-1mm.yaml")
>>> case = pipeline({"image": "ct.nii.gz"}, case="case-7")
>>> tensor = case["image"].to_torch()
>>> back = case.trace.invert(model(tensor), argmax=True)
>>> revoxel.write(back, "labels-on-scan.nii.gz")

A volume's arrays are (x, y, z) with the first axis fastest, its affine is RAS+ millimetres, index (0, 0, 0) is the centre of the
first voxel; ``origin``, ``spacing`` and ``direction`` are ITK's, in LPS.
"""

from collections.abc import Mapping as _Mapping

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

_Mapping.register(Result)

__all__ = [
    "Grid",
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
    "read",
    "set_threads",
    "threads",
    "write",
]
