"""The logs of oneDNN and MKL, and who computed what."""

import pytest
import torch
from hardware.written_logs import GRAPH, HEAD, LINES, NEW, NEW_END, SGEMM, V12

from llmlab.hardware import libraries


@pytest.mark.parametrize("template", LINES)
def test_a_line_is_read_by_the_template_of_its_own_version(template):
    fields = libraries.parse(LINES[template], template)
    assert fields["primitive"] == "inner_product"
    assert fields["problem_desc"] == "mb8ic64oc32"
    assert fields["auxiliary"] == ""
    assert fields["seconds"] == pytest.approx(0.00025)
    assert "exec_time" not in fields


def test_another_template_reads_other_fields():
    line = (
        "onednn_verbose,v1,graph,exec,cpu,100002,matmul_post_ops,mm,,"
        "in0_f32:1:strided:undef:1x8:8s1,fpm:strict,kernel,dnnl_backend,0.5"
    )
    fields = libraries.parse(line, GRAPH)
    assert fields["partition_kind"] == "matmul_post_ops"
    assert fields["seconds"] == pytest.approx(0.0005)
    assert libraries.parse(line, V12) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "onednn_verbose,v1,info,cpu,runtime:OpenMP,nthr:1",
        V12,
        GRAPH,
        f"onednn_verbose,v1,primitive,create:cache_miss,cpu,{NEW},{NEW_END}",
        "onednn_verbose,v1,primitive,create:dispatch,reorder,unsupported format tag",
        f"onednn_verbose,v1,primitive,exec,cpu,{NEW}",  # cut off
        SGEMM,
        "exec,cpu,whatever a program prints",
    ],
)
def test_a_line_that_is_no_whole_execution_is_none(line):
    assert libraries.parse(line, V12) is None


@pytest.mark.parametrize("template", LINES)
def test_formats_are_read_in_either_spelling(template):
    lines = [template, LINES[template]]
    (primitive,) = libraries.primitives(lines)
    assert primitive == libraries.Primitive(
        "oneDNN",
        "inner_product",
        "brg_matmul:avx2" if template == V12 else "brgemm:avx2",
        "src:f32 wei:f32 dst:f32",
        "mb8ic64oc32",
        0.25 / 1000,
    )


def test_lines_of_mkl_are_read_beside_those_of_onednn():
    lines = [HEAD, SGEMM, V12, GRAPH, LINES[V12], "printed by a program"]
    first, second = libraries.primitives(lines)
    assert first.library == "MKL"
    assert (first.kind, first.formats, first.problem) == ("sgemm", "f32", "32x8x64")
    assert first.seconds == pytest.approx(127.56e-6)
    assert second.library == "oneDNN"


@pytest.mark.parametrize(
    "time, seconds", [("3ns", 3e-9), ("2.5ms", 2.5e-3), ("1.25s", 1.25)]
)
def test_times_of_mkl_have_their_unit(time, seconds):
    (primitive,) = libraries.primitives([SGEMM.replace("127.56us", time)])
    assert primitive.seconds == pytest.approx(seconds)


def test_without_a_template_no_line_of_onednn_can_be_read():
    assert libraries.template([HEAD, GRAPH]) is None
    assert libraries.primitives([LINES[V12]]) == []


def test_the_log_gives_what_the_lines_of_the_code_say_in_their_order(monkeypatch):
    asked = []

    def sections(codes, *, isa=None):
        asked.append((dict(codes), isa))
        written = (HEAD, SGEMM, V12, "printed by a program", LINES[V12], SGEMM)
        return {"code": libraries.Section(written)}

    monkeypatch.setattr(libraries, "sections", sections)
    logged = libraries.log("some code", isa="avx2")
    assert [one.library for one in logged] == ["MKL", "oneDNN", "MKL"]
    assert asked == [({"code": "some code"}, "avx2")]


def test_the_log_of_a_child_holds_what_the_libraries_computed():
    """A product of matrices and a convolution: one of them goes to a library."""
    logged = libraries.log(
        "import torch\nx = torch.ones(64, 64)\nprint((x @ x).sum())\n"
        "torch.nn.Conv2d(8, 8, 3)(torch.ones(2, 8, 16, 16))"
    )
    backends = torch.backends.mkldnn, torch.backends.mkl
    assert bool(logged) == any(one.is_available() for one in backends)
    assert all(one.kind and one.seconds > 0 for one in logged)


def test_a_piece_that_raises_leaves_the_next_one_alone():
    results = libraries.sections({"bad": "1 / 0", "good": "print('on we go')"})
    assert results["bad"].error == "ZeroDivisionError: division by zero"
    assert results["good"] == libraries.Section(("on we go",))


@pytest.mark.parametrize(
    "code, isa, words",
    [
        ("", None, "is no code"),
        (3, None, "is no code"),
        ("1 / 0", None, "raised ZeroDivisionError"),
        ("import os; os._exit(3)", None, "ended with 3"),
        ("pass", "avx9", "isa='avx9'"),
        ("pass", 2, "isa=2"),
    ],
)
def test_bad_code_and_unknown_instructions_are_refused(code, isa, words):
    with pytest.raises((ValueError, RuntimeError), match=words):
        libraries.log(code, isa=isa)
