"""Right answers about the weights of layers: norms that fold, products that join."""

import numpy
import torch
import torch.nn.functional as F


def fold_by_columns(scale, shift, weight, bias):
    folded = weight * scale
    if shift is None:
        return folded, bias
    moved = weight @ shift
    return folded, moved if bias is None else bias + moved


def fold_by_diagonal(scale, shift, weight, bias):
    old = torch.zeros(len(weight), dtype=weight.dtype) if bias is None else bias
    more = 0 if shift is None else torch.mv(weight, shift)
    moved = None if bias is shift is None else old + more
    return weight @ torch.diag(scale), moved


def fold_by_linear(scale, shift, weight, bias):
    """Ask the layer itself what it gives for the shift."""
    if shift is not None:
        bias = F.linear(shift, weight, bias)
    return [weight.mul(scale), bias]


def fold_by_copies(scale, shift, weight, bias):
    folded = weight.clone()
    for column in range(weight.shape[1]):
        folded[:, column] *= scale[column]
    moved = torch.zeros_like(weight[:, 0]) if bias is None else bias.clone()
    if shift is not None:
        for row in range(len(weight)):
            moved[row] += (weight[row] * shift).sum()
    elif bias is None:
        moved = None
    return folded, moved


def fold_by_lists(scale, shift, weight, bias):
    """Go number by number, in plain Python."""
    rows, factors = weight.tolist(), scale.tolist()
    moves = [0.0] * len(factors) if shift is None else shift.tolist()
    starts = [0.0] * len(rows) if bias is None else bias.tolist()
    folded = [[w * s for w, s in zip(row, factors, strict=True)] for row in rows]
    more = [
        start + sum(w * t for w, t in zip(row, moves, strict=True))
        for row, start in zip(rows, starts, strict=True)
    ]
    needs_none = not any(given is not None for given in (shift, bias))
    return torch.tensor(folded), None if needs_none else torch.tensor(more)


def fold_by_numpy(scale, shift, weight, bias):
    rows = weight.numpy()
    if shift is None and bias is None:
        return torch.from_numpy(rows * scale.numpy()), None
    old = numpy.zeros(len(rows), rows.dtype) if bias is None else bias.numpy()
    if shift is not None:
        old = old + rows @ shift.numpy()
    return torch.from_numpy(rows * scale.numpy()[None, :]), torch.from_numpy(old)


def fold_by_einsum(scale, shift, weight, bias):
    folded = torch.einsum("od,d->od", weight, scale)
    if shift is None and bias is None:
        return folded, None
    parts = [] if bias is None else [bias]
    if shift is not None:
        parts.append(torch.einsum("od,d->o", weight, shift))
    return folded, torch.stack(parts).sum(0)


def qkv_by_split(x, query, key, value):
    rows = torch.cat((query, key, value))
    return (x @ rows.T).split([len(query), len(key), len(value)], -1)


def qkv_by_linear(x, query, key, value):
    every = F.linear(x, torch.cat([query, key, value], dim=0))
    first, second = len(query), len(query) + len(key)
    return every[:, :first], every[:, first:second], every[:, second:]


def qkv_by_einsum(x, query, key, value):
    every = torch.einsum("td,od->to", x, torch.vstack((query, key, value)))
    ends = len(query), len(query) + len(key)
    return every.tensor_split(ends, dim=1)


def qkv_by_narrow(x, query, key, value):
    """Multiply from the left, and turn the answer."""
    weights = (query, key, value)
    every, start, parts = torch.mm(torch.cat(weights), x.t()), 0, []
    for weight in weights:
        parts.append(every.narrow(0, start, len(weight)).T.contiguous())
        start += len(weight)
    return parts


def qkv_by_a_layer(x, query, key, value):
    heights = [weight.shape[0] for weight in (query, key, value)]
    layer = torch.nn.Linear(x.shape[1], sum(heights), bias=True, dtype=x.dtype)
    with torch.no_grad():
        layer.weight.copy_(torch.concat((query, key, value)))
        layer.bias.zero_()
    return torch.split(layer(x).detach(), heights, dim=1)


def qkv_by_columns(x, query, key, value):
    """Join the transposes, in another order, and give the parts back in theirs."""
    every = torch.matmul(x, torch.cat((value.T, key.T, query.T), 1))
    v, k, q = every.split([len(value), len(key), len(query)], 1)
    yield from (q, k, v)


RIGHT = {
    "fold_norm": [
        fold_by_columns,
        fold_by_diagonal,
        fold_by_linear,
        fold_by_copies,
        fold_by_lists,
        fold_by_numpy,
        fold_by_einsum,
    ],
    "qkv": [
        qkv_by_split,
        qkv_by_linear,
        qkv_by_einsum,
        qkv_by_narrow,
        qkv_by_a_layer,
        qkv_by_columns,
    ],
}
