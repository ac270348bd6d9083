"""Quality: how well a model does its work, so that no speed-up hides a loss.

Bits per byte is the size to which the model would compress a text, per byte of it; it
compares models whatever their tokenizers. Accuracies count tokens and whole answers.
Agreement compares a changed model with the original: under the same text, and when
each writes on alone. Every number has an interval, drawn over parts of the text;
a difference is taken part by part, so it is much surer than two separate numbers.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy

from llmlab.core import quantities, records, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.measure.agreement import agreement, free_agreement
from llmlab.measure.bootstrap import of_scores, ratio, with_interval
from llmlab.measure.scores import Scores, Texts, digest_of, score, texts_of

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
    Where the text does not come back from its tokens, bits per byte would say too
    little; they are left out, and the other two note it.
    """
    scores = score(model, text, stride=stride)
    others = [_perplexity(scores), _accuracy(scores)]
    if not scores.lost:
        return [_bits_per_byte(scores), *others]
    note = f"No bits per byte: {scores.lost}."
    return [replace(r, details=dict(r.details) | {"note": note}) for r in others]


def bits_per_byte(
    model: LanguageModel | Scores, text: Texts, *, stride: int | None = None
) -> Record:
    """Return the bits that the model needs per byte of UTF-8.

    model: or what `score` gave for it on this text, so that it is not read twice.
    Raises ValueError as `score`, for scores of another text, and where the text does
    not come back from its tokens, since what is lost would cost nothing.
    """
    return _bits_per_byte(_scored("model", model, text, stride))


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
    its interval. Raises ValueError for scores of another text, and as `bits_per_byte`.
    """
    ours = _scored("model", model, text, stride)
    theirs = _scored("original", original, text, stride)
    for scores in (ours, theirs):
        _check_whole(scores)
    if len(ours.bytes) != len(theirs.bytes):  # one tokenizer knows no stretches
        ours, theirs = ours.by_text(), theirs.by_text()
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

    what: what the share is called, such as `core.quantities.ACCURACY` of labels. Raises
    ValueError for one text in place of a list, and for lists of different lengths.
    """
    for name, given in {"answers": answers, "expected": expected}.items():
        if isinstance(given, str | bytes) or not hasattr(given, "__len__"):
            raise ValueError(
                f"{name}={shown(given)} is no list of answers; give one entry for each "
                "question, such as ['deux', 'dix']."
            )
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


def _scored(
    name: str, model: LanguageModel | Scores, text: Texts, stride: int | None
) -> Scores:
    """Return the scores of a model, or those that were handed in for this text."""
    if not isinstance(model, Scores):
        wanted.causal(name, model)
        return score(model, text, stride=stride)
    texts = texts_of(text)
    if model.digest != digest_of(texts):
        size = sum(len(document.encode()) for document in texts)
        raise ValueError(
            f"{name} was scored on another text, of {model.bytes.sum():,} bytes, and "
            f"this one has {size:,}; score it on the same text."
        )
    return model


def _check_whole(scores: Scores) -> None:
    if scores.lost:
        raise ValueError(
            f"text cannot be charged by its bytes for {scores.subject!r}: "
            f"{scores.lost}, and what is lost costs no bit; take perplexity, or "
            "another model."
        )


def _bits_per_byte(scores: Scores) -> Record:
    _check_whole(scores)
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
