"""How many tokens each row of a cache holds: the part that every cache has in common.

The lengths are a tensor, so that a compiled step stays one graph whatever they are.
Beside it stand two host numbers, so that nothing waits for a device: what all rows hold
where it is the same (`even`), and what the longest holds at most (`longest`).

Shapes: B rows (sequences), T new tokens.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from llmlab.core.arguments import is_whole

Counts = int | Sequence[int] | Tensor  # one number for all rows, or one each, (B,)


class RaggedCache(ABC):
    """Rows of tokens: they grow, take tokens back, leave and join.

    lengths: (B,) int64, what each row holds. A new tensor with each call: one that was
    kept says later what was held then.
    """

    can_rewind = True

    def __init__(
        self, batch: int, limit: int | None, *, device: torch.device | str = "cpu"
    ):
        """Start with empty rows; `limit` is the places of a row, None for no limit."""
        self.limit = limit
        self.lengths = torch.zeros(batch, dtype=torch.int64, device=device)
        self.even: int | None = 0
        self.longest = 0

    @property
    def start(self) -> int | Tensor:
        """Where the next token of each row stands: one number, or (B,)."""
        return self.lengths if self.even is None else self.even

    def reach(self, counts: Counts) -> int:
        """Return what the longest row holds with `counts` more, as `advance` has it."""
        if isinstance(counts, int):
            return self.longest + counts
        more = torch.as_tensor(counts, device=self.lengths.device)
        return int((self.lengths + more).max())

    def room(self, tokens: int) -> int:
        """Return what the longest row reaches with T more; ValueError: beyond `limit`.

        Under `torch.compile` the bound of rows of unequal length may be some too high;
        otherwise it is exact.
        """
        reach = self.longest + tokens
        if self.limit is None or reach <= self.limit:
            return reach
        if self.even is None and not torch.compiler.is_compiling():
            self._hold(self.lengths)  # the bound may have been too high
            reach = self.longest + tokens
            if reach <= self.limit:
                return reach
        raise ValueError(
            f"{tokens} more tokens make {reach}, and this cache holds {self.limit}; "
            f"make it with new_cache(batch, length={reach})."
        )

    def advance(self, counts: Counts, *, most: int | None = None) -> None:
        """Count more tokens as held. most: of any row, where `counts` is a tensor.

        Called at the very end of a model's call: half a step does not count.
        """
        if isinstance(counts, int):
            # Stored in one line without a call, where Python hears no Ctrl-C.
            lengths, longest = self.lengths + counts, self.longest + counts
            even = None if self.even is None else self.even + counts
            self.lengths, self.longest, self.even = lengths, longest, even
            return
        more = torch.as_tensor(counts, device=self.lengths.device)
        if torch.compiler.is_compiling() and most is not None:
            self.lengths, self.even = self.lengths + more, None
            self.longest += most
        else:
            self._hold(self.lengths + more)

    def rewind(self, lengths: Counts) -> None:
        """Take tokens back, until the rows hold only their first `lengths`.

        Raises ValueError for more than a row holds, and where tokens cannot be taken
        back one by one (`can_rewind`), for anything but 0 and all that it holds.
        """
        held = self.lengths.tolist()
        wanted = self._listed(lengths, "lengths")
        for row, (new, old) in enumerate(zip(wanted, held, strict=True)):
            if not 0 <= new <= old:
                raise ValueError(
                    f"lengths[{row}]={new} after {old} tokens: a row can only take "
                    f"tokens back; choose 0 to {old}, the model alone adds more."
                )
            if not self.can_rewind and new not in (0, old):
                raise ValueError(
                    f"lengths[{row}]={new} after {old} tokens: what this model "
                    "remembers cannot give tokens back; rewind the row to 0 and read "
                    "its text again."
                )
        if wanted != held:
            self._forget(wanted, held)
            self._hold(torch.tensor(wanted, device=self.lengths.device))

    def select(self, rows: Sequence[int] | Tensor) -> Self:
        """Return a cache of these rows, in this order; one may come more than once.

        This one stays as it is. Raises ValueError for no rows and for one it lacks.
        """
        wanted, batch = _whole_numbers(rows), len(self.lengths)
        if not wanted or not all(0 <= row < batch for row in wanted):
            raise ValueError(
                f"rows={rows!r} are not rows of this cache; choose one or more of 0 to "
                f"{batch - 1}."
            )
        index = torch.tensor(wanted, device=self.lengths.device)
        new = copy.copy(self)
        with torch.no_grad():
            new._hold(self.lengths[index])
            new._take(self, index)
        return new

    def join(self, other: Self) -> Self:
        """Return a cache of the rows of both, those of `other` behind these.

        Both stay as they are; its limit is the higher one. Raises ValueError for a
        cache of another form, such as another model's.
        """
        mine, theirs = (
            self._form(),
            other._form() if isinstance(other, RaggedCache) else None,
        )
        if theirs != mine:
            raise ValueError(
                f"other has the form {theirs}, and this cache {mine}; join caches that "
                "one model made."
            )
        new = copy.copy(self)
        limits = [cache.limit for cache in (self, other) if cache.limit is not None]
        new.limit = max(limits) if len(limits) == 2 else None
        with torch.no_grad():
            new._hold(torch.cat((self.lengths, other.lengths)))
            new._put(self, other)
        return new

    def _hold(self, lengths: Tensor) -> None:
        """Set what is held, and the host's numbers with it."""
        counts = lengths.tolist()
        longest = max(counts)
        even = longest if min(counts) == longest else None
        self.lengths, self.longest, self.even = lengths, longest, even

    def _listed(self, counts: Counts, name: str) -> list[int]:
        """Return one number a row; ValueError where they are none."""
        batch = len(self.lengths)
        if is_whole(counts):
            return [int(counts)] * batch
        listed = _whole_numbers(counts)
        if listed is None or len(listed) != batch:
            raise ValueError(
                f"{name}={counts!r} is not one whole number for each of {batch} rows; "
                "give a number for all of them, a list, or a tensor (B,)."
            )
        return listed

    @abstractmethod
    def _form(self) -> tuple:
        """Return what caches that can be joined have in common."""

    @abstractmethod
    def _forget(self, wanted: list[int], held: list[int]) -> None:
        """Clean what lies behind the wanted lengths; the rows still hold `held`."""

    @abstractmethod
    def _take(self, old: Self, index: Tensor) -> None:
        """Become the rows `index` of `old`; lengths are set already."""

    @abstractmethod
    def _put(self, one: Self, other: Self) -> None:
        """Become the rows of both; lengths and limit are set already."""


def check_size(batch: int, length: int) -> None:
    """Raise ValueError for a cache that holds nothing."""
    if batch < 1 or length < 1:
        raise ValueError(
            f"batch={batch}, length={length}: a cache holds at least one token of one "
            "sequence; choose batch >= 1 and length >= 1."
        )


def counts_of(
    counts: Sequence[int] | Tensor | None,
    tokens: Tensor,
    cache: RaggedCache | None,
    *,
    verb: str,
) -> Counts:
    """Return how many of the new tokens (B, T) are real: T, or what each row says.

    verb: what this model does with its cache. Raises ValueError for counts that are not
    one number a row from 0 to T, for a cache of another number of rows, and for one of
    another kind of model.
    """
    batch, most = tokens.shape
    if cache is not None and not hasattr(cache, verb):
        raise ValueError(
            f"cache is a {type(cache).__name__}, which another kind of model reads "
            f"with; make it with this model's new_cache({batch}, length)."
        )
    if cache is not None and len(cache.lengths) != batch:
        raise ValueError(
            f"tokens have {batch} rows and the cache {len(cache.lengths)}; make it "
            f"with new_cache({batch}, length), or select and join its rows."
        )
    if counts is None or torch.compiler.is_compiling():
        return most if counts is None else counts
    listed = _whole_numbers(counts)
    if not listed or len(listed) != batch or not all(0 <= n <= most for n in listed):
        raise ValueError(
            f"counts={counts!r} beside {batch} rows of {most} tokens; give one whole "
            f"number from 0 to {most} for each row, or None where all are real."
        )
    return most if min(listed) == most else listed


def _whole_numbers(values: object) -> list[int] | None:
    """Return whole numbers as a list, None where they are anything else."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str) or not isinstance(values, Sequence):
        return None
    return [int(n) for n in values] if all(map(is_whole, values)) else None
