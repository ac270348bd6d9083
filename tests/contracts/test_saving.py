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
from small_models import wrapped
from torch import nn
from torch.nn.utils import parametrizations
from transformers import (
    AutoModelForCausalLM,
    BertForMaskedLM,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from llmlab import models, quantization
from llmlab.kernels import Format
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


def test_prepacked_layers_of_gpt2_stand_in_the_file_as_transformers_has_them(tmp_path):
    """Its layers keep their weights the other way round."""
    model = wrapped(dtype=torch.float32)
    name = "model.transformer.h.0.attn.c_proj"  # a square one, where no size tells
    layer = quantization.PrepackedLinear(surgery.weight_of(model.get_submodule(name)))
    packed = surgery.replace(model, {name: layer})
    back = models.load(models.save(packed, tmp_path))
    assert torch.equal(answer(back), answer(packed))
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(answer(theirs), answer(model), rtol=1e-4, atol=1e-4)


def test_a_path_means_a_folder_even_where_a_bundled_model_has_its_name(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    model = llama()
    assert torch.equal(answer(models.load(models.save(model, "coder"))), answer(model))
    assert models.load("coder").vocabulary == 4096


def test_home_is_home_and_nothing_is_no_place(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models.save(llama(), "~/mine") == tmp_path / "mine"
    assert models.load("~/mine").vocabulary == 61
    for wrong in ("", None, 5):
        with pytest.raises(ValueError, match="no place to save"):
            models.save(llama(), wrong)
    for wrong in (None, 5):
        with pytest.raises(ValueError, match=f"name={wrong} is neither text"):
            models.load(wrong)
    with pytest.raises(ValueError, match="is no bundled model"):
        models.load("a b" * 5000)


def test_what_is_too_large_for_fp16_is_refused_in_every_family(tmp_path):
    for name in ("a decoder", "bert"):
        for how, change in (("plain", lambda m: m), ("int8", quantization.quantize)):
            model = PLAIN[name]()
            with torch.no_grad():
                next(p for p in model.parameters() if p.dim() == 1)[0] = 1e6
            folder = models.save(change(model), tmp_path / f"{name}-{how}")
            with pytest.raises(ValueError, match="NaN or infinite"):
                models.load(folder, dtype="fp16")


def test_how_a_decoder_generates_is_kept_from_folder_to_folder(tmp_path):
    models.save(llama(), tmp_path)
    GenerationConfig(max_new_tokens=33).save_pretrained(tmp_path)
    models.save(models.load(tmp_path), tmp_path)
    assert GenerationConfig.from_pretrained(tmp_path).max_new_tokens == 33


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
    model = quantization.quantize(llama(), Format(bits=4, group_size=16))
    models.save(model, tmp_path)
    assert {n: (tmp_path / n).read_bytes() for n in others} == others
    assert torch.equal(answer(models.load(tmp_path)), answer(model))


ODD = {  # what stands in the folder -> whether a model can be saved there
    "an index that names other files": (
        lambda f: (f / "model.safetensors.index.json").write_text(
            json.dumps({"weight_map": {"a": "README.md", "b": "..", "c": "notes"}})
        ),
        True,
    ),
    "an index without end": (
        lambda f: (f / "model.safetensors.index.json").write_text("[" * 100_000),
        True,
    ),
    "a folder with a name of weights": (
        lambda f: (f / "model-x.safetensors").mkdir(),
        True,
    ),
    "old templates": (
        lambda f: _file(f / "additional_chat_templates" / "tool.jinja"),
        True,
    ),
    "a note on the tokenizer": (lambda f: _file(f / "tokenizer_notes.txt"), True),
    "a folder of weights": (lambda f: (f / "model.safetensors").mkdir(), False),
    "a folder of settings": (lambda f: (f / "config.json").mkdir(), False),
}


def _file(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("old")


@pytest.mark.parametrize("what", ODD)
def test_odd_folders_take_a_model_or_keep_what_they_have(what, tmp_path):
    put, takes = ODD[what]
    (tmp_path / "notes").mkdir()
    _file(tmp_path / "README.md")
    put(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    model = llama()
    if takes:
        models.save(model, tmp_path)
        assert torch.equal(answer(models.load(tmp_path)), answer(model))
        assert models.load(tmp_path).tokenizer is None
    else:
        with pytest.raises(OSError, match="is a folder, where the model's file"):
            models.save(model, tmp_path)
        assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "README.md").read_text() == "old"
    assert (tmp_path / "notes").is_dir() and not list(tmp_path.glob(".saving-*"))


def test_several_templates_of_a_tokenizer_are_written_and_replaced(tmp_path):
    model = llama()
    model.tokenizer = tokenizer()
    model.tokenizer.chat_template = {"default": "{{ x }}", "tool": "{{ y }}"}
    for _ in range(2):
        models.save(model, tmp_path)
        back = models.load(tmp_path).tokenizer
        assert back.chat_template == model.tokenizer.chat_template


def test_a_damaged_tokenizer_is_named_in_one_sentence(tmp_path):
    model = llama()
    model.tokenizer = tokenizer()
    models.save(model, tmp_path)
    (tmp_path / "tokenizer.json").write_text("garbage")
    with pytest.raises(ValueError, match=r"tokenizer's files in .* cannot be") as error:
        models.load(tmp_path)
    assert "\n" not in str(error.value)


CONFIGS = [
    {"num_attention_heads": 0}, {"num_hidden_layers": "2"}, {"hidden_act": "evil"},
    {"num_attention_heads": 7}, {"architectures": 5}, {"architectures": ["pipeline"]},
    {"head_dim": 10**15}, {"vocab_size": -5}, {"rms_norm_eps": None},
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("kind", ["plain", "int8"])
def test_a_configuration_of_no_model_is_refused_in_one_sentence(config, kind, tmp_path):
    model = llama() if kind == "plain" else quantization.quantize(llama())
    path = models.save(model, tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    with pytest.raises(ValueError) as error:
        models.load(tmp_path)
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


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


def with_nan():
    model = llama()
    with torch.no_grad():
        model.layers[0].mlp.up.weight[0, 0] = float("nan")
    return model


def odd_width():
    """A decoder of width 31, which four heads do not divide."""
    model = llama(num_hidden_layers=1, tie_word_embeddings=True)
    for module in (*model.layers[0].modules(), model.norm, model.embedding):
        for name, weight in list(module._parameters.items()):
            if weight is not None and 32 in weight.shape:
                kept = weight.detach()[tuple(slice(31) if n == 32 else slice(None)
                                             for n in weight.shape)]  # fmt: skip
                setattr(module, name, nn.Parameter(kept.clone(), False))
        for name in ("in_features", "out_features", "embedding_dim"):
            if getattr(module, name, None) == 32:
                setattr(module, name, 31)
    model.head.weight, model.head.in_features = model.embedding.weight, 31
    return model


class OwnBert(BertForMaskedLM):
    """A class that nobody else has."""


def own_class():
    return OwnBert(make("bert").config)


def other_angles():
    model = llama()
    model.rotary.frequencies = model.rotary.frequencies / 2
    return model


def other_rope_afterwards():
    model = llama()
    model.config.rope_parameters = {"rope_type": "default", "rope_theta": 50.0}
    return model


def one_buffer_more():
    model = llama()
    model.layers[0].register_buffer("mask", torch.ones(3))
    return model


def patched():
    model = llama()
    model.layers[0].mlp.forward = lambda x: x
    return model


def on_meta():
    return llama().to("meta")


def sparse():
    model = llama()
    weight = model.head.weight.to_sparse()
    model.head.weight = nn.Parameter(weight, requires_grad=False)
    return model


def words_for_a_tokenizer():
    model = llama()
    model.tokenizer = "abc"
    return model


def cast_with_its_angles():
    return wrapped("phi3", dtype=torch.float32, intermediate_size=48).to(torch.bfloat16)


REFUSED = {
    "NaN weights": (with_nan, r"layers\.0\.mlp\.up\.weight holds NaN"),
    "a width that its heads do not divide": (odd_width, "no configuration can"),
    "a class of nobody else's": (own_class, "OwnBert, which is no class of transform"),
    "other angles": (other_angles, "rotary: frequencies holds other numbers"),
    "a configuration changed too late": (other_rope_afterwards, "rotary: frequencies"),
    "a buffer too many": (one_buffer_more, r"layers\.0: mask is \(3,\)"),
    "a forward of its own": (patched, r"layers\.0\.mlp: its forward was replaced"),
    "no numbers": (on_meta, "on the meta device"),
    "a sparse weight": (sparse, r"head\.weight is kept as torch.sparse_coo"),
    "a tokenizer that is none": (words_for_a_tokenizer, "model.tokenizer='abc'"),
    "angles cast along": (cast_with_its_angles, "inv_freq is torch.bfloat16"),
    "a layer of an unknown kind": (doubled, r"layers\.0\.mlp\.up is a Doubled"),
    "a layer in training": (
        lambda: qat.prepare(llama(), Format(bits=2, group_size=8)),
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
    old, new = (
        llama(),
        quantization.quantize(llama(tie_word_embeddings=True), Format(bits=4)),
    )
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
