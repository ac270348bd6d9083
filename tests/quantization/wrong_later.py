"""Wrong answers to the later exercises of lab 04: answer, word of the hint."""

import math

from checks import factory
from quantization import right_answers as right
from quantization.wrong_answers import WRONG as ROUNDING

from llmlab.checks import quantization as check
from llmlab.checks.quantization import budget


def fullest(losses, sizes, limit):
    fitting = [
        one for one in budget.choices(losses) if budget.total(sizes, one) <= limit
    ]
    return max(fitting, key=lambda one: budget.total(sizes, one))


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


def halves_up(weight, scale, bits):
    steps, last = weight / scale, 2 ** (bits - 1) - 1
    steps = steps + ((steps + 0.5).floor() - steps).detach()
    return steps.clamp(-last, last) * scale


def all_pass(weight, scale, bits):
    return weight + (right.through_by_detach(weight, scale, bits) - weight).detach()


def one_level_too_low(weight, scale, bits):
    steps = weight / scale
    steps = steps + (steps.round() - steps).detach()
    return steps.clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * scale


def one_byte_over(losses, sizes, limit):
    return right.bits_by_product(losses, sizes, limit + 1)


def just_below(losses, sizes, limit):
    return right.bits_by_product(losses, sizes, limit - 1) or right.bits_by_product(
        losses, sizes, limit
    )


def smallest(losses, sizes, limit):
    return {layer: min(row) for layer, row in losses.items()}


def less_than(losses, sizes, limit):
    return min(
        (one for one in budget.choices(losses) if budget.total(sizes, one) < limit),
        key=lambda one: budget.total(losses, one),
        default=smallest(losses, sizes, limit),
    )


def least_of(join):
    """Return an answer that joins the losses in another way."""

    def mixed_precision(losses, sizes, limit):
        return min(
            budget.fitting(losses, sizes, limit),
            key=lambda one: join([losses[n][bits] for n, bits in one.items()]),
        )

    return mixed_precision


def most_bits(losses, sizes, limit):
    return max(budget.fitting(losses, sizes, limit), key=lambda one: sum(one.values()))


def by_gain(losses, sizes, limit):
    choice = smallest(losses, sizes, limit)
    while True:
        steps = [
            (losses[n][choice[n]] - losses[n][bits], n, bits)
            for n in losses
            for bits in losses[n]
            if budget.total(sizes, choice | {n: bits}) <= limit
        ]
        gain, name, bits = max(steps)
        if gain <= 0:
            return choice
        choice[name] = bits


def local_swaps(losses, sizes, limit):
    choice = smallest(losses, sizes, limit)
    better = True
    while better:
        better = False
        for name in losses:
            for bits in losses[name]:
                other = choice | {name: bits}
                fits = budget.total(sizes, other) <= limit
                if fits and budget.total(losses, other) < budget.total(losses, choice):
                    choice, better = other, True
    return choice


def starts_at_one(losses, sizes, limit):
    best, least = None, 1
    for one in budget.fitting(losses, sizes, limit):
        if budget.total(losses, one) < least:
            best, least = one, budget.total(losses, one)
    return best


def losses_moved(losses, sizes, limit):
    losses["up"] = losses.pop("up", None) or losses[next(iter(losses))]
    return right.bits_by_product(losses, sizes, limit)


MADE = {
    "integer_matmul": {
        "dequantized first": (
            lambda x, sx, w, sw: (x * sx[:, None]) @ (w * sw[:, None]).T,
            "exactly",
        ),
        "weights dequantized first": (
            lambda x, sx, w, sw: x.float() @ (w * sw[:, None]).T * sx[:, None],
            "exactly",
        ),
        "int8 sums": (
            lambda x, sx, w, sw: (x @ w.T).float() * sx[:, None] * sw,
            "int32",
        ),
        "int16 sums": (in_int16, "int16"),
        "no scales": (lambda x, sx, w, sw: (x.int() @ w.int().T).float(), "missing"),
        "no token scales": (
            lambda x, sx, w, sw: right.matmul_by_int32(x, sx**0, w, sw),
            "of the tokens",
        ),
        "no weight scales": (
            lambda x, sx, w, sw: right.matmul_by_int32(x, sx, w, sw**0),
            "of the weights",
        ),
        "divided": (
            lambda x, sx, w, sw: right.matmul_by_int32(x, 1 / sx, w, 1 / sw),
            "multiplied in",
        ),
        "scales crossed": (
            lambda x, sx, w, sw: x.int() @ w.int().T * sx * sw[:, None],
            "crossed",
        ),
        "sums in bf16": (
            lambda x, sx, w, sw: (x.int() @ w.int().T).bfloat16() * sx[:, None] * sw,
            "exact",
        ),
        "not transposed": (
            lambda x, sx, w, sw: x.int() @ w.int() * sx[:, None] * sw,
            "transpose",
        ),
        "still integers": (
            lambda x, sx, w, sw: x.int() @ w.int().T,
            "scales are missing",
        ),
    },
    "straight_through": {
        "halves up": (halves_up, "even integer"),
        "stopped": (
            lambda w, scale, bits: right.through_by_detach(w.detach(), scale, bits),
            "stopped",
        ),
        "plain rounding": (
            lambda w, scale, bits: (
                (w / scale).round().clamp(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1) - 1)
                * scale
            ),
            "stopped",
        ),
        "everything passes": (all_pass, "stand still"),
        "not rounded": (lambda w, scale, bits: w * 1.0, "rounded"),
        "no clamp": (through_with(clamp=False), "clamp"),
        "levels for weights": (through_with(back=False), "times the scale"),
        "one level too many": (one_level_too_low, "as in absmax"),
        "always 8 bits": (through_with(last=lambda bits: 127), "8 bits"),
        "floor division": (
            lambda w, scale, bits: right.through_by_detach(
                w // scale * scale, scale, bits
            ),
            "no derivative",
        ),
        "a number": (lambda w, scale, bits: float(w.detach().sum()), "as many as"),
        "one scale only": (
            lambda w, scale, bits: right.through_by_detach(w, float(scale), bits),
            "runs",
        ),
        "the first row's scale": (
            lambda w, scale, bits: right.through_by_detach(
                w, scale if isinstance(scale, float) else scale[0], bits
            ),
            "own scale",
        ),
        "nothing returned": (lambda w, scale, bits: None, "return"),
    },
    "mixed_precision": {
        "<, not <=": (less_than, "<="),
        "greedy downwards": (budget.downwards, "every combination"),
        "first fit": (budget.first_fit, "first parts"),
        "all alike": (budget.uniform, "different bits"),
        "product of losses": (least_of(math.prod), "not multiplied"),
        "largest loss": (least_of(max), "least of the largest"),
        "most bits": (most_bits, "most bits"),
        "greedy by gain": (by_gain, "every combination"),
        "a local search": (local_swaps, "first parts"),
        "None in one place": (
            lambda losses, sizes, b: dict.fromkeys(losses),
            "among the choices",
        ),
        "starts at 1": (starts_at_one, "least sum of losses"),
        "losses moved": (losses_moved, "leaves losses as it was"),
        "one byte over": (one_byte_over, "one byte over"),
        "just below": (just_below, "<="),
        "greedy": (budget.greedy, "every combination"),
        "the smallest": (smallest, "fewest bits"),
        "the largest": (
            lambda losses, sizes, b: {n: max(row) for n, row in losses.items()},
            "over",
        ),
        "most loss": (
            lambda losses, sizes, b: right.bits_by_product(
                {n: {k: -v for k, v in row.items()} for n, row in losses.items()},
                sizes,
                b,
            ),
            "fewest bits",
        ),
        "as full as it gets": (fullest, "least sum of losses"),
        "lists of bits": (
            lambda losses, sizes, b: {n: [8] for n in losses},
            "among the choices",
        ),
        "only one layer": (lambda losses, sizes, b: {"up": 8}, "every layer"),
        "a list": (
            lambda *a: list(right.bits_by_product(*a).values()),
            "every layer",
        ),
        "bits that are none": (
            lambda losses, sizes, b: dict.fromkeys(losses, 3),
            "among the choices",
        ),
    },
}

WRONG = ROUNDING | factory.by_name(check, MADE)
