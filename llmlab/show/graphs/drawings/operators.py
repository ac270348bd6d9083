"""A step as a row of operators: each is started before it computes."""

from llmlab.show import draw
from llmlab.show.draw import Span
from llmlab.show.draw.timelines import Timeline
from llmlab.show.figures import Picture

START = 0.35  # of every operator, whatever its size; lengths are invented
BYTES = {"norm": 0.7, "query": 2.3, "key": 1.5, "value": 1.5, "attend": 1.2,
         "output": 2.3}  # fmt: skip
FEW, MANY = 0.24, 1.1  # arithmetic of an operator with one token, and with many
STARTING, READING, COUNTING = draw.tint(1), draw.tint(0), draw.tint(2)
NAMES = 128  # pixels beside the lanes
END = 18.4


def starts() -> Picture:
    """Draw six operators in order, then by what they spend, with one and many."""
    first = _timeline("1 token", _in_order())
    pieces = (
        first,
        draw.space(0, 20),
        _timeline("the same, sorted", _sorted(FEW)),
        _timeline("many tokens", _sorted(MANY), axis=True),
        draw.legend(("starting it", STARTING), ("waiting for bytes", READING),
                    ("arithmetic", COUNTING)),
    )  # fmt: skip
    brackets = [
        draw.bracket(first.item(0, 3 * k), first.item(0, 3 * k + 2), label=name)
        for k, name in enumerate(BYTES)
    ]
    return draw.picture(
        draw.column(*pieces, gap=12),
        *brackets,
        title="Every operator is started before it computes",
        note="To start one takes about as long whatever its size. Fewer operators make "
        "the first part shorter, fewer bytes the second; neither changes the third.",
        alt=f"""Time lines, not to scale. In the first a step with 1 token runs
        {len(BYTES)} operators one after the other: {", ".join(BYTES)}. Each begins
        with the same time for starting it, then waits for its bytes and does very
        little arithmetic. Sorted by kind, starting all of them is a part, bytes are by
        far the longest one, arithmetic is a sliver. With many tokens starting and
        bytes are as long as before, but arithmetic has grown, so starting is a smaller
        share of the whole.""",
    )


def _timeline(name: str, spans: list[Span], *, axis: bool = False) -> Timeline:
    return draw.timeline(draw.lane(name, *spans), end=END, label_width=NAMES, axis=axis)


def _in_order() -> list[Span]:
    """Start, bytes and arithmetic of each operator in turn."""
    spans, now = [], 0.0
    for count in BYTES.values():
        for length, look in ((START, STARTING), (count, READING), (FEW, COUNTING)):
            spans.append(Span(now, now + length, look=look))
            now += length
    return spans


def _sorted(arithmetic: float) -> list[Span]:
    """The same in three parts, with so much arithmetic in each operator."""
    first = START * len(BYTES)
    second = first + sum(BYTES.values())
    third = second + arithmetic * len(BYTES)
    words = "arithmetic" if arithmetic == MANY else ""
    return [
        Span(0, first, "starting", STARTING),
        Span(first, second, "bytes", READING),
        Span(second, third, words, COUNTING),
    ]
