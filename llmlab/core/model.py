"""The contracts: layer, cache, technique, and the one face of causal models.

A causal model maps tokens to logits, makes its own cache, and counts its own cost. The
cost is counted from shapes alone: two FLOPs for a multiply-add, attention over all
T x S pairs, every weight read once. What the time really is, `measure` tells.

Shapes: B sequences, T new tokens, V vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)

# What may stand in the place of a linear layer in a file: its word -> the module that
# reads it. The word comes from a file, so it is looked up here and nowhere else: a
# module's name read from a file would be code of somebody else's choice.
STORED_LAYERS = {
    "prepacked": "llmlab.kernels.prepacked_linear",
    "quantized": "llmlab.kernels.quantized_linear",
    "sparse": "llmlab.kernels.sparse_linear",
}


def as_stored(module: Any) -> "StoredLayer | None":
    """Return a module as the stored layer that it is; None where it is another."""
    return module if getattr(module, "kind", None) in STORED_LAYERS else None


class StoredLayer(Protocol):
    """A linear layer kept in a form of its own, that says how it goes to a file.

    The module named in STORED_LAYERS has a function `read_layer(facts, tensors)` that
    makes it again, bit by bit; ValueError where they do not fit each other, and None
    where this machine cannot have it and a plain layer has the same tensors (`dense`).
    """

    kind: str  # its word in STORED_LAYERS
    dense: bool  # whether its tensors are those of the plain layer

    def facts(self) -> dict[str, Any]:
        """Return what is not in the tensors, as JSON can say it."""
        ...

    def to_file(self) -> dict[str, Tensor]:
        """Return the tensors of a file, by the names that follow the layer's own."""
        ...


@dataclass(frozen=True)
class Cost:
    """Work of one forward call: arithmetic, and bytes that must move at least once."""

    flops: int
    bytes: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.flops + other.flops, self.bytes + other.bytes)

    def __mul__(self, times: int) -> "Cost":
        return Cost(self.flops * times, self.bytes * times)

    __rmul__ = __mul__

    @property
    def intensity(self) -> float:
        """Arithmetic intensity in FLOPs per byte: the x axis of a roofline."""
        return self.flops / self.bytes if self.bytes else float("inf")


class Cache(Protocol):
    """What a model remembers of the tokens that it has seen; made by `new_cache`.

    The caches of llmlab share `models.caches.rows.RaggedCache`. `select` and `join`
    give new caches and leave the old ones as they are.
    """

    lengths: Tensor  # (B,) int64: tokens held; a new tensor with each call
    limit: int | None  # places of a row, None for no limit
    can_rewind: bool  # whether tokens can be taken back one by one

    @property
    def bytes(self) -> int:
        """Memory allocated, in bytes."""
        ...

    def advance(self, counts: int | Sequence[int] | Tensor) -> None:
        """Count more tokens as held: one number for all rows, or one each."""
        ...

    def rewind(self, lengths: int | Sequence[int] | Tensor) -> None:
        """Take tokens back until the rows hold `lengths`; ValueError says why not."""
        ...

    def select(self, rows: Sequence[int] | Tensor) -> "Cache":
        """Return a cache of these rows, in this order."""
        ...

    def join(self, other: "Cache") -> "Cache":
        """Return a cache of the rows of both."""
        ...


class AttentionCache(Cache, Protocol):
    """A cache that our attention writes to; where the numbers lie is its own affair.

    What it hands out is clean: a mask multiplies what it hides by zero, so that stale
    places must hold numbers, never NaN.
    """

    def extend(
        self, layer: int, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | str | None]:
        """Keep (B, K, T, H) behind each row's tokens; return all, (B, K, S, H).

        Third comes the mask: (B or 1, 1, T, S), true where a new token may look,
        "causal" for a fresh square of tokens, None where nothing is hidden.
        """
        ...


class AddressedCache(AttentionCache, Protocol):
    """A cache that also says where its numbers lie, for kernels that write themselves.

    Keys and values lie in runs of places: whole rows, or pages. Such a kernel calls
    `reserve`, writes each new token's key and value behind those of its row, and calls
    `advance` at the very end: what was written and not counted is overwritten later.
    """

    def memory(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return keys and values of a layer, (runs, K, places, H): the memory itself.

        Both have the same strides, and the numbers of a head lie side by side.
        """
        ...

    def places(self, row: int) -> list[int]:
        """Return which runs hold this row's tokens, in their order; all are full but
        the last, which may hold fewer.
        """
        ...

    def reserve(self, tokens: int) -> None:
        """Make room for so many more tokens in all rows; ValueError: none is left.

        New places hold numbers, never NaN.
        """
        ...


class Technique(Protocol):
    """A function that takes a model and returns a new one, such as a quantized one.

    It walks modules, and so takes a Llama decoder, the RNN, a wrapped GPT-2, BERT, T5
    and a bare nn.Linear. tests/contracts/test_techniques.py holds it to its promises:

    - The original keeps every byte. Unchanged weights may share its storage, but not
      its Parameter objects, so that training the new model leaves the old one alone.
    - The same call gives the same model again.
    - `models.save` and `models.load` give the same logits, bit by bit.
    - The bytes that are counted are there, in memory and in the file.
    - A row's answer does not depend on the other rows of its batch: in float64 bit for
      bit, in float32 within 1e-4 of the largest logit.
    - The new model says what it is in `.format`, such as "int4-g32".
    - What it cannot do is refused by a ValueError of one sentence that says why.

    It neither times nor prints; long work reports through `core.progress`.
    """

    __module__: str
    __name__: str

    # Data to calibrate on comes second, then the format, and options by name. A
    # technique that trains returns the log beside the model, as `training.Trained`.
    def __call__(self, model: Model, *args: Any, **kwargs: Any) -> Model:
        """Return the new model; ValueError for what cannot be done to this one."""
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """The one face of causal models; `models.load` returns nothing else for them."""

    name: str
    weights_version: str | None
    tokenizer: Any

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        ...

    @property
    def context(self) -> int:
        """Tokens that a text may have at most."""
        ...

    @property
    def layers(self) -> Any:
        """The layers, in their order."""
        ...

    # A model takes only such caches as its own `new_cache` gave.
    def forward(
        self,
        tokens: Tensor,
        cache: Any = None,
        *,
        counts: Sequence[int] | Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """Return the logits (B, T, V) of the tokens that follow each of (B, T).

        counts: real tokens per row of a ragged batch, padding at the end of the row;
        logits at padded positions mean nothing and never reach the cache.
        last: only the logits (B, 1, V) after each row's last real token.
        """
        ...

    __call__: Callable[..., Tensor]  # forward, and what hooks add to it

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights, as any module does."""
        ...

    def buffers(self) -> Iterator[Tensor]:
        """Yield what belongs to the model besides, as any module does."""
        ...

    def stream(self, prompt: Sequence[int], *, max_tokens: int) -> Iterator[int]:
        """Yield the tokens that follow the prompt, the best one each time.

        The models of llmlab also take `sampling` and `stop` (`models.generation`).
        """
        ...

    def stream_batch(
        self, prompts: Sequence[Sequence[int]], *, max_tokens: int
    ) -> Iterator[list[int | None]]:
        """Yield per step one token for each prompt, as `stream` does for one."""
        ...

    def new_cache(self, batch: int, length: int) -> Cache:
        """Return an empty cache for `batch` sequences of up to `length` tokens."""
        ...

    def cost(
        self, tokens: int, cached: int = 0, *, batch: int = 1, last: bool = False
    ) -> Cost:
        """Count one forward call: `tokens` new ones a row beside `cached` old."""
        ...
