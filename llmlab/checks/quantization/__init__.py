"""Checks for labs/04_quantization.ipynb, one file an exercise.

Its hints and mistakes stand beside it. A check begins with the worked example of the
text and goes on to seeded random cases. A table of mistakes says what typical wrong
answers give, so that a hint can name them.
"""

from llmlab.checks import feedback
from llmlab.checks.quantization.absmax import HINTS as ABSMAX
from llmlab.checks.quantization.absmax import absmax
from llmlab.checks.quantization.affine import HINTS as AFFINE
from llmlab.checks.quantization.affine import affine
from llmlab.checks.quantization.by_group import HINTS as BY_GROUP
from llmlab.checks.quantization.by_group import by_group
from llmlab.checks.quantization.integer_matmul import HINTS as INTEGER_MATMUL
from llmlab.checks.quantization.integer_matmul import integer_matmul
from llmlab.checks.quantization.mixed_precision import HINTS as MIXED_PRECISION
from llmlab.checks.quantization.mixed_precision import mixed_precision
from llmlab.checks.quantization.straight_through import HINTS as STRAIGHT_THROUGH
from llmlab.checks.quantization.straight_through import straight_through
from llmlab.core import faces

HINTS = {  # exercise -> three levels, shown by check.hint("absmax", level=1)
    "absmax": ABSMAX,
    "affine": AFFINE,
    "by_group": BY_GROUP,
    "integer_matmul": INTEGER_MATMUL,
    "straight_through": STRAIGHT_THROUGH,
    "mixed_precision": MIXED_PRECISION,
}

__all__ = [
    "HINTS",
    "absmax",
    "affine",
    "by_group",
    "hint",
    "integer_matmul",
    "mixed_precision",
    "straight_through",
]

__getattr__, __dir__ = faces.of(__name__, __all__)


def hint(exercise: str, *, level: int = 1) -> None:
    """Show a hint of an exercise: level 1 nudges, level 3 almost says it."""
    feedback.hint(HINTS, exercise, level)
