"""Answers to questions that are nearly the same: a hit may be wrong.

Texts become vectors; the nearest stored question, by the cosine of the angle, serves
its answer where it is near enough. It pays where people ask the same thing in other
words. The price is false hits: "four hundred and one" lies next to "four hundred and
two". All stored vectors are compared (a linear scan): fine for thousands.

Shapes: B texts, T tokens, D width of a vector, C stored questions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.core import arguments, wanted
from llmlab.core.arguments import is_number, shown

Embed = Callable[[Sequence[str]], Tensor]  # texts -> (B, D)

ROWS = 64  # texts at a time
DIGITS = 9  # of a similarity: a text's own is 1, whatever rounding says


@dataclass(frozen=True)
class Hit:
    """A stored answer, the question it was given to, and how near that lies."""

    value: Any
    similarity: float
    key: str


class SemanticCache:
    """Values by text, served to every text at least `threshold` similar.

    embed: texts to vectors (B, D), see `embed_with`. threshold: a cosine, above -1 and
    at most 1; what is safe depends on the model and the texts, so it has to be
    measured. It grows with each `put`; nothing is dropped.
    """

    def __init__(self, embed: Embed, *, threshold: float):
        if not is_number(threshold) or not -1 < threshold <= 1:
            raise ValueError(
                f"threshold={shown(threshold)} is no cosine to ask for; choose a "
                "number above -1 and at most 1, such as 0.95."
            )
        self.embed, self.threshold = embed, float(threshold)
        self.hits = self.asked = 0
        self._values: dict[str, Any] = {}
        self._vectors: Tensor | None = None  # (C, D), in the order of `_values`

    def __len__(self) -> int:
        return len(self._values)

    def get(self, text: str) -> Hit | None:
        """Return the nearest stored answer, None where it is not near enough."""
        (hit,) = self.nearest([text])
        is_near = hit is not None and hit.similarity >= self.threshold
        self.asked += 1
        self.hits += is_near
        return hit if is_near else None

    def put(self, text: str, value: Any) -> None:
        """Keep the value of a text, in place of an older one."""
        self.fill([(text, value)])

    def fill(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Keep many texts and their values, embedded together."""
        values = dict(pairs)
        new = [text for text in values if text not in self._values]
        if new:
            parts = [] if self._vectors is None else [self._vectors]
            self._vectors = torch.cat([*parts, _normalised(self.embed, new)])
        self._values.update(values)

    def nearest(self, texts: Sequence[str]) -> list[Hit | None]:
        """Return the nearest answer to each text, however far; None of an empty cache.

        Counts as no question: it is what `get` asks before it holds the threshold
        against it.
        """
        texts = arguments.texts("texts", texts)
        if self._vectors is None:
            return [None] * len(texts)
        similar = _normalised(self.embed, texts) @ self._vectors.T  # (B, C)
        best, places = similar.max(1)
        stored = list(self._values.items())
        found = zip(best.tolist(), places.tolist(), strict=True)
        return [
            Hit(stored[place][1], round(similarity, DIGITS), stored[place][0])
            for similarity, place in found
        ]


def embed_with(model: Any) -> Embed:
    """Return what turns texts into vectors (B, D): the mean state of the encoder.

    model: an encoder (BERT), or an encoder-decoder such as `translator`, with its
    tokenizer. A text's vector depends on no other text. Raises ValueError for another
    kind of model.
    """
    wanted.module("model", model)
    tokenizer = wanted.tokenizer("model", model)
    encoder = _encoder(model)

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> Tensor:
        texts, parts = arguments.texts("texts", texts), []
        for start in range(0, len(texts), ROWS):
            encoded = tokenizer(
                texts[start : start + ROWS], padding=True, return_tensors="pt"
            ).to(model.device)
            mask = encoded.attention_mask  # (B, T)
            states = encoder(
                input_ids=encoded.input_ids, attention_mask=mask
            ).last_hidden_state  # (B, T, D)
            real = mask[:, :, None].to(states.dtype)
            parts.append((states * real).sum(1) / real.sum(1))
        return torch.cat(parts)

    return embed


def _encoder(model: Any) -> Any:
    """Return the part of a model that reads a text; ValueError where there is none."""
    config = getattr(model, "config", None)
    if getattr(config, "is_encoder_decoder", False):
        return model.get_encoder()
    if hasattr(model, "base_model") and not hasattr(model, "new_cache"):
        return model.base_model
    raise ValueError(
        f"model is a {type(model).__name__}, which has no encoder; hand in one that "
        "has, such as models.load('translator')."
    )


def _normalised(embed: Embed, texts: Sequence[str]) -> Tensor:
    """Return vectors of length 1, (B, D), in float64; ValueError for other things."""
    vectors = torch.as_tensor(embed(texts)).double()
    lengths = vectors.norm(dim=-1, keepdim=True)
    if vectors.dim() != 2 or len(vectors) != len(texts):
        raise ValueError(
            f"embed gives {tuple(vectors.shape)} for {len(texts)} texts; let it give a "
            "vector for each, (B, D)."
        )
    if not (torch.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError(
            "embed gives a vector of zeros, or one that is not finite, which points "
            "nowhere; give each text a vector that does."
        )
    return vectors / lengths
