"""One product in several ways: small multiples by the number of tokens."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from llmlab.core import records
from llmlab.core.records import Record, quantity
from llmlab.quantization.quantities import PRODUCT_TIME
from llmlab.show import curves, scales, select, style


@style.by_the_rules
def products(result: Any, *, title: str = "One product, four ways") -> Figure:
    """Draw a panel for each number of tokens and a bar for each way, from 0.

    result: records "time of a product" with details["tokens"], the way as subject.
    ValueError: none of them.
    """
    panels = _panels(records.collect(result))
    if not panels:
        raise ValueError(
            f"result holds no {PRODUCT_TIME.name!r}; hand in what "
            "quantization.experiments.product_race returned."
        )
    count = max(map(len, panels.values()))
    height = 0.5 + len(panels) * (0.7 + 0.24 * count)
    fig = style.card(style.WIDTH, height, title=title)
    axes = fig.subplots(len(panels), 1, squeeze=False)
    for panel, (tokens, rows) in zip(axes.flat, panels.items(), strict=True):
        factor, word = scales.shared([each.value for each in rows], "s")
        for row, each in enumerate(rows):
            look = style.series(row)
            panel.barh(row, each.value / factor, height=0.62, color=look.color)
            curves.interval(panel, each, row, factor)
            end = each.value if each.high is None else each.high
            panel.annotate(each.value_text(), (end / factor, row), (5, 0),
                           va="center", textcoords="offset points",
                           fontsize=8.5)  # fmt: skip
        panel.set_yticks(range(len(rows)), [each.subject for each in rows])
        panel.set_ylim(len(rows) - 0.4, -0.6)
        panel.set_xlim(0, panel.get_xlim()[1] * 1.15)
        style.one_way(panel, "x")
        scales.name(panel.xaxis, "time", word, select.kinds(rows))
        style.panel_title(panel, _tokens(tokens))
    return fig


def products_alt(facts: Sequence[Record]) -> str:
    """Say for every number of tokens how each way compares with the first."""
    said = ["The time of one product."]
    for tokens, (first, *others) in _panels(facts).items():
        words = [
            f"{each.subject} {each.value_text()}, "
            f"{quantity(first.value / each.value, '×')} as fast"
            for each in others
        ]
        line = f"{_tokens(tokens)}: {first.subject} {first.value_text()}"
        said.append(f"{'; '.join([line, *words])}.")
    return " ".join(said)


def _panels(facts: Sequence[Record]) -> dict[int, list[Record]]:
    panels: dict[int, list[Record]] = {}
    for fact in select.by_quantity(facts, PRODUCT_TIME):
        panels.setdefault(select.detail(fact, "tokens"), []).append(fact)
    return panels


def _tokens(count: int) -> str:
    return "1 token, as in a decode step" if count == 1 else f"{count:,} tokens"
