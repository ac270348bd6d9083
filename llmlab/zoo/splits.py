"""What `classifier` learns from and is asked: its tokenizer, and the two splits.

Mostly they are cut from all files of the installation, which takes a minute or two. A
sample is cut from a few files of the standard library.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tokenizers import Tokenizer, processors

from llmlab import texts
from llmlab.core import atomic
from llmlab.models import files
from llmlab.texts import MASK, Snippet, corpus, manifests, masking
from llmlab.texts.corpus import TextFile

SEED = 1
CONTEXT = 128  # tokens
ASKED = 8  # every so many frozen snippets are asked while a sample is learnt
PAD, BEGIN, END = "[PAD]", "[CLS]", "[SEP]"


def tokenizer():
    """Return the tokenizer of `coder` with BERT's special tokens, as transformers'."""
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer.from_file(str(files.find("coder") / "tokenizer.json"))
    made.add_special_tokens([PAD, BEGIN, END, MASK])
    made.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        pair=f"{BEGIN} $A {END} $B {END}",
        special_tokens=[(marker, made.token_to_id(marker)) for marker in (BEGIN, END)],
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


def prepare(folder: Path, *, sample: int | None = None) -> dict[str, list[Snippet]]:
    """Return the snippets of each split of this installation, cut once a folder.

    A snippet to learn from that also stands in the held-out split, or among the frozen
    ones, is left out. data.json lists the files that any snippet comes from. sample: at
    most so many, of the standard library alone, and a part of the frozen ones for the
    held-out split, which takes seconds. Raises ValueError where the folder's snippets
    were chosen otherwise.
    """
    path = folder / "snippets.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)  # the manifest comes first
        found, listed = _everything() if sample is None else _sample(sample)
        used = {snippet.source for snippets in found.values() for snippet in snippets}
        chosen = [file for file in listed if f"{file.package}/{file.path}" in used]
        manifests.write_manifest(chosen, folder / manifests.MANIFEST)
        write(found, path, sample=sample)
    stored = json.loads(path.read_text())
    stored_sample = stored.pop("sample", None)
    if stored_sample != sample:
        raise ValueError(
            f"sample={sample}, but the snippets in {folder} were chosen with "
            f"sample={stored_sample}; ask for as many to go on, or choose another "
            "folder."
        )
    return _snippets(stored)


def load(folder: Path) -> dict[str, list[Snippet]]:
    """Return the snippets that `prepare` chose for this folder, however it did."""
    stored = json.loads((folder / "snippets.json").read_text())
    stored.pop("sample", None)
    return _snippets(stored)


def write(
    found: dict[str, list[Snippet]], path: Path, *, sample: int | None = None
) -> None:
    """Write the snippets of each split, as `prepare` reads them."""
    stored = {split: [asdict(s) for s in snippets] for split, snippets in found.items()}
    atomic.write(path, json.dumps(stored | {"sample": sample}))


def _snippets(stored: dict[str, list[dict]]) -> dict[str, list[Snippet]]:
    return {split: [Snippet(**row) for row in rows] for split, rows in stored.items()}


def _everything() -> tuple[dict[str, list[Snippet]], Sequence[TextFile]]:
    """Cut the snippets of each split from all files, and return them with the files."""
    listed = texts.files()
    found = {
        split: masking.collect(file for file in listed if file.split == split)
        for split in ("training", "held out")
    }
    asked = {*map(masking.key, (*found["held out"], *texts.snippets()))}
    learnt = [s for s in found["training"] if masking.key(s) not in asked]
    return found | {"training": learnt}, listed


def _sample(count: int) -> tuple[dict[str, list[Snippet]], Sequence[TextFile]]:
    """Cut at most `count` snippets, of each module as many, and read no more for them.

    Files come in the order of their hashes, and only those are cut that import a module
    of which there are too few so far.
    """
    share = count // len(masking.MODULES)
    if share < 1:
        raise ValueError(
            f"sample={count} has no snippet for each of {len(masking.MODULES)} "
            "modules; choose more, such as 600."
        )
    listed = [file for file in corpus.library() if file.split == "training"]
    seen = {*map(masking.key, texts.snippets())}
    counts: Counter[str] = Counter()
    learnt = []
    for file in sorted(listed, key=lambda file: file.sha256):
        text = file.read()
        few = "|".join(m for m in masking.MODULES if counts[m] < share)
        named = few and re.search(rf"^\s*(?:import|from)\b.*\b(?:{few})\b", text, re.M)
        if not named or corpus.says_other_terms(text):
            continue
        for snippet in masking.of_source(text, f"{file.package}/{file.path}"):
            if masking.key(snippet) not in seen and counts[snippet.module] < share:
                seen.add(masking.key(snippet))
                counts[snippet.module] += 1
                learnt.append(snippet)
    return {"training": learnt, "held out": [*texts.snippets()[::ASKED]]}, listed
