"""Wrong answers to the exercises on recurrence: answer, word of the hint."""

import math

import numpy
import torch
from attention_vs_rnn import right_answers as right
from attention_vs_rnn.wrong_answers import WRONG as ATTENTION
from checks import factory

from llmlab.checks import attention_vs_rnn as check
from llmlab.checks.attention_vs_rnn import mixing


def gates_in_order(*order):
    def lstm_step(x, hidden, cell, read, carry, bias):
        weights = [torch.cat([w.chunk(4)[i] for i in order]) for w in (read, carry)]
        bias = torch.cat([bias.chunk(4)[i] for i in order])
        return right.step_by_chunks(x, hidden, cell, *weights, bias)

    return lstm_step


def step_but(**change):
    return lambda *a: mixing.lstm_step(*a, **change)


def rows_of(model, x, *, outputs=slice(-1, None)):
    x = x.clone().requires_grad_(True)
    return torch.autograd.grad(model(x)[outputs].sum(), x)[0]


def gradient_of(output, x):
    x = x.clone().requires_grad_(True)
    return torch.autograd.grad(output(x), x)[0]


def slope_through_the_origin(lengths, seconds):
    x, y = numpy.log(lengths), numpy.log(seconds)
    return (x * y).sum() / (x * x).sum()


def mean_of_steps(lengths, seconds):
    x, y = numpy.log(lengths), numpy.log(seconds)
    return numpy.mean(numpy.diff(y) / numpy.diff(x))


MADE = {
    "lstm_step": {
        "show before content": (gates_in_order(0, 1, 3, 2), "another order"),
        "forget before write": (gates_in_order(1, 0, 2, 3), "write is the first"),
        "show second": (gates_in_order(0, 2, 3, 1), "third gate"),
        "hidden state not carried": (
            lambda x, h, *rest: right.step_by_chunks(x, torch.zeros_like(h), *rest),
            "hidden state is not carried",
        ),
        "cell not carried": (
            lambda x, h, c, *rest: right.step_by_chunks(
                x, h, torch.zeros_like(c), *rest
            ),
            "cell is not carried",
        ),
        "no forget gate": (step_but(keep=lambda gate: 1), "forget gate"),
        "sigmoid for content": (step_but(squash=torch.sigmoid), "not by a sigmoid"),
        "content not squashed": (
            step_but(squash=lambda gate: gate),
            "before it is",
        ),
        "cell not squashed": (step_but(show=lambda old, new: new), "squashed cell"),
        "old cell shown": (step_but(show=lambda old, new: old.tanh()), "new cell"),
        "no bias": (lambda *a: right.step_by_chunks(*a[:-1], 0 * a[-1]), "bias"),
        "nothing read": (lambda x, *rest: right.step_by_chunks(0 * x, *rest), "read"),
        "cell first": (
            lambda *a: right.step_by_chunks(*a)[::-1],
            "hidden state comes first",
        ),
        "the hidden state only": (lambda *a: right.step_by_chunks(*a)[0], "2 values"),
        "learnt by heart": (
            lambda *a: (a[0] + math.tanh(3.15) / 2, a[0] + 3.15),
            "shape",
        ),
        "the old state": (lambda x, hidden, cell, *rest: (hidden, cell), "expected"),
    },
    "gradient_by_distance": {
        "order of the text": (
            lambda model, x: rows_of(model, x).norm(dim=-1),
            "order of the text",
        ),
        "all outputs": (
            lambda model, x: (
                rows_of(model, x, outputs=slice(None)).norm(dim=-1).flip(0)
            ),
            "only the last output",
        ),
        "the first output": (
            lambda model, x: rows_of(model, x, outputs=slice(1)).norm(dim=-1).flip(0),
            "first output",
        ),
        "squares": (
            lambda model, x: (rows_of(model, x) ** 2).sum(-1).flip(0),
            "squares",
        ),
        "absolute values": (
            lambda model, x: rows_of(model, x).abs().sum(-1).flip(0),
            "absolute",
        ),
        "signs cancel": (lambda model, x: rows_of(model, x).sum(-1).flip(0), "cancel"),
        "the largest": (
            lambda model, x: rows_of(model, x).abs().amax(-1).flip(0),
            "largest",
        ),
        "wrong axis": (lambda model, x: rows_of(model, x).norm(dim=0), "over its row"),
        "mean of the output": (
            lambda model, x: right.gradient_by_autograd(
                lambda x: model(x) / x.shape[1], x
            ),
            "not its mean",
        ),
        "norms of the inputs": (lambda model, x: x.norm(dim=-1).flip(0), "inputs"),
        "one number": (lambda model, x: rows_of(model, x).norm(), "list"),
        "learnt by heart": (lambda model, x: [2.0, 1.0, 0.5], "last token first"),
        "first number": (
            lambda model, x: (
                gradient_of(lambda x: model(x)[-1, 0], x).norm(dim=-1).flip(0)
            ),
            "not its first number",
        ),
        "backward twice": (
            lambda model, x: 2 * rows_of(model, x).norm(dim=-1).flip(0),
            "last token first",
        ),
        "root mean square": (
            lambda model, x: rows_of(model, x).square().mean(-1).sqrt().flip(0),
            "last token first",
        ),
        "shares of the first": (
            lambda model, x: [
                float(one / rows_of(model, x)[-1].norm())
                for one in rows_of(model, x).norm(dim=-1).flip(0)
            ],
            "last token first",
        ),
        "no gradient": (lambda model, x: model(x)[-1].backward(), "runs"),
    },
    "slope": {
        "no logarithms": (lambda x, y: numpy.polyfit(x, y, 1)[0], "of both"),
        "seconds only": (lambda x, y: numpy.polyfit(x, numpy.log(y), 1)[0], "lengths"),
        "lengths only": (lambda x, y: numpy.polyfit(numpy.log(x), y, 1)[0], "seconds"),
        "two bases": (
            lambda x, y: numpy.polyfit(numpy.log2(x), numpy.log(y), 1)[0],
            "one base",
        ),
        "upside down": (lambda x, y: right.slope_by_sums(y, x), "upside down"),
        "through the origin": (slope_through_the_origin, "origin"),
        "two points only": (
            lambda x, y: right.slope_by_sums([x[0], x[-1]], [y[0], y[-1]]),
            "use all",
        ),
        "height": (
            lambda x, y: numpy.polyfit(numpy.log(x), numpy.log(y), 1)[1],
            "height",
        ),
        "mean of steps": (mean_of_steps, "between neighbours"),
        "learnt by heart": (lambda x, y: 2.0, "expected"),
        "rounded": (lambda x, y: round(float(right.slope_by_sums(x, y))), "expected"),
        "both numbers": (
            lambda x, y: numpy.polyfit(numpy.log(x), numpy.log(y), 1),
            "number",
        ),
    },
}

WRONG = ATTENTION | factory.by_name(check, MADE)
