"""How long a request waits, and what a step of it cannot be shorter than."""

from llmlab.core.quantities import STARTING, TIME_PER_TOKEN, TIME_TO_FIRST_TOKEN
from llmlab.show import draw
from llmlab.show.draw import Extent, Moment, Span
from llmlab.show.figures import Picture


def two_waits() -> Picture:
    """Draw one request along time, with the waits that its user notices."""
    first, wait, later = 7.0, 1.8, 5
    end = first + wait * later
    starts = [first + wait * k for k in range(later)]
    decode = [Span(start, start + wait, str(k + 2), draw.tint(1))
              for k, start in enumerate(starts)]  # fmt: skip
    model = draw.lane("model", Span(0, first, "prefill: reads the prompt"), *decode)
    until_first, per_token = TIME_TO_FIRST_TOKEN.name, TIME_PER_TOKEN.name
    lanes = [
        model,
        draw.lane("", Extent(0, first, until_first),
                  Extent(first + wait, first + 2 * wait, per_token)),
        draw.lane("", Extent(0, end, "whole request")),
    ]  # fmt: skip
    moments = [Moment(0, "request arrives"), Moment(first, "first token is there")]
    return draw.picture(
        draw.timeline(*lanes, moments=moments),
        title="A request has two waits",
        note="Orange: one decode step for each later token. A median of all waits "
        "would hide the first.",
        alt=f"""Time line of one request. First prefill, one long span that reads the
        prompt: its length is the time to first token. Then {later} short decode steps
        of equal length, one for each later token: the length of one is the time per
        token. Both together are the time of the whole request. The first wait differs
        in kind from the later ones, so the two are reported apart.""",
    )


def three_bounds() -> Picture:
    """Draw three floors under the time of a decode step, and the step itself."""
    floors = [
        draw.lane("reading bytes", Span(0, 4, "weights, cache", draw.solid(1))),
        draw.lane("arithmetic", Span(0, 1.5, "FLOPs", draw.tint(0))),
        draw.lane(STARTING.name, Span(0, 2.5, "one by one", draw.tint(2))),
        draw.lane("the step", Span(0, 12, "as it was measured",
                                   draw.tint(4))),
    ]  # fmt: skip
    return draw.picture(
        draw.timeline(
            *floors,
            end=13,
            note="an idea, not data",
            moments=[Moment(4, "no step is shorter")],
        ),
        title="Three floors: the highest one is the bound",
        note="A floor says what is impossible. How far above it a step lies, "
        "only a measurement says.",
        alt="""Four bars that start together. Three are floors under the time of a
        decode step: reading bytes, the longest here; arithmetic, the shortest; starting
        operators. A dashed line at the end of the longest says that no step is
        shorter. The fourth bar is the step as it was measured, and it is longer than
        each of the floors. The bars are an idea, not data: a floor says what is
        impossible, and only a measurement says how far above it a step lies.""",
    )
