"""One SQLite file, opened for a moment by each reading and writing.

A home folder may be a network drive, so SQLite keeps its rollback journal (the
write-ahead log needs shared memory between all who use the file), and waits when
another notebook writes. A transaction takes the write lock at its start: two that
first read and then both want to write could only fail. `write` returns when the entry
is on disk. A file that is damaged, newer or not ours is never touched.

Source: https://www.sqlite.org/lockingv3.html, https://www.sqlite.org/wal.html.
"""

import datetime
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from llmlab.core import machine, records
from llmlab.core.plain import Plain
from llmlab.core.records import Record

BUSY_SECONDS = 20.0
OURS = 0x6C6C6D6C  # "llml": SQLite's application id of a journal
STEPS = (  # from each schema version to the next; the last one is today's
    (
        """CREATE TABLE predictions (
            lab TEXT NOT NULL, name TEXT NOT NULL, model TEXT NOT NULL,
            machine TEXT NOT NULL, guess REAL NOT NULL, unit TEXT NOT NULL,
            date TEXT NOT NULL, measured TEXT,
            PRIMARY KEY (lab, name, model, machine))""",
        """CREATE TABLE scoreboard (
            lab TEXT NOT NULL, name TEXT NOT NULL, model TEXT NOT NULL,
            machine TEXT NOT NULL, quality TEXT NOT NULL, latency TEXT NOT NULL,
            size TEXT NOT NULL, date TEXT NOT NULL,
            PRIMARY KEY (lab, name, model, machine))""",
        """CREATE TABLE hints (
            lab TEXT NOT NULL, exercise TEXT NOT NULL, level INTEGER NOT NULL,
            date TEXT NOT NULL, PRIMARY KEY (lab, exercise, level))""",
    ),
    (  # a guess is the learner's, on whatever machine; of several the last one stays
        """CREATE TABLE guesses (
            lab TEXT NOT NULL, name TEXT NOT NULL, model TEXT NOT NULL,
            guess REAL, unit TEXT, typed TEXT, letter TEXT NOT NULL DEFAULT '',
            choices TEXT NOT NULL DEFAULT '{}', date TEXT, measured TEXT, known TEXT,
            PRIMARY KEY (lab, name, model))""",
        """INSERT OR REPLACE INTO guesses
            (lab, name, model, guess, unit, typed, date, measured)
            SELECT lab, name, model, guess, unit, unit, date, measured
            FROM predictions ORDER BY date""",
        "DROP TABLE predictions",
        "ALTER TABLE guesses RENAME TO predictions",
        "UPDATE predictions SET known = date WHERE measured IS NOT NULL",
    ),
)


_settled: tuple[str | None, Path] | None = None  # LLMLAB_HOME, and what it meant then


class JournalError(Plain, OSError):
    """The journal cannot be used; the message says why and the way out."""


def settle() -> None:
    """Keep the journal where it is now, whatever folder the notebook changes to."""
    global _settled
    _settled = os.environ.get("LLMLAB_HOME"), machine.home()


def path() -> Path:
    """Return where the journal of this learner stands, or will stand.

    Who asks first settles it for as long as LLMLAB_HOME says the same: a guess is found
    again when the working folder has changed meanwhile.
    """
    if _settled is None or _settled[0] != os.environ.get("LLMLAB_HOME"):
        settle()
    assert _settled is not None  # just done
    return _settled[1] / "journal.db"


def query(sql: str, parameters: Any = ()) -> list[sqlite3.Row]:
    """Return the rows of a query; none, and no file, while there is no journal."""
    try:
        path().stat()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unwritable(path(), error.strerror or str(error)) from error
    with _connected(path()) as connection:
        connection.execute("BEGIN")
        version = _version(connection, path())
        if version == 0:
            return []
        if version == len(STEPS):
            return connection.execute(sql, parameters).fetchall()
        with closing(sqlite3.connect(":memory:")) as copy:  # reading changes no file
            connection.backup(copy)
            copy.row_factory = sqlite3.Row
            _upgrade(copy, version)
            return copy.execute(sql, parameters).fetchall()


def write(sql: str, parameters: Any = ()) -> int:
    """Carry out one statement, wait until it is on disk, return the rows it changed."""
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path(), error.strerror or str(error)) from error
    with _connected(path()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        _upgrade(connection, _version(connection, path()))
        changed = connection.execute(sql, parameters).rowcount
        connection.execute("COMMIT")
        return changed


def upsert(table: str, row: Mapping[str, str | int | float]) -> None:
    """Write one row, dated now; it replaces the one with the same primary key."""
    for name, value in row.items():
        if not isinstance(value, (str, int, float)):
            raise ValueError(f"{name}={value!r} is neither text nor number.")
    dated = dict(row)
    dated["date"] = datetime.datetime.now(datetime.UTC).isoformat()
    names = ", ".join(dated)
    slots = ", ".join(f":{name}" for name in dated)
    write(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({slots})", dated)


def one_record(text: str) -> Record:
    """Read the record in a field of a row; JournalError if it holds no single one."""
    try:
        (record,) = records.from_json(text)
    except ValueError as error:
        raise damaged(str(error)) from error
    return record


def damaged(why: str) -> JournalError:
    """Return the error of a row that cannot be understood, with the way out."""
    return _damaged(path(), why)


def text(name: str, value: object) -> str:
    """Return a text that a row can hold; ValueError for what is none."""
    if not isinstance(value, str) or value != value.encode("utf-8", "replace").decode():
        raise ValueError(f"{name}={value!r:.60} must be text that UTF-8 can say.")
    return value


@contextmanager
def _connected(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for one transaction; what SQLite reports becomes one sentence."""
    try:
        stands = file.exists() and not file.is_file()
    except OSError as error:  # a folder that may not be entered
        raise _unwritable(file, error.strerror or str(error)) from error
    if stands:
        raise _unwritable(file, "it is a folder, a pipe or a socket, and no file")
    try:
        with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as connection:
            connection.isolation_level = None  # the transactions stand in the code
            connection.row_factory = sqlite3.Row
            # EXTRA also syncs the folder, or a power cut could bring back the old row.
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("PRAGMA journal_mode = DELETE")
            yield connection
    except sqlite3.Error as error:
        if explained := _explained(error, file):
            raise explained from error
        raise


def _version(connection: sqlite3.Connection, file: Path) -> int:
    """Return the schema version, 0 for an empty file; refuse what is not ours."""
    (health,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":  # the file is small, so looking through it costs next to nothing
        raise _damaged(file, " ".join(health.split()))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner == OURS and 0 < version <= len(STEPS):
        return version
    if owner == OURS and version > len(STEPS):
        raise JournalError(
            f"the journal {file} was written by a newer llmlab (schema {version}, this "
            f"one knows {len(STEPS)}) and is kept as it is; run pip install -U llmlab, "
            "or set LLMLAB_HOME to another folder."
        )
    if owner or version or tables:
        raise JournalError(
            f"{file} is a database of another program and is kept as it is; set "
            "LLMLAB_HOME to another folder."
        )
    return 0


def _upgrade(connection: sqlite3.Connection, version: int) -> None:
    for statement in (each for step in STEPS[version:] for each in step):
        connection.execute(statement)
    if version < len(STEPS):
        connection.execute(f"PRAGMA application_id = {OURS}")
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def _explained(error: sqlite3.Error, file: Path) -> JournalError | None:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return _unwritable(file, str(error))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return JournalError(
            f"the journal {file} was kept busy by another program for "
            f"{BUSY_SECONDS:g} s, so this entry is not in it; close the other notebook "
            "and try again, or, on a network drive without file locks, set LLMLAB_HOME "
            "to a folder on this computer."
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return JournalError(
            f"the disk did not take an entry of the journal {file} ({error}), older "
            "entries are kept; free some space, or set LLMLAB_HOME to another folder."
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return _damaged(file, str(error))
    return None  # a mistake of ours


def _damaged(file: Path, why: str) -> JournalError:
    """Return the error of a file that cannot be understood, with the way out."""
    return JournalError(
        f"the journal {file} is damaged ({why}) and is kept as it is; rename it, and a "
        "new one begins (the program sqlite3 may save rows: sqlite3 journal.db "
        ".recover), or set LLMLAB_HOME to another folder."
    )


def _unwritable(file: Path, why: str) -> JournalError:
    return JournalError(
        f"the journal {file} cannot be opened or written ({why}); set LLMLAB_HOME to a "
        "folder that you may write to."
    )
