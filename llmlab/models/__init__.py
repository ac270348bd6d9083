"""Language models behind one face, and what they need to run, learn, rest and return.

load, save, size, names  any causal model by name, path or hub id; what ships here
random_model             the benchmark shapes with random weights: speeds, no qualities
Decoder, KVCache         the decoder of the Llama family and its cache
generation, training     loops that yield tokens and that learn
Sampling                 how a token is chosen, handed in where text is generated
surgery, listening       layers by name, replaced in a copy; hooks on their tensors
calibration              what the inputs of each layer look like on some text
column_loop, sensitivity what GPTQ and SparseGPT share; which layers bear a change
"""

from llmlab.models.caches.attention import KVCache
from llmlab.models.checkpoints import load, save
from llmlab.models.decoder import Decoder
from llmlab.models.files import names, size
from llmlab.models.random import SHAPES, random_model
from llmlab.models.sampling import Sampling

# Modules that are imported when they are first asked for.
ROOMS = (
    "calibration", "column_loop", "generation", "listening", "rnn", "sensitivity",
    "surgery", "training",
)  # fmt: skip

__all__ = [
    "SHAPES",
    "Decoder",
    "KVCache",
    "Sampling",
    "load",
    "names",
    "random_model",
    "save",
    "size",
    *ROOMS,
]


def __getattr__(word: str):
    if word in ROOMS:
        from importlib import import_module

        return import_module(f"llmlab.models.{word}")
    raise AttributeError(f"module 'llmlab.models' has no attribute {word!r}")
