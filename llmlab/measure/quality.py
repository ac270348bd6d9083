"""Quality: how well a model does its work, so that no speed-up hides a loss.

Bits per byte is the size to which the model would compress a text, per byte of it; it
compares models whatever their tokenizers. Accuracies count tokens and whole answers.
Agreement compares a changed model with the original: under the same text, and when
each writes on alone. Every number has an interval, drawn over parts of the text;
a difference is taken part by part, so it is much surer than two separate numbers.
"""

from collections.abc import Sequence

import numpy

from llmlab.core import records
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure import identity, intervals
from llmlab.measure.agreement import agreement, free_agreement
from llmlab.measure.estimates import of_scores, ratio, with_interval
from llmlab.measure.scores import Scores, Texts, score

__all__ = [
    "Scores",
    "agreement",
    "bits_per_byte",
    "difference",
    "exact_match",
    "free_agreement",
    "next_token_accuracy",
    "of",
    "perplexity",
    "score",
]


def of(model: LanguageModel, text: Texts, *, stride: int | None = None) -> list[Record]:
    """Return bits per byte, perplexity and next-token accuracy from one pass.

    text: one text, a list, or a mapping to texts; windows and errors as in `score`.
    """
    scores = score(model, text, stride=stride)
    return [_bits_per_byte(model, scores), _perplexity(model, scores),
            _accuracy(model, scores)]  # fmt: skip


def bits_per_byte(
    model: LanguageModel, text: Texts, *, stride: int | None = None
) -> Record:
    """Return the bits that the model needs per byte of UTF-8."""
    return _bits_per_byte(model, score(model, text, stride=stride))


def perplexity(
    model: LanguageModel, text: Texts, *, stride: int | None = None
) -> Record:
    """Return 2 to the mean bits per token: among how many tokens the model hesitates.

    It depends on the tokenizer; compare models of one tokenizer only.
    """
    return _perplexity(model, score(model, text, stride=stride))


def next_token_accuracy(
    model: LanguageModel, text: Texts, *, stride: int | None = None
) -> Record:
    """Return the share of tokens that had the highest logit."""
    return _accuracy(model, score(model, text, stride=stride))


def difference(
    model: LanguageModel,
    original: LanguageModel,
    text: Texts,
    *,
    stride: int | None = None,
) -> Record:
    """Return the bits per byte that `model` needs more than `original`, paired.

    Tokenizers may differ. Details hold the relative difference with its interval.
    """
    ours, theirs = (score(each, text, stride=stride) for each in (model, original))
    both = [ours.sums(ours.bits), theirs.sums(theirs.bits), ours.bytes]
    parts = numpy.column_stack(both)  # (parts, 3)
    names = ("relative", "relative_low", "relative_high")
    shares = with_interval(parts, lambda sums: sums[:, 0] / sums[:, 1] - 1)
    return of_scores(
        "difference in bits per byte",
        "bit/B",
        parts,
        lambda sums: (sums[:, 0] - sums[:, 1]) / sums[:, 2],
        model,
        ours,
        subject=f"{identity.label(model)} against {identity.label(original)}",
        details=dict(zip(names, shares, strict=False)),
    )


def exact_match(
    answers: Sequence[object], expected: Sequence[object], *, subject: str = ""
) -> Record:
    """Return the share of answers that equal what was expected."""
    if len(answers) != len(expected) or not len(answers):
        raise ValueError(
            f"answers holds {len(answers)} and expected {len(expected)}; give as many "
            "of each, and at least one."
        )
    right = sum(a == b for a, b in zip(answers, expected, strict=True))
    low, high = intervals.of_share(right, len(answers))
    rest = {"subject": subject, "details": {"answers": len(answers)}}
    share = right / len(answers)
    return records.measured("exact match", share, "1", low=low, high=high, **rest)


def _bits_per_byte(model: LanguageModel, scores: Scores) -> Record:
    parts = numpy.column_stack([scores.sums(scores.bits), scores.bytes])
    return of_scores("bits per byte", "bit/B", parts, ratio, model, scores)


def _perplexity(model: LanguageModel, scores: Scores) -> Record:
    parts = scores.sums(scores.bits, numpy.ones(len(scores.bits)))
    return of_scores(
        "perplexity", "1", parts, lambda sums: 2 ** ratio(sums), model, scores
    )


def _accuracy(model: LanguageModel, scores: Scores) -> Record:
    parts = scores.sums(scores.hits, numpy.ones(len(scores.hits)))
    return of_scores("next-token accuracy", "1", parts, ratio, model, scores)
