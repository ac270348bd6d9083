"""Wrong answers to the exercises on attention: answer, word of the hint."""

import math

import torch
import torch.nn.functional as F
from attention_vs_rnn import right_answers as right
from checks import factory

from llmlab.checks import attention_vs_rnn as check
from llmlab.checks.attention_vs_rnn import mixing


def scores(queries, keys):
    return queries @ keys.mT / queries.shape[-1] ** 0.5


def more_keys(queries, keys):
    return keys.shape[-2] - queries.shape[-2]


def hidden_from(first, *, value=-math.inf):
    def attend(queries, keys, values):
        diagonal = first + more_keys(queries, keys)
        later = torch.ones_like(scores(queries, keys), dtype=torch.bool).triu(diagonal)
        weights = scores(queries, keys).masked_fill(later, value).softmax(-1)
        return weights @ values

    return attend


def future_only(queries, keys, values):
    past = torch.ones_like(scores(queries, keys), dtype=torch.bool).tril(-1)
    return scores(queries, keys).masked_fill(past, -math.inf).softmax(-1) @ values


def masked_after(queries, keys, values):
    weights = scores(queries, keys).softmax(-1)
    return weights.tril(more_keys(queries, keys)) @ values


def hidden_by_a_product(queries, keys, values):
    later = torch.ones_like(scores(queries, keys)).triu(1 + more_keys(queries, keys))
    return (scores(queries, keys) + later * -math.inf).softmax(-1) @ values


def masked_by_zeros(queries, keys, values):
    products = scores(queries, keys).tril(more_keys(queries, keys))
    return products.softmax(-1) @ values


def of_the_first_tokens(queries, keys, values):
    later = torch.ones_like(scores(queries, keys), dtype=torch.bool).triu(1)
    return scores(queries, keys).masked_fill(later, -math.inf).softmax(-1) @ values


def only_square(queries, keys, values):
    square = torch.ones(queries.shape[-2], queries.shape[-2], dtype=torch.bool).triu(1)
    return scores(queries, keys).masked_fill(square, -math.inf).softmax(-1) @ values


def scaled_by(factor):
    def attend(queries, keys, values):
        own = factor(queries) * queries.shape[-1] ** 0.5
        return right.attend_by_formula(queries * own, keys, values)

    return attend


def softmax_over(axis):
    def attend(queries, keys, values):
        later = torch.ones_like(scores(queries, keys), dtype=torch.bool).triu(
            1 + more_keys(queries, keys)
        )
        hidden = scores(queries, keys).masked_fill(later, -math.inf)
        return hidden.softmax(axis) @ values

    return attend


def no_softmax(queries, keys, values):
    later = torch.ones_like(scores(queries, keys), dtype=torch.bool).triu(
        1 + more_keys(queries, keys)
    )
    return scores(queries, keys).masked_fill(later, -math.inf) @ values


def heads_after(change):
    """Attend in several heads whose queries, keys and values are cut otherwise."""

    def several_heads(x, inputs, output, heads):
        parts = [change(part, heads) for part in (x @ inputs.T).chunk(3, -1)]
        mixed = right.attend_by_formula(*parts)
        return mixed.transpose(0, 1).reshape(x.shape) @ output.T

    return several_heads


def not_turned_back(x, inputs, output, heads):
    parts = (x @ inputs.T).chunk(3, -1)
    split = [part.view(len(x), heads, -1).transpose(0, 1) for part in parts]
    return right.attend_by_formula(*split).reshape(x.shape) @ output.T


def among_own_heads(x, inputs, output, heads):
    parts = [part.view(len(x), heads, -1) for part in (x @ inputs.T).chunk(3, -1)]
    return right.attend_by_formula(*parts).reshape(x.shape) @ output.T


def glued_as_cut(x, inputs, output, heads):
    parts = (x @ inputs.T).chunk(3, -1)
    split = [part.reshape(heads, len(x), -1) for part in parts]
    return right.attend_by_formula(*split).reshape(x.shape) @ output.T


def one_head(x, inputs, output, heads):
    return right.heads_by_views(x, inputs, output, 1)


def scaled_by_the_model(x, inputs, output, heads):
    narrower = torch.ones(len(inputs), 1)
    narrower[: len(output)] = heads**-0.5
    return right.heads_by_views(x, inputs * narrower, output, heads)


def order_of_inputs(*order):
    def several_heads(x, inputs, output, heads):
        parts = inputs.chunk(3)
        return right.heads_by_views(
            x, torch.cat([parts[i] for i in order]), output, heads
        )

    return several_heads


def attend_in(dtype):
    return lambda *a: right.attend_by_formula(*(one.to(dtype) for one in a))


def unmasked(x, inputs, output, heads):
    parts = (x @ inputs.T).chunk(3, -1)
    split = [part.view(len(x), heads, -1).transpose(0, 1) for part in parts]
    mixed = F.scaled_dot_product_attention(*split).transpose(0, 1)
    return mixed.reshape(x.shape) @ output.T


def by_exp(queries, keys, values):
    weights = (queries @ keys.mT / queries.shape[-1] ** 0.5).exp()
    weights = weights.tril(keys.shape[-2] - queries.shape[-2])
    return weights / weights.sum(-1, keepdim=True) @ values


MADE = {
    "attend": {
        "hidden from itself": (hidden_from(0), "sees itself too"),
        "hidden from itself, by a large number": (
            hidden_from(0, value=-1e9),
            "not itself",
        ),
        "mask one too late": (hidden_from(2), "one too late"),
        "no mask": (hidden_from(99), "no mask"),
        "queries of the first tokens": (of_the_first_tokens, "belong to the last T"),
        "a mask of T x T": (only_square, "belong to the last T"),
        "mask the wrong way round": (future_only, "wrong way round"),
        "mask after softmax": (masked_after, "mask before softmax"),
        "zeros for a mask": (masked_by_zeros, "-inf"),
        "exp alone": (by_exp, "exp overflows"),
        "no scale": (scaled_by(lambda q: 1), "scale is missing"),
        "scale without root": (scaled_by(lambda q: 1 / q.shape[-1]), "square root"),
        "scale upside down": (scaled_by(lambda q: q.shape[-1] ** 0.5), "not multiply"),
        "scale by tokens": (
            scaled_by(lambda q: q.shape[-2] ** -0.5),
            "width of a head",
        ),
        "softmax over queries": (softmax_over(-2), "last axis"),
        "softmax over the first axis": (softmax_over(0), "last axis"),
        "no softmax": (no_softmax, "softmax is missing"),
        "queries and keys swapped": (
            lambda q, k, v: right.attend_by_formula(k, q, v),
            "changed places",
        ),
        "keys for values": (
            lambda q, k, v: right.attend_by_formula(q, k, k),
            "not keys",
        ),
        "weights for values": (
            lambda q, k, v: mixing.attend(q, k, torch.eye(k.shape[-2]).to(q)),
            "shape",
        ),
        "learnt by heart": (
            lambda q, k, v: F.pad(torch.tensor([[8.0], [14.0], [19.0]]), (0, 3)),
            "expected",
        ),
        "always float64": (attend_in(torch.float64), "zeros_like"),
        "always bfloat16": (attend_in(torch.bfloat16), "zeros_like"),
        "a product with -inf": (hidden_by_a_product, "0 × -inf is NaN"),
        "no scores": (
            lambda q, k, v: right.attend_by_formula(0 * q, k, v),
            "no scores",
        ),
        "a list": (lambda *a: right.attend_by_formula(*a).tolist(), "a tensor"),
        "an array": (lambda *a: right.attend_by_formula(*a).numpy(), "a tensor"),
        "nothing returned": (lambda q, k, v: None, "return"),
        "changed in place": (
            lambda q, k, v: right.attend_by_formula(q.mul_(1.1), k, v),
            "leaves",
        ),
        "only without heads": (
            lambda q, k, v: right.attend_by_formula(q, k.t().t(), v),
            "runs",
        ),
    },
    "several_heads": {
        "cut across rows": (
            heads_after(lambda part, heads: part.reshape(heads, len(part), -1)),
            "heads are columns",
        ),
        "cut across rows by view": (
            heads_after(lambda part, heads: part.view(heads, len(part), -1)),
            "heads are columns: in by view(T, heads, -1)",
        ),
        "cut across rows and glued": (glued_as_cut, "way out"),
        "every other column": (
            heads_after(lambda p, heads: p.view(len(p), -1, heads).permute(2, 0, 1)),
            "neighbouring columns",
        ),
        "among its own heads": (among_own_heads, "own heads"),
        "not turned back": (not_turned_back, "before you join"),
        "one head": (one_head, "one wide head"),
        "scale of the model": (scaled_by_the_model, "not of the model"),
        "keys first": (order_of_inputs(1, 0, 2), "in this order"),
        "values first": (order_of_inputs(2, 1, 0), "values come last"),
        "no output matrix": (
            lambda x, w, out, n: right.heads_by_views(x, w, torch.eye(len(out)), n),
            "output matrix is missing",
        ),
        "output not turned": (
            lambda x, w, out, n: right.heads_by_views(x, w, out.T, n),
            "turned round",
        ),
        "no mask": (unmasked, "no mask"),
        "mask the wrong way round": (
            lambda x, w, out, n: mixing.several(x.flip(0), w, out, n).flip(0),
            "wrong way round",
        ),
        "learnt by heart": (
            lambda *a: torch.tensor([[1.0, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 8]]),
            "shape",
        ),
        "heads kept apart": (
            lambda x, w, out, n: right.heads_by_views(x, w, out, n).view(len(x), n, -1),
            "shape",
        ),
        "a crash": (lambda x, w, out, n: x @ w, "runs"),
    },
}

WRONG = factory.by_name(check, MADE)
