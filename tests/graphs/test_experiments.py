"""Lab 10's experiments measure what they say, with the learner's functions as parts."""

import fused_models
import pytest
import torch

from llmlab import models, show
from llmlab.core.quantities import LOGIT_ERROR
from llmlab.graphs import costs, experiments, folding, fusing
from llmlab.graphs import quantities as q
from llmlab.graphs.experiments import counts, folds, fusions, moves
from llmlab.measure import operators


@pytest.fixture(scope="module")
def model():
    return models.load("coder-small")


@pytest.fixture(scope="module")
def small():
    return fused_models.llama().float()


def values(result, what):
    return {f.subject: f.value for f in result.records() if f.name == what.name}


def test_a_step_is_set_in_relation_to_what_its_operators_cost(model):
    result = experiments.step(model, costs.overhead, tokens=16, seconds=0.2)
    starts = next(f for f in result.facts if f.name == q.STARTS.name)
    step = next(f for f in result.facts if f.name == q.STEP_TIME.name)
    calls = operators.step(model, cached=16, composite=True).total
    assert starts.details["operators"] == result.operators.total == calls
    assert starts.value == pytest.approx(result.fixed.value * calls)
    assert result.share.value == pytest.approx(starts.value / step.value)
    assert {starts.kind, result.share.kind, result.fixed.kind} == {"estimated"}
    sizes = [f.details["size"] for f in result.facts if f.name == q.OPERATOR_TIME.name]
    assert len(sizes) == 5
    assert f"calls {calls} of them in a step" in result.said
    picture = show.figure(result)
    assert f"fixed cost of an operator: {result.fixed.value_text()}" in picture.alt


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_a_right_count_of_the_traced_step_is_what_torch_was_handed(name):
    model = fused_models.MAKERS[name]()
    result = experiments.counted(model, operators.count_operators, tokens=8)
    assert not result.wrong
    assert sum(result.yours.values()) == operators.step(model, cached=8).kernels
    assert "torch was handed the same" in result.said


def test_the_stages_of_a_step_are_the_whole_of_it(small):
    result = experiments.counted(small, operators.count_operators, tokens=8)
    for what in (q.CALLS, q.KERNELS, q.VIEWS_OF_A_CALL):
        of = values(result, what)
        assert of.pop(counts.WHOLE) == sum(of.values())
    kernels = values(result, q.KERNELS)
    assert kernels["linear layers"] == 7 * 2 + 1, "products, and none besides"
    assert kernels["norms"] == 6 * 5
    assert "norms" in repr(show.table(result))


def test_a_layer_is_told_in_the_order_in_which_it_computes(small):
    plain = counts.layer(small, tokens=8)
    both = counts.layer(fusing.fuse(folding.fold_norms(small)), tokens=8)
    stages = [stage for stage, _ in plain]
    assert set(stages) == {*counts.STAGES, counts.SUMS}
    assert stages[0] == "norms" and plain[-1] == (counts.SUMS, "add")
    every = [counts.layer(small, n, tokens=8) for n in range(len(small.layers))]
    inside = sum(map(len, every))
    whole = operators.step(small, cached=8).kernels
    assert whole - 20 < inside < whole, "embedding, masks and the head are elsewhere"
    products = [sum(name == "mm" for _, name in side) for side in (plain, both)]
    assert products == [7, 4] and len(both) < len(plain)
    assert not {name for _, name in plain} & operators.VIEWS
    with pytest.raises(ValueError, match=r"number=2 must be .*2 layers are there"):
        counts.layer(small, 2, tokens=8)


def test_a_wrong_count_is_said(small):
    right = operators.count_operators

    def with_views(nodes):
        called = [node for node in nodes if node.op == "call_function"]
        return right(nodes) | {"view": sum("view" in node.name for node in called)}

    result = experiments.counted(small, with_views, tokens=8)
    assert set(result.wrong) == {"view"} and "of view you count" in result.said


def test_folding_is_exact_in_fp32_and_rounds_in_bf16(model):
    result = experiments.folded(model, folding.fold_norm, tokens=24)
    fp32, bf16 = (
        result.changed(w).value for w in (folds.FP32_FOLDED, folds.BF16_FOLDED)
    )
    assert fp32 < 1e-3 < bf16
    assert result.changed(folds.SHIFTED_FOLDED).value < 1e-4
    assert result.saved == 2 * len(model.layers)
    assert "A step computes with 4 operators fewer" in result.said
    assert result.error(folds.FP32).value == 0
    assert "bf16, folded" in repr(show.table(result))
    with pytest.raises(ValueError, match="was not tried; choose of"):
        result.error("int8")


def test_a_wrong_fold_is_off(model):
    result = experiments.folded(
        model, lambda s, t, w, b: folding.fold_norm(1 / s, t, w, b), tokens=24
    )
    assert result.changed(folds.FP32_FOLDED).value > 0.1


def test_fused_ways_are_raced_and_the_learners_product_runs(model):
    calls = []

    def qkv(x, query, key, value):
        calls.append(len(x))
        return fusing.qkv(x, query, key, value)

    result = experiments.fused(model, qkv, tokens=16, prompt=24, seconds=0.2)
    assert {1, 24} <= set(calls)
    layers, plain = len(model.layers), result.kernels(fusions.PLAIN)
    assert result.kernels(fusions.FOLDED) == plain - 2 * layers
    assert result.kernels(fusions.BOTH) == result.kernels(fusions.FUSED) - 2 * layers
    assert result.kernels(fusions.FUSED) < result.kernels(fusions.YOURS) < plain
    linears = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    products = 2 * sum(layer.weight.numel() for layer in linears)
    assert {result.flops(way) for way in (fusions.PLAIN, fusions.BOTH)} == {products}
    errors = values(result, LOGIT_ERROR)
    assert max(errors.values()) < 1e-3 and errors[fusions.PLAIN] == 0
    assert result.ratio(fusions.BOTH).details["verdict"] in result.said
    assert result.ratio(fusions.YOURS, prefill=True).value > 0
    alt = show.figure(result).alt
    assert f"{plain} operators that compute" in alt and "yours, in every step" in alt
    with pytest.raises(ValueError, match="was not tried; choose of"):
        result.ratio("compiled")


def test_bytes_are_the_learners_and_times_are_measured():
    result = experiments.moved(costs.traffic, sizes=(100, 3000), seconds=0.4)
    assert result.saved(moves.GELU, 100).value == 9
    assert result.saved(moves.SILU, 3000).value == 2.5
    assert result.saved(moves.SUM, 3000).value == 1.5
    assert result.ratio(moves.GELU, 3000).value > 0
    assert "GELU: 9 times the bytes" in result.said
    assert "GELU, 8 kernels" in repr(show.table(result))
    with pytest.raises(ValueError, match="was not measured; choose of"):
        result.ratio("tanh", 100)


@pytest.mark.parametrize("name", moves.CHAINS)
def test_one_kernel_computes_what_the_chain_does(name):
    chain = moves.CHAINS[name]
    draw = torch.Generator().manual_seed(0)
    given = torch.randn(chain.inputs, 500, generator=draw, dtype=torch.float64)
    wanted = chain.apart(*given)
    assert torch.allclose(chain.at_once(*given), wanted, rtol=1e-12, atol=1e-12)
    counted = operators.count(lambda: chain.apart(*given.clone()))
    assert counted.kernels - 1 == len(chain.kernels)
    assert operators.count(lambda: chain.at_once(*given)).kernels == 1


WRONG = {
    "overhead": (lambda m: experiments.step(m, lambda s, t: 3.0, seconds=0.05), 3.0),
    "overhead, nan": (
        lambda m: experiments.step(m, lambda s, t: (float("nan"), 1), seconds=0.05),
        "nan",
    ),
    "count_operators": (lambda m: experiments.counted(m, lambda nodes: 7), 7),
    "count_operators, keys": (
        lambda m: experiments.counted(m, lambda nodes: {3: 1}, tokens=8),
        "return a dict of names",
    ),
    "fold": (lambda m: experiments.folded(m, lambda s, t, w, b: w), "return .weight"),
    "qkv": (
        lambda m: experiments.fused(m, lambda x, q, k, v: x, prompt=9),
        "return .q, k, v",
    ),
    "prompt": (lambda m: experiments.fused(m, fusing.qkv), "prompt=256 must be"),
    "traffic": (lambda m: experiments.moved(lambda kernels, size: 1.5), "traffic gave"),
    "nothing": (lambda m: experiments.moved(None), "traffic=None is no function"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_part_gives_one_sentence(case, small):
    call, words = WRONG[case]
    with pytest.raises(ValueError, match=str(words)) as caught:
        call(small)
    assert "\n" not in str(caught.value)
