"""The check of the inner product in C: right texts pass, wrong ones are named."""

import pytest
from checks import factory
from graphs.right_dots import PLAIN, RIGHT, UNROLLED, of
from graphs.wrong_dots import WRONG

from llmlab.checks import graphs as check
from llmlab.checks.judging import judge
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


MUTANTS = {  # what stands in a C text -> what may stand there by mistake
    " = 0": (" = 1", " = -1", ""), " < ": (" <= ", " > "),
    " <= ": (" < ", " >= "), "+=": ("=", "-=", "|="), " * ": (" + ", " - ", " & "),
    "int sum": ("short sum", "char sum", "float sum", "unsigned char sum"),
    "int s0": ("short s0", "float s0"), "return sum": ("return -sum", "return sum + 1"),
    "i++": ("i += 2", "i--"), " + 1]": (" + 2]", "]"), " + 3]": (" + 4]", " - 3]"),
    "i += 4": ("i += 3", "i += 5"), "n;": ("n - 1;", "n / 2;"), "s2 +": ("", "s2 -"),
    "a[i]": ("b[i]", "a[n - 1 - i]", "a[0]"), "b[i]": ("a[i]", "b[i - 1]", "i"),
}  # fmt: skip
ALIKE = (("unrolled", " <= ", " < "), ("unrolled", "n;", "n - 1;"))
ALIKE += (("unrolled", "n;", "n / 2;"),)  # the second loop takes what the first leaves
EACH = [
    pytest.param(body.replace(old, new, 1), id=f"{name}:{old.strip()}→{new.strip()}")
    for name, body in (("plain", PLAIN), ("unrolled", UNROLLED))
    for old, others in MUTANTS.items()
    for new in others
    if old in body and (name, old, new) not in ALIKE
]


@pytest.mark.parametrize("body", EACH)
def test_no_small_mistake_in_a_right_text_passes(body):
    failure = judge(check.EXERCISES["dot_source"], of(body))
    assert failure is not None and failure.hint
