"""Right answers to the exercises of lab 05, truly different ones for each."""

import math

import numpy
import torch
from torch.nn import functional


def mask_by_sorting(weight, sparsity):
    count = round(sparsity * weight.numel())
    order = weight.abs().flatten().argsort()
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    mask[order[:count]] = False
    return mask.view(weight.shape)


def mask_by_topk(weight, sparsity):
    stay = weight.numel() - round(sparsity * weight.numel())
    mask = torch.zeros_like(weight, dtype=torch.bool)
    mask.view(-1)[weight.abs().view(-1).topk(stay).indices] = True
    return mask


def mask_by_numpy(weight, sparsity):
    sizes = numpy.abs(weight.numpy())
    ranks = sizes.ravel().argsort(kind="stable").argsort(kind="stable")
    count = round(sparsity * sizes.size)
    return torch.from_numpy((ranks >= count).reshape(sizes.shape))


def mask_by_list(weight, sparsity):
    rows, columns = weight.shape
    places = [(r, c) for r in range(rows) for c in range(columns)]
    places.sort(key=lambda place: abs(float(weight[place])))
    mask = [[True] * columns for _ in range(rows)]
    for r, c in places[: round(sparsity * len(places))]:
        mask[r][c] = False
    return torch.tensor(mask)


def wanda_by_sorting(weight, input_norms, sparsity):
    score = weight.abs() * input_norms
    worst = score.argsort(1)[:, : round(sparsity * weight.shape[1])]
    return torch.ones_like(score, dtype=torch.bool).scatter(1, worst, False)


def wanda_by_row(weight, input_norms, sparsity):
    return torch.stack([mask_by_sorting(row * input_norms, sparsity) for row in weight])


def wanda_by_rank(weight, input_norms, sparsity):
    score = torch.einsum("oi,i->oi", weight.abs(), input_norms)
    return score.argsort(dim=1).argsort(dim=1) >= round(sparsity * weight.size(1))


def wanda_by_matrix(weight, input_norms, sparsity):
    score = (weight @ torch.diag(input_norms)).abs()
    stay = weight.shape[1] - round(sparsity * weight.shape[1])
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    for row, best in zip(mask, score.topk(stay).indices, strict=True):
        row[best] = True
    return mask


def four_by_topk(weight):
    groups = weight.abs().unflatten(1, (-1, 4))
    best = groups.topk(2).indices
    return torch.zeros_like(groups, dtype=torch.bool).scatter(-1, best, True).flatten(1)


def four_by_view(weight):
    order = weight.abs().view(-1, 4).argsort(dim=-1).argsort(dim=-1)
    return (order >= 2).view_as(weight)


def four_by_loop(weight):
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    for row in range(weight.shape[0]):
        for start in range(0, weight.shape[1], 4):
            sizes = weight[row, start : start + 4].abs().tolist()
            for place in sorted(range(4), key=sizes.__getitem__)[2:]:
                mask[row, start + place] = True
    return mask


def four_by_splitting(weight):
    parts = [mask_by_topk(part, 0.5) for row in weight for part in row.split(4)]
    return torch.cat(parts).reshape(weight.shape)


def cut_by_topk(gate, up, down, hidden, keep):
    kept = hidden.norm(dim=0).topk(keep).indices
    return gate[kept], up[kept], down[:, kept]


def cut_in_place_order(gate, up, down, hidden, keep):
    kept = hidden.square().sum(0).topk(keep).indices.sort().values
    return [gate[kept], up[kept], down.T[kept].T]


def cut_by_mask(gate, up, down, hidden, keep):
    lengths = hidden.pow(2).mean(0)
    kept = torch.zeros(len(gate), dtype=torch.bool)
    kept[lengths.argsort(descending=True)[:keep]] = True
    return gate[kept], up[kept], down[:, kept]


def cut_one_by_one(gate, up, down, hidden, keep):
    lengths = [float(torch.linalg.vector_norm(column)) for column in hidden.T]
    kept = sorted(range(len(lengths)), key=lambda place: -lengths[place])[:keep]
    return (
        torch.stack([gate[place] for place in kept]),
        torch.stack([up[place] for place in kept]),
        torch.stack([down[:, place] for place in kept], dim=1),
    )


def influence_by_torch(before, after):
    return 1 - functional.cosine_similarity(before, after, dim=-1).mean()


def influence_by_hand(before, after):
    products = (before * after).sum(-1)
    cosines = products / (before.norm(dim=-1) * after.norm(dim=-1))
    return (1 - cosines).mean()


def influence_by_unit(before, after):
    one = functional.normalize(before, dim=-1)
    other = functional.normalize(after, dim=-1)
    return float(1 - torch.einsum("btd,btd->bt", one, other).mean())


def influence_by_token(before, after):
    cosines = []
    for one, other in zip(before.flatten(0, 1), after.flatten(0, 1), strict=True):
        cosines.append(float(one @ other) / math.hypot(*one) / math.hypot(*other))
    return 1 - sum(cosines) / len(cosines)


def share_by_formula(step, steps, final):
    t = min(step / steps, 1)
    return final * (1 - (1 - t) ** 3)


def share_by_branch(step, steps, final):
    if step >= steps:
        return final
    return final - final * ((steps - step) / steps) ** 3


def train_in_place(layers, loss, optimizer, steps, final):
    losses = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        for layer in layers:
            mask = mask_by_sorting(
                layer.weight.detach(), share_by_formula(step, steps, final)
            )
            with torch.no_grad():
                layer.weight *= mask
        losses.append(value.item())
    return losses


def train_by_data(layers, loss, optimizer, steps, final):
    losses = []
    for step in range(steps):
        value = loss()
        losses.append(value)
        optimizer.zero_grad(set_to_none=False)
        value.backward()
        optimizer.step()
        for layer in layers:
            weight = layer.weight.data
            weight[~mask_by_topk(weight, share_by_branch(step + 1, steps, final))] = 0
    return losses


def train_by_filling(layers, loss, optimizer, steps, final):
    def one(step):
        value = loss()
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        share = share_by_formula(step, steps, final)
        for layer in layers:
            dropped = ~mask_by_list(layer.weight.detach(), share)
            layer.weight.data.masked_fill_(dropped, 0.0)
        return float(value.detach())

    return [one(step) for step in range(1, steps + 1)]


def train_by_copy(layers, loss, optimizer, steps, final):
    losses = torch.zeros(steps, dtype=torch.float64)
    for step in range(steps):
        for layer in layers:
            layer.zero_grad()
        value = loss()
        value.backward()
        losses[step] = value.detach()
        optimizer.step()
        with torch.no_grad():
            share = share_by_formula(step + 1, steps, final)
            for layer in layers:
                mask = mask_by_topk(layer.weight, share)
                layer.weight.copy_(torch.where(mask, layer.weight, 0.0))
    return losses


RIGHT = {
    "magnitude_mask": [mask_by_sorting, mask_by_topk, mask_by_numpy, mask_by_list],
    "wanda_mask": [wanda_by_sorting, wanda_by_row, wanda_by_rank, wanda_by_matrix],
    "two_of_four": [four_by_topk, four_by_view, four_by_loop, four_by_splitting],
    "without_neurons": [
        cut_by_topk,
        cut_in_place_order,
        cut_by_mask,
        cut_one_by_one,
    ],
    "block_influence": [
        influence_by_torch,
        influence_by_hand,
        influence_by_unit,
        influence_by_token,
    ],
    "iterative": [train_in_place, train_by_data, train_by_filling, train_by_copy],
}
