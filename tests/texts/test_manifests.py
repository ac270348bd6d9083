"""One manifest for a family: it says who read what, whoever is published, and when."""

import hashlib

import pytest

from llmlab.texts import manifests
from llmlab.zoo import families

OF_FAMILY = manifests.FAMILIES[0]


def row(name, models=None):
    listed = dict(zip(manifests.PACKAGE, ("p", "1", "MIT"), strict=True))
    listed |= dict(zip(manifests.FILE, (name, name * 32, "training"), strict=True))
    return listed | ({"models": models} if models else {})


def publish(folder, name, *read, where=None):
    """Do to a folder's manifests what publishing a model does."""
    target = folder / (where or name)
    path = target / families.manifest(target, name)
    text = families.merged(target, name, [row(each) for each in read])
    target.mkdir(exist_ok=True)
    (target / "config.json").write_text("{}")
    path.write_text(text)
    return path.resolve()


def read_by(folder):
    return [row["path"] for row in manifests.manifest_of(folder)]


def test_each_is_told_what_it_read_and_what_all_read_stands_once(tmp_path):
    for name, last in zip(OF_FAMILY, "bcde", strict=True):
        path = publish(tmp_path, name, "a", last)
    assert path == tmp_path / "coder" / "data.json"
    assert manifests.read_manifest(path) == [
        row("a"), *(row(x, [n]) for n, x in zip(OF_FAMILY, "bcde", strict=True))
    ]  # fmt: skip
    for name, last in zip(OF_FAMILY, "bcde", strict=True):
        assert read_by(tmp_path / name) == ["a", last]


@pytest.mark.parametrize("again", OF_FAMILY)
def test_to_publish_one_again_changes_what_is_said_of_it_alone(tmp_path, again):
    for name in OF_FAMILY:
        publish(tmp_path, name, "a", "b")
    publish(tmp_path, again, "b", "z")
    for name in OF_FAMILY:
        assert sorted(read_by(tmp_path / name)) == (
            ["b", "z"] if name == again else ["a", "b"]
        )
    publish(tmp_path, again, "a", "b")
    rows = manifests.read_manifest(tmp_path / "coder" / "data.json")
    assert sorted(r["path"] for r in rows) == ["a", "b"]
    assert not [r for r in rows if "models" in r]


def test_who_was_not_there_yet_is_not_said_to_have_read_anything(tmp_path):
    publish(tmp_path, "coder", "a", "b")
    publish(tmp_path, "coder-rnn", "b")
    rows = manifests.read_manifest(tmp_path / "coder" / "data.json")
    assert rows == [row("a", ["coder"]), row("b")]
    publish(tmp_path, "coder-small", "a")
    assert read_by(tmp_path / "coder-rnn") == ["b"]
    assert read_by(tmp_path / "coder-small") == ["a"]


@pytest.mark.parametrize(
    ("name", "where"),
    [("coder-rnn", None), ("coder-rnn", "mine"), ("classifier", None)],
)
def test_who_stands_alone_keeps_a_manifest_of_its_own(tmp_path, name, where):
    if where:  # a folder of another name is none of the family
        publish(tmp_path, "coder", "a")
    path = publish(tmp_path, name, "b", where=where)
    assert path == tmp_path / (where or name) / "data.json"
    assert read_by(path.parent) == ["b"]


def test_a_text_can_be_unseen_by_one_and_read_by_another(tmp_path):
    text = "a = 1\n"
    seen = row("a", ["coder"]) | {"sha256": hashlib.sha256(text.encode()).hexdigest()}
    (tmp_path / "data.json").write_text(manifests.manifest_text([seen, row("b")]))
    assert not manifests.is_unseen(text, tmp_path / "data.json")
    assert not manifests.is_unseen(text, tmp_path / "data.json", "coder")
    assert manifests.is_unseen(text, tmp_path / "data.json", "coder-rnn")


def test_a_damaged_manifest_is_told(tmp_path):
    (tmp_path / "data.json").write_text('[{"package": "p"}]')
    with pytest.raises(ValueError, match="is not a manifest"):
        manifests.manifest_of(tmp_path)
