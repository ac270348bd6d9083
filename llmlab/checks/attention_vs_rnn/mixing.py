"""How tokens are mixed, each with one thing done otherwise if asked.

The checks of lab 02 compare answers with these: what is right, and what a typical
mistake gives. Kept apart from `llmlab.attention_vs_rnn`, whose layers they do not need.

Shapes: T tokens, D model width, H head width, B rows.
"""

import math

import torch
from torch import Tensor

DTYPE = "make new tensors like those given: zeros_like(x), or dtype=x.dtype."


def normal(generator: torch.Generator, *size: int) -> Tensor:
    """Return numbers drawn from the normal distribution."""
    return torch.randn(size, generator=generator)


def attend(queries, keys, values, *, hidden=1, scale=None, axis=-1, below=-math.inf):
    """Attend causally; the queries (…, T, H) are of the last T of S tokens.

    `hidden` is the first diagonal that is hidden, counted from each token itself.
    """
    scores = _scores(queries, keys, scale)
    return scores.masked_fill(_later(scores, hidden), below).softmax(axis) @ values


def unsquashed(queries, keys, values, *, below) -> Tensor:
    """Mix with the scores themselves."""
    scores = _scores(queries, keys)
    return scores.masked_fill(_later(scores, 1), below) @ values


def by_exp(queries, keys, values, *, early=False) -> Tensor:
    """Make the shares by exp alone; `early`: add up before what is later is hidden."""
    shares = _scores(queries, keys).exp()
    later = _later(shares, 1)
    shares = shares * ~later if early else shares.masked_fill(later, 0)
    return shares / shares.sum(-1, keepdim=True) @ values


def masked_late(queries, keys, values) -> Tensor:
    """Hide what is later only when the weights are made."""
    weights = _scores(queries, keys).softmax(-1)
    return weights.masked_fill(_later(weights, 1), 0) @ values


def from_the_first(queries, keys, values) -> Tensor:
    """Take the queries for those of the first T tokens."""
    more = keys.shape[-2] - queries.shape[-2]
    return attend(queries, keys, values, hidden=1 - more)


def future(queries, keys, values, *, offset=False) -> Tensor:
    """Hide the past; `offset` counts from the token itself where T < S."""
    scores = _scores(queries, keys)
    more = scores.shape[-1] - scores.shape[-2] if offset else 0
    past = torch.ones_like(scores).bool().tril(more - 1)
    return scores.masked_fill(past, -math.inf).softmax(-1) @ values


def _scores(queries, keys, scale=None) -> Tensor:
    return queries @ keys.mT * (queries.shape[-1] ** -0.5 if scale is None else scale)


def _later(scores: Tensor, hidden: int) -> Tensor:
    """Return which scores (…, T, S) are hidden from this diagonal on."""
    more = scores.shape[-1] - scores.shape[-2]
    return torch.ones_like(scores).bool().triu(hidden + more)


def several(
    x, inputs, output, heads, *,
    order=(0, 1, 2), scale=None, turn=True, hidden=1, below=-math.inf,
):  # fmt: skip
    """Attend in several heads over x (T, D); `hidden`, `below` as in attend."""
    parts = _parts(x, inputs)
    split = [parts[place].view(len(x), heads, -1).transpose(0, 1) for place in order]
    mixed = attend(*split, scale=scale, hidden=hidden, below=below)  # (heads, T, H)
    return (mixed.transpose(0, 1) if turn else mixed).reshape(x.shape) @ output.T


def every_other(x, inputs, output, heads) -> Tensor:
    """Give a head every heads-th column in the place of its own stretch."""
    return _strided(x, inputs, heads).permute(1, 2, 0).reshape(x.shape) @ output.T


def every_other_in(x, inputs, output, heads) -> Tensor:
    """Do so on the way in only."""
    return _strided(x, inputs, heads).transpose(0, 1).reshape(x.shape) @ output.T


def cut_across(x, inputs, output, heads, *, back=False, cut=Tensor.reshape) -> Tensor:
    """Cut heads out of the rows of x (T, D), and `back` again."""
    split = [cut(part, (heads, len(x), -1)) for part in _parts(x, inputs)]
    mixed = attend(*split)
    return (mixed if back else mixed.transpose(0, 1)).reshape(x.shape) @ output.T


def by_token(x, inputs, output, heads) -> Tensor:
    """Let the heads of each token attend among themselves."""
    split = [part.view(len(x), heads, -1) for part in _parts(x, inputs)]
    return attend(*split).reshape(x.shape) @ output.T


def _new(old: Tensor, new: Tensor) -> Tensor:
    return new.tanh()


def lstm_step(
    x, hidden, cell, weight_ih, weight_hh, bias, *,
    order=(0, 1, 2, 3), squash=torch.tanh, keep=torch.sigmoid, show=_new,
):  # fmt: skip
    """Read x (B, inputs) into hidden state and cell (B, D)."""
    gates = (x @ weight_ih.T + hidden @ weight_hh.T + bias).chunk(4, -1)
    i, f, g, o = (gates[place] for place in order)
    new = keep(f) * cell + i.sigmoid() * squash(g)
    return o.sigmoid() * show(cell, new), new


def _parts(x: Tensor, inputs: Tensor) -> tuple[Tensor, ...]:
    return (x @ inputs.T).chunk(3, -1)  # (T, D) each


def _strided(x: Tensor, inputs: Tensor, heads: int) -> Tensor:
    """Attend with every heads-th column as a head: (heads, T, H)."""
    parts = (part.view(len(x), -1, heads) for part in _parts(x, inputs))
    return attend(*(part.permute(2, 0, 1) for part in parts))
