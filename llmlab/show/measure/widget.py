"""Which bound rules a step, by model, format, batch, context; it runs no model."""

from collections.abc import Iterable, Sequence

from llmlab.core.records import HasRecords, Record
from llmlab.show import scales, select
from llmlab.show.figures import Picture, Place, quick_picture
from llmlab.show.measure.along_batch import regimes
from llmlab.show.measure.grid import Choice, grid
from llmlab.show.measure.phases import BOUNDS
from llmlab.show.widgets import Selectors


def bounds_widget(
    records: Iterable[Record] | HasRecords,
    *,
    by: Sequence[str] = ("model", "dtype", "batch", "context"),
    along: str = "batch",
    phase: str = "decode",
    title: str = "Time of a decode step: three bounds and what was measured",
) -> Selectors:
    """Return selectors that show this machine's bounds for a choice of details.

    records: "compute bound", "bandwidth bound", "overhead bound" and the measured time,
    in seconds, one of each for a combination; whatever is no bound counts as measured.
    by: the details to choose by, which every record has. along: the one that the
    figure runs along, a number. phase: records of another one, by details["phase"],
    are left out, as are records in other units than seconds.
    ValueError: no bounds, a missing detail, two records for one place, a value not
    above 0, an `along` that is not chosen by.
    """
    if along not in by:
        raise ValueError(f"along={along!r} is none of by={tuple(by)}; choose one.")
    records = select.of_unit(select.checked(records), "s")
    records = [
        record for record in records if record.details.get("phase", phase) == phase
    ]
    choices = grid(records, by)
    for value in choices.options(along):
        if isinstance(value, str) or value <= 0:
            raise ValueError(
                f"details[{along!r}] is {value!r}; the figure runs along a number "
                "above 0, so choose another detail as along."
            )
    limits = scales.room([record.value for record in choices.records])

    places: list[Place] = []  # one for all, since they share their limits

    def draw(choice: Choice) -> Picture | None:
        shown = choices.along(choice, along)
        if not select.by_quantity(shown, *BOUNDS):
            return None  # the line says so
        at = choice[along]
        fig = regimes(shown, along=along, at=at, limits=limits, title=title)
        return quick_picture(
            fig,
            alt=f"{title} by {along}. {choices.sentence(choice)}.",
            places=places,
        )

    options = {key: choices.options(key) for key in choices.keys}
    return Selectors(options, choices.first(), choices.sentence, draw)
