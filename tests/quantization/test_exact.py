"""Integers add up exactly, whatever their number; extreme weights have finite grids."""

import math

import pytest
import torch

from llmlab.kernels import correctness, dispatch
from llmlab.kernels.format import Format
from llmlab.kernels.operators import OPERATORS, onednn, plain
from llmlab.kernels.parameters import QuantizationParameters
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.kernels.weight_spec import WeightSpec
from llmlab.quantization import affine, clipping, quantize_weight

CPU = torch.device("cpu")
LENGTHS = (64, 1040, 1041, 66_400, 133_000, 2**20)


def weight_of(integers):
    """Return a weight of these integers (O, I), with a scale of 1 for each row."""
    scales = torch.ones(len(integers), 1, 1)
    grid = QuantizationParameters(scales, None, 8)
    return Quantized(integers[:, None].to(torch.int8), grid)


def rows_of(columns):
    """Return activations and weights whose sums are the largest, and cancel but for 1.

    A sum in float32 would lose the one.
    """
    most = torch.full((2, columns), 127)
    x = most.clone()
    x[1, : columns // 2] = -127
    if columns % 2:
        most[:, -2], x[1, -2] = 0, 0
    weight = torch.stack([most[0], most[0].clone()])
    weight[1, -1] = 1
    return x, weight


@pytest.mark.parametrize("columns", LENGTHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sums_of_int8_are_exact_on_every_operator_that_may_be_chosen(columns, dtype):
    x, integers = rows_of(columns)
    exact = x @ integers.T  # in int64
    weight = weight_of(integers)
    spec = WeightSpec.from_weight(weight, activations=True)
    for name in correctness.offered(spec, device=CPU, dtype=dtype):
        layer = QuantizedLinear(weight, activations=True, dtype=dtype, operator=name)
        answer = layer(x.to(dtype))
        assert torch.equal(answer, exact.to(dtype)), name


@pytest.mark.parametrize("columns", LENGTHS)
def test_without_a_wish_sums_are_exact_too(columns):
    x, integers = rows_of(columns)
    layer = QuantizedLinear(weight_of(integers), activations=True)
    assert torch.equal(layer(x.float()), (x @ integers.T).float())


@pytest.mark.parametrize("name", ["_int_mm", "onednn.qlinear_pointwise"])
def test_an_operator_whose_sums_overflow_is_refused_by_name(name):
    most = plain.MOST if name == "_int_mm" else onednn.MOST
    weight = weight_of(torch.ones(1, most + 1, dtype=torch.int64))
    with pytest.raises(ValueError, match="gives wrong sums"):
        QuantizedLinear(weight, activations=True, operator=name)


@pytest.mark.parametrize("columns", [64, 100, 1024])
def test_an_operator_that_is_off_by_one_is_not_offered(monkeypatch, columns):
    """As one that adds pairs with saturation: right on average, and off at the ends."""
    right = OPERATORS["_int_mm"]

    def off(x, packed):
        answer = right.product(x, packed)
        scale = packed[1]
        return answer + scale * (answer.abs() >= answer.abs().amax())

    worse = type(right)(right.layout, right.fits, off)
    monkeypatch.setitem(OPERATORS, "_int_mm", worse)
    correctness.is_right.cache_clear()
    integers = torch.ones(4, columns, dtype=torch.int64)
    spec = WeightSpec.from_weight(weight_of(integers), activations=True)
    try:
        offered = correctness.offered(spec, device=CPU, dtype=torch.float32)
        assert "_int_mm" not in offered
        with pytest.raises(ValueError, match="gives wrong sums"):
            dispatch.only("_int_mm", spec, device=CPU, dtype=torch.float32)
    finally:
        correctness.is_right.cache_clear()


@pytest.mark.parametrize("largest", [3e38, torch.finfo(torch.float32).max])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("scale_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_largest_weights_have_a_finite_grid(largest, symmetric, scale_dtype, bits):
    weight = torch.tensor(
        [[largest, -largest, 1.0, 0.0], [0.0, largest, 3.0, 1.0], [-largest, 0, 1, 2]]
    )
    format = Format(bits=bits, symmetric=symmetric)
    rounded = quantize_weight(weight, format, scale_dtype=scale_dtype)
    back = rounded.dequantize()
    assert back.isfinite().all()
    step = rounded.grid.scales[:, 0].double()
    assert ((back.double() - weight.double()).abs() <= 0.5001 * step).all()


@pytest.mark.parametrize("share, left", [(0.9, 5), (0.8, 10), (0.98, 1), (1, 0)])
def test_a_percentile_leaves_out_exactly_its_share(share, left):
    groups = torch.arange(1.0, 101.0).view(1, 1, 100) - 50.5
    low, high = clipping.percentile(share)(groups, Format())
    assert (groups < low).sum() == left and (groups > high).sum() == left


@pytest.mark.parametrize("weight", [None, [[1.0]], torch.ones(2, 2, dtype=torch.int64)])
def test_what_is_no_matrix_of_numbers_is_refused(weight):
    with pytest.raises(ValueError, match="weight"):
        affine(weight)


@pytest.mark.parametrize("share", [None, "0.9", True, math.nan, 0, 10**400])
def test_a_share_is_a_number(share):
    with pytest.raises(ValueError, match="share="):
        clipping.percentile(share)
