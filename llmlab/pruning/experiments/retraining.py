"""What training gives back: at once and trained, step by step, and where it hurts.

All of it gets the same steps on the same text, Python of this installation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from llmlab.core import clock, machine, progress, records
from llmlab.core.records import Record
from llmlab.models import calibration, surgery, training
from llmlab.pruning import finetuning, unstructured
from llmlab.pruning.experiments import scoring
from llmlab.pruning.experiments.masked import Model, pruned_layers
from llmlab.pruning.experiments.scoring import Dense
from llmlab.pruning.experiments.shares import Mask
from llmlab.pruning.quantities import BROUGHT_BACK

FINAL, STEPS, LENGTH = 0.7, 16, 512
RATE = 5e-4
ONCE, TRAINED, OWN = "at once", "at once, trained", "step by step"
LITTLE, LITTLE_TRAINED = "fewer neurons", "fewer neurons, trained"

Loop = Callable[
    [Sequence[nn.Linear], Callable[[], Tensor], torch.optim.Optimizer, int, float],
    Sequence[float],
]


@dataclass(frozen=True)
class Healing:
    """What is lost before and after training, by how zeros and steps were mixed."""

    facts: tuple[Record, ...]
    losses: tuple[float, ...]  # of the learner's loop, in nats, one a step

    def records(self) -> list[Record]:
        """Return the bits per byte added, with the steps of training."""
        return list(self.facts)

    def lost(self, name: str) -> Record:
        """Return the share of bits per byte that a model adds."""
        return scoring.find(self.facts, name)

    def brought_back(self, name: str) -> Record:
        """Return how much of the loss at once a training took back, as a share."""
        share = 1 - self.lost(name).value / self.lost(ONCE).value
        return records.measured(BROUGHT_BACK, share, subject=name)


def healing(
    dense: Dense, magnitude_mask: Mask, iterative: Loop, *, little_lost: Model,
    final: float = FINAL, steps: int = STEPS,
) -> Healing:  # fmt: skip
    """Prune to `final` at once, then train; or in a loop; and train what lost little.

    magnitude_mask: as in `by_sparsity`. iterative: (layers, loss, optimizer, steps,
    final) -> losses, as the learner writes it; it trains a copy. little_lost: a pruned
    model that gets the same steps. ValueError: a loop that leaves fewer zeros than
    `final`.
    """
    model, batch = dense.model, _batches(dense.model, steps)
    own, losses = _by_loop(model, iterative, batch, steps, final)
    facts = {OWN: _fact(dense, own, OWN, steps)}
    del own  # one trained copy at a time: each is as large as the model
    once = unstructured.prune(model, sparsity=final, mask=magnitude_mask)
    pairs = {(ONCE, TRAINED): once, (LITTLE, LITTLE_TRAINED): little_lost}
    for (before, after), pruned in pairs.items():
        facts[before] = _fact(dense, pruned, before, 0)
        learnt = finetuning.finetune(pruned, batch, steps=steps, rate=RATE).model
        facts[after] = _fact(dense, learnt, after, steps)
    names = (ONCE, TRAINED, OWN, LITTLE, LITTLE_TRAINED)
    return Healing(tuple(facts[name] for name in names), losses)


def _fact(dense: Dense, model: Model, name: str, steps: int) -> Record:
    return dense.lost(model, subject=name, details={"steps": steps})


def _batches(model: Model, steps: int) -> Callable[[int], Tensor]:
    rows = calibration.batches(model, count=steps, length=LENGTH)
    return lambda step: rows[step % len(rows)]


@machine.release_memory()
def _by_loop(
    model: Model,
    iterative: Loop,
    batch: Callable[[int], Tensor],
    steps: int,
    final: float,
) -> tuple[Model, tuple[float, ...]]:
    """Let a loop train and prune a copy of a model; return it, and its losses."""
    copy = surgery.clone(model).train().requires_grad_(True)
    names = list(pruned_layers(copy))
    layers = [copy.get_submodule(name) for name in names]
    optimizer = torch.optim.AdamW(copy.parameters(), lr=RATE, weight_decay=0.0)
    dtype = training.fastest_autocast()
    done = [0]
    with clock.given_way(), progress.task("your loop", steps) as tell:

        def loss() -> Tensor:
            tokens = batch(done[0])
            done[0] += 1
            tell(1)
            with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
                return training.next_token_loss(copy, tokens)

        losses = tuple(map(float, iterative(layers, loss, optimizer, steps, final)))
    _check(layers, names, final)
    return copy.eval().requires_grad_(False), losses


def _check(layers: Sequence[nn.Module], names: Sequence[str], final: float) -> None:
    for name, layer in zip(names, layers, strict=True):
        weight: Tensor = layer.get_parameter("weight")
        zeros = int((weight == 0).sum())
        if zeros < round(final * weight.numel()):
            raise ValueError(
                f"iterative left {zeros / weight.numel():.0%} zeros in {name}; it must "
                f"end with {final:.0%}: mask after the last step, too."
            )
