"""Exercise 1: the times of a stream of tokens."""

import random
from collections.abc import Callable

import numpy

from llmlab.checks import feedback
from llmlab.checks.compare import Exercise
from llmlab.checks.measure.clock import Clock

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Look at the clock once before you ask for a token, and once after each one.",
    "With these looks in a list, a time is one look minus the one before it.",
    "stamps = [clock()], then `for _ in tokens: stamps.append(clock())`.",
)


EXERCISE = Exercise(
    right=lambda waits: (waits[0], waits[1:]),
    gives=("the time to first token", "the times of the later tokens"),
    hint="each time counts from the token before it, the first from the start.",
    tolerance=1e-6,  # the clock stands at 1000 seconds
    mistakes={
        "start the clock before you ask for the first token.": lambda w: (0.0, w[1:]),
        "take the time at the start away from it.": lambda w: (1000.0 + w[0], []),
        "all tokens were pulled before the first look at the clock.":
            lambda w: (sum(w) + 8.0, [0.0] * len(w[1:])),
        "the first token is not one of the later ones.": lambda w: (w[0], w),
        "the end of the stream is not a token.": lambda w: (w[0], [*w[1:], 8.0]),
        "count from the token before, not from the first one.":
            lambda w: (w[0], list(numpy.cumsum(w[1:]))),
        "count from the token before, not from the start.":
            lambda w: (w[0], list(numpy.cumsum(w)[1:])),
        "take the earlier look from the later one.":
            lambda w: (-w[0], [-wait for wait in w[1:]]),
    },
)


def token_times(learner_function: Callable) -> None:
    """Exercise 1. Times of a stream of tokens: (tokens, clock) -> (seconds, list)."""
    dice = random.Random(0)
    cases = [[0.5, 0.125, 0.125, 0.25]]  # the example in the text comes first
    cases += [[dice.uniform(0.01, 2.0) for _ in range(n)] for n in (1, 2, 5, 40)]
    for waits in cases:
        clock = Clock()
        answer = feedback.run(learner_function, clock.stream(waits), clock)
        if answer is not None and not clock.looks:
            hint = "read the time by calling `clock()`, the one that is handed in."
            feedback.fail("the clock is read", expected="looks", got="none", hint=hint)
        EXERCISE.compare(answer, waits)
    print("✓ token_times: 5 streams, every first token and every later one")
