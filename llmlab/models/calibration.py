"""Calibration: what the inputs of each linear layer look like, on some real text.

Which rounding errors matter depends on what the weights are multiplied with. A few
thousand tokens are enough to see it. What is kept of them is small: for each layer the
products of its inputs with each other, summed over tokens (the Gram matrix), and the
size of every input.

Shapes: B sequences, T tokens, I input features of a layer.
"""

import contextlib
import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import progress, wanted
from llmlab.core.arguments import is_whole, shown
from llmlab.models import streams, surgery
from llmlab.models.listening import hearing
from llmlab.texts import corpus

MOST = 10**6  # prompts that somebody may ask for
IDS = {"input_ids", "decoder_input_ids", "tokens"}  # arguments that hold token ids
Batch = Tensor | Mapping[str, Tensor]  # token ids, or what the model's forward takes


@dataclass
class Inputs:
    """What one layer was given, over all tokens so far."""

    gram: Tensor  # (I, I) float32: sum of x xᵀ over tokens
    largest: Tensor  # (I,): the largest magnitude of each input
    total: Tensor  # (I,): the sum of magnitudes
    tokens: int = 0

    @classmethod
    def none(cls, width: int, device: torch.device) -> "Inputs":
        """Return what a layer was given before the first token."""
        zeros = torch.zeros(width, device=device)
        return cls(torch.zeros(width, width, device=device), zeros, zeros.clone())

    @property
    def mean(self) -> Tensor:
        """The mean magnitude of each input, (I,)."""
        return self.total / max(1, self.tokens)

    @property
    def mean_square(self) -> Tensor:
        """The mean square of each input, (I,)."""
        return self.gram.diagonal() / max(1, self.tokens)

    def add(self, x: Tensor) -> None:
        """Count tokens (…, I) in; ValueError when one of them is not finite."""
        x = x.detach().float().flatten(0, -2)
        size = x.abs()
        self.gram.addmm_(x.T, x)
        if not torch.isfinite(self.gram).all():
            raise ValueError(
                "the inputs of a layer are not finite on this text; the weights are "
                "damaged, or the model's format cannot hold its activations."
            )
        self.largest = torch.maximum(self.largest, size.amax(0))
        self.total = self.total + size.sum(0)
        self.tokens += len(x)


def batches(model: nn.Module, *, count: int = 16, length: int = 256) -> list[Tensor]:
    """Cut training texts into `count` prompts of `length` tokens, (1, T) each.

    The texts are Python of this installation that no evaluation holds. Raises
    ValueError for a model without a tokenizer, a length beyond its context, and more
    prompts than the texts give.
    """
    tokenizer: Any = getattr(model, "tokenizer", None)
    if tokenizer is None:
        raise ValueError(
            f"model {getattr(model, 'name', '')!r} has no tokenizer to read texts "
            "with; hand in token ids of your own."
        )
    context = getattr(model, "context", length)
    fits = is_whole(length) and 1 <= length <= context
    if not fits or not is_whole(count) or not 1 <= count <= MOST:
        raise ValueError(
            f"count={shown(count)}, length={shown(length)}: there must be at "
            f"least one prompt of 1 to {context} tokens."
        )
    programs, rows = _programs(), []
    if not programs:
        raise ValueError(
            "no source file of the standard library stands here to calibrate on; hand "
            "in token ids of your own."
        )
    most = 1 + -(-count // len(programs))  # of one file, so that many are seen
    for file in programs:
        text = file.read()
        if corpus.says_other_terms(text):
            continue
        ids = tokenizer(text, add_special_tokens=False, verbose=False)
        ids = ids["input_ids"]
        whole = min(most, len(ids) // length)
        rows += [ids[at * length : (at + 1) * length] for at in range(whole)]
        if len(rows) >= count:
            break
    if len(rows) < count:
        raise ValueError(
            f"count={count} prompts of length={length} are more than the texts here "
            f"give at {most} of a file, {len(rows)}; ask for fewer or shorter ones."
        )
    return [torch.tensor([row]) for row in rows[:count]]


def stream(
    model: nn.Module, *, rows: int, length: int, seed: int = 0
) -> Callable[[int], Tensor]:
    """Return the batch (rows, length + 1) of each step of a training on such texts.

    They are all of the standard library's training files, encoded once and kept in the
    cache folder, each window once an epoch. Errors are those of `streams.library`.
    """
    return streams.library(model, rows=rows, length=length, seed=seed)


def collect(
    model: nn.Module,
    data: Iterable[Batch],
    names: Collection[str] | None = None,
) -> dict[str, Inputs]:
    """Run a model over batches and return what its linear layers were given.

    data: token ids (B, T), or mappings of a forward call's arguments, for encoders and
    encoder-decoders. names: of these layers only. In the order of their first use.
    Raises ValueError when there is no batch, or a layer is never used.
    """
    layers = surgery.linear_layers(model)
    names = list(layers) if names is None else _names(names)
    return _collected(model, listed_batches(data), names)


class _Enough(Exception):
    """A layer is reached behind which nobody listens: the call may end."""


def _collected(
    model: nn.Module, data: Iterable[Batch], names: list[str], until: str | None = None
) -> dict[str, Inputs]:
    """Collect what these layers are given. until: a layer where each call ends."""
    inputs: dict[str, Inputs] = {}

    def count(name: str, x: Tensor) -> None:
        if name == until:
            raise _Enough
        if name not in inputs:
            inputs[name] = Inputs.none(x.shape[-1], x.device)
        inputs[name].add(x)

    heard = names if until is None else [*names, until]
    with torch.inference_mode(), hearing(model, heard, count):
        for batch in progress.track(data, "looking at inputs"):
            with contextlib.suppress(_Enough):
                run(model, batch)
    _check_used(names, inputs)
    return inputs


def _names(names: Collection[str]) -> list[str]:
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, Collection):
        raise ValueError(f"names={shown(names)} are no names of layers; give a list.")
    return list(names)


def listed_batches(data: Iterable[Batch]) -> Iterable[Batch]:
    """Return batches; ValueError for a single one, which would be taken apart."""
    if isinstance(data, Tensor | Mapping | str | bytes):
        raise ValueError(
            f"data is a single {type(data).__name__}, and batches are wanted; put it "
            "into a list: [batch]."
        )
    if not isinstance(data, Iterable):
        raise ValueError(
            f"data={shown(data)} holds no batches; hand in token ids (B, T) in a list, "
            "such as models.calibration.batches(model)."
        )
    return data


def by_stage(
    model: nn.Module, data: Iterable[Batch], names: Collection[str]
) -> Iterator[tuple[str, Inputs]]:
    """Yield each of these layers with what it is given, in the order of their use.

    Layers of one part go together (`stages`), and the model is run again for each part:
    what is done to the layers so far, the inputs of the next ones show. It ends where
    the next part begins. Errors are those of `collect`.
    """
    data = list(listed_batches(data))
    order = _calls(model, data[:1], names)
    groups = stages(dict.fromkeys(order))
    for together, after in zip(groups, [*groups[1:], []], strict=True):
        until = next(iter(after), None)
        if until is not None and set(together) & set(order[order.index(until) :]):
            until = None  # a layer of this part is used again, later
        yield from _collected(model, data, together, until).items()


def _calls(
    model: nn.Module, data: Iterable[Batch], names: Collection[str]
) -> list[str]:
    """Return which of these layers are used on batches, call by call."""
    calls: list[str] = []
    with (
        torch.inference_mode(),
        hearing(model, names, lambda name, _: calls.append(name)),
    ):
        for batch in data:
            run(model, batch)
    _check_used(names, calls)
    return calls


def _check_used(names: Iterable[str], used: Collection[str]) -> None:
    if silent := [name for name in names if name not in used]:
        raise ValueError(
            f"layer {silent[0]!r} saw no input; data needs at least one batch, and "
            "for an encoder-decoder both texts, or skip the layer."
        )


def run(model: nn.Module, batch: Batch):
    """Call a model on a batch: token ids, or a mapping of arguments.

    Raises ValueError for what is neither, and for ids beyond the model's embedding.
    """
    device = next(wanted.module("model", model).parameters()).device
    if isinstance(batch, Mapping):
        for name in IDS & set(batch):
            _check_ids(model, name, batch[name])
        return model(**{name: tensor.to(device) for name, tensor in batch.items()})
    if not isinstance(batch, Tensor):
        raise ValueError(
            f"data holds {shown(batch)}, which is no batch; a batch is a tensor of "
            "token ids (B, T), or a mapping of what the model's forward takes."
        )
    _check_ids(model, "batch", batch)
    return model(batch.to(device))


def _check_ids(model: nn.Module, name: str, ids: Tensor) -> None:
    """Raise ValueError for token ids of a wrong shape or beyond the embedding."""
    if ids.is_floating_point():
        return  # inputs of a bare layer
    if ids.dim() != 2:
        raise ValueError(
            f"{name} has the shape {tuple(ids.shape)}; token ids are (B, T): add an "
            "axis, ids[None]."
        )
    table = next((m for m in model.modules() if isinstance(m, nn.Embedding)), None)
    if table is not None:
        wanted.within(name, ids, _vocabulary(model, table))


def _vocabulary(model: nn.Module, first: nn.Embedding) -> int:
    """Return how many tokens a model has an embedding for."""
    inputs: Any = getattr(model, "get_input_embeddings", lambda: first)()
    return getattr(model, "vocabulary", None) or inputs.num_embeddings


def stages(names: Iterable[str]) -> list[list[str]]:
    """Group layers, in their order of use, by the numbered part that holds them.

    "layers.0.mlp.up" and "layers.0.mlp.down" go together, "head" stands alone.
    """

    def part(name: str) -> str:
        words = name.split(".")
        number = next((i for i, word in enumerate(words) if word.isdecimal()), None)
        return name if number is None else ".".join(words[: number + 1])

    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(part(name), []).append(name)
    return list(groups.values())


@functools.cache
def _programs() -> tuple[corpus.TextFile, ...]:
    """Return the standard library's training files, which are soon listed, mixed."""
    training = [file for file in corpus.library() if file.split == "training"]
    return tuple(sorted(training, key=lambda file: file.sha256))
