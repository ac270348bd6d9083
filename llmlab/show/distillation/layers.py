"""Which layer of a teacher each layer of a student is like: a table of shades."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llmlab.core.records import Record
from llmlab.distillation.quantities import RELATION
from llmlab.show import select, style
from llmlab.show.draw.looks import shade

Cells = Mapping[tuple[int, int], float]  # (teacher's layer, student's): difference


@style.by_the_rules
def relations(
    result: Any, *, title: str = "How far each layer's relations are from the teacher's"
) -> Figure:
    """Draw a panel for each student: its layers across, the teacher's down.

    result: records "difference of relations" with both layers in their details. The
    darker, the more alike; a frame marks the teacher's layer that is most alike.
    """
    facts = select.needed(result, RELATION)
    panels = {
        name: {
            (select.detail(f, "teacher layer"), select.detail(f, "student layer")):
            f.value for f in rows
        }
        for name, rows in select.by_subject(facts).items()
    }  # fmt: skip
    deep = 1 + max(row for cells in panels.values() for row, _ in cells)
    fig, axes = style.canvas(
        len(panels), height=1.5 + 0.42 * deep, title=title, squeeze=False, sharey=True
    )
    values = [fact.value for fact in facts]
    for panel, (name, cells) in zip(axes.flat, panels.items(), strict=True):
        _panel(panel, cells, deep, min(values), max(values))
        style.panel_title(panel, name.replace(" + ", "\n+ "))
    axes.flat[0].set_yticks(range(deep), [f"layer {at}" for at in range(deep)])
    axes.flat[0].set_ylabel("of the teacher")
    fig.supxlabel(
        f"layer of the student; differences in nats ({select.kinds(facts)}), framed: "
        "the nearest",
        fontsize=9.5,
    )
    return fig


def _panel(panel: Axes, cells: Cells, deep: int, least: float, most: float) -> None:
    wide = 1 + max(column for _, column in cells)
    image = numpy.ones((deep, wide, 3))
    for (row, column), value in cells.items():
        nearness = (numpy.log(most) - numpy.log(max(value, 1e-9))) / max(
            numpy.log(most) - numpy.log(max(least, 1e-9)), 1e-9
        )
        look = shade(0.9 * float(numpy.clip(nearness, 0, 1)))
        image[row, column] = [int(look.fill[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        panel.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8.5,
                   color=look.ink)  # fmt: skip
    panel.imshow(image, aspect="auto", interpolation="nearest")
    for column in range(wide):
        row = min(range(deep), key=lambda at: cells[at, column])
        panel.plot(
            [column - 0.46, column + 0.46, column + 0.46, column - 0.46, column - 0.46],
            [row - 0.44, row - 0.44, row + 0.44, row + 0.44, row - 0.44],
            color=style.series(1).color, linewidth=2,
        )  # fmt: skip
    panel.set_xticks(range(wide))
    panel.tick_params(length=0)
    panel.grid(False)
    panel.set_xlim(-0.5, wide - 0.5)
    panel.set_ylim(deep - 0.5, -0.5)


def relations_alt(facts: Sequence[Record]) -> str:
    """Say for every student's layer which one of the teacher it is most like."""
    said = ["How far the relations of each student's layers are from the teacher's."]
    for name, rows in select.by_subject(select.by_quantity(facts, RELATION)).items():
        by_layer: dict[int, list[Record]] = {}
        for fact in rows:
            by_layer.setdefault(fact.details["student layer"], []).append(fact)
        nearest = [
            (at, min(each, key=lambda fact: fact.value))
            for at, each in sorted(by_layer.items())
        ]
        words = [
            f"layer {at} is nearest to layer {best.details['teacher layer']} of the "
            f"teacher, at {best.value:.2f} nats"
            for at, best in nearest
        ]
        said.append(f"{name}: {'; '.join(words)}.")
    return " ".join(said)
