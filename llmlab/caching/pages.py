"""A pool of pages: memory for keys and values that rows take and give back.

Memory of a layer is cut into pages of a few tokens. Pages of a row need not lie side by
side, so a row wastes less than one page, and rows share what they have in common. What
it costs: a step gathers the pages that it reads.

Page 0 is the null page: zeros, never handed out, read wherever a row has no token, for
a mask multiplies what it hides by zero, and zero times NaN is NaN.

Shapes: a slot is the place of one token; K key/value heads, H head width.
Source: Kwon et al., SOSP 2023 (PagedAttention).
"""

from llmlab.caching.ownership import Ownership
from llmlab.caching.paged import PagedCache
from llmlab.caching.parts import ExtendPages, PageSlots, ResizeTable
from llmlab.core import wanted
from llmlab.core.model import LanguageModel
from llmlab.models.caches.attention import KVCache


class PagePool(Ownership):
    """Pages for one model, and their memory: (slots, 2, K, H) in each layer."""

    def __init__(
        self,
        model: LanguageModel,
        *,
        pages: int,
        page_size: int = 16,
        resize_table: ResizeTable | None = None,
    ):
        """Allocate `pages` pages of `page_size` tokens, and the null page.

        resize_table: a part as `parts.resize_table`. Raises ValueError for a model that
        keeps another kind of cache.
        """
        plain = plain_cache(model)
        super().__init__(pages, page_size, resize_table)
        slots = (self.pages + 1) * self.page_size
        self.layers = [
            keys.new_zeros(slots, 2, keys.shape[1], keys.shape[3])
            for keys, _ in plain.layers
        ]
        self.windows, self.context = plain.windows, model.context
        self.page_bytes = self.bytes // (self.pages + 1)

    @property
    def bytes(self) -> int:
        """Memory allocated for all pages, in bytes."""
        return sum(memory.nbytes for memory in self.layers)

    def new_cache(
        self,
        batch: int,
        *,
        length: int | None = None,
        page_slots: PageSlots | None = None,
        extend_pages: ExtendPages | None = None,
    ) -> PagedCache:
        """Return an empty cache of `batch` rows; it takes pages as they grow.

        length: places of a row at most, the model's context if left out. page_slots and
        extend_pages: parts as those of `caching.parts`.
        """
        return PagedCache(
            self,
            batch,
            length=self.context if length is None else length,
            page_slots=page_slots,
            extend_pages=extend_pages,
        )


def plain_cache(model: LanguageModel) -> KVCache:
    """Return a small cache of the model's own; ValueError where it is another kind."""
    cache = wanted.causal("model", model).new_cache(1, 1)
    if isinstance(cache, KVCache):
        return cache
    raise ValueError(
        f"model {model.name!r} keeps a {type(cache).__name__} of its own kind, which "
        "has no keys and values to put on pages; choose a decoder, such as "
        "models.load('coder')."
    )
