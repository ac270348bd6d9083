"""`llmlab measure --formats`: one model in many formats, side by side.

Every format runs in the same rounds, so that their times compare. Beside each speed
stands what it costs: the error of the logits against fp32 and, for a model with a
tokenizer, the bits per byte. A format is a word such as bf16 or bf16-prepacked, or one
of `kernels.Format` (int8, int8-dynamic, int4-g64), with a method behind it where it is
not rounding (int4-g32-gptq). Quantized models run on the operators fastest here.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from llmlab import kernels, measure, models, texts
from llmlab.command import answering
from llmlab.core import progress, records
from llmlab.core.quantities import (
    ACCURACY,
    BITS_PER_BYTE,
    EXACT_MATCH,
    FILE_SIZE,
    LOGIT_ERROR,
    SPEED_UP,
    THROUGHPUT,
    THROUGHPUT_OF_ANSWERS,
    Quantity,
)
from llmlab.core.records import Record
from llmlab.models import calibration, generation, sensitivity
from llmlab.quantization import techniques

DEFAULT = techniques.DEFAULT
COLUMNS = {  # of the table: what, phase; those that nobody has are left out
    "size": (FILE_SIZE, None),
    "answer": (THROUGHPUT_OF_ANSWERS, "answer"),
    "answer ×": (SPEED_UP, "answer"),
    "answers": (THROUGHPUT_OF_ANSWERS, "answers"),
    "answers ×": (SPEED_UP, "answers"),
    "decode": (THROUGHPUT, "decode"),
    "decode ×": (SPEED_UP, "decode"),
    "prefill": (THROUGHPUT, "prefill"),
    "prefill ×": (SPEED_UP, "prefill"),
    "batch": (THROUGHPUT, "batch"),
    "batch ×": (SPEED_UP, "batch"),
    LOGIT_ERROR.name: (LOGIT_ERROR, None),
    BITS_PER_BYTE.name: (BITS_PER_BYTE, None),
    EXACT_MATCH.name: (EXACT_MATCH, None),
    ACCURACY.name: (ACCURACY, None),
}


def make(name: str, word: str, *, device: Any = "cpu") -> Any:
    """Load a model and give it a format; ValueError for a word that is none.

    Quantized models keep everything else in bf16, and run on plain operators.
    """
    variant = techniques.read(word)
    model = models.load(name, dtype=variant.dtype, device=device)
    if not variant.technique.calibrates:
        return variant.apply(model)
    if not hasattr(model, "new_cache"):
        raise ValueError(
            f"format {word!r} calibrates on programs, and {name!r} reads other texts; "
            f"use {variant.technique.call} with batches of your own."
        )
    return variant.apply(model, calibration.batches(model))


def _tuned(made: Mapping[str, Any], batch: int) -> dict[str, Any]:
    """Give quantized models what runs fastest here; floats are what their word says."""
    tuned = {}
    for word, model in progress.track(list(made.items()), "choosing operators"):
        is_float = techniques.read(word).format is None
        tuned[word] = model if is_float else kernels.autotune(model, batch=batch)
    return tuned


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
    made = {
        word: make(name, word, device=device)
        for word in progress.track(words, "making formats")
    }
    tuned, many = _tuned(made, 1), _tuned(made, batch)
    room = exact.context
    new, long = min(new, room // 2), min(long, room - 1)
    prompt = min(prompt, room - new)
    sizes = ((1, prompt), (1, long), (batch, prompt))
    one, longer, rows = (_prompts(exact, *size) for size in sizes)
    beside = beside or {}
    facts = _timed("decode", tuned, one, new, rounds, beside)
    facts += _timed("prefill", tuned, longer, 1, rounds, beside)
    facts += _timed("batch", many, rows, max(2, new // 4), rounds, beside)
    error = sensitivity.logit_error(exact, [_read(exact)])
    for word, model in tuned.items():
        facts += _costs(word, model, error, exact)
        if exact.tokenizer is not None:
            bits = measure.quality.bits_per_byte(model, texts.short_files())
            facts.append(dataclasses.replace(bits, subject=word))
    return facts


def _answers(exact, name, words, device, batch: int, rounds: int) -> list[Record]:
    """Measure formats of a model that answers texts: one at a time, and many."""
    questions = answering.for_model(exact)
    made = {word: make(name, word, device=device) for word in words}
    facts, many = [], max(2, min(batch, len(questions.exam.asked)))
    for phase, count in (("answer", 1), ("answers", many)):
        tuned = _tuned(made, count)
        asked = questions.exam.asked[:count]
        calls = {
            w: lambda m=m, asked=asked: questions.ask(m, asked)
            for w, m in tuned.items()
        }
        speed = measure.speed(calls, rounds=rounds)
        facts += _facts(speed, calls, words[0], count, THROUGHPUT_OF_ANSWERS,
                        {"phase": phase, "batch": count})  # fmt: skip
    data = [_batch(exact, questions.exam, many)]
    error = sensitivity.logit_error(exact, data)
    for word, model in tuned.items():
        facts += _costs(word, model, error, exact)
        if questions.judged:
            given = questions.ask(model, questions.exam.asked)
            facts.append(
                measure.quality.exact_match(
                    given,
                    questions.exam.expected,
                    subject=word,
                    what=questions.exam.share,
                )
            )
    return facts


def _batch(model, exam, count: int) -> dict[str, torch.Tensor]:
    """Return what a forward call takes: texts and, where it writes, the answers."""
    longest = getattr(model.config, "max_position_embeddings", None)

    def read(texts: Sequence[str]) -> Any:
        return model.tokenizer(
            list(texts[:count]),
            return_tensors="pt",
            padding=True,
            truncation=longest is not None,
            max_length=longest,
        )

    batch = dict(read(exam.asked))
    if model.config.is_encoder_decoder:
        batch["labels"] = read(exam.expected).input_ids
    return {key: batch[key] for key in ("input_ids", "attention_mask", "labels")
            if key in batch}  # fmt: skip


def table(facts: Sequence[Record]) -> str:
    """Write one line for each format."""
    from llmlab.core.tables import text_grid

    subjects = list(dict.fromkeys(fact.subject for fact in facts))
    held = {(fact.name, fact.details.get("phase")) for fact in facts}
    columns = {
        word: (what, phase)
        for word, (what, phase) in COLUMNS.items()
        if (what.name, phase) in held
    }
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
    usual = phase == "batch" and techniques.BASE in calls
    first = techniques.BASE if usual else next(iter(calls))
    details = {"phase": phase, "batch": len(prompts), "prompt": len(prompts[0])}
    details |= {"new": new}
    return _facts(speed, calls, first, tokens, THROUGHPUT, details)


def _facts(
    speed, calls, first: str, amount: int, rate: Quantity, details
) -> list[Record]:
    """Return throughput and, against the first, the speed-up of each call."""
    facts = []
    for word in calls:
        total = speed[word].total
        facts.append(total.rate(rate, amount, subject=word, details=details))
        if word != first:
            speed_up = speed.verdict(word, first).record()
            details_of = details | {"against": first} | dict(speed_up.details)
            facts.append(
                dataclasses.replace(speed_up, subject=word, details=details_of)
            )
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
    return torch.tensor(
        [model.tokenizer(texts.short(), verbose=False)["input_ids"][:size]]
    )


@torch.inference_mode()
def _costs(word: str, model, error: Callable[[Any], float], exact) -> list[Record]:
    """Return the size of the file, and the error of the logits as a share of them."""
    size, share, weights = _file_size(model), error(model) ** 0.5, exact.weights_version
    return [
        records.measured(FILE_SIZE, size, subject=word, weights=weights),
        records.measured(LOGIT_ERROR, share, subject=word, weights=weights),
    ]


def _file_size(model) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return models.size(models.save(model, folder))


def _prompts(model, rows: int, length: int) -> list[list[int]]:
    """Draw prompts; which tokens they are changes no time here."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(model.vocabulary, (rows, length), generator=generator).tolist()


def _cell(facts, subject: str, what: Quantity, phase: str | None) -> str:
    for fact in facts:
        same = (fact.subject, fact.name) == (subject, what.name)
        if same and fact.details.get("phase") == phase:
            return fact.value_text()
    return ""
