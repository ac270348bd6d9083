"""A model that answers whole texts, on this machine: translators and classifiers.

They have no tokens to stream to a user; what counts is the wait for an answer, how many
come in a second when texts are batched, and how many of them are right.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llmlab.core import quantities
from llmlab.core.records import Record
from llmlab.measure import labels, memory
from llmlab.measure.exams import Ask, Exam
from llmlab.measure.timing import speed

BATCHES = (1, 2, 4, 8, 16)
SECONDS = 12.0  # of timing; at least six rounds are run


def one_model(
    model: Any,
    *,
    ask: Ask,
    exam: Exam,
    judged: bool = True,
    batches: Sequence[int] = BATCHES,
    seconds: float = SECONDS,
) -> list[Record]:
    """Measure the wait for answers, answers a second, memory and what is right.

    ask: answers texts, such as `models.translation.translate`. exam: what is asked; its
    first texts are those that are timed. judged: whether its answers are right for this
    model, so that the share of them says anything. Record details hold batch.
    Raises ValueError for an exam of fewer texts than the largest batch.
    """
    if not len(batches) or min(batches) < 1 or max(batches) > len(exam.asked):
        raise ValueError(
            f"batches={batches!r} must be numbers from 1 to the {len(exam.asked)} "
            "texts of the exam, such as (1, 8)."
        )
    calls = {
        str(batch): lambda batch=batch: ask(model, exam.asked[:batch])
        for batch in batches
    }
    measured = speed(calls, seconds=seconds)
    label, weights = labels.label(model), model.weights_version
    facts = []
    for batch in batches:
        total, details = measured[str(batch)].total, {"batch": batch}
        facts.append(total.record(quantities.LATENCY_OF_ANSWERS, details=details))
        rate = quantities.THROUGHPUT_OF_ANSWERS
        facts.append(total.rate(rate, batch, details=details))
    facts = [replace(fact, subject=label, seed=0, weights=weights) for fact in facts]
    facts = memory.held(model) + facts
    if judged:
        answers = ask(model, exam.asked)
        right = exam.mark(answers, subject=label)
        facts.append(replace(right, weights=weights))
    return [*facts, memory.process_peak(subject=label)]
