"""A pool of pages that is too small: who is put aside, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.batching.engine import Engine
from llmlab.batching.experiments import rounds, workloads
from llmlab.batching.experiments.racing import InSteps
from llmlab.batching.experiments.timelines import Timeline
from llmlab.batching.experiments.workloads import Model
from llmlab.batching.pages import Pages
from llmlab.batching.plans import PlanStep, Preempt
from llmlab.batching.quantities import (
    AS_ALONE,
    PUT_ASIDE,
    TOKENS_COMPUTED,
    TRACE_GAIN,
    TRACE_TIME,
)
from llmlab.batching.requests import Request
from llmlab.caching import PagePool
from llmlab.caching.experiments import scoring
from llmlab.core import records
from llmlab.core.records import Record

AMPLE, SMALL = "pages for all seats", "a third of them"
REQUESTS, SEATS, ROUNDS = 12, 6, 2
BUDGET, PAGE_SIZE = 64, 8  # tokens of a step, and of a page


@dataclass(frozen=True)
class SmallPool:
    """Both pools: how often somebody was put aside, the tokens, and the time."""

    facts: tuple[Record, ...]
    equal: bool  # with the small pool all tokens are those of each request alone
    timeline: Timeline
    note: str  # how often each ran, and what neighbours did

    @property
    def put_aside(self) -> Record:
        """How often a request was put aside in the small pool."""
        return self._of(PUT_ASIDE.name)

    def ratio(self) -> Record:
        """Return how many times as fast the small pool is: below 1 it is slower."""
        return self._of(TRACE_GAIN.name)

    @property
    def said(self) -> str:
        """Say how often somebody was put aside, and whether the tokens are right."""
        times, share = round(self.put_aside.value), self._of(AS_ALONE.name).value
        often = {0: "never", 1: "once"}.get(times, f"{times} times")
        tokens = (
            "all tokens are" if self.equal else f"only {share:.1%} of the tokens are"
        )
        return (
            f"With {SMALL} a request was put aside {often}; {tokens} those of each "
            "request alone."
        )

    def records(self) -> list[Record]:
        """Return a few facts of each pool, and how many times as fast the small is."""
        return list(self.facts)

    def _of(self, name: str) -> Record:
        return next(f for f in self.facts if (f.name, f.subject) == (name, SMALL))


def small_pool(
    model: Model, plan_step: PlanStep, preempt: Preempt, *, requests: int = REQUESTS,
    seats: int = SEATS, repeats: int = ROUNDS,
) -> SmallPool:  # fmt: skip
    """Serve a trace with pages for all seats, and with a third of them, interleaved.

    plan_step, preempt: the learner's, as `Engine` takes them. repeats: rounds, which
    LLMLAB_TIME scales. ValueError says where one breaks a rule.
    """
    trace = workloads.ragged(model, requests, read=8, write=24, most=(24, 50))
    pages = _pages(trace, seats)
    ways = {
        name: InSteps(
            Engine(
                model, plan=plan_step, preempt=preempt, max_running=seats,
                budget=BUDGET, memory=_memory(model, count),
            ),
            trace,
        )
        for name, count in pages.items()
    }  # fmt: skip
    right = workloads.alone(model, trace)  # which warms up, too
    raced = rounds.run(ways, rounds=repeats)
    facts = []
    for name, way in ways.items():
        stats, rounds_run = way.engine.stats, len(raced.times[name])
        details = {"pages": pages[name]}
        facts += [
            records.measured(PUT_ASIDE, stats.preemptions / rounds_run, subject=name,
                             details=details),
            records.measured(TOKENS_COMPUTED, stats.computed / rounds_run,
                             subject=name, details=details),
            raced.fact(TRACE_TIME, raced.times[name], subject=name),
            workloads.as_alone(model, trace, way.answers, right, subject=name),
        ]  # fmt: skip
    equal = facts[-1].value == 1
    facts.append(raced.gain(TRACE_GAIN, SMALL, AMPLE))
    facts[0] = scoring.noted(facts[0], raced.few)
    line = Timeline({name: way.spans() for name, way in ways.items()})
    return SmallPool(tuple(facts), equal, line, raced.note)


def _pages(requests: Sequence[Request], seats: int) -> dict[str, int]:
    """Return what the longest requests take side by side, and a third of that."""
    needs = sorted(
        -(-(len(one.prompt) + one.max_tokens - 1) // PAGE_SIZE) for one in requests
    )
    ample = sum(needs[-seats:])
    return {AMPLE: ample, SMALL: max(needs[-1], ample // 3)}


def _memory(model: Model, pages: int) -> Pages:
    return Pages(model, PagePool(model, pages=pages, page_size=PAGE_SIZE))
