"""Lab 02: layers of equal size, what they cost by length, and what they remember."""

import math
import os
import subprocess
import sys

import numpy
import pytest
import torch
from byte_models import TEXT, reader, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from llmlab import attention_vs_rnn as lab
from llmlab.attention_vs_rnn import scan, workloads
from llmlab.attention_vs_rnn.latency import too_long
from llmlab.core.records import Record
from llmlab.models.layers import attend

WIDTH = 16
every_kind = pytest.mark.parametrize("kind", lab.KINDS)


def layer(kind, **changes):
    return lab.build(kind, **{"width": WIDTH, "heads": 4} | changes).double()


def draw(*size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, generator=generator, dtype=torch.float64)


# The layers


@every_kind
@pytest.mark.parametrize("width", [64, 256])
def test_layers_have_equal_matrices_and_almost_equal_parameters(kind, width):
    made = lab.build(kind, width=width)
    sizes = [p.numel() for p in made.parameters() if p.dim() == 2]
    assert sum(sizes) == 8 * width**2
    total = sum(p.numel() for p in made.parameters())
    assert total - 8 * width**2 <= 9 * width  # 1.8 % at 64, 0.4 % at 256


@every_kind
def test_token_by_token_gives_what_the_whole_text_gives(kind):
    made, x = layer(kind), draw(2, 11, WIDTH)
    whole, _ = made(x)
    state, steps = made.new_state(2, 11), []
    for token in x.split(1, 1):
        y, state = made(token, state)
        steps.append(y)
    torch.testing.assert_close(torch.cat(steps, 1), whole)


@every_kind
def test_a_text_may_be_read_in_pieces(kind):
    made, x = layer(kind), draw(2, 11, WIDTH)
    state, pieces = made.new_state(2, 11), []
    for piece in x.split([4, 1, 6], 1):
        y, state = made(piece, state)
        pieces.append(y)
    torch.testing.assert_close(torch.cat(pieces, 1), made(x)[0])


@every_kind
def test_a_step_leaves_the_state_that_it_started_from_as_it_was(kind):
    made, x = layer(kind), draw(1, 6, WIDTH)
    _, state = made(x[:, :5], made.new_state(1, 6))
    once, _ = made(x[:, 5:], state)
    again, _ = made(x[:, 5:], state)
    assert torch.equal(once, again)


@every_kind
def test_no_layer_sees_what_comes_later(kind):
    made, x = layer(kind), draw(1, 9, WIDTH)
    changed = torch.cat((x[:, :6], draw(1, 3, WIDTH, seed=1)), 1)
    torch.testing.assert_close(made(changed)[0][:, :6], made(x)[0][:, :6])


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_recurrences_and_their_formulas_are_pytorchs_own(cell):
    mixer, x = layer(cell).mixer, draw(2, 9, WIDTH)
    theirs = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
    theirs = theirs(WIDTH, WIDTH, batch_first=True).double()
    for name, weight in zip(
        ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
        mixer.weights,
        strict=True,
    ):
        getattr(theirs, name).data = draw(*weight.shape)
        weight.copy_(draw(*weight.shape))
    expected, last = theirs(x)
    last = last if isinstance(last, tuple) else (last,)
    for outputs, state in (
        mixer(x),
        lab.cells.run(cell, x, mixer.new_state(2, 9), mixer.weights),
    ):
        torch.testing.assert_close(outputs, expected.detach())
        for ours, part in zip(state, last, strict=True):
            torch.testing.assert_close(ours, part[0].detach())


def test_attention_is_pytorchs_own_and_both_ways_agree():
    x = draw(2, 9, WIDTH)
    fused, plain = (
        layer("attention"),
        layer("attention", attend=lab.attention.whole_matrix),
    )
    theirs = nn.MultiheadAttention(WIDTH, 4, bias=False, batch_first=True).double()
    theirs.in_proj_weight.data = fused.mixer.inputs.weight.data
    theirs.out_proj.weight.data = fused.mixer.output.weight.data
    mask = torch.ones(9, 9, dtype=torch.bool).triu(1)
    expected, _ = theirs(x, x, x, attn_mask=mask, need_weights=False)
    torch.testing.assert_close(fused.mixer(x)[0], expected.detach())
    torch.testing.assert_close(plain.mixer(x)[0], expected.detach())


@pytest.mark.parametrize("tokens", [1, 4, 9])
def test_new_tokens_behind_old_ones_see_all_of_them(tokens):
    queries, keys, values = draw(2, 4, tokens, 8), *draw(2, 2, 4, 9, 8)
    mask = torch.ones(tokens, 9, dtype=torch.bool).tril(9 - tokens)
    expected = attend(queries, keys, values, mask)
    for way in (lab.attention.whole_matrix, lab.attention.fused):
        torch.testing.assert_close(way(queries, keys, values), expected)


def test_a_layer_takes_somebody_elses_attention_and_scan_as_its_parts():
    x = draw(2, 9, WIDTH)
    for kind, part in (
        ("attention", {"attend": lab.attention.whole_matrix}),
        ("gated", {"scan": scan.loop}),
    ):
        theirs, ours = layer(kind, **part), layer(kind)
        torch.testing.assert_close(theirs(x)[0], ours(x)[0])
        # ... and goes on with it from a state, token by token
        state = theirs.new_state(2, 9)
        _, state = theirs(x[:, :8], state)
        last, _ = theirs(x[:, 8:], state)
        torch.testing.assert_close(last, ours(x)[0][:, 8:])


def test_gates_begin_with_memories_of_one_token_to_a_thousand():
    mixer = lab.build("gated", width=64).mixer
    memories = 1 / (1 - torch.sigmoid(mixer.inputs.bias[:64]))
    assert memories[0] == pytest.approx(2) and memories[-1] == pytest.approx(1001, 1e-3)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("mlp", {}, "kind='mlp' is unknown.*attention"),
        ("lstm", {"matrices": 4}, "less than the 8 of 'lstm'"),
        ("attention", {"heads": 3}, "heads=3 does not divide width=16"),
        ("rnn", {"width": 15}, "width=15 must be even"),
        ("lstm", {"attend": len}, "attend=.* is a part of 'attention', not of 'lstm'"),
        ("attention", {"scan": len}, "scan=.* is a part of 'gated'"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(kind, changes, message):
    with pytest.raises(ValueError, match=message):
        layer(kind, **changes)


# The scan


@settings(max_examples=60)
@given(
    tokens=st.integers(1, 67),
    sequences=st.integers(1, 3),
    width=st.integers(1, 4),
    forgets=st.sampled_from([0.0, 1e-300, 0.5, 1.0]),
    starts=st.booleans(),
    seed=st.integers(0, 2**20),
)
def test_the_parallel_scan_is_the_loop(tokens, sequences, width, forgets, starts, seed):
    keep, new = draw(2, sequences, tokens, width, seed=seed)
    keep = torch.sigmoid(3 * keep)
    keep[draw(*keep.shape, seed=seed + 1) > 0.8] = forgets
    if starts:
        new = scan.after(draw(sequences, width, seed=seed + 2), keep, new)
    torch.testing.assert_close(
        scan.parallel(keep, new), scan.loop(keep, new), rtol=1e-9, atol=1e-9
    )


def test_a_start_is_the_state_before_the_first_token():
    keep, new, start = draw(1, 3, 2), draw(1, 3, 2), draw(1, 2)
    longer = torch.cat((start[:, None], new), 1)
    first = torch.zeros(1, 1, 2).double()
    expected = scan.loop(torch.cat((first, keep), 1), longer)[:, 1:]
    torch.testing.assert_close(scan.loop(keep, scan.after(start, keep, new)), expected)


def test_long_products_vanish_without_harm():
    """4,096 steps that keep a tenth: the product is 0, and nothing is divided by it."""
    keep, new = torch.full((1, 4096, 2), 0.1).double(), draw(1, 4096, 2)
    found = scan.parallel(keep, new)
    assert found.isfinite().all()
    torch.testing.assert_close(found, scan.loop(keep, new), rtol=1e-9, atol=1e-9)


class Counting(TorchDispatchMode):
    operators = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.operators += "view" not in str(function) and "slice" not in str(function)
        return function(*arguments, **options or {})


def operators(way, tokens):
    keep, new = torch.rand(2, 1, tokens, 2)
    with Counting() as counting:
        way(keep, new)
    return counting.operators


def test_the_steps_of_the_scan_grow_with_the_logarithm():
    counts = [operators(scan.parallel, 2**power) for power in (4, 5, 6, 10)]
    step = counts[1] - counts[0]
    assert counts[2] - counts[1] == step and counts[3] - counts[2] == 4 * step
    assert operators(scan.loop, 1024) > 5 * counts[3]


def test_gradients_pass_through_the_scan():
    keep, new = (each.requires_grad_() for each in torch.sigmoid(draw(2, 1, 7, 2)))
    assert torch.autograd.gradcheck(scan.parallel, (keep, new))


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must both be.*expand_as"):
        scan.parallel(torch.rand(1, 5, 2), torch.rand(1, 4, 2))
    with pytest.raises(ValueError, match=r"start \(1, 3\).*\(1, 2\)"):
        scan.after(torch.rand(1, 3), torch.rand(1, 5, 2), torch.rand(1, 5, 2))


# Time and memory by length


WHOLE = "attention, whole"


def few_layers(*kinds):
    layers = {kind: lab.build(kind, width=WIDTH) for kind in kinds if kind != WHOLE}
    return layers | (
        {WHOLE: lab.build("attention", width=WIDTH, attend=lab.attention.whole_matrix)}
        if WHOLE in kinds
        else {}
    )


@pytest.fixture
def patience(monkeypatch):
    """Leave nothing out, however busy the machine is."""
    monkeypatch.setattr(lab.latency, "PATIENCE", 10**6)


@pytest.mark.parametrize(
    ("experiment", "name"),
    [("prefill", "prefill latency"), ("decode", "decode latency per token")],
)
def test_latencies_have_an_interval_and_a_comparison_at_every_length(
    experiment, name, patience
):
    layers = few_layers("gru", "attention", WHOLE)
    facts = getattr(lab.latency, experiment)(
        layers, lengths=(8, 32), longest={WHOLE: 8}, seconds=0.05
    )
    found = [(f.subject, f.details["tokens"]) for f in facts if f.name == name]
    assert set(found) == {("gru", 8), ("attention", 8), (WHOLE, 8),
                          ("gru", 32), ("attention", 32)}  # fmt: skip
    assert all(f.low <= f.value <= f.high and f.kind == "measured" for f in facts)
    pairs = [f.details["tokens"] for f in facts if f.name == "speed-up"]
    assert sorted(pairs) == [8, 8, 8, 32]


def test_the_two_ways_to_scan_are_timed_against_each_other(patience):
    facts = lab.latency.scans(width=4, lengths=(8, 16), seconds=0.05)
    names = {
        (f.subject, f.details["tokens"]) for f in facts if f.name == "scan latency"
    }
    assert names == {("loop", 8), ("parallel", 8), ("loop", 16), ("parallel", 16)}
    found = lab.crossings.find(facts, "parallel", "loop")
    assert (found.start, found.end) == (8, 16)


def test_what_would_take_too_long_is_left_out_and_said():
    guesses = {"rnn": 1.0, "gru": 2.0, "attention": 0.1}
    assert too_long(guesses, 100) == []
    assert too_long(guesses, 10) == ["gru"]
    assert too_long(guesses, 1) == ["gru", "rnn"]
    assert too_long(guesses, -1) == ["gru", "rnn", "attention"]
    facts = lab.latency.prefill(
        few_layers("rnn"), lengths=(4, 2**21), seconds=0.02, longest={}
    )
    (left_out,) = [f for f in facts if f.name.endswith("left out")]
    assert left_out.kind == "estimated" and left_out.details["tokens"] == 2**21


def test_a_step_is_timed_behind_as_many_tokens_as_it_says():
    made, x = lab.build("attention", width=WIDTH), workloads._text
    step = workloads.decode(made, 9, seed=3)
    expected = made(x(made, 9, 3))[0][:, -1:]
    torch.testing.assert_close(step(), expected)
    torch.testing.assert_close(step(), expected)  # from the same state again


def test_memory_of_attention_grows_and_a_state_does_not():
    layers = few_layers("attention", WHOLE, "lstm", "gated")
    facts = lab.memory.allocated(layers, lengths=(64, 1024), longest={})
    size = {(f.name, f.subject, f.details["tokens"]): f.value for f in facts}
    kept = 2 * WIDTH * 4  # a key and a value in float32
    assert size["state", "attention", 1024] == 1024 * kept
    assert size["state", "attention", 64] == 64 * kept
    assert size["state", "lstm", 1024] == size["state", "lstm", 64] == 2 * WIDTH * 4
    assert size["state", "gated", 1024] == WIDTH * 4
    scores = 4 * 1024 * 1024 * 4  # N, T, S, float32
    assert size["prefill memory", WHOLE, 1024] > scores
    assert size["prefill memory", "attention", 1024] < scores
    assert size["decode memory", "lstm", 1024] == size["decode memory", "lstm", 64]


def test_no_layers_and_no_lengths_are_refused():
    with pytest.raises(ValueError, match="layers is empty"):
        lab.latency.prefill({})
    with pytest.raises(ValueError, match=r"lengths=\(0, 4\)"):
        lab.memory.allocated(few_layers("rnn"), lengths=(0, 4))


# Slopes and crossings


def curve(values, *, name="prefill latency", subject="rnn", unit="s"):
    return [
        Record(name=name, value=value, unit=unit, kind="measured", subject=subject,
               details={"tokens": 64 * 2**place})
        for place, value in enumerate(values)
    ]  # fmt: skip


@given(st.floats(-1, 3), st.floats(1e-6, 1e3), st.integers(2, 9))
def test_the_slope_of_a_power_is_the_power(power, factor, points):
    values = [factor * (64 * 2**place) ** power for place in range(points)]
    (slope,) = lab.slopes.fit(curve(values), "prefill latency")
    assert slope.value == pytest.approx(power, abs=1e-6)
    assert slope.details["factor"] == pytest.approx(factor, rel=1e-5)
    assert slope.details["farthest"] == pytest.approx(1)
    assert (slope.low is None) == (points < 5)


def test_the_interval_of_a_slope_holds_it_95_times_in_100():
    noise, hits = numpy.random.default_rng(0), 0
    for _ in range(400):
        values = [(64 * 2**k) ** 1.5 * math.exp(noise.normal(0, 0.1)) for k in range(7)]
        (slope,) = lab.slopes.fit(curve(values), "prefill latency")
        hits += slope.low <= 1.5 <= slope.high
    assert 0.92 <= hits / 400 <= 0.98


def test_a_slope_belongs_to_a_range_and_to_one_curve():
    values = [1.0, 1.0, 1.0, 2.0, 4.0, 8.0]
    facts = [
        *curve(values),
        *curve(values, subject="gru"),
        *curve(values, name="other"),
    ]
    early = lab.slopes.fit(facts, "prefill latency", end=256)
    late = lab.slopes.fit(facts, "prefill latency", start=256)
    assert [f.value for f in early] == pytest.approx([0, 0], abs=1e-9)
    assert [f.subject for f in late] == ["rnn", "gru"]
    assert [f.value for f in late] == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("values", "of", "message"),
    [
        ([1.0, 2.0], "decode", "no 'decode'.*prefill latency"),
        ([1.0], "prefill latency", "has 1 points"),
        ([1.0, 0.0], "prefill latency", "smallest is 0"),
    ],
)
def test_a_slope_that_cannot_be_fitted_is_refused(values, of, message):
    with pytest.raises(ValueError, match=message):
        lab.slopes.fit(curve(values), of)


def ratios(values, *, spread=1.02, subject="attention against lstm"):
    return [
        Record(name="speed-up", value=value, unit="×", kind="measured", subject=subject,
               low=value / spread, high=value * spread,
               details={"tokens": 64 * 2**place, "of": "prefill latency"})
        for place, value in enumerate(values)
    ]  # fmt: skip


def test_a_crossing_lies_where_the_ratio_passes_1():
    found = lab.crossings.find(ratios([4, 2, 1.01, 0.25]), "attention", "lstm")
    (at,) = found.at
    assert (at.low, at.high, at.unit) == (128, 512, "token")
    assert 256 < at.value < 262  # 1.01 is almost there
    assert str(found) == (
        "attention: faster than lstm at first, slower from about 257 tokens "
        "(between 128 and 512)"
    )


def test_a_crossing_is_the_same_seen_from_the_other_side():
    facts = ratios([4, 2, 0.5, 0.25])
    one = lab.crossings.find(facts, "attention", "lstm")
    other = lab.crossings.find(facts, "lstm", "attention")
    middle = 64 * 2**1.5
    assert one.at[0].value == pytest.approx(middle)
    assert other.at[0].value == pytest.approx(middle)
    assert (one.first, other.first) == ("faster", "slower")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([4, 3, 1.01], "faster than lstm; no crossing in this range, 64 to 256"),
        ([0.5, 1.0, 0.7], "slower than lstm; no crossing in this range"),
        ([1.0, 1.01, 0.99], "no significant difference from lstm, 64 to 256 tokens"),
    ],
)
def test_no_crossing_is_an_answer(values, text):
    found = lab.crossings.find(ratios(values), "attention", "lstm")
    assert not found.at and text in str(found)


def test_curves_may_cross_twice():
    found = lab.crossings.find(ratios([4, 0.5, 2, 3]), "attention", "lstm")
    assert [round(at.low) for at in found.at] == [64, 128]
    assert str(found).count("from about") == 2


def test_records_that_decide_no_crossing_are_refused():
    with pytest.raises(ValueError, match="hold 0 speed-ups of 'gru'"):
        lab.crossings.find(ratios([2, 1]), "gru", "lstm")
    twice = [*ratios([2, 1]), *ratios([3, 1])]
    with pytest.raises(ValueError, match=r"4 speed-ups.*at 2 lengths"):
        lab.crossings.find(twice, "attention", "lstm")


# The task of recalling


def test_a_row_is_cue_noise_question_answer():
    rows = lab.recall.examples(5, 100, seed=3)
    assert rows.shape == (100, 7)
    assert (rows[:, 0] == rows[:, -1]).all() and (rows[:, 0] < 8).all()
    assert ((rows[:, 1:5] >= 8) & (rows[:, 1:5] < 16)).all()
    assert (rows[:, 5] == lab.recall.QUESTION).all()
    with pytest.raises(ValueError, match="distance=0"):
        lab.recall.examples(0, 1)


def test_a_reader_learns_to_recall_and_the_fresh_one_stays_as_it_was():
    fresh = lab.recall.reader("gated", width=32)
    before = {name: p.clone() for name, p in fresh.named_parameters()}
    trained = lab.recall.train(fresh, distance=6, steps=120)
    for name, parameter in fresh.named_parameters():
        assert torch.equal(parameter, before[name])
    scores = {
        word: lab.recall.accuracy(model, distance=6, subject=word)
        for word, model in {"fresh": fresh, "trained": trained}.items()
    }
    assert scores["fresh"].value < 0.5 < 0.95 < scores["trained"].value
    tokens = lab.recall.examples(6, 6)[:, :-1]
    logits = lab.recall.outputs_of(trained)(trained.embedding(tokens))
    torch.testing.assert_close(logits, trained(tokens))


# Quality by position


def bits_by_hand(model, ids, target, seen):
    with torch.inference_mode():
        logits = model.forward(torch.tensor([ids[target - seen : target]]))[0, -1]
    return -logits.double().log_softmax(-1)[ids[target]].item() / math.log(2)


def test_the_same_tokens_are_scored_with_every_length_of_context():
    model = reader(context=16)
    found = lab.positions.quality({"model": model}, TEXT, context=16, stride=4)
    facts = [fact for fact in found if fact.name == "bits per token"]
    ids = model.tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    stretches = [(f.details["from"], f.details["to"]) for f in facts]
    assert stretches == [(1, 4), (5, 8), (9, 16)]
    last = (len(ids) - 17) // 4
    targets = range(13, (last + 1) * 4 + 1)
    assert {f.details["tokens"] for f in facts} == {len(targets)}
    for fact, columns in zip(facts, ([0], [1], [2, 3]), strict=True):
        costs = [
            bits_by_hand(model, ids, target, (target - 1) % 4 + 1 + 4 * column)
            for target in targets
            for column in columns
        ]
        assert fact.value == pytest.approx(sum(costs) / len(costs), abs=1e-5)
        assert fact.low <= fact.value <= fact.high
    gains = [fact for fact in found if fact.name == "gain from context"]
    shortest, *longer = (fact.value for fact in facts)
    assert [gain.details["to"] for gain in gains] == [8, 16]
    assert [gain.value for gain in gains] == pytest.approx(
        [shortest - value for value in longer]
    )


def test_two_models_are_compared_token_by_token():
    models = {"one": reader(), "other": reader(seed=1)}
    facts = lab.positions.quality(models, TEXT, context=16, stride=8)
    value = {(f.name, f.subject, f.details["to"]): f.value for f in facts}
    for to in (8, 16):
        difference = value["difference in bits per token", "other against one", to]
        apart = [value["bits per token", name, to] for name in ("other", "one")]
        assert difference == pytest.approx(apart[0] - apart[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": 12}, "context=12 must be stride=4 times 1, 2, 4"),
        ({"context": 32}, "longer than the 16 of 'model'"),
        ({"text": "x = 1"}, "text has 5 tokens.*33 or more"),
        ({"models": {}}, "models is empty"),
    ],
)
def test_positions_that_cannot_be_compared_are_refused(changes, message):
    given = {"models": {"model": reader()}, "text": TEXT, "context": 16, "stride": 4}
    with pytest.raises(ValueError, match=message):
        lab.positions.quality(**given | changes)


def test_models_that_cut_a_text_differently_are_refused():
    other = reader()
    other.tokenizer = tokenizer(backwards=True)
    with pytest.raises(ValueError, match="other tokens"):
        lab.positions.quality(
            {"one": reader(), "other": other}, TEXT, context=16, stride=4
        )
    other.tokenizer = None
    with pytest.raises(ValueError, match="no tokenizer"):
        lab.positions.quality({"other": other}, TEXT, context=16, stride=4)


def test_nothing_is_said_on_stderr_while_memory_is_counted():
    """torch's profiler complains, once a process, of what was there and is let go."""
    code = (
        "from llmlab import attention_vs_rnn as lab\n"
        "layers = {kind: lab.build(kind, width=64) for kind in ('attention', 'lstm')}\n"
        "lab.memory.allocated(layers, lengths=(64, 128))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"LLMLAB_QUIET": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("std", [60, 2000])
def test_large_scores_stay_numbers_in_every_format(dtype, std):
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(3, 1, 2, 7, 64, generator=generator)
    parts[:2] *= std
    queries, keys, values = parts.to(dtype)
    whole = lab.attention.whole_matrix(queries, keys, values)
    assert whole.dtype == dtype and whole.isfinite().all()
    exact = lab.attention.whole_matrix(queries.double(), keys.double(), values.double())
    # bf16 rounds scores to a part in 256, and these are in the thousands.
    if dtype != torch.bfloat16:
        assert torch.allclose(whole.double(), exact, atol=5e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_query_before_every_key_takes_nothing(dtype):
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(1, 2, 9, 8, generator=generator).to(dtype)
    keys, values = torch.randn(2, 1, 2, 7, 8, generator=generator).to(dtype)
    whole = lab.attention.whole_matrix(queries, keys, values)
    assert (whole[:, :, :2] == 0).all() and whole.isfinite().all()
    fused = lab.attention.fused(queries, keys, values)
    assert torch.allclose(whole, fused, atol=2e-3)
