"""Ask a classifier which of its labels fits each text; and its loss.

Texts of a like length stand together, and what pads them is masked. A text longer than
the model's context is cut at its end.

Shapes: B texts, T tokens, C labels.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.core import arguments, progress, wanted

ROWS = 64  # texts at a time


def classify(
    model: Any, texts: Sequence[str], *, tokenizer: Any = None, rows: int = ROWS
) -> list[str]:
    """Return the name of the likeliest label for each text, in order.

    model: a sequence classifier of transformers whose config names its labels.
    tokenizer: the model's own by default. rows: how many texts are read at a time.
    Raises ValueError for one text in place of a list, and for another kind of model.
    """
    _check(model)
    texts = arguments.texts("texts", texts)
    rows = arguments.whole("rows", rows, least=1)
    tokenizer = tokenizer or wanted.tokenizer("model", model)
    if not texts:
        return []
    longest = getattr(model.config, "max_position_embeddings", None)
    ids = tokenizer(texts, truncation=longest is not None, max_length=longest)
    ids = ids["input_ids"]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    answers = [""] * len(ids)
    for start in progress.track(range(0, len(order), rows), "classifying"):
        places = order[start : start + rows]
        encoded = tokenizer.pad({"input_ids": [ids[place] for place in places]})
        tokens = torch.tensor(encoded["input_ids"], device=model.device)  # (B, T)
        wanted.within("texts", tokens, model.get_input_embeddings().num_embeddings)
        best = label_logits(model, tokens).argmax(-1).tolist()
        for place, label in zip(places, best, strict=True):
            answers[place] = model.config.id2label[label]
    return answers


@torch.inference_mode()
def label_logits(model: Any, tokens: Tensor) -> Tensor:
    """Return the logits (B, C) of padded tokens (B, T)."""
    return logits_of(model, tokens)


def loss(model: nn.Module, batch: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy in nats of a batch (B, 1 + T) of labels, tokens.

    label_smoothing: the share of each label that is spread over all of them.
    """
    logits = logits_of(model, batch[:, 1:])  # (B, C)
    labels = batch[:, 0]
    return F.cross_entropy(logits.float(), labels, label_smoothing=label_smoothing)


def logits_of(model: Any, tokens: Tensor) -> Tensor:
    """Return the logits (B, C) of padded tokens (B, T), for a training to move."""
    seen = (tokens != model.config.pad_token_id).long()
    return model(input_ids=tokens, attention_mask=seen).logits


def _check(model: Any) -> None:
    """Raise ValueError for a model that gives texts no labels."""
    wanted.module("model", model)
    if not type(model).__name__.endswith("ForSequenceClassification"):
        raise ValueError(
            f"model is a {type(model).__name__}, which gives texts no labels; hand in "
            "a classifier of sequences, such as models.load('classifier')."
        )
