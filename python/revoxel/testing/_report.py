"""Answers, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The four verdicts."""

    PASS = "pass"
    FAIL = "fail"
    REFUSED = "refused loudly"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Measure:
    """One thing that was tried."""

    what: str
    verdict: Verdict
    sentence: str
    numbers: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        numbers = {k: shorter(v) for k, v in self.numbers.items()}
        return {
            "what": self.what,
            "verdict": self.verdict.value,
            "sentence": self.sentence,
            "numbers": numbers,
        }


def shorter(v: float) -> float:
    """Two digits, and nothing below 1e-9: rounding differs between machines."""
    return 0.0 if abs(v) < 1e-9 else float(f"{v:.2g}")


@dataclass(frozen=True)
class Answer:
    """The answer to one of the twelve questions, with everything that was tried for it."""

    number: int
    title: str
    measures: tuple[Measure, ...]
    needed: bool = False
    """A library that answers nothing here was not checked: `check` takes that for a failure."""

    @property
    def verdict(self) -> Verdict:
        """Fail if one measure failed; else pass if one passed; else refused if one was refused."""
        seen = {measure.verdict for measure in self.measures}
        for verdict in (Verdict.FAIL, Verdict.PASS, Verdict.REFUSED):
            if verdict in seen:
                return verdict
        return Verdict.NOT_APPLICABLE

    def of(self, verdict: Verdict) -> list[Measure]:
        return [measure for measure in self.measures if measure.verdict is verdict]

    @property
    def sentence(self) -> str:
        """One plain sentence: the first failure, or what was tried."""
        deciding = self.of(self.verdict)
        if self.verdict is Verdict.FAIL:
            more = f" ({len(deciding) - 1} more)" if len(deciding) > 1 else ""
            return f"{deciding[0].what}: {deciding[0].sentence}{more}"
        if self.verdict is Verdict.PASS:
            refused = self.of(Verdict.REFUSED)
            also = f", {len(refused)} refused loudly" if refused else ""
            return f"{len(deciding)} of {len(deciding) + len(refused)} tries agree{also}"
        if self.verdict is Verdict.REFUSED:
            return f"{deciding[0].what}: {deciding[0].sentence}"
        return deciding[0].sentence if deciding else "nothing to ask"

    @property
    def numbers(self) -> dict[str, float]:
        """The largest of each number."""
        out: dict[str, float] = {}
        for measure in self.measures:
            for key, value in measure.numbers.items():
                out[key] = max(value, out.get(key, value))
        return out

    @property
    def unanswered(self) -> bool:
        """Nothing was checked, though this question must be answered."""
        return self.needed and self.verdict not in (Verdict.PASS, Verdict.FAIL)

    def check(self) -> None:
        """Raises `NonConformance` if the verdict is fail, or if nothing was answered that must be."""
        if self.unanswered:
            raise NonConformance(f"question {self.number}, {self.title}\n  {UNANSWERED}: {self.sentence}")
        if self.verdict is Verdict.FAIL:
            lines = [f"  {m.what}: {m.sentence}" for m in self.of(Verdict.FAIL)]
            raise NonConformance(f"question {self.number}, {self.title}\n" + "\n".join(lines))

    def to_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "title": self.title,
            "verdict": self.verdict.value,
            "sentence": self.sentence,
            "numbers": {k: shorter(v) for k, v in self.numbers.items()},
            "measures": [measure.to_dict() for measure in self.measures],
        }


UNANSWERED = "not one try was answered, so nothing was checked"


class NonConformance(AssertionError):
    """Raised where a strict check fails."""


@dataclass(frozen=True)
class Report:
    """The twelve answers of a library."""

    name: str
    version: str
    frame: str | None
    axis_order: str
    notes: tuple[str, ...]
    answers: tuple[Answer, ...]

    def __getitem__(self, number: int) -> Answer:
        """The answer to a question, by its number (1 to 12)."""
        for answer in self.answers:
            if answer.number == number:
                return answer
        raise KeyError(f"question {number} was not asked of {self.name}")

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.verdict is Verdict.FAIL]

    @property
    def unanswered(self) -> list[Answer]:
        """Of the questions that every library must answer, those without any answer."""
        return [answer for answer in self.answers if answer.unanswered]

    def check(self) -> None:
        """Raises `NonConformance` with every failed measure, and with what must be answered and was not."""
        if self.failed or self.unanswered:
            lines = [f"question {answer.number}: {UNANSWERED}" for answer in self.unanswered]
            lines += lines_of([*self.failed, *self.unanswered])
            raise NonConformance(f"{self.name} {self.version}\n" + "\n".join(lines))

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "frame": self.frame,
            "axis_order": self.axis_order,
            "notes": list(self.notes),
            "answers": [answer.to_dict() for answer in self.answers],
        }

    def __str__(self) -> str:
        head = f"{self.name} {self.version}: world {self.frame or 'not stated'}, arrays {self.axis_order}"
        return "\n".join([head, *lines_of(self.answers)])


def lines_of(answers: Iterable[Answer]) -> list[str]:
    lines = []
    for answer in answers:
        lines.append(f"{answer.number:2}  {answer.verdict.value:14}  {answer.title}")
        lines.append(f"    {answer.sentence}")
        failed, refused = answer.of(Verdict.FAIL), answer.of(Verdict.REFUSED)
        lines += [f"    - {m.what}: {m.sentence}" for m in failed] if len(failed) > 1 else []
        lines += [f"    - refused: {m.what}: {m.sentence}" for m in refused]
    return lines
