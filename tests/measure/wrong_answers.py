"""Wrong answers to the first exercises of lab 01: answer, word of the hint."""

import statistics
import time
from itertools import pairwise

import numpy
import torch
from measure import right_answers as right

# --- generate and generate_cached


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


GENERATE = {
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
    "nothing": (lambda model, prompt, max_tokens: None, "return"),
    "no batch": (
        decoded(choose=lambda x: x[-1].argmax()),
        "all positions",
    ),
    "text as prompt": (lambda model, prompt, max_tokens: "def f", "generator"),
}
CACHED = {
    "prompt twice": (prompt_twice, "expected"),
    "whole text again": (stepped(feed=list), "feed the new token only"),
    "whole text, room enough": (
        stepped(feed=list, room=lambda prompt, n: 100 + n),
        "expected",
    ),
    "token twice": (fed_twice, "expected"),
    "new cache in every step": (new_cache_each_time, "one cache"),
    "cache for the prompt": (cache_only_for_the_prompt, "one cache"),
    "cache too short": (
        stepped(room=lambda prompt, n: len(prompt)),
        "room for the prompt only",
    ),
    "no room for the prompt": (
        stepped(room=lambda prompt, n: n),
        "no room for the prompt",
    ),
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

# --- token_times


def started_late(tokens, clock):
    stamps = [clock() for _ in tokens]
    return 0.0, [after - before for before, after in pairwise(stamps)]


def all_pulled_first(tokens, clock):
    start = clock()
    stamps = [clock() for _ in list(tokens)]
    return stamps[0] - start, [b - a for a, b in pairwise(stamps)]


def mean_of_all(tokens, clock):
    first, later = right.times_by_stamps(tokens, clock)
    return first, sum(later) / max(1, len(later))


def with_the_end(tokens, clock):
    tokens, stamps, more = iter(tokens), [clock()], True
    while more:
        more = next(tokens, None) is not None
        stamps.append(clock())
    gaps = [b - a for a, b in pairwise(stamps)]
    return gaps[0], gaps[1:]


def until_zero(tokens, clock):
    tokens, stamps = iter(tokens), [clock()]
    next(tokens)
    stamps.append(clock())
    while next(tokens, None):
        stamps.append(clock())
    gaps = [b - a for a, b in pairwise(stamps)]
    return gaps[0], gaps[1:]


def since_the_start(tokens, clock):
    start = clock()
    stamps = [clock() - start for _ in tokens]
    return stamps[0], stamps[1:]


def own_clock(tokens, clock):
    return right.times_by_stamps(tokens, time.perf_counter)


def first_in_both(tokens, clock):
    first, later = right.times_by_stamps(tokens, clock)
    return first, [first, *later]


def moments(tokens, clock):
    stamps = [clock() for _ in tokens]
    return stamps[0], stamps[1:]


def clock_after_the_wait(tokens, clock):
    tokens, later = iter(tokens), []
    next(tokens)
    start = clock()
    first, now = clock() - start, clock()
    for _ in tokens:
        later.append(clock() - now)
        now = clock()
    return first, later


def stamps_in_float32(tokens, clock):
    stamps = torch.tensor([clock(), *(clock() for _ in tokens)])
    return stamps.diff()[0], stamps.diff()[1:]


TIMES = {
    "clock started late": (started_late, "before you ask for the first token"),
    "clock read after the wait": (clock_after_the_wait, "before you ask for the first"),
    "list of tokens first": (all_pulled_first, "pulled before"),
    "one mean": (mean_of_all, "list"),
    "the end counted": (with_the_end, "end of the stream"),
    "stops at token 0": (until_zero, "token 0"),
    "all since the start": (since_the_start, "token before"),
    "another clock": (own_clock, "clock()"),
    "first token twice": (first_in_both, "not one of the later"),
    "moments, not times": (moments, "away"),
    "stamps in float32": (stamps_in_float32, "float32"),
    "learnt by heart": (
        lambda tokens, clock: (clock() and 0.5, [0.125, 0.125, 0.25]),
        "expected",
    ),
    "only the first": (
        lambda tokens, clock: right.times_by_stamps(tokens, clock)[0],
        "2 values",
    ),
    "nothing returned": (lambda tokens, clock: None, "return"),
    "a crash": (lambda tokens, clock: len(tokens), "runs"),
    "renamed": (lambda stream, clock: (0.5, []), "by these names"),
}

# --- percentile


def sorted_in_place(samples, share):
    samples.sort()
    return right.percentile_by_hand(samples, share)


def weights_swapped(samples, share):
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below, weight = int(place), place - int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] * weight + ordered[above] * (1 - weight)


def past_the_end(samples, share):
    ordered, below = sorted(samples), int(share * len(samples))
    return (ordered[below] + ordered[below + 1]) / 2


PERCENTILE = {
    "not sorted": (
        lambda samples, share: numpy.interp(
            share * (len(samples) - 1), range(len(samples)), samples
        ),
        "sort",
    ),
    "no interpolation": (
        lambda samples, share: sorted(samples)[int(share * (len(samples) - 1))],
        "one of the samples",
    ),
    "rounded": (
        lambda samples, share: sorted(samples)[round(share * (len(samples) - 1))],
        "nearest",
    ),
    "midpoint": (
        lambda samples, share: numpy.quantile(samples, share, method="midpoint"),
        "half way",
    ),
    "without ties": (
        lambda samples, share: right.percentile_by_hand(sorted({*samples}), share),
        "not a set",
    ),
    "weights swapped": (weights_swapped, "wrong way round"),
    "n for n - 1": (
        lambda samples, share: numpy.interp(
            share * len(samples), range(len(samples)), sorted(samples)
        ),
        "n - 1",
    ),
    "another definition": (
        lambda samples, share: numpy.quantile(samples, share, method="weibull"),
        "share * (n - 1)",
    ),
    "past the end": (past_the_end, "n - 1"),
    "from the top": (
        lambda samples, share: right.percentile_by_hand(samples, 1 - share),
        "upwards",
    ),
    "share in percent": (
        lambda samples, share: right.percentile_by_hand(samples, share / 100),
        "0 to 1",
    ),
    "magnitudes": (
        lambda samples, share: right.percentile_by_hand(map(abs, samples), share),
        "share * (n - 1)",
    ),
    "the mean": (lambda samples, share: sum(samples) / len(samples), "mean"),
    "sorted in place": (sorted_in_place, "leaves samples as it was"),
    "learnt by heart": (lambda samples, share: 22.0, "expected"),
    "printed, not returned": (lambda samples, share: print("22.0"), "return"),
    "text": (lambda samples, share: f"{statistics.median(samples)}", "a number"),
    "renamed": (lambda x, q: 0.0, "samples and share"),
    "always the median": (lambda samples, share: statistics.median(samples), "median"),
}
