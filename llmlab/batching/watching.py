"""What an engine tells of itself: counters, and each step as it was."""

from dataclasses import dataclass, field

from llmlab.batching.plans import Plan


@dataclass
class Stats:
    """What an engine has done since it was made."""

    steps: int = 0
    calls: int = 0  # of the model
    computed: int = 0  # tokens, again after preemption
    written: int = 0
    preemptions: int = 0
    ended: int = 0


@dataclass(frozen=True)
class Step:
    """One step as it was: for a time line, or for a gauge."""

    start: float  # by the engine's clock
    end: float
    plan: Plan = field(repr=False)
    waiting: int
    running: int
    free_pages: int
