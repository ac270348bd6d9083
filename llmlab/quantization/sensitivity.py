"""Which layers bear fewer bits: a scan, and a choice of bits under a size budget.

Layers differ in how much rounding them hurts. A scan rounds one layer at a time and
asks for the loss. Losses of different layers nearly add up, so the bits of all layers
can be chosen at once: the smallest sum of losses whose bytes fit into a budget.

Source: the scan as in HAWQ, Dong et al., ICCV 2019, by loss instead of curvature.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from llmlab.core import progress
from llmlab.quantization import assembly, calibration, exchange, formats, ranges
from llmlab.quantization.calibration import Batch
from llmlab.quantization.formats import GroupSize

Loss = Callable[[nn.Module], float]
STATES = 20_000  # of a choice that are followed; beyond, neighbours in size merge


@dataclass(frozen=True)
class Option:
    """One layer in so many bits: what it adds to the loss, and its bytes in a file."""

    layer: str
    bits: int
    loss: float
    bytes: int


def scan(
    model: nn.Module,
    loss: Loss,
    *,
    bits: Sequence[int] = (2, 4, 8),
    group_size: GroupSize = 32,
    symmetric: bool | None = None,
    within: ranges.Range = ranges.mse,
    skip: Collection[str] = (),
) -> list[Option]:
    """Round one layer at a time and return what each choice of bits costs.

    loss: of a model, the smaller the better, such as `logit_error`'s answer or the bits
    per byte on a text; what the model itself has is taken off. The rest as in
    `rounding.quantize`.
    """
    chosen = assembly.layer_bits(model, 8, skip)
    work, options = exchange.shared(model), []
    with torch.inference_mode():
        before = loss(work)
    with progress.task("scanning layers", len(chosen) * len(bits)) as step:
        for name, original, _ in chosen:
            layer, weight = work.get_submodule(name), exchange.weight_of(original)
            for own in bits:
                with assembly.naming(name):
                    rounded = formats.quantize_weight(
                        weight, bits=own, group_size=group_size, within=within,
                        symmetric=own == 8 if symmetric is None else symmetric,
                        scale_dtype=assembly.SCALES,
                    )  # fmt: skip
                exchange.set_weight(layer, rounded.dequantize())
                with torch.inference_mode():
                    more = loss(work) - before
                options.append(Option(name, own, more, rounded.bytes))
                step()
            exchange.set_weight(layer, weight)
    return options


def logit_error(model: nn.Module, data: Iterable[Batch]) -> Loss:
    """Return a loss: the squared error of the logits, relative to the model's own.

    data: see `calibration.collect`. The answers of the model are computed once, here.
    """
    data = list(data)
    with torch.inference_mode():
        right = [_logits(calibration.run(model, batch)) for batch in data]
    size = sum(float(each.square().sum()) for each in right)

    def loss(other: nn.Module) -> float:
        pairs = zip(data, right, strict=True)
        errors = [
            float((_logits(calibration.run(other, batch)) - exact).square().sum())
            for batch, exact in pairs
        ]
        return sum(errors) / size

    return loss


def choose(options: Iterable[Option], *, budget: int) -> dict[str, int]:
    """Return the bits of each layer: the smallest sum of losses within the budget.

    budget: bytes for all these layers together. By dynamic programming over the sizes
    that partial choices can have: exact up to 20,000 of them at a time, beyond that
    neighbours in size are merged and the loss may be slightly more than the least.
    Raises ValueError when even the smallest of all choices is larger than the budget.
    """
    layers: dict[str, list[Option]] = {}
    for option in options:
        layers.setdefault(option.layer, []).append(option)
    least = sum(min(each.bytes for each in choices) for choices in layers.values())
    if not layers or budget < least:
        raise ValueError(
            f"budget={budget} bytes is less than the {least} of the smallest choice; "
            f"choose at least {least}, or scan fewer bits."
        )
    # What later layers take at least must stay free.
    states: list[tuple[int, float, tuple[int, ...]]] = [(0, 0.0, ())]
    for choices in layers.values():
        least -= min(each.bytes for each in choices)
        longer = [
            (size + each.bytes, loss + each.loss, (*bits, each.bits))
            for size, loss, bits in states
            for each in choices
            if size + each.bytes + least <= budget
        ]
        states = _undominated(longer)
    best = min(states, key=lambda state: state[1])
    return dict(zip(layers, best[2], strict=True))


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


def _logits(answer) -> torch.Tensor:
    """Return the first tensor of an answer, in float32."""
    if not isinstance(answer, torch.Tensor):
        answer = answer.logits if hasattr(answer, "logits") else answer[0]
    return answer.float()
