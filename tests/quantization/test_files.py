"""Quantized models come back from their files exactly, or are refused."""

import json

import pytest
import torch
from families import NAMES, ask, make
from safetensors.torch import load_file, save_file
from small_models import draw_tokens, recurrent, wrapped
from transformers import GenerationConfig

from llmlab import models, quantization
from llmlab.kernels import Format
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models import files

FACTORS = torch.ones(32)
WORDS = ("int8", "int8-dynamic", "int4-g16", "int3-sym", "int2-tensor")


@pytest.mark.parametrize("word", WORDS)
def test_a_decoder_comes_back_bit_by_bit(word, tmp_path):
    new = quantization.quantize(make("decoder"), Format.parse(word))
    back = models.load(models.save(new, tmp_path))
    assert torch.equal(ask(back), ask(new))
    assert back.format == new.format == word
    assert not any(p.requires_grad for p in back.parameters())
    state, other = new.state_dict(), back.state_dict()
    assert state.keys() == other.keys()
    assert all(torch.equal(state[name], other[name]) for name in state)


@pytest.mark.parametrize("name", NAMES)
def test_every_family_comes_back_with_tied_and_shared_weights(name, tmp_path):
    model = make(name, dtype=torch.bfloat16 if name == "bert" else torch.float32)
    new = quantization.quantize(model)
    back = models.load(models.save(new, tmp_path))
    # Our decoder takes the place of transformers' class, and sums in another order.
    close = {"rtol": 0, "atol": 0} if type(back) is type(new) else {}
    torch.testing.assert_close(ask_alike(back, model), ask(new), **close)
    if name == "t5":
        assert back.encoder.embed_tokens.weight is back.shared.weight
        assert back.config.scale_decoder_outputs == model.config.scale_decoder_outputs
    again = models.load(models.save(back, tmp_path / "again"))
    assert torch.equal(ask_alike(again, model), ask_alike(back, model))


def ask_alike(back, model):
    """Ask what came back, which may be behind our face, as `ask` asks the model."""
    if hasattr(back, "new_cache"):
        with torch.inference_mode():
            return back(draw_tokens(2, 12))
    return ask(back)


@pytest.mark.parametrize("made", [wrapped, recurrent])
def test_models_behind_our_face_come_back_too(made, tmp_path):
    model = made(dtype=torch.float32)
    new = quantization.quantize(model)
    back = models.load(models.save(new, tmp_path))
    tokens = draw_tokens(2, 9)
    with torch.inference_mode():
        assert torch.equal(back(tokens), new(tokens))


def test_skipped_layers_stay_tied_in_the_file(tmp_path):
    new = quantization.quantize(make("decoder"), skip=("head",))
    back = models.load(models.save(new, tmp_path))
    assert back.head.weight is back.embedding.weight
    assert torch.equal(ask(back), ask(new))


def test_what_awq_multiplies_inputs_with_comes_back(tmp_path):
    model = make("decoder")
    three = Format(bits=3, group_size=16)
    new = quantization.awq.quantize(model, [draw_tokens(4, 20)], three)
    layers = [m for m in new.modules() if isinstance(m, QuantizedLinear)]
    assert any("input_scales" in layer._parameters for layer in layers)
    back = models.load(models.save(new, tmp_path))
    assert torch.equal(ask(back), ask(new))


FACTOR_DAMAGES = {
    "one for all": (lambda each: each[:1], "inputs"),
    "NaN": (lambda each: each * float("nan"), "above zero"),
    "lost": (lambda each: None, "against what is said"),
}


@pytest.mark.parametrize("what", FACTOR_DAMAGES)
def test_damaged_factors_of_the_inputs_are_refused(what, tmp_path):
    damage, word = FACTOR_DAMAGES[what]
    model = make("decoder")
    three = Format(bits=3, group_size=16)
    new = quantization.awq.quantize(model, [draw_tokens(4, 20)], three)
    folder = models.save(new, tmp_path)

    def change(held):
        name = next(key for key in held if key.endswith("input_scales"))
        factors = damage(held.pop(name))
        if factors is not None:
            held[name] = factors.contiguous()

    tensors(folder, change)
    with pytest.raises(ValueError, match=word):
        models.load(folder)


@pytest.mark.parametrize(("bits", "share"), [(8, 1.0), (4, 0.5), (3, 0.375), (2, 0.25)])
def test_the_file_is_as_large_as_its_bits_say(bits, share, tmp_path):
    model = models.random_model("tiny", dtype="bf16")
    new = quantization.quantize(model, Format(bits=bits))
    size = models.size(models.save(new, tmp_path))
    linear = sum(
        m.spec.rows * m.spec.columns
        for m in new.modules()
        if isinstance(m, QuantizedLinear)
    )
    rest = model.embedding.weight.nbytes
    assert linear * share + rest < size < linear * share + rest + 16_000


@pytest.mark.parametrize("name", ["t5", "gpt2"])
def test_how_a_model_generates_comes_back(name, tmp_path):
    model = make(name)
    ends = {"decoder_start_token_id": 0, "pad_token_id": 0}
    model.generation_config = GenerationConfig(max_new_tokens=33, **ends)
    new = quantization.quantize(model)
    back = models.load(models.save(new, tmp_path))
    back = getattr(back, "model", back)
    assert back.generation_config.max_new_tokens == 33
    prompt = draw_tokens(2, 5)
    written = [each.generate(prompt, do_sample=False) for each in (new, back)]
    assert torch.equal(*written) and written[0].shape[1] > 20


def test_a_bare_layer_is_quantized_and_has_no_folder(tmp_path):
    layer = torch.nn.Linear(32, 16)
    new = quantization.quantize(layer)
    assert isinstance(new, QuantizedLinear) and new.format == "int8"
    assert type(layer) is torch.nn.Linear
    x = torch.eye(32)
    step = float(layer.weight.detach().abs().max()) / 127
    torch.testing.assert_close(new(x), layer(x), rtol=0, atol=2 * step)  # bf16 sums
    with pytest.raises(ValueError, match="single layer"):
        models.save(new, tmp_path)


@pytest.fixture
def folder(tmp_path):
    new = quantization.quantize(make("decoder"), Format(bits=4, group_size=16))
    return models.save(new, tmp_path)


def cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def flipped(folder):
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-50] ^= 1
    path.write_bytes(data)


def no_json(folder):
    (folder / "config.json").write_text("{")


def other_version(folder):
    say(folder, lambda facts: facts.update(version=99))


def say(folder, change):
    """Change what the configuration says of the layers."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config["llmlab"])
    path.write_text(json.dumps(config))


def tensors(folder, change):
    """Change the tensors, and let the configuration know the new file."""
    path = folder / "model.safetensors"
    held = load_file(path)
    change(held)
    save_file(held, path, metadata={"format": "pt"})
    say(folder, lambda facts: facts.update(weights=files.fingerprint([path])))


DAMAGES = {
    "cut short": (cut, "damaged"),
    "one bit": (flipped, "damaged"),
    "half a JSON": (no_json, "not JSON"),
    "another version": (other_version, "damaged"),
    "other bits": (
        lambda f: say(f, lambda facts: layer(facts).update(bits=3)),
        "model.layers.0|layers.0",
    ),
    "bits that are none": (
        lambda f: say(f, lambda facts: layer(facts).update(bits=77)),
        "layers.0",
    ),
    "a form that is none": (
        lambda f: say(f, lambda facts: layer(facts).update(colour="red")),
        "layers.0",
    ),
    "another group size": (
        lambda f: say(f, lambda facts: layer(facts).update(group_columns=8)),
        "layers.0",
    ),
    "a group size that divides nothing": (
        lambda f: say(f, lambda facts: layer(facts).update(group_columns=7)),
        "does not divide",
    ),
    "a layer that is none": (
        lambda f: say(f, lambda facts: facts["layers"].update(nothing=layer(facts))),
        "nothing",
    ),
    "scales missing": (
        lambda f: tensors(f, lambda t: t.pop("lm_head.scales")),
        "head",
    ),
    "a norm missing": (
        lambda f: tensors(f, lambda t: t.pop("model.norm.weight")),
        "norm.weight is missing",
    ),
    "a tensor too many": (
        lambda f: tensors(f, lambda t: t.update(more=torch.ones(1))),
        "more is not part",
    ),
    "a norm of another shape": (
        lambda f: tensors(f, lambda t: t.update({"model.norm.weight": torch.ones(3)})),
        "norm.weight is",
    ),
    "no layers": (
        lambda f: say(f, lambda facts: facts.pop("layers")),
        "is missing",
    ),
    "a kind of layer that is none": (
        lambda f: say(f, lambda facts: layer(facts).update(kind="os.path")),
        "kind='os.path' is none that this llmlab knows",
    ),
    "operators that are none": (
        lambda f: say(f, lambda facts: layer(facts).update(bits=4, operators=3)),
        "operators=3 are no 3 names",
    ),
    "operators that are no words": (
        lambda f: say(f, lambda facts: layer(facts).update(operators=[1, 2, 3])),
        "are no 3 names",
    ),
    "layers that are none": (
        lambda f: say(f, lambda facts: facts.update(layers=["up"])),
        "damaged",
    ),
    "tied by numbers": (
        lambda f: say(f, lambda facts: facts.update(tied=[[1, 2]])),
        "damaged",
    ),
    "tied oddly": (lambda f: say(f, lambda facts: facts.update(tied=7)), "damaged"),
    "the same oddly": (
        lambda f: say(f, lambda facts: facts.update(same=[["norm", "nothing.at.all"]])),
        "damaged",
    ),
    "windows for other layers": (
        lambda f: say(f, lambda facts: facts.update(windows=[1, 2, 3])),
        "damaged",
    ),
    "a size that is none": (
        lambda f: say(f, lambda facts: facts.update(sizes={"lm_head": [0, 32]})),
        "damaged",
    ),
    "a section that is none": (lambda f: no_section(f), "damaged"),
    "a tensor too many in a layer": (
        lambda f: tensors(f, lambda t: t.update({"lm_head.more": torch.ones(1)})),
        "more is not part",
    ),
    "factors that nobody spoke of": (
        lambda f: tensors(f, lambda t: t.update({"lm_head.input_scales": FACTORS})),
        "against what is said",
    ),
    "a NaN": (
        lambda f: tensors(
            f, lambda t: t["model.norm.weight"].fill_(float("nan"))
        ),
        "NaN",
    ),
    "a scale below zero": (
        lambda f: tensors(f, lambda t: t["lm_head.scales"].neg_()),
        "above zero",
    ),
}  # fmt: skip


def no_section(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"llmlab": ["layers"]}))


def layer(facts):
    return facts["layers"]["model.layers.0.mlp.up_proj"]


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_folder_is_refused(folder, what):
    damage, word = DAMAGES[what]
    damage(folder)
    with pytest.raises(ValueError, match=word):
        models.load(folder)
