"""Which instructions a compiled loop consists of, read from what objdump writes.

A loop is what lies between a jump backwards and the place that it goes to, the
innermost ones alone, and none that a return lies in. Kinds are named by what they do
and how wide: "pmaddwd (ymm)" multiplies 16 pairs of int16 and adds neighbours; "scalar
multiply" one pair of numbers.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECONDS = 20.0
LINE = re.compile(
    r"^\s*(?:([0-9a-f]+):\s+)?(?:\{\w+\}\s+|rep\w* |notrack |bnd )*"
    r"([a-z][\w.]*)\s*(.*)$"
)
LABEL = re.compile(r"^(\.?L\w+):")
REGISTER = re.compile(r"\b([xyz]mm)\d+|\bv\d+\.(\w+)")
SCALAR = re.compile(r"^(imul|mul|madd|smull?|smaddl)[lqwb]?$")
LOAD = re.compile(r"^v?(movdq|lddqu|movups|movaps)|^ldr?$|^ld1$")
WIDEN = re.compile(r"^v?pmov[sz]x|^v?punpck|^sxtl|^sshll")
MULTIPLY = re.compile(
    r"^v?(pmadd\w+|pmull?[wdq]|pmulh\w+|pmuldq|pmuludq|pdp\w+)$|"
    r"^([us]m[lu]\w*|[us]dot|mla|mul)2?$"
)
ADD = re.compile(r"^v?padd[bwdq]$|^[us]adalp$|^[us]addw2?$")
XOR = re.compile(r"^v?p?xor(ps|pd|d|q)?$|^eor$")
PREFETCH = re.compile(r"^prefetch|^prfm")


@dataclass(frozen=True)
class Step:
    """An instruction: where it lies, its name, what it works on."""

    place: int
    name: str
    operands: str


def listed(path: Path) -> str:
    """Return what objdump writes of a library's `dot`, "" where it cannot."""
    program = shutil.which("objdump") or shutil.which("llvm-objdump")
    if program is None:
        return ""
    command = [program, "-d", "--no-show-raw-insn", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def counts(text: str) -> dict[str, int]:
    """Count by kind what lies in loops of `dot`, the most frequent first."""
    steps, labels = _steps(text)
    loops = _innermost(_loops(steps, labels), steps)
    inside = (
        step for step in steps if any(low <= step.place <= top for low, top in loops)
    )
    return dict(Counter(filter(None, map(kind, inside))).most_common())


def _innermost(
    loops: Iterator[tuple[int, int]], steps: list[Step]
) -> list[tuple[int, int]]:
    """Leave out jumps back to an exit, and loops that hold another one."""
    exits = [step.place for step in steps if step.name.startswith("ret")]
    every = {
        (low, top) for low, top in loops if not any(low <= e <= top for e in exits)
    }
    return [
        (low, top)
        for low, top in sorted(every)
        if not any(
            low <= other[0] and other[1] <= top
            for other in every
            if other != (low, top)
        )
    ]


def kind(step: Step) -> str:
    """Return what an instruction is counted as, "" for what is not counted."""
    name = step.name
    found = REGISTER.search(step.operands)
    if PREFETCH.search(name):
        return "prefetch"
    if found is None:
        return "scalar multiply" if SCALAR.search(name) else ""
    wide = _width(step.operands)
    if MULTIPLY.search(name):
        known = name if name.startswith("vpdp") else name.removeprefix("v")
        return f"{known} ({wide})"
    if WIDEN.search(name):
        return f"widening ({wide})"
    if ADD.search(name):
        return f"adding ({wide})"
    if XOR.search(name):
        return f"xor ({wide})"
    return f"loading ({wide})" if LOAD.search(name) else ""


def _width(operands: str) -> str:
    """Return the widest register that an instruction names."""
    names = {one or "NEON" for one, _ in REGISTER.findall(operands)}
    return max(names)  # NEON, xmm, ymm, zmm


def _steps(text: str) -> tuple[list[Step], dict[str, int]]:
    """Return the instructions of `dot`, and the places of labels."""
    steps: list[Step] = []
    labels: dict[str, int] = {}
    for line, place in _own_lines(text):
        if label := LABEL.match(line):
            labels[label[1]] = place
        elif found := LINE.match(line):
            at = int(found[1], 16) if found[1] else place
            steps.append(Step(at, found[2], found[3]))
    return steps, labels


def _own_lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield the lines of the function, with their numbers."""
    inside = False
    for place, line in enumerate(text.splitlines()):
        if re.match(r"^(?:[0-9a-f]+ <_?dot>|_?dot):", line):
            inside = True
        elif inside and (
            re.match(r"^[0-9a-f]+ <\w", line)
            or ".cfi_endproc" in line
            or line.strip().startswith(".size")
        ):
            return
        elif inside and line.strip():
            yield line, place


def _loops(steps: list[Step], labels: dict[str, int]) -> Iterator[tuple[int, int]]:
    for step in steps:
        if not re.match(r"^(j|b|cb|tb)", step.name):
            continue
        target = step.operands.split("#")[0].split(",")[-1].split()
        if not target:
            continue
        goal = labels.get(target[0])
        if goal is None and re.fullmatch(r"(0x)?[0-9a-f]+", target[0]):
            goal = int(target[0], 16)
        if goal is not None and goal <= step.place:
            yield goal, step.place
