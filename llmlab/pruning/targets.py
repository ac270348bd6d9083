"""Which layers lose weights, and how many; the new model with zeros in their places.

It is what the methods that set single weights to zero share. The head stays dense
unless somebody asks: it decides between tokens, and it is often tied to the embedding,
which a pruned head no longer is.

Shapes: O output features, I input features.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from llmlab.core import arguments, wanted
from llmlab.core.model import Model, as_stored
from llmlab.models import calibration, experts, surgery
from llmlab.pruning import masks

Sparsities = float | Mapping[str, float]  # of all layers, or by name
HALF = 0.5  # of a model's matrices: without the head it may be so few
HEADS = ("head", "classifier", "score")  # what they are called where nobody else says


@dataclass(frozen=True)
class Target:
    """What is asked of one layer: a share of zeros, or n of every m kept."""

    sparsity: float
    pattern: tuple[int, int] | None = None

    def by_row(self, score: Tensor) -> Tensor:
        """Return the mask (O, I) that keeps the highest scores of each row."""
        if self.pattern is None:
            return masks.by_row(score, self.sparsity)
        n, m = self.pattern
        return masks.n_of_m(score, n=n, m=m)


def layer_targets(
    model: nn.Module,
    sparsity: Sparsities | None,
    pattern: str | None,
    skip: Collection[str] | None,
) -> dict[str, Target]:
    """Return what is asked of every linear layer that is to be pruned, by name.

    Raises ValueError for a sparsity that is none, for names that are no linear layers,
    unless there is either a sparsity or a pattern, and for a model that holds quantized
    or packed layers.
    """
    check_plain(model)
    layers = surgery.linear_layers(model, skip=heads(model) if skip is None else skip)
    if (sparsity is None) == (pattern is None):
        raise ValueError(
            f"sparsity={sparsity!r} and pattern={pattern!r}: hand in one of them, such "
            'as sparsity=0.5, or pattern="2:4", which says how many go.'
        )
    if pattern is not None:
        n, m = masks.read_pattern(pattern)
        return dict.fromkeys(layers, Target(1 - n / m, (n, m)))
    if not isinstance(sparsity, Mapping):
        return dict.fromkeys(layers, Target(masks.checked_sparsity(sparsity)))
    if unknown := sorted(set(sparsity) - set(layers)):
        raise ValueError(
            f"sparsity names {unknown[0]!r}, which is no linear layer to be pruned; "
            f"the names are those of the model's modules, such as {next(iter(layers))}."
        )
    if not sparsity:
        raise ValueError("sparsity={} names no layer; name one, or give one share.")
    return {name: Target(masks.checked_sparsity(s)) for name, s in sparsity.items()}


def heads(model: nn.Module) -> list[str]:
    """Return the names of the linear layers whose outputs are a model's answers."""
    last = set()
    for part in model.modules():
        head_of: Any = getattr(part, "get_output_embeddings", None)
        if callable(head_of):
            last.add(id(head_of()))
    last |= {id(getattr(model, word, None)) for word in HEADS}
    layers: dict[str, Any] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            layers[name] = module
    return [name for name, layer in layers.items() if id(layer) in last]


def check_plain(model: nn.Module) -> None:
    """Raise ValueError for a model with stored layers, or without a linear one."""
    for name, module in wanted.module("model", model).named_modules():
        stored = as_stored(module)
        if stored is not None:
            way = "prune first, then quantize"
            if stored.kind == "sparse":
                way = "pruning.unpack(model) gives plain layers"
            raise ValueError(f"{name or 'model'} is a {stored.kind} layer; {way}.")
    surgery.linear_layers(model)


def with_weights(model: Model, weights: Mapping[str, Tensor], word: str) -> Model:
    """Return a new model with these weights (O, I) in its linear layers, by name.

    A head that was tied to the embedding has a weight of its own from then on, and the
    configuration says so. word: what to say in `.format`, see `said`.
    """
    layers = {}
    for name, weight in weights.items():
        layer: Any = surgery.share(model.get_submodule(name))
        surgery.set_weight(layer, weight)
        layers[name] = layer
    originals: list[Any] = [model.get_submodule(name) for name in weights]
    new = surgery.replace(model, layers)
    share = surgery.share_of_weights(model, originals)
    most = surgery.WHOLE if experts.together(model) else HALF
    of = f" of {share:.0%} of the weights" if share < most else ""
    return say(new, model, word + of)


def batches_of(data: Any) -> list[Any]:
    """Return batches of text as a list; ValueError: none at all, or no batches."""
    batches = list(calibration.listed_batches(data))
    if not batches:
        raise ValueError("data holds no batch to look at; hand in one at least.")
    return batches


def listed(sparsities: Any) -> list[float]:
    """Return sparsities as a list; ValueError for one that is none, and for none."""
    shares = list(sparsities) if isinstance(sparsities, Collection) else []
    if not shares or isinstance(sparsities, str | bytes):
        raise ValueError(
            f"sparsities={arguments.shown(sparsities)} are none; hand in shares of "
            "the weights that go, such as (0.3, 0.5, 0.7)."
        )
    return [masks.checked_sparsity(share, name="sparsities") for share in shares]


def scores_of(importance: Any, name: str) -> Tensor | None:
    """Return a part's scores; None: no tensor is there. ValueError: no mapping."""
    if not isinstance(importance, Mapping):
        raise ValueError(
            f"importance={arguments.shown(importance)} is no mapping of names to "
            "scores; hand in what importance(model, data) gives."
        )
    scores = importance.get(name)
    return scores if isinstance(scores, Tensor) else None


def checked_part(name: str, part: Any) -> Any:
    """Return a function that was handed in, or None; ValueError for all else."""
    way = "hand in a function, or None for the package's"
    return part if part is None else arguments.function(name, part, way=way)


def without(weight: Tensor, mask: Tensor) -> Tensor:
    """Return a weight with zeros, plain ones, where a mask is false."""
    return weight.masked_fill(~mask, 0)


def say(new: Model, model: nn.Module, word: str) -> Model:
    """Let a model say what was done to it, beside what it has said before.

    word: "50%-sparse", "3-layers"; it takes the place of an older one that ends so.
    """
    before = str(getattr(model, "format", "")).split(", ")
    others = [old for old in before if old and _end(old) != _end(word)]
    whole: Any = new
    whole.format = ", ".join([*others, word])
    return new


def sparse_word(chosen: Mapping[str, Target], weights: Mapping[str, Tensor]) -> str:
    """Say how sparse these layers are: "2:4-sparse", "50%-sparse"."""
    patterns = {target.pattern for target in chosen.values()}
    if len(patterns) == 1 and (pattern := patterns.pop()) is not None:
        return f"{pattern[0]}:{pattern[1]}-sparse"
    zeros = sum(int((weight == 0).sum()) for weight in weights.values())
    count = sum(weight.numel() for weight in weights.values())
    return f"{zeros / count:.0%}-sparse"


def _end(word: str) -> str:
    return word.partition("-")[2].partition(" ")[0]
