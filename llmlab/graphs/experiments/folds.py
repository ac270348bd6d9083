"""Norms folded by the learner's function: how far the logits are off, what is saved."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core import records
from llmlab.core.records import Record
from llmlab.graphs.experiments import inputs
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.folding import Fold, fold_norms
from llmlab.graphs.quantities import CHANGED, KERNELS, LARGEST_LOGIT, LOGIT_ERROR
from llmlab.measure import operators
from llmlab.models import surgery

TOKENS = 96
FP32, FP32_FOLDED = "fp32", "fp32, folded"
BF16, BF16_FOLDED = "bf16", "bf16, folded"
SHIFTED, SHIFTED_FOLDED = "LayerNorm", "LayerNorm, folded"
FOLDED = {FP32: FP32_FOLDED, BF16: BF16_FOLDED, SHIFTED: SHIFTED_FOLDED}


@dataclass(frozen=True)
class Folded:
    """Error of the logits and operators of a step, before and after."""

    facts: tuple[Record, ...]

    def changed(self, way: str) -> Record:
        """Return what folding changes a logit by at most; ValueError for other ways."""
        return self._of(CHANGED.name, way)

    def error(self, way: str) -> Record:
        """Return the largest error of a logit against fp32; errors as above."""
        return self._of(LOGIT_ERROR.name, way)

    @property
    def saved(self) -> int:
        """Operators that compute which a step has less."""
        before, after = (self._of(KERNELS.name, way) for way in (FP32, FP32_FOLDED))
        return int(before.value - after.value)

    @property
    def said(self) -> str:
        """Say what folding changes in fp32 and in bf16, and what it saves."""
        largest = self._of(LARGEST_LOGIT.name, FP32).value
        return (
            f"Folding changes logits of up to {largest:.3g} by "
            f"{self.changed(FP32_FOLDED).value:.1e} at most in fp32, and by "
            f"{self.changed(BF16_FOLDED).value:.2g} in bf16, where folded weights are "
            f"rounded again. Against fp32, bf16 errs by {self.error(BF16).value:.2g} "
            f"as it is and by {self.error(BF16_FOLDED).value:.2g} folded. A step "
            f"computes with {self.saved} operators fewer."
        )

    def records(self) -> list[Record]:
        """Return the errors of every way, and the operators of a step."""
        return list(self.facts)

    def _of(self, name: str, way: str) -> Record:
        named = {fact.subject: fact for fact in self.facts if fact.name == name}
        if way not in named:
            raise ValueError(f"way={way!r} was not tried; choose of {list(named)}.")
        return named[way]


def folded(model: Model, fold_norm: Fold, *, tokens: int = TOKENS) -> Folded:
    """Fold the norms of a model by a learner's function; compare logits and operators.

    fold_norm: as `folding.fold_norm`. Errors are against the model in fp32 as it is;
    beside it stands a small GPT-2 with random weights, whose LayerNorm has a shift.
    tokens: of a program, whose logits are compared. ValueError says where an answer is
    no weight and bias.
    """
    inputs.learners("fold_norm", fold_norm)
    exact = surgery.clone(model).float()
    text = inputs.tokens(exact, tokens)
    right = _logits(exact, text)
    rounded = surgery.clone(exact).to(torch.bfloat16)
    shifted = inputs.with_layer_norm(context=tokens + 2)
    facts = [records.measured(LARGEST_LOGIT, _most(right), subject=FP32)]
    for name, plain, against in (
        (FP32, exact, right), (BF16, rounded, right), (SHIFTED, shifted, None),
    ):  # fmt: skip
        facts += _pair(name, plain, fold_norm, tokens, against)
    return Folded(tuple(facts))


def _pair(
    name: str, plain: Model, fold: Fold, tokens: int, right: Tensor | None
) -> Iterator[Record]:
    """Compare a model with its folded one; both with the right logits, if given."""
    text = inputs.tokens(plain, tokens)
    before = _logits(plain, text)
    for way, model in ((name, plain), (FOLDED[name], fold_norms(plain, fold=fold))):
        logits = before if model is plain else _logits(model, text)
        if model is not plain:
            yield records.measured(CHANGED, _most(logits - before), subject=way)
        if right is not None:
            yield records.measured(LOGIT_ERROR, _most(logits - right), subject=way)
        counts = operators.step(model, cached=tokens)
        yield records.measured(KERNELS, counts.kernels, subject=way)


def _most(values: Tensor) -> float:
    return values.abs().max().item()


@torch.inference_mode()
def _logits(model: Model, text: Tensor) -> Tensor:
    return model(text).double()
