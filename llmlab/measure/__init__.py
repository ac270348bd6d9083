"""Lab 1. Measure: where does the time of one token go?

speed       time calls against each other, with intervals and verdicts
race        the same for models that write on from one prompt
settle      the threads that busy neighbours leave, for a whole notebook
percentile  the value below which a share of samples lies
memory      weights, cache, peak of the allocator and of the process
roofline    what this machine can do at most, and three bounds of a model's steps
operators   what a call hands to torch, counted by name
quality     bits per byte, perplexity, accuracy, exact match, agreement of two models
experiments one line each: a token by position, taken apart, at another size
report      all of it for one model; answers: for one that answers whole texts
exams       what such models are asked, and what several answered
requests    what a user of a server feels: TTFT, TPOT, ITL, E2E, goodput
labels, intervals, bootstrap, comparison, timing: the parts that labs use too

A measure never knows which technique ran: it takes callables and models, and returns
records with unit, kind and interval.
"""

from llmlab.core import faces
from llmlab.core.clock import settle
from llmlab.measure import memory, quality, report, roofline
from llmlab.measure.comparison import Verdict
from llmlab.measure.intervals import percentile
from llmlab.measure.timing import Speed, Timing, race, speed

__all__ = [
    "Speed",
    "Timing",
    "Verdict",
    "answers",
    "bootstrap",
    "comparison",
    "exams",
    "experiments",
    "intervals",
    "labels",
    "memory",
    "operators",
    "percentile",
    "phases",
    "quality",
    "race",
    "report",
    "requests",
    "roofline",
    "settle",
    "speed",
    "timing",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
