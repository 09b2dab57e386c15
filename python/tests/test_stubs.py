"""The committed stubs say what was built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_stubs_agree_with_the_module(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "revoxel._core"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
