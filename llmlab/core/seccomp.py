"""Refuse system calls for good: new processes, threads, programs, signals, sockets.

A limit on the number of processes does not hold for root, which is who runs a container
as a rule; a filter of system calls holds for everybody. It is a small program of the
kernel's own: load the number of the call, compare, refuse or allow.
"""

import ctypes
import errno
import platform
import struct

ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
CALLS = {  # by name, so that both columns can be read against the kernel's tables
    "x86_64": {
        "socket": 41, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "kill": 62,
        "ptrace": 101, "tkill": 200, "unshare": 272, "process_vm_readv": 310,
        "execveat": 322, "io_uring_setup": 425, "clone3": 435,
    },
    "aarch64": {
        "unshare": 97, "ptrace": 117, "kill": 129, "tkill": 130, "socket": 198,
        "clone": 220, "execve": 221, "process_vm_readv": 270, "execveat": 281,
        "io_uring_setup": 425, "clone3": 435,
    },
}  # fmt: skip
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF_0000, 0x0005_0000 | errno.EPERM, 0x8000_0000
OTHER_ABI = 0x4000_0000  # numbers from here on are x32's
SET_FILTER = (22, 2)  # of prctl(2)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def refuse(libc: ctypes.CDLL) -> bool:
    """Refuse the calls in this process from now on; say whether the kernel took it."""
    code = program(platform.machine())
    if not code:
        return False
    whole = _Program(len(code) // 8, code)
    return libc.prctl(*SET_FILTER, ctypes.byref(whole), 0, 0) == 0


def program(machine: str) -> bytes:
    """Return the filter for a kind of processor, nothing for one that is not known."""
    if machine not in CALLS:
        return b""
    numbers = CALLS[machine].values()
    steps = [
        (LOAD, 0, 0, 4),  # the architecture
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),  # the number of the call
        (AT_LEAST, len(numbers) + 1, 0, OTHER_ABI),
    ]
    for place, number in enumerate(numbers):
        steps.append((EQUAL, len(numbers) - place, 0, number))
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
