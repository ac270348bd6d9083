"""Wrong answers to the exercises on rounding: answer, word of the hint."""

import torch
from checks import factory
from quantization import right_answers as right

from llmlab.checks import quantization as check


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
    offset=lambda bits: 0,
    add=True,
    floor=1.0,
    top=lambda bits: 2**bits - 1,
    rounded=torch.round,
):
    def answer(row, bits):
        scale = (high(row) - low(row)) / steps(bits)
        scale = scale if scale else torch.tensor(floor)
        zero = zero_of(low(row), scale) - offset(bits)
        levels = rounded(row / scale) + (zero if add else 0)
        if clamp:
            levels = levels.clamp(-offset(bits), top(bits) - offset(bits))
        return change(levels.to(torch.int16).to(torch.uint8), scale, zero)

    return answer


def groups_of(shape, axis, back, last=lambda bits: 2 ** (bits - 1) - 1):
    """Return an answer that groups in another way."""

    def answer(weight, group_size, bits):
        groups = shape(weight, group_size)
        scales = groups.abs().amax(axis, keepdim=True) / last(bits)
        integers = (groups / scales).round().to(torch.int8)
        return back(integers, scales, weight, group_size)

    return answer


def split(weight, group_size):
    return weight.view(len(weight), -1, group_size)


def spread(integers, scales, weight, group_size):
    groups = weight.shape[1] // group_size
    return integers.view(weight.shape), scales.expand(len(weight), groups, 1)[..., 0]


def scales_repeated(weight, group_size, bits):
    scales = right.groups_by_view(weight, group_size, bits)[1]
    return (weight / scales.repeat(1, group_size)).round().to(torch.int8), scales


def strided(weight, group_size, bits):
    groups = weight.view(len(weight), group_size, -1)
    scales = groups.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    return (groups / scales).round().to(torch.int8).view(weight.shape), scales[:, 0]


def rounded_by(fit):
    """Return an answer that rounds groups in another way."""

    def by_group(weight, group_size, bits):
        scales = right.groups_by_view(weight, group_size, bits)[1]
        steps = weight / scales.repeat_interleave(group_size, 1)
        return fit(steps).to(torch.int8), scales

    return by_group


MADE = {
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
        "a row of zeros: 1e-8": (
            affine_with(floor=1e-8),
            "a row of zeros",
        ),
        "a row of zeros: NaN": (
            affine_with(floor=0.0),
            "a row of zeros",
        ),
        "a row of zeros: division by zero": (
            lambda row, bits: (
                right.affine_by_formula(row, bits) if row.any() else (row, 0.0, 1 / 0.0)
            ),
            "a row of zeros",
        ),
        "clamped to 255": (
            affine_with(top=lambda bits: 255),
            "255 is that of 8 bits",
        ),
        "halves up": (
            affine_with(
                rounded=lambda one: (one + 0.5).floor(),
                zero_of=lambda low, scale: (-low / scale + 0.5).floor(),
            ),
            "even integer",
        ),
        "zero point not rounded": (
            affine_with(zero_of=lambda low, scale: -low / scale),
            "round it",
        ),
        "sign of the zero point": (
            affine_with(zero_of=lambda low, scale: (low / scale).round()),
            "level of 0",
        ),
        "zero out of reach": (
            affine_with(low=lambda r: r.min(), high=lambda r: r.max()),
            "among",
        ),
        "one step too many": (affine_with(steps=lambda bits: 2**bits), "steps"),
        "symmetric": (
            affine_with(low=lambda r: -r.abs().max(), high=lambda r: r.abs().max()),
            "absmax's range",
        ),
        "signed": (
            affine_with(offset=lambda bits: 2 ** (bits - 1)),
            "signed and unsigned",
        ),
        "signed levels": (
            lambda row, bits: (
                (right.affine_by_formula(row, bits)[0].int() - 128).to(torch.int8),
                *right.affine_by_formula(row, bits)[1:],
            ),
            "torch.uint8",
        ),
        "zero point not added": (
            affine_with(add=False, clamp=False),
            "add it",
        ),
        "the zero point in weights": (
            affine_with(lambda levels, scale, zero: (levels, scale, zero * scale)),
            "zero point",
        ),
        "order": (affine_with(lambda a, b, c: (a, c, b)), "in another order"),
        "all in another order": (
            affine_with(lambda a, b, c: (b, c, a)),
            "in another order",
        ),
        "two values": (affine_with(lambda a, b, c: (a, b)), "3 values"),
        "always 8 bits": (
            lambda row, bits: right.affine_by_formula(row, 8),
            "2**bits levels",
        ),
        "not clamped": (affine_with(clamp=False), "clamp"),
    },
    "by_group": {
        "a scale for a row": (
            groups_of(lambda w, size: w[:, None], -1, spread),
            "for a row",
        ),
        "one scale for all": (groups_of(split, (0, 1, 2), spread), "for all"),
        "wrong axis": (groups_of(split, (0, 2), spread), "wrong axis"),
        "every G-th": (strided, "every G-th"),
        "broadcast wrongly": (scales_repeated, "repeat_interleave"),
        "groups down the columns": (
            lambda w, size, bits: tuple(
                each.T for each in right.groups_by_view(w.T.contiguous(), len(w), bits)
            ),
            "its own max",
        ),
        "range of 128": (
            groups_of(split, -1, spread, last=lambda bits: 2 ** (bits - 1)),
            "2**(bits - 1) - 1",
        ),
        "maximum": (
            lambda w, size, bits: (
                (
                    split(w, size)
                    / (split(w, size).amax(-1, keepdim=True) / (2 ** (bits - 1) - 1))
                )
                .round()
                .to(torch.int8)
                .view(w.shape),
                split(w, size).amax(-1) / (2 ** (bits - 1) - 1),
            ),
            "magnitudes",
        ),
        "three axes": (
            lambda w, size, bits: (
                right.groups_by_view(w, size, bits)[0].view(len(w), -1, size),
                right.groups_by_view(w, size, bits)[1],
            ),
            "shape",
        ),
        "no scales": (lambda *a: right.groups_by_view(*a)[0], "come back too"),
        "halves up": (rounded_by(lambda steps: (steps + 0.5).floor()), "even integer"),
        "halves away from zero": (
            rounded_by(lambda steps: steps.sign() * (steps.abs() + 0.5).floor()),
            "even integer",
        ),
        "scales first": (
            lambda *a: right.groups_by_view(*a)[::-1],
            "in another order: return the integers, the scales",
        ),
        "zeros left alone": (groups_of(split, -1, spread), "a group of zeros"),
    },
}

WRONG = factory.by_name(check, MADE)
