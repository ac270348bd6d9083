"""What leaves out whole parts gives what the whole model gives with them at zero."""

import pytest
import torch
import transformers
from families import FAMILIES, NAMES, ask, batch, make
from small_models import decoder, recurrent, wrapped
from torch import nn

from llmlab import models
from llmlab.models import surgery
from llmlab.pruning import depth, groups, llama, neurons, parts, width

LLAMAS = ("decoder", "llama", "qwen2")
FAMILY = [*NAMES, "wrapped gpt2"]


def built(name, dtype=torch.float64):
    if name == "wrapped gpt2":
        return wrapped(dtype=dtype)
    return make(name, dtype=dtype)


def asked(model):
    if hasattr(model, "remembers"):
        with torch.inference_mode():
            return model(batch(model.model, seed=3)["input_ids"])
    return ask(model, seed=3)


def data(model):
    if hasattr(model, "remembers"):
        return [batch(model.model, seed=7, rows=4)["input_ids"]]
    arguments = batch(model, seed=7, rows=4)
    return [arguments["tokens"] if "tokens" in arguments else arguments]


def scores(model, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(parts.neurons(model, mlp), generator=generator)
        for name, mlp in parts.mlps(model).items()
    }


def zero(layer, places):
    """Set some outputs of a linear layer to zero, in place."""
    with torch.no_grad():
        weight = surgery.weight_of(layer).clone()
        weight[places] = 0
        surgery.set_weight(layer, weight)
        if layer.bias is not None:
            layer.bias = nn.Parameter(layer.bias.clone(), False)
            layer.bias[places] = 0


@pytest.mark.parametrize("name", FAMILY)
def test_without_neurons_it_is_the_model_with_them_at_zero(name):
    model = built(name)
    before, chosen = asked(model), scores(model)
    small = neurons.prune(model, keep=20, importance=chosen)
    masked = surgery.clone(model)
    for out, mlp in parts.mlps(masked).items():
        gone = torch.ones(len(chosen[out]), dtype=torch.bool)
        gone[neurons.most_important(chosen[out], 20)] = False
        layer = masked.get_submodule(out)
        weight = surgery.weight_of(layer).clone()
        weight[:, gone] = 0
        surgery.set_weight(layer, weight)
        assert parts.neurons(small, mlp) == 20
    torch.testing.assert_close(asked(small), asked(masked), rtol=1e-12, atol=1e-12)
    assert torch.equal(asked(model), before)
    assert small.format == "20-neurons"
    assert sum(p.numel() for p in small.parameters()) < sum(
        p.numel() for p in model.parameters()
    )


@pytest.mark.parametrize("how", neurons.HOW)
@pytest.mark.parametrize("name", ["decoder", "wrapped gpt2"])
def test_every_way_gives_each_neuron_a_score(name, how):
    model = built(name, torch.float32)
    chosen = neurons.importance(model, data(model), how=how)
    assert chosen.keys() == parts.mlps(model).keys()
    for out, score in chosen.items():
        assert score.shape == (parts.neurons(model, parts.mlps(model)[out]),)
        assert score.isfinite().all() and (score >= 0).all()
    assert not any(p.requires_grad for p in model.parameters())


def test_what_is_silent_and_what_is_small_scores_nothing():
    model = decoder(dtype=torch.float32)
    mlp = model.layers[0].mlp
    zero(mlp.gate, [3])
    for how in ("activation", "wanda", "taylor"):
        score = neurons.importance(model, data(model), how=how)["layers.0.mlp.down"]
        assert score[3] == 0 and (score > 0).sum() == len(score) - 1
    for layer in (mlp.gate, mlp.up):
        zero(layer, [5])
    with torch.no_grad():
        mlp.down.weight[:, 5] = 0
    score = neurons.importance(model, how="magnitude")["layers.0.mlp.down"]
    assert score[5] == 0 and score.argmin() == 5


@pytest.mark.parametrize("name", LLAMAS)
@pytest.mark.parametrize("more", [{}, {"num_key_value_heads": 4}])
def test_without_groups_it_is_the_model_with_them_at_zero(name, more):
    model = with_sizes(name, **more)
    count = more.get("num_key_value_heads", 2)
    chosen = {
        place: torch.arange(count).float().flip(0)  # the first stay
        for place in llama.places(model, "attention.output")
    }
    small = groups.prune(model, keep=1, importance=chosen)
    masked = surgery.clone(model)
    for place in chosen:
        layer = masked.get_submodule(place)
        with torch.no_grad():
            layer.weight[:, layer.in_features // count :] = 0
    torch.testing.assert_close(ask(small), ask(masked), rtol=1e-12, atol=1e-12)
    assert small.format == "1-groups"
    if name == "decoder":
        saved = model.new_cache(1, 8).bytes
        assert small.new_cache(1, 8).bytes * count == saved
        assert small.cost(4).flops < model.cost(4).flops


def with_sizes(name, **more):
    """Return a model of the Llama family in float64 with other sizes."""
    if name == "decoder":
        return decoder(tie_word_embeddings=True, **more)
    kind, config, sizes = FAMILIES[name]
    from small_models import spread

    config = getattr(transformers, config)(**sizes | more)
    return spread(getattr(transformers, kind)(config)).double()


@pytest.mark.parametrize("name", LLAMAS)
def test_a_narrower_stream_is_the_wide_one_with_channels_at_zero(name):
    model = make(name, dtype=torch.float64)
    score = torch.rand(32, generator=torch.Generator().manual_seed(1))
    small = width.prune(model, keep=16, importance=score)
    gone = torch.ones(32, dtype=torch.bool)
    gone[neurons.most_important(score, 16)] = False
    masked = surgery.clone(model)
    with torch.no_grad():
        masked.get_submodule(llama.place(model, "embedding")).weight[:, gone] = 0
        for part in width.WRITES:
            for place in llama.places(model, part):
                zero(masked.get_submodule(place), gone)
    # The norms of transformers compute in float32, whatever they are given.
    most = 1e-12 if name == "decoder" else 1e-5
    torch.testing.assert_close(ask(small), ask(masked), rtol=most, atol=most)
    assert small.format == "16-wide"


@pytest.mark.parametrize("name", FAMILY)
def test_without_layers_it_is_the_model_whose_layers_add_nothing(name):
    if name == "albert":
        return  # refused below: all of its places are one layer
    model = built(name)
    stack = "encoder" if name == "t5" else None
    small = depth.drop(model, layers=[0], stack=stack)
    assert small.format == "1-layers"
    masked = surgery.clone(model)
    for place in skipped(masked, name):
        zero(masked.get_submodule(place), slice(None))
    if name == "bert":  # its norms stand behind the sums, so a layer is no addition
        layers = model.bert.encoder.layer
        assert torch.equal(
            small.bert.encoder.layer[0].output.dense.weight,
            layers[1].output.dense.weight,
        )
        return
    torch.testing.assert_close(asked(small), asked(masked), rtol=1e-12, atol=1e-12)


def skipped(model, name):
    """Return the layers that write to the stream in the first layer of a model."""
    first = {
        "decoder": "layers.0.", "llama": "model.layers.0.", "qwen2": "model.layers.0.",
        "gpt2": "transformer.h.0.", "wrapped gpt2": "model.transformer.h.0.",
        "bert": "bert.encoder.layer.0.", "t5": "encoder.block.0.",
    }[name]  # fmt: skip
    writes = ("output", "down", "o_proj", "down_proj", "c_proj", "o", "wo", "dense")
    return [
        place
        for place in surgery.linear_layers(model)
        if place.startswith(first) and place.rpartition(".")[2] in writes
    ]


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_t5_keeps_its_positions_when_its_first_layer_goes(stack):
    model = make("t5")
    small = depth.drop(model, layers=[0], stack=stack)
    kept = getattr(small, stack).block[0].layer[0].SelfAttention
    old = getattr(model, stack).block[0].layer[0].SelfAttention
    assert torch.equal(
        kept.relative_attention_bias.weight, old.relative_attention_bias.weight
    )


def test_block_influence_is_one_minus_the_mean_cosine_by_token():
    before = torch.tensor([[[1.0, 0.0], [2.0, 0.0]]])
    after = torch.tensor([[[3.0, 0.0], [0.0, 1.0]]])
    assert float(depth.influence(before, after)) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["decoder", "wrapped gpt2", "bert", "t5"])
def test_a_layer_that_adds_nothing_has_no_influence(name):
    model = built(name)
    stack = "decoder" if name == "t5" else None
    shares = depth.block_influence(model, data(model), stack=stack)
    assert len(shares) == 2 and all(share > 1e-3 for share in shares)
    if name != "decoder":
        return
    silent = surgery.clone(model)
    for place in skipped(silent, name):
        zero(silent.get_submodule(place), slice(None))
    assert depth.block_influence(silent, data(model))[0] == pytest.approx(0, abs=1e-12)


def test_an_rnn_loses_layers_that_are_as_wide_as_their_neighbours():
    model = recurrent(dtype=torch.float32)
    small = depth.drop(model, layers=[1])
    assert len(small.layers) == 2 and small.config.num_hidden_layers == 2
    with pytest.raises(ValueError, match="cut every layer to the same size"):
        depth.drop(model, layers=[0])


CUTS = {
    "neurons": lambda m: neurons.prune(m, keep=20, importance=scores(m)),
    "groups": lambda m: groups.prune(
        m, keep=1, importance=groups.importance(m, data(m))
    ),
    "width": lambda m: width.prune(m, keep=16, importance=width.importance(m, data(m))),
    "depth": lambda m: depth.drop(m, layers=[0]),
}


@pytest.mark.parametrize("cut", CUTS)
def test_plain_transformers_loads_what_was_cut_and_answers_the_same(cut, tmp_path):
    small = CUTS[cut](built("decoder", torch.float32))
    models.save(small, tmp_path / "small")
    back = models.load(tmp_path / "small")
    assert torch.equal(ask(back), ask(small)) and back.format == small.format
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "small", dtype=torch.float32
    )
    tokens = batch(small)["tokens"]
    with torch.inference_mode():
        torch.testing.assert_close(theirs(tokens).logits, ask(small))


@pytest.mark.parametrize("cut", ["neurons", "depth"])
@pytest.mark.parametrize("name", ["bert", "t5", "gpt2"])
def test_so_it_does_for_its_own_classes(cut, name, tmp_path):
    model = make(name)
    if cut == "depth" and name == "t5":
        small = depth.drop(model, layers=[0], stack="decoder")
    else:
        small = CUTS[cut](model)
    models.save(small, tmp_path / "small")
    theirs = type(model).from_pretrained(tmp_path / "small")
    torch.testing.assert_close(ask(theirs.eval()), ask(small), rtol=0, atol=0)


def test_a_pruned_decoder_still_generates_with_its_cache():
    small = CUTS["groups"](CUTS["depth"](decoder(num_hidden_layers=3)))
    prompt = batch(small)["tokens"][0].tolist()
    written = list(small.stream(prompt, max_tokens=6))
    text = list(prompt)
    for _ in range(6):
        text.append(int(small(torch.tensor([text]))[0, -1].argmax()))
    assert written == text[len(prompt) :]


def test_windows_go_with_their_layers():
    model = decoder(num_hidden_layers=3)
    for layer, window in zip(model.layers, (None, 3, 5), strict=True):
        layer.window = window
    small = depth.drop(model, layers=[1])
    assert [layer.window for layer in small.layers] == [None, 5]


def refusals():
    model = decoder(dtype=torch.float32)
    good = scores(model)
    group = groups.importance(model, data(model))
    channels = width.importance(model, data(model))
    bert, gpt2 = make("bert"), wrapped(dtype=torch.float32)
    linear = nn.Linear(8, 4)
    short = {name: score[:5] for name, score in good.items()}
    return (
        (lambda: neurons.prune(model, keep=0, importance=good), "keep=0 neurons"),
        (lambda: neurons.prune(model, keep=49, importance=good), "none of 1 to 48"),
        (lambda: neurons.prune(model, keep=0.5, importance=good), r"keep=0\.5"),
        (lambda: neurons.prune(model, keep=9, importance={}), "one score for each"),
        (lambda: neurons.prune(model, keep=9, importance=short), r"is \(5,\)"),
        (lambda: neurons.prune(linear, keep=2, importance={}), "configuration"),
        (lambda: neurons.importance(model, how="size"), "how='size' is unknown"),
        (lambda: neurons.importance(model), "holds no batch"),
        (lambda: groups.prune(model, keep=3, importance=group), "none of 1 to 2"),
        (lambda: groups.prune(model, keep=1, importance={}), "one finite score"),
        (lambda: groups.prune(bert, keep=1, importance={}), "the Llama family"),
        (lambda: width.prune(model, keep=30, importance=channels), "no multiple of"),
        (lambda: width.prune(model, keep=16, importance=channels[:4]), r"\(4,\)"),
        (lambda: width.importance(gpt2, data(gpt2)), "the Llama family"),
        (lambda: width.importance(model, []), "holds no batch"),
        (lambda: depth.drop(model, layers=[7]), "no layer 7 of 2"),
        (lambda: depth.drop(model, layers=[-1]), "no layer -1 of 2"),
        (lambda: depth.drop(model, layers=[0, 1]), "all 2 that there are"),
        (lambda: depth.drop(make("t5"), layers=[0]), "choose stack='encoder'"),
        (lambda: depth.drop(make("albert"), layers=[0]), "share one layer"),
        (lambda: depth.drop(linear, layers=[0]), "configuration"),
        (lambda: depth.block_influence(model, []), "holds no batch"),
    )


def test_bad_input_is_refused_in_one_sentence():
    for call, words in refusals():
        with pytest.raises(ValueError, match=words) as refusal:
            call()
        assert "\n" not in str(refusal.value)


def test_layers_that_share_a_module_are_cut_before_they_share():
    model = decoder(num_hidden_layers=3)
    model.layers[2] = model.layers[1]
    with pytest.raises(ValueError, match="prune first, then share"):
        neurons.prune(model, keep=20, importance=scores(model))
