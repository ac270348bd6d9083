"""Exercise 4: int8 times int8, summed in int32."""

import torch

from llmlab.checks.exercise import TENSOR, Exercise, Value, case
from llmlab.checks.quantization import rounded

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Multiply integers by integers, add them up exactly, and only then scale.",
    "A sum of int8 products needs int32. Tokens have a scale each, outputs too.",
    "(x.int() @ weight.int().T) * x_scales[:, None] * weight_scales, as float32.",
)


def _cases():
    generator = torch.Generator().manual_seed(0)
    example = (torch.tensor([[100, 100]]), torch.tensor([0.01]),
               torch.tensor([[127, 127], [1, -1]]), torch.tensor([0.5, 2.0]))
    yield case(*rounded.as_int8(*example))
    for tokens, outputs, inputs in ((1, 1, 1), (2, 3, 5), (4, 4, 4), (3, 7, 600)):
        x, weight = (
            torch.randint(-127, 128, (rows, inputs), generator=generator)
            for rows in (tokens, outputs)
        )
        scales = [0.1 + torch.rand(n, generator=generator) for n in (tokens, outputs)]
        yield case(*rounded.as_int8(x, scales[0], weight, scales[1]))
    ends = torch.full((2, 4096), 127), torch.ones(2)
    yield case(*rounded.as_int8(*ends, *ends))
    x = torch.cat((torch.full((8192,), 127), torch.ones(1).long()))[None]
    weight = x.clone()
    weight[:, 4096:8192] *= -1  # what is left of two large sums is 1
    fine = torch.tensor([0.013]), torch.tensor([0.7])
    yield case(*rounded.as_int8(x, fine[0], weight, fine[1]), about=rounded.EXACT)
    x = torch.randint(64, 128, (1, 2**17), generator=generator)  # beyond 2**24
    x[:, 2**16 :] = -x[:, : 2**16]
    x[:, -1] += 1  # 125 is left
    weight = torch.full((1, 2**17), 125)
    yield case(*rounded.as_int8(x, fine[0], weight, fine[1]), about=rounded.EXACT)


EXERCISE = Exercise(
    name="integer_matmul",
    right=rounded.matmul,
    gives=(Value("the product", tensor=TENSOR),),
    cases=lambda: [*_cases()],
    covers="none of them overflows, and what cancels does so exactly",
    hints=HINTS,
    hint="exact sums of integers, then the token's scale and the output's.",
    tolerance=1e-5,
    mistakes={
        "the sums overflowed: int8 holds -128 to 127; add up in int32.":
            lambda *a: rounded.matmul(*a, wrap=torch.int8),
        "the sums overflowed: int16 holds -32768 to 32767; add up in int32.":
            lambda *a: rounded.matmul(*a, wrap=torch.int16),
        "the scales are missing.":
            lambda x, sx, w, sw: rounded.matmul(x, sx**0, w, sw**0),
        "the scales of the tokens are missing.":
            lambda x, sx, w, sw: rounded.matmul(x, sx**0, w, sw),
        "the scales of the weights are missing.":
            lambda x, sx, w, sw: rounded.matmul(x, sx, w, sw**0),
        "divided by the scales: they are multiplied in.":
            lambda x, sx, w, sw: rounded.matmul(x, 1 / sx, w, 1 / sw),
        "the scales are crossed: tokens are rows, outputs are columns.":
            rounded.crossed,
        "the sums were rounded: keep them exact until they are scaled.":
            lambda *a: rounded.matmul(*a, wrap=torch.bfloat16),
        "a weight is (O, I): multiply with its transpose.":
            lambda x, sx, w, sw: rounded.matmul(x, sx, w.T, sw),
    },
)
