"""The wall round a learner's process: time, memory, files, network, other processes.

What the kernel offers is used: limits of resources everywhere; on Linux a namespace
without a network, a filter of system calls, and Landlock, which lets the process read
the libraries but neither the checks nor anybody's files, write into one empty folder,
and signal nobody. It is no container: the same kernel, the same user. The teacher's
guide says what that means.

`Wall.build` is called once, in the warm process; `Wall.enter` in each fork of it.
`enclose` is for a compiler, which starts programs of its own, and executes nothing of
what it reads.
"""

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llmlab.core import seccomp

try:
    import resource
except ImportError:  # Windows has none, and `grader` refuses it
    pass

NEW_USER, NEW_NET = 0x1000_0000, 0x4000_0000  # of unshare(2)
CREATE, ADD, RESTRICT = 444, 445, 446  # Landlock's calls, the same on all processors
READ, EVERYTHING = 0b1100, (1 << 13) - 1  # rights on files, as of the first version
MAKE = 1 << 8  # regular files: where that is granted, so is what came LATER
LATER = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # rights that a later version knows
NO_NEW_PRIVILEGES, SUBREAPER = 38, 36  # of prctl(2)
SYSTEM = (
    "/dev/null", "/dev/zero", "/dev/urandom", "/etc", "/proc/cpuinfo", "/proc/meminfo",
    "/proc/stat", "/sys/devices/system", "/usr/share/zoneinfo",
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What one exercise of one learner may take."""

    cpu_seconds: int = 5  # the reference solutions take a tenth of one
    seconds: float = 60.0  # by the clock on the wall: a busy grader is no mistake
    memory_bytes: int = 2 * 2**30  # beyond what the warm process holds
    file_bytes: int = 10 * 2**20
    answer_bytes: int = 64 * 2**20  # of what comes back

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} leaves nothing; take more than 0."
                )


@dataclass(frozen=True)
class Wall:
    """What this kernel has: a namespace without a network, rules on files, or -1."""

    offline: bool
    rules: int

    @classmethod
    def build(cls, scratch: Path, package: Path) -> "Wall":
        """Prepare the wall in a process of one thread.

        scratch: the one folder that may be written to; package: llmlab, whose checks
        are not to be read.
        """
        if sys.platform != "linux":
            return cls(False, -1)
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(SUBREAPER, 1, 0, 0, 0)  # what a fork leaves behind comes to us
        offline = libc.unshare(NEW_USER | NEW_NET) == 0
        return cls(offline, _rules(libc, _granted(scratch, package)))

    def missing(self) -> list[str]:
        """Say in a few words each what this kernel does not offer."""
        words = ["a namespace without a network"] * (not self.offline)
        return words + ["Landlock's rules on files"] * (self.rules < 0)

    def enter(self, limits: Limits) -> None:
        """Limit this process and all that it starts, for good."""
        used = _virtual_bytes()
        if sys.platform == "linux":
            libc = ctypes.CDLL(None, use_errno=True)
            libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
            if self.rules >= 0 and libc.syscall(RESTRICT, self.rules, 0):
                raise OSError(ctypes.get_errno(), "Landlock refused its own rules")
            if self.rules >= 0:
                os.close(self.rules)
            seccomp.refuse(libc)
        _limit(limits, used)
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # processes and threads


def enclose(scratch: Path, programs: Iterable[Path], limits: Limits) -> None:
    """Limit this process, which goes on as a program that starts others, for good.

    scratch: the one folder that it may write to; programs: what it may read and start.
    """
    used = _virtual_bytes()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        granted = {scratch: EVERYTHING & ~1, Path("/dev/null"): 0b110}
        for path in programs:
            granted[path] = READ | 1 if path.is_dir() else READ & 0b100 | 1
        rules = _rules(libc, granted)
        if rules >= 0 and libc.syscall(RESTRICT, rules, 0):
            raise OSError(ctypes.get_errno(), "Landlock refused its own rules")
    _limit(limits, used)


def _limit(limits: Limits, used: int) -> None:
    """Limit what this process takes; used: bytes that it has already."""
    most = {
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    if used:
        most[resource.RLIMIT_AS] = used + limits.memory_bytes
    for kind, value in most.items():
        spare = 1 if kind == resource.RLIMIT_CPU else 0  # a second to say so
        resource.setrlimit(kind, (value, value + spare))


def _virtual_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0  # where memory cannot be counted, it cannot be limited so
    return pages * os.sysconf("SC_PAGE_SIZE")


def _granted(scratch: Path, package: Path) -> dict[Path, int]:
    """Return the rights on files that an answer has."""
    granted = {scratch: EVERYTHING & ~1}  # but for starting programs
    for path in _readable(package):
        granted[path] = READ if path.is_dir() else READ & 0b100
    return granted | {Path("/dev/null"): 0b110}


def _rules(libc: ctypes.CDLL, granted: Mapping[Path, int]) -> int:
    """Return a file descriptor of Landlock's rules, or -1 where there are none.

    granted: the rights on a folder, and all below it, or on a file.
    """
    version = libc.syscall(CREATE, None, 0, 1)
    if version < 1:
        return -1
    rights = EVERYTHING
    for since, right in LATER.items():
        rights |= right if version >= since else 0
    network, scoped = (0b11 if version >= 4 else 0), (0b11 if version >= 6 else 0)
    attributes = struct.pack("QQQ", rights, network, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = libc.syscall(CREATE, attributes, size, 0)
    if rules < 0:
        return -1
    for path, some in granted.items():
        whole = some | (rights & ~EVERYTHING if some & MAKE else 0)
        _allow(libc, rules, path, whole)
    return rules


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be read
    try:
        libc.syscall(ADD, rules, 1, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _readable(package: Path) -> Iterator[Path]:
    """Yield what answers may read: libraries, and of llmlab all but its checks."""
    yield from map(Path, SYSTEM)
    yield Path("/usr/lib") / str(sysconfig.get_config_var("MULTIARCH"))
    here = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    here |= {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    roots = (Path(sys.prefix), Path(sys.base_prefix))
    libraries = {Path(one) for one in sys.path if one} | here
    for library in libraries:
        if any(library.is_relative_to(root) for root in roots) and library.is_dir():
            for entry in library.iterdir():
                if entry not in (package, *here):
                    yield entry
    for room in package.iterdir():
        if room.name not in ("checks", "grading", "labs"):
            yield room
