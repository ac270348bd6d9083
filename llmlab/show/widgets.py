"""Selectors over records that were computed before; no widget runs a model.

A widget is boxes of ipywidgets 8: selectors that the keyboard reaches, one line of
text that says the answer (CSS class `llmlab-widget-line`, read out by screen readers)
and a figure as HTML. Without a live kernel its representation shows line and figure.
"""

import html
from collections.abc import Iterable, Sequence

import ipywidgets

from llmlab.core.records import Record
from llmlab.show import choose, plots, scales
from llmlab.show.grids import Grid, grid
from llmlab.show.pictures import figure

LINE = "llmlab-widget-line"
PICTURE = "llmlab-widget-figure"
SELECTOR = "llmlab-widget-selector"
# The dark theme's own sign for a chosen button is hard to see.
STYLE = (
    f"<style>.{SELECTOR} .mod-active {{font-weight:600;"
    "box-shadow:inset 0 0 0 2px var(--jp-brand-color1,#1976d2)}</style>"
)


class Bounds(ipywidgets.VBox):
    """Three bounds and the measured time of one choice; made by `bounds`."""

    def __init__(self, choices: Grid, along: str, title: str):
        self._grid, self._along, self._title = choices, along, title
        self._limits = scales.room([each.value for each in choices.records])
        self._pictures: dict[str, str] = {}
        self.selectors = {key: _selector(choices, key) for key in choices.keys}
        self.line, self.picture = ipywidgets.HTML(), ipywidgets.HTML()
        self.line.add_class(LINE)
        self.picture.add_class(PICTURE)
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        selectors = ipywidgets.Box(list(self.selectors.values()), layout=wrap)
        super().__init__([selectors, self.line, self.picture])
        for selector in self.selectors.values():
            selector.observe(self._show, names="value")
        self._show()

    @property
    def choice(self) -> dict[str, str | int | float]:
        """What is chosen now, by key."""
        return {key: selector.value for key, selector in self.selectors.items()}

    @property
    def text(self) -> str:
        """What the line says now."""
        return self._grid.sentence(self.choice)

    def _show(self, change=None) -> None:
        role = 'role="status" aria-live="polite"'
        self.picture.value = STYLE + self._drawn()
        # Last, so that who sees the line change has the figure too.
        self.line.value = f"<span {role}>{html.escape(self.text)}</span>"

    def _drawn(self) -> str:
        """Return the picture of the choice, drawn once: coming back costs nothing."""
        records = self._grid.along(self.choice, self._along)
        if not choose.named(records, *plots.BOUNDS):
            return ""  # the line says so
        if self.text not in self._pictures:
            fig = plots.regimes(
                records, along=self._along, at=self.choice[self._along],
                limits=self._limits, title=self._title,
            )  # fmt: skip
            alt = f"{self._title} by {self._along}. {self.text}."
            self._pictures[self.text] = figure(fig, alt=alt)._repr_html_()
        return self._pictures[self.text]

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        line = f"<p>{html.escape(self.text)}</p>"
        # Shown by nbconvert and on pages without a kernel; JupyterLab takes the widget.
        still = {"text/plain": self.text, "text/html": line + self._drawn()}
        return bundle | still


def bounds(
    records: Iterable[Record],
    *,
    by: Sequence[str] = ("model", "dtype", "batch", "context"),
    along: str = "batch",
    phase: str = "decode",
    title: str = "Time of a decode step: three bounds and what was measured",
) -> Bounds:
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
    records = choose.of_unit(choose.checked(records), "s")
    records = [each for each in records if each.details.get("phase", phase) == phase]
    choices = grid(records, by)
    for value in choices.options(along):
        if isinstance(value, str) or value <= 0:
            raise ValueError(
                f"details[{along!r}] is {value!r}; the figure runs along a number "
                "above 0, so choose another detail as along."
            )
    return Bounds(choices, along, title)


def _selector(choices: Grid, key: str) -> ipywidgets.ToggleButtons:
    """Return a row of buttons: Tab goes through them, Space chooses.

    In JupyterLab the arrow keys of a Dropdown move to the next cell instead.
    """
    selector = ipywidgets.ToggleButtons(
        options=[(_shown(value), value) for value in choices.options(key)],
        value=choices.first()[key],
        description=key,
        layout=ipywidgets.Layout(width="auto", margin="2px 16px 2px 0"),
        style={"description_width": "initial", "button_width": "auto"},
    )
    selector.add_class(SELECTOR)
    return selector


def _shown(value: str | int | float) -> str:
    return value if isinstance(value, str) else f"{value:,}"
