"""The student that ships: what its recipe promises, in a few steps on a few texts."""

import json
import shutil

import numpy
import pytest
import torch
from tokenizers import Tokenizer

from llmlab import models, texts
from llmlab.models import files, training
from llmlab.pruning import depth
from llmlab.texts import manifests
from llmlab.zoo import (
    coder,
    coder_distilled,
    coder_distilled_card,
    draft_exams,
    recipe,
    start,
)
from llmlab.zoo.__main__ import _options
from llmlab.zoo.draft_exams import gains

PLAN = coder.TokenPlan(steps=4, decay=2)


@pytest.fixture(scope="module")
def teacher():
    return models.load("coder")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A training folder with few texts, and steps of 1,024 tokens."""
    monkeypatch.setattr(coder, "SHORT", (4, 256))
    monkeypatch.setattr(coder, "MIDDLE", (2, 512))
    monkeypatch.setattr(coder, "LONG", (1, 1024))
    monkeypatch.setattr(coder, "TOKENS_PER_STEP", 1024)
    monkeypatch.setattr(coder, "EXAM", 1)
    place = tmp_path / "training"
    place.mkdir()
    shutil.copy(files.find("coder") / "tokenizer.json", place)
    made = Tokenizer.from_file(str(place / "tokenizer.json"))
    programs = list(texts.evaluation_files().values())[:12]
    ids = [token for text in programs for token in made.encode(text).ids]
    for name in ("tokens", "decay", "held_out"):
        numpy.array(ids, dtype=numpy.uint16).tofile(place / f"{name}.bin")
    manifests.write_manifest([], place / "data.json")
    return place


def test_the_student_of_one_layer_is_the_teacher_without_the_others(folder, teacher):
    batch = coder.batches(folder, PLAN)
    student = coder_distilled.cut(teacher, batch, "one")
    tokens = batch(0)[:1, :40]
    (layer,) = coder_distilled.STUDENTS["one"].layers
    gone = {*range(len(teacher.layers))} - {layer}
    with torch.inference_mode():
        assert torch.equal(student(tokens), depth.drop(teacher, layers=gone)(tokens))
    assert not hasattr(student, "format"), "a model of its own, no change of coder"
    places = {tensor.data_ptr() for tensor in teacher.parameters()}
    assert not places & {tensor.data_ptr() for tensor in student.parameters()}


def test_the_student_that_ships_has_two_layers_and_half_of_the_neurons(folder, teacher):
    student = coder_distilled.cut(teacher, coder.batches(folder, PLAN), "two")
    assert (len(student.layers), student.shape.hidden) == (2, 512)
    for layer, place in zip(student.layers, (0, 4), strict=True):
        ours, theirs = layer.mlp.down.weight.T, teacher.layers[place].mlp.down.weight.T
        same = (ours[:, None, :8] == theirs[None, :, :8]).all(-1)
        assert (same.sum(1) == 1).all(), "each neuron is one of the teacher's"


@pytest.mark.slow
def test_it_learns_what_the_teacher_says_and_goes_on_where_it_stopped(folder, teacher):
    coder_distilled.train(folder, PLAN, stop_after=1)
    (first, exam) = recipe.log(folder)
    batch = coder.batches(folder, PLAN)
    student, read = coder_distilled.cut(teacher, batch, "two"), batch(0)[:, :-1]
    with torch.inference_mode():
        said, wanted = student(read).double(), teacher(read).double()
    gap = (wanted.softmax(-1) * (wanted.log_softmax(-1) - said.log_softmax(-1))).sum(-1)
    assert first["loss"] == pytest.approx(gap.mean().item(), rel=0.02)
    assert exam["step"] == 1 and 0 <= exam["agreement"] <= 1
    coder_distilled.train(folder, PLAN)
    steps = [row["step"] for row in recipe.log(folder) if "loss" in row]
    assert steps == [1, 4]
    assert start.started_from(start.before(folder)) == teacher.weights_version
    learnt = manifests.manifest_of(files.find("coder"))
    assert len(start.learnt_from(folder)) == len(learnt)


@pytest.mark.slow
def test_a_training_by_the_bare_loop_is_gone_on_with_and_published(
    folder, teacher, tmp_path, monkeypatch
):
    """Such as one that a script began: the checkpoint says all that counts."""
    batch = coder.batches(folder, PLAN)
    student = coder_distilled.cut(teacher, batch, "two")
    training.train(
        student,
        batch,
        steps=PLAN.steps,
        optimizers=lambda part: training.muon_and_adamw(part, rate=2e-3),
        autocast=torch.bfloat16,
        folder=folder,
        evaluate=lambda model: {"held_out_loss": 1.0, "agreement": 0.5},
    )
    before = (folder / "log.jsonl").read_text()
    monkeypatch.setattr(draft_exams, "PROMPTS", 2)
    monkeypatch.setattr(draft_exams, "NEW", 4)
    monkeypatch.setattr(draft_exams, "SECONDS", 0.01)
    few = dict(list(texts.evaluation_files().items())[:10])
    monkeypatch.setattr(texts, "evaluation_files", lambda: few)
    words = ["coder-distilled", "--folder", str(folder), "--tokens", "0.004096"]
    words += ["--decay", "0.002048", "--publish", str(tmp_path / "coder-distilled")]
    coder_distilled.run(_options(words), card=coder_distilled_card)
    target = tmp_path / "coder-distilled"
    assert (target / "log.jsonl").read_text() == before
    shipped, text = models.load(target), (target / "README.md").read_text()
    assert f"weights' version `{shipped.weights_version}`" in text
    assert "`coder`: layers 0 and 4 of 5, the 512 of 1,024 neurons" in text
    assert text.count("```python") == 10 and "# coder-distilled\n" in text
    section = json.loads((target / "config.json").read_text())
    assert "llmlab" not in section, "transformers loads it as any other"
    assert len(manifests.manifest_of(target)) == len(
        manifests.manifest_of(files.find("coder"))
    )


def test_a_folder_that_began_with_other_weights_is_refused(folder):
    (folder / "training.safetensors").write_bytes(b"")
    (folder / start.RESUME).write_text('{"steps": 0, "started_from": "other"}')
    with pytest.raises(ValueError, match="began with weights other"):
        coder_distilled.train(folder, PLAN)


def test_the_command_says_that_publishing_wants_the_end(tmp_path):
    words = ["coder-distilled", "--folder", str(tmp_path), "--stop-after", "2"]
    options = _options([*words, "--publish", str(tmp_path / "x")])
    with pytest.raises(ValueError, match="wants the end"):
        coder_distilled.run(options, card=coder_distilled_card)


def test_a_gain_is_tokens_per_reading_over_what_they_cost():
    (*_, third) = gains(0.8, 0.42, [1.0, 1.32, 1.54, 1.53])
    assert third.details["tokens"] == pytest.approx(2.952)
    assert third.value == pytest.approx(2.952 / (1.53 + 3 * 0.42))
    (always,) = gains(1.0, 0.0, [1.0, 1.0])
    assert always.value == 2 and always.kind == "estimated"


def test_the_teacher_agrees_with_itself_along_its_own_text(teacher):
    asked = draft_exams.prompts(teacher.tokenizer, texts.short_files())[:2, :32]
    text = torch.cat([asked, torch.zeros(2, 6, dtype=torch.long)], dim=1)
    for place in range(32, 38):
        with torch.inference_mode():
            text[:, place] = teacher(text[:, :place])[:, -1].argmax(-1)
    assert draft_exams.agreement(teacher, text, 32).value == 1
    text[0, 32:] = (text[0, 32:] + 1) % teacher.vocabulary
    assert draft_exams.agreement(teacher, text, 32).value < 1
