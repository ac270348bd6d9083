"""How much of the past still reaches the last output: gradients by distance.

Learning that a token long ago mattered needs a gradient from the last output back to
it. Through a recurrence it passes one step after the other and is multiplied each time;
where these factors stay below 1 it vanishes. Attention reaches every token in one step.

The norm of the whole Jacobian is estimated from random directions: the expected square
of a direction's gradient is the square of the Frobenius norm.

Sources: Hochreiter 1991; Bengio, Simard, Frasconi 1994; Hutchinson 1990.

Shapes: B sequences, T new tokens, D model width, V vocabulary.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from llmlab.attention_vs_rnn.quantities import GRADIENT_NORM
from llmlab.core import machine, records
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import intervals, labels


def by_distance(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    subject: str = "",
    state: str = "",
    seed: int = 0,
) -> list[Record]:
    """Return the "gradient norm" of the last output by the distance of the input.

    function: from inputs (B, T, D) to outputs (B, T, any). A record for each distance
    0 to T - 1: the median over the B sequences, with its interval from six on. state:
    what the function is, such as "fresh" or "trained". Use float64, else what vanishes
    becomes 0 too early. Raises ValueError for inputs of another shape.
    """
    norms = distance_norms(function, x, seed=seed)  # (T, B)
    here = machine.describe().label
    facts = []
    for distance, values in enumerate(norms.tolist()):
        low, high = intervals.of_median(values) or (None, None)
        details = {"distance": distance, "sequences": len(values)}
        details |= {"state": state} if state else {}
        facts.append(
            records.measured(
                GRADIENT_NORM,
                intervals.median(values),
                subject=subject,
                low=low,
                high=high,
                details=details,
                seed=seed,
                machine=here,
            )
        )
    return facts


def distance_norms(
    function: Callable[[Tensor], Tensor], x: Tensor, *, seed: int = 0
) -> Tensor:
    """Return the norm for each distance and sequence, (T, B); one random direction."""
    if x.dim() != 3 or not x.shape[1]:
        raise ValueError(
            f"x {tuple(x.shape)} must be inputs (B, T, D) of at least one token; add "
            "the missing dimension with x[None]."
        )
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_(True)
        last = function(x)[:, -1]  # (B, any)
        generator = torch.Generator().manual_seed(seed)
        direction = torch.randn(last.shape, generator=generator).to(last)
        (gradient,) = torch.autograd.grad((last * direction).sum(), x)
    return gradient.norm(dim=-1).flip(1).T  # (T, B), the last input first


def of_model(
    model: LanguageModel, tokens: Tensor, *, state: str = "trained", seed: int = 0
) -> list[Record]:
    """Return the gradient norms of a language model, with respect to its embeddings.

    tokens (B, T); the outputs are logits. Load the model in float64, for the same
    reason as in `by_distance`.
    """
    embedding = embedding_of(model)

    def logits(embedded: Tensor) -> Tensor:
        put = embedding.register_forward_hook(lambda *_: embedded)
        try:
            return model.forward(tokens)
        finally:
            put.remove()

    with torch.no_grad():
        embedded = embedding(tokens)  # (B, T, D)
    label = labels.label(model)
    return by_distance(logits, embedded, subject=label, state=state, seed=seed)


def embedding_of(model: LanguageModel) -> nn.Module:
    """Return the module that turns tokens into vectors; ValueError if there is none."""
    wrapped = getattr(model, "model", None)
    if hasattr(wrapped, "get_input_embeddings"):
        return wrapped.get_input_embeddings()
    if isinstance(getattr(model, "embedding", None), nn.Module):
        return model.embedding
    raise ValueError(
        f"model {model.name!r} shows no embedding; give what models.load returns."
    )
