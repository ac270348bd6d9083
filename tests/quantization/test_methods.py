"""Methods that look at the inputs: never worse than rounding, where it counts."""

import itertools
import random

import pytest
import torch
from drawn_inputs import draw, seen
from families import NAMES, ask, batch, make
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import draw_tokens

from llmlab import models, quantization
from llmlab.kernels import Format
from llmlab.kernels.operators import per_token
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models import calibration, surgery, training
from llmlab.models.calibration import Inputs
from llmlab.models.column_loop import objective
from llmlab.models.sensitivity import Option, choose, logit_error
from llmlab.quantization import (
    awq,
    clipping,
    formats,
    gptq,
    qat,
    sensitivity,
    smoothquant,
)


@st.composite
def problems(draw_one):
    rows, groups, columns = (draw_one(st.integers(1, most)) for most in (6, 4, 8))
    seed = draw_one(st.integers(0, 1000))
    size = draw_one(st.sampled_from(["channel", "tensor", columns]))
    format = Format(
        bits=draw_one(st.sampled_from([2, 3, 4])),
        group_size=size,
        symmetric=draw_one(st.booleans()),
    )
    tokens = draw_one(st.integers(1, 60))  # fewer than inputs, too
    weight = draw(rows, groups * columns, seed=seed)
    return weight, seen(groups * columns, tokens=tokens, seed=seed), format


@given(problems(), st.booleans())
@settings(max_examples=60)
def test_gptq_is_never_worse_than_rounding_on_its_inputs(problem, act_order):
    weight, inputs, format = problem
    plain = formats.quantize_weight(weight, format)
    for clip in (clipping.minmax, clipping.mse):
        solved = gptq.solve(weight, inputs.gram, format, act_order=act_order, clip=clip)
        same = formats.quantize_weight(weight, format, clip=clip)
        ours, *others = [objective(weight, q.dequantize(), inputs.gram)
                         for q in (solved, plain, same)]  # fmt: skip
        if format.group_size == "tensor":  # one grid for all rows is chosen as a whole
            ours, others = ours.sum(), [each.sum() for each in others]
        for other in others:
            assert (ours <= other * (1 + 1e-6) + 1e-9).all()


@given(problems(), st.booleans())
@settings(max_examples=25)
def test_awq_is_never_worse_than_rounding_on_its_inputs(problem, clip):
    weight, inputs, format = problem
    solved, factors = awq.solve(weight, inputs, format, clip=clip)
    answer = solved.dequantize() * (1 if factors is None else factors)
    plain = formats.quantize_weight(weight, format).dequantize()
    errors = [objective(weight, each, inputs.gram).sum()
              for each in (answer, plain)]  # fmt: skip
    assert errors[0] <= errors[1] * (1 + 1e-6) + 1e-9


def test_training_wants_floats_of_many_digits():
    with pytest.raises(ValueError, match="load the model in float32"):
        qat.prepare(make("decoder").bfloat16())
    whole = quantization.quantize(make("decoder"))
    with pytest.raises(ValueError, match=r"quantization\.qat\.train"):
        training.train(whole, lambda step: None, steps=1, optimizers=lambda each: [])


def test_no_format_at_all_is_refused():
    with pytest.raises(ValueError, match="format=\\{\\} names no layer"):
        quantization.quantize(make("decoder"), {})


def test_awq_bears_inputs_that_are_nearly_nothing():
    inputs = Inputs.none(16, torch.device("cpu"))
    inputs.add(torch.full((4, 16), 1e-30))
    rounded, factors = awq.solve(draw(4, 16), inputs)
    assert factors is None or torch.isfinite(factors).all()
    assert torch.isfinite(rounded.dequantize()).all()


def test_both_are_clearly_better_where_inputs_go_together():
    weight, inputs = draw(32, 64), seen(64)
    format = Format(bits=3, group_size=16)

    def of(answer):
        return float(objective(weight, answer, inputs.gram).sum())

    plain = of(formats.quantize_weight(weight, format).dequantize())
    solved = gptq.solve(weight, inputs.gram, format)
    assert of(solved.dequantize()) < 0.5 * plain
    rounded, factors = awq.solve(weight, inputs, format)
    assert of(rounded.dequantize() * factors) < 0.9 * plain


def test_gptq_is_the_papers_recursion():
    """Column by column with the inverse of what remains, as section 3 has it."""
    weight, inputs = draw(5, 24), seen(24, tokens=100)
    format = Format(bits=3, group_size=8, symmetric=True)
    grid = formats.fit(formats.grouped(weight, 8), format)
    scales = grid.scales.expand(5, 3, 8).flatten(1).double()
    gram = inputs.gram.double()
    gram = gram + 0.01 * gram.diagonal().mean() * torch.eye(24)
    left, integers = weight.double().clone(), torch.empty(5, 24).double()
    for column in range(24):
        inverse = gram[column:, column:].inverse()
        integers[:, column] = (left[:, column] / scales[:, column]).round().clamp(-3, 3)
        error = left[:, column] - integers[:, column] * scales[:, column]
        left[:, column:] -= torch.outer(error, inverse[0] / inverse[0, 0])
    solved = gptq.solve(weight, inputs.gram, format, act_order=False)
    nearest = grid.round(formats.grouped(weight, 8)).flatten(1)
    ours = solved.integers.flatten(1)
    same_row = [
        torch.equal(ours[row].double(), integers[row])
        or torch.equal(ours[row], nearest[row].to(torch.int8))
        for row in range(5)
    ]
    assert all(same_row) and not torch.equal(ours, nearest.to(torch.int8))


def test_inputs_that_never_were_there_are_rounded():
    weight, inputs = draw(4, 16), seen(16)
    inputs.gram[3] = inputs.gram[:, 3] = 0.0
    solved = gptq.solve(weight, inputs.gram, Format())
    assert (solved.dequantize() - weight)[:, 3].abs().max() < 0.02


def test_a_gram_of_another_size_is_refused():
    with pytest.raises(ValueError, match="each input"):
        gptq.solve(draw(4, 16), torch.eye(8))
    with pytest.raises(ValueError, match="each input"):
        gptq.solve(draw(2, 2), torch.full((2, 2), float("nan")))


@pytest.mark.parametrize("name", NAMES)
def test_every_method_takes_every_family(name):
    model = make(name)
    data = [batch(model, seed=seed, rows=4) for seed in (1, 2)]
    if name == "decoder":
        data = [each["tokens"] for each in data]
    state = {k: v.clone() for k, v in model.state_dict().items()}
    exact = ask(model)
    format = Format(bits=4, group_size=16)
    errors = {
        method: float((ask(new) - exact).norm() / exact.norm())
        for method, new in {
            "gptq": gptq.quantize(model, data, format),
            "awq": awq.quantize(model, data, format),
            "smoothing": smoothquant.quantize(model, data),
        }.items()
    }
    assert max(errors.values()) < 0.8 and errors["smoothing"] < 0.1, errors
    assert all(torch.equal(state[k], v) for k, v in model.state_dict().items())


def test_gptq_sees_what_the_layers_before_now_give():
    names = ["layers.10.up", "layers.2.mlp.up", "layers.10.down", "head"]
    assert calibration.stages(names) == [
        ["layers.10.up", "layers.10.down"], ["layers.2.mlp.up"], ["head"],
    ]  # fmt: skip


def test_what_is_collected_is_what_went_in():
    model = make("decoder")
    found = calibration.collect(model, [draw_tokens(2, 9), draw_tokens(1, 5, seed=1)])
    assert list(found) == list(surgery.linear_layers(model))
    heard = []
    hook = model.layers[0].mlp.up.register_forward_pre_hook(
        lambda layer, given: heard.append(given[0].flatten(0, 1))
    )
    model(draw_tokens(2, 9)), model(draw_tokens(1, 5, seed=1))
    hook.remove()
    x = torch.cat(heard)
    inputs = found["layers.0.mlp.up"]
    assert inputs.tokens == len(x) == 23
    torch.testing.assert_close(inputs.gram, x.T @ x)
    torch.testing.assert_close(inputs.mean, x.abs().mean(0))
    torch.testing.assert_close(inputs.largest, x.abs().amax(0))
    torch.testing.assert_close(inputs.mean_square, x.square().mean(0))
    assert not model.layers[0].mlp.up._forward_pre_hooks


def test_calibration_without_a_batch_or_a_tokenizer_is_refused():
    with pytest.raises(ValueError, match="at least one batch"):
        calibration.collect(make("decoder"), [])
    with pytest.raises(ValueError, match="tokenizer"):
        calibration.batches(make("decoder"))


def test_calibration_reads_training_texts():
    model = models.load("coder")
    found = calibration.batches(model, count=3, length=40)
    assert [each.shape for each in found] == [(1, 40)] * 3
    again = calibration.batches(model, count=3, length=40)
    assert all(map(torch.equal, found, again))
    with pytest.raises(ValueError, match="prompt"):
        calibration.batches(model, length=5000)


def test_inputs_that_are_not_finite_are_refused():
    inputs = Inputs.none(2, torch.device("cpu"))
    with pytest.raises(ValueError, match="not finite"):
        inputs.add(torch.tensor([[1.0, float("nan")]]))


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_smoothing_moves_the_difficulty_and_leaves_the_answer(strength):
    weight = draw(8, 16)
    x = draw(50, 16, seed=1)
    x[:, 4] *= 100
    factors = smoothquant.factors(weight, x.abs().amax(0), strength=strength)
    exact = (x * factors) @ (weight / factors).T
    torch.testing.assert_close(exact, x @ weight.T, rtol=1e-3, atol=1e-3)
    spread = (x * factors).abs().amax(0)
    if strength == 1.0:
        assert spread.max() / spread.min() < 1.1
    with pytest.raises(ValueError, match="strength"):
        smoothquant.factors(weight, x.abs().amax(0), strength=1.1)


def test_gradients_pass_through_the_rounding_of_activations():
    weight, x = draw(4, 8), draw(3, 8, seed=1)
    whole, scales = per_token(x)
    layers = []
    for activations in (False, True):
        format = Format(activations=activations)
        grid = formats.quantize_weight(weight, format).grid
        layers.append(qat.LearningLinear(weight.clone(), grid, format))
    plain, rounding = layers
    torch.testing.assert_close(rounding(x), plain(whole * scales))
    leaf = x.clone().requires_grad_()
    rounding(leaf).sum().backward()
    exact = formats.quantize_weight(weight).dequantize().sum(0).expand(3, 8)
    torch.testing.assert_close(leaf.grad, exact, rtol=0.02, atol=0.02)


def test_smoothing_is_for_activations_alone():
    model, data = make("decoder"), [draw_tokens(2, 12)]
    with pytest.raises(ValueError, match="hand in int4-dynamic"):
        smoothquant.quantize(model, data, Format(bits=4))
    new = smoothquant.quantize(model, data, Format(bits=4, activations=True))
    assert new.format == "int4-dynamic"


def test_every_method_takes_formats_by_name():
    model, data = make("decoder"), [draw_tokens(2, 12)]
    first, second, *_ = surgery.linear_layers(model)
    mixed = {first: Format(bits=4, group_size=16), second: Format(activations=True)}
    made = {
        "rounding": quantization.quantize(model, mixed),
        "gptq": gptq.quantize(model, data, mixed),
        "awq": awq.quantize(model, data, mixed),
        "qat": qat.finish(qat.prepare(model, mixed)),
    }
    for method, new in made.items():
        found = {
            name: layer.spec.format
            for name, layer in new.named_modules()
            if isinstance(layer, QuantizedLinear)
        }
        assert found == mixed, method


def test_smoothing_rescues_activations_with_an_outlier():
    model = make("decoder")
    with torch.no_grad():
        for layer in model.layers:
            layer.mlp_norm.weight[3] = 60.0
            layer.mlp.up.weight[:, 3] /= 60
            layer.mlp.gate.weight[:, 3] /= 60
    exact = ask(model)
    plain = quantization.quantize(model, Format(activations=True))
    smooth = smoothquant.quantize(model, [draw_tokens(4, 30, seed=3)])
    errors = [float((ask(new) - exact).norm()) for new in (smooth, plain)]
    assert errors[0] < 0.7 * errors[1]


@given(st.integers(1, 5), st.integers(0, 10_000), st.floats(0, 1))
def test_a_choice_is_the_best_within_its_budget(layers, seed, share):
    dice = random.Random(seed)
    options = [
        Option(f"layer {n}", bits, dice.uniform(-0.1, 1.0) / bits, dice.randint(1, 40))
        for n in range(layers)
        for bits in (2, 4, 8)
    ]
    by_layer = [options[start : start + 3] for start in range(0, len(options), 3)]
    sums = [sum(o.bytes for o in one) for one in itertools.product(*by_layer)]
    limit = int(min(sums) + share * (max(sums) - min(sums)))
    found = choose(options, budget=limit)
    mine = [o for o in options if found[o.layer] == o.setting]
    assert len(mine) == layers and sum(o.bytes for o in mine) <= limit
    best = min(
        sum(o.loss for o in one)
        for one in itertools.product(*by_layer)
        if sum(o.bytes for o in one) <= limit
    )
    assert sum(o.loss for o in mine) <= best + 1e-9


def test_many_layers_are_chosen_for_within_the_budget(monkeypatch):
    monkeypatch.setattr(models.sensitivity, "STATES", 50)
    dice = random.Random(0)
    options = [
        Option(f"layer {n}", bits, dice.random() / bits, bits * dice.randint(900, 1100))
        for n in range(60)
        for bits in (2, 4, 8)
    ]
    found = choose(options, budget=240_000)
    mine = [o for o in options if found[o.layer] == o.setting]
    assert 200_000 < sum(o.bytes for o in mine) <= 240_000


def test_a_budget_that_nothing_fits_is_refused():
    options = [Option("up", bits, 1.0, 10 * bits) for bits in (2, 4)]
    assert choose(options, budget=20) == {"up": 2}
    with pytest.raises(ValueError, match="at least 20"):
        choose(options, budget=19)
    with pytest.raises(ValueError, match="budget"):
        choose([], budget=19)


def test_a_scan_finds_what_each_layer_costs_and_leaves_the_model_alone():
    model = make("decoder")
    state = {k: v.clone() for k, v in model.state_dict().items()}
    loss = logit_error(model, [draw_tokens(2, 12)])
    assert loss(model) == 0
    two_bits, eight = (Format(bits=bits, group_size=16) for bits in (2, 8))
    options = sensitivity.scan(model, loss, [two_bits, eight])
    assert len(options) == 2 * len(surgery.linear_layers(model))
    by_layer = {}
    for option in options:
        by_layer.setdefault(option.layer, []).append(option)
    assert all(two.loss > eight.loss >= 0 for two, eight in by_layer.values())
    assert all(two.bytes < eight.bytes for two, eight in by_layer.values())
    assert all(torch.equal(state[k], v) for k, v in model.state_dict().items())
    least = sum(min(o.bytes for o in row) for row in by_layer.values())
    plan = choose(options, budget=least * 2)
    assert set(plan.values()) == {two_bits, eight}
    new = quantization.quantize(model, plan, clip=clipping.mse)
    found = {n: m for n, m in new.named_modules() if isinstance(m, QuantizedLinear)}
    assert {name: layer.spec.format for name, layer in found.items()} == plan
    written = sum(o.bytes for o in options if plan[o.layer] == o.setting)
    held = sum(t.nbytes for m in found.values() for t in m.to_file().values())
    assert held == written <= least * 2


def test_gradients_pass_through_the_rounding():
    x = torch.tensor([-1.4, 0.2, 0.6, 2.5], requires_grad=True)
    y = qat.round_through(x)
    assert y.tolist() == [-1.0, 0.0, 1.0, 2.0]
    (y * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_weights_beyond_the_last_level_stand_still_and_move_the_scale():
    format = Format(bits=3, symmetric=True)
    grid = formats.fit(torch.ones(1, 1, 3), format)  # scale 1 / 3
    layer = qat.LearningLinear(torch.tensor([[0.1, -0.4, 5.0]]), grid, format)
    layer(torch.ones(1, 3)).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0, 1.0, 0.0]]
    assert layer.log_scales.grad.item() > 0.9  # the last level times the scale


def learnable(step):
    """A text that can be learnt: the same run of tokens at every step."""
    return (torch.arange(25) * 7 % 50).expand(4, 25)


def test_training_through_2_bits_recovers_what_rounding_lost():
    model = make("decoder")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    fitted = models.training.train(
        model, learnable, steps=40,
        optimizers=lambda m: [torch.optim.AdamW(m.parameters(), lr=3e-3)],
    ).model  # fmt: skip
    loss = models.training.next_token_loss
    format = Format(bits=2, group_size=16)
    rounded = quantization.quantize(fitted, format, clip=clipping.mse)
    learnt = qat.train(
        fitted, learnable, steps=30, format=format, rate=3e-3, log_every=10
    )
    assert len(learnt.log) == 3 and learnt.model.format == "int2-g16"
    losses = [float(loss(m, learnable(0))) for m in (fitted, learnt.model, rounded)]
    assert losses[0] < 1.0 and losses[1] < 0.5 * losses[2], losses
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_what_is_made_ready_can_be_trained_without_moving_the_original():
    model = make("decoder")
    before = [weight.clone() for weight in model.parameters()]
    ready = qat.prepare(model, Format(bits=4, group_size=16))
    with torch.no_grad():
        for weight in ready.parameters():
            weight.add_(1.0)
    for weight, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(weight, old)


@pytest.mark.parametrize("activations", [False, True])
def test_what_was_learnt_is_what_runs(activations):
    model = make("decoder")
    format = Format(bits=4, group_size=16, activations=activations)
    ready = qat.prepare(model, format)
    new = qat.finish(ready)
    assert new.format == str(format)
    exact = ask(ready)
    assert float((ask(new) - exact).norm() / exact.norm()) < 0.05
    with pytest.raises(ValueError, match=r"qat\.prepare"):
        qat.finish(model)
