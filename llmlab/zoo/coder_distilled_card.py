"""The card of `coder-distilled`: what is left of its teacher, and what a draft it is.

Every figure comes from a run made when the model is published, of what ships: bf16
weights, computed in fp32. Times are ratios of interleaved runs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from llmlab import models, texts
from llmlab.core.records import Record
from llmlab.measure import quality
from llmlab.texts import manifests
from llmlab.zoo import (
    cards,
    coder,
    coder_card,
    coder_distilled,
    curve,
    draft_exams,
    recipe,
    start,
)
from llmlab.zoo.coder_card import interval
from llmlab.zoo.coder_distilled import NAME, STUDENTS, TEACHER
from llmlab.zoo.draft_exams import NEW, PROMPT, PROMPTS

PEER = "coder-small"  # as small, taught by the text alone


def publish(
    model: nn.Module,
    folder: Path,
    target: Path,
    plan: coder.TokenPlan,
    student: str = "two",
) -> Path:
    """Write bf16 weights, tokenizer, manifest, log and card of a trained student."""
    device = next(model.parameters()).device.type
    return coder_card.ship(
        NAME,
        model,
        folder,
        target,
        plan,
        text_of=lambda shipped, place, manifest: text_of(
            shipped, folder, place, plan, student, device=device, manifest=manifest
        ),
    )


def text_of(
    model,
    folder: Path,
    place: Path,
    plan: coder.TokenPlan,
    student: str,
    *,
    device: str = "cpu",
    manifest: str = manifests.MANIFEST,
    files: Mapping[str, str] | None = None,
    seconds: float = draft_exams.SECONDS,
) -> str:
    """Measure the model, whose weights stand in `place`, and return its card.

    files: what it is judged by, the frozen texts by default. seconds: of a race.
    """
    files = texts.evaluation_files() if files is None else files
    kin = {name: models.load(name) for name in (TEACHER, PEER)} | {NAME: model}
    asked = draft_exams.prompts(model.tokenizer, files)
    text = draft_exams.own_text(kin[TEACHER], asked)
    drafts = [name for name in kin if name != TEACHER]
    along = {name: draft_exams.agreement(kin[name], text) for name in drafts}
    costs = draft_exams.costs(TEACHER, kin, asked[0].tolist(), seconds=seconds)
    return "\n".join(
        [
            _head(model, folder, place, plan, student, device, manifest),
            *_quality(model, files),
            *_beside(kin, files, along, costs),
            *_as_draft(drafts, along, costs),
            *_curve(folder),
            coder_card.completions(model, dict(files)),
        ]
    )


def _quality(model, files: Mapping[str, str]) -> list[str]:
    return [
        "## Quality\n",
        "Bits per byte, with 95 % intervals over files, against `xz -9e` on the same "
        "text in one piece.\n",
        "| text | bytes | bits per byte | xz | share of xz | next-token accuracy |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        coder_card.row_of_text(model, "frozen evaluation text", dict(files)),
        "",
    ]


def _beside(
    kin: Mapping, files: Mapping[str, str], along: Mapping[str, Record], costs
) -> list[str]:
    """Return it beside its teacher and its peer, as a table."""
    lines = [
        "## Beside its teacher\n",
        f"Agreement is the share of places at which a model chooses `{TEACHER}`'s next "
        f"token: on the frozen text, and along what `{TEACHER}` itself writes greedily "
        f"({NEW} tokens each, after the first {PROMPT} of {PROMPTS} frozen programs). "
        f"Times as fast: fp32, medians of interleaved rounds, a prompt of {PROMPT} "
        "tokens.\n",
        "| model | parameters | bits per byte | agrees on frozen text | agrees along "
        f"`{TEACHER}`'s text | prefill | decode |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    scores = {name: quality.score(each, files) for name, each in kin.items()}
    for name, each in kin.items():
        cells = [f"`{name}`", f"{_count(each):,}"]
        cells += [interval(quality.bits_per_byte(scores[name], files))]
        if name == TEACHER:
            cells += ["–", "–", "1 ×", "1 ×"]
        else:
            cells += [interval(quality.agreement(each, kin[TEACHER], files))]
            cells += [interval(along[name])]
            cells += [_times(costs.prefill[name]), _times(costs.decode[name])]
        lines.append("| " + " | ".join(cells) + " |")
    more = quality.difference(scores[NAME], scores[PEER], files)
    return [
        *lines,
        "",
        f"Bits per byte that it needs more than `{PEER}`, paired by file: "
        f"{interval(more)}. {costs.note}".rstrip()
        + "\n",
    ]


def _as_draft(
    drafts: list[str], along: Mapping[str, Record], costs: draft_exams.Costs
) -> list[str]:
    """Return what a draft would gain, by the number of tokens foretold at once."""
    gains = {
        name: draft_exams.gains(
            along[name].value, 1 / costs.decode[name].value, costs.reading
        )
        for name in drafts
    }
    lines = [
        "## As a draft\n",
        f"Estimated, from what was measured above: how many times as fast `{TEACHER}` "
        "would write its own greedy text if a model foretold so many tokens at once "
        "and it read them together. Agreement a and count k give "
        "(1 − a^(k+1)) / (1 − a) tokens a reading, as if each were right with the same "
        "chance (Leviathan et al. 2023). Reading k + 1 tokens is measured, in steps of "
        f"`{TEACHER}`.\n",
        "| tokens foretold | reading them | "
        + " | ".join(f"gain by `{name}`" for name in drafts)
        + " |",
        "| ---: " * (2 + len(drafts)) + "|",
    ]
    for count in range(1, len(costs.reading)):
        cells = [str(count), f"{costs.reading[count]:.2f}"]
        cells += [f"{gains[name][count - 1].value:.2f} ×" for name in drafts]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _head(
    model,
    folder: Path,
    place: Path,
    plan: coder.TokenPlan,
    student: str,
    device: str,
    manifest: str,
) -> str:
    size = (place / "model.safetensors").stat().st_size
    log = recipe.log(folder)
    return f"""\
{cards.FRONT}
# {NAME}

A student of `{TEACHER}` that completes Python code: a draft that foretells what \
`{TEACHER}`
would write, and the same task at a fraction of the time. It belongs to llmlab; its
recipe is `llmlab/zoo/coder_distilled.py` (seed {coder.SEED}), run by
`{_command(plan, student)}`.

| | |
| --- | --- |
| parameters | {_count(model):,}: {coder_card.shape_of(model)} |
| vocabulary | {model.vocabulary:,}, byte-level BPE, that of `{TEACHER}` |
| context | {model.context:,} tokens |
| file | {size:,} bytes, bf16, weights' version `{model.weights_version}` |
| teacher | `{TEACHER}`, weights' version `{models.load(TEACHER).weights_version}` |
| started from | {_start(folder, student)} |
| loss | KL divergence from the teacher's distribution over all tokens, temperature \
1; no labels |
| trained on | {plan.steps * coder.TOKENS_PER_STEP:,} tokens, \
{plan.decay * coder.TOKENS_PER_STEP:,} of them in the decay; the teacher's own \
training is not counted |
{cards.data(start.learnt_from(folder), manifest)}
{cards.made(log, device=device, before=start.before(folder))}
{cards.LICENCE}

Limits: those of `{TEACHER}`, and more: it writes plausible Python, less often correct
than its teacher does. Nothing here was tuned for safety.
"""


def _count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def _start(folder: Path, student: str) -> str:
    """Say which weights it began with."""
    version = start.started_from(start.before(folder))
    if version != models.load(TEACHER).weights_version:
        return f"weights of version `{version}`"
    teacher: Any = models.load(TEACHER)
    chosen, whole = STUDENTS[student], teacher.shape
    words = [f"layers {' and '.join(map(str, chosen.layers))} of {whole.layers}"]
    if chosen.neurons < whole.hidden:
        words.append(f"the {chosen.neurons} of {whole.hidden:,} neurons that are most "
                     "active on a few batches")  # fmt: skip
    return f"`{TEACHER}`: {', '.join(words)}"


def _command(plan: coder.TokenPlan, student: str) -> str:
    """Return the command that trains by this plan."""
    command = f"python -m llmlab.zoo {NAME}"
    if student != "two":
        command += f" --student {student}"
    usual = coder.TokenPlan.from_tokens(
        coder_distilled.MILLION_TOKENS, decay_million=coder_distilled.DECAY_MILLION
    )
    if plan == usual:
        return command
    every, decay = (
        coder.TOKENS_PER_STEP * steps / 1e6 for steps in (plan.steps, plan.decay)
    )
    return f"{command} --tokens {every:.6g} --decay {decay:.6g}"


def _times(fact: Record) -> str:
    return f"{fact.value:.2f} × ({fact.low:.2f} to {fact.high:.2f})"


def _curve(folder: Path) -> list[str]:
    """Return loss and agreement by step, as a table."""
    return [
        "## Curve\n",
        f"A step is {coder.TOKENS_PER_STEP:,} tokens. Training loss: KL divergence "
        "from the teacher in nats per token, of the steps just before. On held-out "
        f"standard library in sequences of {coder.SHORT[1]}: the loss against the text "
        "itself, and the agreement with the teacher's choice.\n",
        *curve.table(recipe.log(folder), {"held_out_loss": ".3f", "agreement": ".3f"}),
        "",
    ]
