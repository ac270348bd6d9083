"""What the doctor finds: one thing tried, how it went, and what helps."""

from collections.abc import Callable
from dataclasses import dataclass

from llmlab.core import progress

STATES = ("works", "slow", "missing", "broken")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    state: "works"; "slow" (right, but no gain); "missing" (an extra that is not here);
    "broken" (the labs need it).
    """

    what: str
    state: str
    said: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"state={self.state!r} is none of {', '.join(STATES)}.")


def attempt(what: str, probe: Callable[[], Finding], *, remedy: str) -> Finding:
    """Run one probe; whatever it raises makes the finding "broken"."""
    with progress.task(f"trying {what}"):
        try:
            return probe()
        except Exception as error:  # a probe runs what may be damaged in any way
            return Finding(what, "broken", reason(error), remedy)


def reason(error: BaseException) -> str:
    """Return the first line of an error, short enough for the report."""
    text = next(iter(str(error).strip().splitlines()), "")
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text if len(text) <= 100 else text[:99] + "…"
