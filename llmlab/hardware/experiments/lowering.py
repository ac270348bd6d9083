"""The way to a TPU, tried as far as it goes on a machine that has none."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmlab.core import machine, recording, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.hardware import tpu as room
from llmlab.hardware import tpu_trial as trial
from llmlab.hardware.quantities import (
    TPU_BYTES,
    TPU_ERROR,
    TPU_FLOPS,
    TPU_LOWERED,
    TPU_TEXT,
)

FILE = "tpu"  # in llmlab/recorded
LAYER = "silu(x gate) * (x up)"
PATIENCE = 300  # seconds
SHAPES = " ".join("×".join(map(str, shape)) for shape in trial.SHAPES)


@dataclass(frozen=True)
class Tpu:
    """What a compiler for a TPU makes of a layer, and how far off the tiles are."""

    facts: tuple[Record, ...]
    is_recorded: bool

    @property
    def text(self) -> str:
        """The StableHLO of the layer."""
        return str(self.fact(TPU_TEXT).details["text"])

    @property
    def body(self) -> str:
        """The lines of its main function, without those that it calls."""
        lines = self.text.splitlines()
        start = next(n for n, line in enumerate(lines) if " @main(" in line)
        end = next(n for n, line in enumerate(lines[start:]) if line.strip() == "}")
        return "\n".join(line.strip() for line in lines[start : start + end + 1])

    @property
    def lowered(self) -> str:
        """The text for a TPU of a product in tiles; code in it is left out."""
        return str(self.fact(TPU_LOWERED).details["text"])

    @property
    def said(self) -> str:
        """What was tried and what was not, in whole sentences."""
        error, jax = self.fact(TPU_ERROR), self.fact(TPU_ERROR).details["jax"]
        date = (error.date or "")[:10]
        first = f"JAX {jax} ran here."
        if self.is_recorded:
            first = (
                f"jax is not installed here ({room.INSTALL} brings it), so this was "
                f"recorded with JAX {jax} on {date}."
            )
        calls = room.CALL in self.lowered
        held = f"holds {room.CALL}" if calls else f"does not hold {room.CALL}"
        return (
            f"{first} A product of {trial.SIZE} × {trial.SIZE} in tiles of "
            f"{trial.TILE}, interpreted on the processor, is off by {error.value:.1g} "
            "of its largest number. The same product was lowered for a TPU without "
            f"one: the text {held}. No TPU ran anything, so no time is given."
        )

    def fact(self, what: Quantity) -> Record:
        """Return the record of a quantity."""
        return next(fact for fact in self.facts if fact.name == what.name)

    def records(self) -> list[Record]:
        """Return error, texts and what XLA counts."""
        return list(self.facts)


def tpu() -> Tpu:
    """Try tiles, StableHLO and lowering in a process of its own.

    Without the extra `jax` it gives what was recorded, and `said` says so. Raises
    RuntimeError where JAX is there and fails, with its last line.
    """
    if not room.is_here():
        return Tpu(recording.shipped(FILE), True)
    return Tpu(_facts(_child()), False)


def _child() -> dict[str, Any]:
    threads = str(machine.threads())
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": threads}
    try:
        done = subprocess.run(
            [sys.executable, "-m", trial.__name__], capture_output=True, text=True,
            timeout=PATIENCE, env=environment,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise RuntimeError(f"the trial of JAX failed: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"the trial of JAX failed: {last}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _facts(tried: Mapping[str, Any]) -> tuple[Record, ...]:
    jax = {"jax": tried["jax"]}
    shaped = {"shapes": SHAPES} | jax
    tiles = f"{trial.SIZE} × {trial.SIZE} in tiles of {trial.TILE}"
    lines = len(tried["text"].strip().splitlines())
    more = len(tried["lowered"].strip().splitlines())
    return (
        records.measured(TPU_ERROR, tried["error"], subject=tiles,
                         details={"size": trial.SIZE, "tile": trial.TILE} | jax),
        records.measured(TPU_LOWERED, more, subject=tiles,
                         details={"text": tried["lowered"], "tile": trial.TILE} | jax),
        records.measured(TPU_TEXT, lines, subject=LAYER,
                         details={"text": tried["text"]} | shaped),
        records.make(TPU_FLOPS, tried["flops"], kind="estimated", subject=LAYER,
                     details=shaped),
        records.make(TPU_BYTES, tried["bytes"], kind="estimated", subject=LAYER,
                     details=shaped),
    )  # fmt: skip
