"""The engine: one step at a time, for all requests that run.

After each step requests may end, come in or be put aside, so that no answer waits for
the end of another and no seat stays empty (continuous batching, Yu et al., OSDI 2022).
A step is at most two calls of the model: one for all that write, a token each, and one
for the chunks of prompts. Who gets what, the scheduler decides; where keys and values
lie, the memory knows; the engine carries tokens between them and the model.

An answer depends on its request alone: greedy tokens are those of the plain loop, and
token i of a sampled answer is drawn by (seed, i).
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator

import torch

from llmlab.batching import memory as memories
from llmlab.batching import plans, requests
from llmlab.batching.choosing import choose
from llmlab.batching.memory import Memory
from llmlab.batching.orders import Order, first_come
from llmlab.batching.plans import Plan, PlanStep, Preempt
from llmlab.batching.requests import Event, Progress, Reason, Request
from llmlab.batching.scheduler import Scheduler
from llmlab.batching.watching import Stats, Step
from llmlab.core import wanted
from llmlab.core.model import LanguageModel


class Engine:
    """Serves requests with one model; `submit` and `step`, or `stream` and `run`.

    An exception in a call of the model, or Ctrl-C, leaves it usable: who was in that
    call is computed again. Not for several threads at once.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        plan: PlanStep = plans.plan_step,
        preempt: Preempt = plans.preempt,
        max_running: int = 8,
        budget: int | None = 64,
        order: Order = first_come,
        memory: Memory | None = None,
        clock: Callable[[], float] = time.perf_counter,
        watch: Callable[[Step], object] | None = None,
    ):
        """Allocate memory for `max_running` requests, unless some is handed in.

        plan, preempt, budget and order are those of `Scheduler`. watch: called with
        each step that was made.
        """
        self.model = wanted.causal("model", model)
        self.memory = memory or memories.new_memory(model, max_running)
        self.scheduler = Scheduler(
            pages=self.memory.pages,
            page_size=self.memory.page_size,
            max_running=max_running,
            budget=budget,
            order=order,
            plan=plan,
            preempt=preempt,
            cached=lambda name: self.memory.cached(self.requests[name].text),
        )
        self.clock, self.watch, self.stats = clock, watch, Stats()
        self.requests: dict[int, Progress] = {}  # that have not ended
        self._events: list[Event] = []
        self._next = 0

    @property
    def busy(self) -> bool:
        """Whether there is anything to do, or to tell."""
        return bool(self.requests or self._events)

    @property
    def due_at(self) -> float:
        """When there is something to do: now, or not before a request comes."""
        return -math.inf if self.busy else math.inf

    def submit(self, request: Request) -> int:
        """Let a request wait for its turn; return its id.

        Raises ValueError for one that could never be served: a token that the model
        does not have, a text beyond its context or beyond the pool.
        """
        requests.check(self.model, request)
        name, now = self._next, self.clock()
        self.requests[name] = Progress(request, arrived=now)
        try:
            self._submit(name)
        except ValueError:
            del self.requests[name]
            raise
        self._next += 1
        return name

    @torch.inference_mode()
    def step(self) -> list[Event]:
        """Compute one step; return the tokens that came, and who has ended."""
        start = self.clock()
        try:
            plan = self.scheduler.plan(start)
            self._move(plan)
            for names in self._calls(plan):
                self._compute({name: plan.tokens[name] for name in names})
        except BaseException:
            self._mend()
            raise
        if plan.tokens:
            self.stats.steps += 1
            if self.watch is not None:
                self.watch(self._seen(start, plan))
        events, self._events = self._events, []
        return events

    @torch.inference_mode()
    def cancel(self, name: int) -> bool:
        """End a request now; its pages are free at once. Say whether it was there."""
        if name not in self.requests:
            return False
        self.scheduler.cancel(name)
        self._end(name, "cancelled")
        self._count_borrowed()
        return True

    def stream(self, request: Request) -> Iterator[int]:
        """Yield a request's tokens while all others are served as well.

        What comes for the others is told by the next `step`. A stream that is closed
        early cancels its request. Raises ValueError as `submit`, and where the request
        ended by an error.
        """
        name = self.submit(request)
        return self._stream(name)

    def run(self, asked: Iterable[Request]) -> Iterator[Event]:
        """Serve these requests; yield what happens to all of them, until they ended."""
        names = {self.submit(request) for request in asked}
        try:
            while names & self.requests.keys() or self._events:
                yield from self.step()
        finally:
            for name in names & self.requests.keys():
                self.cancel(name)

    def _submit(self, name: int) -> None:
        progress = self.requests[name]
        request, left = progress.request, progress.request.max_tokens - progress.written
        if not left:
            self._end(name, "length", progress.text[-1])
            return
        self.scheduler.submit(
            name,
            len(progress.text),
            left,
            priority=request.priority,
            arrival=progress.arrived,
        )

    def _stream(self, name: int) -> Iterator[int]:
        try:
            while name in self.requests:
                events = self.step()
                self._events += [event for event in events if event.request != name]
                for event in events:
                    if event.request == name and event.token is not None:
                        yield event.token
                    if event.request == name and event.reason == "error":
                        raise ValueError(event.error)
        finally:
            self.cancel(name)

    def _move(self, plan: Plan) -> None:
        """Close who was put aside, open who comes in."""
        for name in plan.victims:
            progress = self.requests[name]
            self.memory.keep(name, progress.text)
            self.memory.close(name)
            progress.preemptions += 1
            self.stats.preemptions += 1
        for name in plan.admitted:
            self.memory.open(name, self.requests[name].text)
        if plan.victims or plan.admitted:
            self._count_borrowed()

    def _calls(self, plan: Plan) -> Iterator[list[int]]:
        """Yield who computes together: single tokens, then chunks."""
        single = [name for name, tokens in plan.tokens.items() if tokens == 1]
        if single:
            yield single
        chunks = {name: tokens for name, tokens in plan.tokens.items() if tokens > 1}
        yield from self.memory.calls(chunks)

    def _compute(self, tokens: dict[int, int]) -> None:
        """Run the model on the next tokens of these requests, and count them."""
        names, fed, whole = list(tokens), [], []
        computed = {row.id: row.computed for row in self.scheduler.running}
        for name, count in tokens.items():
            text, start = self.requests[name].text, computed[name]
            fed.append(text[start : start + count])
            whole.append(start + count == len(text))
        logits = self.memory.run(names, fed)  # (B, V)
        self.stats.calls += 1
        self.stats.computed += sum(tokens.values())
        ready = [name for name, ends in zip(names, whole, strict=True) if ends]
        asked = [self.requests[name] for name in ready]
        chosen = choose(
            logits if all(whole) else logits[torch.tensor(whole)],
            [one.request for one in asked],
            [one.written for one in asked],
        )
        stops = [
            name
            for name, one, token in zip(ready, asked, chosen, strict=True)
            if isinstance(token, ValueError) or token in one.request.stop
        ]
        ended = self.scheduler.done(tokens, stops)
        for name, token in zip(ready, chosen, strict=True):
            self._tell(name, token, stops=name in stops, ends=name in ended)
        if ended:
            self._count_borrowed()

    def _tell(
        self, name: int, token: int | ValueError, *, stops: bool, ends: bool
    ) -> None:
        """Write a chosen token down, and end who has come to its end."""
        progress = self.requests[name]
        if isinstance(token, ValueError):
            self._end(name, "error", error=str(token))
            return
        if stops:
            self._end(name, "stop")
            return
        if not progress.written:
            self.memory.keep(name, progress.text)
        progress.text.append(token)
        self.stats.written += 1
        if ends:
            self._end(name, "length", token)
        else:
            self._events.append(Event(name, token))

    def _end(
        self, name: int, reason: Reason, token: int | None = None, error: str = ""
    ) -> None:
        if name in self.memory:
            self.memory.keep(name, self.requests[name].text)
            self.memory.close(name)
        del self.requests[name]
        self.stats.ended += 1
        self._events.append(Event(name, token, reason, error))

    def _count_borrowed(self) -> None:
        names = [row.id for row in self.scheduler.running]
        self.scheduler.borrow(self.memory.borrowed(names))

    def _mend(self) -> None:
        """Let scheduler and memory agree again, after a step that did not end."""
        self.memory.mend()
        scheduler = self.scheduler
        running = {row.id: row for row in scheduler.running}
        for name in self.memory.names():
            row = running.get(name)
            if (
                row is None
                or row.computed != self.memory.length(name)
                or row.tokens != len(self.requests[name].text)
            ):
                self.memory.close(name)
        for name in running:
            if name not in self.memory:
                scheduler.put_aside(name, len(self.requests[name].text))
        known = running.keys() | scheduler.waiting.keys()
        for name in self.requests.keys() - known:  # counted as ended, and not told
            self._submit(name)
        self._count_borrowed()

    def _seen(self, start: float, plan: Plan) -> Step:
        scheduler = self.scheduler
        return Step(
            start,
            self.clock(),
            plan,
            waiting=len(scheduler.waiting),
            running=len(scheduler.running),
            free_pages=scheduler.free_pages,
        )
