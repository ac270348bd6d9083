"""The ways in which `batching_speed` serves a trace: ours, transformers' two, vLLM's.

A way is called for all answers, in order; it says how many seconds they took, for what
vLLM's process hands over is not counted. Ours on pages also say how much of their steps
was outside the model.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    ContinuousBatchingConfig,
    GenerationConfig,
)

from llmlab import batching
from llmlab.batching import Request, static
from llmlab.batching.experiments import workloads
from llmlab.batching.experiments.workloads import Answers
from llmlab.batching.memory import PAGE_SIZE
from llmlab.batching.pages import Pages
from llmlab.caching import PagePool
from llmlab.peers import racing

VLLM = "vLLM"
ALONE, STATIC, SORTED = "one by one", "static, 8", "static, 8, sorted"
THEIR_STATIC, THEIR_CONTINUOUS = "transformers static", "transformers continuous"
# Left alone, theirs fills most of the machine's memory with pages before it begins.
THEIR_PAGES, THEIR_BUDGET = 160, 512  # of 256 tokens; tokens of a step
Requests = Sequence[Request]


class Way:
    """Serves a trace when called; keeps the answers of the last time."""

    bookkeeping: float | None = None  # share of the steps that was outside the model

    def __init__(self, serve: Callable[[Requests], Answers]):
        self._serve = serve
        self.answers: Answers = []

    def __call__(self, requests: Requests) -> float:
        """Serve them all; return the seconds."""
        start = time.perf_counter()
        self.answers = self._serve(requests)
        return time.perf_counter() - start

    def close(self) -> None:
        """End what is behind it."""


class InSteps(Way):
    """An engine on pages, without chunks: nobody waits for a stream here."""

    def __init__(self, model: Any, seats: int):
        pool = PagePool(model, pages=seats * 512 // PAGE_SIZE, page_size=PAGE_SIZE)
        memory = Pages(_Counted(model), pool)
        self.model = memory.model
        self.engine = batching.Engine(
            model, max_running=seats, budget=None, memory=memory, watch=self._watch
        )
        self._stepped = 0.0
        super().__init__(partial(workloads.serve, self.engine))

    def __call__(self, requests: Requests) -> float:
        self._stepped = self.model.seconds = 0.0
        seconds = super().__call__(requests)
        self.bookkeeping = 1 - self.model.seconds / self._stepped
        return seconds

    def _watch(self, step: Any) -> None:
        self._stepped += step.end - step.start


class _Counted:
    """A model whose calls are timed."""

    def __init__(self, model: Any):
        self.model, self.seconds = model, 0.0

    def __call__(self, *given: Any, **how: Any) -> torch.Tensor:
        start = time.perf_counter()
        logits = self.model(*given, **how)
        self.seconds += time.perf_counter() - start
        return logits


class Theirs(Way):
    """transformers' continuous batching; what is made before the trace is not timed."""

    def __init__(self, model: Any):
        self.model = model
        super().__init__(lambda requests: [])

    def __call__(self, requests: Requests) -> float:
        manager = self.model.init_continuous_batching(
            generation_config=GenerationConfig(
                do_sample=False, eos_token_id=-1, pad_token_id=0
            ),
            continuous_batching_config=ContinuousBatchingConfig(
                num_blocks=THEIR_PAGES, max_batch_tokens=THEIR_BUDGET
            ),
        )
        manager.start()
        try:
            self._answers(manager, [Request([1, 2], 2)], "warm-up")
            start = time.perf_counter()
            self.answers = self._answers(manager, requests, "trace")
            return time.perf_counter() - start
        finally:
            manager.stop(block=True)

    def _answers(self, manager: Any, requests: Requests, word: str) -> Answers:
        names = [f"{word} {place}" for place in range(len(requests))]
        for name, request in zip(names, requests, strict=True):
            manager.add_request(
                list(request.prompt),
                request_id=name,
                max_new_tokens=request.max_tokens,
            )
        results: dict[str, list[int]] = {}
        while len(results) < len(requests):
            one = manager.get_result(timeout=1)
            if one is not None and one.is_finished():
                results[one.request_id] = list(one.generated_tokens)
        return [results[name] for name in names]


class Elsewhere(Way):
    """vLLM, in a process that is stopped while others have their turn."""

    def __init__(self, folder: Path):
        self.runner = racing.vllm(VLLM, folder)
        super().__init__(lambda requests: [])
        self([Request([1, 2], 2)])

    def __call__(self, requests: Requests) -> float:
        self.runner.wake()
        prompts = [list(request.prompt) for request in requests]
        counts = [request.max_tokens for request in requests]
        job = {"job": "serve", "prompts": prompts, "counts": counts}
        answer = self.runner.ask(job)
        self.runner.rest()
        self.answers = answer["tokens"]
        return answer["seconds"]

    def close(self) -> None:
        self.runner.wake()
        self.runner.close()


def alone(model: Any) -> Way:
    """Return the plain loop, one request after the other."""
    return Way(partial(workloads.alone, model))


def in_batches(model: Any, *, sort: bool = False) -> Way:
    """Return our static batches of 8."""

    def serve(requests: Requests) -> Answers:
        answers: Answers = [[] for _ in requests]
        for event in static.generate(model, requests, batch=8, sort=sort):
            if event.token is not None:
                answers[event.request].append(event.token)
        return answers

    return Way(serve)


def of_transformers(folder: Path, batches: Sequence[int]) -> dict[str, Way]:
    """Return transformers' padded batches of some sizes, and its continuous ones."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ways = {
        f"{THEIR_STATIC}, {size}": Way(partial(_padded, model, size))
        for size in batches
    }
    return ways | {THEIR_CONTINUOUS: Theirs(model)}


def _padded(model: Any, size: int, requests: Requests) -> Answers:
    answers = []
    for start in range(0, len(requests), size):
        group = requests[start : start + size]
        tokens, mask, _ = batching.padding.left([r.prompt for r in group], 0)
        most = max(request.max_tokens for request in group)
        written = model.generate(
            tokens, attention_mask=mask, max_new_tokens=most, min_new_tokens=most,
            do_sample=False, pad_token_id=0,
        )[:, tokens.shape[1] :]  # fmt: skip
        answers += [
            row[: request.max_tokens].tolist()
            for row, request in zip(written, group, strict=True)
        ]
    return answers
