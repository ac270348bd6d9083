"""Quality: how well a model does its work, so that no speed-up hides a loss.

Bits per byte is the size to which the model would compress a text, per byte of it; it
compares models whatever their tokenizers. Accuracies count tokens and whole answers.
Agreement compares a changed model with the original: under the same text, and when
each writes on alone. Every number has an interval, drawn over parts of the text;
a difference is taken part by part, so it is much surer than two separate numbers.
"""

from collections.abc import Sequence

import numpy

from llmlab.core import quantities, records
from llmlab.core.model import LanguageModel
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.measure.agreement import agreement, free_agreement
from llmlab.measure.bootstrap import of_scores, ratio, with_interval
from llmlab.measure.scores import Scores, Texts, score, texts_of

__all__ = [
    "Scores",
    "agreement",
    "bits_per_byte",
    "difference",
    "evaluate",
    "exact_match",
    "free_agreement",
    "next_token_accuracy",
    "perplexity",
    "score",
]


def evaluate(
    model: LanguageModel, text: Texts, *, stride: int | None = None
) -> list[Record]:
    """Return bits per byte, perplexity and next-token accuracy from one pass.

    text: one text, a list, or a mapping to texts; windows and errors as in `score`.
    """
    scores = score(model, text, stride=stride)
    return [_bits_per_byte(scores), _perplexity(scores), _accuracy(scores)]


def bits_per_byte(
    model: LanguageModel, text: Texts, *, stride: int | None = None
) -> Record:
    """Return the bits that the model needs per byte of UTF-8."""
    return _bits_per_byte(score(model, text, stride=stride))


def perplexity(
    model: LanguageModel, text: Texts, *, stride: int | None = None
) -> Record:
    """Return 2 to the mean bits per token: among how many tokens the model hesitates.

    It depends on the tokenizer; compare models of one tokenizer only.
    """
    return _perplexity(score(model, text, stride=stride))


def next_token_accuracy(
    model: LanguageModel, text: Texts, *, stride: int | None = None
) -> Record:
    """Return the share of tokens that had the highest logit."""
    return _accuracy(score(model, text, stride=stride))


def difference(
    model: LanguageModel | Scores,
    original: LanguageModel | Scores,
    text: Texts,
    *,
    stride: int | None = None,
) -> Record:
    """Return the bits per byte that `model` needs more than `original`, paired.

    Each may also be what `score` gave for it on this text, so that one original serves
    for many models. Tokenizers may differ. Details hold the relative difference with
    its interval. Raises ValueError for scores of another text.
    """
    ours, theirs = (
        scored if isinstance(scored, Scores) else score(scored, text, stride=stride)
        for scored in (model, original)
    )
    size = sum(len(document.encode()) for document in texts_of(text))
    for name, scores in {"model": ours, "original": theirs}.items():
        if (counted := scores.bytes.sum()) != size:
            raise ValueError(
                f"{name} was scored on a text of {counted:,} bytes, and this one has "
                f"{size:,}; score it on the same text."
            )
    both = [ours.sums(ours.bits), theirs.sums(theirs.bits), ours.bytes]
    parts = numpy.column_stack(both)  # (parts, 3)
    names = ("relative", "relative_low", "relative_high")
    shares = with_interval(parts, lambda sums: sums[:, 0] / sums[:, 1] - 1)
    return of_scores(
        quantities.DIFFERENCE_IN_BITS_PER_BYTE,
        parts,
        lambda sums: (sums[:, 0] - sums[:, 1]) / sums[:, 2],
        ours,
        subject=f"{ours.subject} against {theirs.subject}",
        details=dict(zip(names, shares, strict=False)),
    )


def exact_match(
    answers: Sequence[object],
    expected: Sequence[object],
    *,
    subject: str = "",
    what: Quantity = quantities.EXACT_MATCH,
) -> Record:
    """Return the share of answers that equal what was expected.

    what: what the share is called, such as `core.quantities.ACCURACY` of labels.
    """
    if len(answers) != len(expected) or not len(answers):
        raise ValueError(
            f"answers holds {len(answers)} and expected {len(expected)}; give as many "
            "of each, and at least one."
        )
    right = sum(a == b for a, b in zip(answers, expected, strict=True))
    low, high = intervals.of_share(right, len(answers))
    return records.measured(
        what,
        right / len(answers),
        subject=subject,
        low=low,
        high=high,
        details={"answers": len(answers)},
    )


def _bits_per_byte(scores: Scores) -> Record:
    parts = numpy.column_stack([scores.sums(scores.bits), scores.bytes])
    return of_scores(quantities.BITS_PER_BYTE, parts, ratio, scores)


def _perplexity(scores: Scores) -> Record:
    parts = scores.sums(scores.bits, numpy.ones(len(scores.bits)))
    return of_scores(
        quantities.PERPLEXITY, parts, lambda sums: 2 ** ratio(sums), scores
    )


def _accuracy(scores: Scores) -> Record:
    parts = scores.sums(scores.hits, numpy.ones(len(scores.hits)))
    return of_scores(quantities.NEXT_TOKEN_ACCURACY, parts, ratio, scores)
