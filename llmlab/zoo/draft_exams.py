"""What a draft is asked: does it write what its teacher writes, and would that pay?

A draft foretells a few tokens, the teacher reads them at once and keeps those that it
would have written itself (Leviathan et al. 2023). What counts is how often both agree
along the teacher's own text, what a step of the draft costs, and what it costs to read
a few tokens in place of one.

Shapes: B prompts, T tokens.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy
import torch
from torch import Tensor

from llmlab import measure
from llmlab.core import progress, quantities, records
from llmlab.core.records import Record
from llmlab.measure import bootstrap, comparison, labels
from llmlab.models import generation
from llmlab.zoo.quantities import EXPECTED_GAIN

PROMPTS, PROMPT, NEW = 16, 128, 64  # texts, tokens read, tokens written by the teacher
MOST = 8  # tokens foretold at once
SECONDS = 20.0  # of each race


@dataclass(frozen=True)
class Costs:
    """How quick the models are, and what it costs the teacher to read several tokens.

    Times of one step of the teacher are 1.
    """

    prefill: dict[str, Record]  # by model: how many times as fast as the teacher
    decode: dict[str, Record]
    reading: tuple[float, ...]  # of 1, 2, ... tokens
    note: str


def prompts(tokenizer, files: Mapping[str, str]) -> Tensor:
    """Return the first tokens (B, T) of the first programs that are long enough."""
    rows = (tokenizer(text)["input_ids"] for text in files.values())
    long = [row[:PROMPT] for row in rows if len(row) >= PROMPT]
    return torch.tensor(long[:PROMPTS])


def own_text(teacher, asked: Tensor) -> Tensor:
    """Return prompts with what the teacher writes on greedily, (B, T)."""
    steps = generation.stream_batch(teacher, asked.tolist(), max_tokens=NEW)
    written = list(progress.track(steps, "the teacher's text", NEW))
    return torch.cat([asked, torch.tensor(written).T], dim=1)


def agreement(model, text: Tensor, prompt: int = PROMPT) -> Record:
    """Return the share of what the teacher wrote that the model would have written.

    text: as `own_text` gives it. The interval is drawn over prompts.
    """
    with torch.inference_mode():
        choices = model(text[:, :-1])[:, prompt - 1 :].argmax(-1)  # (B, new)
    same = (choices == text[:, prompt:]).sum(1).numpy()
    asked = numpy.full(len(same), text.shape[1] - prompt)
    return bootstrap.estimate(
        quantities.AGREEMENT,
        numpy.column_stack([same, asked]),
        bootstrap.ratio,
        subject=labels.label(model),
    )


def costs(
    teacher: str, models: Mapping, prompt: Sequence[int], *, seconds: float = SECONDS
) -> Costs:
    """Race models that write on from a prompt, and the teacher reading 1 to 9 tokens.

    models: the teacher and its drafts by name.
    """
    speed = measure.race(models, prompt, max_tokens=NEW, seconds=seconds)
    firsts = {name: speed[name].time_to_first_token for name in models}
    steps = {name: speed[name].per_token for name in models}
    compared = functools.partial(_ratios, teacher, ran_on=speed.ran_on)
    cache = models[teacher].new_cache(1, len(prompt) + MOST + 1)
    with torch.inference_mode():
        models[teacher](torch.tensor([prompt]), cache)
    calls = {
        str(count): functools.partial(_read, models[teacher], cache, prompt, count)
        for count in range(1, MOST + 2)
    }
    reading = measure.speed(calls, seconds=seconds)
    ratios = (1 / reading.ratio(name, "1") for name in calls)
    notes = {part.note for part in (speed, reading) if part.note}
    return Costs(compared(firsts), compared(steps), tuple(ratios), " ".join(notes))


def gains(agreed: float, cost: float, reading: Sequence[float]) -> list[Record]:
    """Return how many times as fast a teacher would write, by tokens foretold at once.

    agreed: how often a foretold token is right, taken as independent of those before;
    cost: of a draft's step; reading: of 1, 2, ... tokens; both in steps of the teacher.
    An estimate: (1 - a^(k+1)) / (1 - a) tokens in the time of one reading and k steps.
    """
    made = []
    for count in range(1, len(reading)):
        tokens = sum(agreed**place for place in range(count + 1))
        gain = tokens / (reading[count] + count * cost)
        details = {"count": count, "tokens": tokens}
        made.append(
            records.make(EXPECTED_GAIN, gain, kind="estimated", details=details)
        )
    return made


def _ratios(teacher: str, series: Mapping, *, ran_on) -> dict[str, Record]:
    verdicts = {
        name: comparison.compare(
            name, one.rounds, teacher, series[teacher].rounds, ran_on=ran_on
        )
        for name, one in series.items()
        if name != teacher
    }
    return {name: verdict.record() for name, verdict in verdicts.items()}


@torch.inference_mode()
def _read(model, cache, prompt: Sequence[int], count: int) -> None:
    """Let a model read `count` tokens behind the prompt, and forget them again."""
    model(torch.tensor([[*prompt[:count]]]), cache)
    cache.rewind([len(prompt)])
