"""What JAX makes of a layer for a TPU, kept for machines without JAX.

    python benchmarks/tpu.py

It needs the extra jax, takes some seconds, and writes llmlab/recorded/tpu.json.
"""

import dataclasses
from pathlib import Path

from llmlab.core import records
from llmlab.hardware import experiments, tpu

OUT = Path(__file__).resolve().parents[1] / "llmlab" / "recorded" / "tpu.json"
COMMAND = "python benchmarks/tpu.py"


def main() -> None:
    """Try it and keep what was measured; what is counted stays an estimate."""
    tpu.version()  # says what is missing
    result = experiments.tpu()
    kept = []
    for fact in result.records():
        kind = "recorded" if fact.kind == "measured" else fact.kind
        kept.append(dataclasses.replace(fact, kind=kind, command=COMMAND))
    records.save(kept, OUT)
    print(result.said)


if __name__ == "__main__":
    main()
