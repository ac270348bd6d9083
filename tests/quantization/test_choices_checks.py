"""The checks of notebook 04b let right answers pass, and name what is wrong."""

import numpy
import pytest
import torch
from checks import factory

from llmlab.checks import quantization as check
from llmlab.checks.quantization import columns, rounded

# --- answer_error


def answer_error_by_rows(weight, rounded, hessian):
    return sum(float(row @ hessian @ row) for row in weight - rounded)


def answer_error_einsum(weight, rounded, hessian):
    change = rounded - weight
    return torch.einsum("oi,ij,oj->", change, hessian, change).item()


def answer_error_trace(weight, rounded, hessian):
    change = (weight - rounded).numpy()
    return numpy.trace(change @ hessian.numpy() @ change.T)


def answer_error_by_factor(weight, rounded, hessian):
    values, vectors = torch.linalg.eigh(hessian)
    inputs = vectors * values.clamp(min=0).sqrt()  # inputs with the same products
    return ((weight - rounded) @ inputs).square().sum()


# --- gptq_columns


def gptq_by_inverse_of_the_rest(weight, hessian, scale, bits):
    weight, columns_made = weight.clone(), []
    for j in range(weight.shape[1]):
        inverse = torch.linalg.inv(hessian[j:, j:])
        whole = (weight[:, j] / scale[:, j]).round()
        whole = whole.clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        error = (weight[:, j] - whole * scale[:, j]) / inverse[0, 0]
        weight[:, j:] = weight[:, j:] - error[:, None] * inverse[0]
        columns_made.append(whole)
    return torch.stack(columns_made, 1)


def gptq_by_elimination(weight, hessian, scale, bits):
    inverse, weight = torch.linalg.inv(hessian), weight.clone()
    integers = torch.empty(weight.shape)
    for j in range(len(hessian)):
        whole = torch.round(weight[:, j] / scale[:, j])
        integers[:, j] = whole.clip(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        error = weight[:, j] - integers[:, j] * scale[:, j]
        weight -= torch.outer(error / inverse[j, j], inverse[j])
        inverse -= torch.outer(inverse[:, j], inverse[j]) / inverse[j, j].clone()
        inverse[j, j] = 1.0  # it is done
    return integers


def gptq_by_rows(weight, hessian, scale, bits):
    factor = numpy.linalg.cholesky(numpy.linalg.inv(hessian.double().numpy())).T
    rows = []
    for row, steps in zip(weight.tolist(), scale.tolist(), strict=True):
        whole = []
        for j, step in enumerate(steps):
            level = min(
                max(round(row[j] / step), -(2 ** (bits - 1))), 2 ** (bits - 1) - 1
            )
            error = (row[j] - level * step) / factor[j, j]
            for k in range(j + 1, len(row)):
                row[k] -= error * factor[j, k]
            whole.append(level)
        rows.append(whole)
    return rows


def gptq_with_all_errors(weight, hessian, scale, bits):
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian))
    factor = torch.linalg.cholesky(inverse).mH
    errors, integers = torch.zeros_like(weight), torch.zeros_like(weight)
    for j in range(weight.shape[1]):
        now = weight[:, j] - errors[:, :j] @ factor[:j, j]
        integers[:, j] = (now / scale[:, j]).round()
        integers[:, j].clamp_(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        errors[:, j] = (now - integers[:, j] * scale[:, j]) / factor[j, j]
    return integers.int()


def looped(**how):
    def answer(weight, hessian, scale, bits):
        return columns.loop(weight, hessian, scale, bits, **how)

    return answer


def in_place(weight, hessian, scale, bits):
    weight[:, 1:] = 0
    return columns.loop(weight, hessian, scale, bits)


def only_the_next(weight, hessian, scale, bits):
    factor = torch.linalg.cholesky(torch.linalg.inv(hessian), upper=True)
    band = factor.tril(1)
    weight, whole = weight.clone(), torch.zeros_like(weight)
    for j in range(weight.shape[1]):
        whole[:, j] = (weight[:, j] / scale[:, j]).round()
        whole[:, j].clamp_(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        error = (weight[:, j] - whole[:, j] * scale[:, j]) / factor[j, j]
        weight[:, j + 1 :] -= torch.outer(error, band[j, j + 1 :])
    return whole


# --- awq_factors


def awq_by_min(weight, hessian, size, round_weight, powers):
    def error(scales):
        change = weight - round_weight(weight * scales) / scales
        return (change @ hessian * change).sum().item()

    return min([size**power for power in powers], key=error)


def awq_by_argmin(weight, hessian, size, round_weight, powers):
    tried = torch.stack([size.pow(power) for power in powers])
    changes = [weight - round_weight(weight * each) / each for each in tried]
    errors = torch.stack([torch.trace(c @ hessian @ c.T) for c in changes])
    return tried[errors.argmin()]


def awq_as_a_list(weight, hessian, size, round_weight, powers):
    kept = None
    for power in powers:
        scales = torch.exp(power * size.log())
        change = round_weight(weight * scales).div(scales) - weight
        error = torch.einsum("oi,ij,oj", change, hessian, change)
        if kept is None or error < kept[0]:
            kept = error, scales.tolist()
    return kept[1]


def awq_with_diagonals(weight, hessian, size, round_weight, powers):
    best = (float("inf"), None)
    for power in sorted(powers):
        to = torch.diag(size**power)
        other = round_weight(weight @ to) @ torch.linalg.inv(to)
        best = min(best, (answer_error_by_rows(weight, other, hessian), power))
    return size ** best[1]


def awq_by(error, pick=min, turn=lambda scales: scales):
    def answer(weight, hessian, size, round_weight, powers):
        def of(power):
            return float(error(weight, hessian, round_weight, size**power))

        return turn(size ** pick(powers, key=of))

    return answer


def scaled_back(weight, hessian, round_weight, scales):
    return answer_error_by_rows(weight, round_weight(weight * scales) / scales, hessian)


RIGHT = {
    "answer_error": [
        answer_error_by_rows, answer_error_einsum, answer_error_trace,
        answer_error_by_factor,
    ],
    "gptq_columns": [
        gptq_by_inverse_of_the_rest, gptq_by_elimination, gptq_by_rows,
        gptq_with_all_errors,
    ],
    "awq_factors": [awq_by_min, awq_by_argmin, awq_as_a_list, awq_with_diagonals],
}  # fmt: skip


def roots_in_float64(weight, rounded, hessian):
    values, vectors = torch.linalg.eigh(hessian.double())
    turned = (weight - rounded) @ vectors
    return (turned**2 * values).sum()


WRONG = {
    "answer_error": {
        "the weights": (
            lambda weight, rounded, hessian: torch.dist(weight, rounded) ** 2,
            "error of the weights"),
        "the diagonal": (
            lambda weight, rounded, hessian: answer_error_by_rows(
                weight, rounded, hessian.diag().diag()), "diagonal"),
        "once": (lambda weight, rounded, hessian: ((weight - rounded) @ hessian).sum(),
                 "comes twice"),
        "squared": (
            lambda weight, rounded, hessian: ((weight - rounded) @ hessian).norm() ** 2,
            "squares"),
        "by rows": (
            lambda weight, rounded, hessian: [
                float(row @ hessian @ row) for row in weight - rounded], "their sum"),
        "a mean": (
            lambda weight, rounded, hessian: answer_error_by_rows(
                weight, rounded, hessian) / weight.numel(), "mean"),
        "a length": (
            lambda weight, rounded, hessian: answer_error_by_rows(
                weight, rounded, hessian) ** 0.5, "length"),
        "of all the weight": (
            lambda weight, rounded, hessian: answer_error_by_rows(
                weight, 0 * rounded, hessian), "weight - rounded"),
        "nothing": (lambda weight, rounded, hessian: None, "return"),
        "roots in float64": (roots_in_float64, "two dtypes meet"),
    },
    "gptq_columns": {
        "rounding": (looped(passes="none"), "plain rounding"),
        "lower": (looped(passes="lower"), "upper=True"),
        "not divided": (looped(divide=False), "diagonal"),
        "the inverse": (looped(passes="inverse"), "Cholesky"),
        "the Hessian": (looped(passes="root"), "of its inverse"),
        "added": (looped(sign=1.0), "subtract"),
        "not clamped": (looped(clamp=False), "clamp"),
        "as absmax": (
            lambda weight, hessian, scale, bits: columns.loop(
                weight, hessian, scale, bits, least=1 - 2 ** (bits - 1)), "lowest"),
        "weights": (looped(levels=True), "integers"),
        "one scale": (looped(first_scale=True), "scale[:, j]"),
        "cut off": (looped(fit=torch.floor), "not rounded"),
        "the next column alone": (only_the_next, "round, clamp"),
        "in place": (in_place, "new"),
        "halves up": (looped(fit=rounded.half_up), "even integer"),
    },
    "awq_factors": {
        "against the scaled": (
            awq_by(lambda w, h, r, s: answer_error_by_rows(w * s, r(w * s) / s, h)),
            "compared with the multiplied one"),
        "scaled twice": (
            awq_by(lambda w, h, r, s: answer_error_by_rows(w, r(w * s) * s, h)),
            "multiplied twice"),
        "against the rounded": (
            awq_by(lambda w, h, r, s: answer_error_by_rows(r(w), r(w * s) / s, h)),
            "compared with a rounded one"),
        "in float64": (
            awq_by(lambda w, h, r, s:
                   answer_error_by_rows(w, r(w * s) / s, h.double())), "two dtypes"),
        "the most": (awq_by(scaled_back, pick=max), "least"),
        "the weights": (
            awq_by(lambda w, h, r, s: (w - r(w * s) / s).square().sum()),
            "weights alone"),
        "not back": (
            awq_by(lambda w, h, r, s: answer_error_by_rows(w, r(w * s), h)), "divide"),
        "both scaled": (
            awq_by(lambda w, h, r, s: answer_error_by_rows(w * s, r(w * s), h)),
            "with its rounding"),
        "divided": (
            awq_by(lambda w, h, r, s: answer_error_by_rows(w, r(w / s) * s, h)),
            "multiply the weights"),
        "turned round": (awq_by(scaled_back, turn=torch.reciprocal), "multiply"),
        "the first": (
            lambda weight, hessian, size, round_weight, powers: size ** powers[0],
            "first power"),
        "the last": (
            lambda weight, hessian, size, round_weight, powers: size ** powers[-1],
            "last power"),
        "the size": (
            lambda weight, hessian, size, round_weight, powers: size, "size**power"),
    },
}  # fmt: skip

globals().update(factory.tests(factory.part(check, list(RIGHT)), RIGHT, WRONG))


@pytest.mark.parametrize("place", range(6))
def test_no_value_of_a_case_lies_between_two_levels(place):
    case = check.EXERCISES["gptq_columns"].cases()[place].build()
    assert columns.is_clear(*case)


def test_the_notebooks_of_a_word_count_their_exercises_from_one(capsys):
    for name in ("absmax", "answer_error"):
        check.example(name)
        assert capsys.readouterr().out.startswith("# The example of exercise 1; ")
