"""A translator in few bits: its answers side by side, and what is said of such models.

Numbers in English words become numbers in French words; an answer is right or not.
"""

from collections.abc import Sequence
from typing import Any

from llmlab.kernels.format import Format
from llmlab.measure import exams
from llmlab.measure.claims import FAILS, HOLDS, OPEN, Claim, Claims
from llmlab.measure.exams import Answers
from llmlab.models import pairs, translation
from llmlab.quantization import qat, rounding

COUNT = 60  # numbers that are asked


def claims(asked: Answers) -> Claims:
    """Hold sentences of tutorials of 2023 against the answers of a translator.

    asked: what `translated` returned. A loss counts where the sign test says so.
    """
    exact, *small, after = asked.given
    before = small[-1]
    back, start = asked.lost(after, exact)[0], asked.lost(before, exact)[0]
    better = asked.is_worse(before, after) and not asked.is_worse(after, exact)
    trained = Claim(
        "“further trained … to … compensate for the loss of precision”",
        f"{after}: {back} right answers lost, where {before} loses {start}",
        HOLDS if better else FAILS,
    )
    return Claims((*(_robust(asked, name, exact) for name in small), trained))


def translated(
    model: Any,
    words: Sequence[str],
    *,
    steps: int = 20,
    rows: int = 32,
    count: int = COUNT,
) -> Answers:
    """Ask a translator, the same in a few formats, and the last of them trained on.

    model: in float32, as `models.load("translator")` gives it. words: of formats, from
    many bits to few. steps: of a training through the rounding, of `rows` pairs, none
    of which is held out; the numbers asked are. count: of the numbers. Raises
    ValueError for no word, and for what `Format.parse` refuses.
    """
    if not words:
        raise ValueError("words names no format; hand in such as ('int4', 'int2').")
    small = {word: rounding.quantize(model, Format.parse(word)) for word in words}
    tuned = qat.train(
        model, pairs.batches(model.tokenizer, rows=rows), steps=steps,
        format=Format.parse(words[-1]), loss=translation.loss,
    )  # fmt: skip
    name = f"{words[-1]}, trained"
    translators = {"fp32": model, **small, name: tuned.model}
    return exams.sit(translators, exams.number_words(count), translation.translate)


def _robust(first: Answers, name: str, exact: str) -> Claim:
    """Some may be lost, and chance alone may have taken them: that settles nothing."""
    lost, _ = first.lost(name, exact)
    open_or_not = OPEN if lost else HOLDS
    return Claim(
        "“often robust to small perturbations in their parameters”",
        f"{name}: {lost} right answers of {len(first.exam.expected)} lost",
        FAILS if lost and first.is_worse(name, exact) else open_or_not,
    )
