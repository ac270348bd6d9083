"""Arrays of NumPy as arguments and answers, and None where it is an answer."""

import numpy
import pytest
import torch

from llmlab.checks import examples, shown
from llmlab.checks.exercise import Case, Exercise, Value, case
from llmlab.checks.judging import judge
from llmlab.checks.shown import Written


def doubled(rows):
    return 2 * rows


def observed(answer, rows):
    if isinstance(answer, numpy.ndarray):
        return torch.from_numpy(answer.astype(numpy.int64))
    return answer


DOUBLED = Exercise(
    name="doubled",
    right=doubled,
    gives=(Value("twice the rows"),),
    cases=lambda: [case(numpy.array([[1, -2], [3, 4]], dtype=numpy.int8))],
    covers="one",
    hints=("a", "b", "c"),
    hint="2 * rows.",
    mistakes={},
    observe=observed,
)


def in_place(rows):
    rows *= 2
    return rows.copy()


def retyped(rows):
    rows.dtype = numpy.uint8
    return numpy.array([[2, -4], [6, 8]])


@pytest.mark.parametrize("answer", [in_place, retyped])
def test_an_array_that_is_changed_is_named(answer):
    failure = judge(DOUBLED, answer)
    assert failure.promise == "doubled leaves rows as it was"
    assert "x.copy()" in failure.hint


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
def test_whole_numbers_without_a_sign_are_compared(dtype):
    def unsigned(rows):
        return torch.tensor([[2, 0], [6, 8]]).to(getattr(torch, dtype))

    assert "-4" in judge(DOUBLED, unsigned).expected


def test_an_example_writes_arrays_with_a_dtype_that_is_not_usual():
    text = examples.source({"doubled": DOUBLED}, "doubled")
    assert "doubled(np.array([[1, -2], [3, 4]], dtype=np.int8))" in text
    assert text.endswith("array([[2, -4], [6, 8]], dtype=np.int8)")


def first(words):
    return words[0] if words else None


FIRST = Exercise(
    name="first",
    right=first,
    gives=(Value("the first"),),
    cases=lambda: [Case(lambda: (["a", "b"],)), Case(lambda: ([],))],
    covers="some and none",
    hints=("a", "b", "c"),
    hint="words[0], or None.",
    mistakes={"always None here.": lambda words: None},
    observe=lambda answer, words: Written(answer),
    none=True,
)


def test_none_can_be_the_answer():
    assert judge(FIRST, first) is None
    assert judge(FIRST, lambda words: words[0] if words else "").expected == "None"
    failure = judge(FIRST, lambda words: None)
    assert failure.got == "None" and failure.hint == "always None here."


def test_long_texts_are_shown_where_they_differ():
    words = " ".join(f"word{number}" for number in range(60))
    one, other = shown.pair(Written(words), Written(words.replace("word40", "other")))
    assert "word40" in one and "other" in other and one[0] == other[0] == "…"
    assert shown.pair("short", "shorter") == ("'short'", "'shorter'")
    whole, longer = shown.pair(Written(words), Written(f"{words} more"))
    assert longer.endswith("word59 more") and whole.endswith("word59")
