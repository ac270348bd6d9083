"""A native step alone, and beside a process that never rests: how much longer it takes.

Greedy decoding of one sequence and of sixteen by int8 natively, on all threads, on
shape M and the bundled coder. In each round every job runs alone and beside one
spinning process, by turns; a ratio of each round, the median of all, the lowest and the
highest. A step may take four times as long at most. Native calls give way to a
neighbour for up to `backoff.MOST` calls, so before every measurement twice as many run
alone: what is timed beside the neighbour holds the steps in which it is noticed, and
what is timed alone has all threads. The result goes to
llmlab/recorded/busy_neighbour.json. Takes a minute or two on two idle cores; `--small`
decodes a few tokens, prints and writes nothing.

    python benchmarks/busy_neighbour.py [--small]
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from native import drawn

from llmlab import models, show
from llmlab.core import machine, recording, records
from llmlab.core.quantities import BESIDE_NEIGHBOUR, LATENCY
from llmlab.core.records import Record
from llmlab.kernels.native import backoff
from llmlab.peers import racing

FILE = Path(__file__).resolve().parents[1] / "llmlab/recorded/busy_neighbour.json"
COMMAND = "python benchmarks/busy_neighbour.py"
ENGINE, MARK = "llmlab int8, native", 4.0
ALONE, BESIDE = "alone", "one spinning process"
BATCHES, PROMPT, NEW, ROUNDS = (1, 16), 128, 64, 9
SPIN = """print("busy", flush=True)
while True: pass"""


def main() -> None:
    """Measure both models, hold the mark against them, show and keep it."""
    small, facts = _options().small, []
    for shape in ("coder", "M"):
        model = models.load(shape) if shape == "coder" else drawn(shape)
        with tempfile.TemporaryDirectory() as folder:
            models.save(model, folder)
            runner = racing.ours(ENGINE, folder)
            try:
                for batch in BATCHES:
                    facts += measured(
                        shape, runner, model.vocabulary, batch, small=small
                    )
            finally:
                runner.close()
    print(show.table(facts, ("subject", "name", "batch", "value", "interval")))
    for fact in facts:
        if fact.name == BESIDE_NEIGHBOUR.name:
            met = "✓" if fact.value <= MARK else "✗"
            print(f"{met} {fact.subject}, {fact.details['batch']} rows: at most {MARK}")
    if not small:
        here = machine.describe().label
        others = records.load(FILE) if FILE.exists() else []
        kept = [fact for fact in others if fact.machine != here]
        records.save([*kept, *facts], FILE)


def measured(
    shape: str, runner: racing.Runner, vocabulary: int, batch: int, *, small: bool
) -> list[Record]:
    """Return the time of a step both ways, and how many times as long one is."""
    new, rounds = (4, 1) if small else (NEW, ROUNDS)
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(vocabulary, (batch, PROMPT), generator=generator).tolist()
    job = {"job": "decode", "prompts": prompts, "new": new}
    runner.ask(job)  # warm-up
    seconds: dict[str, list[float]] = {ALONE: [], BESIDE: []}
    short = {"job": "decode", "prompts": [prompts[0][:8]], "new": NEW}
    calm = -(-2 * backoff.MOST // (NEW - 1))  # until the last neighbour is forgotten
    for number in range(rounds):
        for way in (ALONE, BESIDE) if number % 2 else (BESIDE, ALONE):
            for _ in range(calm):
                runner.ask(short)
            with _spinning() if way == BESIDE else contextlib.nullcontext():
                seconds[way].append(runner.ask(job)["seconds"] / (new - 1))
    step = {"phase": "decode", "batch": batch, "prompt": PROMPT, "new": new}
    pairs = zip(seconds[BESIDE], seconds[ALONE], strict=True)
    ratios = [beside / alone for beside, alone in pairs]
    subject = f"{shape}: {ENGINE}"
    facts = [
        _fact(LATENCY, seconds[way], f"{subject}, {way}", step)
        for way in (ALONE, BESIDE)
    ]
    against = {"against": ALONE, **step}
    return [*facts, _fact(BESIDE_NEIGHBOUR, ratios, subject, against)]


@contextlib.contextmanager
def _spinning() -> Iterator[None]:
    """Let one process be busy meanwhile, with the priority of ours."""
    process = subprocess.Popen([sys.executable, "-c", SPIN], stdout=subprocess.PIPE)
    try:
        assert process.stdout and process.stdout.readline()  # it has begun
        yield
    finally:
        process.kill()
        process.wait()


def _fact(what, values: list[float], subject: str, details: dict) -> Record:
    return recording.of_rounds(
        what, values, subject=subject, details=details, command=COMMAND
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few tokens, not kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
