"""How long a request waits, and what a step of it cannot be shorter than."""

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
    lanes = [
        model,
        draw.lane("", Extent(0, first, "time to first token"),
                  Extent(first + wait, first + 2 * wait, "time per token")),
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
    """Draw what a decode step has to do at the same time."""
    lanes = [
        draw.lane("reading bytes", Span(0, 10, "weights and cache, out of memory",
                                        draw.solid(1))),
        draw.lane("arithmetic", Span(0, 4, "multiply and add", draw.tint(0))),
        draw.lane("starting operators", Span(0, 6.5, "one call after the other",
                                             draw.tint(2))),
    ]  # fmt: skip
    return draw.picture(
        draw.timeline(
            *lanes,
            end=13,
            note="an idea, not data: all three go on at the same time",
            moments=[Moment(10, "the step cannot be shorter")],
        ),
        title="Of three bounds, the longest rules",
        note="Which is longest depends on model, batch and machine. To shorten another "
        "gains nothing.",
        alt="""Three bars that start together, the work of one decode step: reading
        bytes, which is the longest here; starting operators; arithmetic, the shortest.
        A dashed line at the end of the longest says that the step cannot be shorter.
        The bars are an idea, not data: which of them is longest depends on model, batch
        and machine, and to shorten one of the others gains nothing.""",
    )
