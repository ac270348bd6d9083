"""Engines take turns in processes of their own, and answer for the same weights."""

import importlib.util
import os
import subprocess

import pytest
import torch
from small_models import LLAMA, model, spread
from transformers import LlamaConfig

from llmlab import command, models
from llmlab.models import gguf_llama, gguf_writing
from llmlab.models.decoder import Decoder
from llmlab.peers import racing

HAS_GGUF = importlib.util.find_spec("gguf") is not None
PROMPTS = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]


def llama_is_here():
    """Whether the Python that is named for llama.cpp has it."""
    python = os.environ.get(racing.LLAMA)
    if python is None:
        return importlib.util.find_spec("llama_cpp") is not None
    return subprocess.run([python, "-c", "import llama_cpp"]).returncode == 0


@pytest.fixture(scope="module")
def small():
    """A Llama of sizes that llama.cpp rounds in blocks of 32."""
    sizes = {"hidden_size": 64, "intermediate_size": 96, "vocab_size": 64}
    return spread(Decoder(LlamaConfig(**LLAMA | sizes))).float()


@pytest.mark.slow
def test_our_engines_and_transformers_write_the_same_tokens_in_every_round(
    small, tmp_path
):
    models.save(small, tmp_path)
    names = ["transformers fp32", "llmlab fp32", "llmlab int8, native"]
    runners = [racing.ours(name, tmp_path) for name in names]
    job = {"job": "decode", "prompts": PROMPTS, "new": 6}
    rounds = racing.race(runners, 2, job)
    assert [set(one.seconds) for one in rounds] == [set(names)] * 2
    assert all(0 <= share <= 1 for one in rounds for share in one.neighbours.values())
    theirs, ours, native = (runner.ask(job)["tokens"] for runner in runners)
    assert ours == theirs and len(native) == 6
    logits = [
        torch.tensor(
            runner.ask({"job": "logits", "prompt": [1, 2], "more": [3]})["logits"]
        )
        for runner in runners
    ]
    assert (logits[0] - logits[1]).norm() < 1e-5 * logits[0].norm()
    assert (logits[0] - logits[2]).norm() < 0.05 * logits[0].norm()
    for runner in runners:
        runner.close()
        assert runner.process.returncode == 0


def test_rows_in_pairs_are_rows_by_halves_the_other_way_round():
    weight = torch.randn(24, 5)
    assert torch.equal(
        gguf_llama.by_halves(gguf_writing.in_pairs(weight, 3), 3), weight
    )


@pytest.mark.skipif(not HAS_GGUF, reason="gguf is not installed: pip install gguf")
def test_a_gguf_file_holds_the_model_that_was_written(small, tmp_path):
    from gguf import GGUFReader

    path = gguf_writing.write(small, tmp_path / "model.gguf", type="f32")
    reader = GGUFReader(path)
    metadata = {name: field.contents() for name, field in reader.fields.items()}
    config = gguf_llama.config(metadata, tied=False)
    assert config.hidden_size == 64 and config.num_key_value_heads == 2
    weights = gguf_llama.weights(reader.tensors, metadata, what="reading")
    query = weights["model.layers.1.self_attn.q_proj.weight"]
    assert torch.equal(query, small.layers[1].attention.query.weight.bfloat16())
    with pytest.raises(ValueError, match="type='int3'"):
        gguf_writing.write(small, tmp_path / "other.gguf", type="int3")
    for other, word in (("decoder with a window", "windows"), ("gpt2", "Llama family")):
        with pytest.raises(ValueError, match=word):
            gguf_writing.write(model(other), tmp_path / "other.gguf")
    assert [file.name for file in tmp_path.iterdir()] == ["model.gguf"]


@pytest.mark.skipif(
    not (HAS_GGUF and llama_is_here()), reason="llama-cpp-python is not installed"
)
def test_llama_cpp_writes_our_tokens_from_our_file(small, tmp_path):
    path = gguf_writing.write(small, tmp_path / "model.gguf", type="f32")
    runner = racing.llama("llama.cpp", path)
    answer = runner.ask({"job": "decode", "prompts": PROMPTS, "new": 12})
    assert answer["tokens"] == list(small.stream_batch(PROMPTS, max_tokens=12))
    runner.close()


def test_the_command_writes_a_file_or_says_what_is_missing(small, tmp_path, capsys):
    models.save(small, tmp_path / "small")
    words = ["export", "--model", str(tmp_path / "small"), "--type", "f32"]
    status = command.main([*words, "--out", str(tmp_path / "small.gguf")])
    said = capsys.readouterr()
    assert (tmp_path / "small.gguf").is_file() == HAS_GGUF
    if HAS_GGUF:
        assert status == 0 and "token ids only" in said.out
    else:
        assert status == 2 and "pip install" in said.err
