"""A folded norm changes where a scale is, and no answer."""

import families
import fused_models as changed
import pytest
import torch
from fused_models import MAKERS, answers, digest, furthest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import recurrent

from llmlab import models, quantization
from llmlab.graphs import folding, fusing
from llmlab.kernels import Format
from llmlab.measure import operators
from llmlab.models import surgery
from llmlab.models.layers import RMSNorm


def test_the_worked_example_of_the_lab():
    weight, bias = folding.fold_norm(
        torch.tensor([1.0, 2.0]),
        torch.tensor([1.0, 0.0]),
        torch.tensor([[3.0, 4.0], [5.0, 6.0]]),
        None,
    )
    assert weight.tolist() == [[3, 8], [5, 12]]
    assert bias.tolist() == [3, 5]


@given(st.integers(1, 9), st.integers(1, 9), st.booleans(), st.booleans(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_folded_layer_gives_what_norm_and_layer_gave(
    width, outputs, moved, has, data
):
    draw = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    options = {"generator": draw, "dtype": torch.float64}
    x, scale = torch.randn(5, width, **options), torch.randn(width, **options)
    shift = torch.randn(width, **options) if moved else None
    weight = torch.randn(outputs, width, **options)
    bias = torch.randn(outputs, **options) if has else None
    normed = x * scale + (0 if shift is None else shift)
    wanted = torch.nn.functional.linear(normed, weight, bias)
    folded, moved_bias = folding.fold_norm(scale, shift, weight, bias)
    got = torch.nn.functional.linear(x, folded, moved_bias)
    assert torch.allclose(got, wanted, rtol=1e-12, atol=1e-12)
    assert (moved_bias is None) == (shift is None and bias is None)


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("name", MAKERS)
def test_a_folded_model_answers_as_before_and_the_original_stays(name, head):
    model = MAKERS[name]()
    before, wanted = digest(model), answers(model)
    folded = folding.fold_norms(model, head=head)
    assert furthest(answers(folded), wanted) <= 1e-12
    assert digest(model) == before
    assert torch.equal(answers(folding.fold_norms(model, head=head)), answers(folded))


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_only_norms_that_are_read_by_linear_layers_lose_their_scale(name):
    folded = folding.fold_norms(MAKERS[name]())
    kept = {n for n, m in folded.named_modules() if isinstance(m, RMSNorm)}
    assert "norm" in kept, "the last one, before a head that was not asked for"
    assert all(n == "norm" or n.endswith(("query_norm", "key_norm")) for n in kept)


def test_a_tied_head_is_untied_only_when_asked_for_and_its_bytes_are_said():
    model = changed.llama(tie_word_embeddings=True)
    assert folding.head_bytes(model) == model.embedding.weight.nbytes
    assert folding.head_bytes(changed.llama(tie_word_embeddings=False)) == 0
    plain, untied = folding.fold_norms(model), folding.fold_norms(model, head=True)
    assert plain.head.weight is plain.embedding.weight
    assert untied.head.weight is not untied.embedding.weight
    assert torch.equal(untied.embedding.weight, model.embedding.weight)
    held = sum(p.nbytes for p in untied.parameters())
    extra = held - sum(p.nbytes for p in plain.parameters())
    assert extra == folding.head_bytes(model) - model.norm.weight.nbytes


def test_products_are_made_in_fp32_and_cast_once():
    model = changed.llama().to(torch.bfloat16)
    asked = []

    def fold(scale, shift, weight, bias):
        asked.append(weight.dtype)
        return folding.fold_norm(scale, shift, weight, bias)

    folded = folding.fold_norms(model, fold=fold)
    layer, new = model.layers[0], folded.layers[0].mlp.gate.weight
    assert set(asked) == {torch.float32} and new.dtype == torch.bfloat16
    exact = layer.mlp.gate.weight.float() * layer.mlp_norm.weight.float()
    assert torch.equal(new, exact.to(torch.bfloat16))


def test_a_fused_model_can_be_folded_and_the_other_way_round():
    model = changed.llama()
    one = folding.fold_norms(fusing.fuse(model))
    two = fusing.fuse(folding.fold_norms(model))
    assert torch.equal(answers(one), answers(two))
    assert operators.step(one).calls == operators.step(two).calls


def test_layers_in_several_places_are_folded_once():
    model = changed.llama()
    model.layers[1] = model.layers[0]
    folded = folding.fold_norms(model)
    assert folded.layers[0] is folded.layers[1]
    assert furthest(answers(folded), answers(model)) <= 1e-12


def shared():
    model = changed.llama()
    model.layers[1].mlp = model.layers[0].mlp
    return model


def broken():
    model = changed.llama()
    model.layers[0].mlp_norm.weight.data[3] = float("nan")
    return model


REFUSED = {
    "post-norm": (lambda: families.make("bert"), "is also the residual"),
    "no norm": (recurrent, "no norm has a scale left"),
    "folded": (lambda: folding.fold_norms(changed.llama()), "no norm has a scale left"),
    "shared": (shared, "stands in several places"),
    "nan": (broken, "with NaN or infinite numbers"),
    "quantized": (
        lambda: quantization.quantize(changed.llama().float(), Format(bits=8)),
        "fold the float model first, then quantize",
    ),
    "no model": (lambda: "coder", "is a name and no model"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_folded_is_refused_in_one_sentence(case):
    make, words = REFUSED[case]
    with pytest.raises(ValueError, match=words) as caught:
        folding.fold_norms(make())
    assert "\n" not in str(caught.value)


WRONG = {
    "no pair": (lambda s, t, w, b: w * s, "return .weight, bias."),
    "transposed": (lambda s, t, w, b: ((w * s).T, b), "a weight of"),
    "bias forgotten": (lambda s, t, w, b: (w * s, None), "a bias of None"),
    "nan": (lambda s, t, w, b: (w * s / 0 * 0, b), "with NaN"),
    "no function": (3, "is no function"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_fold_gives_one_sentence(case):
    fold, words = WRONG[case]
    model = changed.llama(attention_bias=True)
    with pytest.raises(ValueError, match=words) as caught:
        folding.fold_norms(model, fold=fold)
    assert "\n" not in str(caught.value)


def test_a_wrong_head_is_refused():
    with pytest.raises(ValueError, match="head=1 is neither"):
        folding.fold_norms(changed.llama(), head=1)
    with pytest.raises(ValueError, match="without a head"):
        folding.fold_norms(changed.llama().layers[0], head=True)


def test_conv1d_becomes_a_linear_layer():
    folded = folding.fold_norms(families.make("gpt2"))
    kinds = {
        name.rpartition(".")[2]: type(m).__name__
        for name, m in surgery.linear_layers(folded).items()
    }
    assert kinds["c_attn"] == kinds["c_fc"] == "Linear"


def test_a_folded_model_is_saved_when_its_norms_have_a_scale_again(tmp_path):
    folded = folding.fold_norms(changed.llama())
    with pytest.raises(ValueError, match="UnscaledNorm in the place of a RMSNorm"):
        models.save(folded, tmp_path / "folded")
    models.save(fusing.unfuse(folded), tmp_path / "again")
    again = models.load(tmp_path / "again", dtype=torch.float64)
    assert furthest(answers(again), answers(folded)) <= 1e-12
