"""Exercise 3: one step of an LSTM."""

import torch

from llmlab.checks.attention_vs_rnn import mixing
from llmlab.checks.exercise import TENSOR, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "All four gates are one sum: of the token, of the hidden state, and the bias.",
    "chunk(4, -1) gives i, f, g, o; tanh for g, sigmoid for the others.",
    "cell = f * cell + i * g, then hidden = o * tanh(cell).",
)


def _cases():
    generator = torch.Generator().manual_seed(0)
    yield case(
        torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5]]), torch.tensor([[4.0]]),
        torch.tensor([[0.5, -0.5], [1.0, 0.5], [-1.0, 1.0], [0.0, 0.5]]),
        torch.tensor([[1.0], [-2.0], [0.5], [2.0]]),
        torch.tensor([0.5, 1.0, -0.75, -1.0]),
    )  # fmt: skip
    for rows, inputs, width in ((1, 3, 2), (3, 2, 5), (4, 6, 6), (2, 1, 3)):
        x = mixing.normal(generator, rows, inputs)
        hidden, cell = mixing.normal(generator, 2, rows, width).unbind(0)
        weights = [mixing.normal(generator, 4 * width, n) for n in (inputs, width)]
        yield case(x, hidden, cell, *weights, mixing.normal(generator, 4 * width))


EXERCISE = Exercise(
    name="lstm_step",
    right=mixing.lstm_step,
    gives=(
        Value("the hidden state", tensor=TENSOR, dtype=mixing.DTYPE),
        Value("the cell", tensor=TENSOR, dtype=mixing.DTYPE),
    ),
    cases=lambda: [*_cases()],
    covers="hidden state and cell",
    hints=HINTS,
    hint="the order is i, f, g, o; sigmoids, and a tanh for g.",
    tolerance=1e-4,
    mistakes={
        "the gates are in another order: i, f, g, o.":
            lambda *a: mixing.lstm_step(*a, order=(0, 1, 3, 2)),
        "the input gate i is the first, the forget gate f the second.":
            lambda *a: mixing.lstm_step(*a, order=(1, 0, 2, 3)),
        "g is the third and the output gate o the last, after i and f.":
            lambda *a: mixing.lstm_step(*a, order=(0, 2, 3, 1)),
        "the hidden state is left out: add hidden @ weight_hh.T.":
            lambda x, h, *rest: mixing.lstm_step(x, 0 * h, *rest),
        "the old cell is left out: f * cell, plus what is added.":
            lambda x, h, c, *rest: mixing.lstm_step(x, h, 0 * c, *rest),
        "the forget gate is missing: f * cell.":
            lambda *a: mixing.lstm_step(*a, keep=lambda gate: 1),
        "g goes through tanh, not through a sigmoid.":
            lambda *a: mixing.lstm_step(*a, squash=torch.sigmoid),
        "g goes through tanh before it is added.":
            lambda *a: mixing.lstm_step(*a, squash=lambda g: g),
        "the hidden state is o * tanh(cell), not o * cell.":
            lambda *a: mixing.lstm_step(*a, show=lambda old, new: new),
        "the hidden state shows the new cell, not the old one.":
            lambda *a: mixing.lstm_step(*a, show=lambda old, new: old.tanh()),
        "the bias is missing.": lambda x, h, c, ih, hh, bias:
                mixing.lstm_step(x, h, c, ih, hh, 0 * bias),
        "the hidden state comes first, the cell second.":
            lambda *a: mixing.lstm_step(*a)[::-1],
        "the cell comes back too: return the hidden state, the cell.":
            lambda *a: mixing.lstm_step(*a)[0],
        "the token is left out: add x @ weight_ih.T.":
            lambda x, *rest: mixing.lstm_step(0 * x, *rest),
    },
)
