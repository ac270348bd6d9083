"""Checks for labs/01_measure.ipynb, one file an exercise.

Its hints and mistakes stand beside it. A check begins with the worked example of the
text and goes on to seeded random cases. A table of mistakes says what typical wrong
answers give, so that a hint can name them.
"""

from llmlab.checks import feedback
from llmlab.checks.measure.model_bytes import HINTS as MODEL_BYTES
from llmlab.checks.measure.model_bytes import model_bytes
from llmlab.checks.measure.percentile import HINTS as PERCENTILE
from llmlab.checks.measure.percentile import percentile
from llmlab.checks.measure.roofline import HINTS as ROOFLINE
from llmlab.checks.measure.roofline import roofline
from llmlab.checks.measure.speedup import HINTS as SPEEDUP
from llmlab.checks.measure.speedup import speedup
from llmlab.checks.measure.step_bytes import HINTS as STEP_BYTES
from llmlab.checks.measure.step_bytes import step_bytes
from llmlab.checks.measure.token_times import HINTS as TOKEN_TIMES
from llmlab.checks.measure.token_times import token_times
from llmlab.core import faces

HINTS = {  # exercise -> three levels, shown by check.hint("token_times", level=1)
    "token_times": TOKEN_TIMES,
    "percentile": PERCENTILE,
    "speedup": SPEEDUP,
    "step_bytes": STEP_BYTES,
    "roofline": ROOFLINE,
    "model_bytes": MODEL_BYTES,
}

__all__ = [
    "HINTS",
    "hint",
    "model_bytes",
    "percentile",
    "roofline",
    "speedup",
    "step_bytes",
    "token_times",
]

__getattr__, __dir__ = faces.of(__name__, __all__)


def hint(exercise: str, *, level: int = 1) -> None:
    """Show a hint of an exercise: level 1 nudges, level 3 almost says it."""
    feedback.hint(HINTS, exercise, level)
