"""The wait for every token by its position, of loops that write from one prompt.

A loop that reads the whole text again waits longer for each token, one with a cache
does not. Loops run in the same rounds, so that a slow moment meets all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from statistics import fmean

from llmlab.core import arguments, clock, machine, quantities
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.measure.comparison import compare
from llmlab.measure.experiments.rounds import Rounds, interleaved
from llmlab.measure.experiments.streams import Loop, Request, Stopwatch, request
from llmlab.measure.samples import Series

SECONDS = 10.0
WISHED = 3  # rounds at least: six would give intervals, and may take minutes
FIRST, PER_TOKEN = quantities.TIME_TO_FIRST_TOKEN.name, quantities.TIME_PER_TOKEN.name
FACTS: dict[str, Quantity] = {
    str(each): each
    for each in (
        quantities.TIME_TO_FIRST_TOKEN,
        quantities.TIME_PER_TOKEN,
        quantities.REQUEST_LATENCY,
    )
}


@dataclass(frozen=True)
class ByPosition:
    """Waits of loops, in seconds, by round and position."""

    rounds: Rounds[Request] = field(repr=False)
    prompt: int  # tokens
    new: int
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """The loops, in the order they were given."""
        return tuple(self.rounds.values)

    @property
    def note(self) -> str:
        """Say which loop wrote other tokens, and what the machine did besides."""
        parted = [self._parting(name) for name in self.names[1:]]
        return " ".join(filter(None, [*parted, self.rounds.note]))

    @property
    def same_tokens(self) -> bool:
        """Say whether all loops wrote the same tokens."""
        return not any(map(self._parting, self.names[1:]))

    def series(self, name: str, of: str = PER_TOKEN) -> Series:
        """Return one quantity of a loop, a value for each round.

        of: "time to first token", "time per token" (the mean of the later ones) or
        "request latency". Raises ValueError for another loop or quantity.
        """
        taken = {
            FIRST: lambda waits: waits[0],
            PER_TOKEN: lambda waits: fmean(waits[1:]),
            str(quantities.REQUEST_LATENCY): sum,
        }
        if of not in taken:
            raise ValueError(f"of={of!r} is none of {', '.join(map(repr, taken))}.")
        values = tuple(taken[of](each.waits) for each in self._of(name))
        return Series(values, values, self.rounds.ran_on)

    def ratio(self, name: str, against: str, of: str = PER_TOKEN) -> Record:
        """Return how many times as fast `name` is as `against`, from paired rounds.

        of: as in `series`. With fewer than six rounds the interval runs from the
        lowest ratio to the highest, and the note says so.
        """
        own, other = self.series(name, of), self.series(against, of)
        verdict = compare(
            name, own.rounds, against, other.rounds, ran_on=self.rounds.ran_on
        )
        facts = {"of": of, "rounds": self.rounds.count} | self._few()
        fact = verdict.record(seed=self.seed)
        return replace(fact, details=dict(fact.details) | facts)

    def record(self, name: str, of: str = PER_TOKEN) -> Record:
        """Return one quantity of a loop: the median over the rounds.

        of: as in `series`.
        """
        fact = self.series(name, of).record(FACTS[of])
        details = {"prompt": self.prompt, "new": self.new} | dict(fact.details)
        return replace(fact, subject=name, seed=self.seed, details=details)

    def records(self) -> list[Record]:
        """Return for every loop its three times, and the wait for every token."""
        return list(chain(*(self._facts(name) for name in self.names)))

    def _facts(self, name: str) -> list[Record]:
        note = {"note": self.note} if self.note else {}
        details = {"prompt": self.prompt, "new": self.new} | note
        facts = [
            self.series(name, of).record(what, details=details)
            for of, what in FACTS.items()
        ]
        for position in range(self.new):
            waits = tuple(each.waits[position] for each in self._of(name))
            series = Series(waits, waits, self.rounds.ran_on)
            place = {"position": position + 1}
            facts.append(series.record(quantities.WAIT, details=details | place))
        return [
            replace(
                fact, subject=name, seed=self.seed,
                details=dict(fact.details) | note,
            )
            for fact in facts
        ]  # fmt: skip

    def _of(self, name: str) -> tuple[Request, ...]:
        if name not in self.rounds.values:
            raise ValueError(
                f"name={name!r} is no loop that was timed; choose among "
                f"{', '.join(map(repr, self.names))}."
            )
        return self.rounds.values[name]

    def _parting(self, name: str) -> str:
        """Say where a loop first wrote another token than the first loop; "" if not."""
        first = self.names[0]
        pairs = zip(self._of(first)[0].tokens, self._of(name)[0].tokens, strict=True)
        for place, (theirs, own) in enumerate(pairs, start=1):
            if theirs != own:
                return (
                    f"{name!r} wrote other tokens than {first!r}: token {place} is "
                    f"{own}, not {theirs}."
                )
        return ""

    def _few(self) -> dict[str, str]:
        if self.rounds.count >= intervals.LEAST_ROUNDS:
            return {"note": self.note} if self.note else {}
        said = f"The interval is the lowest to the highest of {self.rounds.count}."
        return {"note": f"{self.note} {said}".strip()}


def by_position(
    loops: Mapping[str, Loop],
    prompt: Sequence[int],
    *,
    new: int = 64,
    seconds: float = SECONDS,
    stopwatch: Stopwatch | None = None,
    seed: int = 0,
) -> ByPosition:
    """Time the wait for every token of loops that write from the same prompt.

    loops: name -> a function that is called with the prompt (token ids) and `new` and
    yields tokens: `partial(generate, model)`, or a model's `stream`, which takes the
    number as `max_tokens=`; whichever of both a loop wants is seen from its signature.
    new: tokens of every request, 2 at least. seconds: of all rounds; three rounds are
    run at least, two where they are slow. stopwatch: the learner's
    `token_times(tokens, clock)`, to time with instead of the package's own.
    Raises ValueError for no loops, an empty prompt, what is no loop, a loop that gives
    another number of tokens, a stopwatch that gives another number of waits.
    """
    _check(loops, prompt, new)
    arguments.number("seconds", seconds, above=0)
    seed = arguments.whole("seed", seed)
    with clock.given_way() as ran_on:
        for name, loop in loops.items():  # warmed up: the first call prepares more
            request(name, loop, prompt, 2, stopwatch)
        parts = {
            name: partial(request, name, loop, prompt, new, stopwatch)
            for name, loop in loops.items()
        }
        rounds = interleaved(
            parts,
            seconds=seconds,
            wished=max(2, round(WISHED * machine.repetitions_scale())),
            ran_on=ran_on,
            what="timing every token",
            seed=seed,
        )
    return ByPosition(rounds, len(prompt), new, seed)


def _check(loops: Mapping[str, Loop], prompt: Sequence[int], new: int) -> None:
    if not isinstance(loops, Mapping) or not loops:
        raise ValueError(
            f"loops={loops!r:.60} must map at least one name to a function of prompt "
            "and max_tokens, such as {'llmlab': model.stream}."
        )
    check_request(prompt, new)


def check_request(prompt: Sequence[int], new: int) -> None:
    """Refuse a prompt that holds no token ids, and fewer than two new tokens."""
    ids = list(prompt) if isinstance(prompt, Iterable) else []
    if isinstance(prompt, str | bytes) or not ids:
        raise ValueError(
            f"prompt={prompt!r:.40} must be token ids, at least one, such as "
            "tokenizer(text)['input_ids']."
        )
    way = "a first token and a later one, and no more than a loop can keep"
    arguments.whole("new", new, least=2, most=2**20, way=way)
