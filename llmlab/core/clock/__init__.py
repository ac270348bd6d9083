"""How time is taken: clocks, what neighbours leave, and the trial of a few calls.

clock_for            the clock that fits where a result lives: the host's, or a GPU's
settle               threads that find a core, once for a whole notebook
given_way            the threads that busy neighbours leave, for a while
fixed                just so many threads, for a while
within, free         how many threads find a core of their own
Threads              how many there were and why, as a sentence for the result
trial                the least seconds of a few calls, tried in turn
shortest             the least seconds of one call on all threads, for a peak

`measure.speed` times with intervals and verdicts. What is here is for whoever stands
below it, or must choose in a moment: an operator, the dtype of a training.
"""

from llmlab.core import faces
from llmlab.core.clock.clocks import Clock, Events, Host, Processor, clock_for
from llmlab.core.clock.contention import (
    Settled,
    Threads,
    fixed,
    free,
    given_way,
    settle,
    within,
)
from llmlab.core.clock.trials import shortest, trial

__all__ = [
    "Clock",
    "Events",
    "Host",
    "Processor",
    "Settled",
    "Threads",
    "clock_for",
    "fixed",
    "free",
    "given_way",
    "settle",
    "shortest",
    "trial",
    "within",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
