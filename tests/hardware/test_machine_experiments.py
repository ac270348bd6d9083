"""What lab 11 measures of this machine, with the learner's parser as a part."""

import pytest
from hardware.written_logs import HEAD, LINES, SGEMM, V0, V12
from hardware.written_meters import zone

from llmlab import models, show
from llmlab.core import records
from llmlab.hardware import experiments
from llmlab.hardware import libraries as room
from llmlab.hardware import quantities as q
from llmlab.hardware.experiments import logs
from llmlab.hardware.libraries import Section
from llmlab.show.hardware import machine as drawn


@pytest.fixture(scope="module")
def model():
    return models.load("coder-small")


@pytest.fixture(scope="module")
def threads(model):
    return experiments.threads(model, counts=[3], cached=16, prompt=16)


@pytest.fixture(scope="module")
def precision():
    return experiments.precision(tokens=(1, 4), width=64, seconds=0.1)


@pytest.fixture(scope="module")
def sections():
    """What a child that may use AVX2 at most has logged."""
    codes = logs.PIECES | {
        logs.PREPARED: logs.PIECES[logs.PREPARED].format(model="coder-small")
    }
    return room.sections(codes, isa="avx2")


@pytest.fixture(scope="module")
def libraries(sections):
    return logs.read(room.parse, sections)


def test_one_thread_is_always_there_to_compare_with(threads):
    counts = [f.details["threads"] for f in threads.facts if "cores" not in f.details]
    assert sorted(set(counts)) == [1, 3]
    assert threads.ratio("decode", 3).value > 0
    assert threads.ratio("prefill", 3).subject == "prefill"
    assert f"with {threads.cores} core" in threads.said
    assert "; prefill " in threads.said


@pytest.mark.parametrize("of, count", [("decode", 1), ("decode", 2), ("sleep", 2)])
def test_what_was_not_timed_has_no_ratio(threads, of, count):
    with pytest.raises(ValueError, match="was not measured; choose of threads=3"):
        threads.ratio(of, count)
    with pytest.raises(ValueError, match="of='sleep' is no phase"):
        threads.ratios("sleep")


def test_a_busy_neighbour_is_told_with_the_times(model, monkeypatch):
    monkeypatch.setattr(experiments.cores.machine, "cores", lambda: 2)
    monkeypatch.setattr(experiments.cores.clock, "free", lambda count: count - 1)
    result = experiments.threads(model, counts=[1], cached=8, prompt=8, rounds=6)
    assert "1 of 2 cores busy" in result.note
    assert "1 of 2 cores busy" in repr(show.table(result))


def test_formats_are_compared_at_equal_tokens(precision):
    assert precision.formats[0] == "fp32"
    for name in precision.formats[1:]:
        assert precision.ratio(name, 4).details["tokens"] == 4
        assert precision.error(name).value < 0.1
        assert name in precision.said
    with pytest.raises(ValueError, match="tokens=64 was not measured"):
        precision.ratio("bf16", 64)
    with pytest.raises(ValueError, match="tokens=4 was not measured"):
        experiments.Precision((), "").ratio("bf16", 4)


def test_every_piece_of_work_has_its_library(libraries):
    assert [f.details["products"] for f in libraries.facts if f.unit == "1"] == [15]
    for work in list(logs.PIECES)[1:]:
        assert set(libraries.who(work)) <= {"oneDNN", "MKL", "neither"}
    assert "Of the 15 products of a decode step" in libraries.said
    with pytest.raises(ValueError, match="work='GRU' was not logged"):
        libraries.who("GRU")


def test_no_implementation_goes_beyond_the_instructions_asked_for(libraries):
    ways = [f.details.get("implementation", "") for f in libraries.facts]
    assert not [way for way in ways if "avx512" in way]


def test_a_piece_that_was_refused_ran_in_neither(sections):
    refused = {"LSTM": Section((), "RuntimeError: could not create a primitive")}
    result = logs.read(room.parse, sections | refused)
    assert result.who("LSTM") == ("neither",)
    assert "LSTM: neither, refused, 0 calls" in show.figure(result).alt


@pytest.fixture
def child(monkeypatch):
    """Let the child answer what is handed in; return what it is asked for."""

    def answer(sections):
        asked = []

        def logged(codes, *, isa=None):
            asked.append((codes, isa))
            return sections

        monkeypatch.setattr(room, "sections", logged)
        return asked

    return answer


def test_the_experiment_logs_a_model_of_ones_own(sections, libraries, child):
    asked = child(sections)
    result = experiments.libraries(model="coder-small", isa="avx2")
    assert result.said == libraries.said
    alike = zip(result.calls, libraries.calls, strict=True)
    assert all(one.details == other.details for one, other in alike)
    assert result.share.details["products"] == 15
    ((codes, isa),) = asked
    assert isa == "avx2" and list(codes) == list(logs.PIECES)
    assert "models.load('coder-small')" in codes[logs.PREPARED]


def test_a_model_that_cannot_be_loaded_there_is_refused(sections, child):
    failed = Section((), "ValueError: no such model")
    asked = child(sections | {logs.PREPARED: failed})
    words = "model='no such' cannot be loaded there: ValueError: no such model"
    with pytest.raises(ValueError, match=words):
        experiments.libraries(model="no such")
    ((codes, isa),) = asked
    assert isa is None and "models.load('no such')" in codes[logs.PREPARED]


def columns(line, template):
    """Read fixed columns, whatever the template says."""
    values = line.split(",")
    if len(values) < 4 or values[3] != "exec":
        return None
    return {"primitive": values[5], "seconds": float(values[-1]) / 1000}


def slow(line, template):
    fields = room.parse(line, template)
    return fields and fields | {"seconds": fields["seconds"] * 1000}


def eager(line, template):
    return room.parse(line, template) or {}


def crashing(line, template):
    return {"seconds": float(line.split(",")[-1])}


WRONG = {
    columns: "as operation=None, where operation='exec' was expected",
    slow: "as seconds=0.25, where seconds=0.00025 was expected",
    eager: "as {}, where None was expected",
    crashing: "ValueError: could not convert",
}
LOG = [Section((HEAD, SGEMM, V12, LINES[V12])), Section((V0, LINES[V0]))]


@pytest.mark.parametrize("parse, words", WRONG.items(), ids=lambda one: str(one)[:12])
def test_a_wrong_parser_is_told_in_one_sentence(parse, words):
    sentence = logs.first_mistake(parse, LOG)
    assert sentence.startswith("Your parse reads the line")
    assert words in sentence


def test_a_right_parser_has_no_mistake():
    assert logs.first_mistake(room.parse, LOG) == ""
    assert logs.first_mistake(crashing, [Section((HEAD, SGEMM))]) == ""


def test_a_wrong_parser_is_replaced(sections, libraries):
    assert any("oneDNN" in libraries.who(work) for work in list(logs.PIECES)[1:])
    result = logs.read(slow, sections)
    assert result.said.startswith("Your parse reads the line")
    assert result.share.details == libraries.share.details


@pytest.mark.parametrize(
    "run, words",
    [
        (lambda m: experiments.libraries(3), "parse=3 is no function"),
        (lambda m: experiments.libraries(isa="avx9"), "isa='avx9'"),
        (lambda m: experiments.threads(m, counts=[0]), "counts=0"),
        (lambda m: experiments.threads(m, counts=2), "counts=2"),
        (lambda m: experiments.precision(tokens=8), "tokens=8"),
        (lambda m: experiments.energy(m, watts=0), "watts=0"),
        (lambda m: experiments.energy(m, price=-1), "price=-1"),
        (lambda m: experiments.energy(m, busy=0), "busy=0"),
        (lambda m: experiments.energy(m, batches=[]), "batches="),
    ],
)
def test_bad_input_is_refused_with_a_way_out(model, run, words):
    with pytest.raises(ValueError, match=words):
        run(model)


def energy(model, root, **stated):
    return experiments.energy(
        model, batches=(1, 2), seconds=0.1, root=str(root), **stated
    )


def test_without_meter_and_watts_no_joule_is_told(model, tmp_path):
    result = energy(model, tmp_path)
    assert not result.is_known
    assert "has no meter" in result.said
    assert "watts=" in result.said
    assert {fact.unit for fact in result.records()} == {"token/s"}
    with pytest.raises(ValueError, match="'energy per token' is not known"):
        result.per_token(1)


def test_stated_watts_give_an_estimate_and_a_price_a_cost(model, tmp_path):
    result = energy(model, tmp_path, watts=20, price=0.1, busy=0.5)
    joules, rate = result.per_token(2), result.rate(2)
    assert joules.kind == "estimated"
    assert joules.value == pytest.approx(20 / rate.value)
    assert result.price(2).value == pytest.approx(0.1e6 / 3600 / rate.value / 0.5)
    assert "At the watts you stated" in result.said
    assert "20 W as stated" in show.figure(result).alt


def test_a_meter_that_stands_still_is_none(model, tmp_path):
    file = zone(tmp_path, "intel-rapl:0", "package-0", 1000)
    result = energy(model, tmp_path)
    assert not result.is_known
    assert "did not move" in result.said
    file.unlink()
    assert "cannot be read" in energy(model, tmp_path).said


def test_a_meter_is_read_and_stated_watts_are_not_used(model, tmp_path):
    file = zone(tmp_path, "intel-rapl:0", "package-0", 1000)

    def count(module, arguments, output):
        file.write_text(str(int(file.read_text()) + 40_000))

    with model.register_forward_hook(count):
        result = energy(model, tmp_path, watts=20)
    assert result.per_token(1).kind == "measured"
    assert result.per_token(1).value == pytest.approx(0.04)
    assert result.per_token(2).value == pytest.approx(0.02)
    assert result.said.startswith("By the meter")
    assert "measured" in show.figure(result).alt


def test_pictures_say_what_was_measured(threads, precision, libraries):
    assert "decode on one thread" in show.figure(threads).alt
    alt = show.figure(precision).alt
    assert all(name in alt for name in precision.formats[1:])
    assert "Of the 15 products of a decode step" in show.figure(libraries).alt
    for result in (threads, precision, libraries):
        assert len(show.figure(result).png) <= 40_000


@pytest.mark.parametrize(
    "draw", [drawn.threads, drawn.precision, drawn.libraries, drawn.energy]
)
def test_a_picture_of_nothing_is_refused(draw):
    with pytest.raises(ValueError, match=r"is empty|there is nothing to draw"):
        draw([])


def test_an_unknown_library_has_no_column():
    fact = records.measured(
        q.LIBRARY_CALLS, 1, subject="x", details={"work": "x", "library": "BLIS"}
    )
    with pytest.raises(ValueError, match="library='BLIS' has no column"):
        show.figure([fact])
