"""Static batching: some requests together, until the last of them has ended.

A batch reads its weights once for all rows, and so costs hardly more than one row. But
a row that has ended runs on as padding, and who comes in between waits for the end of
the whole batch. Batches of like length waste less (`sort`), at the price of order.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch

from llmlab.batching import padding
from llmlab.batching.choosing import choose
from llmlab.batching.requests import Event, Request, check
from llmlab.core import arguments, wanted
from llmlab.core.model import LanguageModel


def generate(
    model: LanguageModel, requests: Sequence[Request], *, batch: int, sort: bool = False
) -> Iterator[Event]:
    """Serve requests in batches; yield what happens to them, by their place.

    sort: put requests of like length together, the shortest first. Raises ValueError
    for a text beyond the model's context.
    """
    wanted.causal("model", model)
    batch = arguments.whole("batch", batch, least=1, way="choose rows of a batch")
    for request in requests:
        check(model, request)
    order = list(range(len(requests)))
    if sort:
        order.sort(key=lambda place: _length(requests[place]))
    for start in range(0, len(order), batch):
        group = {place: requests[place] for place in order[start : start + batch]}
        for events in steps(model, group):
            yield from events


@torch.inference_mode()
def steps(
    model: LanguageModel, requests: Mapping[int, Request]
) -> Iterator[list[Event]]:
    """Yield what happens in each step of one batch, until all its requests ended."""
    names, asked = list(requests), list(requests.values())
    tokens, counts = padding.right([request.prompt for request in asked])
    cache = model.new_cache(len(asked), max(map(_length, asked)))
    tokens = tokens.to(cache.lengths.device)
    ragged = counts if min(counts) < max(counts) else None
    logits = model(tokens, cache, counts=ragged, last=True)[:, 0]  # (B, V)
    written, alive = [0] * len(asked), [True] * len(asked)
    while True:
        chosen = choose(logits, asked, written)
        events, feed = [], [0] * len(asked)
        for row, token in enumerate(chosen):
            if alive[row]:
                event = _event(names[row], token, asked[row], written[row])
                events.append(event)
                alive[row] = event.reason is None
                written[row] += 1
                feed[row] = 0 if event.token is None else event.token
        yield events
        if not any(alive):
            return
        real = None if all(alive) else [int(runs) for runs in alive]
        tokens = torch.tensor(feed, device=tokens.device)[:, None]  # (B, 1)
        logits = model(tokens, cache, counts=real)[:, -1]


def _event(name: int, token: int | ValueError, request: Request, written: int) -> Event:
    if isinstance(token, ValueError):
        return Event(name, None, "error", str(token))
    if token in request.stop:
        return Event(name, None, "stop")
    return Event(name, token, "length" if written + 1 == request.max_tokens else None)


def _length(request: Request) -> int:
    return len(request.prompt) + request.max_tokens
