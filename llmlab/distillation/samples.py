"""What a student writes by itself: how varied it is, and what its teacher thinks of it.

A student that settles on a few of its teacher's answers is graded well and repeats
itself; one that spreads over all of them is varied and often wrong. Both numbers stand
side by side, since either alone can be had for nothing.

Shapes: P prompts, R drawn continuations of each, T tokens.
"""

from typing import Any

import numpy
import torch
from torch import Tensor

from llmlab.core import arguments, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.distillation.on_policy import rollout
from llmlab.distillation.quantities import GRADE, VARIETY
from llmlab.measure import bootstrap, labels

SIZE = 3  # tokens of a run that is counted once


def draw(
    model: LanguageModel, prompts: Tensor, *, each: int, tokens: int, seed: int = 0
) -> Tensor:
    """Return what a model writes after each prompt (P, T), drawn: (P, R, tokens).

    each: how often it writes, R. Raises ValueError as `on_policy.rollout`.
    """
    each = arguments.whole("each", each, least=1)
    draws = torch.Generator(prompts.device).manual_seed(seed)
    rows = prompts.repeat_interleave(each, 0)
    written = rollout(model, rows, tokens=tokens, generator=draws)
    return written[:, prompts.shape[1] :].unflatten(0, (len(prompts), each))


def variety(written: Tensor, *, subject: str = "", size: int = SIZE) -> Record:
    """Return how many runs of `size` tokens are new among a prompt's continuations.

    written: (P, R, T) as `draw` gives it. A share: 1 where no run comes twice after the
    same prompt. The interval is drawn over prompts. Raises ValueError for continuations
    shorter than a run.
    """
    _check(written, size)
    parts = []
    for rows in written.tolist():
        runs = [tuple(row[at : at + size]) for row in rows for at in _starts(row, size)]
        parts.append([len(set(runs)), len(runs)])
    return bootstrap.estimate(
        VARIETY, numpy.array(parts), bootstrap.ratio, subject=subject
    )


@torch.inference_mode()
def grade(
    teacher: LanguageModel, prompts: Tensor, written: Tensor, *, subject: str = ""
) -> Record:
    """Return the teacher's mean log-probability of what was written, in nats a token.

    prompts: (P, T); written: (P, R, T). Nearer to 0 is better. The interval is drawn
    over prompts. Raises ValueError for continuations of other prompts.
    """
    wanted.causal("teacher", teacher)
    _check(written, 1)
    if len(prompts) != len(written):
        raise ValueError(
            f"written is of {len(written)} prompts and prompts holds {len(prompts)}; "
            "hand in what draw(model, prompts, …) gave for these."
        )
    parts = []
    for prompt, rows in zip(prompts, written, strict=True):
        whole = torch.cat([prompt.expand(len(rows), -1), rows], dim=1)
        logits: Any = teacher(whole[:, :-1])[:, len(prompt) - 1 :]
        chances = logits.float().log_softmax(-1).gather(-1, rows[..., None])
        parts.append([chances.sum().item(), rows.numel()])
    return bootstrap.estimate(
        GRADE,
        numpy.array(parts),
        bootstrap.ratio,
        subject=subject,
        details={"teacher": labels.name(teacher)},
    )


def _starts(row: list[int], size: int) -> range:
    return range(len(row) - size + 1)


def _check(written: Any, size: int) -> None:
    arguments.whole("size", size, least=1)
    fits = isinstance(written, Tensor) and written.dim() == 3 and written.numel()
    if not fits or written.shape[-1] < size:
        raise ValueError(
            f"written={shown(written)} must be token ids (prompts, continuations of "
            f"each, tokens), at least {size} of them: draw(model, prompts, …)."
        )
