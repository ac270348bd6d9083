"""Hold two graders against each other: these marks and nbgrader's, point by point.

Where they differ there is a reason that can be named, or a mistake in one of them. The
reasons: a learner tampered with the check, which nbgrader runs in the same kernel; an
exercise was graded with a reference solution; a process died, which takes from nbgrader
all points of the notebook.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from llmlab.grading import tables

QUERY = """
select notebook.name, submitted_assignment.student_id, base_cell.name, grade.auto_score
from grade
join base_cell on base_cell.id = grade.cell_id
join submitted_notebook on submitted_notebook.id = grade.notebook_id
join notebook on notebook.id = submitted_notebook.notebook_id
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
"""
FATAL = ("dead", "too slow", "out of memory")
Key = tuple[str, str, str]  # notebook, learner, exercise


@dataclass(frozen=True)
class Difference:
    """An exercise that two graders gave different points."""

    key: Key
    ours: float
    theirs: float
    reason: str  # "" where none is known

    def __str__(self) -> str:
        notebook, learner, exercise = self.key
        points = f"{self.ours:g} points here, {self.theirs:g} by nbgrader"
        why = self.reason or "no reason is known"
        return f"{learner}, {notebook}, {exercise}: {points} ({why})"


def compare(marks: Path, gradebook: Path) -> tuple[int, list[Difference]]:
    """Return how many exercises both graded alike, and where they differ.

    marks: a marks.csv; gradebook: nbgrader's gradebook.db. What nbgrader has not graded
    has 0 points, as in its own export. ValueError: one of the two is not what it should
    be, or they have no submission in common.
    """
    rows = tables.read(marks)
    theirs = _nbgrader(gradebook)
    graded = {key[:2] for key in theirs}
    if not graded & {_learner(row) for row in rows}:
        raise ValueError(
            f"{marks} and {gradebook} have no submission in common; grade the same "
            "folder with both."
        )
    fatal = {_learner(row) for row in rows if row["state"] in FATAL}
    alike, differences = 0, []
    for row in rows:
        learner = _learner(row)
        key = (*learner, row["exercise"])
        ours, score = float(row["score"]), theirs.get(key, 0.0)
        if ours == score:
            alike += 1
        else:
            died = learner in fatal and learner not in graded
            differences.append(Difference(key, ours, score, _reason(row, died)))
    return alike, differences


def _learner(row: dict[str, str]) -> tuple[str, str]:
    return row["assignment"], row["student_id"]


def _reason(row: dict[str, str], died: bool) -> str:
    if row["state"] == "tampered":
        return f"tampered: {row['note']}"
    if row["note"].startswith("graded with the reference solution"):
        return row["note"]
    return "a process died, which ends the notebook for nbgrader" if died else ""


def _nbgrader(gradebook: Path) -> dict[Key, float]:
    """Return the points of what nbgrader came to the end of."""
    if not gradebook.is_file():
        raise ValueError(
            f"{gradebook} is not there; run `nbgrader autograde LAB` first, in the "
            "course's folder."
        )
    try:
        with closing(sqlite3.connect(f"file:{gradebook}?mode=ro", uri=True)) as book:
            rows: Iterable[tuple] = [*book.execute(QUERY)]
    except sqlite3.Error as error:
        raise ValueError(
            f"{gradebook} is no gradebook of nbgrader ({error})."
        ) from None
    return {
        (notebook, learner, cell.removeprefix("check-")): score
        for notebook, learner, cell, score in rows
        if cell.startswith("check-") and score is not None
    }
