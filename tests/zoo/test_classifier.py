"""The recipe of `classifier`: it learns, is judged fairly, and ships whole."""

import argparse
import json
from collections import Counter

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from llmlab import models, texts
from llmlab.models import classification, files, snippets
from llmlab.texts import Snippet, corpus, manifests
from llmlab.texts.masking import MODULES
from llmlab.zoo import __main__ as command
from llmlab.zoo import baselines, classifier, classifier_card, recipe, splits

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


@pytest.fixture(scope="module")
def words():
    return splits.tokenizer()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with data ready: the frozen snippets, two thirds to learn from."""
    monkeypatch.setattr(classifier, "SHAPE", SMALL)
    own = texts.snippets()
    found = {
        "training": [s for n, s in enumerate(own) if n % 3],
        "held out": list(own[::3]),
    }
    splits.write(found, tmp_path / "snippets.json")
    listed = [
        corpus.TextFile("p", "1", "MIT", f"{n}.py", str(n), split, tmp_path)
        for n, split in enumerate(found)
    ]
    manifests.write_manifest(listed, tmp_path / "data.json")
    return tmp_path


def batches(words, **rest):
    """The batch of each step, learnt from the frozen snippets."""
    options = {"rows": classifier.BATCH, "hidden": classifier.HIDDEN} | rest
    return snippets.batches(words, texts.snippets(), **options)


def test_the_model_is_a_bert_of_its_size_with_the_modules_as_labels(words):
    model = classifier.fresh(words)
    assert 1_000_000 <= sum(p.numel() for p in model.parameters()) <= 1_500_000
    assert type(model).__name__ == "BertForSequenceClassification"
    assert tuple(model.config.id2label.values()) == MODULES


def test_it_starts_with_what_coder_knows_of_its_tokens(words):
    model = classifier.fresh(words)
    table = model.bert.embeddings.word_embeddings.weight.detach()
    coder = models.load("coder").embedding.weight
    known = len(coder)
    ours = torch.nn.functional.normalize(table[:known] - table[:known].mean(0))
    theirs = torch.nn.functional.normalize(coder - coder.mean(0))
    places = torch.arange(0, known, 37)
    alike = torch.corrcoef(
        torch.stack(
            [(ours[places] @ ours.T).flatten(), (theirs[places] @ theirs.T).flatten()]
        )
    )[0, 1]
    assert alike > 0.7
    assert abs(table[:known].std().item() / classifier.SPREAD - 1) < 1e-3


def test_the_tokenizer_is_that_of_coder_and_knows_the_mask(words):
    coder = AutoTokenizer.from_pretrained(files.find("coder"))
    text = "if x:\n    return [1, 'ü']\n"
    ids = words(text)["input_ids"]
    assert ids[1:-1] == coder(text)["input_ids"]
    assert (ids[0], ids[-1]) == (words.cls_token_id, words.sep_token_id)
    masked = words("x = [MASK].loads(y)")["input_ids"]
    assert masked.count(words.mask_token_id) == 1


def test_every_batch_holds_each_module_equally_often(words):
    batch = batches(words)
    for step in (0, 7, 1000):
        counts = Counter(batch(step)[:, 0].tolist())
        assert counts == dict.fromkeys(range(12), classifier.BATCH // 12)
        assert torch.equal(batch(step), batch(step))
    assert not torch.equal(batch(0)[:, 1:9], batch(1)[:, 1:9])


def test_each_snippet_of_a_module_comes_as_often_as_any_other(words):
    mine = [s for s in texts.snippets() if s.module == MODULES[0]]
    batch = batches(words, hidden=0.0)
    seen = Counter()
    steps = len(mine) * snippets.DEALT // 4  # whole rounds, and whole times around
    for row in (row for step in range(steps) for row in batch(step).tolist()):
        if row[0] == 0:
            seen[tuple(t for t in row[1:] if t != words.pad_token_id)] += 1
    expected = {tuple(ids): snippets.DEALT for ids in snippets.encoded(words, mine)}
    assert seen == expected


def test_what_is_dealt_out_by_length_pads_less(words):
    def padding(dealt):
        batch = batches(words, dealt=dealt)
        steps = [batch(step) for step in range(16)]
        return sum(int((b == words.pad_token_id).sum()) for b in steps)

    assert padding(snippets.DEALT) < 0.8 * padding(1)


def test_some_tokens_are_hidden_but_never_the_label_or_the_first(words):
    batch = batches(words)
    shown = [row for step in range(5) for row in batch(step)]
    tokens = torch.cat([row[1:].flatten() for row in shown])
    inside = [row[: int((row != words.pad_token_id).nonzero().max())] for row in shown]
    hidden = sum(int((row == words.pad_token_id).sum()) for row in inside)
    assert 0.05 < hidden / len(torch.cat(inside)) < 0.15
    assert (torch.stack([row[1] for row in shown]) == words.cls_token_id).all()
    assert tokens.max() < len(words)


def test_a_module_without_a_snippet_is_named():
    chosen = [s for s in texts.snippets() if s.module != "math"]
    with pytest.raises(ValueError, match="no snippet uses math"):
        snippets.batches(splits.tokenizer(), chosen, rows=12)


@pytest.mark.parametrize("rows", [0, -12, 47])
def test_rows_that_the_modules_cannot_share_are_refused(words, rows):
    with pytest.raises(ValueError, match=rf"rows={rows}\b.*a multiple of 12"):
        batches(words, rows=rows)


def test_without_smoothing_the_loss_is_the_chance_of_the_label_alone(words):
    torch.manual_seed(0)
    model, batch = classifier.fresh(words).eval(), batches(words)(0)
    chances = classification.label_logits(model, batch[:, 1:]).log_softmax(-1)
    own = -chances[torch.arange(len(batch)), batch[:, 0]]
    plain = classification.loss(model, batch)
    assert plain.requires_grad, "it can be learnt from"
    assert plain.item() == pytest.approx(own.mean().item(), rel=1e-5)
    smoothed = classification.loss(model, batch, label_smoothing=0.1).item()
    spread = 0.9 * own.mean() - 0.1 * chances.mean()
    assert smoothed == pytest.approx(spread.item(), rel=1e-5)


def test_padding_changes_no_answer(words):
    model = classifier.fresh(words).eval()
    chosen = texts.snippets()[:40]
    alone = [classifier.answers(model, words, [s])[0] for s in chosen]
    assert classifier.answers(model, words, chosen) == alone


def test_it_learns_what_a_handful_of_snippets_show(folder, words):
    model = recipe.train(classifier.made(folder), folder, recipe.TrainingPlan(120, 60))
    learnt = splits.prepare(folder)["training"]
    right = baselines.hits(classifier.answers(model, words, learnt), learnt)
    assert sum(right) > 0.9 * len(right)


def test_the_matrices_of_the_layers_are_set_apart_from_tables_and_head(words):
    model = classifier.fresh(words)
    muon, _ = classifier.optimizers(model)
    inside = {id(p) for group in muon.param_groups for p in group["params"]}
    layers = model.bert.encoder.layer.parameters()
    assert inside == {id(p) for p in layers if p.dim() == 2}


def test_the_recipe_trains_reports_and_publishes(folder, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    classifier.add_arguments(parser)
    options = parser.parse_args([])
    options.folder, options.publish = folder, tmp_path / "published"
    options.stop_after = None
    start = files.fingerprint(files.weight_files(files.find("coder")))
    plan = {"steps": 5, "decay": 3, "started_from": start}
    (folder / "plan.json").write_text(json.dumps(plan))
    classifier.run(options, card=classifier_card)
    said = capsys.readouterr().out
    assert "trained 5 of 5 steps" in said and "always" in said
    card = (options.publish / "README.md").read_text()
    for word in (
        "bag of tokens",
        f"`{start}`",
        "most common answer",
        "licence",
        "Limits",
    ):
        assert word in card
    for name in ("data.json", "log.jsonl", "config.json", "tokenizer.json"):
        assert (options.publish / name).exists()
    loads_alike(options.publish)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--sample 600", "sample=600, but the snippets in .* with sample=None"),
        ("--sample 600 --publish there", "leave out --publish or --sample"),
    ],
)
def test_a_sample_is_neither_mixed_with_all_nor_published(folder, words, told):
    options = command._options(["classifier", "--folder", str(folder), *words.split()])
    with pytest.raises(ValueError, match=told):
        command.run(options)


def test_a_sample_too_small_for_all_modules_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"sample=11 .* of 12 modules"):
        splits.prepare(tmp_path / "new", sample=11)


def loads_alike(place):
    """Ours and plain transformers' read the same model and the same tokenizer."""
    ours = models.load(place)
    theirs = AutoModelForSequenceClassification.from_pretrained(
        place, dtype=torch.float32
    ).eval()
    tokenizer = AutoTokenizer.from_pretrained(place)
    assert type(ours) is type(theirs)
    assert list(ours.config.id2label.values()) == list(MODULES)
    codes = [snippet.code for snippet in texts.snippets()[::40]]
    ask = {"padding": True, "truncation": True, "return_tensors": "pt"}
    mine, plain = ours.tokenizer(codes, **ask), tokenizer(codes, **ask)
    assert torch.equal(mine["input_ids"], plain["input_ids"])
    assert (
        mine["input_ids"].tolist()[0]
        == splits.tokenizer()(codes, **ask)["input_ids"].tolist()[0]
    )
    with torch.inference_mode():
        torch.testing.assert_close(ours(**mine).logits, theirs(**plain).logits)


@pytest.mark.skipif("classifier" not in models.names(), reason="not trained here yet")
def test_the_bundled_one_loads_in_plain_transformers_and_knows_its_job():
    loads_alike(files.bundled() / "classifier")
    model = models.load("classifier")
    asked = texts.snippets()
    right = baselines.hits(classifier.answers(model, model.tokenizer, asked), asked)
    assert sum(right) / len(right) > 0.7
    training_rows = manifests.manifest_of(files.bundled() / "classifier")
    assert {row["split"] for row in training_rows} == {"training", "held out"}


def snippet(module, source, code="x = 1"):
    return Snippet(module, code, source)


def test_accuracy_counts_snippets_and_draws_files():
    asked = [snippet("re", f"f{n // 2}") for n in range(20)]
    answers = ["re"] * 15 + ["os"] * 5
    fact = baselines.accuracy(answers, asked, "here")
    assert fact.value == 0.75
    assert fact.low < 0.75 < fact.high
    assert dict(fact.details) == {"snippets": 20, "files": 10}


def test_the_difference_is_paired():
    asked = [snippet("re", f"f{n}") for n in range(30)]
    ours = ["re"] * 24 + ["os"] * 6
    fact = baselines.difference(ours, ours, asked, "here")
    assert (fact.value, fact.low, fact.high) == (0, 0, 0)
    theirs = ["os"] * 6 + ours[6:]
    assert baselines.difference(ours, theirs, asked, "here").low > 0


def test_the_majority_is_the_best_single_answer():
    asked = [snippet(m, m) for m in ("re", "os", "os", "json")]
    assert baselines.majority(asked) == ["os"] * 4


def test_the_bag_learns_tokens_whatever_their_order(words):
    learnt = [snippet("re", f"{n}", f"x{n} = [MASK].sub(a, b)") for n in range(20)] + [
        snippet("os", f"{n}", f"y{n} = [MASK].listdir(a)") for n in range(20)
    ]
    answer = baselines.bag_of_tokens(words, learnt)
    asked = [
        snippet("re", "z", "(a, b).sub[MASK] = z"),
        snippet("os", "z", "[MASK].listdir(q)"),
    ]
    assert answer(asked) == ["re", "os"]


def test_the_card_shows_mistakes_that_were_not_picked():
    asked = [snippet("re", "a", "[MASK].sub"), snippet("os", "b"), snippet("os", "c")]
    lines = "\n".join(classifier_card._mistakes(asked, ["os", "re", "re"]))
    assert "3 of the 3" in lines
    assert lines.count("taken for") == 2
