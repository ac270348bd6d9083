"""Checks for labs/02_attention_vs_rnn.ipynb, one file an exercise.

Its hints and mistakes stand beside it. A check begins with the worked example of the
text and goes on to seeded random cases. A table of mistakes says what typical wrong
answers give, so that a hint can name them.
"""

from llmlab.checks import feedback
from llmlab.checks.attention_vs_rnn.attend import HINTS as ATTEND
from llmlab.checks.attention_vs_rnn.attend import attend
from llmlab.checks.attention_vs_rnn.gradient_by_distance import (
    HINTS as GRADIENT_BY_DISTANCE,
)
from llmlab.checks.attention_vs_rnn.gradient_by_distance import gradient_by_distance
from llmlab.checks.attention_vs_rnn.lstm_step import HINTS as LSTM_STEP
from llmlab.checks.attention_vs_rnn.lstm_step import lstm_step
from llmlab.checks.attention_vs_rnn.several_heads import HINTS as SEVERAL_HEADS
from llmlab.checks.attention_vs_rnn.several_heads import several_heads
from llmlab.checks.attention_vs_rnn.slope import HINTS as SLOPE
from llmlab.checks.attention_vs_rnn.slope import slope
from llmlab.core import faces

HINTS = {  # exercise -> three levels, shown by check.hint("attend", level=1)
    "attend": ATTEND,
    "several_heads": SEVERAL_HEADS,
    "lstm_step": LSTM_STEP,
    "gradient_by_distance": GRADIENT_BY_DISTANCE,
    "slope": SLOPE,
}

__all__ = [
    "HINTS",
    "attend",
    "gradient_by_distance",
    "hint",
    "lstm_step",
    "several_heads",
    "slope",
]

__getattr__, __dir__ = faces.of(__name__, __all__)


def hint(exercise: str, *, level: int = 1) -> None:
    """Show a hint of an exercise: level 1 nudges, level 3 almost says it."""
    feedback.hint(HINTS, exercise, level)
