"""Which labs are executed in a run of the tests: those that changed, and two by turns.

A solution carries the hash of what it was executed with (`solutions/inputs.py`). Where
the hash is that of this tree, its outputs are proof enough that it runs. What a hash
cannot see, another processor or another build of a library, is what two more labs are
executed for, chosen by the commit, or by the day where there is none.
"""

import datetime
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import inputs
import pytest
from notebooks import ROOT, SOLUTIONS, read

BY_TURNS = 2
ALL = "all"


def due(asked: str | None = None) -> dict[str, str]:
    """Return the notebooks to execute and why: "04_quantization" -> "changed".

    asked: None for what changed and what has its turn, "all", or words of labs with
    spaces or commas between. UsageError: a word without a solution.
    """
    names = [path.stem for path in SOLUTIONS]
    if asked == ALL:
        return dict.fromkeys(names, "asked for")
    if asked is not None:
        return dict.fromkeys(_of_words(asked), "asked for")
    changed = [path.stem for path in SOLUTIONS if is_stale(path)]
    fresh = [name for name in names if name not in changed]
    chosen = dict.fromkeys(changed, "changed since it was executed")
    why = f"has its turn; LLMLAB_ROTATE={turn()} repeats it"
    return chosen | dict.fromkeys(by_turns(fresh, turn()), why)


def is_stale(path: Path) -> bool:
    """Say whether a solution was executed with anything else than this tree."""
    notebook, (_, _, word) = read(path), path.stem.partition("_")
    return inputs.stored(notebook) != inputs.fingerprint(notebook, word)


def by_turns(names: Sequence[str], turn: int) -> list[str]:
    """Return the two whose turn it is; each comes again and again as turns go on."""
    count = min(BY_TURNS, len(names))
    return [names[(turn * BY_TURNS + place) % len(names)] for place in range(count)]


def turn() -> int:
    """Return a number that goes with the commit: LLMLAB_ROTATE, if set, in its place.

    UsageError: LLMLAB_ROTATE is no number.
    """
    given = os.environ.get("LLMLAB_ROTATE")
    if given and not given.isdecimal():
        raise pytest.UsageError(
            f"LLMLAB_ROTATE={given!r} is no number from 0 on; unset it, or take the "
            "number that a run of the tests printed."
        )
    return int(given or _commit() or datetime.date.today().toordinal())


def _commit() -> int | None:
    """Return the start of the commit's name as a number; None outside a checkout."""
    try:
        command = ["git", "rev-parse", "--verify", "HEAD"]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return int(said.stdout[:4], 16) if said.returncode == 0 else None


def _of_words(asked: str) -> list[str]:
    words = asked.replace(",", " ").split()
    known = {path.stem.partition("_")[2] for path in SOLUTIONS}
    if not words or set(words) - known:
        raise pytest.UsageError(
            f"LABS={asked!r} names a lab without a solution; say all, or one or more "
            f"of {', '.join(sorted(known))}."
        )
    return [path.stem for path in SOLUTIONS if path.stem.partition("_")[2] in words]
