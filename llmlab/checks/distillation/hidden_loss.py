"""Exercise 3: the teacher's hidden states, through a projection (Jiao et al., 2020)."""

from functools import partial

import torch
from torch.nn import functional

from llmlab.checks.distillation import gradients
from llmlab.checks.exercise import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off


def squares(x):
    """Return the mean square of all numbers."""
    return x.square().mean()


def _loss(student, teacher, projection, *, error=squares, over=squares, root=False):
    """Return the error of the projected student over the size of the teacher.

    The knobs each make a typical mistake.
    """
    wide = student @ projection.T
    loss = error(wide - teacher) / over(teacher)
    return loss.sqrt() if root else loss


def hidden_loss(student, teacher, projection):
    """Return the mean squared error over the teacher's mean square."""
    return _loss(student, teacher.detach(), projection)


def observed(answer, student, teacher, projection):
    """Return the loss, two gradients, and whether the teacher has one."""
    learning = [student, projection]
    return gradients.seen("hidden_loss", answer, learning, teacher)


def _knobs(*, error=squares, over=squares, root=False):
    return gradients.either(partial(_loss, error=error, over=over, root=root))


def _over(size):
    """Divide the squared error by what `size` makes of student, wide, teacher."""
    return gradients.either(
        lambda s, t, p: squares(s @ p.T - t) / size(s, s @ p.T, t))


def _a_token(s, t, p):
    """Divide the error of a token by that token's size; mean over tokens."""
    return ((s @ p.T - t).square().mean(-1) / t.square().mean(-1)).mean()


def _cosine(s, t, p):
    return 1 - functional.cosine_similarity(s @ p.T, t, dim=-1).mean()


def _of_directions(s, t, p):
    pair = (functional.normalize(one, dim=-1) for one in (s @ p.T, t))
    one, other = pair
    return squares(one - other)


def _backwards(s, t, p):
    """Bring the teacher down to the student's width."""
    return squares(t @ p - s)


def _cases():
    yield gradients.case(
        torch.tensor([[[1.0, 2.0], [0.0, 1.0]]]),
        torch.tensor([[[2.0, 0.0, 1.0], [0.0, 1.0, 3.0]]]),
        torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    dice = torch.Generator().manual_seed(0)
    kinds = ((2, 3, 4, 6, torch.float32), (3, 5, 2, 7, torch.float32),
             (1, 4, 5, 3, torch.float64), (4, 1, 3, 8, torch.float32),
             (2, 6, 5, 5, torch.float32))
    for batch, tokens, width, wide, dtype in kinds:
        sizes = (batch, tokens, width), (batch, tokens, wide), (wide, width)
        s, t, p = (torch.randn(*size, generator=dice, dtype=dtype) for size in sizes)
        length = 2 ** torch.randn(batch, tokens, 1, generator=dice, dtype=dtype)
        yield gradients.case(s * 0.7, t * length + 0.5, p)


EXERCISE = Exercise(
    name="hidden_loss",
    right=hidden_loss,
    gives=gradients.gives("hidden_loss", "the student", "the projection"),
    cases=lambda: [*_cases()],
    covers="loss and gradients, for students narrower, wider and as wide",
    hints=(
        "The student's states have d numbers a token, the teacher's D: the projection "
        "makes d into D, and then they can be compared.",
        "wide = student @ projection.T is (B, T, D). The mean of (wide - teacher)² is "
        "divided by the mean of teacher², so that the teacher's scale cancels.",
        "teacher = teacher.detach(); return (student @ projection.T - teacher).square()"
        ".mean() / teacher.square().mean().",
    ),
    hint="the mean of (student @ projection.T - teacher)² over the mean of teacher², "
         "with the teacher detached.",
    observe=observed,
    tolerance=1e-4,
    mistakes={
        gradients.FROZEN.format("teacher"): (
            _loss,
            lambda s, t, p: squares(s @ p.T - t.detach()) / squares(t),
            lambda s, t, p: squares(s @ p.T - t) / squares(t.detach()),
        ),
        gradients.UNTAUGHT:
            lambda s, t, p: hidden_loss(s, t, p).detach().requires_grad_(),
        "the projection learns here and the student does not: detach the teacher only.":
            lambda s, t, p: hidden_loss(s.detach(), t, p),
        "the projection learns, too: it is no constant, so do not detach it.":
            lambda s, t, p: hidden_loss(s, t, p.detach()),
        "it is the teacher that is detached, not the student.": (
            lambda s, t, p: _loss(s.detach(), t, p),
            lambda s, t, p: squares((s @ p.T).detach() - t) / squares(t),
        ),
        "the projection brings the student to the teacher's width, not the teacher to "
        "the student's: student @ projection.T.": gradients.either(
            lambda s, t, p: _backwards(s, t, p) / squares(s),
            lambda s, t, p: _backwards(s, t, p) / squares(s.detach()),
            lambda s, t, p: _backwards(s, t, p) / squares(t),
            lambda s, t, p: _backwards(s, t, p) / squares(t @ p), _backwards),
        "the projection is (D, d): student @ projection.T, as nn.Linear does it.":
            gradients.either(
                lambda s, t, p: squares(s @ p - t) / squares(t),
                lambda s, t, p: squares(functional.linear(s, p.T) - t) / squares(t),
                lambda s, t, p: squares(s @ p - t)),
        "there is no projection here: student @ projection.T comes first.":
            gradients.either(
                lambda s, t, p: squares(s - t) / squares(t),
                lambda s, t, p: squares(s - t)),
        "this is not divided by the teacher's mean square, so that it grows with the "
        "teacher's scale.": _knobs(over=lambda t: 1),
        "divide by the teacher's mean square; this is the student's.": _over(
            lambda s, wide, t: squares(wide)) + _over(
            lambda s, wide, t: squares(s)) + _over(
            lambda s, wide, t: squares(wide.detach())) + _over(
            lambda s, wide, t: squares(s.detach())),
        "divide by the mean of teacher², not by its variance.": _over(
            lambda s, wide, t: t.var()) + _over(
            lambda s, wide, t: t.var(correction=0)),
        "divide by the mean of teacher²; this is its root.": _over(
            lambda s, wide, t: squares(t).sqrt()),
        "divide by the mean of teacher²; this is the square of a mean.": _over(
            lambda s, wide, t: t.mean().square()) + _over(
            lambda s, wide, t: t.abs().mean().square()),
        "divide by the mean of teacher²; this is a mean of its sizes.": _over(
            lambda s, wide, t: t.abs().mean()) + _over(lambda s, wide, t: t.mean()),
        "divide by the mean of teacher²; this is a norm.": _over(
            lambda s, wide, t: t.norm()) + _over(
            lambda s, wide, t: t.norm(dim=-1).mean()),
        "above is a mean and below a sum: take the mean of both, or the sum.":
            _knobs(over=lambda t: t.square().sum()),
        "above is a sum and below a mean: take the mean of both, or the sum.":
            _knobs(error=lambda x: x.square().sum()),
        "this is a sum; take the mean, over the teacher's mean square.": _knobs(
            error=lambda x: x.square().sum(), over=lambda t: 1),
        "this adds up the numbers of a token; the mean goes over all numbers.": _knobs(
            error=lambda x: x.square().sum(-1).mean()) + _knobs(
            error=lambda x: x.square().sum(-1).mean(), over=lambda t: 1),
        "this is one number for a token; return the mean over all of them.": _knobs(
            error=lambda x: x.square().mean(-1)) + _knobs(
            error=lambda x: x.square().mean(-1), over=lambda t: t.square().mean(-1)),
        "these are the errors of all numbers; return their mean.": _knobs(
            error=torch.square) + _knobs(error=torch.square, over=torch.square),
        "this is a mean of quotients, one for a token: first both means, then divide.":
            gradients.either(
                _a_token,
                lambda s, t, p: (s @ p.T - t).norm(dim=-1).div(t.norm(dim=-1)).mean()),
        "this is a quotient for every number, and some are near 0: first both means, "
        "then divide.": gradients.either(
            lambda s, t, p: squares((s @ p.T - t) / t)),
        "this is a mean of norms; squares are what the mean is taken of.": _knobs(
            error=lambda x: x.norm(dim=-1).mean()) + _knobs(
            error=lambda x: x.norm(dim=-1).mean(),
            over=lambda t: t.norm(dim=-1).mean()),
        "this is a root; the quotient of the two mean squares is asked for.":
            _knobs(root=True),
        "this takes sizes instead of squares.": _knobs(
            error=lambda x: x.abs().mean()) + _knobs(
            error=lambda x: x.abs().mean(), over=lambda t: t.abs().mean()) + _knobs(
            error=lambda x: x.abs().mean(), over=lambda t: 1),
        "this squares a mean, in which errors cancel: the mean of squares.": _knobs(
            error=lambda x: x.mean().square()),
        "this is half of it.": _knobs(error=lambda x: squares(x) / 2),
        "this sees directions alone; lengths count, too: a mean squared error.":
            gradients.either(_cosine, _of_directions),
        "the quotient is upside down: the error over the teacher's mean square.":
            gradients.either(lambda s, t, p: squares(t) / squares(s @ p.T - t)),
        gradients.IN_PLACE: (lambda s, t, p: s.sub_(1), lambda s, t, p: t.sub_(1)),
    },
)
