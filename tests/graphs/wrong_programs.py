"""Wrong answers about programs, as learners write them."""

from collections import Counter

import numpy
import torch
from graphs import right_programs as right

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


def row(position, length):
    return torch.arange(length) <= position


def by_item(positions, length):
    return torch.stack([row(p.item(), length) for p in positions])


def by_int(positions, length):
    return torch.stack([row(int(p), length) for p in positions])


def by_the_first(positions, length):
    """Shift a triangle, as if positions followed one another."""
    return torch.ones(len(positions), length).tril(int(positions[0])).bool()


def by_branches(positions, length):
    if positions[0] > 3:
        return right.mask_by_comparing(positions, length)
    return right.mask_by_difference(positions, length)


def by_cells(positions, length):
    return torch.tensor([[c <= p for c in range(length)] for p in positions.tolist()])


def by_cells_of_tensors(positions, length):
    return torch.tensor([[c <= p for c in range(length)] for p in positions])


def by_single_cells(positions, length):
    mask = torch.zeros(len(positions), length, dtype=torch.bool)
    for place, position in enumerate(positions.tolist()):
        for column in range(position + 1):
            mask[place, column] = True
    return mask


def by_numpy(positions, length):
    return torch.from_numpy(numpy.arange(length) <= positions.numpy()[:, None])


def by_a_copy(positions, length):
    return row(torch.tensor(positions.tolist())[:, None], length)


def by_slices(positions, length):
    mask = torch.zeros(len(positions), length, dtype=torch.bool)
    for place, position in enumerate(positions):
        mask[place, : position + 1] = True
    return mask


def by_slices_of_a_list(positions, length):
    mask = torch.zeros(len(positions), length, dtype=torch.bool)
    for place, position in enumerate(positions.tolist()):
        mask[place, : position + 1] = True
    return mask


def by_joined_parts(positions, length):
    rows = [
        torch.cat((torch.ones(p + 1), torch.zeros(length - p - 1)))
        for p in positions.tolist()
    ]
    return torch.stack(rows).bool()


def to_the_last(positions, length):
    return torch.arange(int(positions.max()) + 1) <= positions[:, None]


def column(positions):
    return positions[:, None]


STATIC_MASK = {
    "item": (by_item, "take a number out of a tensor"),
    "int": (by_int, "take a number out of a tensor"),
    "the first one's int": (by_the_first, "take a number out of a tensor"),
    "if": (by_branches, "take a number out of a tensor"),
    "tolist": (by_cells, "a loop over `.tolist()`"),
    "cells of tensors": (by_cells_of_tensors, "a loop over `.tolist()`"),
    "single cells": (by_single_cells, "a loop over `.tolist()`"),
    "NumPy": (by_numpy, "like `.numpy()`"),
    "a copy": (by_a_copy, "a loop over `.tolist()`"),
    "slices": (by_slices, "a slice whose length follows"),
    "slices of a list": (by_slices_of_a_list, "a slice whose length follows"),
    "joined parts": (by_joined_parts, "a slice whose length follows"),
    "to the last": (to_the_last, "a column for each of the `length` places"),
    "less": (lambda p, n: torch.arange(n) < column(p), "a token sees itself"),
    "one more": (lambda p, n: torch.arange(n) <= column(p) + 1, "one place ahead"),
    "later ones": (lambda p, n: torch.arange(n) > column(p), "come later"),
    "from it on": (lambda p, n: torch.arange(n) >= column(p), "not from it on"),
    "alone": (lambda p, n: torch.arange(n) == column(p), "not there alone"),
    "one row": (lambda p, n: torch.arange(n) <= p.max(), "a row of its own"),
    "one row for all": (
        lambda p, n: (torch.arange(n) <= p[-1]).repeat(len(p), 1),
        "a row of its own",
    ),
    "from 0": (
        lambda p, n: torch.ones(len(p), n, dtype=torch.bool).tril(),
        "need not begin at 0",
    ),
    "in a row": (lambda p, n: torch.arange(n) <= p, "to be compared with the row"),
    "turned": (lambda p, n: torch.arange(n)[:, None] <= p, "this is turned"),
    "as scores": (
        lambda p, n: torch.zeros(len(p), n).masked_fill(
            torch.arange(n) > p[:, None], -torch.inf
        ),
        "torch.bool",
    ),
    "whole numbers": (lambda p, n: (torch.arange(n) <= column(p)).int(), "torch.bool"),
    "with heads": (lambda p, n: (torch.arange(n) <= column(p))[None, None], "around"),
    "lists": (
        lambda p, n: [[c <= q for c in range(n)] for q in p.tolist()],
        "return a tensor",
    ),
}

WRONG = {"count_operators": COUNT_OPERATORS, "static_mask": STATIC_MASK}
