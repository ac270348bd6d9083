"""A file is at every moment the old one or the new one."""

import pytest

from llmlab.core import writing


@pytest.mark.parametrize("content", ["é and more", b"\x00\xff"])
def test_what_is_written_stands_there_and_nothing_beside_it(content, tmp_path):
    path = tmp_path / "new" / "file"
    writing.write(path, content)
    data = content.encode() if isinstance(content, str) else content
    assert path.read_bytes() == data
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_writer_leaves_the_old_file_alone(error, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), writing.replacing(path) as beside:
        beside.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with writing.replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    place = tmp_path / "model"
    with writing.replacing_folder(place) as new:
        (new / "one").write_text("1")
    with pytest.raises(KeyError), writing.replacing_folder(place) as new:
        (new / "two").write_text("2")
        raise KeyError("stop")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "one"]
    with writing.replacing_folder(place) as new:
        (new / "two").write_text("2")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "two"]


def test_what_cannot_be_written_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"below cannot be written .*choose a folder"):
        writing.write(tmp_path / "file" / "below", "text")
