"""What keys and values take, from the sizes of a model alone: a formula, no run.

The sizes are those of the published configurations.
"""

from collections.abc import Callable
from dataclasses import dataclass

from llmlab.caching.quantities import BATCH_CACHE, TEXT_CACHE, TOKEN_CACHE
from llmlab.core import arguments, records
from llmlab.core.records import Record

TOKENS, BATCH, VALUE_BYTES = 2048, 16, 2

CacheBytes = Callable[[int, int, int, int, int, int], int]


@dataclass(frozen=True)
class Shape:
    """Layers, key/value heads and their width."""

    layers: int
    kv_heads: int
    head_width: int


SHAPES = {
    "coder": Shape(5, 4, 32),
    "SmolLM2-135M": Shape(30, 3, 64),
    "Llama-3 70B": Shape(80, 8, 128),
    "GPT-3": Shape(96, 96, 128),
}


@dataclass(frozen=True)
class Sizes:
    """Bytes of a token, of a text and of a batch of texts, by model."""

    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return the estimates, the model as subject."""
        return list(self.facts)

    def of_text(self, name: str) -> Record:
        """Return the bytes of a text; ValueError for a model that is not listed."""
        for fact in self.facts:
            if (fact.subject, fact.name) == (name, TEXT_CACHE.name):
                return fact
        raise ValueError(f"name={name!r} is none of {list(SHAPES)}.")


def sizes(
    cache_bytes: CacheBytes, *, tokens: int = TOKENS, batch: int = BATCH,
    value_bytes: int = VALUE_BYTES,
) -> Sizes:  # fmt: skip
    """Ask a function for the cache of some models, for a token, a text and a batch.

    cache_bytes: (layers, kv_heads, head_width, tokens, batch, value_bytes) -> bytes.
    ValueError where it gives no whole number above 0.
    """
    facts = []
    for name, shape in SHAPES.items():
        for what, length, rows in (
            (TOKEN_CACHE, 1, 1),
            (TEXT_CACHE, tokens, 1),
            (BATCH_CACHE, tokens, batch),
        ):
            size = cache_bytes(
                shape.layers, shape.kv_heads, shape.head_width, length, rows,
                value_bytes,
            )  # fmt: skip
            if not arguments.is_whole(size) or size < 1:
                raise ValueError(
                    f"cache_bytes gave {size!r:.40} for {name}; it must be a whole "
                    "number of bytes above 0."
                )
            known = {"tokens": length, "batch": rows}
            details = {key: known[key] for key in known if key in what.keys}
            facts.append(
                records.make(
                    what, int(size), kind="estimated", subject=name, details=details
                )
            )
    return Sizes(tuple(facts))
