"""What a folder holds beside the model: its tokenizer and how it wants to write on.

transformers reads these files; what it cannot read is one sentence with their names.
"""

from pathlib import Path
from typing import Any

from llmlab.models import files
from llmlab.models.from_config import first_line

WORDS = (  # files of which any makes a tokenizer
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json",
    "vocab.txt", "spiece.model", "sentencepiece.bpe.model",
)  # fmt: skip
BESIDE = ("special_tokens_map.json", "added_tokens.json")
WRITING = "generation_config.json"
NUMBERS = ("temperature", "top_k", "top_p", "repetition_penalty", "max_new_tokens")


def tokenizer_of(folder: Path, config: Any) -> Any:
    """Return the tokenizer that stands in a folder, or None.

    Raises ValueError where its files are damaged.
    """
    held = [name for name in WORDS if (folder / name).exists()]
    if not held:
        return None
    for name in (*WORDS, *BESIDE):
        if name.endswith(".json") and (folder / name).exists():
            _check_json(folder / name)
    from transformers import AutoTokenizer, PretrainedConfig

    # Its own type it does not know, and would warn of.
    known = isinstance(config, PretrainedConfig)
    try:
        return AutoTokenizer.from_pretrained(
            folder,
            trust_remote_code=False,
            config=config if known else PretrainedConfig(),
        )
    except Exception as error:  # transformers and tokenizers fail in many ways
        raise ValueError(
            f"the tokenizer's files in {folder} ({', '.join(held)}) cannot be read: "
            f"{_reason(error)}; get them again, or take them away to load the model "
            "without a tokenizer."
        ) from error


def _check_json(path: Path) -> None:
    """Raise ValueError that names this one of the tokenizer's files, if damaged."""
    try:
        files.read_json(path)
    except ValueError as error:
        raise ValueError(
            f"the tokenizer's files in {path.parent} cannot be read: {error}"
        ) from error


def _reason(error: Exception) -> str:
    """Say why there is no tokenizer, without other libraries' advice."""
    said = str(error)
    if "trust_remote_code" in said:
        return "they come with code, which llmlab never runs"
    if "pip install" in said or "backend tokenizer" in said:
        return "no vocabulary in them is one that the installed libraries read"
    return first_line(error)


def generation_of(folder: Path) -> Any:
    """Return what a folder says of writing on, or None; ValueError where damaged."""
    from transformers import GenerationConfig

    if not (folder / WRITING).exists():
        return None
    raw = files.read_json(folder / WRITING)
    try:
        said = GenerationConfig.from_dict(raw)
        said.validate()
        _check_entries(said)
    except Exception as error:  # transformers' own rules fail in many ways
        raise ValueError(
            f"{folder / WRITING} has an entry that cannot be ({first_line(error)}); "
            "mend it, or take the file away to load the model without it."
        ) from error
    return said


def _check_entries(said: Any) -> None:
    """Raise ValueError for entries of the wrong type, which transformers lets pass."""
    ends = said.eos_token_id
    each = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if not all(type(end) is int for end in each):
        raise ValueError(f"eos_token_id={ends!r} is no token's number and no list")
    for name in NUMBERS:
        value = getattr(said, name, None)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise ValueError(f"{name}={value!r} is no number")
