"""Where the time of one token goes: a step taken apart into what adds up to it.

The whole step, its matrix products alone and its attention alone are timed in the same
rounds. What the products need at least, to read the weights or to multiply, follows
from this machine's peaks, as does the start of all other operators; the rest is what is
left. Prefill is taken apart beside decode, per token of the prompt.

Shapes: B = 1 sequence, T tokens of the prompt, one new token.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

import torch

from llmlab.core import arguments, clock, quantities, records, wanted
from llmlab.core.clock import Threads
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import intervals, labels
from llmlab.measure import roofline as bounds
from llmlab.measure.experiments import replay
from llmlab.measure.experiments.rounds import in_one_line, interleaved
from llmlab.measure.experiments.sizes import Roofline, least_time
from llmlab.measure.peaks import Peaks, discard
from llmlab.measure.samples import Series

SECONDS = 4.0
STEPS = 8  # decode steps that are timed in a row
BEYOND = 1.02  # times what was measured: an estimate above it is wrong

Split = dict[str, float]  # part -> seconds a token


@dataclass(frozen=True)
class Phase:
    """One phase: what was timed, in seconds a token, and what it falls apart into."""

    name: str  # "prefill" or "decode"
    tokens: int  # of the call
    cached: int
    whole: Series
    attention: Series | None
    split: Split
    sentences: tuple[str, ...]  # what must be said besides

    def records(self, subject: str, note: str) -> list[Record]:
        """Return the whole and the parts, in the order they are drawn."""
        details = {"phase": self.name, "batch": 1, "tokens": self.tokens}
        details["cached"] = self.cached
        facts = [self.whole.record(quantities.STEP, details=details)]
        for part in quantities.PARTS:
            seconds = self.split.get(str(part), 0.0)
            timed = self.attention if part is quantities.ATTENTION else None
            if timed and timed.median == seconds:  # not cut
                facts.append(timed.record(part, details=details))
            elif seconds > 0:
                facts.append(
                    records.make(
                        part, seconds, kind="estimated", details=details,
                        machine=facts[0].machine, date=facts[0].date,
                    )
                )  # fmt: skip
        said = {"note": note} if note else {}  # all of it, in every record
        return [
            replace(fact, subject=subject, details=dict(fact.details) | said)
            for fact in facts
        ]


@dataclass(frozen=True)
class StepParts:
    """The parts of a decode step, and of prefill, per token."""

    phases: tuple[Phase, ...]
    subject: str  # the model
    ran_on: Threads

    def records(self) -> list[Record]:
        """Return the time of a token and its parts, which add up, for both phases.

        Timed are the whole and attention; estimated is what follows from the peaks,
        and what is a difference.
        """
        facts = (phase.records(self.subject, self.note) for phase in self.phases)
        return list(chain(*facts))

    def share(self, part: str, *, phase: str = "decode") -> Record:
        """Return the share of a part in the time of a token.

        part: as the records name it, such as "reading the weights". Raises ValueError
        for a part or a phase that there is not.
        """
        splits = {each.name: each for each in self.phases}
        if phase not in splits or part not in splits[phase].split:
            raise ValueError(
                f"part={part!r}, phase={phase!r}: choose a phase of {list(splits)} and "
                f"a part of {list(self.phases[-1].split)}."
            )
        chosen = splits[phase]
        return records.make(
            quantities.SHARE_OF_THE_TIME, chosen.split[part] / chosen.whole.median,
            kind="estimated", subject=f"{self.subject}, {phase}: {part}",
            details={"phase": phase},
        )  # fmt: skip

    @property
    def note(self) -> str:
        """Say what neighbours or wrong peaks did, "" where there is nothing to say."""
        return in_one_line({phase.name: phase.sentences for phase in self.phases})


def step_parts(
    model: LanguageModel,
    *,
    cached: int = 256,
    prompt: int = 256,
    seconds: float = SECONDS,
    roofline: Roofline = least_time,
) -> StepParts:
    """Take the time of one token apart: of a decode step, and of prefill.

    cached: tokens behind the decode step; prompt: tokens of the prefill, whose times
    are divided by them. seconds: of timing, over both. roofline: the learner's function
    of lab 1, which says what the products take at least and what bounds them.
    Raises ValueError for a step beyond the model's context.
    """
    most = wanted.causal("model", model).context
    arguments.whole("cached", cached, least=STEPS, most=most - STEPS)
    arguments.whole("prompt", prompt, least=STEPS, most=most)
    arguments.number("seconds", seconds, above=0)
    arguments.function("roofline", roofline, way="hand in that of lab 1, or nothing")
    with torch.inference_mode(), clock.given_way() as ran_on:
        phases = (
            _phase(model, _Prefill(model, prompt), seconds / 2, ran_on, roofline),
            _phase(model, _Decode(model, cached), seconds / 2, ran_on, roofline),
        )
    return StepParts(phases, labels.label(model), ran_on)


class _Prefill:
    """Reads the prompt, into a cache of its own."""

    name, cached = "prefill", 0

    def __init__(self, model: LanguageModel, prompt: int):
        self.model, self.tokens, self.calls = model, prompt, 1
        self.text = _tokens(model, prompt)

    def prepared(self) -> Callable[[], object]:
        cache = self.model.new_cache(1, self.tokens)
        return lambda: self.model(self.text, cache, last=True).argmax(-1)


class _Decode:
    """Feeds one token after the other behind a text, the middle one at `cached`."""

    name, tokens, calls = "decode", 1, STEPS

    def __init__(self, model: LanguageModel, cached: int):
        self.model, self.cached = model, cached
        self.cache = model.new_cache(1, cached + STEPS)
        model(_tokens(model, cached - STEPS // 2), self.cache, last=True)
        self.token = _tokens(model, 1)

    def prepared(self) -> Callable[[], object]:
        cache = self.cache.select([0])  # a copy, so that all rounds begin alike
        return lambda: self.model(self.token, cache).argmax(-1)


def _phase(
    model: LanguageModel,
    work: _Prefill | _Decode,
    seconds: float,
    ran_on: Threads,
    roofline: Roofline,
) -> Phase:
    """Time a phase whole and in parts, and split it."""
    seen = replay.operators_of(model, work.prepared())
    parts = {
        "whole": lambda: _seconds(work.prepared(), work.calls, work.tokens),
        "products": lambda: _seconds(
            lambda: replay.run(seen.products), work.calls, work.tokens
        ),
    }
    if seen.attention:
        parts["attention"] = lambda: _seconds(
            lambda: replay.run(seen.attention), work.calls, work.tokens
        )
    for part in parts.values():
        part()
    rounds = interleaved(
        parts, seconds=seconds, wished=intervals.LEAST_ROUNDS, ran_on=ran_on,
        what=f"taking {work.name} apart",
    )  # fmt: skip
    timed = {
        name: Series(values, values, ran_on) for name, values in rounds.values.items()
    }
    split, wrong = _split(model, work, timed, seen.others, roofline)
    sentences = (*rounds.sentences, *wrong)
    return Phase(
        work.name, work.tokens, work.cached, timed["whole"],
        timed.get("attention"), split, sentences,
    )  # fmt: skip


def _split(
    model: LanguageModel,
    work: _Prefill | _Decode,
    timed: dict[str, Series],
    others: int,
    roofline: Roofline,
) -> tuple[Split, tuple[str, ...]]:
    """Split a token's time; twice where peaks must have been measured wrong."""
    for _ in range(2):
        peaks = _peaks(model, timed["whole"].ran_on)
        split, wrong = _parts(model, work, timed, others, peaks, roofline)
        if not wrong or not discard(peaks.date):
            break
    return split, (*wrong, *filter(None, [peaks.note]))


def _peaks(model: LanguageModel, ran_on: Threads) -> Peaks:
    with clock.fixed(ran_on.count):
        dtype = bounds.arithmetic_format(model)
        return bounds.peaks((dtype,), device=labels.device(model))


def _parts(
    model, work, timed, others: int, peaks: Peaks, roofline: Roofline
) -> tuple[Split, tuple[str, ...]]:
    """Return parts that add up, and a sentence where an estimate was too long."""
    whole, products = timed["whole"].median, timed["products"].median
    attention = timed["attention"].median if "attention" in timed else 0.0
    dtype, cost = bounds.arithmetic_format(model), model.cost(1, last=True)
    flops, rate = _flops(model, work.tokens), peaks.bandwidth_at(cost.bytes)
    if _has_integers(model):  # whose products may be faster than those of floats
        flops = 0.0
    seconds, bound = roofline(flops, cost.bytes, peaks.flops[dtype], rate)
    starting = others * peaks.operator_seconds / work.tokens
    wrong = []
    if products + attention > whole:
        wrong.append("products and attention alone took longer than the whole step")
        attention = min(attention, whole)
        products = whole - attention
    # Reading and arithmetic go on at the same time, so the longer one counts.
    least = float(seconds) / work.tokens
    if least > timed["products"].median * BEYOND:
        wrong.append("the bound of the products was longer than they took")
    least = min(least, products)
    left = whole - products - attention
    if starting > left * BEYOND:
        wrong.append("starting operators would have taken longer than what was left")
    starting = min(starting, max(0.0, left))
    ruling = quantities.ARITHMETIC if bound == "compute" else quantities.READING
    split = {
        str(ruling): least,
        str(quantities.PRODUCTS): products - least,
        str(quantities.ATTENTION): attention,
        str(quantities.STARTING): starting,
        str(quantities.REST): max(0.0, left - starting),
    }
    if not wrong:
        return split, ()
    return split, (f"In {work.name}, {' and '.join(wrong)}; the part is cut there.",)


def _has_integers(model: LanguageModel) -> bool:
    """Say whether weights are kept as integers."""
    weights = chain(model.parameters(), model.buffers())
    return any(each.dim() > 1 and not each.is_floating_point() for each in weights)


def _flops(model: LanguageModel, tokens: int) -> float:
    """Return the FLOPs of the products of a call, attention left out.

    Those of attention grow as the square of the tokens, those of the layers in
    proportion, and the head answers once: three calls tell the three apart.
    """
    one, two, three = (model.cost(each, last=True).flops for each in (1, 2, 3))
    square = (three - 2 * two + one) / 2
    line = two - one - 3 * square
    return one - square + line * (tokens - 1)


def _seconds(call: Callable[[], object], calls: int, tokens: int) -> float:
    """Return the seconds a token of some calls in a row, the median of them."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) / tokens)
    return intervals.median(times)


def _tokens(model: LanguageModel, count: int) -> torch.Tensor:
    """Return a text of (1, T) tokens; which they are changes no time here."""
    return torch.zeros(1, count, dtype=torch.long, device=labels.device(model))
