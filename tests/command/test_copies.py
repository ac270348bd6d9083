"""The learner's folder: what the learner wrote is never lost, and no file is half."""

import argparse
import errno
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from llmlab import command
from llmlab.command import copies, start

START = "from pathlib import Path; from llmlab.command import copies; import sys; "
START += "list(copies.copy_labs(*map(Path, sys.argv[1:])))"


def notebook(*sources, outputs=()):
    """Return the text of a notebook with these code cells."""
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}", outputs=list(outputs))
             for i, source in enumerate(sources)]  # fmt: skip
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "labs"
    folder.mkdir()
    (folder / "01_measure.ipynb").write_text(notebook("import llmlab", "x = 1"))
    (folder / "02_rnn.ipynb").write_text(notebook("y = 2"))
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "01_measure.ipynb").write_text("{}")
    return folder


@pytest.fixture
def course(tmp_path):
    return tmp_path / "course"


def copy(source, course):
    """Copy and return what was done to which file."""
    return {p.name: done for done, p in copies.copy_labs(source, course)}


def test_an_empty_folder_gets_every_lab_and_no_cache(source, course):
    assert copy(source, course) == {
        "01_measure.ipynb": "copied",
        "02_rnn.ipynb": "copied",
    }
    for path in copies.files(source):
        assert (course / path.name).read_bytes() == path.read_bytes()
    assert not (course / ".ipynb_checkpoints").exists()


def test_a_changed_lab_stays_and_the_new_copy_goes_beside_it(source, course):
    copy(source, course)
    mine = notebook("import llmlab", "x = 42")
    (course / "01_measure.ipynb").write_text(mine)
    done = copy(source, course)
    assert done == {"01_measure.new.ipynb": "beside", "02_rnn.ipynb": "kept"}
    assert (course / "01_measure.ipynb").read_text() == mine
    fresh = (course / "01_measure.new.ipynb").read_bytes()
    assert fresh == (source / "01_measure.ipynb").read_bytes()


def test_a_new_copy_that_was_changed_too_is_not_overwritten(source, course):
    copy(source, course)
    (course / "01_measure.ipynb").write_text(notebook("mine"))
    copy(source, course)
    assert "01_measure.new.ipynb" in copy(source, course)  # the same one, once
    assert not (course / "01_measure.new-2.ipynb").exists()
    (course / "01_measure.new.ipynb").write_text(notebook("mine too"))
    assert copy(source, course)["01_measure.new-2.ipynb"] == "beside"
    assert (course / "01_measure.new.ipynb").read_text() == notebook("mine too")


def test_outputs_alone_are_no_change_and_stay(source, course):
    copy(source, course)
    ran = [nbformat.v4.new_output("stream", text="42")]
    with_outputs = notebook("import llmlab", "x = 1", outputs=ran)
    (course / "01_measure.ipynb").write_text(with_outputs)
    assert copy(source, course)["01_measure.ipynb"] == "kept"
    assert (course / "01_measure.ipynb").read_text() == with_outputs


def test_a_lab_never_touched_follows_a_newer_version(source, course):
    copy(source, course)
    (course / "02_rnn.ipynb").write_text(notebook("y = 'mine'"))
    for path in copies.files(source):
        path.write_text(notebook("version 2"))
    assert copy(source, course) == {
        "01_measure.ipynb": "updated",
        "02_rnn.new.ipynb": "beside",
    }
    assert (course / "01_measure.ipynb").read_text() == notebook("version 2")
    assert (course / "02_rnn.ipynb").read_text() == notebook("y = 'mine'")


def test_a_folder_of_unknown_origin_loses_nothing(source, course):
    """Without a memory of what was copied, every difference is the learner's."""
    course.mkdir()
    (course / "01_measure.ipynb").write_text("not even JSON")
    (course / ".llmlab").mkdir()
    (course / ".llmlab" / "labs.json").write_text("[broken")
    assert copy(source, course)["01_measure.new.ipynb"] == "beside"
    assert (course / "01_measure.ipynb").read_text() == "not even JSON"


def test_a_notebook_with_its_sources_as_one_text_is_the_same(source, course):
    copy(source, course)
    document = json.loads((course / "01_measure.ipynb").read_text())
    for cell in document["cells"]:
        cell["source"] = "".join(cell["source"])  # both forms are legal
    (course / "01_measure.ipynb").write_text(json.dumps(document))
    assert copy(source, course)["01_measure.ipynb"] == "kept"


def test_a_full_disk_leaves_no_half_file(source, course):
    """A limit on the size of files stands for the full disk: writing fails midway."""
    (source / "01_measure.ipynb").write_text(notebook("#" * 9000))
    shell = 'trap "" XFSZ; ulimit -f 4; exec "$@"'
    words = [sys.executable, "-c", START, source, course]
    done = subprocess.run(
        ["bash", "-c", shell, "bash", *words], capture_output=True, text=True
    )
    assert "File too large" in done.stderr
    assert copies.files(course) == []
    assert list((course / ".llmlab").iterdir()) == []
    assert copy(source, course)["01_measure.ipynb"] == "copied"


def test_a_kill_at_any_moment_leaves_whole_files_only(source, course):
    for number in range(100):
        (source / f"{number:03d}.ipynb").write_text(notebook("x" * 5000))
    whole = {path.name: path.read_bytes() for path in copies.files(source)}
    words = [sys.executable, "-c", START, source, course]
    for delay in (0.06, 0.09, 0.12, 0.15, 0.2):
        with subprocess.Popen(words) as child:
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
        for path in copies.files(course) if course.exists() else ():
            assert path.read_bytes() == whole[path.name]
    copy(source, course)
    assert {path.name for path in copies.files(course)} == set(whole)


def link_to_nowhere(path):
    path.symlink_to("/nowhere/lab.ipynb")


def socket_at(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


IN_THE_WAY = {
    "link": link_to_nowhere,
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "socket": socket_at,
}


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_stands_in_a_labs_place_stays_and_the_other_labs_come(
    source, course, name
):
    course.mkdir()
    place = course / "01_measure.ipynb"
    IN_THE_WAY[name](place)
    before = os.lstat(place)
    done = copy(source, course)
    assert done["02_rnn.ipynb"] == "copied"
    assert done["01_measure.ipynb"].startswith(("is a link to /nowhere", "is a "))
    assert done["01_measure.ipynb"].endswith(".")
    assert os.lstat(place).st_ino == before.st_ino
    assert (course / "02_rnn.ipynb").is_file()


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_what_stands_beside_a_changed_lab_stays_as_well(source, course, name):
    copy(source, course)
    (course / "01_measure.ipynb").write_text(notebook("mine"))
    IN_THE_WAY[name](course / "01_measure.new.ipynb")
    assert copy(source, course)["01_measure.new-2.ipynb"] == "beside"


def test_a_lab_that_cannot_be_read_leaves_the_others(source, course, monkeypatch):
    copy(source, course)
    place, read = course / "01_measure.ipynb", Path.read_bytes

    def denied(path):
        if path == place:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    done = copy(source, course)
    assert "Permission denied" in done["01_measure.ipynb"]
    assert done["02_rnn.ipynb"] == "kept"


def test_a_notebook_nested_deeper_than_python_reads_is_the_learners(source, course):
    copy(source, course)
    deep = "[" * 100_000
    (course / "01_measure.ipynb").write_text(deep)
    assert copy(source, course)["01_measure.new.ipynb"] == "beside"
    assert (course / "01_measure.ipynb").read_text() == deep


@pytest.mark.parametrize("kind", ["link", "file"])
def test_where_nothing_can_be_noted_labs_still_come(source, course, tmp_path, kind):
    course.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "link":
        (course / ".llmlab").symlink_to(elsewhere)
    else:
        (course / ".llmlab").write_text("mine")
    done = copy(source, course)
    assert done["01_measure.ipynb"] == done["02_rnn.ipynb"] == "copied"
    assert done[".llmlab"].startswith("is no folder")
    assert not list(elsewhere.iterdir())
    assert (course / "01_measure.ipynb").is_file()


@pytest.mark.parametrize("name", ["a b", "it's", '"q"', "größe", "-x", "a;b", "$HOME"])
def test_a_suggested_command_is_one_that_a_shell_reads_back(
    source, tmp_path, monkeypatch, capsys, name
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start.labs, "folder", lambda: source)
    options = argparse.Namespace(folder=name, no_lab=True, jupyter=[])
    assert start.run(options) == 0
    said = capsys.readouterr().out.strip().splitlines()[-1]
    words = shlex.split(said.removeprefix("Open them with: "))
    assert command.parser().parse_args(words[1:]).command == "start"
    assert Path(words[2]).resolve() == (tmp_path / name).resolve()


@pytest.mark.parametrize("name", ["", "  "])
def test_a_folder_without_a_name_is_none(name):
    with pytest.raises(ValueError, match="is empty"):
        start.run(argparse.Namespace(folder=name, no_lab=True, jupyter=[]))
