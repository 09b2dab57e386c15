"""The scripts for each kind of reader run, and say "ok" at their end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NEEDS = {"simpleitk_user": ["SimpleITK"], "monai_user": ["monai"], "torchio_user": ["torchio"], "nnunet_user": []}


@pytest.mark.parametrize("name", NEEDS)
def test_the_script_runs(name: str, repository: Path) -> None:
    for library in NEEDS[name]:
        pytest.importorskip(library)
    script = repository / "python/examples" / f"{name}.py"
    # The scripts share a file beside them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ok"


def test_every_script_is_here(repository: Path) -> None:
    scripts = {path.stem for path in (repository / "python/examples").glob("*_user.py")}
    assert scripts == set(NEEDS)
