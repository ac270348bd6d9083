"""Rows of `gpu.py`: a budget of time, and a file that grows row by row."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from llmlab.core import machine, recording, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record

COMMAND = "python benchmarks/gpu.py"
LEAST = 1.0  # seconds that a row may have
ASIDE = {"note", "failed", "skipped"}  # details that tell no two rows apart


class LateError(Exception):
    """A row took longer than it may."""


class Budget:
    """Seconds that are left of those that a stage has."""

    def __init__(self, seconds: float):
        self.until = time.monotonic() + seconds

    def left(self) -> float:
        return self.until - time.monotonic()


class Rows:
    """Facts as they come: shown, and written if there is a file."""

    def __init__(self, path: Path | None, card: str, budget: Budget):
        self.path, self.card, self.budget = path, card, budget
        self.facts: list[Record] = []
        if path is not None and path.exists():
            self.facts = list(records.load(path))
        self.new = 0
        self.left_out: list[str] = []
        self.refused: list[str] = []

    def add(
        self, what: Quantity, value: float, subject: str,
        details: Mapping[str, Any] | None = None, *,
        low: float | None = None, high: float | None = None,
    ) -> None:  # fmt: skip
        """Keep a row in the place of the same one of this card; write the file."""
        fact = records.measured(
            what, value, subject=subject, details=details, low=low, high=high,
            machine=self.card,
        )  # fmt: skip
        made = recording.as_recorded(fact, COMMAND)
        self.facts = [fact for fact in self.facts if _key(fact) != _key(made)]
        self.facts.append(made)
        self.new += 1
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            records.save(self.facts, self.path)
        words = ", ".join(f"{key} {value}" for key, value in made.details.items())
        print(f"  {made.name}, {subject}: {made.text()}  [{words}]", flush=True)

    def attempt(self, what: str, seconds: float, record: Callable[[], None]) -> None:
        """Record some rows if their seconds are left; say why not otherwise.

        seconds: what they take as far as one knows; they are stopped after four times
        as many, and when nothing is left.
        """
        left = self.budget.left()
        if left < max(seconds, LEAST):
            self.left_out.append(what)
            return
        try:
            with _limit(min(left, 4 * seconds + 30)):
                record()
        except LateError:
            self.left_out.append(f"{what} (stopped: it took too long)")
        except (RuntimeError, ValueError, ImportError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            self.refused.append(f"{what}: {lines[0][:160]}")

    def say(self, sentence: str) -> None:
        """Keep a sentence about what cannot be here."""
        self.refused.append(sentence)

    def end(self, stage: str) -> str:
        """Say what a stage recorded, what did not fit, and what could not be."""
        lines = [f"{stage}: {self.new} rows, {self.budget.left():.0f} s left"]
        lines += [f"  did not fit: {what}" for what in self.left_out]
        lines += [f"  not here: {sentence}" for sentence in self.refused]
        return "\n".join(lines)


def label(device: torch.device) -> str:
    """Return card, driver and torch in one line; of a CPU what llmlab calls it."""
    if device.type == "cpu":
        return f"{machine.describe().label}, torch {torch.__version__}"
    name = torch.cuda.get_device_name(device)
    return f"{name}, driver {_driver()}, torch {torch.__version__}"


def _driver() -> str:
    try:
        import pynvml

        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
    except Exception:  # the package or the library is not there
        return "unknown"
    return version.decode() if isinstance(version, bytes) else str(version)


def _key(fact: Record) -> tuple:
    details = {key: value for key, value in fact.details.items() if key not in ASIDE}
    return fact.machine, fact.name, fact.subject, tuple(sorted(details.items()))


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise LateError in what runs longer; compiled code is heard at its end."""

    def stop(*_: object) -> None:
        raise LateError

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
