"""The checks of lab 02 let right answers pass, and name what is wrong in wrong ones."""

from attention_vs_rnn.right_answers import RIGHT, attend_by_formula
from attention_vs_rnn.wrong_recurrence import WRONG
from checks import factory

from llmlab.checks import attention_vs_rnn as check

globals().update(factory.tests(check, RIGHT, WRONG))


def test_a_wrong_entry_of_a_tensor_is_named_by_its_place():
    def attend(queries, keys, values):
        mixed = attend_by_formula(queries, keys, values)
        mixed[..., -1, 0] += 1
        return mixed

    assert "expected 19 at [2, 0], got 20" in factory.message(check.attend, attend)


def test_hint_three_of_attend_runs_as_it_is_written():
    import torch

    scores = torch.zeros(3, 3)
    assert "ones(T, T).triu(1).bool()" in check.EXERCISES["attend"].hints[2]
    later = torch.ones(3, 3).triu(1).bool()
    assert scores.masked_fill(later, -float("inf")).isinf().sum() == 3
