"""The scripts for each kind of reader run, and say "ok" at their end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NEEDS = {"simpleitk_user": ["SimpleITK"], "monai_user": ["monai"], "torchio_user": ["torchio"], "nnunet_user": []}


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The scripts share a file beside them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


@pytest.mark.parametrize("name", NEEDS)
def test_the_script_runs(name: str, repository: Path, tmp_path: Path) -> None:
    for library in NEEDS[name]:
        pytest.importorskip(library)
    # A folder that somebody copied: nothing else of the repository is there.
    shutil.copytree(repository / "python/examples", tmp_path / "examples")
    done = run(tmp_path / "examples" / f"{name}.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ok"


def test_nnunet_takes_a_dataset_of_ones_own(repository: Path) -> None:
    script, raw = repository / "python/examples/nnunet_user.py", repository / "tests/fixtures/nnunet/turned"
    done = run(script, str(raw), str(raw / "plans.json"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "ok"
    assert "usage: python nnunet_user.py [RAW PLANS]" in run(script, str(raw)).stderr


def test_every_script_is_here(repository: Path) -> None:
    scripts = {path.stem for path in (repository / "python/examples").glob("*_user.py")}
    assert scripts == set(NEEDS)
