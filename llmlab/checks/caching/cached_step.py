"""Exercise 1: one token attends to itself and to all that were kept before it."""

import math
from functools import partial

import torch

from llmlab.checks.exercise import TENSOR, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

ITSELF = "the first token has none before it: it attends to itself alone."
NEXT = "the next token needs this one, too: return keys and values with its row."


def attended(query, keys, values, *, size=None, share=None):
    """Return the values (H,) mixed by how well the keys match the query."""
    size = math.sqrt(len(query)) if size is None else size
    scores = keys @ query / size  # (S,)
    return (share or partial(torch.softmax, dim=0))(scores) @ values


def appended(rows, row):
    """Return the rows (S + 1, H) with a new one at their end."""
    return torch.cat([rows, row[None]])


def cached_step(query, key, value, keys, values, *, mix=attended, add=appended):
    """Return the mixed values (H,), and keys and values (S + 1, H) with the new row."""
    keys, values = add(keys, key), add(values, value)
    return mix(query, keys, values), keys, values


def _right(query, key, value, keys, values):
    return cached_step(query, key, value, keys, values)


def _mixes(mix):
    return partial(cached_step, mix=mix)


def _adds(add):
    return partial(cached_step, add=add)


def _shares(share):
    return _mixes(partial(attended, share=share))


def _divides(size):
    """Divide the scores by what `size` makes of the query and of the keys."""
    return _mixes(lambda q, k, v: attended(q, k, v, size=size(q, k)))


def _before(query, key, value, keys, values):
    return (attended(query, keys, values), appended(keys, key),
            appended(values, value))


def _unkept(query, key, value, keys, values):
    return _right(query, key, value, keys, values)[0], keys, values


def _by_width(query, keys, values):
    products = keys * query / math.sqrt(len(query))  # (S, H), never summed
    return (products.softmax(-1) * values).sum(0)


def _by_column(query, keys, values):
    products = keys * query / math.sqrt(len(query))
    return (products.softmax(0) * values).sum(0)


def _weighted(query, keys, values):
    shares = torch.softmax(keys @ query / math.sqrt(len(query)), 0)
    return shares[:, None] * values


def _best(scores):
    """Return all of the share for the key that matches best."""
    return torch.nn.functional.one_hot(scores.argmax(), len(scores)).to(scores.dtype)


def _cases():
    one, zero = torch.tensor([1.0, 0.0]), torch.zeros(1, 2)
    query = torch.tensor([0.0, round(math.log(3) * math.sqrt(2), 6)])
    yield case(query, torch.tensor([0.0, 1.0]), torch.tensor([4.0, 0.0]),
               zero + one, zero + 2 * one)
    dice = torch.Generator().manual_seed(0)
    for tokens, width in ((5, 3), (2, 6), (9, 5), (7, 8)):
        yield _drawn(dice, tokens, width, torch.float32)
    yield _drawn(dice, 0, 3, torch.float32, about=ITSELF)
    yield _drawn(dice, 4, 7, torch.float64)


def _drawn(dice, tokens, width, dtype, about=""):
    sizes = (width,), (width,), (width,), (tokens, width), (tokens, width)
    drawn = (torch.randn(*size, generator=dice, dtype=dtype) for size in sizes)
    return case(*(1.5 * one for one in drawn), about=about)


EXERCISE = Exercise(
    name="cached_step",
    right=_right,
    gives=(Value("the mixed values", tensor=TENSOR),
           Value("the keys", tensor=TENSOR),
           Value("the values", tensor=TENSOR)),
    cases=lambda: [*_cases()],
    covers="behind nine tokens, behind some, behind none",
    hints=(
        "A token attends to itself, too: first its key and value are kept, then it "
        "looks at all of them.",
        "torch.cat([keys, key[None]]) has the new key as its last row; scores are "
        "keys @ query / sqrt(H), one for each row; softmax makes them shares.",
        "keys = torch.cat([keys, key[None]]), values likewise; shares = torch.softmax("
        "keys @ query / len(query) ** 0.5, dim=0); return shares @ values, keys, "
        "values.",
    ),
    hint="append key and value, then softmax(keys @ query / sqrt(H)) @ values.",
    mistakes={
        "the token misses itself: append its key and value first, then attend.":
            _before,
        NEXT: _unkept,
        "the kept rows stay, and the new one follows: return all of them.":
            lambda q, key, value, k, v: (_right(q, key, value, k, v)[0], key, value),
        "the new row belongs at the end: rows stand in the order of the tokens.":
            _adds(lambda rows, row: torch.cat([row[None], rows])),
        "the last row is overwritten: the new one comes behind it.":
            _adds(lambda rows, row: appended(rows[:-1], row)),
        "the oldest row is gone: nothing is dropped here, S rows become S + 1.":
            _adds(lambda rows, row: appended(rows[1:], row)),
        "scores are divided by sqrt(H), the root of the width; here they are not.":
            _divides(lambda q, k: 1),
        "the scale is 1 / sqrt(H), the root of the width, not of the tokens.": (
            _divides(lambda q, k: math.sqrt(len(k))),
            _divides(lambda q, k: math.sqrt(max(1, len(k) - 1))),
            _divides(lambda q, k: math.sqrt(len(k) - 1)),
        ),
        "the scores are divided by H; the scale takes its root.": (
            _divides(lambda q, k: len(q)), _divides(lambda q, k: len(q) ** 2),
        ),
        "the scale belongs to the scores: divide before softmax.":
            _mixes(lambda q, k, v: attended(q, k, v, size=1) / math.sqrt(len(q))),
        "the scores are multiplied by sqrt(H); the scale divides by it.":
            _divides(lambda q, k: 1 / math.sqrt(len(q))),
        "the root of the number of numbers, S · H, is too much: sqrt(H).":
            _divides(lambda q, k: math.sqrt(k.numel())),
        "softmax goes over the tokens: one score a token, a sum over the width.": (
            _mixes(_by_width), _mixes(_by_column),
        ),
        "these are the shares; mix the values by them: shares @ values.":
            _mixes(lambda q, k, v: torch.softmax(k @ q / math.sqrt(len(q)), 0)),
        "these are the scores; softmax makes them shares, which mix the values.":
            _mixes(lambda q, k, v: k @ q / math.sqrt(len(q))),
        "these are scores without softmax; shares are positive and sum to 1.": (
            _shares(lambda s: s), _shares(lambda s: s / s.sum()), _shares(torch.exp),
            _shares(torch.sigmoid),
        ),
        "all of the share goes to the best key here; softmax shares it out.":
            _shares(_best),
        "this is log_softmax; take softmax.":
            _shares(lambda s: torch.log_softmax(s, 0)),
        "every token has the same share here; the scores should say how much.":
            _shares(lambda s: torch.full_like(s, 1 / len(s))),
        "this is the new token alone; those that were kept are attended to, too.":
            lambda q, key, value, k, v: (value, *_right(q, key, value, k, v)[1:]),
        "vectors are not divided by their lengths: scores are keys @ query.":
            _mixes(lambda q, k, v: torch.softmax(
                torch.cosine_similarity(k, q[None]), 0) @ v),
        "the shares mix the values, not the keys.":
            _mixes(lambda q, k, v: attended(q, k, k)),
        "the query is compared with the keys, not with the values.":
            _mixes(lambda q, k, v: attended(q, v, v)),
        "keys and values are mixed up: the keys say how much, the values what.":
            _mixes(lambda q, k, v: attended(q, v, k)),
        "this is one row a token; the mixed values are their sum, (H,).":
            _mixes(_weighted),
        "the mixed values are one row of H numbers, (H,), not a matrix.": (
            _mixes(lambda q, k, v: attended(q, k, v)[None]),
            _mixes(lambda q, k, v: attended(q, k, v)[:, None]),
        ),
        "the values get the new value, not the new key.":
            lambda q, key, value, k, v: _right(q, key, key, k, v),
        "the keys get the new key, not the new value.":
            lambda q, key, value, k, v: _right(q, value, value, k, v),
        "the key asks here; it is the query that is compared with the keys.":
            lambda q, key, value, k, v: _right(key, key, value, k, v),
    },
)
