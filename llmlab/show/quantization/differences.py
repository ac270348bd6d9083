"""Tables of text: what methods lose, and answers that differ."""

from typing import Any

from llmlab.core import records
from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE
from llmlab.core.records import Record
from llmlab.show import select
from llmlab.show.text_tables import TextTable

WRONG = "✗ "  # before an answer that is not right


def lost(result: Any) -> TextTable:
    """Return a table of the bits per byte that models lose, by method, bits and kind.

    result: records "difference in bits per byte" with details method and relative,
    such as `choices.quality` returns. ValueError: none of them.
    """
    facts = select.by_quantity(records.collect(result), DIFFERENCE_IN_BITS_PER_BYTE)
    if not facts:
        raise ValueError(
            f"result={result!r:.60} holds no {DIFFERENCE_IN_BITS_PER_BYTE.name!r}; "
            "hand in what quantization.experiments.choices.quality returned."
        )
    cells = {(select.detail(fact, "method"), _column(fact)): fact for fact in facts}
    columns = sorted({column for _, column in cells})
    rows = tuple(
        (method, *(_loss(cells.get((method, column))) for column in columns))
        for method in dict.fromkeys(method for method, _ in cells)
    )
    names = (f"{bits} bits, {kind}" if bits else kind for bits, kind in columns)
    note = "Bits per byte more than before rounding, with 95 % intervals."
    return TextTable(("method", *names), rows, facts, note)


def _column(fact: Record) -> tuple[int, str]:
    return fact.details.get("bits", 0), fact.kind


def _loss(fact: Record | None) -> str:
    if fact is None:
        return ""
    share, low, high = (
        100 * select.detail(fact, f"relative{end}") for end in ("", "_low", "_high")
    )
    return f"{share:+.1f} % ({low:.1f} to {high:.1f})"


def answers(result: Any, *, count: int = 5) -> TextTable:
    """Return a table of the texts on which models do not agree, wrong answers marked.

    result: what `choices.translations` returned. count: rows at most. ValueError:
    something else, a count below 1.
    """
    if not hasattr(result, "differing"):
        raise ValueError(
            f"result={result!r:.60} has no answers to compare; hand in what "
            "quantization.experiments.choices.translations returned."
        )
    if count < 1:
        raise ValueError(f"count={count} shows no row; choose at least 1.")
    differing = result.differing(len(result.english))
    right = dict(zip(result.english, result.french, strict=True))
    rows = tuple(
        (english, *(_marked(one, right[english]) for one in given))
        for english, *given in differing[:count]
    )
    note = (
        f"{len(differing)} of {len(result.english)} answers differ; ✗ marks wrong ones."
    )
    facts = tuple(result.records())
    return TextTable(("asked", *result.answers), rows, facts, note)


def _marked(answer: str, right: str) -> str:
    return answer if answer == right else WRONG + answer
