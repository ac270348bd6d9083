"""torch-pruning's graph beside our slices, on clones, and what it is not asked for."""

import time

import pytest
import torch
from families import NAMES, ask, batch, make
from small_models import decoder, wrapped

from llmlab import models
from llmlab.pruning import dependency, masks, neurons, parts

pytestmark = pytest.mark.timeout(120)


def data(model):
    arguments = batch(model, seed=7)
    return arguments["tokens"] if "tokens" in arguments else arguments


def size(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_the_neurons_that_our_slices_take(name):
    model = make(name, dtype=torch.float64)
    before = ask(model)
    mlps = parts.mlps(model)
    small = dependency.prune(
        model, data(model), layers=[one.into[0] for one in mlps.values()], share=0.25
    )
    width = parts.neurons(model, next(iter(mlps.values())))
    ours = neurons.prune(
        model, keep=width - width // 4,
        importance=neurons.importance(model, how="magnitude"),
    )  # fmt: skip
    assert size(small) == size(ours) < size(model)
    torch.testing.assert_close(ask(small), ask(ours), rtol=1e-12, atol=1e-12)
    assert torch.equal(ask(model), before)
    assert small.format.endswith("%-smaller")


@pytest.mark.parametrize("name", ["bert", "t5", "gpt2", "decoder"])
def test_what_it_cut_is_saved_and_loads(name, tmp_path):
    model = make(name)
    every = [one.into[0] for one in parts.mlps(model).values()]
    for place, layers in enumerate((every, every[:1])):  # as its class; by layer
        small = dependency.prune(model, data(model), layers=layers, share=0.5)
        models.save(small, tmp_path / str(place))
        back = models.load(tmp_path / str(place))
        inner = back.model if name == "gpt2" else back
        assert torch.equal(ask(inner), ask(small))
    if name != "decoder":
        theirs = type(model).from_pretrained(tmp_path / "0").eval()
        torch.testing.assert_close(ask(theirs), dense(model, every), rtol=0, atol=1e-6)


def dense(model, layers):
    small = dependency.prune(model, data(model), layers=layers, share=0.5)
    return ask(small)


def test_a_tied_weight_is_not_reached():
    """What writes to the stream would take from the embedding, and so from the head."""
    model = make("decoder")
    with pytest.raises(ValueError, match="a weight that stands in several places"):
        dependency.prune(
            model, data(model), layers=["layers.0.attention.output"], share=0.25
        )


def test_gpt2_keeps_its_own_kind_of_layer():
    model = wrapped(dtype=torch.float32)
    tokens = batch(model.model)["input_ids"]
    layers = ["model.transformer.h.0.mlp.c_fc"]
    small = dependency.prune(model, tokens, layers=layers, share=0.5)
    mlp = small.model.transformer.h[0].mlp
    assert type(mlp.c_fc).__name__ == type(mlp.c_proj).__name__ == "Conv1D"
    assert mlp.c_fc.nf == mlp.c_proj.nx == 64 and size(small) < size(model)


@pytest.mark.parametrize(
    ("layers", "share", "words"),
    [
        (["head"], 0.5, "the model's answers"),
        (["layers.0.attention.query"], 0.5, r"pruning\.groups\.prune"),
        (["layers.0.attention.key"], 0.5, "a projection of attention"),
        (["layers.9.mlp.up"], 0.5, "no linear layer of the model"),
        ([], 0.5, "names none"),
        ("layers.0.mlp.up", 0.5, "names none"),
        (["layers.0.mlp.up"], 0.0, "took no parameter"),
        (["layers.0.mlp.up"], 50, r"choose 0\.5 for 50 %"),
    ],
)
def test_what_it_must_not_touch_is_refused_in_one_sentence(layers, share, words):
    model = decoder(dtype=torch.float32)
    before = {name: p.clone() for name, p in model.named_parameters()}
    with pytest.raises(ValueError, match=words) as refusal:
        dependency.prune(model, data(model), layers=layers, share=share)
    assert "\n" not in str(refusal.value)
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


def test_what_does_not_end_is_given_up():
    started = time.thread_time()
    with pytest.raises(ValueError, match=r"did not end within seconds=0\.2"):
        with dependency.given_up_after(0.2):
            while True:
                masks.checked_sparsity(0.5)
    assert time.thread_time() - started < 5
    model = decoder(dtype=torch.float32)
    with pytest.raises(ValueError, match="did not end within"):
        dependency.prune(
            model, data(model), layers=["layers.0.mlp.up"], share=0.5, seconds=0.0
        )
