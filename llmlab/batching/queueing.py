"""What queueing theory says of a server: waits from rates alone, estimated.

A server that is busy a share of the time (its load) lets requests wait, since they do
not come evenly; the wait grows as 1 / (1 - load) and without bound at a load of 1. The
spread of service times counts as much as their mean: a long answer holds up all behind.

rate: requests a second. Times are seconds. Sources: Little, 1961; Pollaczek, 1930, and
Khinchine, 1932; Kingman, 1961.
"""

from llmlab.batching.quantities import CAPACITY, IN_SYSTEM, QUEUE_WAIT
from llmlab.core import arguments, records
from llmlab.core.arguments import is_number, shown
from llmlab.core.records import Record


def mm1_wait(rate: float, service: float) -> Record:
    """Return the mean wait before service, Poisson arrivals, exponential services.

    service: mean. Raises ValueError where requests come as fast as they are served, or
    faster: then the queue grows without bound.
    """
    return mg1_wait(rate, service, service**2)


def mg1_wait(rate: float, mean: float, variance: float) -> Record:
    """Return the mean wait before service, Poisson arrivals, any services.

    rate E[S^2] / (2 (1 - load)), by Pollaczek and Khinchine. Errors as `mm1_wait`.
    """
    load = _load(rate, mean)
    if not is_number(variance) or variance < 0:
        raise ValueError(
            f"variance={shown(variance)} must be a number of at least 0; choose 0 "
            "where all services take the same time."
        )
    return _wait(rate, load, rate * (mean**2 + variance) / (2 * (1 - load)))


def kingman(
    rate: float, mean: float, *, arrivals: float = 1.0, services: float = 1.0
) -> Record:
    """Return about the mean wait before service, arrivals and services of any kind.

    arrivals, services: squared coefficients of variation (variance over squared mean)
    of the intervals and of the services. Exact for Poisson arrivals. Errors as above.
    """
    load = _load(rate, mean)
    spread = (arrivals + services) / 2
    return _wait(rate, load, load / (1 - load) * spread * mean)


def little(rate: float, wait: float) -> Record:
    """Return how many are in a system, of which each stays `wait` on average."""
    rate = arguments.number("rate", rate, above=0, way="give requests a second")
    if not is_number(wait) or wait < 0:
        raise ValueError(f"wait={shown(wait)} must be a number of seconds from 0 on.")
    value = rate * wait
    return records.make(IN_SYSTEM, value, kind="estimated", details={"rate": rate})


def saturation(service: float, *, servers: int = 1) -> Record:
    """Return the rate that a system can serve at most; its waits have no bound there.

    service: mean seconds of a request. servers: how many are served side by side.
    """
    service = arguments.number("service", service, above=0, way="give its mean")
    servers = arguments.whole("servers", servers, least=1)
    value = servers / service
    details = {"servers": servers}
    return records.make(CAPACITY, value, kind="estimated", details=details)


def _load(rate: float, mean: float) -> float:
    rate = arguments.number("rate", rate, above=0, way="give requests a second")
    mean = arguments.number("mean", mean, above=0, way="give the mean service time")
    if rate * mean >= 1:
        raise ValueError(
            f"rate={shown(rate)} is not below the capacity of {1 / mean:.4g} requests "
            "a second, so the queue grows without bound; choose a lower rate, or serve "
            "faster."
        )
    return rate * mean


def _wait(rate: float, load: float, value: float) -> Record:
    details = {"rate": rate, "load": load}
    return records.make(QUEUE_WAIT, value, kind="estimated", details=details)
