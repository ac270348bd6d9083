"""`llmlab labs`: the labs with their questions, and which of them are here."""

import argparse
from pathlib import Path

import llmlab
from llmlab.command import terminal

QUESTIONS = {
    "measure": "Where does the time of one token go?",
    "attention_vs_rnn": "Why did attention replace recurrence, and what does it cost?",
    "architectures": "Which shape of model is cheap by design?",
    "quantization": "How few bits does a weight need?",
    "pruning": "Which weights can go?",
    "distillation": "Can a small model learn what the big one knows?",
    "caching": "What need not be computed twice?",
    "batching": "How to serve many at once?",
    "speculation": "Can a small model write for the big one?",
    "graphs": "How much of the time is the framework?",
    "hardware": "What does the chip want?",
    "serving": "How does it stay up?",
    "tradeoffs": "What would you ship?",
}


def package() -> Path:
    return Path(llmlab.__file__).parent


def folder() -> Path:
    """Return where the labs of this installation stand.

    A wheel carries them inside the package; in a checkout they stand beside it.
    """
    inside = package() / "labs"
    return inside if inside.is_dir() else package().parent / "labs"


def number(word: str) -> str:
    """Return the two digits of a lab's notebook: "quantization" -> "04"."""
    return f"{llmlab.LABS.index(word) + 1:02d}"


def notebook(word: str) -> str:
    """Return the file name of a lab: "quantization" -> "04_quantization.ipynb"."""
    return f"{number(word)}_{word}.ipynb"


def run(options: argparse.Namespace) -> int:
    """Print the table of the labs."""
    width = max(map(len, llmlab.LABS))
    for word in llmlab.LABS:
        here = (folder() / notebook(word)).is_file()
        state = terminal.paint("here   ", "green") if here else "planned"
        print(f"{number(word)}  {word:<{width}}  {state}  {QUESTIONS[word]}")
    print("\nOpen them with: llmlab start my-course")
    return 0
