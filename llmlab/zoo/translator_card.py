"""The card of `translator`: what it gets right, and where, measured on what ships.

Every figure comes from a run made when the model is published. Right means that the
whole answer is: one letter wrong, and the number is.
"""

import hashlib
import json
import random
from collections.abc import Iterable
from pathlib import Path

from llmlab import texts
from llmlab.core.records import Record
from llmlab.measure import quality
from llmlab.models import pairs
from llmlab.models.translation import translate
from llmlab.texts import number_bands, number_words
from llmlab.texts.number_bands import Pair
from llmlab.zoo import cards, curve, recipe, translator, translator_tokenizer

ASKED = 2000  # numbers of each kind, where there are as many
LONG = 96  # tokens: room for an answer that the training never asked for
STRANGE = ("one million", "two million three hundred", "forty two", "seven apples", "")


def publish(model, folder: Path, target: Path, plan: recipe.TrainingPlan) -> Path:
    """Write bf16 weights, tokenizer, data.json, log and card of a trained model."""
    log = (folder / "log.jsonl").read_text()
    device = next(model.parameters()).device.type
    return cards.publish(
        model,
        target,
        tokenizer=model.tokenizer,
        name="translator",
        files={"data.json": json.dumps(data()) + "\n", "log.jsonl": log},
        text_of=lambda shipped, place: text_of(shipped, place, plan, device=device),
    )


def quick(model, _: Path) -> list[Record]:
    """Return the exact match of the frozen pairs."""
    pairs = texts.number_pairs()
    answers = _asked(model, pairs)
    expected = [pair.french for pair in pairs]
    about = "translator, frozen pairs"
    return [quality.exact_match(answers, expected, subject=about)]


def data() -> dict:
    """Return what the model learnt from: the text's generator, all of it by rule."""
    sources = {path.name: _sha256(path) for path in _sources()}
    return {
        "generator": "llmlab.texts.number_words",
        "sampler": "llmlab.models.pairs.draw",
        "licence": "Apache-2.0",
        "seed": translator_tokenizer.SEED,
        "range": [0, number_bands.LIMIT - 1],
        "british_share": pairs.BRITISH_SHARE,
        "round_share": pairs.ROUND_SHARE,
        "held_out_bands": list(number_bands.held_out()),
        "frozen_pairs": {
            "path": number_bands.FILE.name,
            "sha256": _sha256(number_bands.FILE),
        },
        "sources_sha256": sources,
    }


def _sources() -> list[Path]:
    return [
        Path(m.__file__)
        for m in (number_words, number_bands, translator_tokenizer, translator)
    ]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def text_of(
    model, folder: Path, plan: recipe.TrainingPlan, *, device: str = "cpu"
) -> str:
    """Measure the model and return its card."""
    frozen = texts.number_pairs()
    answers = _asked(model, frozen)
    parts = [
        _head(model, folder, plan, device),
        "## Quality\n",
        "Exact match of greedy answers, with 95 % intervals (Wilson).\n",
        "| numbers | asked | exact match |",
        "| --- | ---: | ---: |",
        _row("**frozen pairs, of the held-out bands**", frozen, answers),
        *(_row(what, pairs, _asked(model, pairs)) for what, pairs in _kinds()),
        _row("frozen pairs, asked with `and`", frozen, _british(model, frozen)),
        "",
        _mistakes(frozen, answers),
        _strange(model),
        _curve(folder),
    ]
    return "\n".join(parts)


def _kinds() -> Iterable[tuple[str, list[Pair]]]:
    """Yield what is asked besides the frozen pairs, each with a name."""
    dice = random.Random(0)
    held_out = number_bands.held_out_numbers()
    for digits in (4, 5, 6):
        some = [number for number in held_out if len(str(number)) == digits]
        chosen = dice.sample(some, min(ASKED, len(some)))
        yield f"held-out bands, {digits} digits", _pairs(chosen)
    yield "0 to 999, all of them learnt from", _pairs(range(1000))
    learnt = [
        n for n in range(1000, number_bands.LIMIT) if not number_bands.is_held_out(n)
    ]
    yield "1,000 to 999,999, bands learnt from", _pairs(dice.sample(learnt, ASKED))
    beyond = range(number_bands.LIMIT, number_words.LIMIT)
    chosen = [1_000_000, *dice.sample(beyond, ASKED - 1)]
    yield "beyond: 1,000,000 to 999,999,999, never seen", _pairs(chosen)


def _pairs(chosen: Iterable[int]) -> list[Pair]:
    return [number_bands.pair(number) for number in chosen]


def _asked(model, pairs: Iterable[Pair]) -> list[str]:
    return translate(model, [pair.english for pair in pairs], max_tokens=LONG)


def _british(model, pairs: Iterable[Pair]) -> list[str]:
    asked = [number_words.english(pair.number, conjunction=True) for pair in pairs]
    return translate(model, asked, max_tokens=LONG)


def _row(what: str, pairs: Iterable[Pair], answers: list[str]) -> str:
    fact = quality.exact_match(answers, [pair.french for pair in pairs])
    share = f"{fact.value:.4f} ({fact.low:.4f} to {fact.high:.4f})"
    return f"| {what} | {len(answers):,} | {share} |"


def _head(model, folder: Path, plan: recipe.TrainingPlan, device: str) -> str:
    count = sum(p.numel() for p in model.parameters())
    config, size = model.config, (folder / "model.safetensors").stat().st_size
    log = recipe.log(folder)
    done = max(row["step"] for row in log)
    return f"""\
{cards.FRONT}
# translator

Number translation: English number words to French ones, from zero to 999,999. It does
nothing else, and is no translator of text. It belongs to llmlab; its recipe is
`llmlab/zoo/translator.py` (seed {translator_tokenizer.SEED}), run by \
`python -m llmlab.zoo translator`.

| | |
| --- | --- |
| parameters | {count:,}: T5, {config.num_layers} layers that read and \
{config.num_decoder_layers} that write, width {config.d_model}, \
{config.num_heads} heads, hidden {config.d_ff}, tied |
| vocabulary | {config.vocab_size:,}, byte-level BPE, learnt from number words |
| file | {size:,} bytes, bf16, weights' version `{model.weights_version}` |
| trained on | {done * translator.BATCH:,} pairs, made by \
`llmlab.texts.number_words` as needed: {done:,} steps of {plan.steps:,}, of which \
{plan.decay:,} decay |
| held out | {len(number_bands.held_out())} of 1,000 bands of a thousand numbers, \
listed in `data.json` |
| spelling | French as before the reform of 1990; English with or without `and` |
{cards.made(log, device=device)}
| licence | Apache-2.0 |

Limits: it knows nothing but these numbers, and cannot say so; what it answers to other
texts stands below. Numbers in figures were never seen.
"""


def _mistakes(pairs: Iterable[Pair], answers: list[str]) -> str:
    """List the wrong answers to the frozen pairs, ten at most, and what they mean."""
    wrong = [(p, a) for p, a in zip(pairs, answers, strict=True) if p.french != a]
    lines = [
        "## Mistakes\n",
        f"Wrong answers to the {len(answers):,} frozen pairs: {len(wrong)}. Shown are "
        "the first ten at most.\n",
        "| number | answer | which is |",
        "| ---: | --- | --- |",
        *(f"| {p.number:,} | {_shown(a)} | {_meaning(a)} |" for p, a in wrong[:10]),
        "",
    ]
    return "\n".join(lines if wrong else [*lines[:1], "None on the frozen pairs.\n"])


def _strange(model) -> str:
    """Show what comes back for what the model was never taught."""
    answers = translate(model, STRANGE, max_tokens=LONG)
    lines = [
        "## What it was never taught\n",
        "| asked | answer | which is |",
        "| --- | --- | --- |",
        *(
            f"| {_shown(asked)} | {_shown(answer)} | {_meaning(answer)} |"
            for asked, answer in zip(STRANGE, answers, strict=True)
        ),
        "",
    ]
    return "\n".join(lines)


def _shown(text: str) -> str:
    return f"`{text}`" if text else "(nothing)"


def _meaning(answer: str) -> str:
    try:
        return f"{number_words.read_french(answer):,}"
    except ValueError:
        return "no number"


def _curve(folder: Path) -> str:
    """Return the loss by step, training and held out, as a table."""
    lines = [
        "## Curve\n",
        "Loss in nats per token of the steps just before. Held out: the loss on "
        f"{translator.EXAM} numbers, and the share of them answered exactly. The log's "
        "count of tokens holds padding.\n",
        *curve.table(
            recipe.log(folder), {"held_out_loss": ".5f", translator.MATCH: ".3f"}
        ),
        "",
    ]
    return "\n".join(lines)
