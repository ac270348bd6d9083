"""Exercise 2: several heads of attention from one matrix."""

from collections.abc import Callable

import torch

from llmlab.checks.attention_vs_rnn import mixing
from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Multiply once, cut the result in three, and give each head its own columns.",
    "A head has D / heads columns: view(T, heads, -1), then heads to the front.",
    "(x @ inputs.T).chunk(3, -1), attend, transpose(0, 1).reshape(T, D) @ output.T",
)

EXERCISE = Exercise(
    right=mixing.several,
    gives=("the outputs",),
    hint="one product, three parts, each cut into heads; attend; join; times output.",
    tolerance=1e-6,
    mistakes={
        "heads are columns: view(T, heads, -1) first, then heads to the front.":
            mixing.cut_across,
        "heads are columns, on the way in and on the way out.":
            lambda *a: mixing.cut_across(*a, back=True),
        "heads to the front: here each token attends among its own heads.":
            mixing.by_token,
        "a head has neighbouring columns: view(T, heads, -1), not (T, -1, heads).":
            mixing.every_other,
        "a head has neighbouring columns, on the way in as on the way out.":
            mixing.every_other_in,
        "bring the tokens to the front again before you join the heads.":
            lambda *a: mixing.several(*a, turn=False),
        "this is one wide head: cut into heads before you attend.":
            lambda x, inputs, output, heads: mixing.several(x, inputs, output, 1),
        "√H is that of a head, D / heads wide, not of the model.":
            lambda *a: mixing.several(*a, scale=len(a[2]) ** -0.5),
        "the scale is missing: divide the scores by √H.":
            lambda *a: mixing.several(*a, scale=1.0),
        "the three parts are queries, keys, values, in this order.":
            lambda *a: mixing.several(*a, order=(1, 0, 2)),
        "values come last: queries, keys, values.":
            lambda *a: mixing.several(*a, order=(2, 1, 0)),
        "the output matrix is missing.":
            lambda x, w, out, n: mixing.several(x, w, torch.eye(len(out)).to(x), n),
        "the output matrix is turned round: mixed @ output.T.":
            lambda x, w, out, n: mixing.several(x, w, out.T, n),
    },
)


def several_heads(learner_function: Callable) -> None:
    """Exercise 2. Heads from one matrix: (T, D), (3D, D), (D, D), heads -> (T, D)."""
    generator = torch.Generator().manual_seed(0)
    x, one = torch.arange(1.0, 13.0).view(3, 4).double(), torch.eye(4).double()
    inputs = torch.cat((0 * one, one, one))
    EXERCISE.run(learner_function, x, inputs, one, 2)  # the example in the text
    for tokens, heads, own in ((5, 3, 2), (4, 2, 4), (6, 1, 4), (1, 2, 3), (3, 4, 3)):
        width = heads * own
        x = mixing.normal(generator, tokens, width)
        inputs = mixing.normal(generator, 3 * width, width)
        output = mixing.normal(generator, width, width)
        EXERCISE.run(learner_function, x, inputs, output, heads)
    print("✓ several_heads: 6 cases, with one head to four")
