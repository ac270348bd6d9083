"""Sentences of tutorials on pruning, and whether they hold for `coder` here.

Each is quoted as it was written; a word like "significantly" was given a bar before.
"""

from llmlab.core.records import Record
from llmlab.measure import comparison
from llmlab.measure.claims import (
    FAILS,
    HOLDS,
    PARTLY,
    Claim,
    Claims,
    of_cases,
    of_speed,
    percent,
)
from llmlab.measure.exams import Answers
from llmlab.pruning.experiments.cuts import OWN, RANDOM, SMALL, Neurons
from llmlab.pruning.experiments.retraining import ONCE, TRAINED, Healing
from llmlab.pruning.experiments.shapes import ShapesRace
from llmlab.pruning.experiments.shares import CHANCE, LAYER, WHOLE, BySparsity
from llmlab.pruning.experiments.translators import DENSE
from llmlab.pruning.experiments.zeros import ZerosRace

SLIGHT = 0.01  # more bits per byte, as a share of what they were


def claims(
    shares: BySparsity, zeros: ZerosRace, neurons: Neurons, shapes: ShapesRace,
    healing: Healing, translated: Answers,
) -> Claims:  # fmt: skip
    """Hold what tutorials say of pruning against the experiments of the lab."""
    return Claims(
        (
            _small_weights(shares),
            _importance(neurons),
            _speed(
                "pruning speeds up the inference process, with zeros",
                zeros.ratio("decode"),
            ),
            _speed(
                "pruning speeds up the inference process, with fewer layers",
                shapes.ratio("three layers", "decode"),
            ),
            _without_loss(shares),
            _iterative(healing),
            _translator(translated, zeros),
        )
    )


def _small_weights(shares: BySparsity) -> Claim:
    """Hold within a layer, against chance; and over the layers, against each layer."""
    layer, chance, whole = (shares.lost(one, 0.5) for one in (LAYER, CHANCE, WHOLE))
    within, across = layer.value < chance.value, whole.value <= layer.value
    return Claim(
        "smaller weights contribute less to the final output of the model",
        f"the smaller half of each layer costs {_percent(layer)}, any half "
        f"{_percent(chance)}, the smaller half of the whole model {_percent(whole)}",
        of_cases((within, across)),
    )


def _importance(neurons: Neurons) -> Claim:
    small, chance, own = (neurons.lost(name) for name in (SMALL, RANDOM, OWN))
    return Claim(
        "the importance of a neuron is typically determined by its magnitude",
        f"the smallest quarter costs {_percent(small)}, a random one "
        f"{_percent(chance)}, the quietest {_percent(own)}",
        FAILS if small.value > chance.value else HOLDS,
    )


def _speed(said: str, fact: Record) -> Claim:
    return Claim(said, f"{fact.value:.2f} times as fast in decode", of_speed(fact))


def _without_loss(shares: BySparsity) -> Claim:
    losses = {share: shares.lost(LAYER, share) for share in (0.3, 0.5)}
    slight = [fact.high is not None and fact.high <= SLIGHT for fact in losses.values()]
    said = ", ".join(f"{_percent(fact)} at {at:.0%}" for at, fact in losses.items())
    return Claim(
        "without significantly affecting the model's performance",
        said,
        of_cases(slight),
    )


def _iterative(healing: Healing) -> Claim:
    back = healing.brought_back(TRAINED).value
    return Claim(
        "the remaining network is retrained to fine-tune the remaining weights",
        f"{100 * back:.0f} % of {_percent(healing.lost(ONCE))} came back",
        HOLDS if back > 0.5 else PARTLY if back > 0 else FAILS,
    )


def _translator(translated: Answers, zeros: ZerosRace) -> Claim:
    """Ask of the least sparsity whether chance alone may have taken its answers."""
    count = len(translated.exam.expected)
    right = {
        name: round(translated.right(name).value * count) for name in translated.given
    }
    fewest = next(name for name in right if name != DENSE)
    accurate = not translated.is_worse(fewest, DENSE)
    faster = zeros.ratio("decode").details["verdict"] == comparison.FASTER
    said = ", ".join(f"{name}: {number}" for name, number in right.items())
    speed = "faster" if faster else "not faster"
    return Claim(
        "the pruned model might be slightly less accurate, but it can run much faster",
        f"right answers of {count} by a translator, by zeros: {said}; {speed}",
        of_cases((accurate, faster)),
    )


def _percent(fact: Record) -> str:
    return percent(fact.value, digits=1 if abs(fact.value) < 0.1 else 0)
