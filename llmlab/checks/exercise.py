"""An exercise as data: its cases, the right answer, its mistakes, its hints.

The right answer and the mistakes are functions of the learner's own signature, so that
one loop (`llmlab.checks.judging`) runs them all on the same cases and compares what
comes back. The first case is the worked example of the text.
"""

import copy
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmlab.checks.feedback import Refused

FORGOTTEN = "the function gives nothing back: end it with `return`."
TENSOR = "return a tensor; the next cells go on with it as one."
Mistake = Callable[..., Any] | tuple[Callable[..., Any], ...]  # some are made in ways


class MisfitError(Exception):
    """An answer that is not of the kind asked for, such as text for a number."""

    def __init__(self, promise: str, *, expected: str, got: str, hint: str):
        super().__init__(promise, expected, got, hint)
        self.promise, self.expected, self.got = promise, expected, got
        self.hint = hint


@dataclass(frozen=True)
class Value:
    """One of the values that an answer consists of.

    what: in the words of the text, as in "percentile gives <what>". promise: the whole
    sentence in its place. tensor: why nothing but a tensor will do. dtype: the hint
    where the dtype differs; without one any dtype passes.
    """

    what: str
    promise: str = ""
    tensor: str = ""
    dtype: str = ""


@dataclass(frozen=True, eq=False)
class Raised:
    """An error that a case asked for: not returned, but raised."""

    error: Exception


def called(function: Callable, *arguments: Any, **named: Any) -> Any:
    """Call a function: most cases do just this."""
    return function(*arguments, **named)


@dataclass(frozen=True, eq=False)
class Case:
    """One call: `build` makes its arguments afresh, in the order of the parameters.

    setup, sources: how the example writes arguments that have no literal: a line
    before the call, and the text of arguments by parameter. about: the hint where this
    case fails and no mistake explains all, for a case that is special. refuses: the
    error that is the answer here; `observe` is handed it, `Raised`, in its place.
    through: calls the function where how it runs is looked at, too; `observe` is handed
    what this returns. told: the call that a failure shows, where it is not that of the
    learner's function.
    """

    build: Callable[[], tuple]
    setup: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    refuses: type[Exception] | tuple[()] = ()
    through: Callable[..., Any] = called
    told: str = ""

    def answer(self, function: Callable, *arguments: Any, **named: Any) -> Any:
        """Call a function; an error that the case asks for comes back as `Raised`."""
        try:
            return self.through(function, *arguments, **named)
        except self.refuses as error:
            return Raised(error)


def case(*arguments: Any, about: str = "") -> Case:
    """Return a case of these arguments; every run gets copies."""
    return Case(lambda: copy.deepcopy(arguments), about=about)


def as_given(answer: Any) -> Any:
    """Return the answer: most examples show just what comes back."""
    return answer


def as_it_is(answer: Any, *arguments: Any) -> Any:
    """Return the answer: most exercises compare just what comes back."""
    return answer


@dataclass(frozen=True, eq=False)
class Question:
    """A case, its arguments as they are to stay, and the right values: made once."""

    case: Case
    before: tuple  # handed to nobody
    right: tuple


@dataclass(frozen=True, eq=False)
class Exercise:
    """What an answer is compared with, and what is said where it differs.

    name: of the learner's function. right: the answer, whose parameters up to the first
    keyword-only one are the learner's. gives: the values it returns. hint: for what no
    mistake explains. mistakes: a hint -> the function that makes this mistake, the most
    specific first. observe: what is compared, made of an answer and its arguments.
    covers: what the cases are, in the line that follows ✓. written: the call in the
    example, around the call itself; shows: what that gives, made of an answer.
    tolerance: relative; 0 where values are exact. forgotten: the hint where nothing
    comes back. writes: the parameters that the function may change, which is what
    `observe` looks at then. none: None is an answer as any other; `observe` reads it.
    examine: where the answer is a program's text, gives what comes of that in a case; a
    grader asks it where no learner's code runs. absent: says why it cannot do so here.
    """

    name: str
    right: Callable[..., Any]
    gives: tuple[Value, ...]
    cases: Callable[[], Sequence[Case]]
    covers: str
    hints: tuple[str, str, str]
    hint: str
    mistakes: Mapping[str, Mistake]
    observe: Callable[..., Any] = as_it_is
    written: str = "{}"
    shows: Callable[[Any], Any] = as_given
    tolerance: float = 1e-5
    forgotten: str = FORGOTTEN
    writes: tuple[str, ...] = ()
    none: bool = False
    examine: Callable[[Any, Case], Any] | None = None
    absent: Callable[[], str] = str

    @functools.cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the learner's parameters, in their order."""
        kinds = inspect.Parameter
        return tuple(
            name
            for name, one in inspect.signature(self.right).parameters.items()
            if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
        )

    @functools.cached_property
    def questions(self) -> tuple[Question, ...]:
        """The cases with their right values, made once."""
        return tuple(map(self._question, self.cases()))

    def _question(self, one: Case) -> Question:
        arguments = one.build()
        right = seen(self, one.answer(self.right, *arguments), one, arguments)
        return Question(one, one.build(), right if len(self.gives) > 1 else (right,))


def seen(exercise: Exercise, answer: Any, one: Case, arguments: tuple) -> Any:
    """Return what is compared of an answer to a case."""
    given = exercise.observe(answer, *arguments)
    return given if exercise.examine is None else exercise.examine(given, one)


def known(exercises: Mapping[str, Exercise], name: object) -> Exercise:
    """Return a lab's exercise; Refused, a ValueError, lists those that there are."""
    if not isinstance(name, str) or name not in exercises:
        raise Refused(
            f"exercise={name!r} is not in this lab; choose one of {[*exercises]}."
        )
    return exercises[name]
