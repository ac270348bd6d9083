"""Writing: a file is at every moment the old one or the new one, never half of it."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a free place beside `path`; what stands there at the end takes its place.

    Folders are made as needed. After an error nothing has changed; OSError then names
    the file, the reason and the way out.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise OSError(
            f"{path} cannot be written ({error.strerror or error}), what stood there "
            "is unchanged; free some space or choose a folder that you may write to."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # it is there only after a failure
            beside.unlink()


@contextlib.contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Give a new folder beside `path`, which takes its place once it is filled.

    After an error what stood there is unchanged. Unlike a file's, the exchange is two
    renames, so that a kill between them leaves the old folder under a name of its own.
    """
    path = Path(path)
    beside, old = (
        path.with_name(f".{path.name}.{word}.{uuid.uuid4().hex[:8]}")
        for word in ("new", "old")
    )
    try:
        beside.mkdir(parents=True)
        yield beside
        if path.exists():
            os.replace(path, old)
        os.replace(beside, path)
    except OSError as error:
        raise OSError(
            f"{path} cannot be written ({error.strerror or error}), what stood there "
            "is unchanged; free some space or choose a folder that you may write to."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)


def write(path: str | Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes; errors as in `replacing`."""
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as beside:
        beside.write_bytes(data)
