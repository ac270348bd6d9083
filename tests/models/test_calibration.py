"""What layers are given, part by part, is what they are given in a whole call."""

import families
import pytest
import torch
from torch import nn

from llmlab.models import calibration, surgery
from llmlab.models.listening import hearing


def collected(model, data, names):
    return {n: seen.gram for n, seen in calibration.collect(model, data, names).items()}


@pytest.mark.parametrize("kind", ["decoder", "gpt2", "bert", "t5", "albert"])
def test_stages_end_early_and_hear_the_same(kind):
    model = families.make(kind)
    data = [families.batch(model, seed=seed, rows=2) for seed in (1, 2)]
    names = list(surgery.linear_layers(model))
    whole = collected(model, data, names)
    staged = {n: seen.gram for n, seen in calibration.by_stage(model, data, names)}
    assert list(staged) == list(whole)
    for name, gram in whole.items():
        assert torch.equal(staged[name], gram)


def test_no_call_goes_on_behind_the_part_that_is_asked():
    model = families.make("decoder")
    data = [families.batch(model, seed=1, rows=2)]
    names = list(surgery.linear_layers(model))
    calls = []
    with hearing(model, names, lambda name, _: calls.append(name)):
        list(calibration.by_stage(model, data, names))
    # Once to learn the order, then a call for each of two layers and the head. The
    # call of the first ends where the second begins, and never reaches the head.
    assert calls.count("layers.0.mlp.down") == 4
    assert calls.count("layers.1.mlp.down") == calls.count("head") == 3


class Twice(nn.Module):
    """Two parts, of which the first is used again behind the second."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(4, 4, bias=False) for _ in range(2))

    def forward(self, x):
        return self.parts[0](self.parts[1](self.parts[0](x)))


def test_a_part_that_is_used_again_later_hears_all_of_it():
    model = Twice().requires_grad_(False)
    data = [torch.randn(3, 4, generator=torch.Generator().manual_seed(0))]
    whole = collected(model, data, ["parts.0", "parts.1"])
    for name, seen in calibration.by_stage(model, data, ["parts.0", "parts.1"]):
        assert torch.equal(seen.gram, whole[name])
        assert seen.tokens == (6 if name == "parts.0" else 3)
