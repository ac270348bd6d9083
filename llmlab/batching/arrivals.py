"""When requests come, and how long they are: seeded models of load.

Poisson arrivals know nothing of each other, as those of many users do. Gamma intervals
make them burstier or more even. Lengths are log-normal: many short, a few long.

Source: the load model of vLLM's serving benchmark (request rate, burstiness).
"""

import math

import numpy

from llmlab.core import arguments


def poisson(rate: float, seconds: float, seed: int = 0) -> list[float]:
    """Return the times of arrivals at `rate` a second, for so many seconds."""
    return gamma(rate, 1.0, seconds, seed)


def gamma(rate: float, burstiness: float, seconds: float, seed: int = 0) -> list[float]:
    """Return the times of arrivals whose intervals are gamma distributed.

    burstiness: the shape; 1 is Poisson, below 1 there are bursts, above 1 they come
    more evenly. Raises ValueError for what is not above 0.
    """
    rate = arguments.number("rate", rate, above=0, way="give requests a second")
    way = "choose 1 for Poisson, less for bursts"
    shape = arguments.number("burstiness", burstiness, above=0, way=way)
    seconds = arguments.number("seconds", seconds, above=0, way="give a duration")
    generator = numpy.random.default_rng(seed)
    times: list[float] = []
    now = generator.gamma(shape, 1 / (rate * shape))
    while now < seconds:
        times.append(float(now))
        now += generator.gamma(shape, 1 / (rate * shape))
    return times


def lengths(
    count: int, mean: float, *, most: int, variation: float = 1.0, seed: int = 0
) -> list[int]:
    """Return log-normal numbers of tokens, from 1 to `most`.

    variation: standard deviation over mean, before they are cut. Raises ValueError for
    numbers out of range.
    """
    count = arguments.whole("count", count, least=1)
    most = arguments.whole("most", most, least=1)
    mean = arguments.number("mean", mean, above=0, way="give tokens")
    variation = arguments.number("variation", variation, above=0, way="such as 1.0")
    spread = math.log1p(variation**2)
    drawn = numpy.random.default_rng(seed).lognormal(
        math.log(mean) - spread / 2, math.sqrt(spread), count
    )
    return [min(most, max(1, round(float(value)))) for value in drawn]
