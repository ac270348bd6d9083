"""What caches take: a formula for one that is full, and what a ragged batch wastes.

A token takes 2 L K H numbers, keys and values of K heads of width H in each of L
layers. Memory that is kept for the longest text stays empty in the others; on pages, a
row wastes less than a page.
"""

from collections.abc import Sequence

from llmlab.caching.pages import plain_cache
from llmlab.caching.quantities import WASTED
from llmlab.caching.quantized import QuantizedCache
from llmlab.core import arguments, quantities, records
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record


def cache_bytes(
    model: LanguageModel, tokens: int, *, batch: int = 1, bits: int | None = None
) -> Record:
    """Return what the keys and values of `batch` texts of so many tokens take.

    bits: 8 or 4, as `QuantizedCache`; None: numbers of the model's own type. Raises
    ValueError for a model that keeps another kind of cache.
    """
    one = plain_cache(model) if bits is None else QuantizedCache(model, 1, 1, bits=bits)
    tokens = arguments.whole("tokens", tokens, way="choose how long a text is")
    batch = arguments.whole("batch", batch, least=1, way="choose how many texts")
    kind = str(model.layers[0].attention.key.weight.dtype).removeprefix("torch.")
    return records.make(
        quantities.CACHE,
        one.bytes * tokens * batch,
        kind="estimated",
        subject=f"{model.name} {kind if bits is None else f'int{bits}'}",
        details={"batch": batch},
    )


def waste(
    lengths: Sequence[int], *, length: int | None = None, page_size: int | None = None
) -> Record:
    """Return the share of reserved places that hold no token.

    lengths: tokens of each row. Places are reserved up to `length` in each row, or by
    pages of `page_size`; ValueError unless one of both is given, and for a row that is
    longer than `length`.
    """
    held = [arguments.whole("lengths", one, way="tokens of a row") for one in lengths]
    if (length is None) == (page_size is None) or not sum(held):
        raise ValueError(
            f"length={length}, page_size={page_size} for {sum(held)} tokens: give "
            "tokens, and one of both, for places of each row or tokens of a page."
        )
    if length is not None:
        way = "reserve at least the longest row"
        length = arguments.whole("length", length, least=max(held), way=way)
        reserved, how = length * len(held), f"{length} places a row"
    else:
        size = arguments.whole("page_size", page_size, least=1, way="such as 16")
        reserved = sum(-(-one // size) * size for one in held)
        how = f"pages of {size}"
    return records.make(
        WASTED,
        1 - sum(held) / reserved,
        kind="estimated",
        subject=how,
    )
