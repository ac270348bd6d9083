"""`llmlab doctor`: try every fast path once and say what this machine really does.

Versions say what should work; this runs it, compares the answer with float64 and the
time with fp32, and names what is missing and how to get it. The exit status is 1 when
something that the labs need does not work, 0 when only extras are missing.
"""

import argparse
import importlib
from collections.abc import Iterator

from llmlab.command import terminal
from llmlab.command.doctor.finding import Finding
from llmlab.core import faces

ROOMS = {  # heading -> module with `probes()`, in the order of the report
    "This machine": "machine",
    "Arithmetic": "kernels",
    "Quantized layers": "quantized",
    "Native calls": "native",
    "The course": "course",
}
MARKS = {  # state -> mark, colour
    "works": ("✓", "green"),
    "slow": ("~", "yellow"),
    "missing": ("–", "yellow"),
    "broken": ("✗", "red"),
}


def run(options: argparse.Namespace) -> int:
    """Print what was found, room by room; 1 when the labs cannot run here."""
    broken = 0
    for heading, findings in examine():
        print(terminal.paint(heading, "bold"))
        for finding in findings:
            broken += finding.state == "broken"
            _print(finding)
        print(flush=True)
    if broken:
        print(f"{broken} of these the labs need: mend what is marked ✗.")
    else:
        print("Everything that the labs need works here.")
    return 1 if broken else 0


def examine() -> Iterator[tuple[str, Iterator[Finding]]]:
    """Yield each room's heading with its findings, which are made while being read."""
    for heading, name in ROOMS.items():
        room = importlib.import_module(f"llmlab.command.doctor.{name}")
        yield heading, room.probes()


def _print(finding: Finding) -> None:
    mark, colour = MARKS[finding.state]
    line = f"  {terminal.paint(mark, colour)} {finding.what:<26} {finding.said}"
    print(line, flush=True)
    if finding.remedy:
        print(f"    {'':<26} → {finding.remedy}", flush=True)


__all__ = ["MARKS", "ROOMS", "Finding", "examine", "run"]

__getattr__, __dir__ = faces.of(__name__, __all__)
