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
    """Show work of `total` steps; gives `step(n=1, note="")`, which says n are done.

    Work that ends without an error ends complete, whatever was counted.
    """
    done = 0.0
    with _bar(what, total) as bar:

        def step(n: float = 1, note: str = "") -> None:
            nonlocal done
            if note:
                bar.set_postfix_str(note, refresh=False)
            n = n if total is None else min(n, total - done)
            done += n
            bar.update(n)

        yield step
        if total is not None and done < total:
            bar.update(total - done)


def speaks() -> bool:
    """Say whether anybody looks: a terminal or a notebook, and no LLMLAB_QUIET."""
    if os.environ.get("LLMLAB_QUIET", "0") not in ("", "0"):
        return False
    return _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _bar(what: str, total: float | None):
    if not speaks():
        return _Silence()
    if _in_notebook():
        from llmlab.core import notebook_progress

        return notebook_progress.Bar(what, total)
    # tqdm costs 30 ms to import, which a silent command need not pay.
    from tqdm import tqdm

    return tqdm(
        desc=what,
        total=total,
        leave=False,
        file=sys.stderr,
        dynamic_ncols=True,
        bar_format=None if isinstance(total, int) else "{l_bar}{bar}{postfix}",
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


if _in_notebook():  # so that the first cell that works is known from its beginning
    from llmlab.core import notebook_progress

    notebook_progress.watch_cells()
