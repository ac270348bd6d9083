"""Which lab this notebook is. A kernel runs one notebook, so it is said once."""

from llmlab import WORDS
from llmlab.core.arguments import shown
from llmlab.journal import store

_here: str | None = None


def open(lab: str) -> None:
    """Say which lab the entries of this notebook belong to; ValueError if unknown.

    The folder of the journal is settled with it, and stays when the notebook changes
    the working folder.
    """
    global _here
    _here = known(lab)
    store.settle()


def current() -> str | None:
    """Return the lab of this notebook, or None outside one."""
    return _here


def chosen(lab: str | None) -> str:
    """Return the lab given, else this notebook's; ValueError if neither is known."""
    if lab is None and _here is None:
        raise ValueError(
            "the lab is not known here; run the first cell of the notebook, which "
            f'calls journal.open("{WORDS[0]}"), or pass lab="{WORDS[0]}".'
        )
    return known(lab) if lab is not None else str(_here)


def known(lab: str) -> str:
    """Return the word of a lab; ValueError lists the words."""
    if lab not in WORDS:
        raise ValueError(
            f"lab={shown(lab)} is not a lab; choose one of {', '.join(WORDS)}."
        )
    return lab
