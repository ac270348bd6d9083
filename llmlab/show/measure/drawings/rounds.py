"""Two candidates on a machine that slows down for a while."""

from collections.abc import Sequence

from llmlab.show import draw
from llmlab.show.draw import Band, Extent, Span
from llmlab.show.draw.layouts import Piece
from llmlab.show.figures import Picture

OLD, CANDIDATE = draw.solid(0), draw.tint(1)
WORK = {"old": 5.0, "new": 4.0}  # how long a call takes on the undisturbed machine
ROUNDS = 4
SLOW = (18.0, 36.0)  # a stretch in which everything takes twice as long


def interleaving() -> Picture:
    """Draw two candidates timed one after the other, and in rounds."""
    apart = calls(["old"] * ROUNDS + ["new"] * ROUNDS)
    rounds = calls(["old", "new"] * ROUNDS)
    old, new = (_total(apart, name) for name in WORK)
    shown = [(rounds[2 * k], rounds[2 * k + 1]) for k in range(ROUNDS)]
    ratios = [_took(one) / _took(other) for one, other in shown]
    sums = [Extent(0, old, f"old took {old:g}"),
            Extent(old, old + new, f"new took {new:g}")]  # fmt: skip
    held = [Extent(one.start, other.end, f"{ratio:.2f} ×")
            for (one, other), ratio in zip(shown, ratios, strict=True)]  # fmt: skip
    return draw.picture(
        draw.column(
            _heading("One after the other:", "new looks slower ✗"),
            _tried(apart, "sums", sums, axis=False),
            draw.space(height=6),
            _heading("Interleaved, in rounds:", "new is faster in all of them ✓"),
            _tried(rounds, "old / new", held, axis=True),
            gap=8,
        ),
        title="Rounds share what disturbs the machine",
        note="Invented lengths; in the slow stretch everything takes twice as long.",
        alt=f"""Two time lines of the same calls, with a slow stretch of the machine in
        the middle. One after the other: four calls of old, then four of new. The slow
        stretch hits mostly new, so old took {old:g} and new {new:g}, and new looks
        slower although it is faster. Interleaved in rounds of old and new: a slow round
        is slow for both, and the ratio old / new is {ratios[0]:.2f} × in every round.
        So compare within rounds.""",
    )


def _heading(way: str, verdict: str) -> Piece:
    return draw.row(draw.text(way, bold=True), draw.text(verdict), gap=8)


def _tried(
    calls: Sequence[Span], name: str, lengths: Sequence[Extent], *, axis: bool
) -> Piece:
    return draw.timeline(
        draw.lane("calls", *calls), draw.lane(name, *lengths), axis=axis, note="",
        bands=[Band(*SLOW, "slow stretch")], label_width=80,
    )  # fmt: skip


def calls(names: Sequence[str]) -> list[Span]:
    """Return the calls as spans, one right after the other, slower in between."""
    spans, time = [], 0.0
    for name in names:
        end = _after(_before(time) + WORK[name])
        look = OLD if name == "old" else CANDIDATE
        spans.append(Span(time, end, name, look))
        time = end
    return spans


def _before(time: float) -> float:
    """Return how much work is done by a time."""
    slow = min(max(time - SLOW[0], 0), SLOW[1] - SLOW[0])
    return time - slow / 2


def _after(work: float) -> float:
    """Return the time by which so much work is done."""
    slow = min(max(work - SLOW[0], 0), (SLOW[1] - SLOW[0]) / 2)
    return work + slow


def _took(span: Span) -> float:
    return span.end - span.start


def _total(spans: Sequence[Span], name: str) -> float:
    return sum(_took(each) for each in spans if each.label == name)
