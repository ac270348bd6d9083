"""The model card: what a bundled model is, measured when it is published.

Every figure on it comes from a run made here; the ten completions are those of the
first ten programs of the evaluation text, in order, whatever they turn out to be.
"""

import lzma
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn

from llmlab import texts
from llmlab.core.records import Record
from llmlab.measure import quality
from llmlab.models import generation
from llmlab.models.rnn import RecurrentModel
from llmlab.models.sampling import Sampling
from llmlab.models.streams import Stream
from llmlab.texts import manifests
from llmlab.zoo import cards, code_exams, coder, curve, families, recipe, start, tokens

PROMPT_LINES = 12
NEW_TOKENS = 64
TEMPERATURE, TOP_P = 0.8, 0.9


def publish(
    name: str,
    model: nn.Module,
    folder: Path,
    target: Path,
    plan: coder.TokenPlan,
    *,
    library: dict[str, str] | None = None,
) -> Path:
    """Write bf16 weights, tokenizer, manifest, log and card of a trained code model.

    library: texts that the card judges it by beside the frozen one; by default the
    held-out files of the standard library.
    """
    if library is None:
        listed = coder.held_out_library(texts.files())
        library = {file.path: file.read() for file in listed}
    device = next(model.parameters()).device.type
    return ship(
        name,
        model,
        folder,
        target,
        plan,
        text_of=lambda shipped, place, manifest: text_of(
            shipped, folder, place, plan, library, device=device, manifest=manifest
        ),
    )


def ship(
    name: str,
    model: nn.Module,
    folder: Path,
    target: Path,
    plan: coder.TokenPlan,
    *,
    text_of: Callable[[nn.Module, Path, str], str],
) -> Path:
    """Write a code model's weights, tokenizer, manifest and log beside its card.

    text_of: the card's text from the model as it was read back, where it lies, and the
    path of its manifest from there. Raises ValueError before the end of the plan.
    """
    done = max((row["step"] for row in recipe.log(folder)), default=0)
    if done != plan.steps:
        raise ValueError(
            f"the training in {folder} has done {done:,} steps, its plan says "
            f"{plan.steps:,}; publish at the end, with its own --tokens and --decay."
        )
    manifest = families.manifest(target, name)
    learnt = families.merged(target, name, start.learnt_from(folder))
    files = {"log.jsonl": (folder / "log.jsonl").read_text()}
    apart = manifest != manifests.MANIFEST
    return cards.publish(
        model,
        target,
        tokenizer=tokens.wrap(Tokenizer.from_file(str(folder / "tokenizer.json"))),
        name=name,
        files=files if apart else files | {manifest: learnt},
        beside={manifest: learnt} if apart else {},
        text_of=lambda shipped, place: text_of(shipped, place, manifest),
    )


def text_of(
    model,
    folder: Path,
    place: Path,
    plan: coder.TokenPlan,
    library: dict[str, str],
    *,
    device: str = "cpu",
    manifest: str = manifests.MANIFEST,
) -> str:
    """Measure the model, whose weights stand in `place`, and return its card."""
    frozen = texts.evaluation_files()
    rows = [
        row_of_text(model, "held-out standard library, files in path order", library),
        row_of_text(model, "frozen evaluation text", frozen),
    ]
    parts = [
        _head(model, folder, place, plan, device, manifest),
        "## Quality\n",
        "Bits per byte, with 95 % intervals over files, against `xz -9e` on the same "
        "text in one piece.\n",
        "| text | bytes | bits per byte | xz | share of xz | next-token accuracy |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        *_positions(model, library),
        *_shares(model, library, folder, plan),
        *curve_of(folder),
        completions(model, frozen),
    ]
    return "\n".join(parts)


def _positions(model, library: dict[str, str]) -> list[str]:
    """Return bits per token by place in the context, as a table."""
    records_by_position = code_exams.by_position(model, library.values())
    return [
        "By place in the context, on the held-out library cut into windows of "
        f"{model.context:,} tokens:\n",
        "| tokens before | bits per token |",
        "| --- | ---: |",
        *(f"| {record.details['from']:,} to {record.details['to'] - 1:,} "
          f"| {interval(record)} |" for record in records_by_position),
        "",
    ]  # fmt: skip


def _shares(model, library: dict, folder: Path, plan: coder.TokenPlan) -> list[str]:
    parse = code_exams.parse_share(model, library.values())
    read, steps = coder.batches(folder, plan), _own_steps(folder, plan)
    copied = code_exams.verbatim_share(model, read, steps)
    return [
        f"Of {parse.details['asked']} function bodies of the held-out library, written "
        f"greedily after the text up to the head: {interval(parse)} parse. Of "
        f"{copied.details['asked']} places of what the training read, "
        f"{code_exams.COPIED} tokens read and {code_exams.COPIED} written greedily: "
        f"{interval(copied)} are copied verbatim.\n",
    ]


def row_of_text(model, what: str, files: dict[str, str]) -> str:
    whole = "".join(files.values()).encode()
    packed = lzma.compress(whole, preset=9 | lzma.PRESET_EXTREME)
    xz = 8 * len(packed) / len(whole)
    bits, _, accuracy = quality.evaluate(model, files)
    share = bits.value / xz
    return (
        f"| {what} | {len(whole):,} | {interval(bits)} | {xz:.3f} | {share:.3f} "
        f"| {interval(accuracy)} |"
    )


def interval(fact: Record) -> str:
    return f"{fact.value:.3f} ({fact.low:.3f} to {fact.high:.3f})"


def _head(
    model, folder: Path, place: Path, plan: coder.TokenPlan, device: str, manifest: str
) -> str:
    count = sum(p.numel() for p in model.parameters())
    size = (place / "model.safetensors").stat().st_size
    log = recipe.log(folder)
    return f"""\
{cards.FRONT}
# {model.name}

A language model that completes Python code, small enough to train and to take apart on
two CPU cores. It belongs to llmlab; its recipe is `llmlab/zoo/coder.py` (seed
{coder.SEED}), run by `{_command(model.name, plan)}`.

| | |
| --- | --- |
| parameters | {count:,}: {shape_of(model)} |
| vocabulary | {model.vocabulary:,}, byte-level BPE |
| context | {model.context:,} tokens |
| file | {size:,} bytes, bf16, weights' version `{model.weights_version}` |
| trained on | {plan.steps * coder.TOKENS_PER_STEP:,} tokens, \
{plan.decay * coder.TOKENS_PER_STEP:,} of them in the decay |
{cards.data(start.learnt_from(folder), manifest)}
{_epochs(folder, plan)}{_start(folder)}
{cards.made(log, device=device, before=start.before(folder))}
{cards.LICENCE}

Limits: it writes plausible Python, not correct Python. It knows no natural language
beyond comments, repeats itself when it is unsure, and has seen the standard library, so
quality on your own files will differ. Nothing here was tuned for safety.
"""


def _start(folder: Path) -> str:
    """Return the row of the weights that it all began with, if they were not random."""
    version = start.started_from(start.before(folder))
    if version is None:
        return ""
    listed = "with the rest" if (folder / start.DATA).exists() else "nowhere"
    return (
        f"\n| started from | weights of version `{version}`, whose own steps do not "
        f"count here; what they had read is listed {listed} |"
    )


def _own_steps(folder: Path, plan: coder.TokenPlan) -> range:
    """Return the steps that were made in this folder, on its text."""
    return range((start.before(folder) or {"steps": 0})["steps"], plan.steps)


def _epochs(folder: Path, plan: coder.TokenPlan) -> str:
    """Return the row of how often the training has seen what, on average."""
    first = _own_steps(folder, plan).start
    constant = plan.constant - first
    flat, late = (
        steps * coder.TOKENS_PER_STEP / Stream.open(folder / name, seed=0).size
        for steps, name in ((constant, "tokens.bin"), (plan.decay, "decay.bin"))
    )
    since = f"from step {first:,} on, " if first else ""
    return (
        f"| epochs | {since}before the decay every file {flat:.2f} times, the standard "
        f"library {2 * flat:.2f} times; in the decay the library and a part of the "
        f"small packages {late:.2f} times, so the library {2 * flat + late:.2f} times "
        "in all |"
    )


def _command(name: str, plan: coder.TokenPlan) -> str:
    """Return the command that trains by this plan."""
    command = f"python -m llmlab.zoo {name}"
    if plan == coder.TokenPlan.from_tokens(coder.MILLION_TOKENS[name]):
        return command
    every, decay = (
        coder.TOKENS_PER_STEP * steps / 1e6 for steps in (plan.steps, plan.decay)
    )
    return f"{command} --tokens {every:.6g} --decay {decay:.6g}"


def shape_of(model) -> str:
    """Say in words how the parameters are laid out."""
    if isinstance(model, RecurrentModel):
        sizes = model.config
        return (
            f"{sizes.num_hidden_layers} LSTM layers of width {sizes.hidden_size}, "
            f"embedding of width {sizes.embedding_size}, tied"
        )
    shape = model.shape
    return (
        f"{shape.layers} layers of width {shape.width}, {shape.heads} query and "
        f"{shape.kv_heads} key/value heads, hidden {shape.hidden}, tied"
    )


def curve_of(folder: Path) -> list[str]:
    """Return the loss by step, training and held out, as a table."""
    return [
        "## Curve\n",
        f"A step is {coder.TOKENS_PER_STEP:,} tokens. Loss in nats per token: of the "
        "steps just before, and on held-out standard library in sequences of "
        f"{coder.SHORT[1]}, as in the first half of the constant phase. The training "
        "loss falls in the decay also because its text changes there.\n",
        *curve.table(recipe.log(folder), {"held_out_loss": ".3f"}),
        "",
    ]


def completions(model, files: dict[str, str]) -> str:
    lines = [
        "## Ten completions\n",
        f"The first {PROMPT_LINES} lines of the first ten programs of the evaluation "
        f"text, and {NEW_TOKENS} tokens more, drawn at temperature {TEMPERATURE} from "
        f"the top {TOP_P:.0%}, seed 0. Not picked: these are the first ten. Only the "
        "completion is shown. Greedy, the model soon repeats itself.\n",
    ]
    for name, text in list(files.items())[:10]:
        # A line break and the indent after it are one token, so the model writes both.
        prompt = "\n".join(text.splitlines()[:PROMPT_LINES]).rstrip()
        written = generation.complete(
            model,
            prompt,
            max_tokens=NEW_TOKENS,
            sampling=Sampling(
                temperature=TEMPERATURE,
                top_p=TOP_P,
                generator=torch.Generator().manual_seed(0),
            ),
        )
        lines += [f"`{name}`, after `{prompt.splitlines()[-1].strip()}`\n"]
        lines += ["```python", written.strip("\n").rstrip(), "```\n"]
    return "\n".join(lines)
