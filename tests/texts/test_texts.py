"""The frozen text is what it says it is, and only free licences enter the training."""

import ast
import lzma
import random
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

import corpus_listing
import pytest
from shared_passages import RUN, Search
from tokenizers import Tokenizer

from llmlab import texts
from llmlab.models import files
from llmlab.texts import corpus, manifests


def bits_per_byte(text: str) -> float:
    data = text.encode()
    return 8 * len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)) / len(data)


def test_the_evaluation_text_is_forty_programs_or_more_in_60_to_100_kb():
    programs = texts.evaluation_files()
    assert len(programs) >= 40
    assert 60_000 <= len(texts.evaluation().encode()) <= 100 * 1024
    for text in programs.values():
        ast.parse(text)


def test_the_short_text_is_a_part_of_at_most_12_kb():
    assert 8_000 <= len(texts.short().encode()) <= 12_000
    assert set(texts.short_files()) < set(texts.evaluation_files())


def test_xz_needs_as_many_bits_as_for_library_files_of_that_size():
    size = len(texts.evaluation())
    library = Path(sysconfig.get_path("stdlib"))
    sources = [
        path.read_text("utf-8", "ignore")
        for path in sorted(library.rglob("*.py"))
        if 1_000 <= path.stat().st_size <= 6_000
        and not corpus.SKIPPED & set(path.relative_to(library).parts)
    ]
    draws = []
    for seed in range(5):
        random.Random(seed).shuffle(sources)
        draws.append(bits_per_byte("".join(sources)[:size]))
    ratio = bits_per_byte(texts.evaluation()) / statistics.median(draws)
    assert 0.85 <= ratio <= 1.15


def test_no_run_of_60_tokens_stands_in_the_training_text_too(pytestconfig):
    search = Search(texts.evaluation().encode())
    tokenizer = Tokenizer.from_file(str(files.bundled() / "coder" / "tokenizer.json"))
    runs, read = set(), 0
    for file in corpus_listing.files(pytestconfig):
        data = corpus_listing.data(file)
        read += len(data)
        runs |= search.runs(data)
    assert read > 20_000_000  # the search really read a corpus
    for run in runs:
        text = run.decode(errors="replace")
        assert len(tokenizer.encode(text).ids) < RUN, text


@pytest.mark.parametrize("start", range(5_000, 5_009))
def test_the_search_for_common_runs_finds_a_copied_passage(start):
    own = texts.evaluation().encode()
    copied = b"x = 1\n" * 30 + b"!" + own[start : start + RUN] + b"!" + b"y = 2\n" * 30
    assert own[start : start + RUN] in Search(own).runs(copied)
    assert Search(own).runs(b"x = 1\n" * 300) == set()


def test_every_licence_that_enters_is_free():
    for name in corpus.packages():
        licence = corpus.licence_of(name)
        assert licence is None or corpus._is_free(licence), name


@pytest.mark.parametrize("name", ["certifi", "tqdm"])
def test_other_licences_stay_out(name):
    assert corpus.licence_of(name) is None  # MPL


CODE = "def twice(x):\n    return 2 * x  # a line that is long enough to be told\n" * 9
TERMS = {  # what a file says of itself, and whether it stays out
    "LGPL": ("# This file is licensed under LGPL 2.1.\n", True),
    "written out": ("# GNU Lesser General Public Licence, version 2\n", True),
    "over two lines": ("# under the GNU Lesser General\n# Public License\n", True),
    "a field": ("license = 'GPLv3'\n", True),
    "MPL": ("# SPDX-License-Identifier: MPL-2.0\n", True),
    "Creative Commons": ("# under the Creative Commons Attribution licence\n", True),
    "no commerce": ("# For non-commercial use\n", True),
    "quoted": ("# see https://stackoverflow.com/a/1094933\n", True),
    "about licences": ("x = 1\n" * 600 + "# what the GPL says\n", False),
    "Apache": ("# Licensed under the Apache License, Version 2.0\n", False),
    "EUPL": ("# SPDX-License-Identifier: EUPL-1.2\n", True),
    "another word": ("GPLUS = 1  # an ampersand plus one\n", False),
    "a longer word": ("class SspLexer:  # of a template engine\n    pass\n", False),
}


@pytest.mark.parametrize("what", TERMS)
def test_a_file_that_names_other_terms_stays_out(what, tmp_path, monkeypatch):
    said, stays_out = TERMS[what]
    (tmp_path / "one.py").write_text(said + CODE)
    file = corpus.TextFile("p", "1", "MIT", "one.py", "ab", "training", tmp_path)
    monkeypatch.setattr(corpus, "candidates", lambda: iter([file]))
    assert corpus.files() == ([] if stays_out else [file])


@pytest.mark.parametrize(
    ("expression", "free"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR GPL-2.0) AND BSD-3-Clause", True),
        ("LGPL-3.0-or-later", False),
    ],
)
def test_licence_expressions_are_read(expression, free):
    assert corpus._is_free(expression) is free


def test_a_manifest_survives_the_round_trip_and_tells_seen_from_unseen(tmp_path):
    listed = [
        corpus.TextFile("p", "1", "MIT", f"{split}.py", digest, split, tmp_path)
        for split, digest in (
            ("training", _sha256("a = 1\n")),
            ("held out", _sha256("b = 2\n")),
        )
    ]
    manifests.write_manifest(listed, tmp_path / "data.json")
    rows = manifests.read_manifest(tmp_path / "data.json")
    assert rows == [file.entry() for file in listed]
    assert not manifests.is_unseen("a = 1\n", tmp_path / "data.json")
    assert manifests.is_unseen("b = 2\n", tmp_path / "data.json")


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def test_a_file_that_changed_since_it_was_listed_is_refused(tmp_path):
    (tmp_path / "a.py").write_text("a = 2\n")
    file = corpus.TextFile(
        "p", "1", "MIT", "a.py", _sha256("a = 1\n"), "training", tmp_path
    )
    with pytest.raises(ValueError, match="changed"):
        file.read()


def test_the_list_that_tests_share_is_what_the_corpus_would_give(pytestconfig):
    listed = corpus_listing.files(pytestconfig)
    library = corpus.library()
    assert listed[: len(library)] == library
    assert len({file.package for file in listed}) > 20
    place = corpus_listing.place(pytestconfig)
    assert place is None or place.exists(), "the next run reads it"


def test_the_list_has_one_name_whatever_has_been_imported():
    """setuptools brings packages of its own, and adds their folder to sys.path."""
    name = "import corpus_listing; print(corpus_listing.installation())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(corpus_listing.__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for code in (name, "import setuptools; " + name)
    ]
    assert runs[0] == runs[1]
