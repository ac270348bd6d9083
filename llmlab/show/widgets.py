"""Rows of buttons, one line that says the answer, one figure: the body of a widget.

The buttons are reached by the keyboard; the line (CSS class `llmlab-widget-line`) is
read out by screen readers; the figure is HTML with alt text. Without a live kernel the
representation shows line and figure.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets

from llmlab.show.figures import Picture

LINE = "llmlab-widget-line"
PICTURE = "llmlab-widget-figure"
SELECTOR = "llmlab-widget-selector"
# The dark theme's own sign for a chosen button is hard to see.
STYLE = (
    f"<style>.{SELECTOR} .mod-active {{font-weight:600;"
    "box-shadow:inset 0 0 0 2px var(--jp-brand-color1,#1976d2)}</style>"
)

Choice = dict[str, Any]


class Selectors(ipywidgets.VBox):
    """A choice among things computed before.

    options: what can be chosen, by key; first: what is chosen at the start; say: the
    line of a choice; draw: its picture, or None where there is nothing to show. A
    picture is drawn once: coming back to it costs nothing.
    """

    def __init__(
        self,
        options: Mapping[str, Sequence[Any]],
        first: Choice,
        say: Callable[[Choice], str],
        draw: Callable[[Choice], Picture | None],
    ):
        self._say, self._draw = say, draw
        self._drawn: dict[tuple, str] = {}
        self.selectors = {key: _buttons(key, options[key], first[key]) for key in first}
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
    def choice(self) -> Choice:
        """What is chosen now, by key."""
        return {key: selector.value for key, selector in self.selectors.items()}

    @property
    def text(self) -> str:
        """What the line says now."""
        return self._say(self.choice)

    def _show(self, change=None) -> None:
        role = 'role="status" aria-live="polite"'
        for selector in self.selectors.values():
            _mark(selector)
        self.picture.value = STYLE + self._figure()
        # Last, so that who sees the line change has the figure too.
        self.line.value = f"<span {role}>{html.escape(self.text)}</span>"

    def _figure(self) -> str:
        place = tuple(self.choice.values())
        if place not in self._drawn:
            picture = self._draw(self.choice)
            self._drawn[place] = "" if picture is None else picture._repr_html_()
        return self._drawn[place]

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        line = f"<p>{html.escape(self.text)}</p>"
        # Shown by nbconvert and on pages without a kernel; JupyterLab takes the widget.
        still = {"text/plain": self.text, "text/html": line + self._figure()}
        return bundle | still


def _buttons(key: str, options: Sequence[Any], first: Any) -> ipywidgets.ToggleButtons:
    """Return a row of buttons: Tab goes through them, Space chooses.

    In JupyterLab the arrow keys of a Dropdown move to the next cell instead.
    """
    selector = ipywidgets.ToggleButtons(
        options=[(_shown(value), value) for value in options],
        value=first,
        description=key,
        layout=ipywidgets.Layout(width="auto", margin="2px 16px 2px 0"),
        style={"description_width": "initial", "button_width": "auto"},
    )
    selector.add_class(SELECTOR)
    return selector


def _mark(selector: ipywidgets.ToggleButtons) -> None:
    """Tell a screen reader which button is chosen; ipywidgets sets no aria-pressed."""
    selector.tooltips = [
        "chosen" if value == selector.value else "" for _, value in selector.options
    ]


def _shown(value: str | int | float) -> str:
    return value if isinstance(value, str) else f"{value:,}"
