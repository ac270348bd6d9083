"""What a time line is made of: spans in lanes, bands and moments through them."""

from dataclasses import dataclass

from llmlab.show.draw.extents import Extent
from llmlab.show.draw.looks import FILLED, Look


@dataclass(frozen=True)
class Span:
    """Work from one time to another, its label inside."""

    start: float
    end: float
    label: str = ""
    look: Look = FILLED


@dataclass(frozen=True)
class Band:
    """A stretch of time behind all lanes, named above them."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Moment:
    """A dashed line through all lanes, named above them."""

    time: float
    label: str


@dataclass(frozen=True)
class Lane:
    """What happens at one place, in order of time."""

    label: str
    items: tuple[Span | Extent, ...]

    @property
    def works(self) -> bool:
        return any(isinstance(each, Span) for each in self.items)


def lane(label: str, *items: Span | Extent) -> Lane:
    """Return a lane with its spans, and the extents that measure those above it."""
    return Lane(label, items)
