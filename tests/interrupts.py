"""Ctrl-C before any line of some files, without a signal: the same place each time."""

import contextlib
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch


@dataclass
class Interrupt:
    """Whether it came, and left the code by its own way out."""

    came: bool = False


@contextlib.contextmanager
def before_line(
    line: int | None, *, of: str | tuple[str, ...], spared: Collection[str] = ()
) -> Iterator[Interrupt]:
    """Raise KeyboardInterrupt before the nth line that runs of these files.

    It ends the block and goes no further. line: None for never. of: what the names of
    the files begin with. spared: names of functions in which it does not come, such as
    "__del__", where Python swallows it.
    """
    left, interrupt = line, Interrupt()

    def trace(frame: FrameType, event: str, _: Any):
        nonlocal left
        code = frame.f_code
        if not code.co_filename.startswith(of) or code.co_name in spared:
            return None
        if event == "line" and left is not None:
            left -= 1
            if left == 0:
                left = None
                raise KeyboardInterrupt
        return trace

    before, learns = sys.gettrace(), torch.is_grad_enabled()
    sys.settrace(trace)
    try:
        yield interrupt
    except KeyboardInterrupt:
        interrupt.came = True
    finally:
        sys.settrace(before)
        torch.set_grad_enabled(learns)  # the line may have been the end of a no_grad
