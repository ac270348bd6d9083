"""Right answers to the exercises of lab 02, truly different ones for each."""

import math

import numpy
import torch
import torch.nn.functional as F
from torch import nn


def attend_by_formula(queries, keys, values):
    tokens, seen = queries.shape[-2], keys.shape[-2]
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1])
    later = torch.ones(tokens, seen, dtype=torch.bool).triu(seen - tokens + 1)
    return scores.masked_fill(later, -math.inf).softmax(-1) @ values


def attend_by_pytorch(queries, keys, values):
    tokens, seen = queries.shape[-2], keys.shape[-2]
    visible = torch.ones(tokens, seen, dtype=torch.bool).tril(seen - tokens)
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=visible)


def attend_token_by_token(queries, keys, values):
    mixed, more = [], keys.shape[-2] - queries.shape[-2]
    for place in range(queries.shape[-2]):
        seen = keys[..., : more + place + 1, :]
        scores = (seen * queries[..., place : place + 1, :]).sum(-1)
        scores = scores - scores.amax(-1, keepdim=True)
        shares = torch.exp(scores / queries.shape[-1] ** 0.5)
        shares = shares / shares.sum(-1, keepdim=True)
        mixed.append((shares[..., None] * values[..., : more + place + 1, :]).sum(-2))
    return torch.stack(mixed, -2)


def attend_masked_afterwards(queries, keys, values):
    """Softmax first is right where the rows are made to add up to 1 again."""
    weights = (queries @ keys.mT / queries.shape[-1] ** 0.5).softmax(-1)
    weights = weights.tril(keys.shape[-2] - queries.shape[-2])
    return weights / weights.sum(-1, keepdim=True) @ values


def heads_by_views(x, inputs, output, heads):
    tokens, width = x.shape
    parts = (x @ inputs.T).chunk(3, -1)
    split = [part.view(tokens, heads, -1).transpose(0, 1) for part in parts]
    mixed = attend_by_formula(*split).transpose(0, 1)
    return mixed.reshape(tokens, width) @ output.T


def heads_one_by_one(x, inputs, output, heads):
    queries, keys, values = F.linear(x, inputs).split(len(output), dim=1)
    mixed = [
        attend_by_pytorch(*one)
        for one in zip(
            *(part.chunk(heads, 1) for part in (queries, keys, values)), strict=True
        )
    ]
    return F.linear(torch.cat(mixed, 1), output)


def heads_by_pytorch(x, inputs, output, heads):
    module = nn.MultiheadAttention(len(output), heads, bias=False)
    module.in_proj_weight.data, module.out_proj.weight.data = inputs, output
    mask = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
    return module(x, x, x, attn_mask=mask, need_weights=False)[0].detach()


def step_by_chunks(x, hidden, cell, weight_ih, weight_hh, bias):
    gates = x @ weight_ih.T + hidden @ weight_hh.T + bias
    write, forget, content, show = gates.chunk(4, -1)
    cell = forget.sigmoid() * cell + write.sigmoid() * content.tanh()
    return show.sigmoid() * cell.tanh(), cell


def step_by_gates(x, hidden, cell, weight_ih, weight_hh, bias):
    def gate(number):
        own = slice(number * cell.shape[1], (number + 1) * cell.shape[1])
        return F.linear(x, weight_ih[own]) + F.linear(hidden, weight_hh[own], bias[own])

    content = 2 * torch.sigmoid(2 * gate(2)) - 1  # a tanh in other words
    new = torch.sigmoid(gate(1)) * cell + torch.sigmoid(gate(0)) * content
    return [torch.tanh(new) / (1 + torch.exp(-gate(3))), new]


def step_by_pytorch(x, hidden, cell, weight_ih, weight_hh, bias):
    return torch.lstm_cell(
        x, (hidden, cell), weight_ih, weight_hh, bias, torch.zeros_like(bias)
    )


def gradient_by_autograd(model, x):
    x = x.clone().requires_grad_(True)
    (rows,) = torch.autograd.grad(model(x)[-1].sum(), x)
    return rows.norm(dim=-1).flip(0)


def gradient_by_backward(model, x):
    x = x.detach().clone().requires_grad_()
    model(x)[-1].sum().backward()
    return [float((row * row).sum() ** 0.5) for row in reversed(x.grad)]


def gradient_by_jacobian(model, x):
    jacobian = torch.autograd.functional.jacobian(lambda x: model(x)[-1], x)
    return numpy.linalg.norm(jacobian.sum(0).numpy(), axis=1)[::-1].tolist()


def scan_by_doubling(decay, new):
    span = 1
    while span < new.shape[1]:
        news = decay[:, span:] * new[:, :-span] + new[:, span:]
        decays = decay[:, span:] * decay[:, :-span]
        new = torch.cat((new[:, :span], news), 1)
        decay = torch.cat((decay[:, :span], decays), 1)
        span *= 2
    return new


def scan_padded(decay, new):
    """Shift by ones and zeros in the place of slices that get shorter."""
    for power in range((new.shape[1] - 1).bit_length()):
        span = 2**power
        shifted = F.pad(new, (0, 0, span, 0))[:, : new.shape[1]]
        before = F.pad(decay, (0, 0, span, 0), value=1.0)[:, : new.shape[1]]
        new, decay = decay * shifted + new, decay * before
    return new


def scan_in_pairs(decay, new):
    """Join neighbours, solve the pairs the same way, fill in between."""
    tokens = new.shape[1]
    if tokens == 1:
        return new
    even, odd = slice(0, tokens // 2 * 2, 2), slice(1, None, 2)
    later = decay[:, odd]
    pairs = scan_in_pairs(later * decay[:, even], later * new[:, even] + new[:, odd])
    states = new.clone()
    states[:, odd] = pairs
    states[:, 2::2] += decay[:, 2::2] * pairs[:, : (tokens - 1) // 2]
    return states


# --- in other styles: what is correct stays correct


def attend_in_loops(queries, keys, values):
    """Fill zeros one after the other, with numbers of Python inside."""
    out, more = torch.zeros(queries.shape), keys.shape[-2] - queries.shape[-2]
    for place in numpy.ndindex(*queries.shape[:-1]):
        *head, token = place
        seen = (*head, slice(more + token + 1))
        scores = [float(k @ queries[place]) for k in keys[seen]]
        shares = [math.exp(s / math.sqrt(queries.shape[-1])) for s in scores]
        for share, row in zip(shares, values[seen], strict=True):
            out[place] += share / sum(shares) * row
    return out


def attend_by_einsum(queries, keys, values):
    scores = (
        torch.einsum("...td,...sd->...ts", queries, keys) / queries.shape[-1] ** 0.5
    )
    more = keys.shape[-2] - queries.shape[-2]
    scores = scores + torch.full(scores.shape[-2:], -math.inf).triu(1 + more)
    return torch.einsum("...ts,...sd->...td", torch.softmax(scores, -1), values)


def attend_in_numpy(queries, keys, values):
    q, k, v = (one.double().numpy() for one in (queries, keys, values))
    scores = numpy.exp(q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5)
    scores = numpy.tril(scores, k.shape[-2] - q.shape[-2])
    return torch.from_numpy(scores / scores.sum(-1, keepdims=True) @ v).float()


def heads_in_columns(x, inputs, output, heads):
    width = len(output) // heads
    out = torch.zeros(x.shape)
    queries, keys, values = (
        x @ inputs[: len(output)].T,
        *(x @ inputs[len(output) :].T).chunk(2, 1),
    )
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        out[:, own] = attend_in_loops(queries[:, own], keys[:, own], values[:, own])
    return out @ output.T


def heads_by_einsum(x, inputs, output, heads):
    parts = torch.einsum("td,ed->te", x, inputs).view(len(x), 3, heads, -1)
    mixed = attend_by_pytorch(*parts.permute(1, 2, 0, 3))
    return torch.einsum("hte,hed->td", mixed, output.T.reshape(heads, -1, len(output)))


def step_row_by_row(x, hidden, cell, weight_ih, weight_hh, bias):
    pairs = []
    for row, state, kept in zip(x, hidden, cell, strict=True):
        gates = weight_ih @ row + weight_hh @ state + bias
        write, forget, content, show = gates.view(4, -1)
        new = torch.sigmoid(forget) * kept + torch.sigmoid(write) * torch.tanh(content)
        pairs.append((torch.sigmoid(show) * torch.tanh(new), new))
    return tuple(map(torch.stack, zip(*pairs, strict=True)))


def step_stacked(x, hidden, cell, weight_ih, weight_hh, bias):
    """Return both in one tensor, which unpacks into two."""
    both = torch.cat((x, hidden), 1) @ torch.cat((weight_ih, weight_hh), 1).T + bias
    width = cell.shape[1]
    i, f, g, o = (both[:, n * width : (n + 1) * width] for n in range(4))
    new = f.sigmoid().mul(cell).add(i.sigmoid() * g.tanh())
    return torch.stack((o.sigmoid() * new.tanh(), new))


def gradient_by_vjp(model, x):
    _, back = torch.func.vjp(lambda x: model(x)[-1].sum(), x)
    (rows,) = back(torch.ones((), dtype=x.dtype))
    return [row.norm() for row in reversed(rows)]


def gradient_in_lists(model, x):
    x = x.detach().clone().requires_grad_()
    model(x)[len(x) - 1].sum().backward()
    return [math.hypot(*row) for row in x.grad.tolist()][::-1]


def scan_in_halves(decay, new):
    """Solve both halves, then hand the end of the first on to the second."""
    tokens, states, decays, width = new.shape[1], new, decay, 1
    while width < tokens:
        place = torch.arange(tokens)
        is_right = (place // width % 2 == 1)[:, None]
        end = (place // width * width - 1).clamp(min=0)
        states, decays = (
            torch.where(is_right, decays * states[:, end] + states, states),
            torch.where(is_right, decays * decays[:, end], decays),
        )
        width *= 2
    return states


def scan_in_numpy(decay, new):
    a, b, span = decay.numpy().copy(), new.numpy().copy(), 1
    while span < b.shape[1]:
        b = numpy.concatenate(
            (b[:, :span], a[:, span:] * b[:, :-span] + b[:, span:]), 1
        )
        a = numpy.concatenate((a[:, :span], a[:, span:] * a[:, :-span]), 1)
        span *= 2
    return torch.from_numpy(b)


RIGHT = {
    "attend": (
        attend_by_formula,
        attend_by_pytorch,
        attend_token_by_token,
        attend_masked_afterwards,
        attend_in_loops,
        attend_by_einsum,
        attend_in_numpy,
    ),
    "several_heads": (
        heads_by_views,
        heads_one_by_one,
        heads_by_pytorch,
        heads_in_columns,
        heads_by_einsum,
    ),
    "lstm_step": (
        step_by_chunks,
        step_by_gates,
        step_by_pytorch,
        step_row_by_row,
        step_stacked,
    ),
    "gradient_by_distance": (
        gradient_by_autograd,
        gradient_by_backward,
        gradient_by_jacobian,
        gradient_by_vjp,
        gradient_in_lists,
    ),
    "scan": (
        scan_by_doubling,
        scan_padded,
        scan_in_pairs,
        scan_in_halves,
        scan_in_numpy,
    ),
}
