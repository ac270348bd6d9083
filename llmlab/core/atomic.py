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
        with _telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield beside
            with open(beside, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):  # it is there only after a failure
            beside.unlink()


@contextlib.contextmanager
def replacing_folder(path: str | Path, *, holding: str) -> Iterator[Path]:
    """Give a new folder beside `path`, which takes its place once it is filled.

    holding: a file that a folder of this sort holds; one without it is not replaced.
    After an error what stood there is unchanged. The exchange is two renames: a kill
    between them leaves the old folder beside the place, under a name with "old".
    Raises ValueError for a place that holds something else.
    """
    path = Path(path).expanduser().resolve()
    taken = path.exists() and not (path / holding).exists()
    if path == Path.cwd() or (taken and not _is_empty(path)):
        raise ValueError(
            f"{path} holds other things than a {holding}, and all of it would be "
            "replaced; choose a folder that is new, empty, or of this sort."
        )
    beside, old = (
        path.with_name(f".{path.name}.{word}.{uuid.uuid4().hex[:8]}")
        for word in ("new", "old")
    )
    try:
        with _telling(path):
            beside.mkdir(parents=True)
        yield beside
        with _telling(path):
            _exchange(path, beside, old)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _exchange(path: Path, new: Path, old: Path) -> None:
    """Put `new` where `path` is; what stood there comes back if that fails."""
    if path.exists():
        os.replace(path, old)
    try:
        os.replace(new, path)
    except OSError:
        if old.exists():
            os.replace(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Say in an OSError what could not be written, and the way out."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{path} cannot be written ({error.strerror or error}), what stood there "
            "is unchanged; free some space or choose a folder that you may write to."
        ) from error


def write(path: str | Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes; errors as in `replacing`."""
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as beside:
        beside.write_bytes(data)
