"""Requests that experiments serve, the plain loop's answers, and how often they agree.

Prompts are pieces of frozen programs; lengths are log-normal, many short and a few
long, and seeded: every way to serve gets the same.
"""

from collections.abc import Sequence
from typing import Any

import torch

from llmlab import texts
from llmlab.batching import arrivals
from llmlab.batching.quantities import AS_ALONE
from llmlab.batching.requests import Request
from llmlab.core import records
from llmlab.core.records import Record

CHARACTERS = 1000  # of the frozen programs, for each prompt; the longest needs fewer
TIE = 1e-4  # of logits: what rounding may turn round

Model = Any  # a core.model.LanguageModel that is an nn.Module, too
Answers = list[list[int]]


def ragged(
    model: Model, count: int, *, read: float = 48, write: float = 20,
    most: tuple[int, int] = (160, 64),
) -> list[Request]:  # fmt: skip
    """Return requests of many lengths, all there from the beginning.

    read, write: mean tokens of prompts and answers. most: of either.
    """
    reads = arrivals.lengths(count, read, most=most[0], seed=1)
    writes = arrivals.lengths(count, write, most=most[1], seed=2)
    text, made = texts.evaluation(), []
    for place, (tokens, wanted) in enumerate(zip(reads, writes, strict=True)):
        start = place * CHARACTERS % (len(text) - CHARACTERS)
        ids = model.tokenizer(text[start : start + CHARACTERS])["input_ids"]
        made.append(Request(ids[:tokens], wanted))
    return made


def alone(model: Model, requests: Sequence[Request]) -> Answers:
    """Return the plain loop's answers, one request after the other."""
    return [
        list(model.stream(request.prompt, max_tokens=request.max_tokens))
        for request in requests
    ]


def serve(engine: Any, requests: Sequence[Request]) -> Answers:
    """Serve requests that are all there; return their answers in order.

    Raises ValueError where one ended by an error.
    """
    places = {engine.submit(request): place for place, request in enumerate(requests)}
    answers: Answers = [[] for _ in requests]
    while engine.busy:
        for event in engine.step():
            if event.reason == "error":
                raise ValueError(event.error)
            if event.token is not None:
                answers[places[event.request]].append(event.token)
    return answers


def as_alone(
    model: Model, requests: Sequence[Request], answers: Answers, right: Answers,
    *, subject: str,
) -> Record:  # fmt: skip
    """Return the share of tokens that are those of each request alone.

    Where an answer goes another way at a tie of the two best logits, which a sum in
    another order may turn round, what follows counts as right.
    """
    same = 0
    for request, answer, own in zip(requests, answers, right, strict=True):
        parted = first_difference(answer, own)
        if parted == len(own) or is_tie(model, [*request.prompt, *own[:parted]]):
            same += len(own)
        else:
            pairs = zip(answer, own, strict=False)
            same += sum(one == other for one, other in pairs)
    share = same / sum(map(len, right))
    details = {"requests": len(requests)}
    return records.measured(AS_ALONE, share, subject=subject, details=details)


def first_difference(answer: Sequence[int], own: Sequence[int]) -> int:
    """Return the place of the first token that differs, the length if none does."""
    for place, token in enumerate(own):
        if place >= len(answer) or answer[place] != token:
            return place
    return len(own)


@torch.inference_mode()
def is_tie(model: Model, tokens: Sequence[int]) -> bool:
    """Say whether the two best tokens behind these are as good as each other."""
    logits = model(torch.tensor([list(tokens)]), last=True)[0, -1]  # (V,)
    best, second = logits.float().topk(2).values.tolist()
    return best - second < TIE
