"""What the battery runs over: every technique, and every kind of model it must take.

A technique of a new lab is one line in TECHNIQUES. What it cannot do on a family stands
there with words of the refusal, which say the reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from families import make
from small_models import decoder, recurrent, wrapped
from torch import nn
from torch.nn import functional

from llmlab import kernels, pruning, quantization
from llmlab.core import model as contract
from llmlab.kernels import Format
from llmlab.models import training
from llmlab.pruning import (
    dependency,
    depth,
    groups,
    neurons,
    sparsegpt,
    wanda,
    width,
)
from llmlab.quantization import awq, gptq, qat, smoothquant

TOKENS = torch.randint(61, (4, 12), generator=torch.Generator().manual_seed(7))


@dataclass(frozen=True)
class Family:
    """A kind of model, and what calibration and training on it take."""

    make: Callable[..., nn.Module]  # (dtype=...)
    data: Callable[[torch.dtype], Any]  # a batch to calibrate on
    loss: Callable[[nn.Module, torch.Tensor], torch.Tensor]
    has_folder: bool = True


def both(dtype):
    return {"input_ids": TOKENS, "decoder_input_ids": TOKENS[:, :7]}


def bert_loss(model, tokens):
    logits = model(input_ids=tokens).logits
    return functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())


def t5_loss(model, tokens):
    return model(input_ids=tokens, labels=tokens[:, :7].contiguous()).loss


def layer_loss(model, rows):
    return model(rows).square().mean()


def bare(dtype=torch.float32):
    torch.manual_seed(3)
    return nn.Linear(32, 16, dtype=dtype).requires_grad_(False)


def rows(dtype):
    return torch.randn(20, 32, generator=torch.Generator().manual_seed(5)).to(dtype)


def mixture(dtype):
    """A mixture of experts; transformers' other ways to run it know no float64."""
    sizes = {"num_local_experts": 4, "intermediate_size": 64, "num_key_value_heads": 2}
    model = wrapped("mixtral", dtype=dtype, num_experts_per_tok=2, **sizes)
    model.config._experts_implementation = "eager"
    return model


FAMILIES = {
    "llama": Family(
        partial(decoder, tie_word_embeddings=True),
        lambda dtype: TOKENS,
        training.next_token_loss,
    ),
    "rnn": Family(recurrent, lambda dtype: TOKENS, training.next_token_loss),
    "gpt-2": Family(wrapped, lambda dtype: TOKENS, training.next_token_loss),
    "mixtral": Family(mixture, lambda dtype: TOKENS, training.next_token_loss),
    "bert": Family(partial(make, "bert"), lambda d: {"input_ids": TOKENS}, bert_loss),
    "t5": Family(partial(make, "t5"), both, t5_loss),
    "a linear layer": Family(bare, rows, layer_loss, has_folder=False),
}


NOTHING = Family(
    lambda dtype: nn.Sequential(nn.Embedding(61, 8, dtype=dtype)),
    lambda dtype: TOKENS,
    layer_loss,
)


@dataclass(frozen=True)
class Technique:
    """How a technique is called, what it then says, and what it refuses."""

    function: contract.Technique
    call: Callable[[contract.Technique, nn.Module, Family, torch.dtype], nn.Module]
    says: str  # of the model's `.format`, a regular expression
    refused: Mapping[str, str] = field(default_factory=dict)  # family -> words

    def apply(self, model, family, dtype):
        return self.call(self.function, model, family, dtype)


def plain(**knobs):
    return lambda function, model, family, dtype: function(model, **knobs)


def calibrated(**knobs):
    def call(function, model, family, dtype):
        return function(model, [family.data(dtype)], **knobs)

    return call


def trained(**knobs):
    def call(function, model, family, dtype):
        def batch(step):
            return TOKENS if family.has_folder else family.data(dtype)

        return function(model, batch, steps=2, loss=family.loss, **knobs).model

    return call


def pruned(**knobs):
    """Prune by magnitude before the technique comes."""

    def call(function, model, family, dtype):
        sparse = pruning.prune(model, sparsity=0.5)
        if function is not pruning.finetune:
            return function(sparse)
        return trained(**knobs)(function, sparse, family, dtype)

    return call


def scored(importance, keep):
    def call(function, model, family, dtype):
        scores = importance(model, [family.data(dtype)])
        return function(model, keep=keep, importance=scores)

    return call


def without_a_layer(function, model, family, dtype):
    stack = "decoder" if family is FAMILIES["t5"] else None
    return function(model, layers=[1], stack=stack)


ROOTS = {  # family -> the layer whose outputs are taken
    "llama": "layers.0.mlp.up",
    "rnn": "projection",
    "gpt-2": "model.transformer.h.0.mlp.c_fc",
    "mixtral": "model.model.layers.0.self_attn.v_proj",
    "bert": "bert.encoder.layer.0.intermediate.dense",
    "t5": "encoder.block.0.layer.1.DenseReluDense.wi_0",
    "a linear layer": "",
}


def by_the_graph(function, model, family, dtype):
    names = [name for name, known in FAMILIES.items() if known is family]
    layers = [ROOTS[name] for name in names] or ["none"]
    return function(model, family.data(dtype), layers=layers, share=0.5)


def in_groups(bits):
    return Format(bits=bits, group_size=8)


LLAMAS_ONLY = dict.fromkeys(
    ("rnn", "gpt-2", "mixtral", "bert", "t5", "a linear layer"), "the Llama family"
)

TECHNIQUES = {
    "rounding to int8": Technique(
        quantization.quantize, plain(format=Format()), "int8"
    ),
    "rounding to int4 in groups": Technique(
        quantization.quantize, plain(format=in_groups(4)), "int4-g8"
    ),
    "int8 weights and activations": Technique(
        quantization.quantize, plain(format=Format(activations=True)), "int8-dynamic"
    ),
    "gptq": Technique(gptq.quantize, calibrated(format=in_groups(3)), "int3-g8"),
    "awq": Technique(awq.quantize, calibrated(format=in_groups(4)), "int4-g8"),
    "smoothquant": Technique(smoothquant.quantize, calibrated(), "int8-dynamic"),
    "training through the rounding": Technique(
        qat.train, trained(format=in_groups(2)), "int2-g8"
    ),
    "prepacking": Technique(quantization.prepack, plain(), "(fp32-prepacked)?"),
    "operators tuned for this machine": Technique(
        kernels.autotune,
        lambda autotune, model, family, dtype: autotune(
            quantization.quantize(model, in_groups(4))
        ),
        "int4-g8",
    ),
    "pruning by magnitude": Technique(pruning.prune, plain(sparsity=0.5), "50%-sparse"),
    "pruning to 2:4": Technique(pruning.prune, plain(pattern="2:4"), "2:4-sparse"),
    "wanda": Technique(wanda.prune, calibrated(sparsity=0.5), "50%-sparse"),
    "sparsegpt": Technique(sparsegpt.prune, calibrated(pattern="2:4"), "2:4-sparse"),
    "fine-tuning what stayed": Technique(pruning.finetune, pruned(), "50%-sparse"),
    "packing zeros": Technique(pruning.pack, pruned(), "50%-sparse"),
    "fewer neurons": Technique(
        neurons.prune,
        scored(neurons.importance, 20),
        "20-neurons",
        refused=dict.fromkeys(("rnn", "mixtral", "a linear layer"), "no MLP"),
    ),
    "fewer groups": Technique(
        groups.prune, scored(groups.importance, 1), "1-groups", refused=LLAMAS_ONLY
    ),
    "a narrower stream": Technique(
        width.prune, scored(width.importance, 16), "16-wide", refused=LLAMAS_ONLY
    ),
    "a layer less": Technique(
        depth.drop,
        without_a_layer,
        "[12]-layers",
        refused={"a linear layer": "without a configuration"},
    ),
    "what hangs together": Technique(
        dependency.prune,
        by_the_graph,
        r"\d+%-smaller",
        refused={
            "rnn": "several places",
            "mixtral": "a projection of attention",  # it has no other plain layer
            "a linear layer": "the model's answers",
        },
    ),
}
