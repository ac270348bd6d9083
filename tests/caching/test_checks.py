"""The checks of lab 07 let right answers pass, and name what is wrong in wrong ones."""

import pytest
from caching.right_answers import RIGHT
from caching.wrong_answers import CHANGING, WRONG
from checks import factory

from llmlab.checks import caching as check

globals().update(factory.tests(check, RIGHT, factory.by_name(check, WRONG)))


@pytest.mark.parametrize(("exercise", "parameter", "answer"), CHANGING)
def test_an_argument_that_is_changed_is_named(exercise, parameter, answer):
    text = factory.message(getattr(check, exercise), answer)
    factory.three_lines(text)
    assert f"{exercise} leaves {parameter} as it was" in text
