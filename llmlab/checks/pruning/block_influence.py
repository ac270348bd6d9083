"""Exercise 5: how much a layer changes what passes it (Men et al., 2024)."""

import torch
from torch.nn.functional import cosine_similarity

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off


def block_influence(before, after):
    """Return 1 less the mean cosine between tokens before and after a layer."""
    return 1 - cosine_similarity(before, after, dim=-1).mean()


def _cases():
    yield case(torch.tensor([[[1.0, 0.0], [0.0, 2.0]]]),
               torch.tensor([[[1.0, 0.0], [2.0, 0.0]]]))
    dice = torch.Generator().manual_seed(0)
    for shape in ((1, 3, 4), (2, 5, 6), (4, 2, 3), (3, 3, 3)):
        before = torch.randn(*shape, generator=dice, dtype=torch.float64)
        change = torch.randn(*shape, generator=dice, dtype=torch.float64)
        length = 3 ** torch.randn(*shape[:2], 1, generator=dice, dtype=torch.float64)
        yield case(before * length, (before + 0.8 * change) * length)
    turned = torch.randn(2, 4, 5, generator=dice, dtype=torch.float64)
    yield case(turned, -2 * turned, about="a token that is turned round has cosine -1.")


EXERCISE = Exercise(
    name="block_influence",
    right=block_influence,
    gives=(Value("the influence"),),
    cases=lambda: [*_cases()],
    covers="tokens of any length",
    hints=(
        "A layer that changes little leaves each token's vector in its direction.",
        "torch.nn.functional.cosine_similarity(before, after, dim=-1) is a cosine for "
        "each token.",
        "return 1 - cosine_similarity(before, after, dim=-1).mean().",
    ),
    hint="a cosine for each token, along the width; 1 less their mean.",
    tolerance=1e-5,
    mistakes={
        "this is the mean cosine; the influence is 1 less that.":
            lambda b, a: 1 - block_influence(b, a),
        "the cosine goes along the width, the last axis: one for each token.": (
            lambda b, a: 1 - cosine_similarity(b, a, dim=1).mean(),
            lambda b, a: 1 - cosine_similarity(b, a, dim=0).mean(),
        ),
        "this is one cosine for all tokens at once; long ones count for more so.": (
            lambda b, a: 1 - cosine_similarity(b.flatten(), a.flatten(), dim=0),
            lambda b, a: 1 - cosine_similarity(b.flatten(1), a.flatten(1)).mean(),
        ),
        "each token is compared with itself after the layer, not with the others.":
            lambda b, a: 1 - (torch.nn.functional.normalize(b, dim=-1)
                              @ torch.nn.functional.normalize(a, dim=-1).mT).mean(),
        "this is a distance; direction is what counts here, so take the cosine.": (
            lambda b, a: (b - a).square().mean(),
            lambda b, a: (b - a).norm(dim=-1).mean(),
            lambda b, a: ((b - a).norm(dim=-1) / b.norm(dim=-1)).mean(),
            lambda b, a: (b - a).norm() / b.norm(),
        ),
        "a cosine of -1 is the largest change of all: no absolute values.": (
            lambda b, a: 1 - cosine_similarity(b, a, dim=-1).abs().mean(),
            lambda b, a: (1 - cosine_similarity(b, a, dim=-1)).clamp(max=1).mean(),
        ),
        "this is one value for each token; return 1 less their mean.":
            lambda b, a: 1 - cosine_similarity(b, a, dim=-1),
        "this is the sum over tokens; take the mean.":
            lambda b, a: (1 - cosine_similarity(b, a, dim=-1)).sum(),
        "vectors are not divided by their lengths here; a cosine does that.": (
            lambda b, a: 1 - (b * a).sum(-1).mean(),
            lambda b, a: 1 - (b * a).mean(),
        ),
    },
)
