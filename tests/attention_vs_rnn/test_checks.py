"""The checks of lab 02 let right answers pass, and name what is wrong in wrong ones."""

import torch
from attention_vs_rnn.right_answers import RIGHT, attend_by_formula
from attention_vs_rnn.wrong_recurrence import WRONG
from checks import factory

from llmlab.checks import attention_vs_rnn as check
from llmlab.checks.attention_vs_rnn import recurring

globals().update(factory.tests(check, RIGHT, WRONG))


def test_a_wrong_entry_of_a_tensor_is_named_by_its_place():
    def attend(queries, keys, values):
        mixed = attend_by_formula(queries, keys, values)
        mixed[..., -1, 0] += 1
        return mixed

    assert "expected 19 at [2, 0], got 20" in factory.message(check.attend, attend)


def test_hint_three_of_attend_runs_as_it_is_written():
    tokens, seen = 2, 3
    hint = check.EXERCISES["attend"].hints[2]
    written = hint.partition(" is later")[0]
    scope = {"ones": torch.ones, "T": tokens, "S": seen}
    later = eval(written, scope)
    assert later.tolist() == [[False, False, True], [False, False, False]]


def test_hint_three_of_scan_is_the_round():
    new = decay = torch.tensor([[[1.0], [2.0], [3.0]]])
    hint = check.EXERCISES["scan"].hints[2]
    written = hint.removeprefix("new = ").rpartition(", then")[0]
    joined = eval(written, {"cat": torch.cat, "new": new, "decay": decay, "s": 1})
    assert joined.flatten().tolist() == [1.0, 4.0, 9.0]


def test_a_loop_is_told_from_rounds_by_its_operators_alone():
    decay, new = recurring.counted(64, seed=0)
    check.EXERCISES["scan"].right(decay, new)
    few = recurring.operators(decay)
    torch.cat([decay, new], 1)
    assert 0 < few < 100 and recurring.operators(new) == few + 1
    assert recurring.operators(torch.ones(2)) == 0
