"""Checks of the exercises: a folder for each lab, in it a file for each exercise.

A notebook says `from llmlab.checks import measure as check` and, right below an
exercise, `check.percentile(percentile)`. A right answer prints a line with ✓; a wrong
one stops the run with three lines that name the mistake (`llmlab.checks.judging`).
`check.hint`, `check.example` and `check.trace` show more.
"""

from llmlab.checks.examples import example_source
from llmlab.checks.feedback import CheckFailed, Todo
from llmlab.core import faces
from llmlab.core.plain import Plain

__all__ = [
    "CheckFailed",
    "Plain",
    "Todo",
    "attention_vs_rnn",
    "caching",
    "distillation",
    "example_source",
    "measure",
    "pruning",
    "quantization",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
