"""What `classifier` learns from and is asked: its tokenizer, and the two splits."""

import json
from dataclasses import asdict
from pathlib import Path

from tokenizers import Tokenizer, processors

from llmlab.core import snippets, texts, writing
from llmlab.core.texts import MASK, Snippet
from llmlab.models import files

SEED = 1
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
