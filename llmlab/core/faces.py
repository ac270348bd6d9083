"""The face of a room: what `dir()` and the tab key show, imported when asked for.

A room's `__init__` names in `__all__` what is public, functions, classes and modules
alike. What it imports for itself stays out of sight, and a module of the room that it
did not import comes when it is first used.

    __getattr__, __dir__ = faces.of(__name__, __all__)
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any


def of(
    room: str, public: Sequence[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a room with these public names.

    room: its `__name__`. A public name that the room does not define is a module of
    its own, imported at first use. Any other name raises AttributeError, as ever.
    """

    def get(name: str) -> Any:
        if name in public:
            return importlib.import_module(f"{room}.{name}")
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    def names() -> list[str]:
        return sorted(public)

    return get, names
