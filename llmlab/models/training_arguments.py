"""What `training.train` takes, and one sentence for what it does not.

They are looked at before a copy is made, so that a slip costs no time.
"""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, wanted

CALLED = {  # argument -> what to hand in
    "batch": "batch(step) gives the tokens of a step",
    "optimizers": "optimizers(model) gives a list of optimizers",
    "loss": "loss(model, tokens) gives a scalar, such as training.next_token_loss",
    "schedule": "schedule(step) gives the factor of the rates",
    "evaluate": "evaluate(model) gives numbers by name, or None for none",
    "after_step": "after_step(model) changes the model, or None for nothing",
}
OPTIONAL = {"evaluate", "after_step"}
MOST_STEPS = 10**9  # more than anybody waits for


def check(model: nn.Module, functions: Mapping[str, Any]) -> None:
    """Raise ValueError for what is no model, has no floats, or is no function."""
    wanted.module("model", model)
    for name, value in functions.items():
        if value is not None or name not in OPTIONAL:
            arguments.function(name, value, way=CALLED[name])
    for name, weight in model.named_parameters():
        if not weight.is_floating_point():
            raise ValueError(
                f"{name} holds integers, and a gradient has nothing to move there; "
                "train the model before it is quantized, by quantization.qat.train."
            )


def check_numbers(numbers: Mapping[str, Any], *, clip: Any, stop_after: Any) -> None:
    """Raise ValueError for steps that are no whole numbers, and a clip not above 0."""
    for name, value in numbers.items():
        least = 0 if name in ("start", "steps") else 1
        arguments.whole(name, value, least=least, most=MOST_STEPS)
    if stop_after is not None:
        arguments.whole("stop_after", stop_after)
    if clip is not None:
        arguments.number("clip", clip, above=0, way="or None for no clipping")


def check_rates(rate: float, betas: tuple[float, float], weight_decay: float) -> None:
    """Raise ValueError for a rate not above 0, and betas or a decay that cannot be."""
    arguments.number("rate", rate, above=0)
    pair = betas if isinstance(betas, tuple | list) else ()
    if len(pair) != 2 or not all(arguments.is_number(b) and 0 <= b < 1 for b in pair):
        raise ValueError(
            f"betas={arguments.shown(betas)} must be two numbers from 0 to below 1, "
            "such as (0.9, 0.95)."
        )
    if not arguments.is_number(weight_decay) or weight_decay < 0:
        raise ValueError(
            f"weight_decay={arguments.shown(weight_decay)} must be a number from 0."
        )


def check_modules(name: str, modules: Any) -> None:
    """Raise ValueError for what holds anything else than parts of a model."""
    listed = list(modules) if isinstance(modules, Iterable) else [modules]
    if not all(isinstance(part, nn.Module) for part in listed):
        raise ValueError(
            f"{name}={arguments.shown(modules)} must hold parts of the model, such "
            "as [model.head]."
        )


def check_plan(steps: int, warmup: int, decay: int, floor: float) -> None:
    """Raise ValueError for steps that are no whole numbers, and a floor beyond 1."""
    for name, value in {"steps": steps, "warmup": warmup, "decay": decay}.items():
        arguments.whole(name, value, most=MOST_STEPS)
    if not arguments.is_number(floor) or not 0 <= floor <= 1:
        raise ValueError(
            f"floor={arguments.shown(floor)} must be a share of the rate, from 0 to 1."
        )
    if warmup + decay > steps:
        raise ValueError(
            f"warmup={arguments.shown(warmup)} and decay={arguments.shown(decay)} do "
            f"not fit into steps={arguments.shown(steps)}; choose warmup + decay <= "
            "steps."
        )


def check_tokens(tokens: Tensor) -> None:
    """Raise ValueError for what is no tensor of token ids (B, T + 1)."""
    if not isinstance(tokens, Tensor) or tokens.dim() != 2 or tokens.shape[1] < 2:
        raise ValueError(
            f"tokens={arguments.shown(tokens)} must be a tensor of token ids, (B, T + "
            "1), two a row at least."
        )


def check_path(name: str, path: Any) -> None:
    """Raise ValueError for what names no place on the disk."""
    if not isinstance(path, str | PathLike):
        raise ValueError(f"{name}={arguments.shown(path)} is no path; give one.")


def listed_optimizers(made: Any) -> list[torch.optim.Optimizer]:
    """Return optimizers as a list; ValueError for anything else among them."""
    single = [made] if isinstance(made, torch.optim.Optimizer) else made
    try:
        listed = list(single)
    except TypeError:
        listed = [made]
    for one in listed:
        if not isinstance(one, torch.optim.Optimizer):
            raise ValueError(
                f"optimizers gave {arguments.shown(one)}, which is no optimizer; "
                "return a list, such as [torch.optim.AdamW(model.parameters())]."
            )
    return listed
