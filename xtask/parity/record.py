"""Records the answers of the peers for the parity tests.

    python record.py OUTDIR [--only PEER]

writes `<peer>.json` and `<peer>.npz` into OUTDIR.  The versions are pinned in
`requirements.txt`; a rerun with them gives the same bytes.
"""

from __future__ import annotations

import argparse
import importlib
from collections import Counter
from pathlib import Path

PEERS = ["monai", "nibabel", "random", "sitk", "scipy", "spatial", "torchio",
         "crops", "monai_values", "random_values", "nnunet", "nnunet_resampling", "scipy_values",
         "torchio_values", "bundle", "names", "vocabulary", "elastic", "landmarks", "masks", "patches",
         "scores", "shapes", "splines", "planar", "metrics"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Record the peers' answers for the parity tests.")
    parser.add_argument("outdir", type=Path, help="folder of the recorded files")
    parser.add_argument("--only", choices=PEERS, help="record one peer")
    arguments = parser.parse_args()
    arguments.outdir.mkdir(parents=True, exist_ok=True)
    for peer in [arguments.only] if arguments.only else PEERS:
        book = importlib.import_module(f"peer_{peer}").record()
        book.write(arguments.outdir)
        print(f"{book.label}: {len(book.cases)} cases")
        for op, count in sorted(Counter(case["op"] for case in book.cases).items()):
            print(f"  {count:4} {op}")
        for title, rows in book.lists.items():
            print(f"  {len(rows):4} entries of the list {title!r}")


if __name__ == "__main__":
    main()
