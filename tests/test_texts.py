"""The frozen text is what it says it is, and only free licences enter the training."""

import ast
import importlib.metadata
import lzma
import random
import statistics
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from llmlab.core import corpus, texts
from llmlab.models import files

RUN = 60  # tokens, and so at least as many bytes


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


def test_no_run_of_60_tokens_stands_in_the_training_text_too():
    own = texts.evaluation().encode()
    tokenizer = Tokenizer.from_file(str(files.bundled() / "coder" / "tokenizer.json"))
    wanted = np.unique(_rolling(np.frombuffer(own, np.uint8)))
    sieve = np.zeros(1 << 22, bool)
    sieve[wanted >> np.uint64(42)] = True
    read = 0
    for path in _sources():
        data = path.read_bytes()
        read += len(data)
        for run in _common_runs(data, own, wanted, sieve):
            count = len(tokenizer.encode(run.decode(errors="replace")).ids)
            assert count < RUN, f"{path}: {run.decode(errors='replace')}"
    assert read > 20_000_000  # the search really read a corpus


def test_the_search_for_common_runs_finds_a_copied_passage():
    own = texts.evaluation().encode()
    wanted = np.unique(_rolling(np.frombuffer(own, np.uint8)))
    sieve = np.zeros(1 << 22, bool)
    sieve[wanted >> np.uint64(42)] = True
    copied = b"x = 1\n" * 30 + own[5_000:5_400] + b"y = 2\n" * 30
    assert own[5_000:5_400] in _common_runs(copied, own, wanted, sieve)


def _sources():
    library = Path(sysconfig.get_path("stdlib"))
    yield from (p for p in library.rglob("*.py") if "site-packages" not in p.parts)
    for name in corpus.packages():
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or []:
            path = Path(str(distribution.locate_file(file)))
            if path.suffix == ".py" and path.is_file():
                yield path


def _rolling(data: np.ndarray) -> np.ndarray:
    """Hash every run of 60 bytes: a polynomial in an odd number, modulo 2**64."""
    if len(data) < RUN:
        return np.zeros(0, np.uint64)
    base = 0x9E3779B97F4A7C15
    hashes = {1: data.astype(np.uint64) + np.uint64(1)}
    for size in (1, 2, 4, 8, 16):
        hashes[2 * size] = _joined(hashes[size], size, hashes[size], size, base)
    total, length = hashes[32], 32
    for size in (16, 8, 4):  # 32 + 16 + 8 + 4 = 60
        total = _joined(total, length, hashes[size], size, base)
        length += size
    return total


def _joined(first, length, second, size, base) -> np.ndarray:
    count = len(first) - size if length == size else len(second) - length
    with np.errstate(over="ignore"):
        factor = np.uint64(pow(base, size, 1 << 64))
        return first[:count] * factor + second[length : length + count]


def _common_runs(data, own, wanted, sieve) -> list[bytes]:
    hashes = _rolling(np.frombuffer(data, np.uint8))
    maybe = np.flatnonzero(sieve[hashes >> np.uint64(42)])
    found = maybe[np.isin(hashes[maybe], wanted)]
    runs, end = [], 0
    for start in found:
        if start + RUN <= end:
            continue
        end = start + RUN
        while data[start : end + 1] in own and end < len(data):
            end += 1
        runs.append(data[start:end])
    return runs


def test_every_licence_that_enters_is_free():
    for name in corpus.packages():
        licence = corpus.licence_of(name)
        assert licence is None or corpus._is_free(licence), name


@pytest.mark.parametrize("name", ["certifi", "tqdm"])
def test_other_licences_stay_out(name):
    assert corpus.licence_of(name) is None  # MPL


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
    texts.write_manifest(listed, tmp_path / "data.json")
    rows = texts.read_manifest(tmp_path / "data.json")
    assert rows == [file.entry() for file in listed]
    assert not texts.is_unseen("a = 1\n", tmp_path / "data.json")
    assert texts.is_unseen("b = 2\n", tmp_path / "data.json")


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
