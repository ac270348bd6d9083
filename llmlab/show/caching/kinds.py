"""The results of lab 7 and the picture that each gets from `show.figure`."""

from llmlab.caching.quantities import (
    ANSWER_HITS,
    CACHE_LOSS,
    CACHE_STEP,
    FIRST_TOKEN,
    GET,
    HELD,
    PREFIX_HITS,
    RESERVED,
    SERVED,
    TIMES_AS_LONG,
    TOKEN_CACHE,
    TOKENS_READ,
    WRITING,
    WRONG,
)
from llmlab.show import registry
from llmlab.show.caching import memory, reuse, steps, writing


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(WRITING, draw=writing.writing, alt=writing.writing_alt)
    add(HELD, RESERVED, draw=memory.memory, alt=memory.memory_alt)
    add(CACHE_STEP, TIMES_AS_LONG, key="rows", draw=steps.paged, alt=steps.paged_alt)
    add(
        CACHE_LOSS, TOKEN_CACHE, CACHE_STEP,
        draw=steps.fewer_bits, alt=steps.fewer_bits_alt,
    )  # fmt: skip
    add(CACHE_LOSS, key="window", draw=steps.windows, alt=steps.windows_alt)
    add(TOKENS_READ, FIRST_TOKEN, draw=reuse.prefixes, alt=reuse.prefixes_alt)
    add(PREFIX_HITS, draw=reuse.capacity, alt=reuse.capacity_alt)
    add(ANSWER_HITS, GET, draw=reuse.answers, alt=reuse.answers_alt)
    add(SERVED, WRONG, draw=reuse.similar, alt=reuse.similar_alt)
