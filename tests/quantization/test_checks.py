"""The checks of lab 04 let right answers pass, and name what is wrong in wrong ones."""

import itertools

import numpy
import pytest
import torch

from llmlab.checks import CheckFailed, Todo, feedback
from llmlab.checks import quantization as check
from llmlab.checks.quantization import budget

# --- right answers, two or more truly different ones for each exercise


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


def fullest(losses, sizes, limit):
    fitting = [
        one for one in budget.choices(losses) if budget.total(sizes, one) <= limit
    ]
    return max(fitting, key=lambda one: budget.total(sizes, one))


RIGHT = {
    "absmax": (absmax_by_division, absmax_by_numpy),
    "affine": (affine_by_formula, affine_from_the_bottom),
    "by_group": (groups_by_view, groups_one_by_one),
    "integer_matmul": (matmul_by_int32, matmul_by_outer, matmul_by_operator),
    "straight_through": (
        through_by_detach,
        through_by_clamping_first,
        through_by_function,
    ),
    "mixed_precision": (bits_by_product, bits_by_growing),
}

# --- wrong answers: what the learner did -> the answer, a word of the message


def absmax_with(change=lambda integers, scale: (integers, scale), **knobs):
    def answer(row, bits):
        row = row.abs() if knobs.get("magnitudes") else row
        size = knobs.get("size", lambda row: row.abs().max())(row)
        scale = size / knobs.get("largest", lambda bits: 2 ** (bits - 1) - 1)(bits)
        scale = scale if size else torch.ones(())
        steps = row * scale if knobs.get("times") else row / scale
        return change(knobs.get("by", torch.round)(steps).to(torch.int8), scale)

    return answer


def affine_with(
    change=lambda levels, scale, zero: (levels, scale, zero),
    *,
    low=lambda row: row.min().clamp(max=0),
    high=lambda row: row.max().clamp(min=0),
    steps=lambda bits: 2**bits - 1,
    zero_of=lambda low, scale: (-low / scale).round(),
    clamp=True,
    offset=0,
):
    def answer(row, bits):
        scale = (high(row) - low(row)) / steps(bits)
        scale = scale if scale else torch.ones(())
        zero = zero_of(low(row), scale) - offset
        levels = (row / scale).round() + zero
        if clamp:
            levels = levels.clamp(-offset, 2**bits - 1 - offset)
        return change(levels.to(torch.int16).to(torch.uint8), scale, zero)

    return answer


def groups_of(shape, axis, back):
    """Return an answer that groups in another way."""

    def answer(weight, group_size, bits):
        groups = shape(weight, group_size)
        scales = groups.abs().amax(axis, keepdim=True) / (2 ** (bits - 1) - 1)
        integers = (groups / scales).round().to(torch.int8)
        return back(integers, scales, weight, group_size)

    return answer


def split(weight, group_size):
    return weight.view(len(weight), -1, group_size)


def spread(integers, scales, weight, group_size):
    groups = weight.shape[1] // group_size
    return integers.view(weight.shape), scales.expand(len(weight), groups, 1)[..., 0]


def scales_repeated(weight, group_size, bits):
    scales = groups_by_view(weight, group_size, bits)[1]
    return (weight / scales.repeat(1, group_size)).round().to(torch.int8), scales


def strided(weight, group_size, bits):
    groups = weight.view(len(weight), group_size, -1)
    scales = groups.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    return (groups / scales).round().to(torch.int8).view(weight.shape), scales[:, 0]


def in_int16(x, x_scales, weight, weight_scales):
    sums = (x.short() @ weight.short().T).float()
    return sums * x_scales[:, None] * weight_scales


def through_with(*, clamp=True, back=True, last=lambda bits: 2 ** (bits - 1) - 1):
    def answer(weight, scale, bits):
        steps = weight / scale
        steps = steps + (steps.round() - steps).detach()
        if clamp:
            steps = steps.clamp(-last(bits), last(bits))
        return steps * scale if back else steps

    return answer


def all_pass(weight, scale, bits):
    return weight + (through_by_detach(weight, scale, bits) - weight).detach()


def one_level_too_low(weight, scale, bits):
    steps = weight / scale
    steps = steps + (steps.round() - steps).detach()
    return steps.clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * scale


def one_byte_over(losses, sizes, limit):
    return bits_by_product(losses, sizes, limit + 1)


def just_below(losses, sizes, limit):
    return bits_by_product(losses, sizes, limit - 1) or bits_by_product(
        losses, sizes, limit
    )


def smallest(losses, sizes, limit):
    return {layer: min(row) for layer, row in losses.items()}


WRONG = {
    "absmax": {
        "upside down": (absmax_with(lambda i, s: (i, 1 / s)), "upside down"),
        "cut off": (absmax_with(by=torch.trunc), "round first"),
        "range of 128": (absmax_with(largest=lambda bits: 2 ** (bits - 1)), "127"),
        "both sides": (absmax_with(largest=lambda bits: 2**bits - 1), "half as many"),
        "always 8 bits": (absmax_with(largest=lambda bits: 127), "these are 8 bits"),
        "sign lost": (absmax_with(magnitudes=True), "sign"),
        "maximum": (absmax_with(size=lambda row: row.max()), "max|row|"),
        "multiplied": (absmax_with(times=True), "divide by the scale"),
        "mean": (absmax_with(size=lambda row: row.abs().mean()), "not the mean"),
        "not converted": (lambda row, bits: (row, row.abs().max() / 127), "int8"),
        "the integers only": (absmax_with(lambda i, s: i), "2 values"),
        "scale forgotten": (absmax_with(lambda i, s: (i, None)), "return"),
        "zero divided": (
            lambda row, bits: (
                (row / row.abs().max() * (2 ** (bits - 1) - 1)).round().to(torch.int8),
                row.abs().max() / (2 ** (bits - 1) - 1),
            ),
            "scale",
        ),
        "learnt by heart": (
            lambda row, bits: (torch.tensor([-127, 0, 64]).to(torch.int8), 0.01),
            "shape",
        ),
        "nothing returned": (lambda row, bits: None, "return"),
    },
    "affine": {
        "zero point not rounded": (
            affine_with(zero_of=lambda low, scale: -low / scale), "round it",
        ),
        "sign of the zero point": (
            affine_with(zero_of=lambda low, scale: (low / scale).round()), "level of 0",
        ),
        "zero out of reach": (
            affine_with(low=lambda r: r.min(), high=lambda r: r.max()), "among",
        ),
        "one step too many": (affine_with(steps=lambda bits: 2**bits), "steps"),
        "symmetric": (
            affine_with(low=lambda r: -r.abs().max(), high=lambda r: r.abs().max()),
            "absmax's range",
        ),
        "signed": (affine_with(offset=128), "signed and unsigned"),
        "signed levels": (
            lambda row, bits: (
                (affine_by_formula(row, bits)[0].int() - 128).to(torch.int8),
                *affine_by_formula(row, bits)[1:],
            ),
            "torch.uint8",
        ),
        "zero point not added": (
            affine_with(
                lambda levels, scale, zero: (
                    (levels.int() - int(zero)).to(torch.uint8), scale, zero,
                )
            ),
            "add it",
        ),
        "the zero point in weights": (
            affine_with(lambda levels, scale, zero: (levels, scale, zero * scale)),
            "zero point",
        ),
        "order": (affine_with(lambda a, b, c: (a, c, b)), "expected"),
        "two values": (affine_with(lambda a, b, c: (a, b)), "3 values"),
        "always 8 bits": (
            lambda row, bits: affine_by_formula(row, 8), "2**bits levels",
        ),
        "not clamped": (affine_with(clamp=False), "clamp"),
    },
    "by_group": {
        "a scale for a row": (
            groups_of(lambda w, size: w[:, None], -1, spread), "for a row",
        ),
        "one scale for all": (groups_of(split, (0, 1, 2), spread), "for all"),
        "wrong axis": (groups_of(split, (0, 2), spread), "wrong axis"),
        "every G-th": (strided, "every G-th"),
        "broadcast wrongly": (scales_repeated, "repeat_interleave"),
        "groups down the columns": (
            lambda w, size, bits: tuple(
                each.T for each in groups_by_view(w.T.contiguous(), len(w), bits)
            ),
            "shape",
        ),
        "range of 128": (
            lambda w, size, bits: (
                groups_by_view(w, size, bits)[0],
                groups_by_view(w, size, bits)[1] * (2 ** (bits - 1) - 1)
                / 2 ** (bits - 1),
            ),
            "2**(bits - 1) - 1",
        ),
        "maximum": (
            lambda w, size, bits: (
                (split(w, size) / (split(w, size).amax(-1, keepdim=True)
                                   / (2 ** (bits - 1) - 1)))
                .round().to(torch.int8).view(w.shape),
                split(w, size).amax(-1) / (2 ** (bits - 1) - 1),
            ),
            "magnitudes",
        ),
        "three axes": (
            lambda w, size, bits: (
                groups_by_view(w, size, bits)[0].view(len(w), -1, size),
                groups_by_view(w, size, bits)[1],
            ),
            "shape",
        ),
        "no scales": (lambda *a: groups_by_view(*a)[0], "2 values"),
    },
    "integer_matmul": {
        "int8 sums": (
            lambda x, sx, w, sw: (x @ w.T).float() * sx[:, None] * sw, "int32",
        ),
        "int16 sums": (in_int16, "int16"),
        "no scales": (lambda x, sx, w, sw: (x.int() @ w.int().T).float(), "missing"),
        "no token scales": (
            lambda x, sx, w, sw: matmul_by_int32(x, sx**0, w, sw), "of the tokens",
        ),
        "no weight scales": (
            lambda x, sx, w, sw: matmul_by_int32(x, sx, w, sw**0), "of the weights",
        ),
        "divided": (
            lambda x, sx, w, sw: matmul_by_int32(x, 1 / sx, w, 1 / sw), "multiplied in",
        ),
        "scales crossed": (
            lambda x, sx, w, sw: x.int() @ w.int().T * sx * sw[:, None]
            if len(sx) == len(sw) else matmul_by_int32(x, sx, w, sw),
            "crossed",
        ),
        "sums in bf16": (
            lambda x, sx, w, sw: (x.int() @ w.int().T).bfloat16() * sx[:, None] * sw,
            "exact",
        ),
        "not transposed": (
            lambda x, sx, w, sw: x.int() @ w.int() * sx[:, None] * sw, "transpose",
        ),
        "still integers": (lambda x, sx, w, sw: x.int() @ w.int().T, "float32"),
    },
    "straight_through": {
        "stopped": (
            lambda w, scale, bits: through_by_detach(w.detach(), scale, bits),
            "stopped",
        ),
        "plain rounding": (
            lambda w, scale, bits: (w / scale).round().clamp(
                -(2 ** (bits - 1)) + 1, 2 ** (bits - 1) - 1) * scale,
            "stopped",
        ),
        "everything passes": (all_pass, "stand still"),
        "not rounded": (lambda w, scale, bits: w * 1.0, "rounded"),
        "no clamp": (through_with(clamp=False), "clamp"),
        "levels for weights": (through_with(back=False), "times the scale"),
        "one level too many": (one_level_too_low, "as in absmax"),
        "always 8 bits": (through_with(last=lambda bits: 127), "clamp"),
        "floor division": (
            lambda w, scale, bits: through_by_detach(w // scale * scale, scale, bits),
            "no derivative",
        ),
        "a number": (lambda w, scale, bits: float(w.detach().sum()), "comes back"),
        "one scale only": (
            lambda w, scale, bits: through_by_detach(w, float(scale), bits), "runs",
        ),
        "the first row's scale": (
            lambda w, scale, bits: through_by_detach(
                w, scale if isinstance(scale, float) else scale[0], bits),
            "own scale",
        ),
        "nothing returned": (lambda w, scale, bits: None, "return"),
    },
    "mixed_precision": {
        "one byte over": (one_byte_over, "1 bytes over"),
        "just below": (just_below, "<="),
        "greedy": (budget.greedy, "every combination"),
        "the smallest": (smallest, "budget left"),
        "the largest": (
            lambda losses, sizes, b: {n: max(row) for n, row in losses.items()}, "over",
        ),
        "most loss": (
            lambda losses, sizes, b: bits_by_product(
                {n: {k: -v for k, v in row.items()} for n, row in losses.items()},
                sizes, b,
            ),
            "budget left",
        ),
        "as full as it gets": (fullest, "least sum of losses"),
        "lists of bits": (
            lambda losses, sizes, b: {n: [8] for n in losses}, "among the choices",
        ),
        "only one layer": (lambda losses, sizes, b: {"up": 8}, "every layer"),
        "a list": (
            lambda *a: list(bits_by_product(*a).values()), "every layer",
        ),
        "bits that are none": (
            lambda losses, sizes, b: dict.fromkeys(losses, 3), "among the choices",
        ),
    },
}  # fmt: skip

right_answers = [(name, answer) for name in RIGHT for answer in RIGHT[name]]
wrong_answers = [(name, what) for name in WRONG for what in WRONG[name]]


@pytest.mark.parametrize(("exercise", "answer"), right_answers)
def test_right_answers_pass_however_they_are_written(exercise, answer, capsys):
    getattr(check, exercise)(answer)
    assert capsys.readouterr().out.startswith(f"✓ {exercise}")


@pytest.mark.parametrize(("exercise", "what"), wrong_answers)
def test_a_wrong_answer_is_caught_and_its_mistake_named(exercise, what):
    answer, word = WRONG[exercise][what]
    with pytest.raises(CheckFailed) as failure:
        getattr(check, exercise)(answer)
    promise, values, hint = str(failure.value).splitlines()
    assert promise.startswith("✗ ") and values.startswith("  expected ")
    assert hint.startswith("  Hint: ")
    assert word in str(failure.value)


def test_every_exercise_has_two_right_and_five_wrong_answers_and_three_hints():
    assert list(RIGHT) == list(WRONG) == list(check.HINTS)
    assert all(len(answers) >= 2 for answers in RIGHT.values())
    assert all(len(answers) >= 5 for answers in WRONG.values())
    assert all(len(levels) == feedback.LEVELS for levels in check.HINTS.values())


def test_an_exercise_that_is_not_written_says_its_one_sentence():
    def absmax(row, bits):
        raise Todo("Exercise 1: round a row of weights.")

    with pytest.raises(Todo, match="Exercise 1"):
        check.absmax(absmax)


@pytest.mark.parametrize("layers", [2, 5])
def test_greed_misses_the_best_in_the_cases_meant_for_it(layers):
    import random

    case = budget.draw(random.Random(1), layers, None)
    best, short = budget.least(*case), budget.greedy(*case)
    assert budget.total(case[0], short) > budget.total(case[0], best)
