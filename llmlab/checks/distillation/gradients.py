"""What a loss is compared by: its number, and the gradients that flow back from it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from llmlab.checks import shown
from llmlab.checks.exercise import Case, MisfitError, Value

NOTHING = 1e-5  # a loss or a gradient that is nearer to 0 is rounding of float32
CUT = (
    "return the tensor itself: .item(), float() and NumPy cut it off from the student, "
    "which learns by what flows back through the loss."
)
ALONE = "the loss is one number: what a training step can call .backward() on."
BACKWARD = "call no .backward() in the loss: the training step does that."
UNTAUGHT = (
    "the student learns nothing from this loss: detach(), .data, no_grad and "
    "torch.tensor(...) cut it off. Only the teacher is detached."
)
FROZEN = "the teacher does not learn: take {}.detach() before anything else."
IN_PLACE = "`x = x / 2` makes a new tensor; `x /= 2` and `x.div_(2)` change this one."


def gives(name: str, *learning: str) -> tuple[Value, ...]:
    """Return what an exercise with a loss gives. learning: the words of what learns."""
    return (
        Value("the loss"),
        *(
            Value(f"the gradient of {one}", promise=f"{name} teaches {one}")
            for one in learning
        ),
        Value("the teacher's gradient", promise=f"{name} leaves the teacher alone"),
    )


def seen(name: str, answer: Any, learning: Sequence[Tensor], teacher: Tensor) -> tuple:
    """Return the loss, the gradients of what learns, and whether the teacher has one.

    A tensor that no gradient reaches has zeros. MisfitError where the answer is no
    tensor with one number, or none that can be trained by.
    """
    number = _number(name, answer)
    every = [*learning, teacher]
    if any(one.grad is not None for one in every):
        for one in every:
            one.grad = None
        raise MisfitError(
            f"{name} gives a loss and trains nothing",
            expected="no gradient yet",
            got="a .grad in the arguments",
            hint=BACKWARD,
        )
    number = 0.0 if abs(number) < NOTHING else number
    if not answer.requires_grad:
        raise MisfitError(
            f"{name} teaches the student",
            expected="a loss with a gradient",
            got=f"{number:.6g}, cut off from the student",
            hint=UNTAUGHT,
        )
    try:
        gradients = torch.autograd.grad(
            answer.sum(), every, allow_unused=True, materialize_grads=True
        )
    except Exception as error:  # whatever a graph of a learner's own may raise
        raise MisfitError(
            f"{name} can be trained by",
            expected="a gradient",
            got=shown.message(error),
            hint=BACKWARD,
        ) from error
    *taught, untaught = map(_rounded, gradients)
    alone = "a gradient" if untaught.count_nonzero() else "no gradient"
    return (number, *taught, alone)


def case(*tensors: Tensor, more: Sequence[Any] = (), about: str = "") -> Case:
    """Return a case of tensors that all ask for gradients, and of what follows them."""

    def build() -> tuple:
        leaves = (one.detach().clone().requires_grad_() for one in tensors)
        return (*leaves, *more)

    return Case(build, about=about)


def either(*losses: Callable) -> tuple[Callable, ...]:
    """Return losses with the teacher, the second argument, detached and as it is.

    Who makes a mistake may have forgotten `detach` besides; the mistake comes first.
    """

    def frozen(loss: Callable) -> Callable:
        return lambda student, teacher, *more: loss(student, teacher.detach(), *more)

    return tuple(one for loss in losses for one in (frozen(loss), loss))


def _number(name: str, answer: Any) -> float:
    if not isinstance(answer, Tensor):
        raise MisfitError(
            f"{name} gives a tensor",
            expected="a tensor with one number",
            got=shown.value(answer),
            hint=CUT,
        )
    if answer.numel() != 1:
        raise MisfitError(
            f"{name} gives one number",
            expected="a tensor with one number",
            got=f"one of shape {tuple(answer.shape)}",
            hint=ALONE,
        )
    return float(answer.detach())


def _rounded(gradient: Tensor) -> Tensor:
    small = bool(gradient.abs().max() < NOTHING)
    return torch.zeros_like(gradient) if small else gradient.detach()
