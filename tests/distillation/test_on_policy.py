"""On-policy: the student writes, the teacher grades, and a restart changes nothing."""

import hashlib

import pytest
import torch
import transformers
from small_models import GPT2, decoder, draw_tokens, spread

from llmlab import distillation
from llmlab.distillation import losses, on_policy
from llmlab.models import generation
from llmlab.models.transformers_model import TransformersModel


def pair():
    """A teacher, and a student with other weights of the same shape."""
    teacher, student = decoder(dtype=torch.float32), decoder(dtype=torch.float32)
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in student.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=draw))
    return student, teacher


def texts(step):
    return draw_tokens(4, 13, seed=step)


def digest(model):
    return hashlib.sha256(
        b"".join(p.numpy().tobytes() for p in model.state_dict().values())
    ).hexdigest()


def weights(trained):
    return torch.cat([p.flatten() for p in trained.model.parameters()])


def test_the_student_itself_writes_and_no_gradient_leads_through_it():
    student, _ = pair()
    student.requires_grad_(True).train()
    prompts = draw_tokens(3, 6)
    written = on_policy.rollout(student, prompts, tokens=5, temperature=0)
    assert student.training and not written.requires_grad
    for row, prompt in zip(written, prompts, strict=True):
        alone = generation.stream(student, prompt.tolist(), max_tokens=5)
        assert row.tolist() == [*prompt.tolist(), *alone]


def test_it_writes_without_dropout_and_goes_on_with_it():
    sizes = GPT2 | {"resid_pdrop": 0.5, "embd_pdrop": 0.5, "attn_pdrop": 0.5}
    inner = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes))
    student, prompts = TransformersModel(spread(inner)), draw_tokens(2, 6)
    calm = on_policy.rollout(student.eval(), prompts, tokens=8, temperature=0)
    student.train()
    assert torch.equal(
        on_policy.rollout(student, prompts, tokens=8, temperature=0), calm
    )
    assert student.training


def test_without_writing_and_forward_it_is_plain_distillation():
    student, teacher = pair()
    ours = on_policy.train(
        student, teacher, texts, steps=4, prompt=1, share=0.0, beta=0.0, autocast=None
    )
    plain = distillation.train(student, teacher, texts, steps=4, autocast=None)
    assert torch.allclose(weights(ours), weights(plain), atol=1e-6)


def test_student_and_teacher_stay_as_they_were_and_twice_is_the_same():
    student, teacher = pair()
    before = digest(student), digest(teacher)
    first, second = (
        on_policy.train(student, teacher, texts, steps=3, prompt=4, autocast=None)
        for _ in range(2)
    )
    assert torch.equal(weights(first), weights(second))
    assert (digest(student), digest(teacher)) == before
    assert all(p.grad is None for p in teacher.parameters())
    other = on_policy.train(
        student, teacher, texts, steps=3, prompt=4, autocast=None, seed=1
    )
    assert not torch.equal(weights(first), weights(other)), "the seed draws its texts"


def test_a_training_that_was_paused_ends_with_the_same_weights(tmp_path):
    student, teacher = pair()

    def trained(folder, stop_after=None):
        return on_policy.train(
            student, teacher, texts, steps=6, prompt=4, share=0.7, autocast=None,
            folder=folder, stop_after=stop_after,
        )  # fmt: skip

    trained(tmp_path / "paused", stop_after=3)
    assert torch.equal(
        weights(trained(tmp_path / "paused")), weights(trained(tmp_path / "whole"))
    )


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_the_student_comes_nearer_to_its_teacher_on_what_it_writes(beta):
    student, teacher = pair()
    trained = on_policy.train(
        student, teacher, lambda step: texts(0), steps=60, prompt=4, share=1.0,
        beta=beta, temperature=0.0, rate=3e-3, autocast=None,
    ).model  # fmt: skip
    gaps = []
    for model in (student, trained):
        own = on_policy.rollout(model, texts(0)[:, :4], tokens=9, temperature=0)
        with torch.inference_mode():
            both = (each(own)[:, 3:-1] for each in (model, teacher))
            gaps.append(losses.jensen_shannon(*both, beta=beta).item())
    assert gaps[1] < 0.6 * gaps[0]


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"share": 1.5}, "share=1.5"),
        ({"share": float("nan")}, "share=nan"),
        ({"prompt": 0}, "prompt=0"),
        ({"prompt": 12}, "leaves nothing to write"),
        ({"beta": -1}, "beta=-1"),
        ({"temperature": -1.0}, "temperature=-1.0"),
    ],
)
def test_knobs_out_of_range_are_refused(knobs, word):
    student, teacher = pair()
    with pytest.raises(ValueError, match=word):
        on_policy.train(
            student, teacher, texts, steps=2, **{"share": 1.0, "prompt": 4} | knobs
        )


def test_a_teacher_of_another_vocabulary_is_refused():
    student, _ = pair()
    other = decoder(dtype=torch.float32, vocab_size=60)
    with pytest.raises(ValueError, match="vocabulary of 60"):
        on_policy.train(student, other, texts, steps=2)
