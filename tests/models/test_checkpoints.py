"""Checkpoints load whole or not at all, and every refusal says what to do."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import decoder

from llmlab import models

TOKENS = torch.randint(61, (2, 12), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a small sound checkpoint in the Llama format."""
    return models.save(
        decoder(dtype=torch.float32, tie_word_embeddings=True), tmp_path / "model"
    )


def change(folder: Path, name: str, new) -> None:
    """Put another tensor in the place of one, or take it out."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    assert name in tensors
    tensors[name] = new(tensors[name])
    save_file({k: v for k, v in tensors.items() if v is not None}, path)


NORM = "model.layers.1.input_layernorm.weight"


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp64"])
def test_what_is_saved_loads_with_the_same_weights(folder, tmp_path, dtype):
    model = models.load(folder, dtype=dtype)
    again = models.load(models.save(model, tmp_path / "again"), dtype=dtype)
    assert torch.equal(model(TOKENS), again(TOKENS))
    assert again.head.weight is again.embedding.weight
    assert not any(p.requires_grad for p in again.parameters())


def test_the_version_names_exactly_these_weights(folder, tmp_path):
    first = models.load(folder).weights_version
    shutil.copytree(folder, tmp_path / "copy")
    assert models.load(tmp_path / "copy").weights_version == first
    change(folder, NORM, lambda t: t + 1e-3)
    assert models.load(folder).weights_version != first


def test_saving_over_a_model_keeps_other_files(folder):
    (folder / "README.md").write_text("mine")
    models.save(models.load(folder), folder)
    assert (folder / "README.md").read_text() == "mine"
    assert not list(folder.glob(".saving-*"))


DAMAGE = {  # what happened to the checkpoint -> words of the message
    "a weight is NaN": (
        lambda f: change(f, NORM, lambda t: t * float("nan")),
        "NaN or infinite",
    ),
    "a weight is infinite": (
        lambda f: change(f, NORM, lambda t: t + float("inf")),
        "NaN or infinite",
    ),
    "a weight has another shape": (
        lambda f: change(f, NORM, lambda t: t[:-1]),
        "is \\(31,\\) and config.json says \\(32,\\)",
    ),
    "a weight is missing": (
        lambda f: change(f, NORM, lambda t: None),
        "layers.1.attention_norm.weight is missing",
    ),
    "the file is cut off": (
        lambda f: os.truncate(f / "model.safetensors", 5_000),
        "damaged or not safetensors",
    ),
    "the file is empty": (
        lambda f: os.truncate(f / "model.safetensors", 0),
        "damaged or not safetensors",
    ),
    "there are no weights": (
        lambda f: (f / "model.safetensors").unlink(),
        "no safetensors file",
    ),
    "there is no configuration": (
        lambda f: (f / "config.json").unlink(),
        "config.json is missing",
    ),
    "the configuration is cut off": (
        lambda f: os.truncate(f / "config.json", 50),
        "is not JSON",
    ),
    "the configuration is a list": (
        lambda f: (f / "config.json").write_text("[]"),
        "no JSON object",
    ),
    "the configuration is of no known model": (
        lambda f: (f / "config.json").write_text('{"model_type": "wonder"}'),
        "names no model that transformers knows",
    ),
    "a layer too many is configured": (
        lambda f: rewrite(f, num_hidden_layers=3),
        "is missing; .* and 6 more",
    ),
    "an index names a file that is not there": (
        lambda f: index_only(f, "model-00002-of-00002.safetensors"),
        "lacks model-00002-of-00002.safetensors",
    ),
}


def index_only(folder: Path, part: str) -> None:
    """Leave the folder with an index that names one file, and no other weights."""
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def rewrite(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_checkpoint_is_refused_in_one_sentence(folder, what):
    damage, words = DAMAGE[what]
    damage(folder)
    with pytest.raises(ValueError, match=words):
        models.load(folder)


def test_pickled_weights_are_refused_and_never_run(folder):
    (folder / "model.safetensors").unlink()
    trap = folder / "trap"

    class Trap:
        def __reduce__(self):
            return Path.touch, (trap,)

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"pytorch_model.bin, and pickled weights"):
        models.load(folder)
    assert not trap.exists()


def test_code_that_comes_with_a_checkpoint_is_never_run(folder):
    trap = folder / "trap"
    (folder / "wonder.py").write_text(f"open({str(trap)!r}, 'w')\n")
    rewrite(
        folder,
        model_type="wonder",
        auto_map={"AutoConfig": "wonder.C", "AutoModelForCausalLM": "wonder.M"},
    )
    with pytest.raises(ValueError, match="never runs code"):
        models.load(folder)
    assert not trap.exists()


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    path = folder / "model.safetensors"
    shutil.move(path, tmp_path / "elsewhere.safetensors")
    path.symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(ValueError, match="is a link to"):
        models.load(folder)


def test_an_index_that_leads_out_of_the_folder_is_refused(folder, tmp_path):
    shutil.copy(folder / "model.safetensors", tmp_path / "out.safetensors")
    index_only(folder, "../out.safetensors")
    with pytest.raises(ValueError, match="outside the model's folder"):
        models.load(folder)


def test_links_of_the_hubs_own_cache_are_followed(folder, tmp_path):
    home = tmp_path / "models--a--b"
    (home / "blobs").mkdir(parents=True)
    snapshot = home / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    for path in folder.iterdir():
        shutil.move(path, home / "blobs" / path.name)
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    assert models.load(snapshot)(TOKENS).shape == (2, 12, 61)


@pytest.mark.parametrize("name", ["no such model", "../nowhere/at/all", "", "a/b/c"])
def test_a_name_that_is_no_model_is_refused(name):
    with pytest.raises(ValueError, match="is no bundled model"):
        models.load(name)


def test_a_misspelt_name_is_answered_with_the_right_one():
    with pytest.raises(ValueError, match="Did you mean 'coder'"):
        models.load("codr")


def test_a_file_in_the_place_of_a_folder_is_refused(folder):
    with pytest.raises(ValueError, match="is a file"):
        models.load(folder / "config.json")


@pytest.mark.parametrize(("argument", "value"), [("dtype", "int3"), ("device", "tpu")])
def test_an_unknown_dtype_or_device_is_refused(folder, argument, value):
    with pytest.raises(ValueError, match=f"{argument}='{value}'"):
        models.load(folder, **{argument: value})


def test_a_full_disk_leaves_the_old_model(folder):
    before = (folder / "model.safetensors").read_bytes()
    script = f"""
import resource, signal
from llmlab import models
model = models.load({str(folder)!r})
model.norm.weight.mul_(2)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
models.save(model, {str(folder)!r})
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert result.returncode != 0 and "File too large" in result.stderr
    assert (folder / "model.safetensors").read_bytes() == before
    assert not list(folder.glob(".saving-*"))
    assert models.load(folder)(TOKENS).isfinite().all()
