"""Wrong answers about the weights of layers, as learners write them."""

import numpy
import torch
import torch.nn.functional as F
from graphs import right_layers as right


def folded(*, weight=None, bias=None):
    """Return a fold with another weight, of (w, s), or bias, of (w, s, t, b)."""

    def answer(scale, shift, w, b):
        old = torch.zeros(len(w), dtype=w.dtype) if b is None else b
        move = torch.zeros_like(scale) if shift is None else shift
        new = w * scale if weight is None else weight(w, scale)
        more = old + w @ move if bias is None else bias(w, scale, move, old)
        return new, more

    return answer


def in_place(scale, shift, weight, bias):
    both = right.fold_by_columns(scale, shift, weight, bias)
    weight *= scale
    return weight, both[1]


def into_the_bias(scale, shift, weight, bias):
    if bias is not None:
        bias += 0 if shift is None else weight @ shift
        return weight * scale, bias
    return right.fold_by_columns(scale, shift, weight, bias)


def with_zeros(scale, shift, weight, bias):
    """Give a layer a bias of zeros that needs none."""
    weight, bias = right.fold_by_columns(scale, shift, weight, bias)
    return weight, weight.new_zeros(len(weight)) if bias is None else bias


FOLD_NORM = {
    "rows": (folded(weight=lambda w, s: w * s[:, None]), "not scale[:, None]"),
    "divided": (folded(weight=lambda w, s: w / s), "the scale multiplies"),
    "plain shift": (folded(bias=lambda w, s, t, b: b + t), "on its way to the bias"),
    "through the folded weight": (
        folded(bias=lambda w, s, t, b: b + (w * s) @ t),
        "the weight as it was",
    ),
    "bias scaled": (folded(bias=lambda w, s, t, b: b * s + w @ t), "leaves it alone"),
    "no bias": (lambda s, t, w, b: (w * s, b + w @ t), "the shift makes one"),
    "no bias kept": (
        lambda s, t, w, b: (w * s, b if b is None else folded()(s, t, w, b)[1]),
        "the shift makes one",
    ),
    "no shift": (
        lambda s, t, w, b: (w * s, w @ t if b is None else b + w @ t),
        "as RMSNorm",
    ),
    "weight in place": (in_place, "leaves weight as it was"),
    "bias in place": (into_the_bias, "leaves bias as it was"),
    "shift forgotten": (lambda s, t, w, b: (w * s, b), "not as it came"),
    "shift left out": (folded(bias=lambda w, s, t, b: b), "the shift is missing"),
    "bias lost": (folded(bias=lambda w, s, t, b: w @ t), "the layer had is missing"),
    "taken away": (folded(bias=lambda w, s, t, b: b - w @ t), "not taken away"),
    "weight unscaled": (folded(weight=lambda w, s: w), "as it was: multiply"),
    "added": (folded(weight=lambda w, s: w + s), "not added"),
    "twice": (folded(weight=lambda w, s: w * s**2), "twice"),
    "the mean": (folded(weight=lambda w, s: w * s.mean()), "not one for all"),
    "turned": (
        lambda *given: (folded()(*given)[0].T, folded()(*given)[1]),
        "return it as it came",
    ),
    "weight only": (lambda *given: folded()(*given)[0], "comes back as well"),
    "zeros for none": (with_zeros, "return None for it, not zeros"),
    "order": (lambda *given: folded()(*given)[::-1], "the weight first"),
    "lists": (
        lambda *given: tuple(v.tolist() for v in folded()(*given)),
        "return a tensor",
    ),
    "unsummed": (
        folded(bias=lambda w, s, t, b: w * t),
        "its sum",
    ),
}


def joined(x, weights):
    return x @ torch.cat(weights).T


def cut(every, weights):
    return every.split([len(weight) for weight in weights], -1)


def zero_padded(x, *weights):
    most = max(map(len, weights))
    rows = torch.zeros(3 * most, x.shape[1], dtype=x.dtype)
    for place, weight in enumerate(weights):
        rows[place * most : place * most + len(weight)] = weight
    parts = (x @ rows.T).chunk(3, -1)
    return [part[:, : len(w)] for part, w in zip(parts, weights, strict=True)]


def lazily(x, *weights):
    for weight in weights:
        yield x @ weight.T


QKV = {
    "three": (lambda x, q, k, v: (x @ q.T, x @ k.T, x @ v.T), "three products"),
    "three layers": (
        lambda x, *three: tuple(F.linear(x, weight) for weight in three),
        "three products",
    ),
    "three by einsum": (
        lambda x, *three: [torch.einsum("td,od->to", x, w) for w in three],
        "three products",
    ),
    "three, later": (lazily, "three products"),
    "two": (
        lambda x, q, k, v: (x @ q.T, *cut(joined(x, (k, v)), (k, v))),
        "two products",
    ),
    "thirds": (lambda x, *w: joined(x, w).chunk(3, -1), "fewer keys and values"),
    "one height": (
        lambda x, *w: joined(x, w).split(len(w[0]), -1),
        "fewer keys and values",
    ),
    "columns": (
        lambda x, *w: cut(x @ torch.cat(w, 1).T, w),
        "join along the rows",
    ),
    "k, q, v": (
        lambda x, q, k, v: cut(joined(x, (k, q, v)), (k, q, v)),
        "in which you joined",
    ),
    "joined as k, q, v": (
        lambda x, q, k, v: cut(joined(x, (k, q, v)), (q, k, v)),
        "in which you joined",
    ),
    "v, k, q": (
        lambda *given: right.qkv_by_linear(*given)[::-1],
        "in which you joined",
    ),
    "rows of x": (
        lambda x, *w: joined(x, w).split([len(each) for each in w]),
        "the last dimension",
    ),
    "right in NumPy": (
        lambda x, *w: [
            torch.from_numpy(part)
            for part in numpy.split(
                x.numpy() @ numpy.concatenate(w).T,
                numpy.cumsum([len(each) for each in w])[:2],
                axis=1,
            )
        ],
        "`@` does it in one",
    ),
    "not turned": (lambda x, *w: cut(x @ torch.cat(w), w), "its transpose"),
    "turned": (
        lambda x, *w: (torch.cat(w) @ x.T).split([len(each) for each in w]),
        "a row of the answer is a token",
    ),
    "padded": (zero_padded, "without filling them up"),
    "diagonal": (
        lambda x, *w: cut(x.repeat(1, 3) @ torch.block_diag(*w).T, w),
        "without filling them up",
    ),
    "summed": (
        lambda x, *w: tuple((x[:, None] * each).sum(-1) for each in w),
        "number by number",
    ),
    "whole": (lambda x, *w: joined(x, w), "is not cut"),
    "NumPy": (
        lambda x, *w: tuple(torch.from_numpy(x.numpy() @ each.numpy().T) for each in w),
        "number by number",
    ),
    "lists": (
        lambda *given: [p.tolist() for p in right.qkv_by_split(*given)],
        "a tens",
    ),
}

WRONG = {"fold_norm": FOLD_NORM, "qkv": QKV}
