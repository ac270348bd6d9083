"""The checks of lab 01 let right answers pass, and name what is wrong in wrong ones."""

from itertools import pairwise

from checks import factory
from measure.right_answers import RIGHT
from measure.wrong_sizes import WRONG

from llmlab.checks import measure as check
from llmlab.checks.measure import decoding

globals().update(factory.tests(check, RIGHT, WRONG))


def test_no_token_of_the_little_model_follows_itself_and_zero_stands_in_the_middle():
    texts = [list(decoding.uncached(check.model(), *one)) for one in decoding.PROMPTS]
    assert all(a != b for text in texts for a, b in pairwise(text))
    assert any(0 in text[1:-1] for text in texts)
    assert len(set(texts[0])) == len(texts[0])


def test_no_two_logits_of_the_little_model_nearly_tie():
    import torch

    for prompt, count in decoding.PROMPTS:
        model, text = check.model(), list(prompt)
        for _ in range(count):
            best = model(torch.tensor([text]))[0, -1].topk(2).values
            assert best[0] - best[1] > 1e-3
            text.append(int(model(torch.tensor([text]))[0, -1].argmax()))


def test_the_little_model_leaves_the_learners_dice_alone():
    import torch

    from llmlab.checks.measure import little

    little._drawn.cache_clear()
    torch.manual_seed(1)
    check.model()
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert drawn == torch.rand(1)


def test_a_byte_too_much_is_seen():
    text = factory.message(check.step_bytes, WRONG["step_bytes"]["off by one byte"][0])
    assert "expected 68,800, got 68,801" in text


def test_an_answer_to_generate_is_read_lazily():
    pulled = []

    def generate(model, prompt, max_tokens):
        for token in check.EXERCISES["generate"].right(model, prompt, 10**9):
            pulled.append(token)
            yield token

    factory.message(check.generate, generate)
    assert len(pulled) < 100
