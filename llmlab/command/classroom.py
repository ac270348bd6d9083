"""`llmlab class …`: grade submissions, compare with nbgrader, print the points."""

import argparse
import sys
import time
from pathlib import Path

from llmlab.command import labs, terminal
from llmlab.core import machine
from llmlab.grading import (
    Grader,
    Limits,
    agreement,
    assignments,
    pages,
    submissions,
    tables,
)
from llmlab.grading.assignments import Assignment
from llmlab.grading.marks import TAMPERED, Result
from llmlab.grading.submissions import Problem


def run(options: argparse.Namespace) -> int:
    """Do one task of a teacher's."""
    return {"grade": _grade, "agree": _agree, "table": _table}[options.task](options)


def _grade(options: argparse.Namespace) -> int:
    """Grade a folder; 1 where a file in it could not be graded."""
    solutions = _solutions(options.solutions)
    every = _assignments(solutions)
    names = [one.name for one in every]
    submitted, problems = submissions.folder(Path(options.folder).expanduser(), names)
    asked = {one.lab for one in submitted}
    limits = Limits(cpu_seconds=options.seconds)
    out, start = Path(options.out).expanduser(), time.monotonic()
    results: list[Result] = []
    if submitted:
        used = [one for one in every if one.name in asked]
        workers = min(machine.threads(), len(submitted))
        with Grader(used, limits=limits, workers=workers) as grader:
            _warn(grader.missing, solutions)
            for result in grader.grade(submitted):
                results.append(result)
                print(_line(result))
        tables.write(results, out)
        pages.write(results, out)
    _report(problems)
    took = time.monotonic() - start
    print(f"{len(results)} graded in {took:.0f} s; the marks are in {out}")
    return 1 if problems else 0


def _agree(options: argparse.Namespace) -> int:
    """Compare with nbgrader; 1 where a difference has no known reason."""
    alike, differences = agreement.compare(
        Path(options.marks).expanduser(), Path(options.gradebook).expanduser()
    )
    for one in differences:
        print(one)
    print(f"{alike} exercises alike, {len(differences)} different")
    return 0 if all(one.reason for one in differences) else 1


def _table(options: argparse.Namespace) -> int:
    """Print the table of the teacher's guide."""
    print(assignments.table(_assignments(None)))
    return 0


def _assignments(solutions: Path | None) -> list[Assignment]:
    """Return the labs that are here; FileNotFoundError where there are none."""
    paths = sorted(labs.folder().glob("[0-9]*_*.ipynb"))
    if not paths:
        raise FileNotFoundError(
            f"this installation holds no labs (looked in {labs.folder()}); install "
            "llmlab again, or run this in a checkout of the repository."
        )
    return [assignments.read(path, solutions) for path in paths]


def _solutions(given: str | None) -> Path | None:
    """Return the folder of solutions, None where this is a wheel; ValueError: wrong."""
    here = labs.package().parent / "solutions"
    place = Path(given).expanduser() if given else here
    if any(place.glob("[0-9]*_*.ipynb")):
        return place
    if given:
        raise ValueError(
            f"--solutions {given!r} holds no complete notebook; give the folder "
            "solutions of a checkout."
        )
    return None


def _warn(missing: list[str], solutions: Path | None) -> None:
    for what in missing:
        print(
            f"llmlab: this system lacks {what}, so answers run behind a lower wall; "
            "docs/teaching.md says how to put them into a container.",
            file=sys.stderr,
        )
    if solutions is None:
        print(
            "llmlab: the solutions are not here, so what builds on a wrong exercise is "
            "not graded again; give --solutions with the folder of a checkout.",
            file=sys.stderr,
        )


def _report(problems: list[Problem]) -> None:
    for one in problems:
        print(f"llmlab: {one.path} is not graded: {one.reason}", file=sys.stderr)


def _line(result: Result) -> str:
    """Write a submission in one line, with a learner's name shown as plain text."""
    points = f"{result.points:>4g} of {result.assignment.points:<4g}"
    learner = "".join(c if c.isprintable() else "?" for c in result.submission.learner)
    state = result.state
    if state == TAMPERED:
        state = terminal.paint(state, "red")
    return f"{points} {result.assignment.name:<20} {learner}  {state}"
