"""The peaks of this machine, measured once and kept in a file that says where and when.

Reading is a curve: a working set that fits a cache is read several times faster than
one that comes from main memory, and small models fit. How each is tried: `trials`.

A neighbour only makes peaks too low, and bounds too high. So they are measured on the
threads that find a core of their own, which have their own file; again as soon as
nobody else computes, where not even one did; and again when a call was faster than a
bound that follows from them.
"""

import contextlib
import datetime
import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from llmlab.core import atomic, clock, machine, progress, quantities, records
from llmlab.core.clock import Threads
from llmlab.core.numbers import finite
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import probes

VERSION = 3  # of the file
HERE = ("cpu", "simd", "device", "threads", "torch")  # what peaks depend on
SENSE = 0.7  # of the rate of a larger working set: less is an accident


@dataclass(frozen=True)
class Peaks:
    """Rates of one device, in FLOP/s, B/s and seconds, with where they come from."""

    cpu: str
    simd: str
    device: str  # "cpu", or the GPU's name
    threads: int
    torch: str
    date: str
    flops: Mapping[str, float]  # per format: "fp32" -> FLOP/s
    bandwidth: tuple[tuple[int, float], ...]  # working set in bytes, B/s; rising sizes
    operator_seconds: float  # of an operator on one number
    quiet: bool = True  # whether every thread had a core of its own meanwhile
    spared: int = 0  # threads that torch has besides, left to busy neighbours now
    vectors: Mapping[str, float] = field(default_factory=dict)  # format -> weights/s
    disturbed: tuple[int, ...] = ()  # working sets that a larger one was faster than

    def bandwidth_at(self, working_set: float) -> float:
        """Return B/s for a working set in bytes, between points in proportion (log)."""
        sizes, rates = zip(*self.bandwidth, strict=True)
        if working_set <= sizes[0]:
            return rates[0]
        for (small, fast), (large, slow) in zip(
            self.bandwidth, self.bandwidth[1:], strict=False
        ):
            if working_set <= large:
                part = math.log(working_set / small) / math.log(large / small)
                return fast ** (1 - part) * slow**part
        return rates[-1]

    def records(self) -> list[Record]:
        """Return every peak as a record; the bandwidths form a curve along "bytes"."""
        facts = [
            self._fact(quantities.PEAK, rate, name) for name, rate in self.flops.items()
        ]
        what = quantities.VECTOR_PRODUCT
        facts += [self._fact(what, rate, name) for name, rate in self.vectors.items()]
        facts += [
            self._fact(quantities.READ_BANDWIDTH, rate, self.device, size)
            for size, rate in self.bandwidth
        ]
        what = quantities.EMPTY_OPERATOR
        return [*facts, self._fact(what, self.operator_seconds, self.device)]

    def _fact(
        self, what: Quantity, value: float, subject: str, size: int | None = None
    ) -> Record:
        """Return one of them, of what was measured then; size: the working set."""
        details: dict[str, Any] = {} if size is None else {"bytes": size}
        if self.note:
            details["note"] = self.note
        return records.measured(
            what,
            value,
            subject=subject,
            details=details,
            machine=self.label,
            date=self.date,
        )

    @property
    def note(self) -> str:
        """Say what neighbours did to these peaks, "" if there were none."""
        if not self.quiet:
            return (
                "Other processes computed meanwhile, so these peaks may be too low; "
                "they are measured again once a core is free."
            )
        said = [Threads(self.threads, self.spared).note]
        if self.disturbed:
            sizes = ", ".join(f"{size / 1e6:.1f} MB" for size in self.disturbed)
            said.append(
                f"Reading {sizes} was disturbed, so the rate of a larger set stands "
                "there; again=True measures anew."
            )
        return " ".join(filter(None, said))

    @property
    def label(self) -> str:
        """One line that names what was measured."""
        own = [self.cpu, str(Threads(self.threads))]
        return ", ".join(own + [self.device] * (self.device != "cpu"))


def peaks(
    dtypes: Iterable[str | torch.dtype] = ("fp32", "bf16"),
    *,
    device: str | torch.device = "cpu",
    again: bool = False,
) -> Peaks:
    """Return this machine's peaks, from the cache or, after some ten seconds, measured.

    dtypes: formats whose arithmetic is wanted, also "int8". The cache holds for one
    CPU, instruction set, device, number of threads and torch version; a file that is
    damaged is measured again, as is what was measured beside a neighbour who has gone,
    and everything with again=True. What must be measured while neighbours keep cores
    busy is measured on the threads that they leave, and the records note it.
    Raises ValueError for an unknown format or device.
    """
    device = machine.device(device)
    names = _formats(dtypes)
    kept = None if again else _load(_here(device))
    if kept and kept.quiet and not _missing(names, kept):
        return kept
    with _given_way(device) as ran_on:
        here = _here(device)
        kept = None if again else _load(here)
        if kept and not kept.quiet and not ran_on.crowded:
            kept = None
        if kept is None or _missing(names, kept):
            kept = _measure(here, _missing(names, kept), device, kept)
            _save(kept)
    return replace(kept, spared=ran_on.spared)


def _missing(names: Iterable[str], kept: Peaks | None) -> list[str]:
    return [name for name in names if kept is None or name not in kept.flops]


def _given_way(device: torch.device) -> AbstractContextManager[Threads]:
    """Leave cores to neighbours; the peaks of a GPU are the same on fewer threads."""
    if device.type == "cpu":
        return clock.given_way()
    return contextlib.nullcontext(Threads(torch.get_num_threads()))


def _formats(dtypes: Iterable[str | torch.dtype]) -> list[str]:
    if isinstance(dtypes, str | bytes) or not isinstance(dtypes, Iterable):
        raise ValueError(
            f"dtypes={dtypes!r:.60} is no list of formats; such as ('fp32', 'bf16')."
        )
    return [_format(dtype) for dtype in dtypes]


def _format(dtype: str | torch.dtype) -> str:
    if dtype in ("int8", torch.int8):
        return "int8"
    return machine.dtype_name(machine.dtype(dtype))


def _here(device: torch.device) -> dict[str, str | int]:
    """Return what peaks depend on."""
    me = machine.describe()
    name = "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)
    values = (me.cpu, me.simd, name, torch.get_num_threads(), me.torch)
    return dict(zip(HERE, values, strict=True))


def _path(here: Mapping[str, object]) -> Path:
    """Return where peaks of this place are kept."""
    words = "-".join(str(each) for each in here.values())
    name = re.sub(r"[^A-Za-z0-9.]+", "-", words)
    return machine.cache_folder() / f"peaks-{name}.json"


def discard(date: str) -> bool:
    """Have the peaks of this date measured again when they are next asked for.

    Something was faster than they say is possible. Return whether they were kept.
    """
    discarded = False
    for path in machine.cache_folder().glob("peaks-*.json"):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if json.loads(path.read_text(encoding="utf-8")).get("date") == date:
                path.unlink()
                discarded = True
    return discarded


def _is_quiet() -> bool:
    """Say whether every thread that we may have finds a core of its own."""
    wished = torch.get_num_threads()
    return clock.free(wished) == wished


def _measure(here, names: Collection[str], device, kept: Peaks | None) -> Peaks:
    """Measure the missing formats, and the rest unless it is kept."""
    today = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    sets, quiet = () if kept else probes.working_sets(), _is_quiet()
    steps = len(names) + (0 if kept else len(sets) + 1)
    with progress.task("measuring this machine", steps) as step:
        flops = dict(kept.flops) if kept else {}
        vectors = dict(kept.vectors) if kept else {}
        for name in names:
            flops[name] = probes.arithmetic(name, device)
            if name != "int8":  # which has no product of one row
                vectors[name] = probes.vector(name, device)
            step(note=name)
        if kept:
            quiet = quiet and kept.quiet and _is_quiet()
            return replace(kept, flops=flops, vectors=vectors, date=today, quiet=quiet)
        rates: dict[int, float] = {}
        for size in reversed(sets):  # so that each has larger ones to be held against
            rates[size] = _reading(size, device, max(rates.values(), default=0.0))
            step(note=f"{size / 1e6:.1f} MB")
        nothing = probes.nothing(device)
        step(note="an empty operator")
    curve = _falling(rates)
    low = tuple(size for size, rate in curve if rates[size] < SENSE * rate)
    return Peaks(**here, date=today, flops=flops, bandwidth=curve, vectors=vectors,
                 operator_seconds=nothing, quiet=quiet and _is_quiet(),
                 disturbed=low)  # fmt: skip


def _reading(size: int, device: torch.device, larger: float) -> float:
    """Return the B/s of a working set, tried again where a larger one was faster."""
    rate = probes.reading(size, device)
    for _ in range(2):
        if rate >= SENSE * larger:
            break
        rate = max(rate, probes.reading(size, device))
    return rate


def _falling(rates: Mapping[int, float]) -> tuple[tuple[int, float], ...]:
    """Return the curve by rising sizes: what is smaller is read at least as fast.

    A smaller set could be read as a part of the larger one, so a lower rate says only
    that the try was disturbed.
    """
    curve, fastest = [], 0.0
    for size in sorted(rates, reverse=True):
        fastest = max(fastest, rates[size])
        curve.append((size, fastest))
    return tuple(reversed(curve))


def _load(here: Mapping[str, object]) -> Peaks | None:
    """Read what `_save` wrote; None if there is nothing, or nothing to trust."""
    try:
        document = json.loads(_path(here).read_text(encoding="utf-8"))
        if document.pop("version") != VERSION:
            return None
        flops = {str(k): finite(k, v) for k, v in document.pop("flops").items()}
        curve = tuple((int(size), rate) for size, rate in document.pop("bandwidth"))
        vectors = {str(k): finite(k, v) for k, v in document.pop("vectors").items()}
        low = tuple(int(size) for size in document.pop("disturbed"))
        found = Peaks(
            **document, flops=flops, bandwidth=curve, vectors=vectors, disturbed=low
        )
        rates = [found.operator_seconds, *dict(curve).values()]
        rates += [*flops.values(), *vectors.values()]
        good = all(finite("a peak", rate) > 0 for rate in rates)
        good = good and vectors.keys() == flops.keys() - {"int8"}
        good = good and curve == _falling(dict(curve)) and type(found.quiet) is bool
        datetime.datetime.fromisoformat(found.date)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    same = all(getattr(found, key) == each for key, each in here.items())
    sizes = tuple(size for size, _ in curve)
    return found if good and same and sizes == probes.working_sets() else None


def _save(found: Peaks) -> None:
    """Write the file; a cache that cannot be kept is no error."""
    document = {"version": VERSION} | asdict(found)
    del document["spared"]  # true now, and not of what was measured
    here = {key: document[key] for key in HERE}
    with contextlib.suppress(OSError):
        atomic.write(_path(here), json.dumps(document, indent=1) + "\n")
