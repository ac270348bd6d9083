"""Formats against transformers' fp32 generate, on shape M, on this machine.

One sequence, 128 tokens in, 128 out; a prefill of 512; a decode step of 16 sequences.
Every call of a phase in the same rounds, two threads, random weights of one checkpoint:
speeds, not qualities. The result goes to llmlab/recorded/quantization_speed.json. Takes
about four minutes on an idle machine.
"""

import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from llmlab import models
from llmlab.command import formats
from llmlab.core import machine, recording, records

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "python benchmarks/quantization_speed.py"
WORDS = ("fp32", "bf16", "bf16-prepacked", "int8", "int8-dynamic", "int4-g32",
         "int4-g128")  # fmt: skip
NEW = 128


def main() -> None:
    """Measure, show and keep."""
    machine.set_threads()
    with tempfile.TemporaryDirectory() as folder:
        models.save(models.random_model("M"), folder)
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        theirs.eval()
        one, long = _tokens(128), _tokens(512)
        beside = {
            "decode": {"transformers fp32": lambda: _generate(theirs, one, NEW)},
            "prefill": {"transformers fp32": lambda: _forward(theirs, long)},
        }
        facts = formats.compare(folder, WORDS, new=NEW, beside=beside)
    print(formats.table(facts))
    kept = [recording.as_recorded(fact, COMMAND) for fact in facts]
    records.save(kept, ROOT / "llmlab/recorded/quantization_speed.json")


def _tokens(length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(8192, (1, length), generator=generator)


def _generate(model, prompt, new: int) -> None:
    model.generate(prompt, max_new_tokens=new, min_new_tokens=new, do_sample=False)


@torch.inference_mode()
def _forward(model, tokens) -> None:
    model(tokens, use_cache=True, logits_to_keep=1)


if __name__ == "__main__":
    main()
