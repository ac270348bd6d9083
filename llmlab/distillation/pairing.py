"""Which teacher fits which student: one sentence where the two cannot be compared.

Probabilities can be compared only over the same tokens. Models of other vocabularies
would be cut to the shorter one without a word, and then learn nonsense, so both are
looked at before the first step.
"""

from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import machine, wanted
from llmlab.core.model import as_stored
from llmlab.models import surgery, training_arguments

WIDE = (torch.float32, torch.float64)


def check_student(student: nn.Module) -> None:
    """Raise ValueError for a student that a training cannot move."""
    wanted.module("student", student)
    for name, module in student.named_modules():
        stored = as_stored(module)
        if stored is not None:
            way = "distil first and quantize then, or train with quantization.qat.train"
            if stored.kind == "sparse":
                way = "pruning.unpack(student) gives plain layers"
            raise ValueError(
                f"student has a {stored.kind} layer, {name or 'itself'}, which no "
                f"training moves; {way}."
            )
    for name, weight in student.named_parameters():
        if weight.is_floating_point() and weight.dtype not in WIDE:
            raise ValueError(
                f"student has {name} in {machine.dtype_name(weight.dtype)}, where the "
                "small steps of a training are lost; load it in float32."
            )


def check(student: nn.Module, teacher: nn.Module) -> None:
    """Raise ValueError for a teacher of other tokens, or on another device.

    A vocabulary or a tokenizer that a model does not have is not compared.
    """
    wanted.module("teacher", teacher)
    mine, others = vocabulary(student), vocabulary(teacher)
    if mine is not None and others is not None and mine != others:
        raise ValueError(
            f"teacher {called(teacher)} has a vocabulary of {others:,} and student "
            f"{called(student)} one of {mine:,}; choose two of the same tokenizer, or "
            "let the student learn the teacher's texts: distillation.sequences."
        )
    _check_tokenizers(student, teacher)
    here, there = device(student), device(teacher)
    if here != there:
        raise ValueError(
            f"teacher is on {there} and student on {here}; move one of them: "
            f"teacher.to({str(here)!r})."
        )


def check_tokens(models: dict[str, nn.Module | None], tokens: Tensor) -> None:
    """Raise ValueError for a batch (B, T + 1) longer than a model's context.

    Also for one that is no tensor of token ids.
    """
    training_arguments.check_tokens(tokens)
    for name, model in models.items():
        limit = None if model is None else context(model)
        if limit is not None and tokens.shape[1] - 1 > limit:
            raise ValueError(
                f"batch gives rows of {tokens.shape[1] - 1} tokens, and {name} "
                f"{called(model)} has a context of {limit}; cut them shorter."
            )


def frozen(teacher: nn.Module) -> nn.Module:
    """Return a copy that shares the teacher's storage, learns nothing and drops none.

    The teacher itself stays in the mode that it is in.
    """
    return surgery.share(wanted.module("teacher", teacher)).eval().requires_grad_(False)


def vocabulary(model: Any) -> int | None:
    """Return over how many tokens, or labels, a model answers; None if none says it."""
    if isinstance(getattr(model, "vocabulary", None), int):
        return model.vocabulary
    config = getattr(model, "config", None)
    if type(model).__name__.endswith("ForSequenceClassification"):
        return getattr(config, "num_labels", None)
    return getattr(config, "vocab_size", None)


def context(model: Any) -> int | None:
    """Return how many tokens a model reads at most; None if none says it."""
    if isinstance(getattr(model, "context", None), int):
        return model.context
    config = getattr(model, "config", None)
    return getattr(config, "max_position_embeddings", None)


def called(model: Any) -> str:
    """Return what a model is called, in quotes, or its class."""
    name = getattr(model, "name", None) or type(model).__name__
    return repr(name)


def device(model: nn.Module) -> torch.device:
    """Return where a model's weights are."""
    return next(wanted.module("model", model).parameters()).device


def _check_tokenizers(student: Any, teacher: Any) -> None:
    mine, others = (getattr(one, "tokenizer", None) for one in (student, teacher))
    if mine is None or others is None or mine is others:
        return
    words, theirs = mine.get_vocab(), others.get_vocab()
    if words == theirs:
        return
    word = next(w for w in theirs if words.get(w) != theirs[w]) if theirs else ""
    raise ValueError(
        f"teacher {called(teacher)} and student {called(student)} have other "
        f"tokenizers: {word!r} is token {theirs.get(word)} to the one and "
        f"{words.get(word)} to the other; choose two that read alike."
    )
