"""Exercise 4: gradient norms by distance."""

import torch

from llmlab.checks.attention_vs_rnn import distance, mixing
from llmlab.checks.exercise import Case, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Only the last output counts. Which inputs would move it, and how much?",
    "torch.autograd.grad of the last output's sum gives one row for each token.",
    "The norm of each row, norm(dim=-1), and the last token first: flip(0).",
)


def gradient_by_distance(model, x):
    """Return the norms, the last token's first."""
    return distance.norms(model, x).tolist()


def _cases():
    generator = torch.Generator().manual_seed(0)
    x = torch.tensor([[1.0, 2.0, 0.0],
                      [0.0, 1.0, 3.0], [2.0, 0.0, 1.0], [1.0, 1.0, 0.5]])
    yield Case(lambda: (distance.fading, x.clone()), sources={"model": "check.fading"})
    for tokens, width in ((1, 3), (5, 2), (12, 5)):
        for model in (distance.recurrent, distance.attending, distance.fading):
            yield case(model, mixing.normal(generator, tokens, width).double())


EXERCISE = Exercise(
    name="gradient_by_distance",
    right=gradient_by_distance,
    gives=(Value("the norms"),),
    cases=lambda: [*_cases()],
    covers="every distance",
    hints=HINTS,
    hint="the last output's sum, its gradient, the norm of each row, last token first.",
    tolerance=1e-4,
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
        "take the sum of the last output, not its first number.":
            lambda model, x: distance.norms(lambda x: model(x)[:, :1], x).tolist(),
        "these are norms of the inputs, not of gradients.":
            lambda model, x: x.norm(dim=-1).flip(0).tolist(),
    },
)
