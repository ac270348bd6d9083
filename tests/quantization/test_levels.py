"""A weight's histogram: the records say where the weights are."""

import itertools

import pytest
import torch

from llmlab.quantization import levels

GENERATOR = torch.Generator().manual_seed(0)
WEIGHT = torch.randn(12, 64, generator=GENERATOR)


def test_the_histogram_holds_every_weight_about_zero():
    bins = levels.histogram(WEIGHT, subject="up")
    assert sum(each.value for each in bins) == pytest.approx(1)
    ends = bins[0].details["low"], bins[-1].details["high"]
    largest = float(WEIGHT.abs().max())
    assert ends == pytest.approx((-largest, largest))
    middle = bins[len(bins) // 2]
    assert middle.details["low"] < 0 < middle.details["high"]
    joints = itertools.pairwise(bins)
    assert all(a.details["high"] == b.details["low"] for a, b in joints)
    assert {each.subject for each in bins} == {"up"}


def test_a_weight_of_zeros_has_its_histogram_too():
    bins = levels.histogram(torch.zeros(2, 3))
    assert bins[len(bins) // 2].value == 1


@pytest.mark.parametrize("weight", [torch.ones(3), torch.full((2, 2), torch.nan)])
def test_what_has_no_grid_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        levels.histogram(weight)
