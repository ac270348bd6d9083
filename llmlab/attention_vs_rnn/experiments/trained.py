"""Two trained models of one size: bits by the tokens of context, and pace."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from llmlab import texts
from llmlab.attention_vs_rnn import positions, quantities
from llmlab.core.model import LanguageModel
from llmlab.core.quantities import TIME_PER_TOKEN, TIME_TO_FIRST_TOKEN
from llmlab.core.records import Record
from llmlab.measure import race
from llmlab.measure.timing import Speed

CHARACTERS = 24_000  # of the evaluation text


@dataclass(frozen=True)
class Worth:
    """What models are worth by the context that they see, and how fast they write."""

    facts: tuple[Record, ...]
    timing: Speed
    names: tuple[str, ...]

    def records(self) -> list[Record]:
        """Return bits, gains and differences by context, then the times."""
        return [*self.facts, *self.times]

    @property
    def times(self) -> list[Record]:
        """Time to first token and time per token of each model."""
        wanted = (TIME_TO_FIRST_TOKEN.name, TIME_PER_TOKEN.name)
        every = chain(*(timing.records() for timing in self.timing.timings))
        return [fact for fact in every if fact.name in wanted]

    @property
    def more(self) -> Record:
        """Bits that a token costs the second model more, with the longest context."""
        what = quantities.DIFFERENCE_IN_BITS_PER_TOKEN.name
        return [fact for fact in self.facts if fact.name == what][-1]

    def gain(self, name: str) -> Record:
        """Return the bits that a model saves by its longest context."""
        what = quantities.GAIN_FROM_CONTEXT.name
        gains = [f for f in self.facts if (f.name, f.subject) == (what, name)]
        if not gains:
            raise ValueError(f"name={name!r} was not measured; choose of {self.names}.")
        return gains[-1]

    def pace(self, name: str, against: str) -> float:
        """Return how many tokens one model writes while the other writes one."""
        mine, other = self.timing[name].per_token, self.timing[against].per_token
        assert mine is not None and other is not None  # 33 tokens have gaps
        return other.median / mine.median

    def time(self, name: str) -> Record:
        """Return a model's time per token."""
        (time,) = [
            fact
            for fact in self.times
            if (fact.subject, fact.name) == (name, TIME_PER_TOKEN.name)
        ]
        return time


def worth(
    models: Mapping[str, LanguageModel],
    text: str | None = None,
    *,
    context: int = 512,
    stride: int = 128,
    prompt: int = 512,
    new: int = 33,
    seconds: float = 4.0,
) -> Worth:
    """Measure trained models by the context that they see, and race them.

    models: name -> model, all of one tokenizer. text: that none of them has seen, by
    default the beginning of the evaluation text.
    prompt, new: tokens read and written in the race. Raises ValueError as
    `positions.quality` and `measure.race` do.
    """
    text = texts.evaluation()[:CHARACTERS] if text is None else text
    facts = positions.quality(models, text, context=context, stride=stride)
    first = next(iter(models.values()))
    ids = first.tokenizer(text, verbose=False)["input_ids"][:prompt]
    timing = race(models, ids, max_tokens=new, seconds=seconds)
    return Worth(tuple(facts), timing, tuple(models))
