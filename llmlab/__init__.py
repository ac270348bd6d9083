"""llmlab: make a language model's inference fast, small and still good, by measuring.

core              machine, records, progress, and the face of every model
texts             the training text of this installation, the frozen evaluation text
kernels           how a weight lies in memory, and which product reads it there
models            decoder and RNN language models, caches, checkpoints, generation
measure           lab 1: speed, memory, roofline, quality
show              figures with alt text, tables; the pictures of each lab
journal           the learner's own predictions, scoreboard and hints
attention_vs_rnn  lab 2: attention against recurrence, in time, memory and recall
quantization      lab 4: a model's weights in a few bits each
pruning           lab 5: which weights, neurons and layers can go
distillation      lab 6: a small model that learns what a big one knows
caching           lab 7: keys and values on pages, in few bits, in a window
batching          lab 8: many requests at once, step by step
graphs            lab 10: fold, fuse, compile; a decode step as one call
hardware          lab 11: tiles, arrays of cells, fixed point, who computes
checks            what tells a learner that an exercise is right, or what went wrong
peers             other engines on the same weights, side by side
zoo               the recipes that made the bundled weights
grading           marks for submissions, each exercise in a process of its own
command           what `llmlab` does in a terminal
new_lab           the skeleton of a lab that is to be written

The labs, in order, stand in `LABS`, a row for each notebook; `WORDS` are their words.
Each is also a module, a notebook or two, and a folder of checks, pictures and tests.
Importing llmlab loads nothing heavy; import what you use: `from llmlab import models`.
"""

from typing import NamedTuple

from llmlab.core import faces

__version__ = "0.1.0"


class Lab(NamedTuple):
    """A row of the table of labs: one notebook. A word may have several."""

    word: str  # of its notebook, module, checks, pictures and tests
    question: str
    minutes: int | None  # of machine time on two cores; None: planned
    letter: str = ""  # behind the number: "b" of a word's second notebook


LABS = (
    Lab("measure", "Where does the time of one token go?", 2),
    Lab(
        "attention_vs_rnn",
        "Why did attention replace recurrence, and what does it cost?",
        2,
    ),
    Lab("architectures", "Which shape of model is cheap by design?", None),
    Lab("quantization", "How few bits does a weight need?", 2),
    Lab("quantization", "Which integers should they be?", 2, "b"),
    Lab("pruning", "Which weights can go?", 2),
    Lab("distillation", "Can a small model learn what the big one knows?", 2),
    Lab("caching", "What need not be computed twice?", 2),
    Lab("batching", "How to serve many at once?", 2),
    Lab("speculation", "Can a small model write for the big one?", None),
    Lab("graphs", "How much of the time is the framework?", 2),
    Lab("hardware", "What does the chip want?", 2),
    Lab("serving", "How does it stay up?", None),
    Lab("tradeoffs", "What would you ship?", None),
)
WORDS = tuple(dict.fromkeys(lab.word for lab in LABS))

# The rooms of the docstring; each is imported when it is first used.
__all__ = [
    "LABS",
    "WORDS",
    "Lab",
    "attention_vs_rnn",
    "batching",
    "caching",
    "checks",
    "command",
    "core",
    "distillation",
    "grading",
    "graphs",
    "hardware",
    "journal",
    "kernels",
    "measure",
    "models",
    "new_lab",
    "peers",
    "pruning",
    "quantization",
    "show",
    "texts",
    "zoo",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
