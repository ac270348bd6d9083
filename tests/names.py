"""What code does to the names around it: it reads them, and it changes them.

A change is an assignment, a loop, an import, a definition; setting an attribute or an
item of a name; calling a method of it that is not known to only read; drawing from it
as a `generator`; a magic of IPython. What a function does to its arguments cannot be
seen, nor that two names stand for one thing.
"""

import ast
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager

HIDING = {"eval", "exec", "globals", "locals"}  # they find names when they run
KERNEL = "the kernel"  # stands for what a magic sets without a name
WRAPPERS = {"capture", "prun", "time", "timeit"}  # magics around code
# Methods that leave what they belong to as it is, whatever that is.
READING = {
    "abs", "amax", "clone", "copy", "cost", "count", "detach", "endswith", "flatten",
    "format", "get", "index", "item", "items", "join", "keys", "max", "mean", "min",
    "modules", "named_parameters", "numel", "parameters", "reshape", "split",
    "startswith", "strip", "sum", "tokenizer", "tolist", "unbind", "unflatten",
    "values", "view",
}  # fmt: skip


@dataclass
class Uses:
    """What code does to the names around it, and what it calls."""

    reads: set[str] = field(default_factory=set)  # before it sets them itself
    changes: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)  # whatever happens
    calls: set[str] = field(default_factory=set)
    bodies: dict[str, "Uses"] = field(default_factory=dict)  # of what it defines


def of_cells(sources: list[str]) -> list[Uses]:
    """Return what each cell does, the functions included that it names.

    ValueError: a cell that hides its names: a star import, a global statement, exec.
    """
    modules: set[str] = set()
    every = []
    for source in sources:
        reader = _Reader(modules)
        reader.visit(_parsed(source))
        every.append(reader.uses)
    bodies = {name: body for uses in every for name, body in uses.bodies.items()}
    for uses in every:
        unread = [*uses.reads]
        while unread:
            if body := bodies.get(unread.pop()):
                unread += body.reads - uses.reads
                uses.reads |= body.reads
                uses.changes |= body.changes
    return every


def _parsed(source: str) -> ast.Module:
    return ast.parse(TransformerManager().transform_cell(source))


def _root(node: ast.expr) -> str | None:
    """Return the name that attributes and items belong to: `a` of `a.b[0].c`."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _bound(*nodes: ast.AST) -> frozenset[str]:
    """Return the names that code binds, its own functions' included."""
    names = set()
    for part in (part for node in nodes for part in ast.walk(node)):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            names.add(part.id)
        elif isinstance(part, ast.arg):
            names.add(part.arg)
        elif isinstance(part, ast.alias):
            names.add((part.asname or part.name).split(".")[0])
        elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(part.name)
    return frozenset(names)


class _Reader(ast.NodeVisitor):
    """Walks through code in the order in which it runs."""

    def __init__(self, modules: set[str], local: frozenset[str] = frozenset()):
        self.modules, self.local, self.uses = modules, local, Uses()

    def walk(self, nodes, local: frozenset[str] = frozenset()) -> None:
        """Visit nodes in which `local` are names of their own."""
        before, self.local = self.local, self.local | local
        for node in nodes:
            self.visit(node)
        self.local = before

    def branch(self, *bodies) -> None:
        """Visit bodies of which one runs: what all of them set is set."""
        before, after = self.uses.sets, []
        for body in bodies:
            self.uses.sets = set(before)
            self.walk(body)
            after.append(self.uses.sets)
        self.uses.sets = set.intersection(*after)

    def read(self, name: str) -> None:
        if name in HIDING:
            raise ValueError(f"{name}() hides which names a cell uses; write it out.")
        if name not in self.local | self.uses.sets:
            self.uses.reads.add(name)
        if name not in self.local and name in self.uses.bodies:
            self.uses.changes |= self.uses.bodies[name].changes

    def bind(self, name: str | None) -> None:
        if name and name not in self.local:
            self.uses.changes.add(name)
            self.uses.sets.add(name)
            self.modules.discard(name)

    def touch(self, node: ast.expr) -> None:
        """Note a change of what an attribute or an item belongs to."""
        name = _root(node)
        if name and name not in self.local:
            self.read(name)
            self.uses.changes.add(name)

    def visit_Name(self, node):
        (self.read if isinstance(node.ctx, ast.Load) else self.bind)(node.id)

    def visit_Attribute(self, node):
        if not isinstance(node.ctx, ast.Load):
            self.touch(node)
        self.generic_visit(node)

    visit_Subscript = visit_Attribute

    def visit_Assign(self, node):
        self.walk([node.value, *node.targets])

    def visit_AnnAssign(self, node):
        self.walk([node.value, node.target] if node.value else [])

    def visit_AugAssign(self, node):
        self.touch(node.target)
        self.walk([node.value, node.target])

    def visit_NamedExpr(self, node):
        self.walk([node.value, node.target])

    def visit_Call(self, node):
        self.uses.calls.add(ast.unparse(node.func))
        if ast.unparse(node.func).startswith("get_ipython()."):
            return self.magic(node.func.attr, [ast.literal_eval(a) for a in node.args])
        if isinstance(node.func, ast.Attribute) and node.func.attr not in READING:
            if _root(node.func) not in self.modules:
                self.touch(node.func)
        if ast.unparse(node.func) == "next" and node.args:
            self.touch(node.args[0])
        for word in node.keywords:
            if word.arg == "generator":
                self.touch(word.value)
        self.generic_visit(node)

    def magic(self, kind: str, arguments: list[str]) -> None:
        """Read the code that a magic runs; any other one sets who knows what."""
        if kind in ("run_line_magic", "run_cell_magic") and arguments[0] in WRAPPERS:
            name, line, *body = arguments
            if name == "capture" and line:
                self.bind(line.split()[-1])
            self.visit(_parsed("".join(body) or line))
        else:
            self.uses.reads.add(KERNEL)
            self.uses.changes.add(KERNEL)

    def visit_If(self, node):
        self.visit(node.test)
        self.branch(node.body, node.orelse)

    def visit_While(self, node):
        self.visit(node.test)
        self.branch(node.body, node.orelse)

    def visit_For(self, node):
        """Take it that a loop runs once at least: if not, a name is missing, aloud."""
        self.walk([node.iter, node.target, *node.body, *node.orelse])

    visit_AsyncFor = visit_For

    def visit_Try(self, node):
        self.branch([*node.body, *node.orelse], *[[one] for one in node.handlers])
        self.walk(node.finalbody)

    visit_TryStar = visit_Try

    def visit_ExceptHandler(self, node):
        self.bind(node.name)
        self.generic_visit(node)

    def visit_Match(self, node):
        self.visit(node.subject)
        self.branch([], *[[case] for case in node.cases])

    def visit_MatchAs(self, node):
        self.bind(node.name)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_alias(self, node):
        if node.name == "*":
            raise ValueError("`import *` hides its names; import them one by one.")
        (name,) = _bound(node)
        self.bind(name)
        self.modules.add(name)

    def visit_Global(self, node):
        raise ValueError(
            f"`global {', '.join(node.names)}` changes names out of sight; return the "
            "value instead."
        )

    def comprehension(self, node):
        self.visit(node.generators[0].iter)
        own = _bound(*(part.target for part in node.generators))
        self.walk(ast.iter_child_nodes(node), own)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension

    def visit_Lambda(self, node):
        self.walk([*node.args.defaults, *filter(None, node.args.kw_defaults)])
        self.walk([node.body], _bound(node.args))

    def definition(self, node):
        """Set the name; what the body changes, it changes when that name is used."""
        own = _bound(*ast.iter_child_nodes(node))
        inner = _Reader(self.modules, self.local | own)
        inner.walk(node.body)
        outer = [part for part in ast.iter_child_nodes(node) if part not in node.body]
        self.walk(outer, _bound(*outer))
        for name in inner.uses.reads:
            self.read(name)
        self.uses.calls |= inner.uses.calls
        self.uses.bodies[node.name] = inner.uses
        self.bind(node.name)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = definition
