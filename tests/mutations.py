"""The small mistakes that the mutator makes: each changes one place of a syntax tree.

`changes(node, tree)` yields functions `change(node, tree)` that work in place,
on a copy of the node that they were made for.
"""

import ast
import copy
from collections.abc import Callable, Iterator

Change = Callable[[ast.AST, ast.AST], None]

OPERATORS = {  # each one and what it is mistaken for
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult, ast.FloorDiv],
    ast.FloorDiv: [ast.Div],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.MatMult: [ast.Mult],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
    ast.USub: [ast.UAdd],
}
CALLS = {  # names of functions and methods that are mistaken for each other
    "min": "max", "max": "min", "amin": "amax", "amax": "amin", "floor": "ceil",
    "ceil": "floor", "round": "int", "int": "round", "sum": "max", "mean": "sum",
    "median": "mean", "sorted": "list", "argmax": "argmin", "argmin": "argmax",
    "append": "extend", "tril": "triu", "triu": "tril", "softmax": "log_softmax",
    "zip": "enumerate", "abs": "float", "exp": "log", "log": "exp", "sqrt": "exp",
}  # fmt: skip
AXES = (-2, -1, 0, 1, 2)


def changes(node: ast.AST, tree: ast.AST) -> Iterator[Change]:
    """Yield every mistake that can be made at this node."""
    if isinstance(node, ast.Constant):
        yield from _constants(node)
    for name in ("op", "ops"):
        if hasattr(node, name) and not isinstance(node, ast.AugAssign):
            yield from _operators(node, name)
    if isinstance(node, ast.AugAssign):
        yield from _operators(node, "op")
    if isinstance(node, ast.Call):
        yield from _calls(node)
    if isinstance(node, ast.keyword):
        yield from _keywords(node)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _places(node)
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.comprehension):
        yield from _conditions(node)
    if isinstance(node, ast.Return):
        yield from _returns(node, tree)
    if isinstance(node, ast.FunctionDef | ast.For | ast.While | ast.If | ast.With):
        yield from _dropped_lines(node)


def _set(field, value):
    def change(node, tree):
        setattr(node, field, value(node) if callable(value) else value)

    return change


def _number(value: int) -> ast.Constant:
    return ast.Constant(value)


def _shifted(expression: ast.expr, by: int) -> ast.expr:
    operator = ast.Add() if by > 0 else ast.Sub()
    return ast.BinOp(copy.deepcopy(expression), operator, _number(abs(by)))


def _constants(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield _set("value", not value)
    elif isinstance(value, int | float):
        for other in {value + 1, value - 1, 0, 1, value * 2} - {value}:
            yield _set("value", other)
    elif isinstance(value, str):
        yield _set("value", value + "?")


def _operators(node: ast.AST, name: str) -> Iterator[Change]:
    operators = getattr(node, name)
    several = isinstance(operators, list)
    for place, operator in enumerate(operators if several else [operators]):
        for other in OPERATORS.get(type(operator), []):

            def change(node, tree, place=place, other=other):
                if several:
                    getattr(node, name)[place] = other()
                else:
                    setattr(node, name, other())

            yield change


def _calls(node: ast.Call) -> Iterator[Change]:
    if isinstance(node.func, ast.Name) and node.func.id in CALLS:
        yield lambda node, tree: setattr(node.func, "id", CALLS[node.func.id])
    if isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
        yield lambda node, tree: setattr(node.func, "attr", CALLS[node.func.attr])
    for place, argument in enumerate(node.args):
        if not isinstance(argument, ast.Constant | ast.Starred | ast.GeneratorExp):
            for by in (1, -1):
                yield lambda node, tree, place=place, by=by: node.args.__setitem__(
                    place, _shifted(node.args[place], by)
                )
    if len(node.args) == 2:
        yield lambda node, tree: node.args.reverse()
    for place in range(len(node.keywords)):
        yield lambda node, tree, place=place: node.keywords.pop(place)


def _keywords(node: ast.keyword) -> Iterator[Change]:
    if node.arg in ("dim", "axis"):
        for axis in AXES:
            yield _set("value", _number(axis))


def _places(node: ast.Subscript) -> Iterator[Change]:
    if isinstance(node.slice, ast.Slice):
        for bound in ("lower", "upper"):
            expression = getattr(node.slice, bound)
            if expression is None:
                changes = [_number(1) if bound == "lower" else _number(-1)]
            else:
                changes = [_shifted(expression, 1), _shifted(expression, -1), None]
            for other in changes:
                yield lambda node, tree, bound=bound, other=other: setattr(
                    node.slice, bound, other
                )
    elif not isinstance(node.slice, ast.Tuple | ast.Constant):
        for by in (1, -1):
            yield _set("slice", lambda node, by=by: _shifted(node.slice, by))


def _conditions(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.comprehension):
        for place in range(len(node.ifs)):
            yield lambda node, tree, place=place: node.ifs.pop(place)
        return
    for value in (True, False):
        if not (value and isinstance(node, ast.While)):
            yield _set("test", ast.Constant(value))


def _returns(node: ast.Return, tree: ast.AST) -> Iterator[Change]:
    """Another name, another order, one value less, nothing."""
    names = {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)}
    names |= {
        each.id
        for each in ast.walk(tree)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    yield _set("value", None)
    for name in sorted(names):
        yield _set("value", ast.Name(name, ast.Load()))
    if isinstance(node.value, ast.Tuple):
        yield lambda node, tree: node.value.elts.reverse()
        for place in range(len(node.value.elts)):
            yield lambda node, tree, place=place: node.value.elts.pop(place)
            for name in sorted(names):
                yield (
                    lambda node, tree, place=place, name=name: (
                        node.value.elts.__setitem__(place, ast.Name(name, ast.Load()))
                    )
                )


def _dropped_lines(node: ast.AST) -> Iterator[Change]:
    for block in ("body", "orelse"):
        for place, line in enumerate(getattr(node, block, [])):
            text = isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
            if not text and not isinstance(line, ast.Pass):
                yield lambda node, tree, block=block, place=place: getattr(
                    node, block
                ).__setitem__(place, ast.Pass())
