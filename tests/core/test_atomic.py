"""A file is at every moment the old one or the new one."""

import os
from pathlib import Path

import pytest

from llmlab.core import atomic


@pytest.mark.parametrize("content", ["é and more", b"\x00\xff"])
def test_what_is_written_stands_there_and_nothing_beside_it(content, tmp_path):
    path = tmp_path / "new" / "file"
    atomic.write(path, content)
    data = content.encode() if isinstance(content, str) else content
    assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_writer_leaves_the_old_file_alone(error, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic.replacing(path) as beside:
        beside.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with atomic.replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    place = tmp_path / "model"
    how = {"holding": "one"}
    with atomic.replacing_folder(place, **how) as new:
        (new / "one").write_text("1")
    with pytest.raises(KeyError), atomic.replacing_folder(place, **how) as new:
        (new / "two").write_text("2")
        raise KeyError("stop")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "one"]
    with atomic.replacing_folder(place, **how) as new:
        (new / "two").write_text("2")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "two"]


def test_a_folder_that_cannot_be_exchanged_stays(tmp_path, monkeypatch):
    place, real = tmp_path / "model", os.replace
    place.mkdir()
    (place / "one").write_text("1")

    def replace(old, new):
        if ".new." in str(old):
            raise OSError(16, "busy")
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    with (
        pytest.raises(OSError, match=r"busy.*unchanged"),
        atomic.replacing_folder(place, holding="one") as new,
    ):
        (new / "one").write_text("2")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "one"]
    assert (place / "one").read_text() == "1"


@pytest.mark.parametrize("what", ["a file", "a folder of other things", "here"])
def test_what_is_no_such_folder_is_not_replaced(what, tmp_path, monkeypatch):
    place = tmp_path / "notes"
    if what == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "mine").write_text("mine")
    if what == "here":
        monkeypatch.chdir(place)
        (place / "one").write_text("1")
    with (
        pytest.raises(ValueError, match="other things than a one"),
        atomic.replacing_folder(Path("." if what == "here" else place), holding="one"),
    ):
        raise AssertionError("it has begun")
    assert place.is_file() or (place / "mine").read_text() == "mine"


def test_what_cannot_be_written_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"below cannot be written .*choose a folder"):
        atomic.write(tmp_path / "file" / "below", "text")
