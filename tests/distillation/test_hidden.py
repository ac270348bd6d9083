"""Hidden states through a projection, and relations that need none."""

import pytest
import torch
from families import make
from small_models import draw_tokens

from llmlab.distillation import attention, hidden


def drawn(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def test_the_loss_is_the_error_over_what_the_teacher_has():
    student, teacher = drawn(2, 3, 4), drawn(2, 3, 6, seed=1)
    projection = drawn(6, 4, seed=2)
    error = total = 0.0
    for row in range(2):
        for place in range(3):
            for at in range(6):
                seen = float(student[row, place] @ projection[at])
                error += (seen - float(teacher[row, place, at])) ** 2
                total += float(teacher[row, place, at]) ** 2
    loss = hidden.hidden_loss(student, teacher, projection)
    assert float(loss) == pytest.approx(error / total, rel=1e-12)


def test_it_does_not_grow_with_the_width_or_the_size_of_the_states():
    student, teacher = drawn(2, 3, 4), drawn(2, 3, 6, seed=1)
    projection = drawn(6, 4, seed=2)
    once = hidden.hidden_loss(student, teacher, projection)
    twice = hidden.hidden_loss(
        student, torch.cat((teacher, teacher), -1), torch.cat((projection, projection))
    )
    torch.testing.assert_close(twice, once)
    larger = hidden.hidden_loss(10 * student, 10 * teacher, projection)
    torch.testing.assert_close(larger, once)


def test_gradients_reach_student_and_projection_and_never_the_teacher():
    student, teacher, projection = drawn(2, 3, 4), drawn(2, 3, 6), drawn(6, 4)
    for tensor in (student, teacher, projection):
        tensor.requires_grad_()
    hidden.hidden_loss(student, teacher, projection).backward()
    assert teacher.grad is None
    assert student.grad.abs().max() > 0 and projection.grad.abs().max() > 0


@pytest.mark.parametrize(
    "layers, expected",
    [
        ((4, 12), {0: 2, 1: 5, 2: 8, 3: 11}),  # TinyBERT's
        ((2, 5), {0: 2, 1: 4}),
        ((1, 5), {0: 4}),
        ((3, 3), {0: 0, 1: 1, 2: 2}),
    ],
)
def test_the_last_layer_matches_the_last_and_all_are_spread(layers, expected):
    assert hidden.layer_places(*layers) == expected


def test_a_matched_student_answers_as_it_does_and_has_its_projections_as_parts():
    student, tokens = make("decoder"), draw_tokens(2, 8)
    matched = hidden.Matched(student, {0: 48, 1: 32})
    assert torch.equal(matched(tokens), student(tokens))
    assert matched.projection(0).shape == (48, 32)
    assert torch.equal(matched.projection(1), torch.eye(32))
    names = {name for name, _ in matched.named_parameters()}
    assert {"projections.0.weight", "projections.1.weight"} <= names
    assert matched.names() == {0: "layers.0", 1: "layers.1"}
    again = hidden.Matched(student, {0: 48})
    assert torch.equal(again.projection(0), matched.projection(0))


def rotation(width, seed):
    return torch.linalg.qr(drawn(width, width, seed=seed)).Q


@pytest.mark.parametrize("causal", [True, False])
def test_relations_forget_how_values_are_turned_and_how_wide_they_are(causal):
    student, teacher = drawn(2, 3, 5, 4), drawn(2, 3, 5, 8, seed=1)
    loss = attention.relation_loss(student, teacher, causal=causal)
    turned = attention.relation_loss(
        student @ rotation(4, 3), teacher @ rotation(8, 4), causal=causal
    )
    torch.testing.assert_close(turned, loss, rtol=1e-12, atol=1e-12)
    same = attention.relation_loss(teacher @ rotation(8, 5), teacher, causal=causal)
    assert float(same) == pytest.approx(0, abs=1e-14) and loss > 0.01


@pytest.mark.parametrize("causal", [True, False])
def test_the_loss_of_relations_row_by_row(causal):
    student, teacher = drawn(2, 3, 5, 4), drawn(2, 3, 5, 8, seed=1)
    total = 0.0
    for row in range(2):
        for head in range(3):
            for at in range(5):
                seen = at + 1 if causal else 5
                logs = [
                    (x[row, head, :seen] @ x[row, head, at] / x.shape[-1] ** 0.5)
                    .log_softmax(0)
                    for x in (student, teacher)
                ]  # fmt: skip
                total += float((logs[1].exp() * (logs[1] - logs[0])).sum())
    loss = attention.relation_loss(student, teacher, causal=causal)
    assert float(loss) == pytest.approx(total / 30, rel=1e-12)


def test_relations_are_distributions_that_hide_later_tokens():
    shares = attention.relations(drawn(2, 3, 5, 4))
    torch.testing.assert_close(shares.sum(-1), torch.ones(2, 3, 5).double())
    assert torch.equal(shares, shares.tril())
    whole = attention.relations(drawn(2, 3, 5, 4), causal=False)
    assert (whole > 0).all()


def test_relations_pass_a_finite_gradient_to_the_student_alone():
    student, teacher = drawn(2, 3, 5, 4), drawn(2, 3, 5, 8, seed=1)
    student.requires_grad_(), teacher.requires_grad_()
    attention.relation_loss(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.isfinite().all() and student.grad.abs().max() > 0


def test_heads_are_split_as_attention_has_them():
    model, tokens = make("decoder"), draw_tokens(2, 6)
    layer = model.layers[0].attention
    states = layer.value(model.embedding(tokens))
    assert torch.equal(attention.split(states, 2), layer._heads(states))
    assert attention.split(states, 4).shape == (2, 4, 6, 4)


@pytest.mark.parametrize("causal", [True, False])
def test_scores_of_attention_are_compared_where_it_looks(causal):
    queries, keys = drawn(2, 3, 5, 4), drawn(2, 3, 5, 4, seed=1)
    scores = attention.scores(queries, keys)
    torch.testing.assert_close(scores[1, 2, 3, 4], queries[1, 2, 3] @ keys[1, 2, 4] / 2)
    moved = scores + torch.ones(5, 5).triu(1)  # later tokens only
    loss = attention.attention_loss(moved, scores, causal=causal)
    assert float(loss) == (0 if causal else pytest.approx(10 / 25))


def refusals():
    x, y, projection = drawn(2, 3, 4), drawn(2, 3, 6), drawn(6, 4)
    values, others = drawn(2, 3, 5, 4), drawn(2, 2, 5, 4)
    model = make("decoder")
    return (
        (lambda: hidden.hidden_loss(x, y, projection.T), "leads not from student"),
        (lambda: hidden.hidden_loss(x[:1], y, projection), "the same tokens"),
        (lambda: hidden.hidden_loss(x, None, projection), "teacher=None"),
        (lambda: hidden.layer_places(6, 4), "are more than the teacher's 4"),
        (lambda: hidden.layer_places(0, 4), "student_layers=0"),
        (lambda: hidden.Matched(model, {2: 32}), "places from 0 to 1"),
        (lambda: hidden.Matched(model, {}), r"widths=\{\}"),
        (lambda: hidden.Matched("coder", {0: 32}), "student='coder'"),
        (lambda: attention.relation_loss(values, others), "as many heads"),
        (lambda: attention.relation_loss(values[0], others), "student_values="),
        (lambda: attention.relations("values"), "states='values'"),
        (lambda: attention.split(drawn(2, 5, 12), 5), "does not divide the width"),
        (lambda: attention.scores(values, others), "as many heads"),
        (
            lambda: attention.attention_loss(values[..., :5], others[..., :5]),
            "as many heads",
        ),
    )


def test_bad_input_is_refused_in_one_sentence():
    for call, words in refusals():
        with pytest.raises(ValueError, match=words) as refusal:
            call()
        assert "\n" not in str(refusal.value)
