"""`python -m revoxel.testing`: asks libraries, records their answers, writes the table of the page."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from . import check_spatial_image
from ._broken import check_adapter
from ._page import merged, replace_answers, table_json
from .adapters import KNOWN, adapter, missing


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m revoxel.testing", description=__doc__)
    parser.add_argument(
        "libraries",
        nargs="*",
        metavar="LIBRARY",
        help=f"one of {', '.join(KNOWN)}, or MODULE:CLASS of an adapter of your own; all that are installed",
    )
    parser.add_argument("--question", type=int, action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--strict", action="store_true", help="exit code 1 if an answer is wrong, or if 1 to 4 have none"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--record", type=Path, metavar="FILE", help="put the answers into this table")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the table of --record into this page")
    given = parser.parse_args(arguments)
    if given.page and not given.record:
        parser.error("--page needs --record: the table that it shows")
    if given.record and given.question:
        parser.error("--record needs all twelve questions: leave --question out")
    names = given.libraries or [name for name in KNOWN if not missing(name)]
    reports = []
    for name in names:
        try:
            asked = adapter(name)
            check_adapter(asked)
        except (ImportError, ValueError, AttributeError, TypeError) as error:
            parser.error(str(error))
        reports.append(check_spatial_image(asked, questions=given.question))
    documents = [report.to_dict() for report in reports]
    if given.json:
        print(json.dumps({"libraries": documents}, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(str(report) for report in reports))
    if given.record:
        record(given.record, given.page, documents)
    wrong = [report for report in reports if report.failed or report.unanswered]
    return 1 if given.strict and wrong else 0


def record(table: Path, page: Path | None, documents: list[dict[str, Any]]) -> None:
    """Puts these answers into the table, and the table into the page."""
    old = json.loads(table.read_text(encoding="utf-8"))["libraries"] if table.exists() else []
    all_of_them = merged(old, documents)
    table.write_text(table_json(all_of_them), encoding="utf-8")
    if page is not None:
        page.write_text(replace_answers(page, all_of_them), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
