"""A teacher that ran once teaches as one that runs at each step."""

import pytest
import torch
from small_models import VOCABULARY, decoder, draw_tokens

from llmlab import distillation
from llmlab.distillation import losses
from llmlab.distillation.kept import fingerprint


def batch(step):
    return draw_tokens(4, 13, seed=step)


@pytest.fixture(scope="module")
def teacher():
    return decoder(dtype=torch.float32, num_hidden_layers=4)


@pytest.fixture(scope="module")
def student(teacher):
    return distillation.from_layers(teacher, [0, 3])


@pytest.fixture(scope="module")
def kept(teacher):
    return distillation.keep_logits(teacher, batch, 6, k=8, autocast=None)


def test_what_is_kept_of_a_step_is_what_the_teacher_says(teacher, kept):
    with torch.inference_mode():
        logits = teacher(batch(2)[:, :-1]).flatten(0, 1)
    expected = losses.keep(logits, 8)
    for mine, theirs in zip(kept[2], expected, strict=True):
        torch.testing.assert_close(mine, theirs)
    assert len(kept) == len(list(kept)) == 6 and kept.tokens == 6 * 48


def test_its_bytes_are_those_of_its_numbers(kept):
    assert kept.bytes == 6 * 48 * (8 * (4 + 2) + 4)  # float32, int16; the rest
    dense = 6 * 48 * VOCABULARY * 4
    assert kept.bytes < dense


def held(said):
    """Return the bytes of all storages that the steps hold, each counted once."""
    storages = [part.untyped_storage() for one in said.steps for part in one]
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())


def test_slices_of_a_whole_vocabulary_do_not_keep_it(teacher):
    def views(teacher_logits, k):
        every, order = teacher_logits.softmax(-1).sort(-1, descending=True)
        return every[:, :k], order[:, :k], 1 - every[:, :k].sum(-1)

    said = distillation.keep_logits(teacher, batch, 4, k=8, keep=views, autocast=None)
    assert held(said) == said.bytes


@pytest.mark.parametrize("odd", [0, 2, 5])
def test_steps_of_other_sizes_have_blocks_of_their_own(teacher, odd):
    def uneven(step):
        return batch(step)[: 1 if step == odd else None]

    said = distillation.keep_logits(teacher, uneven, 6, k=8, autocast=None)
    blocks = {one.rest.untyped_storage().data_ptr() for one in said.steps}
    assert len(blocks) == 2
    for step in (odd, 4):
        alone = distillation.keep_logits(
            teacher, lambda _, step=step: uneven(step), 1, k=8, autocast=None
        )
        for got, wanted in zip(said[step], alone[0], strict=True):
            assert torch.equal(got, wanted)


def test_an_index_stays_what_it_is_if_the_vocabulary_grows(teacher):
    sizes = {0: 100, 1: 40_000}

    def ask(model, tokens):
        step = int(tokens[0, 0])
        logits = torch.zeros(1, 3, sizes[step])
        logits[..., -1] = 9
        return logits, tokens[:, :3]

    said = distillation.keep_logits(
        teacher, lambda step: torch.tensor([[step, 1, 1, 1]]), 2, k=4, ask=ask
    )
    for step, size in sizes.items():
        assert said[step].indices[:, 0].tolist() == [size - 1] * 3


def test_with_all_tokens_kept_a_student_learns_the_same(student, teacher):
    whole = distillation.keep_logits(teacher, batch, 4, k=VOCABULARY, autocast=None)
    offline = distillation.train(
        student, None, batch, steps=4, kept=whole, autocast=None, log_every=1
    )
    online = distillation.train(
        student, teacher, batch, steps=4, autocast=None, log_every=1
    )
    for one, other in zip(offline.log, online.log, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=3e-5)
    pairs = zip(offline.model.parameters(), online.model.parameters(), strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_a_student_learns_from_few_tokens_and_a_loss_of_ones_own(student, teacher):
    same = distillation.keep_logits(teacher, lambda step: batch(0), 80, k=16)
    heard = []

    def loss(student_logits, teacher_logits, temperature):
        heard.append((student_logits.shape, temperature))
        return losses.soft_targets(student_logits, teacher_logits, temperature)

    learnt = distillation.train(
        student, None, lambda step: batch(0), steps=80, kept=same, rate=1e-2, loss=loss
    )
    assert set(heard) == {((48, 17), 1.0)}
    tokens = batch(0)[:, :-1]
    with torch.inference_mode():
        after = distillation.soft_targets(learnt.model(tokens), teacher(tokens))
        before = distillation.soft_targets(student(tokens), teacher(tokens))
    assert after < 0.2 * before


def test_a_learners_function_keeps_as_ours_does(teacher, kept):
    def top_k_targets(teacher_logits, k):
        every = torch.softmax(teacher_logits, -1)
        order = every.argsort(-1, descending=True)[:, :k]
        found = torch.stack([row[at] for row, at in zip(every, order, strict=True)])
        return found, order, 1 - found.sum(-1)

    mine = distillation.keep_logits(
        teacher, batch, 6, k=8, keep=top_k_targets, autocast=None
    )
    for one, other in zip(mine, kept, strict=True):
        assert torch.equal(one.indices, other.indices)
        torch.testing.assert_close(one.probabilities, other.probabilities)


def test_labels_and_hidden_states_go_along(student, teacher, kept):
    learnt = distillation.train(
        student, teacher, batch, steps=6, kept=kept, labels=0.5, hidden=1.0
    )
    assert learnt.log[-1]["loss"] > 0
    only = distillation.train(student, None, batch, steps=6, kept=kept, labels=1.0)
    plain = distillation.train(student, None, batch, steps=6, labels=1.0)
    for a, b in zip(only.model.parameters(), plain.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_large_vocabulary_takes_wider_indices():
    wide = decoder(dtype=torch.float32, vocab_size=40_000)
    kept = distillation.keep_logits(wide, batch, 1, k=4, autocast=None)
    assert kept.bytes == 48 * (4 * (4 + 4) + 4)
    with torch.inference_mode():
        best = wide(batch(0)[:, :-1]).argmax(-1).flatten()
    assert torch.equal(kept[0].indices[:, 0], best)


def test_the_teacher_stays_as_it_was(teacher):
    before = {name: p.clone() for name, p in teacher.named_parameters()}
    teacher.train()
    distillation.keep_logits(teacher, batch, 1, k=4)
    assert teacher.training and all(p.grad is None for p in teacher.parameters())
    assert all(torch.equal(p, before[n]) for n, p in teacher.named_parameters())
    teacher.eval()


def test_tokens_have_one_name_wherever_they_lie():
    assert fingerprint(batch(0)) == fingerprint(batch(0).int())
    assert fingerprint(batch(0)) != fingerprint(batch(1))
    assert fingerprint(batch(0)) != fingerprint(batch(0).reshape(2, -1))


def refusals(student, teacher, kept):
    def train(**changes):
        known = {"student": student, "teacher": None, "batch": batch, "steps": 3}
        return lambda: distillation.train(**known | {"kept": kept} | changes)

    def keep(**changes):
        known = {"teacher": teacher, "batch": batch, "steps": 1}
        return lambda: distillation.keep_logits(**known | changes)

    other = decoder(dtype=torch.float32, vocab_size=VOCABULARY + 3)
    return (
        (train(steps=7), "kept holds 6 steps and steps=7"),
        (train(temperature=2.0), r"temperature=2\.0, and kept probabilities"),
        (train(student=other), "vocabulary of 61 and student 'llama' has 64"),
        (train(batch=lambda step: batch(step + 1)), "step 0 .* reads other tokens"),
        (train(kept=[1]), r"kept=\[1\] must be what keep_logits"),
        (train(hidden=1.0), "teacher=None, and this loss asks one"),
        (keep(k=0), "k=0"),
        (keep(k=VOCABULARY + 1), "k=62 .* from 1 to 61"),
        (keep(steps=0), "steps=0"),
        (keep(teacher="coder"), "teacher='coder'"),
        (keep(batch=3), "batch=3 is no function"),
        (keep(keep=lambda logits, k: logits), "must be probabilities"),
        (keep(keep=lambda logits, k: losses.keep(logits, 3)), "keep gave indices of"),
        (keep(batch=lambda step: draw_tokens(1, 98)), "has a context of 96"),
    )


def test_bad_input_is_refused_in_one_sentence(student, teacher, kept):
    for call, words in refusals(student, teacher, kept):
        with pytest.raises(ValueError, match=words) as refusal:
            call()
        assert "\n" not in str(refusal.value)
