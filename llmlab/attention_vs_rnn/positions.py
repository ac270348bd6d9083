"""Quality by position: what a model gains from each further stretch of its context.

The same tokens of a text are predicted again and again, each time with another number
of tokens before them, so that easy and hard places weigh alike at every position. A
model that uses what is far behind it gets better to the right; one that has forgotten
it stays level.

Shapes: B windows, T tokens of a window, V vocabulary.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor

from llmlab.attention_vs_rnn import quantities
from llmlab.core import progress
from llmlab.core.model import LanguageModel
from llmlab.core.quantities import BITS_PER_TOKEN, Quantity
from llmlab.core.records import Record
from llmlab.measure import labels
from llmlab.measure.bootstrap import estimate, ratio
from llmlab.measure.scores import LOGITS

PARTS = 20  # stretches of the text that the bootstrap draws


def quality(
    models: Mapping[str, LanguageModel],
    text: str,
    *,
    context: int = 512,
    stride: int = 64,
) -> list[Record]:
    """Return "bits per token" of each model by the tokens of context that it sees.

    details["from"] and ["to"] are those tokens: 1 to `stride`, then twice as far each
    time, up to `context`. "gain from context" (bit) says what a token costs less than
    with the shortest; with two models or more, "difference in bits per token" compares
    each later one with the first. Both are taken token by token and so much surer.
    Raises ValueError for tokenizers that cut the text differently, a context that is
    no doubling of the stride or longer than a model's, a text that is too short.
    """
    _check(models, context, stride)
    ids = _ids(models, text)
    last = (len(ids) - 1 - context) // stride  # windows begin at 0 … last * stride
    if last < context // stride:
        raise ValueError(
            f"text has {len(ids)} tokens, and context={context} needs "
            f"{2 * context + 1} or more; give more text, or a shorter context."
        )
    costs = {
        name: _costs(model, ids, context, stride, last)
        for name, model in models.items()
    }
    facts = []
    first = next(iter(costs))
    for name, model in models.items():
        gains = costs[name][:, :1] - costs[name]
        model_records = _records(BITS_PER_TOKEN, costs[name], stride, name)
        model_records += _records(quantities.GAIN_FROM_CONTEXT, gains, stride, name)[1:]
        if name != first:
            more, pair = costs[name] - costs[first], f"{name} against {first}"
            what = quantities.DIFFERENCE_IN_BITS_PER_TOKEN
            model_records += _records(what, more, stride, pair)
        facts += [
            replace(fact, weights=model.weights_version) for fact in model_records
        ]
    return facts


@torch.inference_mode()
def _costs(
    model: LanguageModel, ids: list[int], context: int, stride: int, last: int
) -> numpy.ndarray:
    """Return bits (tokens scored, context / stride), nearest context first.

    A token is scored once in every window that holds it, and only tokens that stand in
    as many windows as fit: so each has exactly one value in each column.
    """
    chain, device = torch.tensor(ids), labels.device(model)
    rows = max(1, LOGITS // (context * model.vocabulary))
    columns = context // stride
    bits_at = torch.full((last * stride + context, columns), math.nan).double()
    begins = range(0, (last + 1) * stride, stride)
    batches = [begins[first : first + rows] for first in range(0, len(begins), rows)]
    for batch in progress.track(batches, f"{model.name} by position"):
        windows = torch.stack([chain[b : b + context + 1] for b in batch]).to(device)
        for begin, bits in zip(batch, _bits(model, windows), strict=True):
            for column, part in enumerate(bits.split(stride)):
                place = begin + column * stride
                bits_at[place : place + stride, column] = part
    # Entry i is the cost of token i + 1.
    return bits_at[context - stride : (last + 1) * stride].numpy()


def _bits(model: LanguageModel, windows: Tensor) -> Tensor:
    """Return the bits (B, T) of each next token of windows (B, T + 1)."""
    logits = model.forward(windows[:, :-1]).float()  # (B, T, V)
    targets = windows[:, 1:]
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return (nats.double().view_as(targets) / math.log(2)).cpu()


def _records(
    what: Quantity, costs: numpy.ndarray, stride: int, subject: str
) -> list[Record]:
    """Return a record for each doubling of the context."""
    tokens, columns = costs.shape
    part = numpy.arange(tokens) * PARTS // tokens
    facts, begin = [], 0
    while begin < columns:
        end = max(1, 2 * begin)
        sums = costs[:, begin:end].sum(1)
        parts = numpy.stack(
            [
                numpy.bincount(part, sums, minlength=PARTS),
                numpy.bincount(part, minlength=PARTS) * (end - begin),
            ],
            axis=1,
        )  # (parts, 2)
        details = {"from": begin * stride + 1, "to": end * stride, "tokens": tokens}
        facts.append(estimate(what, parts, ratio, subject=subject, details=details))
        begin = end
    return facts


def _ids(models: Mapping[str, LanguageModel], text: str) -> list[int]:
    """Return the tokens of the text, which must be the same for all models."""
    found = None
    for name, model in models.items():
        if model.tokenizer is None:
            raise ValueError(
                f"model {name!r} has no tokenizer to read text with; load one that "
                "has, such as models.load('coder')."
            )
        ids = model.tokenizer(text, add_special_tokens=False, verbose=False)
        if found is not None and ids["input_ids"] != found:
            raise ValueError(
                f"{name!r} cuts this text into other tokens than the first model; "
                "compare models of one tokenizer, or each on its own."
            )
        found = ids["input_ids"]
    return found


def _check(models: Mapping[str, LanguageModel], context: int, stride: int) -> None:
    if not models:
        raise ValueError("models is empty; give at least one, such as {'coder': …}.")
    steps = context // stride if stride > 0 else 0
    if steps < 1 or context % stride or steps & (steps - 1):
        raise ValueError(
            f"context={context} must be stride={stride} times 1, 2, 4, 8 and so on; "
            "choose stride=64 and context=512, for example."
        )
    for name, model in models.items():
        if context > model.context:
            raise ValueError(
                f"context={context} is longer than the {model.context} of {name!r}; "
                "choose a shorter one."
            )
