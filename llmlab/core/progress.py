"""The one speaker: how far long work is, on stderr, gone when it is done.

It speaks where a person looks: on a terminal, or in a notebook. In a pipe, under
LLMLAB_QUIET=1 and in tests it says nothing, so output stays clean.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


def track(
    iterable: Iterable[Item], what: str, total: int | None = None
) -> Iterator[Item]:
    """Yield the items and show how many are through; `what` names the work."""
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with task(what, total) as step:
        for item in iterable:
            yield item
            step()


@contextmanager
def task(what: str, total: float | None = None) -> Iterator[Callable[..., None]]:
    """Show work of `total` steps; gives `step(n=1, note="")`, which says n are done."""
    with _bar(what, total) as bar:

        def step(n: float = 1, note: str = "") -> None:
            if note:
                bar.set_postfix_str(note, refresh=False)
            bar.update(n)

        yield step


def speaks() -> bool:
    """Say whether anybody looks: a terminal or a notebook, and no LLMLAB_QUIET."""
    if os.environ.get("LLMLAB_QUIET", "0") not in ("", "0"):
        return False
    return _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _bar(what: str, total: float | None):
    # tqdm costs 30 ms to import, which a silent command need not pay.
    if not speaks():
        return _Silence()
    if _in_notebook():
        from tqdm.auto import tqdm
    else:
        from tqdm import tqdm
    return tqdm(
        desc=what, total=total, leave=False, file=sys.stderr, dynamic_ncols=True
    )


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class _Silence:
    """Stands where tqdm would, and says nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def update(self, n: float) -> None:
        pass

    def set_postfix_str(self, note: str, refresh: bool) -> None:
        pass
