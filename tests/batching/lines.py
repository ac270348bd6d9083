"""Ctrl-C at any line of the room's own code."""

import contextlib
import sys
from pathlib import Path

from llmlab import batching

ROOM = str(Path(batching.__file__).parent)
MENDING = ("_mend", "mend")  # a second Ctrl-C within is for another day


@contextlib.contextmanager
def struck(rng, *, after):
    """Raise KeyboardInterrupt at some line of a step, about `after` lines from now.

    after: None for not at all.
    """
    left = None if after is None else rng.randint(1, after)

    def trace(frame, kind, _):
        nonlocal left
        code = frame.f_code
        if not code.co_filename.startswith(ROOM) or code.co_name in MENDING:
            return None
        if kind == "line" and left is not None:
            left -= 1
            if left == 0:
                left = None
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        sys.settrace(before)
