"""Four recipes of the literature, each a plain composition of what stands beside it.

What they differ in is where the student comes from and what it is matched to.

distilbert  layers evenly spread; soft targets, labels and the last hidden states
tinybert    hidden states and attention of every layer first, probabilities after
minilm      relations between tokens in one layer, so that any width will do
minitron    layers, neurons, heads and channels pruned, then soft targets alone

`asking` says what the models are asked, so that they serve more families than their
authors' BERT and GPT. The papers trained for days, on other texts and larger models;
weights and temperatures are theirs, figures are not.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from llmlab.core.model import Model
from llmlab.distillation import asking, attention, hidden, students
from llmlab.distillation.attention import attention_loss, relation_loss, split
from llmlab.distillation.training import Match, train
from llmlab.models import stacks, training
from llmlab.models.calibration import Batch

Batches = Callable[[int], Tensor]
PROJECTIONS = (  # what families call the layers that give queries, keys and values
    ("query", "key", "value"),
    ("q_proj", "k_proj", "v_proj"),
    ("q", "k", "v"),
)


def distilbert(
    teacher: Model,
    batch: Batches,
    *,
    layers: int,
    steps: int,
    ask: asking.Ask = asking.next_tokens,
    rate: float = 1e-3,
    autocast: training.Autocast = "fastest",
    seed: int = 0,
) -> training.Trained:
    """Train a student of `layers` of the teacher's layers, as DistilBERT was.

    Soft targets at temperature 2 weigh 5, labels 2, and the cosine between the last
    hidden states 1; here they are shares of what the first two have together. The other
    arguments and errors are those of `students.from_layers` and `training.train`.
    Source: Sanh et al., 2019.
    """
    _, held = stacks.stack(teacher)
    student = students.from_layers(teacher, students.student_layers(len(held), layers))
    return train(
        student,
        teacher,
        batch,
        steps=steps,
        temperature=2.0,
        labels=2 / 7,
        hidden=1 / 7,
        hidden_loss=turned,
        places={layers - 1: len(held) - 1},
        ask=ask,
        rate=rate,
        autocast=autocast,
        seed=seed,
    )


def tinybert(
    student: Model,
    teacher: Model,
    batch: Batches,
    *,
    steps: int,
    first: float = 0.5,
    ask: asking.Ask = asking.next_tokens,
    rate: float = 1e-3,
    autocast: training.Autocast = "fastest",
    seed: int = 0,
) -> training.Trained:
    """Train a student to think as its teacher does, and then to answer so.

    For a share `first` of the steps hidden states and scores of attention are matched,
    layer by layer; then soft targets follow. The student may be narrower, with as many
    heads. Scores are compared before a decoder turns them by position. Of both parts
    the last one's log comes back. Raises ValueError for models of other heads, and as
    `training.train`. Source: Jiao et al., 2020.
    """
    if not 0 < first < 1:
        raise ValueError(
            f"first={first!r} must be a share of the steps above 0 and below 1, such "
            "as 0.5."
        )
    places = hidden.layer_places(len(_parts(student)), len(_parts(teacher)))
    causal = ask is asking.next_tokens
    alike = _scores_alike(student, teacher, causal)
    matches = [
        Match(_parts(student)[at][:2], _parts(teacher)[to][:2], alike)
        for at, to in places.items()
    ]
    before = max(1, round(first * steps))
    thinking = train(
        student, teacher, batch, steps=before, logits=0.0, hidden=1.0, places=places,
        matches=matches, ask=ask, rate=rate, autocast=autocast, seed=seed,
    )  # fmt: skip
    return train(
        thinking.model,
        teacher,
        lambda step: batch(before + step),
        steps=max(1, steps - before),
        ask=ask,
        rate=rate,
        autocast=autocast,
        seed=seed,
    )


def minilm(
    student: Model,
    teacher: Model,
    batch: Batches,
    *,
    steps: int,
    heads: int,
    layer: int = -1,
    ask: asking.Ask = asking.next_tokens,
    rate: float = 1e-3,
    autocast: training.Autocast = "fastest",
    seed: int = 0,
) -> training.Trained:
    """Train the last layer of a student to relate tokens as one of its teacher does.

    heads: in how many parts queries, keys and values are compared; a divisor of the
    widths that both models have of each. layer: the teacher's, counted from the end if
    negative; the paper takes an upper one. Nothing teaches the head, so that a training
    on a task follows. Raises ValueError as `attention.split` and `training.train`.
    Source: Wang et al., MiniLMv2, 2021.
    """
    mine, others = _parts(student)[-1], _parts(teacher)
    if not -len(others) <= layer < len(others):
        raise ValueError(
            f"layer={layer!r} is none of the teacher's {len(others)}; choose from 0 to "
            f"{len(others) - 1}, or -1 for the last."
        )
    causal = ask is asking.next_tokens

    def alike(own: Tensor, other: Tensor) -> Tensor:
        return relation_loss(split(own, heads), split(other, heads), causal=causal)

    pairs = zip(mine, others[layer], strict=True)
    return train(
        student,
        teacher,
        batch,
        steps=steps,
        logits=0.0,
        matches=[Match(own, other, alike) for own, other in pairs],
        ask=ask,
        rate=rate,
        autocast=autocast,
        seed=seed,
    )


def minitron(
    teacher: Model,
    data: Iterable[Batch],
    batch: Batches,
    *,
    steps: int,
    layers: Collection[int] | None = None,
    neurons: int | None = None,
    kv_groups: int | None = None,
    width: int | None = None,
    ask: asking.Ask = asking.next_tokens,
    rate: float = 1e-3,
    autocast: training.Autocast = "fastest",
    seed: int = 0,
) -> training.Trained:
    """Prune a teacher by what its parts do on text, and let it teach what is left.

    data: what parts are judged by, see `calibration.collect`. layers, neurons,
    kv_groups, width: what stays, as in `students.from_pruned`, whose errors are these.
    Source: Muralidharan et al., NeurIPS 2024.
    """
    student = students.from_pruned(
        teacher, data, layers=layers, hidden=neurons, kv_groups=kv_groups, width=width
    )
    return train(
        student,
        teacher,
        batch,
        steps=steps,
        ask=ask,
        rate=rate,
        autocast=autocast,
        seed=seed,
    )


def turned(student: Tensor, teacher: Tensor, projection: Tensor) -> Tensor:
    """Return one minus the mean cosine of states (B, T, d) and (B, T, D), ().

    projection: (D, d), as in `hidden.hidden_loss`, beside which this stands.
    """
    own = (student @ projection.T).float()
    return 1 - functional.cosine_similarity(own, teacher.detach().float(), -1).mean()


def _scores_alike(student: Any, teacher: Any, causal: bool) -> Callable:
    """Return the loss of queries and keys of both, (B, T, width) each."""
    sizes = [_heads(model) for model in (student, teacher)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"student has {sizes[0]} query and key/value heads and teacher {sizes[1]}; "
            "TinyBERT compares head by head: choose as many, or recipes.minilm."
        )

    def alike(own: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
        return attention_loss(
            _scored(own, *sizes[0]), _scored(other, *sizes[0]), causal=causal
        )

    return alike


def _scored(states: Sequence[Tensor], heads: int, kv_heads: int) -> Tensor:
    """Return the scores (B, heads, T, T) of queries and keys, (B, T, width) each."""
    queries, keys = split(states[0], heads), split(states[1], kv_heads)
    return attention.scores(queries, keys.repeat_interleave(heads // kv_heads, 1))


def _heads(model: Any) -> tuple[int, int]:
    config = stacks.with_config(model).config
    heads = config.num_attention_heads
    return heads, getattr(config, "num_key_value_heads", None) or heads


def _parts(model: nn.Module) -> list[tuple[str, ...]]:
    """Return the names of what gives queries, keys and values, by layer."""
    name, layers = stacks.stack(model)
    return [
        tuple(f"{name}.{place}.{part}" for part in _projections(layer))
        for place, layer in enumerate(layers)
    ]


def _projections(layer: nn.Module) -> list[str]:
    names = [name for name, _ in layer.named_modules()]
    for words in PROJECTIONS:
        found = [n for word in words for n in names if n.split(".")[-1] == word]
        if len(found) == len(words):
            return found
    raise ValueError(
        f"{type(layer).__name__} has no layers for queries, keys and values apart; "
        "match hidden states instead: distillation.train(…, hidden=1)."
    )
