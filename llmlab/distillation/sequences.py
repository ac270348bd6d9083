"""Whole texts from the teacher: a student that learns what the teacher would write.

Labels say what somebody wrote; a teacher's answer is often plainer, and a small model
can learn it whole. The student then trains on it as on any text, with any loss, and
needs the teacher only once. Where the teacher writes the labels themselves (a
translator that is always right) nothing is gained.

Shapes: B texts, T tokens.
Source: Kim & Rush, EMNLP 2016 (sequence-level distillation).
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from llmlab.core import arguments, progress, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.models import generation, pairs, translation
from llmlab.models.sampling import Sampling

ROWS = 64  # texts at a time


def answers(
    teacher: Any, texts: Sequence[str], *, max_tokens: int | None = None
) -> list[tuple[str, str]]:
    """Return each text with the answer that the teacher gives to it, greedily.

    teacher: an encoder-decoder model, such as models.load("translator"). What comes
    back is what `models.pairs.packed` makes a batch of. Arguments and errors are those
    of `models.translation.translate`.
    """
    given = translation.translate(teacher, texts, max_tokens=max_tokens)
    return list(zip(texts, given, strict=True))


def answered(teacher: Any, batch: Callable[[int], Tensor]) -> Callable[[int], Tensor]:
    """Return the batch of each step with the teacher's answers in place of the labels.

    batch: pairs (B, T) as `models.pairs.batches` gives them. A function of its step
    alone, like the one handed in. Raises ValueError for a teacher that answers no text.
    """
    wanted.module("teacher", teacher)
    arguments.function("batch", batch, way="hand in models.pairs.batches(…)")
    tokenizer = wanted.tokenizer("teacher", teacher)

    def taught(step: int) -> Tensor:
        sources = batch(step)[:, : pairs.SOURCE]
        texts = tokenizer.batch_decode(sources, skip_special_tokens=True)
        given = translation.translate(teacher, texts, max_tokens=pairs.TARGET)
        targets = tokenizer(
            given, padding="max_length", truncation=True, max_length=pairs.TARGET
        )["input_ids"]  # a wrong answer may be cut into more tokens than were written
        return torch.cat([sources, torch.tensor(targets)], dim=1)

    return taught


def continuations(
    teacher: LanguageModel,
    prompts: Tensor | Sequence[Sequence[int]],
    *,
    tokens: int,
    sampling: Sampling = generation.GREEDY,
    rows: int = ROWS,
) -> Tensor:
    """Return prompts (B, T) with what the teacher writes on, (B, T + tokens).

    sampling: how each token is chosen, the best one by default. rows: how many prompts
    are read at a time. Raises ValueError for prompts of different lengths, and as
    `models.generation.stream_batch`.
    """
    wanted.causal("teacher", teacher)
    asked = prompts_of(prompts)
    rows = arguments.whole("rows", rows, least=1)
    starts = range(0, len(asked), rows)
    written = [
        written_on(teacher, asked[start : start + rows], tokens, sampling)
        for start in progress.track(starts, "the teacher writes")
    ]
    return torch.cat(written)


def written_on(
    model: LanguageModel, prompts: Tensor, tokens: int, sampling: Sampling
) -> Tensor:
    """Return prompts (B, T) with the tokens that a model adds, (B, T + tokens).

    Dropout is off meanwhile. What comes back may enter a graph: no gradient leads to
    the model through it.
    """
    tokens = arguments.whole("tokens", tokens, least=1)
    whole: Any = model
    was_training = whole.training
    whole.eval()
    try:
        # Made here: in inference mode a longer rotary table could not be trained with.
        cache = model.new_cache(len(prompts), prompts.shape[1] + tokens)
        steps = generation.stream_batch(
            model, prompts.tolist(), max_tokens=tokens, sampling=sampling, cache=cache
        )
        new = torch.tensor(list(steps), device=prompts.device).T  # (B, tokens)
    finally:
        whole.train(was_training)
    return torch.cat([prompts, new], dim=1)


def prompts_of(prompts: Tensor | Sequence[Sequence[int]]) -> Tensor:
    """Return prompts as one tensor (B, T); ValueError where they are none."""
    try:
        asked = torch.as_tensor(prompts)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"prompts={shown(prompts)} are no rows of token ids, all of one length "
            f"({error}); cut them to the shortest."
        ) from error
    if asked.dim() != 2 or not asked.numel() or asked.is_floating_point():
        raise ValueError(
            f"prompts has the shape {tuple(asked.shape)} and holds {asked.dtype}; hand "
            "in token ids (B, T), at least one row."
        )
    return asked
