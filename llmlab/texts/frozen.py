"""Frozen texts that models are judged by: the same everywhere, so figures compare.

Small unrelated programs written for this project, number words in two languages, and
snippets of code with a module's name masked. They are data: none of them is imported.
"""

import functools
import json
from dataclasses import dataclass
from importlib import resources

from llmlab.texts import number_bands

SHORT_BYTES = 12_000
MASK = "[MASK]"  # stands for a module's name in a snippet
SUFFIX = ".txt"  # behind a program's own name, so that no tool takes it for ours


@dataclass(frozen=True)
class Snippet:
    """A few lines of code, masked, and the standard module that they use."""

    module: str
    code: str
    source: str  # the file that it is cut from


@functools.cache
def evaluation_files() -> dict[str, str]:
    """Return the frozen programs by name, in order."""
    folder = resources.files("llmlab.texts") / "programs"
    chosen = sorted(file.name for file in folder.iterdir())
    return {
        name.removesuffix(SUFFIX): (folder / name).read_text("utf-8") for name in chosen
    }


def evaluation() -> str:
    """Return the frozen evaluation text: every program, one behind the other."""
    return "".join(evaluation_files().values())


def short_files() -> dict[str, str]:
    """Return the programs of `short()`: every n-th of all, up to 12 KB."""
    files = evaluation_files()
    size, chosen = 0, {}
    for name in list(files)[:: max(1, len(files) // 4)]:
        size += len(files[name].encode())
        if size > SHORT_BYTES:
            break
        chosen[name] = files[name]
    return chosen


def short() -> str:
    """Return the 12 KB part of the evaluation text, for quick looks in labs."""
    return "".join(short_files().values())


@functools.cache
def number_pairs() -> tuple[number_bands.Pair, ...]:
    """Return the 2,000 frozen pairs of number words, English and French.

    In random order, so that any first part of them is a fair sample.
    """
    return number_bands.load()


@functools.cache
def snippets() -> tuple[Snippet, ...]:
    """Return the frozen snippets that a classifier is judged by, module by module."""
    text = (resources.files("llmlab.texts") / "snippets.json").read_text("utf-8")
    return tuple(Snippet(**row) for row in json.loads(text))
