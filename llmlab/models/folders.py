"""A model's folder is at every moment the old model, the new one, or one that refuses.

Everything is written into a folder inside it first. Then config.json goes, what a
loader would read in place of the new files goes, the new files are put there, and
config.json comes last: a kill in between leaves a folder without one, which nobody
loads, and the new model whole beside it.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from llmlab.models import files

CONFIG = "config.json"
# What a loader would take up though the new model does not bring it.
READ = (
    "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    "vocab.json", "merges.txt", "vocab.txt", "spiece.model", "tokenizer.model",
    "sentencepiece.bpe.model", "additional_chat_templates",
)  # fmt: skip


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give an empty folder; the model that stands in it at the end replaces the old.

    Of what stood in `folder`, only the model's own files go: weights that a loader
    would read, and the files named in READ. After an error before the exchange nothing
    has changed. Raises OSError with the way out where it cannot be written.
    """
    is_new = not folder.exists()
    _check_room(folder)
    with _telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder, prefix=files.PARTIAL))
    try:
        with _telling(folder):
            yield partial
            _settle(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if is_new:
            with contextlib.suppress(OSError):  # somebody put something there
                folder.rmdir()
        raise
    _exchange(partial, folder)


def _check_room(folder: Path) -> None:
    """Raise OSError where a folder stands in the place of one of the model's files."""
    for name in (CONFIG, files.SINGLE, files.INDEX, *READ[:-1]):
        if (folder / name).is_dir():
            raise OSError(
                f"{folder / name} is a folder, where the model's file belongs; move it "
                "away, or choose another folder for the model."
            )


def _settle(partial: Path) -> None:
    """Give the new files the mode of their folder's others, and have them on disk."""
    mode = (partial / CONFIG).stat().st_mode
    for path in partial.rglob("*"):
        if path.is_file():
            path.chmod(mode)  # safetensors writes for the owner alone
            with open(path, "rb+") as file:
                os.fsync(file.fileno())


def _exchange(partial: Path, folder: Path) -> None:
    """Put the new files in place of the old; if that breaks off, they stay whole."""
    new = {path.name for path in partial.iterdir()}
    try:
        stale = _stale(folder) - new
        (folder / CONFIG).unlink(missing_ok=True)
        for name in sorted(stale):
            _remove(folder / name)
        for name in sorted(new - {CONFIG}):
            if (folder / name).is_dir():  # of templates, which os.replace would not
                _remove(folder / name)
            os.replace(partial / name, folder / name)
        os.replace(partial / CONFIG, folder / CONFIG)
    except OSError as error:
        raise OSError(
            f"{folder} could not be replaced ({error.strerror or error}); the new "
            f"model's files stand in {partial}: move them up, {CONFIG} last."
        ) from error
    partial.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _stale(folder: Path) -> set[str]:
    """Return the names of files that a loader would read in place of new ones."""
    names = {path.name for path in folder.glob("model*.safetensors")}
    names |= {name for name in READ[:-1] if (folder / name).exists()}
    if (folder / files.INDEX).exists():
        names.add(files.INDEX)
        with contextlib.suppress(ValueError):  # a damaged one names nothing
            parts = files.index_of(folder)
            names |= {part for part in parts if part.endswith(".safetensors")}
    names = {n for n in names if Path(n).name == n and not (folder / n).is_dir()}
    return names | {name for name in READ[-1:] if (folder / name).is_dir()}


@contextlib.contextmanager
def _telling(folder: Path) -> Iterator[None]:
    """Say which folder could not be written, why, and the way out."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(
            f"{folder} cannot be written ({reason}), what stood there is unchanged; "
            "free some space or choose a folder that you may write to."
        ) from error
