"""Snippets show what a module is used for and never its name, ours and the corpus's."""

import ast
import hashlib
import importlib
import re
import textwrap
from collections import Counter
from pathlib import Path

import corpus_listing
import pytest
from shared_passages import Search

from llmlab import texts
from llmlab.texts import MASK, Snippet, corpus, masking

MOST_SHARED = 120  # bytes of a frozen snippet that stand in the training text too
PROGRAM = '''
import os
import datetime as dt
import collections.abc
from re import compile as made, sub


def clean(folder):
    """Sub-folders first; the time that it takes is os's."""
    os_path = os.path.join(folder, "re")
    return sub("a+", "b", "aaa")


def today():
    now = dt.datetime.now()
    return now.isoformat()


WORD = made(r"time|json")
'''


def cut(program):
    return masking.of_source(textwrap.dedent(program), "here")


def restored(snippet):
    capitals = snippet.module.upper()
    classes = re.sub(rf"{re.escape(MASK)}(?=[A-Z])", capitals, snippet.code)
    return classes.replace(MASK, snippet.module)


def test_a_run_uses_one_module_and_its_names_are_masked():
    assert [(each.module, each.code) for each in cut(PROGRAM)] == [
        (
            "os",
            '"""Sub-folders first; the [MASK] that it takes is [MASK]\'s."""\n'
            '[MASK]_path = [MASK].path.join(folder, "[MASK]")',
        ),
        (
            "datetime",
            "def today():\n    now = [MASK].[MASK].now()\n    return now.isoformat()",
        ),
    ]


def test_imports_are_dropped_wherever_they_stand():
    (found,) = cut("""
        def pause(seconds):
            import time

            print("one moment, please")
            time.sleep(seconds)
        """)
    assert found.module == "time"
    assert "import" not in found.code and f"{MASK}.sleep(seconds)" in found.code


def test_names_are_masked_in_any_case_and_inside_those_of_its_classes():
    code = "raise JSONDecodeError  # no JSON, Math or OS; not OSError, nor jsonish"
    assert masking.masked(code) == (
        f"raise {MASK}DecodeError  # no {MASK}, {MASK} or {MASK}; "
        "not OSError, nor jsonish"
    )


UNCLEAR = {
    "two modules in one statement": """
        import re, os
        here = re.sub("a", "b", os.getcwd() + "and more")
        """,
    "only named": """
        import json
        register(json, "a name that is long enough for all")
        """,
    "a name with two meanings": """
        from time import sleep
        def f(sleep):
            return sleep(len("a name that is long enough for all"))
        """,
    "two sources": """
        try:
            from re import sub
        except ImportError:
            from regex import sub
        x = sub("a name that", "is long", "enough for all")
        """,
    "a module beside": """
        from collections.abc import Mapping
        def f(value):
            return isinstance(value, Mapping) or "a name that is long enough"
        """,
    "of a package": """
        from . import json
        x = json.loads("a name that is long enough for all")
        """,
    "imports and nothing else": """
        import os.path
        import re, math, random, time, json, threading, datetime
        """,
    "a line that is too long": "import math\nx = math.sqrt(2)" + " + 1" * 200,
}


@pytest.mark.parametrize("why", UNCLEAR)
def test_what_is_unclear_is_left_out(why):
    assert cut(UNCLEAR[why]) == []


def test_the_same_program_gives_the_same_with_other_line_ends():
    windows = masking.of_source(PROGRAM.replace("\n", "\r\n"), "here")
    assert windows == cut(PROGRAM)


def test_a_branch_of_elif_is_opened_and_never_cut_with_its_head():
    (found,) = cut("""
        import json

        def read(kind, text):
            if kind == "numbers":
                parts = [part.strip() for part in text.split(",")]
                return [float(part) for part in parts if part]
            elif kind == "objects":
                loaded = json.loads(text)
                elif_there_is_more = "rest" in loaded
                return loaded if elif_there_is_more else loaded["all"]
            elif kind == "lines":
                return text.splitlines()
            return text
        """)
    assert found.code == (
        f'loaded = {MASK}.loads(text)\nelif_there_is_more = "rest" in loaded\n'
        'return loaded if elif_there_is_more else loaded["all"]'
    )


def test_a_name_that_begins_like_elif_is_a_statement():
    (found,) = cut("""
        import re
        elif_found = re.findall("el *if", "what stands in the text")
        """)
    assert found.code.startswith("elif_found = ")


@pytest.mark.parametrize(
    "name", ["argparse", "json.decoder", "logging", "random", "statistics", "tempfile"]
)
def test_snippets_of_the_library_keep_the_rules(name):
    path = Path(importlib.import_module(name).__file__)
    found = masking.of_source(path.read_text("utf-8"), path.name)
    assert found
    for snippet in found:
        keeps_the_rules(snippet)


def keeps_the_rules(snippet):
    code = restored(snippet)
    tree = ast.parse(code)
    assert snippet.module in masking.MODULES
    assert not any(isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(tree))
    assert len(code.splitlines()) <= masking.LINES
    assert not masking.WORDS.search(snippet.code)


def test_few_snippets_come_from_one_file_and_none_comes_twice(tmp_path):
    lines = [f"os.remove('a file that is no longer needed {n}')" for n in range(40)]
    program = "import os\n\n\n" + "\n".join(
        f"def clean_{n}():\n    {line}\n    print('done with number {n}')\n"
        for n, line in enumerate(lines)
    )
    files = []
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(program)
        digest = hashlib.sha256(program.encode()).hexdigest()
        files.append(
            corpus.TextFile("p", "1", "MIT", name, digest, "training", tmp_path)
        )
    found = masking.collect(files)
    sources = Counter(snippet.source for snippet in found)
    assert sources == {"p/a.py": masking.PER_FILE, "p/b.py": masking.PER_FILE}
    assert len({snippet.code for snippet in found}) == len(found)


def test_the_frozen_snippets_are_many_and_balanced():
    counts = Counter(snippet.module for snippet in texts.snippets())
    assert set(counts) == set(masking.MODULES)
    assert counts.total() >= 240
    assert min(counts.values()) >= 20
    assert max(counts.values()) <= 1.25 * min(counts.values())
    assert len({snippet.code for snippet in texts.snippets()}) == counts.total()


@pytest.mark.parametrize("snippet", texts.snippets(), ids=lambda s: s.source)
def test_a_frozen_snippet_is_masked_and_really_uses_its_module(snippet):
    keeps_the_rules(snippet)
    module = importlib.import_module(snippet.module)
    reached = [
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(restored(snippet)))
        if isinstance(node, ast.Name)
        or (isinstance(node, ast.Attribute) and _name(node.value) == snippet.module)
    ]
    assert any(hasattr(module, name) for name in reached)


def _name(node):
    return getattr(node, "id", "")


@pytest.mark.slow
def test_no_frozen_snippet_shares_more_than_120_bytes_with_the_training_text(
    pytestconfig,
):
    own = "\0".join(map(restored, texts.snippets())).encode()
    search, read = Search(own), 0
    for file in corpus_listing.files(pytestconfig):
        data = corpus_listing.data(file)
        read += len(data)
        for run in search.runs(data):
            assert len(run) <= MOST_SHARED, (file.path, run.decode(errors="replace"))
    assert read > 20_000_000  # the search really read a corpus


def test_frozen_snippets_of_the_programs_are_cut_from_them():
    programs = texts.evaluation_files()
    for snippet in texts.snippets():
        kind, _, name = snippet.source.partition("/")
        assert kind in ("evaluation", "own")
        if kind == "evaluation":
            found = masking.of_source(programs[name], snippet.source)
            assert snippet in found


def test_a_snippet_says_where_it_is_from():
    first = texts.snippets()[0]
    assert isinstance(first, Snippet) and first.source
