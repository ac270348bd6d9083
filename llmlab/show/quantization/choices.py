"""Pictures of notebook 04b: which integers, and what each choice costs the answers.

weight_costs   the change of single weights against its cost, two of them marked
answer_errors  a layer's error of the answers by method, on text seen and not seen
error_powers   a layer's error by the power of its inputs' size
learning       a layer's error while it is trained, beside methods that do not train
parts          the loss of each part by bits, those that were chosen filled
drawings       the ideas behind the exercises, as `drawings_choices`
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from llmlab.core.records import Record
from llmlab.quantization.quantities import (
    ANSWER_ERROR,
    ERROR_BY_POWER,
    ERROR_BY_STEP,
    PART_LOSS,
)
from llmlab.show import scales, select, style
from llmlab.show.quantization import drawings_choices as drawings
from llmlab.show.quantization import looks
from llmlab.show.quantization.weight_costs import weight_costs, weight_costs_alt

__all__ = ["answer_errors", "drawings", "error_powers", "learning", "parts"]
__all__ += ["weight_costs", "weight_costs_alt"]

SEEN, UNSEEN = "seen", "unseen"
SHARE = "error: share of the answers' square"


@style.by_the_rules
def answer_errors(result: Any, *, title: str = "") -> Figure:
    """Draw a layer's error of the answers from 0, a row for each method.

    result: records ANSWER_ERROR.name with details["text"]: hollow on text that was
    seen, filled on text that was not. title: by default it names the layer, which is
    in the details. ValueError: none.
    """
    facts = select.needed(result, ANSWER_ERROR)
    layer = facts[0].details.get("layer", "a layer")
    groups = select.by_subject(facts)
    fig, axes = style.canvas(height=1.5 + 0.42 * len(groups))
    for row, (method, own) in enumerate(groups.items()):
        _pair(axes, row, looks.of_method(method, list(groups)), own)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(0, 1.12 * max(fact.value for fact in facts))
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    scales.name(axes.xaxis, SHARE, select.kinds(facts))
    style.one_way(axes, "x")
    axes.set_title(title or f"{layer}: error of the answers by method")
    for text in (SEEN, UNSEEN):
        axes.plot([], [], "o", color=style.QUIET, markerfacecolor=_face(text, None),
                  label=f"on text {_said(text)}")  # fmt: skip
    fig.legend(loc="outside lower left", ncols=2)
    return fig


def _pair(axes: Axes, row: int, look: style.SeriesStyle, own: Sequence[Record]) -> None:
    """Draw both errors of a method, the numbers beside them."""
    values = {fact.details["text"]: fact.value for fact in own}
    axes.plot([*values.values()], [row] * len(values), color=look.color, lw=1.2)
    for text, value in values.items():
        least = value == min(values.values()) and len(set(values.values())) > 1
        axes.plot(value, row, look.marker, color=look.color, markersize=8,
                  markerfacecolor=_face(text, look), linestyle="none")  # fmt: skip
        axes.annotate(
            f"{value:.2%}", (value, row), (-8 if least else 8, 0), va="center",
            ha="right" if least else "left", textcoords="offset points", fontsize=8.5,
        )  # fmt: skip


def _face(text: str, look: style.SeriesStyle | None) -> str:
    """Text that was seen is hollow, in every picture of this notebook."""
    filled = style.QUIET if look is None else look.color
    return style.CARD if text == SEEN else filled


def answer_errors_alt(records: Sequence[Record]) -> str:
    """Say the error of each method on both texts."""
    facts = select.by_quantity(records, ANSWER_ERROR)
    layer = facts[0].details.get("layer", "a layer")
    said = [f"Squared error of the answers of {layer}, as a share of their square."]
    for method, own in select.by_subject(facts).items():
        pairs = (f"{f.value:.2%} on text {_said(f.details['text'])}" for f in own)
        said.append(f"{method}: {', '.join(pairs)}.")
    return " ".join(said)


@style.by_the_rules
def error_powers(
    result: Any, *, title: str = "Scaled inputs: error by the power of their size"
) -> Figure:
    """Draw error over plain rounding by power, a curve for each layer.

    result: records ERROR_BY_POWER.name with details["power"], the layer as
    subject. ValueError: none of them.
    """
    facts = select.needed(result, ERROR_BY_POWER)
    fig, axes = style.canvas(height=3.7)
    for index, (name, own) in enumerate(select.by_subject(facts).items()):
        look = looks.other(index)
        x, y = [f.details["power"] for f in own], [f.value for f in own]
        axes.plot(
            x, y, color=look.color, linestyle=look.line, marker=look.marker,
            markersize=5, label=name,
        )  # fmt: skip
        least = min(own, key=lambda fact: fact.value)
        axes.plot(
            least.details["power"], least.value, "o", markersize=13,
            markeredgewidth=1.6, markerfacecolor="none", color=look.color,
        )  # fmt: skip
    axes.axhline(1, color=style.QUIET, linewidth=1)
    scales.name(axes.xaxis, "power of the mean magnitude; a ring marks the least error")
    scales.name(axes.yaxis, ERROR_BY_POWER.name, select.kinds(facts))
    axes.set_title(title)
    fig.legend(loc="outside lower left", ncols=3)
    return fig


def error_powers_alt(records: Sequence[Record]) -> str:
    """Say where each layer has its least error."""
    said = ["Error of the answers over that of plain rounding, by power."]
    facts = select.by_quantity(records, ERROR_BY_POWER)
    for name, own in select.by_subject(facts).items():
        least = min(own, key=lambda fact: fact.value)
        power = least.details["power"]
        said.append(f"{name}: least at power {power:g}, {least.value:.2f} times.")
    return " ".join(said)


@style.by_the_rules
def learning(
    result: Any, *, title: str = "One layer trained through the rounding"
) -> Figure:
    """Draw the error by step on both texts, and lines for methods without training.

    result: records "error while training" with details step and text, and "error of
    the answers" of other methods. ValueError: none of the first.
    """
    steps = select.needed(result, ERROR_BY_STEP)
    others = select.by_quantity(select.checked(result, "result"), ANSWER_ERROR)
    fig, axes = style.canvas(height=3.9)
    look = looks.of_method("training")
    for text in (SEEN, UNSEEN):
        own = [fact for fact in steps if fact.details["text"] == text]
        axes.plot(
            [f.details["step"] for f in own], [f.value for f in own], color=look.color,
            linestyle=look.line if text == SEEN else "-", marker=look.marker,
            markersize=4.5, markerfacecolor=_face(text, look),
            label=f"training, text {_said(text)}",
        )  # fmt: skip
    last = max(fact.details["step"] for fact in steps)
    drawn = [fact for fact in others if fact.subject != "training"]
    for fact in drawn:
        look = looks.of_method(fact.subject, [fact.subject])
        axes.plot(
            [0, last], [fact.value] * 2, color=look.color, linestyle=look.line,
            linewidth=1.4, label=f"{fact.subject}, text not seen",
        )  # fmt: skip
    scales.name(axes.xaxis, "step")
    values = [fact.value for fact in (*steps, *drawn)]
    _share(axes.yaxis, SHARE, values, steps)
    axes.set_title(title)
    fig.legend(loc="outside lower left", ncols=3)
    return fig


def learning_alt(records: Sequence[Record]) -> str:
    """Say where the training begins and ends, and what the other methods leave."""
    steps = select.by_quantity(records, ERROR_BY_STEP)
    said = ["Share of the answers' square that is error while a layer is trained."]
    for text in (SEEN, UNSEEN):
        own = [fact for fact in steps if fact.details["text"] == text]
        said.append(
            f"On text {_said(text)} from {own[0].value:.2%} to {own[-1].value:.2%} in "
            f"{own[-1].details['step']} steps."
        )
    for fact in select.by_quantity(records, ANSWER_ERROR):
        if fact.subject != "training":
            said.append(f"{fact.subject} leaves {fact.value:.2%} on text not seen.")
    return " ".join(said)


@style.by_the_rules
def parts(result: Any, *, title: str = "What each part loses, and its bits") -> Figure:
    """Draw the loss of each part by bits, a row for each part; chosen ones filled.

    result: records "error of the logits" with details bits and chosen. ValueError:
    none of them.
    """
    facts = select.needed(result, PART_LOSS)
    groups = select.by_subject(facts)
    choices = sorted({fact.details["bits"] for fact in facts})
    fig, axes = style.canvas(height=1.7 + 0.27 * len(groups))
    for row, own in enumerate(groups.values()):
        axes.plot([f.value for f in own], [row] * len(own), color=style.GRID, lw=1.5)
        for fact in own:
            look = looks.of_bits(fact.details["bits"], choices)
            axes.plot(
                fact.value, row, look.marker, color=look.color, markersize=8,
                markerfacecolor=look.color if fact.details["chosen"] else style.CARD,
            )  # fmt: skip
    for bits in choices:
        look = looks.of_bits(bits, choices)
        axes.plot([], [], look.marker, color=look.color, label=f"{bits} bits")
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    style.one_way(axes, "x")
    _share(axes.xaxis, "error: share of the logits' square; chosen bits are filled",
           [fact.value for fact in facts], facts)  # fmt: skip
    axes.set_title(title)
    fig.legend(loc="outside lower left", ncols=len(choices))
    return fig


def parts_alt(records: Sequence[Record]) -> str:
    """Say which bits were chosen for each part."""
    facts = select.by_quantity(records, PART_LOSS)
    chosen = [f"{f.subject} {f.details['bits']}" for f in facts if f.details["chosen"]]
    worst = max(facts, key=lambda fact: fact.value)
    return (
        f"Error of the logits by part and bits. Chosen bits: {', '.join(chosen)}. Most "
        f"is lost by {worst.subject} with {worst.details['bits']} bits: "
        f"{worst.value:.2%}."
    )


def _share(axis: Any, what: str, values: Sequence[float], facts: Sequence[Record]):
    """Make an axis of shares: in per cent, on a log scale."""
    scales.logarithmic(axis, what, "1", select.kinds(facts))
    is_x = axis.axis_name == "x"
    (axis.axes.set_xlim if is_x else axis.axes.set_ylim)(*scales.room(values))
    scales.fill_ticks(axis)
    axis.set_major_formatter(FuncFormatter(_percent))


def _percent(share: float, _=None) -> str:
    return f"{100 * share:g} %"


def _said(text: str) -> str:
    return {SEEN: "seen", UNSEEN: "not seen"}[text]
