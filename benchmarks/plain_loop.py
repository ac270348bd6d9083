"""The plain loop against transformers' generate, on shape M, on this machine.

One sequence, 128 tokens in, 128 out, and a prefill of 512; every call in the same
rounds, two threads, random weights of one checkpoint. The result goes to
llmlab/recorded/plain_loop.json, beside those of other machines. Takes about two minutes
on an idle machine.
"""

import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from llmlab import measure, models, show
from llmlab.core import machine, recording, records
from llmlab.core.quantities import LATENCY, SPEED_UP, THROUGHPUT
from llmlab.models import generation

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "llmlab" / "recorded" / "plain_loop.json"
COMMAND = "python benchmarks/plain_loop.py"
NEW = 128
KEPT = (LATENCY.name, THROUGHPUT.name, SPEED_UP.name)


def main() -> None:
    """Measure, show and keep."""
    machine.set_threads()
    with tempfile.TemporaryDirectory() as folder:
        models.save(models.random_model("M"), folder)
        theirs = {
            name: AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
            for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))
        }
        ours = {name: models.load(folder, dtype=name) for name in ("fp32", "bf16")}
    prompt = torch.randint(8192, (1, 128), generator=torch.Generator().manual_seed(0))
    decode = measure.speed(
        {
            "transformers fp32": lambda: _generate(theirs["fp32"], prompt),
            "transformers bf16": lambda: _generate(theirs["bf16"], prompt),
            "llmlab fp32": lambda: _stream(ours["fp32"], prompt),
            "llmlab bf16": lambda: _stream(ours["bf16"], prompt),
        },
        rounds=7,
        tokens=NEW,
    )
    long = torch.randint(8192, (1, 512), generator=torch.Generator().manual_seed(1))
    prefill = measure.speed(
        {
            "transformers fp32": lambda: _forward(theirs["fp32"], long),
            "transformers bf16": lambda: _forward(theirs["bf16"], long),
            "llmlab fp32": lambda: _prefill(ours["fp32"], long),
            "llmlab bf16": lambda: _prefill(ours["bf16"], long),
        },
        seconds=20,
        tokens=512,
    )
    facts = [*_kept(decode, "128 in, 128 out"), *_kept(prefill, "prefill of 512")]
    print(show.table(facts))
    print(*decode.verdicts, *prefill.verdicts, sep="\n")
    elsewhere = [
        fact for fact in records.load(OUT) if fact.machine != machine.describe().label
    ]
    records.save([*elsewhere, *facts], OUT)


def _generate(model, prompt) -> None:
    model.generate(prompt, max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False)


def _stream(model, prompt) -> list[int]:
    return list(generation.stream(model, prompt[0].tolist(), max_tokens=NEW))


@torch.inference_mode()
def _forward(model, tokens) -> None:
    model(tokens, use_cache=True, logits_to_keep=1)


def _prefill(model, tokens) -> int:
    return next(generation.stream(model, tokens[0].tolist(), max_tokens=1))


def _kept(speed, phase: str) -> list[records.Record]:
    return [
        recording.as_recorded(
            fact, COMMAND, details=dict(fact.details) | {"phase": phase}
        )
        for fact in speed.records()
        if fact.name in KEPT
    ]


if __name__ == "__main__":
    main()
