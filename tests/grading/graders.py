"""What the tests of grading grade with: labs, short limits, one warm process."""

from pathlib import Path

from notebooks import ROOT, SOLUTIONS

from llmlab.grading import Limits, assignments

LIMITS = Limits(cpu_seconds=2, seconds=20.0, memory_bytes=2**29)


def assignment(path: Path = SOLUTIONS[0], *, solutions: bool = True):
    folder = ROOT / "solutions" if solutions else None
    return assignments.read(ROOT / "labs" / path.name, folder)


def mark_of(result, exercise):
    (mark,) = [one for one in result.marks if one.task.name == exercise]
    return mark
