"""Marks for submissions, from the learners' functions, each in a process of its own.

A learner's process is told arguments and sends back values; the verdict on them is
given where no learner's code has run, so that a check that was replaced, a changed
global or a dead process takes nothing but its own points. nbgrader grades the same
cells its way, and `agreement` holds the two against each other.

    place, labs = Path("submitted"), [assignments.read(path) for path in notebooks]
    with grading.Grader(labs) as grader:
        results = list(grader.grade(submissions))
"""

from llmlab.core import faces
from llmlab.core.wall import Limits
from llmlab.grading.grader import Grader

__all__ = [
    "Grader",
    "Limits",
    "agreement",
    "assignments",
    "cells",
    "marks",
    "pages",
    "submissions",
    "tables",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
