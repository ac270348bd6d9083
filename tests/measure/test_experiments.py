"""Experiments of lab 1: one line measures, the learner's functions are its parts."""

import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest
import small_models
import torch
from transformers import GPT2Config

from llmlab import quantization, show
from llmlab.core import quantities
from llmlab.core.clock import contention
from llmlab.kernels.format import Format
from llmlab.measure import experiments, peaks, probes, roofline
from llmlab.measure.experiments import parts, sizes, streams
from llmlab.models.random import random_model

PROMPT = [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.fixture(autouse=True)
def little(monkeypatch):
    """Measure for real, but little, and as if nobody else computed."""
    monkeypatch.setattr(contention, "free_cores", lambda seconds: 64.0)
    monkeypatch.setenv("LLMLAB_TIME", "0.05")
    monkeypatch.setattr(probes, "SIZES", (64,))
    monkeypatch.setattr(probes, "WORKING_SETS", (2**18, 2**20))


@torch.inference_mode()
def reread(model, prompt, max_tokens):
    """A learner's loop: it reads the whole text again for every token."""
    text = list(prompt)
    for _ in range(max_tokens):
        text.append(int(model(torch.tensor([text]))[0, -1].argmax()))
        yield text[-1]


def token_times(tokens, clock):
    """A learner's stopwatch."""
    stamps = [clock()]
    for _ in tokens:
        stamps.append(clock())
    waits = [after - before for before, after in pairwise(stamps)]
    return waits[0], waits[1:]


def timed(name, result):
    return [fact for fact in result.records() if fact.name == str(name)]


def test_a_learner_s_loop_and_the_model_s_are_timed_side_by_side():
    model = small_models.decoder()
    loops = {"re-reading": partial(reread, model), "llmlab": model.stream}
    result = experiments.by_position(loops, PROMPT, new=6, stopwatch=token_times)
    waits = timed(quantities.WAIT, result)
    assert [fact.details["position"] for fact in waits] == [*range(1, 7)] * 2
    assert {fact.subject for fact in waits} == set(loops)
    assert all(fact.kind == "measured" and fact.value > 0 for fact in waits)
    rows = result.rounds.values["llmlab"]
    assert len(rows) >= 2 and all(len(each.waits) == 6 for each in rows)
    assert "other tokens" not in result.note


def test_a_ratio_comes_from_paired_rounds_and_has_an_interval():
    model = small_models.decoder()
    result = experiments.by_position(
        {"a": model.stream, "b": partial(reread, model)}, PROMPT, new=4
    )
    fact = result.ratio("a", "b")
    ratios = sorted(
        theirs / own
        for own, theirs in zip(
            result.series("a").rounds, result.series("b").rounds, strict=True
        )
    )
    assert fact.unit == "×" and fact.low <= fact.value <= fact.high
    assert ratios[0] <= fact.value <= ratios[-1]
    assert fact.details["of"] == "time per token"
    with pytest.raises(ValueError, match="of='speed' is none of"):
        result.ratio("a", "b", of="speed")
    with pytest.raises(ValueError, match="name='c' is no loop"):
        result.ratio("c", "b")


def test_the_first_other_token_is_named():
    def wrong(prompt, max_tokens):
        for place, token in enumerate(model.stream(prompt, max_tokens=max_tokens)):
            yield token if place != 2 else (token + 1) % small_models.VOCABULARY

    model = small_models.decoder()
    result = experiments.by_position({"right": model.stream, "off": wrong}, PROMPT,
                                     new=5)  # fmt: skip
    assert "'off' wrote other tokens than 'right': token 3 is" in result.note
    assert all("token 3" in fact.details["note"] for fact in result.records())
    assert not result.same_tokens


def test_a_time_of_a_loop_is_one_record():
    model = small_models.decoder()
    result = experiments.by_position({"llmlab": model.stream}, PROMPT, new=4)
    fact = result.record("llmlab", "request latency")
    assert fact.name == str(quantities.REQUEST_LATENCY) and fact.subject == "llmlab"
    assert fact.value > result.record("llmlab").value and result.same_tokens


@pytest.mark.parametrize(
    ("loop", "stopwatch", "word"),
    [
        (lambda prompt, count: iter([1] * (count - 1)), None, "gave 1 tokens, not 2"),
        (lambda prompt, count: [1] * count, None, "gave a list; it must yield"),
        ("no function", None, "which cannot be called"),
        (None, lambda tokens, clock: (0.1, [0.1 for _ in tokens]), "stopwatch gave"),
        (None, lambda tokens, clock: sum(1 for _ in tokens), "stopwatch gave"),
        (None, lambda tokens, clock: (next(tokens) * 0.1, [0.1]), "gave 1 tokens"),
    ],
    ids=["too few", "a list", "text", "a wait too many", "a number", "stops early"],
)
def test_what_is_no_loop_and_no_stopwatch_is_refused(loop, stopwatch, word):
    loop = loop or small_models.decoder().stream
    with pytest.raises(ValueError, match=word):
        experiments.by_position({"mine": loop}, PROMPT, new=4, stopwatch=stopwatch)


@pytest.mark.parametrize(
    ("loops", "prompt", "new", "word"),
    [
        ({}, PROMPT, 4, "loops="),
        ({"a": print}, "text", 4, "prompt='text' must be token ids"),
        ({"a": print}, [], 4, "prompt="),
        ({"a": print}, PROMPT, 1, "new=1 must be"),
    ],
)
def test_numbers_out_of_range_are_refused(loops, prompt, new, word):
    with pytest.raises(ValueError, match=word):
        experiments.by_position(loops, prompt, new=new)


def test_many_requests_keep_first_and_later_tokens_apart():
    model = small_models.decoder()
    result = experiments.many_requests(
        model.stream, PROMPT, requests=8, new=5, stopwatch=token_times
    )
    assert len(result.firsts) == 6  # LLMLAB_TIME lowers it to the fewest
    assert len(result.later) == 4 * 6
    assert len(result.samples["both"]) == 30
    (mean,) = [
        fact
        for fact in timed(quantities.MEAN_WAIT, result)
        if fact.subject == "later tokens"
    ]
    assert mean.value == pytest.approx(sum(result.later) / 24)
    with pytest.raises(ValueError, match="requests=5 must be"):
        experiments.many_requests(model.stream, PROMPT, requests=5)


def test_single_timings_are_counted():
    result = experiments.single_timings([1.0, 1.0, 1.0, 1.04, 2.0])
    misses, claims = result.records()
    assert misses.value == 0.2 and misses.low < 0.2 < misses.high
    assert claims.value == 0.4  # the last against each of the others
    assert experiments.single_timings(SimpleNamespace(later=[1.0, 1.0])).missing == 0
    with pytest.raises(ValueError, match="at least two times"):
        experiments.single_timings([1.0])
    with pytest.raises(ValueError, match="margin=0 must be a number above 0"):
        experiments.single_timings([1.0, 2.0], margin=0)


MODELS = {
    "decoder": partial(small_models.decoder, dtype=torch.float32),
    "gpt2": partial(small_models.wrapped, dtype=torch.float32),
    "rnn": partial(small_models.recurrent, dtype=torch.float32),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_parts_of_a_step_add_up_to_it(name):
    result = experiments.step_parts(MODELS[name](), cached=16, prompt=16)
    facts = result.records()
    for phase in ("prefill", "decode"):
        whole, *some = [fact for fact in facts if fact.details["phase"] == phase]
        assert whole.name == str(quantities.STEP) and whole.kind == "measured"
        assert all(part.value >= 0 for part in some)
        total = sum(part.value for part in some)
        assert total == pytest.approx(whole.value, rel=1e-6)
        assert {part.name for part in some} <= {str(part) for part in quantities.PARTS}


def test_the_learner_s_roofline_says_what_the_products_take_at_least():
    model, asked = small_models.decoder(dtype=torch.float32), []

    def roofline(flops, moved, peak, bandwidth):
        asked.append((flops, moved, peak, bandwidth))
        return 0.0, "compute"

    result = experiments.step_parts(model, cached=16, prompt=16, roofline=roofline)
    assert asked and all(min(call) > 0 for call in asked)
    assert result.share("arithmetic").value == 0.0
    names = {fact.name for fact in result.records()}
    assert str(quantities.READING) not in names


def test_the_share_of_a_part_is_what_it_takes_of_the_whole():
    model = small_models.decoder(dtype=torch.float32)
    result = experiments.step_parts(model, cached=16, prompt=16)
    parts_of_decode = result.phases[-1].split
    shares = [result.share(part).value for part in parts_of_decode]
    assert sum(shares) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="part='reading', phase='decode': choose"):
        result.share("reading")


def test_parts_that_took_longer_than_the_step_are_cut_there_and_add_up(monkeypatch):
    monkeypatch.setattr(parts.replay, "run", lambda calls: time.sleep(0.02))
    model = small_models.decoder(dtype=torch.float32)
    result = experiments.step_parts(model, cached=16, prompt=16)
    assert "products and attention alone took longer" in result.note
    for phase in result.phases:
        assert sum(phase.split.values()) == pytest.approx(phase.whole.median)
        assert min(phase.split.values()) >= 0
        whole, *some = phase.records("model", "")
        assert sum(fact.value for fact in some) == pytest.approx(whole.value)


def test_products_are_the_model_s_own_and_give_what_they_gave():
    model = small_models.decoder(dtype=torch.float32)
    tokens = torch.tensor([PROMPT])
    seen = parts.replay.operators_of(model, lambda: model(tokens))
    linears = sum(isinstance(m, torch.nn.Linear) for m in model.modules())
    assert len(seen.products) == linears
    assert len(seen.attention) == len(model.layers)
    assert seen.others > 0
    head = seen.products[-1]()
    assert torch.equal(head, model(tokens).view_as(head))


@pytest.mark.parametrize("word", ["int8", "int4-g32"])
def test_products_of_a_quantized_model_are_found_whatever_unpacks_them(word):
    model = quantization.quantize(random_model("tiny"), Format.parse(word))
    tokens = torch.tensor([PROMPT])
    seen = parts.replay.operators_of(model, lambda: model(tokens))
    dense = random_model("tiny")
    plain = parts.replay.operators_of(dense, lambda: dense(tokens))
    assert len(seen.products) >= len(plain.products) == 2 * 7 + 1  # and the head
    facts = experiments.step_parts(model, cached=16, prompt=16).records()
    assert str(quantities.ARITHMETIC) not in {fact.name for fact in facts}


def test_an_estimate_above_what_was_measured_has_the_peaks_measured_again(
    monkeypatch,
):
    slow = roofline.Peaks(
        cpu="a", simd="b", device="cpu", threads=1, torch="c",
        date="2026-01-01T00:00:00+00:00", flops={"fp32": 1.0},
        bandwidth=((2**18, 1.0), (2**20, 1.0)), operator_seconds=1.0,
    )  # fmt: skip
    asked, discarded = [], []

    def given(dtypes, *, device):
        asked.append(dtypes)
        return slow

    monkeypatch.setattr(roofline, "peaks", given)
    monkeypatch.setattr(parts, "discard", lambda date: discarded.append(date) or True)
    model = small_models.decoder(dtype=torch.float32)
    result = experiments.step_parts(model, cached=16, prompt=16)
    assert len(asked) == 4 and set(discarded) == {slow.date}
    assert "the bound of the products was longer than they took" in result.note
    assert all(fact.value >= 0 for fact in result.records())
    assert all(fact.details["note"] == result.note for fact in result.records())


def test_what_one_phase_alone_has_to_say_begins_with_its_name():
    model = small_models.decoder(dtype=torch.float32)
    result = experiments.step_parts(model, cached=16, prompt=16)
    said = [("Few rounds.", "A core was busy."), ("A core was busy.",)]
    phases = [
        replace(phase, sentences=some)
        for phase, some in zip(result.phases, said, strict=True)
    ]
    note = replace(result, phases=tuple(phases)).note
    assert note == "prefill: Few rounds. A core was busy."


def test_parts_beyond_the_context_are_refused():
    with pytest.raises(ValueError, match="cached=96"):
        experiments.step_parts(small_models.decoder(), cached=96, prompt=16)


SMALL = GPT2Config(n_layer=2, n_head=4, n_embd=64, n_positions=32, vocab_size=100)


def test_a_model_at_its_size_is_counted_to_the_weight():
    from transformers import GPT2LMHeadModel

    real = sum(weight.numel() for weight in GPT2LMHeadModel(SMALL).parameters())
    result = experiments.at_size(SMALL, name="small")
    assert result.parameters == real
    counted = timed(quantities.PARAMETERS, result)
    assert [fact.value for fact in counted] == [real] * 3
    weights = timed(quantities.WEIGHTS, result)
    assert [fact.value for fact in weights] == [4 * real, 2 * real, real]
    assert all(fact.kind == "estimated" for fact in result.records())
    token = 2 * 2 * 4 * 16 * 4  # keys and values of two layers, four heads of 16
    here = peaks.peaks(("fp32",))
    reading = (4 * real + token) / here.bandwidth[-1][1]
    least = max(reading, 2 * real / here.flops["fp32"])  # as the machine is just now
    assert result.seconds(32).value == pytest.approx(least)


def test_the_learner_s_formulas_are_used_where_given():
    asked = []

    def step_bytes(parameters, shape, cached, batch, value_bytes):
        asked.append((parameters, vars(shape), cached, batch, value_bytes))
        return 1000

    result = experiments.at_size(
        SMALL, bits=(8, 4), step_bytes=step_bytes,
        roofline=lambda flops, moved, peak, bandwidth: (moved, "bandwidth"),
    )  # fmt: skip
    shape = {"layers": 2, "heads": 4, "kv_heads": 4, "head_width": 16}
    assert asked == [(result.parameters, shape, 0, 1, b) for b in (1, 0.5)]
    assert result.seconds(4).value == 1000
    assert sizes.least_time(8e9, 4e9, 2e11, 4e10) == (0.1, "bandwidth")
    with pytest.raises(ValueError, match="config='nowhere' is no configuration"):
        experiments.at_size("nowhere")
    with pytest.raises(ValueError, match="bits="):
        experiments.at_size(SMALL, bits=())


def test_a_grid_holds_every_choice_and_the_widget_takes_it():
    result = experiments.bounds_grid(
        {"tiny": random_model}, dtypes=("fp32",), batches=(1, 2), seconds=0.5
    )
    facts = result.records()
    places = {(f.details["batch"], f.details["context"]) for f in facts}
    assert places == {(1, 16), (2, 16), (1, 512), (2, 512)}
    measured = [fact for fact in facts if fact.kind == "measured"]
    assert {fact.details["context"] for fact in measured} == {16}
    assert len(facts) == 2 * 4 + 2 * 3
    assert "tiny, fp32, batch 1, context 16" in show.measure.bounds_widget(result).text
    assert "tiny" in show.figure(result).alt


def test_a_format_without_a_kernel_is_left_out_and_said(monkeypatch):
    known = peaks.peaks(("fp32", "bf16"))
    flops = {"fp32": 100e9, "bf16": 2e9}
    slow = replace(known, flops=flops)
    monkeypatch.setattr(roofline, "peaks", lambda *_, **__: slow)
    result = experiments.bounds_grid({"tiny": random_model}, batches=(1,), seconds=0.5)
    assert {fact.details["dtype"] for fact in result.records()} == {"fp32"}
    assert "bf16 is left out: this machine multiplies it 50 times slower" in result.note


def test_loops_are_called_as_they_want_to_be():
    def by_keyword(prompt, *, max_tokens):
        return iter(range(max_tokens))

    def by_place(prompt, count):
        return iter(range(count))

    for loop in (
        by_keyword,
        by_place,
        partial(by_keyword),
        lambda p, n: by_place(p, n),
    ):
        assert streams.request("a", loop, PROMPT, 3).tokens == (0, 1, 2)


def test_a_grid_measures_peaks_again_that_a_step_contradicts(monkeypatch):
    known = peaks.peaks(("fp32",))
    slow = replace(known, operator_seconds=1.0, date="2026-01-01T00:00:00+00:00")
    given = iter([slow])
    monkeypatch.setattr(roofline, "peaks", lambda *_, **__: next(given, known))
    result = experiments.bounds_grid(
        {"tiny": random_model}, dtypes=("fp32",), batches=(1,), seconds=0.5
    )
    bounds = [fact for fact in result.records() if fact.kind == "estimated"]
    assert {fact.date for fact in bounds} == {known.date}


@pytest.mark.alone
@pytest.mark.slow
def test_beside_a_busy_process_experiments_end_in_time_and_say_why(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("LLMLAB_TIME", "0.3")
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)
    ]
    try:
        time.sleep(0.5)
        model = random_model("tiny")
        start = time.perf_counter()
        result = experiments.by_position(
            {"llmlab": model.stream}, PROMPT, new=8, seconds=5
        )
        took = time.perf_counter() - start
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert took < 3 * 5 * 0.3 + 15  # looks at neighbours, and whoever else is here
    assert result.note.startswith("Other processes kept")
    assert result.note in repr(show.table(result))
