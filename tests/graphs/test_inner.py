"""A learner's C text is compiled and run in processes that nothing gets out of."""

import shutil
import subprocess

import pytest
import torch
from graphs.right_dots import PLAIN, RIGHT, of
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab import models, show
from llmlab.core import machine
from llmlab.graphs import confined, disassembly, experiments, inner
from llmlab.graphs import quantities as q
from llmlab.graphs.experiments import inners
from llmlab.graphs.inner import DeadError, SourceError

INT8 = st.integers(-128, 127)
OURS = (inner.dot_source, inner.prefetching, inner.widening)


@pytest.fixture(scope="module")
def model():
    return models.load("coder-small")


@pytest.mark.parametrize("level", inner.LEVELS)
@pytest.mark.parametrize("text", OURS, ids=lambda one: one.__name__)
def test_our_texts_are_exact_at_every_level(text, level):
    one = inner.build(text(), level)
    with inner.running({"dot": one}) as child:
        for n in (0, 1, 63, 64, 65, 4097):
            a, b = bytes([128] * n), bytes([(7 * i) & 0xFF for i in range(n)])
            reply = child.ask(
                do="sum", name="dot", a=confined.encoded(a), b=confined.encoded(b),
                place=0, n=n, closed=False,
            )  # fmt: skip
            signed = [one - 256 * (one > 127) for one in b]
            assert reply == {"sum": -128 * sum(signed), "kept": True}


@settings(max_examples=15, deadline=None)
@given(pairs=st.lists(st.tuples(INT8, INT8), max_size=70))
def test_dot_is_the_sum_of_products(pairs):
    a, b = ([pair[side] for pair in pairs] for side in (0, 1))
    assert inner.dot(inner.widening(), a, b) == sum(x * y for x, y in pairs)


def test_a_text_is_built_once_in_a_folder_of_ones_own_and_checked(tmp_path):
    folder = tmp_path / "inner"
    one = inner.build(inner.dot_source(), folder=folder)
    good, written = one.path.read_bytes(), one.path.stat().st_mtime_ns
    assert inner.build(inner.dot_source(), folder=folder) == one
    assert one.path.stat().st_mtime_ns == written
    assert folder.stat().st_mode & 0o777 == 0o700
    one.path.write_bytes(good + b"more")
    assert inner.build(inner.dot_source(), folder=folder).path.read_bytes() == good
    others = {inner.build(inner.dot_source(), x, folder=folder).path for x in ("O0",)}
    assert one.path not in others
    with pytest.raises(SourceError):
        inner.build("int", folder=folder)
    assert len([*folder.glob("*.so")]) == 2, "what does not compile leaves nothing"


def test_a_compiler_names_the_learners_line():
    text = of(PLAIN.replace("= 0;\n", "= 0\n"), before="\n\n")()
    with pytest.raises(SourceError) as caught:
        inner.build(text)
    assert text.splitlines()[caught.value.number - 1].strip() == caught.value.line
    assert str(caught.value).startswith("dot does not compile: expected")
    assert "\n" not in str(caught.value) and "[-W" not in str(caught.value)


ESCAPES = {
    "file": ("stdio.h", 'return fopen("{place}", "w") != 0;', 0),
    "program": ("stdlib.h", 'return system("touch {place}") == 0;', 0),
    "fork": ("unistd.h", "return fork() >= 0;", 0),
    "network": ("sys/socket.h", "return socket(2, 1, 0) >= 0;", 0),
    "kill": ("signal.h", "return kill(getppid(), 0) == 0;", 0),
    "checks": ("stdio.h", 'return fopen("{checks}", "r") != 0;', 0),
}


@pytest.mark.parametrize("name", ESCAPES)
def test_what_runs_reaches_nothing_outside(name, tmp_path):
    header, body, wanted = ESCAPES[name]
    place = tmp_path / "escaped"
    body = body.replace("{place}", str(place)).replace("{checks}", confined.__file__)
    before = f"#include <{header}>\n#include <unistd.h>\n"
    if name == "checks":
        body = body.replace("graphs/confined.py", "checks/__init__.py")
    assert inner.dot(of(body, before=before)(), [1], [1]) == wanted
    assert not place.exists()


def test_the_walls_are_what_holds_the_escapes(tmp_path):
    """The same texts, outside: they would get through."""
    place = tmp_path / "escaped"
    body = ESCAPES["file"][1].replace("{place}", str(place))
    text = of(body, before="#include <stdio.h>\n")() + "int main(void) { return 0; }"
    (tmp_path / "dot.c").write_text(text.replace("return 0", "return !dot(0, 0, 0)"))
    command = ["gcc", "dot.c", "-o", "made"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert subprocess.run(["./made"], cwd=tmp_path).returncode == 0 and place.exists()


SECRET = "a secret of somebody else"
READING = {
    "include": '#include "{place}"\n',
    "include of a macro": '#define F "{place}"\n#include F\n',
    "assembler": '__asm__(".incbin \\"{place}\\"");\n',
    "split": '#inc\\\nlude "{place}"\n',
}


@pytest.mark.parametrize("way", READING)
def test_a_compiler_reads_nobodys_files(way, tmp_path):
    place = tmp_path / "secret.h"
    place.write_text(SECRET)
    with pytest.raises(SourceError) as caught:
        inner.build(of(PLAIN, before=READING[way].replace("{place}", str(place)))())
    assert SECRET[:8] not in str(caught.value)


BOMBS = {
    "itself": "#include __FILE__\n",
    "large": "int big[1 << 28] = {1};\n",
    "assembler": '__asm__(".fill 1 << 30, 8, 1");\n',
    "macros": "#define A x x x x x x x x x x x x x x x x\n"
    + "".join(f"#define {chr(66 + i)} {' '.join(chr(65 + i) * 16)}\n" for i in range(9))
    + "int f(void) { J }\n",
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", BOMBS)
def test_a_compiler_takes_no_more_than_its_share(name):
    with pytest.raises(SourceError):
        inner.build(of(PLAIN, before=BOMBS[name])())


DEAD = {
    "no end": ("for (;;);\nreturn 0;", confined.LONG),
    "memory": ("return *(volatile int *)16;", confined.MEMORY),
    "exit": ("extern void _exit(int); _exit(0); return 0;", confined.ENDS),
    "divides": ("volatile int zero = 0; return n / zero;", "divides by zero"),
    "replies": (
        "extern long write(int, const void *, long);"
        'for (int i = 3; i < 9; i++) write(i, "[[\\n", 3); return 0;',
        confined.ENDS,
    ),
    "constructor": ("return 0;", confined.LONG),
}


@pytest.mark.parametrize("name", DEAD)
def test_a_function_that_does_not_come_back_is_one_sentence(name):
    body, why = DEAD[name]
    more = "\n__attribute__((constructor)) void f(void) { for (;;); }\n"
    text = of(body)() + more * (name == "constructor")
    with pytest.raises(DeadError, match=why) as caught:
        inner.dot(text, [1], [1])
    assert "\n" not in str(caught.value)


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(confined.tempfile, "tempdir", str(tmp_path))
    inner.dot(of(PLAIN, before="/* another */")(), [1], [1])
    with pytest.raises(DeadError):
        inner.dot(of("return *(volatile int *)16;")(), [1], [1])
    assert not [*tmp_path.glob("llmlab-inner-*")]


WRONG = {
    "a text": (lambda: inner.build(7), "source=7 is no text"),
    "a level": (lambda: inner.build("", "O9"), "level='O9' is none; choose of O0"),
    "long": (lambda: inner.build("x" * 30_000), "30,000 characters"),
    "int8": (lambda: inner.dot("", [128], [1]), "a.0.=128 must be a whole number"),
    "lengths": (lambda: inner.dot("", [1, 2], [1]), "two lists of one length"),
    "ahead": (lambda: inner.prefetching(0), "ahead=0 must be"),
    "function": (lambda: experiments.levels("int"), "dot_source='int' is no function"),
    "size": (lambda: experiments.levels(inner.dot_source, size=9), "size=9 must be"),
    "compiles": (lambda: experiments.levels(lambda: "int"), "does not compile"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_one_sentence(name):
    call, words = WRONG[name]
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


# Loops as objdump and compilers write them.
SCALAR = """
0000000000001100 <dot>:
    1100:\tmov    $0x0,%eax
    1105:\timul   %ecx,%edx
    1108:\tadd    %edx,%eax
    110b:\tjl     1105 <dot+0x5>
    110d:\tret
    110e:\timul   %ecx,%edx
    1111:\tjmp    1100 <dot>
0000000000001200 <other>:
    1200:\tvpmaddwd (%rdi),%zmm0,%zmm1
    1205:\tjmp    1200 <other>
"""
VECTORS = """
dot:
\t.cfi_startproc
.L3:
\tvpmovsxbw (%rdi,%rax), %zmm0
\tvpmaddwd %zmm1, %zmm0, %zmm0
\t{vex} vpdpwssd %ymm1, %ymm0, %ymm0
\tprefetcht0 2048(%rdi)
.L5:
\tpmullw %xmm1, %xmm0
\tjne .L5
\tjne .L3
\tret
\t.cfi_endproc
"""
ARM = """
0000000000000100 <dot>:
 100:\tsmull\tv2.8h, v0.8b, v1.8b
 104:\tsadalp\tv3.4s, v2.8h
 108:\tb.ne\t100 <dot>
 10c:\tret
"""


def test_only_innermost_loops_of_dot_are_counted():
    assert disassembly.counts(SCALAR) == {"scalar multiply": 1}
    assert disassembly.counts(VECTORS) == {"pmullw (xmm)": 1}
    assert disassembly.counts(VECTORS.replace("\tjne .L5\n", "")) == {
        "widening (zmm)": 1, "pmaddwd (zmm)": 1, "vpdpwssd (ymm)": 1, "prefetch": 1,
        "pmullw (xmm)": 1,
    }  # fmt: skip
    assert disassembly.counts(ARM) == {"smull (NEON)": 1, "adding (NEON)": 1}
    assert disassembly.counts("") == {}


def test_a_level_shows_in_the_instructions():
    counts = {x: inner.instructions(inner.build(of(PLAIN)(), x)) for x in inner.LEVELS}
    assert set(counts["O0"]) == {"scalar multiply"}
    vectors = {kind for kind in counts["native"] if kind.endswith("mm)")}
    assert vectors or machine.describe().simd == "DEFAULT"
    assert "prefetch" in inner.instructions(inner.build(inner.prefetching()))


@pytest.mark.skipif(shutil.which("objdump") is None, reason="nothing to compare with")
@pytest.mark.parametrize("level", inner.LEVELS)
def test_without_objdump_the_compilers_own_text_says_the_same(level, monkeypatch):
    one = inner.build(inner.widening(), level)
    listed = inner.instructions.__wrapped__(one)
    monkeypatch.setattr(disassembly.shutil, "which", lambda name: None)
    assert inner.instructions.__wrapped__(one) == listed


def test_levels_are_raced_and_say_what_they_use():
    result = experiments.levels(inner.dot_source, size=2**20, seconds=0.5)
    assert result.exact
    ways = {fact.subject for fact in result.records()}
    assert ways == {*inners.NAMES, inners.PREFETCH, inners.WIDE, inners.BARE}
    fast, slow = result.rate(inners.HERE), result.rate(inners.O0)
    assert fast.value > slow.value and fast.details["level"] == "native"
    time = next(f for f in result.facts if f.name == q.INNER_TIME.name)
    assert slow.value == pytest.approx(2**20 / time.value)
    assert result.ratio(inners.HERE).details["against"] == inners.O0
    assert result.instructions(inners.O0) == {"scalar multiply": 1}
    assert slow.value_text() in result.said and "of what reading alone" in result.said
    assert "bytes of int8 read a second" in repr(show.table(result))
    with pytest.raises(ValueError, match="was not measured; choose of"):
        result.rate("O2")


def test_a_wrong_dot_is_said_by_levels_and_underneath(model):
    wrong = of(PLAIN.replace("i = 0", "i = 1"))
    result = experiments.levels(wrong, size=2**20, seconds=0.1)
    assert not result.exact and "wrong sums" in result.said
    under = experiments.underneath(model, wrong, tokens=8, written=4)
    assert not under.exact and "changes logits" in under.said


@pytest.mark.parametrize("layer", [None, "layers.1.mlp.down", "head"])
def test_under_a_layer_the_logits_are_the_same_to_the_last_bit(model, layer):
    before = model.state_dict()
    before = {name: tensor.clone() for name, tensor in before.items()}
    for text in (RIGHT["dot_source"][2], inner.widening):
        result = experiments.underneath(model, text, layer=layer, tokens=9, written=5)
        assert result.exact and "to the last bit" in result.said
        assert layer is None or result.layer == layer
    outputs = model.get_submodule(result.layer).out_features
    prompt = 1 if layer == "head" else 9
    rows = 9 + prompt + 4  # the logits, the prompt, a token a step
    assert result._of(q.INNER_CALLS).value == rows * outputs
    assert all(torch.equal(before[n], x) for n, x in model.state_dict().items())


def test_underneath_refuses_other_layers_and_a_dot_that_dies(model):
    with pytest.raises(ValueError, match="is no linear layer of the model; choose"):
        experiments.underneath(model, inner.dot_source, layer="norm")
    with pytest.raises(DeadError, match="memory"):
        experiments.underneath(model, of("return *(volatile int *)16;"), tokens=4)
