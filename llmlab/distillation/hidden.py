"""Hidden states: what the teacher thinks on the way, not only what it says.

Each layer of a student is matched to one of its teacher. Both streams may differ in
width, so that a learnt matrix leads from one to the other; it is trained along with the
student and thrown away at the end. What is compared is the squared error over the
teacher's mean square, so that the loss is no larger for a wide teacher or a late layer.

Shapes: B sequences, T tokens, d the student's width, D the teacher's, L and n layers.
Sources: FitNets, Romero et al., ICLR 2015; TinyBERT, Jiao et al., 2020.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, wanted
from llmlab.core.arguments import shown
from llmlab.distillation.losses import wide
from llmlab.models import stacks


def hidden_loss(student: Tensor, teacher: Tensor, projection: Tensor) -> Tensor:
    """Return the mean squared error over the teacher's mean square, ().

    student (B, T, d), teacher (B, T, D), projection (D, d): what is compared is
    student @ projection.T. No gradient reaches the teacher. Raises ValueError for
    shapes that do not fit.
    """
    _check(student, teacher, projection)
    teacher = wide(teacher.detach())
    error = wide(student @ projection.T) - teacher  # (B, T, D)
    return error.square().mean() / teacher.square().mean()


def layer_places(student_layers: int, teacher_layers: int) -> dict[int, int]:
    """Return the teacher's layer that each of the student's layers is to match.

    Of n layers the i-th, counted from 1, matches the teacher's i L / n, rounded, halves
    up; places count from 0. So the last matches the last, and each covers as many of
    the teacher's layers. (4, 12) gives TinyBERT's {0: 2, 1: 5, 2: 8, 3: 11}. Raises
    ValueError for a student deeper than its teacher.
    """
    arguments.whole("student_layers", student_layers, least=1)
    arguments.whole("teacher_layers", teacher_layers, least=1)
    if student_layers > teacher_layers:
        raise ValueError(
            f"student_layers={student_layers} are more than the teacher's "
            f"{teacher_layers}, and some would have nothing to match; say which match "
            "what: places={0: 0}."
        )
    n, count = student_layers, teacher_layers
    return {i: (2 * (i + 1) * count + n) // (2 * n) - 1 for i in range(n)}


class Matched(nn.Module):
    """A student with a projection to its teacher's width at some of its layers.

    It answers as the student does. The projections are its parts, so that a training,
    which works on a copy, copies and trains them too; `.student` is the bare model.
    """

    def __init__(self, student: nn.Module, widths: Mapping[int, int], *, seed: int = 0):
        super().__init__()
        arguments.whole("seed", seed, most=2**63 - 1)
        name, layers = stacks.stack(wanted.module("student", student))
        _check_widths(widths, len(layers))
        draw = torch.Generator().manual_seed(seed)
        self.student = student
        self.stack = name
        own, like = width(student), next(student.parameters())
        self.projections = nn.ModuleDict(
            {str(at): _projection(own, widths[at], like, draw) for at in widths}
        )

    def forward(self, tokens: Tensor) -> Any:
        return self.student(tokens)

    def names(self) -> dict[int, str]:
        """Return the names of the student's layers that are matched, by place."""
        return {int(at): f"{self.stack}.{at}" for at in self.projections}

    def projection(self, place: int) -> Tensor:
        """Return the matrix (D, d) of a layer of the student."""
        return self.projections[str(place)].get_parameter("weight")


def width(model: nn.Module) -> int:
    """Return how wide the stream of a model is; ValueError where nothing says it."""
    config = stacks.with_config(model).config
    size = getattr(config, "hidden_size", None)
    if not arguments.is_whole(size):
        raise ValueError(
            f"the configuration of {type(model).__name__} names no hidden_size, so "
            "that no projection can be made for it; leave hidden=0."
        )
    return int(size)


def _projection(own: int, other: int, like: Tensor, draw: torch.Generator) -> nn.Linear:
    """Return the start of a projection: nothing changed where the widths agree."""
    if own == other:
        weight = torch.eye(own)
    else:
        weight = torch.randn(other, own, generator=draw) * own**-0.5
    layer = nn.Linear(own, other, bias=False, device="meta")
    layer.weight = nn.Parameter(weight.to(like.device, like.dtype))
    return layer


def _check_widths(widths: Any, layers: int) -> None:
    whole = arguments.is_whole
    pairs = widths.items() if isinstance(widths, Mapping) else ()
    fits = [whole(at) and 0 <= at < layers and whole(w) and w > 0 for at, w in pairs]
    if not fits or not all(fits):
        raise ValueError(
            f"widths={shown(widths)} must say the teacher's width at places from 0 to "
            f"{layers - 1} of the student, such as {{{layers - 1}: 384}}."
        )


def _check(student: Any, teacher: Any, projection: Any) -> None:
    given = {"student": student, "teacher": teacher, "projection": projection}
    for name, value in given.items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise ValueError(
                f"{name}={shown(value)} must be a tensor of floats: hidden states are "
                "(B, T, width), the projection is (D, d)."
            )
    if projection.shape != (*teacher.shape[-1:], *student.shape[-1:]) or (
        student.shape[:-1] != teacher.shape[:-1]
    ):
        raise ValueError(
            f"projection {tuple(projection.shape)} leads not from student "
            f"{tuple(student.shape)} to teacher {tuple(teacher.shape)}; hand in the "
            "states of the same tokens and a matrix (D, d)."
        )
