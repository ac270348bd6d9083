"""Snippets: a few lines of code that use one of twelve standard modules, masked.

A file is cut into runs of whole statements, eight lines at most, each using at most
one of the twelve. Its imports are dropped, and the names of all twelve are masked
wherever they stand as a word or between underscores (`json_path`, `OS`), in whatever
case, and as the head of a class (`JSONDecodeError`), so that neither the answer nor
what it is not can be read off. What is left is what a reader would go by: the functions
called, their arguments, the words around them.
"""

import ast
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from llmlab.core import progress
from llmlab.texts import MASK, Snippet
from llmlab.texts.corpus import TextFile

MODULES = (
    "collections", "datetime", "functools", "inspect", "itertools", "json",
    "math", "os", "re", "subprocess", "threading", "time",
)  # fmt: skip
LINES, SHORTEST, LONGEST = 8, 40, 320  # lines at most; characters of a snippet
PER_FILE, PER_MODULE = 6, 1500  # snippets of a module: of one file, of all; at most
ELSEWHERE = {"collections.abc"}  # a module of its own, beside the twelve
BRANCH = re.compile(r"\s*elif\b")
ALL = "|".join(MODULES)
WORDS = re.compile(rf"(?<![A-Za-z0-9])(?:(?i:{ALL})(?![A-Za-z0-9])|JSON(?=[A-Z][a-z]))")


def collect(files: Iterable[TextFile]) -> list[Snippet]:
    """Cut snippets from files: each code once, few of any file, not all of any module.

    What is left out is left to chance, but the same everywhere.
    """
    seen, snippets = set(), []
    for file in progress.track(list(files), "cutting snippets"):
        taken: Counter[str] = Counter()
        of_file = of_source(file.read(), f"{file.package}/{file.path}")
        for snippet in sorted(of_file, key=_chance):
            if key(snippet) not in seen and taken[snippet.module] < PER_FILE:
                seen.add(key(snippet))
                taken[snippet.module] += 1
                snippets.append(snippet)
    counts: Counter[str] = Counter()
    kept = []
    for snippet in sorted(snippets, key=_chance):
        counts[snippet.module] += 1
        if counts[snippet.module] <= PER_MODULE:
            kept.append(snippet)
    return kept


def key(snippet: Snippet) -> str:
    """Return what is the same for two snippets that differ in white space alone."""
    return "".join(snippet.code.split())


def _chance(snippet: Snippet) -> str:
    """Return a key that sorts snippets as if by chance, and everywhere the same."""
    return hashlib.sha256(snippet.code.encode()).hexdigest()


def of_source(text: str, source: str) -> list[Snippet]:
    """Cut every snippet of a program, in order; SyntaxError if it is no program."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    uses = _uses(nodes)
    if not uses:
        return []
    lines, aliases, hidden = text.split("\n"), _aliases(nodes), []
    imported = _import_lines(nodes)
    for first, last in _runs(tree.body, lines, uses):
        modules = _used(uses, first, last)
        module = modules.pop() if len(modules) == 1 else None
        if module is None:
            continue
        kept = [lines[n - 1] for n in range(first, last + 1) if n not in imported]
        code = _outdented(kept)
        if len(code) >= SHORTEST and _parses(code):
            hidden.append(Snippet(module, masked(code, aliases), source))
    return hidden


def masked(code: str, aliases: Iterable[str] = ()) -> str:
    """Put [MASK] for the names of the twelve, and for what else a module is called."""
    for alias in aliases:
        code = re.sub(rf"(?<!\w){re.escape(alias)}(?!\w)", MASK, code)
    return WORDS.sub(MASK, code)


def _imports(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str, bool]]:
    """Yield each imported name, where it is from, and whether it is a module."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, alias.name if alias.asname else top, True
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            for alias in node.names:
                yield alias.asname or alias.name, origin, False


def _module(origin: str) -> str | None:
    top = origin.partition(".")[0]
    return top if top in MODULES and origin not in ELSEWHERE else None


def _aliases(nodes: Sequence[ast.AST]) -> set[str]:
    """Return other names under which the file imports one of the twelve."""
    names = {name for name, at, whole in _imports(nodes) if whole and _module(at)}
    return names - set(MODULES)


def _names(nodes: Sequence[ast.AST]) -> dict[str, str | None]:
    """Return which of the twelve an imported name is from: None if the file also
    binds it in another way."""
    aliases: dict[str, str] = {}
    others = _bound(nodes)
    for name, origin, _ in _imports(nodes):
        module = _module(origin)
        if module is None or aliases.setdefault(name, module) != module:
            others.add(name)
    return {k: None if k in others else module for k, module in aliases.items()}


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names that are bound otherwise than by an import."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            names.add(node.name or "")
    return names


def _uses(nodes: Sequence[ast.AST]) -> dict[int, set[str | None]]:
    """Return by line the modules used there; None for a use that is unclear.

    A module is used by an attribute of it, or by a name imported from it.
    """
    names = _names(nodes)
    if not names:
        return {}
    wholes = {name for name, _, whole in _imports(nodes) if whole}
    reached = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    bindings: dict[int, set[str | None]] = defaultdict(set)
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in names:
            clear = id(node) in reached or node.id not in wholes
            bindings[node.lineno].add(names[node.id] if clear else None)
    return dict(bindings)


def _used(uses: dict[int, set], first: int, last: int) -> set[str | None]:
    return set().union(*(uses.get(line, ()) for line in range(first, last + 1)))


def _runs(
    body: list[ast.stmt], lines: list[str], uses: dict[int, set]
) -> Iterator[tuple[int, int]]:
    """Yield first and last line of runs of statements, as long as the rules allow.

    A statement that is too long, or uses two modules, is opened: its head is lost,
    and the statements in it are cut in turn.
    """
    run: tuple[int, int] | None = None
    for statement in body:
        first, last = _place(statement)
        if run and _fits(run[0], last, lines, uses):
            run = run[0], last
            continue
        if run:
            yield run
        run = (first, last) if _fits(first, last, lines, uses) else None
        if run is None:
            for inner in _bodies(statement):
                yield from _runs(inner, lines, uses)
    if run:
        yield run


def _fits(first: int, last: int, lines: list[str], uses: dict[int, set]) -> bool:
    # An `elif` stands in the tree as a statement, and is none by itself.
    if (
        BRANCH.match(lines[first - 1])
        or last - first >= LINES
        or len(_used(uses, first, last)) > 1
    ):
        return False
    return len(_outdented(lines[first - 1 : last])) <= LONGEST


def _place(statement: ast.stmt) -> tuple[int, int]:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return first, statement.end_lineno or statement.lineno


def _bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements that stand in a statement."""
    for _, value in ast.iter_fields(statement):
        if not isinstance(value, list) or not value:
            continue
        if isinstance(value[0], ast.stmt):
            yield value
        elif isinstance(value[0], ast.ExceptHandler | ast.match_case):
            yield from (part.body for part in value)


def _import_lines(nodes: Sequence[ast.AST]) -> set[int]:
    return {
        line
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _outdented(lines: list[str]) -> str:
    """Take the first line's indent from all; inside a string there may be less."""
    filled = [line for line in lines if line.strip()]
    indent = len(filled[0]) - len(filled[0].lstrip()) if filled else 0
    cut = [line[min(indent, len(line) - len(line.lstrip())) :] for line in lines]
    return "\n".join(line.rstrip() for line in cut).strip("\n")


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return True
