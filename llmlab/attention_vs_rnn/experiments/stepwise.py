"""An LSTM's steps: the learner's in a loop, against PyTorch's call for a whole text.

Shapes: B = 1 sequence, T tokens, D model width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.attention_vs_rnn.layers import build
from llmlab.core.records import Record
from llmlab.measure import speed
from llmlab.measure.timing import Speed

# x (B, inputs), hidden and cell (B, D), weight_ih, weight_hh, bias -> hidden, cell
Step = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

LOOP, AT_ONCE = "your loop", "nn.LSTM"
ONE_STEP, ONE_CALL, ONE_CELL = "your step", "nn.LSTM, one token", "torch.lstm_cell"


@dataclass(frozen=True)
class Steps:
    """Times of a text and of a single token, each in several ways."""

    timing: Speed
    tokens: int

    def records(self) -> list[Record]:
        """Return the latency of each way, a text first, then a single token."""
        return [timing.records()[0] for timing in self.timing.timings]

    def ratio(self, name: str, against: str) -> Record:
        """Return how many times as fast `name` is as `against`, from paired rounds."""
        return self.timing.verdict(name, against).record(seed=self.timing.seed)


def steps(
    step: Step, *, width: int = 256, tokens: int = 256, seconds: float = 4.0,
    seed: int = 0,
) -> Steps:  # fmt: skip
    """Run a text through an LSTM, by `step` in a loop and by nn.LSTM, and time both.

    step: one step with PyTorch's own weights. A single token is timed too, as at
    decode. Raises ValueError where the step gives another hidden state than nn.LSTM.
    """
    mixer: Any = build("lstm", width=width, seed=seed).mixer
    lstm: torch.nn.LSTM = mixer.recurrence.rnn
    weight_ih, weight_hh, *biases = tuple(lstm.parameters())
    weights = (weight_ih, weight_hh, biases[0] + biases[1])
    generator = torch.Generator().manual_seed(seed)
    text = torch.randn(1, tokens, width, generator=generator)  # (B, T, D)
    zeros = torch.zeros(1, width)

    def loop() -> Tensor:
        hidden = cell = zeros
        for token in text.unbind(1):
            hidden, cell = step(token, hidden, cell, *weights)
        return hidden

    with torch.inference_mode():
        off = float((loop() - lstm(text)[0][:, -1]).abs().max())
        if not off < 1e-4:
            raise ValueError(
                f"step gives a hidden state that is {off:.3g} away from nn.LSTM's; run "
                "check.lstm_step first."
            )
        token, pair = text[:, 0], (zeros, zeros)
        calls: dict[str, Callable[[], object]] = {
            LOOP: loop,
            AT_ONCE: lambda: lstm(text),
            ONE_STEP: lambda: step(token, zeros, zeros, *weights),
            ONE_CALL: lambda: lstm(text[:, :1], (zeros[None], zeros[None])),
            ONE_CELL: lambda: torch.lstm_cell(
                token, pair, weight_ih, weight_hh, *biases
            ),
        }
        timing = speed(calls, seconds=seconds, seed=seed)
    return Steps(timing, tokens)
