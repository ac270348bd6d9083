"""Losses between two distributions equal what float64 sums by hand."""

import math

import pytest
import torch
from torch.nn import functional

from llmlab import distillation
from llmlab.distillation import losses

STUDENT, TEACHER = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])


def drawn(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(*shape, generator=generator, dtype=dtype)


def by_hand(of, against, temperature=1.0):
    """Return T² · KL(of ‖ against) of logits (rows, V), summed number by number."""
    total = 0.0
    for p_row, q_row in zip(of.tolist(), against.tolist(), strict=True):
        p, q = ([math.exp(x / temperature) for x in row] for row in (p_row, q_row))
        for a, b in zip(p, q, strict=True):
            total += a / sum(p) * math.log(a / sum(p) / (b / sum(q)))
    return temperature**2 * total / len(of)


def test_the_example_of_the_lab():
    loss = distillation.soft_targets(STUDENT, TEACHER, 2)
    assert float(loss) == pytest.approx(0.4438, abs=5e-5)
    assert float(distillation.reverse(STUDENT, TEACHER, 2)) == pytest.approx(
        0.4805, abs=5e-5
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_soft_targets_are_the_divergence_summed_by_hand(temperature):
    student, teacher = drawn(7, 11, seed=1), drawn(7, 11, seed=2)
    expected = by_hand(teacher, student, temperature)
    loss = distillation.soft_targets(student, teacher, temperature)
    assert float(loss) == pytest.approx(expected, rel=1e-12)
    assert float(distillation.reverse(student, teacher, temperature)) == pytest.approx(
        by_hand(student, teacher, temperature), rel=1e-12
    )
    logs = (student / temperature).log_softmax(-1)
    theirs = functional.kl_div(
        logs, (teacher / temperature).softmax(-1), reduction="batchmean"
    )
    torch.testing.assert_close(loss, temperature**2 * theirs)


@pytest.mark.parametrize("shape", [(11,), (7, 11), (2, 5, 11)])
def test_the_mean_is_over_tokens_and_never_over_the_vocabulary(shape):
    student, teacher = drawn(*shape, seed=1), drawn(*shape, seed=2)
    expected = by_hand(teacher.reshape(-1, 11), student.reshape(-1, 11))
    loss = distillation.soft_targets(student, teacher)
    assert loss.shape == () and float(loss) == pytest.approx(expected, rel=1e-12)


def test_a_hot_gradient_is_the_difference_of_logits_over_the_vocabulary():
    """Hinton's limit, for logits whose mean is taken away."""
    student, teacher = drawn(1, 20, seed=3), drawn(1, 20, seed=4)
    student -= student.mean()
    teacher -= teacher.mean()
    student.requires_grad_()
    distillation.soft_targets(student, teacher, 1e4).backward()
    limit = (student.detach() - teacher) / 20
    torch.testing.assert_close(student.grad, limit, rtol=1e-3, atol=1e-3 / 20)


LOSSES = {
    "forward": distillation.soft_targets,
    "reverse": distillation.reverse,
    "mixture": distillation.jensen_shannon,
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_student_that_is_its_teacher_has_nothing_to_learn(name):
    student = drawn(6, 9).requires_grad_()
    loss = LOSSES[name](student, student.detach().clone(), 2.0)
    loss.backward()
    assert float(loss) == pytest.approx(0, abs=1e-14)
    torch.testing.assert_close(student.grad, torch.zeros(6, 9, dtype=torch.float64))


@pytest.mark.parametrize("name", LOSSES)
def test_no_gradient_reaches_the_teacher(name):
    student, teacher = drawn(6, 9).requires_grad_(), drawn(6, 9, seed=1)
    teacher.requires_grad_()
    LOSSES[name](student, teacher).backward()
    assert teacher.grad is None and student.grad.abs().max() > 0


@pytest.mark.parametrize("name", LOSSES)
def test_padding_that_is_masked_changes_nothing(name):
    student, teacher = drawn(2, 4, 9), drawn(2, 4, 9, seed=1)
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]]).bool()
    plain = LOSSES[name](student[mask], teacher[mask], 1.5)
    assert torch.equal(LOSSES[name](student, teacher, 1.5, mask=mask), plain)
    student[~mask], teacher[~mask] = math.nan, math.inf
    student.requires_grad_()
    masked = LOSSES[name](student, teacher, 1.5, mask=mask)
    assert torch.equal(masked, plain)


def test_the_ends_of_the_mixture_are_forward_and_reverse():
    student, teacher = drawn(5, 8), drawn(5, 8, seed=1)
    for beta, end in ((0, distillation.soft_targets), (1, distillation.reverse)):
        loss = distillation.jensen_shannon(student, teacher, 3.0, beta=beta)
        assert torch.equal(loss, end(student, teacher, 3.0))


def test_between_the_ends_it_is_the_mixture_and_near_them_their_divergence():
    student, teacher = drawn(5, 8), drawn(5, 8, seed=1)
    p, q = teacher.softmax(-1), student.softmax(-1)
    mixed = (0.3 * p + 0.7 * q).log()
    expected = 0.3 * by_hand(teacher, mixed) + 0.7 * by_hand(student, mixed)
    loss = distillation.jensen_shannon(student, teacher, beta=0.3)
    assert float(loss) == pytest.approx(expected, rel=1e-12)
    near = distillation.jensen_shannon(student, teacher, beta=1e-6) / 1e-6
    assert float(near) == pytest.approx(by_hand(teacher, student), rel=1e-4)


def test_halves_of_the_mixture_are_symmetric():
    student, teacher = drawn(5, 8), drawn(5, 8, seed=1)
    one = distillation.jensen_shannon(student, teacher)
    torch.testing.assert_close(one, distillation.jensen_shannon(teacher, student))


def test_all_tokens_kept_give_the_whole_divergence_and_its_gradient():
    student, teacher = drawn(6, 9).requires_grad_(), drawn(6, 9, seed=1)
    whole = distillation.soft_targets(student, teacher)
    (slope,) = torch.autograd.grad(whole, student)
    kept = distillation.top_k(student, losses.keep(teacher, 9))
    (same,) = torch.autograd.grad(kept, student)
    torch.testing.assert_close(kept, whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(same, slope, rtol=1e-12, atol=1e-12)


def test_fewer_tokens_kept_show_less_of_the_divergence():
    student, teacher = drawn(6, 9), drawn(6, 9, seed=1)
    shown = [float(distillation.top_k(student, losses.keep(teacher, k)))
             for k in range(1, 10)]  # fmt: skip
    assert shown == sorted(shown)
    assert shown[-1] == pytest.approx(by_hand(teacher, student), rel=1e-12)


def test_what_is_kept_is_the_largest_first_and_the_rest_is_one_lump():
    teacher = drawn(3, 5, 9)
    every = teacher.softmax(-1)
    kept = losses.keep(teacher, 4)
    values, places = every.sort(-1, descending=True)
    assert torch.equal(kept.indices, places[..., :4])
    torch.testing.assert_close(kept.probabilities, values[..., :4])
    torch.testing.assert_close(kept.rest, values[..., 4:].sum(-1))


def test_a_lump_is_the_divergence_over_outcomes_by_hand():
    student, teacher = drawn(1, 6), drawn(1, 6, seed=1)
    kept = losses.keep(teacher, 2)
    q = student.softmax(-1)[0]
    mine = [float(q[i]) for i in kept.indices[0]]
    theirs = kept.probabilities[0].tolist()
    pairs = [*zip(theirs, mine, strict=True), (float(kept.rest), 1 - sum(mine))]
    expected = sum(p * math.log(p / q) for p, q in pairs)
    loss = distillation.top_k(student, kept)
    assert float(loss) == pytest.approx(expected, rel=1e-12)


def test_a_teacher_that_is_sure_leaves_no_infinity():
    teacher = torch.tensor([[200.0, 0.0, -200.0, 0.0]])
    student = torch.tensor([[0.0, 200.0, 0.0, -200.0]], requires_grad=True)
    for k in (1, 3, 4):
        loss = distillation.top_k(student, losses.keep(teacher, k))
        (slope,) = torch.autograd.grad(loss, student)
        assert loss.isfinite() and slope.isfinite().all()


def test_half_types_are_compared_in_float32():
    student, teacher = (drawn(4, 50, seed=s, dtype=torch.float32) for s in (1, 2))
    short = distillation.soft_targets(student.bfloat16(), teacher.bfloat16())
    wide = distillation.soft_targets(
        student.bfloat16().float(), teacher.bfloat16().float()
    )
    assert short.dtype == torch.float32 and torch.equal(short, wide)


def refusals():
    one, other = drawn(4, 9), drawn(4, 9, seed=1)
    soft, kept = distillation.soft_targets, losses.keep(other, 3)
    none = torch.zeros(4, dtype=torch.bool)
    return (
        (lambda: soft(one, drawn(4, 8)), r"student_logits are \(4, 9\) and teacher"),
        (lambda: soft(one, other, 0), "temperature=0 must be a number above 0"),
        (lambda: soft(one, other, math.nan), "temperature=nan"),
        (lambda: soft(one, other, math.inf), "temperature=inf"),
        (lambda: soft(one, other, "hot"), "temperature='hot'"),
        (lambda: soft(one.long(), other), "student_logits=.*tensor of logits"),
        (lambda: soft(one, None), "teacher_logits=None"),
        (lambda: soft(one, other, mask=none), "one of them true"),
        (lambda: soft(one, other, mask=torch.ones(4)), "truth values"),
        (lambda: soft(one, other, mask=none[:2]), r"shape \(4,\)"),
        (lambda: distillation.jensen_shannon(one, other, beta=1.5), r"beta=1\.5"),
        (lambda: distillation.jensen_shannon(one, other, beta=math.nan), "beta=nan"),
        (lambda: losses.keep(other, 0), "k=0 must be a whole number from 1 to 9"),
        (lambda: losses.keep(other, 10), "from 1 to 9"),
        (lambda: losses.keep(other, 2.5), r"k=2\.5"),
        (lambda: distillation.top_k(one[:2], kept), "the same tokens"),
        (lambda: distillation.top_k(one[:, :2], kept), "the student's vocabulary has"),
        (lambda: distillation.top_k(one, other), "must be probabilities"),
        (lambda: distillation.top_k(one, (other, other, other)), "of the shapes"),
    )


def test_bad_input_is_refused_in_one_sentence():
    for call, words in refusals():
        with pytest.raises(ValueError, match=words) as refusal:
            call()
        assert "\n" not in str(refusal.value)
