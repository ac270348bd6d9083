"""Exercise 2: what a graph's nodes compute, counted by name."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from llmlab.checks import shown, values
from llmlab.checks.exercise import Case, Exercise, MisfitError, Value
from llmlab.checks.graphs import programs
from llmlab.checks.shown import Written
from llmlab.measure import operators

# A mistake stands in one line or two, as in a table.
# fmt: off

DICT = "return a dict: the name of an operator, and how often it is called."
TEXT = "keys are text: node.target.__name__ is \"mm.default\", and the name stands " \
       "before the point."
WHOLE = "how often is a whole number: counts[name] = counts.get(name, 0) + 1."
CALLED = "only what is called computes: node.op == \"call_function\". A placeholder " \
         "is an input, get_attr a constant, output the end."
VIEWS = "a view is another look at the same numbers: leave out what operators.VIEWS " \
        "names."
PICKED = "`getitem` picks one of several results and `_unsafe_view` is a view: both " \
         "stand in operators.VIEWS, so look names up there."
OVERLOADS = "add.Tensor and add.Scalar are both \"add\": the name is what stands " \
            "before the point."
NAMES = "node.name is the node's own name, with a number for each further one; the " \
        "operator is node.target."
COPIES = "a copy computes nothing new, yet it reads and writes: only what operators." \
         "VIEWS names is left out."
EMPTY = "nothing but views is an empty dict."
MOST = 100  # names, more than any graph here has


def observed(answer, nodes):
    """Write the counts in the order of their names, without those of 0."""
    if not isinstance(answer, Mapping):
        raise MisfitError("the counts are a dict", expected="a dict", hint=DICT,
                          got=shown.value(answer))  # fmt: skip
    if len(answer) > MOST:
        raise MisfitError("the counts are those of the nodes", hint=DICT,
                          expected="a few names", got=f"{len(answer)}")  # fmt: skip
    counts = {_name(key): _whole(answer[key]) for key in answer}
    texts = (f"{name}: {counts[name]}" for name in sorted(counts) if counts[name])
    return Written("{" + ", ".join(texts) + "}")


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise MisfitError("the keys are names", expected="text as keys", hint=TEXT,
                          got=shown.value(key))  # fmt: skip
    return str(key)


def _whole(count: Any) -> int:
    try:
        number = values.read(count, 0, Value("each count"))
    except MisfitError as misfit:
        raise MisfitError("each count: a whole number", expected="a number",
                          got=misfit.got, hint=WHOLE) from None  # fmt: skip
    if not isinstance(number, int):
        raise MisfitError("each count: a whole number", expected="a whole number",
                          got=shown.value(number), hint=WHOLE)  # fmt: skip
    return number


def _right(nodes):
    return operators.count_operators(nodes)


def count(nodes, *, calls=None, name=None, keep=None, amount=None):
    """Return counts by name. The knobs each make a typical mistake.

    calls: which nodes count; name: of a node; keep: which operators count, by the name
    without an overload; amount: what a node counts as.
    """
    counts: Counter[str] = Counter()
    for node in nodes:
        if (calls or _called)(node) and (keep or _computes)(_short(node)):
            counts[(name or _short)(node)] += (amount or _once)(node)
    return dict(counts)


def _called(node):
    return node.op == "call_function"


def _computes(name):
    return name not in operators.VIEWS


def _full(node):
    """Return a name with its overload; that of an input as it is."""
    return getattr(node.target, "__name__", node.target)


def _short(node):
    return _full(node).partition(".")[0]


def _once(node):
    return 1


_with = partial(partial, count)  # the mistake of some knobs


def _but(*kinds):
    """Count all nodes but those of some kinds."""
    return lambda node: node.op not in kinds


def _always(name):
    return True


def _besides(*names):
    """Count some views as well."""
    return lambda name: name in names or _computes(name)


def _without(*names):
    return lambda name: name not in names


def _changed(change):
    """Change what is right, name by name: change(name, count) -> count."""
    return lambda nodes: {
        name: change(name, number) for name, number in _right(nodes).items()}


def _by_target(write):
    """Name operators by their target: write(target) -> name."""
    return _with(name=lambda node: (
        write(node.target) if hasattr(node.target, "overloadpacket") else _full(node)))


def _views(name):
    return not _computes(name)


def _kinds(nodes):
    """Count nodes by what kind they are."""
    return dict(Counter(node.op for node in nodes))


def _case(function, *sizes, about=""):
    return Case(lambda: (programs.drawn(function, *sizes),), about=about)


def _opening():
    lines = (
        "def gated(x, w, y):",
        "    return torch.nn.functional.silu(x @ w) * y",
        "",
        "",
        "x, w, y = torch.ones(2, 3), torch.ones(3, 4), torch.ones(2, 4)",
    )
    sources = {"nodes": "check.nodes(gated, x, w, y)"}
    return Case(lambda: (programs.drawn(programs.gated, (2, 3), (3, 4), (2, 4)),),
                setup="\n".join(lines), sources=sources)


def _cases():
    yield _opening()
    yield _case(programs.overloads, (3,), about=OVERLOADS)
    yield _case(programs.norm, (2, 6), (6,))
    yield _case(programs.attend, (2, 3, 4), (2, 5, 4), (2, 5, 4), about=VIEWS)
    yield _case(programs.heads, (2, 5, 3), (8, 3), about=PICKED)
    yield _case(programs.digits, (3,), about=NAMES)
    yield _case(programs.in_place, (3,))
    yield _case(programs.held, (2, 3), about=CALLED)
    yield _case(programs.looks, (2, 6), about=EMPTY)
    yield _case(programs.picked, (4, 4), about=PICKED)
    yield _case(programs.layer, (1, 4, 6), (6,), (18, 6), (20, 6), (6, 10))


EXERCISE = Exercise(
    name="count_operators",
    right=_right,
    gives=(Value("the counts"),),
    cases=lambda: [*_cases()],
    covers="of a norm, an attention and a layer, with views and constants in between",
    hints=(
        "Go over the nodes and ask two things of each: is anything called there, and "
        "does what is called compute, or is it a view?",
        "node.op is \"call_function\" where something is called. node.target.__name__ "
        "is its name with the overload behind a point; operators.VIEWS lists the "
        "views.",
        "counts = {}; for node in nodes: if node.op == \"call_function\": name = "
        "node.target.__name__.split(\".\")[0]; if name not in operators.VIEWS: "
        "counts[name] = counts.get(name, 0) + 1. Then return counts.",
    ),
    hint="for each node that calls something: its name up to the point, unless "
         "operators.VIEWS has it, and how often.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        CALLED: (
            _with(calls=lambda node: True), _with(calls=_but("output")),
            _with(calls=_but("placeholder")),
            _with(calls=_but("placeholder", "output")),
            _with(calls=_but("get_attr", "output")), _with(calls=_but("get_attr")),
            _with(calls=lambda node: True, keep=_always),
            _with(calls=_but("output"), keep=_always),
            _with(calls=_but("placeholder", "output"), keep=_always),
        ),
        "these are kinds of nodes; the operator that one calls is node.target.":
            _kinds,
        "these are the views; what computes is all the others.": _with(keep=_views),
        VIEWS: (
            _with(keep=_always), _with(keep=_without("view")),
            _with(keep=lambda name: "view" not in name),
            _with(keep=_without("view", "transpose")),
            _with(keep=_without("view", "t", "transpose")),
            _with(keep=lambda name: name not in ("getitem", "view", "_unsafe_view")),
        ),
        PICKED: (
            _with(keep=_besides("_unsafe_view")), _with(keep=_besides("getitem")),
            _with(keep=_besides("getitem", "_unsafe_view")),
        ),
        "each call counts, not each name once.": _changed(lambda name, number: 1),
        "a name counts 1 where it comes first: counts.get(name, 0) + 1.":
            _changed(lambda name, number: number - 1),
        "a node counts once, however many others use what it gives.": (
            _with(amount=lambda node: len(node.users)),
        ),
        "a node counts once, however many inputs it has.": (
            _with(amount=lambda node: len(node.args)),
            _with(amount=lambda node: len(node.all_input_nodes)),
        ),
        OVERLOADS: (
            _with(name=_full),
            lambda nodes: dict(Counter(
                _full(node) for node in nodes if _called(node)
                and _computes(_full(node)))),
        ),
        "names are those of operators.VIEWS, without `aten` before and an overload "
        "behind: node.target.__name__ up to the point.": (
            _by_target(str), _by_target(lambda target: f"{target.overloadpacket}"),
            _by_target(lambda target: target.name()),
            _by_target(lambda target: target.name().partition(".")[0]),
        ),
        NAMES: (
            _with(name=lambda node: node.name),
            _with(name=lambda node: node.name.rstrip("_0123456789")),
            _with(name=lambda node: node.name.rstrip("0123456789").rstrip("_")),
            _with(name=lambda node: node.name.partition("_")[0]),
            _with(name=lambda node: node.name.rpartition("_")[0] or node.name),
            _with(name=lambda node: re.sub(r"_?\d+", "", node.name)),
            lambda nodes: dict(Counter(
                node.name for node in nodes if _called(node)
                and _computes(node.name))),
        ),
        "`_softmax` and `_to_copy` compute, whatever their names begin with.": (
            _with(keep=lambda name: _computes(name) and not name.startswith("_")),
        ),
        "`add_` changes its input in place, and is another operator than `add`.": (
            _with(name=lambda node: _short(node).rstrip("_")),
            _with(name=lambda node: _short(node).strip("_")),
        ),
        COPIES: (
            _with(keep=lambda name: _computes(name)
                  and name not in ("clone", "_to_copy")),
            _with(keep=lambda name: _computes(name) and name != "clone"),
            _with(keep=lambda name: _computes(name) and name != "cat"),
        ),
        "an operator without inputs, such as arange, fills memory, too.":
            _with(calls=lambda node: _called(node) and node.all_input_nodes != []),
        "the nodes end with the output; the one before it still computes.":
            lambda nodes: _right(nodes[:-2]),
    },
)
