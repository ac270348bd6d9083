"""What only a terminal gets: colour. A pipe, a file and NO_COLOR get plain text."""

import os
import shlex
import sys
from pathlib import Path
from typing import TextIO

_CODES = {"green": "32", "red": "31", "yellow": "33", "bold": "1", "dim": "2"}


def quoted(path: str | Path) -> str:
    """Write a path so that a shell takes it as one word, and no option.

    One that begins with a dash is written from here, "./-a".
    """
    text = str(path)
    return shlex.quote(os.path.join(os.curdir, text) if text.startswith("-") else text)


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Colour a text if the stream it goes to (stdout) is a terminal that can."""
    stream = stream or sys.stdout
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or not stream.isatty():
        return text
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"
