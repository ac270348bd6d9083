"""What models that answer whole texts are asked: a translator, a classifier.

Their frozen texts ship with llmlab. Any other encoder-decoder or classifier of
sequences is asked the same, for the time that it takes; whether it is right is judged
only where its answers could be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab import texts
from llmlab.core.quantities import ACCURACY
from llmlab.measure import exams
from llmlab.measure.exams import Exam
from llmlab.models import classification, translation

PAIRS = 500  # of the frozen ones; all of them take a minute


@dataclass(frozen=True)
class Asking:
    """How a model is asked, what, and whether its answers can be judged."""

    ask: Callable[[Any, Sequence[str]], list[str]]
    exam: Exam
    judged: bool


def for_model(model: Any) -> Asking:
    """Return what a model is asked; ValueError for one that answers no texts."""
    if model.tokenizer and model.config.is_encoder_decoder and model.can_generate():
        judged = model.name == "translator"
        return Asking(translation.translate, exams.number_words(PAIRS), judged)
    if model.tokenizer and type(model).__name__.endswith("ForSequenceClassification"):
        snippets = texts.snippets()
        modules = [snippet.module for snippet in snippets]
        exam = Exam([snippet.code for snippet in snippets], modules, ACCURACY)
        judged = set(modules) <= set(model.config.id2label.values())
        return Asking(classification.classify, exam, judged)
    raise ValueError(
        f"--model {model.name} is a {type(model).__name__}"
        f"{'' if model.tokenizer else ' without tokenizer'}, which neither writes nor "
        "labels texts here; take a causal model, an encoder-decoder or a classifier of "
        "sequences with its tokenizer, such as coder."
    )
