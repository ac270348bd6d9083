"""What keys and values take, from the sizes of a model alone: a formula, no run.

The sizes are those of the published configurations.
"""

from collections.abc import Callable
from dataclasses import dataclass

from llmlab.caching.quantities import TEXT_CACHE, TEXTS_AS_HEAVY, TOKEN_CACHE
from llmlab.core import arguments, records
from llmlab.core.quantities import WEIGHTS
from llmlab.core.records import Record

TOKENS, VALUE_BYTES = 1024, 2

CacheBytes = Callable[[int, int, int, int, int, int], int]


@dataclass(frozen=True)
class Shape:
    """Layers, key/value heads and their width, and how many weights there are."""

    layers: int
    kv_heads: int
    head_width: int
    weights: float


SHAPES = {
    "coder": Shape(5, 4, 32, 9.44e6),
    "SmolLM2-135M": Shape(30, 3, 64, 134.5e6),
    "Llama-3 70B": Shape(80, 8, 128, 70.6e9),
    "GPT-3": Shape(96, 96, 128, 175e9),
}


@dataclass(frozen=True)
class Sizes:
    """Bytes of a token, of a text and of all weights, by model; and texts as heavy."""

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
    cache_bytes: CacheBytes, *, tokens: int = TOKENS, value_bytes: int = VALUE_BYTES
) -> Sizes:
    """Ask a function for the cache of some models, for a token and a text.

    Beside it stand their weights, and how many such texts weigh as much.

    cache_bytes: (layers, kv_heads, head_width, tokens, batch, value_bytes) -> bytes.
    ValueError where it gives no whole number above 0.
    """
    facts = []
    for name, shape in SHAPES.items():
        for what, length in ((TOKEN_CACHE, 1), (TEXT_CACHE, tokens)):
            size = cache_bytes(
                shape.layers, shape.kv_heads, shape.head_width, length, 1, value_bytes
            )
            if not arguments.is_whole(size) or size < 1:
                raise ValueError(
                    f"cache_bytes gave {size!r:.40} for {name}; it must be a whole "
                    "number of bytes above 0."
                )
            details = {"tokens": length} if "tokens" in what.keys else {}
            facts.append(
                records.make(
                    what, int(size), kind="estimated", subject=name, details=details
                )
            )
        weights = int(shape.weights * value_bytes)
        for what, value in (
            (WEIGHTS, weights),
            (TEXTS_AS_HEAVY, weights / facts[-1].value),
        ):
            facts.append(records.make(what, value, kind="estimated", subject=name))
    return Sizes(tuple(facts))
