"""Right answers to the two exercises on decoding, truly different ones for each."""

from collections import deque

import numpy
import torch

# --- generate


def generate_by_the_text(model, prompt, max_tokens):
    text = list(prompt)
    for _ in range(max_tokens):
        token = int(model(torch.tensor([text]))[0, -1].argmax())
        text.append(token)
        yield token


@torch.no_grad()
def generate_tensors(model, prompt, max_tokens):
    text = torch.tensor(prompt)[None]
    for _ in range(max_tokens):
        token = model(text)[:, -1:].argmax(-1)
        text = torch.cat((text, token), 1)
        yield token


def generate_by_softmax(model, prompt, max_tokens):
    text = deque(prompt)
    while len(text) < len(prompt) + max_tokens:
        shares = torch.softmax(model(torch.tensor([list(text)])), -1)[0, -1].tolist()
        text.append(shares.index(max(shares)))
        yield text[-1]


class _Tokens:
    def __init__(self, model, text, left):
        self.model, self.text, self.left = model, text, left

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        logits = self.model.forward(torch.LongTensor([self.text]))
        self.text = (*self.text, numpy.argmax(logits.numpy()[0, -1]))
        self.left -= 1
        return self.text[-1]


def generate_by_class(model, prompt, max_tokens):
    return _Tokens(model, tuple(prompt), max_tokens)


def generate_ahead(model, prompt, max_tokens):
    """Read before the loop; where no token is asked for, that is no mistake."""
    text = list(prompt)
    logits = model(torch.tensor([text]), last=True)
    for left in range(max_tokens - 1, -1, -1):
        token = logits[0, 0].topk(1).indices.item()
        yield token
        text += [token]
        if left:
            logits = model(torch.tensor([text]), last=True)


# --- generate_cached


def cached_by_feeding(model, prompt, max_tokens):
    cache = model.new_cache(1, len(prompt) + max_tokens)
    new = list(prompt)
    for _ in range(max_tokens):
        token = int(model(torch.tensor([new]), cache)[0, -1].argmax())
        new = [token]
        yield token


def cached_ahead(model, prompt, max_tokens):
    """Read the prompt before the loop, though no token may be asked for."""
    cache = model.new_cache(1, len(prompt) + max_tokens)
    logits = model(torch.tensor([prompt]), cache)
    for left in range(max_tokens, 0, -1):
        token = logits[0, -1].argmax().item()
        yield token
        if left > 1:
            logits = model(torch.tensor([[token]]), cache)


@torch.inference_mode()
def cached_in_tensors(model, prompt, max_tokens):
    cache = model.new_cache(batch=1, length=model.context)
    tokens = torch.tensor([prompt])
    for _ in range(max_tokens):
        tokens = model(tokens, cache, last=True).argmax(-1)
        yield tokens[0, 0]


def cached_in_two_parts(model, prompt, max_tokens):
    """Fill the cache with all of the prompt but its last token first."""
    cache, token = model.new_cache(1, len(prompt) + max_tokens), prompt[-1]
    if prompt[:-1]:
        model(torch.tensor([prompt[:-1]]), cache=cache)
    for _ in range(max_tokens):
        token = numpy.argmax(model(torch.tensor([[token]]), cache=cache).numpy())
        yield token


def cached_by_package(model, prompt, max_tokens):
    return model.stream(prompt, max_tokens=max_tokens)
