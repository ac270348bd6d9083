"""The experiments of notebook 04b use the learner's functions, and say what is so."""

import itertools

import byte_models
import pytest
import torch
from quantization import learner_choices as learner

from llmlab import quantization
from llmlab.core import records
from llmlab.kernels import Format
from llmlab.measure.claims import FAILS, HOLDS, OPEN
from llmlab.measure.exams import Answers, Exam
from llmlab.models import column_loop, surgery
from llmlab.quantization import awq, clipping, gptq
from llmlab.quantization.experiments import choices
from llmlab.quantization.quantities import ANSWER_ERROR, FORECAST, ROUNDED_WEIGHT

THREE = Format(bits=3, group_size=8)
TWO = Format(bits=2, group_size=8, symmetric=True)


@pytest.fixture(scope="module")
def model():
    return byte_models.reader(dtype=torch.float32, context=32)


@pytest.fixture(scope="module")
def data():
    dice = torch.Generator().manual_seed(0)
    return [torch.randint(256, (4, 32), generator=dice) for _ in range(6)]


@pytest.fixture(scope="module")
def layer(model, data):
    return choices.layer(model, data, 5)


def test_a_layer_is_named_by_its_place_and_sees_two_texts(model, data, layer):
    names = list(surgery.linear_layers(model))
    assert layer.name == names[5]
    assert choices.layer(model, data, names[5]).name == names[5]
    assert layer.seen.tokens == layer.unseen.tokens == 3 * 4 * 32
    assert not torch.equal(layer.seen.gram, layer.unseen.gram)
    for place in (99, "head of state"):
        with pytest.raises(ValueError, match="linear layer"):
            choices.layer(model, data, place)
    with pytest.raises(ValueError, match="two at least"):
        choices.layer(model, data[:1])


def test_the_error_of_a_layer_is_the_learners_own(layer):
    calls = []

    def error(weight, rounded, hessian):
        calls.append(hessian.shape)
        return learner.answer_error(weight, rounded, hessian)

    rounded = layer.rounded(THREE)
    assert layer.share(rounded, error=error) == pytest.approx(layer.share(rounded))
    assert len(calls) == 2
    assert layer.share(0 * layer.weight) == pytest.approx(1)


def test_two_weights_that_move_alike_cost_what_their_inputs_make_of_it(layer):
    costs = choices.weight_costs(layer, THREE, error=learner.answer_error, count=50)
    cheap, dear = costs.pair()
    assert cheap.details["change"] == pytest.approx(dear.details["change"], rel=0.2)
    diagonal = layer.hessian.diagonal()
    squares = [
        fact.details["change"] ** 2 * float(diagonal[fact.details["column"]])
        for fact in (cheap, dear)
    ]
    assert costs.ratio == pytest.approx(squares[1] / squares[0], rel=1e-4)
    assert dear.details["column"] == int(diagonal.argmax())
    with pytest.raises(ValueError, match="count=0"):
        choices.weight_costs(layer, THREE, count=0)


def test_the_learners_loop_is_that_of_the_package(layer):
    solved = choices.solved(layer, THREE, loop=learner.gptq_columns)
    assert solved.shares["GPTQ, yours"] == pytest.approx(solved.shares["GPTQ"])
    assert solved.shares["GPTQ"][0] < solved.shares["rounding"][0]
    assert solved.ratio == pytest.approx(
        solved.shares["rounding"][1] / solved.shares["GPTQ, yours"][1]
    )


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", [2, 3, 8])
def test_a_loop_that_is_handed_in_gives_what_the_packages_own_gives(bits, symmetric):
    dice = torch.Generator().manual_seed(bits)
    x = torch.randn(300, 24, generator=dice) @ torch.randn(24, 24, generator=dice)
    weight, format = (
        torch.randn(9, 24, generator=dice),
        Format(bits=bits, group_size=8, symmetric=symmetric),
    )
    ours, theirs = (
        gptq.solve(weight, x.T @ x, format, loop=loop)
        for loop in (None, learner.gptq_columns)
    )
    losses = [
        float(column_loop.objective(weight, one.dequantize(), x.T @ x).sum())
        for one in (ours, theirs)
    ]
    if symmetric:  # the loop knows one level more than this grid has
        assert losses[1] < 1.5 * losses[0]
    else:
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize(
    "loop",
    [
        lambda weight, hessian, scale, bits: weight / scale,
        lambda weight, hessian, scale, bits: (weight / scale).round() + 99,
        lambda weight, hessian, scale, bits: torch.zeros(3),
        lambda weight, hessian, scale, bits: weight * float("nan"),
    ],
)
def test_a_loop_that_gives_something_else_than_integers_is_refused(layer, loop):
    with pytest.raises(ValueError, match="whole number from -4 to 3"):
        gptq.solve(layer.weight, layer.seen.gram, THREE, loop=loop)


def test_factors_that_are_handed_in_are_used(layer):
    _, ours = awq.solve(layer.weight.float(), layer.seen, THREE, clip=False)
    _, theirs = awq.solve(
        layer.weight.float(), layer.seen, THREE, clip=False, choose=learner.awq_factors
    )
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert torch.allclose(ours, theirs, rtol=0.02)
    for wrong in (torch.zeros(32), torch.ones(3), -torch.ones(32)):
        with pytest.raises(ValueError, match="above 0"):
            awq.solve(
                layer.weight.float(), layer.seen, THREE, choose=lambda *_, w=wrong: w
            )


def test_power_nought_is_plain_rounding(layer):
    swept = choices.powers([layer], THREE, choose=learner.awq_factors)
    values = {fact.details["power"]: fact.value for fact in swept.records()}
    assert values[0.0] == 1 and len(values) == 11
    assert swept.ratio == values[swept.best[layer.name]]


def test_training_lowers_the_error_on_the_text_seen(layer):
    learning = choices.trained(layer, TWO, rounding=learner.straight_through, steps=30)
    first, last = learning.curve[0], learning.curve[-1]
    assert last[0] == 30 and last[1] < first[1]
    assert first[2] == pytest.approx(learning.others["rounding"], rel=0.05)
    levels = (learning.rounded.unflatten(1, (-1, 8)) / _scales(layer)).round()
    assert levels.abs().max() <= 1
    assert learning.ratio == pytest.approx(learning.others["rounding"] / last[2])


def _scales(layer):
    start = quantization.quantize_weight(layer.weight, TWO, clip=clipping.mse)
    return start.grid.scales


def test_a_training_without_a_gradient_or_with_a_zero_point_is_refused(layer):
    with pytest.raises(ValueError, match="zero point"):
        choices.trained(layer, THREE, rounding=learner.straight_through)
    with pytest.raises(ValueError, match="no gradient"):
        choices.trained(
            layer, TWO, rounding=lambda w, s, b: learner.straight_through(w, s, b).data
        )


def test_integers_are_those_of_each_method_with_the_levels_they_lie_on(layer):
    kept = choices.integers(layer, bits=(2, 3), group_size=16, row=1).records()
    weights = [fact for fact in kept if fact.name == ROUNDED_WEIGHT.name]
    assert len(weights) == 2 * 3 * 16  # bits, methods, columns
    for fact in weights:
        own = fact.details
        levels = torch.linspace(own["first level"], own["last level"], own["levels"])
        assert float((levels - fact.value).abs().min()) == pytest.approx(0, abs=1e-5)
        assert own["weight"] == float(layer.weight[1, own["column"]])
    plain = [
        fact.value for fact in weights
        if (fact.details["method"], fact.details["bits"]) == ("rounding", 3)
    ]  # fmt: skip
    format = Format(bits=3, group_size=16)
    assert plain == pytest.approx(layer.rounded(format)[1, :16].tolist(), abs=1e-6)
    errors = [fact for fact in kept if fact.name == ANSWER_ERROR.name]
    assert [fact.subject for fact in errors] == ["rounding", "GPTQ", "AWQ"] * 2
    assert errors[3].value == pytest.approx(layer.share(layer.rounded(format)))
    with pytest.raises(ValueError, match="row=99 and bits"):
        choices.integers(layer, row=99)


def test_the_whole_model_is_scored_by_every_method(model, data):
    text = byte_models.TEXT
    by_gptq = choices.quality(model, data, THREE, loop=learner.gptq_columns, text=text)
    by_awq = choices.quality(
        model, data, THREE, choose=learner.awq_factors, text=text, beside=by_gptq
    )
    whole = choices.quality(
        model, data, THREE, choose=learner.awq_factors, clip=False, text=text,
        beside=by_gptq,
    )  # fmt: skip
    for name in ("rounding", "AWQ, yours"):
        assert whole.live[name].value != by_awq.live[name].value  # other ranges
    assert by_awq.before is by_gptq.before  # the original was scored once
    assert list(by_gptq.live) == ["rounding", "GPTQ, yours", "GPTQ"]
    assert list(by_awq.live) == ["rounding", "AWQ, yours"]
    both = by_gptq.beside_recorded(by_awq, bits=(2, 3))
    assert list(both.live) == ["rounding", "GPTQ, yours", "GPTQ", "AWQ, yours"]
    assert not both.recorded  # nothing is known of a model of random weights
    assert {fact.details["bits"] for fact in both.live.values()} == {3}
    row = by_gptq.row("GPTQ, yours", text=text, seconds=0.1)
    assert [fact.name for fact in row] == ["bits per byte", "time per token", "weights"]


def test_what_is_recorded_of_coder_is_found_by_its_weights():
    from llmlab import models

    coder = models.load("coder")
    known = choices.qualities.recorded(coder.weights_version)
    methods = {fact.details["method"] for fact in known}
    assert {"rounding", "GPTQ", "AWQ", "training"} <= methods
    assert "least error" not in methods
    places = [(f.details["method"], f.details["bits"], f.details["group size"])
              for f in known]  # fmt: skip
    assert len(set(places)) == len(places)


def test_a_mixture_is_the_least_forecast_within_the_bytes(model, data):
    parts = choices.scan_parts(model, data[:1], bits=(2, 4), group_size=8)
    assert set(parts.losses) == {
        "layers.0.attention", "layers.0.mlp", "layers.1.attention", "layers.1.mlp",
        "head",
    }  # fmt: skip
    every = [
        dict(zip(parts.losses, bits, strict=True))
        for bits in itertools.product((2, 4), repeat=5)
    ]
    budget = parts.bytes(parts.even(2)) + min(
        row[4] - row[2] for row in parts.sizes.values()
    )
    best = learner.mixed_precision(parts.losses, parts.sizes, budget)
    fitting = [one for one in every if parts.bytes(one) <= budget]

    def forecast(one):
        return sum(parts.losses[part][bits] for part, bits in one.items())

    assert forecast(best) == min(map(forecast, fitting))
    assert set(parts.formats(best)) == set(surgery.linear_layers(model))


def test_a_mixture_is_scored_beside_even_bits_and_held_to_the_budget(model, data):
    def mixture(choose):
        return choices.mixture(
            model, data[:1], choose, like=3, group_size=8, text=byte_models.TEXT
        )

    made = mixture(learner.mixed_precision)
    assert made.parts.bytes(made.bits) <= made.budget
    assert len(made.live) == 3
    sums = [fact.value for fact in made.records() if fact.name == FORECAST.name]
    assert sums == [made.parts.forecast(one) for one in (made.even, made.bits)]
    assert sums[1] <= sums[0]
    chosen = [fact for fact in made.records() if fact.details.get("chosen")]
    assert {fact.subject: fact.details["bits"] for fact in chosen} == made.bits
    with pytest.raises(ValueError, match="within the budget"):
        mixture(lambda losses, sizes, budget: dict.fromkeys(losses, 4))
    with pytest.raises(ValueError, match="for every part"):
        mixture(lambda losses, sizes, budget: {"head": 3})


ASKED = Answers(
    Exam(tuple("abcdefghij"), tuple("ABCDEFGHIJ")),
    {
        "fp32": tuple("ABCDEFGHIJ"), "int4": tuple("ABCDEFGHIx"),
        "int2": tuple("xxxxxxGHIJ"), "int2, trained": tuple("ABCDEFGHIJ"),
    },
)  # fmt: skip


def test_a_loss_that_chance_may_have_taken_settles_no_claim():
    rows = choices.claims(ASKED).rows
    assert [row.verdict for row in rows] == [OPEN, FAILS, HOLDS]
    assert "6 right answers of 10" in rows[1].measured
    assert "loses 6" in rows[2].measured


def test_every_result_has_records(layer):
    for result in (
        choices.weight_costs(layer, THREE, count=5),
        choices.solved(layer, THREE),
        ASKED,
    ):
        assert records.collect(result)
