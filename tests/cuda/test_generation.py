"""Models write on a GPU what they write on the processor, one by one and together."""

import pytest
import torch
from on_device import far, placed
from small_models import MAKERS, draw_tokens, model

from llmlab import models
from llmlab.models import classification, generation, translation

pytestmark = pytest.mark.cuda
PROMPTS = ([5, 6, 7], [9, 8, 7, 6, 5], [1])
TIE = 1e-4  # between two logits: either may win in fp32


@pytest.mark.parametrize("name", MAKERS)
def test_small_models_of_every_family_write_the_same_tokens(device, name):
    """In float64, where no rounding decides."""
    on_device = placed(model(name), device)
    alone = [
        list(generation.stream(model(name), prompt, max_tokens=8)) for prompt in PROMPTS
    ]
    for prompt, right in zip(PROMPTS, alone, strict=True):
        assert list(generation.stream(on_device, prompt, max_tokens=8)) == right
    steps = list(generation.stream_batch(on_device, PROMPTS, max_tokens=8))
    assert [list(row) for row in zip(*steps, strict=True)] == alone


@pytest.mark.parametrize("name", ["decoder", "lstm", "gpt2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_small_models_give_the_same_logits_in_shorter_formats(device, name, dtype):
    tokens = draw_tokens(2, 12)
    right = model(name)(tokens)
    found = placed(model(name), device, dtype)(tokens.to(device))
    assert found.dtype == dtype and found.device.type == device.type
    assert far(found, right) < (1e-4 if dtype == torch.float32 else 0.1)


def test_coder_completes_as_on_the_processor(device):
    text = "def add(a, b):\n    "
    ours = models.load("coder")
    theirs = models.load("coder", device=device)
    ids = ours.tokenizer(text)["input_ids"]
    right = list(generation.stream(ours, ids, max_tokens=12))
    found = list(generation.stream(theirs, ids, max_tokens=12))
    if found != right:
        place = [a == b for a, b in zip(found, right, strict=True)].index(False)
        logits = ours(torch.tensor([[*ids, *right[:place]]]))[0, -1]
        best = logits.topk(2).values
        assert best[0] - best[1] < TIE, place
    assert generation.complete(theirs, text, max_tokens=4) == generation.complete(
        ours, text, max_tokens=4
    )


def test_chance_is_drawn_on_the_device(device, is_real):
    on_device = placed(model("decoder"), device)
    ours = models.Sampling(temperature=0.9, top_p=0.9, generator=torch.Generator())
    if device.type != "cpu":
        with pytest.raises(ValueError, match="generator draws on cpu"):
            list(generation.stream(on_device, [1], max_tokens=2, sampling=ours))
    if device.type == "cpu" or is_real:
        dice = torch.Generator(device).manual_seed(0)
        drawn = models.Sampling(temperature=0.9, top_k=9, generator=dice)
        tokens = list(generation.stream(on_device, [1], max_tokens=9, sampling=drawn))
        assert len(tokens) == 9


def test_a_stop_ends_a_stream_on_the_device(device):
    on_device = placed(model("decoder"), device)
    first, second = list(generation.stream(on_device, [3, 4], max_tokens=2))
    ended = generation.stream(on_device, [3, 4], max_tokens=9, stop=(second,))
    tokens = list(ended)
    assert tokens[0] == first and len(tokens) <= 2


@pytest.fixture
def answerers():
    """Load them before a GPU is pretended: transformers has modes of its own there."""
    return models.load("translator"), models.load("classifier")


def test_models_that_answer_whole_texts_answer_the_same(answerers, device):
    translator, classifier = answerers
    asked, programs = ["seven", "ninety-one"], ["x = 1\n", "def f(): pass\n"]
    right = translation.translate(translator, asked)
    assert translation.translate(placed(translator, device), asked) == right
    right = classification.classify(classifier, programs)
    assert classification.classify(placed(classifier, device), programs) == right
