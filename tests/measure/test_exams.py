"""Models that sit the same exam are compared answer by answer."""

import pytest

from llmlab import texts
from llmlab.core import quantities
from llmlab.measure import exams
from llmlab.measure.exams import Answers, Exam

EXAM = Exam(tuple("abcdefghij"), tuple("ABCDEFGHIJ"))
SAT = Answers(
    EXAM,
    {
        "exact": tuple("ABCDEFGHIJ"),
        "one": tuple("ABCDEFGHIx"),
        "six": tuple("xxxxxxGHIJ"),
    },
)


def test_answers_are_compared_one_by_one():
    assert SAT.lost("one", "exact") == (1, 0) and SAT.lost("exact", "one") == (0, 1)
    assert SAT.right("six").value == 0.4
    assert [row[0] for row in SAT.differing(3)] == ["a", "b", "c"]
    assert [row[0] for row in SAT.differing(99)] == [*"abcdefj"]


def test_one_lost_answer_may_be_chance_and_six_are_not():
    assert not SAT.is_worse("one", "exact") and SAT.is_worse("six", "exact")
    assert not SAT.is_worse("exact", "six")


def test_every_model_is_asked_everything_once():
    asked = []

    def ask(model, questions):
        asked.append(model)
        return [model(question) for question in questions]

    sat = exams.sit({"upper": str.upper, "same": str.lower}, EXAM, ask)
    assert asked == [str.upper, str.lower]
    assert [fact.value for fact in sat.records()] == [1, 0]
    assert {fact.name for fact in sat.records()} == {"exact match"}


def test_an_exam_says_what_its_share_is_called():
    exam = Exam(["x = 1"], ["ast"], quantities.ACCURACY)
    fact = exam.mark(["ast"], subject="classifier")
    assert (fact.name, fact.subject, fact.value) == ("accuracy", "classifier", 1)


def test_number_words_are_the_frozen_ones():
    pairs = texts.number_pairs()
    assert len(exams.number_words().asked) == len(pairs)
    few = exams.number_words(3)
    assert list(few.asked) == [pair.english for pair in pairs[:3]]
    assert list(few.expected) == [pair.french for pair in pairs[:3]]
    with pytest.raises(ValueError, match="count=0"):
        exams.number_words(0)


def test_a_model_that_did_not_sit_is_refused_by_name():
    with pytest.raises(ValueError, match="'ten' is none of exact, one, six"):
        SAT.right("ten")
    with pytest.raises(ValueError, match="as many"):
        EXAM.mark(["A"])
