"""Relations between tokens: which ones look alike to a layer, and which it attends to.

Values of a token, multiplied with those of all tokens, say how it stands to them; a
softmax makes a distribution of it, for each token and head. Widths have gone from that,
so that a student of any width can match it with no projection at all (MiniLM). The
scores of attention, queries times keys, can be matched too, where both models have the
same heads (TinyBERT).

Shapes: B sequences, T tokens, H head width (of each model its own).
Sources: MiniLM and MiniLMv2, Wang et al., 2020 and 2021; TinyBERT, Jiao et al., 2020.
"""

import math
from typing import Any

import torch
from torch import Tensor

from llmlab.core import arguments
from llmlab.core.arguments import shown
from llmlab.distillation.losses import wide


def split(states: Tensor, heads: int) -> Tensor:
    """Return what a layer gives (B, T, heads · H) by heads, (B, heads, T, H).

    heads: as many as both models shall be compared in, whatever they compute with.
    Raises ValueError for a number that does not divide the width.
    """
    _check("states", states, 3, "(B, T, width)")
    arguments.whole("heads", heads, least=1)
    if states.shape[-1] % heads:
        raise ValueError(
            f"heads={heads} does not divide the width of {states.shape[-1]}; choose a "
            "divisor of both models' widths."
        )
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)


def relations(states: Tensor, *, causal: bool = True) -> Tensor:
    """Return how each token stands to all: softmax(X Xᵀ / √H), (B, heads, T, T).

    states: values, queries or keys (B, heads, T, H). causal: leave out later tokens,
    which a decoder does not see. Raises ValueError for another shape.
    """
    return _log_relations("states", states, causal).exp()


def relation_loss(
    student_values: Tensor, teacher_values: Tensor, *, causal: bool = True
) -> Tensor:
    """Return KL(teacher ‖ student) of relations, the mean over (B, heads, T).

    Values are (B, heads, T, H), with a head width of each model's own; queries or keys
    do as well. No gradient reaches the teacher. Raises ValueError for other heads or
    tokens. Source: Wang et al., MiniLMv2, 2021.
    """
    student = _log_relations("student_values", student_values, causal)
    teacher = _log_relations("teacher_values", teacher_values, causal).detach()
    _check_alike("student_values", student_values, "teacher_values", teacher_values, 3)
    gap = (teacher - student).masked_fill(teacher == -math.inf, 0)  # later tokens
    return (teacher.exp() * gap).sum(-1).mean()


def scores(queries: Tensor, keys: Tensor) -> Tensor:
    """Return what attention weighs by, Q Kᵀ / √H before any softmax, (B, heads, T, T).

    queries, keys: (B, heads, T, H). Raises ValueError for shapes that do not fit.
    """
    _check("queries", queries, 4, "(B, heads, T, H)")
    _check("keys", keys, 4, "(B, heads, T, H)")
    _check_alike("queries", queries, "keys", keys, 4)
    return wide(queries) @ wide(keys).transpose(-1, -2) / math.sqrt(keys.shape[-1])


def attention_loss(
    student_scores: Tensor, teacher_scores: Tensor, *, causal: bool = True
) -> Tensor:
    """Return the mean squared error between scores of attention (B, heads, T, T).

    causal: later tokens do not count. No gradient reaches the teacher. Raises
    ValueError for other heads, where `relation_loss` goes. Source: Jiao et al., 2020.
    """
    for name, given in (("student", student_scores), ("teacher", teacher_scores)):
        _check(f"{name}_scores", given, 4, "(B, heads, T, T)")
    _check_alike("student_scores", student_scores, "teacher_scores", teacher_scores, 4)
    seen = torch.ones_like(student_scores, dtype=torch.bool)
    seen = seen.tril() if causal else seen
    error = wide(student_scores) - wide(teacher_scores.detach())
    return error[seen].square().mean()


def _log_relations(name: str, states: Tensor, causal: bool) -> Tensor:
    _check(name, states, 4, "(B, heads, T, H)")
    states = wide(states)
    products = states @ states.transpose(-1, -2) / math.sqrt(states.shape[-1])
    if causal:
        later = torch.ones_like(products, dtype=torch.bool).triu(1)
        products = products.masked_fill(later, -math.inf)
    return products.log_softmax(-1)


def _check(name: str, states: Any, axes: int, shape: str) -> None:
    floats = isinstance(states, Tensor) and states.is_floating_point()
    if not floats or states.dim() != axes or not states.numel():
        size = tuple(states.shape) if isinstance(states, Tensor) else shown(states)
        raise ValueError(f"{name}={size} must be a tensor of floats, {shape}.")


def _check_alike(one: str, x: Tensor, other: str, y: Tensor, axes: int) -> None:
    if x.shape[:axes] != y.shape[:axes]:
        raise ValueError(
            f"{one} are {tuple(x.shape)} and {other} {tuple(y.shape)}; hand in the "
            "same tokens and as many heads on both sides: attention.split(states, "
            "heads)."
        )
