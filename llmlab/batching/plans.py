"""What one step does: how many tokens of which request, and who has to go.

There is no phase of prefill and none of decode, only requests of which some tokens are
computed and the others are left. One that writes has a single token left, the one that
it wrote last; one whose prompt is being read has more. A step hands out a budget of
tokens: first one to all that write, for a user waits for each of these, then what
remains to prompts, in chunks. Where pages run out, the youngest goes and is computed
again later.

Sources: Yu et al., OSDI 2022 (iteration-level scheduling); Agrawal et al., OSDI 2024
(chunked prefills); Kwon et al., SOSP 2023 (preemption by recomputation).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Row(NamedTuple):
    """What a plan knows of a request: numbers, and nothing else."""

    id: int
    tokens: int  # of its prompt and of what it wrote so far
    computed: int = 0  # of these, in the cache
    pages: int = 0  # that come free when it goes and all younger ones have gone
    most: int = 0  # tokens that it will have at its end, at most
    arrival: float = 0.0  # seconds
    priority: int = 0  # the higher, the sooner, where the order asks for it

    @property
    def left(self) -> int:
        """Tokens that are not computed yet; 1 for a request that writes."""
        return self.tokens - self.computed

    def __repr__(self) -> str:
        pairs = zip(self._fields[1:], self[1:], strict=True)
        told = [f"{key}={one}" for key, one in pairs if one or key == "tokens"]
        return f"Row({', '.join([str(self.id), *told])})"


@dataclass(frozen=True)
class Plan:
    """What a step does: tokens by request, who is put aside, and who comes in."""

    tokens: dict[int, int] = field(default_factory=dict)
    victims: tuple[int, ...] = ()
    admitted: tuple[int, ...] = ()


Rows = Sequence[Row]
PlanStep = Callable[[Rows, Rows, int, int, int], dict[int, int]]
Preempt = Callable[[Rows, int, int, int], tuple[Sequence[int], int]]


def more_pages(computed: int, tokens: int, page_size: int) -> int:
    """Return how many pages `tokens` more tokens take behind `computed` ones."""
    return -(-(computed + tokens) // page_size) - -(-computed // page_size)


def plan_step(
    running: Rows, waiting: Rows, free_pages: int, budget: int, page_size: int
) -> dict[int, int]:
    """Return how many tokens each request computes in this step.

    running: oldest first. waiting: in the order of their turn. Requests with a single
    token left come first, then prompts, those that run before those that wait, in
    chunks that keep within the budget and the free pages. The first prompt that gets
    nothing ends the list, so that nobody passes by another.
    """
    plan = {}
    for row in running:
        if row.left == 1:
            plan[row.id] = 1
            budget -= 1
            free_pages -= more_pages(row.computed, 1, page_size)
    for row in [*(row for row in running if row.left > 1), *waiting]:
        room = -row.computed % page_size + free_pages * page_size  # tokens
        chunk = min(row.left, budget, room)
        if chunk < 1:
            break
        plan[row.id] = chunk
        budget -= chunk
        free_pages -= more_pages(row.computed, chunk, page_size)
    return plan


def preempt(
    running: Rows, needed: int, free_pages: int, page_size: int
) -> tuple[list[int], int]:
    """Return who is put aside so that the others go on, and the pages free then.

    needed: pages that the next tokens of all running requests take, one for each whose
    pages are full; a request that is put aside takes none. The youngest goes first, the
    oldest never: so there is always one that comes to its end. Raises ValueError where
    even that is not enough.
    """
    victims = []
    for row in reversed(running[1:]):
        if needed <= free_pages:
            break
        victims.append(row.id)
        free_pages += row.pages
        needed -= more_pages(row.computed, 1, page_size)
    if needed > free_pages:
        raise ValueError(
            f"needed={needed} pages and {free_pages} are free when all but the oldest "
            "request are put aside; make a larger pool, or refuse a request that "
            "cannot fit."
        )
    return victims, free_pages
