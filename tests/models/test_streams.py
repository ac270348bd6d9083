"""A stream of tokens: each window once an epoch; the library's stands in one file."""

import hashlib
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from llmlab import models
from llmlab.core import machine
from llmlab.models import streams, training
from llmlab.texts import corpus
from llmlab.texts.corpus import TextFile
from llmlab.texts.number_words import english


class Listening:
    """A tokenizer that remembers the texts it was given."""

    def __init__(self, inner):
        self.inner, self.heard = inner, []

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def __len__(self):
        return len(self.inner)

    def __call__(self, texts, **options):
        self.heard += [texts] if isinstance(texts, str) else texts
        return self.inner(texts, **options)


def line(number, file):
    """Return a string of Python that stands in one file alone."""
    return f'"line {english(number)} of file {english(file)}"'


@pytest.fixture(scope="module")
def coder():
    return models.load("coder")


@pytest.fixture
def model(coder, tmp_path, monkeypatch):
    """A model whose tokenizer listens, and a standard library of twenty files."""
    monkeypatch.setenv("LLMLAB_CACHE", str(tmp_path / "cache"))
    listed = []
    for n in range(20):
        text = "".join(f"a = {line(i, n)}\n" for i in range(99))
        (tmp_path / f"{n}.py").write_text(text)
        split = "training" if n % 4 else "held out"
        digest = hashlib.sha256(text.encode()).hexdigest()
        listed.append(
            TextFile("python", "3", "PSF", f"{n}.py", digest, split, tmp_path)
        )
    monkeypatch.setattr(corpus, "candidates", lambda: iter(listed))
    return SimpleNamespace(tokenizer=Listening(coder.tokenizer), context=1024)


def kept():
    return list((machine.cache_folder() / "tokens").iterdir())


def test_a_step_sees_the_same_however_often_it_is_asked(model):
    one = streams.library(model, rows=3, length=64, seed=5)
    other = streams.library(model, rows=3, length=64, seed=5)
    assert one(7).shape == (3, 65) and one(7).dtype == torch.int64
    assert torch.equal(one(7), other(7))
    assert not torch.equal(one(7), one(8))
    assert not torch.equal(one(7), streams.library(model, rows=3, length=64)(7))


def test_each_window_comes_once_an_epoch(model):
    batch = streams.library(model, rows=1, length=64)
    (path,) = kept()
    size = (path.stat().st_size - streams.DIGEST) // 2
    count = (size - 1) // 64
    epoch = {tuple(batch(step)[0].tolist()) for step in range(count)}
    assert len(epoch) == count
    assert tuple(batch(count)[0].tolist()) in epoch


def test_what_is_encoded_once_is_not_encoded_again(model):
    streams.library(model, rows=1, length=64)
    assert len(model.tokenizer.heard) == 15
    streams.library(model, rows=2, length=32, seed=9)(3)
    assert len(model.tokenizer.heard) == 15


def test_files_that_are_held_out_never_appear(model):
    batch = streams.library(model, rows=1, length=1024)
    heard = "".join(model.tokenizer.heard)
    read = "".join(model.tokenizer.decode(batch(step)[0]) for step in range(60))
    for n in range(20):
        assert (line(0, n) in heard) is (n % 4 > 0)
        assert any(line(i, n) in read for i in range(99)) is (n % 4 > 0)


def test_a_file_that_says_other_terms_never_appears(model, monkeypatch):
    first = next(corpus.candidates())
    text = "# Licensed under the GPLv3\n" + first.read()
    (first.folder / "gpl.py").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    other = TextFile("python", "3", "PSF", "gpl.py", digest, "training", first.folder)
    monkeypatch.setattr(corpus, "candidates", lambda: iter([other]))
    with pytest.raises(ValueError, match="hold 0 tokens here"):
        streams.library(model, rows=1, length=64)
    assert model.tokenizer.heard == []


@pytest.mark.parametrize("keep", [0, 20, 33, 1000])
def test_half_a_file_is_made_again(model, keep):
    whole = streams.library(model, rows=2, length=64)(3)
    (path,) = kept()
    path.write_bytes(path.read_bytes()[:keep])
    assert torch.equal(streams.library(model, rows=2, length=64)(3), whole)
    assert len(model.tokenizer.heard) == 30


def test_a_damaged_file_is_made_again(model):
    whole = streams.library(model, rows=2, length=64)(3)
    (path,) = kept()
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    assert torch.equal(streams.library(model, rows=2, length=64)(3), whole)
    assert len(model.tokenizer.heard) == 30


def test_two_at_once_leave_one_sound_file(model):
    together, found = threading.Barrier(2), []

    class Late(Listening):
        def __call__(self, texts, **options):
            together.wait(timeout=60)  # both have found no file by now
            return super().__call__(texts, **options)

    def ask():
        own = SimpleNamespace(tokenizer=Late(model.tokenizer.inner))
        found.append(streams.library(own, rows=2, length=64)(0))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 2 and torch.equal(*found)
    assert len(kept()) == 1
    assert torch.equal(streams.library(model, rows=2, length=64)(0), found[0])
    assert model.tokenizer.heard == []


def test_another_tokenizer_or_another_library_has_a_file_of_its_own(model, monkeypatch):
    streams.library(model, rows=1, length=64)
    model.tokenizer("x", truncation=True, max_length=4)  # no other tokenizer for that
    streams.library(model, rows=1, length=64)
    assert len(kept()) == 1
    words = models.load("classifier").tokenizer
    streams.library(SimpleNamespace(tokenizer=words), rows=1, length=64)
    assert len(kept()) == 2
    fewer = list(corpus.candidates())[:-1]
    monkeypatch.setattr(corpus, "candidates", lambda: iter(fewer))
    streams.library(model, rows=1, length=64)
    assert len(kept()) == 3


def test_the_loss_of_training_takes_such_a_batch(coder, model):
    batch = streams.library(model, rows=2, length=32)(0)
    assert 0 < training.next_token_loss(coder, batch).item() < 10


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rows": 0}, "rows=0"),
        ({"length": 0}, "length=0"),
        ({"length": 1025}, "length=1025.*to 1024 tokens"),
        ({"seed": -1}, "seed=-1"),
        ({"rows": 10**6}, "ask for fewer or shorter rows"),
    ],
)
def test_what_no_batch_can_be_is_refused(model, options, told):
    with pytest.raises(ValueError, match=told):
        streams.library(model, **{"rows": 1, "length": 64} | options)


def test_a_model_without_a_tokenizer_is_refused():
    with pytest.raises(ValueError, match="has no tokenizer"):
        streams.library(SimpleNamespace(name="bare"), rows=1, length=64)


@pytest.mark.parametrize(
    ("size", "kind"), [(2**16, "uint16"), (2**16 + 1, "uint32"), (2**32, "uint32")]
)
def test_integers_are_as_wide_as_the_vocabulary_asks_for(size, kind):
    (part,) = streams.encode(Counting(size), ["ab", "c"])
    assert part.dtype == np.dtype(kind)
    assert part.tolist() == [2, size - 1, 1, size - 1]


def test_a_vocabulary_beyond_32_bits_is_refused():
    with pytest.raises(ValueError, match="4,294,967,297, is beyond"):
        next(streams.encode(Counting(2**32 + 1), ["a"]))


class Counting:
    """A tokenizer of any size, whose one token for a text is its length."""

    def __init__(self, size):
        self.size, self.eos_token_id = size, size - 1

    def __len__(self):
        return self.size

    def __call__(self, texts, **options):
        return {"input_ids": [[len(text)] for text in texts]}
