"""One place of a program: the label, and what a model gives to the likeliest tokens."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from llmlab.core.records import Record
from llmlab.distillation.quantities import TOKEN_SHARE
from llmlab.show import select, style
from llmlab.show.figures import Picture, Place, quick_picture
from llmlab.show.widgets import Choice, Selectors

KEYS = ("place", "temperature", "model")
ROOM = 1.3  # of the axis, for the numbers at the ends of the bars


@style.by_the_rules
def shares(
    result: Any, *, title: str = "One place: a label says one token, a teacher more"
) -> Figure:
    """Draw a panel for each temperature with a bar for each token.

    result: records "probability of a token" with details["temperature"], the token as
    subject, and in details["label"] the token that follows in the text.
    """
    facts = select.needed(result, TOKEN_SHARE)
    panels: dict[float, list[Record]] = {}
    for fact in facts:
        panels.setdefault(select.detail(fact, "temperature"), []).append(fact)
    names = [fact.subject for fact in next(iter(panels.values()))]
    fig, axes = style.canvas(
        len(panels), height=1.35 + 0.24 * len(names), title=title, squeeze=False,
        sharey=True,
    )  # fmt: skip
    most = max(fact.value for fact in facts)
    for panel, (temperature, rows) in zip(axes.flat, panels.items(), strict=True):
        label = names.index(select.detail(rows[0], "label"))
        values = [fact.value for fact in rows]
        _bars(panel, values, label, 0, 0.7)
        _axis(panel, most)
        others = 100 * (1 - sum(values))
        style.panel_title(panel, f"T = {temperature:g}, {others:.0f} % to all others")
    _rows(axes.flat[0], names)
    fig.supxlabel(
        f"probability by the teacher ({select.kinds(facts)}); hatched: the token that "
        "follows in the text", fontsize=9.5,
    )  # fmt: skip
    return fig


def _bars(
    panel: Axes, values: Sequence[float], label: int, series: int, height: float, *,
    shift: float = 0.0, name: str = "",
) -> None:  # fmt: skip
    look, places = style.series(series), [row + shift for row in range(len(values))]
    drawn = panel.barh(
        places, values, height, color=look.color, edgecolor=style.CARD, label=name
    )
    drawn[label].set_hatch("////")
    for place, value in zip(places, values, strict=True):
        panel.annotate(
            f"{100 * value:.{1 if value < 0.1 else 0}f} %", (value, place), (4, 0),
            va="center", textcoords="offset points", fontsize=8,
        )  # fmt: skip


def _axis(panel: Axes, most: float) -> None:
    panel.set_xlim(0, ROOM * max(most, 1e-3))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g} %"))
    panel.locator_params(axis="x", nbins=4)
    style.one_way(panel, "x")


def _rows(panel: Axes, names: Sequence[str]) -> None:
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0)


def shares_alt(facts: Sequence[Record]) -> str:
    """Say for every temperature what the likeliest tokens get."""
    said = []
    panels: dict[float, list[Record]] = {}
    for fact in select.by_quantity(facts, TOKEN_SHARE):
        panels.setdefault(fact.details["temperature"], []).append(fact)
    for temperature, rows in panels.items():
        most = [f"{fact.subject} {100 * fact.value:.1f} %" for fact in rows[:4]]
        said.append(f"At T = {temperature:g}: {', '.join(most)}.")
    label = next(iter(panels.values()))[0].details["label"]
    return (
        f"Probabilities of a teacher in one place, where {label} follows in the text. "
        + " ".join(said)
    )


@style.by_the_rules
def bars(place: Any, teacher: str, model: str, temperature: float) -> Figure:
    """Draw what a model gives to the tokens of one place; beside it the teacher."""
    names = list(place.tokens)
    label = names.index(place.label)
    fig = style.card(6.4, 4.3, title=f"… {place.before} ___")
    panel = fig.subplots()
    shown = [teacher] if model == teacher else [teacher, model]
    height = 0.72 / len(shown)
    most = 0.0
    for index, name in enumerate(shown):
        values = place.shares[name, temperature]
        shift = (index - (len(shown) - 1) / 2) * height
        _bars(panel, values, label, index, height, shift=shift, name=name)
        most = max(most, *values)
    _axis(panel, most)
    _rows(panel, names)
    panel.set_xlabel(f"probability at T = {temperature:g}; hatched: what follows")
    if len(shown) > 1:
        panel.legend(loc="lower right")
    return fig


def token_widget(tokens: Any) -> Selectors:
    """Return selectors of place, temperature and model, with the tokens of a place.

    tokens: what `distillation.experiments.one_token` returned. ValueError: something
    else.
    """
    places = getattr(tokens, "places", None)
    if not places or not hasattr(tokens, "temperatures"):
        raise ValueError(
            f"tokens={tokens!r:.60} holds no places; hand in what "
            "distillation.experiments.one_token returned."
        )
    by_name = {place.before: place for place in places}
    options = {
        "place": list(by_name),
        "temperature": list(tokens.temperatures),
        "model": list(tokens.models),
    }
    where: dict[bool, list[Place]] = {True: [], False: []}  # one series, or two

    def say(choice: Choice) -> str:
        place, temperature, model = (choice[key] for key in KEYS)
        one = by_name[place]
        shares = one.shares[model, temperature]
        best = max(range(len(shares)), key=shares.__getitem__)
        right = shares[one.tokens.index(one.label)]
        return (
            f"{one.label} follows. {model} at T = {temperature:g}: {one.tokens[best]} "
            f"{shares[best]:.1%}, {one.label} {right:.1%}, all tokens that are not "
            f"shown {1 - sum(shares):.1%}"
        )

    def draw(choice: Choice) -> Picture:
        place, temperature, model = (choice[key] for key in KEYS)
        fig = bars(by_name[place], tokens.teacher, model, temperature)
        places = where[model == tokens.teacher]
        return quick_picture(fig, alt=f"After {place}: {say(choice)}.", places=places)

    return Selectors(options, {key: options[key][0] for key in KEYS}, say, draw)
