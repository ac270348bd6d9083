"""One exercise in a learner's process: define the answer cells, call the function.

This runs in a fork of the warm process, behind its wall. It knows which arguments to
call with and of which kind the answers are, but not one right answer; it sends what
came of each call, and the verdict is given elsewhere.
"""

import json
import linecache
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from llmlab.checks import calls, feedback
from llmlab.checks.exercise import Case, Exercise
from llmlab.checks.feedback import Todo
from llmlab.grading import messages, seal

Send = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Question(Exercise):
    """An exercise without its right answers, which have only their kinds."""

    names: tuple[str, ...] = ()
    kinds: Mapping[int, Any] | None = None  # by the identity of a case

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, which no sealed function tells any more."""
        return self.names

    def expected(self, one: Case) -> tuple:
        """Return values of the right kinds."""
        assert self.kinds is not None
        return tuple(messages.blank(kind) for kind in self.kinds[id(one)])


def question(exercise: Exercise, cases: Sequence[Case]) -> Question:
    """Return an exercise without its answers, right and wrong."""
    own = {one.name: getattr(exercise, one.name) for one in fields(Exercise)}
    own |= {"right": len, "mistakes": {}, "cases": lambda: cases}
    return Question(**own, names=exercise.parameters)


def with_kinds(asked: Question, kinds: Sequence) -> Question:
    """Return an exercise with the kinds of its right answers, a list for each case."""
    cases = asked.cases()
    by_case = {id(one): kind for one, kind in zip(cases, kinds, strict=True)}
    return replace(asked, kinds=by_case)


def sender(place: int) -> Send:
    """Return what writes a message as a line to a file descriptor."""

    def send(message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(place, data) :]

    return send


def answer(
    asked: Question,
    word: str,
    cells: Sequence[Sequence[str]],
    name: str,
    send: Send,
) -> None:
    """Define the cells, (id, source) each, and send what the function `name` gives."""
    space: dict[str, Any] = {"__name__": "__main__", "display": lambda *shown: None}
    before = seal.marks(word)
    for cell, source in cells:
        try:
            _define(f"<{cell}>", source, space)
        except (Exception, SystemExit) as error:
            outcome = messages.of_outcome(calls.Outcome(error=error))
            send({"stopped": cell, "as": outcome["error"]})
    end = _called(asked, space[name], send) if name in space else "missing"
    send({"changed": seal.changed(before, word)[:8]})
    send({"end": end})


def _called(asked: Question, function: Any, send: Send) -> str:
    """Send what a function gives for each case; return how that ended."""
    try:
        failure = calls.misnamed(asked, function)
        if failure is not None:
            send({"misnamed": messages.of_failure(failure)})
            return "done"
        for one in asked.cases():
            outcome = calls.of(asked, function, one, named=True)
            error = outcome.error
            line = feedback.line_of(error, function) if error else ""
            send({"outcome": messages.of_outcome(outcome, line)})
            if error and messages.is_out_of_memory(error):
                return "done"  # the other cases would take as long, and as much
    except Todo:
        return "todo"
    return "done"


def _define(name: str, source: str, space: dict[str, Any]) -> None:
    lines = source.splitlines(keepends=True)
    linecache.cache[name] = (len(source), None, lines, name)  # for the learner's line
    exec(compile(source, name, "exec"), space)
