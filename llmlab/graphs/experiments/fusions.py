"""Products fused and norms folded: exact or not, what a step starts, how long it takes.

Shapes: T tokens of a prompt, D model width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from llmlab import measure
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import arguments, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs import folding, fusing
from llmlab.graphs.experiments import counts as counting
from llmlab.graphs.experiments import inputs, rungs
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.joined import QKV
from llmlab.graphs.quantities import (
    FLOPS,
    KERNELS,
    LOGIT_ERROR,
    PREFILL,
    PREFILL_GAIN,
    PREFILL_TIME,
    STEP_GAIN,
    STEP_TIME,
    VIEWS_OF_A_CALL,
)
from llmlab.measure import operators

TOKENS, PROMPT = 128, 256
DECODE_SECONDS, PREFILL_SECONDS = 5.0, 3.0
PLAIN, FOLDED, FUSED, BOTH = "as it is", "folded", "fused", "folded and fused"
YOURS = "yours, in every step"

Started = Sequence[tuple[str, str]]  # stage and operator, in order


@dataclass(frozen=True)
class Fused:
    """Errors, operators and times of a model as it is, folded, fused, and both."""

    facts: tuple[Record, ...]
    note: str  # what neighbours did meanwhile, "" if nothing
    layers: tuple[Started, Started] = ((), ())  # the first one before and after both

    def ratio(self, way: str, *, prefill: bool = False) -> Record:
        """Return how many times as fast as the model as it is; ValueError: others."""
        return self._of(PREFILL_GAIN if prefill else STEP_GAIN, way)

    def kernels(self, way: str) -> int:
        """Return the operators of a step that compute; ValueError for other ways."""
        return int(self._of(KERNELS, way).value)

    def flops(self, way: str) -> int:
        """Return the FLOPs of the products of a step; ValueError for other ways."""
        return int(self._of(FLOPS, way).value)

    @property
    def exact(self) -> bool:
        """Whether the learner's product gives the same logits to the last bit."""
        return self._of(LOGIT_ERROR, YOURS).value == 0

    @property
    def said(self) -> str:
        """Say how exact the learner's product is, and whether fusing can be felt."""
        error = self._of(LOGIT_ERROR, YOURS).value
        same = "gives the same logits to the last bit"
        if not self.exact:
            same = f"gives logits that are off by {error:.1e} at most"
        gain = self.ratio(BOTH)
        verdict = gain.details["verdict"]
        return (
            f"Your product {same}. Folded and fused, a step "
            f"computes {self.kernels(BOTH)} operators instead of "
            f"{self.kernels(PLAIN)}, and is {gain.value:.2f} times as fast ({verdict})."
        )

    def records(self) -> list[Record]:
        """Return times, operators and errors of every way, then the ratios."""
        return list(self.facts)

    def _of(self, what: Quantity, way: str) -> Record:
        named = {fact.subject: fact for fact in self.facts if fact.name == what.name}
        if way not in named:
            raise ValueError(f"way={way!r} was not tried; choose of {list(named)}.")
        return named[way]


def fused(
    model: Model, qkv: QKV, *, tokens: int = TOKENS, prompt: int = PROMPT,
    seconds: float | None = None,
) -> Fused:  # fmt: skip
    """Race a model as it is, folded, fused, both, and with a learner's product.

    qkv: as `fusing.qkv`; it is called in each layer of each step, so it joins the
    weights every time, which `fuse` does once. tokens: in the cache of the step.
    prompt: tokens of the prefill. seconds: of the race of steps; half as many of the
    prefills. ValueError says where an answer is not q, k and v.
    """
    inputs.learners("qkv", qkv)
    most = model.context - 1
    arguments.whole("prompt", prompt, least=1, most=most, way="the model reads no more")
    models: dict[str, Model] = {
        PLAIN: model,
        FOLDED: folding.fold_norms(model),
        FUSED: fusing.fuse(model),
        BOTH: fusing.fuse(folding.fold_norms(model)),
        YOURS: fusing.fuse(model, qkv=qkv),
    }
    facts = [fact for way in models for fact in _exactness(way, models, prompt)]
    decode = DECODE_SECONDS if seconds is None else seconds
    prefill = PREFILL_SECONDS if seconds is None else seconds / 2
    text = inputs.tokens(model, tokens)
    steps = {way: _steps(one, text) for way, one in models.items()}
    speed = measure.speed(steps, seconds=decode)
    facts += rungs.times(speed, STEP_TIME, STEP_GAIN, tokens, against=PLAIN)
    text = inputs.tokens(model, prompt)
    reads = {way: inputs.Read(one, text) for way, one in models.items()}
    other = measure.speed(reads, seconds=prefill)
    facts += rungs.times(
        other, PREFILL_TIME, PREFILL_GAIN, prompt, against=PLAIN, of=PREFILL
    )
    before, after = (
        counting.layer(models[way], tokens=tokens) for way in (PLAIN, BOTH)
    )
    return Fused(tuple(facts), speed.note or other.note, (before, after))


def _exactness(way: str, models: Mapping[str, Model], prompt: int) -> list[Record]:
    """Say how far the logits of a way are off, and what its step starts."""
    text = inputs.tokens(models[PLAIN], prompt)
    counts = operators.step(models[way], cached=prompt - 1)
    with torch.inference_mode():
        error = (models[way](text) - models[PLAIN](text)).abs().max().item()
    return [
        records.measured(KERNELS, counts.kernels, subject=way),
        records.measured(VIEWS_OF_A_CALL, counts.views, subject=way),
        records.measured(FLOPS, _flops(models[way], prompt - 1), subject=way),
        records.measured(LOGIT_ERROR, error, subject=way),
    ]


@torch.no_grad()
def _flops(model: Model, cached: int) -> int:
    """Count the FLOPs of a step's products, as torch sees them."""
    cache, token = inputs.filled(model, cached)
    with FlopCounterMode(display=False) as counter:
        model.forward(token, cache, last=True)
    return counter.get_total_flops()


def _steps(model: Model, text: Tensor) -> Callable[[], Tensor]:
    return Steps(model, model.new_cache(1, text.shape[1] + BEFORE + 1), text)
