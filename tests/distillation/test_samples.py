"""Samples of a student: how varied they are, and what the teacher thinks of them."""

import pytest
import torch
from small_models import decoder, draw_tokens

from llmlab.distillation import samples
from llmlab.models import generation


def test_each_prompt_is_written_on_from_as_often_as_asked():
    model, prompts = decoder(), draw_tokens(3, 5)
    written = samples.draw(model, prompts, each=4, tokens=6)
    assert written.shape == (3, 4, 6)
    assert torch.equal(written, samples.draw(model, prompts, each=4, tokens=6))
    assert not torch.equal(
        written, samples.draw(model, prompts, each=4, tokens=6, seed=1)
    )
    assert len({tuple(row) for row in written[0].tolist()}) > 1, "they are drawn"


def test_variety_counts_a_run_once_however_often_it_comes():
    ones = torch.tensor([[[1, 1, 1, 1], [1, 1, 1, 1]]])
    assert samples.variety(ones, size=3).value == 1 / 4
    other = torch.tensor([[[1, 2, 3, 4], [5, 1, 2, 3]]])
    assert samples.variety(other, size=3).value == 3 / 4
    both = samples.variety(torch.cat([ones, other]), size=3)
    assert both.value == (1 + 3) / 8, "each prompt has runs of its own"


def test_the_grade_is_the_teachers_log_probability_by_hand():
    teacher, prompts = decoder(), draw_tokens(2, 5)
    written = samples.draw(teacher, prompts, each=3, tokens=4)
    total = 0.0
    for prompt, rows in zip(prompts, written, strict=True):
        for row in rows:
            text = torch.cat([prompt, row])[None]
            said = teacher(text).log_softmax(-1)[0]
            total += sum(said[4 + at, row[at]].item() for at in range(4))
    assert samples.grade(teacher, prompts, written).value == pytest.approx(
        total / 24, rel=1e-5
    )


def test_greedy_answers_are_graded_above_drawn_ones():
    teacher, prompts = decoder(), draw_tokens(4, 5)
    greedy = torch.tensor(
        [[list(generation.stream(teacher, p.tolist(), max_tokens=8))] for p in prompts]
    )
    drawn = samples.draw(teacher, prompts, each=4, tokens=8)
    best, other = (samples.grade(teacher, prompts, w) for w in (greedy, drawn))
    assert best.value > other.value


def test_what_does_not_fit_is_refused():
    model, prompts = decoder(), draw_tokens(2, 5)
    written = samples.draw(model, prompts, each=2, tokens=4)
    with pytest.raises(ValueError, match="at least 5"):
        samples.variety(written, size=5)
    with pytest.raises(ValueError, match="is of 2 prompts and prompts holds 1"):
        samples.grade(model, prompts[:1], written)
    with pytest.raises(ValueError, match="each=0"):
        samples.draw(model, prompts, each=0, tokens=4)
