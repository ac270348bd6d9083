"""The check of the inner product in C: right texts pass, wrong ones are named."""

import pytest
from checks import factory
from graphs.right_dots import RIGHT
from graphs.wrong_dots import WRONG

from llmlab.checks import graphs as check
from llmlab.graphs import inner

room = factory.part(check, ["dot_source"])
globals().update(factory.tests(room, RIGHT, WRONG))


def test_without_a_compiler_the_check_says_so_and_the_lab_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(inner.compilers, "find", tuple)
    check.dot_source(inner.dot_source)
    said = capsys.readouterr().out
    assert said.startswith("dot_source is not checked here: no C compiler answers")
    assert said.count("\n") == 1 and "✓" not in said
    with pytest.raises(inner.CannotBuildError, match="install gcc or clang"):
        inner.dot(inner.dot_source(), [1], [2])


def test_a_parameter_too_many_is_named():
    text = factory.message(check.dot_source, lambda level: inner.dot_source())
    factory.three_lines(text)
    assert "dot_source takes nothing in its parentheses" in text


def test_the_worked_example_is_what_c_gives():
    assert inner.dot(inner.dot_source(), [3, -2, 1], [4, 5, 6]) == 8
