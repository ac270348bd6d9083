"""The Python sources of this installation that models may learn from, listed once.

The first call of an installation takes about a minute; the list is kept in the cache
folder. What may be learnt from, `texts.corpus` decides.
"""

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
from pathlib import Path

from llmlab.core import atomic, machine
from llmlab.texts import corpus
from llmlab.texts.corpus import TextFile


def training_files() -> list[TextFile]:
    """Return the source files of this installation that models may learn from."""
    return [file for file in files() if file.split == "training"]


def held_out_files() -> list[TextFile]:
    """Return the source files of this installation that no recipe learns from."""
    return [file for file in files() if file.split == "held out"]


@functools.cache
def files() -> tuple[TextFile, ...]:
    """List all usable files; the first call of an installation takes about a minute.

    The list is kept in the cache folder under the versions of all packages involved;
    a damaged list is made again.
    """
    path = machine.cache_folder() / f"corpus-{_installation()}.json"
    try:
        rows = json.loads(path.read_text())
        return tuple(TextFile(**row | {"folder": Path(row["folder"])}) for row in rows)
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not listed yet, or damaged: list again
    files = tuple(corpus.files())
    rows = [file.entry() | {"folder": str(file.folder)} for file in files]
    atomic.write(path, json.dumps(rows))
    return files


def _installation() -> str:
    """Return a name for this set of packages and these rules of selection."""
    packages = [
        f"{name} {importlib.metadata.version(name)}" for name in corpus.packages()
    ]
    rules = Path(corpus.__file__).read_text()
    everything = [platform.python_version(), os.__file__, *packages, rules]
    return hashlib.sha256("\n".join(everything).encode()).hexdigest()[:16]
