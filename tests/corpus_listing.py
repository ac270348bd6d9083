"""The files that any model may learn from, listed once for all tests that read them.

To list them takes ten seconds of CPU. The list is kept in pytest's cache folder under
the hash of every RECORD of this environment, of Python and of the rules of selection,
so that the next run reads it; a file that changed without its RECORD is told when it is
read, by its own hash.
"""

import functools
import hashlib
import importlib.metadata
import json
import sys
import sysconfig
from pathlib import Path

import pytest

from llmlab.core import atomic
from llmlab.texts import corpus


@functools.cache
def files(config: pytest.Config) -> list[corpus.TextFile]:
    """Return what `corpus.candidates()` gives, from pytest's cache if it is there."""
    path = place(config)
    if path is None:
        return list(corpus.candidates())
    if not path.exists():
        rows = [f.entry() | {"folder": str(f.folder)} for f in corpus.candidates()]
        atomic.write(path, json.dumps(rows))
    rows = json.loads(path.read_text())
    return [corpus.TextFile(**row | {"folder": Path(row["folder"])}) for row in rows]


def place(config: pytest.Config) -> Path | None:
    """Return where the list is kept, None for a run without pytest's cache."""
    if not hasattr(config, "cache"):
        return None
    return config.cache.mkdir("corpus") / f"{installation()}.json"


def installation() -> str:
    """Return a name for what is installed here, and for what of it is listed.

    Only this environment's own folders are read: `import setuptools`, which any test
    may cause, lengthens `sys.path` by packages that setuptools carries within itself.
    """
    folders = sorted({sysconfig.get_path(name) for name in ("purelib", "platlib")})
    installed = importlib.metadata.distributions(path=folders)
    records = [found.read_text("RECORD") or "" for found in installed]
    parts = [
        sys.version,
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        Path(corpus.__file__).read_text(),
        *sorted(hashlib.sha256(text.encode()).hexdigest() for text in records),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def data(file: corpus.TextFile) -> bytes:
    """Return a file's bytes; ValueError if they are not those that were listed."""
    found = (file.folder / file.path).read_bytes()
    if hashlib.sha256(found).hexdigest() != file.sha256:
        raise ValueError(
            f"{file.folder / file.path} has changed though no RECORD has; clear the "
            "list by `pytest --cache-clear`."
        )
    return found
