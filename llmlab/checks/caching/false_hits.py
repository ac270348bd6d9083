"""Exercise 8: how many requests a semantic cache serves, and how many of them wrong."""

import random

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

NONE = "where none is served, both are 0.0: there is nothing to divide by."
EQUAL = "a similarity that equals the threshold is served: >=."


def false_hits(similarities, same, threshold):
    """Return the share of requests that are served, and of these the wrong share."""
    return _shares(similarities, same, lambda one: one >= threshold)


def _shares(similarities, same, is_served):
    served = [ok for one, ok in zip(similarities, same, strict=True) if is_served(one)]
    wrong = sum(not ok for ok in served) / max(1, len(served))
    return len(served) / len(similarities), wrong


def _served(similarities, threshold):
    return float(sum(one >= threshold for one in similarities))


def _wrong(similarities, same, threshold):
    """Return how many are served wrong."""
    pairs = zip(similarities, same, strict=True)
    return float(sum(one >= threshold and not ok for one, ok in pairs))


def _cases():
    yield case([0.99, 0.8, 0.97, 0.98], [True, True, False, True], 0.97)
    dice = random.Random(0)
    for count, threshold in ((7, 0.6), (11, 0.35), (13, 0.8), (50, 0.55)):
        drawn = [dice.uniform(0, 1) for _ in range(count)]
        drawn = [one + 0.02 * (abs(one - threshold) < 0.01) for one in drawn]
        yield case(drawn, [dice.random() < 0.6 for _ in drawn], threshold)
    yield case([0.5, 0.75, 0.25, 0.75, 0.5], [False, True, False, False, True], 0.75,
               about=EQUAL)
    yield case([0.4, 0.7, 0.65], [True, False, True], 0.9, about=NONE)
    yield case([0.9, 0.95, 0.92], [False, True, False], 0.85)
    yield case([0.9, 0.3, 0.92, 0.1], [False, True, False, True], 0.85)
    yield case([-0.2, 0.6, 0.1], [True, True, False], 0.0)


EXERCISE = Exercise(
    name="false_hits",
    right=false_hits,
    gives=(Value("the share served"), Value("the share of them that is wrong")),
    cases=lambda: [*_cases()],
    covers="with none served, with all, and on the threshold",
    hints=(
        "First which requests are served at all; only these can be answered wrong.",
        "A request is served where its similarity is at least the threshold. Divide by "
        "all requests for the first share, by those served for the second.",
        "hits = [ok for one, ok in zip(similarities, same) if one >= threshold]; "
        "wrong = hits.count(False) / len(hits) if hits else 0.0.",
    ),
    hint="served: those with similarity >= threshold, of all; wrong: those without "
         "the right answer, of the served.",
    tolerance=1e-5,
    mistakes={
        EQUAL: lambda s, ok, t: _shares(s, ok, lambda one: one > t),
        "wrong is a share of the served, not of all requests.":
            lambda s, ok, t: (false_hits(s, ok, t)[0], _wrong(s, ok, t) / len(s)),
        "a request that is not served has no wrong answer: count among the served.": (
            lambda s, ok, t: (false_hits(s, ok, t)[0], ok.count(False) / len(ok)),
            lambda s, ok, t: (
                false_hits(s, ok, t)[0],
                ok.count(False) / max(1, _served(s, t)),
            ),
        ),
        "these are the right ones; the second share is of those whose answer is wrong.":
            lambda s, ok, t: (
                false_hits(s, ok, t)[0],
                (1 - false_hits(s, ok, t)[1]) * (max(s) >= t),
            ),
        "a request is served where it is similar enough, at the threshold or above.": (
            lambda s, ok, t: _shares(s, ok, lambda one: one < t),
            lambda s, ok, t: _shares(s, ok, lambda one: one <= t),
        ),
        "a wrong answer is served, too: the first share counts every hit.": (
            lambda s, ok, t: (
                sum(a >= t and b for a, b in zip(s, ok, strict=True)) / len(s),
                false_hits(s, ok, t)[1],
            ),
        ),
        "the first share is of those that are served; these are the others.":
            lambda s, ok, t: (1 - _served(s, t) / len(s), false_hits(s, ok, t)[1]),
        "divide by all that are served, right or wrong.": (
            lambda s, ok, t: (
                _served(s, t) / len(s), _wrong(s, ok, t) / max(1, ok.count(False))),
            lambda s, ok, t: (
                _served(s, t) / len(s),
                _wrong(s, ok, t) / max(1, _served(s, t) - _wrong(s, ok, t))),
        ),
        "these are counts; a share divides them.":
            lambda s, ok, t: (_served(s, t), _wrong(s, ok, t)),
        "the share served is of all requests; here it is a count.":
            lambda s, ok, t: (_served(s, t), false_hits(s, ok, t)[1]),
        "the share that is wrong is divided by those served; here it is a count.":
            lambda s, ok, t: (false_hits(s, ok, t)[0], _wrong(s, ok, t)),
        "these are per cent; a share lies between 0 and 1.":
            lambda s, ok, t: tuple(100 * one for one in false_hits(s, ok, t)),
        "where none is served, nothing is wrong: 0.0.": (
            lambda s, ok, t: false_hits(s, ok, t) if max(s) >= t else (0.0, 1.0),
            lambda s, ok, t: (
                false_hits(s, ok, t) if max(s) >= t else (0.0, float("nan"))),
        ),
    },
)
