"""Ask an encoder-decoder model, text in, text out, greedily; and its loss.

The answers are those of transformers' own `generate`, one text alone or among others:
texts of a like length stand together, and what pads them is masked.

Shapes: B pairs, T tokens.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, progress, wanted
from llmlab.models import pairs

ROWS = 250  # texts at a time


def translate(
    model: Any,
    texts: Sequence[str],
    *,
    rows: int = ROWS,
    max_tokens: int | None = None,
) -> list[str]:
    """Return the model's answer to each text, in order.

    model: an encoder-decoder model with its `.tokenizer`, as `models.load` gives it.
    rows: how many texts are answered at a time. max_tokens: the longest answer (None:
    what the model's generation config says). Raises ValueError for one text in place of
    a list, and for another kind of model.
    """
    _check(model)
    texts = arguments.texts("texts", texts)
    rows = arguments.whole("rows", rows, least=1)
    if max_tokens is not None:
        max_tokens = arguments.whole("max_tokens", max_tokens, least=1)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    answers = [""] * len(texts)
    longest = max_tokens or model.generation_config.max_new_tokens
    vocabulary = model.get_input_embeddings().num_embeddings
    for start in progress.track(range(0, len(order), rows), "translating"):
        places = order[start : start + rows]
        encoded = model.tokenizer(
            [texts[place] for place in places], padding=True, return_tensors="pt"
        ).to(model.device)
        wanted.within("texts", encoded.input_ids, vocabulary)
        with torch.inference_mode():
            written = model.generate(
                input_ids=encoded.input_ids,
                attention_mask=encoded.attention_mask,
                max_new_tokens=longest,
                do_sample=False,
                num_beams=1,
            )
        decoded = model.tokenizer.batch_decode(written, skip_special_tokens=True)
        for place, answer in zip(places, decoded, strict=True):
            answers[place] = answer
    return answers


def loss(model: nn.Module, tokens: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats of the target's tokens, padding aside.

    tokens: pairs (B, T) as `pairs.packed` gives them, source and target side by side.
    """
    config: Any = model.config
    pad = config.pad_token_id
    source = _trimmed(tokens[:, : pairs.SOURCE], pad)
    target = _trimmed(tokens[:, pairs.SOURCE :], pad)
    return model(
        input_ids=source,
        attention_mask=(source != pad).long(),
        labels=target.masked_fill(target == pad, -100),
    ).loss


def logits_of(model: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits of the target's tokens, padding aside, and those tokens.

    tokens: pairs (B, T) as `pairs.packed` gives them. Logits are (places, V), the
    tokens (places,).
    """
    config: Any = model.config
    pad = config.pad_token_id
    source = _trimmed(tokens[:, : pairs.SOURCE], pad)
    target = _trimmed(tokens[:, pairs.SOURCE :], pad)
    whole: Any = model
    answer = whole(
        input_ids=source,
        attention_mask=(source != pad).long(),
        decoder_input_ids=whole.prepare_decoder_input_ids_from_labels(labels=target),
    )
    seen = target != pad
    return answer.logits[seen], target[seen]


def _trimmed(tokens: Tensor, pad: int) -> Tensor:
    """Drop the columns that hold padding only."""
    longest = int((tokens != pad).sum(1).max())
    return tokens[:, :longest]


def _check(model: Any) -> None:
    """Raise ValueError for a model that answers no texts with texts."""
    wanted.module("model", model)
    config = getattr(model, "config", None)
    if not getattr(config, "is_encoder_decoder", False) or not model.can_generate():
        raise ValueError(
            f"model is a {type(model).__name__}, which does not answer a text with "
            "another; hand in an encoder-decoder, such as models.load('translator')."
        )
    wanted.tokenizer("model", model)
