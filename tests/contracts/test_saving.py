"""One save and one load: whatever was changed comes back, or is refused beforehand."""

import json
import os
import shutil
import subprocess
import sys

import fresh
import pytest
import torch
from changed_models import (
    CHANGED,
    EXPRESSED,
    MODELS,
    PLAIN,
    QUANTIZED,
    STACKED,
    llama,
)
from families import make
from fresh import answer
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils import parametrizations
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from llmlab import models, quantization
from llmlab.models import surgery
from llmlab.quantization import qat


@pytest.fixture(scope="module")
def made():
    """Return every model of the list, made once."""
    return {name: maker() for name, maker in MODELS.items()}


@pytest.fixture(scope="module")
def saved(made, tmp_path_factory):
    """Save them all; return their folders and what a fresh process answers."""
    home = tmp_path_factory.mktemp("saved")
    folders = {
        name: models.save(model, home / str(number))
        for number, (name, model) in enumerate(made.items())
    }
    loaded = fresh.answers(folders, home)
    return {name: (folders[name], loaded[name]) for name in made}


@pytest.mark.parametrize("name", MODELS)
def test_a_fresh_process_gives_the_same_logits_bit_by_bit(name, made, saved):
    assert torch.equal(saved[name][1], answer(made[name]))


@pytest.mark.parametrize("name", MODELS)
def test_what_was_loaded_is_saved_to_the_same_tensors_again(name, saved, tmp_path):
    folder = saved[name][0]
    again = models.save(models.load(folder), tmp_path)
    first, second = (load_file(f / "model.safetensors") for f in (folder, again))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", ["a decoder", "a tied decoder", *EXPRESSED])
def test_transformers_loads_what_it_can_express(name, made, saved):
    theirs = AutoModelForCausalLM.from_pretrained(saved[name][0])
    with torch.inference_mode():
        logits = theirs(fresh.tokens()).logits
    torch.testing.assert_close(logits, answer(made[name]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [*CHANGED, *QUANTIZED, *STACKED])
def test_transformers_refuses_what_it_cannot_express(name, saved):
    if name == "fewer layers of an rnn" or name.startswith("an rnn"):
        kind = "llmlab-rnn"
    else:
        kind = "llmlab-"
    with pytest.raises(ValueError, match=kind):
        AutoModelForCausalLM.from_pretrained(saved[name][0])


def test_the_file_holds_shared_layers_once(made, saved):
    folder = saved["shared layers"][0]
    with safe_open(folder / "model.safetensors", "pt") as file:
        layers = {key.split(".")[2] for key in file.keys() if "layers" in key}
    assert layers == {"0", "1"}
    model = models.load(folder)
    assert model.layers[2] is model.layers[3] is model.layers[1]
    whole = made["a tied decoder"]
    assert models.size(folder) < 0.6 * sum(p.nbytes for p in whole.parameters())


def test_a_decoder_with_groups_of_its_own_in_a_layer_generates(made):
    model = made["fewer groups in one layer"]
    prompt = [3, 1, 4, 1, 5]
    cached = list(models.generation.stream(model, prompt, max_tokens=9))
    text = list(prompt)
    for _ in range(9):
        with torch.inference_mode():
            text.append(int(model(torch.tensor([text]))[0, -1].argmax()))
    assert text[5:] == cached


def test_a_prepacked_model_is_plain_to_others_and_prepacked_here(tmp_path):
    model = surgery.clone(llama())
    layers = {
        name: quantization.PrepackedLinear(surgery.weight_of(layer))
        for name, layer in surgery.linear_layers(model).items()
    }
    packed = surgery.replace(model, layers)
    folder = models.save(packed, tmp_path)
    back = models.load(folder)
    assert torch.equal(answer(back), answer(packed))
    assert isinstance(back.head, quantization.PrepackedLinear)
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    torch.testing.assert_close(answer(theirs), answer(model), rtol=1e-4, atol=1e-4)


def test_plain_weights_written_over_a_prepacked_model_are_read_as_they_are(tmp_path):
    """As after a training with transformers, which keeps what config.json says."""
    model = llama()
    layers = {"head": quantization.PrepackedLinear(surgery.weight_of(model.head))}
    models.save(surgery.replace(model, layers), tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        theirs.lm_head.weight *= 2
    theirs.save_pretrained(tmp_path)
    assert "llmlab" in (tmp_path / "config.json").read_text()
    back = models.load(tmp_path)
    torch.testing.assert_close(answer(back), 2 * answer(model), rtol=1e-4, atol=1e-4)
    assert type(back.head) is nn.Linear


def tokenizer():
    from tokenizers import Tokenizer
    from tokenizers import models as kinds

    words = Tokenizer(kinds.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    return PreTrainedTokenizerFast(tokenizer_object=words, chat_template="{{ x }}")


def sharded(folder):
    """Write a checkpoint of several shards, as transformers does for a large model."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=61, intermediate_size=48, **sizes)
    theirs = LlamaForCausalLM(config)
    theirs.generation_config = GenerationConfig(max_new_tokens=33)
    theirs.save_pretrained(folder, max_shard_size="20KB")
    tokenizer().save_pretrained(folder)
    assert len(list(folder.glob("*.safetensors"))) > 2
    return theirs


def test_a_sharded_checkpoint_is_replaced_for_us_and_for_transformers(tmp_path):
    sharded(tmp_path)
    model = llama()
    models.save(model, tmp_path)
    assert torch.equal(answer(models.load(tmp_path)), answer(model))
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(answer(theirs), answer(model), rtol=1e-4, atol=1e-4)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "config.json", "model.safetensors",
    ]  # fmt: skip
    assert models.load(tmp_path).tokenizer is None


def test_everything_else_in_the_folder_stays_byte_for_byte(tmp_path):
    sharded(tmp_path)
    others = {
        "README.md": b"mine", ".git/HEAD": b"ref", "notes/model.safetensors": b"\x00",
        "adapter_model.safetensors": b"adapter", "adapter_config.json": b"{}",
        "other.safetensors": b"whose", "pytorch_model.bin": b"old", "data.json": b"[]",
    }  # fmt: skip
    for name, content in others.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    model = quantization.quantize(llama(), bits=4, group_size=16)
    models.save(model, tmp_path)
    assert {n: (tmp_path / n).read_bytes() for n in others} == others
    assert torch.equal(answer(models.load(tmp_path)), answer(model))


def test_a_second_file_of_weights_is_never_read(tmp_path):
    model = llama()
    models.save(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    wrong = {name: tensor + 1 for name, tensor in tensors.items()}
    save_file(wrong, tmp_path / "z.safetensors", metadata={"format": "pt"})
    index = {"weight_map": dict.fromkeys(wrong, "z.safetensors")}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert torch.equal(answer(models.load(tmp_path)), answer(model))
    (tmp_path / "model.safetensors").unlink()
    assert not torch.equal(answer(models.load(tmp_path)), answer(model))
    (tmp_path / "model.safetensors.index.json").unlink()
    with pytest.raises(ValueError, match=r"z\.safetensors, which may be anything"):
        models.load(tmp_path)


def test_a_head_that_differs_against_the_flag_is_kept(tmp_path):
    model = llama(tie_word_embeddings=False)
    models.save(model, tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text()) | {"tie_word_embeddings": True}
    path.write_text(json.dumps(config))
    back = models.load(tmp_path)
    assert torch.equal(answer(back), answer(model))
    assert not back.config.tie_word_embeddings and not back.shape.tied


def test_tied_weights_may_stand_under_the_name_of_the_head(tmp_path):
    model = llama(tie_word_embeddings=True)
    models.save(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["lm_head.weight"] = tensors.pop("model.embed_tokens.weight")
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert torch.equal(answer(models.load(tmp_path)), answer(model))


class Doubled(nn.Linear):
    """A layer that no file of ours knows."""

    def forward(self, x):
        return 2 * super().forward(x)


def doubled():
    model = llama()
    model.layers[0].mlp.up.__class__ = Doubled
    return model


def heads_gone():
    """A BERT whose attention has fewer heads than its configuration says."""
    model = make("bert")
    attention = model.bert.encoder.layer[0].attention.self
    attention.num_attention_heads = 2
    return model


def layer_gone():
    model = make("bert")
    model.bert.encoder.layer = model.bert.encoder.layer[:1]
    return model


def parametrized():
    model = llama()
    model.requires_grad_(True)
    parametrizations.weight_norm(model.layers[1].mlp.down)
    return model


def wider_head():
    model = llama()
    model.norm.weight = nn.Parameter(torch.ones(33))
    return model


REFUSED = {
    "a layer of an unknown kind": (doubled, r"layers\.0\.mlp\.up is a Doubled"),
    "a layer in training": (
        lambda: qat.prepare(llama(), group_size=8),
        "LearningLinear.*finished",
    ),
    "a parametrized layer": (parametrized, r"layers\.1\.mlp\.down"),
    "heads that the configuration does not know": (heads_gone, "num_attention_heads"),
    "a layer that the configuration names": (layer_gone, r"encoder\.layer\.1"),
    "a norm of another width": (wider_head, r"norm: weight is \(33,\)"),
    "nothing": (lambda: None, "NoneType, no model"),
    "a single layer": (lambda: nn.Linear(2, 2), "a single layer with a folder"),
    "a model of nobody's": (lambda: nn.Sequential(nn.Linear(2, 2)), "Sequential"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_not_be_loaded_is_refused_before_a_byte_is_written(what, tmp_path):
    maker, words = REFUSED[what]
    model = maker()
    with pytest.raises(ValueError, match=words):
        models.save(model, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    models.save(llama(), tmp_path / "old")
    before = {p: p.read_bytes() for p in (tmp_path / "old").iterdir()}
    with pytest.raises(ValueError, match=words):
        models.save(model, tmp_path / "old")
    assert {p: p.read_bytes() for p in (tmp_path / "old").iterdir()} == before


# Ends the process at the n-th thing that a save does to files, as a kill would.
KILLED = """
import os, sys
import torch
torch.set_num_threads(1)
from llmlab import models
home, old, new = sys.argv[1:]
model, count = models.load(new), 0
TOUCHES = ("os.rename", "os.remove", "open", "os.mkdir", "os.rmdir", "tempfile.mkdtemp")
def hook(event, arguments):
    global count
    if event in TOUCHES and home in str(arguments[0]):
        count += 1
        if count > stop:
            os._exit(9)
stop, status = 0, 9
while status == 9:
    target = os.path.join(home, f"after {stop}")
    import shutil
    shutil.copytree(old, target)
    child = os.fork()
    if child == 0:
        sys.addaudithook(hook)
        models.save(model, target)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    stop += 1
"""


def test_a_kill_leaves_the_old_model_the_new_one_or_a_folder_that_refuses(tmp_path):
    """Killed before each of its steps on files, one after the other."""
    old, new = llama(), quantization.quantize(llama(tie_word_embeddings=True), bits=4)
    folders = models.save(old, tmp_path / "old"), models.save(new, tmp_path / "new")
    home = tmp_path / "killed"
    home.mkdir()
    command = [sys.executable, "-c", KILLED, str(home), *map(str, folders)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=environment)
    ends = []
    for folder in sorted(home.iterdir(), key=lambda path: int(path.name.split()[1])):
        try:
            logits = answer(models.load(folder))
        except ValueError as error:
            assert "config.json is missing" in str(error) and "\n" not in str(error)
            assert "holds what was to come" in str(error)
            ends.append("refused")
        else:
            words = ("old", old), ("new", new)
            ends += [w for w, model in words if torch.equal(logits, answer(model))]
    assert set(ends) == {"old", "refused", "new"}
    assert len(ends) == len(list(home.iterdir())) > 8
    assert ends == sorted(ends, key=["old", "refused", "new"].index)


def test_what_a_broken_save_left_is_whole_and_can_be_moved_up(tmp_path):
    model = llama()
    folder = models.save(model, tmp_path / "model")
    partial = folder / ".saving-left"
    partial.mkdir()
    for path in list(folder.glob("*.*")):
        if path.is_file():
            shutil.move(path, partial)
    with pytest.raises(ValueError, match="saving-left holds what was to come"):
        models.load(folder)
    for path in partial.iterdir():
        shutil.move(path, folder)
    assert torch.equal(answer(models.load(folder)), answer(model))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file.* cannot be written.*free some space"):
        models.save(llama(), tmp_path / "file")


def test_the_dtype_of_a_stored_model_is_its_own_unless_another_is_asked_for(tmp_path):
    model = quantization.quantize(llama().to(torch.bfloat16))
    folder = models.save(model, tmp_path)
    assert models.load(folder).embedding.weight.dtype == torch.bfloat16
    wide = models.load(folder, dtype="fp32")
    assert wide.embedding.weight.dtype == torch.float32
    assert wide.layers[0].mlp.up.weight.dtype == torch.float32


def test_plain_models_of_every_family_are_what_transformers_writes(tmp_path):
    for name in ("a wrapped gpt-2", "bert", "t5"):
        folder = models.save(PLAIN[name](), tmp_path / name.replace(" ", "-"))
        assert "llmlab" not in (folder / "config.json").read_text()
