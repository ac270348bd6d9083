"""What was recorded on a GPU; nothing of it is measured where a lab runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmlab.core import recording, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.hardware.quantities import (
    GPU_ATTENTION,
    GPU_BANDWIDTH,
    GPU_BUILT,
    GPU_CHUNKS,
    GPU_ENERGY,
    GPU_KERNELS,
    GPU_LAUNCHES,
    GPU_LINEAR,
    GPU_PEAK,
    GPU_PREFILL,
    GPU_ROWS,
    GPU_SAME,
    GPU_SHARE,
    GPU_STEP,
    GPU_TESTS,
)

FILE = "gpu"  # in llmlab/recorded
COMMAND = "python benchmarks/gpu.py"
STAGES = {  # in the order in which they are recorded
    "hardware": (GPU_PEAK, GPU_BANDWIDTH, GPU_LINEAR, GPU_ATTENTION, GPU_CHUNKS),
    "graphs": (
        GPU_STEP, GPU_SHARE, GPU_SAME, GPU_LAUNCHES, GPU_KERNELS, GPU_BUILT,
        GPU_PREFILL, GPU_ENERGY,
    ),
    "cuda": (GPU_TESTS,),
}  # fmt: skip
NOTHING = (
    "Nothing has been recorded on a GPU yet. To record one, run this on a machine with "
    f"an NVIDIA GPU, in a checkout of llmlab; it takes nine minutes at most: {COMMAND}"
)
ELSEWHERE = (
    "These rows ran on another machine and say nothing about yours; to record them on "
    f"a GPU of yours: {COMMAND}"
)


@dataclass(frozen=True)
class Gpu:
    """Rows by stage, of all the cards that were recorded."""

    rows: tuple[Record, ...]

    @property
    def said(self) -> str:
        """Which card gave the rows and when, or that nobody has recorded any."""
        if not self.rows:
            return NOTHING
        said = []
        for card in dict.fromkeys(fact.machine for fact in self.rows):
            here = [fact for fact in self.rows if fact.machine == card]
            dates = sorted((fact.date or "")[:10] for fact in here)
            days = " to ".join(dict.fromkeys((dates[0], dates[-1])))
            counts = ", ".join(
                f"{len(of_stage(here, stage))} of {stage}"
                for stage in STAGES
                if of_stage(here, stage)
            )
            said.append(f"Recorded on {card}, {days}: rows {counts}.")
        return " ".join([*said, ELSEWHERE])

    def stage(self, name: str) -> list[Record]:
        """Return the rows of a stage; ValueError for a stage that is none."""
        return of_stage(self.rows, name)

    def select(self, what: Quantity) -> list[Record]:
        """Return the rows of one quantity."""
        return [fact for fact in self.rows if fact.name == what.name]

    def records(self) -> list[Record]:
        """Return how many rows there are, with the sentence, then the rows."""
        details = {"note": self.said}
        if stages := [stage for stage in STAGES if self.stage(stage)]:
            details["stages"] = ", ".join(stages)
        counted = records.make(
            GPU_ROWS, len(self.rows), kind="recorded", details=details
        )
        return [counted, *self.rows]


def gpu(*, file: str | Path | None = None) -> Gpu:
    """Return what was recorded on a GPU: the rows that ship, or those of a file.

    file: one that `benchmarks/gpu.py --out FILE` has written. Rows of other quantities
    are left out. Raises ValueError for a file that holds no records.
    """
    facts = recording.shipped(FILE) if file is None else records.load(file)
    known = {what.name for stage in STAGES.values() for what in stage}
    return Gpu(tuple(fact for fact in facts if fact.name in known))


def of_stage(rows: Sequence[Record], name: str) -> list[Record]:
    """Return the rows of a stage; ValueError for a stage that is none."""
    if name not in STAGES:
        raise ValueError(f"stage={name!r} is none of {', '.join(STAGES)}.")
    names = {what.name for what in STAGES[name]}
    return [fact for fact in rows if fact.name in names]
