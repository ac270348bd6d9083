"""The pictures of lab 10 keep the rules and say in words what they show."""

import drawn
import pytest

from llmlab import show
from llmlab.core import records
from llmlab.graphs import quantities as q
from llmlab.show.graphs import steps

WAYS = ("as it is", "folded", "fused", "folded and fused", "yours, in every step")


class Result:
    def __init__(self, *facts):
        self.facts = facts

    def records(self):
        return list(self.facts)


def fact(what, value, subject="", *, kind="measured", **details):
    ends = {"low": 0.9 * value, "high": 1.2 * value} if kind == "measured" else {}
    return records.make(
        what, value, kind=kind, subject=subject, details=details, **ends
    )


def started():
    step, rough = "a decode step", {"kind": "estimated"}
    return Result(
        *(
            fact(q.OPERATOR_TIME, 1e-6 + 1e-10 * n, "an addition", size=n)
            for n in (1, 4000, 16000)
        ),
        fact(q.STEP_TIME, 5e-3, step, tokens=128),
        fact(q.FIXED, 1e-6, "an addition", **rough),
        fact(q.PER_ELEMENT, 1e-10, "an addition", **rough),
        fact(q.STARTS, 246e-6, step, operators=246, **rough),
        fact(q.START_SHARE, 0.0492, step, **rough),
    )


def raced(verdict="no significant difference"):
    facts = [fact(q.KERNELS, 169 - 10 * n, way) for n, way in enumerate(WAYS)]
    for time, gain, tokens in (
        (q.STEP_TIME, q.STEP_GAIN, 128), (q.PREFILL_TIME, q.PREFILL_GAIN, 256),
    ):  # fmt: skip
        facts += [fact(time, 5e-3, way, tokens=tokens) for way in WAYS]
        facts += [
            fact(gain, 1.02, way, against=WAYS[0], verdict=verdict) for way in WAYS[1:]
        ]
    return Result(*facts)


PICTURES = {
    "starting": lambda: steps.starting(started()),
    "fused": lambda: steps.fused(raced()),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_keeps_the_rules(name):
    assert not drawn.faults(PICTURES[name])


def test_a_step_says_its_line_and_its_share():
    picture = show.figure(started())
    assert "Size 16,000: 2.60 µs" in picture.alt
    assert "That is 5% of the step" in picture.alt
    words = drawn.words_of(steps.starting(started()))
    assert "fixed: 1.00 µs" in words and "A decode step: 5% is starting" in words


def test_a_race_says_operators_times_and_what_was_not_shown():
    alt = show.figure(raced()).alt
    assert "as it is: 169 operators that compute, 5.00 ms." in alt
    assert "folded: 159 operators that compute, 5.00 ms, 1.02 × as fast (no" in alt
    assert "1.02 × as fast (faster)" in show.figure(raced("faster")).alt
    words = drawn.words_of(steps.fused(raced()))
    assert "folded and fused\n139 operators" in words


def test_a_picture_without_its_facts_is_refused():
    with pytest.raises(ValueError, match="holds no 'cost of an element'"):
        steps.starting(Result(*started().facts[:5]))
