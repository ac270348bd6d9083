"""Experts that transformers keeps in one piece become linear layers, and back."""

import pytest
import torch
from small_models import draw_tokens, wrapped
from torch import nn
from transformers import AutoModelForCausalLM

from llmlab import models, pruning
from llmlab.models import experts, surgery

SIZES = {
    "num_experts_per_tok": 2,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "intermediate_size": 48,
}
QWEN = SIZES | {"num_experts": 4, "moe_intermediate_size": 24}
FAMILIES = {
    "mixtral": SIZES,
    "qwen2_moe": QWEN | {"shared_expert_intermediate_size": 40},
    "qwen3_moe": QWEN,
    "olmoe": SIZES | {"num_experts": 4},
}


def make(family="mixtral", dtype=torch.float32):
    """Return a model of a family; transformers runs none of them in float64."""
    return wrapped(family, dtype=dtype, **FAMILIES[family])


def ask(model, rows=2):
    with torch.inference_mode():
        return model(draw_tokens(rows, 12))


@pytest.mark.parametrize("family", FAMILIES)
def test_separate_experts_answer_as_they_did_in_one_piece(family):
    model = make(family)
    apart = experts.separate(model)
    right = ask(model)
    close = 1e-5 * float(right.abs().max())
    torch.testing.assert_close(ask(apart), right, rtol=0, atol=close)
    layers = surgery.linear_layers(apart)
    held = {name for name in layers if ".experts." in name}
    assert len(held) == 2 * 4 * 2 and set(surgery.linear_layers(model)) == (
        set(layers) - held
    )
    assert surgery.share_of_weights(apart, layers.values()) > 0.9
    assert surgery.share_of_weights(model, surgery.linear_layers(model).values()) < 0.9


def test_separate_experts_share_the_memory_and_leave_the_model_alone():
    model = make()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    apart = experts.separate(model)
    places = [
        {p.untyped_storage().data_ptr() for p in m.parameters()} for m in (model, apart)
    ]
    assert places[0] == places[1]
    assert not set(map(id, model.parameters())) & set(map(id, apart.parameters()))
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())
    assert apart.cost(1, 5).flops == model.cost(1, 5).flops


@pytest.mark.parametrize("family", FAMILIES)
def test_joined_they_are_what_they_were_to_the_last_bit(family):
    model = make(family)
    back = experts.join(experts.separate(model))
    state, other = model.state_dict(), back.state_dict()
    assert list(state) == list(other)
    assert all(torch.equal(tensor, other[name]) for name, tensor in state.items())
    assert torch.equal(ask(back), ask(model))
    assert [type(m) for m in back.modules()] == [type(m) for m in model.modules()]


def test_a_model_without_experts_comes_back_as_it_is():
    model = wrapped()
    assert experts.separate(model) is model and experts.join(model) is model


def test_experts_in_another_form_stay_in_one_piece():
    """gpt-oss keeps its matrices the other way round, with biases."""
    model = wrapped("gpt_oss", dtype=torch.float32, head_dim=8, **SIZES)
    assert any(p.dim() == 3 for p in model.parameters())
    assert experts.separate(model) is model


def test_an_expert_may_be_a_layer_of_somebody_elses():
    model = experts.separate(make())
    (name, *_) = [n for n in surgery.linear_layers(model) if ".experts." in n]
    old = model.get_submodule(name)
    new = nn.Linear(old.in_features, old.out_features, bias=False)
    other = surgery.replace(model, {name: new})
    assert not torch.allclose(ask(other), ask(model))


def test_a_folder_holds_separate_experts_bit_by_bit(tmp_path):
    model = experts.separate(make())
    back = models.load(models.save(model, tmp_path / "apart"))
    assert torch.equal(ask(back), ask(model))
    assert set(surgery.linear_layers(back)) == set(surgery.linear_layers(model))


def zeros(model):
    """Return the share of zeros in the experts of a model."""
    weights = [p for p in model.parameters() if p.dim() == 3]
    return sum(int((w == 0).sum()) for w in weights) / sum(w.numel() for w in weights)


def test_pruned_experts_stand_in_one_piece_and_transformers_reads_them(tmp_path):
    model = make()
    pruned = pruning.prune(model, sparsity=0.5)
    assert zeros(model) == 0 and zeros(pruned) == 0.5
    assert pruned.format == "50%-sparse"
    folder = models.save(pruned, tmp_path / "pruned")
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        assert torch.equal(theirs(draw_tokens(2, 12)).logits, ask(pruned))


def test_one_matrix_of_one_expert_can_be_asked_for_by_name():
    name = "model.model.layers.1.mlp.experts.2.down_proj"
    pruned = pruning.prune(make(), sparsity={name: 0.5})
    layers = surgery.linear_layers(experts.separate(pruned))
    empty = {one for one, layer in layers.items() if (layer.weight == 0).any()}
    assert empty == {name}
    assert pruned.format.startswith("50%-sparse of ")


def test_what_prunes_by_a_text_leaves_experts_alone_and_says_the_share():
    pruned = pruning.wanda.prune(make(), [draw_tokens(2, 12)], sparsity=0.5)
    assert zeros(pruned) == 0
    assert pruned.format.startswith("50%-sparse of ")


def test_fine_tuning_keeps_the_zeros_of_experts():
    pruned = pruning.prune(make(), sparsity=0.5)
    healed = pruning.finetune(pruned, lambda step: draw_tokens(2, 12), steps=2).model
    assert zeros(healed) == 0.5
    (old, new) = [next(p for p in m.parameters() if p.dim() == 3)
                  for m in (pruned, healed)]  # fmt: skip
    assert not torch.equal(old, new)


def test_packed_experts_come_back_from_a_file_and_unpacked(tmp_path):
    pruned = pruning.prune(make(), sparsity=0.5)
    packed = pruning.pack(pruned)
    plain = models.save(pruned, tmp_path / "plain")
    folder = models.save(packed, tmp_path / "packed")
    assert models.size(folder) < 0.7 * models.size(plain)
    loaded = models.load(folder)
    assert torch.equal(ask(loaded), ask(packed))
    state, other = pruned.state_dict(), pruning.unpack(loaded).state_dict()
    assert all(torch.equal(tensor, other[name]) for name, tensor in state.items())
