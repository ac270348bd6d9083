"""Exercise 4: gradient norms by distance."""

from collections.abc import Callable

import torch

from llmlab.checks.attention_vs_rnn import distance, mixing
from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Only the last output counts. Which inputs would move it, and how much?",
    "torch.autograd.grad of the last output's sum gives one row for each token.",
    "The norm of each row, norm(dim=-1), and the last token first: flip(0).",
)


EXERCISE = Exercise(
    right=lambda model, x: distance.norms(model, x).tolist(),
    gives=("the norms",),
    hint="the last output's sum, its gradient, the norm of each row, last token first.",
    tolerance=1e-6,
    mistakes={
        "this is the order of the text; distance 0 is the last token: flip it.":
            lambda model, x: distance.rows(model, x).norm(dim=-1).tolist(),
        "only the last output counts: model(x)[-1].":
            lambda model, x: distance.norms(model, x, outputs=distance.ALL).tolist(),
        "these come from the first output; take the last one.":
            lambda model, x: distance.norms(model, x, outputs=distance.FIRST).tolist(),
        "these are squares; a norm is the root of their sum.":
            lambda model, x: (distance.norms(model, x) ** 2).tolist(),
        "this adds up absolute values; a norm is the root of the sum of squares.":
            lambda model, x: distance.rows(model, x).abs().sum(-1).flip(0).tolist(),
        "this adds up the gradient, where signs cancel; take the norm.":
            lambda model, x: distance.rows(model, x).sum(-1).flip(0).tolist(),
        "this is the largest entry of each row; take the norm.":
            lambda model, x: distance.rows(model, x).abs().amax(-1).flip(0).tolist(),
        "one norm for each token, over its row: norm(dim=-1).":
            lambda model, x: distance.rows(model, x).norm(dim=0).tolist(),
        "one norm for each token, over its row: norm(dim=-1), then flip.":
            lambda model, x: distance.rows(model, x).norm(dim=0).flip(0).tolist(),
        "take the sum of the last output, not its mean.":
            lambda model, x: (distance.norms(model, x) / model(x).shape[-1]).tolist(),
        "these are norms of the inputs, not of gradients.":
            lambda model, x: x.norm(dim=-1).flip(0).tolist(),
    },
)


def gradient_by_distance(learner_function: Callable) -> None:
    """Exercise 4. Gradient norms by distance: model and x (T, D) -> T numbers."""
    generator = torch.Generator().manual_seed(0)
    EXERCISE.run(learner_function, distance.fading, torch.ones(3, 4).double())
    for tokens, width in ((1, 3), (5, 2), (12, 5)):
        for model in (distance.recurrent, distance.attending, distance.fading):
            x = mixing.normal(generator, tokens, width)
            EXERCISE.run(learner_function, model, x)
    print("✓ gradient_by_distance: 10 cases, every distance")
