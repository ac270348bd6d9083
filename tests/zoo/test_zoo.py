"""The recipes: what they promise on a text that takes seconds."""

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy
import pytest
import torch

from llmlab import models, texts
from llmlab.models import files, generation, streams, training
from llmlab.texts import corpus, manifests
from llmlab.zoo import __main__ as command
from llmlab.zoo import (
    cards,
    code_exams,
    coder,
    coder_card,
    recipe,
    shapes,
    start,
    tokens,
)

PROGRAM = '''\
class Counter:
    def add(self, number):
        self.total += number
        return self.total

    def clear(
        self,
    ):
        """Start again."""
        self.total = 0


def twice(x): return 2 * x
'''

LISTED = corpus.TextFile("p", "1", "MIT", "a.py", "0" * 64, "training", Path())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A training folder as `coder.prepare` leaves it, made of the frozen programs."""
    folder = tmp_path_factory.mktemp("zoo")
    programs = list(texts.evaluation_files().values())
    made = tokens.train_tokenizer(programs, vocabulary=400)
    made.save(str(folder / "tokenizer.json"))
    for name in ("tokens", "decay", "held_out"):
        ids = [token for text in programs for token in made.encode(text).ids]
        stream = numpy.array(ids, dtype=numpy.uint16)
        stream.tofile(folder / f"{name}.bin")
    manifests.write_manifest([], folder / "data.json")
    return folder


def test_the_small_ones_have_as_many_parameters_within_a_hundredth():
    small, rnn = (
        sum(p.numel() for p in shapes.fresh(name).parameters())
        for name in ("coder-small", "coder-rnn")
    )
    assert abs(small / rnn - 1) < 0.01


def test_an_unknown_shape_names_the_ones_there_are():
    with pytest.raises(ValueError, match="coder-small"):
        shapes.fresh("coder-tiny")


def test_every_recipe_can_be_called_and_says_what_it_does(capsys):
    for name in command.RECIPES:
        with pytest.raises(SystemExit) as left:
            command.main([name, "--help"])
        assert left.value.code == 0
        assert "--publish" in capsys.readouterr().out


def test_a_window_comes_once_an_epoch_whatever_the_length(prepared):
    stream = streams.Stream.open(prepared / "tokens.bin", seed=3)
    seen = []
    for number in range(stream.windows):
        rows = stream.batch(number * streams.WINDOW, rows=2, length=512)
        assert torch.equal(rows[0, -1], rows[1, 0])  # halves of one window
        seen.append(tuple(rows[0, :8].tolist()))
    assert len(set(seen)) == stream.windows
    again = stream.batch(0, rows=2, length=512)
    assert tuple(again[0, :8].tolist()) == seen[0]


def test_a_plan_counts_steps_and_keeps_the_decay_inside():
    plan = coder.TokenPlan.from_tokens(1.0, decay_million=0.25)
    assert plan.steps == round(1e6 / coder.TOKENS_PER_STEP)
    assert plan.constant + plan.decay == plan.steps
    assert (
        coder.TokenPlan.from_tokens(0.1, decay_million=5).decay
        == coder.TokenPlan.from_tokens(0.1).steps
    )


@pytest.mark.parametrize("name", ["coder-small", "coder-rnn"])
@pytest.mark.slow
def test_a_recipe_trains_keeps_goes_on_and_publishes(
    name, prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(coder, "SHORT", (4, 256))
    monkeypatch.setattr(coder, "MIDDLE", (2, 512))
    monkeypatch.setattr(coder, "LONG", (1, 1024))
    monkeypatch.setattr(coder, "TOKENS_PER_STEP", 1024)
    folder, kept = tmp_path / "training", tmp_path / "kept"
    folder.mkdir()
    for path in prepared.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    place = types.SimpleNamespace(find=lambda name: folder)
    monkeypatch.setattr(coder, "files", place)  # where the words of `coder` stand
    options = argparse.Namespace(
        name=name, folder=folder, tokens=0.006, decay=0.002, resume=None, keep=kept,
        publish=None, stop_after=3, compile=False,
        device="cpu",
    )  # fmt: skip
    coder.run(options, card=coder_card)
    assert json.loads((kept / "resume.json").read_text())["steps"] == 3
    assert models.load(kept).tokenizer.eos_token == tokens.END
    assert recipe.log(kept) == recipe.log(folder) != []
    plan = coder.TokenPlan.from_tokens(0.006, decay_million=0.002)
    model = coder.train(name, folder, plan)
    rows = [json.loads(s) for s in (folder / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == plan.steps and "held_out_loss" in rows[-1]
    monkeypatch.setattr(code_exams, "NEW", 8)
    monkeypatch.setattr(code_exams, "COPIED", 4)
    monkeypatch.setattr(coder_card, "NEW_TOKENS", 4)
    library = {f"{n}.py": PROGRAM * 3 for n in range(3)}
    target = tmp_path / name
    with pytest.raises(ValueError, match="publish at the end"):
        coder_card.publish(
            name, model, folder, target, coder.TokenPlan(9, 1), library=library
        )
    assert not target.exists() and not list(tmp_path.glob(".*"))
    head = tmp_path / "coder"  # of the family: one manifest for all of it
    head.mkdir()
    (head / "config.json").write_text("{}")
    (head / "data.json").write_text("[]")
    manifests.write_manifest([LISTED], folder / "data.json")
    coder_card.publish(name, model, folder, target, plan, library=library)
    assert not (target / "data.json").exists()
    (read,) = manifests.read_manifest(head / "data.json")
    assert read == LISTED.entry() | {"models": [name]}
    assert (
        "1 files of 1 packages, each listed in `../coder/data.json`"
        in (target / "README.md").read_text()
    )
    text = (target / "README.md").read_text()
    assert text.count("```python") == 10 and f"# {name}\n" in text
    assert models.load(target).embedding.weight.dtype == torch.float32
    assert (target / "model.safetensors").stat().st_size < 8e6, "bf16 is what ships"


@pytest.fixture
def kept(prepared, tmp_path, monkeypatch):
    """A short plan, and a folder with the weights that two of its steps made."""
    monkeypatch.setattr(coder, "SHORT", (4, 256))
    monkeypatch.setattr(coder, "MIDDLE", (2, 512))
    monkeypatch.setattr(coder, "TOKENS_PER_STEP", 1024)
    monkeypatch.setattr(coder, "LONG", (1, 1024))
    plan = coder.TokenPlan(steps=6, decay=2)
    folder = shutil.copytree(prepared, tmp_path / "training")
    model = coder.train("coder-small", folder, plan, stop_after=2)
    weights = coder.keep(model, folder, tmp_path / "kept", steps=2)
    monkeypatch.setattr(shapes, "fresh", None)  # it would not be going on
    return plan, weights


def gone_on(prepared, kept, own, *, compiled):
    """Go on from kept weights in a folder of its own; return the rows of its log."""
    plan, weights = kept
    shutil.copytree(prepared, own)
    coder.train("coder-small", own, plan, resume=weights, compiled=compiled)
    return recipe.log(own)


@pytest.mark.slow
def test_a_training_goes_on_from_kept_weights_with_their_log(prepared, kept, tmp_path):
    own, (_, weights) = tmp_path / "own", kept
    rows = gone_on(prepared, kept, own, compiled=False)
    assert [row["step"] for row in rows if "loss" in row] == [2, 6]
    assert all(row.get("rate_factor", 1) > 0 for row in rows)
    assert rows[: len(recipe.log(weights))] == recipe.log(weights)
    assert start.before(own)["steps"] == 2
    assert "; the first 2 steps on " in cards.made(rows, before=start.before(own))


# Compiling imports torch.utils.mkldnn, which is written with what torch itself calls
# deprecated. Nothing of ours uses it, so other warnings are told.
@pytest.mark.filterwarnings(
    "ignore:`torch[.]jit[.]script_method` is deprecated:DeprecationWarning:"
    "torch[.]jit[.]_script$"
)
@pytest.mark.release
def test_a_compiled_training_goes_on_as_another_one(prepared, kept, tmp_path):
    both = [
        gone_on(prepared, kept, tmp_path / f"compiled {compiled}", compiled=compiled)
        for compiled in (False, True)
    ]
    eager, compiled = (rows[-1]["held_out_loss"] for rows in both)
    assert compiled == pytest.approx(eager, rel=1e-3)


def test_sequences_grow_and_every_step_has_as_many_tokens(prepared):
    plan = coder.TokenPlan(steps=10, decay=2)
    batch = coder.batches(prepared, plan)
    sizes = [tuple(batch(step).shape) for step in range(plan.steps)]
    assert sizes == 4 * [(32, 257)] + 4 * [(16, 513)] + 2 * [(8, 1025)]


def test_the_row_of_a_card_names_every_machine_that_trained():
    before = {"steps": 7, "machine": "B", "before": {"steps": 3, "machine": "C"}}
    row = cards.made([{"step": 9, "seconds": 300}], before=before)
    assert "without a GPU; the first 7 steps on B; the first 3 steps on C" in row
    assert "in 5 minutes of training" in row
    assert "2.0 hours" in cards.made([{"step": 9, "seconds": 7200}])


def test_a_checkpoint_goes_before_weights_to_go_on_from(
    prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(coder, "SHORT", (4, 256))
    monkeypatch.setattr(coder, "TOKENS_PER_STEP", 1024)
    plan = coder.TokenPlan(steps=8, decay=0)
    kept, own = (shutil.copytree(prepared, tmp_path / name) for name in ("a", "b"))
    model = coder.train("coder-small", kept, plan, stop_after=3)
    coder.keep(model, kept, kept, steps=3)
    coder.train("coder-small", own, plan, stop_after=1)
    coder.train("coder-small", own, plan, stop_after=2, resume=kept)
    assert start.before(own) is None
    assert [row["step"] for row in recipe.log(own) if "loss" in row] == [1, 2]
    assert all(row.get("rate_factor", 1) > 0 for row in recipe.log(own))


@pytest.fixture
def in_words_of_coder(tmp_path):
    """A training folder whose few texts are encoded as `coder` reads them."""
    folder = tmp_path / "training"
    folder.mkdir()
    words = shutil.copy(files.find("coder") / "tokenizer.json", folder)
    made = tokens.Tokenizer.from_file(str(words))
    ids = [
        i for text in texts.evaluation_files().values() for i in made.encode(text).ids
    ]
    for name in ("tokens", "decay", "held_out"):
        numpy.array(ids, dtype=numpy.uint16).tofile(folder / f"{name}.bin")
    manifests.write_manifest([], folder / "data.json")
    return folder


@pytest.mark.slow
def test_weights_that_ship_are_the_start_of_a_plan_of_its_own(
    in_words_of_coder, tmp_path, monkeypatch
):
    monkeypatch.setattr(coder, "SHORT", (4, 256))
    monkeypatch.setattr(coder, "TOKENS_PER_STEP", 1024)
    folder = in_words_of_coder
    words = "coder --resume coder --tokens 0.2 --decay 0.05 --stop-after 1"
    options = command._options([*words.split(), "--folder", str(folder)])
    command.run(options)
    shipped = models.load("coder")
    (row,) = [row for row in recipe.log(folder) if "loss" in row]
    batch = coder.batches(folder, coder.TokenPlan.from_tokens(0.2, decay_million=0.05))(
        0
    )
    own = training.next_token_loss(shipped, batch).item()
    assert row["step"] == 1 and row["loss"] == pytest.approx(own, rel=0.01)
    assert row["rate_factor"] == pytest.approx(1 / coder.WARMUP_STEPS)
    assert start.before(folder)["steps"] == 0
    version = shipped.weights_version
    assert start.started_from(start.before(folder)) == version
    assert f"| started from | weights of version `{version}`" in coder_card._start(
        folder
    )
    assert "steps on" not in cards.made([row], before=start.before(folder))
    learnt = {tuple(row.values()) for row in start.learnt_from(folder)}
    assert learnt == {
        tuple(row.values()) for row in manifests.manifest_of(files.find("coder"))
    }
    kept = coder.keep(shipped, folder, tmp_path / "kept", steps=1)
    start.begin(tmp_path, kept)
    assert start.before(tmp_path)["steps"] == 1
    assert start.started_from(start.before(tmp_path)) == version
    assert len(manifests.manifest_of(kept)) == len(learnt)


def test_a_start_at_random_forgets_weights_of_a_start_that_came_to_nothing(tmp_path):
    manifests.write_manifest([], tmp_path / "data.json")
    start.begin(tmp_path, files.find("coder-small"))
    assert start.learnt_from(tmp_path)
    start.begin(tmp_path, None)
    assert start.before(tmp_path) is None and start.learnt_from(tmp_path) == []
    assert coder_card._start(tmp_path) == ""


def test_weights_of_another_shape_are_refused_before_anything_is_made(tmp_path):
    words = f"coder --resume coder-small --folder {tmp_path / 'new'}".split()
    options = command._options(words)
    with pytest.raises(ValueError, match="not the shape of 'coder'"):
        command.run(options)
    assert not (tmp_path / "new").exists()


def test_a_folder_keeps_its_tokenizer(prepared, tmp_path):
    other = tmp_path / "tokenizer.json"
    other.write_text('{"model": {}}')
    with pytest.raises(ValueError, match="encoded otherwise"):
        coder.prepare(prepared, tokenizer=other)


@pytest.mark.parametrize("million", [None, 7.0])
def test_the_command_of_a_card_trains_by_its_plan(million):
    plan = coder.TokenPlan.from_tokens(million or coder.MILLION_TOKENS["coder"])
    words = coder_card._command("coder", plan).split()
    assert (len(words) == 4) is (million is None)
    options = command._options(words[3:])
    again = options.tokens or coder.MILLION_TOKENS["coder"]
    assert coder.TokenPlan.from_tokens(again, decay_million=options.decay) == plan


@pytest.mark.parametrize(
    ("words", "told"), [("--keep x", "--stop-after 5870"), ("--publish x", "5,870")]
)
def test_what_is_written_at_the_wrong_step_is_refused_before_the_training(words, told):
    stop = "--stop-after 5870" if "publish" in words else ""
    options = command._options(f"coder --folder none {words} {stop}".split())
    with pytest.raises(ValueError, match=told):
        command.run(options)
    assert not Path("none").exists()


def test_heads_of_functions_are_found_with_what_stands_before():
    found = code_exams.heads(PROGRAM)
    assert [head.split("(")[0].split()[-1] for _, head in found] == ["add", "clear"]
    before, head = found[1]
    assert before.endswith(head) and head.endswith("):") and before in PROGRAM


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("\n        return number\n\n    def other(self):\n  broken", True),
        ("\n\n        return number", True),
        ("\n        return (number", False),
        ("\n    return number", False),
        (" return number", True),
        ("", False),
    ],
)
def test_a_body_is_cut_where_it_ends_and_parsed_with_its_head(written, right):
    _, head = code_exams.heads(PROGRAM)[0]
    assert code_exams.parses(head, written) is right


def test_a_text_known_by_heart_is_found_and_a_strange_one_is_not(monkeypatch):
    monkeypatch.setattr(code_exams, "COPIED", 8)
    model = models.load("coder")
    prompt = model.tokenizer("import os\nimport sys\n")["input_ids"]
    own = [*prompt, *generation.stream(model, prompt, max_tokens=16)]
    own = [token for token in own if token != model.tokenizer.eos_token_id]
    cycle = [own[-1]] * 40  # what it repeats greedily is what it knows
    by_heart = list(generation.stream(model, cycle[:8], max_tokens=8))
    strange = torch.randint(4096, (64,), generator=torch.Generator().manual_seed(1))
    row = torch.tensor([[*cycle[:8], *by_heart]])
    share = code_exams.verbatim_share(model, lambda step: row, range(1), places=3)
    assert share.value == 1 and share.low > 0
    strange = strange[None]
    assert (
        code_exams.verbatim_share(
            model, lambda step: strange, range(5), places=10
        ).value
        == 0
    )


def test_copies_are_looked_for_within_files_that_were_read(monkeypatch):
    monkeypatch.setattr(code_exams, "COPIED", 4)
    dice, end = random.Random(0), 0
    rows = torch.tensor([[*range(1, 7), end, *range(7, 20)]])
    found = [
        code_exams._chunk(lambda step: rows, range(1), dice, end) for _ in range(50)
    ]
    assert {chunk[0] for chunk in found} == set(range(7, 13))
    assert all(end not in chunk and len(chunk) == 8 for chunk in found)
    with pytest.raises(ValueError, match="8 tokens in a row"):
        code_exams._chunk(
            lambda step: torch.zeros(1, 9, dtype=int), range(1), dice, end
        )


def test_more_context_makes_the_next_token_cheaper():
    model = models.load("coder")
    found = code_exams.by_position(model, texts.evaluation_files().values())
    places = [(each.details["from"], each.details["to"]) for each in found]
    assert places[0][0] == 0 and places[-1][1] == model.context
    assert all(a[1] == b[0] for a, b in itertools.pairwise(places))
    assert found[0].low > found[3].high
    assert all(each.low <= each.value <= each.high for each in found)


@pytest.mark.parametrize("name", sorted(command.RECIPES))
def test_ctrl_c_ends_a_training_with_one_sentence(name, tmp_path):
    words = [sys.executable, "-m", "llmlab.zoo", name, "--folder", tmp_path / "run"]
    environment = os.environ | {"LLMLAB_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen(
        list(map(str, words)), stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        deadline = time.monotonic() + 100
        while not (tmp_path / "run").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("stopped;")
    assert not list(tmp_path.rglob(".*")), "nothing half-written lies about"
