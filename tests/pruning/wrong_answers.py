"""Wrong answers to the exercises of lab 05: answer, word of the hint."""

import torch
from pruning import right_answers as right
from torch.nn import functional


def by_threshold(weight, sparsity):
    sizes = weight.abs()
    count = round(sparsity * sizes.numel())
    if not count:
        return torch.ones_like(weight, dtype=torch.bool)
    return sizes > sizes.flatten().kthvalue(count).values


def by_quantile(weight, sparsity):
    sizes = weight.abs()
    return sizes > sizes.quantile(sparsity)


def counted_by_int(weight, sparsity):
    count = int(sparsity * weight.numel())
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    mask[weight.abs().flatten().argsort()[:count]] = False
    return mask.view(weight.shape)


def of_each_row(weight, sparsity):
    ones = torch.ones(weight.shape[1])
    return right.wanda_by_sorting(weight, ones, sparsity)


def in_the_whole_matrix(weight, input_norms, sparsity):
    return right.mask_by_sorting(weight * input_norms, sparsity)


def without_a_size(weight, input_norms, sparsity):
    score = weight * input_norms
    worst = score.argsort(1)[:, : round(sparsity * weight.shape[1])]
    return torch.ones_like(score, dtype=torch.bool).scatter(1, worst, False)


def largest_input_first(weight, input_norms, sparsity):
    dropped = input_norms.argsort(descending=True)
    mask = torch.ones_like(weight, dtype=torch.bool)
    mask[:, dropped[: round(sparsity * weight.shape[1])]] = False
    return mask


def half_of_the_row(weight):
    best = weight.abs().topk(weight.shape[1] // 2).indices
    return torch.zeros_like(weight, dtype=torch.bool).scatter(1, best, True)


def down_the_columns(weight):
    if len(weight) % 4:
        return right.four_by_topk(weight)
    return right.four_by_topk(weight.T).T


def strided(weight):
    groups = weight.abs().unflatten(1, (4, -1))
    best = groups.topk(2, dim=1).indices
    return torch.zeros_like(groups, dtype=torch.bool).scatter(1, best, True).flatten(1)


def with_zeros(gate, up, down, hidden, keep):
    kept = torch.zeros(len(gate), dtype=torch.bool)
    kept[hidden.norm(dim=0).topk(keep).indices] = True
    return gate * kept[:, None], up * kept[:, None], down * kept


def up_forgotten(gate, up, down, hidden, keep):
    kept = hidden.norm(dim=0).topk(keep).indices.sort().values
    return gate[kept], up, down[:, kept]


def read_as_dropped(gate, up, down, hidden, keep):
    return right.cut_by_topk(gate, up, down, hidden, len(gate) - keep)


def in_two_orders(gate, up, down, hidden, keep):
    kept = hidden.norm(dim=0).topk(keep).indices
    order = kept.sort().values
    return gate[order], up[order], down[:, kept]


def by_signed_mean(gate, up, down, hidden, keep):
    kept = hidden.mean(0).topk(keep).indices
    return gate[kept], up[kept], down[:, kept]


def by_size_of_mean(gate, up, down, hidden, keep):
    kept = hidden.mean(0).abs().topk(keep).indices
    return gate[kept], up[kept], down[:, kept]


def by_weights(gate, up, down, hidden, keep):
    kept = gate.norm(dim=1).topk(keep).indices
    return gate[kept], up[kept], down[:, kept]


def flattened(before, after):
    return 1 - functional.cosine_similarity(before.flatten(), after.flatten(), dim=0)


def all_pairs(before, after):
    one, other = (functional.normalize(x, dim=-1) for x in (before, after))
    return 1 - (one @ other.transpose(1, 2)).mean()


def trained(*, clear=True, mask="after", share=right.share_by_formula, first=1):
    def answer(layers, loss, optimizer, steps, final):
        losses = []
        for step in range(first, first + steps):
            if mask == "first":
                masked(layers, share(step, steps, final))
            if clear:
                optimizer.zero_grad()
            value = loss()
            value.backward()
            losses.append(value.item())
            if mask == "before":
                masked(layers, share(step, steps, final))
            optimizer.step()
            if mask == "after" or (mask == "end" and step == steps):
                masked(layers, share(step, steps, final))
        return losses

    return answer


def masked(layers, share):
    for layer in layers:
        layer.weight.data *= right.mask_by_topk(layer.weight.data, share)


def mask_of_before(layers, loss, optimizer, steps, final):
    losses = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        share = right.share_by_formula(step, steps, final)
        kept = [right.mask_by_topk(one.weight.data, share) for one in layers]
        optimizer.step()
        for layer, mask in zip(layers, kept, strict=True):
            layer.weight.data *= mask
        losses.append(value.item())
    return losses


def masked_gradients(layers, loss, optimizer, steps, final):
    losses = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        share = right.share_by_formula(step, steps, final)
        for layer in layers:
            mask = right.mask_by_topk(layer.weight.data, share)
            layer.weight.data *= mask
            layer.weight.grad *= mask
        optimizer.step()
        losses.append(value.item())
    return losses


def made_anew(layers, loss, optimizer, steps, final):
    losses = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        for layer in layers:
            kept = right.mask_by_topk(
                layer.weight.data, right.share_by_formula(step, steps, final)
            )
            layer.weight = torch.nn.Parameter(layer.weight.data * kept)
        losses.append(value.item())
    return losses


WRONG = {
    "magnitude_mask": {
        "small ones kept": (lambda *a: ~right.mask_by_topk(*a), "keeps the small"),
        "signed": (lambda w, s: right.mask_by_sorting(w - w.min(), s), "magnitude"),
        "share kept": (lambda w, s: right.mask_by_topk(w, 1 - s), "share that goes"),
        "each row": (of_each_row, "each row"),
        "quantile": (by_quantile, "quantile"),
        "threshold": (by_threshold, "equal magnitudes"),
        "int": (counted_by_int, "`round`"),
        "weights": (lambda w, s: w * right.mask_by_topk(w, s), "torch.bool"),
    },
    "wanda_mask": {
        "norms forgotten": (lambda w, n, s: of_each_row(w, s), "magnitude alone"),
        "whole matrix": (in_the_whole_matrix, "its own share"),
        "signed": (without_a_size, "magnitude"),
        "divided": (lambda w, n, s: right.wanda_by_row(w, 1 / n, s), "not divide"),
        "squared norms": (lambda w, n, s: right.wanda_by_row(w, n * n, s), "squared"),
        "inputs dropped": (largest_input_first, "|weight|"),
        "low scores kept": (lambda *a: ~right.wanda_by_rank(*a), "low scores"),
        "share kept": (lambda w, n, s: right.wanda_by_row(w, n, 1 - s), "share that"),
    },
    "two_of_four": {
        "half of the row": (half_of_the_row, "half of each row"),
        "columns": (down_the_columns, "of a column"),
        "small ones": (lambda w: ~right.four_by_topk(w), "two smallest"),
        "strided": (strided, "every G-th"),
        "signed": (lambda w: right.four_by_view(w.exp()), "magnitude"),
        "weights": (lambda w: w * right.four_by_view(w), "torch.bool"),
    },
    "without_neurons": {
        "zeros": (with_zeros, "leave rows and columns out"),
        "up forgotten": (up_forgotten, "up has the neurons"),
        "dropped": (read_as_dropped, "other way round"),
        "two orders": (in_two_orders, "one order"),
        "signed mean": (by_signed_mean, "cancel"),
        "mean, then size": (by_size_of_mean, "cancel"),
        "weights": (by_weights, "judges by weights"),
        "a tuple of two": (lambda *a: right.cut_by_topk(*a)[:2], "in this order"),
    },
    "block_influence": {
        "cosine": (lambda b, a: 1 - right.influence_by_hand(b, a), "1 less"),
        "wrong axis": (
            lambda b, a: 1 - functional.cosine_similarity(b, a).mean(),
            "last axis",
        ),
        "flattened": (flattened, "all tokens at once"),
        "all pairs": (all_pairs, "not with the others"),
        "distance": (lambda b, a: (b - a).square().mean(), "distance"),
        "absolute": (
            lambda b, a: 1 - functional.cosine_similarity(b, a, dim=-1).abs().mean(),
            "absolute",
        ),
    },
    "iterative": {
        "gradients add up": (trained(clear=False), "zero_grad"),
        "at the end": (trained(mask="end"), "once, at the end"),
        "at once": (trained(share=lambda a, b, final: final), "whole sparsity"),
        "before the step": (trained(mask="before"), "after `optimizer.step()`"),
        "before the loss": (trained(mask="first"), "after `optimizer.step()`"),
        "mask of before": (mask_of_before, "from before the step"),
        "gradients": (masked_gradients, "not only their gradients"),
        "from 0": (
            trained(share=lambda a, b, f: right.share_by_formula(a - 1, b, f)),
            "count steps from 1",
        ),
        "cube": (trained(share=lambda a, b, f: f * (a / b) ** 3), "starts flat"),
        "square": (trained(share=lambda a, b, f: f - f * (1 - a / b) ** 2), "power"),
        "evenly": (trained(share=lambda a, b, f: f * a / b), "evenly"),
        "new parameters": (made_anew, "nn.Parameter"),
        "no losses": (lambda *a: trained()(*a)[:0], "the losses"),
    },
}
