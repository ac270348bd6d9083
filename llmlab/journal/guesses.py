"""What stands in the place of None: a letter, a number, or nothing yet.

Who commits to a guess first learns more from the answer. So an open guess stops the
notebook, once in each kernel. It stops nobody who grades or tests: nbgrader and pytest,
nbval with it, leave their mark in the environment that a kernel inherits, and
LLMLAB_SKIP_GUESSES=1 says the same.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from llmlab.core import units
from llmlab.core.numbers import finite
from llmlab.core.plain import Plain
from llmlab.journal.comparison import LATE, written

UNATTENDED = (
    "LLMLAB_SKIP_GUESSES",
    "NBGRADER_EXECUTION",
    "NBGRADER_VALIDATING",
    "PYTEST_CURRENT_TEST",
    "PYTEST_VERSION",
)
_stopped: set[tuple[str, ...]] = set()  # the guesses that have stopped this kernel
_skipped: set[str] = set()  # the labs of which it was said here: go on


class OpenGuess(Plain):
    """There is no guess yet; the notebook stops once."""


@dataclass(frozen=True)
class Guess:
    """A guess in a base unit, and how it was typed."""

    value: float
    unit: str
    typed: str  # the unit
    letter: str = ""  # of the choice
    choices: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Prediction:
    """A committed guess in a base unit, or None."""

    name: str
    guess: float | None
    unit: str
    typed: str = ""
    letter: str = ""
    late: bool = False

    def __repr__(self) -> str:
        if self.guess is None:
            return f"{self.name}: no guess (put one in place of None)"
        text = written(self.guess, self.unit, self.typed)
        chosen = f"you chose {self.letter}," if self.letter else "your guess is"
        return f"{self.name}: {chosen} {text}" + (LATE if self.late else "")


def read(
    name: str, guess: object, unit: str, choices: Mapping[str, float] | None
) -> Guess | None:
    """Return a guess as it was typed; None for None.

    Raises ValueError for what is no number and no letter of the choices, and for
    choices that are no letters with numbers.
    """
    numbers = _choices(name, unit, choices)
    ways = wanted(unit, tuple(numbers))
    if guess is None:
        return None
    if isinstance(guess, str):
        letter = guess.strip().upper()
        if letter not in numbers:
            raise ValueError(
                f"guess={guess!r} for {name!r} is no "
                f"{'choice' if numbers else 'number'}; put {ways} in its place."
            )
        _, base = number(name, 0, unit)
        return Guess(numbers[letter], base, unit, letter, numbers)
    value, base = number(name, guess, unit)
    return Guess(value, base, unit, choices=numbers)


def number(name: str, value: object, unit: str) -> tuple[float, str]:
    """Turn a number as a person writes it into base units, checked by ValueError."""
    if not isinstance(unit, str) or unit != unit.encode("utf-8", "replace").decode():
        raise ValueError(f'unit={unit!r} of {name!r} is no text; say "s", "MB" or "×".')
    try:
        one = float(finite(f"the guess or value of {name!r}", value))
    except OverflowError:
        raise ValueError(
            f"the guess or value of {name!r} is too large; look for a wrong exponent."
        ) from None
    base_value, base = units.to_base(one, unit)
    return base_value, units.check_base(base)


def wanted(unit: str, letters: tuple[str, ...]) -> str:
    """Say what may be put in place of None."""
    numeral = "a number" if unit in ("", "1") else f"a number in {unit}"
    if not letters:
        return numeral
    return f"a letter ({', '.join(letters)}) or {numeral}"


def stop(key: tuple[str, ...], name: str, ways: str) -> None:
    """Stop the notebook at an open guess, once; raise OpenGuess.

    key: of the guess, its lab first. Running the cell again passes, and so does
    whatever `skip` was called for, or nobody attends.
    """
    if key in _stopped or key[0] in _skipped or unattended():
        return
    _stopped.add(key)
    raise OpenGuess(
        f'Put your guess of "{name}" in place of None, {ways}, and run the cell again; '
        "journal.skip() lets all open guesses pass."
    )


def pass_all(lab: str) -> None:
    """Let the open guesses of a lab pass in this kernel."""
    _skipped.add(lab)


def unattended() -> bool:
    """Say whether a grader or a test runs this kernel, or somebody set it so."""
    return any(os.environ.get(name, "0") not in ("", "0") for name in UNATTENDED)


def _choices(
    name: str, unit: str, choices: Mapping[str, float] | None
) -> Mapping[str, float]:
    """Return the choices by capital letter, in the base unit."""
    numbers: dict[str, float] = {}
    if choices is not None and not isinstance(choices, Mapping):
        raise ValueError(
            f"choices={choices!r:.60} of {name!r} are no letters with numbers; write "
            'choices={"A": 256, "B": 20, "C": 1}.'
        )
    for key, value in (choices or {}).items():
        letter = str(key).strip().upper()
        if len(letter) != 1 or not letter.isalpha() or letter in numbers:
            raise ValueError(
                f"choices[{key!r}] of {name!r} is no letter of its own; write "
                'choices={"A": 256, "B": 20, "C": 1}.'
            )
        numbers[letter] = number(f"{name}, {letter}", value, unit)[0]
    return MappingProxyType(numbers)
