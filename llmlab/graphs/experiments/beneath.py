"""The learner's dot in C under one int8 layer of a model: the same logits, bit by bit.

The layer is rounded to int8, a scale a row, and its inputs a scale a token, as
`kernels` does it. Its whole-number product is once torch's, in int64, and once our loop
over rows, which calls the learner's dot in a process of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs import confined, inner
from llmlab.graphs.experiments import inputs
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.quantities import INNER_ALIKE, INNER_CALLS, INNER_CHANGED
from llmlab.kernels.operators import per_token
from llmlab.models import surgery
from llmlab.quantization.formats import quantize_weight

TOKENS, WRITTEN = 32, 16
CPU_SECONDS = 120
YOURS = "your dot"

Product = Callable[[Tensor], Tensor]  # (R, I) int8 -> (R, O) whole numbers


@dataclass(frozen=True)
class Underneath:
    """What a model gives with the learner's dot under one of its layers."""

    facts: tuple[Record, ...]
    layer: str
    absent: str = ""  # why nothing was compiled here, and nothing runs

    @property
    def exact(self) -> bool:
        """Whether logits are the same to the last bit, and all greedy tokens too."""
        alike = self._of(INNER_ALIKE).value == 1
        return alike and self._of(INNER_CHANGED).value == 0

    @property
    def said(self) -> str:
        """Say whether the logits are the same, and how often dot was called."""
        if self.absent:
            return self.absent
        calls = int(self._of(INNER_CALLS).value)
        if self.exact:
            return (
                f"Under {self.layer}, your dot gives the logits of torch's exact "
                f"product to the last bit, and the same greedy tokens, in {calls:,} "
                "calls."
            )
        return (
            f"Under {self.layer}, your dot changes logits by up to "
            f"{self._of(INNER_CHANGED).value:.2g}, and "
            f"{self._of(INNER_ALIKE).value:.0%} of the greedy tokens stay."
        )

    def records(self) -> list[Record]:
        """Return the largest change of a logit, the share of tokens, the calls."""
        return list(self.facts)

    def _of(self, what: Quantity) -> Record:
        return next(fact for fact in self.facts if fact.name == what.name)


class Whole(nn.Module):
    """A linear layer on int8, whose whole-number product is handed in."""

    def __init__(self, linear: nn.Linear, product: Callable[[Tensor], Product]):
        super().__init__()
        weight = quantize_weight(linear.weight.detach().float())
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.scales = weight.grid.scales.reshape(-1)  # (O,)
        self.bias = linear.bias
        self.integers = weight.integers.reshape(self.out_features, -1)  # (O, I) int8
        self.product = product(self.integers)
        self.rows = 0  # of activations that were multiplied

    def forward(self, x: Tensor) -> Tensor:
        whole, scales = per_token(x.reshape(-1, self.in_features))
        self.rows += len(whole)
        y = (self.product(whole) * scales * self.scales).to(x.dtype)
        if self.bias is not None:
            y = y + self.bias
        return y.view(*x.shape[:-1], self.out_features)


def underneath(
    model: Model, dot_source: Callable[[], str], *, layer: str | None = None,
    tokens: int = TOKENS, written: int = WRITTEN,
) -> Underneath:  # fmt: skip
    """Put a learner's dot under a layer of a model; compare logits and greedy tokens.

    dot_source: () -> C text, as `inner.dot_source`. layer: the name of a linear layer,
    the first one where none is said. tokens: that are read; written: that are chosen
    after them. Where nothing can be compiled, `.absent` says why. ValueError for other
    layers, and for what does not compile or come back.
    """
    inputs.learners("dot_source", dot_source)
    known = surgery.linear_layers(model)
    name = next(iter(known)) if layer is None else layer
    if name not in known:
        raise ValueError(
            f"layer={arguments.shown(layer)} is no linear layer of the model; choose "
            f"one such as {', '.join([*known][:3])}."
        )
    most = model.context - 1
    tokens = arguments.whole("tokens", tokens, least=1, most=most)
    written = arguments.whole("written", written, least=1, most=most - tokens + 1)
    if absent := inner.reason():
        return Underneath((), name, absent[0].upper() + absent[1:])
    text = inputs.tokens(model, tokens)
    others = [one for one in known if one != name]
    right = surgery.replace_linear(model, partial(Whole, product=_torchs), skip=others)
    libraries = {YOURS: inner.build(dot_source())}
    with inner.running(libraries, cpu_seconds=CPU_SECONDS) as child:
        yours = surgery.replace_linear(
            model, partial(Whole, product=partial(_in_c, child)), skip=others
        )
        exact = _answers(right, text, written)
        answers = _answers(yours, text, written)
    facts = _facts(exact, answers, yours.get_submodule(name), name)
    return Underneath(facts, name)


def _torchs(weight: Tensor) -> Product:
    columns = weight.long().T

    def product(whole: Tensor) -> Tensor:
        return (whole.long() @ columns).int()

    return product


def _in_c(child: confined.Child, weight: Tensor) -> Product:
    rows, columns = weight.shape
    content = confined.encoded(weight.contiguous().numpy().tobytes())
    child.ask(do="matrix", rows=rows, columns=columns, content=content)

    def product(whole: Tensor) -> Tensor:
        x = confined.encoded(whole.contiguous().numpy().tobytes())
        sums = confined.integers(child.ask(do="multiply", name=YOURS, x=x)["y"])
        return torch.from_numpy(sums).view(len(whole), rows)

    return product


@torch.inference_mode()
def _answers(model: Any, text: Tensor, written: int) -> tuple[Tensor, list[int]]:
    """Return the logits of a text (1, T, V), and the tokens that follow it."""
    prompt = text[0].tolist()
    return model(text), [*islice(model.stream(prompt, max_tokens=written), written)]


def _facts(
    right: tuple[Tensor, list[int]], yours: tuple[Tensor, list[int]], whole: Any,
    layer: str,
) -> tuple[Record, ...]:  # fmt: skip
    changed = (right[0] - yours[0]).abs().max().item()
    pairs = [*zip(right[1], yours[1], strict=False)]
    alike = sum(one == other for one, other in pairs) / len(pairs)
    calls = whole.rows * whole.out_features
    values = (INNER_CHANGED, changed), (INNER_ALIKE, alike), (INNER_CALLS, calls)
    return tuple(
        records.measured(what, value, subject=YOURS, details={"layer": layer})
        for what, value in values
    )
