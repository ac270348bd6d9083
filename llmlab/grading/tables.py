"""Two tables of marks: a row for each exercise, and a row for each submission.

The first columns of both are those of nbgrader's own export, by which they join. A
spreadsheet runs a text that begins like a formula, so that such texts get a quote.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from llmlab.core import atomic
from llmlab.grading.marks import Result

FORMULA = ("=", "+", "-", "@", "\t", "\r")
GRADES = (
    "assignment", "timestamp", "student_id", "score", "max_score", "percent", "by_hand",
    "state",
)  # fmt: skip
MARKS = (
    "assignment", "timestamp", "student_id", "exercise", "score", "max_score", "state",
    "note", "check",
)  # fmt: skip


def write(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write grades.csv and marks.csv, each whole or not at all; return their paths."""
    texts = {"grades.csv": _text(GRADES, map(_grade, results))}
    rows = (row for result in results for row in _marks(result))
    texts["marks.csv"] = _text(MARKS, rows)
    for name, text in texts.items():
        atomic.write(folder / name, text)
    return [folder / name for name in texts]


def read(path: Path, columns: Sequence[str] = MARKS) -> list[dict[str, str]]:
    """Return the rows of a table; ValueError where it has not these columns."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [*csv.DictReader(file)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no table of marks ({error}).") from error
    missing = [name for name in columns if rows and name not in rows[0]]
    if missing or not rows:
        lacks = f"it lacks {', '.join(missing)}" if missing else "it holds no row"
        raise ValueError(f"{path} is no table of marks: {lacks}.")
    return [{key: _unescaped(text) for key, text in row.items()} for row in rows]


def escaped(value: Any) -> str:
    """Write a value so that no spreadsheet takes it for a formula."""
    if isinstance(value, int | float):
        return f"{value:g}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _unescaped(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def _text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([escaped(value) for value in row] for row in rows)
    return out.getvalue()


def _grade(result: Result) -> tuple[Any, ...]:
    assignment = result.assignment
    percent = 100 * result.points / assignment.points
    return (
        *_first(result), result.points, assignment.points, round(percent, 1),
        assignment.points_by_hand, result.state,
    )  # fmt: skip


def _marks(result: Result) -> Iterable[tuple[Any, ...]]:
    for mark in result.marks:
        check = "\n".join(mark.lines)
        yield (
            *_first(result), mark.task.name, mark.points, mark.task.points, mark.state,
            mark.note, check,
        )  # fmt: skip


def _first(result: Result) -> tuple[str, str, str]:
    submission = result.submission
    return submission.lab, submission.timestamp, submission.learner
