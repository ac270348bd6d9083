"""A text, a tokenizer of one token per byte, and random models of bytes."""

import small_models
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

CONTEXT = 16
TEXT = """def add(a, b):
    return a + b  # naïve, 加


for x in range(10):
    add(x, 1)
"""


def tokenizer(*, start=True, backwards=False):
    """Return one token per byte of UTF-8, and an end if texts should start with it."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet(), reverse=backwards)
    vocabulary = {letter: number for number, letter in enumerate([*letters, "<end>"])}
    own = Tokenizer(models.BPE(vocabulary, []))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    end = {"eos_token": "<end>"} if start else {}
    return PreTrainedTokenizerFast(tokenizer_object=own, **end)


def reader(*, seed=0, start=True, dtype=torch.float64, context=CONTEXT, **changes):
    """Return a model of bytes with random weights and a short context."""
    sizes = {"vocab_size": 257, "max_position_embeddings": context}
    model = small_models.decoder(dtype=dtype, **sizes | changes)
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():  # unsure enough that no token is certain
        drawn = torch.randn(weight.shape, generator=generator)
        weight.copy_(0.1 * drawn if weight.dim() > 1 else 1 + 0.1 * drawn)
    model.tokenizer = tokenizer(start=start)
    return model
