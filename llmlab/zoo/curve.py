"""How well a model does so far: bars on the terminal while it trains, a table after."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from torch import nn

from llmlab.core import progress

BARS = "▁▂▃▄▅▆▇█"
WIDEST = 40  # bars; of more values, every n-th
LATEST = 12  # bars while training: a line of 80 columns has no room for more
LONGEST = 24  # rows of a table, about; of more, every n-th

Evaluate = Callable[[nn.Module], dict[str, float]]


def sparkline(values: Sequence[float], *, low: float = 0.0, high: float = 1.0) -> str:
    """Return one bar per value: the lowest at `low` or below, the highest at `high`."""
    if not high > low:
        raise ValueError(f"high={high} must be above low={low}, or no bar fits.")
    every = -(-len(values) // WIDEST) or 1
    shown = values[::-1][::every][::-1]  # the last one stays
    places = [int((value - low) / (high - low) * len(BARS)) for value in shown]
    return "".join(BARS[min(max(place, 0), len(BARS) - 1)] for place in places)


@contextmanager
def live(
    evaluate: Evaluate, key: str, *, times: int, before: Sequence[float] = ()
) -> Iterator[Evaluate]:
    """Give an `evaluate` that also shows the curve of result `key`, a share.

    times: how often it will be called in all; before: values of an earlier start.
    """
    values = list(before)
    with progress.task(key.replace("_", " "), times) as tell:
        tell(len(values), note=sparkline(values[-LATEST:]))

        def shown(model: nn.Module) -> dict[str, float]:
            result = evaluate(model)
            values.append(result[key])
            tell(1, note=f"{result[key]:.3f} {sparkline(values[-LATEST:])}")
            return result

        yield shown


def table(log: Sequence[Mapping], results: Mapping[str, str]) -> list[str]:
    """Return a training's log as lines of a table: rate and loss where exams were.

    results: what of an exam is shown, and its format, such as ".3f".
    """
    exams = [row for row in log if all(key in row for key in results)]
    every = max(1, len(exams) // LONGEST)
    names = " | ".join(key.replace("_", " ") for key in results)
    lines = [f"| step | rate | training loss | {names} |"]
    lines.append("| ---: " * (3 + len(results)) + "|")
    for exam in exams[::-1][::every][::-1]:  # the last one stays
        before = [row for row in log if "loss" in row and row["step"] <= exam["step"]]
        if before:
            now = before[-1]
            cells = [f"{exam['step']:,}", f"{now['rate_factor']:.2f}"]
            cells += [f"{now['loss']:.4f}"]
            cells += [format(exam[key], how) for key, how in results.items()]
            lines.append("| " + " | ".join(cells) + " |")
    return lines
