"""Methods that look at inputs: Wanda, and SparseGPT with what it shares with GPTQ."""

import inspect

import pytest
import torch
from drawn_inputs import data, draw, seen
from families import NAMES, ask, make
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab import pruning
from llmlab.models import calibration, column_loop
from llmlab.models.calibration import Inputs
from llmlab.models.column_loop import objective
from llmlab.models.sensitivity import logit_error
from llmlab.pruning import masks, sparsegpt, targets, wanda
from llmlab.quantization import gptq


def test_wanda_keeps_small_weights_of_large_inputs():
    weight = torch.tensor([[1.0, -2.0], [4.0, 1.0]])
    score = wanda.score(weight, torch.tensor([10.0, 1.0]))
    assert masks.by_row(score, 0.5).tolist() == [[True, False], [True, False]]
    with pytest.raises(ValueError, match=r"norms has the shape \(3,\)"):
        wanda.score(weight, torch.ones(3))


@pytest.mark.parametrize("prune", [wanda.prune, sparsegpt.prune], ids=["wanda", "gpt"])
@pytest.mark.parametrize("name", NAMES)
def test_layers_lose_their_share_on_every_family(name, prune):
    model = make(name)
    before = ask(model)
    sparse = prune(model, data(model), sparsity=0.5)
    shares = masks.sparsity(sparse).layers
    heads = targets.heads(model)
    assert all(s == 0.5 for layer, s in shares.items() if layer not in heads)
    assert sparse.format.startswith("50%-sparse")
    assert torch.equal(ask(model), before)


def test_wanda_looks_at_what_the_layers_before_it_now_give():
    model = make("decoder")
    sparse = wanda.prune(model, data(model), sparsity=0.5)
    inputs = calibration.collect(sparse, data(model))
    name = "layers.1.attention.query"
    weight = model.get_submodule(name).weight.detach()
    score = wanda.score(weight, inputs[name].gram.diagonal().sqrt())
    kept = masks.by_row(score, 0.5)
    assert torch.equal(sparse.get_submodule(name).weight != 0, kept)


def test_inputs_that_were_never_there_lose_their_weights_first():
    tokens = draw(60, 16)
    tokens[:, [2, 5, 11]] = 0
    inputs = Inputs.none(16, torch.device("cpu"))
    inputs.add(tokens)
    solved = sparsegpt.solve(draw(8, 16, seed=3), inputs.gram, sparsity=0.25)
    assert (solved[:, [2, 5, 11]] == 0).all()
    layer = torch.nn.Linear(16, 8, bias=False)
    sparse = wanda.prune(layer, [tokens], sparsity=0.25)
    assert (sparse.weight[:, [2, 5, 11]] == 0).all()


@given(st.integers(0, 500), st.integers(1, 60), st.sampled_from([0.3, 0.5, None]))
@settings(max_examples=40)
def test_sparsegpt_is_never_worse_than_the_same_zeros_alone(seed, tokens, share):
    weight, inputs = draw(5, 24, seed=seed), seen(24, tokens=tokens, seed=seed)
    knobs = {"pattern": "2:4"} if share is None else {"sparsity": share}
    solved = sparsegpt.solve(weight, inputs.gram, **knobs)
    plain = weight.masked_fill(solved == 0, 0)
    ours, other = (objective(weight, w, inputs.gram) for w in (solved, plain))
    assert (ours <= other * (1 + 1e-6) + 1e-9).all()
    if share is not None:
        assert int((solved == 0).sum()) == round(weight.numel() * share)
    else:
        assert ((solved.unflatten(1, (-1, 4)) != 0).sum(-1) <= 2).all()


def test_what_stays_is_the_exact_solution_of_least_squares():
    """Where the first columns go, those behind them are free to make up for them."""
    x, weight = draw(200, 6, seed=4), draw(3, 6, seed=5)
    weight[:, :3] *= 1e-3  # these three go
    gram = x.T @ x
    solved = sparsegpt.solve(weight, gram, sparsity=0.5, damping=1e-9)
    assert (solved[:, :3] == 0).all()
    exact = torch.linalg.lstsq(x[:, 3:].double(), (x @ weight.T).double()).solution.T
    torch.testing.assert_close(solved[:, 3:].double(), exact, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("columns", [24, 300])
def test_with_inputs_that_are_alike_it_is_magnitude(columns):
    weight = draw(8, columns)
    solved = sparsegpt.solve(weight, torch.eye(columns), sparsity=0.5)
    assert int((solved == 0).sum()) == 4 * columns
    for start in range(0, columns, sparsegpt.STRETCH):
        part = slice(start, start + sparsegpt.STRETCH)
        kept = masks.magnitude(weight[:, part], 0.5)
        assert torch.equal(solved[:, part] != 0, kept)
        torch.testing.assert_close(solved[:, part][kept], weight[:, part][kept])


def test_sparsegpt_is_better_than_wanda_and_wanda_than_magnitude():
    """On inputs that go together and differ in size, summed over a layer's answers."""
    weight, inputs = draw(64, 64), seen(64)
    norms = inputs.gram.diagonal().sqrt()
    answers = {
        "magnitude": targets.without(weight, masks.magnitude(weight, 0.5)),
        "wanda": targets.without(weight, masks.by_row(wanda.score(weight, norms), 0.5)),
        "sparsegpt": sparsegpt.solve(weight, inputs.gram, sparsity=0.5),
    }
    losses = [float(objective(weight, w, inputs.gram).sum()) for w in answers.values()]
    assert losses[2] < 0.9 * losses[1] and losses[1] < 0.5 * losses[0]


def test_both_loops_are_the_same_one():
    for solver in (sparsegpt, gptq):
        assert "column_loop.pass_on(" in inspect.getsource(solver)
    weight, gram = draw(4, 10), seen(10).gram
    factor = column_loop.inverse_factor(gram)
    heard = []
    same = column_loop.pass_on(
        weight, factor, lambda column, now: now, stretch=4,
        begin=lambda start, now: heard.append((start, now)),
    )  # fmt: skip
    torch.testing.assert_close(same, weight)
    assert [(start, now.shape[1]) for start, now in heard] == [(0, 4), (4, 4), (8, 2)]
    torch.testing.assert_close(torch.cat([now for _, now in heard], 1), weight)


def test_a_model_keeps_its_answers_better_where_inputs_are_looked_at():
    model = make("decoder")
    loss = logit_error(model, data(model))
    sparse = sparsegpt.prune(model, data(model), sparsity=0.5)
    assert loss(sparse) < loss(pruning.prune(model, sparsity=0.5))


def test_bad_input_is_refused_in_one_sentence():
    model = make("decoder")
    weight, gram = draw(4, 8), torch.eye(8)
    for call, words in (
        (lambda: wanda.prune(model, [], sparsity=0.5), "saw no input"),
        (lambda: sparsegpt.prune(model, data(model)), "hand in one of them"),
        (lambda: sparsegpt.solve(weight, gram), "hand in one of them"),
        (lambda: sparsegpt.solve(weight, gram[:4], sparsity=0.5), r"gram is \(4, 8\)"),
        (lambda: sparsegpt.solve(weight, gram, sparsity=50), "choose 0.5 for 50 %"),
        (lambda: sparsegpt.solve(draw(4, 6), gram[:6, :6], pattern="2:4"), "2:4: 4"),
        (lambda: sparsegpt.solve(weight * torch.nan, gram, sparsity=0.5), "no order"),
        (lambda: wanda.prune(model, data(model), pattern="2:3"), r"query: .* skip="),
    ):
        with pytest.raises(ValueError, match=words) as refusal:
            call()
        assert "\n" not in str(refusal.value)
