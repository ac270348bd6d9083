"""A plan is shown, kept and handed in again; a file that is none is refused."""

import json

import pytest
import torch
from small_models import decoder

from llmlab import kernels, quantization, show
from llmlab.kernels import Format, Plan, correctness


def quantized(word="int4-g32"):
    model = decoder(dtype=torch.bfloat16, hidden_size=64, intermediate_size=128)
    return quantization.quantize(model, Format.parse(word))


def test_a_plan_is_shown_with_every_candidate_and_comes_back_from_its_file(tmp_path):
    plan = kernels.plan(quantized())
    rows = plan.records()
    assert len(rows) == 3 * sum(len(trial.seconds) for trial in plan.trials)
    assert {row.details["rows"] for row in rows} == set(correctness.ROWS)
    assert sum(row.details["chosen"] for row in rows) == 3 * len(plan.trials)
    assert {row.kind for row in rows} == {"measured"}
    assert "int4-g32" in repr(show.table(rows)) and "int4-g32" in repr(plan)
    back = Plan.load(plan.save(tmp_path / "plan.json"))
    assert back == plan and hash(back) == hash(plan) and repr(back) == repr(plan)
    document = json.loads((tmp_path / "plan.json").read_text())
    (tmp_path / "other.json").write_text(json.dumps(document | {"machine": "a Cray"}))
    other = Plan.load(tmp_path / "other.json")
    assert {row.kind for row in other.records()} == {"recorded"}


def trial(document):
    return document["trials"][0]


DAMAGES = {
    "another version": (lambda d: d.update(version=99), "another llmlab"),
    "no trials": (lambda d: d.pop("trials"), "trials"),
    "an unknown operator": (
        lambda d: trial(d)["chosen"].__setitem__(0, "os.system"),
        "operator 'os.system' is unknown",
    ),
    "an unknown candidate": (
        lambda d: trial(d)["candidates"].append("os.system"),
        "unknown",
    ),
    "a time that is none": (
        lambda d: trial(d)["seconds"].update(plain=[1.0, -1.0, 1.0]),
        "no time",
    ),
    "a time too few": (lambda d: trial(d)["seconds"].update(plain=[1.0]), "3 times"),
    "a choice too few": (lambda d: trial(d)["chosen"].pop(), "for each row"),
    "an operator that was not tried": (
        lambda d: trial(d).update(chosen=["_int_mm"] * 3),
        "not one measured operator",
    ),
    "a format that is none": (
        lambda d: trial(d).update(format="int4 g32"),
        "no format",
    ),
    "a device that is none": (lambda d: trial(d).update(device="mps"), "device"),
    "a dtype that is none": (lambda d: trial(d).update(dtype="int4"), "dtype"),
    "a batch that is none": (lambda d: d.update(batch=0), "batch=0"),
    "a form twice": (lambda d: d["trials"].append(trial(d)), "twice"),
    "more than a plan": (lambda d: d.update(run="me"), "run"),
    "a date that is none": (lambda d: d.update(date=None), "not words"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_file_that_is_no_plan_is_refused_in_one_sentence(what, tmp_path):
    damage, words = DAMAGES[what]
    path = kernels.plan(quantized()).save(tmp_path / "plan.json")
    document = json.loads(path.read_text())
    damage(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=words) as refusal:
        Plan.load(path)
    assert "\n" not in str(refusal.value) and "kernels.plan" in str(refusal.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "3", "null"])
def test_what_is_not_even_json_of_a_plan_is_refused(text, tmp_path):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(ValueError, match="no plan that can be used"):
        Plan.load(tmp_path / "plan.json")


def test_a_plan_of_other_layers_is_refused_with_the_way_out():
    plan = kernels.plan(quantized("int8"))
    with pytest.raises(ValueError, match=r"int4-g32 in bf16.*kernels\.plan\(model\)"):
        kernels.autotune(quantized("int4-g32"), plan=plan)
    with pytest.raises(ValueError, match=r"int8 in fp32"):
        kernels.autotune(quantized("int8").float(), plan=plan)
    with pytest.raises(ValueError, match="batch=3 and a plan for a batch of 1"):
        kernels.autotune(quantized("int8"), plan=plan, batch=3)
    with pytest.raises(ValueError, match=r"Plan\.load"):
        kernels.autotune(quantized("int8"), plan="plan.json")
    for batch in (0, 1.5, True):
        with pytest.raises(ValueError, match="batch="):
            kernels.plan(quantized("int8"), batch=batch)
