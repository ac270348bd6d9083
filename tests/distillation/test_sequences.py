"""Whole texts from the teacher: they are what it writes, and can be learnt from."""

import pytest
import torch
from small_models import decoder, draw_tokens

from llmlab import models
from llmlab.distillation import sequences
from llmlab.models import generation, pairs, translation
from llmlab.models.sampling import Sampling

ENGLISH = ["twelve", "forty-one", "three hundred and six"]


@pytest.fixture(scope="module")
def translator():
    return models.load("translator")


def test_continuations_are_what_the_teacher_writes_after_each_prompt():
    teacher, prompts = decoder(), draw_tokens(5, 7)
    written = sequences.continuations(teacher, prompts, tokens=6, rows=2)
    assert written.shape == (5, 13) and torch.equal(written[:, :7], prompts)
    for row, prompt in zip(written, prompts, strict=True):
        alone = generation.stream(teacher, prompt.tolist(), max_tokens=6)
        assert row[7:].tolist() == list(alone)


def test_drawn_continuations_come_from_the_generator_alone():
    teacher, prompts = decoder(), draw_tokens(3, 5)

    def drawn(seed):
        generator = torch.Generator().manual_seed(seed)
        sampling = Sampling(temperature=1.0, generator=generator)
        return sequences.continuations(teacher, prompts, tokens=9, sampling=sampling)

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))


def test_what_was_written_can_be_trained_on_beyond_the_first_rotary_table():
    """Tokens that inference mode has marked could enter no graph."""
    student = decoder(max_position_embeddings=400)
    written = sequences.continuations(student, draw_tokens(1, 4), tokens=300)
    student.requires_grad_(True)
    student(written).square().mean().backward()
    assert student.embedding.weight.grad.abs().sum() > 0


def test_answers_stand_beside_what_was_asked(translator):
    assert sequences.answers(translator, ENGLISH) == list(
        zip(ENGLISH, translation.translate(translator, ENGLISH), strict=True)
    )


def test_a_batch_of_the_teachers_answers_keeps_the_sources(translator):
    plain = pairs.batches(translator.tokenizer, rows=6, seed=3)
    taught = sequences.answered(translator, plain)(4)
    assert torch.equal(taught[:, : pairs.SOURCE], plain(4)[:, : pairs.SOURCE])
    assert torch.equal(taught, plain(4)), "these six it translates as the labels do"
    with torch.no_grad():  # a teacher that errs is followed in its errors
        wrong = models.load("translator")
        wrong.decoder.final_layer_norm.weight.mul_(-1)
    other = sequences.answered(wrong, plain)(4)
    assert torch.equal(other[:, : pairs.SOURCE], plain(4)[:, : pairs.SOURCE])
    assert not torch.equal(other, plain(4))


@pytest.mark.parametrize(
    ("prompts", "word"),
    [
        ([[1, 2], [3]], "all of one length"),
        ([], "at least one row"),
        ([[0.5, 1.0]], "token ids"),
        (torch.zeros(2, 2, 2, dtype=torch.long), "shape"),
        ("text", "prompts"),
    ],
)
def test_prompts_that_are_no_rows_of_tokens_are_refused(prompts, word):
    with pytest.raises(ValueError, match=word):
        sequences.continuations(decoder(), prompts, tokens=3)


def test_more_tokens_than_the_context_holds_are_refused():
    with pytest.raises(ValueError, match="context"):
        sequences.continuations(decoder(), draw_tokens(1, 90), tokens=50)
