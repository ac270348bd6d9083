"""Exercise 3: one step of an LSTM."""

import torch

from llmlab.checks.attention_vs_rnn import mixing
from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "All four gates are one sum: what is read, what is carried, and the bias.",
    "chunk(4, -1): write, forget, content, show; tanh for content, else sigmoids.",
    "cell = forget * cell + write * content, then hidden = show * tanh(cell).",
)


def _cases():
    generator = torch.Generator().manual_seed(0)
    zero, flat = torch.zeros(1, 1), torch.zeros(4, 1)
    bias = torch.tensor([1 / 3, 3.0, 2.0, 1.0]).log()
    yield case(zero, zero, zero + 4, flat, flat, bias)  # the text's
    for rows, inputs, width in ((1, 3, 2), (3, 2, 5), (4, 6, 6), (2, 1, 3)):
        x = mixing.normal(generator, rows, inputs)
        hidden, cell = mixing.normal(generator, 2, rows, width).unbind(0)
        weights = [mixing.normal(generator, 4 * width, n) for n in (inputs, width)]
        yield case(x, hidden, cell, *weights, mixing.normal(generator, 4 * width))


EXERCISE = Exercise(
    name="lstm_step",
    right=mixing.lstm_step,
    gives=(
        Value("the hidden state", tensor=mixing.TENSOR, dtype=mixing.DTYPE),
        Value("the cell", tensor=mixing.TENSOR, dtype=mixing.DTYPE),
    ),
    cases=lambda: [*_cases()],
    covers="hidden state and cell",
    hints=HINTS,
    hint="the order is write, forget, content, show; sigmoids, and a tanh for content.",
    tolerance=1e-4,
    mistakes={
        "the gates are in another order: write, forget, content, show.":
            lambda *a: mixing.lstm_step(*a, order=(0, 1, 3, 2)),
        "write is the first gate, forget the second.":
            lambda *a: mixing.lstm_step(*a, order=(1, 0, 2, 3)),
        "content is the third gate and show the last, after write and forget.":
            lambda *a: mixing.lstm_step(*a, order=(0, 2, 3, 1)),
        "the hidden state is not carried: add hidden @ carry.T.":
            lambda x, h, *rest: mixing.lstm_step(x, 0 * h, *rest),
        "the cell is not carried: forget * cell, plus what is written.":
            lambda x, h, c, *rest: mixing.lstm_step(x, h, 0 * c, *rest),
        "the forget gate is missing: forget * cell.":
            lambda *a: mixing.lstm_step(*a, keep=lambda gate: 1),
        "content is squashed by tanh, not by a sigmoid.":
            lambda *a: mixing.lstm_step(*a, squash=torch.sigmoid),
        "content is squashed by tanh before it is written.":
            lambda *a: mixing.lstm_step(*a, squash=lambda content: content),
        "show the squashed cell: show * tanh(cell).":
            lambda *a: mixing.lstm_step(*a, show=lambda old, new: new),
        "show the new cell, not the one that was given.":
            lambda *a: mixing.lstm_step(*a, show=lambda old, new: old.tanh()),
        "the bias is missing.": lambda x, h, c, read, carry, bias:
                mixing.lstm_step(x, h, c, read, carry, 0 * bias),
        "the hidden state comes first, the cell second.":
            lambda *a: mixing.lstm_step(*a)[::-1],
        "the cell comes back too: return the hidden state, the cell.":
            lambda *a: mixing.lstm_step(*a)[0],
        "nothing is read: add x @ read.T.":
            lambda x, *rest: mixing.lstm_step(0 * x, *rest),
    },
)
