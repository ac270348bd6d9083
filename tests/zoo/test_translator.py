"""The recipe of `translator`: no held-out number is learnt from, and it ships whole."""

import argparse
import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from llmlab import models, texts
from llmlab.measure import quality
from llmlab.models import files, pairs, training
from llmlab.models.translation import loss, translate
from llmlab.texts import number_bands, number_words
from llmlab.zoo import recipe, translator, translator_card, translator_tokenizer

STRANGE = ["", "hello", "Zürich 東京 🙂", "SEVENTY-ONE", "  two  hundred ", "12\n\x00"]


@pytest.fixture(scope="module")
def tokenizer():
    return translator_tokenizer.made()


@pytest.fixture(scope="module")
def fresh(tokenizer):
    """A model with random weights; do not change it."""
    torch.manual_seed(0)
    model = translator.fresh().eval().requires_grad_(False)
    model.tokenizer = tokenizer
    return model


@pytest.fixture(scope="module")
def shipped():
    if "translator" not in models.names():
        pytest.skip("llmlab/weights/translator is not made yet: run its recipe")
    return models.load("translator")


def batches(tokenizer):
    """The batch of each step, as the recipe draws it."""
    return pairs.batches(tokenizer, rows=translator.BATCH)


def sides(tokenizer, tokens):
    """Return the texts of packed pairs."""
    parts = tokens[:, : pairs.SOURCE], tokens[:, pairs.SOURCE :]
    return [tokenizer.batch_decode(part, skip_special_tokens=True) for part in parts]


def test_the_model_has_1_to_1_5_million_parameters_and_one_table(fresh):
    assert 1e6 <= sum(p.numel() for p in fresh.parameters()) <= 1.5e6
    assert fresh.lm_head.weight is fresh.shared.weight
    assert fresh.config.decoder_start_token_id == fresh.config.pad_token_id == 0
    assert fresh.config.eos_token_id == translator_tokenizer.END_ID


def test_the_tokenizer_is_learnt_the_same_each_time(tokenizer, tmp_path):
    again = translator_tokenizer.prepare(tmp_path / "new")
    assert again.get_vocab() == tokenizer.get_vocab()
    assert len(again) == translator_tokenizer.VOCABULARY
    loaded = translator_tokenizer.prepare(tmp_path / "new")
    text = number_words.english(342_071)
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]


@pytest.mark.parametrize("text", STRANGE)
def test_any_text_can_be_written_in_tokens(tokenizer, text):
    tokens = tokenizer(text)["input_ids"]
    assert (
        tokens[-1] == translator_tokenizer.END_ID
        and translator_tokenizer.PAD_ID not in tokens
    )
    back = tokenizer.decode(tokens, skip_special_tokens=True)
    assert back == text.lower().strip()


def test_words_are_spelled_in_parts_and_answers_stay_short(tokenizer):
    pairs = texts.number_pairs()[:500]
    tokens = [tokenizer(pair.french)["input_ids"] for pair in pairs]
    count = sum(len(row) for row in tokens)
    whole = sum(len(pair.french.replace("-", " - ").split()) + 1 for pair in pairs)
    letters = sum(len(pair.french.encode()) + 1 for pair in pairs)
    assert whole * 1.1 < count < letters / 2


def test_every_number_fits_into_a_row(tokenizer):
    longest = [number_words.french(n) for n in range(1000)]
    longest = sorted(longest, key=lambda text: -len(text))[:40]
    british = [number_words.english(n, conjunction=True) for n in range(1000)]
    british = sorted(british, key=lambda text: -len(text))[:40]
    for part in longest:
        size = len(tokenizer(f"{part} mille {part}")["input_ids"])
        assert size <= pairs.TARGET
    for part in british:
        size = len(tokenizer(f"{part} thousand {part}")["input_ids"])
        assert size <= pairs.SOURCE


def test_no_held_out_number_is_learnt_from(tokenizer):
    batch = batches(tokenizer)
    for step in range(0, translator.STEPS, 100):
        english, french = sides(tokenizer, batch(step))
        learnt = [number_words.read_french(text) for text in french]
        assert learnt == [number_words.read_english(text) for text in english]
        assert not any(map(number_bands.is_held_out, learnt))


def test_no_held_out_number_is_drawn_in_a_hundred_thousand():
    drawn = pairs.draw(np.random.default_rng(0), 100_000)
    assert len(drawn) == 100_000
    assert not any(map(number_bands.is_held_out, drawn))
    assert 0 <= min(drawn) and max(drawn) < number_bands.LIMIT


def test_the_tokenizer_saw_no_held_out_number():
    seen = list(translator_tokenizer._texts())
    for english, french in zip(seen[::2], seen[1::2], strict=True):
        number = number_words.read_english(english)
        assert number_words.read_french(french) == number
        assert not number_bands.is_held_out(number)


def test_short_and_round_numbers_come_often():
    drawn = pairs.draw(np.random.default_rng(0), 200_000)
    lengths = np.array([len(str(number)) for number in drawn])
    for length in range(1, 7):
        assert (lengths == length).mean() > 0.08
    assert np.mean([number % 1000 == 0 for number in drawn if number]) > 0.01
    below = np.unique([number for number in drawn if number < 1000])
    assert len(below) == 1000


def test_a_batch_depends_on_its_number_alone(tokenizer):
    one, other = batches(tokenizer), batches(tokenizer)
    other(3)
    assert torch.equal(one(7), other(7))
    assert not torch.equal(one(7), one(8))


def test_both_ways_of_english_are_learnt(tokenizer):
    english, _ = sides(tokenizer, batches(tokenizer)(0))
    british = sum(" and " in text for text in english)
    assert 0.05 < british / len(english) < 0.3


def test_padding_does_not_change_the_loss(fresh, tokenizer):
    asked = [number_bands.pair(number)[1:] for number in (7, 999_999, 80_080)]
    alone = [pairs.packed(tokenizer, [pair]) for pair in asked]
    sizes = [int((row[:, pairs.SOURCE :] != 0).sum()) for row in alone]
    parts = [loss(fresh, row).item() for row in alone]
    mean = sum(p * n for p, n in zip(parts, sizes, strict=True)) / sum(sizes)
    together = loss(fresh, pairs.packed(tokenizer, asked)).item()
    assert together == pytest.approx(mean, rel=1e-5)


def test_muon_takes_the_matrices_and_no_table():
    trained = translator.fresh()
    muon, adamw = translator.optimizers(trained)
    inside = {id(p) for group in muon.param_groups for p in group["params"]}
    rest = {id(p) for group in adamw.param_groups for p in group["params"]}
    assert not inside & rest
    assert inside | rest == {id(p) for p in trained.parameters()}
    assert id(trained.shared.weight) in rest
    layer = trained.decoder.block[1].layer[2].DenseReluDense
    assert {id(layer.wi.weight), id(layer.wo.weight)} <= inside


def test_translating_one_by_one_or_together_is_the_same(tokenizer):
    torch.manual_seed(0)
    model = translator.fresh().double().eval()
    model.tokenizer = tokenizer
    asked = [pair.english for pair in texts.number_pairs()[:6]]
    together = translate(model, asked, max_tokens=8)
    assert together == translate(model, asked, rows=1, max_tokens=8)
    assert translate(model, []) == []
    with pytest.raises(ValueError, match="rows=0"):
        translate(model, asked, rows=0)


def test_the_recipe_learns(fresh, tokenizer):
    trained = training.train(
        fresh,
        lambda step: batches(tokenizer)(step)[:64],
        steps=30,
        optimizers=translator.optimizers,
        loss=loss,
        log_every=10,
    )
    assert trained.log[-1]["loss"] < 0.7 * trained.log[0]["loss"]


def options(folder, *arguments):
    parser = argparse.ArgumentParser()
    translator.add_arguments(parser)
    common = {"folder": folder, "publish": folder / "published", "stop_after": None}
    return argparse.Namespace(**vars(parser.parse_args(arguments)) | common)


@pytest.fixture
def quickly(monkeypatch):
    """Train on little and ask little: the recipe is the same."""
    monkeypatch.setattr(translator, "STEPS", 4)
    monkeypatch.setattr(translator, "BATCH", 8)
    monkeypatch.setattr(translator, "EXAM", 4)
    monkeypatch.setattr(translator_card, "ASKED", 5)
    monkeypatch.setattr(translator_card, "LONG", 6)
    few = texts.number_pairs()[:5]
    monkeypatch.setattr(translator_card.texts, "number_pairs", lambda: few)


def test_the_recipe_publishes_a_model_that_transformers_loads(
    tmp_path, quickly, capsys
):
    translator.run(options(tmp_path), card=translator_card)
    out = capsys.readouterr().out
    assert "trained 4 of 4 steps" in out and "exact match" in out
    place = tmp_path / "published"
    check_plain(models.load(place), place)
    card = (place / "README.md").read_text()
    assert "# translator" in card and "frozen pairs" in card and "Curve" in card
    data = json.loads((place / "data.json").read_text())
    assert data["held_out_bands"] == list(number_bands.held_out())
    assert len((place / "log.jsonl").read_text().splitlines()) >= 2


def test_a_paused_training_goes_on_by_its_own_plan(tmp_path, quickly):
    paused = options(tmp_path)
    paused.stop_after, paused.publish = 2, None
    translator.run(paused, card=translator_card)
    assert len(recipe.scores(tmp_path, translator.MATCH)) == 2
    rest = options(tmp_path)
    rest.publish = None
    translator.run(rest, card=translator_card)
    assert len(recipe.scores(tmp_path, translator.MATCH)) == 4


def check_plain(model, place):
    """Compare with transformers alone, by its `generate` and its defaults."""
    plain = AutoModelForSeq2SeqLM.from_pretrained(place, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(place)
    asked = [pair.english for pair in texts.number_pairs()[:100]]
    encoded = tokenizer(asked, padding=True, return_tensors="pt")
    answers = tokenizer.batch_decode(
        plain.generate(**encoded), skip_special_tokens=True
    )
    assert type(model) is type(plain)
    assert translate(model, asked) == answers
    alone = tokenizer(asked[0], return_tensors="pt")
    assert (
        tokenizer.decode(plain.generate(**alone)[0], skip_special_tokens=True)
        == (answers[0])
    )


def test_the_shipped_model_is_the_same_in_plain_transformers(shipped):
    check_plain(shipped, files.find("translator"))


def test_the_shipped_model_gets_99_of_100_frozen_pairs_right(shipped):
    pairs = texts.number_pairs()
    answers = translate(shipped, [pair.english for pair in pairs])
    match = quality.exact_match(answers, [pair.french for pair in pairs])
    assert match.value >= 0.99


def test_the_shipped_model_says_what_it_learnt_from(shipped):
    place = files.find("translator")
    data = json.loads((place / "data.json").read_text())
    assert data["held_out_bands"] == list(number_bands.held_out())
    ours = translator_card.data()
    assert data["frozen_pairs"] == ours["frozen_pairs"]
    rows = [json.loads(s) for s in (place / "log.jsonl").read_text().splitlines()]
    assert max(row["step"] for row in rows) >= 1
    assert rows[-1][translator.MATCH] >= 0.99
