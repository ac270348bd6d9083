"""What tutorial texts claim of attention and recurrence, against what was measured.

Each claim may hold, may fail, or hold up to some length; the verdict follows from the
results that are handed in, on this machine.
"""

from llmlab.attention_vs_rnn.experiments.lengths import Costs
from llmlab.attention_vs_rnn.experiments.looks import LookedAt
from llmlab.attention_vs_rnn.experiments.reached import Reach
from llmlab.attention_vs_rnn.experiments.trained import Worth
from llmlab.core import units
from llmlab.core.records import Record
from llmlab.measure.claims import FAILS, HOLDS, PARTLY, Claim, Claims, of_cases
from llmlab.measure.comparison import FASTER

FUSED = "attention, fused"
SHORT = 64  # tokens


def claims(
    cat: LookedAt, code: LookedAt, reach: Reach, costs: Costs, worth: Worth
) -> Claims:
    """Judge eight claims by the lab's results: what holds, what does not, and where.

    cat: of "The cat sat on the mat", by word. code: of a text with a right answer.
    costs: of layers that are called "attention, fused" and "lstm". worth: of a
    transformer first and a recurrent model second.
    """
    return Claims(
        (
            _cat(cat),
            _important(code),
            _load(costs),
            _vanishing(reach),
            _no_vanishing(reach),
            _reading(costs),
            _writing(costs),
            _memory(worth),
        )
    )


def _cat(cat: LookedAt) -> Claim:
    weight = {word.strip(): cat.weight(word.strip()).value for word in cat.words}
    lower = max(weight["The"], weight["the"], weight["on"])
    return Claim(
        "attention gives 'cat' a higher weight than 'the' and 'on'",
        f"cat {weight['cat']:.0%}, The {weight['The']:.0%}, the {weight['the']:.0%}, "
        f"on {weight['on']:.0%}",
        HOLDS if weight["cat"] > lower else FAILS,
    )


def _important(code: LookedAt) -> Claim:
    return Claim(
        "attention focuses on important words",
        f"looks most at {code.looked_at!r}, needs {code.needed!r}; both orders agree "
        f"by {code.agreement:.2f} (1: the same, 0: unrelated)".replace("-", "−"),
        HOLDS if code.looked_at == code.needed else FAILS,
    )


def _load(costs: Costs) -> Claim:
    """On average a token sees half the text, 2 D products each; matrices cost 8 D²."""
    lengths = [fact.details.get("tokens", 0) for fact in costs.records()]
    longest = max(lengths)
    more = 1 + longest / (8 * costs.width)
    return Claim(
        "attention reduces computational load",
        f"{more:.1f} × the products of an LSTM at {longest:,} tokens (estimated)",
        HOLDS if more < 1 else FAILS,
        kind="estimated",
    )


def _vanishing(reach: Reach) -> Claim:
    solved = {kind: reach.learnt(kind) for kind in ("lstm", "gru")}
    said = ", ".join(f"{kind} {'yes' if ok else 'no'}" for kind, ok in solved.items())
    return Claim(
        "the vanishing gradient can be addressed by LSTM or GRU",
        f"learnt over {reach.distance} tokens in {reach.steps} steps: {said}",
        of_cases(solved.values()),
    )


def _no_vanishing(reach: Reach) -> Claim:
    rnn, attention = (reach.fading(kind) for kind in ("rnn", "attention"))
    less = attention.value < rnn.value**0.5
    return Claim(
        "transformers do not suffer from vanishing gradients",
        f"{reach.distance} tokens back, fresh: rnn {_smaller(rnn)}, attention "
        f"{_smaller(attention)}",
        HOLDS if less and reach.learnt("attention") else FAILS,
    )


def _smaller(fading: Record) -> str:
    """Say how many times smaller or larger a gradient became, or that it is 0."""
    if "note" in fading.details:
        return "0"
    if 0.9 < fading.value < 1.1:
        return "about as large"
    times, word = max(fading.value, 1 / fading.value), "smaller"
    number = f"{times:.3g}" if times < 1000 else units.power_of_ten(times)
    return f"{number} × {word if fading.value > 1 else 'larger'}"


def _reading(costs: Costs) -> Claim:
    return _by_length("processing in parallel is faster, most so for large inputs",
                      costs, "reading")  # fmt: skip


def _writing(costs: Costs) -> Claim:
    return _by_length("transformers generate with lower latency than RNNs",
                      costs, "writing")  # fmt: skip


def _by_length(claim: str, costs: Costs, phase: str) -> Claim:
    ratios = [costs.ratio(FUSED, "lstm", phase, at) for at in (SHORT, None)]
    wins = [ratio.details["verdict"] == FASTER for ratio in ratios]
    said = ", ".join(
        f"{ratio.value:.2g} × at {ratio.details['tokens']:,}" for ratio in ratios
    )
    told = f"speed over the LSTM, {phase}: {said} tokens"
    return Claim(claim, told, of_cases(wins))


def _memory(worth: Worth) -> Claim:
    recurrent = worth.names[1]
    gain, more = worth.gain(recurrent), worth.more
    better = gain.low is not None and gain.low > 0
    first = more.high is not None and more.high < 0
    return Claim(
        "an RNN's memory lets it make better predictions",
        f"its memory saves {gain.value:.2f} bits a token; it needs "
        f"{abs(more.value):.2f} {'more' if more.value > 0 else 'fewer'} than the "
        "transformer",
        HOLDS if better and first else PARTLY if better else FAILS,
    )
