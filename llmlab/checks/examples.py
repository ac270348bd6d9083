"""The worked example of an exercise, as a cell that can be pasted and tried.

It is the check's own opening case: a comment, the call, and the answer as a comment.
"""

import ast
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy
import torch
from torch import Tensor

from llmlab.checks import shown
from llmlab.checks.exercise import Exercise, known

WIDTH = 80
RIGHT = (
    "# The example of exercise {}; your function should give the value on the right."
)
BELOW = "# The example of exercise {}; your function should give the value below it."


def example_source(word: str, name: str) -> str:
    """Return the text of the cell `example-<name>` of a lab.

    It runs behind `from llmlab.checks import <word> as check`. Refused, a ValueError:
    an exercise that the lab does not have.
    """
    room = importlib.import_module(f"llmlab.checks.{word}")
    return source_of(room.NOTEBOOKS, name)


def source_of(notebooks: Sequence[Mapping[str, Exercise]], name: str) -> str:
    """Write the opening case of an exercise of one of a word's notebooks."""
    every = {key: one for part in notebooks for key, one in part.items()}
    name = known(every, name).name
    return source(next(part for part in notebooks if name in part), name)


def source(exercises: Mapping[str, Exercise], name: str) -> str:
    """Write the opening case of an exercise; its lines have at most 80 columns."""
    exercise, number = known(exercises, name), [*exercises].index(name) + 1
    one = exercise.cases()[0]
    arguments = one.build()
    texts = [
        one.sources.get(key) or literal(given)
        for key, given in zip(exercise.parameters, arguments, strict=True)
    ]
    setup = [one.setup] if one.setup else []
    call = exercise.written.format(f"{exercise.name}({', '.join(texts)})")
    answer = _answer(exercise.shows(exercise.right(*one.build())))
    if len(f"{call}  # {answer}") <= WIDTH:
        return "\n".join([RIGHT.format(number), *setup, f"{call}  # {answer}"])
    lines = _broken(ast.parse(call, mode="eval").body, call, WIDTH)
    comments = [f"# {line}" for line in _wrapped(answer, WIDTH - 2)]
    return "\n".join([BELOW.format(number), *setup, *lines, *comments])


def literal(value: Any) -> str:
    """Write an argument in Python; what is no plain value has this as its repr."""
    if isinstance(value, Tensor):
        return f"torch.tensor({shown.places(value)}{_kind(value)})"
    if isinstance(value, numpy.ndarray):
        return f"np.array({value.tolist()}{_kind(value)})"
    if isinstance(value, float) and abs(value) >= 1e6:
        return shown.number(value)
    if type(value) is int and value >= 10_000:
        return f"{value:_}"
    return repr(value).replace("'", '"')


def _answer(right: Any) -> str:
    """Write what the call gives; of what is yielded, all of it."""
    return _rounded([*right] if isinstance(right, Iterator) else right)


def _rounded(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"tensor({_rounded(shown.places(value))}{_kind(value)})"
    if isinstance(value, numpy.ndarray):
        return f"array({_rounded(value.tolist())}{_kind(value)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_rounded, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(_rounded, value))})"
    if isinstance(value, Mapping):
        return repr(dict(value))
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    return repr(value)


def _kind(value: Tensor | numpy.ndarray) -> str:
    """Write a dtype that the numbers themselves do not give."""
    if isinstance(value, numpy.ndarray):
        plain = value.dtype in (numpy.float64, numpy.int64, numpy.bool_)
        return "" if plain else f", dtype=np.{value.dtype}"
    usual = (torch.float32, torch.int64, torch.bool)
    return "" if value.dtype in usual else f", dtype={value.dtype}"


def _broken(
    node: ast.expr, text: str, width: int, *, always: bool = False
) -> list[str]:
    """Write a part of a text over as many lines as it needs, as the formatter does.

    always: even if it fits, where the formatter's lines are longer than these.
    """
    line = ast.get_source_segment(text, node) or ""
    fits = len(line) <= width and not always
    if fits or not isinstance(node, ast.Call | ast.List):
        return [line]
    if isinstance(node, ast.Call):
        start, items, end = f"{ast.unparse(node.func)}(", node.args, ")"
    else:
        start, items, end = "[", node.elts, "]"
    alone = isinstance(node, ast.Call) and len(items) == 1
    lines = [start]
    for item in items:
        inside = _broken(item, text, width - 5, always=alone)
        lines += [f"    {part}" for part in inside]
        lines[-1] += "" if alone else ","
    return [*lines, end]


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text behind commas, the later lines indented by one."""
    lines = [""]
    for part in text.replace(", ", ",\0").split("\0"):
        joined = (
            f"{lines[-1]} {part}".strip() if lines[-1].strip() else lines[-1] + part
        )
        if len(lines[-1]) + 1 + len(part) > width and lines[-1].strip():
            lines.append(f" {part}")
        else:
            lines[-1] = joined if len(lines) == 1 else f" {joined.strip()}"
    return lines
