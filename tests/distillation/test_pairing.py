"""What cannot teach or be taught is refused in one sentence, which says the way out."""

import math

import pytest
import torch
from families import batch as given
from families import make
from small_models import VOCABULARY, decoder, draw_tokens

from llmlab import distillation, quantization
from llmlab.distillation import asking
from llmlab.models import surgery


def batch(step):
    return draw_tokens(4, 13, seed=step)


@pytest.fixture(scope="module")
def teacher():
    return decoder(dtype=torch.float32, num_hidden_layers=4)


@pytest.fixture(scope="module")
def student(teacher):
    return distillation.from_layers(teacher, [0, 3])


class Words:
    """A tokenizer, as far as it is compared."""

    def __init__(self, words):
        self.words = words

    def get_vocab(self):
        return {word: at for at, word in enumerate(self.words)}


def speaking(model, words, name):
    new = surgery.share(model)
    new.tokenizer, new.name = Words(words), name
    return new


def test_another_vocabulary_is_refused_by_the_names_of_both(student):
    other = decoder(dtype=torch.float32, vocab_size=VOCABULARY + 3)
    other.name = "stranger"
    with pytest.raises(ValueError, match=r"'stranger'.*64.*'llama'.*61"):
        distillation.train(student, other, batch, steps=1)


def test_another_tokenizer_is_refused_by_the_names_of_both(student, teacher):
    mine = speaking(student, ["a", "b"], "pupil")
    other = speaking(teacher, ["b", "a"], "stranger")
    with pytest.raises(ValueError, match=r"'stranger' and student 'pupil'.*'b'"):
        distillation.train(mine, other, batch, steps=1)
    alike = speaking(teacher, ["a", "b"], "friend")
    assert distillation.train(mine, alike, batch, steps=1).model.name == "pupil"


def refusals(student, teacher):
    def call(*, pupil=student, master=teacher, rows=batch, **changes):
        return lambda: distillation.train(pupil, master, rows, **{"steps": 2} | changes)

    rounded = quantization.quantize(student, quantization.Format(group_size=8))
    deep = decoder(dtype=torch.float32, num_hidden_layers=6)
    return (
        (call(temperature=0), "temperature=0 must be a number above 0"),
        (call(temperature=-1.0), r"temperature=-1\.0"),
        (call(temperature=math.nan), "temperature=nan"),
        (call(temperature=math.inf), "temperature=inf"),
        (call(labels=1.5), r"labels=1\.5 is no share"),
        (call(labels=-0.1), r"labels=-0\.1 is no share"),
        (call(labels=math.nan), "labels=nan is no share"),
        (call(hidden=-1), "hidden=-1 is no weight"),
        (call(hidden=math.inf), "hidden=inf is no weight"),
        (call(pupil=deep, hidden=1.0), "student_layers=6 are more"),
        (call(hidden=1.0, places={2: 0}), "places=.*student's layers, 0 to 1"),
        (call(hidden=1.0, places={0: 4}), "the teacher's, 0 to 3"),
        (call(hidden=1.0, places={}), r"places=\{\}"),
        (call(hidden=1.0, places=[1]), r"places=\[1\]"),
        (call(pupil=rounded), "quantized layer.*quantization.qat.train"),
        (call(pupil=decoder(dtype=torch.bfloat16)), "in bf16.*load it in float32"),
        (call(rows=lambda step: draw_tokens(1, 98)), "student 'llama' has a context"),
        (call(master=decoder(dtype=torch.float32, max_position_embeddings=8)),
         "teacher 'llama' has a context of 8"),
        (call(master=decoder().to("meta")),
         "teacher is on meta and student on cpu"),
        (call(master=None), "teacher=None, and this loss asks one"),
        (call(master="coder"), "teacher='coder'"),
        (call(pupil="coder"), "student='coder'"),
        (call(rows=batch(0)), "batch=.*no function"),
        (call(loss="kl"), "loss='kl' is no function"),
        (call(hidden_loss=3), "hidden_loss=3 is no function"),
        (call(ask=3), "ask=3 is no function"),
        (call(evaluate=3), "evaluate=3 is no function"),
        (call(steps=-1), "steps=-1"),
        (call(rows=lambda step: torch.zeros(3)), "must be a tensor of token ids"),
        (call(rows=lambda step: [1, 2]), "must be a tensor of token ids"),
        (call(hidden=0, logits=0), "nothing to learn"),
    )  # fmt: skip


def test_bad_input_is_refused_in_one_sentence(student, teacher):
    for call, words in refusals(student, teacher):
        with pytest.raises(ValueError, match=words) as refusal:
            call()
        assert "\n" not in str(refusal.value)


def test_an_encoder_decoder_without_its_texts_is_refused():
    model = make("t5")
    assert "decoder_input_ids" in given(model)
    with pytest.raises(ValueError, match=r"ask=asking\.translations"):
        distillation.train(model, model, batch, steps=1)
    with pytest.raises(ValueError, match="is no encoder-decoder"):
        distillation.train(
            make("decoder"), make("decoder"), batch, steps=1, ask=asking.translations
        )
