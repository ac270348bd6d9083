"""Exercise 4: how tokens relate, whatever the width (Wang et al., MiniLMv2, 2021)."""

import math
from functools import partial

import torch
from torch.nn import functional

from llmlab.checks.distillation import gradients
from llmlab.checks.exercise import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

NAN = "a later token has probability 0 and the logarithm -inf, and 0 · inf is nan: " \
      "fill in -1e9 instead of -inf, or leave the later ones out of the sum."
EVERYWHERE = "nan everywhere comes from the logarithm of 0 or a row that is hidden: " \
             "hide triu(1) with -1e9, then log_softmax; kl_div takes the student's " \
             "logarithms first and the teacher's probabilities second."
FAR = -1e9  # as good as -inf: its probability rounds to 0, and nothing is nan


def later(tokens, diagonal=1):
    """Return True (T, T) where a token would look at a later one."""
    return torch.ones(tokens, tokens, dtype=torch.bool).triu(diagonal)


def root(values):
    """Return the root of the head width."""
    return math.sqrt(values.shape[-1])


def products(values, scale):
    """Return how well the values of every pair of tokens match, (B, heads, T, T)."""
    return values @ values.mT / scale


def relations(values, *, scores=products, scale=None, hidden=later, axis=-1, fill=FAR):
    """Return log-probabilities (B, heads, T, T) of a token over itself and earlier."""
    found = scores(values, root(values) if scale is None else scale)
    if hidden:
        found = found.masked_fill(hidden(found.shape[-1]), fill)
    return found.log_softmax(axis)


def forward(p, q):
    """Return the terms of KL(p ‖ q), of log-probabilities."""
    return p.exp() * (p - q)


def rows(terms):
    """Return the mean over rows of the sums over tokens."""
    return terms.sum(-1).mean()


def _loss(student, teacher, *, terms=forward, mean=rows, of=relations):
    return mean(terms(of(teacher), of(student)))


def relation_loss(student_values, teacher_values):
    """Return the KL of the teacher's causal relations from the student's."""
    return _loss(student_values, teacher_values.detach())


def observed(answer, student_values, teacher_values):
    """Return the loss, the student's gradient, and whether the teacher has one."""
    return gradients.seen("relation_loss", answer, [student_values], teacher_values)


def _knobs(*, terms=forward, mean=rows, of=relations):
    return gradients.either(partial(_loss, terms=terms, mean=mean, of=of))


def _of(*, scores=products, scale=None, hidden=later, axis=-1, fill=FAR):
    return _knobs(of=partial(
        relations, scores=scores, scale=scale, hidden=hidden, axis=axis, fill=fill))


def _terms(*terms):
    return sum((_knobs(terms=one) for one in terms), ())


def _scaled(scale):
    """Divide scores by what `scale` makes of (values, the other side's values)."""
    def loss(student, teacher):
        p = relations(teacher, scale=scale(teacher, student))
        return rows(forward(p, relations(student, scale=scale(student, teacher))))
    return gradients.either(loss)


def _normal(values, scale):
    unit = functional.normalize(values, dim=-1)
    return unit @ unit.mT


def _scores(student, teacher, *, hidden=False, one=lambda a, b: (a - b).square()):
    """Compare the scores themselves, without a softmax."""
    a, b = (products(x, root(x)) for x in (student, teacher))
    terms = one(a, b)
    return terms.masked_fill(later(a.shape[-1]), 0.0) if hidden else terms


def _unsoftened(*terms):
    return gradients.either(*(
        lambda s, t, one=one, hidden=hidden, mean=mean:
            mean(_scores(s, t, hidden=hidden, one=one))
        for one in terms for hidden in (False, True) for mean in (torch.mean, rows)))


def _hidden_late(student, teacher, *, again=False):
    """Hide later tokens after the softmax."""
    p, q = (relations(x, hidden=None).exp() for x in (teacher, student))
    seen = ~later(p.shape[-1])
    if again:
        return rows(torch.where(seen, p * (p.log() - q.log()), 0.0))
    p, q = p * seen, q * seen
    return rows(p * (p.log() - q.log()))


def _columns(student, teacher):
    """Compare columns of the values, (H, H)."""
    return _loss(student, teacher, of=partial(
        relations, scores=lambda v, scale: v.mT @ v / scale, hidden=None))


def _columns_hidden(student, teacher):
    pair = [(v.mT @ v / root(v)).masked_fill(later(v.shape[-2]), FAR)
            for v in (student, teacher)]
    return rows(forward(pair[1].log_softmax(-1), pair[0].log_softmax(-1)))


def _joined(values):
    """Return the values of all heads side by side, (B, T, heads · H)."""
    return relations(values.transpose(1, 2).flatten(2))


def _averaged(student, teacher):
    """Compare the means over heads."""
    p, q = (relations(x).exp().mean(1).clamp(min=1e-38).log()
            for x in (teacher, student))
    return rows(forward(p, q))


def _by_batch(x):
    """Divide the sum by the first axis, as reduction="batchmean" does."""
    return x.sum() / len(x)


def _reached(x):
    """Divide the sum by the pairs that a token may look at."""
    return x.sum() / (~later(x.shape[-1])).expand_as(x).sum()


LOGARITHMS = (  # of probabilities, where log_softmax has them already
    lambda p, q: p.exp() * (p.exp().log() - q.exp().log()),
    lambda p, q: p.exp() * (p.exp() / q.exp()).log(),
    lambda p, q: p.exp() * (p - q.exp().log()),
    lambda p, q: functional.kl_div(q.exp().log(), p.exp(), reduction="none"),
)
DIVERGENCES = (
    forward,
    lambda p, q: functional.kl_div(q, p.exp(), reduction="none"),
    lambda p, q: functional.kl_div(q, p, reduction="none", log_target=True),
)
infinite = partial(relations, fill=-math.inf)  # of which 0 · inf is nan
whole = partial(infinite, hidden=partial(later, diagonal=0))


def _nan(of, terms):
    return sum((_knobs(of=of, terms=one, mean=mean) for one in terms
                for mean in (rows, _by_batch, torch.mean)), ())


def _cases():
    yield gradients.case(torch.tensor([[[[1.0], [2.0]]]]),
                         torch.tensor([[[[1.0, 0.0], [1.0, 1.0]]]]))
    dice = torch.Generator().manual_seed(0)
    kinds = ((2, 3, 5, 4, 6, torch.float32), (3, 1, 4, 7, 2, torch.float32),
             (1, 4, 6, 3, 5, torch.float64), (4, 2, 3, 2, 9, torch.float32))
    for batch, heads, tokens, width, wide, dtype in kinds:
        pair = (1.3 * torch.randn(batch, heads, tokens, one, generator=dice,
                                  dtype=dtype) for one in (width, wide))
        yield gradients.case(*pair)


EXERCISE = Exercise(
    name="relation_loss",
    right=relation_loss,
    gives=gradients.gives("relation_loss", "the student"),
    cases=lambda: [*_cases()],
    covers="loss and gradient, whatever the head widths",
    hints=(
        "How much every token has to do with the earlier ones is a (T, T) matrix, "
        "however wide a head is: that is what is compared.",
        "Scores are values @ values.mT / sqrt(H), with a side's H; hide the later "
        "tokens, log_softmax over the last axis, and then KL as in exercise 1.",
        "scores.masked_fill(later, -1e9).log_softmax(-1), where later = torch.ones(T, "
        "T).triu(1).bool(); then (p.exp() * (p - q)).sum(-1).mean(), p the teacher's.",
    ),
    hint="log_softmax of values @ values.mT / sqrt(H), later tokens hidden, for both; "
         "then the mean over rows of sum(p * (log p - log q)), p the teacher's.",
    observe=observed,
    tolerance=1e-4,
    mistakes={
        gradients.FROZEN.format("teacher_values"): _loss,
        gradients.UNTAUGHT:
            lambda s, t: relation_loss(s, t).detach().requires_grad_(),
        "it is the teacher that is detached, not the student.":
            lambda s, t: _loss(s.detach(), t),
        NAN: _nan(infinite, DIVERGENCES) + _nan(infinite, [
            lambda p, q: p.exp() * (p.exp().log() - q)]),
        EVERYWHERE: (
            *_nan(infinite, LOGARITHMS), *_nan(whole, [*DIVERGENCES, *LOGARITHMS]),
            *_nan(relations, LOGARITHMS), *gradients.either(_hidden_late),
            *_terms(lambda p, q: functional.kl_div(p, q, reduction="none"),
                    lambda p, q: functional.kl_div(p.exp(), q, reduction="none"))),
        "the two are swapped: this is KL(student ‖ teacher), while the teacher's "
        "probabilities should weigh. In kl_div the student's logarithms come first.":
            _terms(lambda p, q: q.exp() * (q - p)),
        "kl_div takes the student's logarithms first and the teacher's probabilities "
        "second, or log_target=True.": _terms(
            lambda p, q: functional.kl_div(q.exp(), p.exp(), reduction="none"),
            lambda p, q: functional.kl_div(q, p, reduction="none")),
        "later tokens are not hidden: a token relates to itself and to earlier ones.":
            _of(hidden=None) + _knobs(
                of=partial(relations, hidden=None), mean=_by_batch),
        "this hides the earlier tokens and shows the later ones: triu(1) is hidden and "
        "softmax goes over the last axis.": (
            *_of(hidden=lambda n: ~later(n, 0)), *_of(axis=-2),
            *_knobs(of=partial(relations, axis=-2), mean=lambda x: x.sum(-2).mean())),
        "a token relates to itself, too: only those behind it are hidden, triu(1).":
            _of(hidden=partial(later, diagonal=0)),
        "this hides the right ones' opposite: what is filled is later, triu(1).":
            _of(hidden=lambda n: ~later(n)),
        "later tokens are hidden before the softmax, so that a row still sums to 1.":
            gradients.either(partial(_hidden_late, again=True)),
        "0 is a score like any other: hide later tokens with -1e9.":
            _of(fill=0.0) + _of(scores=lambda v, scale:
                (v @ v.mT / scale).tril(), hidden=None),
        "1 / sqrt(H) is by a side's head width; here it is the other's.": (
            *_scaled(lambda mine, other: root(other)),
            *gradients.either(
                lambda s, t: rows(forward(relations(t), relations(s, scale=root(t)))),
                lambda s, t: rows(forward(relations(t, scale=root(s)), relations(s)))),
        ),
        "scores are divided by sqrt(H); here they are not.": _of(scale=1),
        "the scores are divided by H; the scale takes its root.":
            _scaled(lambda mine, other: mine.shape[-1]),
        "the scale is sqrt(H), by the head width, not by the tokens or the heads.":
            _scaled(lambda mine, other: math.sqrt(mine.shape[-2])) +
            _scaled(lambda mine, other: math.sqrt(mine.shape[1])),
        "the scale is sqrt(H), by one head's width, not by that of all heads.":
            _scaled(lambda mine, other: math.sqrt(mine.shape[1] * mine.shape[-1])),
        "the scores are multiplied by sqrt(H); the scale divides by it.":
            _scaled(lambda mine, other: 1 / root(mine)),
        "these are scores without a softmax; relations are shares that sum to 1.":
            _unsoftened(
                lambda a, b: (a - b).square(), lambda a, b: b * (b - a),
                lambda a, b: b.exp() * (b - a), lambda a, b: b * (b.log() - a.log())),
        "this is a squared distance; KL weighs the logarithms by the teacher's "
        "probabilities.": _terms(
            lambda p, q: (p.exp() - q.exp()).square(),
            lambda p, q: (p.exp() - q.exp()).square() / p.shape[-1],
            lambda p, q: (p - q).square(),
            lambda p, q: (p - q).square() / p.shape[-1]),
        "softmax goes over the last axis; this is the axis of the heads.":
            _of(axis=1, hidden=None) + _of(axis=1),
        "softmax goes over the last axis; this is the batch.":
            _of(axis=0, hidden=None) + _of(axis=0),
        "this relates the columns, (H, H): values @ values.mT relates tokens, (T, T), "
        "and fits whatever H is.": gradients.either(_columns, _columns_hidden),
        "heads stay apart: this compares all of them as one wide head.":
            _knobs(of=_joined),
        "heads stay apart: this compares their means.": gradients.either(_averaged),
        "this divides by T once too often: sum over the last axis, then the mean.":
            _knobs(mean=torch.mean),
        "this is the sum over rows; take their mean.": _knobs(mean=torch.sum),
        "this divides by B alone, as \"batchmean\" does: rows are B · heads · T.":
            _knobs(mean=_by_batch),
        "this divides by B · heads alone: a token is a row.":
            _knobs(mean=lambda x: x.sum((-1, -2)).mean()),
        "this divides by the heads or the tokens alone: rows are B · heads · T.":
            _knobs(mean=lambda x: x.sum() / x.shape[1]) + _knobs(
                mean=lambda x: x.sum() / x.shape[2]) + _knobs(
                mean=lambda x: x.sum() / (x.shape[0] * x.shape[2])),
        "this divides by the pairs that are not hidden; a row counts once.":
            _knobs(mean=_reached),
        "the first token counts as a row, too, though it has only itself to look at.":
            _knobs(mean=lambda x: x[..., 1:, :].sum(-1).mean()),
        "this is one loss for a row; return their mean.":
            _knobs(mean=lambda x: x.sum(-1)) + _knobs(mean=lambda x: x),
        "this is the cross entropy, which is never 0: KL takes the teacher's own "
        "entropy off, log p - log q.": _terms(lambda p, q: -p.exp() * q),
        "the sign is turned round: KL is never negative, p * (log p - log q).":
            _terms(lambda p, q: p.exp() * (q - p)),
        "vectors are not divided by their lengths: values @ values.mT.":
            _of(scores=_normal) + _of(scores=lambda v, by: _normal(v, by) / by),
        gradients.IN_PLACE: (lambda s, t: s.div_(2),),
    },
)
