"""The weights that stay in a part of one layer, by method and sparsity."""

from typing import Any

from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from llmlab.show import style
from llmlab.show.figures import Picture, quick_picture
from llmlab.show.widgets import Choice, Selectors

KEYS = ("method", "weights that go")
ENDS = ("least", "most")
FIRST = ("wanda", "50 %")  # where there is something to see
BY_NORM = "inputs, from the smallest norm to the largest"
NEIGHBOURS = "inputs, as they are in the matrix"


@style.by_the_rules
def mask(corner: Any, *, title: str, inputs: str = BY_NORM) -> Figure:
    """Draw a part of a mask, (rows, columns): dark where a weight stays.

    inputs: what the columns are, in words.
    """
    rows, columns = corner.shape
    fig = style.card(4.6, 4.9, title=title)
    axes = fig.subplots()
    colors = ListedColormap([style.CARD, style.series(0).color])
    axes.imshow(corner.numpy(), cmap=colors, vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel(f"{columns} {inputs}")
    axes.set_ylabel(f"the first {rows} outputs")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    return fig


def masks_widget(result: Any) -> Selectors:
    """Return selectors of method and sparsity that show which weights stay.

    result: what `pruning.experiments.masks` returned. ValueError: something else.
    """
    corners = getattr(result, "corners", None)
    if not corners:
        raise ValueError(
            f"result={result!r:.60} holds no masks; hand in what "
            "pruning.experiments.masks returned."
        )
    options = {
        key: list(dict.fromkeys(each[place] for each in corners))
        for place, key in enumerate(KEYS)
    }
    zeros = {fact.subject: fact.value for fact in result.facts}

    def chosen(choice: Choice) -> tuple[str, str]:
        return choice[KEYS[0]], choice[KEYS[1]]

    def say(choice: Choice) -> str:
        method, share = chosen(choice)
        corner = corners[method, share]
        stay = float(corner.float().mean())
        least, most = (
            zeros[f"{method}, {share}, {which} of an input"] for which in ENDS
        )
        return (
            f"{result.layer}, {method}, {share}: {stay:.0%} of these weights stay; the "
            f"inputs lose between {least:.0%} and {most:.0%} of their weights"
        )

    def draw(choice: Choice) -> Picture:
        method, share = chosen(choice)
        inputs = BY_NORM if share.endswith("%") else NEIGHBOURS
        title = "Dark: the weights that stay"
        fig = mask(corners[method, share], title=title, inputs=inputs)
        return quick_picture(fig, alt=f"Mask of weights. {say(choice)}.")

    first = FIRST if FIRST in corners else next(iter(corners))
    return Selectors(options, dict(zip(KEYS, first, strict=True)), say, draw)
