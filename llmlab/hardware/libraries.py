"""Who computed it: the log that oneDNN and MKL keep of their own work.

PyTorch hands a product to a library, and which one depends on the format, the build
and the processor. Both libraries write a line for each piece of work if they are asked
to by the environment. They write it in C, past Python and past a notebook, so the code
runs in a process of its own. oneDNN's log names its fields in a line of its own, the
template, because they change with its versions; MKL's lines are read as they are.

oneDNN's guide, "Verbose Mode".
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llmlab.core import machine

SECONDS = 120  # that the child may take
ISA = (  # what oneDNN can be held to
    "sse41", "avx", "avx2", "avx2_vnni", "avx2_vnni_2", "avx512_core",
    "avx512_core_vnni", "avx512_core_bf16", "avx512_core_fp16", "avx512_core_amx",
    "avx512_core_amx_fp16",
)  # fmt: skip
BEGINS, RAISED = "llmlab_begins ", "llmlab_raised "
CHILD = f"""
import contextlib, ctypes, json, sys
def say(line):
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).fflush(None)
    print(line, flush=True)
names = {{"__name__": "__main__"}}
for name, code in json.load(sys.stdin).items():
    say({BEGINS!r} + name)
    try:
        exec(compile(code, name, "exec"), names)
    except Exception as error:
        why = str(error).strip().split("\\n")[0]
        say({RAISED!r} + type(error).__name__ + ": " + why)
    say({BEGINS!r})
"""
MKL = re.compile(r"MKL_VERBOSE (\w+)\((.*?)\) ([\d.]+)(ns|us|ms|s)\b")
UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
LETTERS = {"S": "f32", "D": "f64"}  # with which BLAS names its routines
FORMATS = re.compile(
    r"(\w+)[_:](f64|f32|f16|bf16|f8_\w+|f4_\w+|s32|s8|u8|s4|u4|boolean):"
)

Parse = Callable[[str, str], dict[str, Any] | None]


@dataclass(frozen=True)
class Primitive:
    """A piece of work that a library logged."""

    library: str  # "oneDNN" or "MKL"
    kind: str  # "inner_product", "rnn", "reorder"; MKL: "sgemm"
    implementation: str  # "brg_matmul:avx2"; MKL does not say
    formats: str  # "src:f32 wei:f32 dst:f32"
    problem: str  # sizes, in the words of the library
    seconds: float


@dataclass(frozen=True)
class Section:
    """The lines that some code wrote, and what it raised."""

    lines: tuple[str, ...]
    error: str | None = None


def log(code: str, *, isa: str | None = None) -> list[Primitive]:
    """Run a few lines of Python in a process of its own; return who computed what.

    code: lines that import what they need. isa: the instructions that oneDNN may use
    at most, such as "avx2"; MKL and PyTorch keep theirs. An empty list says that
    neither library was called. Raises ValueError for code that raises.
    """
    section = sections({"code": code}, isa=isa)["code"]
    if section.error:
        raise ValueError(
            f"code={code!r:.60} raised {section.error}; try the lines in a cell of "
            "their own, with all that they import."
        )
    return primitives(section.lines)


def sections(codes: Mapping[str, str], *, isa: str | None = None) -> dict[str, Section]:
    """Run several pieces of code in one child process; return the lines of each.

    They share their names, as the cells of a notebook do. A piece that raises leaves
    its error there, and the next one runs. Raises ValueError for an unknown isa, and
    RuntimeError where the process ended early.
    """
    _check(codes, isa)
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD], input=json.dumps(dict(codes)),
            env=_environment(isa), capture_output=True, text=True, errors="replace",
            timeout=SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise RuntimeError(f"the process that keeps the log failed: {error}") from error
    results = _split(done.stdout.splitlines())
    missing = [name for name in codes if name not in results]
    if done.returncode or missing:
        words = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(
            f"the process that keeps the log ended with {done.returncode}: {words}"
        )
    return results


def template(lines: Iterable[str]) -> str | None:
    """Return the line in which oneDNN names the fields of its primitives, or None."""
    for line in lines:
        head, _, names = line.partition("template:")
        if head.startswith("onednn_verbose") and "primitive" in names.split(","):
            return line.strip()
    return None


def parse(line: str, template: str) -> dict[str, Any] | None:
    """Read a line of oneDNN's log by the log's own template.

    Returns field -> text, with the time as "seconds" (float); None unless the line
    is of an execution, and whole.
    """
    head, names = template.split(":", 1)
    prefix = head.split("info,")[0]
    values = line.removeprefix(prefix).split(",")
    fields = dict(zip(names.split(","), values, strict=False))
    if not line.startswith(prefix) or len(values) != len(names.split(",")):
        return None
    if fields.get("operation") != "exec":
        return None
    milliseconds = fields.pop("exec_time")
    return fields | {"seconds": float(milliseconds) / 1000}


def primitives(lines: Iterable[str], *, parse: Parse = parse) -> list[Primitive]:
    """Return what the lines of a log say was computed, in their order.

    parse: reads a line of oneDNN's log by the template; MKL's lines are read here.
    """
    lines = list(lines)
    names = template(lines)
    results = []
    for line in lines:
        fields = parse(line, names) if names else None
        primitive = _of_onednn(fields) if fields else _of_mkl(line)
        if primitive:
            results.append(primitive)
    return results


def _of_onednn(fields: Mapping[str, Any]) -> Primitive:
    return Primitive(
        "oneDNN",
        fields["primitive"],
        fields.get("implementation", ""),
        " ".join(":".join(pair) for pair in _formats(fields)),
        fields.get("problem_desc", ""),
        fields["seconds"],
    )


def _formats(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return role and number format of each tensor; older logs write src_f32."""
    return FORMATS.findall(fields.get("memory_descriptors", ""))


def _of_mkl(line: str) -> Primitive | None:
    match = MKL.match(line)
    if not match:
        return None
    routine, arguments, time, unit = match.groups()
    before = arguments.split("0x")[0].split(",")  # pointers come after the sizes
    sizes = [word for word in before if word.isdecimal()]
    letter = LETTERS.get(routine[0], "")
    return Primitive(
        "MKL", routine.lower(), "", letter, "x".join(sizes), float(time) * UNITS[unit]
    )


def _environment(isa: str | None) -> dict[str, str]:
    count = str(machine.threads())
    wanted = {"ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1", "OMP_NUM_THREADS": count}
    wanted |= {"ONEDNN_VERBOSE_TIMESTAMP": "0", "PYTHONUNBUFFERED": "1"}
    if isa is not None:
        wanted["ONEDNN_MAX_CPU_ISA"] = isa.upper()
    return os.environ | wanted


def _split(output: list[str]) -> dict[str, Section]:
    """Return the sections of the child's output, by name."""
    results: dict[str, Section] = {}
    lines: list[str] = []
    name, error = "", None
    templates: list[str] = []  # the log names its fields once a process
    for line in output:
        if line.startswith(BEGINS):
            if name:
                results[name] = Section((*templates, *lines), error)
                templates += [word for word in lines if "template:" in word]
            name, lines, error = line.removeprefix(BEGINS), [], None
        elif line.startswith(RAISED):
            error = line.removeprefix(RAISED)
        else:
            lines.append(line)
    return results


def _check(codes: Mapping[str, str], isa: str | None) -> None:
    for name, code in codes.items():
        if not isinstance(code, str) or not code.strip():
            raise ValueError(
                f"{name}={code!r} is no code; write lines of Python in a text."
            )
    if isa is not None and isa not in ISA:
        raise ValueError(
            f"isa={isa!r} is nothing that oneDNN can be held to; choose one of "
            f"{', '.join(ISA)}, or None for all that the processor has."
        )
