"""Makers of odd folders: a sound tiny checkpoint, and what was done to it.

The lines stand in `odd_weights`, `odd_configs` and `odd_words`. A line says of what
model the folder is, what happened to it, and what `models.load` makes of it: SAME as
transformers, or the words of its refusal.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from small_models import GPT2, LLAMA, SIZES, spread
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

SAME = "the same as transformers"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
Step = Callable[[Path], object]


@dataclass(frozen=True)
class Odd:
    """A folder: its model, what was done to it, and what loading it gives."""

    base: str
    steps: tuple[Step, ...]
    outcome: str

    def make(self, folder: Path, sound: Path) -> Path:
        """Make the folder out of the sound one."""
        shutil.copytree(sound, folder)
        for step in self.steps:
            step(folder)
        return folder


def odd(base: str, *steps: Step, gives: str = SAME) -> Odd:
    return Odd(base, steps, gives)


EXPERTS = {"num_experts_per_tok": 2, "num_key_value_heads": 2}
LONG = {
    "rope_type": "longrope",
    "rope_theta": 10_000.0,
    "short_factor": [1.0, 1.1, 1.3, 1.7],
    "long_factor": [1.0, 4.0, 9.0, 16.0],
    "original_max_position_embeddings": 32,
}
BASES = {  # family and changes of its configuration
    "llama": ("llama", LLAMA),
    "llama tied": ("llama", LLAMA | {"tie_word_embeddings": True}),
    "mistral": ("mistral", LLAMA | {"sliding_window": 7}),
    "qwen2": ("qwen2", LLAMA),
    "qwen3": ("qwen3", LLAMA | {"head_dim": 16}),
    "gpt2": ("gpt2", GPT2),
    "gpt2 untied": ("gpt2", GPT2 | {"tie_word_embeddings": False}),
    "gpt_neox": ("gpt_neox", SIZES | {"intermediate_size": 48}),
    "gemma2": ("gemma2", LLAMA | {"head_dim": 8, "sliding_window": 7}),
    "phi3": ("phi3", LLAMA | {"tie_word_embeddings": False}),
    "longrope": (
        "phi3",
        LLAMA | {"rope_parameters": LONG, "original_max_position_embeddings": 32},
    ),
    "bert": ("bert", SIZES | {"intermediate_size": 48, "is_decoder": True}),
    "mixtral": ("mixtral", LLAMA | EXPERTS | {"num_local_experts": 4}),
    "qwen3_moe": (
        "qwen3_moe",
        LLAMA | EXPERTS | {"num_experts": 4, "moe_intermediate_size": 24},
    ),
}


@cache
def bare(base: str):
    """Return the model of a sound folder; do not change it."""
    family, sizes = BASES[base]
    config = AutoConfig.for_model(family, **sizes)
    return spread(AutoModelForCausalLM.from_config(config))


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of single letters, as many as the models have tokens."""
    letters = [chr(code) for code in range(65, 124)]
    words = {"<s>": 0, "</s>": 1} | {c: i + 2 for i, c in enumerate(letters)}
    tool = Tokenizer(models.BPE(vocab=words, merges=[]))
    tool.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tool.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tool, bos_token="<s>", eos_token="</s>"
    )


def sound(base: str, folder: Path) -> Path:
    """Write the sound folder of a model; `tokens` has a tokenizer too."""
    bare(base.removesuffix(" with words")).save_pretrained(folder)
    if base.endswith(" with words"):
        tokenizer().save_pretrained(folder)
    return folder


# What may happen to a folder.


def config(**changes) -> Step:
    return lambda folder: in_json(folder / "config.json", **changes)


def generation(**changes) -> Step:
    return lambda folder: in_json(folder / "generation_config.json", **changes)


def in_json(path: Path, **changes) -> None:
    """Change entries of a JSON file; `...` takes one out."""
    held = json.loads(path.read_text("utf-8")) if path.exists() else {}
    held = {k: v for k, v in (held | changes).items() if v is not ...}
    path.write_text(json.dumps(held, ensure_ascii=False), "utf-8")


def text(name: str, content: str) -> Step:
    return lambda folder: (folder / name).write_text(content, "utf-8")


def without(*names: str) -> Step:
    return lambda folder: [(folder / name).unlink() for name in names]


def folder_at(name: str) -> Step:
    return lambda folder: (folder / name).mkdir()


def tensors(change: Callable[[dict], dict | None], name: str = WEIGHTS) -> Step:
    """Change the tensors of a file: in their dictionary, or into another."""

    def step(folder: Path) -> None:
        held = load_file(folder / name)
        changed = change(held)
        save_file(changed or held, folder / name, metadata={"format": "pt"})

    return step


def put(**new: torch.Tensor) -> Step:
    """Put tensors into the file; their names have _ for each point."""
    return tensors(
        lambda held: held | {k.replace("__", "."): t for k, t in new.items()}
    )


def take(*ends: str) -> Step:
    """Take the tensors out whose names end so."""
    return tensors(lambda h: {k: t for k, t in h.items() if not k.endswith(ends)})


def rename(old: str, new: str) -> Step:
    return tensors(lambda held: {k.replace(old, new): t for k, t in held.items()})


def cast(dtype: torch.dtype, *ends: str) -> Step:
    return tensors(
        lambda h: {k: t.to(dtype) if k.endswith(ends) else t for k, t in h.items()}
    )


def moved(name: str, to: str) -> Step:
    return lambda folder: (folder / name).rename(folder / to)


def other(name: str, base: str = "llama", scale: float = 2.0) -> Step:
    """Put the weights of another model beside, under this name."""

    def step(folder: Path) -> None:
        held = {k: scale * t for k, t in bare(base).state_dict().items()}
        save_file(held, folder / name, metadata={"format": "pt"})

    return step


def in_shards(change: Callable[[dict, list], object] | None = None) -> Step:
    """Split the weights in two files with an index; change: what the index says."""

    def step(folder: Path) -> None:
        held = load_file(folder / WEIGHTS)
        (folder / WEIGHTS).unlink()
        names, parts = (
            sorted(held),
            ["model-1-of-2.safetensors", "model-2-of-2.safetensors"],
        )
        halves = (names[: len(names) // 2], names[len(names) // 2 :])
        where = {
            n: part for part, half in zip(parts, halves, strict=True) for n in half
        }
        for part, half in zip(parts, halves, strict=True):
            save_file(
                {n: held[n] for n in half}, folder / part, metadata={"format": "pt"}
            )
        index = {"metadata": {}, "weight_map": where}
        if change:
            change(index, parts)
        (folder / INDEX).write_text(json.dumps(index))

    return step
