"""Exercise 5: what an offline teacher keeps of a token's distribution."""

from functools import partial

import torch
from torch import Tensor

from llmlab.checks import values
from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

KEPT = "return a tensor: a student's training step goes on with it."
INDEX = "indices are of torch.int64: logits are looked up by them."
TIES = "of logits that are equal any may be kept, but k of them and no more."
GIVES = (Value("the probabilities", tensor=KEPT),
         Value("the indices", tensor=KEPT, dtype=INDEX),
         Value("probability of the rest", tensor=KEPT))
NOTHING = 1e-6  # what is nearer to 0 is the rounding of float32


def softmax(logits):
    """Return probabilities over the vocabulary."""
    return logits.softmax(-1)


def _kept(logits, k, *, of=softmax, largest=True, less=0, order=None):
    """Return the k largest probabilities, their indices and the sum of the others.

    The knobs each make a typical mistake.
    """
    every = of(logits)
    best = every.topk(k - less, dim=-1, largest=largest)
    kept, places = best.values, best.indices
    if order is not None:
        by = order(kept, places)
        kept, places = kept.gather(-1, by), places.gather(-1, by)
    return kept, places, 1 - kept.sum(-1)


def top_k_targets(teacher_logits, k):
    """Return probabilities (T, k), indices (T, k) and what is left (T,)."""
    return _kept(teacher_logits, k)


def observed(answer, teacher_logits, k):
    """Return the three, with equal logits in the order of the vocabulary.

    A rest that is the rounding of a sum is 0.
    """
    probabilities, places, rest = values.unpack(answer, GIVES, "top_k_targets")
    if isinstance(rest, Tensor) and rest.is_floating_point() and not rest.is_sparse:
        rest = torch.where(rest.abs() < NOTHING, torch.zeros_like(rest), rest)
    return probabilities, _in_order(places, teacher_logits, k), rest


def _in_order(places, logits, k):
    """Return indices in which those of equal logits stand for each other."""
    shape = len(logits), k
    if not isinstance(places, Tensor) or places.shape != shape:
        return places
    if places.dtype != torch.int64 or places.min() < 0:
        return places
    if places.max() >= logits.shape[1]:
        return places
    ordered = places.clone()
    for row, (indices, line) in enumerate(zip(places.tolist(), logits, strict=True)):
        if len(set(indices)) < k:
            continue  # one comes twice, whatever its logit
        seen: dict[float, int] = {}
        for place, index in enumerate(indices):
            value = float(line[index])
            twins = (line == line[index]).nonzero().flatten()
            ordered[row, place] = twins[seen.get(value, 0)]
            seen[value] = seen.get(value, 0) + 1
    return ordered


def _of(of):
    return partial(_kept, of=of)


def _with(change):
    """Return the right three as `change` makes them of (p, indices, rest, logits)."""
    return lambda logits, k: change(*top_k_targets(logits, k), logits)


def _renormalised(p, i, rest, logits):
    return p / p.sum(-1, keepdim=True), i, rest


def _late(logits, k):
    """Take the softmax of the k best logits."""
    best = logits.topk(k)
    p = best.values.softmax(-1)
    return p, best.indices, 1 - p.sum(-1)


def _in_all(logits, k):
    """Take the k best of all tokens together."""
    best = softmax(logits).flatten().topk(k)
    return best.values, best.indices, 1 - best.values.sum()


def _as_full(p, i, rest, logits):
    full = torch.zeros_like(softmax(logits)).scatter(-1, i, p)
    return full, i, rest


def _at_least(logits, k):
    """Keep what is as probable as the k-th, of which there may be more than k."""
    p = softmax(logits)
    least = p.topk(k).values[:, -1:]
    most = int((p >= least).sum(-1).max())
    return p.topk(most).values, p.topk(most).indices, 1 - p.topk(most).values.sum(-1)


def _drawn(logits, k):
    """Return what is left over, logit by logit, for the k kept ones left out."""
    p, i, _ = top_k_targets(logits, k)
    left = softmax(logits).scatter(-1, i, 0.0).sort(-1, descending=True).values
    return p, i, left[:, : logits.shape[1] - k]


def _cases():
    yield case(torch.tensor([[0.0, 1.0, 3.0, 2.0], [2.0, 0.0, 1.0, -1.0]]), 2)
    dice = torch.Generator().manual_seed(0)
    kinds = ((3, 7, 3, torch.float32), (5, 4, 1, torch.float32),
             (2, 9, 5, torch.float64), (6, 5, 4, torch.float32))
    for tokens, words, k, dtype in kinds:
        logits = 1.5 * torch.randn(tokens, words, generator=dice, dtype=dtype)
        yield case(logits - 2, k)
    yield case(1.5 * torch.randn(3, 5, generator=dice), 5,
               about="with k = V all are kept, and the rest is 0.")
    yield case(torch.tensor([[1.0, 3.0, 2.0, 2.0, 2.0, 0.0],
                             [2.0, 2.0, 0.5, 3.0, 1.0, 3.0]]), 3, about=TIES)
    yield case(torch.randn(1, 8, generator=dice), 6)


EXERCISE = Exercise(
    name="top_k_targets",
    right=top_k_targets,
    gives=GIVES,
    cases=lambda: [*_cases()],
    covers="from one token kept to all of them, ties as well",
    hints=(
        "First all probabilities, over the whole vocabulary; then keep the k largest "
        "and remember where they were and how much is gone.",
        "teacher_logits.softmax(-1).topk(k) has .values and .indices, largest first; "
        "the rest of a token is 1 less the sum of its k probabilities.",
        "p, indices = teacher_logits.softmax(-1).topk(k); return p, indices, "
        "1 - p.sum(-1).",
    ),
    hint="softmax over the vocabulary, then topk(k); the rest is 1 - the sum of those.",
    observe=observed,
    tolerance=1e-4,
    mistakes={
        "these sum to 1, so that the rest is lost: softmax goes over the whole "
        "vocabulary, before the k are taken, and nothing is divided afterwards.": (
            _late, _with(_renormalised),
            _with(lambda p, i, rest, x: (p / p.sum(-1, keepdim=True), i, 0 * rest)),
            lambda x, k: (*_late(x, k)[:2], x.softmax(-1).sum(-1)
                          - x.topk(k).values.softmax(-1).sum(-1) + 0.0)),
        "these are logits; softmax makes them probabilities.": (
            _with(lambda p, i, rest, x: (x.gather(-1, i), i, rest)), _of(lambda x: x),
            _with(lambda p, i, rest, x: (
                x.gather(-1, i), i, x.sum(-1) - x.gather(-1, i).sum(-1)))),
        "these are logarithms; take softmax instead of log_softmax.": (
            _with(lambda p, i, rest, x: (p.log(), i, rest)),
            _of(lambda x: x.log_softmax(-1))),
        "softmax goes over the vocabulary, the last axis: dim=-1.": (
            _of(lambda x: x.softmax(0)),),
        "softmax goes over the vocabulary of a token; this is over all tokens at once.":
            _of(lambda x: x.flatten().softmax(0).view_as(x)),
        "this does not take the exponential's sum off: softmax makes a row sum to 1.":
            (_of(lambda x: x.exp()), _of(lambda x: x.sigmoid())),
        "these are the k smallest; a teacher keeps the largest.":
            partial(_kept, largest=False),
        "largest first: here the smallest of the k comes first.": (
            _with(lambda p, i, rest, x: (p.flip(-1), i.flip(-1), rest)),),
        "largest first: here they stand in the order of the vocabulary.":
            partial(_kept, order=lambda p, i: i.argsort(-1)),
        "probabilities and indices belong together, place by place.": (
            _with(lambda p, i, rest, x: (p, i.sort(-1).values, rest)),
            _with(lambda p, i, rest, x: (p, i.flip(-1), rest)),
            _with(lambda p, i, rest, x: (p.flip(-1), i, rest))),
        "p[:, indices] picks the columns of all tokens; gather(-1, indices) picks a "
        "token's own.": (
            _with(lambda p, i, rest, x: (
                softmax(x)[:, i], i, 1 - softmax(x)[:, i].sum(-1))),
            _with(lambda p, i, rest, x: (softmax(x)[:, i], i, rest))),
        "an index counts from 0.": _with(lambda p, i, rest, x: (p, i + 1, rest)),
        "these are the places in the order; an index says which token it is.": _with(
            lambda p, i, rest, x: (
                p, torch.arange(p.shape[1]).expand_as(i).contiguous(), rest)),
        "this is the kept share; the rest is 1 less that.":
            _with(lambda p, i, rest, x: (p, i, p.sum(-1))),
        "the rest is 1 less all k probabilities; this takes off the largest alone.":
            _with(lambda p, i, rest, x: (p, i, 1 - p[:, 0])),
        "the rest is one number for a token, (T,): no axis is kept.":
            _with(lambda p, i, rest, x: (p, i, rest[:, None])),
        "the rest is one number for a token, (T,): sum over the last axis.": (
            _with(lambda p, i, rest, x: (p, i, 1 - p.sum())),
            _with(lambda p, i, rest, x: (p, i, rest.mean())),
            _with(lambda p, i, rest, x: (p, i, rest.sum())),
            _with(lambda p, i, rest, x: (p, i, 1 - p.sum(0)))),
        "the rest is one number for a token, the sum of what is not kept.": (
            _drawn, _with(lambda p, i, rest, x: (p, i, softmax(x).scatter(-1, i, 0))),
            _with(lambda p, i, rest, x: (p, i, 1 - p))),
        "the rest is a sum, not a mean over what is not kept.": (
            _with(lambda p, i, rest, x: (
                p, i, rest / max(1, x.shape[1] - p.shape[1]))),
            _with(lambda p, i, rest, x: (p, i, rest / (x.shape[1] - p.shape[1]))),
            _with(lambda p, i, rest, x: (p, i, rest / x.shape[1]))),
        "the rest is not lost: 1 less the sum of the k.":
            _with(lambda p, i, rest, x: (p, i, 0 * rest)),
        "the rest is a sum of probabilities, not of logits.":
            _with(lambda p, i, rest, x: (p, i, x.sum(-1) - x.gather(-1, i).sum(-1))),
        "k are kept for every token; these are the k best of all tokens together.":
            _in_all,
        TIES: _at_least,
        "k are kept; this is one less.": partial(_kept, less=1),
        "k are kept; this is one more.": (
            partial(_kept, less=-1),
            lambda x, k: _kept(x, min(k + 1, x.shape[1]))),
        "only k numbers a token are kept; this is the whole vocabulary with zeros.":
            _with(_as_full),
        "return the probabilities, the indices, the rest, in this order.": (
            _with(lambda p, i, rest, x: (i, p, rest)),
            _with(lambda p, i, rest, x: (p, rest, i)),
            _with(lambda p, i, rest, x: (rest, p, i)),
            _with(lambda p, i, rest, x: (rest, i, p)),
            _with(lambda p, i, rest, x: (i, rest, p))),
    },
)
