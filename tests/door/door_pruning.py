"""Right arguments for what makes models smaller."""

from collections.abc import Callable

import small_things as small
import torch

from llmlab import pruning
from llmlab.pruning import (
    depth,
    experiments,
    groups,
    masks,
    neurons,
    schedule,
    sensitivity,
    sparsegpt,
    wanda,
    width,
)  # fmt: skip

SKIP, ROWS = ("head",), torch.ones(3, 16)
FINETUNING = {"steps": 1, "rate": 1e-3, "autocast": None, "clip": 1.0}


def batch(step):
    return small.IDS


def dense():
    return experiments.dense(small.reader(), text="abc")


def scores(part):
    return part.importance(small.plain(), [small.IDS])


DOOR: dict[Callable, Callable[[], dict]] = {
    pruning.prune: lambda: {
        "model": small.plain(), "sparsity": 0.5, "scope": "layer", "mask": None,
        "skip": SKIP,
    },
    wanda.prune: lambda: {
        "model": small.plain(), "data": [small.IDS], "sparsity": 0.5, "mask": None,
        "skip": SKIP,
    },
    sparsegpt.prune: lambda: {
        "model": small.plain(), "data": [small.IDS], "sparsity": 0.5, "damping": 0.01,
        "skip": SKIP,
    },
    sparsegpt.solve: lambda: {
        "weight": small.WEIGHT, "gram": torch.eye(16), "sparsity": 0.5,
        "damping": 0.01,
    },
    wanda.score: lambda: {"weight": small.WEIGHT, "norms": torch.ones(16)},
    masks.magnitude: lambda: {"weight": small.WEIGHT, "sparsity": 0.5},
    masks.whole: lambda: {"score": small.WEIGHT, "sparsity": 0.5},
    masks.by_row: lambda: {"score": small.WEIGHT, "sparsity": 0.5},
    masks.without_lowest: lambda: {"score": small.WEIGHT, "count": 3},
    masks.n_of_m: lambda: {"score": small.WEIGHT, "n": 2, "m": 4},
    masks.read_pattern: lambda: {"pattern": "2:4"},
    masks.sparsity: lambda: {"model": small.plain()},
    pruning.pack: lambda: {"model": zeroed(), "skip": ()},
    pruning.unpack: lambda: {"model": zeroed()},
    pruning.finetune: lambda: {
        "model": zeroed(), "batch": batch, "weight_decay": 0.0, **FINETUNING,
    },
    schedule.iterative: lambda: {
        "model": small.plain(), "batch": batch, "sparsity": 0.5, "rounds": 1,
        "prune": None, "schedule": None, **FINETUNING,
    },
    schedule.sparsity_at: lambda: {"step": 1, "steps": 4, "final": 0.5, "start": 0.0},
    sensitivity.scan: lambda: {
        "model": small.plain(), "loss": lambda model: 1.0, "sparsities": (0.5,),
        "mask": masks.magnitude, "skip": SKIP,
    },
    depth.drop: lambda: {"model": small.plain(), "layers": [1], "stack": None},
    depth.block_influence: lambda: {
        "model": small.plain(), "data": [small.IDS], "stack": None,
        "measure": depth.influence,
    },
    depth.influence: lambda: {"before": ROWS, "after": ROWS},
    neurons.importance: lambda: {
        "model": small.plain(), "data": [small.IDS], "how": "activation",
    },
    neurons.prune: lambda: {
        "model": small.plain(), "keep": 20, "importance": scores(neurons), "cut": None,
    },
    groups.importance: lambda: {"model": small.plain(), "data": [small.IDS]},
    groups.prune: lambda: {
        "model": small.plain(), "keep": 1, "importance": scores(groups),
    },
    width.importance: lambda: {"model": small.plain(), "data": [small.IDS]},
    width.prune: lambda: {
        "model": small.plain(), "keep": 16, "importance": scores(width),
    },
    pruning.dependency.prune: lambda: {
        "model": small.plain(), "data": small.IDS, "layers": ["layers.0.mlp.up"],
        "share": 0.5, "seconds": 60.0,
    },
    experiments.dense: lambda: {"model": small.reader(), "text": "abc"},
    experiments.by_sparsity: lambda: {
        "dense": dense(), "magnitude_mask": masks.magnitude, "sparsities": (0.5,),
    },
}  # fmt: skip


def zeroed():
    return pruning.prune(small.plain(), sparsity=0.5)
