"""Models, plain and changed in every way that a file must hold, by name."""

import torch
import transformers
from families import make
from small_models import LLAMA, decoder, recurrent, spread, wrapped
from torch import nn

from llmlab import quantization
from llmlab.kernels import Format
from llmlab.models import surgery
from llmlab.models.decoder import Decoder

FORMATS = ("int8", "int8-dynamic", "int4-g8", "int3-sym", "int2-tensor")


def llama(**changes):
    """Return a decoder of four layers in fp32, with 4 query and 4 key/value heads."""
    sizes = {"num_hidden_layers": 4, "num_key_value_heads": 4, "dtype": torch.float32}
    return decoder(**sizes | changes)


def narrow(mlp, kept):
    """Keep some neurons of a decoder's MLP."""
    for name, layer in mlp.named_children():
        weight = layer.weight.detach()
        weight = weight[:, kept] if name == "down" else weight[kept]
        new = nn.Linear(*reversed(weight.shape), bias=False)
        new.weight = nn.Parameter(weight.clone(), False)
        setattr(mlp, name, new)


def without_groups(attention, kept, *, queries_each):
    """Keep some key/value heads of an attention, with the queries that share them."""
    width = attention.head_width
    rows = torch.cat([torch.arange(g * width, (g + 1) * width) for g in kept])
    heads = [g * queries_each + q for g in kept for q in range(queries_each)]
    asked = torch.cat([torch.arange(h * width, (h + 1) * width) for h in heads])
    for name, places in (("key", rows), ("value", rows), ("query", asked)):
        set_linear(attention, name, getattr(attention, name).weight[places])
    set_linear(attention, "output", attention.output.weight[:, asked])


def set_linear(module, name, weight):
    new = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    new.weight = nn.Parameter(weight.detach().clone(), False)
    setattr(module, name, new)


def narrower_in_one_layer():
    model = llama()
    narrow(model.layers[1].mlp, torch.arange(0, 48, 2))
    return model


def narrower_in_all_layers():
    model = llama(tie_word_embeddings=True)
    for layer in model.layers:
        narrow(layer.mlp, torch.arange(0, 48, 3))
    return model


def fewer_groups():
    model = llama(num_key_value_heads=2)
    for layer in model.layers:
        without_groups(layer.attention, [1], queries_each=2)
    return model


def three_of_four_heads():
    """A number of heads that does not divide the width: transformers forbids it."""
    model = llama()
    for layer in model.layers:
        without_groups(layer.attention, [0, 1, 3], queries_each=1)
    return model


def fewer_groups_in_one_layer():
    model = llama()
    without_groups(model.layers[2].attention, [0, 3], queries_each=1)
    return model


def fewer_layers():
    model = llama(tie_word_embeddings=True)
    model.layers = nn.ModuleList([model.layers[0], model.layers[3]])
    return model


def fewer_layers_of_an_rnn():
    model = recurrent(dtype=torch.float32)
    model.layers = nn.ModuleList(list(model.layers)[:2])
    return model


def shared_layers():
    model = llama(tie_word_embeddings=True)
    model.layers[2] = model.layers[3] = model.layers[1]
    return model


def window():
    return llama(window=5)


def windows_by_layer():
    model = llama()
    for layer, back in zip(model.layers, (None, 3, 7, None), strict=True):
        layer.window = back
    return model


def window_on_a_llama():
    model = llama(tie_word_embeddings=True)
    for layer in model.layers:
        layer.window = 6
    return model


def mixed_windows():
    """Qwen3 with a window in half of its layers, the first of them gone."""
    config = transformers.Qwen3Config(
        **LLAMA | {"num_hidden_layers": 4, "use_sliding_window": True},
        sliding_window=4, max_window_layers=2,
    )  # fmt: skip
    model = spread(Decoder(config)).float()
    model.layers = nn.ModuleList(list(model.layers)[1:])
    return model


def zeros():
    model = llama()
    with torch.no_grad():
        for layer in surgery.linear_layers(model).values():
            layer.weight[layer.weight.abs() < layer.weight.abs().median()] = 0
    return model


def narrower_bert():
    model = make("bert")
    dense = model.bert.encoder.layer[1]
    set_biased(dense.intermediate, "dense", slice(0, 40), slice(None))
    set_biased(dense.output, "dense", slice(None), slice(0, 40))
    return model


def set_biased(module, name, rows, columns):
    old = getattr(module, name)
    weight = old.weight.detach()[rows, columns]
    new = nn.Linear(weight.shape[1], weight.shape[0])
    new.weight = nn.Parameter(weight.clone(), False)
    new.bias = nn.Parameter(old.bias.detach()[rows].clone(), False)
    setattr(module, name, new)


def narrower_gpt2():
    model = wrapped(dtype=torch.float32)
    mlp = model.model.transformer.h[0].mlp
    for name, axis in (("c_fc", 1), ("c_proj", 0)):
        old = getattr(mlp, name)
        weight = old.weight.detach().narrow(axis, 0, 64)
        rows = weight.shape[1]
        new = type(old)(rows, weight.shape[0])
        new.weight = nn.Parameter(weight.clone(), False)
        new.bias = nn.Parameter(old.bias.detach()[:rows].clone(), False)
        setattr(mlp, name, new)
    return model


PLAIN = {
    "a decoder": llama,
    "a tied decoder": lambda: llama(tie_word_embeddings=True),
    "an rnn": lambda: recurrent(dtype=torch.float32),
    "an untied gru": lambda: recurrent(
        "gru", dtype=torch.float32, tie_word_embeddings=False
    ),
    "a wrapped gpt-2": lambda: wrapped(dtype=torch.float32),
    "bert": lambda: make("bert"),
    "t5": lambda: make("t5"),
    "albert": lambda: make("albert"),
}
EXPRESSED = {  # changed, but a plain configuration can name them
    "narrower mlps": narrower_in_all_layers,
    "fewer key/value groups": fewer_groups,
    "fewer layers": fewer_layers,
    "a sliding window": window,
    "a window on a llama": window_on_a_llama,
    "windows of qwen3, a layer less": mixed_windows,
    "zeros": zeros,
}
CHANGED = {
    "a narrower mlp": narrower_in_one_layer,
    "fewer groups in one layer": fewer_groups_in_one_layer,
    "three of four heads": three_of_four_heads,
    "fewer layers of an rnn": fewer_layers_of_an_rnn,
    "shared layers": shared_layers,
    "windows by layer": windows_by_layer,
    "bert, a narrower layer": narrower_bert,
    "gpt-2, a narrower layer": narrower_gpt2,
}


def quantized(maker, word):
    return lambda: quantization.quantize(maker(), Format.parse(word))


QUANTIZED = {
    f"{name}, {word}": quantized(maker, word)
    for name, maker in PLAIN.items()
    for word in FORMATS
    if name not in ("an untied gru", "a decoder")
}
STACKED = {
    f"{name}, int4": quantized(maker, "int4-g8")
    for name, maker in (EXPRESSED | CHANGED).items()
} | {
    "a narrower mlp, shared, a head of 8 bits and layers of 3": lambda: stack(),
    "half of the layers in 8 bits": lambda: quantization.quantize(
        llama(),
        {"layers.0.mlp.up": Format(), "layers.1.attention.key": Format(bits=4)},
    ),
    "quantized in bf16": lambda: quantization.quantize(
        llama(tie_word_embeddings=True).to(torch.bfloat16)
    ),
}


def stack():
    """Narrow one MLP, let another place share it, prune weights, quantize by layer."""
    model = shared_layers()
    narrow(model.layers[1].mlp, torch.arange(7, 39))
    with torch.no_grad():
        model.layers[0].mlp.up.weight[:, ::2] = 0
    names = surgery.linear_layers(model)
    formats = {
        name: Format(bits=8 if name == "head" else 3, group_size=16) for name in names
    }
    return quantization.quantize(model, formats)


MODELS = PLAIN | EXPRESSED | CHANGED | QUANTIZED | STACKED
