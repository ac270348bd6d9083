"""Attention maps: which token looks at which, in every layer and head of any model.

The fused operator gives no weights, since it never holds them all. So queries and keys
are caught where it is called, after positions were turned in and whatever the model's
class is, and the weights are computed from them once more, as the operator does.

Shapes: B sequences, T tokens, N query heads, K key/value heads, H head width, L layers.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from llmlab.attention_vs_rnn.quantities import ATTENTION_WEIGHT
from llmlab.core import machine, records, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import labels

LONGEST = 64  # tokens of a map: a square of records for each layer and head

# From layer, arguments and result of one call of the operator to another result.
Hear = Callable[[int, dict, Tensor], Tensor]


class Listening(TorchFunctionMode):
    """While it is entered, `hear` gets every call of the fused attention operator.

    A call belongs to the layer of `model.layers` that runs at that moment.
    """

    ARGUMENTS = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")

    def __init__(self, model: LanguageModel, hear: Hear):
        super().__init__()
        self.layers, self.hear = model.layers, hear
        self.now, self.hooks = -1, []

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        result = function(*arguments, **options)
        if function is not F.scaled_dot_product_attention or self.now < 0:
            return result
        by_name = dict(zip(self.ARGUMENTS, arguments, strict=False)) | options
        return self.hear(self.now, by_name, result)

    def __enter__(self):
        for index, layer in enumerate(self.layers):
            self.hooks += [
                layer.register_forward_pre_hook(lambda *_, at=index: self._at(at)),
                layer.register_forward_hook(lambda *_: self._at(-1)),
            ]
        return super().__enter__()

    def __exit__(self, *failure):
        for hook in self.hooks:
            hook.remove()
        self.hooks, self.now = [], -1
        return super().__exit__(*failure)

    def _at(self, index: int) -> None:
        self.now = index


def weights(model: LanguageModel, tokens: Tensor) -> dict[int, Tensor]:
    """Return the attention weights (B, N, T, T) of each layer that has attention.

    tokens (B, T), read at once. A query is a row; rows add up to 1. Raises ValueError
    for a model without attention, or whose attention can be caught in no way.
    """
    by_layer: dict[int, Tensor] = {}

    def keep(layer: int, by_name: dict, result: Tensor) -> Tensor:
        shape = (len(tokens), -1, tokens.shape[1], by_name["key"].shape[-2])
        by_layer[layer] = of_call(by_name).reshape(shape)
        return result

    with torch.inference_mode(), Listening(model, keep):
        model.forward(tokens)
    return by_layer or _eager(model, tokens)


def of_call(by_name: dict) -> Tensor:
    """Return the weights (B, N, T, S) that one call of the operator has used."""
    query, key = by_name["query"], by_name["key"]
    if query.dtype in (torch.bfloat16, torch.float16):
        query, key = query.float(), key.float()
    key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)  # K to N heads
    scale = by_name.get("scale") or query.shape[-1] ** -0.5
    scores = query @ key.mT * scale  # (B, N, T, S)
    if by_name.get("is_causal"):
        square = torch.ones_like(scores, dtype=torch.bool)
        scores = scores.masked_fill(square.triu(1), -math.inf)
    mask = by_name.get("attn_mask")
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -math.inf)
    elif mask is not None:
        scores = scores + mask
    return scores.softmax(-1)


def of_text(model: LanguageModel, text: str) -> list[Record]:
    """Return an "attention weight" for each pair of tokens in each layer and head.

    Details hold layer, head, query and key, counted from 0, and what the two tokens
    are; pairs in which the key comes later are left out. Raises ValueError for a text
    of no tokens or more than 64, and as in `weights`.
    """
    ids, words = tokenize(model, text)
    device = labels.device(model)
    by_layer = weights(model, torch.tensor([ids], device=device))
    label, here = labels.label(model), machine.describe().label  # asked once for all
    return [
        records.measured(
            ATTENTION_WEIGHT,
            value,
            subject=label,
            details=_place(layer, head, query, key, words),
            weights=model.weights_version,
            machine=here,
        )
        for layer, heads in by_layer.items()
        for head, rows in enumerate(heads[0].tolist())
        for query, row in enumerate(rows)
        for key, value in enumerate(row[: query + 1])
    ]


def tokenize(model: LanguageModel, text: str) -> tuple[list[int], list[str]]:
    """Return the tokens of a text as ids and as what each stands for."""
    wanted.tokenizer("model", wanted.causal("model", model))
    if not isinstance(text, str):
        raise ValueError(f"text={shown(text)} is no text; hand in a string.")
    encoded = model.tokenizer(
        text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    words = [text[begin:end] for begin, end in encoded["offset_mapping"]]
    if not 1 <= len(words) <= LONGEST:
        raise ValueError(
            f"text has {len(words)} tokens; a map shows 1 to {LONGEST}, so choose a "
            "sentence or a line or two."
        )
    return encoded["input_ids"], words


def _place(layer: int, head: int, query: int, key: int, words: list[str]) -> dict:
    place = {"layer": layer, "head": head, "query": query, "key": key}
    return place | {"query token": words[query], "key token": words[key]}


def _eager(model: LanguageModel, tokens: Tensor) -> dict[int, Tensor]:
    """Ask a transformers model that computes all its weights anyway."""
    wrapped = getattr(model, "model", None)
    if getattr(getattr(wrapped, "config", None), "_attn_implementation", "") == "eager":
        with torch.inference_mode():
            answer = wrapped(input_ids=tokens, output_attentions=True, use_cache=False)
        if getattr(answer, "attentions", None):
            return dict(enumerate(answer.attentions))
    raise ValueError(
        f"model {model.name!r} shows no attention weights: it has no attention, or an "
        "operator of its own; choose a transformer such as models.load('coder')."
    )
