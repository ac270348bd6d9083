"""Errors in one sentence: what happened, why, and the way out.

Only what a user, a disk or a network can cause is foreseen here; a mistake of ours
keeps its traceback, because somebody has to mend it.
"""

import errno
import re
from importlib import metadata

FORESEEN = (ValueError, OSError, ImportError, MemoryError, EOFError, KeyboardInterrupt)

WAYS_OUT = {
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that is not read-only",
    errno.ENOSPC: "free some space and run the command again",
    errno.EDQUOT: "free some of your quota and run the command again",
    errno.EFBIG: "choose a folder without a limit on the size of files",
    errno.ENOENT: "check the spelling of the path",
    errno.EEXIST: "choose another name",
    errno.ENOTDIR: "choose a folder, not a file",
    errno.EISDIR: "choose a file, not a folder",
    errno.EADDRINUSE: "choose another port",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def is_foreseen(error: BaseException) -> bool:
    return isinstance(error, FORESEEN) or _is_out_of_memory(error)


def status(error: BaseException) -> int:
    """Return the exit status: 130 Ctrl-C, 2 called wrongly, 1 everything else."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    return 2 if isinstance(error, ValueError) else 1


def sentence(error: BaseException) -> str:
    """Say in one line what happened, why, and what to do about it."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped by Ctrl-C; nothing is left half-written, so just run it again."
    if _is_out_of_memory(error):
        return "memory ran out; take a smaller model, batch or context."
    if isinstance(error, ImportError):
        return _missing(error)
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename is not None else ""
        way_out = WAYS_OUT.get(error.errno, "see the message and try again")
        return f"{error.strerror}{place}; {way_out}."
    return " ".join(str(error).split()) or f"{type(error).__name__}, without a reason."


def _is_out_of_memory(error: BaseException) -> bool:
    """Know torch's ways to say so, on a GPU and on the processor."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _missing(error: ImportError) -> str:
    name = (error.name or "").partition(".")[0]
    extra = extra_of(name)
    if extra:
        return f"{name} is not installed; get it with: pip install 'llmlab[{extra}]'"
    if not name:
        return " ".join(str(error).split())
    said = " ".join(str(error).split())
    return f"{name} could not be imported ({said}); install llmlab and {name} again."


def extra_of(module: str) -> str | None:
    """Return the extra of llmlab that brings a module, None if none does."""
    distributions = metadata.packages_distributions().get(module, [])
    names = {_plain(name) for name in [module, *distributions]}
    for requirement in metadata.requires("llmlab") or ():
        name = re.match(r"[\w.-]+", requirement)[0]
        extra = re.search(r"""extra == ["']([\w-]+)["']""", requirement)
        if extra and _plain(name) in names:
            return extra[1]
    return None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
