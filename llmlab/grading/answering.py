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
from llmlab.checks.exercise import Case, Exercise, Question
from llmlab.checks.feedback import Todo
from llmlab.grading import messages, seal

Send = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, eq=False)
class Asked(Exercise):
    """An exercise without its right answers, which have only their kinds."""

    names: tuple[str, ...] = ()
    kinds: Sequence[Sequence[Any]] = ()  # of the right values, a list for each case

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, which no sealed function tells any more."""
        return self.names

    @property
    def questions(self) -> tuple[Question, ...]:
        """The cases with values of the right kinds in the place of the right ones."""
        pairs = zip(self.cases(), self.kinds, strict=True)
        return tuple(
            Question(one, one.build(), tuple(map(messages.blank, kinds)))
            for one, kinds in pairs
        )


def asked_of(exercise: Exercise, cases: Sequence[Case]) -> Asked:
    """Return an exercise without its answers, right and wrong."""
    own = {one.name: getattr(exercise, one.name) for one in fields(Exercise)}
    own |= {"right": len, "mistakes": {}, "cases": lambda: cases, "examine": None}
    return Asked(**own, names=exercise.parameters)


def with_kinds(asked: Asked, kinds: Sequence[Sequence[Any]]) -> Asked:
    """Return an exercise with the kinds of its right answers, a list for each case."""
    return replace(asked, kinds=kinds)


def sender(place: int) -> Send:
    """Return what writes a message as a line to a file descriptor."""

    def send(message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(place, data) :]

    return send


def answer(
    asked: Asked,
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


def _called(asked: Asked, function: Any, send: Send) -> str:
    """Send what a function gives for each case; return how that ended."""
    try:
        failure = calls.misnamed(asked, function)
        if failure is not None:
            send({"misnamed": messages.of_failure(failure)})
            return "done"
        for question in asked.questions:
            outcome = calls.of(asked, function, question, named=True)
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
