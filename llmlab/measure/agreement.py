"""Agreement of two models, such as a quantized one with its original.

Under the same text each place is a fresh question, so one slip costs one place. When
each writes on alone, the first slip ends the common part: that is what a user sees.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy

from llmlab.core import progress, quantities, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import labels
from llmlab.measure.bootstrap import estimate, of_scores, ratio
from llmlab.measure.scores import Texts, score


def agreement(a: LanguageModel, b: LanguageModel, text: Texts) -> Record:
    """Return the share of places in a text at which both would choose the same token.

    Raises ValueError if their tokenizers cut the text differently.
    """
    for name, model in {"a": a, "b": b}.items():
        wanted.causal(name, model)
    context = min(a.context, b.context)
    ours, theirs = (score(model, text, context=context) for model in (a, b))
    if not numpy.array_equal(ours.tokens, theirs.tokens):
        raise ValueError(
            f"{labels.name(a)!r} and {labels.name(b)!r} cut this text into different "
            "tokens; compare their bits per byte instead: quality.difference."
        )
    same = ours.choices == theirs.choices
    parts = ours.sums(same, numpy.ones(len(same)))
    return of_scores(quantities.AGREEMENT, parts, ratio, ours, subject=_pair(a, b))


def free_agreement(
    a: LanguageModel,
    b: LanguageModel,
    prompts: Sequence[Sequence[int]],
    *,
    stream: Callable[..., Iterator[int]],
    max_tokens: int = 64,
) -> Record:
    """Return how many tokens two models write alike before they part, on average.

    stream: models.generation.stream, or like it; both run greedily from each prompt.
    Details hold the share of prompts on which they never parted.
    """
    for name, model in {"a": a, "b": b}.items():
        wanted.causal(name, model)
    listed = prompts.tolist() if hasattr(prompts, "tolist") else prompts
    if not isinstance(listed, Sequence) or isinstance(listed, str | bytes):
        raise ValueError(
            f"prompts={shown(prompts)} is no list of prompts; give lists of token ids."
        )
    if not callable(stream):
        raise ValueError(
            f"stream={shown(stream)} cannot be called; hand in "
            "models.generation.stream."
        )
    if not listed:
        raise ValueError("prompts is empty; give at least one list of token ids.")
    alike = []
    for prompt in progress.track(listed, "writing on alone"):
        pair = [stream(model, prompt, max_tokens=max_tokens) for model in (a, b)]
        alike.append(_common_prefix(*map(list, pair)))
    lengths = numpy.array([length for length, _ in alike])
    parts = numpy.stack([lengths, numpy.ones(len(lengths))], axis=1)
    never = sum(parted is False for _, parted in alike) / len(alike)
    facts = {"prompts": len(alike), "max_tokens": max_tokens, "never_parted": never}
    return estimate(
        quantities.COMMON_PREFIX,
        parts,
        ratio,
        subject=_pair(a, b),
        details=facts,
        weights=a.weights_version,
    )


def _common_prefix(ours: list[int], theirs: list[int]) -> tuple[int, bool]:
    """Return the length of what both begin with, and whether they part after it."""
    for length, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        if mine != other:
            return length, True
    return min(len(ours), len(theirs)), len(ours) != len(theirs)


def _pair(a: LanguageModel, b: LanguageModel) -> str:
    return f"{labels.label(a)} and {labels.label(b)}"
