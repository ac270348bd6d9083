"""The column loop of GPTQ, with switches for what learners do otherwise."""

import torch

NEAR = 0.02  # of a step: no value of a case lies so near to the middle of two levels


def loop(weight, hessian, scale, bits, *, passes="factor", divide=True, sign=-1.0,
         clamp=True, least=None, most=None, fit=torch.round, unclamped=False,
         first_scale=False, original=False, levels=False, steps=None):  # fmt: skip
    """Return integers (O, I), column after column.

    passes: the matrix whose rows say what later columns take over. steps: a list that
    what was rounded is added to.
    """
    low = -(2 ** (bits - 1)) if least is None else least
    high = 2 ** (bits - 1) - 1 if most is None else most
    inverse = torch.linalg.inv(hessian)
    factors = {
        "factor": lambda: torch.linalg.cholesky(inverse, upper=True),
        "lower": lambda: torch.linalg.cholesky(inverse),
        "inverse": lambda: inverse,
        "hessian": lambda: hessian,
        "root": lambda: torch.linalg.cholesky(hessian, upper=True),
        "none": lambda: torch.eye(len(hessian), dtype=hessian.dtype),
    }
    factor, before = factors[passes](), weight
    weight, whole = weight.clone(), torch.zeros_like(weight)
    for j in range(weight.shape[1]):
        step = scale[:, 0 if first_scale else j]
        exact = (before if original else weight)[:, j]
        if steps is not None:
            steps.append(exact / step)
        free = fit(exact / step)
        whole[:, j] = free.clamp(low, high) if clamp else free
        error = exact - (free if unclamped else whole[:, j]) * step
        if divide:
            error = error / factor[j, j]
        weight[:, j + 1 :] += sign * torch.outer(error, factor[j, j + 1 :])
    return whole * scale if levels else whole


def is_clear(weight, hessian, scale, bits):
    """Say whether nothing lies near the middle of two levels, and the loop matters."""
    seen: list = []
    whole = loop(weight, hessian, scale, bits, steps=seen)
    apart = torch.stack(seen)
    near = ((apart - apart.floor()) - 0.5).abs() < NEAR
    plain = (weight / scale).round().clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return not near.any() and not torch.equal(whole, plain)


def draw(dice, outputs, inputs, bits, *, spread=2.3):
    """Draw a case that is clear: weight, Hessian, scales and bits.

    spread: how many last levels the weights reach to; above 1 some are clamped.
    """
    while True:
        x = torch.randn(3 * inputs, inputs, generator=dice, dtype=torch.float64)
        x[:, 1:] += 0.8 * x[:, :-1]
        scale = 0.05 + 0.1 * torch.rand(
            outputs, inputs, generator=dice, dtype=torch.float64
        )
        weight = torch.randn(outputs, inputs, generator=dice, dtype=torch.float64)
        weight = weight * scale * 2 ** (bits - 1) / spread
        drawn = (one.float() for one in (weight, x.T @ x / len(x), scale))
        case = *drawn, bits
        if is_clear(*case):
            return case
