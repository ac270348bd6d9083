"""From which sparsity on a sparse product is the faster one, for one layer.

Shapes: T tokens, I input features, O output features.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from llmlab import measure
from llmlab.core import progress
from llmlab.core.records import Record
from llmlab.measure import Speed
from llmlab.models import surgery
from llmlab.pruning import masks
from llmlab.pruning.experiments.masked import pruned_layers
from llmlab.pruning.quantities import SPARSE_SPEED_UP

SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
TOKENS, SECONDS = (1, 64), 3.0
DENSE, SPARSE = "dense", "sparse"


@dataclass(frozen=True)
class SparseProducts:
    """How many times as fast a product with CSR is, by sparsity and tokens."""

    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return the speed-up over the dense product; subjects say the tokens."""
        return list(self.facts)

    def crossing(self, tokens: int) -> float | None:
        """Return the lowest sparsity from which the sparse product is faster, if any.

        Faster means that the interval lies above 1, here and at all that follow.
        """
        rows = [f for f in self.facts if f.details["tokens"] == tokens]
        faster: float | None = None
        for fact in sorted(rows, key=lambda f: -f.details["sparsity"]):
            if fact.low is None or fact.low <= 1:
                break
            faster = fact.details["sparsity"]
        return faster


@torch.inference_mode()
def sparse_products(
    model: nn.Module, *, sparsities: Sequence[float] = SPARSITIES,
    tokens: Sequence[int] = TOKENS, seconds: float = SECONDS,
) -> SparseProducts:  # fmt: skip
    """Time the largest linear layer of a model, dense and as CSR, by sparsity."""
    layers = pruned_layers(model).values()
    layer = max(layers, key=lambda each: each.weight.numel())
    weight = surgery.weight_of(layer).detach().float().contiguous()
    facts, each = [], seconds / len(tokens) / len(sparsities)
    pairs = [(count, share) for count in tokens for share in sparsities]
    for count, share in progress.track(pairs, "sparse products"):
        pruned = weight * masks.magnitude(weight, share)
        speed = measure.speed(_calls(pruned, count), seconds=each)
        facts.append(_fact(speed, count, share))
    return SparseProducts(tuple(facts))


def _calls(weight: Tensor, count: int) -> dict:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, weight.shape[1], generator=generator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that CSR is in beta, once a process
        packed = weight.to_sparse_csr()
    columns = x.T.contiguous()
    return {
        DENSE: partial(functional.linear, x, weight),
        SPARSE: partial(torch.matmul, packed, columns),
    }


def _fact(speed: Speed, count: int, share: float) -> Record:
    fact = speed.verdict(SPARSE, DENSE).record()
    subject = "one token" if count == 1 else f"{count} tokens"
    return replace(
        fact, name=SPARSE_SPEED_UP.name, subject=subject,
        details={"sparsity": share, "tokens": count},
    )  # fmt: skip
