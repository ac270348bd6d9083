"""Exercise 2: the times of a stream of tokens."""

import random
from itertools import pairwise

import torch

from llmlab.checks.exercise import Case, Exercise, MisfitError, Value
from llmlab.checks.measure.clock import Clock

# A mistake stands in one line or two, as in a table.
# fmt: off


def token_times(tokens, clock, *, start=True, end=False, stop=None, pull=iter,
                since=None, sign=1):
    """Return the times; with `end` that of the end too, `since` a place in them."""
    first = clock() if start else None
    stamps: list[float] = []
    for token in pull(tokens):
        if stop is not None and token == stop and stamps:
            break
        stamps.append(clock())
    if end:
        stamps.append(clock())
    stamps = [stamps[0] if first is None else first, *stamps]
    times = [sign * (after - before) for before, after in pairwise(stamps)]
    if since is not None:
        times[1:] = [stamp - stamps[since] for stamp in stamps[2:]]
    return times[0], times[1:]


def _moments(tokens, clock, *, away=0.0):
    stamps = [clock() for _ in tokens]
    return stamps[0], stamps[1:]


def _moments_first(tokens, clock):
    stamps = [clock() for _ in tokens]
    return stamps[0], [after - before for before, after in pairwise(stamps)]


def _single(tokens, clock):
    stamps = torch.tensor([clock(), *(clock() for _ in tokens)])  # float32
    times = stamps.diff().tolist()
    return times[0], times[1:]


def _with_first(tokens, clock):
    first, later = token_times(tokens, clock)
    return first, [first, *later]


def _mean(tokens, clock):
    first, later = token_times(tokens, clock)
    return first, sum(later) / max(1, len(later))


def _looked_at(answer, tokens, clock):
    if not clock.looks:
        raise MisfitError(
            "the clock that is handed in is read",
            expected="a look at clock()",
            got="none",
            hint="read the time by calling `clock()`, the one that is handed in.",
        )
    return answer


def _case(waits, setup="", sources=()):
    def build():
        clock = Clock()
        return clock.stream(waits), clock

    return Case(build, setup, dict(sources))


def _cases():
    dice = random.Random(0)
    opening = [0.5, 0.125, 0.125, 0.25]
    yield _case(opening, "clock = check.clock()", {"clock": "clock"}.items())
    for count in (1, 2, 5, 40):
        yield _case([dice.uniform(0.01, 2.0) for _ in range(count)])


EXERCISE = Exercise(
    name="token_times",
    right=token_times,
    gives=(Value("the time to first token"), Value("the times of the later tokens")),
    cases=lambda: [*_cases()],
    covers="of one token to forty, every first token and every later one",
    hints=(
        "Look at the clock once before you ask for a token, and once after each one.",
        "With these looks in a list, a time is one look minus the one before it.",
        "stamps = [clock()], then `for _ in tokens: stamps.append(clock())`.",
    ),
    hint="each time counts from the token before it, the first from the start.",
    observe=_looked_at,
    tolerance=1e-4,
    mistakes={
        "start the clock before you ask for the first token.":
            lambda *a: token_times(*a, start=False),
        "take the time at the start away from it.": _moments,
        "take the time at the start away from the first one.": _moments_first,
        "all tokens were pulled before the second look at the clock.":
            lambda *a: token_times(*a, pull=list),
        "the first token is not one of the later ones.": _with_first,
        "the end of the stream is not a token.":
            lambda *a: token_times(*a, end=True),
        "token 0 is a token too: ask for `is not None`.":
            lambda *a: token_times(*a, stop=0),
        "count from the token before, not from the first one.":
            lambda *a: token_times(*a, since=1),
        "count from the token before, not from the start.":
            lambda *a: token_times(*a, since=0),
        "take the earlier look from the later one.":
            lambda *a: token_times(*a, sign=-1),
        "float32 has 7 digits, too few for a clock: subtract first.": _single,
        "the later times are a list, one for each token, not their mean.": _mean,
    },
)
