"""The checks of lab 05 let right answers pass, and name what is wrong in wrong ones."""

import pytest
import torch
from checks import factory
from pruning.right_answers import RIGHT
from pruning.wrong_answers import WRONG

from llmlab.checks import pruning as check

TOLD_APART = (
    ("wanda_mask", "whole matrix"),
    ("wanda_mask", "norms forgotten"),
    ("without_neurons", "signed mean"),
    ("without_neurons", "mean, then size"),
)


@pytest.mark.parametrize(("name", "mistake"), TOLD_APART)
def test_the_example_tells_a_tempting_answer_from_the_right_one(name, mistake):
    example = check.EXERCISES[name].cases()[0]
    wrong, _ = WRONG[name][mistake]
    right, other = RIGHT[name][0](*example.build()), wrong(*example.build())
    if isinstance(right, tuple):
        right, other = (torch.stack([*one[:2]]) for one in (right, other))
    assert not torch.equal(right, other)


globals().update(factory.tests(check, RIGHT, factory.by_name(check, WRONG)))
