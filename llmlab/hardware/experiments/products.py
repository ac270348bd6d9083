"""A product in tiles of growing size: what is loaded, and what that lets a chip do.

Loads are counted in a simulated fast memory that holds three tiles. The least time is
an estimate for numbers of 4 bytes, from this machine's peak and main memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmlab.caching.experiments import scoring
from llmlab.core import arguments, quantities, records
from llmlab.core.model import Cost
from llmlab.core.records import Record
from llmlab.hardware import tiling
from llmlab.hardware.quantities import (
    TILE_FEWER,
    TILE_LOADED,
    TILE_RATE,
    TILE_STORED,
    TILE_TIME,
)
from llmlab.measure import roofline

SIZE = 64  # rows and columns of both factors
TILES = (1, 2, 4, 8, 16, 32, 64)
MOST = 256  # of a size: tiles of one element are slow to count
WORD_BYTES = 4
COUNTED, FORMULA = "counted", "closed form"

TiledMatmul = Callable[[np.ndarray, np.ndarray, int, tiling.Scratch], Any]


@dataclass(frozen=True)
class Tiles:
    """By tile: elements loaded, the closed form, and the least time on this machine."""

    facts: tuple[Record, ...]
    said: str  # what the largest tile saves, and who limits it

    def fewer(self, tile: int) -> Record:
        """Return how many times fewer elements than the smallest tile loads."""
        return scoring.find(self.facts, TILE_FEWER.name, {"tile": tile})

    @property
    def larger(self) -> Record:
        """How many times fewer elements a memory of four times the words loads.

        Tiles of 16 against tiles of 8: three of them have to fit.
        """
        fewer = self.fewer(16).value / self.fewer(8).value
        return records.make(TILE_FEWER, fewer, kind="simulated", subject=COUNTED)

    def records(self) -> list[Record]:
        """Return counts, closed form, least time and rate of each tile, and roofs."""
        return list(self.facts)


def tiles(
    tiled_matmul: TiledMatmul, *, size: int = SIZE, tiles: Sequence[int] = TILES
) -> Tiles:
    """Multiply two matrices by the learner's tiles, in memories of three tiles each.

    tiled_matmul: (a, b, tile, memory) -> product. ValueError says at which tile the
    product is wrong, or what the memory refuses.
    """
    arguments.function("tiled_matmul", tiled_matmul, way="hand in yours of exercise 2")
    arguments.whole("size", size, least=1, most=MOST)
    way = "such as (1, 4, 16)"
    chosen = sorted(set(arguments.wholes("tiles", tiles, least=1, most=size, way=way)))
    rng = np.random.default_rng(11)
    a, b = rng.integers(-8, 9, (2, size, size))
    counts = {tile: _counted(tiled_matmul, a, b, tile) for tile in chosen}
    facts = []
    for tile, memory in counts.items():
        facts += _counts(memory, size, tile)
        fewer = counts[chosen[0]].loaded / max(1, memory.loaded)
        facts.append(
            records.make(TILE_FEWER, fewer, kind="simulated", subject=COUNTED,
                         details={"tile": tile})
        )  # fmt: skip
    peaks = roofline.peaks(("fp32",))
    limits = [_limit(memory, size, tile, peaks) for tile, memory in counts.items()]
    facts += [fact for pair in limits for fact in pair]
    facts += _roof(peaks)
    return Tiles(tuple(facts), _said(facts, [time for time, _ in limits]))


def _counted(
    tiled_matmul: TiledMatmul, a: np.ndarray, b: np.ndarray, tile: int
) -> tiling.Scratch:
    """Return the memory after a product, which must be exact."""
    memory = tiling.Scratch(3 * tile**2)
    try:
        product = tiled_matmul(a.copy(), b.copy(), tile, memory)
    except ValueError as error:  # the memory's
        raise ValueError(f"tiled_matmul at tile {tile}: {error}") from error
    right, got = a @ b, np.asarray(product)
    if got.shape != right.shape or got.dtype.kind not in "iuf":
        raise ValueError(
            f"tiled_matmul at tile {tile} gave {arguments.shown(product)}, where the "
            f"product is an array of {right.shape}; return all of it: out."
        )
    if wrong := np.argwhere(got != right).tolist():
        i, j = wrong[0]
        raise ValueError(
            f"tiled_matmul at tile {tile} gave {got[i, j]:g} in row {i}, column {j}, "
            f"where the product has {right[i, j]}; run the check of exercise 2."
        )
    return memory


def _counts(memory: tiling.Scratch, size: int, tile: int) -> list[Record]:
    loaded, stored = tiling.elements(size, size, size, tile)
    rows = (
        (TILE_LOADED, memory.loaded, "simulated", COUNTED),
        (TILE_STORED, memory.stored, "simulated", COUNTED),
        (TILE_LOADED, loaded, "estimated", FORMULA),
        (TILE_STORED, stored, "estimated", FORMULA),
    )
    return [
        records.make(what, value, kind=kind, subject=subject, details={"tile": tile})
        for what, value, kind, subject in rows
    ]


def _limit(
    memory: tiling.Scratch, size: int, tile: int, peaks: roofline.Peaks
) -> tuple[Record, Record]:
    """Return least time and rate with what was counted, estimated from the peaks."""
    cost = Cost(2 * size**3, WORD_BYTES * (memory.loaded + memory.stored))
    main, _ = peaks.bandwidth[-1]  # bytes that no cache holds
    bounds = roofline.bounds(cost, peaks=peaks, working_set=main)
    least = max(bounds, key=lambda bound: bound.value)
    time = records.make(
        TILE_TIME, least.value, kind="estimated", subject=COUNTED, machine=peaks.label,
        date=peaks.date, details={"tile": tile, "bound": least.name},
    )  # fmt: skip
    rate = records.make(
        TILE_RATE, cost.flops / least.value, kind="estimated", subject=COUNTED,
        machine=peaks.label, date=peaks.date,
        details={"tile": tile, "intensity": cost.intensity},
    )  # fmt: skip
    return time, rate


def _roof(peaks: roofline.Peaks) -> list[Record]:
    main, _ = peaks.bandwidth[-1]
    return [
        fact for fact in peaks.records()
        if (fact.name == quantities.PEAK.name and fact.subject == "fp32")
        or fact.details.get("bytes") == main
    ]  # fmt: skip


def _said(facts: Sequence[Record], times: Sequence[Record]) -> str:
    loaded = {
        fact.details["tile"]: fact.value for fact in facts
        if (fact.name, fact.subject) == (TILE_LOADED.name, COUNTED)
    }  # fmt: skip
    small, large = min(loaded), max(loaded)
    words = (
        f"Tile {large} loads {loaded[small] / max(1, loaded[large]):.3g} times fewer "
        f"elements than tile {small}: {loaded[large]:,.0f} instead of "
        f"{loaded[small]:,.0f}. {_compared(facts)}"
    )
    compute = quantities.COMPUTE_BOUND.name
    free = [each.details["tile"] for each in times if each.details["bound"] == compute]
    if not free:
        return f"{words} Memory limits every tile of them on this machine."
    return f"{words} From tile {min(free)} on arithmetic limits this machine."


def _compared(facts: Sequence[Record]) -> str:
    """Say whether loads and stores are those of the closed form."""
    names = (TILE_LOADED.name, TILE_STORED.name)
    sides: dict[str, dict[tuple[int, str], float]] = {COUNTED: {}, FORMULA: {}}
    for fact in facts:
        if fact.name in names:
            sides[fact.subject][fact.details["tile"], fact.name] = fact.value
    for (tile, name), right in sides[FORMULA].items():
        if (count := sides[COUNTED][tile, name]) != right:
            return (
                f"At tile {tile} {name} are {count:,.0f}, where the closed form has "
                f"{right:,.0f}."
            )
    return "All counts are those of the closed form."
