"""Muon and AdamW share a model's weights between them: each has one, and one alone."""

import pytest
from torch import nn

from llmlab.models import training


class Model(nn.Module):
    """One table, one matrix, one vector, and a head."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(8, 4)
        self.inside = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)


def weights(optimizer):
    return [id(p) for group in optimizer.param_groups for p in group["params"]]


def test_muon_takes_the_matrices_that_are_no_table_and_not_set_apart():
    model = Model()
    muon, adamw = training.muon_and_adamw(model, rate=0.01, apart=[model.head])
    inside, rest = weights(muon), weights(adamw)
    assert inside == [id(model.inside.weight)]
    assert {*inside, *rest} == {id(p) for p in model.parameters()}
    assert len(rest) == len(list(model.parameters())) - 1


def test_a_head_that_shares_the_table_is_no_matrix_for_muon():
    model = Model()
    model.head = nn.Linear(4, 8, bias=False)
    model.head.weight = model.table.weight
    muon, adamw = training.muon_and_adamw(model, rate=0.01)
    assert weights(muon) == [id(model.inside.weight)]
    assert weights(adamw).count(id(model.table.weight)) == 1


@pytest.mark.parametrize("model", [nn.Linear(4, 4, bias=False), nn.Embedding(8, 4)])
def test_an_optimizer_with_nothing_to_move_is_left_out(model):
    (made,) = training.muon_and_adamw(model, rate=0.01)
    assert weights(made) == [id(model.weight)]
