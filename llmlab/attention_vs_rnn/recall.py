"""A task that only memory solves: say again what came first, after a long silence.

A row is a cue, then noise, then a question; the answer is the cue. How far apart cue
and question may be before a layer fails to learn it is what its gradients decide
(Hochreiter & Schmidhuber 1997 used the same idea). One layer between embedding and
head, the same steps and the same examples for every kind.

Shapes: B sequences, T new tokens, D model width, V vocabulary.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.attention_vs_rnn.layers import MixerLayer, build
from llmlab.core import quantities, records
from llmlab.core.arguments import whole
from llmlab.core.records import Record
from llmlab.measure import intervals
from llmlab.models import training

CUES, NOISE = 8, 8
QUESTION = CUES + NOISE
VOCABULARY = QUESTION + 1
RATE = 3e-3
MOST = 10**6  # tokens, and rows


class Reader(nn.Module):
    """Embedding, one layer, head: the least that can do the task."""

    def __init__(self, layer: MixerLayer):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, layer.width)
        self.layer = layer
        self.head = nn.Linear(layer.width, VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, T, V) of what follows each of the tokens (B, T)."""
        outputs, _ = self.layer(self.embedding(tokens))
        return self.head(outputs)


def reader(kind: str, *, width: int = 64, seed: int = 0) -> Reader:
    """Return a fresh reader with a layer of this kind; ValueError as in `build`."""
    layer = build(kind, width=width, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Reader(layer).eval().requires_grad_(False)


def examples(distance: int, rows: int, *, seed: int = 0) -> Tensor:
    """Return rows (B, distance + 2): cue, noise, question, and the cue as answer."""
    whole(
        "distance", distance, least=1, most=MOST, way="choose 50 from cue to question"
    )
    whole("rows", rows, least=1, most=MOST, way="choose 32")
    generator = torch.Generator().manual_seed(seed)
    cue = torch.randint(CUES, (rows, 1), generator=generator)
    noise = torch.randint(NOISE, (rows, distance - 1), generator=generator) + CUES
    return torch.cat((cue, noise, torch.full_like(cue, QUESTION), cue), 1)


def train(
    fresh: Reader,
    *,
    distance: int,
    steps: int = 300,
    batch: int = 32,
    seed: int = 0,
) -> Reader:
    """Return a copy that has learnt from `steps` batches; only the answer is scored."""

    def rows(step: int) -> Tensor:
        return examples(distance, batch, seed=(seed + 1) * 1_000_003 + step)

    trained = training.train(
        fresh,
        rows,
        steps=steps,
        optimizers=lambda model: [torch.optim.Adam(model.parameters(), lr=RATE)],
        loss=answer_loss,
        schedule=training.constant_then_decay(steps, warmup=0, decay=steps // 3),
        autocast=None,  # what a layer can remember must not hang on the machine
    )
    return trained.model


def answer_loss(model: nn.Module, tokens: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats of the last token of each row."""
    return F.cross_entropy(model(tokens[:, :-1])[:, -1], tokens[:, -1])


@torch.inference_mode()
def accuracy(model: Reader, *, distance: int, rows: int = 512, subject: str) -> Record:
    """Return the share of new rows whose cue is named; a guess gets 1 of 8."""
    tokens = examples(distance, rows, seed=0)  # no seed of a training batch
    right = int((model(tokens[:, :-1])[:, -1].argmax(-1) == tokens[:, -1]).sum())
    low, high = intervals.of_share(right, rows)
    return records.measured(
        quantities.ACCURACY,
        right / rows,
        subject=subject,
        low=low,
        high=high,
        details={"distance": distance, "rows": rows},
    )


def outputs_of(model: Reader) -> Callable[[Tensor], Tensor]:
    """Return a function from embeddings (B, T, D) to logits, to differentiate."""
    return lambda embedded: model.head(model.layer(embedded)[0])
