"""Wrong answers to the exercises on recurrence: answer, word of the hint."""

import math

import torch
from attention_vs_rnn import right_answers as right
from attention_vs_rnn.wrong_answers import WRONG as ATTENTION
from checks import factory

from llmlab.checks import attention_vs_rnn as check
from llmlab.checks.attention_vs_rnn import mixing


def gates_in_order(*order):
    def lstm_step(x, hidden, cell, weight_ih, weight_hh, bias):
        weights = [
            torch.cat([w.chunk(4)[i] for i in order]) for w in (weight_ih, weight_hh)
        ]
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


def one_round(decay, new):
    return torch.cat((new[:, :1], decay[:, 1:] * new[:, :-1] + new[:, 1:]), 1)


def decays_as_they_were(decay, new):
    span = 1
    while span < new.shape[1]:
        news = decay[:, span:] * new[:, :-span] + new[:, span:]
        new, span = torch.cat((new[:, :span], news), 1), 2 * span
    return new


def decays_first(decay, new):
    span = 1
    while span < new.shape[1]:
        joined = decay[:, span:] * decay[:, :-span]
        decay = torch.cat((decay[:, :span], joined), 1)
        news = decay[:, span:] * new[:, :-span] + new[:, span:]
        new = torch.cat((new[:, :span], news), 1)
        span *= 2
    return new


def one_step_after_the_other(decay, new):
    states, state = [], torch.zeros_like(new[:, 0])
    for kept, added in zip(decay.unbind(1), new.unbind(1), strict=True):
        state = kept * state + added
        states.append(state)
    return torch.stack(states, 1)


def by_the_closed_form(decay, new):
    product = decay.cumprod(1)
    return product * (new / product).cumsum(1)


def in_place(decay, new):
    span = 1
    while span < new.shape[1]:
        new[:, span:] += decay[:, span:] * new[:, :-span]
        decay[:, span:] *= decay[:, :-span].clone()
        span *= 2
    return new


def asked_of_the_argument(model, x):
    gradient = torch.autograd.grad(model(x.requires_grad_())[-1].sum(), x)[0]
    return gradient.norm(dim=-1).flip(0)


def gradient_left_behind(model, x):
    model(x.requires_grad_())[-1].sum().backward()
    x.requires_grad_(False)
    return x.grad.norm(dim=-1).flip(0)


MADE = {
    "lstm_step": {
        "o before g": (gates_in_order(0, 1, 3, 2), "another order"),
        "f before i": (gates_in_order(1, 0, 2, 3), "input gate i is the first"),
        "o second": (gates_in_order(0, 2, 3, 1), "g is the third"),
        "hidden state not carried": (
            lambda x, h, *rest: right.step_by_chunks(x, torch.zeros_like(h), *rest),
            "hidden state is left out",
        ),
        "cell not carried": (
            lambda x, h, c, *rest: right.step_by_chunks(
                x, h, torch.zeros_like(c), *rest
            ),
            "old cell is left out",
        ),
        "no forget gate": (step_but(keep=lambda gate: 1), "forget gate"),
        "sigmoid for content": (
            step_but(squash=torch.sigmoid),
            "not through a sigmoid",
        ),
        "content not squashed": (
            step_but(squash=lambda gate: gate),
            "before it is added",
        ),
        "cell not squashed": (step_but(show=lambda old, new: new), "not o * cell"),
        "old cell shown": (
            step_but(show=lambda old, new: old.tanh()),
            "not the old one",
        ),
        "no bias": (lambda *a: right.step_by_chunks(*a[:-1], 0 * a[-1]), "bias"),
        "nothing read": (
            lambda x, *rest: right.step_by_chunks(0 * x, *rest),
            "token is left out",
        ),
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
        "asked of the argument": (asked_of_the_argument, "ask a copy for gradients"),
        "a gradient left behind": (gradient_left_behind, "ask a copy for gradients"),
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
    "scan": {
        "one round": (one_round, "one round is not enough"),
        "decays left alone": (decays_as_they_were, "have to be joined as well"),
        "decays before news": (decays_first, "the news needs the old decay"),
        "a running sum": (lambda decay, new: new.cumsum(1), "decay is missing"),
        "a loop over the tokens": (one_step_after_the_other, "takes T steps"),
        "divided by products": (by_the_closed_form, "divide by nothing"),
        "from the end": (
            lambda decay, new: right.scan_by_doubling(decay.flip(1), new.flip(1)).flip(
                1
            ),
            "from the end",
        ),
        "swapped": (
            lambda decay, new: right.scan_by_doubling(new, decay),
            "changed places",
        ),
        "along the texts": (
            lambda decay, new: right.scan_by_doubling(
                decay.transpose(0, 1), new.transpose(0, 1)
            ).transpose(0, 1),
            "not along the first axis",
        ),
        "the last state only": (
            lambda decay, new: right.scan_by_doubling(decay, new)[:, -1],
            "shape",
        ),
        "in place": (in_place, "leaves"),
        "one state too early": (
            lambda decay, new: torch.cat(
                (0 * new[:, :1], right.scan_by_doubling(decay, new)[:, :-1]), 1
            ),
            "expected",
        ),
        "nothing returned": (lambda decay, new: None, "return"),
        "a list": (
            lambda decay, new: right.scan_by_doubling(decay, new).tolist(),
            "a tensor",
        ),
    },
}

WRONG = ATTENTION | factory.by_name(check, MADE)
