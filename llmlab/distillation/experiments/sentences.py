"""Sentences about distillation, and whether they hold for `coder` here.

Those of tutorials are quoted as they were written; a word like "reasonable" was given a
bar before anything was measured.
"""

from llmlab.distillation.experiments.beginnings import FIRST, Starts
from llmlab.distillation.experiments.learning import BETTER, SAME, WORSE
from llmlab.distillation.experiments.offline import Offline
from llmlab.distillation.experiments.recordings import LABELS, TEACHER, Recorded
from llmlab.distillation.experiments.shipped import Shipped
from llmlab.distillation.experiments.teaching import HOT, Losses
from llmlab.measure import comparison, phases
from llmlab.measure.claims import (
    FAILS,
    HOLDS,
    OPEN,
    Claim,
    Claims,
    high_end,
    low_end,
    of_cases,
    percent,
)

REASONABLE = 0.25  # more bits per byte than the teacher, as a share, at most
TAUGHT = ("coder", "classifier", "translator")  # runs with labels and a teacher


def claims(
    starts: Starts, losses: Losses, kept: Offline, student: Shipped, recorded: Recorded
) -> Claims:
    """Hold what is said of distillation against the experiments of the lab."""
    return Claims(
        (
            _first_layers(starts),
            _soft_targets(losses),
            _temperature(losses),
            _every_step(kept),
            _efficient(student),
            _reasonable(student),
            _transferred(student),
            _any_teacher(recorded),
        )
    )


def _first_layers(starts: Starts) -> Claim:
    gap = starts.gap(FIRST)
    words = {BETTER: FAILS, WORSE: HOLDS, SAME: OPEN}
    return Claim(
        "a student should begin with the first layers, which are the most general",
        f"evenly chosen layers need {gap.value:.2f} bits per byte fewer than the first",
        words[gap.details["verdict"]],
    )


def _soft_targets(losses: Losses) -> Claim:
    gain = losses.gain(TEACHER)
    words = {BETTER: HOLDS, WORSE: FAILS, SAME: OPEN}
    return Claim(
        "by learning from these soft targets, the student model can achieve higher "
        "accuracy than if it were trained on the original labels alone",
        f"{percent(-gain.value)} bits per byte after the same "
        f"{losses[TEACHER].steps} steps",
        words[gain.details["verdict"]],
    )


def _temperature(losses: Losses) -> Claim:
    over, gain = losses.gain(HOT, over=TEACHER), losses.gain(HOT)
    words = {BETTER: HOLDS, WORSE: FAILS, SAME: OPEN}
    return Claim(
        "a high temperature shows the student more of what its teacher knows",
        f"{percent(-over.value)} bits per byte against T = 1, "
        f"{percent(-gain.value)} against labels",
        words[over.details["verdict"]],
    )


def _every_step(kept: Offline) -> Claim:
    """Hold where a student on what was kept is worse; fail where it is as good."""
    gain = kept.gain
    seconds = f"{kept.learnt.seconds:.1f} s for {kept.losses[TEACHER].seconds:.1f} s"
    return Claim(
        "the teacher has to run in every step",
        f"the {kept.k} likeliest tokens, kept once: {percent(-gain.value)} bits per "
        f"byte, {seconds}",
        HOLDS if gain.details["verdict"] == WORSE else FAILS,
    )


def _efficient(student: Shipped) -> Claim:
    ratios = {phase: student.ratio(phase) for phase in phases.SPEED_UPS}
    faster = [one.details["verdict"] == comparison.FASTER for one in ratios.values()]
    said = ", ".join(f"{of} {one.value:.1f} times" for of, one in ratios.items())
    return Claim(
        "the student model would be more efficient due to its smaller size",
        f"as fast as its teacher: {said}",
        of_cases(faster),
    )


def _reasonable(student: Shipped) -> Claim:
    """Ask of the whole interval that it lies below the bar, or above it."""
    facts = student.difference(student.teacher).details
    share = facts["relative"]
    low, high = (facts.get(f"relative_{end}", share) for end in ("low", "high"))
    return Claim(
        "but still maintain a reasonable level of accuracy",
        f"{percent(share)} bits per byte, where {REASONABLE:.0%} more were called "
        "reasonable",
        HOLDS if high <= REASONABLE else FAILS if low > REASONABLE else OPEN,
    )


def _transferred(student: Shipped) -> Claim:
    """Compare with the model that learned alone: apart where the intervals are."""
    ours = student.agreement
    name, other = next(
        (name, fact) for name, fact in student.agreements.items()
        if name != student.name
    )  # fmt: skip
    above, below = low_end(ours) > high_end(other), high_end(ours) < low_end(other)
    return Claim(
        "effectively transferring the knowledge from the teacher to the student",
        f"it chooses as its teacher in {ours.value:.0%} of the places, {name} in "
        f"{other.value:.0%}",
        HOLDS if above else FAILS if below else OPEN,
    )


def _any_teacher(recorded: Recorded) -> Claim:
    """Count the runs in which the teacher's student is surely the better one."""
    said, better = [], []
    for run in (run for run in TAUGHT if run in recorded.runs):
        taught, alone = (recorded.last(run, loss) for loss in (TEACHER, LABELS))
        pair = (taught, alone)  # of which bits are to be the fewer, answers the more
        more, fewer = reversed(pair) if taught.unit == "bit/B" else pair
        better.append(low_end(more) > high_end(fewer))
        said.append(f"{run} {taught.value_text()} for {alone.value_text()}")
    # One task says nothing of the others.
    verdict = of_cases(better) if len(said) > 1 else OPEN
    return Claim(
        "a student learns more from a teacher than from labels, whatever the task",
        f"recorded, teacher for labels: {', '.join(said)}",
        verdict,
    )
