"""The texts that models learn from and are judged by.

frozen        programs, number words and snippets, the same everywhere
installed     the Python sources of this installation, listed once and remembered
manifests     which files a model learnt from
corpus        which files of this installation may be learnt from
masking       snippets of code with a module's name masked
number_words  whole numbers in English and French words, and back
number_bands  numbers that no recipe learns from, and the frozen pairs

What the labs and the command ask for most is here by its own name: `texts.short()`.
"""

from llmlab.core import faces
from llmlab.texts.frozen import (
    MASK,
    Snippet,
    evaluation,
    evaluation_files,
    number_pairs,
    short,
    short_files,
    snippets,
)
from llmlab.texts.installed import files, held_out_files, training_files

__all__ = [
    "MASK",
    "Snippet",
    "corpus",
    "evaluation",
    "evaluation_files",
    "files",
    "frozen",
    "held_out_files",
    "installed",
    "manifests",
    "masking",
    "number_bands",
    "number_pairs",
    "number_words",
    "short",
    "short_files",
    "snippets",
    "training_files",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
