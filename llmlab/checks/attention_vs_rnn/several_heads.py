"""Exercise 2: several heads of attention from one matrix."""

import torch
from torch import Tensor

from llmlab.checks.attention_vs_rnn import mixing
from llmlab.checks.exercise import TENSOR, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Multiply once, cut the result in three, and give each head its own columns.",
    "A head has D / heads columns: view(T, heads, -1), then heads to the front.",
    "(x @ inputs.T).chunk(3, -1), attend, transpose(0, 1).reshape(T, D) @ output.T",
)


def _cases():
    generator = torch.Generator().manual_seed(0)
    x, one = torch.arange(1.0, 13.0).view(3, 4), torch.eye(4)
    yield case(x, torch.cat((0 * one, one, one)), one, 2)  # the example in the text
    for tokens, heads, own in ((5, 3, 2), (4, 2, 4), (6, 1, 4), (1, 2, 3), (3, 4, 3)):
        width = heads * own
        x = mixing.normal(generator, tokens, width)
        inputs = mixing.normal(generator, 3 * width, width)
        yield case(x, inputs, mixing.normal(generator, width, width), heads)


EXERCISE = Exercise(
    name="several_heads",
    right=mixing.several,
    gives=(Value("the outputs", tensor=TENSOR, dtype=mixing.DTYPE),),
    cases=lambda: [*_cases()],
    covers="with one head to four",
    hints=HINTS,
    hint="one product, three parts, each cut into heads; attend; join; times output.",
    tolerance=1e-4,
    mistakes={
        "no mask: a token must not see what comes after it.":
            lambda *a: mixing.several(*a, hidden=len(a[0])),
        "the mask is one too late: a token sees its next one.":
            lambda *a: mixing.several(*a, hidden=2),
        "a token sees itself too: hide what is later, not itself.": (
            lambda *a: mixing.several(*a, hidden=0),
            lambda *a: mixing.several(*a, hidden=0, below=-1e9),
        ),
        "the mask is the wrong way round: hide what is later, not the past.":
            lambda x, *rest: mixing.several(x.flip(0), *rest).flip(0),
        "heads are columns: view(T, heads, -1) first, then heads to the front.":
            mixing.cut_across,
        "heads are columns: in by view(T, heads, -1), transpose; out by reshape.":
            lambda *a: mixing.cut_across(*a, cut=Tensor.view),
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
