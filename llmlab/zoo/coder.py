"""The recipe of the models that complete Python code: `coder` and its two smaller kin.

Trained on the sources of this installation (`texts.corpus`), with Muon (Jordan 2024)
for the matrices of the layers and AdamW for the rest: on two cores tokens are scarce,
and Muon needs fewer of them. The rate is constant on everything, in sequences of 256
and then of 512, since attention to short ones costs less (Press et al. 2021). It decays
at the end on the cleanest part, the standard library and small packages, in sequences
of 1,024. What a step sees depends on its number and the plan alone, so models trained
with one plan have read the same text in the same order.

`--resume FOLDER` begins with weights instead of at random. Those that `--keep` wrote go
on at their step; others, such as llmlab/weights/coder, are the start of a plan of its
own: step 0, a fresh optimizer, warm-up. So that is the way to teach a bundled model
other texts; `--tokens 5 --decay 2` would make it a short one.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from llmlab import models, texts
from llmlab.core import atomic, machine
from llmlab.kernels import abilities
from llmlab.models import files, surgery, training
from llmlab.models.rnn import RecurrentModel
from llmlab.models.streams import WINDOW, Stream
from llmlab.texts import manifests
from llmlab.texts.corpus import TextFile
from llmlab.zoo import recipe, shapes, start, tokens

SEED = 1
RATE = 2e-3
# The library may be read three times at most, which 53 M tokens nearly do. The small
# ones read less, both the same, since they are compared with each other.
MILLION_TOKENS = {"coder": 53.0, "coder-small": 16.384, "coder-rnn": 16.384}
DECAY_MILLION = 4.9152
SHORT, MIDDLE, LONG = (32, 256), (16, 512), (8, 1024)  # rows, length
TOKENS_PER_STEP = 8192  # in each of them
WARMUP_STEPS = 100
EXAM = 16  # windows of held-out text


@dataclass(frozen=True)
class TokenPlan:
    """How long to train: steps in all, of which the last ones decay."""

    steps: int
    decay: int

    @classmethod
    def from_tokens(
        cls, million_tokens: float, *, decay_million: float = DECAY_MILLION
    ) -> "TokenPlan":
        steps = round(million_tokens * 1e6 / TOKENS_PER_STEP)
        return cls(steps, min(steps, round(decay_million * 1e6 / TOKENS_PER_STEP)))

    @property
    def constant(self) -> int:
        return self.steps - self.decay


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the rest."""
    apart = [model.projection] if isinstance(model, RecurrentModel) else []
    return training.muon_and_adamw(model, rate=RATE, apart=apart)


def prepare(folder: Path, *, tokenizer: Path | None = None) -> None:
    """Make manifest, tokenizer and token streams of this installation, once.

    tokens.bin: everything, the standard library twice. decay.bin: the standard library
    and a part of the small packages. held_out.bin: held-out standard library. A
    training that goes on hands in its tokenizer; a new one learns its own. Raises
    ValueError where the folder was prepared with another tokenizer.
    """
    if tokenizer and not tokenizer.exists():
        raise ValueError(f"{tokenizer} is missing; weights are read in their tokens.")
    if (folder / "held_out.bin").exists():
        tokenizer_file = folder / "tokenizer.json"
        if tokenizer and tokens.words(tokenizer) != tokens.words(tokenizer_file):
            raise ValueError(
                f"{tokenizer_file} is not {tokenizer}, so the texts of this folder are "
                "encoded otherwise; choose another --folder."
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    listed = texts.files()
    training_files = [f for f in listed if f.split == "training"]
    library = [f for f in training_files if f.package == "python"]
    if tokenizer is None:
        made = tokens.train_tokenizer(
            (f.read() for f in training_files), vocabulary=shapes.VOCABULARY
        )
    else:
        made = Tokenizer.from_file(str(tokenizer))
    made.save(str(folder / "tokenizer.json"))
    manifests.write_manifest(listed, folder / manifests.MANIFEST)
    tokens.encode_files(made, training_files + library, folder / "tokens.bin")
    tokens.encode_files(made, decay_files(training_files), folder / "decay.bin")
    tokens.encode_files(made, held_out_library(listed), folder / "held_out.bin")


def decay_files(training_files: list[TextFile]) -> list[TextFile]:
    """Return the library and 30 % of the files of packages with at most 120 of them."""
    sizes = Counter(f.package for f in training_files)
    return [
        f
        for f in training_files
        if f.package == "python"
        or (sizes[f.package] <= 120 and int(f.sha256, 16) // 100 % 100 < 30)
    ]


def held_out_library(listed: Sequence[TextFile]) -> list[TextFile]:
    """Return the standard library's held-out files in path order."""
    chosen = [f for f in listed if f.package == "python" and f.split == "held out"]
    return sorted(chosen, key=lambda file: file.path)


def batches(folder: Path, plan: TokenPlan) -> Callable[[int], Tensor]:
    """Return the batch of each step: sequences grow, the longest are for the decay."""
    everything = Stream.open(folder / "tokens.bin", seed=SEED)
    cleanest = Stream.open(folder / "decay.bin", seed=SEED)

    def batch(step: int) -> Tensor:
        late = step - plan.constant
        stream, shape = (everything, MIDDLE) if late < 0 else (cleanest, LONG)
        if step < plan.constant // 2:
            shape = SHORT
        first = (step if late < 0 else late) * TOKENS_PER_STEP
        return stream.batch(first, rows=shape[0], length=shape[1])

    return batch


def held_out_rows(folder: Path) -> list[Tensor]:
    """Return held-out standard library in the training's shortest sequences (B, T)."""
    stream, (_, length) = Stream.open(folder / "held_out.bin", seed=0), SHORT
    rows = WINDOW // length
    return [stream.batch(n * WINDOW, rows=rows, length=length) for n in range(EXAM)]


def held_out_loss(folder: Path) -> Callable[[nn.Module], dict]:
    """Return a function that gives the loss on held-out standard library, in nats.

    In the shortest sequences of the training: longer ones would, until they are trained
    on, ask how well a model does at places that it has not met.
    """
    rows = held_out_rows(folder)

    def evaluate(model: nn.Module) -> dict[str, float]:
        device = next(model.parameters()).device
        losses = [
            training.next_token_loss(model, row.to(device)).item() for row in rows
        ]
        return {"held_out_loss": round(sum(losses) / len(losses), 5)}

    return evaluate


def train(
    name: str,
    folder: Path,
    plan: TokenPlan,
    *,
    resume: Path | None = None,
    tokenizer: Path | None = None,
    stop_after: int | None = None,
    compiled: bool = False,
    device: str = "cpu",
) -> nn.Module:
    """Train, or go on training, the model `name` in `folder`; return it.

    resume: weights to begin with, with a fresh optimizer and a short warm-up: at their
    step if `keep` wrote them, else at step 0. A checkpoint in the folder goes first.
    compiled: run the steps through torch.compile, which wants a C++ compiler.
    """
    torch.manual_seed(SEED)
    begun = (folder / "training.safetensors").exists()
    model = models.load(resume) if resume and not begun else shapes.fresh(name)
    shapes.check(model, name)
    prepare(folder, tokenizer=resume / "tokenizer.json" if resume else tokenizer)
    if not begun:
        start.begin(folder, resume)
    first = (start.before(folder) or {"steps": 0})["steps"]
    warmup = min(WARMUP_STEPS, plan.constant)
    flat = training.constant_then_decay(
        plan.steps, warmup=warmup, decay=plan.decay, floor=0.02
    )
    loss = training.next_token_loss
    if compiled:
        abilities.keep_compiled_apart()
    trained = training.train(
        model.to(device),
        batches(folder, plan),
        steps=plan.steps,
        optimizers=optimizers,
        loss=torch.compile(loss, dynamic=False) if compiled else loss,
        schedule=lambda step: min(flat(step), (step - first + 1) / max(1, warmup)),
        autocast=torch.bfloat16,  # as the published weights, whatever is fastest here
        folder=folder,
        checkpoint_every=100,
        evaluate=held_out_loss(folder),
        evaluate_every=100,
        start=first,
        stop_after=stop_after,
    )
    return trained.model


def keep(model: nn.Module, folder: Path, target: Path, *, steps: int) -> Path:
    """Write bf16 weights of the constant phase, to go on from, with log and data."""
    model = surgery.clone(model).to("cpu", torch.bfloat16)
    model.tokenizer = tokens.wrap(Tokenizer.from_file(str(folder / "tokenizer.json")))
    models.save(model, target)
    facts = {"steps": steps, "tokens": steps * TOKENS_PER_STEP}
    facts |= {"machine": machine.describe().label}
    facts |= {"before": start.before(folder)}
    atomic.write(target / "resume.json", json.dumps(facts) + "\n")
    rows = [row for row in recipe.log(folder) if row["step"] <= steps]
    atomic.write(target / "log.jsonl", "".join(json.dumps(r) + "\n" for r in rows))
    learnt = manifests.manifest_text(start.learnt_from(folder))
    atomic.write(target / manifests.MANIFEST, learnt)
    return target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this recipe can be told besides what every recipe can."""
    parser.add_argument("--tokens", type=float, help="millions of tokens in all")
    parser.add_argument(
        "--decay",
        type=float,
        default=DECAY_MILLION,
        help="millions of them in the decay",
    )
    parser.add_argument(
        "--resume",
        help="begin with these weights: a folder that --keep wrote (goes on at its "
        "step), any other of this model's shape, such as llmlab/weights/coder, or a "
        "bundled name (step 0 of this plan, fresh optimizer, warm-up)",
    )
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda")
    parser.add_argument(
        "--compile",
        action="store_true",
        help="faster steps; wants a C++ compiler",
    )
    parser.add_argument(
        "--keep", type=Path, help="write weights of the constant phase there"
    )


def run(options: argparse.Namespace, *, card: ModuleType) -> None:
    """Train `options.name`; keep it, and publish it with its card, where asked.

    card: the module that writes it. It measures by this recipe, so it is handed in.
    """
    name, folder = options.name, options.folder
    million = options.tokens or MILLION_TOKENS[name]
    plan = TokenPlan.from_tokens(million, decay_million=options.decay)
    last = min(plan.steps, options.stop_after or plan.steps)
    if options.keep and last > plan.constant:
        raise ValueError(
            f"--keep wants weights of the constant phase, which ends at step "
            f"{plan.constant:,}, and this goes to {last:,}; add --stop-after "
            f"{plan.constant}."
        )
    if options.publish and last < plan.steps:
        raise ValueError(
            f"--publish wants the end, step {plan.steps:,}, and --stop-after is "
            f"{last:,}; leave one of them out."
        )
    tokenizer = None
    if name != "coder":  # its kin speak its words: one drafts for it, one is its peer
        tokenizer = files.find("coder") / "tokenizer.json"
    model = train(
        name,
        folder,
        plan,
        resume=files.find(options.resume) if options.resume else None,
        tokenizer=tokenizer,
        stop_after=options.stop_after,
        compiled=options.compile,
        device=str(machine.device(options.device)),
    )
    done = max(row["step"] for row in recipe.log(folder))
    print(f"trained {done} of {plan.steps} steps in {folder}")
    if options.keep:
        print(f"written {keep(model, folder, options.keep, steps=done)}")
    if options.publish:
        print(f"written {card.publish(name, model, folder, options.publish, plan)}")
