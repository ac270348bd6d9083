"""Right answers about programs: operators that are counted, masks that are traced."""

import re
from collections import Counter, defaultdict

import torch

from llmlab.measure import operators
from llmlab.measure.operators import VIEWS


def count_by_loop(nodes):
    counts = {}
    for node in nodes:
        if node.op != "call_function":
            continue
        name = node.target.__name__.split(".")[0]
        if name not in operators.VIEWS:
            counts[name] = counts.get(name, 0) + 1
    return counts


def count_by_counter(nodes):
    names = [
        node.target.__name__.partition(".")[0]
        for node in nodes
        if node.op not in ("placeholder", "get_attr", "output")
    ]
    return Counter(name for name in names if name not in VIEWS)


def count_by_packets(nodes):
    """Ask the operator, where it is torch's, for what its overloads have in common."""
    counts = defaultdict(int)
    for node in nodes:
        packet = getattr(node.target, "overloadpacket", None)
        if packet is not None and packet.__name__ not in VIEWS:
            counts[packet.__name__] += 1
    return counts


def count_by_text(nodes):
    texts = [str(node.target) for node in nodes if callable(node.target)]
    names = [text.split(".")[1] for text in texts if text.startswith("aten.")]
    return {name: names.count(name) for name in names if name not in VIEWS}


def count_and_drop(nodes):
    """Count all that is called, zeros for views, and names by their numbers' end."""
    called = [node for node in nodes if node.op == "call_function"]
    counts = Counter(re.sub(r"_\d+$", "", node.name) for node in called)
    return {name: 0 if name in VIEWS else n for name, n in counts.items()}


def mask_by_comparing(positions, length):
    return torch.arange(length) <= positions[:, None]


def mask_by_difference(positions, length):
    places = torch.arange(length).expand(len(positions), length)
    return (positions.unsqueeze(-1) - places).ge(0)


def mask_by_rows(positions, length):
    """Go token by token, each of which is a tensor."""
    places = torch.arange(length)
    return torch.stack([places <= position for position in positions])


def mask_by_places(positions, length):
    """Go place by place, in plain Python."""
    return torch.stack([place <= positions for place in range(length)], dim=1)


def mask_by_table(positions, length):
    """Pick rows of the mask of all positions."""
    return torch.ones(length, length, dtype=torch.bool).tril()[positions]


def mask_by_sums(positions, length):
    """Put a 1 where a row ends, and add up from the right."""
    ends = torch.zeros(len(positions), length, dtype=torch.long)
    ends = ends.scatter(1, positions.reshape(-1, 1), 1)
    return ends.flip(1).cumsum(1).flip(1) == 1


RIGHT = {
    "count_operators": [
        count_by_loop,
        count_by_counter,
        count_by_packets,
        count_by_text,
        count_and_drop,
    ],
    "static_mask": [
        mask_by_comparing,
        mask_by_difference,
        mask_by_rows,
        mask_by_places,
        mask_by_table,
        mask_by_sums,
    ],
}
