"""A live curve: how well a model does so far, as one line of bars on the terminal."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from llmlab.core import progress

BARS = "▁▂▃▄▅▆▇█"
WIDEST = 40  # bars; of more values, every n-th

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
        tell(len(values), note=sparkline(values))

        def shown(model: nn.Module) -> dict[str, float]:
            result = evaluate(model)
            values.append(result[key])
            tell(1, note=f"{result[key]:.3f} {sparkline(values)}")
            return result

        yield shown
