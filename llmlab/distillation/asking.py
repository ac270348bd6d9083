"""What a model is asked in a step: logits for some places, and the labels there.

Teacher and student are asked the same way, so that their logits stand side by side. A
function of this kind is all that a training needs to know of a family; padding is left
out here, and so counts nowhere.

Shapes: B sequences, T tokens, V vocabulary, C labels.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from llmlab.models import classification, training_arguments, translation

# (model, batch): logits (…, V) of some places and their labels (…).
Ask = Callable[[nn.Module, Tensor], tuple[Tensor, Tensor]]


def next_tokens(model: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Ask a causal model for each next token: logits (B, T, V), labels (B, T).

    tokens: (B, T + 1). Raises ValueError for anything else, and for an encoder-decoder,
    which reads two texts.
    """
    training_arguments.check_tokens(tokens)
    if _reads_two(model):
        raise ValueError(
            f"model is a {type(model).__name__}, which reads a source beside its "
            "target; hand in pairs of both, and ask=asking.translations."
        )
    answer: Any = model(tokens[:, :-1])
    return getattr(answer, "logits", answer), tokens[:, 1:]


def text_labels(model: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Ask a classifier for the label of each text: logits (B, C), labels (B,).

    batch: (B, 1 + T), labels and tokens, as `models.snippets.batches` gives them.
    """
    training_arguments.check_tokens(batch)
    return classification.logits_of(model, batch[:, 1:]), batch[:, 0]


def translations(model: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Ask an encoder-decoder for its target: logits (places, V), labels (places,).

    tokens: pairs side by side, as `models.pairs.packed` gives them. Raises ValueError
    for a model of another kind, which reads no source.
    """
    training_arguments.check_tokens(tokens)
    if not _reads_two(model):
        raise ValueError(
            f"ask=translations, and {type(model).__name__} is no encoder-decoder; "
            "leave ask out for a causal model."
        )
    return translation.logits_of(model, tokens)


def _reads_two(model: nn.Module) -> bool:
    config: Any = getattr(model, "config", None)
    return bool(getattr(config, "is_encoder_decoder", False))
