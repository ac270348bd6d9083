"""Students by start, loss and number of steps: what takes longer than lab 6 may.

Each row is a student at one step of its training: bits per byte of the short texts for
`coder`, right answers for `translator` and `classifier`. Trainings pause where their
student is judged, in LLMLAB_CACHE, and go on there; a row that stands in
llmlab/recorded/distillation_grid.json for the same weights is not made again, so the
command may be stopped at any time. Takes half an hour on two cores.
`--only RUN` makes a part; `--small` trains for a few steps, prints and writes nothing.
"""

import argparse
import dataclasses
import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from distillation_courses import PROMPT, Course, Courses

from llmlab import measure, models, show, texts
from llmlab.core import machine, records
from llmlab.core.recording import Details, Grid, Make
from llmlab.core.records import Record
from llmlab.distillation import quantities, samples
from llmlab.measure import exams
from llmlab.models import classification, streams, translation

FILE = Path(__file__).resolve().parents[1] / "llmlab/recorded/distillation_grid.json"
COMMAND = "python benchmarks/distillation_grid.py"
TEACHERS = {
    "coder": "coder",
    "healing": "coder",
    "on-policy": "coder",
    "classifier": "classifier",
    "translator": "translator",
}
PROMPTS, EACH, NEW = 16, 8, 64  # of the samples
EXAM = 1000  # numbers that the translator is asked

Ask = Callable[[Any, Any], Record]  # teacher and student -> what is said of the student


def main() -> None:
    """Make every row that is not there yet, and show them all."""
    options = _options()
    machine.set_threads()
    grid = Grid(None if options.small else FILE, COMMAND)
    with tempfile.TemporaryDirectory() as nowhere:
        cache = Path(nowhere) if options.small else machine.cache_folder()
        for run in options.only or TEACHERS:
            teacher = models.load(TEACHERS[run])
            place = cache / "distillation" / str(teacher.weights_version)
            courses = Courses(place, small=options.small).of(run)
            for ways, judge in rows_of(run, courses, small=options.small):
                for fact in grid.fill(teacher, ways, judge):
                    print(fact, dict(fact.details), flush=True)
    columns = ("subject", "run", "start", "loss", "steps", "what", "value", "interval")
    print(show.table(grid.facts, columns))


def rows_of(
    run: str, courses: list[Course], *, small: bool
) -> Iterator[tuple[list[tuple[Details, Make]], Ask]]:
    """Yield the rows of a run, as `Grid.fill` takes them, and what judges them."""
    text = texts.short_files()
    if small:
        text = {name: program[:1500] for name, program in [*text.items()][:1]}
    asked = _asked(run, text, small=small)
    for course in courses:
        for step in course.steps:
            for what, ask in asked.items():  # before the training goes on
                yield [_row(course, step, what)], functools.partial(_said, ask)
    if run in ("coder", "healing"):
        by_labels = {one.start: one for one in courses if one.loss == "labels"}
        ways = [
            _pair(course, by_labels[course.start])
            for course in courses
            if course.loss != "labels"
        ]
        yield ways, functools.partial(_more, text=text)


def _row(course: Course, step: int, what: str) -> tuple[Details, Make]:
    """Return the row of a student at a step."""
    return _details(course, step, what), lambda _: course.at(step)


def _pair(course: Course, labels: Course) -> tuple[Details, Make]:
    """Return the row of a student beside that of the labels, at the end of both."""
    last = course.steps[-1]
    details = _details(course, last, "more than labels")
    return details, lambda _: (course.at(last)[0], labels.at(last)[0])


def _details(course: Course, step: int, what: str) -> dict[str, Any]:
    details = {"run": course.run, "start": course.start, "loss": course.loss}
    return details | {"steps": step, "what": what}


def _said(ask: Ask, teacher: Any, made: tuple[Any, float]) -> Record:
    """Return what is said of a student, with the seconds that its training took."""
    student, seconds = made
    fact = ask(teacher, student)
    more = {"training seconds": round(seconds, 1)}
    return dataclasses.replace(fact, details={**fact.details, **more})


def _more(_: Any, made: tuple[Any, Any], *, text: Any) -> Record:
    fact = measure.quality.difference(*made, text)
    return _as(quantities.MORE_THAN_LABELS, fact)


def _asked(run: str, text: Any, *, small: bool) -> dict[str, Ask]:
    """Return what is asked of the students of a run, by what it says."""
    if run == "translator":
        exam = exams.number_words(20 if small else EXAM)

        def translate(_: Any, student: Any) -> Record:
            answers = translation.translate(student, exam.asked)
            return _as(quantities.STUDENT_RIGHT, exam.mark(answers))

        return {"right": translate}
    if run == "classifier":
        return {"accuracy": functools.partial(_classify, count=20 if small else None)}

    def bits(_: Any, student: Any) -> Record:
        fact = measure.quality.bits_per_byte(student, text)
        return _as(quantities.STUDENT_BITS, fact)

    sampled = _sampled(small=small) if run == "on-policy" else {}
    return {"bits": bits} | sampled


def _classify(teacher: Any, student: Any, *, count: int | None) -> Record:
    asked = texts.snippets()[:count]
    codes = [snippet.code for snippet in asked]
    answers = classification.classify(student, codes, tokenizer=teacher.tokenizer)
    right = [snippet.module for snippet in asked]
    return _as(quantities.STUDENT_RIGHT, measure.quality.exact_match(answers, right))


def _sampled(*, small: bool) -> dict[str, Ask]:
    """Return what is asked of the texts that a student writes itself."""
    each, new = (2, 8) if small else (EACH, NEW)
    coder = models.load("coder")
    prompts = streams.library(coder, rows=PROMPTS, length=PROMPT, seed=9)(0)[:, :-1]
    draw = functools.partial(samples.draw, prompts=prompts, each=each, tokens=new)
    return {
        "variety": lambda _, student: samples.variety(draw(student)),
        "grade": lambda coder, student: samples.grade(coder, prompts, draw(student)),
    }


def _as(what: Any, fact: Record) -> Record:
    """Return a fact as one of students."""
    kept = {key: value for key, value in fact.details.items() if key in what.keys}
    return records.measured(
        what, fact.value, low=fact.low, high=fact.high, details=kept, seed=fact.seed
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TEACHERS, help="these runs alone")
    parser.add_argument(
        "--small", action="store_true", help="few steps and texts, nothing written"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
