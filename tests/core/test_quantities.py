"""A fact has one name, one unit and known keys, wherever it is made or read."""

import ast
import pickle
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
import torch

from llmlab import attention_vs_rnn, journal, measure
from llmlab.attention_vs_rnn import quantities as lab_2
from llmlab.batching import quantities as lab_8
from llmlab.core import quantities, records
from llmlab.core.quantities import LATENCY, SPEED_UP, WEIGHTS
from llmlab.core.records import Record
from llmlab.distillation import quantities as lab_6
from llmlab.journal import JournalError, store
from llmlab.measure import quantities as lab_1
from llmlab.models import generation, random_model, sensitivity
from llmlab.pruning import quantities as lab_5
from llmlab.quantization import levels
from llmlab.quantization import quantities as lab_4
from llmlab.zoo import quantities as zoo

RECORDED = resources.files("llmlab") / "recorded"
FILES = sorted(each.name for each in RECORDED.iterdir() if each.suffix == ".json")
ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    [*(ROOT / "llmlab").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
)
ROOMS = (quantities, lab_1, lab_2, lab_4, lab_5, lab_6, lab_8, zoo)


def test_a_record_made_from_a_quantity_has_its_name_and_unit():
    fact = records.measured(LATENCY, 0.5, subject="int8", details={"batch": 4})
    assert (fact.name, fact.unit, fact.kind) == ("latency", "s", "measured")
    assert pickle.loads(pickle.dumps(fact)) == fact
    assert records.measured("latency", 0.5).unit == "s", "by its name too"
    assert records.make(WEIGHTS, 8, kind="estimated").kind == "estimated"


def test_another_unit_is_refused_whichever_way_a_record_is_made():
    with pytest.raises(ValueError, match=r"unit='B' is not .* 'latency'.* kept in 's'"):
        records.measured(LATENCY, 1.0, "B")
    with pytest.raises(ValueError, match="unit='1' is not the unit of 'speed-up'"):
        replace(records.measured(SPEED_UP, 2.0), unit="1")
    with pytest.raises(ValueError, match="kept in 'B'"):
        Record(name="weights", value=1.0, unit="bit", kind="simulated")


def test_another_key_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"details\['sparsity'\].*batch.*leave it out"):
        records.measured(LATENCY, 1.0, details={"sparsity": 0.5})
    with pytest.raises(ValueError, match=r"details\['layer'\] is no key of 'weights'"):
        replace(records.measured(WEIGHTS, 8), details={"layer": 1})
    noted = {"note": "One thread was left to a neighbour."}
    assert records.notes([records.measured(WEIGHTS, 8, details=noted)]) != []


def test_a_fact_of_ones_own_is_free_and_says_its_unit():
    own = records.measured("time to think", 3, "s", details={"coffee": True})
    assert own.details["coffee"] and not quantities.is_registered(own.name)
    with pytest.raises(ValueError, match="'time to think' is no registered quantity"):
        records.measured("time to think", 3)


def test_one_name_stands_for_one_thing():
    again = quantities.register(
        LATENCY.name, LATENCY.unit, better=LATENCY.better, keys=LATENCY.keys
    )
    assert again is LATENCY is quantities.get("latency")
    for changed in ({"unit": "token"}, {"better": None}, {"keys": ()}):
        same = {"unit": LATENCY.unit, "better": "lower", "keys": LATENCY.keys}
        with pytest.raises(ValueError, match="'latency' is registered already, in 's'"):
            quantities.register("latency", **same | changed)
    assert quantities.get("latency") is LATENCY


def test_a_quantity_that_is_none_is_refused_and_not_kept():
    with pytest.raises(ValueError, match="unit='ms' is not a base unit"):
        quantities.register("time to sleep", "ms")
    with pytest.raises(ValueError, match="better='more'"):
        quantities.register("time to sleep", "s", better="more")
    with pytest.raises(ValueError, match="name=''"):
        quantities.register("", "s")
    assert not quantities.is_registered("time to sleep")


def test_the_better_direction_decides_what_reaches_a_bar():
    assert LATENCY.reaches(0.1, 0.2) and not LATENCY.reaches(0.3, 0.2)
    assert SPEED_UP.reaches(3, 2) and not SPEED_UP.reaches(1, 2)
    assert LATENCY.reaches(0.2, 0.2) and SPEED_UP.reaches(2, 2)
    with pytest.raises(ValueError, match="'crossing' is better neither"):
        lab_2.CROSSING.reaches(1, 2)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_every_quantity_of_a_room_is_registered_under_its_name(room):
    own = [
        each for each in vars(room).values() if isinstance(each, quantities.Quantity)
    ]
    assert own
    for each in own:
        assert quantities.get(str(each)) is each


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_fact_is_of_a_registered_quantity(name):
    facts = records.from_json((RECORDED / name).read_text("utf-8"))
    assert facts
    assert {fact.name for fact in facts if not _known(fact)} == set()


@pytest.mark.parametrize(
    "right, wrong, sentence",
    [
        ('"unit": "s"', '"unit": "B"', "unit='B' is not the unit of 'latency'"),
        ('"batch"', '"bunch"', r"details\['bunch'\] is no key of 'latency'"),
    ],
)
def test_what_is_read_is_checked_as_what_is_made(right, wrong, sentence, tmp_path):
    text = records.to_json([records.measured(LATENCY, 1.0, details={"batch": 1})])
    assert right in text
    with pytest.raises(ValueError, match=sentence):
        records.from_json(text.replace(right, wrong))
    with pytest.raises(JournalError, match=sentence):
        store.one_record(text.replace(right, wrong))


def test_a_guess_that_has_the_name_of_a_quantity_has_its_unit():
    with pytest.raises(ValueError, match="unit='B' is not the unit of 'latency'"):
        journal.measured("latency", 3, unit="kB", lab="measure")
    with pytest.raises(ValueError, match="unit='B' is not the unit of 'latency'"):
        journal.predict("latency", 3, unit="kB", lab="measure")
    other = records.measured("mine", 3, "×", details={"mine": 1})
    with pytest.raises(ValueError, match=r"details\['mine'\] is no key of 'speed-up'"):
        journal.measured("speed-up", other, lab="measure")


def test_what_a_model_is_measured_by_is_registered():
    model = random_model("S", seed=0)
    how = {"prompt": 4, "new": 3, "batches": (1, 2), "seconds": 0.1}
    facts = measure.report.one_model(model, stream=generation.stream_batch, **how)
    two = {"a": model, "b": model}
    facts += measure.race(two, [1, 2, 3], max_tokens=3, seconds=0.1).records()
    facts += measure.memory.peak(lambda: torch.ones(4) + 1)
    facts += measure.roofline.peaks(("fp32",)).records()
    assert len({fact.name for fact in facts}) > 12
    assert {fact.name for fact in facts if not _known(fact)} == set()


def test_what_lab_2_measures_is_registered():
    layers = {kind: attention_vs_rnn.build(kind, width=8) for kind in ("lstm", "gated")}
    lengths = {"lengths": (4, 8, 16)}
    times = attention_vs_rnn.latency.prefill(layers, **lengths, seconds=3)
    facts = times + attention_vs_rnn.latency.decode(layers, **lengths, seconds=3)
    facts += attention_vs_rnn.latency.scans(width=8, **lengths, seconds=3)
    facts += attention_vs_rnn.memory.allocated(layers, **lengths)
    facts += attention_vs_rnn.slopes.fit(times, quantities.PREFILL_LATENCY)
    assert len({fact.name for fact in facts}) > 7
    assert {fact.name for fact in facts if not _known(fact)} == set()


def test_what_lab_4_measures_is_registered():
    weight = torch.randn(8, 32, generator=torch.Generator().manual_seed(0))
    facts = levels.histogram(weight)
    facts += sensitivity.Option("layers.0", 4, 0.5, 100).records()
    assert len({fact.name for fact in facts}) == 2
    assert {fact.name for fact in facts if not _known(fact)} == set()


def test_no_name_of_several_words_is_written_twice():
    rooms = [path for path in SOURCES if path.name != "quantities.py"]
    assert len(rooms) > 100
    names = {name for name in quantities.names() if " " in name or "-" in name}
    nodes = [(path, node) for path in rooms for node in ast.walk(_tree(path))]
    written = [
        f"{path}:{node.lineno}: {node.value!r}"
        for path, node in nodes
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert written == [], "use the quantity"


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _known(fact: Record) -> bool:
    return quantities.is_registered(fact.name)
