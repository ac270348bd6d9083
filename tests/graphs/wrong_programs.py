"""Wrong answers about programs, as learners write them."""

from collections import Counter

from llmlab.measure.operators import VIEWS


def short(node):
    return getattr(node.target, "__name__", str(node.target)).split(".")[0]


def counted(*, calls=None, keep=None, name=short):
    """Return a count of other nodes, of other names, or under other names."""

    def answer(nodes):
        kept = [n for n in nodes if (calls or (lambda n: n.op == "call_function"))(n)]
        kept = [n for n in kept if (keep or (lambda s: s not in VIEWS))(short(n))]
        return dict(Counter(map(name, kept)))

    return answer


def by_users(nodes):
    counts = Counter()
    for node in nodes:
        if node.op == "call_function" and short(node) not in VIEWS:
            counts[short(node)] += len(node.users)
    return counts


def popping(nodes):
    nodes.pop()
    return counted()(nodes)


COUNT_OPERATORS = {
    "inputs": (counted(calls=lambda n: n.op != "output"), "only what is called"),
    "everything": (
        counted(calls=lambda n: True, keep=lambda s: True),
        "only what is called",
    ),
    "constants": (
        counted(calls=lambda n: n.op not in ("placeholder", "output")),
        "get_attr a constant",
    ),
    "views": (counted(keep=lambda s: True), "another look"),
    "view alone": (counted(keep=lambda s: s != "view"), "another look"),
    "names with view": (counted(keep=lambda s: "view" not in s), "another look"),
    "set": (lambda nodes: dict.fromkeys(counted()(nodes), 1), "each call counts"),
    "users": (by_users, "however many others"),
    "unsafe views": (
        counted(keep=lambda s: s not in VIEWS - {"_unsafe_view"}),
        "`_unsafe_view` is a view",
    ),
    "picked": (
        counted(keep=lambda s: s not in VIEWS - {"getitem"}),
        "picks one of several",
    ),
    "overloads": (counted(name=lambda n: n.target.__name__), "add.Scalar are both"),
    "aten": (counted(name=lambda n: str(n.target)), "without `aten` before"),
    "names of nodes": (counted(name=lambda n: n.name), "the node's own name"),
    "stripped": (
        counted(name=lambda n: n.name.rstrip("_0123456789")),
        "the node's own name",
    ),
    "kinds": (lambda nodes: Counter(n.op for n in nodes), "kinds of nodes"),
    "underscores": (
        counted(keep=lambda s: s not in VIEWS and s[0] != "_"),
        "whatever their names begin with",
    ),
    "in place": (counted(name=lambda n: short(n).rstrip("_")), "in place"),
    "copies": (counted(keep=lambda s: s not in VIEWS | {"clone"}), "reads and writes"),
    "only views": (counted(keep=lambda s: s in VIEWS), "these are the views"),
    "total": (lambda nodes: sum(counted()(nodes).values()), "return a dict"),
    "names": (lambda nodes: [*counted()(nodes)], "return a dict"),
    "operators": (
        lambda nodes: Counter(n.target for n in nodes if n.op == "call_function"),
        "keys are text",
    ),
    "shares": (
        lambda nodes: {s: n / len(nodes) for s, n in counted()(nodes).items()},
        "a whole number",
    ),
    "taken out": (popping, "leaves nodes as it was"),
}

WRONG = {"count_operators": COUNT_OPERATORS}
