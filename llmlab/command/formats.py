"""`llmlab measure --formats`: one model in many formats, side by side.

Every format runs in the same rounds, so that their times compare. Beside each speed
stands what it costs: the error of the logits against fp32 and, for a model with a
tokenizer, the bits per byte. A format is a word such as bf16, bf16-prepacked, int8,
int8-dynamic, int4-g64 or int4-g32-gptq.
"""

import dataclasses
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from llmlab import measure, models, quantization, texts
from llmlab.command import answering
from llmlab.core import progress, records
from llmlab.core.records import Record
from llmlab.models import calibration, generation, sensitivity

WORD = re.compile(r"int([2-8])(?:-g(\d+))?(?:-(dynamic|gptq|awq|smooth))?")
DEFAULT = "fp32,bf16,bf16-prepacked,int8,int8-dynamic,int4-g32"
COLUMNS = {  # of the table: name of the fact, phase; those that nobody has are left out
    "size": ("file size", None),
    "answer": ("throughput", "answer"),
    "answer ×": ("ratio", "answer"),
    "answers": ("throughput", "answers"),
    "answers ×": ("ratio", "answers"),
    "decode": ("throughput", "decode"),
    "decode ×": ("ratio", "decode"),
    "prefill": ("throughput", "prefill"),
    "prefill ×": ("ratio", "prefill"),
    "batch": ("throughput", "batch"),
    "batch ×": ("ratio", "batch"),
    "logit error": ("logit error", None),
    "bits per byte": ("bits per byte", None),
    "exact match": ("exact match", None),
    "accuracy": ("accuracy", None),
}


def make(name: str, word: str, *, device: Any = "cpu", rows: int = 1) -> Any:
    """Load a model and give it a format; ValueError for a word that is none.

    Quantized models keep everything else in bf16. rows: tokens at a time to choose
    operators for.
    """
    base, _, prepacked = word.partition("-")
    if base in ("fp32", "bf16", "fp16") and prepacked in ("", "prepacked"):
        model = models.load(name, dtype=base, device=device)
        return quantization.prepack(model, rows=rows) if prepacked else model
    found = WORD.fullmatch(word)
    if not found or (found[3] == "smooth" and (found[1] != "8" or found[2])):
        raise ValueError(
            f"format {word!r} is unknown; choose of fp32, bf16, fp16, bf16-prepacked, "
            "int8, int8-dynamic, int8-smooth, int4-g32, int4-g32-gptq, int4-g32-awq, "
            "with 2 to 8 bits and any group size that divides (smooth: int8 alone)."
        )
    bits, group, method = int(found[1]), found[2], found[3]
    model = models.load(name, dtype="bf16", device=device)
    size = int(group) if group else "channel"
    how = {"bits": bits, "group_size": size, "rows": rows}
    if method in ("gptq", "awq", "smooth") and not hasattr(model, "new_cache"):
        raise ValueError(
            f"format {word!r} calibrates on programs, and {name!r} reads other texts; "
            f"use quantization.{method.replace('smooth', 'smoothing')}.quantize with "
            "batches of your own."
        )
    if method in ("gptq", "awq"):
        maker = getattr(quantization, method).quantize
        return maker(model, calibration.batches(model), **how)
    if method == "smooth":
        data = calibration.batches(model)
        return quantization.smoothing.quantize(model, data, rows=rows)
    return quantization.quantize(model, activations=method == "dynamic", **how)


def compare(
    name: str,
    words: Sequence[str],
    *,
    device: Any = "cpu",
    prompt: int = 128,
    new: int = 128,
    long: int = 512,
    batch: int = 16,
    rounds: int = 6,
    beside: Mapping[str, Mapping[str, Callable[[], Any]]] | None = None,
) -> list[Record]:
    """Measure a model in formats: decode, prefill of a long prompt, decode of a batch.

    A translator or classifier has one answer timed, and `batch` of them. Ratios are of
    the first word, those of a batch's decode of bf16. beside: calls to time in the same
    rounds, by phase ("decode", "prefill", "batch") and name, such as another engine's;
    then ratios are of the first of these.
    """
    exact = models.load(name, dtype="fp32", device=device)
    if not hasattr(exact, "new_cache"):
        return _answers(exact, name, words, device, batch, rounds)
    found = {
        word: make(name, word, device=device)
        for word in progress.track(words, "making formats")
    }
    many = {
        word: make(name, word, device=device, rows=batch)
        for word in progress.track(words, "making formats for a batch")
    }
    room = exact.context
    new, long = min(new, room // 2), min(long, room - 1)
    prompt = min(prompt, room - new)
    sizes = ((1, prompt), (1, long), (batch, prompt))
    one, longer, rows = (_prompts(exact, *size) for size in sizes)
    beside = beside or {}
    facts = _timed("decode", found, one, new, rounds, beside)
    facts += _timed("prefill", found, longer, 1, rounds, beside)
    facts += _timed("batch", many, rows, max(2, new // 4), rounds, beside)
    error = sensitivity.logit_error(exact, [_read(exact)])
    for word, model in found.items():
        facts += _costs(word, model, error, exact)
        if exact.tokenizer is not None:
            bits = measure.quality.bits_per_byte(model, texts.short_files())
            facts.append(dataclasses.replace(bits, subject=word))
    return facts


def _answers(exact, name, words, device, batch: int, rounds: int) -> list[Record]:
    """Measure formats of a model that answers texts: one at a time, and many."""
    own = answering.of(exact)
    facts, many = [], max(2, min(batch, len(own.exam.asked)))
    for phase, count in (("answer", 1), ("answers", many)):
        found = {word: make(name, word, device=device, rows=count) for word in words}
        asked = own.exam.asked[:count]
        calls = {
            w: lambda m=m, asked=asked: own.ask(m, asked) for w, m in found.items()
        }
        speed = measure.speed(calls, rounds=rounds)
        facts += _facts(speed, calls, words[0], count, "answer/s",
                        {"phase": phase, "batch": count})  # fmt: skip
    data = [_batch(exact, own.exam, many)]
    error = sensitivity.logit_error(exact, data)
    for word, model in found.items():
        facts += _costs(word, model, error, exact)
        if own.judged:
            given = own.ask(model, own.exam.asked)
            share = measure.quality.exact_match(given, own.exam.expected, subject=word)
            facts.append(dataclasses.replace(share, name=own.exam.name))
    return facts


def _batch(model, exam, count: int) -> dict[str, torch.Tensor]:
    """Return what a forward call takes: texts and, where it writes, the answers."""
    longest = getattr(model.config, "max_position_embeddings", None)
    how = {"return_tensors": "pt", "padding": True}
    how |= {"truncation": longest is not None, "max_length": longest}
    batch = dict(model.tokenizer(list(exam.asked[:count]), **how))
    if model.config.is_encoder_decoder:
        batch["labels"] = model.tokenizer(list(exam.expected[:count]), **how).input_ids
    return {key: batch[key] for key in ("input_ids", "attention_mask", "labels")
            if key in batch}  # fmt: skip


def table(facts: Sequence[Record]) -> str:
    """Write one line for each format."""
    from llmlab.core.tables import text_grid

    subjects = list(dict.fromkeys(fact.subject for fact in facts))
    held = {(fact.name, fact.details.get("phase")) for fact in facts}
    columns = {word: key for word, key in COLUMNS.items() if key in held}
    rows = [
        [subject, *(_cell(facts, subject, *key) for key in columns.values())]
        for subject in subjects
    ]
    return text_grid(["format", *columns], rows)


def _timed(phase, found, prompts, new, rounds, beside) -> list[Record]:
    """Time one phase of every model; tokens are those read, or those written."""
    calls = dict(beside.get(phase, {}))
    make_call = _steps if phase == "batch" else _whole
    calls |= {word: make_call(model, prompts, new) for word, model in found.items()}
    tokens = len(prompts) * (len(prompts[0]) if phase == "prefill" else new)
    speed = measure.speed(calls, rounds=rounds, tokens=tokens)
    first = "bf16" if phase == "batch" and "bf16" in calls else next(iter(calls))
    details = {"phase": phase, "batch": len(prompts), "prompt": len(prompts[0])}
    details |= {"new": new}
    return _facts(speed, calls, first, tokens, "token/s", details)


def _facts(speed, calls, first: str, amount: int, unit: str, details) -> list[Record]:
    """Return throughput and, against the first, the ratio of each call."""
    facts = []
    for word in calls:
        rest = {"subject": word, "details": details}
        facts.append(speed[word].total.rate("throughput", amount, unit, **rest))
        if word != first:
            ratio = speed.verdict(word, first).record()
            details_of = details | {"against": first} | dict(ratio.details)
            facts.append(dataclasses.replace(ratio, name="ratio", subject=word,
                                             details=details_of))  # fmt: skip
    return facts


def _whole(model, prompts, new: int) -> Callable[[], object]:
    """Return a call that reads the prompts and writes `new` tokens."""
    return lambda: list(generation.stream_batch(model, prompts, max_tokens=new))


def _steps(model, prompts, new: int) -> Callable[[], object]:
    """Return a call of `new` decode steps, the prompts having been read before."""
    rows, read = len(prompts), len(prompts[0])
    cache = model.new_cache(rows, read + new)
    list(generation.stream_batch(model, prompts, max_tokens=1, cache=cache))
    last = [[row[-1]] for row in prompts]

    def call():
        cache.rewind(read)  # what the call before wrote is taken back
        return list(generation.stream_batch(model, last, max_tokens=new, cache=cache))

    return call


def _read(model) -> torch.Tensor:
    """Return tokens to compare logits on: of the short text, where it can be read."""
    size = min(512, model.context)
    if model.tokenizer is None:
        return torch.tensor(_prompts(model, 1, size))
    return torch.tensor([model.tokenizer(texts.short())["input_ids"][:size]])


@torch.inference_mode()
def _costs(word: str, model, error: Callable[[Any], float], exact) -> list[Record]:
    """Return the size of the file, and the error of the logits as a share of them."""
    rest = {"subject": word, "weights": exact.weights_version}
    return [
        records.measured("file size", _file_size(model), "B", **rest),
        records.measured("logit error", error(model) ** 0.5, "1", **rest),
    ]


def _file_size(model) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return models.size(models.save(model, folder))


def _prompts(model, rows: int, length: int) -> list[list[int]]:
    """Draw prompts; which tokens they are changes no time here."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(model.vocabulary, (rows, length), generator=generator).tolist()


def _cell(facts, subject: str, name: str, phase: str | None) -> str:
    for fact in facts:
        same = (fact.subject, fact.name) == (subject, name)
        if same and fact.details.get("phase") == phase:
            return fact.value_text()
    return ""
