"""What is recorded keeps its marks, belongs to the weights that ship, and says how.

Nothing is timed here: the benchmarks that wrote these files are run by hand.
"""

import pytest

from llmlab import models, texts
from llmlab.core import recording
from llmlab.graphs import quantities as graphs
from llmlab.graphs.experiments.ladders import WAYS

SPEED, GRID = "quantization_speed", "quantization_grid"
PRUNING, STUDENTS = "pruning_grid", "distillation_grid"
GROUPS = ("32", "64", "128")
# What a Xeon with AMX gave, with some room. The marks for decode were 4.5 and 6, for a
# batch of 16 it was 1.2 against bf16: here starting operators takes half of a step, and
# bf16 has instructions of its own.
SPEEDS = (  # format, phase, against, at least so many times as fast
    ("int8", "decode", "transformers fp32", 2.0),
    ("int4-g32", "decode", "transformers fp32", 2.0),
    ("int4-g128", "decode", "transformers fp32", 2.0),
    ("int8-dynamic", "prefill", "transformers fp32", 2.5),
)


def chosen(subject, *, grid=GRID, **details):
    """The rows of a grid about one model and its way, such as method and bits."""
    wanted = {key.replace("_", " "): value for key, value in details.items()}
    return [
        fact
        for fact in recording.shipped(grid)
        if fact.subject == subject and wanted.items() <= dict(fact.details).items()
    ]


@pytest.mark.parametrize("name", [SPEED, GRID, PRUNING, STUDENTS])
def test_every_record_says_where_when_and_by_which_command(name):
    facts = recording.shipped(name)
    assert facts
    for fact in facts:
        assert fact.kind == "recorded"
        assert fact.machine and fact.date
        assert fact.command == f"python benchmarks/{name}.py"


def test_the_ladder_says_what_a_formula_gave_and_every_way_was_built():
    facts = recording.shipped("graphs_ladder")
    estimated = {fact.name for fact in facts if fact.kind == "estimated"}
    assert estimated == {graphs.PAID.name, graphs.STEP_BYTES.name}
    assert {fact.kind for fact in facts} == {"recorded", "estimated"}
    assert all(fact.machine and fact.date and fact.command for fact in facts)
    for name in ("coder-small", "coder"):
        times = {f.subject for f in facts if f.name == graphs.STEP_TIME.name}
        assert {f"{name}: {way}" for way in WAYS} <= times


@pytest.mark.parametrize(("word", "phase", "against", "least"), SPEEDS)
def test_integers_are_as_much_faster_as_we_say(word, phase, against, least):
    (fact,) = [
        fact
        for fact in recording.shipped(SPEED)
        if (fact.name, fact.subject) == ("speed-up", word)
        and (fact.details["phase"], fact.details["against"]) == (phase, against)
    ]
    assert fact.value >= least and fact.low > 1


def test_beside_each_speed_stands_what_it_costs():
    facts = recording.shipped(SPEED)
    formats = {fact.subject for fact in facts} - {"transformers fp32"}
    for what in ("logit error", "file size"):
        assert {fact.subject for fact in facts if fact.name == what} == formats


def test_the_grid_is_of_the_weights_that_ship():
    for name in ("coder", "translator", "classifier"):
        version = models.load(name).weights_version
        rows = chosen(name)
        assert rows and {row.weights for row in rows} == {version}


def test_the_grid_has_every_method_with_every_number_of_bits_and_group():
    for method in ("rounding", "least error", "GPTQ", "AWQ"):
        for bits in (2, 3, 4):
            for size in (*GROUPS, "channel"):
                row = chosen("coder", method=method, bits=bits, group_size=size)
                assert len(row) == 1, (method, bits, size)


def test_8_bits_cost_at_most_half_a_percent_and_4_in_groups_three():
    (int8,) = chosen("coder", method="rounding", bits=8, group_size="channel")
    assert int8.details["relative_high"] <= 0.005
    four = [
        row.details["relative_high"]
        for method in ("GPTQ", "AWQ")
        for size in GROUPS
        for row in chosen("coder", method=method, bits=4, group_size=size)
    ]
    assert min(four) <= 0.03


@pytest.mark.parametrize("rival", ["rounding", "least error"])
def test_gptq_is_clearly_better_than_rounding_at_3_bits(rival):
    (row,) = chosen("coder", method=f"GPTQ less {rival}", bits=3)
    assert row.high < 0


def test_answers_of_the_other_models_survive_8_bits():
    for name, what in (("translator", "exact match"), ("classifier", "accuracy")):
        (before,) = chosen(name, method="original")
        (after,) = chosen(name, method="rounding", bits=8)
        assert before.name == after.name == what
        assert after.value >= before.value - 0.01


def pruned(method, sparsity, scope):
    """The loss of pruned `coder`, as a share of the original's bits per byte."""
    (row,) = chosen(
        "coder", grid=PRUNING, method=method, sparsity=sparsity, scope=scope
    )
    return row.details["relative"]


def test_the_grid_of_pruning_is_whole_and_of_the_weights_that_ship():
    version = models.load("coder").weights_version
    scopes = {"magnitude": ("layer", "row", "model"), "Wanda": ("row",)}
    scopes["SparseGPT"] = ("layer",)
    for share in (0.3, 0.5, 0.6, 0.7, 0.8):
        for method, places in scopes.items():
            assert all(pruned(method, share, scope) > 0 for scope in places)
    rows = chosen("coder", grid=PRUNING)
    assert len(rows) == 5 * 5 + 3 and {row.weights for row in rows} == {version}


def test_half_of_the_weights_cost_what_we_say_on_the_frozen_texts():
    """The marks are of the short texts; these are 40 others, and they hold, too."""
    solved, scored = pruned("SparseGPT", 0.5, "layer"), pruned("Wanda", 0.5, "row")
    plain = pruned("magnitude", 0.5, "layer")
    assert solved < 0.05 < scored < 0.15 < 0.20 < plain
    assert plain < pruned("magnitude", 0.5, "model")
    fours = [pruned(name, 0.5, "2:4") for name in ("SparseGPT", "Wanda", "magnitude")]
    assert fours[0] < 0.15 and fours == sorted(fours)


def test_at_70_percent_wanda_has_lost_its_lead_over_magnitude():
    assert pruned("Wanda", 0.7, "row") > pruned("magnitude", 0.7, "layer")
    assert pruned("SparseGPT", 0.8, "layer") < pruned("magnitude", 0.6, "layer")


def test_the_translator_is_recorded_by_sparsity_down_to_where_nothing_is_right():
    (before,) = chosen("translator", grid=PRUNING, method="original")
    assert before.weights == models.load("translator").weights_version
    rows = chosen("translator", grid=PRUNING, method="magnitude", scope="layer")
    right = {row.details["sparsity"]: row.value for row in rows}
    assert list(right) == [0.3, 0.5, 0.6, 0.7, 0.8]
    falling = [before.value, *right.values()]
    assert falling == sorted(falling, reverse=True)
    assert right[0.3] > 0.99 and right[0.5] > 0.95 and right[0.8] < 0.05
    assert {row.details["answers"] for row in rows} == {len(texts.number_pairs())}


def student(run, start, loss, what):
    """What is recorded of a student, by the step of its training."""
    wanted = {"run": run, "start": start, "loss": loss, "what": what}
    name = run if run in ("translator", "classifier") else "coder"
    rows = chosen(name, grid=STUDENTS, **wanted)
    assert {row.weights for row in rows} == {models.load(name).weights_version}
    return {row.details["steps"]: row for row in rows}


COURSES = {  # run, start -> losses and the steps at which students are judged
    ("coder", "layers"): (
        ("labels", "teacher", "teacher, T = 4", "teacher, T = 20", "reverse",
         "teacher and hidden states", "Jensen-Shannon"),
        "bits", [0, 40, 120, 240],
    ),
    ("coder", "first layers"): (
        ("labels", "teacher"), "bits", [0, 40, 120, 240],
    ),
    ("coder", "random"): (
        ("labels", "teacher"), "bits", [0, 40, 120, 240],
    ),
    ("healing", "two layers less"): (
        ("labels", "teacher"), "bits", [0, 40, 120],
    ),
    ("on-policy", "taught"): (
        ("forward, the text", "reverse, the text", "forward, its own",
         "reverse, its own"),
        "variety", [0, 30, 60],
    ),
    ("classifier", "2 layers"): (
        ("labels", "teacher"), "accuracy", [0, 50, 150],
    ),
    ("translator", "3 + 1 layers"): (
        ("labels", "teacher", "teacher's answers"), "right", [0, 100, 200],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("run", "start"), COURSES)
def test_the_grid_of_students_is_whole(run, start):
    losses, what, steps = COURSES[run, start]
    for loss in losses:
        rows = student(run, start, loss, what)
        assert list(rows) == steps
        seconds = [row.details["training seconds"] for row in rows.values()]
        assert seconds[0] == 0 and seconds == sorted(seconds)


def test_a_student_from_its_teacher_is_far_ahead_of_one_from_nothing():
    for loss in ("labels", "teacher"):
        cut, drawn = (
            student("coder", start, loss, "bits") for start in ("layers", "random")
        )
        assert all(cut[step].value < drawn[step].value for step in cut)
