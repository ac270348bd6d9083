"""A damaged file of a checkpoint is named in one sentence, with the way out."""

import json
import shutil

import pytest

from llmlab import models

DAMAGED = {
    "garbage": "garbage",
    "cut": '{"a": [1',
    "list": "[]",
    "null": "null",
    "deep": "[" * 100_000,
}
FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "generation_config.json", "config.json",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Return a checkpoint with a tokenizer, to be damaged."""
    source = models.files.bundled() / "coder-small"
    copy = tmp_path / "checkpoint"
    copy.mkdir()
    for path in source.iterdir():
        shutil.copyfile(path, copy / path.name)
    return copy


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(folder, name, content):
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match="get the file again") as refused:
        models.load(folder)
    assert str(folder / name) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["{}", '{"model": 3}'])
def test_a_tokenizer_that_is_json_and_none_is_named(folder, content):
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(ValueError, match="get them again") as refused:
        models.load(folder)
    assert f"{folder} (tokenizer.json" in str(refused.value)


def test_a_tokenizer_of_foreign_code_is_refused_in_our_own_words(folder):
    says = {
        "auto_map": {"AutoTokenizer": ["evil.Tok", None]},
        "tokenizer_class": "Evil",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(says))
    with pytest.raises(ValueError, match="llmlab never runs") as refused:
        models.load(folder)
    assert "trust_remote_code" not in str(refused.value)


def test_other_files_of_a_folder_say_nothing(folder):
    (folder / "tokenizer_notes.md").write_text("notes")
    assert models.load(folder).tokenizer is not None
