"""Change a weight column by column, and let the columns to the right make up for it.

What counts is not how far the weights move but how far the answers do: |XW - XQ|² over
real inputs X. Its Hessian is the Gram matrix of the inputs; the Cholesky factor of the
inverse says how much each remaining column should move once one has been changed.
Rounding each column so is GPTQ, setting some of its weights to zero is SparseGPT: the
loop is the same.

Shapes: O output features, I input features.
Sources: Optimal Brain Surgeon, Hassibi & Stork, 1993; GPTQ, Frantar et al., ICLR 2023.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from llmlab.core import arguments

STRETCH = 32  # columns after which the rest is brought up to date at once

Change = Callable[[int, Tensor], Tensor]
Begin = Callable[[int, Tensor], None]


def pass_on(
    weight: Tensor,
    factor: Tensor,
    change: Change,
    *,
    stretch: int = STRETCH,
    begin: Begin | None = None,
) -> Tensor:
    """Return a weight (O, I) whose columns were changed one by one, errors passed on.

    factor: (I, I), of `inverse_factor`. change: from a column's number and its weights
    as they now are, (O, 1), to those that shall stand there. stretch: columns after
    which the columns beyond it are brought up to date; the result is the same unless
    something is decided by stretch. begin: hears of each stretch its first column and
    its weights as they now are, (O, up to `stretch`). Raises ValueError for a factor of
    another size and a stretch below 1.
    """
    if stretch < 1 or factor.shape != (weight.shape[1],) * 2:
        raise ValueError(
            f"stretch={stretch}, factor of {tuple(factor.shape)}: a weight of "
            f"{tuple(weight.shape)} wants a stretch of at least 1 and a factor with a "
            "row and a column for each of its columns."
        )
    weight, changed = weight.clone(), torch.empty_like(weight)
    width = weight.shape[1]
    for start in range(0, width, stretch):
        end = min(start + stretch, width)
        if begin is not None:
            begin(start, weight[:, start:end].clone())
        errors = torch.zeros_like(weight[:, start:end])
        for column in range(start, end):
            now = weight[:, column : column + 1]
            new = change(column, now.clone())  # it may work in place
            changed[:, column : column + 1] = new
            error = (now - new) / factor[column, column]
            weight[:, column + 1 : end] -= error * factor[column, column + 1 : end]
            errors[:, column - start : column - start + 1] = error
        weight[:, end:] -= errors @ factor[start:end, end:]
    return changed


def inverse_factor(gram: Tensor, *, damping: float = 0.01) -> Tensor:
    """Return the upper Cholesky factor of the inverse Gram matrix, (I, I) float32.

    Arguments and errors are those of `damped`.
    """
    lower = torch.linalg.cholesky(damped(gram, damping=damping))
    inverse = torch.cholesky_inverse(lower)
    return torch.linalg.cholesky(inverse, upper=True).float()


def damped(gram: Tensor, *, damping: float = 0.01) -> Tensor:
    """Return a Gram matrix with a little more on its diagonal, (I, I) float64.

    damping: share of the mean that is added; ten and a hundred times as much is tried
    where its inverse has no Cholesky factor yet. Inputs that were never there pass
    nothing on. Raises ValueError where the matrix stays singular.
    """
    damping = arguments.number("damping", damping, above=0, way="such as 0.01")
    gram = gram.double()
    unseen = gram.diagonal() == 0
    gram = gram + torch.diag(unseen.double())
    mean = gram.diagonal().mean()
    for more in (1, 10, 100):
        safe = gram + torch.eye(len(gram), device=gram.device) * mean * damping * more
        lower, failed = torch.linalg.cholesky_ex(safe)
        if not failed:
            inverse = torch.cholesky_inverse(lower)
            if not torch.linalg.cholesky_ex(inverse, upper=True)[1]:
                return safe
    raise ValueError(
        f"damping={damping} leaves the Gram matrix of the inputs singular; calibrate "
        "on more tokens than the layer has inputs, or choose damping=0.1."
    )


def objective(weight: Tensor, rounded: Tensor, gram: Tensor) -> Tensor:
    """Return |X (weight - rounded)ᵀ|² of each row, (O,), for inputs of this Gram."""
    change = (weight - rounded).double()
    return ((change @ gram.double()) * change).sum(1)
