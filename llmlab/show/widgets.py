"""What one chooses, one line that says the answer, one figure: the body of a widget.

Choices are buttons, or a slider over steps; both are reached by the keyboard. The line
(CSS class `llmlab-widget-line`) is read out by screen readers; the figure is HTML with
alt text. Without a live kernel the representation shows line and figure.
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
INTERVAL = 700  # ms from step to step while a slider plays

Choice = dict[str, Any]


class Body(ipywidgets.VBox):
    """What is chosen with, a line that says the choice, and its picture.

    chosen: widgets that stand above the line. A class of its own says what is chosen
    (`choice`). A picture is drawn once: coming back to it costs nothing.
    """

    choice: Any

    def __init__(
        self,
        chosen: ipywidgets.Widget,
        say: Callable[[Any], str],
        draw: Callable[[Any], Picture | None],
    ):
        self._say, self._draw = say, draw
        self._drawn: dict[Any, str] = {}
        self.line, self.picture = ipywidgets.HTML(), ipywidgets.HTML()
        self.line.add_class(LINE)
        self.picture.add_class(PICTURE)
        super().__init__([chosen, self.line, self.picture])

    @property
    def text(self) -> str:
        """What the line says now."""
        return self._say(self.choice)

    def _show(self, change=None) -> None:
        role = 'role="status" aria-live="polite"'
        self.picture.value = STYLE + self._figure()
        # Last, so that who sees the line change has the figure too.
        self.line.value = f"<span {role}>{html.escape(self.text)}</span>"

    def _figure(self) -> str:
        choice = self.choice
        place = tuple(choice.values()) if isinstance(choice, dict) else choice
        if place not in self._drawn:
            picture = self._draw(choice)
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


class Selectors(Body):
    """A choice among things computed before.

    options: what can be chosen, by key; first: what is chosen at the start; say: the
    line of a choice; draw: its picture, or None where there is nothing to show.
    """

    def __init__(
        self,
        options: Mapping[str, Sequence[Any]],
        first: Choice,
        say: Callable[[Choice], str],
        draw: Callable[[Choice], Picture | None],
    ):
        self.selectors = {key: _buttons(key, options[key], first[key]) for key in first}
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        row = ipywidgets.Box(list(self.selectors.values()), layout=wrap)
        super().__init__(row, say, draw)
        for selector in self.selectors.values():
            selector.observe(self._show, names="value")
        self._show()

    @property
    def choice(self) -> Choice:
        """What is chosen now, by key."""
        return {key: selector.value for key, selector in self.selectors.items()}

    def _show(self, change=None) -> None:
        for selector in self.selectors.values():
            _mark(selector)
        super()._show()


class Steps(Body):
    """A slider over steps that were recorded before, and a button that plays them.

    name: what a step is called; steps: the first to the last; first: where it opens;
    say, draw: the line and the picture of a step.
    """

    def __init__(
        self,
        name: str,
        steps: range,
        first: int,
        say: Callable[[int], str],
        draw: Callable[[int], Picture],
    ):
        ends = {"min": steps[0], "max": steps[-1], "value": first}
        # One picture where the slider is let go, not one for all it passes.
        self.slider = ipywidgets.IntSlider(
            **ends, description=name, continuous_update=False,
            layout=ipywidgets.Layout(width="420px"),
        )  # fmt: skip
        self.play = ipywidgets.Play(**ends, interval=INTERVAL)
        ipywidgets.jslink((self.play, "value"), (self.slider, "value"))
        super().__init__(ipywidgets.HBox([self.play, self.slider]), say, draw)
        self.slider.observe(self._show, names="value")
        self._show()

    @property
    def choice(self) -> int:
        """The step that is shown now."""
        return self.slider.value


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
