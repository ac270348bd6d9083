"""Greedy decoding with and without a cache, with one thing done otherwise if asked.

The checks of `generate` and `generate_cached` compare with these, and watch what the
model reads before each token comes.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from llmlab.checks import shown
from llmlab.checks.exercise import Case, MisfitError, Mistake
from llmlab.checks.measure.little import LittleModel, model
from llmlab.checks.values import MORE, NOT_LISTS

NOTHING = "nothing comes back: `yield` each token as soon as it is known."
BEHIND = "the model is called again behind the last token, and nobody asks for that."
PROMPTS = (
    ([3, 1, 4], 5),
    ([7], 4),
    ([5, 0, 2, 0, 9, 11], 6),
    ([2, 16], 1),
    ([8, 21, 8], 0),
    ([6, 1, 13, 19, 2, 2, 20, 12, 1], 12),
)


def largest(logits: Tensor) -> Tensor:
    """Return the token with the largest logit behind the last one read."""
    return logits[0, -1].argmax()


def uncached(
    model: Any,
    prompt: list[int],
    max_tokens: int,
    *,
    choose: Callable[[Tensor], Any] = largest,
    part: Callable[[list[int]], list[int]] = list,
    keep: Callable[[list[int], int], list[int]] = lambda text, token: [*text, token],
) -> Iterator[int]:
    """Read the text again for each token: `part` of it, which `keep` makes longer."""
    text = list(prompt)
    for _ in range(max_tokens):
        token = int(choose(model(torch.tensor([part(text)]))))
        text = keep(text, token)
        yield token


def flat_text(model: Any, prompt: list[int], max_tokens: int) -> Iterator[int]:
    """Hand the model a row without its batch, all of it again for each token."""
    text = list(prompt)
    for _ in range(max_tokens):
        text.append(int(largest(model(torch.tensor(text)))))
        yield text[-1]


def flat(
    model: Any, prompt: list[int], max_tokens: int, *, behind: bool = False
) -> Iterator[int]:
    """Hand the model a row without its batch, from the start or behind the prompt."""
    cache = model.new_cache(1, len(prompt) + max_tokens)
    unread = torch.tensor([prompt] if behind else prompt)
    for _ in range(max_tokens):
        token = int(largest(model(unread, cache)))
        unread = torch.tensor([token])
        yield token


def cached(
    model: Any,
    prompt: list[int],
    max_tokens: int,
    *,
    room: Callable[[int, int], int] = lambda prompt, more: prompt + more,
    choose: Callable[[Tensor], Any] = largest,
    feed: Callable[[list[int]], list[int]] = lambda text: text[-1:],
    fresh: bool = False,
    times: int = 1,
    handed: bool = True,
) -> Iterator[int]:
    """Read the prompt into a cache, then what `feed` takes of the text.

    fresh: into a new cache each time, as good as none at all; times: so often;
    handed: to later calls as well.
    """
    length = room(len(prompt), max_tokens)
    cache, text, new = model.new_cache(1, length), list(prompt), list(prompt)
    for place in range(max_tokens):
        if fresh:
            cache = model.new_cache(1, length)
        for _ in range(times if place else 1):
            logits = model(torch.tensor([new]), cache if handed or not place else None)
        token = int(choose(logits))
        text.append(token)
        new = feed(text)
        yield token


def one_by_one(model: Any, prompt: list[int], max_tokens: int) -> Iterator[int]:
    """Read the prompt into the cache a token at a time."""
    cache, token = model.new_cache(1, len(prompt) + max_tokens), 0
    for old in prompt:
        token = int(largest(model(torch.tensor([[old]]), cache)))
    for place in range(max_tokens):
        if place:
            token = int(largest(model(torch.tensor([[token]]), cache)))
        yield token


def either_way(mistakes: Mapping[str, Mistake]) -> dict[str, Mistake]:
    """Return mistakes as they are, and with a call behind the last token besides.

    A loop that yields before it reads makes that call, whatever else is wrong in it.
    """
    made: dict[str, Mistake] = {}
    for hint, mistake in mistakes.items():
        ways = mistake if isinstance(mistake, tuple) else (mistake,)
        made[hint] = (*ways, *map(reading_on, ways))
    return made


def reading_on(mistake: Callable[..., Any]) -> Callable[..., Any]:
    """Return a mistake with a call of the model behind the last token."""

    def reads_on(model: Any, prompt: list[int], max_tokens: int) -> Iterator[int]:
        yield from mistake(model, prompt, max_tokens)
        model(torch.tensor([[0]]))

    return reads_on


def watched(answer: Any, model: LittleModel, prompt: list[int], max_tokens: int):
    """Pull the tokens; return them, and what the model read before each of them came.

    Tokens read, then calls, then the calls behind the last token, which count where the
    tokens are right: otherwise another mistake comes first. Reading the prompt in two
    parts is as good as in one, and where no token is asked for, as good as none.
    """
    if isinstance(answer, NOT_LISTS) or not isinstance(answer, Iterable):
        raise MisfitError(
            "the answer is a generator of tokens",
            expected="tokens, one after the other",
            got=shown.value(answer),
            hint="`yield` each token; then the function gives a generator.",
        )
    tokens, sums, calls, seen = [], [], [], 0
    for token in itertools.islice(answer, max_tokens + MORE):
        reads, seen = model.reads[seen:], len(model.reads)
        tokens.append(token)
        sums.append(sum(reads))
        calls.append(len(reads))
    if calls[:1] == [2]:
        calls[0] = 1
    right = max_tokens and _same_numbers(tokens, _right(tuple(prompt), max_tokens))
    return tokens, sums, calls, len(model.reads) - seen if right else 0


@functools.cache
def _right(prompt: tuple[int, ...], max_tokens: int) -> list[int]:
    return [*uncached(model(), [*prompt], max_tokens)]


def _same_numbers(tokens: list, right: list[int]) -> bool:
    try:
        return [int(one) for one in tokens] == right
    except Exception:  # no tokens at all; that is said elsewhere
        return False


def watched_with_cache(
    answer: Any, model: LittleModel, prompt: list[int], max_tokens: int
):
    """Return what `watched` does, and which caches later calls were given."""
    seen = watched(answer, model, prompt, max_tokens)
    states = model.caches[1:]
    return *seen, next((one for one in states if one != "filled"), "filled")


def cases() -> list[Case]:
    """Return the cases of both exercises: prompts of several lengths."""
    return [_case(*one) for one in PROMPTS]


def _case(prompt: list[int], max_tokens: int) -> Case:
    return Case(lambda: (model(), [*prompt], max_tokens))
