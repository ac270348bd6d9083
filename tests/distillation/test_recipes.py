"""The recipes of the literature: each brings its student nearer, by its own measure."""

import hashlib

import families
import pytest
import torch
import transformers
from small_models import decoder, draw_tokens, spread

from llmlab.distillation import asking, losses, recipes, students
from llmlab.distillation.attention import attention_loss, relation_loss, split
from llmlab.models.listening import listening

STEPS = 60


@pytest.fixture
def teacher():
    model = decoder(dtype=torch.float32, num_hidden_layers=4)
    before = digest(model)
    yield model
    assert digest(model) == before
    assert all(p.grad is None for p in model.parameters())


def digest(model):
    return hashlib.sha256(
        b"".join(p.numpy().tobytes() for p in model.state_dict().values())
    ).hexdigest()


def batch(_):
    return draw_tokens(6, 13)


def gap(student, teacher):
    """How far the student's probabilities are from the teacher's."""
    with torch.inference_mode():
        both = (each(batch(0)[:, :-1]) for each in (student, teacher))
        return losses.soft_targets(*both).item()


def heard(model, names):
    with torch.inference_mode(), listening(model, names, outputs=True) as given:
        model(batch(0)[:, :-1])
    return [given[name] for name in names]


def test_distilbert_takes_layers_of_its_teacher_and_comes_near(teacher):
    start = students.from_layers(teacher, [0, 3])
    made = recipes.distilbert(
        teacher, batch, layers=2, steps=STEPS, rate=3e-3, autocast=None
    ).model
    assert len(made.layers) == 2
    assert gap(made, teacher) < 0.5 * gap(start, teacher)


def test_distilbert_teaches_a_classifier_of_berts_family():
    sizes = families.BERT | {"num_hidden_layers": 4, "num_labels": 5, "pad_token_id": 0}
    teacher = spread(
        transformers.BertForSequenceClassification(transformers.BertConfig(**sizes))
    )
    rows = torch.cat([torch.arange(4)[:, None], draw_tokens(4, 9)], dim=1)

    def agreement(model):
        with torch.inference_mode():
            both = (asking.text_labels(each, rows)[0] for each in (model, teacher))
            return losses.soft_targets(*both).item()

    made = recipes.distilbert(
        teacher, lambda step: rows, layers=2, steps=STEPS, ask=asking.text_labels,
        rate=3e-3, autocast=None,
    ).model  # fmt: skip
    assert made.config.num_hidden_layers == 2
    assert agreement(made) < agreement(students.from_layers(teacher, [0, 3]))


def test_tinybert_thinks_as_its_teacher_before_it_answers(teacher):
    student = students.random(
        decoder(dtype=torch.float32, hidden_size=16, head_dim=4), seed=1
    )
    thinking = recipes.tinybert(
        student, teacher, batch, steps=STEPS + 1, first=STEPS / (STEPS + 1),
        rate=3e-3, autocast=None,
    ).model  # fmt: skip

    def apart(model):
        parts = [f"layers.1.attention.{part}" for part in ("query", "key")]
        others = [f"layers.3.attention.{part}" for part in ("query", "key")]
        own, other = heard(model, parts), heard(teacher, others)
        return attention_loss(
            recipes._scored(own, 4, 2), recipes._scored(other, 4, 2)
        ).item()

    assert apart(thinking) < 0.85 * apart(student)
    whole = recipes.tinybert(
        student, teacher, batch, steps=2 * STEPS, rate=3e-3, autocast=None
    ).model
    assert gap(whole, teacher) < 0.85 * gap(student, teacher)
    assert gap(whole, teacher) < gap(thinking, teacher), "it answers, too"


def test_tinybert_refuses_other_heads(teacher):
    student = decoder(dtype=torch.float32, num_attention_heads=2, head_dim=16)
    with pytest.raises(ValueError, match="head by head"):
        recipes.tinybert(student, teacher, batch, steps=4)
    with pytest.raises(ValueError, match="first=1"):
        recipes.tinybert(teacher, teacher, batch, steps=4, first=1)


def test_minilm_relates_tokens_as_a_layer_of_its_teacher(teacher):
    student = students.random(
        decoder(dtype=torch.float32, hidden_size=16, head_dim=4), seed=1
    )
    made = recipes.minilm(
        student, teacher, batch, steps=STEPS, heads=2, layer=2, rate=3e-3, autocast=None
    ).model

    def apart(model):
        (own,) = heard(model, ["layers.1.attention.value"])
        (other,) = heard(teacher, ["layers.2.attention.value"])
        return relation_loss(split(own, 2), split(other, 2)).item()

    assert apart(made) < 0.5 * apart(student)
    assert torch.equal(made.norm.weight, student.norm.weight), "the head learns nothing"
    with pytest.raises(ValueError, match="layer=4 is none"):
        recipes.minilm(student, teacher, batch, steps=2, heads=2, layer=4)


def test_minitron_prunes_and_is_taught_by_what_it_was(teacher):
    data = [draw_tokens(4, 12, seed=3)]
    start = students.from_pruned(teacher, data, layers=[0, 2, 3], hidden=24)
    made = recipes.minitron(
        teacher, data, batch, steps=STEPS, layers=[0, 2, 3], neurons=24, rate=3e-3,
        autocast=None,
    ).model  # fmt: skip
    assert (len(made.layers), made.shape.hidden) == (3, 24)
    assert gap(made, teacher) < 0.5 * gap(start, teacher)


def test_a_family_without_queries_of_their_own_is_told():
    layers = torch.nn.ModuleList([torch.nn.Linear(2, 2)])
    with pytest.raises(ValueError, match="queries, keys and values apart"):
        recipes._projections(layers[0])
