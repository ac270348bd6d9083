"""Quantized layers compute what their integers say, whichever operator runs them."""

import copy

import pytest
import torch
from drawn_inputs import draw
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab import quantization
from llmlab.kernels import Format, abilities, correctness, dispatch
from llmlab.kernels.operators import LAYOUTS, OPERATORS, onednn, per_token
from llmlab.kernels.prepacked_linear import PrepackedLinear
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.kernels.weight_spec import WeightSpec
from llmlab.quantization import clipping, formats

CPU = torch.device("cpu")
BF16 = torch.bfloat16
SHAPES = [(64, 128), (80, 96), (16, 64), (48, 512), (12, 32), (7, 33), (1, 1)]


def rounded(rows, columns, word="int8", *, clip=clipping.minmax, scale_dtype=BF16):
    return quantization.quantize_weight(
        draw(rows, columns), Format.parse(word), clip=clip, scale_dtype=scale_dtype
    )


def error(found, exact):
    return float((found.detach().double() - exact.detach()).norm() / exact.norm())


def offered(spec, dtype):
    return correctness.offered(spec, device=CPU, dtype=dtype)


WORDS = [  # and "wide": with scales of float32
    "int8", "int8-dynamic", "int8-tensor-dynamic", "int8-asym", "int4", "int4-g32",
    "int4-g32-sym-dynamic", "int4-g32-dynamic", "int3-tensor", "int2-g32-sym",
    "int8 wide", "int8-dynamic wide",
]  # fmt: skip
CASES = [  # every shape that the group size divides
    (word, shape)
    for word in WORDS
    for shape in SHAPES
    if "g32" not in word or shape[1] % 32 == 0
]


def made(word, shape):
    """Return a weight, and whether its activations are rounded too."""
    word, *wide = word.split()
    scale_dtype = torch.float32 if wide else BF16
    weight = rounded(*shape, word, scale_dtype=scale_dtype)
    return weight, Format.parse(word).activations


@pytest.mark.parametrize(("word", "shape"), CASES)
def test_every_operator_agrees_with_float64(word, shape):
    weight, activations = made(word, shape)
    spec = WeightSpec.from_weight(weight, activations=activations)
    for dtype in (torch.float32, BF16):
        for operator in offered(spec, dtype):
            layer = QuantizedLinear(
                weight, activations=activations, dtype=dtype, operator=operator
            )
            for rows in (1, 3, 40):
                x = draw(rows, shape[1], seed=rows).to(dtype)
                seen = x.double()
                if activations:
                    whole, scales = per_token(x)
                    seen = whole.double() * scales.double()
                exact = seen @ weight.dequantize().double().T
                assert error(layer(x), exact) < 0.01, (operator, dtype, rows)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("shape", [(80, 96), (64, 512)])
@pytest.mark.parametrize("turned", [False, True])
def test_every_layout_gives_the_integers_back_exactly(word, shape, turned):
    weight, activations = made(word, shape)
    if turned:  # as a matrix lies in memory that was kept the other way round
        integers = weight.integers.transpose(0, 2).contiguous().transpose(0, 2)
        weight = formats.Quantized(integers, weight.grid)
    spec = WeightSpec.from_weight(weight, activations=activations)
    for layout in LAYOUTS.values():
        if layout.fits(spec, CPU):
            back = layout.unpack(layout.pack(weight), spec)
            assert torch.equal(back.integers, weight.integers)
            assert torch.equal(back.grid.scales, weight.grid.scales)
            if weight.grid.zero_points is not None:
                assert torch.equal(back.grid.zero_points, weight.grid.zero_points)


def test_in_float64_a_weight_only_layer_is_the_dequantized_product():
    weight = rounded(24, 64, "int4-g16")
    layer = QuantizedLinear(weight, dtype=torch.float64)
    x = draw(5, 64, seed=1).double()
    exact = x @ weight.dequantize().double().T
    torch.testing.assert_close(layer(x), exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
@pytest.mark.parametrize("word", WORDS)
def test_a_rows_answer_never_depends_on_its_neighbours(word, dtype):
    """Beside an outlier a thousand times as large, the answer is bit for bit the same.

    The number of rows stays, since a product's rounding may depend on that.
    """
    weight, activations = made(word, (64, 128))
    spec = WeightSpec.from_weight(weight, activations=activations)
    x = draw(4, 128, seed=1).to(dtype)
    beside = x.clone()
    beside[1:] *= 1000
    for operator in offered(spec, dtype):
        layer = QuantizedLinear(
            weight, activations=activations, dtype=dtype, operator=operator
        )
        assert torch.equal(layer(x)[0], layer(beside)[0]), operator
        alone = layer(x[:1])
        assert error(layer(beside)[:1], alone.double()) < 0.005, operator


@given(st.integers(1, 6), st.integers(1, 40), st.floats(-30, 30))
@settings(max_examples=50)
def test_levels_for_onednn_are_the_integers_of_each_token_about_128(r, c, power):
    x = 10.0**power * draw(r, c, seed=c)
    x[0, :] = 0.0
    levels, scales = onednn._levels(x)
    whole, exact = per_token(x)
    torch.testing.assert_close(scales, exact)
    # Where a number lies halfway between two, either will do.
    assert int((levels.int() - 128 - whole).abs().max()) <= 1
    assert int(levels.min()) >= 1
    halves = ((levels.double() - 128) * scales - x).abs() / scales
    assert float(halves.max()) <= 0.5 + 1e-4


@given(st.integers(1, 6), st.integers(1, 40), st.floats(-8, 8))
@settings(max_examples=50)
def test_per_token_rounding_moves_no_activation_by_more_than_half_a_step(r, c, power):
    x = 10.0**power * draw(r, c, seed=c)
    whole, scales = per_token(x)
    assert whole.dtype == torch.int8 and scales.shape == (r, 1)
    assert ((whole * scales - x).abs() <= scales * 0.5001).all()
    assert whole.abs().amax(1).tolist() == [127] * r


def test_tokens_of_zeros_and_of_nan_stay_what_they_are():
    weight = rounded(16, 64)
    operators = offered(WeightSpec.from_weight(weight, activations=True), torch.float32)
    assert "plain dynamic" in operators
    for operator in operators:
        layer = QuantizedLinear(weight, activations=True, operator=operator)
        x = torch.zeros(3, 64)
        assert torch.equal(layer(x), torch.zeros(3, 16))
        x[1, 2] = float("nan")
        y = layer(x)
        assert y[1].isnan().all() and not y[[0, 2]].isnan().any()


@pytest.mark.parametrize("shape", [(32,), (0, 32), (2, 0, 32), (2, 3, 4, 32)])
def test_activations_may_have_any_number_of_axes(shape):
    layer = QuantizedLinear(rounded(16, 32))
    assert layer(torch.zeros(shape)).shape == (*shape[:-1], 16)


def test_bias_and_input_scales_count():
    weight = rounded(16, 32)
    bias = torch.nn.Parameter(draw(16, seed=2))
    factors = draw(32, seed=3).abs().bfloat16().float()
    layer = QuantizedLinear(weight, bias=bias, input_scales=factors, operator="plain")
    x = draw(3, 32, seed=4)
    exact = (x * factors).double() @ weight.dequantize().double().T + bias.double()
    assert error(layer(x), exact) < 1e-6


def test_a_layer_is_a_linear_layer_to_who_looks_at_it():
    layer = QuantizedLinear(rounded(16, 32), dtype=BF16)
    assert isinstance(layer, torch.nn.Linear)
    assert (layer.out_features, layer.in_features) == (16, 32)
    assert (layer.weight.shape, layer.weight.dtype) == ((16, 32), BF16)
    assert layer.weight.numel() == 512 and layer.weight.device.type == "meta"
    assert "int8" in repr(layer)
    assert not any(p.requires_grad for p in layer.parameters())


def test_four_bits_take_half_a_byte_of_memory():
    layer = QuantizedLinear(
        rounded(256, 512, "int4-g128"),
        operator="_weight_int4pack_mm_for_cpu",
    )
    held = sum(p.nbytes for p in layer.parameters())
    assert held == 256 * 512 // 2 + 256 * 4 * 4  # two of bf16 for a group


@pytest.mark.parametrize("activations", [False, True])
@pytest.mark.parametrize("bits", [4, 8])
def test_layers_are_copied_moved_and_saved_without_a_change(bits, activations):
    layer = QuantizedLinear(
        rounded(32, 64, f"int{bits}"), activations=activations,
        bias=torch.nn.Parameter(draw(32)),
    )  # fmt: skip
    x = draw(3, 64, seed=5)
    before = layer(x)
    twin = copy.deepcopy(layer)
    other = QuantizedLinear(
        rounded(32, 64, f"int{bits}", clip=halved),
        activations=activations,
        bias=torch.nn.Parameter(torch.zeros(32)),
    )
    assert not torch.equal(other(x), before)
    other.load_state_dict(layer.state_dict())
    for each in (twin, twin.to(torch.float32), other, layer.to("cpu")):
        assert torch.equal(each(x), before)
    twin.bias.data.zero_()
    assert torch.equal(layer(x), before)


def halved(groups, format):
    low, high = groups.aminmax(dim=-1, keepdim=True)
    return low.clamp(max=0) / 2, high.clamp(min=0) / 2


def test_the_dtype_of_activations_may_change_and_the_integers_do_not():
    layer = QuantizedLinear(rounded(16, 32), operator="plain")
    before = layer.state_dict()
    half = copy.deepcopy(layer).to(BF16)
    assert half.weight.dtype == BF16 and half(draw(2, 32).to(BF16)).dtype == BF16
    after = half.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("word", "operator"),
    [("int8", "_weight_int8pack_mm"), ("int4-g32", "_weight_int4pack_mm_for_cpu")],
)
def test_another_dtype_has_plain_operators_and_the_way_back_the_old_ones(
    word, operator
):
    weight = rounded(64, 64, word)
    if operator not in offered(WeightSpec.from_weight(weight), BF16):
        operator = "plain"
    layer = QuantizedLinear(weight, dtype=BF16, operator=operator)
    exact = copy.deepcopy(layer).double()
    assert exact.dispatch.operators == ("plain",) * 3
    x = draw(2, 64).double()
    torch.testing.assert_close(exact(x), x @ weight.dequantize().double().T)
    back = copy.deepcopy(exact).to(BF16)
    assert back.dispatch == layer.dispatch
    assert torch.equal(back(x.to(BF16)), layer(x.to(BF16)))


def test_a_state_without_its_factors_is_refused():
    layer = QuantizedLinear(rounded(16, 32), input_scales=torch.ones(32))
    state = layer.state_dict()
    del state["input_scales"]
    with pytest.raises(RuntimeError, match=r"Missing.*input_scales"):
        layer.load_state_dict(state)


def test_a_dtype_that_onednn_cannot_keep_is_refused_and_the_plain_layer_named():
    for dtype in (torch.float32, BF16, torch.float64):
        if abilities.prepacked(dtype):
            assert PrepackedLinear(draw(16, 32).to(dtype)).weight.dtype == dtype
        else:
            with pytest.raises(ValueError, match="keep the plain layer"):
                PrepackedLinear(draw(16, 32).to(dtype))
    assert not abilities.prepacked(torch.float64)


def test_a_prepacked_layer_changes_its_dtype_with_its_numbers():
    if not abilities.prepacked(torch.float32):
        pytest.skip("this torch has no oneDNN")
    start = BF16 if abilities.prepacked(BF16) else torch.float32
    layer = PrepackedLinear(draw(16, 32).to(start))
    x = draw(2, 32)
    torch.testing.assert_close(layer.float()(x), x @ draw(16, 32).to(start).float().T)
    before = layer(x)
    with pytest.raises(ValueError, match="fp64"):
        layer.double()
    assert torch.equal(layer(x), before) and layer.weight.dtype == torch.float32


def test_sums_without_a_scale_do_not_overflow_in_fp16():
    weight = formats.absmax(torch.full((2, 64), 0.1))
    layer = QuantizedLinear(weight, dtype=torch.float16, operator="plain")
    y = layer(torch.full((1, 64), 100.0, dtype=torch.float16))
    torch.testing.assert_close(y.float(), torch.full((1, 2), 640.0), rtol=0.01, atol=0)


def test_a_state_that_does_not_fit_is_refused():
    layer = QuantizedLinear(rounded(16, 32))
    state = layer.state_dict()
    with pytest.raises(RuntimeError, match="scales"):
        layer.load_state_dict({k: v for k, v in state.items() if k != "scales"})
    with pytest.raises(RuntimeError, match=r"Unexpected.*more"):
        layer.load_state_dict(state | {"more": torch.ones(1)})
    with pytest.raises(RuntimeError, match="damaged"):
        layer.load_state_dict(state | {"integers": state["integers"][:-1]})
    with pytest.raises(RuntimeError, match="above zero"):
        layer.load_state_dict(state | {"scales": -state["scales"]})


def test_without_a_wish_a_layer_runs_on_the_plain_operators():
    for word, shape in CASES:
        weight, activations = made(word, shape)
        layer = QuantizedLinear(weight, activations=activations)
        plain = "plain dynamic" if activations else "plain"
        assert layer.dispatch.operators == (plain,) * 3


def test_operators_that_round_differently_share_no_layer_in_float32():
    """Else a row's answer would depend on how many rows stand beside it."""
    spec = WeightSpec.from_weight(rounded(64, 128))
    mixed = dispatch.Dispatch(("_weight_int8pack_mm", "plain", "plain"))
    assert dispatch.holds(mixed, spec, device=CPU, dtype=BF16)
    assert not dispatch.holds(mixed, spec, device=CPU, dtype=torch.float32)


def test_an_operator_that_is_wrong_here_is_never_chosen_or_taken_by_name(monkeypatch):
    """As where int8 sums saturate: right on small numbers, wrong at the ends."""
    right = OPERATORS["plain dynamic"]

    def saturating(x, packed):
        return right.product(x, packed).clamp(-1, 1)

    wrong = type(right)("plain", right.fits, saturating)
    weight = rounded(96, 128)
    spec = WeightSpec.from_weight(weight, activations=True)
    monkeypatch.setitem(OPERATORS, "too small", wrong)
    assert "too small" not in offered(spec, torch.float32)
    with pytest.raises(ValueError, match="wrong sums on this processor"):
        QuantizedLinear(weight, activations=True, operator="too small")


def test_onednns_int8_sums_are_believed_only_where_they_are_right():
    """Without VNNI they saturate, in silence; the trial must agree with float64."""
    weight = quantization.absmax(draw(64, 512).sign())  # sums as large as they get
    spec = WeightSpec.from_weight(weight, activations=True)
    if not LAYOUTS["onednn"].fits(spec, CPU):
        pytest.fail("the form that the trial is about")
    x = draw(3, 512, seed=1).abs()
    whole, scales = per_token(x)
    exact = whole.double() * scales.double() @ weight.dequantize().double().T
    packed = LAYOUTS["onednn"].pack(weight)
    try:
        answer = OPERATORS["onednn.qlinear_pointwise"].product(x, packed)
    except RuntimeError:
        is_right = False
    else:
        is_right = error(answer, exact) < 0.01
    assert is_right == ("onednn.qlinear_pointwise" in offered(spec, torch.float32))


def test_an_operator_that_does_not_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="_weight_int8pack_mm"):
        QuantizedLinear(rounded(16, 32), operator="_int_mm")


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
def test_a_prepacked_layer_computes_the_same_and_gives_its_weight_back(dtype):
    if not abilities.prepacked(dtype):
        return
    weight, x = draw(48, 64).to(dtype), draw(2, 5, 64, seed=1).to(dtype)
    bias = torch.nn.Parameter(draw(48, seed=2).to(dtype))
    layer = PrepackedLinear(weight, bias=bias)
    exact = x.double() @ weight.double().T + bias.double()
    assert layer(x).dtype == dtype and error(layer(x), exact) < 0.01
    assert torch.equal(layer.state_dict()["weight"], weight)
    assert torch.equal(copy.deepcopy(layer)(x), layer(x))
    assert sum(p.nbytes for p in layer.parameters()) == weight.nbytes + bias.nbytes
