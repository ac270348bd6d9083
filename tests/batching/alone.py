"""The plain loop: one request alone, which is what every server has to answer."""

import random
from functools import cache

import torch
from small_models import CONTEXT, VOCABULARY, model

from llmlab.batching import Request
from llmlab.models import sampling

LONGEST = 14  # tokens that the loop writes; a shorter answer is its beginning


def answer(name, request):
    """Return the tokens of a request alone, and why they end."""
    chosen = (request.temperature, request.top_k, request.top_p, request.seed)
    room = min(CONTEXT - len(request.prompt), max(LONGEST, request.max_tokens))
    tokens = written(name, request.prompt, room, *chosen)[: request.max_tokens]
    for place, token in enumerate(tokens):
        if token in request.stop:
            return list(tokens[:place]), "stop"
    return list(tokens), "length"


@cache
@torch.inference_mode()
def written(name, prompt, most, temperature, top_k, top_p, seed):
    chooser = Request(prompt, 1, temperature=temperature, top_k=top_k, top_p=top_p)
    one = model(name)
    cache = one.new_cache(1, len(prompt) + most)
    feed, tokens = list(prompt), []
    for place in range(most):
        logits = one(torch.tensor([feed]), cache, last=True)[0, -1]
        feed = [sampling.draw(logits, chooser.sampling, seed=seed, place=place)]
        tokens += feed
    return tuple(tokens)


def prompt(rng, length):
    """Return a prompt; few beginnings, so that the loop answers most of them once."""
    draw = torch.Generator().manual_seed(rng.randrange(4))
    return torch.randint(VOCABULARY, (CONTEXT,), generator=draw).tolist()[:length]


def requests(rng, *, count, longest=40, page=4, most=None):
    """Return requests with odd lengths: a page exactly, one more, all the context."""
    made = []
    for _ in range(count):
        kind = rng.choice(["any", "any", "any", "page", "page + 1", "one"])
        length = {"page": page, "page + 1": page + 1, "one": 1}.get(kind)
        length = length or rng.randint(1, longest)
        writes = most or rng.choice([1, LONGEST, rng.randint(1, LONGEST)])
        drawn = {}
        if rng.random() < 0.4:
            drawn = {
                "temperature": 0.9, "top_p": rng.choice([None, 0.8]),
                "seed": rng.randrange(2),
            }  # fmt: skip
        stop = rng.sample(range(VOCABULARY), 6) if rng.random() < 0.4 else ()
        made.append(Request(prompt(rng, length), writes, stop=stop, **drawn))
    return made


def prompt_of(length):
    """Return a prompt of so many tokens."""
    return prompt(random.Random(length), length)
