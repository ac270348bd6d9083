"""Exercise 3 of 04b: factors of the inputs, by the power with the least error."""

import torch

from llmlab.checks.exercise import Case, Exercise, Value

# A mistake stands in one line or two, as in a table.
# fmt: off


def round_rows(weight):
    """Round every row to 7 levels about zero, the largest magnitude on the last."""
    scale = weight.abs().amax(1, keepdim=True) / 3
    return (weight / scale).round() * scale


def _tried(size, powers, error, *, pick=min):
    """Return the factors whose error is picked."""
    return pick((size**power for power in powers), key=error)


def _error(weight, hessian, round_weight, factors, *, back=True, inverse=False):
    scaled = weight / factors if inverse else weight * factors
    rounded = round_weight(scaled)
    if back:
        rounded = rounded * factors if inverse else rounded / factors
    change = weight - rounded
    return float(((change @ hessian) * change).sum())


def awq_factors(weight, hessian, size, round_weight, powers):
    """Return the factors with the least error of the answers."""
    return _tried(
        size, powers, lambda factors: _error(weight, hessian, round_weight, factors))


def _by(error, *, pick=min):
    """Return the mistake of choosing by something else."""
    def mistake(weight, hessian, size, round_weight, powers):
        return _tried(
            size, powers,
            lambda factors: error(weight, hessian, round_weight, factors), pick=pick)

    return mistake


def _weights_alone(weight, hessian, round_weight, factors):
    return _error(weight, torch.eye(len(hessian)).to(hessian), round_weight, factors)


def _diagonal(weight, hessian, round_weight, factors):
    return _error(weight, hessian.diagonal().diag(), round_weight, factors)


def _scaled_weights(weight, hessian, round_weight, factors):
    change = weight * factors - round_weight(weight * factors)
    return float(((change @ hessian) * change).sum())


def _scaled_twice(weight, hessian, round_weight, factors):
    change = weight - round_weight(weight * factors) * factors
    return float(((change @ hessian) * change).sum())


def _against_scaled(weight, hessian, round_weight, factors):
    change = weight * factors - round_weight(weight * factors) / factors
    return float(((change @ hessian) * change).sum())


def _against_rounded(weight, hessian, round_weight, factors):
    change = round_weight(weight) - round_weight(weight * factors) / factors
    return float(((change @ hessian) * change).sum())


def _cases():
    weight = torch.tensor([[0.62, -1.3, 0.4], [0.35, 0.77, -1.85]])
    hessian = torch.tensor([[90.0, 4.0, 2.0], [4.0, 3.0, 1.0], [2.0, 1.0, 2.0]])
    size = torch.tensor([9.0, 1.5, 1.0])
    yield Case(
        lambda: (weight.clone(), hessian.clone(), size.clone(), torch.round,
                 [0.0, 0.5, 1.0]),
        sources={"round_weight": "torch.round"})
    dice = torch.Generator().manual_seed(4)
    powers = [0.0, 0.2, 0.4, 0.6, 0.8]
    for outputs, inputs, given in (
        (3, 4, powers), (6, 5, powers), (5, 8, powers[::-1]), (8, 6, (0.3, 0.9, 0.1)),
        (7, 6, powers), (4, 9, powers[::-1]),
    ):
        yield _case(dice, outputs, inputs, given)
    more = [*powers[1:], 1.0]
    for seed, outputs, given, unit in (  # of some sizes below 1 mistakes choose apart
        (5, 8, [0.0, *more], 0.15), (49, 8, [0.0, *more], 0.15), (111, 4, more, 0.1)
    ):
        dice = torch.Generator().manual_seed(seed)
        yield _case(dice, outputs, 6, given, unit=unit)


def _case(dice, outputs, inputs, powers, *, unit=1.0):
    weight = torch.randn(outputs, inputs, generator=dice)
    spread = torch.rand(inputs, generator=dice).exp() ** 3 * unit
    x = torch.randn(40, inputs, generator=dice) * spread
    x = x + 0.5 * x.roll(1, 1)
    hessian, size = x.T @ x / 400, x.abs().mean(0)
    return Case(lambda: (weight.clone(), hessian.clone(), size.clone(), round_rows,
                         [*powers]))


EXERCISE = Exercise(
    name="awq_factors",
    right=awq_factors,
    gives=(Value("the factors"),),
    cases=lambda: [*_cases()],
    covers="powers in any order",
    hints=(
        "Try every power: multiply, round, divide again, measure the error.",
        "round_weight(weight * factors) / factors is what the layer ends with.",
        "Keep factors = size**power with the least answer_error(weight, …, hessian).",
    ),
    hint="for every power: size**power, round the multiplied weight, divide, compare.",
    mistakes={
        "this is the power; return size**power, a factor for every input.":
            lambda weight, hessian, size, round_weight, powers: min(
                powers, key=lambda power: _error(
                    weight, hessian, round_weight, size**power)),
        "this has the most error; keep the least.":
            _by(_error, pick=max),
        "the error of the weights alone counts here; take the answers, by the Hessian.":
            _by(_weights_alone),
        "inputs go together: the whole Hessian counts, not its diagonal alone.":
            _by(_diagonal),
        "the rounded weight is still multiplied; divide it by the factors to compare.":
            _by(lambda *a: _error(*a, back=False)),
        "the rounded weight is multiplied twice; divide it by the factors to compare.":
            _by(_scaled_twice),
        "the multiplied weight is compared with its rounding; divide the latter, and "
        "compare with the weight.": _by(_scaled_weights),
        "multiply the weights by the factors, the inputs are divided by them.": (
            _by(lambda *a: _error(*a, inverse=True)),
            lambda weight, hessian, size, round_weight, powers: 1 / awq_factors(
                weight, hessian, size, round_weight, powers),
        ),
        "the rounded weight is compared with the multiplied one; compare with the "
        "weight.":
            _by(_against_scaled),
        "the rounded weight is compared with a rounded one; compare with the weight.":
            _by(_against_rounded),
        "the first power comes back, whatever it costs: each has an error of its own.":
            lambda w, h, size, r, powers: size ** powers[0],
        "the last power comes back, whatever it costs: keep the best of all.":
            lambda w, h, size, r, powers: size ** powers[-1],
        "this is the multiplied weight; return the factors.":
            lambda weight, *rest: weight * awq_factors(weight, *rest),
    },
)
