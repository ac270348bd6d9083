"""The scheduler: who computes how much in the next step. It knows numbers only.

A learner's functions go in as parts, with the signatures of the exercises:

    Scheduler(pages=64, page_size=16, plan=plan_step, preempt=preempt)

    plan_step(running, waiting, free_pages, budget, page_size) -> {id: tokens}
    preempt(running, needed, free_pages, page_size) -> (victims, free)

`running` and `waiting` are lists of `plans.Row`: id, tokens, computed, left, pages.
Before each step the scheduler looks whether every running request has room for one
more token; where one has not, `preempt` says who goes. Then it shows `plan_step` those
that run, and of those that wait as many as could be read to the end of their prompts,
with a page in reserve for each that grows. What both answer is checked (`invariants`).

A request's tokens: its prompt, and what it wrote. The last one written is computed in
the next step. Budgets are in tokens, times in seconds.
"""

import heapq
from bisect import insort
from collections.abc import Callable, Collection, Mapping

from llmlab.batching import invariants, plans
from llmlab.batching.orders import Order, first_come
from llmlab.batching.plans import Plan, PlanStep, Preempt, Row
from llmlab.core import arguments

Cached = Callable[[int], tuple[int, int]]  # id -> tokens that are there, pages it takes


class Scheduler:
    """Requests that wait and requests that run, and what each of them has left.

    running: oldest first. waiting: by id. Both hold `Row`s; read them, and leave the
    changing to `submit`, `plan`, `done`, `put_aside` and `cancel`.
    """

    def __init__(
        self,
        *,
        pages: int,
        page_size: int = 16,
        max_running: int = 8,
        budget: int | None = 64,
        order: Order = first_come,
        plan: PlanStep = plans.plan_step,
        preempt: Preempt = plans.preempt,
        cached: Cached | None = None,
    ):
        """Start with nothing to do.

        budget: tokens a step computes, at most; None: as many as there are, so that a
        prompt is read whole. cached: what is there already of a request that waits
        (tokens), and how many free pages that takes. Raises ValueError for numbers out
        of range.
        """
        way = "choose how many pages of tokens all requests may hold together"
        self.pages = arguments.whole("pages", pages, least=1, way=way)
        way = "choose how many tokens a page holds"
        self.page_size = arguments.whole("page_size", page_size, least=1, way=way)
        way = "choose how many requests may run side by side"
        self.max_running = arguments.whole("max_running", max_running, least=1, way=way)
        if budget is not None:
            way = "a step must have a token for every running request (max_running)"
            budget = arguments.whole("budget", budget, least=max_running, way=way)
        self.budget, self.order, self.cached = budget, order, cached
        self._plan_step, self._preempt = plan, preempt
        self.running: list[Row] = []
        self.waiting: dict[int, Row] = {}
        self._borrowed: dict[int, int] = {}  # pages that an older one holds as well

    @property
    def free_pages(self) -> int:
        """Pages that no running request holds."""
        return self.pages - sum(row.pages for row in self.running)

    def submit(
        self,
        name: int,
        tokens: int,
        max_tokens: int,
        *,
        priority: int = 0,
        arrival: float = 0.0,
    ) -> None:
        """Let a request wait: a prompt of `tokens`, of which `max_tokens` follow.

        name: its id; later requests have larger ones. Raises ValueError for one that
        could never be computed, whatever else runs.
        """
        tokens = arguments.whole("tokens", tokens, least=1)
        most = tokens + arguments.whole("max_tokens", max_tokens, least=1)
        pages = -(-(most - 1) // self.page_size)  # the last one is never computed
        if pages > self.pages:
            raise ValueError(
                f"max_tokens={max_tokens} after a prompt of {tokens} takes {pages} "
                f"pages of {self.page_size}, and there are {self.pages}, so this "
                "request could never end; shorten it, or make a larger pool."
            )
        row = Row(name, tokens, most=most, arrival=arrival, priority=priority)
        self.waiting[name] = row

    def plan(self, now: float = 0.0) -> Plan:
        """Decide the next step: who goes, who comes in, and how many tokens each gets.

        Afterwards victims wait again and those that came in run. ValueError where a
        part handed in breaks a rule; nothing has changed then.
        """
        victims = self._victims()
        if victims:
            gone = set(victims)
            stay = [row for row in self.running if row.id not in gone]
            free = self.pages - sum(row.pages for row in stay)
            shown: list[Row] = []
        else:
            stay, free = self.running, self.free_pages
            shown, free = self._shown(now, free)
        tokens = self._planned(stay, shown, free)
        admitted = [row for row in shown if row.id in tokens]
        for name in victims:
            self.put_aside(name)
        for row in admitted:
            del self.waiting[row.id]
            insort(self.running, self._counted(row))
        return Plan(tokens, tuple(victims), tuple(row.id for row in admitted))

    def done(
        self, tokens: Mapping[int, int], stopped: Collection[int] = ()
    ) -> list[int]:
        """Count tokens as computed; return who has come to its end by that.

        A request with nothing left has written one more. It ends where it is one of
        `stopped`, or has all the tokens that it may have.
        """
        ended, stay = [], []
        for row in self.running:
            computed = row.computed + tokens.get(row.id, 0)
            if row.id in tokens and computed == row.tokens:
                row = row._replace(tokens=row.tokens + 1)
                if row.id in stopped or row.tokens >= row.most:
                    ended.append(row.id)
                    continue
            stay.append(self._counted(row._replace(computed=computed)))
        self.running = stay
        return ended

    def put_aside(self, name: int, tokens: int | None = None) -> None:
        """Let a running request wait again, to be computed from its beginning.

        tokens: how many it has, where that is not what was counted.
        """
        (row,) = (row for row in self.running if row.id == name)
        self.running = [row for row in self.running if row.id != name]
        tokens = row.tokens if tokens is None else tokens
        self.waiting[name] = row._replace(tokens=tokens, computed=0, pages=0)

    def cancel(self, name: int) -> bool:
        """Forget a request; its pages are free at once. Say whether it was there."""
        runs = [row for row in self.running if row.id != name]
        was_there = len(runs) < len(self.running)
        self.running = runs
        return self.waiting.pop(name, None) is not None or was_there

    def borrow(self, pages: Mapping[int, int]) -> None:
        """Say how many pages of a running request an older one holds as well."""
        self._borrowed = dict(pages)
        self.running = [self._counted(row) for row in self.running]

    def _victims(self) -> list[int]:
        """Return who has to go, so that all others have room for one more token."""
        size, free = self.page_size, self.free_pages
        needed = sum(plans.more_pages(row.computed, 1, size) for row in self.running)
        if needed <= free:
            return []
        running = list(self.running)
        answer = self._preempt(running, needed, free, size)
        return invariants.check_victims(answer, self.running, needed, free, size)

    def _shown(self, now: float, free: int) -> tuple[list[Row], int]:
        """Return who may come in, in order, and the pages that are free for all.

        Somebody comes in if its whole prompt fits beside the prompts that run and a
        page for each that grows. It is shown with what is cached of it; pages that this
        takes are free no more.
        """
        seats, shown = self.max_running - len(self.running), list[Row]()
        if not seats or not self.waiting:
            return [], free
        spare = free - sum(map(self._to_come, self.running))
        for row in self._next(seats, now):
            computed, taken = self.cached(row.id) if self.cached else (0, 0)
            row = row._replace(computed=computed)
            pages = taken + self._to_come(row)
            if pages > spare and (self.running or shown):
                break
            shown.append(row)
            spare -= pages
            free -= taken
        return shown, free

    def _to_come(self, row: Row) -> int:
        """Return the pages that a request takes for its text, and one if it grows."""
        size = self.page_size
        grows = plans.more_pages(row.tokens, row.most - 1 - row.tokens, size)
        return plans.more_pages(row.computed, row.left, size) + min(1, grows)

    def _next(self, seats: int, now: float) -> list[Row]:
        return heapq.nsmallest(
            seats, self.waiting.values(), key=lambda row: self.order(row, now)
        )

    def _planned(self, running: list[Row], shown: list[Row], free: int) -> dict:
        if not running and not shown:
            return {}
        budget, size = self.budget, self.page_size
        if budget is None:
            budget = sum(row.left for row in (*running, *shown))
        # Copies, for a learner may take things out of the lists.
        plan = self._plan_step(list(running), list(shown), free, budget, size)
        return invariants.check_plan(plan, running, shown, free, budget, size)

    def _counted(self, row: Row) -> Row:
        """Return a row with the pages that its computed tokens lie on."""
        held = -(-row.computed // self.page_size)
        return row._replace(pages=held - self._borrowed.get(row.id, 0))
