"""The translator of the tutorials, pruned: which of its answers are lost.

Numbers in English words become numbers in French words; an answer is right or not.
"""

from collections.abc import Sequence
from typing import Any

from llmlab import models
from llmlab.core import progress
from llmlab.measure import exams
from llmlab.models import translation
from llmlab.pruning import unstructured
from llmlab.pruning.experiments.shares import SPARSITIES, Mask

DENSE, COUNT = "dense", 60  # numbers that are asked


def translated(
    magnitude_mask: Mask,
    *,
    sparsities: Sequence[float] = SPARSITIES,
    count: int = COUNT,
    model: Any = None,
) -> exams.Answers:
    """Prune the bundled translator at each sparsity and ask all the same numbers.

    magnitude_mask: as in `by_sparsity`. count: of the frozen numbers. model: another
    translator of the same kind. Raises ValueError for a mask that is none.
    """
    dense = models.load("translator") if model is None else model
    pruned = {DENSE: dense}
    for share in progress.track(list(sparsities), "pruning the translator"):
        pruned[named(share)] = unstructured.prune(
            dense, sparsity=share, mask=magnitude_mask
        )
    return exams.sit(pruned, exams.number_words(count), translation.translate)


def named(share: float) -> str:
    """Return what the translator with this share of zeros is called: "30 %"."""
    return f"{100 * share:.0f} %"
