"""How far work is, below the cell of a notebook, and nothing at all afterwards.

One line shows the innermost work. When the outermost is done the output of the cell is
cleared, if the cell has published nothing but that line: the kernel counts its
messages. Else what was published stays, and the line hides the place it had.
"""

import html
import sys
import time
from typing import Any

from IPython import get_ipython
from IPython.display import HTML, clear_output, display

EVERY = 0.2  # seconds from one look of the line to the next
GONE = (  # a place that takes no room where the page knows `:has`
    "<style>.jp-OutputArea-child:has(.llmlab-done){display:none}</style>"
    '<span class="llmlab-done"></span>'
)

_bars: list["Bar"] = []  # that are open, the innermost last
_begun: list[int] = []  # messages that there were when the cell began


def watch_cells() -> None:
    """Count the kernel's messages from the beginning of every cell."""
    get_ipython().events.register("pre_run_cell", _cell_begins)


def _cell_begins(info: object = None) -> None:
    _begun[:] = [_messages()]


def _messages() -> int:
    """Return how many messages the kernel has sent, pending text included."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    session = getattr(getattr(get_ipython(), "kernel", None), "session", None)
    return getattr(session, "message_count", -1)


class Bar:
    """One piece of work, in the manner of tqdm."""

    def __init__(self, what: str, total: float | None):
        self.what, self.total = what, total
        self.done, self.note = 0.0, ""
        self.handle: Any = None  # of the line: the outermost has it
        self.sent, self.shown = 0, 0.0

    def __enter__(self) -> "Bar":
        _bars.append(self)
        if _bars[0] is self:
            self.handle = display(HTML(self.html()), display_id=True)
            self.sent = 1
        else:
            _bars[0].show(self)
        return self

    def __exit__(self, *_: object) -> None:
        _bars.remove(self)
        if not self.handle:
            return
        alone = bool(_begun) and _messages() - _begun[0] == self.sent
        if alone:
            clear_output()
        else:
            self.handle.update(HTML(GONE))

    def update(self, n: float) -> None:
        """Count n more steps as done."""
        self.done += n
        if time.monotonic() - _bars[0].shown > EVERY:
            _bars[0].show(self)

    def set_postfix_str(self, note: str, refresh: bool) -> None:
        """Say what is being worked on."""
        self.note = note

    def show(self, bar: "Bar") -> None:
        """Let the line of the outermost work say how far a piece of work is."""
        if self.handle:
            self.handle.update(HTML(bar.html()))
            self.sent, self.shown = self.sent + 1, time.monotonic()

    def html(self) -> str:
        """Return the line: a bar that fills, and words."""
        words = f"{self.what} {self.note}".strip()
        if not self.total:
            return f"<div><progress></progress> {html.escape(words)}</div>"
        share = self.done / self.total
        return (
            f'<div><progress value="{share:.3f}" max="1"></progress> '
            f"{100 * share:.0f} % {html.escape(words)}</div>"
        )
