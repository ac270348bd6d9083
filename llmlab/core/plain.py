"""Exceptions that speak to a learner: whole sentences, and no traceback."""

import textwrap

WIDTH = 88  # columns of a line on the page; longer ones are wrapped, never cut


class Plain(Exception):
    """An exception that IPython shows as its message alone; it still stops the run."""

    def _render_traceback_(self) -> list[str]:
        return [part for line in str(self).splitlines() for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(
        line,
        WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
