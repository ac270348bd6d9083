"""Language models behind one face, and what they need to run, learn, rest and return.

load, save, size, names  any causal model by name, path or hub id; what ships here
CausalModel              what `load` gives for one: our decoder, our RNN, or a wrapper
random_model             the benchmark shapes with random weights: speeds, no qualities
Decoder, KVCache         the decoder of the Llama family and its cache; rnn, layers,
                         recurrence, caches: the parts of both of ours
generation, training     loops that yield tokens and that learn; precision, streams
tuning                   a short training that goes on from good weights
Sampling                 how a token is chosen, handed in where text is generated
chat, conversation       what a model that follows instructions answers, turn by turn
chat_template, pieces    turns as tokens; tokens as text, in whole characters
smollm                   a real model from a package of its own; gguf_llama,
                         gguf_tokenizer: what a GGUF file holds of one
classification, snippets models that sort texts, and what those are asked
translation, pairs       models that translate, and what those are asked
surgery, listening       layers by name, replaced in a copy; hooks on their tensors
experts                  the experts of a mixture as linear layers, and back
attention_shape          layers, heads and width of a head: what a cache has to hold
calibration              what the inputs of each layer look like on some text
column_loop, sensitivity what GPTQ and SparseGPT share; which layers bear a change
"""

from llmlab.core import faces
from llmlab.core.attention_sizes import AttentionShape, attention_shape
from llmlab.models.built import CausalModel
from llmlab.models.caches.attention import KVCache
from llmlab.models.checkpoints import load, save
from llmlab.models.conversation import chat
from llmlab.models.decoder import Decoder
from llmlab.models.files import names, size
from llmlab.models.random import SHAPES, random_model
from llmlab.models.sampling import Sampling

__all__ = [
    "SHAPES",
    "AttentionShape",
    "CausalModel",
    "Decoder",
    "KVCache",
    "Sampling",
    "attention_shape",
    "caches",
    "calibration",
    "chat",
    "chat_template",
    "classification",
    "column_loop",
    "conversation",
    "experts",
    "files",
    "generation",
    "gguf_llama",
    "gguf_tokenizer",
    "layers",
    "listening",
    "load",
    "names",
    "pairs",
    "pieces",
    "precision",
    "random_model",
    "recurrence",
    "rnn",
    "sampling",
    "save",
    "sensitivity",
    "size",
    "smollm",
    "snippets",
    "streams",
    "surgery",
    "training",
    "translation",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
