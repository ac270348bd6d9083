"""Any model with linear layers becomes a new one in a few bits; the old one stays."""

import copy
import hashlib
import math
import re

import pytest
import torch
from families import FAMILIES, NAMES, ask, batch, make
from small_models import decoder, draw_tokens, recurrent, wrapped
from torch import nn

from llmlab import measure, models, quantization
from llmlab.kernels import Format
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.kernels.stored import StoredLinear
from llmlab.models import generation, surgery

MOST_ERROR = {8: 0.1, 4: 0.8}  # of the logits, relative; weights are random here


def fingerprint(model):
    """Hash every byte of a model, and what it says about itself."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    digest.update(str([p.requires_grad for p in model.parameters()]).encode())
    digest.update(str(model.config.to_dict()).encode())
    return digest.hexdigest()


def error(found, exact):
    return float((found - exact).norm() / exact.norm())


@pytest.fixture(params=NAMES)
def model(request):
    return make(request.param)


def test_the_original_is_unchanged_to_the_byte(model):
    before, answer = fingerprint(model), ask(model)
    new = quantization.quantize(model, Format(bits=4, group_size=16))
    for p in new.parameters():
        if p.is_floating_point():
            p.requires_grad_(True)
            p.data = p.data * 2
    new.to(torch.bfloat16)
    assert fingerprint(model) == before
    assert torch.equal(ask(model), answer)


def test_all_linear_layers_are_quantized_and_the_answers_stay_close(model):
    for bits in (8, 4):
        new = quantization.quantize(model, Format(bits=bits, group_size=16))
        layers = [m for m in new.modules() if isinstance(m, QuantizedLinear)]
        assert len(layers) == len(surgery.linear_layers(model))
        assert not any(type(m) is nn.Linear for m in new.modules())
        assert error(ask(new), ask(model)) < MOST_ERROR[bits]
        assert f"int{bits}" in new.format


def test_unchanged_weights_share_their_storage_as_new_parameters(model):
    new = quantization.quantize(model)
    old = {id(p) for p in model.parameters()}
    assert not old & {id(p) for p in new.parameters()}
    mine = {p.data_ptr() for p in model.parameters()}
    plain = [
        p
        for m in new.modules()
        if not isinstance(m, StoredLinear)
        for p in m._parameters.values()
        if p is not None
    ]
    assert plain and all(p.data_ptr() in mine for p in plain)


def test_a_tied_head_gets_weights_of_its_own_and_the_flag_says_so():
    for name in ("decoder", "llama", "gpt2", "bert"):
        old = make(name)
        new = quantization.quantize(old)
        assert old.config.tie_word_embeddings
        assert not new.config.tie_word_embeddings
        kept = quantization.quantize(old, skip=head_of(old))
        assert kept.config.tie_word_embeddings


def head_of(model):
    heads = [n for n in surgery.linear_layers(model) if "head" in n or "decoder" in n]
    return [name for name in heads if "layers" not in name]


def test_tied_embeddings_that_stay_remain_tied():
    new = quantization.quantize(make("t5"))
    assert new.encoder.embed_tokens.weight is new.shared.weight
    kept = quantization.quantize(make("decoder"), skip=("head",))
    assert kept.head.weight is kept.embedding.weight


def test_layers_that_are_shared_stay_shared():
    new = quantization.quantize(make("albert"))
    group = new.albert.encoder.albert_layer_groups
    assert len(group) == 1
    assert isinstance(group[0].albert_layers[0].ffn, QuantizedLinear)


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen2", "t5"])
def test_a_quantized_transformers_model_generates(name):
    model = make(name)
    new = quantization.quantize(model)
    prompt = draw_tokens(1, 5)
    tokens = new.generate(prompt, max_new_tokens=6, do_sample=False, pad_token_id=0)
    assert tokens.shape[0] == 1 and tokens.shape[1] > 5 * (name != "t5")


def test_our_loop_writes_with_a_quantized_decoder():
    new = quantization.quantize(make("decoder"))
    rows = list(generation.stream_batch(new, [[1, 2, 3], [4, 5]], max_tokens=5))
    for row, prompt in enumerate(([1, 2, 3], [4, 5])):
        alone = list(generation.stream(new, prompt, max_tokens=5))
        assert [step[row] for step in rows] == alone


def test_cost_and_memory_count_the_bytes_that_there_are():
    model = make("decoder", dtype=torch.bfloat16)
    new = quantization.quantize(model)
    assert new.cost(1, 10).flops == model.cost(1, 10).flops
    linear = sum(m.weight.numel() for m in surgery.linear_layers(model).values())
    saved = model.cost(1, 10).bytes - new.cost(1, 10).bytes
    assert 0.9 * linear < saved < 1.1 * linear  # a byte less for each weight
    held = measure.memory.weight_bytes(new)
    assert held < measure.memory.weight_bytes(model)
    assert "int8" in measure.memory.held(new)[0].subject


def test_activations_in_int8_work_on_every_family(model):
    new = quantization.quantize(model, Format(activations=True))
    assert error(ask(new), ask(model)) < 0.1
    assert "dynamic" in new.format
    alone, both = ask(new, rows=1), ask(new, rows=2)
    assert error(both[:1], alone) < 1e-3


def test_formats_by_name_change_these_layers_only():
    model = make("decoder")
    names = list(surgery.linear_layers(model))
    new = quantization.quantize(model, {names[0]: Format(bits=4), names[1]: Format()})
    found = {
        name: layer.spec.bits
        for name, layer in new.named_modules()
        if isinstance(layer, QuantizedLinear)
    }
    assert found == {names[0]: 4, names[1]: 8}
    assert re.fullmatch(r"int[48] and 1 more of \d+% of the weights", new.format)


def mixture(family="mixtral", **changes):
    sizes = {"num_local_experts": 4, "intermediate_size": 64, "num_key_value_heads": 2}
    return wrapped(family, dtype=torch.float32, **sizes | changes)


def test_experts_are_quantized_matrix_by_matrix():
    """transformers keeps Mixtral's experts as parameters of three dimensions."""
    model = mixture()
    new = quantization.quantize(model, Format(bits=4, group_size=16))
    assert new.format == "int4-g16"
    held = {n: m for n, m in new.named_modules() if isinstance(m, QuantizedLinear)}
    experts = {name: one for name, one in held.items() if ".experts." in name}
    assert len(experts) == 2 * 4 * 2, "of two layers, four experts, two matrices"
    assert new.cost(1, 5).flops == model.cost(1, 5).flops
    for name, layer in experts.items():
        place, number, part = name.rsplit(".", 2)
        weight = getattr(model.get_submodule(place), part)[int(number)]
        right = quantization.quantize_weight(
            weight, Format(bits=4, group_size=16), scale_dtype=torch.bfloat16
        )
        assert torch.equal(layer.quantized().integers, right.integers)


def test_experts_in_eight_bits_answer_nearly_as_before():
    model, tokens = mixture(), draw_tokens(2, 9)
    with torch.inference_mode():
        right, answer = model(tokens), quantization.quantize(model)(tokens)
    assert float((answer - right).norm() / right.norm()) < 0.1


def test_what_calibrates_leaves_experts_alone_and_says_the_share():
    """A text visits some of the experts; of the others nothing would be known."""
    model = mixture()
    share = surgery.share_of_weights(model, surgery.linear_layers(model).values())
    new = quantization.gptq.quantize(model, [draw_tokens(1, 8)], Format(bits=4))
    assert share < 0.5 and new.format == f"int4 of {share:.0%} of the weights"


def test_experts_in_a_form_unknown_here_are_not_passed_over_in_silence():
    model = mixture("gpt_oss", head_dim=8)
    layers = surgery.linear_layers(model)
    share = surgery.share_of_weights(model, layers.values())
    experts = sum(p.numel() for p in model.parameters() if p.dim() == 3)
    held = sum(layer.weight.numel() for layer in layers.values())
    assert share < held / (held + experts) < 0.5
    new = quantization.quantize(model, Format(bits=4, group_size=16))
    assert new.format == f"int4-g16 of {share:.0%} of the weights"
    whole = quantization.quantize(make("decoder"))
    assert whole.format == "int8"


def test_the_head_of_a_recurrent_model_is_linear_too():
    model = recurrent(dtype=torch.float32)
    before = fingerprint(model)
    new = quantization.quantize(model)
    tokens = draw_tokens(2, 9)
    with torch.inference_mode():
        assert error(new(tokens), model(tokens)) < 0.05
    assert fingerprint(model) == before


def test_a_quantized_model_is_copied_without_its_integers():
    new = quantization.quantize(make("decoder"))
    twin = copy.deepcopy(new)
    assert torch.equal(ask(new), ask(twin))
    (a, b) = (m.layers[0].mlp.up for m in (new, twin))
    names = set(a._parameters) - {"bias"}
    assert all(
        a._parameters[n] is not b._parameters[n]
        and torch.equal(a.to_file()["integers"], b.to_file()["integers"])
        for n in names
    )


def test_prepacking_changes_no_weight():
    model = make("decoder", dtype=torch.bfloat16)
    new = quantization.prepack(model)
    assert error(ask(new).float(), ask(model).float()) < 0.02
    names = surgery.linear_layers(model)
    state = new.state_dict()
    for name, layer in names.items():
        assert torch.equal(state[f"{name}.weight"], layer.weight)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"format": Format(bits=4, group_size=24)}, "skip="),
        ({"format": "int4-g32"}, r"Format\.parse\('int4-g32'\)"),
        ({"format": 4}, "Format\\(bits=4"),
        ({"format": {"head": "int4"}}, r"Format\.parse"),
        ({"skip": ("nothing",)}, "choose among"),
        ({"format": {"layers.7.mlp.up": Format(bits=4)}}, "no linear layer"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_way_out(arguments, word):
    with pytest.raises(ValueError, match=word):
        quantization.quantize(make("decoder"), **arguments)


def test_a_model_without_linear_layers_is_refused():
    with pytest.raises(ValueError, match="no linear layer"):
        quantization.quantize(nn.Sequential(nn.ReLU()))
    once = quantization.quantize(make("decoder"))
    with pytest.raises(ValueError, match="no linear layer"):
        quantization.quantize(once)


def test_weights_that_are_not_finite_name_their_layer():
    model = make("decoder")
    with torch.no_grad():
        model.layers[1].mlp.up.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"layers\.1\.mlp\.up"):
        quantization.quantize(model)


def test_a_random_shape_keeps_its_quality_at_8_bits():
    model = models.random_model("tiny")
    new = quantization.quantize(model)
    tokens = torch.arange(40)[None] * 7 % 500
    with torch.inference_mode():
        assert error(new(tokens), model(tokens)) < 0.02


def test_every_family_is_covered():
    assert set(FAMILIES) >= {"llama", "qwen2", "gpt2", "bert", "t5"}
    assert batch(make("t5"))["decoder_input_ids"].shape[1] == 7


@pytest.mark.parametrize(
    "method",
    [
        quantization.quantize,
        lambda model: quantization.gptq.quantize(model, [draw_tokens(1, 8)]),
        lambda model: quantization.awq.quantize(model, [draw_tokens(1, 8)]),
        lambda model: quantization.smoothquant.quantize(model, [draw_tokens(1, 8)]),
        quantization.qat.prepare,
    ],
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_every_method_names_the_layer_whose_weights_are_no_numbers(method, value):
    model = decoder(dtype=torch.float32)
    model.layers[1].mlp.up.weight[2, 3] = value
    with pytest.raises(ValueError, match=r"^layers\.1\.mlp\.up: weight holds NaN or"):
        method(model)


def test_a_scan_says_how_many_of_the_weights_it_saw():
    model = mixture()
    formats = [quantization.Format(bits=4, group_size=16)]
    options = quantization.sensitivity.scan(model, lambda _: 0.0, formats)
    (record,) = options[0].records()
    layers = surgery.linear_layers(model)
    share = surgery.share_of_weights(model, layers.values())
    assert share < 0.9 and f"{share:.0%} of this model's" in record.details["note"]
    plain = decoder(dtype=torch.float32)
    (option, *_) = quantization.sensitivity.scan(plain, lambda _: 0.0, formats)
    assert "note" not in option.records()[0].details
