"""Generation on pages, from the longest prefix that was read before.

The loop is `models.generation.stream`, unchanged: only the cache is another one, and
what it holds already is not fed again. After the prefill the whole pages of the prompt
join the tree, so that the next request finds them while this one still runs.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import cast

from llmlab.caching import radix
from llmlab.caching.keys import token_ids
from llmlab.caching.pages import PagePool
from llmlab.caching.prefix import PrefixTree
from llmlab.core.model import Cache, LanguageModel
from llmlab.models import generation
from llmlab.models.generation import GREEDY
from llmlab.models.sampling import Sampling


def stream(
    model: LanguageModel,
    prompt: Sequence[int],
    *,
    pool: PagePool,
    prefixes: PrefixTree | None = None,
    max_tokens: int,
    sampling: Sampling = GREEDY,
    stop: Collection[int] = (),
    salt: str = "",
) -> Iterator[int]:
    """Yield the tokens that follow the prompt, as `generation.stream` does.

    prefixes: the tree of this pool; None: nothing is taken over. salt: whose prefixes
    may be seen. The pages go back when the stream ends, is closed or fails. Raises
    ValueError for a tree of another pool or model, and where the pool is too small.
    """
    if prefixes is not None:
        if prefixes.pool is not pool:
            raise ValueError(
                "prefixes lie on the pages of another pool; hand in the pool that the "
                "tree was made for: pool=prefixes.pool."
            )
        prefixes.check_model(model)
    radix.checked_salt(salt)
    # Its checks come before anything runs; it is not started.
    generation.stream(
        model, prompt, max_tokens=max_tokens, sampling=sampling, stop=stop
    )
    ids = token_ids("prompt", prompt)
    return _steps(model, ids, pool, prefixes, salt, max_tokens, sampling, stop)


def _steps(
    model: LanguageModel,
    prompt: list[int],
    pool: PagePool,
    prefixes: PrefixTree | None,
    salt: str,
    max_tokens: int,
    sampling: Sampling,
    stop: Collection[int],
) -> Iterator[int]:
    """Take over what is there, read the rest, pass it on, and decode."""
    with pool.new_cache(1) as cache:
        count = 0
        if prefixes is not None:
            count = prefixes.begin(cache, 0, prompt, salt=salt)
        tokens = generation.stream(
            model,
            prompt[count:],
            max_tokens=max_tokens,
            sampling=sampling,
            stop=stop,
            cache=cast(Cache, cache),
        )
        first = next(tokens, None)
        if prefixes is not None and cache.longest >= len(prompt):
            prefixes.insert(prompt, cache.tables[0], salt=salt)
        if first is not None:
            yield first
            yield from tokens
