"""The engine serves on a GPU, on pages and in slots, what each request gets alone."""

import pytest
from on_device import placed
from small_models import model

from llmlab import caching
from llmlab.batching import Engine, Pages, Request, Slots, static
from llmlab.caching import reuse
from llmlab.models import generation

pytestmark = pytest.mark.cuda
PROMPTS = [[5, 6, 7, 8, 9], [5, 6, 7, 8, 1], [2] * 9, [3], [5, 6, 7, 8, 9, 4]]
MOST = 7


def alone():
    return [
        list(generation.stream(model("decoder"), prompt, max_tokens=MOST))
        for prompt in PROMPTS
    ]


def answers(engine):
    requests = [Request(prompt, max_tokens=MOST) for prompt in PROMPTS]
    names = [engine.submit(request) for request in requests]
    tokens = {name: [] for name in names}
    while engine.busy:
        for event in engine.step():
            if event.token is not None:
                tokens[event.request].append(event.token)
    return [tokens[name] for name in names]


@pytest.mark.parametrize("pages", [12, 60], ids=["too few", "enough"])
@pytest.mark.parametrize("has_tree", [False, True], ids=["no tree", "a tree"])
def test_on_pages_every_answer_is_the_one_alone(device, pages, has_tree):
    reader = placed(model("decoder"), device)
    pool = caching.PagePool(reader, pages=pages, page_size=4)
    tree = caching.PrefixTree(pool) if has_tree else None
    memory = Pages(reader, pool, prefixes=tree)
    engine = Engine(reader, memory=memory, max_running=3, budget=8)
    assert answers(engine) == alone()


@pytest.mark.parametrize("name", ["decoder", "lstm", "gpt2"])
def test_in_slots_every_answer_is_the_one_alone(device, name):
    reader = placed(model(name), device)
    engine = Engine(reader, memory=Slots(reader, 2, length=32), budget=8)
    right = [
        list(generation.stream(model(name), prompt, max_tokens=MOST))
        for prompt in PROMPTS
    ]
    assert answers(engine) == right


def test_static_batches_give_the_same(device):
    reader = placed(model("decoder"), device)
    requests = [Request(prompt, max_tokens=MOST) for prompt in PROMPTS]
    found = [[] for _ in PROMPTS]
    for event in static.generate(reader, requests, batch=2):
        if event.token is not None:
            found[event.request].append(event.token)
    assert found == alone()


def test_a_prefix_is_taken_over_on_the_device(device):
    reader = placed(model("decoder"), device)
    pool = caching.PagePool(reader, pages=40, page_size=4)
    tree = caching.PrefixTree(pool)
    for prompt, right in zip(PROMPTS, alone(), strict=True):
        tokens = reuse.stream(reader, prompt, pool=pool, prefixes=tree, max_tokens=MOST)
        assert list(tokens) == right
