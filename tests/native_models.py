"""Models that C takes, of every family, and what they are compared with."""

import os
from functools import cache

import torch
from small_models import LLAMA, decoder, spread
from transformers import MistralConfig, Qwen2Config, Qwen3Config

from llmlab import graphs, quantization
from llmlab.graphs import native
from llmlab.kernels import Format
from llmlab.kernels.native import building, compilers, huge_pages, library
from llmlab.kernels.native.decoding import Pass
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
    "heads by threes": lambda: decoder(
        dtype=torch.float32, hidden_size=48, num_attention_heads=6, head_dim=64
    ),
    "all heads their own": lambda: decoder(
        dtype=torch.float32, num_key_value_heads=4, head_dim=16
    ),
    "mistral, a window": lambda: made(MistralConfig, sliding_window=5),
    "qwen2": lambda: made(Qwen2Config),
    "qwen3, a window": lambda: made(
        Qwen3Config, head_dim=16, sliding_window=7, use_sliding_window=True,
        layer_types=["full_attention", "sliding_attention"],
    ),
    "large scores": lambda: large_scores(),
    "int8 in groups": lambda: decoder(dtype=torch.float32),
    "long groups": lambda: decoder(
        dtype=torch.float32, hidden_size=128, intermediate_size=192
    ),
    "int4": lambda: decoder(dtype=torch.float32, intermediate_size=96),
    "int4 about zero, biases": lambda: decoder(
        dtype=torch.float32, hidden_size=64, intermediate_size=128, mlp_bias=True
    ),
}  # fmt: skip
FORMATS = {  # of these; all others are int8 with a scale a row
    "int8 in groups": Format(bits=8, group_size=8),
    "long groups": Format(bits=8, group_size=64),
    "int4": Format(bits=4, group_size=32),
    "int4 about zero, biases": Format(bits=4, group_size=64, symmetric=True),
}
IN_ROWS = [name for name in MAKERS if "int4" not in name]  # what plain C reads
READ_HERE = IN_ROWS if compilers.find()[0].way() == "plain" else list(MAKERS)


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
    """Return one of MAKERS in its format, made once; do not change it."""
    with torch.inference_mode(False):  # in whatever mode the first test asks for it
        return quantization.quantize(MAKERS[name](), FORMATS.get(name, Format(bits=8)))


def on(library, model, *, threads=2):
    """Return a compiled model whose calls this library runs."""
    made = graphs.compiled(model, threads=threads)
    laid = huge_pages.side_by_side(native.weights(model), library.way)
    made._pass = Pass(library, laid, threads=threads)
    return made


def library_of(way, folder):
    """Return the library of one of `compilers.WAYS`, built in a folder."""
    before = os.environ.get(compilers.NATIVE)
    os.environ[compilers.NATIVE] = way
    try:
        return library.load(building.build(folder=folder))
    finally:
        del os.environ[compilers.NATIVE]
        if before:
            os.environ[compilers.NATIVE] = before


def exact(model):
    """Return a model's twin in float64, each weight what its integers stand for."""
    layers = {}
    for name, layer in model.named_modules():
        if isinstance(layer, QuantizedLinear):
            plain = torch.nn.Linear(layer.in_features, layer.out_features, bias=False)
            plain.weight = torch.nn.Parameter(layer.quantized().dequantize())
            layers[name] = plain
    return surgery.replace(model, layers).double()


def ways():
    """Return those of `compilers.WAYS` that this processor has."""
    return compilers.find()[0].ways()
