"""What a learner gets back: a page for each lab, with the check's own lines."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from llmlab.core import atomic
from llmlab.grading.marks import Mark, Result

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
        padding: 0 1rem; }}
pre {{ white-space: pre-wrap; margin: 0; }}
th, td {{ text-align: left; vertical-align: top; padding: 0.4rem 0.8rem 0.4rem 0; }}
td.number {{ white-space: nowrap; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{learner}: {points:g} of {most:g} points by the checks{by_hand}.</p>
<table>
<thead><tr><th>exercise</th><th>points</th><th>what the check says</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p>In the notebook, <code>check.hint("exercise", 1)</code> helps on, and
<code>check.trace()</code> shows where your code stopped.</p>
</body>
</html>
"""
ROW = (
    '<tr><td>{name}</td><td class="number">{points:g} of {most:g}</td>'
    "<td><pre>{lines}</pre>{note}</td></tr>"
)
REFERENCE = "graded with the reference solution of "


def write(results: Sequence[Result], folder: Path) -> list[Path]:
    """Write feedback/<learner>/<lab>.html for each; return the paths."""
    paths = []
    for result in results:
        path = _place(folder / "feedback", result)
        atomic.write(path, page(result))
        paths.append(path)
    return paths


def page(result: Result) -> str:
    """Return a learner's page: points and lines, nothing of anybody else."""
    by_hand = result.assignment.points_by_hand
    return PAGE.format(
        title=escape(f"Lab {result.assignment.name.replace('_', ', ', 1)}"),
        learner=escape(result.submission.learner),
        points=result.points,
        most=result.assignment.points,
        by_hand=f"; {by_hand:g} more are given by a person" if by_hand else "",
        rows="\n".join(map(_row, result.marks)),
    )


def _row(mark: Mark) -> str:
    return ROW.format(
        name=escape(f"{mark.task.number}. {mark.task.name}"),
        points=mark.points,
        most=mark.task.points,
        lines=escape("\n".join(mark.lines)),
        note=_note(mark),
    )


def _note(mark: Mark) -> str:
    """Tell a learner what was graded with; what else is noted is the teacher's."""
    if not mark.note.startswith(REFERENCE):
        return ""
    names = escape(mark.note.removeprefix(REFERENCE))
    return f"<p>This uses {names}, so it was run with the course's own.</p>"


def _place(folder: Path, result: Result) -> Path:
    """Return a learner's file; a name that is no name of a folder loses what is not."""
    name = re.sub(r"[^\w.@ -]", "_", result.submission.learner).strip(". ") or "_"
    return folder / name / f"{result.submission.lab}.html"
