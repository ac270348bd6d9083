"""The card of `classifier`: how often it is right, and who else is, whoever wins.

Every figure comes from a run made when the model is published, of what ships: bf16
weights, computed in fp32.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from llmlab import texts
from llmlab.core.records import Record
from llmlab.texts import Snippet, manifests, masking
from llmlab.zoo import baselines, cards, classifier, curve, recipe, splits

FILES = ("data.json", "log.jsonl")
SETS = {
    "held out": "held-out files of the installation",
    "frozen": "frozen snippets (`texts.snippets()`)",
}


def publish(
    model: nn.Module, folder: Path, target: Path, plan: recipe.TrainingPlan
) -> Path:
    """Write bf16 weights, tokenizer, manifest, log and card of a trained model."""
    device = next(model.parameters()).device.type
    return cards.publish(
        model,
        target,
        tokenizer=model.tokenizer,
        name="classifier",
        files={name: (folder / name).read_text() for name in FILES},
        text_of=lambda shipped, place: text_of(
            shipped, folder, place, plan, device=device
        ),
    )


def quick(model: nn.Module, folder: Path) -> list[Record]:
    """Return the accuracy of the model and of the most common answer, by set."""
    found = []
    for name, asked in _asked(folder).items():
        answers = classifier.answers(model, model.tokenizer, asked)
        found.append(baselines.accuracy(answers, asked, f"classifier, {name}"))
        most = baselines.majority(asked)
        found.append(baselines.accuracy(most, asked, f"always {most[0]}, {name}"))
    return found


def _asked(folder: Path) -> dict[str, Sequence[Snippet]]:
    return {"held out": splits.load(folder)["held out"], "frozen": texts.snippets()}


def text_of(
    model: nn.Module,
    folder: Path,
    place: Path,
    plan: recipe.TrainingPlan,
    *,
    device: str,
) -> str:
    """Measure the model, whose weights stand in `place`, and return its card."""
    snippets_by_split = splits.load(folder)
    bag = baselines.bag_of_tokens(model.tokenizer, snippets_by_split["training"])
    asked = _asked(folder)
    answers = {k: classifier.answers(model, model.tokenizer, asked[k]) for k in asked}
    parts = [
        _head(model, plan, place, snippets_by_split, device),
        *_quality(asked, answers, bag),
        *_modules(snippets_by_split["training"], asked, answers),
        *_mistakes(asked["frozen"], answers["frozen"]),
        *_curve(folder),
    ]
    return "\n".join(parts)


def _quality(asked: dict, answers: dict, bag: baselines.Answer) -> list[str]:
    """Return accuracies on both sets, and the paired difference, as a table."""
    lines = [
        "## Quality\n",
        "Accuracy with 95 % intervals over files. The bag of tokens is a logistic "
        "regression on this tokenizer's tokens, whatever their order, learnt from the "
        "same snippets. The most common answer is known to it beforehand.\n",
        "| | " + " | ".join(SETS[name] for name in asked) + " |",
        "| --- |" + " ---: |" * len(asked),
        "| snippets | "
        + " | ".join(f"{len(snippets):,}" for snippets in asked.values())
        + " |",
    ]
    bags = {name: bag(snippets) for name, snippets in asked.items()}
    table = {
        "`classifier`": [
            baselines.accuracy(answers[n], s, n) for n, s in asked.items()
        ],
        "bag of tokens": [baselines.accuracy(bags[n], s, n) for n, s in asked.items()],
        "most common answer": [
            baselines.accuracy(baselines.majority(s), s, n) for n, s in asked.items()
        ],
        "`classifier` less bag": [
            baselines.difference(answers[n], bags[n], s, n) for n, s in asked.items()
        ],
    }
    for what, facts in table.items():
        sign = "+" if "less" in what else ""
        lines.append(f"| {what} | " + " | ".join(_share(f, sign) for f in facts) + " |")
    return [*lines, ""]


def _share(fact: Record, sign: str = "") -> str:
    return f"{fact.value:{sign}.3f} ({fact.low:{sign}.3f} to {fact.high:{sign}.3f})"


def _head(
    model, plan: recipe.TrainingPlan, place: Path, found: dict, device: str
) -> str:
    count = sum(p.numel() for p in model.parameters())
    shape, log = model.config, recipe.log(place)
    steps = max(row["step"] for row in log)
    learnt = len(found["training"])
    return f"""\
{cards.FRONT}
# classifier

A BERT that says which of twelve standard modules a few lines of Python use, with the
imports dropped and the modules' names masked. It belongs to llmlab; its recipe is
`llmlab/zoo/classifier.py` (seed {splits.SEED}), run by
`python -m llmlab.zoo classifier`.

| | |
| --- | --- |
| parameters | {count:,}: {shape.num_hidden_layers} layers of width \
{shape.hidden_size}, {shape.num_attention_heads} heads, hidden \
{shape.intermediate_size} |
| modules | {", ".join(masking.MODULES)} |
| vocabulary | {shape.vocab_size:,}: the tokens of `coder`, and four of BERT's |
| context | {shape.max_position_embeddings} tokens |
| file | {(place / "model.safetensors").stat().st_size:,} bytes, bf16, weights' \
version `{model.weights_version}` |
| started from | the embedding of `coder` (version \
`{plan.started_from or "unknown"}`), in {shape.hidden_size} of its directions; the \
rest at random |
| trained on | {learnt:,} snippets of at most {masking.LINES} lines, \
{steps * classifier.BATCH / learnt:.1f} times each on average: {steps:,} steps of \
{plan.steps:,}, of which {plan.decay:,} decay |
{cards.data(manifests.read_manifest(place / manifests.MANIFEST))}
{cards.made(log, device=device)}
{cards.LICENCE}

Give it code as `llmlab.texts.masking.masked` leaves it: `[MASK]` where a module's name
stood, no imports. Limits: it knows these twelve and always names one of them, also for
code that uses none. Every module was shown equally often, so its probabilities do not
follow how common a module is. Snippets that use two of the twelve were never seen.
"""


def _modules(learnt: Sequence[Snippet], asked: dict, answers: dict) -> list[str]:
    """Return by module how many snippets there are, and how many are answered right."""
    counts = Counter(snippet.module for snippet in learnt)
    lines = [
        "By module: snippets learnt from, and of those asked how many are right.\n",
        "| module | learnt from | " + " | ".join(asked) + " |",
        "| --- | ---: |" + " ---: |" * len(asked),
    ]
    for module in masking.MODULES:
        cells = []
        for name, snippets in asked.items():
            right = baselines.hits(answers[name], snippets)
            mine = [
                r for r, s in zip(right, snippets, strict=True) if s.module == module
            ]
            cells.append(f"{sum(mine)} of {len(mine)}")
        lines.append(f"| {module} | {counts[module]:,} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _mistakes(asked: Sequence[Snippet], answers: Sequence[str]) -> list[str]:
    """Show the first wrong answers to the frozen snippets, six at most."""
    wrong = [(s, a) for s, a in zip(asked, answers, strict=True) if s.module != a]
    lines = [
        "## Mistakes\n",
        f"{len(wrong)} of the {len(asked)} frozen snippets are answered wrongly. Not "
        "picked: these are the first, one of each module.\n",
    ]
    shown: dict[str, tuple[Snippet, str]] = {}
    for snippet, answer in wrong:
        shown.setdefault(snippet.module, (snippet, answer))
    for snippet, answer in list(shown.values())[:6]:
        lines += [f"`{snippet.module}`, taken for `{answer}`:\n"]
        lines += ["```python", snippet.code, "```\n"]
    return lines


def _curve(folder: Path) -> list[str]:
    """Return loss and held-out accuracy by step, as a table."""
    return [
        "## Curve\n",
        "Loss in nats of the steps just before, with smoothed labels and some tokens "
        f"hidden, and accuracy on {classifier.EXAM} of the held-out snippets. No "
        "checkpoint was chosen by them: the last weights are what ships.\n",
        *curve.table(recipe.log(folder), {classifier.ACCURACY: ".3f"}),
        "",
    ]
