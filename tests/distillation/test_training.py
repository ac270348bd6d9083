"""A student learns from a teacher that learns nothing, and comes out bare."""

import hashlib

import pytest
import torch
from families import FAMILIES, make
from small_models import decoder, draw_tokens, recurrent, spread, wrapped

from llmlab import distillation, quantization
from llmlab.distillation import asking, attention, hidden, losses
from llmlab.models import training


def batch(step):
    return draw_tokens(4, 13, seed=step)


def same(step):
    return batch(0)


@pytest.fixture(scope="module")
def teacher():
    return decoder(dtype=torch.float32, num_hidden_layers=4)


@pytest.fixture(scope="module")
def student(teacher):
    return distillation.from_layers(teacher, [0, 3])


def contents(model):
    """Return a name for every byte of a model's weights."""
    parts = [p.detach().numpy().tobytes() for p in model.parameters()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def divergence(student, teacher):
    with torch.inference_mode():
        tokens = batch(0)[:, :-1]
        return float(distillation.soft_targets(student(tokens), teacher(tokens)))


def equal(one, other):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_student_learns_one_batch_by_heart(student, teacher):
    learnt = distillation.train(student, teacher, same, steps=150, rate=1e-2)
    assert divergence(student, teacher) > 0.1
    assert divergence(learnt.model, teacher) < 1e-2
    assert type(learnt.model) is type(student)
    assert not learnt.model.training
    assert not any(p.requires_grad for p in learnt.model.parameters())


def test_models_stay_as_they_were(student, teacher):
    before = contents(student), contents(teacher)
    distillation.train(student, teacher, batch, steps=3, rate=1e-2, hidden=1.0)
    assert (contents(student), contents(teacher)) == before
    assert all(p.grad is None for p in (*student.parameters(), *teacher.parameters()))


def test_twice_the_same_training_gives_the_same_weights(student, teacher):
    runs = [
        distillation.train(student, teacher, batch, steps=4, hidden=0.5, labels=0.3)
        for _ in range(2)
    ]
    assert equal(runs[0].model, runs[1].model) and not equal(runs[0].model, student)


def test_a_teacher_answers_without_dropout_in_the_mode_that_it_is_in():
    noisy = wrapped(
        dtype=torch.float32, resid_pdrop=0.5, embd_pdrop=0.5, attn_pdrop=0.5
    )
    with torch.inference_mode():
        answers = noisy(batch(0)[:, :-1])
    noisy.train()
    seen = []

    def loss(student_logits, teacher_logits, temperature):
        seen.append((student_logits.detach(), teacher_logits))
        return losses.soft_targets(student_logits, teacher_logits, temperature)

    distillation.train(noisy, noisy, same, steps=2, loss=loss, autocast=None)
    for mine, theirs in seen:
        torch.testing.assert_close(theirs, answers)
        assert not torch.allclose(mine, answers, atol=0.1)
        assert not theirs.requires_grad and not theirs.is_inference()
    assert noisy.training


def test_labels_alone_are_plain_training_and_ask_no_teacher(student):
    learnt = distillation.train(student, None, batch, steps=4, labels=1.0)
    from llmlab.models import tuning

    plain = tuning.tune(student, batch, steps=4, rate=1e-3)
    assert equal(learnt.model, plain.model)


def first_loss(student, teacher, **changes):
    return distillation.train(
        student, teacher, same, steps=1, autocast=None, **changes
    ).log[0]["loss"]


def test_the_loss_is_the_sum_of_what_was_asked_for(student, teacher):
    soft = first_loss(student, teacher)
    hard = first_loss(student, teacher, labels=1.0)
    assert soft == pytest.approx(divergence(student, teacher), abs=1e-5)
    assert hard == pytest.approx(
        float(training.next_token_loss(student, batch(0))), abs=1e-5
    )
    mixed = first_loss(student, teacher, labels=0.25)
    assert mixed == pytest.approx(0.25 * hard + 0.75 * soft, abs=2e-5)
    both = first_loss(student, teacher, hidden=1.0)
    states = both - soft
    assert states > 0
    thrice = first_loss(student, teacher, hidden=3.0)
    assert thrice == pytest.approx(soft + 3 * states, abs=5e-5)


def test_a_temperature_goes_to_the_loss_by_position(student, teacher):
    def loss(student_logits, teacher_logits, how_hot):
        return student_logits.sum() * 0 + how_hot

    assert first_loss(student, teacher, loss=loss, temperature=3.0) == 3.0


def test_hidden_states_are_matched_layer_by_layer_through_the_projection(
    student, teacher
):
    asked = []

    def loss(mine, theirs, projection):
        asked.append((mine.detach(), theirs, projection.detach().clone()))
        return hidden.hidden_loss(mine, theirs, projection)

    distillation.train(
        student, teacher, same, steps=1, hidden=1.0, hidden_loss=loss, autocast=None,
        places={1: 2},
    )  # fmt: skip
    ((mine, theirs, projection),) = asked
    expected = {}
    for name, model, at in (("mine", student, 1), ("theirs", teacher, 2)):
        handle = model.layers[at].register_forward_hook(
            lambda module, inputs, output, name=name: expected.update({name: output})
        )
        model(batch(0)[:, :-1])
        handle.remove()
    torch.testing.assert_close(mine, expected["mine"])
    torch.testing.assert_close(theirs, expected["theirs"])
    assert torch.equal(projection, torch.eye(32))


def test_a_narrower_student_is_matched_by_a_projection_that_learns(teacher):
    narrow = decoder(dtype=torch.float32, hidden_size=16, num_attention_heads=4)
    weights = []

    def loss(mine, theirs, projection):
        assert projection.shape == (32, 16)
        weights.append(projection.detach().clone())
        return hidden.hidden_loss(mine, theirs, projection)

    learnt = distillation.train(
        narrow, teacher, same, steps=20, rate=1e-2, hidden=1.0, hidden_loss=loss,
        logits=0.0, log_every=1,
    )  # fmt: skip
    assert not torch.equal(weights[0], weights[-1])
    assert learnt.log[-1]["loss"] < 0.8 * learnt.log[0]["loss"]
    names = {name for name, _ in learnt.model.named_parameters()}
    assert names == {name for name, _ in narrow.named_parameters()}


def test_outputs_of_any_modules_can_be_matched(student, teacher):
    def relations(mine, theirs):
        pairs = zip(mine, theirs, strict=True)
        return sum(
            attention.relation_loss(attention.split(a, 2), attention.split(b, 2))
            for a, b in pairs
        )

    names = ("layers.{}.attention.key", "layers.{}.attention.value")
    match = distillation.Match(
        tuple(name.format(1) for name in names),
        tuple(name.format(3) for name in names),
        relations,
    )
    learnt = distillation.train(
        student, teacher, same, steps=40, rate=5e-3, matches=[match], logits=0.0,
        log_every=1,
    )  # fmt: skip
    assert learnt.log[-1]["loss"] < 0.5 * learnt.log[0]["loss"]
    twice = distillation.Match("layers.1", "layers.3", lambda a, b: a.sum() * 0 + 2, 4)
    assert first_loss(student, teacher, matches=[twice], logits=0.0) == 8


@pytest.mark.parametrize("changes", [{}, {"hidden": 1.0}, {"labels": 0.5}])
def test_a_training_that_was_stopped_ends_with_the_same_weights(
    changes, student, teacher, tmp_path
):
    whole = distillation.train(student, teacher, batch, steps=6, **changes)
    half = distillation.train(
        student, teacher, batch, steps=6, folder=tmp_path, stop_after=3, **changes
    )
    rest = distillation.train(
        student, teacher, batch, steps=6, folder=tmp_path, **changes
    )
    assert equal(rest.model, whole.model) and not equal(half.model, whole.model)


def test_an_evaluation_sees_the_bare_student(student, teacher):
    seen = []

    def evaluate(model):
        seen.append(type(model))
        return {"agreement": 0.5}

    learnt = distillation.train(
        student, teacher, batch, steps=4, hidden=1.0, evaluate=evaluate,
        evaluate_every=2,
    )  # fmt: skip
    assert seen == [type(student)] * 2
    assert [row["step"] for row in learnt.log if "agreement" in row] == [2, 4]


def test_other_optimizers_are_handed_in(student, teacher):
    learnt = distillation.train(
        student, teacher, same, steps=30,
        optimizers=lambda model: training.muon_and_adamw(model, rate=1e-2),
    )  # fmt: skip
    assert divergence(learnt.model, teacher) < 0.5 * divergence(student, teacher)


def test_a_quantized_teacher_teaches(student, teacher):
    small = quantization.quantize(teacher, quantization.Format(bits=8, group_size=8))
    learnt = distillation.train(student, small, same, steps=60, rate=1e-2)
    assert divergence(learnt.model, teacher) < 0.3 * divergence(student, teacher)


def test_an_rnn_learns_from_a_transformer(teacher):
    pupil = recurrent(dtype=torch.float32)
    learnt = distillation.train(pupil, teacher, same, steps=60, rate=1e-2)
    assert divergence(learnt.model, teacher) < 0.5 * divergence(pupil, teacher)


def test_an_encoder_decoder_learns_by_its_targets():
    teacher = make("t5")
    student = distillation.from_layers(teacher, [1], decoder_layers=[1])

    def ask(model, tokens):
        answer = model(input_ids=tokens, decoder_input_ids=tokens[:, :5])
        return answer.logits, tokens[:, :5]

    learnt = distillation.train(
        student, teacher, same, steps=60, rate=1e-2, ask=ask, log_every=1
    )
    assert learnt.log[-1]["loss"] < 0.3 * learnt.log[0]["loss"]


def test_pairs_are_asked_as_translation_asks_them():
    from llmlab.models import pairs, translation

    model = make("t5")
    tokens = draw_tokens(3, pairs.SOURCE + pairs.TARGET).clamp_min(1)
    tokens[:, 9 : pairs.SOURCE] = 0
    tokens[1, pairs.SOURCE + 4 :] = 0
    logits, labels = asking.translations(model, tokens)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(loss, translation.loss(model, tokens))


def test_texts_are_asked_as_classification_asks_them():
    import transformers

    from llmlab.models import classification

    config = transformers.BertConfig(**FAMILIES["bert"][2], num_labels=5)
    model = spread(transformers.BertForSequenceClassification(config))
    rows = torch.cat((torch.tensor([[3], [1]]), draw_tokens(2, 9)), 1)
    logits, labels = asking.text_labels(model, rows)
    assert labels.tolist() == [3, 1]
    loss = torch.nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(loss, classification.loss(model, rows))
    pupil = distillation.from_layers(model, [1])
    learnt = distillation.train(
        pupil, model, lambda step: rows, steps=30, rate=1e-2, ask=asking.text_labels,
        log_every=1,
    )  # fmt: skip
    assert learnt.log[-1]["loss"] < learnt.log[0]["loss"]
