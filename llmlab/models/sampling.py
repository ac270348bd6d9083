"""Sampling: which token is taken from the logits of a step.

The best one (greedy), or one drawn from the model's distribution: flattened or
sharpened by a temperature, cut to the k best tokens, or to the smallest set of best
tokens that holds a share p of the probability (nucleus sampling, Holtzman et al. 2020).

Shapes: B sequences, V vocabulary.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from llmlab.core.arguments import is_number, is_whole, shown


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a token is chosen from the logits; temperature 0 takes the best one.

    One object that is handed in wherever text is generated. generator: where the draws
    come from, on the model's device; None: torch's own. Raises ValueError for numbers
    out of range.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        if not (is_number(self.temperature) and self.temperature >= 0):
            raise ValueError(
                f"temperature={shown(self.temperature)} must be a number from 0 on; "
                "choose 0 for the best token each time, 1 for the model's own "
                "distribution."
            )
        if self.top_k is not None and not (is_whole(self.top_k) and self.top_k >= 1):
            raise ValueError(
                f"top_k={shown(self.top_k)} must be a whole number of at least 1; "
                "choose None to keep the whole vocabulary."
            )
        if self.top_p is not None and not (
            is_number(self.top_p) and 0 < self.top_p <= 1
        ):
            raise ValueError(
                f"top_p={shown(self.top_p)} must be above 0 and at most 1; choose "
                "None to keep the whole distribution."
            )
        if self.generator is not None and not isinstance(
            self.generator, torch.Generator
        ):
            raise ValueError(
                f"generator={shown(self.generator)} is no torch.Generator; make one "
                "with torch.Generator().manual_seed(0), or choose None."
            )

    def choose(self, logits: Tensor) -> Tensor:
        """Return one token per row, (B, 1), for logits (B, V).

        Raises ValueError for logits with NaN or plus infinity, or nothing but minus
        infinity.
        """
        best, token = logits.max(-1, keepdim=True)  # of equals the first, NaN above all
        if not all(map(math.isfinite, best.flatten().tolist())):
            raise ValueError(
                "the logits hold NaN or infinity, so no token can be chosen; look for "
                "NaN in the weights ([name for name, p in model.named_parameters() if "
                "p.isnan().any()]), else use a dtype of wider range, such as float32."
            )
        if not self.temperature:
            return token
        drawn_from = self.probabilities(logits)
        return torch.multinomial(drawn_from, 1, generator=self.generator)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the distribution (B, V) that tokens are drawn from, at least in fp32.

        In this order: divide by the temperature, keep the `top_k` best, then the
        smallest set of best tokens whose probability reaches `top_p`.
        """
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if not self.temperature:
            best = logits.argmax(-1, keepdim=True)
            return torch.zeros_like(logits).scatter_(-1, best, 1.0)
        logits = logits / max(self.temperature, 1e-30)  # less would overflow fp32
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            kept, places = logits.topk(self.top_k)
            logits = torch.full_like(logits, -math.inf).scatter_(-1, places, kept)
        if self.top_p is None or self.top_p == 1:  # 1 would lose the tail to rounding
            return logits.softmax(-1)
        return _nucleus(logits, self.top_p)


def draw(logits: Tensor, sampling: Sampling, *, seed: int, place: int) -> int:
    """Return one token for logits (V,), drawn by a generator that (seed, place) sets.

    The i-th token of an answer, place i, then depends on nothing that came before but
    the text, and on nobody beside it. Errors are those of `Sampling.choose`.
    """
    if sampling.temperature:
        generator = torch.Generator(logits.device)
        generator.manual_seed((seed * _STRIDE + place * _STEP) % 2**63)
        sampling = replace(sampling, generator=generator)
    return int(sampling.choose(logits[None]))


# Odd numbers without pattern, so that neighbours of (seed, place) are far apart.
_STRIDE, _STEP = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03


def _nucleus(logits: Tensor, top_p: float) -> Tensor:
    ordered, places = logits.sort(dim=-1, descending=True, stable=True)
    mass = ordered.softmax(-1)
    better = mass.cumsum(-1).roll(1, -1)  # what the tokens before it hold together
    better[..., 0] = 0
    mass = mass.where(better < top_p, 0.0)
    mass = mass / mass.sum(-1, keepdim=True)
    return torch.zeros_like(mass).scatter_(-1, places, mass)
