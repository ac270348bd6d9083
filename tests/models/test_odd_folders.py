"""What transformers loads from a folder loads here the same, or is one sentence.

Some two hundred folders, a line each in `odd_weights`, `odd_configs` and `odd_words`:
the model, what was done to it, and what loading it gives.
"""

import contextlib
import io
import os
import subprocess
import sys
import time
import warnings
from functools import cache
from pathlib import Path

import odd_configs
import odd_weights
import odd_words
import pytest
import torch
from odd_folders import SAME, bare, sound
from small_models import draw_tokens
from transformers import AutoModelForCausalLM, AutoTokenizer

from llmlab import command, models, quantization
from llmlab.kernels import Format
from llmlab.models import generation

FOLDERS = odd_weights.FOLDERS | odd_configs.FOLDERS | odd_words.FOLDERS
LOADING = [name for name, odd in FOLDERS.items() if odd.outcome == SAME]
REFUSED = [name for name, odd in FOLDERS.items() if odd.outcome != SAME]
HUGE = list(odd_configs.SIZES)
TOKENS = draw_tokens(2, 40)
LONGEST = 420  # letters of a sentence, the folder's name left out
OTHERS = ("trust_remote_code", "http", "pip install", "ignore_mismatched", "<class")


@pytest.fixture(scope="session")
def sound_folder(tmp_path_factory):
    """Return what gives the sound folder of a model, made once."""
    return cache(lambda base: sound(base, tmp_path_factory.mktemp("sound")))


@pytest.fixture
def make(sound_folder, tmp_path):
    """Return what makes an odd folder by its name."""

    def make(name: str) -> Path:
        odd = FOLDERS[name]
        return odd.make(tmp_path / "odd", sound_folder(odd.base))

    return make


def theirs(folder: Path):
    """Return what transformers loads, in fp32; whatever it made up is an error."""
    model, report = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"]
    model.config.return_dict = True  # or some of its classes fail at their own tuples
    return model.eval()


def loaded(folder: Path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*weights that its model does not use")
        return models.load(folder)


def answers(model, tokens=TOKENS):
    with torch.inference_mode():
        said = model(tokens)
    return getattr(said, "logits", said)


def differ(one, other) -> float:
    return ((one - other).abs().max() / other.abs().max()).item()


def contents(folder: Path) -> dict[str, object]:
    """Return everything in a folder: names, bytes, links."""
    return {
        path.name: path.readlink() if path.is_symlink()
        else path.read_bytes() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }  # fmt: skip


def check_sentence(said: str, folder: Path, words: str) -> None:
    """Check that a refusal is one line which names the file, fact and way out."""
    short = said.replace(str(folder), "FOLDER")
    assert words in short and "FOLDER" in short, short
    assert len(short) < LONGEST and "\n" not in said and said.endswith("."), short
    assert ";" in short or ". " in short, f"no way out: {short}"
    assert not [other for other in OTHERS if other in short], short


@pytest.mark.parametrize("name", LOADING)
def test_a_folder_that_loads_answers_as_in_transformers(make, name):
    folder = make(name)
    before = contents(folder)
    ours = loaded(folder)
    expected = theirs(folder)
    assert differ(answers(ours), answers(expected)) < 1e-4
    assert contents(folder) == before
    check_steps(ours, expected)
    check_beside(ours, expected, folder)


def check_steps(ours, expected, steps=6) -> None:
    """Check the greedy tokens of a ragged batch against whole texts without a cache."""
    prompts = [TOKENS[0, :9].tolist(), TOKENS[1, :31].tolist()]
    rows = zip(*generation.stream_batch(ours, prompts, max_tokens=steps), strict=True)
    for prompt, row in zip(prompts, rows, strict=True):
        for place, token in enumerate(row):
            text = torch.tensor([[*prompt, *row[:place]]])
            logits = answers(expected, text)[0, -1]  # (V,)
            assert logits.max() - logits[token] <= 1e-4 * logits.abs().max()


def check_beside(ours, expected, folder: Path) -> None:
    """Check the tokenizer and the end tokens against transformers' own."""
    tool = ours.tokenizer
    if tool is not None:
        other, text = AutoTokenizer.from_pretrained(folder), "ABCABBA"
        assert type(tool) is type(other)
        assert tool(text)["input_ids"] == other(text)["input_ids"]
        assert tool.eos_token_id == other.eos_token_id
    inner = ours.model if hasattr(ours, "model") else ours
    said = getattr(inner, "generation_config", None) or inner.config
    assert said.eos_token_id == expected.generation_config.eos_token_id


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_is_refused_is_one_sentence(make, name):
    folder = make(name)
    before, start = contents(folder), time.monotonic()
    with pytest.raises((ValueError, OSError, TypeError)) as refusal:
        loaded(folder)
    assert type(refusal.value) in (ValueError, OSError, TypeError)
    check_sentence(str(refusal.value), folder, FOLDERS[name].outcome)
    assert contents(folder) == before
    assert time.monotonic() - start < 20  # a million layers take minutes


def test_the_command_line_says_the_same_sentence(make, tmp_path):
    """One process, every refused folder: status 2, one line, no traceback."""
    for number, name in enumerate(REFUSED):
        folder = make(name).rename(tmp_path / f"odd{number}")
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = command.main(["measure", "--model", str(folder)])
        said = errors.getvalue().rstrip("\n")
        assert status in (1, 2), name
        assert said.startswith("llmlab: "), (name, said)
        check_sentence(said, folder, FOLDERS[name].outcome)


def test_huge_sizes_are_refused_before_memory_is_taken(make, tmp_path):
    """In a process that may have a gigabyte more than it has."""
    folders = [make(name).rename(tmp_path / f"huge{n}") for n, name in enumerate(HUGE)]
    script = f"""
import resource
from llmlab import models
import transformers
models.load({str(folders[0].parent / "sound")!r})
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 2**30, now + 2**30))
for folder in {[str(folder) for folder in folders]}:
    try:
        models.load(folder)
    except ValueError as error:
        print("memory" in str(error).lower(), error)
"""
    sound("mixtral", tmp_path / "sound")
    done = run(script)
    lines = done.stdout.splitlines()
    assert len(lines) == len(HUGE), done.stderr[-500:]
    assert all(line.startswith("False ") for line in lines)


@pytest.mark.parametrize("name", LOADING)
def test_what_was_loaded_is_saved_for_transformers_too(make, tmp_path, name):
    model = loaded(make(name))
    again = models.save(model, tmp_path / "again")
    expected, found = answers(model), answers(models.load(again))
    if name == "eager attention":  # which no configuration is written with
        assert differ(found, expected) < 1e-5
    else:
        assert torch.equal(found, expected)
    assert differ(answers(theirs(again)), expected) < 1e-4


@pytest.fixture(scope="module")
def another():
    """Return a decoder, and the same in int8, which no folder here holds."""
    config = bare("qwen3").config
    model = models.Decoder(config).eval().requires_grad_(False)
    narrow = quantization.quantize(model, format=Format(bits=8, group_size=16))
    return model, narrow


@pytest.mark.parametrize("name", odd_weights.FOLDERS | odd_words.FOLDERS)
def test_saving_over_a_folder_gives_back_what_was_saved(make, another, name):
    folder, (model, narrow) = make(name), another
    before = contents(folder)
    if any(path.is_dir() for path in folder.iterdir()):
        with pytest.raises(OSError, match=r"is a folder, .* move it away"):
            models.save(model, folder)
        assert contents(folder) == before
        return
    models.save(model, folder)
    again = models.load(folder)
    assert torch.equal(answers(again), answers(model)) and again.tokenizer is None
    assert differ(answers(theirs(folder)), answers(model)) < 1e-4
    models.save(narrow, folder)
    assert torch.equal(answers(models.load(folder)), answers(narrow))


def test_a_full_disk_leaves_the_odd_folder_whole(make, tmp_path):
    """Plain and quantized models, in a process that may write no such file."""
    names = ("two files and an index", "gpt2", "a tokenizer")
    folders = [make(name).rename(tmp_path / f"odd{n}") for n, name in enumerate(names)]
    before = [contents(folder) for folder in folders]
    script = f"""
import resource, signal
from llmlab import models, quantization
from llmlab.kernels import Format
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
for folder in {[str(folder) for folder in folders]}:
    model = models.load(folder)
    for one in (model, quantization.quantize(model, format=Format(bits=8))):
        try:
            models.save(one, folder)
        except OSError as error:
            print(error)
"""
    done = run(script)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * len(folders), done.stderr[-500:]
    for place, line in enumerate(lines):
        assert str(folders[place // 2]) in line and "free some space" in line
    assert [contents(folder) for folder in folders] == before


def run(script: str, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )


def test_names_that_are_not_ascii_load_in_any_locale(make, tmp_path):
    """Python then reads and writes files as ASCII unless it is told.

    tokenizers itself opens no file behind a name that the locale cannot say.
    """
    places = {
        "a key that nobody knows": "größe",
        "names that are not ASCII": "größer",
        "a tokenizer with words of the world": "words",
    }
    folders = [make(name).rename(tmp_path / to) for name, to in places.items()]
    script = f"""
import os
from llmlab import models
for folder in {[os.fsencode(folder) for folder in folders]}:
    folder = os.fsdecode(folder)
    model = models.load(folder)
    models.save(model, folder)
    models.load(folder)
    print("loads")
"""
    done = run(script, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.stdout.split() == ["loads"] * 3, done.stderr[-500:]
