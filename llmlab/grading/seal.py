"""What an answer may not reach: the checks' own answers, other processes, the network.

While a learner's code runs, the functions of the checks that know a right answer are
emptied, all but those that the cases themselves are made with. An audit hook, which
cannot be taken out again, refuses what no answer needs, so that even a system without
the kernel's walls stops what is tried there first.
"""

import contextlib
import functools
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch

from llmlab.checks.exercise import Case, Exercise

ROOM = "llmlab.checks"
SEALED = "the check's own answer is not at hand while an answer is graded."
REFUSED = "refused while an answer is graded:"
EVENTS = (  # of the audit: what no answer needs
    "socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo",
    "socket.gethostbyname", "subprocess.Popen", "os.system", "os.exec", "os.spawn",
    "os.posix_spawn", "os.fork", "os.forkpty", "os.kill", "os.killpg",
    "pty.spawn", "gc.get_objects", "gc.get_referrers",
)  # fmt: skip


def _sealed(*arguments: Any, **knobs: Any) -> Any:
    raise LookupError(
        "the check's own answer is not at hand while an answer is graded."
    )


def known() -> dict[int, FunctionType]:
    """Return the functions of all labs' checks that are loaded, by their identity.

    Not those of a case: it calls the learner's function, and knows no answer.
    """
    every: dict[int, FunctionType] = {}
    for name, module in [*sys.modules.items()]:
        if name.startswith(f"{ROOM}.") and name.count(".") > 2:
            parts = [one for key, one in vars(module).items() if key[:2] != "__"]
            every |= _functions(parts)
    calls = _functions([Case])
    return {key: one for key, one in every.items() if key not in calls}


def answers(exercise: Exercise) -> dict[int, FunctionType]:
    """Return the functions that give an exercise's right answer or a wrong one."""
    return _functions([exercise.right, *exercise.mistakes.values()])


def needed(exercise: Exercise, cases: Iterable[Case]) -> dict[int, FunctionType]:
    """Return the functions that make an exercise's cases, call or see an answer."""
    every = [*cases]
    calls = [one.through for one in every]
    return _reached([exercise.observe, *(one.build for one in every), *calls])


def empty(functions: Iterable[FunctionType]) -> None:
    """Take the code out of functions; a call of one then says that it is sealed."""
    for one in functions:
        with contextlib.suppress(ValueError):  # a closure, which calls emptied ones
            one.__code__ = _sealed.__code__


def refuse(scratch: Path, note: Callable[[str], None]) -> None:
    """Refuse from now on what no answer needs, and note each attempt."""
    checks = str(Path(sys.modules[ROOM].__file__ or "").parent)

    def hook(event: str, arguments: tuple) -> None:
        if event in EVENTS or (event == "open" and _guarded(arguments)):
            note(event)
            raise PermissionError(f"{REFUSED} {event}")

    def _guarded(arguments: tuple) -> bool:
        path, _, flags = arguments
        if not isinstance(path, str | bytes):
            return False
        text = path.decode(errors="replace") if isinstance(path, bytes) else path
        whole = str(Path(text).absolute())
        writes = bool(flags & 0b11) if isinstance(flags, int) else False
        apart = not whole.startswith((str(scratch), "/dev/null"))
        return whole.startswith(checks) or (writes and apart)

    sys.addaudithook(hook)


def marks(word: str) -> dict[str, tuple[Any, Any]]:
    """Return what a lab's checks and tests of equality are, to be compared later."""
    places: dict[str, Iterable[str]] = {
        "torch": ("equal", "allclose", "isclose", "eq", "tensor", "as_tensor"),
        "torch.Tensor": ("__eq__", "equal", "allclose", "eq", "detach", "clone"),
        "builtins": ("abs", "all", "any", "len", "max", "min", "sorted", "sum", "zip"),
    }
    for name in ("calls", "feedback", "judging", "mistakes", "values", "rooms"):
        places[f"{ROOM}.{name}"] = _public(f"{ROOM}.{name}")
    places[f"{ROOM}.{word}"] = _public(f"{ROOM}.{word}")
    seen = {}
    for place, names in places.items():
        module = torch.Tensor if place == "torch.Tensor" else sys.modules[place]
        for name in names:
            one = getattr(module, name, None)
            seen[f"{place}.{name}"] = one, getattr(one, "__code__", None)
    return seen


def _public(name: str) -> list[str]:
    """Return the names of a module's functions, and of a lab's checks."""
    module = sys.modules[name]
    return [key for key, one in vars(module).items() if isinstance(one, FunctionType)]


def changed(before: Mapping[str, tuple[Any, Any]], word: str) -> list[str]:
    """Return the names whose functions are no longer those of `before`."""
    after = marks(word)
    return [
        key
        for key, pair in before.items()
        if any(one is not other for one, other in zip(pair, after[key], strict=True))
    ]


def digest(folder: Path) -> str:
    """Return a hash of the sources below a folder: the checks as they lie on disk."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        whole.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return whole.hexdigest()


def _functions(values: Iterable[Any]) -> dict[int, FunctionType]:
    """Return the plain functions in values: in tuples and partials, and of classes."""
    found: dict[int, FunctionType] = {}
    for one in values:
        if isinstance(one, FunctionType):
            if (one.__module__ or "").startswith(ROOM):
                found[id(one)] = one
        elif isinstance(one, tuple | list):
            found |= _functions(one)
        elif isinstance(one, functools.partial):
            found |= _functions([one.func, *one.args])
        elif hasattr(one, "__wrapped__"):
            found |= _functions([one.__wrapped__])
        elif isinstance(one, type) and one.__module__.startswith(ROOM):
            found |= _functions(vars(one).values())
    return found


def _reached(values: Iterable[Any]) -> dict[int, FunctionType]:
    """Return the functions that values call, those that these call, and so on."""
    found: dict[int, FunctionType] = {}
    waiting = [*_functions(values).values()]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            waiting += _functions(_named(one)).values()
    return found


def _named(function: FunctionType) -> Iterator[Any]:
    """Yield what the names in a function's code may mean, and what it encloses."""
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # an empty cell
            yield cell.cell_contents
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    names = {*_names(function.__code__)}
    space = function.__globals__
    for name in names & space.keys():
        yield space[name]
        own = getattr(space[name], "__name__", "").startswith(ROOM)
        if isinstance(space[name], ModuleType) and own:
            inside = vars(space[name])
            yield from (inside[other] for other in names & inside.keys())


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
