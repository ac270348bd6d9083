"""Ways to read a prompt and to step many rows: raced, counted, and as they ship."""

import dataclasses

import fused_models
import pytest
from fused_models import furthest

from llmlab import show
from llmlab.core import recording, records
from llmlab.graphs import engines, experiments, folding, fusing
from llmlab.graphs import quantities as q
from llmlab.graphs.experiments import inputs, making
from llmlab.kernels.format import Format
from llmlab.measure import operators
from llmlab.quantization import quantize

CHEAP = ("eager", "fused", "static", "native int8")
WHOLE = ("eager", "static", "native int8")


@pytest.fixture(scope="module")
def small():
    return fused_models.llama().float()


@pytest.fixture(scope="module")
def read(small):
    return experiments.prompts(small, ways=CHEAP, tokens=24, seconds=0.2)


@pytest.fixture(scope="module")
def many(small):
    return experiments.rows(small, ways=CHEAP, rows=3, tokens=12, seconds=0.2)


def named(result, what):
    return {f.subject: f for f in result.records() if f.name == what.name}


def test_a_prompt_is_read_by_programs_of_its_length(read, small):
    times, gains = named(read, q.PREFILL_TIME), named(read, q.PREFILL_GAIN)
    assert [*times] == [*CHEAP] and [*gains] == [*CHEAP[1:]] and not read.absent
    assert {fact.details["tokens"] for fact in times.values()} == {24}
    starts = named(read, q.NODES)
    assert starts["eager"].value == operators.step(small, tokens=24).kernels
    fused = fusing.fuse(folding.fold_norms(small))
    assert starts["fused"].value == operators.step(fused, tokens=24).kernels
    assert starts["native int8"].details["kind"] == making.CALLS
    moved = named(read, q.STEP_BYTES)
    cost = small.cost(24, 0, last=True)
    assert moved["eager"].value == cost.bytes and moved["eager"].kind == "estimated"
    assert {q.phase(fact) for fact in read.records()} == {"prefill"}
    assert read.ratio("static") == gains["static"] and not read.said
    with pytest.raises(ValueError, match="way='eager' has no ratio"):
        read.ratio("eager")


def test_the_program_reads_the_prompt_and_not_the_model(small):
    made, _ = making.made(small, ("static",), making.Sizes(0, 24, new=24))
    program = made["static"].model
    call = inputs.Read(program, inputs.tokens(small, 24))
    before = program.steps
    assert furthest(call(), small(call.text)[:, -1:]) < 1e-4
    assert program.steps == before + 1


def test_many_rows_make_one_step(many, small):
    times = named(many, q.STEP_TIME)
    assert [*times] == [*CHEAP]
    assert {q.phase(fact) for fact in many.records()} == {"3 rows"}
    moved = named(many, q.STEP_BYTES)
    assert moved["eager"].value == small.cost(1, 12, batch=3, last=True).bytes
    starts = named(many, q.NODES)
    assert starts["eager"].value == operators.step(small, cached=12, batch=3).kernels
    assert "native int8" in repr(show.table(many))


def test_one_row_is_a_step_as_the_ladders(small):
    one = experiments.rows(small, ways=("eager",), rows=1, tokens=12, seconds=0.1)
    assert {q.phase(fact) for fact in one.records()} == {"decode"}


def test_an_int8_model_races_its_own_torch_layers(small):
    whole = quantize(small, Format(bits=8))
    result = experiments.rows(whole, ways=WHOLE, rows=2, tokens=12, seconds=0.1)
    assert not result.absent and [*named(result, q.STEP_TIME)] == [*WHOLE]
    moved = named(result, q.STEP_BYTES)
    assert [*moved] == ["native int8"], "torch's layers write the floats out first"
    assert moved["native int8"].value == whole.cost(1, 12, batch=2, last=True).bytes


def test_int4_is_not_called_int8(small):
    four = quantize(small, Format(bits=4, group_size=8))
    _, absent = making.made(four, ("native int8",), making.Sizes(12, 40))
    assert absent["native int8"] == (
        "native int8 is not here: model is in int4-g8, and this way is int8; hand in "
        "the model in float32, or in int8."
    )


def test_what_is_absent_is_named(small, monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    ways = ("OpenVINO",)
    for result in (
        experiments.prompts(small, ways=ways, tokens=8, seconds=0.1),
        experiments.rows(small, ways=ways, rows=2, tokens=8, seconds=0.1),
    ):
        assert "pip install 'llmlab[openvino]'" in result.said
        with pytest.raises(ValueError, match=r"has no ratio.*OpenVINO is not here"):
            result.ratio("OpenVINO")


WRONG = {
    "ways": (lambda m: experiments.prompts(m, ways=("magic",)), "some of eager"),
    "tokens": (lambda m: experiments.prompts(m, tokens=1), "tokens=1"),
    "context": (lambda m: experiments.prompts(m, tokens=97), "tokens=97"),
    "rows": (lambda m: experiments.rows(m, rows=0, tokens=8), "rows=0"),
    "room": (lambda m: experiments.rows(m, tokens=90), "tokens=90"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_part_gives_one_sentence(case, small):
    call, words = WRONG[case]
    with pytest.raises(ValueError, match=words) as caught:
        call(small)
    assert "\n" not in str(caught.value)


def shipped_facts():
    """Compiled twice, native three times as fast, and less in other phases."""

    def fact(what, value, subject, details):
        made = records.make(
            what, value, kind="recorded", machine="x", date="2026-02-01",
            subject=subject, details=details,
        )  # fmt: skip
        facts.append(dataclasses.replace(made, command="x"))

    facts = []
    for name, dtype in (("coder", 1.0), ("coder in int8", 0.5), ("other", 9.0)):
        for way, gain in (("eager", None), ("compiled", 2.0), ("native int8", 3.0)):
            subject = f"{name}: {way}"
            fact(q.STEP_TIME, 6e-3 / dtype / (gain or 1), subject, {"tokens": 128})
            if gain is None:
                continue
            for what, phase, factor in (
                (q.STEP_GAIN, {}, 1.0),
                (q.STEP_GAIN, {"phase": "32 rows"}, 0.8),
                (q.PREFILL_GAIN, {}, 0.6),
            ):
                details = {"against": "eager", "verdict": "faster"} | phase
                fact(what, gain * factor * dtype, subject, details)
    return tuple(facts)


def test_what_ships_is_found_by_way_format_and_phase(monkeypatch):
    monkeypatch.setattr(recording, "shipped", lambda name: shipped_facts())
    result = experiments.recorded_ways("coder")
    assert [*result.facts] == ["fp32", "int8"]
    assert result.ratio("compiled").value == 2
    assert result.ratio("compiled", phase="32 rows").value == 1.6
    assert result.ratio("native int8", "int8", "prefill").value == pytest.approx(0.9)
    assert result.said == (
        "Compiled, a step is 2.00 times as fast as eager, a step of 32 rows 1.60 times "
        "and reading a prompt 1.20 times. A step takes in fp32 6.00 ms eager and 3.00 "
        "ms compiled; in int8 12.0 ms eager, 6.00 ms compiled and 4.00 ms native."
    )
    subjects = {fact.subject for fact in result.records()}
    assert {"eager", "native int8 in int8", "compiled in int8"} <= subjects
    assert result.time("eager", "int8").value == pytest.approx(12e-3)
    with pytest.raises(
        ValueError, match=r"in bf16 has no record of decode; .* in fp32, int8"
    ):
        result.ratio("compiled", "bf16")
    nothing = experiments.recorded_ways("M")
    assert not nothing.facts
    assert nothing.said == (
        "Nothing is recorded of M; python benchmarks/graphs_ladder.py does it."
    )


def test_the_ladder_that_ships_is_that_of_one_sequence_alone(monkeypatch):
    monkeypatch.setattr(recording, "shipped", lambda name: shipped_facts())
    ladder = experiments.recorded("coder")
    assert {q.phase(fact) for fact in ladder.records()} == {"decode"}
    assert ladder.ratio("compiled").value == 2


def test_of_a_model_with_less_what_there_is_is_said():
    result = experiments.recorded_ways("coder-small")
    assert [*result.facts] == ["fp32"]
    ladder = experiments.recorded("coder-small")
    gain, time = ladder.ratio("compiled"), ladder.time("eager")
    assert result.said.startswith(
        f"Compiled, a step is {gain.value:.2f} times as fast as eager. A step takes in "
        f"fp32 {time.value_text()} eager and"
    )


def test_two_machines_are_not_mixed(monkeypatch):
    facts = [f for f in shipped_facts() if f.subject.startswith("coder: ")]
    later = {"machine": "y", "date": "2026-03-01"}
    others = [f for f in shipped_facts() if f.subject.startswith("coder in int8: ")]
    facts += [dataclasses.replace(fact, **later) for fact in others]
    monkeypatch.setattr(recording, "shipped", lambda name: tuple(facts))
    assert [*experiments.recorded_ways("coder").facts] == ["fp32"]


def test_all_that_ships_is_whole():
    result = experiments.recorded_ways("coder")
    assert [*result.facts] == ["fp32", "bf16", "int8"]
    for dtype, ways in (
        ("fp32", making.WAYS),
        ("bf16", ("eager", "fused", "static", "compiled")),
        ("int8", ("eager", "static", "compiled", "native int8")),
    ):
        for phase in ("decode", "32 rows", "prefill"):
            for way in ways[1:]:
                assert result.ratio(way, dtype, phase).value > 0
    native = result.time("native int8", "int8").value_text()
    assert result.said.endswith(f"and {native} native.")
    for fact in result.records():
        if fact.name == q.BUILD_SECONDS.name:
            assert q.phase(fact) == "decode", "later builds find parts of the first"
        if fact.name == q.STEP_BYTES.name and fact.subject.endswith("in int8"):
            assert fact.subject.startswith("native")
    shown = show.graphs.ways_widget(result)
    options = [value for _, value in shown.selectors["phase"].options]
    assert options == ["decode", "32 rows", "prefill"]
