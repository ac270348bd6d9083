"""Language models behind one face, and what they need to run, learn, rest and return.

load, save, names     any causal model by name, path or hub id; what ships with llmlab
random_model          the benchmark shapes with random weights: speeds, not qualities
Decoder, KVCache      the decoder of the Llama family and its cache
generation, training  loops that yield tokens and that learn
"""

from llmlab.models.cache import KVCache
from llmlab.models.checkpoints import load, save
from llmlab.models.decoder import Decoder
from llmlab.models.files import names
from llmlab.models.random import SHAPES, random_model

__all__ = [
    "SHAPES",
    "Decoder",
    "KVCache",
    "generation",
    "load",
    "names",
    "random_model",
    "save",
    "training",
]


def __getattr__(word: str):
    if word in ("generation", "training", "rnn"):
        from importlib import import_module

        return import_module(f"llmlab.models.{word}")
    raise AttributeError(f"module 'llmlab.models' has no attribute {word!r}")
