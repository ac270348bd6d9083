"""The six models that ship: their cards are true, their text free, their files small.

`test_translator.py` and `test_classifier.py` ask those two for what they were made for.
"""

import hashlib
import re
import subprocess
import sys

import corpus_listing
import pytest
import torch
from transformers import AutoModelForCausalLM

from llmlab import models, texts
from llmlab.measure import quality
from llmlab.models import files, generation
from llmlab.texts import corpus, manifests, masking
from llmlab.zoo import __main__ as command
from llmlab.zoo import (
    cards,
    coder,
    coder_distilled,
    draft_exams,
    families,
    recipe,
    splits,
)

FROM_FILES = sorted({*command.RECIPES} - {"translator"})  # which has a generator
CODERS = ("coder", "coder-small", "coder-rnn", "coder-distilled")
MILLIONS = coder.MILLION_TOKENS | {"coder-distilled": coder_distilled.MILLION_TOKENS}
SHIPPED = 45e6  # bytes of all weights together
SHARE_OF_XZ = 0.70  # at most, in bits per byte


def card(name):
    return (files.bundled() / name / "README.md").read_text()


def figures(row):
    """The numbers of a table's row, thousands joined, in order."""
    return [float(n) for n in re.findall(r"[+-]?\d+(?:\.\d+)?", row.replace(",", ""))]


def learnt_from(name):
    rows = manifests.manifest_of(files.bundled() / name)
    return {row["sha256"] for row in rows if row["split"] == "training"}


def test_what_ships_is_what_has_a_recipe():
    assert {*models.names()} == {*command.RECIPES}


@pytest.mark.parametrize("name", sorted(command.RECIPES))
def test_a_card_speaks_of_what_lies_beside_it(name):
    folder, model, text = files.bundled() / name, models.load(name), card(name)
    count = sum(p.numel() for p in model.parameters())
    size = (folder / "model.safetensors").stat().st_size
    assert f"| parameters | {count:,}:" in text
    assert f"| file | {size:,} bytes" in text
    assert f"weights' version `{model.weights_version}`" in text
    last = max(row["step"] for row in recipe.log(folder))
    if name in CODERS:
        assert f"| trained on | {last * coder.TOKENS_PER_STEP:,} tokens" in text
        assert last == coder.TokenPlan.from_tokens(MILLIONS[name]).steps, "to the end"
    if name != "translator":
        place = families.manifest(folder, name)
        assert cards.data(manifests.manifest_of(folder), place) in text


@pytest.mark.parametrize("name", CODERS)
def test_the_quality_on_a_card_is_what_the_weights_give(name):
    frozen = re.search(r"\| frozen evaluation text \|(.*)", card(name)).group(1)
    size, bits, low, high, xz, share, accuracy, *_ = figures(frozen)
    found, _, right = quality.evaluate(models.load(name), texts.evaluation_files())
    assert size == len(texts.evaluation().encode())
    # The last digit is the machine's: others add in another order.
    assert found.value == pytest.approx(bits, abs=0.002)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.005)
    assert share == pytest.approx(bits / xz, abs=0.001)
    assert right.value == pytest.approx(accuracy, abs=0.002)


def test_coder_needs_at_most_seven_tenths_of_the_bits_of_xz():
    rows = re.findall(r"\| (?:held-out|frozen).*", card("coder"))
    shares = [figures(row)[-4] for row in rows]
    assert len(shares) == 2
    assert all(share <= SHARE_OF_XZ for share in shares)


def test_the_peers_have_read_the_same_and_all_four_speak_the_same_words():
    assert learnt_from("coder-small") == learnt_from("coder-rnn")
    assert learnt_from("coder-small") <= learnt_from("coder")
    words = {(files.bundled() / n / "tokenizer.json").read_bytes() for n in CODERS}
    assert len(words) == 1


def test_the_family_of_coder_has_one_manifest_which_says_who_read_what():
    shared = files.bundled() / "coder" / "data.json"
    assert {manifests.manifest_path(files.bundled() / name) for name in CODERS} == {
        shared
    }
    apart = [row for row in manifests.read_manifest(shared) if "models" in row]
    assert [row["models"] for row in apart] == [["coder", "coder-distilled"]]
    assert {row["sha256"] for row in apart} == learnt_from("coder") - learnt_from(
        "coder-rnn"
    )


@pytest.mark.parametrize("name", CODERS)
def test_one_of_the_family_that_is_published_again_adds_nothing(name):
    folder = files.bundled() / name
    text = manifests.manifest_path(folder).read_text()
    assert families.merged(folder, name, manifests.manifest_of(folder)) == text


@pytest.mark.parametrize("name", FROM_FILES)
def test_what_a_model_learnt_from_is_listed_free_and_not_the_frozen_text(name):
    rows = manifests.manifest_of(files.bundled() / name)
    learnt = learnt_from(name)
    assert learnt and all(corpus._is_free(row["licence"]) for row in rows)
    frozen = texts.evaluation_files().values()
    assert not learnt & {hashlib.sha256(t.encode()).hexdigest() for t in frozen}
    held = {row["sha256"] for row in rows if row["split"] == "held out"}
    assert held and not held & learnt
    assert all(int(each, 16) % 100 < corpus.HELD_OUT_PERCENT for each in held)


def test_no_file_that_a_model_learnt_from_says_other_terms_of_itself(pytestconfig):
    learnt = set().union(*map(learnt_from, FROM_FILES))
    listed = corpus_listing.files(pytestconfig)
    here = [file for file in listed if file.sha256 in learnt]
    # Other versions of Python and the packages hold other files; some are always here.
    assert len(here) > 100
    assert not [f.path for f in here if corpus.says_other_terms(f.read())]


def test_the_student_agrees_with_its_teacher_as_its_card_says():
    row = re.search(r"\| `coder-distilled` \|(.*)", card("coder-distilled")).group(1)
    _, _, _, _, frozen, low, high, along, *_ = figures(row)
    teacher, student = models.load("coder"), models.load("coder-distilled")
    found = quality.agreement(student, teacher, texts.evaluation_files())
    assert found.value == pytest.approx(frozen, abs=0.002)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.005)
    asked = draft_exams.prompts(teacher.tokenizer, texts.evaluation_files())
    text = draft_exams.own_text(teacher, asked)
    assert draft_exams.agreement(student, text).value == pytest.approx(along, abs=0.01)


def test_the_card_of_the_student_names_the_teacher_that_ships():
    version = models.load("coder").weights_version
    assert f"| teacher | `coder`, weights' version `{version}` |" in card(
        "coder-distilled"
    )


@pytest.mark.parametrize("name", ["coder", "coder-small", "coder-distilled"])
def test_a_decoder_writes_the_same_in_plain_transformers(name):
    folder = files.find(name)
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = models.load(name)
    prompt = model.tokenizer("def add(a, b):", return_tensors="pt")["input_ids"]
    written = theirs.generate(prompt, max_new_tokens=24, do_sample=False)
    ours = list(generation.stream(model, prompt[0].tolist(), max_tokens=24))
    assert written[0, prompt.shape[1] :].tolist() == ours


def test_all_weights_together_stay_within_45_megabytes():
    found = list(files.bundled().rglob("*.safetensors"))
    assert len(found) == len(command.RECIPES)
    assert sum(path.stat().st_size for path in found) <= SHIPPED


def learn(*words, timeout):
    """Run the recipe of the smallest, and return what it says."""
    run = subprocess.run(
        [sys.executable, "-m", "llmlab.zoo", "classifier", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert run.returncode == 0, run.stderr
    assert re.search("held out accuracy while training: [▁▂▃▄▅▆▇█]{20}", run.stdout)
    return run.stdout


def beats_the_most_common_answer(said, which):
    own, always = (
        figures(re.search(rf".*{about}, {which}.*", said).group())
        for about in ("classifier", "always [a-z]+")
    )
    assert own[1] > always[2], said  # its low end above the other's high one


@pytest.mark.slow
def test_a_learner_sees_the_smallest_learn_from_a_sample_in_seconds(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("LLMLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LLMLAB_THREADS", "1")  # a second one would mostly wait
    folder = tmp_path / "classifier"
    said = learn("--sample", 600, "--folder", folder, timeout=250)
    beats_the_most_common_answer(said, "frozen")
    assert not list(tmp_path.glob("cache/corpus-*")), "the corpus need not be read"
    found = splits.load(folder)
    asked = {*map(masking.key, texts.snippets())}
    assert 400 < len(found["training"]) <= 600
    assert not asked & {*map(masking.key, found["training"])}
    listed = {f"{r['package']}/{r['path']}" for r in manifests.manifest_of(folder)}
    assert listed == {snippet.source for snippet in found["training"]}
    assert {row["package"] for row in manifests.manifest_of(folder)} == {"python"}
    assert {row["split"] for row in manifests.manifest_of(folder)} == {"training"}


@pytest.mark.minute
def test_a_learner_trains_the_smallest_again_in_a_minute(tmp_path):
    said = learn("--minutes", 1, "--folder", tmp_path / "classifier", timeout=900)
    for which in ("held out", "frozen"):
        beats_the_most_common_answer(said, which)
