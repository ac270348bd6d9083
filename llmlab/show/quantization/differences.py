"""Tables of text: what methods lose, and answers that differ."""

from collections.abc import Mapping
from typing import Any

from llmlab.core import records
from llmlab.core.quantities import DIFFERENCE_IN_BITS_PER_BYTE
from llmlab.core.records import Record
from llmlab.quantization.quantities import FORECAST
from llmlab.show import select
from llmlab.show.text_tables import TextTable

NOTE = "Bits per byte more than before rounding, with 95 % intervals."
WRONG = "✗ "  # before an answer that is not right


def lost(result: Any) -> TextTable:
    """Return a table of the bits per byte that models lose, by method, bits and kind.

    result: records "difference in bits per byte" with details method and relative,
    such as `choices.quality` returns. What was forecast of a method, as `mixture` does,
    stands before. ValueError: none of them.
    """
    every = records.collect(result)
    facts = select.by_quantity(every, DIFFERENCE_IN_BITS_PER_BYTE)
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
    table = TextTable(("method", *names), rows, facts, NOTE)
    sums = {fact.subject: fact for fact in select.by_quantity(every, FORECAST)}
    return _with_forecasts(table, sums) if sums else table


def _with_forecasts(table: TextTable, sums: Mapping[str, Record]) -> TextTable:
    """Put the sums of errors into a column of their own, what has none to the end."""
    rows = tuple(
        (method, f"{sums[method].value:.2%}" if method in sums else "", *losses)
        for method, *losses in table.rows
    )
    others = [method for method, *_ in table.rows if method not in sums]
    note = f"{NOTE} Forecast: {FORECAST.name}, as a share of the logits' square."
    for method in others:
        note += f" The row “{method}” is relative to the even model."
    headings = (table.headings[0], "forecast", *table.headings[1:])
    return TextTable(headings, rows, (*sums.values(), *table.facts), note)


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

    result: `measure.exams.Answers`, such as `choices.translated` returns. count: rows
    at most. ValueError: something else, a count below 1.
    """
    if not hasattr(result, "differing"):
        raise ValueError(
            f"result={result!r:.60} has no answers to compare; hand in what "
            "quantization.experiments.choices.translated returned."
        )
    if count < 1:
        raise ValueError(f"count={count} shows no row; choose at least 1.")
    exam = result.exam
    differing = result.differing(len(exam.asked))
    right = dict(zip(exam.asked, exam.expected, strict=True))
    rows = tuple(
        (asked, *(_marked(one, right[asked]) for one in given))
        for asked, *given in differing[:count]
    )
    note = (
        f"{len(differing)} of {len(exam.asked)} answers differ, {len(rows)} are "
        "shown; ✗ marks wrong ones."
    )
    facts = tuple(result.records())
    return TextTable(("asked", *result.given), rows, facts, note)


def _marked(answer: str, right: str) -> str:
    return answer if answer == right else WRONG + answer
