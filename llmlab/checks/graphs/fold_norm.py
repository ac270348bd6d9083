"""Exercise 3: a norm's scale and shift, folded into the linear layer behind it."""

from functools import partial

import torch

from llmlab.checks import values
from llmlab.checks.exercise import TENSOR, Case, Exercise, Value
from llmlab.checks.shown import Written
from llmlab.graphs import folding

# A mistake stands in one line or two, as in a table.
# fmt: off

GIVES = Value("the weight", tensor=TENSOR), Value("the bias", tensor=TENSOR)
COLUMNS = "the norm scales what goes in, so a number of scale belongs to a column of " \
          "the weight: weight * scale, not scale[:, None]."
OWN = "the shift goes through the weight as it was: weight @ shift. It is added " \
      "behind the scale, so the scale is not for it."
NO_BIAS = "bias is None where a layer has none: the shift makes one, weight @ shift."
NONE = "where there is neither a shift nor a bias, the layer stays without one: " \
       "return None for it, not zeros."
NO_SHIFT = "shift is None where a norm has none, as RMSNorm: the bias stays as it is."
DTYPE = "stay in the dtype that came in."


def observed(answer, scale, shift, weight, bias):
    """Return the weight and the bias; of a layer that has none it has to be None."""
    folded, moved = values.unpack(answer, GIVES, "fold_norm")
    return folded, Written("None") if moved is None else moved


def _right(scale, shift, weight, bias):
    return folding.fold_norm(scale, shift, weight, bias)


def fold(scale, shift, weight, bias, *, folded=None, moved=None, joined=None,
         none="sums"):
    """Return the weight and the bias. The knobs each make a typical mistake.

    folded: of weight and scale; moved: what the shift adds, of weight, shift and scale;
    joined: bias and what is added, of these and the scale. none: what stands for a
    missing one, zeros for both "sums" or for the "shift", or "nothing".
    """
    new = (folded or _scaled)(weight, scale)
    if none == "shift" and shift is None:
        shift = torch.zeros_like(scale)
    zeros = None if none == "nothing" else weight.new_zeros(len(weight))
    old = zeros if bias is None else bias
    more = zeros if shift is None else (moved or _through)(weight, shift, scale)
    if old is None or more is None:
        return new, more if old is None else old
    return new, (joined or _added)(old, more, scale)


def _scaled(weight, scale):
    return weight * scale


def _through(weight, shift, scale):
    return weight @ shift


def _added(bias, more, scale):
    return bias + more


_with = partial(partial, fold)  # the mistake of some knobs


def _moved(*changes):
    """Move the shift in other ways, whatever stands for a missing one."""
    return tuple(_with(moved=change, none=none) for change in changes
                 for none in ("sums", "shift", "nothing"))


def _joined(*changes):
    """Join the bias and what is added in other ways, as above."""
    return tuple(_with(joined=change, none=none) for change in changes
                 for none in ("sums", "shift", "nothing"))


def _needs_bias(scale, shift, weight, bias):
    """Forget that there may be no bias."""
    return weight * scale, bias + weight @ shift


def _keeps_none(scale, shift, weight, bias):
    """Leave the bias out where there was none."""
    both = fold(scale, shift, weight, bias)
    return both[0], None if bias is None else both[1]


def _needs_shift(scale, shift, weight, bias):
    """Forget that there may be no shift."""
    more = weight @ shift
    return weight * scale, more if bias is None else bias + more


def _turned(scale, shift, weight, bias):
    """Take the weight for one of (D, O)."""
    both = fold(scale, shift, weight.T, bias)
    return both[0].T, both[1]


def _drawn(seed, outputs, width, *, shift=True, bias=True, dtype=torch.float32,
           about=""):
    """Draw whole numbers, whose products are exact however they are added up."""
    def build():
        dice = torch.Generator().manual_seed(seed)

        def numbers(*sizes, least=-6):
            return torch.randint(least, 7, sizes, generator=dice).to(dtype)

        scale = numbers(width, least=1) / 4
        given = numbers(width), numbers(outputs, width), numbers(outputs)
        return (scale, given[0] if shift else None, given[1],
                given[2] if bias else None)

    return Case(build, about=about)


def _opening():
    def build():
        return (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0]),
                torch.tensor([[3.0, 4.0], [5.0, 6.0]]), None)

    names = {key: key for key in ("scale", "shift", "weight")}
    lines = (
        "scale, shift = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])",
        "weight = torch.tensor([[3.0, 4.0], [5.0, 6.0]])",
    )
    return Case(build, setup="\n".join(lines), sources=names)


def _cases():
    yield _opening()
    yield _drawn(1, 3, 3)
    yield _drawn(2, 5, 2)
    yield _drawn(3, 2, 6)
    yield _drawn(4, 4, 7, bias=False, about=NO_BIAS)
    yield _drawn(5, 6, 4, shift=False, about=NO_SHIFT)
    yield _drawn(6, 3, 5, shift=False, bias=False, about=NONE)
    yield _drawn(7, 1, 8)
    yield _drawn(8, 9, 1)
    yield _drawn(9, 8, 8, dtype=torch.float64, about=DTYPE)


EXERCISE = Exercise(
    name="fold_norm",
    right=_right,
    gives=GIVES,
    cases=lambda: [*_cases()],
    covers="wide layers and tall ones, with and without shift and bias",
    hints=(
        "Behind the norm stands x * scale + shift, and the layer computes (x * scale "
        "+ shift) @ weight.T + bias. Multiply that out: what stands beside x, what "
        "beside no x?",
        "scale belongs to the inputs, which are the columns of the weight. What stays "
        "behind is what the layer makes of shift alone, plus its own bias.",
        "folded = weight * scale; if shift is not None: moved = weight @ shift, and "
        "bias = moved if bias is None else bias + moved; return folded, bias.",
    ),
    hint="weight * scale, column by column, and bias + weight @ shift.",
    observe=observed,
    mistakes={
        "there are two values, the weight first: return weight, bias.": (
            lambda *given: fold(*given)[::-1],
            lambda *given: _right(*given)[::-1],
        ),
        NONE: (fold, _with(none="shift")),
        "the bias comes back as well: return weight, bias.":
            lambda *given: fold(*given)[0],
        "the shift makes a bias: return weight, bias as it becomes, not as it came.":
            lambda scale, shift, weight, bias: (weight * scale, bias),
        COLUMNS: (
            _with(folded=lambda weight, scale: weight * scale[:, None]),
            _with(folded=lambda weight, scale: scale[:, None] * weight),
            _with(folded=lambda weight, scale: torch.diag(scale) @ weight),
        ),
        "the scale multiplies; to divide by it would take it out.":
            _with(folded=lambda weight, scale: weight / scale),
        "the scale multiplies, it is not added.":
            _with(folded=lambda weight, scale: weight + scale),
        "the scale is in there twice.": (
            _with(folded=lambda weight, scale: weight * scale * scale),
            _with(folded=lambda weight, scale: weight * scale * scale,
                  moved=lambda weight, shift, scale: weight @ (shift * scale)),
        ),
        "the weight is as it was: multiply its columns by scale.":
            _with(folded=lambda weight, scale: weight),
        "scale has a number for each column, not one for all.": (
            _with(folded=lambda weight, scale: weight * scale.mean()),
            _with(folded=lambda weight, scale: weight * scale.sum()),
        ),
        "this is one number a row, which the layer gives for scale: the weight stays a "
        "matrix, weight * scale.":
            _with(folded=lambda weight, scale: weight @ scale),
        "the weight is (O, D), a row for each output: return it as it came.": (
            lambda *given: (fold(*given)[0].T, fold(*given)[1]),
        ),
        OWN: _moved(
            lambda weight, shift, scale: (weight * scale) @ shift,
            lambda weight, shift, scale: weight @ (shift / scale),
        ),
        "the shift goes through the layer on its way to the bias: weight @ shift.":
        _moved(
            lambda weight, shift, scale: shift,
            lambda weight, shift, scale: shift * scale,
        ),
        "this is no sum over the inputs: weight @ shift, not weight.T @ shift.": _moved(
            lambda weight, shift, scale: weight.T @ shift,
            lambda weight, shift, scale: shift @ weight,
        ),
        "weight * shift has a row for each output; its sum, weight @ shift, goes into "
        "the bias.": (
            *_moved(lambda weight, shift, scale: weight * shift),
            _with(moved=lambda weight, shift, scale: weight * shift, none="shift",
                  joined=lambda bias, more, scale: more),
        ),
        "the bias is added behind the layer, so scale leaves it alone.": _joined(
            lambda bias, more, scale: bias * scale + more,
            lambda bias, more, scale: (bias + more) * scale,
            lambda bias, more, scale: bias * scale.mean() + more,
        ),
        "the shift is missing: bias + weight @ shift.":
            _with(moved=lambda weight, shift, scale: weight.new_zeros(len(weight))),
        "the bias that the layer had is missing: bias + weight @ shift.":
            _with(joined=lambda bias, more, scale: more),
        "the shift is added, not taken away.": (
            _with(joined=lambda bias, more, scale: bias - more),
            *_moved(lambda weight, shift, scale: -(weight @ shift)),
        ),
        NO_BIAS: (_needs_bias, _keeps_none),
        NO_SHIFT: (_needs_shift,),
        "a weight has a row for each output, (O, D): here it is taken for (D, O).":
            _turned,
    },
)
