"""Losses that compare two distributions over tokens: the teacher's and the student's.

A label names one token. A teacher says of every token how likely it is, and so also
which ones it confused with the right one (Hinton's dark knowledge). A temperature T > 1
flattens both distributions, so that small probabilities count; gradients shrink by 1/T²
with it, which a factor of T² makes good. All are means over tokens, in nats, and pass
no gradient to the teacher. A teacher that ran before the training keeps its k likeliest
tokens and the rest as one lump.

Shapes: B sequences, T tokens, V vocabulary; k tokens kept.
Sources: Hinton, Vinyals & Dean, 2015; Agarwal et al., ICLR 2024 (Jensen-Shannon).
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from llmlab.core import arguments
from llmlab.core.arguments import shown

SMALLEST = 1e-30  # a probability of 0 has no logarithm; float32 holds this one


class Kept(NamedTuple):
    """What a teacher keeps of its answers: the k likeliest tokens, and what is left."""

    probabilities: Tensor  # (…, k), largest first; not normalised again
    indices: Tensor  # (…, k)
    rest: Tensor  # (…): the probability of all other tokens together


def soft_targets(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float = 1.0,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Return T² · KL(teacher ‖ student) at a temperature T, the mean over tokens.

    Logits are (…, V). mask: (…), true where a token counts. Raises ValueError for
    logits of different shapes (other vocabularies), a temperature not above 0, and a
    mask that does not fit or counts none. Source: Hinton et al., 2015.
    """
    student, teacher = _softened(student_logits, teacher_logits, temperature)
    return temperature**2 * _mean(_divergence(teacher, student), mask)


def reverse(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float = 1.0,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Return T² · KL(student ‖ teacher): the student is charged for what it makes up.

    It may leave out what the teacher also says, so that it settles on some of the
    teacher's answers instead of spreading over all. Arguments and errors are those of
    `soft_targets`. Source: Gu et al., MiniLLM, ICLR 2024.
    """
    student, teacher = _softened(student_logits, teacher_logits, temperature)
    return temperature**2 * _mean(_divergence(student, teacher), mask)


def jensen_shannon(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float = 1.0,
    *,
    beta: float = 0.5,
    mask: Tensor | None = None,
) -> Tensor:
    """Return T² times a divergence from the mixture of both distributions.

    The mixture holds a share `beta` of the teacher; both are compared with it, the
    teacher with weight beta, the student with 1 - beta. The ends are set apart, since
    this would be 0 there: beta=0 is `soft_targets`, beta=1 is `reverse`. The other
    arguments and errors are those of `soft_targets`; ValueError for beta outside 0 to
    1. Source: Agarwal et al., ICLR 2024.
    """
    if not arguments.is_number(beta) or not 0 <= beta <= 1:
        raise ValueError(
            f"beta={shown(beta)} is no share of a mixture; choose from 0 (as "
            "soft_targets) to 1 (as reverse)."
        )
    if beta in (0, 1):
        end = reverse if beta else soft_targets
        return end(student_logits, teacher_logits, temperature, mask=mask)
    student, teacher = _softened(student_logits, teacher_logits, temperature)
    mixture = torch.logaddexp(
        teacher + math.log(beta), student + math.log1p(-beta)
    )  # (…, V)
    rows = beta * _divergence(teacher, mixture)
    rows = rows + (1 - beta) * _divergence(student, mixture)
    return temperature**2 * _mean(rows, mask)


def keep(teacher_logits: Tensor, k: int) -> Kept:
    """Return the k likeliest tokens of logits (…, V) with their probabilities.

    Raises ValueError for a k that is none of 1 to V.
    """
    _check_logits("teacher_logits", teacher_logits)
    arguments.whole("k", k, least=1, most=teacher_logits.shape[-1])
    every = wide(teacher_logits.detach()).softmax(-1)
    probabilities, indices = every.topk(k, dim=-1)
    return Kept(probabilities, indices, (1 - probabilities.sum(-1)).clamp_min(0))


def top_k(student_logits: Tensor, kept: Kept, *, mask: Tensor | None = None) -> Tensor:
    """Return KL(teacher ‖ student) over the tokens that were kept, and the lump.

    It is at most the divergence over all tokens, and equal to it where k is V. The
    temperature is 1, at which probabilities were kept. Raises ValueError for tokens
    that do not fit.
    """
    return soft_targets(*lumped(student_logits, kept), mask=mask)


def lumped(student_logits: Tensor, kept: Kept) -> tuple[Tensor, Tensor]:
    """Return logits of both over k + 1 outcomes: the tokens kept, and all others.

    student_logits: (…, V). Both are logarithms of probabilities, (…, k + 1), or (…, k)
    where k is V and nothing is left over, for any loss that compares logits. Raises
    ValueError for tokens of other rows or beyond the student's vocabulary.
    """
    _check_logits("student_logits", student_logits)
    kept = checked_kept(kept)
    _check_rows(student_logits, kept)
    logs = wide(student_logits).log_softmax(-1)
    seen = logs.gather(-1, kept.indices)  # (…, k)
    probabilities = kept.probabilities
    if seen.shape[-1] < logs.shape[-1]:
        others = logs.scatter(-1, kept.indices, -math.inf)
        seen = torch.cat((seen, others.logsumexp(-1, keepdim=True)), -1)
        probabilities = torch.cat((probabilities, kept.rest[..., None]), -1)
    return seen, probabilities.to(seen).clamp_min(SMALLEST).log()


def checked_kept(kept: Any) -> Kept:
    """Return what was kept as such; ValueError for anything else.

    It takes what a function of a learner's gives: three tensors in this order.
    """
    parts = tuple(kept) if isinstance(kept, tuple | list) else ()
    if len(parts) != 3 or not all(isinstance(part, Tensor) for part in parts):
        raise ValueError(
            f"kept={shown(kept)} must be probabilities (…, k), indices (…, k) and the "
            "rest (…), as losses.keep(teacher_logits, k) gives them."
        )
    made = Kept(*parts)
    sizes = [tuple(part.shape) for part in made]
    if sizes[0] != sizes[1] or sizes[2] != sizes[0][:-1] or not sizes[0]:
        raise ValueError(
            f"kept holds tensors of the shapes {sizes}; probabilities and indices are "
            "(…, k), the rest is (…)."
        )
    return made


def _check_rows(student_logits: Tensor, kept: Kept) -> None:
    if student_logits.shape[:-1] != kept.indices.shape[:-1]:
        raise ValueError(
            f"kept has rows {tuple(kept.indices.shape[:-1])} and student_logits "
            f"{tuple(student_logits.shape[:-1])}; keep what the teacher says of the "
            "same tokens."
        )
    size, most = student_logits.shape[-1], int(kept.indices.max())
    if most >= size or int(kept.indices.min()) < 0:
        raise ValueError(
            f"kept names token {most}, and the student's vocabulary has {size:,}; take "
            "a student with the teacher's tokenizer."
        )


def _softened(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return logarithms of both distributions at this temperature, (…, V) each."""
    _check_logits("student_logits", student_logits)
    _check_logits("teacher_logits", teacher_logits)
    arguments.number("temperature", temperature, above=0, way="1 changes nothing")
    if student_logits.shape != teacher_logits.shape:
        raise ValueError(
            f"student_logits are {tuple(student_logits.shape)} and teacher_logits "
            f"{tuple(teacher_logits.shape)}; hand in the same tokens, and models of "
            "one vocabulary."
        )
    student, teacher = wide(student_logits), wide(teacher_logits.detach())
    return (
        (student / temperature).log_softmax(-1),
        (teacher / temperature).log_softmax(-1),
    )


def _divergence(of: Tensor, against: Tensor) -> Tensor:
    """Return KL(of ‖ against) of logarithms (…, V) by row, (…)."""
    return functional.kl_div(against, of, reduction="none", log_target=True).sum(-1)


def _mean(rows: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return rows.mean()
    fits = isinstance(mask, Tensor) and mask.dtype == torch.bool
    if not fits or mask.shape != rows.shape or not mask.any():
        raise ValueError(
            f"mask={shown(mask)} must be truth values of the shape "
            f"{tuple(rows.shape)}, one for each token, and one of them true."
        )
    return rows[mask].mean()


def _check_logits(name: str, logits: Any) -> None:
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        raise ValueError(f"{name}={shown(logits)} must be a tensor of logits, (…, V).")
    if logits.dim() < 1 or logits.numel() == 0:
        raise ValueError(f"{name} are {tuple(logits.shape)}; hand in logits (…, V).")


def wide(numbers: Tensor) -> Tensor:
    """Return numbers in float32 at least, where small probabilities have room."""
    return numbers if numbers.dtype == torch.float64 else numbers.float()
