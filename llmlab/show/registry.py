"""Which picture a result gets: one table, from quantities to a drawing and its words.

A lab registers its pictures in its room here. The picture that needs most of what a
result holds is taken; the words are made from the records, with the finding in them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from llmlab.core.quantities import Quantity
from llmlab.core.records import Record

Draw = Callable[..., Figure]  # result, title=… -> figure
Alt = Callable[[Sequence[Record]], str]


@dataclass(frozen=True)
class Kind:
    """One kind of result: what it must hold, how it is drawn and what is said of it."""

    needs: frozenset[str]  # names of quantities
    key: str | None  # a key that the details of some record must have
    draw: Draw
    alt: Alt

    def fits(self, records: Sequence[Record]) -> bool:
        """Say whether these records hold all that the picture needs."""
        if not self.needs <= {record.name for record in records}:
            return False
        return self.key is None or any(self.key in each.details for each in records)


_KINDS: list[Kind] = []


def register(
    *needs: Quantity | str, draw: Draw, alt: Alt, key: str | None = None
) -> None:
    """Let results that hold all these quantities be drawn so.

    draw: from a result, with `title=`, to a figure. alt: from its records to a text.
    key: of details, which some record must have. Raises ValueError for no quantity.
    """
    if not needs:
        raise ValueError("needs is empty; name a quantity that the picture shows.")
    _KINDS.append(Kind(frozenset(map(str, needs)), key, draw, alt))


def kind_of(records: Sequence[Record]) -> Kind:
    """Return the kind that needs most of these records; ValueError where none fits."""
    fitting = [kind for kind in _KINDS if kind.fits(records)]
    if not fitting:
        here = ", ".join(sorted({record.name for record in records})) or "nothing"
        raise ValueError(
            f"result holds {here}, for which there is no picture; draw one with "
            "matplotlib and give it with alt=…, or take show.table(result)."
        )
    return max(fitting, key=lambda kind: (len(kind.needs), kind.key is not None))
