"""Models that C takes, of every family, and what they are compared with."""

from functools import cache

import torch
from small_models import LLAMA, decoder, spread
from transformers import MistralConfig, Qwen2Config, Qwen3Config

from llmlab import quantization
from llmlab.kernels import Format
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models import surgery
from llmlab.models.decoder import Decoder

ODD = {"hidden_size": 36, "intermediate_size": 50, "head_dim": 10}  # no full vectors
MAKERS = {
    "llama": lambda: decoder(dtype=torch.float32),
    "llama, untied, odd sizes": lambda: decoder(dtype=torch.float32, **ODD),
    "llama, tied": lambda: decoder(dtype=torch.float32, tie_word_embeddings=True),
    "llama, biases": lambda: decoder(
        dtype=torch.float32, attention_bias=True, mlp_bias=True
    ),
    "heads of 64": lambda: decoder(dtype=torch.float32, head_dim=64),
    "mistral, a window": lambda: made(MistralConfig, sliding_window=5),
    "qwen2": lambda: made(Qwen2Config),
    "qwen3, a window": lambda: made(
        Qwen3Config, head_dim=16, sliding_window=7, use_sliding_window=True,
        layer_types=["full_attention", "sliding_attention"],
    ),
    "large scores": lambda: large_scores(),
}  # fmt: skip


def large_scores():
    """Return a model whose scores are some 900 at every place, and differ a little."""
    model = decoder(
        dtype=torch.float32, attention_bias=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1e12},
    )  # fmt: skip
    for layer in model.layers:
        for part in (layer.attention.query, layer.attention.key):
            part.bias.data.unflatten(0, (-1, 8))[:, -1] = 50.0  # turned least of all
    return model


def made(config, **changes):
    return spread(Decoder(config(**LLAMA | changes))).float()


@cache
def quantized(name):
    """Return one of MAKERS in int8, made once; do not change it."""
    return quantization.quantize(MAKERS[name](), Format(bits=8))


def exact(model):
    """Return a model's twin in float64, each weight what its integers stand for."""
    layers = {}
    for name, layer in model.named_modules():
        if isinstance(layer, QuantizedLinear):
            plain = torch.nn.Linear(layer.in_features, layer.out_features, bias=False)
            plain.weight = torch.nn.Parameter(layer.quantized().dequantize())
            layers[name] = plain
    return surgery.replace(model, layers).double()
