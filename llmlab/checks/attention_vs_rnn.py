"""Checks for labs/02_attention_vs_rnn.ipynb, one function per exercise.

Each begins with the worked example of the text and goes on to seeded random cases. A
table of mistakes says what typical wrong answers give, so that a hint can name them.
"""

import math
import random
from collections.abc import Callable

import numpy
import torch
from torch import Tensor

from llmlab.checks import distance, mixing, report
from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = {  # exercise -> three levels, shown by check.hint("attend", level=1)
    "attend": (
        "Compare each query with each key, hide what comes later, then share out.",
        "Scores are queries @ keys.mT over √H; later ones get -inf; then softmax.",
        "ones(T, T).triu(1) is what is later; masked_fill, softmax(-1), then @ values.",
    ),
    "several_heads": (
        "Multiply once, cut the result in three, and give each head its own columns.",
        "A head has D / heads columns: view(T, heads, -1), then heads to the front.",
        "(x @ inputs.T).chunk(3, -1), attend, transpose(0, 1).reshape(T, D) @ output.T",
    ),
    "lstm_step": (
        "All four gates are one sum: what is read, what is carried, and the bias.",
        "chunk(4, -1): write, forget, content, show; tanh for content, else sigmoids.",
        "cell = forget * cell + write * content, then hidden = show * tanh(cell).",
    ),
    "gradient_by_distance": (
        "Only the last output counts. Which inputs would move it, and how much?",
        "torch.autograd.grad of the last output's sum gives one row for each token.",
        "The norm of each row, norm(dim=-1), and the last token first: flip(0).",
    ),
    "slope": (
        "On logarithmic axes a power is a straight line. Take logarithms of both.",
        "Least squares: how x and y vary together, over how x varies alone.",
        "((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum().",
    ),
}


def hint(exercise: str, *, level: int = 1) -> None:
    """Show a hint of an exercise: level 1 nudges, level 3 almost says it."""
    report.hint(HINTS, exercise, level)


def _normal(generator: torch.Generator, *size: int) -> Tensor:
    return torch.randn(size, generator=generator, dtype=torch.float64)


_ATTEND = Exercise(
    right=mixing.attend,
    gives=("the mixed values",),
    hint="scores over √H, later keys at -inf, softmax over the keys, times the values.",
    tolerance=1e-6,
    mistakes={
        "a token sees itself too: hide what is later, not itself.":
            lambda q, k, v: mixing.attend(q, k, v, hidden=0, below=-1e9),
        "no mask: a token must not see what comes after it.":
            lambda q, k, v: mixing.attend(q, k, v, hidden=q.shape[-2]),
        "the mask is one too late: a token sees its next one.":
            lambda q, k, v: mixing.attend(q, k, v, hidden=2),
        "the mask is the wrong way round: hide what is later, not the past.":
            lambda *a: mixing.attend(*(one.flip(-2) for one in a)).flip(-2),
        "mask before softmax: afterwards a row no longer adds up to 1.":
            mixing.masked_late,
        "hide with -inf: a score of 0 still gets its share.":
            lambda q, k, v: mixing.attend(q, k, v, below=0.0),
        "the scale is missing: divide the scores by √H.":
            lambda q, k, v: mixing.attend(q, k, v, scale=1.0),
        "divide by √H, the square root, not by H.":
            lambda q, k, v: mixing.attend(q, k, v, scale=1 / q.shape[-1]),
        "divide by √H, do not multiply.":
            lambda q, k, v: mixing.attend(q, k, v, scale=q.shape[-1] ** 0.5),
        "H is the width of a head, not the number of tokens.":
            lambda q, k, v: mixing.attend(q, k, v, scale=q.shape[-2] ** -0.5),
        "softmax over the keys, the last axis, so that each row adds up to 1.":
            lambda q, k, v: mixing.attend(q, k, v, axis=-2),
        "softmax over the keys, the last axis, not over the first.":
            lambda q, k, v: mixing.attend(q, k, v, axis=0),
        "queries and keys have changed places: each row is a query.":
            lambda q, k, v: mixing.attend(k, q, v),
        "the weights share out values, not keys.":
            lambda q, k, v: mixing.attend(q, k, k),
    },
)


def attend(learner_function: Callable) -> None:
    """Exercise 1. Causal attention: (…, T, H) three times -> mixed values (…, T, H)."""
    generator = torch.Generator().manual_seed(0)
    example = torch.zeros(3, 3, 4).double()  # of the text: weights 1 : 3 : 4
    example[0, :, 0], example[2, :, 0] = 2.0, torch.tensor([8.0, 16.0, 24.0])
    example[1, :, 0] = torch.tensor([1.0, 3.0, 4.0]).double().log()
    sizes = ((3, 4), (1, 5), (7, 3), (2, 6, 4), (2, 3, 5, 8))
    for case in (example, *(_normal(generator, 3, *size) for size in sizes)):
        answer = report.run(learner_function, *case)
        if isinstance(answer, Tensor) and not answer.isfinite().all():
            hint = "each token sees at least itself, and softmax follows the mask."
            got = answer[~answer.isfinite()][0]
            report.fail("every value is a number", expected="numbers", got=got.item(),
                        hint=hint)
        _ATTEND.compare(answer, *case)
    print("✓ attend: 6 cases, from one token alone to two rows of three heads")


_SEVERAL = Exercise(
    right=mixing.several,
    gives=("the outputs",),
    hint="one product, three parts, each cut into heads; attend; join; times output.",
    tolerance=1e-6,
    mistakes={
        "heads are columns: view(T, heads, -1) first, then heads to the front.":
            mixing.cut_across,
        "heads are columns, on the way in and on the way out.":
            lambda *a: mixing.cut_across(*a, back=True),
        "heads to the front: here each token attends among its own heads.":
            mixing.by_token,
        "a head has neighbouring columns: view(T, heads, -1), not (T, -1, heads).":
            mixing.every_other,
        "a head has neighbouring columns, on the way in as on the way out.":
            mixing.every_other_in,
        "bring the tokens to the front again before you join the heads.":
            lambda *a: mixing.several(*a, turn=False),
        "this is one wide head: cut into heads before you attend.":
            lambda x, inputs, output, heads: mixing.several(x, inputs, output, 1),
        "√H is that of a head, D / heads wide, not of the model.":
            lambda *a: mixing.several(*a, scale=len(a[2]) ** -0.5),
        "the scale is missing: divide the scores by √H.":
            lambda *a: mixing.several(*a, scale=1.0),
        "the three parts are queries, keys, values, in this order.":
            lambda *a: mixing.several(*a, order=(1, 0, 2)),
        "values come last: queries, keys, values.":
            lambda *a: mixing.several(*a, order=(2, 1, 0)),
        "the output matrix is missing.":
            lambda x, w, out, n: mixing.several(x, w, torch.eye(len(out)).to(x), n),
        "the output matrix is turned round: mixed @ output.T.":
            lambda x, w, out, n: mixing.several(x, w, out.T, n),
    },
)


def several_heads(learner_function: Callable) -> None:
    """Exercise 2. Heads from one matrix: (T, D), (3D, D), (D, D), heads -> (T, D)."""
    generator = torch.Generator().manual_seed(0)
    x, one = torch.arange(1.0, 13.0).view(3, 4).double(), torch.eye(4).double()
    inputs = torch.cat((0 * one, one, one))
    _SEVERAL.run(learner_function, x, inputs, one, 2)  # the example in the text
    for tokens, heads, own in ((5, 3, 2), (4, 2, 4), (6, 1, 4), (1, 2, 3), (3, 4, 3)):
        width = heads * own
        x, inputs = (_normal(generator, rows, width) for rows in (tokens, 3 * width))
        output = _normal(generator, width, width)
        _SEVERAL.run(learner_function, x, inputs, output, heads)
    print("✓ several_heads: 6 cases, with one head to four")


_LSTM = Exercise(
    right=mixing.lstm_step,
    gives=("the hidden state", "the cell"),
    hint="the order is write, forget, content, show; sigmoids, and a tanh for content.",
    tolerance=1e-6,
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
        "the bias is missing.": lambda *a: mixing.lstm_step(*a[:-1], 0 * a[-1]),
        "the hidden state comes first, the cell second.":
            lambda *a: mixing.lstm_step(*a)[::-1],
        "nothing is read: add x @ read.T.":
            lambda x, *rest: mixing.lstm_step(0 * x, *rest),
    },
)


def lstm_step(learner_function: Callable) -> None:
    """Exercise 3. One step of an LSTM: x, hidden, cell, two matrices, bias -> both."""
    generator = torch.Generator().manual_seed(0)
    zero, flat = torch.zeros(1, 1).double(), torch.zeros(4, 1).double()
    bias = torch.tensor([1 / 3, 3.0, 2.0, 1.0]).double().log()
    _LSTM.run(learner_function, zero, zero, zero + 4, flat, flat, bias)  # the text's
    for rows, inputs, width in ((1, 3, 2), (3, 2, 5), (4, 6, 6), (2, 1, 3)):
        x = _normal(generator, rows, inputs)
        hidden, cell = _normal(generator, 2, rows, width)
        weights = [_normal(generator, 4 * width, each) for each in (inputs, width)]
        bias = _normal(generator, 4 * width)
        _LSTM.run(learner_function, x, hidden, cell, *weights, bias)
    print("✓ lstm_step: 5 steps, hidden state and cell")


_GRADIENT = Exercise(
    right=lambda model, x: distance.norms(model, x).tolist(),
    gives=("the norms",),
    hint="the last output's sum, its gradient, the norm of each row, last token first.",
    tolerance=1e-6,
    mistakes={
        "this is the order of the text; distance 0 is the last token: flip it.":
            lambda model, x: distance.rows(model, x).norm(dim=-1).tolist(),
        "only the last output counts: model(x)[-1].":
            lambda model, x: distance.norms(model, x, outputs=distance.ALL).tolist(),
        "these come from the first output; take the last one.":
            lambda model, x: distance.norms(model, x, outputs=distance.FIRST).tolist(),
        "these are squares; a norm is the root of their sum.":
            lambda model, x: (distance.norms(model, x) ** 2).tolist(),
        "this adds up absolute values; a norm is the root of the sum of squares.":
            lambda model, x: distance.rows(model, x).abs().sum(-1).flip(0).tolist(),
        "this adds up the gradient, where signs cancel; take the norm.":
            lambda model, x: distance.rows(model, x).sum(-1).flip(0).tolist(),
        "this is the largest entry of each row; take the norm.":
            lambda model, x: distance.rows(model, x).abs().amax(-1).flip(0).tolist(),
        "one norm for each token, over its row: norm(dim=-1).":
            lambda model, x: distance.rows(model, x).norm(dim=0).tolist(),
        "one norm for each token, over its row: norm(dim=-1), then flip.":
            lambda model, x: distance.rows(model, x).norm(dim=0).flip(0).tolist(),
        "take the sum of the last output, not its mean.":
            lambda model, x: (distance.norms(model, x) / model(x).shape[-1]).tolist(),
        "these are norms of the inputs, not of gradients.":
            lambda model, x: x.norm(dim=-1).flip(0).tolist(),
    },
)


def gradient_by_distance(learner_function: Callable) -> None:
    """Exercise 4. Gradient norms by distance: model and x (T, D) -> T numbers."""
    generator = torch.Generator().manual_seed(0)
    _GRADIENT.run(learner_function, distance.fading, torch.ones(3, 4).double())
    for tokens, width in ((1, 3), (5, 2), (12, 5)):
        for model in (distance.recurrent, distance.attending, distance.fading):
            _GRADIENT.run(learner_function, model, _normal(generator, tokens, width))
    print("✓ gradient_by_distance: 10 cases, every distance")


def _line(x, y, *, turn=numpy.log, place=0) -> float:
    return float(numpy.polyfit(turn(x), numpy.log(y), 1)[place])


_SLOPE = Exercise(
    right=_line,
    gives=("the slope",),
    hint="logarithms of both, then the straight line of least squares through them.",
    tolerance=1e-4,  # float32 will do
    mistakes={
        "take logarithms of both first: a power is a straight line only there.":
            lambda x, y: float(numpy.polyfit(x, y, 1)[0]),
        "take the logarithm of the lengths too.":
            lambda x, y: _line(x, y, turn=numpy.array),
        "take the logarithm of the seconds too.":
            lambda x, y: float(numpy.polyfit(numpy.log(x), y, 1)[0]),
        "both logarithms must be of one base.":
            lambda x, y: _line(x, y, turn=numpy.log2),
        "upside down: seconds grow with lengths, not the other way.":
            lambda x, y: _line(y, x),
        "this line goes through the origin; take the means away first.":
            lambda x, y: float(numpy.log(x) @ numpy.log(y) / (numpy.log(x) ** 2).sum()),
        "first and last point alone: use all of them.":
            lambda x, y: math.log(y[-1] / y[0]) / math.log(x[-1] / x[0]),
        "this is the height of the line; return its slope.":
            lambda x, y: _line(x, y, place=1),
        "this is the mean of the steps between neighbours; use least squares.":
            lambda x, y: float(numpy.mean(numpy.diff(numpy.log(y))
                                          / numpy.diff(numpy.log(x)))),
    },
)


def slope(learner_function: Callable) -> None:
    """Exercise 5. The power that fits: two lists of numbers -> the slope."""
    dice = random.Random(0)
    _SLOPE.run(learner_function, [1.0, 2.0, 4.0], [3.0, 12.0, 48.0])  # in the text
    for power in (0.3, 0.5, 1.0, 1.7, 2.0, -0.5):
        places = range(dice.randint(2, 9))
        lengths = [16 * 2**place * dice.uniform(0.8, 1.2) for place in places]
        seconds = [1e-6 * n**power * dice.uniform(0.7, 1.4) for n in lengths]
        _SLOPE.run(learner_function, lengths, seconds)
    print("✓ slope: 7 curves, from falling to quadratic")
