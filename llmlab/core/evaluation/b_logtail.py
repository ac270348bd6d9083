"""Rotate log files by size, and follow a log file across rotations.

The writer and the follower do not need to know of each other: the follower
notices that the file was replaced because its inode number changes.
"""

import os
import pathlib
import time


class RotatingWriter:
    """Append lines to a file, and start a new one when it gets too big.

    Args:
        path: where to write.
        max_bytes: a line that would make the file longer causes a rotation.
        keep: how many old files to keep, called app.log.1 and so on.
    """

    def __init__(self, path, max_bytes=1_000_000, keep=5):
        self.path = pathlib.Path(path)
        self.max_bytes = max_bytes
        self.keep = keep
        self._file = self.path.open("ab")

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, tb):
        self._file.close()

    def _numbered(self, n):
        return self.path.with_name(f"{self.path.name}.{n}")

    def rotate(self):
        self._file.close()
        self._numbered(self.keep).unlink(missing_ok=True)
        for n in range(self.keep - 1, 0, -1):
            source = self._numbered(n)
            if source.exists():
                source.rename(self._numbered(n + 1))
        self.path.rename(self._numbered(1))
        self._file = self.path.open("ab")

    def write(self, line):
        data = line.rstrip("\n").encode() + b"\n"
        size = self._file.tell()
        if size and size + len(data) > self.max_bytes:
            self.rotate()
        self._file.write(data)
        self._file.flush()


def follow(path, poll=0.5, idle_limit=None):
    """Yield lines as they are written; stop after idle_limit quiet seconds."""
    f = open(path, encoding="utf-8", errors="replace")
    quiet_since = time.monotonic()
    try:
        while True:
            line = f.readline()
            if line:
                quiet_since = time.monotonic()
                yield line.rstrip("\n")
                continue
            try:
                replaced = os.stat(path).st_ino != os.fstat(f.fileno()).st_ino
            except FileNotFoundError:
                replaced = False  # caught in the middle of a rotation
            if replaced:
                f.close()
                f = open(path, encoding="utf-8", errors="replace")
                continue
            waited = time.monotonic() - quiet_since
            if idle_limit is not None and waited >= idle_limit:
                return
            time.sleep(poll)
    finally:
        f.close()
