"""Energy: joules from a meter of this machine, or none at all.

Processors of Intel and AMD count the joules of each package; Linux shows the counters
under /sys/class/powercap, most often to the administrator alone, and virtual machines
hide them. NVIDIA's cards count theirs (NVML). Where there is no meter, there is no
number: what follows from watts that somebody states is called estimated.

RAPL: Intel's Software Developer's Manual, volume 3; Linux' power capping framework.
"""

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from llmlab.core import arguments, machine, records
from llmlab.core.records import Record
from llmlab.hardware.quantities import CALL_ENERGY

POWERCAP = "/sys/class/powercap"
SECONDS = 1.0  # that a call is repeated for: counters move about once a millisecond
JOULES_PER_KWH = 3.6e6
MILLION = 1e6


class Meter(Protocol):
    """What counts joules."""

    @property
    def name(self) -> str:
        """What it is called, and what it counts."""

    def read(self) -> tuple[int, ...]:
        """Return the counters now."""

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """Return the joules between two readings."""


@dataclass(frozen=True)
class Package:
    """A package domain of the power capping framework, in microjoules."""

    name: str  # "package-0"
    file: Path  # that counts
    turn: int  # at which the counter begins again


@dataclass(frozen=True)
class Packages:
    """The meter of a processor: all of its packages, memory and screen apart."""

    packages: tuple[Package, ...]
    name: str = "RAPL, all packages"

    def read(self) -> tuple[int, ...]:
        """Return the counters in microjoules; RuntimeError where one has vanished."""
        return tuple(_number(package.file) for package in self.packages)

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """Return the joules between two readings, at most one turn apart."""
        total = 0
        pairs = zip(self.packages, before, after, strict=True)
        for package, first, last in pairs:
            total += last - first + (package.turn if last < first else 0)
        return total / 1e6


@dataclass(frozen=True)
class Card:
    """The meter of an NVIDIA card."""

    nvml: Any
    handle: Any
    name: str

    def read(self) -> tuple[int, ...]:
        """Return the counter in millijoules, after what the card still computes."""
        torch.cuda.synchronize()
        return (self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle),)

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float:
        """Return the joules between two readings."""
        return (after[0] - before[0]) / 1e3


def meter(
    root: str | Path = POWERCAP, *, device: str | torch.device = "cpu"
) -> Meter | None:
    """Return the meter of this machine, or None where it has none: never a guess.

    root: folder of Linux' power capping framework, for the processor. device: "cuda"
    asks NVIDIA's card instead, by pynvml. Raises PermissionError, which names the file,
    where there is a meter that this user may not read.
    """
    if machine.device(device).type == "cuda":
        return _card()
    folder = Path(root)
    packages = [_package(zone) for zone in sorted(folder.glob("intel-rapl:*"))]
    present = tuple(package for package in packages if package is not None)
    return Packages(present) if present else None


def measure_joules(
    call: Callable[[], object], *, meter: Meter, seconds: float = SECONDS
) -> Record:
    """Return the joules of a call, measured: those of everything that ran meanwhile.

    The call is repeated for some seconds, which LLMLAB_TIME scales. A processor's
    counter begins again after minutes at full power, so seconds is at most 60. Raises
    RuntimeError where the meter stands still.
    """
    call = arguments.function("call", call, way="hand in a function of no arguments")
    _check_meter(meter)
    if arguments.number("seconds", seconds, above=0) > 60:
        raise ValueError(f"seconds={seconds} must be at most 60; choose fewer.")
    call()  # warm
    end, count = time.perf_counter() + seconds * machine.repetitions_scale(), 0
    before = meter.read()
    while not count or time.perf_counter() < end:
        call()
        count += 1
    joules = meter.joules(before, meter.read()) / count
    if joules <= 0:
        raise RuntimeError(
            f"The meter {meter.name} did not move in {count} calls, so it counts "
            "nothing here; nothing was measured."
        )
    return records.measured(
        CALL_ENERGY, joules, subject=meter.name, details={"calls": count}
    )


def estimated(watts: float, seconds: float) -> float:
    """Return the joules of some seconds at stated watts: an estimate, no more."""
    watts = arguments.number("watts", watts, above=0)
    return watts * arguments.number("seconds", seconds, above=0)


def per_million_tokens(joules_per_token: float) -> float:
    """Return the kilowatt-hours of a million tokens, as a bill counts them.

    3.6 joules a token are 1 kWh.
    """
    joules = arguments.number("joules_per_token", joules_per_token, above=0)
    return joules * MILLION / JOULES_PER_KWH


def cost(
    price_per_hour: float, tokens_per_second: float, *, busy: float = 1.0
) -> float:
    """Return the price of a million tokens on a machine that is paid by the hour.

    busy: share of the hour in which it writes tokens, above 0, at most 1.
    (0.10, 1000, busy=0.5) -> 0.0556. Raises ValueError for numbers out of range.
    """
    price = arguments.number("price_per_hour", price_per_hour, above=0)
    rate = arguments.number("tokens_per_second", tokens_per_second, above=0)
    if arguments.number("busy", busy, above=0) > 1:
        raise ValueError(
            f"busy={busy} must be at most 1, the whole hour; choose a share such as "
            "0.5."
        )
    return price / (3600 * rate * busy) * MILLION


def _package(zone: Path) -> Package | None:
    """Return the package of a zone; None for a part of one, such as its cores."""
    try:
        name = (zone / "name").read_text().strip()
    except OSError:
        return None
    if not name.startswith("package"):
        return None
    file = zone / "energy_uj"
    _number(file)  # the sentence comes before anything is measured
    return Package(name, file, _number(zone / "max_energy_range_uj"))


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except PermissionError:
        raise PermissionError(
            f"There is a meter, but {file} may be read by {_reader(file)} alone; ask "
            f"for it: sudo chmod a+r {file}. Until then nothing is measured."
        ) from None
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"The meter's file {file} cannot be read any more ({error}); nothing was "
            "measured."
        ) from None


def _reader(file: Path) -> str:
    try:
        return file.owner()
    except (OSError, KeyError, NotImplementedError):
        return "its owner"


def _card() -> Card | None:
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByIndex(torch.cuda.current_device())
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # no library, no driver, a card too old: NVMLError has no base
        return None
    return Card(nvml, handle, f"NVML, {torch.cuda.get_device_name()}")


def _check_meter(meter: object) -> None:
    if not callable(getattr(meter, "read", None)):
        raise ValueError(
            f"meter={meter!r:.60} counts nothing; hand in what energy.meter() returns, "
            "and where that is None, state watts instead: energy.estimated."
        )
