"""What a call gave: done, a stream to be pulled, or a promise of work to come.

A coroutine, a future or a lazy iterable comes back at once, and its work is done later
or never. To time the call would tell how fast a promise is made.
"""

import functools
import inspect
import types
from collections.abc import Collection, Iterable, Iterator

PROMISES = (  # pairs of methods: that waits for the work, that asks whether it is done
    ("result", "done"),  # a future
    ("get", "ready"),  # an answer of a pool of processes
    ("wait", "poll"),  # a process
    ("wait", "is_completed"),  # a message between machines
    ("wait", "done"),  # a future of torch
    ("join", "is_alive"),  # a thread
)
CALLABLE = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    functools.partial,
)


def check(name: str, result: object) -> None:
    """Raise ValueError for a result whose work is not done when the call returns.

    name: what the call is called in the sentence. An iterator is no such result, since
    who asks pulls it to its end.
    """
    if why := _promise(result):
        raise ValueError(
            f"{name} gives a {type(result).__name__}, {why}; what it promises would "
            "not be timed."
        )


def _promise(result: object) -> str:
    """Say what is to be done with a promise; "" for what is none."""
    if isinstance(result, type):
        return ""
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()  # else Python warns that nobody awaited it
        return "which is awaited; put asyncio.run(…) round it"
    if hasattr(result, "__anext__") or hasattr(result, "__aiter__"):
        return "whose items are awaited; pull them in a function under asyncio.run(…)"
    for wait, ask in PROMISES:
        if all(callable(getattr(result, method, None)) for method in (wait, ask)):
            return f"which is at work yet; wait for it: .{wait}()"
    if isinstance(result, CALLABLE):
        return "which is not called yet; call it: add ()"
    if isinstance(result, Iterable) and not isinstance(result, Iterator | Collection):
        return "which works when its items are asked for; give iter(…) or list(…) of it"
    return ""
