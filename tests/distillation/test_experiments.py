"""Lab 6's experiments measure what they say, with the learner's functions as parts."""

import numpy
import pytest
import torch

from llmlab import distillation, measure, models, show, texts
from llmlab.distillation import attention, experiments, losses
from llmlab.distillation.experiments import learning, places
from llmlab.measure import quality

PROGRAM = (
    "def add(a, b):\n    return a + b\n\n\nfor i in range(3):\n    print(add(i, i))\n"
)
TEXT = {"a": PROGRAM * 3, "b": "import os\n\nif os.path:\n    name = None\n" * 4}


def soft(student_logits, teacher_logits, temperature):
    student = (student_logits / temperature).log_softmax(-1)
    teacher = (teacher_logits.detach() / temperature).log_softmax(-1)
    return temperature**2 * (teacher.exp() * (teacher - student)).sum(-1).mean()


def apart(student, teacher, projection):
    error = student @ projection.T - teacher.detach()
    return error.square().mean() / teacher.square().mean()


def agreeing(ours, theirs):
    return sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours)


@pytest.fixture(scope="module")
def teacher():
    return models.load("coder-small")


@pytest.fixture(scope="module")
def starts(teacher):
    choose = distillation.student_layers
    return experiments.starts(teacher, choose, layers=1, steps=2, text=TEXT)


HEARD = []  # how the learner's functions were called


@pytest.fixture(scope="module")
def learnt(teacher, starts):
    def counted(student, other, temperature):
        HEARD.append(temperature)
        return soft(student, other, temperature)

    def also(student, other, projection):
        HEARD.append((tuple(student.shape), tuple(projection.shape)))
        return apart(student, other, projection)

    return experiments.losses(teacher, starts, counted, also)


@pytest.fixture(scope="module")
def kept(teacher, learnt):
    def keep(logits, k):
        HEARD.append(f"{k} of {len(logits)}")
        return losses.keep(logits, k)

    return experiments.kept(teacher, learnt, keep, counts=(1, 4, 32), k=4)


@pytest.fixture(scope="module")
def shipped():
    coder = models.load("coder")
    return experiments.student(
        coder, agreeing, name="coder-small", text=TEXT, seconds=0.4
    )


def test_all_starts_have_one_shape_and_read_the_same(starts):
    sizes = {
        name: sum(p.numel() for p in one.model.parameters())
        for name, one in starts.learnt.items()
    }
    assert list(sizes) == ["your layers", "first layers", "random"]
    assert len(set(sizes.values())) == 1
    assert starts.layers == (1,)
    assert starts.batch(0).shape == (4, 129)
    assert not torch.equal(starts.batch(0), starts.batch(1))
    assert torch.equal(starts.batch(1), starts.batch(1))


def test_a_curve_begins_before_the_first_step_and_ends_after_the_last(starts):
    for one in starts.learnt.values():
        assert [fact.details["steps"] for fact in one.curve] == [0, 2]
        first, last = one.curve
        assert first.details["training seconds"] == 0 < one.seconds
        said = quality.bits_per_byte(one.model, TEXT)
        assert last.value == pytest.approx(said.value, rel=1e-5)
        assert (last.low, last.high) == pytest.approx((said.low, said.high), rel=1e-4)


def test_the_first_point_of_a_curve_is_the_student_as_it_was_cut(starts):
    cut = quality.bits_per_byte(starts.student, TEXT)
    assert starts["your layers"].curve[0].value == pytest.approx(cut.value, rel=1e-5)
    assert starts["your layers"].curve[-1].value != pytest.approx(cut.value, rel=1e-3)


def test_a_gap_is_paired_and_has_the_sign_of_what_is_saved(starts):
    gap = starts.gap("random")
    ours, theirs = (starts[name].model for name in ("your layers", "random"))
    difference = measure.quality.difference(ours, theirs, TEXT)
    assert gap.value == pytest.approx(-difference.value, abs=1e-4)
    assert (gap.low, gap.high) == pytest.approx(
        (-difference.high, -difference.low), abs=1e-3
    )
    assert starts.gap("your layers").details["verdict"] == learning.SAME


def test_what_was_not_tried_is_refused_by_name(starts, learnt, kept):
    with pytest.raises(ValueError, match=r"'last' is no start; choose of \['your"):
        starts.gap("last")
    with pytest.raises(ValueError, match=r"'cold' is no loss; choose of \['labels'"):
        learnt.gain("cold")
    with pytest.raises(ValueError, match=r"k=8 was not tried; choose one of \[1, 4"):
        kept.mass(8)
    with pytest.raises(ValueError, match="is beyond the"):
        learnt["labels"].at(1e9)


@pytest.mark.parametrize(
    "given", [[0, 1], [2], ["first"], [], None], ids=lambda given: repr(given)
)
def test_a_choice_of_layers_that_is_none_is_refused_in_a_sentence(teacher, given):
    def choose(deep, layers):
        return given

    with pytest.raises(ValueError, match=r"student_layers\(2, 1\) gave .* 1 places"):
        experiments.starts(teacher, choose, layers=1, steps=2, text=TEXT)


def test_the_losses_differ_in_nothing_but_the_loss(teacher, starts, learnt):
    assert list(learnt.learnt) == ["labels", "teacher", "hidden", "hot"]
    assert learnt["labels"].model is starts["your layers"].model
    first = {one.curve[0].value for one in learnt.learnt.values()}
    assert len(first) == 1
    alone = distillation.train(
        starts.student, teacher, starts.batch, steps=2, loss=soft, rate=1e-3
    )
    # Where a neighbour takes a thread away, sums are added up in another order, and a
    # gradient that is all but zero may change its sign: a step of the optimizer then.
    assert moved(alone.model, learnt["teacher"].model) < 2e-2
    assert moved(alone.model, learnt["hidden"].model) > 0.1


def moved(one, other):
    """Return the share of weights that differ by more than rounding."""
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    far = [(a - b).abs().flatten() > 1e-5 for a, b in pairs]
    return torch.cat(far).double().mean().item()


def test_the_learners_losses_are_what_students_learn_from(teacher, learnt):
    width = teacher.config.hidden_size
    assert HEARD.count(20) == 2 and HEARD.count(1) == 4
    assert HEARD.count(((4, 128, width), (width, width))) == 2


def test_the_student_of_the_hidden_states_is_a_bare_one(learnt, starts):
    assert type(learnt["hidden"].model) is type(starts.student)


def test_a_gain_is_a_share_of_what_labels_need(learnt):
    gain = learnt.gain("teacher")
    ours, theirs = (learnt[name].curve[-1].value for name in ("teacher", "labels"))
    assert gain.value == pytest.approx(1 - ours / theirs, abs=1e-5)
    assert learnt.gain("labels").value == 0
    assert "After 2 steps the teacher's student needs" in learnt.said


def test_between_two_scores_lies_a_line(learnt):
    one = learnt["teacher"]
    middle = one.at(one.seconds / 2)
    assert middle == pytest.approx((one.curve[0].value + one.curve[1].value) / 2)


def test_relations_of_a_layer_with_itself_do_not_differ(teacher, learnt):
    result = experiments.relations(teacher, learnt, attention.relation_loss)
    subjects = ["random start", "labels", "teacher", "teacher + hidden states"]
    assert list(dict.fromkeys(fact.subject for fact in result.facts)) == subjects
    assert len(result.facts) == len(subjects) * 1 * 2
    rows = {(f.subject, f.details["teacher layer"]): f.value for f in result.records()}
    layer = result.nearest("labels", 0)
    assert rows["labels", layer] == min(rows["labels", at] for at in (0, 1))
    with pytest.raises(ValueError, match="layer 3 of 'labels' was not compared"):
        result.nearest("labels", 3)
    with pytest.raises(ValueError, match="relation_loss gave nan"):
        experiments.relations(teacher, learnt, lambda a, b: float("nan"))


def test_the_learners_relations_are_asked_student_first(teacher, learnt):
    shapes = []

    def told(student, other):
        shapes.append((student.shape, other.shape))
        return 0.0

    experiments.relations(teacher, learnt, told)
    heads = teacher.config.num_key_value_heads
    assert {s[1] for pair in shapes for s in pair} == {heads}


def test_more_tokens_keep_more_and_lose_less(kept):
    masses = [kept.mass(k).value for k in (1, 4, 32)]
    lost = [kept.lost(k).value for k in (1, 4, 32)]
    assert masses == sorted(masses) and 0 < masses[0] and masses[-1] < 1
    assert lost == sorted(lost, reverse=True) and lost[-1] > 0
    assert [kept.bytes(k).value for k in (1, 4, 32)] == [10, 28, 196]


def test_what_is_lost_is_the_divergence_of_the_rest_spread_evenly(teacher):
    tokens = experiments.offline._texts(teacher)[:1, :9]
    said = distillation.keep_logits(teacher, lambda step: tokens, 1, k=3, autocast=None)
    p = teacher(tokens[:, :-1])[0].detach().double().softmax(-1)
    q = torch.full_like(p, 0)
    for row in range(len(p)):
        best = p[row].topk(3)
        q[row] = (1 - best.values.sum()) / (p.shape[1] - 3)
        q[row, best.indices] = best.values
    expected = float((p * (p / q).log()).sum(-1).mean())
    lost = experiments.offline._lost(teacher, tokens, said)
    assert lost == pytest.approx(expected, rel=1e-4)


def test_a_student_learns_from_what_the_learner_kept(teacher, starts, kept):
    assert HEARD.count("4 of 512") == 2  # once for each step
    said = distillation.keep_logits(teacher, starts.batch, 2, k=4)
    alone = distillation.train(starts.student, None, starts.batch, steps=2, kept=said)
    for mine, other in zip(
        alone.model.parameters(), kept.learnt.model.parameters(), strict=True
    ):
        assert torch.allclose(mine, other, atol=1e-5)


def test_the_time_of_a_kept_teacher_is_told_apart(kept):
    times = {f.subject for f in kept.records() if f.name == "time of the steps"}
    assert times == {"labels", "teacher", "teacher, kept", "the teacher, once"}
    assert "Reading the text once took the teacher" in kept.said


def test_the_learner_counts_where_student_and_teacher_agree(shipped):
    coder, small = (models.load(name) for name in ("coder", "coder-small"))
    same = quality.agreement(small, coder, TEXT)
    assert shipped.agreement.value == pytest.approx(same.value)
    assert shipped.agreement.low == pytest.approx(same.low)
    with pytest.raises(ValueError, match=r"pass_rate gave 0\.5 for .* their share"):
        experiments.student(
            coder, lambda a, b: 0.5, name="coder-small", text=TEXT, seconds=0.2
        )


def test_the_student_races_and_is_scored(shipped):
    bits, step, size = shipped.facts
    assert (bits.unit, step.unit, size.unit) == ("bit/B", "s", "B")
    assert {fact.subject for fact in shipped.facts} == {"coder-small"}
    assert shipped.ratio("prefill").details["phase"] == "prefill"
    assert shipped.difference("coder").value > 0
    with pytest.raises(ValueError, match="'prefill' or 'decode'"):
        shipped.ratio("training")
    with pytest.raises(ValueError, match="did not race"):
        shipped.difference("none")
    assert "agreement with the teacher" in repr(show.table(shipped))


@pytest.fixture(scope="module")
def tokens(teacher):
    return experiments.one_token(teacher, students=("coder-small",))


def test_a_teacher_gives_to_other_tokens_what_it_keeps_from_the_right_one(
    teacher, tokens
):
    scores = quality.score(teacher, texts.short_files())
    expected = (1 - numpy.exp2(-scores.bits)).mean()
    assert tokens.elsewhere.value == pytest.approx(float(expected))


def test_places_are_open_ones_with_the_label_among_their_tokens(tokens):
    assert 1 <= len(tokens.places) <= places.PLACES
    for place in tokens.places:
        first = place.shares["coder-small", 1.0]
        assert place.label in place.tokens and len(first) == places.TOP
        assert list(first) == sorted(first, reverse=True)
        assert sum(first) >= places.LEAST
        assert max(place.shares["coder-small", 4.0]) < first[0]
    assert tokens.temperatures == places.TEMPERATURES


def test_a_text_without_an_open_place_is_refused(teacher):
    with pytest.raises(ValueError, match="text has no place where"):
        experiments.one_token(teacher, students=(), text="x = 1\n")
