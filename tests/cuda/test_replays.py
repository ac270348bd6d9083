"""A step as a CUDA graph writes what the eager model writes, on every cache."""

import pytest
import torch
from fused_models import MAKERS, furthest
from on_device import chosen, placed
from small_models import draw_tokens

from llmlab import graphs

pytestmark = pytest.mark.cuda


def test_a_replayed_step_is_the_eager_models(device):
    if not chosen().startswith("cuda"):  # a pretended one launches nothing
        pytest.skip("launches are recorded on a GPU only")
    small = placed(MAKERS["llama"]().float(), device)
    made = graphs.compiled(small, "cuda graph", length=32)
    texts = [draw_tokens(1, 9, seed=seed).to(device) for seed in (3, 4)]
    caches = [made.new_cache(1, 9) for _ in texts]
    answers = [[], []]
    for place in range(9):  # caches take turns, so each is recorded anew
        for text, cache, kept in zip(texts, caches, answers, strict=True):
            kept.append(made(text[:, place : place + 1], cache))
    for text, kept in zip(texts, answers, strict=True):
        assert furthest(torch.cat(kept, 1), small(text)) < 1e-4
    made = graphs.compiled(small, "cuda graph", length=32, batch=2, tokens=8)
    tokens = draw_tokens(2, 16, seed=5).to(device)
    for cache in (made.new_cache(2, 16), made.new_cache(2, 16)):
        for start in (0, 8):  # where the second piece stands is a number, too
            got = made(tokens[:, start : start + 8], cache, last=True)
            wanted = small(tokens[:, : start + 8])[:, -1:]
            assert furthest(got, wanted) < 1e-4
    made = graphs.compiled(small, "cuda graph", length=32)
    prompt = texts[0][0].tolist()
    right = list(small.stream(prompt, max_tokens=12))
    assert list(made.stream(prompt, max_tokens=12)) == right
