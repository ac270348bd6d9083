"""Who computed it: pieces of work in a child process, read by the learner's parser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.core import arguments, records
from llmlab.core.records import Record
from llmlab.hardware import libraries as room
from llmlab.hardware.libraries import Parse, Primitive, Section
from llmlab.hardware.quantities import LIBRARY_CALLS, LIBRARY_SHARE

LIBRARIES = ("oneDNN", "MKL")
NEITHER = "neither"
SILENT, REFUSED = "no line", "refused"  # by the processor's instructions
MOVES = ("reorder",)  # what lays numbers out and computes nothing
PRODUCTS = "layers of a decode step"
PREPARED = "prepared"
PIECES = {  # in one process, in this order; the first prepares
    PREPARED: """
import torch
from torch.nn import functional
from llmlab import models
from llmlab.kernels import abilities
from llmlab.models import surgery
x, weight = torch.randn(64, 256), torch.randn(256, 256)
small = torch.ones(64, 64, dtype=torch.int8)
lstm = torch.nn.LSTM(256, 256)
layers = surgery.linear_layers(models.load({model!r})).values()
rows = [torch.randn(1, layer.in_features) for layer in layers]
torch.set_grad_enabled(False)
print(len(rows))
""",
    "fp32 linear": "functional.linear(x, weight)",
    "prepacked fp32 linear": "abilities.product(x, abilities.pack(weight), None)",
    "LSTM": "lstm(x[:, None])",
    "bf16 linear": "functional.linear(x.bfloat16(), weight.bfloat16())",
    "prepacked bf16 linear": (
        "abilities.product(x.bfloat16(), abilities.pack(weight.bfloat16()), None)"
    ),
    "int8 product": "torch._int_mm(small, small)",
    PRODUCTS: "for layer, row in zip(layers, rows):\n    layer(row)",
}


@dataclass(frozen=True)
class Libraries:
    """Calls by piece of work and library, and who computed the layers of a step."""

    facts: tuple[Record, ...]
    said: str

    @property
    def share(self) -> Record:
        """The share of a step's layers that ran in oneDNN."""
        return next(fact for fact in self.facts if fact.name == LIBRARY_SHARE.name)

    @property
    def calls(self) -> list[Record]:
        """The calls of each piece of work, without the share."""
        return [fact for fact in self.facts if fact.name == LIBRARY_CALLS.name]

    def who(self, work: str) -> tuple[str, ...]:
        """Return the libraries that computed a piece of work; ValueError: others."""
        named = [f for f in self.facts if f.details.get("work") == work]
        if not named:
            known = dict.fromkeys(f.details.get("work") for f in self.facts)
            raise ValueError(
                f"work={work!r} was not logged; choose of {[w for w in known if w]}."
            )
        return tuple(dict.fromkeys(str(fact.details["library"]) for fact in named))

    def records(self) -> list[Record]:
        """Return the calls of each piece of work, then the share of a step."""
        return list(self.facts)


def libraries(
    parse: Parse = room.parse, *, model: str = "coder", isa: str | None = None
) -> Libraries:
    """Log some pieces of work in a child process; say which library computed each.

    parse: the learner's, (line, template) -> fields or None; one that misreads a line
    is named in `said`, and the package's own takes its place. model: whose layers are a
    step. isa: the instructions that oneDNN may use at most, such as "avx2".
    """
    way = "hand in yours, or hardware.libraries.parse"
    parse = arguments.function("parse", parse, way=way)
    codes = PIECES | {PREPARED: PIECES[PREPARED].format(model=model)}
    sections = room.sections(codes, isa=isa)
    if error := sections[PREPARED].error:
        raise ValueError(f"model={model!r} cannot be loaded there: {error}.")
    return read(parse, sections)


def read(parse: Parse, sections: Mapping[str, Section]) -> Libraries:
    """Read the sections that `libraries` has logged, the one that prepares first."""
    numbers = (line for line in sections[PREPARED].lines if line.isdecimal())
    count = int(next(numbers))
    logged = {name: one for name, one in sections.items() if name != PREPARED}
    mistake = first_mistake(parse, [*logged.values()])
    reader = room.parse if mistake else parse
    work = {
        name: room.primitives(section.lines, parse=reader)
        for name, section in logged.items()
    }
    facts = [
        fact
        for name, some in work.items()
        for fact in _facts(name, some, is_refused=logged[name].error is not None)
    ]
    share = _share(work[PRODUCTS], count)
    return Libraries((*facts, share), mistake or _said(share, facts))


def first_mistake(parse: Parse, sections: Sequence[Section]) -> str:
    """Return a sentence on the first line that a parser misreads, "" for none."""
    for line, template in _lines(sections):
        right = room.parse(line, template)
        answer: Any
        try:
            answer = parse(line, template)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        got, expected = _apart(answer, right)
        if got != expected:
            return (
                f"Your parse reads the line {line!r:.120} as {got:.120}, where "
                f"{expected:.120} was expected; until it does, the package's own reads "
                "the log."
            )
    return ""


def _lines(sections: Sequence[Section]) -> list[tuple[str, str]]:
    pairs = []
    for section in sections:
        template = room.template(section.lines)
        pairs += [(line, template) for line in section.lines if template]
    return pairs


def _apart(answer: Any, right: dict[str, Any] | None) -> tuple[str, str]:
    """Return where an answer differs, and what was expected there; twice "" if not."""
    if right is None or not isinstance(answer, dict):
        same = answer is None and right is None
        return ("", "") if same else (repr(answer), _fields(right))
    for name in [*right, *answer]:
        got, expected = answer.get(name), right.get(name)
        if name == "seconds" and isinstance(got, float) and isinstance(expected, float):
            if abs(got - expected) <= 1e-9 + 1e-6 * expected:
                continue
        if got != expected or (name in answer) != (name in right):
            return f"{name}={got!r}", f"{name}={expected!r}"
    return "", ""


def _fields(right: dict[str, Any] | None) -> str:
    return "None" if right is None else f"a dict with the fields {', '.join(right)}"


def _facts(
    work: str, primitives: Sequence[Primitive], *, is_refused: bool
) -> list[Record]:
    """Count the calls that compute something, alike ones together."""
    counts: dict[tuple[str, str, str], int] = {}
    for one in primitives:
        if one.kind not in MOVES:
            key = (one.library, f"{one.kind} {one.implementation}".strip(), one.formats)
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        counts[NEITHER, REFUSED if is_refused else SILENT, ""] = 0
    return [
        records.measured(
            LIBRARY_CALLS, count, subject=f"{work}: {library}",
            details={
                "work": work, "library": library, "implementation": implementation,
                "formats": formats,
            },
        )
        for (library, implementation, formats), count in counts.items()
    ]  # fmt: skip


def _share(primitives: Sequence[Primitive], count: int) -> Record:
    ours, theirs = (
        sum(one.library == name and one.kind not in MOVES for one in primitives)
        for name in LIBRARIES
    )
    return records.measured(
        LIBRARY_SHARE, min(1.0, ours / count), subject="decode step",
        details={"products": count, "onednn": ours, "mkl": theirs},
    )  # fmt: skip


def _said(share: Record, facts: Sequence[Record]) -> str:
    of = share.details
    said = (
        f"Of the {of['products']} products of a decode step, {of['onednn']} ran in "
        f"oneDNN and {of['mkl']} in MKL."
    )
    dnn = [f.details["work"] for f in facts if f.details["library"] == "oneDNN"]
    names = [str(name) for name in dict.fromkeys(dnn) if name != PRODUCTS]
    if not names:
        return f"{said} No piece of the others ran in oneDNN."
    return f"{said} oneDNN computed: {', '.join(names)}."
