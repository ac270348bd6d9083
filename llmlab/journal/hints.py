"""Which hints the learner has looked at: for the learner, never for a grade."""

from dataclasses import dataclass

from llmlab.core import arguments
from llmlab.journal import store
from llmlab.journal.lab import current, known

LEVELS = 3  # of the hints of an exercise


@dataclass(frozen=True)
class Hint:
    """A hint that was looked at, and when for the last time."""

    lab: str
    exercise: str
    level: int
    date: str


def hint_used(exercise: str, level: int, *, lab: str | None = None) -> bool:
    """Keep that a hint was looked at, and say whether that worked.

    Outside a notebook, and with a journal that cannot be written, nothing is kept and
    nothing raised: the hint itself matters more. Raises ValueError for a level that is
    none of the LEVELS, and for an exercise without a name.
    """
    if not store.text("exercise", exercise).strip():
        raise ValueError(f"exercise={exercise!r} is empty; name one.")
    level = arguments.whole("level", level, least=1, most=LEVELS)
    lab = current() if lab is None else known(lab)
    if lab is None:
        return False
    try:
        store.upsert("hints", {"lab": lab, "exercise": exercise, "level": level})
    except store.JournalError:
        return False
    return True


def rows() -> tuple[Hint, ...]:
    """Return the hints looked at, by lab, exercise and level."""
    query = "SELECT * FROM hints ORDER BY lab, exercise, level"
    return tuple(Hint(**row) for row in store.query(query))
