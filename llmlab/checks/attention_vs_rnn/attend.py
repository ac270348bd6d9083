"""Exercise 1: causal attention."""

import math

import torch

from llmlab.checks.attention_vs_rnn import mixing
from llmlab.checks.exercise import TENSOR, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Compare each query with each key, hide what comes later, then share out.",
    "Scores are queries @ keys.mT over √H; later ones get -inf; then softmax.",
    "ones(T, S).triu(S - T + 1).bool() is later: masked_fill(…, -inf), softmax(-1).",
)
LARGE = "exp overflows beyond 88 in float32: take off a row's largest score first."
LAST = "the queries belong to the last T of the S tokens: triu(S - T + 1)."


def _cases():
    generator = torch.Generator().manual_seed(0)
    example = torch.zeros(3, 3, 4)  # weights 1 : 3 : 4
    example[0, :, 0], example[2, :, 0] = 2.0, torch.tensor([8.0, 16.0, 24.0])
    example[1, :, 0] = torch.tensor([1.0, 3.0, 4.0]).log()
    sizes = ((3, 4), (1, 5), (7, 3), (2, 6, 4), (2, 3, 5, 8))
    for one in (example, *(mixing.normal(generator, 3, *size) for size in sizes)):
        yield case(*one.unbind(0))
    for tokens, seen in ((3, 5), (1, 6)):  # behind a cache
        queries = mixing.normal(generator, 2, tokens, 4)
        keys, values = mixing.normal(generator, 2, 2, seen, 4).unbind(0)
        yield case(queries, keys, values, about=LAST)
    for sign in (1, -1):  # scores about 200 or -200
        queries, keys = sign * torch.full((4, 2), 10.0), 14 + torch.rand(
            4, 2, generator=generator)
        yield case(queries, keys, mixing.normal(generator, 4, 2), about=LARGE)


EXERCISE = Exercise(
    name="attend",
    right=mixing.attend,
    gives=(Value("the mixed values", tensor=TENSOR, dtype=mixing.DTYPE),),
    cases=lambda: [*_cases()],
    covers="from one token alone to three behind a KV cache",
    hints=HINTS,
    hint="scores over √H, later keys at -inf, softmax over the keys, times the values.",
    tolerance=1e-4,
    mistakes={
        "0 × -inf is NaN: hide by masked_fill(later, -inf), not by a product.":
            lambda q, k, v: math.nan * mixing.attend(q, k, v),
        "a token sees itself too: hide what is later, not itself.": (
            lambda q, k, v: mixing.attend(q, k, v, hidden=0, below=-1e9),
            lambda q, k, v: mixing.attend(q, k, v, hidden=0),
        ),
        LAST: mixing.from_the_first,
        LARGE: (mixing.by_exp, lambda *a: mixing.by_exp(*a, early=True)),
        "no mask: a token must not see what comes after it.":
            lambda q, k, v: mixing.attend(q, k, v, hidden=k.shape[-2]),
        "the mask is one too late: a token sees its next one.":
            lambda q, k, v: mixing.attend(q, k, v, hidden=2),
        "the mask is the wrong way round: hide what is later, not the past.":
            (mixing.future, lambda *a: mixing.future(*a, offset=True)),
        "mask before softmax: afterwards a row no longer adds up to 1.":
            mixing.masked_late,
        "there are no scores: compare queries with keys before softmax.":
            lambda q, k, v: mixing.attend(0 * q, k, v),
        "softmax is missing: it makes shares of the scores.": (
            lambda q, k, v: mixing.unsquashed(q, k, v, below=-math.inf),
            lambda q, k, v: mixing.unsquashed(q, k, v, below=0.0),
        ),
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
