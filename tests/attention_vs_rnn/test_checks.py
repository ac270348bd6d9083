"""The checks of lab 02 let right answers pass, and name what is wrong in wrong ones."""

import math
import statistics

import numpy
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from llmlab import journal
from llmlab.checks import attention_vs_rnn as check
from llmlab.checks import feedback
from llmlab.checks.attention_vs_rnn import mixing
from llmlab.checks.feedback import CheckFailed

# --- right answers, two or more truly different ones for each exercise


def attend_by_formula(queries, keys, values):
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1])
    later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -math.inf).softmax(-1) @ values


def attend_by_pytorch(queries, keys, values):
    return F.scaled_dot_product_attention(queries, keys, values, is_causal=True)


def attend_token_by_token(queries, keys, values):
    mixed = []
    for place in range(queries.shape[-2]):
        seen = keys[..., : place + 1, :]
        scores = (seen * queries[..., place : place + 1, :]).sum(-1)
        shares = torch.exp(scores / queries.shape[-1] ** 0.5)
        shares = shares / shares.sum(-1, keepdim=True)
        mixed.append((shares[..., None] * values[..., : place + 1, :]).sum(-2))
    return torch.stack(mixed, -2)


def attend_masked_afterwards(queries, keys, values):
    """Softmax first is right where the rows are made to add up to 1 again."""
    weights = (queries @ keys.mT / queries.shape[-1] ** 0.5).softmax(-1).tril()
    return weights / weights.sum(-1, keepdim=True) @ values


def heads_by_views(x, inputs, output, heads):
    tokens, width = x.shape
    parts = (x @ inputs.T).chunk(3, -1)
    split = [part.view(tokens, heads, -1).transpose(0, 1) for part in parts]
    mixed = attend_by_formula(*split).transpose(0, 1)
    return mixed.reshape(tokens, width) @ output.T


def heads_one_by_one(x, inputs, output, heads):
    queries, keys, values = F.linear(x, inputs).split(len(output), dim=1)
    mixed = [
        attend_by_pytorch(*one)
        for one in zip(
            *(part.chunk(heads, 1) for part in (queries, keys, values)), strict=True
        )
    ]
    return F.linear(torch.cat(mixed, 1), output)


def heads_by_pytorch(x, inputs, output, heads):
    module = nn.MultiheadAttention(len(output), heads, bias=False).double()
    module.in_proj_weight.data, module.out_proj.weight.data = inputs, output
    mask = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
    return module(x, x, x, attn_mask=mask, need_weights=False)[0].detach()


def step_by_chunks(x, hidden, cell, read, carry, bias):
    gates = x @ read.T + hidden @ carry.T + bias
    write, forget, content, show = gates.chunk(4, -1)
    cell = forget.sigmoid() * cell + write.sigmoid() * content.tanh()
    return show.sigmoid() * cell.tanh(), cell


def step_by_gates(x, hidden, cell, read, carry, bias):
    def gate(number):
        own = slice(number * cell.shape[1], (number + 1) * cell.shape[1])
        return F.linear(x, read[own]) + F.linear(hidden, carry[own], bias[own])

    content = 2 * torch.sigmoid(2 * gate(2)) - 1  # a tanh in other words
    new = torch.sigmoid(gate(1)) * cell + torch.sigmoid(gate(0)) * content
    return [torch.tanh(new) / (1 + torch.exp(-gate(3))), new]


def step_by_pytorch(x, hidden, cell, read, carry, bias):
    return torch.lstm_cell(x, (hidden, cell), read, carry, bias, torch.zeros_like(bias))


def gradient_by_autograd(model, x):
    x = x.clone().requires_grad_(True)
    (rows,) = torch.autograd.grad(model(x)[-1].sum(), x)
    return rows.norm(dim=-1).flip(0)


def gradient_by_backward(model, x):
    x.requires_grad_()
    model(x)[-1].sum().backward()
    return [float((row * row).sum() ** 0.5) for row in reversed(x.grad)]


def gradient_by_jacobian(model, x):
    jacobian = torch.autograd.functional.jacobian(lambda x: model(x)[-1], x)
    return numpy.linalg.norm(jacobian.sum(0).numpy(), axis=1)[::-1].tolist()


def slope_by_sums(lengths, seconds):
    x, y = torch.tensor(lengths).log(), torch.tensor(seconds).log()
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / (x * x).sum()


def slope_by_numpy(lengths, seconds):
    return numpy.polyfit(numpy.log2(lengths), numpy.log2(seconds), 1)[0]


def slope_by_statistics(lengths, seconds):
    logarithms = [list(map(math.log10, each)) for each in (lengths, seconds)]
    return statistics.linear_regression(*logarithms).slope


RIGHT = {
    "attend": (
        attend_by_formula,
        attend_by_pytorch,
        attend_token_by_token,
        attend_masked_afterwards,
    ),
    "several_heads": (heads_by_views, heads_one_by_one, heads_by_pytorch),
    "lstm_step": (step_by_chunks, step_by_gates, step_by_pytorch),
    "gradient_by_distance": (
        gradient_by_autograd,
        gradient_by_backward,
        gradient_by_jacobian,
    ),
    "slope": (slope_by_sums, slope_by_numpy, slope_by_statistics),
}

# --- wrong answers: what the learner did -> the answer, a word of the message


def scores(queries, keys):
    return queries @ keys.mT / queries.shape[-1] ** 0.5


def hidden_from(first, *, value=-math.inf):
    def attend(queries, keys, values):
        later = torch.ones_like(scores(queries, keys), dtype=torch.bool).triu(first)
        weights = scores(queries, keys).masked_fill(later, value).softmax(-1)
        return weights @ values

    return attend


def future_only(queries, keys, values):
    past = torch.ones_like(scores(queries, keys), dtype=torch.bool).tril(-1)
    return scores(queries, keys).masked_fill(past, -math.inf).softmax(-1) @ values


def masked_after(queries, keys, values):
    return scores(queries, keys).softmax(-1).tril() @ values


def masked_by_zeros(queries, keys, values):
    return scores(queries, keys).tril().softmax(-1) @ values


def scaled_by(factor):
    def attend(queries, keys, values):
        own = factor(queries) * queries.shape[-1] ** 0.5
        return attend_by_formula(queries * own, keys, values)

    return attend


def softmax_over(axis):
    def attend(queries, keys, values):
        later = torch.ones_like(scores(queries, keys), dtype=torch.bool).triu(1)
        hidden = scores(queries, keys).masked_fill(later, -math.inf)
        return hidden.softmax(axis) @ values

    return attend


def no_softmax(queries, keys, values):
    later = torch.ones_like(scores(queries, keys), dtype=torch.bool).triu(1)
    return scores(queries, keys).masked_fill(later, -math.inf) @ values


def heads_after(change):
    """Attend in several heads whose queries, keys and values are cut otherwise."""

    def several_heads(x, inputs, output, heads):
        parts = [change(part, heads) for part in (x @ inputs.T).chunk(3, -1)]
        mixed = attend_by_formula(*parts)
        return mixed.transpose(0, 1).reshape(x.shape) @ output.T

    return several_heads


def not_turned_back(x, inputs, output, heads):
    parts = (x @ inputs.T).chunk(3, -1)
    split = [part.view(len(x), heads, -1).transpose(0, 1) for part in parts]
    return attend_by_formula(*split).reshape(x.shape) @ output.T


def among_own_heads(x, inputs, output, heads):
    parts = [part.view(len(x), heads, -1) for part in (x @ inputs.T).chunk(3, -1)]
    return attend_by_formula(*parts).reshape(x.shape) @ output.T


def glued_as_cut(x, inputs, output, heads):
    parts = (x @ inputs.T).chunk(3, -1)
    split = [part.reshape(heads, len(x), -1) for part in parts]
    return attend_by_formula(*split).reshape(x.shape) @ output.T


def one_head(x, inputs, output, heads):
    return heads_by_views(x, inputs, output, 1)


def scaled_by_the_model(x, inputs, output, heads):
    narrower = torch.ones(len(inputs), 1).double()
    narrower[: len(output)] = heads**-0.5
    return heads_by_views(x, inputs * narrower, output, heads)


def order_of_inputs(*order):
    def several_heads(x, inputs, output, heads):
        parts = inputs.chunk(3)
        return heads_by_views(x, torch.cat([parts[i] for i in order]), output, heads)

    return several_heads


def gates_in_order(*order):
    def lstm_step(x, hidden, cell, read, carry, bias):
        weights = [torch.cat([w.chunk(4)[i] for i in order]) for w in (read, carry)]
        bias = torch.cat([bias.chunk(4)[i] for i in order])
        return step_by_chunks(x, hidden, cell, *weights, bias)

    return lstm_step


def step_but(**change):
    return lambda *a: mixing.lstm_step(*a, **change)


def rows_of(model, x, *, outputs=slice(-1, None)):
    x = x.clone().requires_grad_(True)
    return torch.autograd.grad(model(x)[outputs].sum(), x)[0]


def slope_through_the_origin(lengths, seconds):
    x, y = numpy.log(lengths), numpy.log(seconds)
    return (x * y).sum() / (x * x).sum()


def mean_of_steps(lengths, seconds):
    x, y = numpy.log(lengths), numpy.log(seconds)
    return numpy.mean(numpy.diff(y) / numpy.diff(x))


WRONG = {
    "attend": {
        "hidden from itself": (hidden_from(0), "sees at least itself"),
        "hidden from itself, by a large number": (
            hidden_from(0, value=-1e9),
            "not itself",
        ),
        "mask one too late": (hidden_from(2), "one too late"),
        "no mask": (hidden_from(99), "no mask"),
        "mask the wrong way round": (future_only, "wrong way round"),
        "mask after softmax": (masked_after, "mask before softmax"),
        "zeros for a mask": (masked_by_zeros, "-inf"),
        "no scale": (scaled_by(lambda q: 1), "scale is missing"),
        "scale without root": (scaled_by(lambda q: 1 / q.shape[-1]), "square root"),
        "scale upside down": (scaled_by(lambda q: q.shape[-1] ** 0.5), "not multiply"),
        "scale by tokens": (
            scaled_by(lambda q: q.shape[-2] ** -0.5),
            "width of a head",
        ),
        "softmax over queries": (softmax_over(-2), "last axis"),
        "softmax over the first axis": (softmax_over(0), "last axis"),
        "no softmax": (no_softmax, "softmax follows"),
        "queries and keys swapped": (
            lambda q, k, v: attend_by_formula(k, q, v),
            "changed places",
        ),
        "keys for values": (lambda q, k, v: attend_by_formula(q, k, k), "not keys"),
        "weights for values": (
            lambda q, k, v: mixing.attend(q, k, torch.eye(q.shape[-2]).to(q)),
            "shape",
        ),
        "learnt by heart": (
            lambda q, k, v: F.pad(
                torch.tensor([[8.0], [14.0], [19.0]]), (0, 3)
            ).double(),
            "expected",
        ),
        "another dtype": (lambda *a: attend_by_formula(*a).float(), "dtype"),
        "nothing returned": (lambda q, k, v: None, "return"),
        "changed in place": (
            lambda q, k, v: attend_by_formula(q.mul_(1.1), k, v),
            "leaves",
        ),
        "only without heads": (
            lambda q, k, v: attend_by_formula(q, k.t().t(), v),
            "runs",
        ),
    },
    "several_heads": {
        "cut across rows": (
            heads_after(lambda part, heads: part.reshape(heads, len(part), -1)),
            "heads are columns",
        ),
        "cut across rows and glued": (glued_as_cut, "way out"),
        "every other column": (
            heads_after(lambda p, heads: p.view(len(p), -1, heads).permute(2, 0, 1)),
            "neighbouring columns",
        ),
        "among its own heads": (among_own_heads, "own heads"),
        "not turned back": (not_turned_back, "before you join"),
        "one head": (one_head, "one wide head"),
        "scale of the model": (scaled_by_the_model, "not of the model"),
        "keys first": (order_of_inputs(1, 0, 2), "in this order"),
        "values first": (order_of_inputs(2, 1, 0), "values come last"),
        "no output matrix": (
            lambda x, w, out, n: heads_by_views(x, w, torch.eye(len(out)).double(), n),
            "output matrix is missing",
        ),
        "output not turned": (
            lambda x, w, out, n: heads_by_views(x, w, out.T, n),
            "turned round",
        ),
        "no mask": (
            lambda x, w, out, n: mixing.several(x.flip(0), w, out, n).flip(0),
            "expected",
        ),
        "learnt by heart": (
            lambda *a: torch.tensor(
                [[1.0, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 8]]
            ).double(),
            "shape",
        ),
        "heads kept apart": (
            lambda x, w, out, n: heads_by_views(x, w, out, n).view(len(x), n, -1),
            "shape",
        ),
        "a crash": (lambda x, w, out, n: x @ w, "runs"),
    },
    "lstm_step": {
        "show before content": (gates_in_order(0, 1, 3, 2), "another order"),
        "forget before write": (gates_in_order(1, 0, 2, 3), "write is the first"),
        "show second": (gates_in_order(0, 2, 3, 1), "third gate"),
        "hidden state not carried": (
            lambda x, h, *rest: step_by_chunks(x, torch.zeros_like(h), *rest),
            "hidden state is not carried",
        ),
        "cell not carried": (
            lambda x, h, c, *rest: step_by_chunks(x, h, torch.zeros_like(c), *rest),
            "cell is not carried",
        ),
        "no forget gate": (step_but(keep=lambda gate: 1), "forget gate"),
        "sigmoid for content": (step_but(squash=torch.sigmoid), "not by a sigmoid"),
        "content not squashed": (step_but(squash=lambda gate: gate), "before it is"),
        "cell not squashed": (step_but(show=lambda old, new: new), "squashed cell"),
        "old cell shown": (step_but(show=lambda old, new: old.tanh()), "new cell"),
        "no bias": (lambda *a: step_by_chunks(*a[:-1], 0 * a[-1]), "bias"),
        "nothing read": (lambda x, *rest: step_by_chunks(0 * x, *rest), "read"),
        "cell first": (lambda *a: step_by_chunks(*a)[::-1], "hidden state comes first"),
        "the hidden state only": (lambda *a: step_by_chunks(*a)[0], "2 values"),
        "learnt by heart": (
            lambda *a: (a[0] + math.tanh(3.15) / 2, a[0] + 3.15),
            "shape",
        ),
        "the old state": (lambda x, hidden, cell, *rest: (hidden, cell), "expected"),
    },
    "gradient_by_distance": {
        "order of the text": (
            lambda model, x: rows_of(model, x).norm(dim=-1),
            "order of the text",
        ),
        "all outputs": (
            lambda model, x: (
                rows_of(model, x, outputs=slice(None)).norm(dim=-1).flip(0)
            ),
            "only the last output",
        ),
        "the first output": (
            lambda model, x: rows_of(model, x, outputs=slice(1)).norm(dim=-1).flip(0),
            "first output",
        ),
        "squares": (
            lambda model, x: (rows_of(model, x) ** 2).sum(-1).flip(0),
            "squares",
        ),
        "absolute values": (
            lambda model, x: rows_of(model, x).abs().sum(-1).flip(0),
            "absolute",
        ),
        "signs cancel": (lambda model, x: rows_of(model, x).sum(-1).flip(0), "cancel"),
        "the largest": (
            lambda model, x: rows_of(model, x).abs().amax(-1).flip(0),
            "largest",
        ),
        "wrong axis": (lambda model, x: rows_of(model, x).norm(dim=0), "over its row"),
        "mean of the output": (
            lambda model, x: gradient_by_autograd(lambda x: model(x) / x.shape[1], x),
            "not its mean",
        ),
        "norms of the inputs": (lambda model, x: x.norm(dim=-1).flip(0), "inputs"),
        "one number": (lambda model, x: rows_of(model, x).norm(), "list"),
        "learnt by heart": (lambda model, x: [2.0, 1.0, 0.5], "how many"),
        "no gradient": (lambda model, x: model(x)[-1].backward(), "runs"),
    },
    "slope": {
        "no logarithms": (lambda x, y: numpy.polyfit(x, y, 1)[0], "of both"),
        "seconds only": (lambda x, y: numpy.polyfit(x, numpy.log(y), 1)[0], "lengths"),
        "lengths only": (lambda x, y: numpy.polyfit(numpy.log(x), y, 1)[0], "seconds"),
        "two bases": (
            lambda x, y: numpy.polyfit(numpy.log2(x), numpy.log(y), 1)[0],
            "one base",
        ),
        "upside down": (lambda x, y: slope_by_sums(y, x), "upside down"),
        "through the origin": (slope_through_the_origin, "origin"),
        "two points only": (
            lambda x, y: slope_by_sums([x[0], x[-1]], [y[0], y[-1]]),
            "use all",
        ),
        "height": (
            lambda x, y: numpy.polyfit(numpy.log(x), numpy.log(y), 1)[1],
            "height",
        ),
        "mean of steps": (mean_of_steps, "between neighbours"),
        "learnt by heart": (lambda x, y: 2.0, "expected"),
        "rounded": (lambda x, y: round(float(slope_by_sums(x, y))), "expected"),
        "both numbers": (
            lambda x, y: numpy.polyfit(numpy.log(x), numpy.log(y), 1),
            "number",
        ),
    },
}

right_answers = [(name, answer) for name in RIGHT for answer in RIGHT[name]]
wrong_answers = [(name, what) for name in WRONG for what in WRONG[name]]


@pytest.mark.parametrize(("exercise", "answer"), right_answers)
def test_right_answers_pass_however_they_are_written(exercise, answer, capsys):
    getattr(check, exercise)(answer)
    assert capsys.readouterr().out.startswith(f"✓ {exercise}")


@pytest.mark.parametrize(("exercise", "what"), wrong_answers)
def test_a_wrong_answer_is_caught_and_its_mistake_named(exercise, what):
    answer, word = WRONG[exercise][what]
    with pytest.raises(CheckFailed) as failure:
        getattr(check, exercise)(answer)
    promise, values, hint = str(failure.value).splitlines()
    assert promise.startswith("✗ ") and values.startswith("  expected ")
    assert hint.startswith("  Hint: ")
    assert word in str(failure.value)


def test_every_exercise_has_two_right_and_five_wrong_answers_and_three_hints():
    assert list(RIGHT) == list(WRONG) == list(check.HINTS)
    assert all(len(answers) >= 2 for answers in RIGHT.values())
    assert all(len(answers) >= 5 for answers in WRONG.values())
    assert all(len(levels) == feedback.LEVELS for levels in check.HINTS.values())


def test_a_wrong_entry_of_a_tensor_is_named_by_its_place():
    def attend(queries, keys, values):
        mixed = attend_by_formula(queries, keys, values)
        mixed[..., -1, 0] += 1
        return mixed

    with pytest.raises(CheckFailed, match=r"mixed values\[2\]\[0\]") as failure:
        check.attend(attend)
    assert "expected 19, got 20" in str(failure.value)


@pytest.mark.parametrize("exercise", check.HINTS)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_hints_come_in_levels_and_the_journal_knows(exercise, level, capsys):
    journal.open("attention_vs_rnn")
    check.hint(exercise, level=level)
    assert capsys.readouterr().out.startswith(f"Hint {level} of 3: ")
    assert [(row.exercise, row.level) for row in journal.hints.rows()] == [
        (exercise, level)
    ]
