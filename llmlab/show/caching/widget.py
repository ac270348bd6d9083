"""A page table over time: rows of pages, memory below, a slider over the steps.

It draws states that were recorded before: whose pages, and how many tokens.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from llmlab.show import style
from llmlab.show.draw import FADED, tint
from llmlab.show.figures import Picture, Place, quick_picture
from llmlab.show.widgets import Steps

SHARED = "////"
NULL = 0  # the page of zeros


@style.by_the_rules
def state(states: Any, step: int, *, title: str = "") -> Figure:
    """Draw the tables of one recorded step, and the memory below them."""
    now = states.states[step]
    names = states.requests
    fig = style.card(7.2, 1.5 + 0.42 * (len(names) + 1), title=title or now.said)
    axes = fig.subplots()
    for row, name in enumerate(names):
        color = names.index(name)
        pages, tokens = now.rows.get(name, ((), 0))
        for place, page in enumerate(pages):
            used = min(states.page_size, tokens - place * states.page_size)
            shared = now.owners(page) > 1
            _cell(axes, place, row, str(page), color, shared=shared)
            if used < states.page_size:  # the last page of a row
                _note(axes, place, row, f"{used} of {states.page_size}")
        if not pages:
            axes.text(0.1, row + 0.42, "no pages", va="center", color=style.QUIET,
                      fontsize=9)  # fmt: skip
    floor = len(names) + 0.6
    for page in range(states.pages):
        owners = [
            names.index(name) for name, (pages, _) in now.rows.items() if page in pages
        ]
        color = owners[0] if owners else None
        _cell(axes, page, floor, str(page), color, shared=len(owners) > 1,
              null=page == NULL)  # fmt: skip
    axes.set_xlim(-0.05, states.pages + 0.05)
    axes.set_ylim(floor + 1, -0.1)
    ticks = [*(row + 0.42 for row in range(len(names))), floor + 0.42]
    axes.set_yticks(ticks, [*names, "memory"])
    axes.set_xticks([])
    axes.grid(False)
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return fig


def _cell(
    axes: Axes, x: float, y: float, words: str, color: int | None, *,
    shared: bool = False, null: bool = False,
) -> None:  # fmt: skip
    """Draw a page: a free one dashed, a shared one hatched, the null page grey."""
    look = FADED if null else None if color is None else tint(color)
    axes.add_patch(
        Rectangle(
            (x + 0.04, y), 0.92, 0.84,
            facecolor=look.fill if look else style.CARD,
            edgecolor=look.edge if look else style.QUIET,
            linestyle="-" if look else (0, (4, 2)),
            hatch=SHARED if shared else "", linewidth=1.2,
        )
    )  # fmt: skip
    axes.text(
        x + 0.5, y + 0.42, words, ha="center", va="center", fontsize=9,
        bbox={"facecolor": look.fill, "edgecolor": "none", "pad": 1} if shared and look
        else None,
    )  # fmt: skip


def _note(axes: Axes, x: float, y: float, words: str) -> None:
    axes.text(x + 0.93, y + 0.8, words, ha="right", va="bottom", fontsize=7,
              color=style.QUIET)  # fmt: skip


def pages_widget(states: Any) -> Steps:
    """Return a slider over the steps of a small pool, with its page tables.

    states: what `caching.experiments.page_states` returned. ValueError: something else.
    """
    if not getattr(states, "states", None) or not hasattr(states, "page_size"):
        raise ValueError(
            f"states={states!r:.60} holds no recorded steps; hand in what "
            "caching.experiments.page_states returned."
        )
    places: list[Place] = []

    def draw(step: int) -> Picture:
        fig = state(states, step, title=f"Step {step}: pages of each text")
        return quick_picture(fig, alt=_alt(states, step), places=places)

    count = len(states.states)
    return Steps("step", range(count), count // 2, lambda n: _say(states, n), draw)


def _say(states: Any, step: int) -> str:
    """Say what a step did, and what is free and shared after it."""
    now = states.states[step]
    shared = sum(now.owners(page) > 1 for page in range(1, states.pages))
    free = len(now.free)
    word = "page" if free == 1 else "pages"
    return f"{now.said}; {free} {word} free, {shared} shared"


def _alt(states: Any, step: int) -> str:
    said = [
        f"{name}: {tokens} tokens in pages {', '.join(map(str, pages)) or 'none'}"
        for name, (pages, tokens) in states.states[step].rows.items()
    ]
    return f"Page tables. {_say(states, step)}. {'; '.join(said)}."
