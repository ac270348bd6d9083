"""llmlab: make a language model's inference fast, small and still good, by measuring.

core        machine, records, progress, and the face of every model
texts       the training text of this installation, the frozen evaluation text
models      decoder and RNN language models, caches, checkpoints, generation, training
measure     speed, memory, roofline, quality (lab 1)
show        figures with alt text, tables, and the pictures and widgets of each lab
journal     the learner's own predictions, scoreboard and hints
checks      what tells a learner that an exercise is right, or which mistake it holds
zoo         the recipes that made the bundled weights

The labs, in order, stand in `LABS`; `WORDS` are their words. Each is also a module, a
notebook, and a folder of checks, pictures and tests.
Importing llmlab loads nothing heavy; import what you use: `from llmlab import models`.
"""

from typing import NamedTuple

__version__ = "0.1.0"


class Lab(NamedTuple):
    """A row of the table of labs."""

    word: str  # of its notebook, module, checks, pictures and tests
    question: str
    minutes: int | None  # of machine time on two cores; None: planned


LABS = (
    Lab("measure", "Where does the time of one token go?", 2),
    Lab(
        "attention_vs_rnn",
        "Why did attention replace recurrence, and what does it cost?",
        5,
    ),
    Lab("architectures", "Which shape of model is cheap by design?", None),
    Lab("quantization", "How few bits does a weight need?", 5),
    Lab("pruning", "Which weights can go?", None),
    Lab("distillation", "Can a small model learn what the big one knows?", None),
    Lab("caching", "What need not be computed twice?", None),
    Lab("batching", "How to serve many at once?", None),
    Lab("speculation", "Can a small model write for the big one?", None),
    Lab("graphs", "How much of the time is the framework?", None),
    Lab("hardware", "What does the chip want?", None),
    Lab("serving", "How does it stay up?", None),
    Lab("tradeoffs", "What would you ship?", None),
)
WORDS = tuple(lab.word for lab in LABS)
