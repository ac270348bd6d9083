"""From snippets to batches: the tokenizer, the two splits, and what a step sees.

Every batch holds each module equally often, so that rare ones are learnt too, and is a
function of its step alone: a training that starts again sees what it would have seen.

Shapes: B sequences, T tokens.
"""

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, processors
from torch import Tensor

from llmlab.core import texts, writing
from llmlab.core.texts import MASK, Snippet
from llmlab.models import files
from llmlab.zoo import snippets

SEED = 1
BATCH = 48  # snippets a step, four of each module
DEALT = 16  # steps whose snippets are dealt out by length
HIDDEN = 0.1  # of the tokens of a training snippet
CONTEXT = 128  # tokens
PAD, BEGIN, END = "[PAD]", "[CLS]", "[SEP]"


def tokenizer():
    """Return the tokenizer of `coder` with BERT's special tokens, as transformers'."""
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer.from_file(str(files.find("coder") / "tokenizer.json"))
    made.add_special_tokens([PAD, BEGIN, END, MASK])
    made.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        pair=f"{BEGIN} $A {END} $B {END}",
        special_tokens=[(each, made.token_to_id(each)) for each in (BEGIN, END)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=PAD,
        cls_token=BEGIN,
        sep_token=END,
        mask_token=MASK,
        model_max_length=CONTEXT,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def prepare(folder: Path) -> dict[str, list[Snippet]]:
    """Return the snippets of each split of this installation, cut once a folder.

    A snippet to learn from that also stands in the held-out split, or among the frozen
    ones, is left out. data.json lists the files that any snippet comes from.
    """
    path = folder / "snippets.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)  # the manifest comes first
        listed = texts.files()
        found = {
            split: snippets.collect(file for file in listed if file.split == split)
            for split in ("training", "held out")
        }
        asked = {*map(snippets.key, (*found["held out"], *texts.snippets()))}
        learnt = [s for s in found["training"] if snippets.key(s) not in asked]
        found["training"] = learnt
        used = {snippet.source for each in found.values() for snippet in each}
        chosen = [file for file in listed if f"{file.package}/{file.path}" in used]
        texts.write_manifest(chosen, folder / "data.json")
        write(found, path)
    stored = json.loads(path.read_text())
    return {split: [Snippet(**row) for row in rows] for split, rows in stored.items()}


def write(found: dict[str, list[Snippet]], path: Path) -> None:
    """Write the snippets of each split, as `prepare` reads them."""
    stored = {split: [asdict(s) for s in each] for split, each in found.items()}
    writing.write(path, json.dumps(stored))


def encoded(words, chosen: Sequence[Snippet]) -> list[list[int]]:
    """Return the token ids of each snippet, CONTEXT of them at most."""
    codes = [snippet.code for snippet in chosen]
    return words(codes, truncation=True, max_length=CONTEXT)["input_ids"]


def batches(words, chosen: Sequence[Snippet]) -> Callable[[int], Tensor]:
    """Return the batch of each step (B, 1 + T): the module's number, then tokens.

    Every batch holds each module equally often, its snippets in a new order each time
    around. The snippets of a few steps are dealt out by length, to pad little.
    """
    rows: list[list[list[int]]] = [[] for _ in snippets.MODULES]
    for snippet, ids in zip(chosen, encoded(words, chosen), strict=True):
        rows[snippets.MODULES.index(snippet.module)].append(ids)
    if missing := [snippets.MODULES[n] for n, each in enumerate(rows) if not each]:
        raise ValueError(
            f"no snippet uses {', '.join(missing)}; train on more files, so that each "
            "module is used in one at least."
        )
    each = BATCH // len(rows)

    @functools.cache
    def order(label: int, time_around: int) -> np.ndarray:
        dice = np.random.default_rng((SEED, label, time_around))
        return dice.permutation(len(rows[label]))

    def row(label: int, number: int) -> list[int]:
        time_around, place = divmod(number, len(rows[label]))
        return [label, *rows[label][order(label, time_around)[place]]]

    @functools.lru_cache(maxsize=1)
    def dealt(number: int) -> list[list[list[int]]]:
        """Return the rows of each step of a round."""
        places = range(number * DEALT * each, (number + 1) * DEALT * each)
        sorted_rows = [
            sorted((row(label, place) for place in places), key=len)
            for label in range(len(rows))
        ]
        return [
            [row for own in sorted_rows for row in own[n * each : (n + 1) * each]]
            for n in np.random.default_rng((SEED, number)).permutation(DEALT)
        ]

    def batch(step: int) -> Tensor:
        number, place = divmod(step, DEALT)
        return _hidden(words, padded(dealt(number)[place], words.pad_token_id), step)

    return batch


def padded(rows: Sequence[Sequence[int]], pad: int) -> Tensor:
    """Return rows of different lengths as one tensor, padded at their ends."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])


def _hidden(words, batch: Tensor, step: int) -> Tensor:
    """Put [PAD] over some tokens, so that no single one is learnt by heart."""
    generator = torch.Generator().manual_seed(SEED * 1_000_003 + step)
    hidden = torch.rand(batch.shape, generator=generator) < HIDDEN
    hidden[:, :2] = False  # the label and [CLS]
    return batch.masked_fill(hidden, words.pad_token_id)
