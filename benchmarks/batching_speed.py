"""One trace of ragged requests on `coder`, served in every way: one by one, in static
batches, step by step, and by transformers' own two.

Greedy, fp32, 32 requests, all answers equal token by token (checked). Every way runs in
each round, interleaved, so that a busy neighbour meets all of them, but transformers'
continuous way once; medians of CPU and of wall seconds. It shows its table and keeps
nothing.

    python benchmarks/batching_speed.py [--requests 32] [--rounds 3] [--no-peers]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from llmlab import batching, models, texts
from llmlab.batching import arrivals, static
from llmlab.core import machine
from llmlab.models import files

Answers = list[list[int]]
CHARACTERS = 1000  # more than the longest prompt has tokens
ONCE = ("transformers continuous",)  # takes longer than all others together


def main() -> None:
    """Serve the trace in every way, compare the answers, and show the times."""
    options = _options()
    machine.set_threads()
    model = models.load("coder")
    requests = _trace(model, options.requests)
    ways = _ways(model, requests)
    if not options.no_peers:
        ways |= _peers(requests)
    answers: dict[str, Answers] = {}
    spent: dict[str, list[tuple[float, float]]] = {word: [] for word in ways}
    for round_ in range(options.rounds):
        for word, way in ways.items():
            if round_ and word in ONCE:
                continue
            wall, cpu = time.perf_counter(), time.process_time()
            answers[word] = way()
            spent[word].append((time.process_time() - cpu, time.perf_counter() - wall))
    right = answers["one by one"]
    base = statistics.median(cpu for cpu, _ in spent["one by one"])
    written = sum(map(len, right))
    read = sum(len(request.prompt) for request in requests)
    print(f"{len(requests)} requests, {read} tokens of prompts, {written} written")
    for word, pairs in spent.items():
        cpu, wall = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{word:28} {cpu:6.2f} CPU s {wall:6.2f} s {written / wall:6.0f} token/s "
            f"{base / cpu:5.2f} × {_same(answers[word], right)}"
        )


def _same(answers: Answers, right: Answers) -> str:
    same = sum(one == other for one, other in zip(answers, right, strict=True))
    return f"{same} of {len(right)} answers the same"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve one trace in every way.")
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true")
    return parser.parse_args()


def _trace(model, count: int) -> list[batching.Request]:
    """Return requests of many lengths: pieces of programs."""
    read = arrivals.lengths(count, 64, most=200, seed=1)
    write = arrivals.lengths(count, 40, most=120, seed=2)
    text, made = texts.evaluation(), []
    for place, (tokens, most) in enumerate(zip(read, write, strict=True)):
        part = text[place * CHARACTERS : (place + 1) * CHARACTERS]
        ids = model.tokenizer(part)["input_ids"]
        made.append(batching.Request(ids[:tokens], most))
    return made


def _ways(model, requests) -> dict[str, Callable[[], Answers]]:
    def one_by_one() -> Answers:
        return [
            list(model.stream(request.prompt, max_tokens=request.max_tokens))
            for request in requests
        ]

    def in_batches(sort: bool) -> Callable[[], Answers]:
        return lambda: _collected(
            static.generate(model, requests, batch=8, sort=sort), len(requests)
        )

    def continuous(seats: int) -> Callable[[], Answers]:
        engine = batching.Engine(model, max_running=seats, budget=None)

        def serve() -> Answers:
            first = engine.submit(requests[0])
            events = [
                event._replace(request=event.request - first)
                for event in _rest(engine, requests[1:])
            ]
            return _collected(events, len(requests))

        return serve

    return {
        "one by one": one_by_one,
        "static, 8": in_batches(False),
        "static, 8, sorted": in_batches(True),
        "continuous, 8": continuous(8),
        "continuous, 16": continuous(16),
    }


def _rest(engine, requests):
    for request in requests:
        engine.submit(request)
    while engine.busy:
        yield from engine.step()


def _collected(events, count: int) -> Answers:
    answers: Answers = [[] for _ in range(count)]
    for event in events:
        if event.token is not None:
            answers[event.request].append(event.token)
    return answers


def _peers(requests) -> dict[str, Callable[[], Answers]]:
    """Return transformers' batches of 8, and its continuous ones."""
    folder = files.find("coder")
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def padded() -> Answers:
        answers = []
        for start in range(0, len(requests), 8):
            group = requests[start : start + 8]
            tokens, mask, _ = batching.padding.left([r.prompt for r in group], 0)
            most = max(request.max_tokens for request in group)
            written = theirs.generate(
                tokens, attention_mask=mask, max_new_tokens=most, min_new_tokens=most,
                do_sample=False, pad_token_id=0,
            )[:, tokens.shape[1] :]  # fmt: skip
            answers += [
                row[: request.max_tokens].tolist()
                for row, request in zip(written, group, strict=True)
            ]
        return answers

    def continuous() -> Answers:
        config = GenerationConfig(do_sample=False, eos_token_id=-1, pad_token_id=0)
        manager = theirs.init_continuous_batching(generation_config=config)
        manager.start()
        results: dict[int, list[int]] = {}
        try:
            for place, request in enumerate(requests):
                manager.add_request(
                    list(request.prompt),
                    request_id=str(place),
                    max_new_tokens=request.max_tokens,
                )
            while len(results) < len(requests):
                one = manager.get_result(timeout=1)
                if one is not None and one.is_finished():
                    results[int(one.request_id)] = list(one.generated_tokens)
        finally:
            manager.stop(block=True)
        return [results[place] for place in range(len(requests))]

    return {"transformers static, 8": padded, "transformers continuous": continuous}


if __name__ == "__main__":
    main()
