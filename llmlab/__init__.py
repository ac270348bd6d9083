"""llmlab: make a language model's inference fast, small and still good, by measuring.

core        machine, records, progress, and the face of every model
texts       the training text of this installation, the frozen evaluation text
models      decoder and RNN language models, caches, checkpoints, generation, training
measure     speed, memory, roofline, quality (lab 1)
show        figures with alt text, tables, and the pictures and widgets of each lab
journal     the learner's own predictions, scoreboard and hints
checks      what tells a learner that an exercise is right, or which mistake it holds
zoo         the recipes that made the bundled weights

The labs, in order, stand in `LABS`; each word is also a module, a notebook and a test.
Importing llmlab loads nothing heavy; import what you use: `from llmlab import models`.
"""

__version__ = "0.1.0"

LABS = (
    "measure",
    "attention_vs_rnn",
    "architectures",
    "quantization",
    "pruning",
    "distillation",
    "caching",
    "batching",
    "speculation",
    "graphs",
    "hardware",
    "serving",
    "tradeoffs",
)
