"""Where the MLPs of a model are, and what their layers are called, family by family.

An MLP widens the stream to F neurons and comes back: one or two layers lead in, one
leads out. A neuron is a row of those that lead in and a column of the one that leads
out; without it the rest works on as before.

Shapes: D model width, F hidden width.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from llmlab.models import surgery
from llmlab.models.transformers_model import TransformersModel

# Names below the module that holds them: what leads in, what leads out.
LAYERS = (
    (("gate", "up"), "down"),  # ours
    (("gate_proj", "up_proj"), "down_proj"),  # Llama's family in transformers
    (("c_fc",), "c_proj"),  # GPT-2
    (("intermediate.dense",), "output.dense"),  # BERT
    (("wi_0", "wi_1"), "wo"),  # T5, gated
    (("wi",), "wo"),  # T5
    (("ffn",), "ffn_output"),  # ALBERT
    (("lin1",), "lin2"),  # DistilBERT
    (("fc1",), "fc2"),  # OPT
)
SIZES = ("intermediate_size", "n_inner", "d_ff", "ffn_dim", "hidden_dim")


@dataclass(frozen=True)
class MLP:
    """The layers of one MLP, by name."""

    into: tuple[str, ...]  # (F, D)
    out: str  # (D, F)

    @property
    def layers(self) -> tuple[str, ...]:
        return (*self.into, self.out)


def mlps(model: nn.Module) -> dict[str, MLP]:
    """Return the MLPs of a model by the name of the layer that leads out of each.

    Raises ValueError for a model without any that is known here.
    """
    parts: dict[str, MLP] = {}
    try:
        linear = surgery.linear_layers(model)
    except ValueError as error:
        raise ValueError(f"{error} An MLP has at least two.") from error
    holders = [name for name, _ in model.named_modules()]
    for holder in holders:
        for into, out in LAYERS:
            prefix = f"{holder}." if holder else ""
            names = tuple(prefix + word for word in into)
            if all(name in linear for name in (*names, prefix + out)):
                if _fit([linear[name] for name in names], linear[prefix + out]):
                    parts[prefix + out] = MLP(names, prefix + out)
                    break
    if not parts:
        known = ", ".join(sorted({out for _, out in LAYERS}))
        raise ValueError(
            f"{type(model).__name__} has no MLP whose layers are known here ({known} "
            "and what leads to them); pruning.dependency.prune follows any graph."
        )
    return parts


def _fit(into: Iterable[Any], out: Any) -> bool:
    return {surgery.size_of(layer)[0] for layer in into} == {surgery.size_of(out)[1]}


def neurons(model: nn.Module, mlp: MLP) -> int:
    """Return how many neurons an MLP has, F."""
    layer: Any = model.get_submodule(mlp.out)
    return surgery.size_of(layer)[1]


def setting(model: Any) -> str:
    """Return what this model's configuration calls the width of its MLPs."""
    config = inner(model).config
    names = [name for name in SIZES if hasattr(config, name)]
    if not names:
        raise ValueError(
            f"the configuration of {type(model).__name__} names no width of its MLPs "
            f"({', '.join(SIZES)}); pruning.dependency.prune goes without."
        )
    return names[0]


def inner(model: Any) -> Any:
    """Return transformers' model inside our wrapper, or the model itself."""
    return model.model if isinstance(model, TransformersModel) else model
