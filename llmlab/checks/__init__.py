"""Checks of the exercises: one module per lab, one function per exercise.

A notebook says `from llmlab.checks import measure as check` and, right below an
exercise, `check.percentile(percentile)`. A right answer prints a line with ✓; a wrong
one stops the run with three lines that name the mistake (`llmlab.checks.report`).
"""

from llmlab.checks.report import CheckFailed, Plain, Todo

__all__ = ["CheckFailed", "Plain", "Todo"]
