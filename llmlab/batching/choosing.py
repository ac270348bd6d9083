"""A token for each row of a batch, chosen as its own request asks.

Greedy rows are chosen together; a sampled row is drawn by (seed, place), so that its
neighbours, a preemption or a restart change nothing. A row whose logits are no numbers
gets an error and leaves the others alone.

Shapes: B rows, V vocabulary.
"""

import math
from collections.abc import Sequence

from torch import Tensor

from llmlab.batching.requests import Request
from llmlab.models import sampling


def choose(
    logits: Tensor, requests: Sequence[Request], places: Sequence[int]
) -> list[int | ValueError]:
    """Return a token for each row of (B, V), or the error that choosing it gave.

    places: how many tokens each request has written already.
    """
    if not requests:
        return []
    values, best = (column.tolist() for column in logits.max(-1))
    chosen: list[int | ValueError] = list(best)
    for row, request in enumerate(requests):
        if request.temperature or not math.isfinite(values[row]):
            try:
                chosen[row] = sampling.draw(
                    logits[row],
                    request.sampling,
                    seed=request.seed,
                    place=places[row],
                )
            except ValueError as error:
                chosen[row] = error
    return chosen
