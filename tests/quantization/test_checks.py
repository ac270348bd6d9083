"""The checks of lab 04 let right answers pass, and name what is wrong in wrong ones."""

import random

import pytest
from checks import factory
from quantization import layer_answers
from quantization.right_answers import RIGHT
from quantization.wrong_later import WRONG

from llmlab.checks import quantization as check
from llmlab.checks.quantization import budget

ALL = RIGHT | layer_answers.RIGHT, WRONG | layer_answers.WRONG
NAMES = [name for name in check.EXERCISES if name in ALL[0]]
IN_ORDER = [{name: answers[name] for name in NAMES} for answers in ALL]

globals().update(factory.tests(factory.part(check, NAMES), *IN_ORDER))


@pytest.mark.parametrize("layers", [2, 5])
def test_greed_misses_the_best_in_the_cases_meant_for_it(layers):
    case = budget.draw(random.Random(1), layers, None)
    best, short = budget.least(*case), budget.greedy(*case)
    assert budget.total(case[0], short) > budget.total(case[0], best)
