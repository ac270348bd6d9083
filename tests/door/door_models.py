"""Right arguments for models and what runs, trains and changes them."""

from collections.abc import Callable

import small_things as small
import torch

from llmlab import models
from llmlab.models import (
    calibration,
    experts,
    generation,
    sensitivity,
    surgery,
    training,
)

TURN = [{"role": "user", "content": "a"}]


def optimizers(model):
    return [torch.optim.SGD(model.parameters(), lr=0.01)]


DOOR: dict[Callable, Callable[[], dict]] = {
    models.load: lambda: {"name": "coder-small", "dtype": "fp32", "device": "cpu"},
    models.Sampling: lambda: {
        "temperature": 1.0, "top_k": 3, "top_p": 0.5, "generator": None,
    },
    generation.stream: lambda: {
        "model": small.plain(), "prompt": [1], "max_tokens": 2,
        "sampling": models.Sampling(), "stop": (), "cache": None,
    },
    generation.stream_batch: lambda: {
        "model": small.plain(), "prompts": [[1]], "max_tokens": 2,
        "sampling": models.Sampling(), "stop": (), "cache": None,
    },
    generation.complete: lambda: {
        "model": small.reader(), "text": "a", "max_tokens": 2,
        "sampling": models.Sampling(), "stop": (),
    },
    models.translation.translate: lambda: {"model": small.translator(), "texts": ["a"]},
    models.classification.classify: lambda: {
        "model": small.classifier(), "texts": ["a"],
    },
    calibration.batches: lambda: {"model": small.reader(), "count": 1, "length": 4},
    calibration.collect: lambda: {
        "model": small.plain(), "data": [small.IDS], "names": ["head"],
    },
    sensitivity.choose: lambda: {
        "options": [sensitivity.Option("a", 4, 1.0, 8)], "budget": 8,
    },
    sensitivity.logit_error: lambda: {"model": small.plain(), "data": [small.IDS]},
    surgery.linear_layers: lambda: {"model": small.plain(), "skip": ()},
    surgery.share: lambda: {"model": small.plain()},
    experts.separate: lambda: {"model": small.plain()},
    experts.join: lambda: {"model": small.plain()},
    surgery.clone: lambda: {"model": small.plain()},
    models.random_model: lambda: {
        "name": "S", "dtype": "fp32", "device": "cpu", "seed": 0,
    },
    models.save: lambda: {"model": small.plain(), "folder": "saved"},
    models.size: lambda: {"folder": models.files.find("coder-small")},
    models.attention_shape: lambda: {"model": small.plain()},
    models.chat: lambda: {
        "model": small.talker(), "messages": TURN, "max_tokens": 4,
        "sampling": models.Sampling(),
    },
    models.conversation.stream: lambda: {
        "model": small.talker(), "messages": TURN, "max_tokens": 4,
        "sampling": models.Sampling(),
    },
    models.chat_template.prompt: lambda: {"model": small.talker(), "messages": TURN},
    models.chat_template.fitting: lambda: {
        "model": small.talker(), "messages": TURN, "max_tokens": 4,
    },
    training.train: lambda: {
        "model": small.plain(), "batch": lambda step: small.IDS, "steps": 1,
        "optimizers": optimizers, "autocast": None, "stop_after": 1,
    },
    training.next_token_loss: lambda: {"model": small.plain(), "tokens": small.IDS},
    training.constant_then_decay: lambda: {
        "steps": 4, "warmup": 1, "decay": 1, "floor": 0.0,
    },
    training.muon_and_adamw: lambda: {
        "model": small.plain(), "rate": 0.1, "betas": (0.9, 0.95), "weight_decay": 0.0,
        "apart": (),
    },
    training.read_log: lambda: {"path": "log.jsonl"},
    training.fastest_autocast: lambda: {"device": "cpu"},
    surgery.replace_linear: lambda: {
        "model": small.plain(), "make": lambda layer: layer, "skip": (),
    },
    surgery.share_of_weights: lambda: {"model": small.plain(), "layers": []},
    sensitivity.scan: lambda: {
        "model": small.plain(), "loss": lambda model: 1.0, "changes": {}, "skip": (),
    },
}  # fmt: skip
