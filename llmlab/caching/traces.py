"""Requests as they come: prompts of tokens, drawn from a seed.

They are synthetic, and say so: nobody asked this. What they have of real ones is who
shares what. A chat is sent again with each turn, an editor sends the file up to the
cursor, independent prompts share nothing, and a few questions are asked most of the
time. The order of the list is the order in which they come.
"""

import random
from collections.abc import Sequence
from itertools import accumulate

from llmlab.core import arguments
from llmlab.core.arguments import shown

Prompts = list[list[int]]
Span = tuple[int, int]  # from, to, both included

VOCABULARY = 4096  # that of `coder`


def chat(
    *,
    users: int = 12,
    turns: int = 5,
    header: int = 128,
    question: Span = (16, 48),
    answer: Span = (32, 96),
    vocabulary: int = VOCABULARY,
    seed: int = 0,
) -> Prompts:
    """Return the prompts of chats: a common header, then all that was said so far.

    One prompt for each turn of each user; users take their turns in an order of chance.
    header: tokens of the system prompt. question, answer: tokens of each, drawn.
    """
    users = arguments.whole("users", users, least=1)
    turns = arguments.whole("turns", turns, least=1)
    dice = _dice(seed)
    system = _drawn(dice, arguments.whole("header", header), vocabulary)
    said = [list(system) for _ in range(users)]
    order = [user for user in range(users) for _ in range(turns)]
    dice.shuffle(order)
    prompts = []
    for user in order:
        said[user] += _drawn(dice, _length(dice, "question", question), vocabulary)
        prompts.append(list(said[user]))
        said[user] += _drawn(dice, _length(dice, "answer", answer), vocabulary)
    return prompts


def editor(
    text: Sequence[int],
    *,
    requests: int = 32,
    start: int = 256,
    typed: Span = (4, 24),
    edits: float = 0.1,
    back: int = 64,
    seed: int = 0,
) -> Prompts:
    """Return the prompts of an editor: the file up to the cursor, which moves on.

    text: the tokens of the file. start: where the cursor stands first; typed: tokens
    until the next request. edits: the share of requests before which the cursor goes
    back, up to `back` tokens, and writes something else there. Raises ValueError for a
    file that is too short.
    """
    requests = arguments.whole("requests", requests, least=1)
    start = arguments.whole("start", start, least=1)
    back = arguments.whole("back", back)
    dice, rest = _dice(seed), list(text)
    needed = start + requests * _checked_span("typed", typed)[1]
    if len(rest) < needed:
        raise ValueError(
            f"text has {len(rest)} tokens, and {requests} requests may need {needed}; "
            "give a longer one, or choose fewer requests or a smaller start."
        )
    file, rest = rest[:start], rest[start:]
    prompts = [list(file)]
    while len(prompts) < requests:
        if dice.random() < edits:
            del file[max(1, len(file) - dice.randint(0, back)) :]
            file.append(dice.choice(text))
        count = _length(dice, "typed", typed)
        file, rest = file + rest[:count], rest[count:]
        prompts.append(list(file))
    return prompts


def independent(
    *,
    requests: int = 40,
    length: Span = (64, 512),
    vocabulary: int = VOCABULARY,
    seed: int = 0,
) -> Prompts:
    """Return prompts that share nothing: what no prefix cache can help."""
    requests = arguments.whole("requests", requests, least=1)
    dice = _dice(seed)
    return [
        _drawn(dice, _length(dice, "length", length), vocabulary)
        for _ in range(requests)
    ]


def zipf(
    *,
    requests: int = 1000,
    distinct: int = 200,
    exponent: float = 1.0,
    length: Span = (8, 24),
    vocabulary: int = VOCABULARY,
    seed: int = 0,
) -> Prompts:
    """Return prompts of which a few come most of the time.

    The one of rank r comes with a chance in proportion to r ** -exponent (Zipf's law).
    distinct: how many there are to draw from.
    """
    requests = arguments.whole("requests", requests, least=1)
    distinct = arguments.whole("distinct", distinct, least=1)
    exponent = arguments.number("exponent", exponent, above=0)
    dice = _dice(seed)
    pool = independent(
        requests=distinct,
        length=length,
        vocabulary=vocabulary,
        seed=dice.getrandbits(32),
    )
    weights = list(accumulate(rank**-exponent for rank in range(1, distinct + 1)))
    return [
        list(prompt) for prompt in dice.choices(pool, cum_weights=weights, k=requests)
    ]


def _dice(seed: int) -> random.Random:
    return random.Random(arguments.whole("seed", seed))


def _drawn(dice: random.Random, count: int, vocabulary: int) -> list[int]:
    vocabulary = arguments.whole("vocabulary", vocabulary, least=2)
    return [dice.randrange(vocabulary) for _ in range(count)]


def _length(dice: random.Random, name: str, span: Span) -> int:
    return dice.randint(*_checked_span(name, span))


def _checked_span(name: str, span: Span) -> Span:
    is_pair = isinstance(span, tuple | list) and len(span) == 2
    is_whole = is_pair and all(map(arguments.is_whole, span))
    if not is_whole or not 1 <= span[0] <= span[1]:
        raise ValueError(
            f"{name}={shown(span)} is no span of tokens; give the least and the most, "
            "both at least 1, such as (8, 24)."
        )
    return int(span[0]), int(span[1])
