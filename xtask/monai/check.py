"""Counts which bundles of a folder `revoxel import monai` translates.

    python check.py REVOXEL FOLDER

FOLDER holds bundles as MONAI's model zoo does: `NAME/configs/inference.json`, `train.yaml` and so on.  A configuration
counts as whole with its preprocessing and postprocessing, or as preprocessing only (`--postprocessing none`).
"""

from __future__ import annotations

import argparse
import subprocess
from collections import Counter
from pathlib import Path


def translates(program: Path, config: Path, *options: str) -> tuple[bool, str]:
    """Whether it does, or the first line of the error."""
    done = subprocess.run([program, "import", "monai", config, *options], capture_output=True, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("note")]
    return done.returncode == 0, errors[0] if errors else ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the bundles that `revoxel import monai` translates.")
    parser.add_argument("revoxel", type=Path, help="the program")
    parser.add_argument("folder", type=Path, help="folder of bundles")
    parser.add_argument("--skip-random", action="store_true", help="leave random transforms out")
    arguments = parser.parse_args()
    more = ["--skip-random"] if arguments.skip_random else []
    for kind in ["inference", "train"]:
        counts: Counter[str] = Counter()
        for config in sorted(arguments.folder.glob(f"*/configs/{kind}*.*")):
            whole, reason = translates(arguments.revoxel, config, *more)
            steps = whole or translates(arguments.revoxel, config, *more, "--postprocessing", "none")[0]
            result = "whole" if whole else "preprocessing only" if steps else "refused"
            counts[result] += 1
            print(f"{kind} | {config.parts[-3]} | {result} | {reason}")
        print(f"{kind}: {dict(counts)} of {counts.total()}")


if __name__ == "__main__":
    main()
