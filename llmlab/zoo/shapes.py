"""The shapes of the models that complete code: fresh ones, to be trained.

`coder` is wide and shallow, since a decode step costs per layer; `coder-small` more so,
for a draft that must be quick. `coder-rnn` is an LSTM with as many parameters as
`coder-small`, trained on the same tokens in the same order: lab 02 compares the two.
"""

import torch
from torch import nn

from llmlab.models.decoder import Decoder
from llmlab.models.rnn import RecurrentConfig, RecurrentModel

VOCABULARY = 4096
CONTEXT = 1024
ENDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
DECODERS = {  # width, layers, query heads, key/value heads, hidden
    "coder": (384, 5, 12, 4, 1024),  # 9.4 M parameters
    "coder-small": (320, 2, 10, 5, 768),  # 3.4 M
}
RNN = {  # 3.4 M
    "cell": "lstm",
    "embedding_size": 272,
    "hidden_size": 384,
    "num_hidden_layers": 2,
}
NAMES = (*DECODERS, "coder-rnn")


def fresh(name: str) -> nn.Module:
    """Return the model `name` with random weights, drawn from torch's generator."""
    return _built(name)


def check(model: nn.Module, name: str) -> None:
    """Raise ValueError unless the weights of `model` have the shapes of `name`'s."""
    with torch.device("meta"):
        check_like(model, _built(name), name)


def check_like(model: nn.Module, other: nn.Module, name: str) -> None:
    """Raise ValueError unless the weights of both have the same shapes.

    name: of the model that `other` is of.
    """
    ours, theirs = (
        {key: p.shape for key, p in each.named_parameters()} for each in (model, other)
    )
    if ours != theirs:
        raise ValueError(
            f"these weights have not the shape of {name!r}; go on from weights of the "
            "same model."
        )


def _built(name: str) -> nn.Module:
    if name in DECODERS:
        return Decoder(_llama(*DECODERS[name]))
    if name == "coder-rnn":
        return RecurrentModel(
            RecurrentConfig(
                vocab_size=VOCABULARY, max_position_embeddings=CONTEXT, **RNN, **ENDS
            )
        )
    raise ValueError(f"name={name!r} has no shape; choose one of {', '.join(NAMES)}.")


def _llama(width: int, layers: int, heads: int, kv_heads: int, hidden: int):
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        **ENDS,
    )
