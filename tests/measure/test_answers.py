"""Translators and classifiers are timed and judged by what they answer."""

import os
import subprocess
import sys

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from llmlab.command import formats
from llmlab.core import quantities, records
from llmlab.measure import answers, exams
from llmlab.models import checkpoints, save
from llmlab.models.classification import classify
from llmlab.models.translation import translate

WORDS = ["[PAD]", "[END]", *"abcdefghij"]
TEXTS = ["a b c", "d", "e f g h i j a b", "b b", "c d e f", "a"]


def tokenizer():
    made = Tokenizer(models.WordLevel({w: n for n, w in enumerate(WORDS)}, "[PAD]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", eos_token="[END]"
    )


def dressed(model, name):
    model.name, model.weights_version, model.tokenizer = name, None, tokenizer()
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=6,
        id2label={n: f"label {n}" for n in range(5)},
        initializer_range=0.5,
    )
    return dressed(BertForSequenceClassification(config), "labels")


@pytest.fixture(scope="module")
def translator():
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(WORDS),
        d_model=16,
        d_kv=8,
        num_heads=2,
        d_ff=16,
        num_layers=1,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        initializer_factor=9.0,
    )
    model = T5ForConditionalGeneration(config)
    model.generation_config.max_new_tokens = 6
    return dressed(model, "translator")


@pytest.mark.parametrize(
    "ask, name", [(classify, "classifier"), (translate, "translator")]
)
def test_an_answer_does_not_depend_on_the_texts_beside_it(ask, name, request):
    model = request.getfixturevalue(name)
    together = ask(model, TEXTS)
    assert together == [ask(model, [text])[0] for text in TEXTS]
    assert together == ask(model, TEXTS, rows=2)
    assert len(set(together)) > 1


def test_a_text_too_long_is_cut_at_its_end(classifier):
    long, cut = "a b c d e f g h", "a b c d e f"
    assert classify(classifier, [long]) == classify(classifier, [cut])


def test_no_rows_at_a_time_are_refused(classifier):
    with pytest.raises(ValueError, match="rows=0"):
        classify(classifier, TEXTS, rows=0)
    with pytest.raises(ValueError, match="rows=0"):
        translate(checkpoints.load("translator"), TEXTS, rows=0)


def test_answers_are_timed_by_batch_and_judged(classifier):
    right = classify(classifier, TEXTS)
    expected = [*right[:4], "another", "label"]
    exam = exams.Exam(TEXTS, expected, quantities.ACCURACY)
    facts = answers.one_model(
        classifier, ask=classify, exam=exam, batches=(1, 4), seconds=0.1
    )
    (share,) = [fact for fact in facts if fact.name == "accuracy"]
    assert share.value == 4 / 6 and share.low < 4 / 6 < share.high
    times = [fact for fact in facts if fact.name == "latency of answers"]
    rates = [fact for fact in facts if fact.name == "throughput of answers"]
    for time, rate in zip(times, rates, strict=True):
        batch = time.details["batch"]
        assert rate.value == pytest.approx(batch / time.value)
    assert [time.details["batch"] for time in times] == [1, 4]


def test_what_says_nothing_about_a_model_is_left_out(classifier):
    exam = exams.Exam(TEXTS, ["strange"] * 6)
    facts = answers.one_model(
        classifier, ask=classify, exam=exam, judged=False, batches=(1,), seconds=0.1
    )
    assert "exact match" not in [fact.name for fact in facts]


@pytest.mark.parametrize("batches", [(), (0,), (7,)])
def test_a_batch_beyond_the_exam_is_refused(batches, classifier):
    exam = exams.Exam(TEXTS, TEXTS)
    with pytest.raises(ValueError, match="6 texts"):
        answers.one_model(classifier, ask=classify, exam=exam, batches=batches)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classifier", "translator"])
def test_the_command_measures_what_answers_with_table_json_and_picture(
    name, request, tmp_path
):
    folder = save(request.getfixturevalue(name), tmp_path / name)
    words = ["measure", "--model", str(folder), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "llmlab", *words],
        env=os.environ | {"LLMLAB_TIME": "0.1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "latency of answers" in done.stdout and "measured" in done.stdout
    facts = records.load(tmp_path / "out" / f"{name}_fp32.json")
    assert {fact.kind for fact in facts} == {"measured"}
    picture = (tmp_path / "out" / f"{name}_fp32.png").read_bytes()
    assert picture.startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classifier", "translator"])
def test_formats_are_compared_by_their_answers(name, request, tmp_path):
    folder = save(request.getfixturevalue(name), tmp_path / name)
    words = ["fp32", "bf16", "int8"]
    facts = formats.compare(folder, words, batch=4)
    table = formats.table(facts).splitlines()
    assert [line.split()[0] for line in table[2:]] == words
    assert "answer ×" in table[0] and "decode" not in table[0]
    errors = {f.subject: f.value for f in facts if f.name == "logit error"}
    assert errors["fp32"] == 0 < errors["bf16"] < errors["int8"] < 0.5
    ratios = [f for f in facts if f.name == "speed-up"]
    assert len(ratios) == 2 * 2 and {f.details["against"] for f in ratios} == {"fp32"}
    with pytest.raises(ValueError, match=r"gptq\.quantize"):
        formats.make(folder, "int4-gptq")
