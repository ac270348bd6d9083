"""An attention weight is not importance: what the last token looks at, and what counts.

A weight says how much of a value is taken, not how large the value is nor whether the
answer would change without it. Much of attention rests on tokens whose values are close
to nothing. So each reading is also taken away: the weights stay as they were, the one
value drops out, and the bits that the right answer costs more are its effect.

Sources: Jain, Wallace, Attention is not Explanation, 2019; Kobayashi et al., Attention
is Not Only a Weight, 2020.

Shapes: B sequences (one), T tokens, N query heads, H head width.
"""

import math
from collections.abc import Collection, Sequence
from itertools import product

import torch
from torch import Tensor

from llmlab.attention_vs_rnn import maps
from llmlab.attention_vs_rnn.quantities import (
    ATTENTION_WEIGHT,
    COST_OF_THE_ANSWER,
    EFFECT_OF_REMOVAL,
)
from llmlab.core import arguments, records
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import labels


def readings(
    model: LanguageModel,
    text: str,
    answer: str,
    *,
    layers: Collection[int] | None = None,
    heads: Collection[int] | None = None,
    by_word: bool = False,
) -> list[Record]:
    """Return for each token the "attention weight" and the "effect of removal" (bit).

    Both are of what the last token of `text` reads: the weight is the mean over the
    layers and heads (all, if none are named), and the removal is in all of them. The
    effect is what the first token of `answer` then costs more; below 0 the reading
    stood in its way. "cost of the answer" (bit) is that of the whole model. by_word:
    of each word, whose tokens are taken away together. Raises ValueError for an empty
    answer, no such layer or head, and as in `maps.weights`.
    """
    ids, words = maps.tokenize(model, text)
    right = maps.tokenize(model, answer)[0][0] if answer else None
    if right is None:
        raise ValueError("answer is empty; give what should follow, such as ' x'.")
    tokens = torch.tensor([ids], device=labels.device(model))
    weights = maps.weights(model, tokens)
    chosen = _chosen("layers", layers, sorted(weights))
    count = next(iter(weights.values())).shape[1]
    heads_chosen = _chosen("heads", heads, range(count))
    looked = torch.stack(
        [weights[layer][0, heads_chosen, -1] for layer in chosen]
    ).mean((0, 1))
    whole = cost(model, tokens, right)
    groups = joined(words) if by_word else [[key] for key in range(len(ids))]
    effects = [
        cost(model, tokens, right, without=keys, layers=chosen, heads=heads_chosen)
        - whole
        for keys in groups
    ]
    shares = [looked[keys].sum().item() for keys in groups]
    blank = records.measured(
        COST_OF_THE_ANSWER,
        whole,
        subject=labels.label(model),
        weights=model.weights_version,
    )
    facts = [blank]
    for place, (weight, effect) in enumerate(zip(shares, effects, strict=True)):
        word = "".join(words[key] for key in groups[place])
        token = {"key": place, "key token": word}
        for what, value in ((ATTENTION_WEIGHT, weight), (EFFECT_OF_REMOVAL, effect)):
            facts.append(
                records.measured(
                    what,
                    value,
                    subject=blank.subject,
                    details=token,
                    weights=blank.weights,
                    machine=blank.machine,
                )
            )
    return facts


@torch.inference_mode()
def cost(
    model: LanguageModel,
    tokens: Tensor,
    right: int,
    *,
    without: Collection[int] = (),
    layers: Collection[int] = (),
    heads: Collection[int] = (),
) -> float:
    """Return the bits that the token `right` costs after tokens (1, T).

    without: keys whose values the last token does not get in these layers and heads.
    """

    heard = []

    def take_away(layer: int, arguments: dict, mixed: Tensor) -> Tensor:
        heard.append(layer)
        if not without or layer not in layers:
            return mixed
        weights = maps.of_call(arguments)[:, :, -1]  # (B, N, S)
        value = arguments["value"]
        value = value.repeat_interleave(weights.shape[1] // value.shape[1], 1)
        mixed = mixed.clone()
        for head, key in product(heads, without):
            part = weights[:, head, key, None] * value[:, head, key]  # (B, H)
            mixed[:, head, -1] -= part.to(mixed.dtype)
        return mixed

    if tokens.shape[1] < 2:
        raise ValueError("text has one token; give two or more, to look back at one.")
    with maps.Listening(model, take_away):
        logits = model.forward(tokens, last=True)[0, -1].double()  # (V,)
    if not set(layers) <= set(heard):
        raise ValueError(
            f"model {model.name!r} does not attend by the fused operator, so nothing "
            'can be taken away; load it with attn_implementation="sdpa".'
        )
    return -logits.log_softmax(-1)[right].item() / math.log(2)


def rank_agreement(facts: Collection[Record]) -> float:
    """Return how alike the orders by weight and by effect are: Spearman's, -1 to 1.

    facts: what `readings` gives. 1 would let the weights stand for importance.
    """
    orders = []
    for what in (ATTENTION_WEIGHT, EFFECT_OF_REMOVAL):
        values = [record.value for record in facts if record.name == what.name]
        if len(values) < 3:
            raise ValueError(
                f"facts hold {len(values)} of {what.name!r}; give all that readings "
                "returned, for a text of three tokens or more."
            )
        orders.append(torch.tensor(values).argsort().argsort().double())
    return torch.corrcoef(torch.stack(orders))[0, 1].item()


def joined(words: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each word: a word begins where a token begins with a blank.

    [" c", "at", " sat"] -> [[0, 1], [2]]
    """
    groups: list[list[int]] = []
    for key, word in enumerate(arguments.texts("words", words)):
        if not groups or word[:1].isspace():
            groups.append([])
        groups[-1].append(key)
    return groups


def _chosen(name: str, wished: Collection[int] | None, known) -> list[int]:
    chosen = list(known if wished is None else wished)
    if not chosen or not set(chosen) <= set(known):
        raise ValueError(
            f"{name}={wished!r} are not all there; choose among {list(known)}."
        )
    return chosen
