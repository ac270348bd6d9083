"""A model that answers whole texts, on this machine: translators and classifiers.

They have no tokens to stream to a user; what counts is the wait for an answer, how many
come in a second when texts are batched, and how many of them are right.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llmlab.core import arguments, quantities, wanted
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
    wanted.module("model", model)
    arguments.function("ask", ask, way="such as models.translation.translate")
    if not isinstance(exam, Exam):
        raise ValueError(
            f"exam={arguments.shown(exam)} is no Exam; make one of texts and the right "
            "answers: exams.Exam(asked, expected)."
        )
    most = len(exam.asked)
    way = f"the exam has {most} texts, so (1, {most}) would do"
    arguments.wholes("batches", batches, least=1, most=most, way=way)
    calls = {
        str(batch): lambda batch=batch: ask(model, exam.asked[:batch])
        for batch in batches
    }
    measured = speed(calls, seconds=seconds)
    label, weights = labels.label(model), getattr(model, "weights_version", None)
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
