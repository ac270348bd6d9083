"""One weight matrix on a grid: how far weights move, what stays exact, what is refused.

The promises are Hypothesis' to break: any shape, any spread, any bits.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab import quantization
from llmlab.kernels import Format, format, packing
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.quantization import clipping, floats, formats

BITS = st.sampled_from(format.BITS)


@st.composite
def weights(draw):
    """Draw a matrix, and a group size that divides its columns."""
    rows, groups, columns = (draw(st.integers(1, most)) for most in (5, 4, 9))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    weight = torch.randn(rows, groups * columns, generator=generator)
    spread = 10.0 ** draw(st.integers(-6, 6))
    shift = draw(st.sampled_from([0.0, 1.0, -3.0]))
    weight = spread * (weight + shift)
    weight[torch.rand(weight.shape, generator=generator) < 0.2] = 0.0
    return weight, draw(st.sampled_from([columns, "channel", "tensor"]))


def step_of(found):
    shape = found.integers.shape
    return found.grid.scales.expand(shape[0], shape[1], 1).expand(shape).flatten(1)


@given(weights(), BITS, st.booleans(), st.sampled_from([torch.float32, torch.bfloat16]))
def test_no_weight_moves_by_more_than_half_a_step(case, bits, symmetric, scales):
    weight, size = case
    found = quantization.quantize_weight(
        weight,
        Format(bits=bits, group_size=size, symmetric=symmetric),
        scale_dtype=scales,
    )
    moved = (found.dequantize() - weight).abs()
    assert (moved <= step_of(found) * 0.5001 + 1e-6 * weight.abs()).all()
    assert found.integers.min() >= found.grid.lowest
    assert found.integers.max() <= found.grid.highest


@given(weights(), BITS, st.booleans())
def test_zero_stays_exactly_zero(case, bits, symmetric):
    weight, size = case
    for clip in (clipping.minmax, clipping.mse, clipping.percentile(0.8)):
        found = quantization.quantize_weight(
            weight,
            Format(bits=bits, group_size=size, symmetric=symmetric),
            clip=clip,
        )
        assert (found.dequantize()[weight == 0] == 0).all()


@given(weights(), BITS)
def test_absmax_gives_the_largest_magnitude_the_last_level(case, bits):
    weight, size = case
    found = quantization.absmax(weight, bits=bits, group_size=size)
    largest = weight.abs().max()
    assert found.integers.abs().max() == (2 ** (bits - 1) - 1 if largest else 0)
    torch.testing.assert_close(found.dequantize().abs().max(), largest)


@given(weights(), BITS, st.booleans())
def test_the_least_error_is_never_more_than_that_of_the_whole_range(case, bits, even):
    weight, size = case
    format = Format(bits=bits, group_size=size, symmetric=even)
    whole = quantization.quantize_weight(weight, format)
    best = quantization.quantize_weight(weight, format, clip=clipping.mse)
    errors = [(q.dequantize() - weight).square().sum() for q in (best, whole)]
    assert errors[0] <= errors[1] * 1.0001


@given(weights(), BITS)
def test_scales_of_groups_are_never_wider_than_that_of_the_tensor(case, bits):
    weight, size = case
    fine = quantization.absmax(weight, bits=bits, group_size=size)
    coarse = quantization.absmax(weight, bits=bits, group_size="tensor")
    used = fine.integers.any(-1, keepdim=True)  # groups of zeros may have any scale
    wider = fine.grid.scales > coarse.grid.scales * 1.0001
    assert not (wider & used).any()


def test_affine_spends_no_level_on_a_side_without_weights():
    weight = torch.rand(4, 16, generator=torch.Generator().manual_seed(0))
    one_sided = quantization.affine(weight, bits=4)
    about_zero = quantization.absmax(weight, bits=4)
    assert floats.error(weight, one_sided.dequantize()) < 0.7 * floats.error(
        weight, about_zero.dequantize()
    )


def test_an_outlier_costs_its_own_group_only():
    weight = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    weight[0, 3] = 100.0
    errors = {
        size: (
            quantization.absmax(weight, bits=4, group_size=size).dequantize() - weight
        )
        for size in ("tensor", "channel", 16)
    }
    assert errors["tensor"][1].abs().max() > 0.5
    assert errors["channel"][1].abs().max() < 0.3
    assert errors[16][0, 16:].abs().max() < 0.3


@given(BITS, st.lists(st.integers(-128, 127), max_size=70), st.integers(0, 3))
def test_packed_integers_come_back_and_take_no_more_than_their_bits(bits, drawn, odd):
    half = 2 ** (bits - 1)
    integers = torch.tensor(drawn + [0] * odd, dtype=torch.int64) % (2 * half) - half
    integers = integers.to(torch.int8)
    packed = packing.pack(integers, bits=bits)
    assert packed.numel() == packing.packed_bytes(len(integers), bits=bits)
    assert packed.numel() * 8 < bits * (len(integers) + 8)
    assert torch.equal(packing.unpack(packed, bits=bits, count=len(integers)), integers)


def test_four_bits_put_two_integers_into_a_byte():
    assert packing.pack(torch.tensor([-8, 7, 0, 1]), bits=4)[:2].tolist() == [
        0xF0,
        0x98,
    ]
    assert packing.packed_bytes(1024, bits=4) == 512
    assert packing.packed_bytes(1024, bits=3) == 384


@pytest.mark.parametrize("bits", [2, 4])
def test_bytes_say_what_a_file_will_hold(bits):
    weight = torch.randn(6, 64)
    for dtype in (torch.bfloat16, torch.float32):
        found = quantization.quantize_weight(
            weight, Format(bits=bits, group_size=32), scale_dtype=dtype
        )
        held = QuantizedLinear(found).to_file().values()
        assert found.bytes == sum(each.nbytes for each in held)
        assert found.bytes == 6 * 64 * bits // 8 + 6 * 2 * (dtype.itemsize + 1)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="more bits"):
        packing.pack(torch.tensor([4]), bits=3)
    with pytest.raises(ValueError, match="damaged"):
        packing.unpack(torch.zeros(5, dtype=torch.uint8), bits=4, count=8)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("method", [quantization.absmax, floats.nf4])
def test_what_is_not_finite_is_refused(method, value):
    with pytest.raises(ValueError, match="NaN or infinite"):
        method(torch.tensor([[1.0, value]]), group_size="channel")


@pytest.mark.parametrize(
    ("shape", "arguments", "word"),
    [
        ((0, 4), {}, "at least one row"),
        ((4, 0), {}, "at least one row"),
        ((4,), {}, "matrix"),
        ((2, 100), {"group_size": 64}, "group_size=100"),
        ((2, 100), {"group_size": 0}, "from 1 on"),
        ((2, 100), {"group_size": -10}, "from 1 on"),
        ((2, 100), {"group_size": "row"}, '"channel"'),
        ((2, 100), {"group_size": True}, '"channel"'),
        ((2, 4), {"bits": 1}, "choose one"),
        ((2, 4), {"bits": 16}, "choose one"),
        ((2, 4), {"bits": True}, "choose one"),
    ],
)
def test_what_has_no_grid_is_refused_with_the_way_out(shape, arguments, word):
    with pytest.raises(ValueError, match=word):
        quantization.absmax(torch.ones(shape), **arguments)


@pytest.mark.parametrize("share", [0.5, 1.5, -1.0])
def test_a_percentile_is_a_share(share):
    with pytest.raises(ValueError, match="share"):
        clipping.percentile(share)


def test_a_percentile_gives_up_the_outliers():
    weight = torch.randn(1, 1000, generator=torch.Generator().manual_seed(0))
    weight[0, 0] = 100.0
    found = quantization.quantize_weight(
        weight, Format(bits=4), clip=clipping.percentile(0.99)
    )
    assert (found.dequantize() - weight)[0, 1:].abs().max() < 2.0
    assert found.dequantize().max() < 5.0


def test_weighted_errors_favour_what_is_weighted():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(8, 32, generator=generator)
    importance = torch.ones(32)
    importance[5] = 1e4
    even = Format(bits=3, symmetric=True)
    clip = clipping.weighted_mse(importance)
    plain = quantization.quantize_weight(weight, even, clip=clipping.mse)
    mine = quantization.quantize_weight(weight, even, clip=clip)
    errors = [(q.dequantize() - weight)[:, 5].square().sum() for q in (mine, plain)]
    assert errors[0] < errors[1]
    one = Format(bits=3, group_size="tensor", symmetric=True)
    whole = quantization.quantize_weight(weight, one, clip=clip)
    assert whole.grid.scales.numel() == 1


@given(weights())
@settings(max_examples=30)
def test_float_formats_keep_their_relative_precision(case):
    weight, _ = case
    weight = weight.clamp(-6e4, 6e4)
    weight[weight.abs() < 1e-3] = 0.0  # smaller ones are fp16's own weak spot
    for name, least in (("bf16", 2**-8), ("fp16", 2**-10)):
        assert floats.error(weight, floats.cast(weight, name)) <= least
    fp8 = [floats.cast(weight, name) for name in ("fp8 e4m3", "fp8 e5m2")]
    assert all(torch.isfinite(each).all() for each in fp8)


def test_formats_rank_as_their_bits_do_on_a_bell_curve():
    weight = torch.randn(64, 256, generator=torch.Generator().manual_seed(0))
    errors = {name: floats.error(weight, floats.cast(weight, name))
              for name in floats.DTYPES}  # fmt: skip
    errors["nf4"] = floats.error(weight, floats.nf4(weight))
    four = quantization.absmax(weight, bits=4, group_size=64)
    errors["int4"] = floats.error(weight, four.dequantize())
    assert sorted(errors, key=errors.get) == [
        "fp16", "bf16", "fp8 e4m3", "fp8 e5m2", "nf4", "int4",
    ]  # fmt: skip


def test_every_number_of_a_format_is_its_own_rounding():
    levels = torch.tensor([floats.NF4]) * 3.0
    torch.testing.assert_close(floats.nf4(levels, group_size="channel"), levels)
    for name, dtype in floats.DTYPES.items():
        exact = torch.tensor([[1.0, -0.5, 0.0]]).to(dtype).float()
        torch.testing.assert_close(floats.cast(exact, name), exact)
    with pytest.raises(ValueError, match="bf16"):
        floats.cast(levels, "fp4")
    with pytest.raises(ValueError, match="ends at 65504"):
        floats.cast(torch.tensor([[7e4]]), "fp16")
    with pytest.raises(ValueError, match="beyond float32"):
        floats.cast(torch.tensor([[1e39]], dtype=torch.float64), "bf16")


def test_a_wide_scale_type_is_refused():
    with pytest.raises(ValueError, match="bfloat16"):
        quantization.quantize_weight(torch.ones(1, 2), scale_dtype=torch.float16)


def test_groups_are_counted_by_columns():
    assert formats.group_columns("tensor", 12) == 12
    assert formats.group_columns(4, 12) == 4
