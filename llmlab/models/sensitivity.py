"""Which layers bear a change: a scan, and a choice of settings under a size budget.

Layers differ in how much a change hurts: fewer bits, fewer weights, fewer neurons. A
scan changes one layer at a time and asks for the loss. Losses of different layers
nearly add up, so the settings of all layers can be chosen at once: the smallest sum of
losses whose bytes fit into a budget.

Source: the scan as in HAWQ, Dong et al., ICCV 2019, by loss instead of curvature.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import progress, quantities, records
from llmlab.core.arguments import function, shown, whole
from llmlab.core.records import Record
from llmlab.models import calibration, surgery
from llmlab.models.calibration import Batch

Loss = Callable[[nn.Module], float]
Change = Callable[[Tensor], tuple[Tensor, int]]  # (O, I): changed, and bytes in a file
STATES = 20_000  # of a choice that are followed; beyond, neighbours in size merge


@dataclass(frozen=True)
class Option:
    """One layer in one setting: what it adds to the loss, and its bytes in a file."""

    layer: str
    setting: Any  # such as a number of bits, or a sparsity
    loss: float
    bytes: int
    note: str = ""  # on what the scan left out

    def records(self) -> list[Record]:
        """Return the loss of the layer, with setting and bytes in the details."""
        details = {"setting": str(self.setting), "bytes": self.bytes}
        details |= {"note": self.note} if self.note else {}
        return [
            records.make(
                quantities.ADDED_LOSS,
                self.loss,
                kind="measured",
                subject=self.layer,
                details=details,
            )
        ]


def scan(
    model: nn.Module,
    loss: Loss,
    changes: Mapping[Any, Change],
    *,
    skip: Collection[str] = (),
) -> list[Option]:
    """Change one layer at a time and return what each setting costs.

    loss: of a model, the smaller the better, such as `logit_error`'s answer or the bits
    per byte on a text; what the model itself has is taken off. changes: by setting, a
    function of a weight (O, I) that returns the changed one and the bytes that it takes
    in a file. skip: see `surgery.linear_layers`. Where a model keeps many of its
    weights in no linear layer, as a mixture of experts may, the options note it. Raises
    ValueError naming the layer where a change is refused.
    """
    function("loss", loss, way="logit_error(model, data) makes one")
    if not isinstance(changes, Mapping):
        raise ValueError(
            f"changes={shown(changes)} are no changes by setting; give a dict of "
            "functions, such as {4: round_to_four_bits}."
        )
    layers = surgery.linear_layers(model, skip=skip)
    share = surgery.share_of_weights(model, surgery.linear_layers(model).values())
    note = ""
    if share < surgery.WHOLE:
        note = f"The linear layers hold {share:.0%} of this model's weights."
    work, options = surgery.share(model), []
    layers_of_copy = surgery.linear_layers(work)
    with torch.inference_mode():
        before = loss(work)
    with progress.task("scanning layers", len(layers) * len(changes)) as step:
        for name, original in layers.items():
            layer, weight = layers_of_copy[name], surgery.weight_of(original)
            for setting, change in changes.items():
                with surgery.naming(name):
                    changed, size = change(weight.clone())  # it may work in place
                surgery.set_weight(layer, changed)
                with torch.inference_mode():
                    more = loss(work) - before
                options.append(Option(name, setting, more, size, note))
                step()
            surgery.set_weight(layer, weight)
    return options


def logit_error(model: nn.Module, data: Iterable[Batch]) -> Loss:
    """Return a loss: the squared error of the logits, relative to the model's own.

    data: see `calibration.collect`. The answers of the model are computed once, here.
    """
    data = list(calibration.listed_batches(data))
    if not data:
        raise ValueError(
            "data holds no batch to compare logits on; hand in one or more."
        )
    with torch.inference_mode():
        right = [_logits(calibration.run(model, batch)) for batch in data]
    size = sum(float(logits.square().sum()) for logits in right)

    def loss(other: nn.Module) -> float:
        pairs = zip(data, right, strict=True)
        errors = [
            float((_logits(calibration.run(other, batch)) - exact).square().sum())
            for batch, exact in pairs
        ]
        return sum(errors) / size

    return loss


def choose(options: Iterable[Option], *, budget: int) -> dict[str, Any]:
    """Return the setting of each layer: the smallest sum of losses within the budget.

    budget: bytes for all these layers together. By dynamic programming over the sizes
    that partial choices can have: exact up to 20,000 of them at a time, beyond that
    neighbours in size are merged and the loss may be slightly more than the least.
    Raises ValueError when even the smallest of all choices is larger than the budget.
    """
    budget = whole("budget", budget, way="it counts bytes")
    if not isinstance(options, Iterable):
        raise ValueError(f"options={shown(options)} are none; scan first.")
    layers: dict[str, list[Option]] = {}
    for option in options:
        if not isinstance(option, Option):
            raise ValueError(
                f"options holds {shown(option)}, which is no Option; scan gives them."
            )
        if not math.isfinite(option.loss):
            raise ValueError(
                f"option {option} has no loss that could be compared; leave it out, or "
                "look for what made it NaN or infinite."
            )
        layers.setdefault(option.layer, []).append(option)
    if not layers:
        raise ValueError(f"options are none to choose for budget={budget}; scan first.")
    least = sum(min(one.bytes for one in choices) for choices in layers.values())
    if budget < least:
        raise ValueError(
            f"budget={budget} bytes is less than the {least} of the smallest choice; "
            f"choose at least {least}, or scan settings that take less."
        )
    # What later layers take at least must stay free.
    states: list[tuple[int, float, tuple[int, ...]]] = [(0, 0.0, ())]
    for choices in layers.values():
        least -= min(one.bytes for one in choices)
        longer = [
            (size + one.bytes, loss + one.loss, (*places, place))
            for size, loss, places in states
            for place, one in enumerate(choices)
            if size + one.bytes + least <= budget
        ]
        states = _undominated(longer)
    best = min(states, key=lambda state: state[1])[2]
    chosen = zip(layers.items(), best, strict=True)
    return {name: choices[place].setting for (name, choices), place in chosen}


def _undominated(states: list) -> list:
    """Keep those that nothing of their size or less beats; merge where too many are."""
    kept: list = []
    for state in sorted(states):
        if not kept or state[1] < kept[-1][1]:
            kept.append(state)
    if len(kept) > STATES:
        # Of neighbours the smaller one stays: the budget holds, the loss may be worse.
        kept = kept[:: -(-len(kept) // STATES)]
    return kept


def _logits(answer: Any) -> Tensor:
    """Return the first tensor of an answer, in float32."""
    if not isinstance(answer, Tensor):
        answer = answer.logits if hasattr(answer, "logits") else answer[0]
    return answer.float()
