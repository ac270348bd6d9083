"""What pruning gains: sparse products by sparsity, and shapes by loss and time."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from llmlab.core.quantities import DECODE_SPEED_UP, PREFILL_SPEED_UP
from llmlab.core.records import Record
from llmlab.pruning.quantities import LOST, SPARSE_SPEED_UP
from llmlab.show import curves, scales, select, style
from llmlab.show.pruning.losses import ADDED, percent

PHASES = {"prefill": PREFILL_SPEED_UP, "decode": DECODE_SPEED_UP}


@style.by_the_rules
def products(
    result: Any, *, title: str = "From which sparsity on a sparse product pays"
) -> Figure:
    """Draw how many times as fast the sparse product is, by sparsity and tokens.

    result: records "sparse product, times as fast" with details["sparsity"]. Others
    are left alone. A line marks where both take as long.
    """
    facts = select.needed(result, SPARSE_SPEED_UP)
    select.positive(facts)
    fig, axes = style.canvas(title=title)
    for index, (name, curve) in enumerate(select.by_subject(facts).items()):
        curves.one(axes, style.series(index), name, curve, along="sparsity")
    axes.axhline(1, color=style.INK, linewidth=1, linestyle=":")
    axes.annotate("as fast as dense", (0.01, 1), (0, 4), fontsize=8.5,
                  xycoords=("axes fraction", "data"),
                  textcoords="offset points")  # fmt: skip
    axes.set_xscale("logit")
    shares = sorted({fact.details["sparsity"] for fact in facts})
    axes.set_xticks(shares, minor=False)
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_xlabel("sparsity of the weight (scale stretched towards 100 %)")
    scales.logarithmic(axes.yaxis, "times as fast", "×", select.kinds(facts))
    ends = [end for f in facts for end in (f.low, f.value, f.high) if end is not None]
    axes.set_ylim(*scales.room([1.0, *ends]))
    scales.fill_ticks(axes.yaxis)
    curves.legend(fig, axes)
    return fig


def products_alt(facts: Sequence[Record]) -> str:
    """Say for each number of tokens where the sparse product becomes the faster one."""
    said = ["How many times as fast a sparse product is as a dense one, by sparsity."]
    facts = select.by_quantity(facts, SPARSE_SPEED_UP)
    for name, curve in select.by_subject(facts).items():
        ordered = curves.ordered(curve, "sparsity")
        rows = [f"{f.value:.2g} at {f.details['sparsity']:.0%}" for f in ordered]
        faster = [f for f in ordered if f.low is not None and f.low > 1]
        crossing = (
            f"surely faster at {faster[0].details['sparsity']:.0%} first"
            if faster
            else "nowhere surely faster"
        )
        said.append(f"{name}: {', '.join(rows)}; {crossing}.")
    return " ".join(said)


@style.by_the_rules
def shapes(result: Any, *, title: str = "What each shape costs and gains") -> Figure:
    """Draw loss against speed for every shape, a panel for each phase.

    result: records "bits per byte added by pruning" and times as fast in prefill and
    decode, the shape as subject. Right and low is good; a line marks the dense model's
    speed.
    """
    facts = select.checked(result, "result")
    losses = {fact.subject: fact for fact in select.by_quantity(facts, LOST)}
    fig, axes = style.canvas(2, height=3.7, title=title, sharey=True)
    widest: list[float] = [1.0]
    for panel, (phase, quantity) in zip(axes, PHASES.items(), strict=True):
        speeds = [
            fact
            for fact in select.by_quantity(facts, quantity)
            if fact.subject in losses
        ]
        slowest = min(speeds, key=lambda fact: fact.value)
        for fact in speeds:
            look = style.series(list(losses).index(fact.subject))
            loss = losses[fact.subject]
            panel.errorbar(
                fact.value, loss.value, xerr=curves.error_bars([fact]),
                yerr=curves.error_bars([loss]), fmt=look.marker, color=look.color,
                markersize=7, elinewidth=1.2, capsize=2.5,
            )  # fmt: skip
            _label(panel, fact, loss.value, look.color, left=fact is slowest)
        widest += [end for f in speeds for end in (f.low, f.high) if end is not None]
        panel.axvline(1, color=style.INK, linewidth=1, linestyle=":")
        panel.axhline(0, color=style.QUIET, linewidth=1)
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
        panel.set_xlabel(f"times as fast as dense ({select.kinds(speeds)})")
        style.panel_title(panel, phase)
    for panel in axes:
        span = max(max(widest) - min(widest), 0.1)
        panel.set_xlim(min(widest) - 0.45 * span, max(widest) + 0.55 * span)  # names
    axes[0].set_ylabel(f"{ADDED} ({select.kinds(losses.values())})")
    return fig


def _label(panel: Axes, fact: Record, loss: float, color: str, *, left: bool) -> None:
    """Write the name of a shape beside its interval, at its left or right."""
    end = fact.low if left else fact.high
    panel.annotate(
        fact.subject, (end or fact.value, loss), (-5 if left else 5, 0),
        textcoords="offset points", ha="right" if left else "left", va="center",
        fontsize=8.5, color=color,
    )  # fmt: skip


def shapes_alt(facts: Sequence[Record]) -> str:
    """Say for every shape what it costs, and how fast it is in both phases."""
    said = ["Loss and speed of pruned models against the dense one."]
    for loss in select.by_quantity(facts, LOST):
        speeds = [
            f"{fact.value:.2f} times as fast in {phase}"
            for phase, quantity in PHASES.items()
            for fact in select.by_quantity(facts, quantity)
            if fact.subject == loss.subject
        ]
        said.append(f"{loss.subject}: {percent(loss.value)}, {', '.join(speeds)}.")
    return " ".join(said)
