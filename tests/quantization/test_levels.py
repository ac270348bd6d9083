"""A weight beside its grid: the records say where weights and levels are."""

import itertools

import pytest
import torch

from llmlab import quantization
from llmlab.kernels import Format
from llmlab.quantization import floats, levels

GENERATOR = torch.Generator().manual_seed(0)
WEIGHT = torch.randn(12, 64, generator=GENERATOR)


def named(facts, name):
    return [fact for fact in facts if fact.name == name]


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


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("size", ["tensor", "channel", 16])
@pytest.mark.parametrize("symmetric", [True, False, None])
def test_step_error_and_size_are_those_of_the_rounded_weight(bits, size, symmetric):
    format = Format(bits=bits, group_size=size, symmetric=symmetric)
    facts = levels.of_weight(WEIGHT, format)
    rounded = quantization.quantize_weight(WEIGHT, format, scale_dtype=torch.bfloat16)
    (step,), (error,) = (
        named(facts, "quantization step"),
        named(facts, "rounding error"),
    )
    assert step.value in rounded.grid.scales
    assert error.value == floats.error(WEIGHT, rounded.dequantize())
    (size_of,) = named(facts, "bits per weight")
    assert size_of.value == 8 * rounded.bytes / WEIGHT.numel()
    assert error.details["bits per weight"] == size_of.value
    assert all(each.details["bits"] == bits for each in facts)
    assert all(each.details["group size"] == str(size) for each in facts)


@pytest.mark.parametrize("symmetric", [True, False])
def test_levels_go_in_steps_from_the_first_to_the_last_and_zero_is_one(symmetric):
    (step, *_) = levels.of_weight(
        WEIGHT, Format(bits=3, group_size=16, symmetric=symmetric)
    )
    first, last = step.details["first level"], step.details["last level"]
    count = 7 if symmetric else 8
    assert step.details["levels"] == count
    assert last - first == pytest.approx((count - 1) * step.value)
    assert round(first / step.value) == pytest.approx(first / step.value)
    assert first <= 0 <= last
    assert step.details["widest step"] >= step.value


@pytest.mark.parametrize("weight", [torch.ones(3), torch.full((2, 2), torch.nan)])
def test_what_has_no_grid_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        levels.histogram(weight)
    with pytest.raises(ValueError, match="weight"):
        levels.of_weight(weight, Format(bits=4))
