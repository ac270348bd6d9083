"""Exercise 1: what the teacher thinks of every token (Hinton et al., 2015)."""

import torch
from torch.nn import functional

from llmlab.checks.distillation import gradients
from llmlab.checks.exercise import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

FAR = "a probability that rounds to 0 has the logarithm -inf, and 0 · inf is nan: " \
      "log_softmax(logits / temperature), not the logarithm of a softmax."
SIZES = "rows are all in front of the last axis, (T,) or (B, T): the mean is over them."


def forward(p, q):
    """Return the terms of KL(p ‖ q), of log-probabilities."""
    return p.exp() * (p - q)


def rows(terms):
    """Return the mean over rows of the sums over the vocabulary."""
    return terms.sum(-1).mean()


def _loss(student, teacher, temperature, *, terms=forward, mean=rows, power=2, axis=-1,
          hot=None):
    """Return the loss of logits. The knobs each make a typical mistake.

    hot: the temperatures of student and teacher.
    """
    first, second = hot or (temperature, temperature)
    q = (student.double() / first).log_softmax(axis)
    p = (teacher.double() / second).log_softmax(axis)
    return (temperature**power * mean(terms(p, q))).to(student.dtype)


def soft_targets(student_logits, teacher_logits, temperature):
    """Return T² · KL(teacher ‖ student) at this temperature, mean over rows."""
    return _loss(student_logits, teacher_logits.detach(), temperature)


def observed(answer, student_logits, teacher_logits, temperature):
    """Return the loss, the student's gradient, and whether the teacher has one."""
    return gradients.seen("soft_targets", answer, [student_logits], teacher_logits)


def _terms(*terms):
    return gradients.either(*(
        lambda s, t, T, terms=one: _loss(s, t, T, terms=terms) for one in terms))


def _means(*means, terms=forward, powers=(2,)):
    return gradients.either(*(
        lambda s, t, T, mean=one, power=power:
            _loss(s, t, T, mean=mean, terms=terms, power=power)
        for one in means for power in powers))


def _heats(*heats):
    """Return losses at other temperatures, with T² and without."""
    return gradients.either(*(
        lambda s, t, T, heat=heat, power=power:
            _loss(s, t, T, hot=heat(T), power=power)
        for heat in heats for power in (2, 0)))


def _axes(*axes):
    return gradients.either(*(
        lambda s, t, T, axis=axis, mean=mean: _loss(s, t, T, axis=axis, mean=mean)
        for axis in axes
        for mean in (rows, lambda x, axis=axis: x.sum(axis).mean())))


def _log(loss):
    """Hand probabilities (student, teacher), as float32 has them, to a loss."""
    return lambda s, t, T: T**2 * rows(loss((s / T).softmax(-1), (t / T).softmax(-1)))


def _label(student, teacher, temperature, *, hot=False):
    """Learn the token that the teacher thinks best, and nothing of the others."""
    logits = student / temperature if hot else student
    best = teacher.argmax(-1).flatten()
    return functional.cross_entropy(logits.flatten(0, -2), best)


def _by_batch(terms):
    """Divide the sum by the first axis, as reduction="batchmean" does."""
    return terms.sum() / len(terms)


def _in_place(student, teacher, temperature):
    return student.div_(temperature)


def _cases():
    yield gradients.case(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]]),
                         more=[2.0])
    dice = torch.Generator().manual_seed(0)
    kinds = (((3, 5), 1.0, torch.float32), ((2, 3, 7), 4.0, torch.float32),
             ((4, 6), 0.5, torch.float64), ((3, 2, 4), 3, torch.float32))
    for shape, temperature, dtype in kinds:
        size = 2.5 * min(1, temperature)
        pair = (size * torch.randn(*shape, generator=dice, dtype=dtype)
                for _ in range(2))
        yield gradients.case(*pair, more=[temperature],
                             about=SIZES if len(shape) > 2 else "")
    yield gradients.case(torch.tensor([[0.0, -200.0, 3.0], [1.0, 0.5, 2.0]]),
                         torch.tensor([[190.0, -10.0, 0.0], [2.0, 4.0, -180.0]]),
                         more=[1.5], about=FAR)


EXERCISE = Exercise(
    name="soft_targets",
    right=soft_targets,
    gives=gradients.gives("soft_targets", "the student"),
    cases=lambda: [*_cases()],
    covers="loss and gradient, for (T, V) and (B, T, V), hot, cold and far apart",
    hints=(
        "Both distributions are softened first: logits / temperature. Then ask how far "
        "the student's is from the teacher's, row by row.",
        "log p and log q are log_softmax(logits / temperature, dim=-1); a row's KL is "
        "the sum of exp(log p) * (log p - log q). The teacher's logits are detached.",
        "p = log_softmax(teacher_logits.detach() / temperature, -1), q likewise of the "
        "student; return temperature**2 * (p.exp() * (p - q)).sum(-1).mean().",
    ),
    hint="temperature² times the mean over rows of sum(p * (log p - log q)), where p "
         "is the teacher's softmax(logits / temperature), detached, and q the "
         "student's.",
    observe=observed,
    tolerance=1e-4,
    mistakes={
        gradients.FROZEN.format("teacher_logits"): _loss,
        gradients.UNTAUGHT:
            lambda s, t, T: soft_targets(s, t, T).detach().requires_grad_(),
        "it is the teacher that is detached, not the student.":
            lambda s, t, T: _loss(s.detach(), t, T),
        "the two are swapped: this is KL(student ‖ teacher), while the teacher's "
        "probabilities should weigh. In kl_div the student's logarithms come first.":
            _terms(lambda p, q: q.exp() * (q - p)) + _means(
                _by_batch, terms=lambda p, q: q.exp() * (q - p)),
        "kl_div takes the student's logarithms first and the teacher's probabilities "
        "second.": _terms(
            lambda p, q: functional.kl_div(p.exp(), q, reduction="none"),
            lambda p, q: functional.kl_div(q.exp(), p, reduction="none"),
            lambda p, q: functional.kl_div(p, q, reduction="none")),
        "kl_div's first argument are logarithms: log_softmax for the student.": _terms(
            lambda p, q: functional.kl_div(q.exp(), p.exp(), reduction="none"),
            lambda p, q: functional.kl_div(q.exp(), p, reduction="none",
                                           log_target=True),
            lambda p, q: p.exp() * (p - q.exp())),
        "kl_div expects the teacher's probabilities, or log_target=True.": _terms(
            lambda p, q: functional.kl_div(q, p, reduction="none")),
        "with log_target=True both arguments are logarithms.": _terms(
            lambda p, q: functional.kl_div(q, p.exp(), reduction="none",
                                           log_target=True)),
        "T² is missing: gradients shrink with 1/T², and this makes up for it.":
            _means(rows, _by_batch, torch.sum, powers=(0,)),
        "the factor is T², not T.": (
            *_means(rows, _by_batch, powers=(1,)),
            *gradients.either(lambda s, t, T: 2 * _loss(s, t, T, power=1))),
        "the factor T² makes up for the softer distributions: multiply by it.":
            gradients.either(lambda s, t, T: _loss(s, t, T, power=-2)),
        "this divides by the vocabulary, too, as kl_div does by default: sum over the "
        "last axis, then take the mean over rows.":
            _means(torch.mean, powers=(2, 1, 0)),
        "this is the sum over rows; take their mean.": _means(torch.sum),
        "this divides by B alone, as \"batchmean\" does: there are B · T rows.":
            _means(_by_batch),
        "this divides by T alone: there are B · T rows.": _means(
            lambda x: x.sum() / x.shape[-2]),
        "this is one loss for each row; return their mean.":
            _means(lambda x: x.sum(-1)),
        "these are the terms of the sum: add them up over the vocabulary, then take "
        "the mean over rows.": _means(lambda x: x),
        "both sides are the same one here: compare the student with the teacher.": (
            *gradients.either(
                lambda s, t, T: _loss(t, t, T),
                lambda s, t, T: T**2 * rows(functional.kl_div(
                    (t / T).log_softmax(-1), (t / T).softmax(-1), reduction="none"))),
            lambda s, t, T: _loss(s, s.detach(), T),
        ),
        "the temperature belongs on both sides; the student's logits go without.":
            _heats(lambda T: (1, T)),
        "the temperature belongs on both sides; the teacher's logits go without.":
            _heats(lambda T: (T, 1)),
        "no logits are divided by the temperature here.": gradients.either(
            lambda s, t, T: _loss(s, t, T, hot=(1, 1)),
            lambda s, t, T: _loss(s, t, T, hot=(1, 1), power=0)),
        "logits are divided by the temperature, so that a high one softens.":
            _heats(lambda T: (1 / T, 1 / T)),
        "the temperature divides the logits, before softmax and not after it.":
            gradients.either(
                lambda s, t, T: T**2 * rows(forward(
                    t.log_softmax(-1) / T, s.log_softmax(-1) / T)),
                lambda s, t, T: T**2 * rows(
                    t.softmax(-1) / T * (t.softmax(-1).log() - s.softmax(-1).log()))),
        "softmax goes over the vocabulary, the last axis: not over the tokens.":
            _axes(-2),
        "softmax goes over the vocabulary, the last axis; this is the first one.":
            _axes(0),
        "softmax goes over the vocabulary, dim=-1; with three axes dim=1 are tokens.":
            _axes(1),
        "this is the cross entropy, which is never 0: KL takes the teacher's own "
        "entropy off, log p - log q.": _terms(lambda p, q: -p.exp() * q) +
            gradients.either(*(
                lambda s, t, T, power=power: T**power * functional.cross_entropy(
                    s / T, (t / T).softmax(-1)) for power in (2, 0))),
        "softmax is taken twice: log_softmax takes the logits as they are.":
            gradients.either(
                lambda s, t, T: _loss(T * (s / T).softmax(-1), t, T),
                lambda s, t, T: _loss(T * (s / T).softmax(-1),
                                      T * (t / T).softmax(-1), T)),
        "this knows the teacher's best token alone; its whole distribution is what "
        "teaches.": gradients.either(
            _label, lambda s, t, T: _label(s, t, T, hot=True),
            lambda s, t, T: T**2 * _label(s, t, T, hot=True),
            lambda s, t, T: T**2 * _label(s, t, T)),
        "the sign is turned round: KL is never negative, p * (log p - log q).":
            _terms(lambda p, q: p.exp() * (q - p)),
        "this compares logits, where a shift of all of them counts; compare "
        "distributions.": gradients.either(
            lambda s, t, T: (s - t).square().mean(),
            lambda s, t, T: T**2 * (s - t).square().mean(),
            lambda s, t, T: ((s - t) / T).square().mean()),
        "this is a squared distance of probabilities; KL weighs logarithms.": _terms(
            lambda p, q: (p.exp() - q.exp()).square(),
            lambda p, q: (p.exp() - q.exp()).square() / p.shape[-1]),
        "the teacher's probabilities weigh the terms: p * (log p - log q).": _terms(
            lambda p, q: p - q),
        "this is a mean of both directions; the teacher's alone is asked for.": _terms(
            lambda p, q: (p.exp() - q.exp()) * (p - q) / 2,
            lambda p, q: (p.exp() - q.exp()) * (p - q)),
        "these are bits; take the natural logarithm.": _terms(
            lambda p, q: forward(p, q) / torch.tensor(2.0).log()),
        FAR: gradients.either(
            _log(lambda q, p: p * (p.log() - q.log())),
            _log(lambda q, p: p * (p / q).log()),
            _log(lambda q, p: p * -(q / p).log()),
            _log(lambda q, p: functional.kl_div(q.log(), p, reduction="none")),
            _log(lambda q, p: functional.kl_div(q.log(), p.log(), reduction="none",
                                                log_target=True)),
            lambda s, t, T: T**2 * rows((t / T).softmax(-1) * (
                (t / T).softmax(-1).log() - (s / T).log_softmax(-1))),
            lambda s, t, T: T**2 * rows((t / T).softmax(-1) * (
                (t / T).log_softmax(-1) - (s / T).softmax(-1).log()))),
        gradients.IN_PLACE: _in_place,
    },
)
