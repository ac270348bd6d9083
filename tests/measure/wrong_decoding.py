"""Wrong answers to the two exercises on decoding: answer, word of the hint."""

import torch
from measure import right_decoding as right


def decoded(*, tokens=list, choose=None, append=True, first=(), more=0):
    """Return an answer that decodes in another way."""

    def generate(model, prompt, max_tokens):
        text = list(prompt)
        yield from first and prompt
        for _ in range(max_tokens + more):
            logits = model(torch.tensor([tokens(text)]))
            token = int(choose(logits) if choose else logits[0, -1].argmax())
            if append:
                text.append(token)
            yield token

    return generate


def all_at_once(model, prompt, max_tokens):
    text = list(prompt)
    for _ in range(max_tokens):
        text.append(int(model(torch.tensor([text]))[0, -1].argmax()))
    return text[len(prompt) :]


def without_a_batch(model, prompt, max_tokens):
    row = list(prompt)
    for _ in range(max_tokens):
        token = model(torch.tensor(row))[-1].argmax().item()
        row.append(token)
        yield token


def one_token_without_a_batch(model, prompt, max_tokens):
    cache = model.new_cache(1, len(prompt) + max_tokens)
    logits = model(torch.tensor([prompt]), cache)
    for _ in range(max_tokens):
        token = int(logits[0, -1].argmax())
        yield token
        logits = model(torch.tensor([token]), cache)


def in_the_prompt(model, prompt, max_tokens):
    for _ in range(max_tokens):
        token = int(model(torch.tensor([prompt]))[0, -1].argmax())
        prompt.append(token)
        yield token


def sampled(model, prompt, max_tokens):
    draw, text = torch.Generator().manual_seed(0), list(prompt)
    for _ in range(max_tokens):
        shares = model(torch.tensor([text]))[0, -1].softmax(-1)
        text.append(int(torch.multinomial(shares, 1, generator=draw)))
        yield text[-1]


def stops_at_zero(model, prompt, max_tokens):
    for token in right.generate_by_the_text(model, prompt, max_tokens):
        if not token:
            return
        yield token


def whole_texts(model, prompt, max_tokens):
    text = list(prompt)
    for token in right.generate_by_the_text(model, prompt, max_tokens):
        text.append(token)
        yield text


def endless(model, prompt, max_tokens):
    yield from right.generate_by_the_text(model, prompt, 10**9)


def stepped(*, room=None, feed=lambda text: text[-1:], choose=None, more=0, first=()):
    """Return an answer that decodes with a cache in another way."""

    def generate_cached(model, prompt, max_tokens):
        length = room(prompt, max_tokens) if room else len(prompt) + max_tokens
        cache, text, new = model.new_cache(1, length), list(prompt), list(prompt)
        yield from first and prompt
        for _ in range(max_tokens + more):
            logits = model(torch.tensor([new]), cache)
            text.append(int(choose(logits) if choose else logits[0, -1].argmax()))
            new = feed(text)
            yield text[-1]

    return generate_cached


def new_cache_each_time(model, prompt, max_tokens):
    new = list(prompt)
    for _ in range(max_tokens):
        cache = model.new_cache(1, len(prompt) + max_tokens)
        new = [int(model(torch.tensor([new]), cache)[0, -1].argmax())]
        yield new[0]


def cache_only_for_the_prompt(model, prompt, max_tokens):
    cache = model.new_cache(1, len(prompt) + max_tokens)
    logits = model(torch.tensor([prompt]), cache)
    for _ in range(max_tokens):
        token = int(logits[0, -1].argmax())
        yield token
        logits = model(torch.tensor([[token]]))


def fed_twice(model, prompt, max_tokens):
    cache = model.new_cache(1, len(prompt) + 2 * max_tokens)
    logits = model(torch.tensor([prompt]), cache)
    for _ in range(max_tokens):
        token = int(logits[0, -1].argmax())
        yield token
        model(torch.tensor([[token]]), cache)
        logits = model(torch.tensor([[token]]), cache)


def prompt_twice(model, prompt, max_tokens):
    cache = model.new_cache(1, 2 * len(prompt) + max_tokens)
    model(torch.tensor([prompt]), cache)
    new = list(prompt)
    for _ in range(max_tokens):
        new = [int(model(torch.tensor([new]), cache)[0, -1].argmax())]
        yield new[0]


def token_by_token(model, prompt, max_tokens):
    cache = model.new_cache(1, len(prompt) + max_tokens)
    for old in prompt:
        logits = model(torch.tensor([[old]]), cache)
    for _ in range(max_tokens):
        token = int(logits[0, -1].argmax())
        yield token
        logits = model(torch.tensor([[token]]), cache)


def last_of_prompt_again(model, prompt, max_tokens):
    cache = model.new_cache(1, len(prompt) + max_tokens + 1)
    model(torch.tensor([prompt]), cache)
    token = prompt[-1]
    for _ in range(max_tokens):
        token = int(model(torch.tensor([[token]]), cache)[0, -1].argmax())
        yield token


def printed(model, prompt, max_tokens):
    print(*right.generate_by_the_text(model, prompt, max_tokens))


def read_again(model, prompt, max_tokens):
    """Yield before the text is read for the next token, also behind the last."""
    text = list(prompt)
    logits = model(torch.tensor([text]))
    for _ in range(max_tokens):
        text.append(int(logits[0, -1].argmax()))
        yield text[-1]
        logits = model(torch.tensor([text]))


def fed_again(model, prompt, max_tokens):
    cache = model.new_cache(1, len(prompt) + max_tokens)
    logits = model(torch.tensor([prompt]), cache)
    for _ in range(max_tokens):
        token = int(logits[0, -1].argmax())
        yield token
        logits = model(torch.tensor([[token]]), cache)


def new_cache_and_all_the_text(model, prompt, max_tokens):
    text = list(prompt)
    for _ in range(max_tokens):
        cache = model.new_cache(1, len(prompt) + max_tokens)
        text.append(int(model(torch.tensor([text]), cache)[0, -1].argmax()))
        yield text[-1]


GENERATE = {
    "printed": (printed, "`yield` each token"),
    "once more behind the last": (read_again, "behind the last token"),
    "only the last token": (
        decoded(tokens=lambda text: text[-1:]),
        "last token is read",
    ),
    "first position": (decoded(choose=lambda x: x[0, 0].argmax()), "first token"),
    "position before": (decoded(choose=lambda x: x[0, -2].argmax()), "expected"),
    "argmax of all": (decoded(choose=lambda x: x.argmax()), "all positions"),
    "wrong axis": (decoded(choose=lambda x: x[0].argmax(0)[-1]), "over the vocabulary"),
    "the value": (decoded(choose=lambda x: x[0, -1].max()), "not its value"),
    "not appended": (decoded(append=False), "append"),
    "prompt too": (decoded(first=True), "not part of the answer"),
    "one more": (decoded(more=1), "one token too many"),
    "one less": (decoded(more=-1), "one token too few"),
    "a list": (all_at_once, "yield"),
    "in the prompt": (in_the_prompt, "leaves prompt as it was"),
    "sampled": (sampled, "largest"),
    "stops at token 0": (stops_at_zero, "expected"),
    "whole texts": (whole_texts, "a number"),
    "no end": (endless, "do not end"),
    "with a cache": (right.cached_by_feeding, "whole text"),
    "returns the first": (
        lambda model, prompt, max_tokens: int(
            model(torch.tensor([prompt]))[0, -1].argmax()
        ),
        "yield",
    ),
    "nothing": (lambda model, prompt, max_tokens: None, "`yield` each token"),
    "no batch": (
        decoded(choose=lambda x: x[-1].argmax()),
        "all positions",
    ),
    "no batch of rows": (without_a_batch, "a list in a list"),
    "text as prompt": (lambda model, prompt, max_tokens: "def f", "generator"),
}
CACHED = {
    "once more behind the last": (fed_again, "behind the last token"),
    "new cache, all the text": (new_cache_and_all_the_text, "makes a new cache"),
    "prompt twice": (prompt_twice, "expected"),
    "whole text again": (stepped(feed=list), "feed the new token only"),
    "whole text, room enough": (
        stepped(feed=list, room=lambda prompt, n: 100 + n),
        "expected",
    ),
    "token twice": (fed_twice, "expected"),
    "new cache in every step": (new_cache_each_time, "one cache"),
    "cache for the prompt": (cache_only_for_the_prompt, "in every call"),
    "cache too short": (
        stepped(room=lambda prompt, n: len(prompt)),
        "room for the prompt only",
    ),
    "no room for the prompt": (
        stepped(room=lambda prompt, n: n),
        "no room for the prompt",
    ),
    "no batch behind the prompt": (one_token_without_a_batch, "a list in a list"),
    "no cache": (right.generate_by_the_text, "no cache is used"),
    "token by token": (token_by_token, "in one call"),
    "last of the prompt again": (last_of_prompt_again, "expected"),
    "first position": (stepped(choose=lambda x: x[0, 0].argmax()), "first token"),
    "wrong axis": (stepped(choose=lambda x: x[0].argmax(0)[-1]), "vocabulary"),
    "prompt too": (stepped(first=True), "not part of the answer"),
    "one more": (stepped(more=1), "one token too many"),
    "one less": (stepped(more=-1), "one token too few"),
    "a list": (
        lambda model, prompt, max_tokens: list(
            right.cached_by_feeding(model, prompt, max_tokens)
        ),
        "yield",
    ),
    "the last but one": (stepped(feed=lambda text: text[-2:-1]), "just chosen"),
    "a crash": (lambda model, prompt, max_tokens: model(prompt), "runs"),
}
