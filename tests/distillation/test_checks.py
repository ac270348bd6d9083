"""The checks of lab 06 let right answers pass, and name what is wrong in wrong ones."""

import pytest
from checks import factory
from distillation.right_answers import RIGHT
from distillation.wrong_answers import CHANGING, WRONG

from llmlab.checks import distillation as check

globals().update(factory.tests(check, RIGHT, factory.by_name(check, WRONG)))


@pytest.mark.parametrize(("exercise", "parameter", "answer"), CHANGING)
def test_an_argument_that_is_changed_is_named(exercise, parameter, answer):
    text = factory.message(getattr(check, exercise), answer)
    factory.three_lines(text)
    assert f"{exercise} leaves {parameter} as it was" in text
