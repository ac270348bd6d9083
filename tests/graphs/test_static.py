"""A step of a fixed size answers as the decoder does, at every position."""

import fused_models
import pytest
import torch
from small_models import decoder, draw_tokens, model
from torch.fx.experimental.proxy_tensor import make_fx

from llmlab.graphs import folding, fusing
from llmlab.graphs.static import Step, static_mask

LENGTH = 64
MAKERS = fused_models.MAKERS | {"a window": lambda: decoder(window=5)}
DECODERS = (*fused_models.DECODERS, "a window")
each_decoder = pytest.mark.parametrize("name", DECODERS)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.inference_mode():
        yield


def eager(model, tokens):
    """Return the logits of a text, read token by token on a growing cache."""
    cache = model.new_cache(*tokens.shape)
    return torch.cat([model(token, cache) for token in tokens.split(1, 1)], 1)


def stepped(step, tokens, *, parts=None):
    """Return the logits of a text, by calls of so many tokens."""
    _, _, keys, values = step.example()
    logits, held = [], 0
    for part in tokens.split(parts or 1, 1):
        positions = torch.arange(held, held + part.shape[1])
        answer, keys, values = step(part, positions, keys, values)
        logits.append(answer)
        held += part.shape[1]
    return torch.cat(logits, 1)


def test_the_worked_example_of_a_mask():
    rows = static_mask(torch.tensor([2, 3]), 5)
    assert rows.dtype == torch.bool
    assert rows.int().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]


def test_a_traced_mask_serves_other_positions():
    graph = make_fx(lambda positions: static_mask(positions, 9))(torch.tensor([0, 4]))
    for positions in ([8, 3], [0, 1], [5, 5]):
        given = torch.tensor(positions)
        assert torch.equal(graph(given), static_mask(given, 9))


@each_decoder
@pytest.mark.parametrize("in_place", [True, False])
def test_logits_are_the_decoders_at_every_position(name, in_place):
    model, tokens = MAKERS[name](), draw_tokens(1, LENGTH)
    step = Step(model, length=LENGTH, in_place=in_place)
    got, wanted = stepped(step, tokens), eager(model, tokens)
    assert got.dtype == torch.float64
    for position in range(LENGTH):
        assert fused_models.furthest(got[:, position], wanted[:, position]) < 1e-12


@pytest.mark.parametrize("parts", [[64], [7, 1, 1, 40, 15]])
def test_several_tokens_and_rows_at_once(parts):
    model, tokens = MAKERS["qwen3"](), draw_tokens(3, LENGTH)
    step = Step(model, length=LENGTH, batch=3)
    wanted = eager(model, tokens)
    assert fused_models.furthest(stepped(step, tokens, parts=parts), wanted) < 1e-12


def test_folded_and_fused_layers_are_driven_as_they_are():
    plain, tokens = MAKERS["llama with biases"](), draw_tokens(1, 20)
    changed = fusing.fuse(folding.fold_norms(plain))
    got = stepped(Step(changed, length=32), tokens)
    assert fused_models.furthest(got, eager(plain, tokens)) < 1e-12


def test_caches_may_be_one_tensor_and_only_in_place_changes_them():
    model, tokens = MAKERS["llama"](), draw_tokens(1, 1)
    for in_place in (True, False):
        step = Step(model, length=8, in_place=in_place)
        _, positions, keys, values = step.example()
        keys, values = torch.stack(keys), torch.stack(values)
        _, new_keys, new_values = step(tokens, positions, keys, values)
        assert new_keys.shape == keys.shape == new_values.shape
        assert new_keys[:, :, :, 0].abs().min() > 0 and not new_keys[:, :, :, 1:].any()
        assert bool(keys.any()) is bool(values.any()) is in_place


def test_weights_are_the_models_own():
    model = MAKERS["llama"]()
    step = Step(model, length=8)
    assert {*map(id, step.parameters())} == {*map(id, model.parameters())}
    assert {*step.state_dict()} == {f"model.{name}" for name in model.state_dict()}


WRONG_MASKS = {
    "too strict": lambda p, n: torch.arange(n) < p[:, None],
    "one row": lambda p, n: (torch.arange(n) <= p[-1]).expand(len(p), n),
    "the future": lambda p, n: torch.arange(n) <= p[:, None] + 1,
    "from 0": lambda p, n: torch.ones(len(p), n).tril().bool(),
    "all": lambda p, n: torch.ones(len(p), n).bool(),
}


@pytest.mark.parametrize("name", WRONG_MASKS)
def test_a_wrong_mask_gives_other_logits(name):
    model, tokens = MAKERS["llama"](), draw_tokens(1, 24)
    step = Step(model, length=32, mask=WRONG_MASKS[name])
    got = stepped(step, tokens, parts=[3] * 8)
    assert not fused_models.furthest(got, eager(model, tokens)) < 1e-3


def test_a_right_mask_of_ones_own_is_used():
    model, tokens, asked = MAKERS["llama"](), draw_tokens(1, 9), []

    def mask(positions, length):
        asked.append((positions.tolist(), length))
        return static_mask(positions, length)

    got = stepped(Step(model, length=16, mask=mask), tokens)
    assert fused_models.furthest(got, eager(model, tokens)) < 1e-12
    assert asked == [([place], 16) for place in range(9)]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [[True]],
        torch.ones(2, 16),
        torch.ones(16).bool(),
        torch.ones(3, 16).bool(),
    ],
)
def test_what_is_no_mask_is_refused(answer):
    step = Step(MAKERS["llama"](), length=16, mask=lambda positions, length: answer)
    with pytest.raises(ValueError, match=r"mask gave .* a tensor of \(2, 16\)") as told:
        step(draw_tokens(1, 2), *step.example(2)[1:])
    assert "\n" not in str(told.value)


def call(*, tokens=(1, 1), positions=(0,), batch=1, length=16, layers=None):
    step = Step(MAKERS["llama"](), length=16)
    cache = step.model.new_cache(batch, length).layers[:layers]
    keys, values = (list(part) for part in zip(*cache, strict=True))
    try:
        step(draw_tokens(*tokens), torch.tensor(positions), keys, values)
    finally:
        assert not any(part.any() for part in (*keys, *values)), "nothing was written"


BAD_CALLS = {
    "beyond": ({"positions": (16,)}, r"positions=.*numbers from 0 to 15"),
    "before": ({"positions": (-1,)}, r"positions=.*numbers from 0 to 15"),
    "the second": ({"tokens": (1, 2), "positions": (15, 16)}, "positions="),
    "too many": ({"positions": (0, 1)}, r"positions have the size \(2,\)"),
    "rows of positions": ({"positions": ((0,),)}, "positions have the size"),
    "rows": ({"tokens": (2, 1)}, "takes 1 rows"),
    "no rows": ({"tokens": (1,)}, "tokens have the size"),
    "rows of caches": ({"batch": 2}, r"new_cache\(1, 16\)"),
    "a short cache": ({"length": 8}, r"new_cache\(1, 16\)"),
    "a long cache": ({"length": 17}, r"new_cache\(1, 16\)"),
    "a layer is missing": ({"layers": 1}, "keys are 1 layers"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_wrong_call_is_refused_in_one_sentence(case):
    options, words = BAD_CALLS[case]
    with pytest.raises(ValueError, match=words) as told:
        call(**options)
    assert "\n" not in str(told.value)


def test_unknown_tokens_are_named():
    step = Step(MAKERS["llama"](), length=16)
    with pytest.raises(ValueError, match="token ids"):
        step(torch.tensor([[61]]), *step.example()[1:])


BAD_STEPS = {
    "length": ({"length": 0}, "length=0 must be"),
    "no length": ({"length": 8.0}, "length=8.0 must be"),
    "beyond the context": ({"length": 97}, "the model's context is 96"),
    "batch": ({"length": 8, "batch": 0}, "batch=0"),
    "mask": ({"length": 8, "mask": "causal"}, "mask='causal'"),
}


@pytest.mark.parametrize("case", BAD_STEPS)
def test_a_wrong_step_is_refused_in_one_sentence(case):
    options, words = BAD_STEPS[case]
    with pytest.raises(ValueError, match=words) as told:
        Step(MAKERS["llama"](), **options)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["gpt2", "lstm"])
def test_other_models_have_no_static_step(name):
    with pytest.raises(ValueError, match="decoder of the Llama family"):
        Step(model(name), length=8)
    with pytest.raises(ValueError, match="load"):
        Step("coder", length=8)
