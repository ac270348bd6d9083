"""torchao as a peer: in the same format it is no closer to the truth than we are.

An extra of its own: pip install "llmlab[torchao]", then -m torchao runs these.
"""

import copy

import pytest
import torch
from families import ask, make
from torch import nn

from llmlab import quantization
from llmlab.kernels import Format
from llmlab.quantization import floats

pytestmark = pytest.mark.torchao
ROWS, COLUMNS = 64, 128


@pytest.fixture
def theirs():
    """Return a function that quantizes a copy of a model as torchao does."""
    torchao = pytest.importorskip("torchao.quantization")

    def quantized(model, config, **options):
        changed = copy.deepcopy(model)
        torchao.quantize_(changed, getattr(torchao, config)(**options))
        return changed

    return quantized


@pytest.fixture
def layer():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(COLUMNS, ROWS, bias=False)).eval()
    return made.requires_grad_(False)


def weight_of(model):
    """Return the numbers that torchao's weight stands for."""
    return model[0].weight.dequantize().float()


def test_int8_for_each_row_is_as_close_as_torchaos(theirs, layer):
    exact = layer[0].weight
    peer = floats.error(exact, weight_of(theirs(layer, "Int8WeightOnlyConfig")))
    own = floats.error(exact, quantization.absmax(exact).dequantize())
    assert own == pytest.approx(peer, rel=0.05)


@pytest.mark.parametrize(
    ("bits", "symmetric"),
    [(4, True), (3, True), (4, False), (3, False), (2, False)],
)
def test_few_bits_in_groups_are_as_close_as_torchaos(theirs, layer, bits, symmetric):
    from torchao.quantization import granularity, quant_primitives

    kinds = quant_primitives.MappingType
    peer = theirs(
        layer, "IntxWeightOnlyConfig", weight_dtype=getattr(torch, f"int{bits}"),
        granularity=granularity.PerGroup(32),
        mapping_type=kinds.SYMMETRIC if symmetric else kinds.ASYMMETRIC,
    )  # fmt: skip
    exact = layer[0].weight
    own = quantization.quantize_weight(
        exact, Format(bits=bits, group_size=32, symmetric=symmetric)
    )
    ours = floats.error(exact, own.dequantize())
    # About zero torchao uses one level more, on one side, and clips on the other.
    assert ours == pytest.approx(floats.error(exact, weight_of(peer)), rel=0.25)
    if not symmetric:
        assert torch.allclose(own.dequantize(), weight_of(peer), atol=1e-3)


def test_dynamic_int8_is_as_close_as_torchaos(theirs, layer):
    x = torch.randn(9, COLUMNS, generator=torch.Generator().manual_seed(1))
    exact = layer.double()(x.double())
    layer = layer.float()
    peer = theirs(layer, "Int8DynamicActivationInt8WeightConfig")(x)
    own = quantization.quantize(layer, Format(activations=True))(x)
    assert floats.error(exact, own) <= 1.1 * floats.error(exact, peer)


def test_a_whole_model_is_as_close_as_torchaos(theirs):
    model = make("llama")
    exact = ask(model)
    peer = ask(theirs(model, "Int8WeightOnlyConfig"))
    own = ask(quantization.quantize(model, skip=("lm_head",)))
    assert floats.error(exact, own) <= 1.25 * floats.error(exact, peer)
