"""Sentences on pruning get the verdict that the measurements give them."""

from types import SimpleNamespace

import pytest

from llmlab.core import records
from llmlab.core.quantities import DECODE_SPEED_UP
from llmlab.measure.claims import FAILS, HOLDS, OPEN, PARTLY
from llmlab.measure.exams import Answers, Exam
from llmlab.pruning.experiments import claims
from llmlab.pruning.quantities import BROUGHT_BACK, LOST

LOSSES = {
    ("each layer", 0.3): 0.005,
    ("each layer", 0.5): 0.25,
    ("at random", 0.5): 0.9,
    ("whole model", 0.5): 0.6,
    "the smallest weights": 0.2,
    "random": 0.1,
    "the quietest (yours)": 0.05,
    "at once": 1.2,
}


def lost(losses):
    def one(name, sparsity=None):
        value = losses[name if sparsity is None else (name, sparsity)]
        return records.measured(LOST, value, low=0.9 * value, high=1.1 * value)

    return one


def ratio(word):
    def one(*_):
        details = {"verdict": word, "phase": "decode"}
        return records.measured(DECODE_SPEED_UP, 1.0, details=details)

    return one


def answers(thirty):
    """Return sixty answers, of which the 30 % model has lost so many."""
    right = tuple(str(number) for number in range(60))
    wrong = ("?",) * thirty + right[thirty:]
    given = {"dense": right, "30 %": wrong, "50 %": wrong}
    return Answers(Exam(right, right), given)


def tried(
    *,
    changes=None,
    zeros="no significant difference",
    layers="faster",
    back=0.7,
    thirty=0,
):
    losses = lost(LOSSES | (changes or {}))
    result = SimpleNamespace(lost=losses)
    healing = SimpleNamespace(
        lost=losses, brought_back=lambda name: records.measured(BROUGHT_BACK, back)
    )
    return claims(
        shares=result,
        zeros=SimpleNamespace(ratio=ratio(zeros)),
        neurons=result,
        shapes=SimpleNamespace(ratio=ratio(layers)),
        healing=healing,
        translated=answers(thirty),
    )


@pytest.mark.parametrize(
    ("start", "verdict", "knobs"),
    [
        ("smaller weights", PARTLY, {}),
        ("smaller weights", FAILS, {"changes": {("at random", 0.5): 0.1}}),
        ("smaller weights", HOLDS, {"changes": {("whole model", 0.5): 0.2}}),
        ("the importance", FAILS, {}),
        ("the importance", HOLDS, {"changes": {"the smallest weights": 0.05}}),
        ("pruning speeds up the inference process, with zeros", OPEN, {}),
        ("pruning speeds up the inference process, with zeros", FAILS,
         {"zeros": "slower"}),
        ("pruning speeds up the inference process, with fewer", HOLDS, {}),
        ("without significantly", PARTLY, {}),
        ("without significantly", FAILS, {"changes": {("each layer", 0.3): 0.05}}),
        ("without significantly", HOLDS, {"changes": {("each layer", 0.5): 0.001}}),
        ("the remaining network", HOLDS, {}),
        ("the remaining network", PARTLY, {"back": 0.2}),
        ("the remaining network", FAILS, {"back": -0.1}),
        ("the pruned model", PARTLY, {}),
        ("the pruned model", HOLDS, {"zeros": "faster"}),
        ("the pruned model", FAILS, {"thirty": 20}),
    ],
)  # fmt: skip
def test_a_sentence_gets_its_verdict(start, verdict, knobs):
    assert tried(**knobs).verdict(start) == verdict


def test_every_sentence_says_what_was_measured():
    rows = tried().rows
    assert len(rows) == 7 and all("%" in row.measured or "times" in row.measured
                                  for row in rows)  # fmt: skip
