"""The table of answers: as JSON, and as a part of a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .questions import QUESTIONS

BEGIN = "<!-- answers: written by a command, do not edit -->"
END = "<!-- end of answers -->"
SHORT = {"pass": "yes", "fail": "**no**", "refused loudly": "refused", "not applicable": "–"}


def table_json(reports: list[dict[str, Any]]) -> str:
    """One line for each thing that was tried, so that a change shows as a line."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    blocks = []
    for report in reports:
        head = {k: v for k, v in report.items() if k != "answers"}
        answers = []
        for answer in report["answers"]:
            front = {k: v for k, v in answer.items() if k != "measures"}
            measures = ",\n".join(f"    {line(m)}" for m in answer["measures"])
            answers.append(f'   {line(front)[:-1]}, "measures": [\n{measures}\n   ]}}')
        blocks.append(f'  {line(head)[:-1]}, "answers": [\n' + ",\n".join(answers) + "\n  ]}")
    return '{"libraries": [\n' + ",\n".join(blocks) + "\n]}\n"


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The old answers with new ones of the same libraries, in the order of the old."""
    fresh = {report["name"]: report for report in new}
    out = [fresh.pop(report["name"], report) for report in old]
    return out + list(fresh.values())


def answers_page(reports: list[dict[str, Any]]) -> str:
    """The part of the page between the two marks."""
    names = [report["name"] for report in reports]
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    lines.append("| version | " + " | ".join(report["version"] for report in reports) + " |")
    lines.append("| world | " + " | ".join(report["frame"] or "not stated" for report in reports) + " |")
    lines.append("| axes of arrays | " + " | ".join(", ".join(r["axis_order"]) for r in reports) + " |")
    for number, (title, _) in QUESTIONS.items():
        cells = [SHORT[answer_to(report, number)["verdict"]] for report in reports]
        lines.append(f"| {number}. {title} | " + " | ".join(cells) + " |")
    for title, what in FACTS:
        cells = [fact(report, what) for report in reports]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    for report in reports:
        lines += ["", f"### {report['name']} {report['version']}", ""]
        lines += details(report)
    return "\n".join(lines) + "\n"


# Facts that are no verdict: a row, and the measure that holds it.
FACTS = (
    ("memory of an array given to it", "memory of make"),
    ("memory of the array it gives", "memory of array"),
    ("nearest, halfway between two voxels along x", "nearest at halves, axis x"),
)


def answer_to(report: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = next(a for a in report["answers"] if a["number"] == number)
    return found


def fact(report: dict[str, Any], what: str) -> str:
    for answer in report["answers"]:
        for measure in answer["measures"]:
            if measure["what"] == what and measure["verdict"] == "pass":
                return str(measure["sentence"])
    return "–"


def details(report: dict[str, Any]) -> list[str]:
    """What failed and what was refused, one line for each thing that happened."""
    lines = [f"- {note[0].upper()}{note[1:]}" for note in report["notes"]]
    for answer in report["answers"]:
        for verdict, word in (("fail", "fails"), ("refused loudly", "refused")):
            said: dict[str, list[str]] = {}
            for measure in answer["measures"]:
                if measure["verdict"] == verdict:
                    said.setdefault(measure["sentence"], []).append(measure["what"])
            for sentence, whats in said.items():
                more = f", and {len(whats) - 1} more" if len(whats) > 1 else ""
                lines.append(f"- {answer['number']}, {word}: {whats[0]}{more}: {escaped(sentence)}")
    return lines or ["- Nothing failed and nothing was refused."]


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def replace_answers(page: Path, reports: list[dict[str, Any]]) -> str:
    """The text of the page with these answers between its marks."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page}: the marks {BEGIN!r} and {END!r} are missing")
    return f"{before}{BEGIN}\n\n{answers_page(reports)}\n{END}{after}"
