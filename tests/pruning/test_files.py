"""A file of bits and kept weights: bit-exact, smaller, and refused where damaged."""

import json

import pytest
import torch
from drawn_inputs import draw
from families import ask, make
from fresh import answer
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from small_models import wrapped
from torch import nn

from llmlab import models, pruning, quantization
from llmlab.kernels import Format, sparse_linear
from llmlab.kernels.sparse_linear import SparseLinear
from llmlab.models import surgery
from llmlab.pruning import masks

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


@given(
    st.integers(1, 9), st.integers(1, 21), st.floats(0, 0.99), st.sampled_from(DTYPES)
)
@settings(max_examples=60)
def test_a_weight_comes_back_bit_by_bit(rows, columns, share, dtype):
    weight = draw(rows, columns, seed=rows).to(dtype)
    weight = weight.masked_fill(~masks.magnitude(weight.float(), share), 0)
    if weight.numel() > 2:
        weight[0, 0] = -0.0  # a zero with a sign is kept
    layer = SparseLinear(weight)
    tensors = layer.to_file()
    back = sparse_linear.read_layer(layer.facts(), tensors).dense_weight()
    width = sparse_linear.INTEGERS[weight.element_size()]
    assert torch.equal(back.view(width), weight.view(width))
    size = sum(tensor.nbytes for tensor in tensors.values())
    assert size == sparse_linear.packed_bytes(weight)


@pytest.mark.parametrize(("share", "smaller"), [(0.06, False), (0.07, True)])
def test_it_is_smaller_than_bf16_from_seven_per_cent_on(share, smaller):
    weight = draw(64, 64)
    weight = weight.masked_fill(~masks.magnitude(weight, share), 0).bfloat16()
    assert (sparse_linear.packed_bytes(weight) < weight.nbytes) is smaller


def test_two_of_four_take_ten_bits_for_sixteen():
    """A bit a weight is just what two places of two bits each would take."""
    weight = draw(8, 64)
    weight = weight.masked_fill(~masks.n_of_m(weight), 0).bfloat16()
    bits = 8 * sparse_linear.packed_bytes(weight)
    assert bits == weight.numel() * (1 + 16 / 2)


@pytest.mark.parametrize("name", ["decoder", "bert", "t5", "albert", "wrapped gpt2"])
def test_a_packed_model_answers_the_same_and_its_file_is_smaller(name, tmp_path):
    model = wrapped(dtype=torch.float32) if name == "wrapped gpt2" else make(name)
    sparse = pruning.prune(model, sparsity=0.75)
    packed = pruning.pack(sparse)
    assert packed.format == sparse.format
    models.save(sparse, tmp_path / "dense")
    models.save(packed, tmp_path / "packed")
    assert models.size(tmp_path / "packed") < models.size(tmp_path / "dense")
    back = models.load(tmp_path / "packed")
    plain = pruning.unpack(back)
    assert back.format == plain.format == sparse.format
    for other in (packed, back, plain):
        assert torch.equal(answer(other), answer(sparse))
    states = [m.state_dict() for m in (plain, sparse)]
    assert states[0].keys() == states[1].keys()
    for key, tensor in states[1].items():
        assert torch.equal(states[0][key], tensor)
    assert masks.sparsity(packed).total == masks.sparsity(sparse).total
    models.save(plain, tmp_path / "again")  # as a plain model of its class


def test_what_is_unpacked_learns_and_what_is_packed_is_refused():
    packed = pruning.pack(pruning.prune(make("decoder"), sparsity=0.5))
    with pytest.raises(ValueError, match=r"pruning\.unpack\(model\)"):
        pruning.prune(packed, sparsity=0.7)
    further = pruning.prune(pruning.unpack(packed), sparsity=0.7)
    assert further.format == "70%-sparse"


def test_layers_with_few_zeros_stay_plain():
    sparse = pruning.prune(
        make("decoder"), sparsity={"layers.0.mlp.up": 0.5, "layers.0.mlp.down": 0.01}
    )
    packed = pruning.pack(sparse)
    kinds = {n for n, m in packed.named_modules() if isinstance(m, SparseLinear)}
    assert kinds == {"layers.0.mlp.up"}
    with pytest.raises(ValueError, match="no layer with zeros enough"):
        pruning.pack(make("decoder"))


def test_sparse_and_quantized_layers_live_in_one_folder(tmp_path):
    sparse = pruning.prune(make("decoder"), sparsity={"layers.0.mlp.up": 0.5})
    mixed = quantization.quantize(
        pruning.pack(sparse), {"layers.1.mlp.up": Format(bits=4, group_size=8)}
    )
    models.save(mixed, tmp_path / "mixed")
    back = models.load(tmp_path / "mixed")
    assert torch.equal(ask(back), ask(mixed))
    kinds = {getattr(module, "kind", None) for module in back.modules()}
    assert {"sparse", "quantized"} <= kinds


def test_it_moves_to_another_dtype_and_copies_share_its_numbers():
    packed = pruning.pack(pruning.prune(make("decoder"), sparsity=0.5))
    layer = packed.layers[0].mlp.up
    copy = surgery.share(packed).layers[0].mlp.up
    assert copy.numbers.data_ptr() == layer.numbers.data_ptr()
    assert copy.numbers is not layer.numbers
    half = surgery.clone(packed).bfloat16()
    weight = half.layers[0].mlp.up.dense_weight()
    assert weight.dtype == torch.bfloat16
    assert torch.equal(weight, layer.dense_weight().bfloat16())
    state = packed.state_dict()
    assert "layers.0.mlp.up.bitmap" in state
    other = pruning.pack(pruning.prune(make("decoder"), sparsity=0.25))
    other.load_state_dict(state)
    assert torch.equal(ask(other), ask(packed))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t | {"bitmap": t["bitmap"][:-1]}, "bitmap is"),
        (lambda t: t | {"values": t["values"][:-1]}, "bitmap counts"),
        (lambda t: t | {"values": t["values"] * torch.nan}, "NaN"),
        (lambda t: {"bitmap": t["bitmap"]}, "values"),
        (lambda t: t | {"more": t["values"].clone()}, "more is not part of it"),
    ],
)
def test_a_damaged_file_is_refused(spoil, words, tmp_path):
    packed = pruning.pack(pruning.prune(make("decoder"), sparsity=0.5))
    folder = models.save(packed, tmp_path / "packed")
    path, prefix = folder / "model.safetensors", "model.layers.0.mlp.up_proj."
    tensors = load_file(path)
    own = {n.removeprefix(prefix): tensors.pop(n) for n in list(tensors) if prefix in n}
    save_file(tensors | {prefix + n: t for n, t in spoil(own).items()}, path)
    config = json.loads((folder / "config.json").read_text())
    config["llmlab"]["weights"] = models.files.fingerprint([path])
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=words):
        models.load(folder)


def test_a_bare_layer_is_packed_and_unpacked():
    layer = nn.Linear(16, 8)
    sparse = pruning.prune(layer, sparsity=0.5)
    packed = pruning.pack(sparse)
    x = draw(3, 16)
    assert isinstance(packed, SparseLinear) and torch.equal(packed(x), sparse(x))
    assert torch.equal(pruning.unpack(packed)(x), sparse(x))
