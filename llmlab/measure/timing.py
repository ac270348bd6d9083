"""Speed of anything that can be called, told with its uncertainty.

A single timing says little: the first call is slow, the machine's mood changes from
second to second, and one interruption moves a mean. So calls are warmed up, then run in
rounds; each round runs every call, in random order, and what is compared are the
ratios *within* rounds, in which slow and fast moments cancel. The answer may be "no
significant difference".

Sources: Georges, Buytaert, Eeckhout, OOPSLA 2007 (intervals instead of bests);
Kalibera, Jones, ISMM 2013 (random order, rounds enough).
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from llmlab.core import arguments, clock, quantities, records
from llmlab.core.clock import Threads
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.measure.comparison import Verdict, compare
from llmlab.measure.samples import Call, Rate, Run, Series
from llmlab.measure.schedule import run

MOST_THREADS = 4096
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Timing:
    """Times of one call, in seconds. For a stream of tokens, of its parts too."""

    name: str
    total: Series  # of a whole call
    time_to_first_token: Series | None = None  # the rest: streams only
    per_token: Series | None = None  # a call's mean, the first token left out
    gaps: tuple[float, ...] = ()  # every wait for a later token
    tokens: float | None = None  # in one call, the median
    throughput: Rate | None = None  # of tokens, where calls made more or fewer

    @property
    def samples(self) -> tuple[float, ...]:
        """Every call that was timed."""
        return self.total.samples

    @property
    def median(self) -> float:
        return self.total.median

    @property
    def low(self) -> float | None:
        return self.total.low

    @property
    def high(self) -> float | None:
        return self.total.high

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of a call in the time of a call; None when nobody counted tokens.

        Where calls made more or fewer tokens, all tokens in the time of all calls.
        """
        if self.throughput is not None:
            return self.throughput.value
        return None if self.tokens is None else self.tokens / self.median

    @property
    def percentiles(self) -> dict[str, float]:
        """p50, p90, p95 and p99, those that the number of samples supports.

        Of the waits for later tokens if the call is a stream, else of whole calls.
        """
        samples = self.gaps or self.samples
        return {
            word: intervals.percentile(samples, share)
            for word, share in PERCENTILES.items()
            if round(len(samples) * (1 - share), 6) >= 1
        }

    def records(self, *, seed: int | None = None) -> list[Record]:
        """Return what was measured: latency, and for tokens their times and rate."""
        rounds = {"rounds": len(self.total.rounds), "calls": len(self.samples)}
        facts = [self.total.record(quantities.LATENCY, details=rounds)]
        if self.time_to_first_token:
            first = self.time_to_first_token
            facts.append(first.record(quantities.TIME_TO_FIRST_TOKEN))
        if self.per_token:
            facts.append(self.per_token.record(quantities.TIME_PER_TOKEN))
        if self.throughput is not None:
            facts.append(self._throughput())
        elif self.tokens is not None:
            facts.append(self.total.rate(quantities.THROUGHPUT, self.tokens))
        waits = quantities.WAITS if self.gaps else quantities.LATENCIES
        for word, value in self.percentiles.items():
            facts.append(self.total.fact(waits[word], value))
        return [replace(fact, subject=self.name, seed=seed) for fact in facts]

    def _throughput(self) -> Record:
        rate = self.throughput
        assert rate is not None  # who asks has looked
        return self.total.fact(
            quantities.THROUGHPUT, rate.value, low=rate.low, high=rate.high
        )


@dataclass(frozen=True)
class Speed:
    """Timings of calls that ran in the same rounds: speed["int8"].median."""

    timings: tuple[Timing, ...]
    seed: int
    ran_on: Threads  # those that torch had, and why

    def __getitem__(self, name: str) -> Timing:
        for timing in self.timings:
            if timing.name == name:
                return timing
        names = ", ".join(repr(timing.name) for timing in self.timings)
        raise KeyError(f"{name!r} was not measured; choose among {names}.")

    def verdict(self, name: str, against: str) -> Verdict:
        """Compare two of the calls by their ratios within rounds."""
        this, other = self[name].total, self[against].total
        return compare(name, this.rounds, against, other.rounds, ran_on=self.ran_on)

    def ratio(self, name: str, against: str) -> float:
        """Return how many times as fast `name` is as `against`."""
        return self.verdict(name, against).ratio

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Compare every call with each that stood before it."""
        names = [timing.name for timing in self.timings]
        pairs = itertools.combinations(names, 2)
        return tuple(self.verdict(later, earlier) for earlier, later in pairs)

    def records(self) -> list[Record]:
        """Return every fact of every call, then the comparisons."""
        facts = [timing.records(seed=self.seed) for timing in self.timings]
        verdicts = [verdict.record(seed=self.seed) for verdict in self.verdicts]
        return [*itertools.chain(*facts), *verdicts]

    @property
    def note(self) -> str:
        """Say what the machine did besides, "" if it had nothing else to do."""
        return self.ran_on.note

    def __str__(self) -> str:
        return "\n".join([records.table(self.records()), *map(str, self.verdicts)])

    def _repr_html_(self) -> str:
        return records.html_table(self.records())


def speed(
    calls: Mapping[str, Callable[[], object]],
    *,
    seconds: float = 3.0,
    rounds: int | None = None,
    warmup: int = 2,
    tokens: int | Mapping[str, int] | None = None,
    threads: int | None = None,
    seed: int = 0,
) -> Speed:
    """Time calls against each other, in interleaved rounds of random order.

    calls: name -> function of no arguments. One that returns an iterator is a stream
    and is pulled to its end; each item is a token, a list one token for each entry that
    is not None. What lies on a GPU is timed by its own events. tokens: how many a call
    that is no stream makes. seconds: of measuring, over all calls, warm-up besides; at
    least six rounds are run, whatever they take. rounds: that many instead. LLMLAB_TIME
    scales both. Short calls are repeated within a round: `measure.schedule` says how.
    Where other processes keep cores busy, torch has that many threads less meanwhile,
    and the result's `note` says so: `core.clock.contention` says why. threads: that
    many instead, whoever else computes; the note says this, too.
    Raises ValueError for no calls, a stream without items, numbers out of range.
    """
    _check_tokens(tokens, calls)
    if threads is not None:
        threads = arguments.whole("threads", threads, least=1, most=MOST_THREADS)
    if not arguments.is_whole(seed):
        raise ValueError(f"seed={seed!r:.60} must be a whole number, such as 0.")
    seed = int(seed)
    with clock.given_way() if threads is None else clock.fixed(threads) as ran_on:
        runs = run(
            calls,
            ran_on=ran_on,
            seconds=seconds,
            rounds=rounds,
            warmup=warmup,
            seed=seed,
        )
    return Speed(tuple(_timing(run, tokens) for run in runs), seed, ran_on)


def race(
    models: Mapping[str, LanguageModel],
    prompt: str | Sequence[int] | Sequence[Sequence[int]],
    *,
    max_tokens: int,
    seconds: float = 3.0,
    rounds: int | None = None,
    threads: int | None = None,
    seed: int = 0,
) -> Speed:
    """Time models against each other as they write on from one prompt, greedily.

    models: name -> model. prompt: token ids, or text, which each model reads with its
    own tokenizer, or a list of prompts of token ids, which are a batch. The first token
    is the prefill, the others are decode steps. The rest is as in `speed`. Raises
    ValueError for text and a model without a tokenizer, and what the models' `stream`
    refuses.
    """
    if not isinstance(models, Mapping) or not models:
        raise ValueError(
            f"models={models!r:.60} must map at least one name to a model, such as "
            "{'fp32': model, 'int8': small}."
        )
    calls = {
        name: functools.partial(
            _stream(name, model, prompt),
            _read(name, model, prompt),
            max_tokens=max_tokens,
        )
        for name, model in models.items()
    }
    return speed(calls, seconds=seconds, rounds=rounds, threads=threads, seed=seed)


def _stream(name: str, model: LanguageModel, prompt: Sequence) -> Callable:
    rows = () if isinstance(prompt, str) or not isinstance(prompt, Iterable) else prompt
    is_batch = any(isinstance(row, Sequence) for row in rows)
    face = "stream_batch" if is_batch else "stream"
    if not callable(getattr(model, face, None)):
        raise ValueError(
            f"model {name!r} is a {type(model).__name__}, which writes no text; "
            "time it by measure.speed({name: lambda: …}) instead."
        )
    return getattr(model, face)


def _read(
    name: str,
    model: LanguageModel,
    prompt: str | Sequence[int] | Sequence[Sequence[int]],
) -> Sequence[int] | Sequence[Sequence[int]]:
    if not isinstance(prompt, str):
        return prompt
    arguments.encodable("prompt", prompt)
    if model.tokenizer is None:
        raise ValueError(
            f"model {name!r} has no tokenizer to read the prompt {prompt[:20]!r} with; "
            "hand in token ids, such as [1, 2, 3]."
        )
    return model.tokenizer(prompt)["input_ids"]


def _first(call: Call) -> float:
    assert call.first is not None  # of a stream, which never ends without an item
    return call.first


def _timing(run: Run, tokens: int | Mapping[str, int] | None) -> Timing:
    """Sort the calls of one run into whole, first token, later tokens."""
    if isinstance(tokens, Mapping):
        tokens = tokens.get(run.name)
    counts = {call.tokens for call in run.calls}
    if not run.is_stream:
        return Timing(run.name, run.series(lambda call: call.total), tokens=tokens)
    later = all(call.gaps for call in run.calls)
    return Timing(
        run.name,
        run.series(lambda call: call.total),
        run.series(_first),
        run.series(lambda call: sum(call.gaps) / len(call.gaps)) if later else None,
        tuple(itertools.chain(*(call.gaps for call in run.calls))),
        intervals.median([call.tokens for call in run.calls]),
        run.rate() if len(counts) > 1 else None,
    )


def _check_tokens(tokens: int | Mapping[str, int] | None, calls: object) -> None:
    """Raise ValueError for numbers of tokens that are none, or of no call."""
    listed = tokens if isinstance(tokens, Mapping) else {"": tokens}
    for name, count in listed.items():
        what = f"tokens[{name!r}]" if name != "" else "tokens"
        if count is not None:
            arguments.whole(what, count, least=1, way="it is what one call makes")
        if name != "" and isinstance(calls, Mapping) and name not in calls:
            raise ValueError(
                f"{what} is of no call; the calls are {', '.join(map(repr, calls))}."
            )
