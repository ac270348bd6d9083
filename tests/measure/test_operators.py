"""Operators are counted exactly, in both modes, and views apart."""

import pytest
import torch
from small_models import decoder
from torch.fx.experimental.proxy_tensor import make_fx

from llmlab.core import records
from llmlab.measure import operators, roofline

LAYERS = 2
# Of a norm: square, mean, epsilon added, root, two products.
NORM = {"pow": 1, "mean": 1, "add": 1, "rsqrt": 1, "mul": 2}
IN_ALL = 2 * LAYERS + 1  # norms
STEP = {
    "embedding": 1,
    "pow": IN_ALL,
    "mean": IN_ALL,
    "rsqrt": IN_ALL,
    "add": IN_ALL + 2 * LAYERS + 1,  # and both sums of a layer, the cache's lengths
    "mul": 2 * IN_ALL + 3 * LAYERS,  # queries, keys, and the gate
    "mm": 7 * LAYERS + 1,
    "roll": 2 * LAYERS,
    "addcmul": 2 * LAYERS,
    "copy_": 2 * LAYERS,  # keys and values into the cache
    "silu": LAYERS,
    "_scaled_dot_product_flash_attention_for_cpu": LAYERS,
}


def computing(counts):
    return {n: c for n, c in counts.calls.items() if n not in operators.VIEWS}


def test_a_step_of_two_layers_is_counted_exactly():
    counts = operators.step(decoder(), cached=8)
    assert computing(counts) == STEP
    assert counts.kernels == sum(STEP.values()) and not counts.composite
    assert counts.total == counts.kernels + counts.views
    assert counts.calls["t"] == STEP["mm"], "each weight is turned for its product"


def test_python_makes_fewer_calls_than_reach_kernels():
    model = decoder()
    python = operators.step(model, cached=8, composite=True)
    kernels = operators.step(model, cached=8)
    assert python.calls["linear"] == kernels.calls["mm"] == STEP["mm"]
    assert "mm" not in python.calls and "linear" not in kernels.calls
    assert python.total < kernels.total
    assert roofline.operators(model, 1, 8) == python.total


def test_the_mode_is_the_same_whatever_is_around():
    model, x = torch.nn.Linear(3, 2), torch.ones(2, 2, 3)
    names = {"t", "view", "addmm"}
    with torch.inference_mode():
        assert set(operators.count(lambda: model(x.clone())).calls) >= {"t", "addmm"}
    with torch.enable_grad():
        assert set(operators.count(lambda: model(x)).calls) == names
        assert operators.count(lambda: model(x), composite=True).calls == {"linear": 1}
    assert operators.count(lambda: None).total == 0


def test_a_view_looks_at_the_same_storage():
    x = torch.arange(12.0).view(3, 4)
    views = (
        lambda: x.T, lambda: x[1:], lambda: x.view(4, 3), lambda: x[None],
        lambda: x.transpose(0, 1), lambda: x.split(2), lambda: x.expand(2, 3, 4),
        lambda: x.unfold(0, 2, 1), lambda: x.permute(1, 0), lambda: x.unbind(),
    )  # fmt: skip
    for view in views:
        counts = operators.count(view)
        assert counts.total == counts.views == 1
    for copy in (lambda: x.clone(), lambda: x.T.contiguous(), lambda: x.repeat(2, 2)):
        assert operators.count(copy).kernels >= 1


def test_every_view_of_the_list_says_so_in_its_schema():
    apart = {  # in pieces, picked, or unsafe on purpose
        "_neg_view", "_unsafe_view", "chunk", "expand_as", "getitem", "movedim",
        "numpy_T", "swapaxes", "unsafe_chunk", "unsafe_split",
        "unsafe_split_with_sizes",
    }  # fmt: skip
    for name in operators.VIEWS - apart:
        packet = getattr(torch.ops.aten, name)
        returns = [getattr(packet, o)._schema.returns for o in packet.overloads()]
        assert any(r and r[0].alias_info is not None for r in returns), name


def test_the_nodes_of_a_graph_are_counted_without_inputs_and_views():
    def layer(x, w, y):
        return torch.nn.functional.silu(x @ w).split(2, 1)[0] * y.t().view(2, 2)

    graph = make_fx(layer)(torch.ones(2, 3), torch.ones(3, 4), torch.ones(2, 2))
    got = operators.count_operators(graph.graph.nodes)
    assert got == {"mm": 1, "silu": 1, "mul": 1}


def test_counts_are_records():
    facts = records.collect(operators.count(lambda: torch.ones(2) + 1))
    assert {fact.name: fact.value for fact in facts} == {"computing": 2, "views": 0}
    assert str(operators.count(lambda: torch.ones(2).view(1, 2))).endswith(
        "1 of them views"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": 3}, "model=3"),
        ({"tokens": 0}, "tokens=0"),
        ({"cached": 10**6}, "the model's context is 96"),
        ({"batch": 0}, "batch=0"),
    ],
)
def test_wrong_calls_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        operators.step(**{"model": decoder()} | arguments)
    with pytest.raises(ValueError, match="call=3 is no function"):
        operators.count(3)
