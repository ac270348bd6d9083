"""Odd folders by their tokenizer, their end tokens and their generation_config.json."""

import json
import os

from odd_folders import (
    config,
    folder_at,
    generation,
    in_json,
    odd,
    text,
    without,
)

FILE, SETTINGS = "tokenizer.json", "tokenizer_config.json"
WRITING = "generation_config.json"
WORDS = "llama with words"
LETTERS = {chr(code): place for place, code in enumerate(range(65, 124))}


def words(*steps, gives="the same as transformers"):
    return odd(WORDS, *steps, gives=gives)


def settings(**changes):
    return lambda folder: in_json(folder / SETTINGS, **changes)


def old_style(folder):
    """Put the tokenizer there as GPT-2 had it: two files and no other."""
    for name in (FILE, SETTINGS):
        (folder / name).unlink(missing_ok=True)
    (folder / "vocab.json").write_text(
        json.dumps(LETTERS | {"AB": 59, "<|endoftext|>": 60})
    )
    (folder / "merges.txt").write_text("#version: 0.2\nA B\n")


def of_bert(folder):
    listed = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS][:61]
    (folder / "vocab.txt").write_text("\n".join(listed))


def hollow(folder):
    held = json.loads((folder / FILE).read_text())
    del held["model"]
    (folder / FILE).write_text(json.dumps(held))


TOKENIZERS = {
    "a tokenizer": words(),
    "a tokenizer with words of the world": words(settings(wonder="größe Ł ” 加")),
    "gpt2's two old files": odd("gpt2", old_style),
    "two old files beside a llama": odd("llama", old_style, gives="vocab.json"),
    "bert's one old file": odd("bert", of_bert),
    "a note beside": odd("llama", text("tokenizer_notes.md", "mine")),
    "a tokenizer cut off": words(lambda f: os.truncate(f / FILE, 300), gives=FILE),
    "a tokenizer of garbage": words(text(FILE, "garbage"), gives=FILE),
    "an empty tokenizer": words(text(FILE, ""), gives=FILE),
    "a tokenizer that is a list": words(text(FILE, "[]"), gives=FILE),
    "a tokenizer of nothing": words(text(FILE, "{}"), gives=FILE),
    "a tokenizer without its model": words(hollow, gives=FILE),
    "a folder in the tokenizer's place": words(
        without(FILE), folder_at(FILE), gives=FILE
    ),
    "settings of garbage": words(text(SETTINGS, "garbage"), gives=SETTINGS),
    "settings that are a list": words(text(SETTINGS, "[]"), gives=SETTINGS),
    "settings alone": words(without(FILE), gives=SETTINGS),
    "settings of a class of nobody": words(settings(tokenizer_class="Wonder")),
    "settings of a class that is a number": words(
        settings(tokenizer_class=3), gives=SETTINGS
    ),
    "settings with code of its own": words(
        settings(auto_map={"AutoTokenizer": ["wonder.Slow", None]})
    ),
    "a piece model of garbage": odd(
        "llama", text("tokenizer.model", "garbage"), gives="tokenizer.model"
    ),
    "another piece model of garbage": odd(
        "llama", text("spiece.model", "garbage"), gives="spiece.model"
    ),
    "half of the two old files": odd(
        "gpt2", old_style, without("merges.txt"), gives="vocab.json"
    ),
    "old files of garbage": odd(
        "gpt2", old_style, text("vocab.json", "garbage"), gives="vocab.json"
    ),
    "no settings": words(without(SETTINGS)),
    "a template of garbage": words(text("chat_template.jinja", "{% wonder")),
    "special tokens of garbage": words(
        text("special_tokens_map.json", "garbage"), gives="special_tokens_map.json"
    ),
}
END, B = "</s>", 3
ENDS = {
    "one end": words(generation(eos_token_id=B)),
    "a list of ends": words(generation(eos_token_id=[1, B, 17, 30])),
    "a list of ends in the configuration": words(
        without(WRITING), config(eos_token_id=[1, B, 17, 30])
    ),
    "ends in both places": words(
        config(eos_token_id=[5, 9]), generation(eos_token_id=[B, 30])
    ),
    "a list of ends in the tokenizer's settings": words(
        settings(eos_token=["</s>", "B"]), gives=SETTINGS
    ),
    "ends by number in the tokenizer's settings": words(settings(eos_token_id=[1, B])),
    "no end at all": words(generation(eos_token_id=None), settings(eos_token=None)),
    "an end in words": words(generation(eos_token_id="B"), gives=WRITING),
    "an end beyond the vocabulary": words(generation(eos_token_id=999)),
    "an end below zero": words(generation(eos_token_id=-1)),
    "gpt2 and a list of ends": odd("gpt2", generation(eos_token_id=[1, B, 17, 30])),
    "a configuration with ends in words": words(
        config(eos_token_id="B"), gives="config.json"
    ),
}
SETTINGS_OF_GENERATION = {
    "no generation settings": words(without(WRITING)),
    "generation settings of garbage": words(text(WRITING, "garbage"), gives=WRITING),
    "generation settings that are a list": words(text(WRITING, "[]"), gives=WRITING),
    "empty generation settings": words(text(WRITING, ""), gives=WRITING),
    "a temperature in words": words(generation(temperature="hot"), gives=WRITING),
    "a temperature of zero": words(generation(temperature=0.0, do_sample=True)),
    "sampling by its word": words(generation(do_sample=True, top_k=5, temperature=2.0)),
    "a folder in the generation settings' place": words(
        without(WRITING), folder_at(WRITING), gives=WRITING
    ),
    "gpt2 with generation settings of garbage": odd(
        "gpt2", text(WRITING, "garbage"), gives=WRITING
    ),
    "gpt2 with a temperature in words": odd(
        "gpt2", generation(temperature="hot"), gives=WRITING
    ),
}

FOLDERS = TOKENIZERS | ENDS | SETTINGS_OF_GENERATION
