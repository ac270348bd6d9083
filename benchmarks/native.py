"""A native step against transformers, llama.cpp and our own layers, side by side.

Greedy decoding of one sequence (127 steps behind a prompt of 128) and of sixteen (31
steps), a prefill of 512, on random weights of the shapes S, M and L; the bundled coder
against our own fp32. A process an engine, rounds whose order rotates, medians; the bare
read of as many bytes and what neighbours took stand beside them. llama.cpp runs where
LLMLAB_LLAMA_PYTHON names a Python that has llama-cpp-python; `gguf` writes its file.
ONNX Runtime GenAI runs if LLMLAB_GENAI_PYTHON names one that has onnxruntime-genai.

python benchmarks/native.py [S M L coder]; the result goes to recorded/native.json.
`--small` runs one round of a few tokens, prints and writes nothing.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import torch

from llmlab import models, show
from llmlab.core import recording, records
from llmlab.core.quantities import LOGIT_ERROR, READ_BANDWIDTH, SPEED_UP, THROUGHPUT
from llmlab.kernels.native import compilers
from llmlab.models import gguf_writing
from llmlab.peers import onnx_genai, racing

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "llmlab" / "recorded" / "native.json"
COMMAND = "python benchmarks/native.py"
FORMATS = ("int8", "int8-g64", "int4-g32")
HF, FP32, EAGER = "transformers fp32", "llmlab fp32", "llmlab int8, eager"
BF16, AVX512 = "llmlab bf16", "llmlab int8, AVX-512"
NATIVE, GROUPS, INT4 = (f"llmlab {word}, native" for word in FORMATS)
PLAIN, AVX2 = "llmlab int8, plain C", "llmlab int8, AVX2"
LLAMA, LLAMA4, READ = "llama.cpp Q8_0", "llama.cpp Q4_0", "bare read"
GGUF = {LLAMA: "q8_0", LLAMA4: "q4_0"}
ONNX = {"ONNX Runtime GenAI int8": "int8", "ONNX Runtime GenAI int4": "int4"}
MOST = (NATIVE, GROUPS, INT4, LLAMA, LLAMA4, *ONNX, READ)
ENGINES = {
    "M": (HF, FP32, BF16, EAGER, PLAIN, AVX2, AVX512, *MOST),
    "S": MOST,
    "L": MOST,
}
ENGINES |= {"coder": (FP32, PLAIN, NATIVE, INT4, READ)}
AGAINST = {INT4: LLAMA4}  # all others: llama.cpp Q8_0, or fp32 where it does not run
WAYS = {AVX2: "avx2", AVX512: "avx512"}  # left out where a processor has none
JOBS = {  # phase -> batch, prompt, new tokens
    "decode": (1, 128, 128),
    "batch": (16, 128, 32),
    "prefill": (1, 512, 1),
}
SMALL = {"decode": (1, 16, 4), "batch": (2, 16, 3), "prefill": (1, 32, 1)}
ROUNDS = 5
BEFORE = 128  # tokens before those whose logits are compared


def main() -> None:
    """Race, show and keep, shape by shape."""
    options = _options()
    for shape in options.shapes or ENGINES:
        with tempfile.TemporaryDirectory() as folder:
            facts = race(shape, Path(folder), small=options.small)
        if options.small:
            continue
        here = {(fact.machine, shape_of(fact)) for fact in facts}
        old = records.load(OUT) if OUT.exists() else []
        kept = [fact for fact in old if (fact.machine, shape_of(fact)) not in here]
        records.save([*kept, *facts], OUT)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*", choices=[*ENGINES, []])
    parser.add_argument("--small", action="store_true", help="a few tokens, not kept")
    return parser.parse_args()


def race(shape: str, folder: Path, *, small: bool) -> list[records.Record]:
    """Let all engines of a shape take turns; return what they took."""
    model = models.load(shape) if shape == "coder" else drawn(shape)
    models.save(model, folder)
    runners = started(shape, model, folder)
    read = sum(p.numel() for p in model.parameters())  # bytes, were all of it int8
    generator, facts = torch.Generator().manual_seed(0), []
    for phase, (batch, prompt, new) in (SMALL if small else JOBS).items():
        prompts = torch.randint(  # the last token ends a text in GenAI
            model.vocabulary - 1, (batch, prompt), generator=generator
        ).tolist()
        racers = [r for r in runners.values() if r.name != READ or phase == "decode"]
        job = {"job": "decode", "prompts": prompts, "new": new}
        if phase == "prefill":
            job = {"job": "prefill", "prompt": prompts[0]}
        rounds = racing.race(racers, 1 if small else ROUNDS, job)
        size = {"batch": batch, "prompt": prompt, "new": new}
        more = told(shape, {"phase": phase, **size}, rounds, read)
        print(phase, show.table(more), sep="\n", flush=True)
        facts += more
    before = min(BEFORE, prompt - 1)
    far = errors(shape, runners, prompts[0][:before], prompts[0][before : before + 1])
    if far:
        print(show.table(far), flush=True)
    facts += far
    for runner in runners.values():
        runner.close()
    return facts


def started(shape: str, model, folder: Path) -> dict[str, racing.Runner]:
    """Write a model as each engine reads it, and start the engines of a shape."""
    runners, here = {}, compilers.find()[0].ways()
    for name in ENGINES[shape]:
        if WAYS.get(name, "plain") not in here:
            continue
        if name in GGUF:
            file = folder / f"{GGUF[name]}.gguf"
            path = gguf_writing.write(model, file, type=GGUF[name])
            runners[name] = racing.llama(name, path)
        elif name not in ONNX:
            runners[name] = racing.ours(name, folder)
        elif racing.GENAI in os.environ:
            runners[name] = racing.genai(name, built(model, ONNX[name], folder))
    return runners


def built(model, precision: str, folder: Path) -> Path:
    """Let ONNX Runtime's builder write a model; any tokenizer will do."""
    source = folder / "with a tokenizer"
    models.save(model, source)
    models.load("coder").tokenizer.save_pretrained(source)
    python = racing.python_of(racing.GENAI)
    out = folder / f"onnx-{precision}"
    return onnx_genai.build(source, out, precision=precision, python=python)


def drawn(shape: str):
    """Return a model of a shape whose weights are wide enough to make logits differ."""
    model = models.random_model(shape)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data *= 2.5  # N(0, 0.05)
    return model


def told(shape: str, step: dict, rounds: list, read: int) -> list[records.Record]:
    """Return tokens a second, and how many times those of llama.cpp or of fp32.

    step: phase, batch, prompt and new tokens.
    """
    new, facts = step["new"], []
    tokens = step["batch"] * (new - 1) if new > 1 else step["prompt"]
    usual = LLAMA if LLAMA in rounds[0].seconds else FP32
    for name in rounds[0].seconds:
        against = AGAINST.get(name, usual)
        against = against if against in rounds[0].seconds else usual
        seconds = [one.seconds[name] for one in rounds]
        share = statistics.median(one.neighbours[name] for one in rounds)
        details = {"note": f"neighbours took {share:.0%} of the machine"}
        subject = f"{shape}: {name}"
        if name == READ:
            rates = [read * (new - 1) / s for s in seconds]
            facts.append(
                fact(READ_BANDWIDTH, rates, subject, {"bytes": read, **details})
            )
            continue
        rates = [tokens / s for s in seconds]
        facts.append(fact(THROUGHPUT, rates, subject, step | details))
        if name != against:
            ratios = [one.seconds[against] / one.seconds[name] for one in rounds]
            details = step | {"against": against} | details
            facts.append(fact(SPEED_UP, ratios, subject, details))
    return facts


def errors(shape: str, runners: dict, prompt: list, more: list) -> list[records.Record]:
    """Return how far the logits are from those in fp32, after a prompt and a step."""
    exact = HF if HF in runners else FP32
    if exact not in runners:
        return []
    answers = {
        name: torch.tensor(
            runner.ask({"job": "logits", "prompt": prompt, "more": more})["logits"]
        )
        for name, runner in runners.items()
        if name != READ
    }
    wanted = answers.pop(exact)
    return [
        fact(
            LOGIT_ERROR,
            [float((got - right).norm() / right.norm())],
            f"{shape}: {name}",
            {"note": f"after {what}, relative to {exact}"},
        )
        for name, logits in answers.items()
        for what, got, right in zip(("a prompt", "a step"), logits, wanted, strict=True)
    ]


def fact(what, values: list[float], subject: str, details: dict) -> records.Record:
    """Return the median of the rounds, with the lowest and the highest."""
    return recording.of_rounds(
        what, values, subject=subject, details=details, command=COMMAND
    )


def shape_of(one: records.Record) -> str:
    return one.subject.partition(":")[0]


if __name__ == "__main__":
    main()
