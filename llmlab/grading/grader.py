"""Grade submissions from the learners' functions, each exercise in its own process.

A learner's process only answers: it is told the arguments, and never what is right. The
verdict is given here, where no learner's code has run, by the same loop that gives it
in a notebook. Where an exercise fails behind one that is wrong, it is answered again
with the reference solution of that one.
"""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

import llmlab
from llmlab.checks import judging
from llmlab.checks.calls import Outcome
from llmlab.checks.exercise import Exercise, MisfitError, Question, as_it_is
from llmlab.checks.feedback import Failure
from llmlab.core.wall import Limits
from llmlab.grading import cells, messages, seal
from llmlab.grading.assignments import Assignment, Task
from llmlab.grading.marks import TAMPERED, Mark, Result
from llmlab.grading.submissions import Submission
from llmlab.grading.verdicts import verdict
from llmlab.grading.worker import Reply, Worker

LOST = ("dead", "too slow")  # states in which the code of a cell may never end
_judging = threading.Lock()  # a check is quiet by turning the one stdout away


class Grader:
    """Grades submissions with a few warm processes; a context manager.

    assignments: the labs that can be graded. workers: processes side by side. Raises
    ValueError on a system without forks and limits, which is Windows, and without what
    an exercise is judged with, such as a C compiler.
    """

    def __init__(
        self,
        assignments: Sequence[Assignment],
        *,
        limits: Limits | None = None,
        workers: int = 1,
    ):
        if sys.platform == "win32":
            raise ValueError(
                "grading needs forks and limits of resources, which Windows lacks; "
                "run it on Linux or in its subsystem (WSL)."
            )
        self.assignments = {one.name: one for one in assignments}
        for one in assignments:
            _judgeable(one)
        imports = "\n".join(one.imports for one in assignments)
        limits = limits or Limits()
        words = [*dict.fromkeys(one.word for one in assignments)]
        self._workers = [Worker(words, imports, limits) for _ in range(workers)]
        self._checks = Path(llmlab.__file__).parent / "checks"

    def __enter__(self) -> "Grader":
        self._digest = seal.digest(self._checks)
        with ExitStack() as stack:
            for worker in self._workers:
                stack.enter_context(worker)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def missing(self) -> list[str]:
        """What this system's kernel lacks of the wall, in a few words each."""
        return self._workers[0].missing

    def grade(self, submissions: Sequence[Submission]) -> Iterator[Result]:
        """Yield the result of each submission, in order, as soon as it is there.

        OSError where the checks changed on disk meanwhile: then no result counts.
        """
        free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            free.put(worker)

        def one(submission: Submission) -> Result:
            worker = free.get()
            try:
                return self._result(submission, worker)
            finally:
                free.put(worker)

        with ThreadPoolExecutor(len(self._workers)) as pool:
            try:
                yield from pool.map(one, submissions)
            finally:
                pool.shutdown(cancel_futures=True)
        self._verify()

    def _verify(self) -> None:
        if seal.digest(self._checks) != self._digest:
            raise OSError(
                f"{self._checks} changed while submissions were graded, so no mark of "
                "this run counts; install llmlab again and grade in a container."
            )

    def _result(self, submission: Submission, worker: Worker) -> Result:
        assignment = self.assignments[submission.lab]
        marks: list[Mark] = []
        for task in assignment.tasks:
            mark = self._mark(submission, assignment, task, marks, worker)
            check = f"check-{task.name}"
            if cells.is_edited(submission.cells, check, task.check):
                mark = mark.noted("its check's cell was edited, which changes nothing")
            marks.append(mark)
        return Result(submission, assignment, tuple(marks))

    def _mark(
        self,
        submission: Submission,
        assignment: Assignment,
        task: Task,
        before: Sequence[Mark],
        worker: Worker,
    ) -> Mark:
        """Grade an exercise, and again with references where earlier ones are wrong."""
        written = assignment.leading_to(submission.cells, task)
        if not written:
            return Mark(task, "missing", (f"✗ {task.name}: its cell is not there.",))
        references = assignment.references
        wrong = {one.task.name for one in before if not one.right}
        ends = {one.task.name for one in before if one.state in LOST}
        ends &= references.keys()

        def graded(replaced: set[str]) -> Mark:
            return self._ask(
                assignment, task, assignment.replaced(written, replaced), worker
            )

        used = assignment.used(written, task) & wrong
        mark = graded(ends)
        if mark.right or not used or mark.state == TAMPERED:
            return _with_references(mark, ends & used)
        if not used <= references.keys():
            return mark.noted("not graded again: the solutions are not here")
        again = graded(ends | used)
        return _with_references(again, used) if again.right else mark

    def _ask(
        self,
        assignment: Assignment,
        task: Task,
        written: Sequence[tuple[str, str]],
        worker: Worker,
    ) -> Mark:
        exercise = _exercise(assignment.word, task.name)
        with _judging:
            kinds = [messages.kinds(exercise, one) for one in exercise.questions]
        reply = worker.ask(
            assignment.word, task.name, task.learner_object, written, kinds
        )
        return verdict(task, reply, _judge(exercise), len(kinds))


def _judgeable(assignment: Assignment) -> None:
    """Raise ValueError where an exercise cannot be judged on this machine."""
    for task in assignment.tasks:
        if reason := _exercise(assignment.word, task.name).absent():
            raise ValueError(f"{assignment.name} cannot be graded here: {reason}")


def _exercise(word: str, name: str) -> Exercise:
    return importlib.import_module(f"llmlab.checks.{word}").EXERCISES[name]


def _judge(exercise: Exercise) -> Callable[[Reply], Failure | None]:
    """Return what judges the outcomes of a reply; any error: they are none."""

    def judge(reply: Reply) -> Failure | None:
        came = [one["outcome"] for one in reply.messages if "outcome" in one]
        place = {id(one): number for number, one in enumerate(exercise.questions)}

        def outcome(question: Question) -> Outcome:
            written = came[min(place[id(question)], len(came) - 1)]
            one = messages.outcome_of(written, question.right)
            if exercise.examine is not None and one.values:
                return _examined(exercise, question, one)
            whole = exercise.observe is as_it_is and not one.misfit
            return replace(one, parts=one.values) if whole else one

        with _judging:
            return judging.judge_outcomes(exercise, outcome)

    return judge


def _examined(exercise: Exercise, question: Question, one: Outcome) -> Outcome:
    """Return what comes of the program that a learner's function gave."""
    assert exercise.examine
    try:
        return Outcome((exercise.examine(one.values[0], question.case),))
    except MisfitError as misfit:
        return Outcome(misfit=misfit)


def _with_references(mark: Mark, names: set[str]) -> Mark:
    listed = ", ".join(sorted(names))
    return mark.noted(f"graded with the reference solution of {listed}" * bool(names))
