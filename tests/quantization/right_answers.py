"""Right answers to the exercises of lab 04, truly different ones for each."""

import itertools

import numpy
import torch


def absmax_by_division(row, bits):
    scale = row.abs().max() / (2 ** (bits - 1) - 1)
    if scale == 0:
        scale = torch.ones(())
    return (row / scale).round().to(torch.int8), scale


def absmax_by_numpy(row, bits):
    row, largest = row.double().numpy(), 2 ** (bits - 1) - 1
    size = max(row.max(), -row.min()) or largest
    integers = numpy.rint(row * (largest / size)).astype("int8")
    return [torch.from_numpy(integers), size / largest]


def affine_by_formula(row, bits):
    low, high = row.min().clamp(max=0), row.max().clamp(min=0)
    scale = (high - low) / (2**bits - 1)
    if scale == 0:
        scale = torch.tensor(1.0)
    zero = (-low / scale).round()
    levels = ((row / scale).round() + zero).clamp(0, 2**bits - 1)
    return levels.to(torch.uint8), scale, zero


def affine_from_the_bottom(row, bits):
    values = [0.0, *row.tolist()]
    low, top = min(values), 2**bits - 1
    scale = (max(values) - low) / top or 1.0
    zero = round(-low / scale)
    levels = [min(max(round(each / scale + zero), 0), top) for each in row.tolist()]
    return torch.tensor(levels, dtype=torch.uint8), scale, zero


def groups_by_view(weight, group_size, bits):
    groups = weight.view(len(weight), -1, group_size)
    scales = groups.abs().amax(-1, keepdim=True) / (2 ** (bits - 1) - 1)
    scales[scales == 0] = 1
    integers = (groups / scales).round().to(torch.int8)
    return integers.view(weight.shape), scales.squeeze(-1)


def groups_one_by_one(weight, group_size, bits):
    pairs = [
        absmax_by_division(weight[row, start : start + group_size], bits)
        for row in range(weight.shape[0])
        for start in range(0, weight.shape[1], group_size)
    ]
    integers = torch.cat([one for one, _ in pairs]).view(weight.shape)
    return integers, torch.stack([s for _, s in pairs]).view(len(weight), -1)


def matmul_by_int32(x, x_scales, weight, weight_scales):
    return x.int() @ weight.int().T * x_scales[:, None] * weight_scales


def matmul_by_outer(x, x_scales, weight, weight_scales):
    sums = torch.einsum("ti,oi->to", x.double(), weight.double())
    return (sums * torch.outer(x_scales, weight_scales)).float()


def matmul_by_operator(x, x_scales, weight, weight_scales):
    sums = torch.stack([(row.int() * weight.int()).sum(1) for row in x])
    return torch.diag(x_scales) @ sums.float() @ torch.diag(weight_scales)


def through_by_detach(weight, scale, bits):
    last = 2 ** (bits - 1) - 1
    steps = weight / scale
    steps = steps + (steps.round() - steps).detach()
    return steps.clamp(-last, last) * scale


def through_by_clamping_first(weight, scale, bits):
    last = 2 ** (bits - 1) - 1
    inside = (weight / scale).clamp(-last, last)
    return (inside + (inside.round() - inside).detach()) * scale


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, scale, bits):
        last = 2 ** (bits - 1) - 1
        whole = (weight / scale).round()
        ctx.save_for_backward(whole.abs() <= last)
        return whole.clamp(-last, last) * scale

    @staticmethod
    def backward(ctx, slope):
        (inside,) = ctx.saved_tensors
        return slope * inside, None, None


def through_by_function(weight, scale, bits):
    return _Through.apply(weight, scale, bits)


def bits_by_product(losses, sizes, budget):
    best, least = None, float("inf")
    for combination in itertools.product(*losses.values()):
        choice = dict(zip(losses, combination, strict=True))
        used = sum(sizes[layer][bits] for layer, bits in choice.items())
        loss = sum(losses[layer][bits] for layer, bits in choice.items())
        if used <= budget and loss < least:
            best, least = choice, loss
    return best


def bits_by_growing(losses, sizes, budget):
    states = {0: (0.0, {})}
    for layer in losses:
        longer = {}
        for used, (loss, choice) in states.items():
            for bits in losses[layer]:
                size = used + sizes[layer][bits]
                state = loss + losses[layer][bits], choice | {layer: bits}
                if size <= budget and state[0] < longer.get(size, (1e9,))[0]:
                    longer[size] = state
        states = longer
    return min(states.values(), key=lambda state: state[0])[1]


# --- in other styles: what is correct stays correct


def absmax_in_loops(row, bits):
    last = 2 ** (bits - 1) - 1
    scale = max(abs(float(one)) for one in row) / last or 1
    return torch.tensor([round(float(w) / scale) for w in row], dtype=torch.int8), scale


def absmax_by_linalg(row, bits):
    scale = torch.linalg.vector_norm(row, float("inf")) / (2 ** (bits - 1) - 1)
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    return torch.round(row / scale).char(), scale.reshape(1)


def affine_by_numpy(row, bits):
    row, top = row.double().numpy(), 2**bits - 1
    low, high = min(0.0, row.min()), max(0.0, row.max())
    scale = (high - low) / top if high > low else 1.0
    zero = numpy.rint(-low / scale)
    levels = numpy.clip(numpy.rint(row / scale) + zero, 0, top)
    return torch.from_numpy(levels.astype("uint8")), scale, zero


def affine_by_aminmax(row, bits):
    low, high = torch.cat((row, row.new_zeros(1))).aminmax()
    scale = ((high - low) / (2**bits - 1)).item() or 1.0
    zero = torch.round(-low / scale)
    levels = torch.clamp(torch.round(row / scale) + zero, max=2**bits - 1)
    return levels.byte(), numpy.float64(scale), zero.int()


def groups_in_loops(weight, group_size, bits):
    last, rows, scales = 2 ** (bits - 1) - 1, [], []
    for row in weight.tolist():
        groups = [row[i : i + group_size] for i in range(0, len(row), group_size)]
        scales.append([max(map(abs, group)) / last or 1.0 for group in groups])
        pairs = zip(groups, scales[-1], strict=True)
        rows.append([round(one / scale) for group, scale in pairs for one in group])
    return torch.tensor(rows, dtype=torch.int8), torch.tensor(scales).double()


def groups_by_unfold(weight, group_size, bits):
    groups = weight.unfold(1, group_size, group_size)
    scales = groups.abs().max(-1).values / (2 ** (bits - 1) - 1)
    scales = torch.where(scales > 0, scales, 1.0)
    wide = scales.repeat_interleave(group_size, 1)
    return torch.round(weight / wide).to(torch.int8), scales


def matmul_in_numpy(x, x_scales, weight, weight_scales):
    sums = x.numpy().astype(int) @ weight.numpy().astype(int).T
    scaled = sums * numpy.outer(x_scales.numpy(), weight_scales.numpy())
    return torch.from_numpy(scaled)


def through_by_where(weight, scale, bits):
    last = 2 ** (bits - 1) - 1
    whole = torch.round(weight.detach() / scale)
    passes = torch.where(whole.abs() <= last, weight, weight.detach())
    return passes + (whole.clamp(-last, last) * scale - weight).detach()


def bits_by_recursion(losses, sizes, budget):
    if not losses:
        return {}
    layer, best = next(iter(losses)), None
    rest = {name: row for name, row in losses.items() if name != layer}
    for bits in losses[layer]:
        left = budget - sizes[layer][bits]
        if left >= sum(min(sizes[name].values()) for name in rest):
            choice = {layer: numpy.int64(bits)} | bits_by_recursion(rest, sizes, left)
            loss = sum(losses[name][int(choice[name])] for name in losses)
            if best is None or loss < best[0]:
                best = loss, choice
    return best[1]


def bits_by_tensors(losses, sizes, budget):
    names, kinds = list(losses), [*next(iter(losses.values()))]
    grid = torch.cartesian_prod(*[torch.arange(len(kinds)) for _ in names])
    grid = grid.view(-1, len(names))
    loss, size = (
        sum(
            torch.tensor([table[name][bits] for bits in kinds], dtype=torch.float64)[
                grid[:, place]
            ]
            for place, name in enumerate(names)
        )
        for table in (losses, sizes)
    )
    loss[size > budget] = float("inf")
    best = grid[loss.argmin()]
    return {name: torch.tensor(kinds)[best[i]] for i, name in enumerate(names)}


RIGHT = {
    "absmax": (absmax_by_division, absmax_by_numpy, absmax_in_loops, absmax_by_linalg),
    "affine": (
        affine_by_formula,
        affine_from_the_bottom,
        affine_by_numpy,
        affine_by_aminmax,
    ),
    "by_group": (
        groups_by_view,
        groups_one_by_one,
        groups_in_loops,
        groups_by_unfold,
    ),
    "integer_matmul": (
        matmul_by_int32,
        matmul_by_outer,
        matmul_by_operator,
        matmul_in_numpy,
    ),
    "straight_through": (
        through_by_detach,
        through_by_clamping_first,
        through_by_function,
        through_by_where,
    ),
    "mixed_precision": (
        bits_by_product,
        bits_by_growing,
        bits_by_recursion,
        bits_by_tensors,
    ),
}
