"""Results in one SQLite file: they outlive the process, and several may share them.

The journal is written ahead (WAL), so that readers and one writer do not wait for each
other. A number counts up with each use of a key, which makes the order of LRU. A
damaged file is set aside, a file of somebody else refused.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import filelock

from llmlab.caching.outages import Outage
from llmlab.core import arguments

APPLICATION = 0x6C6C6D63  # what the file says it belongs to: "llmc"
MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100  # a shorter file was cut: it does not even say whose it is
WAIT = 30  # seconds for another writer
NEW_USE = "(SELECT coalesce(max(used), 0) + 1 FROM entries)"
TABLE = """CREATE TABLE IF NOT EXISTS entries
           (key TEXT PRIMARY KEY, text TEXT, used INTEGER) WITHOUT ROWID"""

Run = Callable[..., sqlite3.Cursor]
Kept = TypeVar("Kept")


class Disk:
    """Texts in a SQLite file, at most `capacity` of them, across processes.

    Threads may share it; a process opens its own. What fails later (a full disk, a file
    that is damaged) is one warning, and misses. Raises ValueError for a file that holds
    something else.
    """

    outlives = True

    def __init__(self, path: Path | str, capacity: int):
        self.capacity = arguments.whole("capacity", capacity, least=1)
        self.path = Path(path).expanduser()
        self._outage = Outage(f"the cache in {self.path}")
        self._lock = threading.Lock()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Of two that open at once, only one may find damage and set the file aside.
        with filelock.FileLock(f"{self.path}.lock", timeout=WAIT):
            self._connection = _opened(self.path)

    def get(self, key: str) -> str | None:
        """Return the text of a key, which counts as used now; None: a miss."""

        def look(run: Run) -> str | None:
            row = run("SELECT text FROM entries WHERE key = ?", (key,)).fetchone()
            run(f"UPDATE entries SET used = {NEW_USE} WHERE key = ?", (key,))
            return None if row is None else _decoded(row[0])

        return self._changed(look, None)

    def put(self, key: str, text: str) -> None:
        """Keep a text; above the capacity, what was used longest ago goes."""

        def keep(run: Run) -> None:
            run(f"REPLACE INTO entries VALUES (?, ?, {NEW_USE})", (key, text))
            (held,) = run("SELECT count(*) FROM entries").fetchone()
            run(
                "DELETE FROM entries WHERE key IN "
                "(SELECT key FROM entries ORDER BY used LIMIT ?)",
                (max(0, held - self.capacity),),
            )

        self._changed(keep, None)

    def delete(self, key: str) -> None:
        """Forget a key; one that is not there is fine."""
        self._changed(
            lambda run: run("DELETE FROM entries WHERE key = ?", (key,)), None
        )

    def __len__(self) -> int:
        def count(run: Run) -> int:
            return run("SELECT count(*) FROM entries").fetchone()[0]

        return self._changed(count, 0)

    def close(self) -> None:
        """Close the file; what was put stays in it."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _changed(self, change: Callable[[Run], Kept], failed: Kept) -> Kept:
        """Do all of a change, or nothing and return `failed`; that is told once."""
        with self._lock:
            connection = self._connection
            try:
                if connection.in_transaction:  # Ctrl-C came just before
                    connection.rollback()
                # At once: a reader that wants to write later could be refused.
                connection.execute("BEGIN IMMEDIATE")
                answer = change(connection.execute)
                connection.commit()
                return answer
            except sqlite3.ProgrammingError:  # such as: it is closed
                raise
            except sqlite3.Error as error:
                self._outage.tell(error)
                return failed
            finally:  # after a commit there is nothing to take back
                with contextlib.suppress(sqlite3.Error):
                    connection.rollback()


def _opened(path: Path) -> sqlite3.Connection:
    """Return a connection to a file of ours; a damaged one is set aside before."""
    if path.exists() and (size := path.stat().st_size):
        with open(path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC[:size]:
                raise _foreign(path)
        if size < HEADER_BYTES:
            _set_aside(path)
    try:
        return _connected(path)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
        ):
            raise  # such as: it cannot be written to
    _set_aside(path)
    return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    """Open the file and make its table; raises sqlite3.DatabaseError for damage."""
    connection = sqlite3.connect(
        path, timeout=WAIT, isolation_level=None, check_same_thread=False
    )
    try:
        connection.text_factory = bytes  # foreign bytes must not be an error
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if owner != APPLICATION and (owner or tables):
            raise _foreign(path)
        # A page that was cut off shows only when it is read.
        if connection.execute("PRAGMA quick_check").fetchone() != (b"ok",):
            damage = sqlite3.DatabaseError("the file is damaged")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # as whole, without waiting
        connection.execute(TABLE)
        connection.execute("CREATE INDEX IF NOT EXISTS uses ON entries (used)")
    except BaseException:
        connection.close()
        raise
    return connection


def _set_aside(path: Path) -> None:
    """Rename a damaged file; its journal would be written into the new one."""
    os.replace(path, f"{path}.damaged")
    for journal in ("-wal", "-shm"):
        Path(f"{path}{journal}").unlink(missing_ok=True)


def _foreign(path: Path) -> ValueError:
    return ValueError(
        f"path={str(path)!r} holds something that is no cache of llmlab, and it stays "
        "as it is; choose a path that is free."
    )


def _decoded(text: object) -> str | None:
    """Return what was kept as text; None for anything else."""
    try:
        return text.decode() if isinstance(text, bytes) else None
    except UnicodeDecodeError:
        return None
