"""Checks of the exercises: a folder for each lab, in it a file for each exercise.

A notebook says `from llmlab.checks import measure as check` and, right below an
exercise, `check.percentile(percentile)`. A right answer prints a line with ✓; a wrong
one stops the run with three lines that name the mistake (`llmlab.checks.feedback`).
"""

from llmlab.checks.feedback import CheckFailed, Plain, Todo
from llmlab.core import faces

__all__ = [
    "CheckFailed",
    "Plain",
    "Todo",
    "attention_vs_rnn",
    "measure",
    "quantization",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
