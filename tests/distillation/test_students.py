"""Students start as their teacher with layers left out, bit for bit."""

import pytest
import torch
from families import ask, make
from small_models import decoder, draw_tokens, recurrent, spread, wrapped

from llmlab import distillation, models, pruning
from llmlab.distillation import students
from llmlab.models import surgery


@pytest.mark.parametrize(
    "sizes, expected",
    [
        ((12, 6), [0, 2, 4, 7, 9, 11]),  # DistilBERT's
        ((5, 2), [0, 4]),
        ((5, 3), [0, 2, 4]),
        ((6, 3), [0, 3, 5]),  # a half, up
        ((5, 1), [4]),
        ((4, 4), [0, 1, 2, 3]),
    ],
)
def test_layers_are_evenly_spread_with_first_and_last(sizes, expected):
    assert distillation.student_layers(*sizes) == expected


@pytest.mark.parametrize("name", ["decoder", "bert", "llama", "gpt2"])
def test_a_student_is_its_teacher_without_the_other_layers(name):
    teacher = make(name)
    before = ask(teacher)
    student = distillation.from_layers(teacher, [1])
    dropped = pruning.depth.drop(teacher, layers=[0])
    assert torch.equal(ask(student), ask(dropped))
    assert torch.equal(ask(teacher), before)
    kept = {p.data_ptr() for p in teacher.parameters()}
    assert {p.data_ptr() for p in student.parameters()} <= kept


@pytest.mark.parametrize("layers, decoder_layers", [([1], [0, 1]), ([0, 1], [1])])
def test_an_encoder_decoder_keeps_both_and_the_table_of_positions(
    layers, decoder_layers
):
    teacher = make("t5")
    student = distillation.from_layers(teacher, layers, decoder_layers=decoder_layers)
    stacks = {"encoder": layers, "decoder": decoder_layers}
    expected = teacher
    for stack, kept in stacks.items():
        gone = [at for at in range(2) if at not in kept]
        expected = pruning.depth.drop(expected, layers=gone, stack=stack)
    assert torch.equal(ask(student), ask(expected))
    for stack, kept in stacks.items():
        mine, theirs = (getattr(one, stack).block for one in (student, teacher))
        assert len(mine) == len(kept)
        assert torch.equal(
            mine[0].layer[0].SelfAttention.relative_attention_bias.weight,
            theirs[0].layer[0].SelfAttention.relative_attention_bias.weight,
        )
        for place, at in enumerate(kept):
            assert torch.equal(
                mine[place].layer[-1].DenseReluDense.wo.weight,
                theirs[at].layer[-1].DenseReluDense.wo.weight,
            )


def test_without_a_word_on_the_decoder_it_stays_whole():
    student = distillation.from_layers(make("t5"), [1])
    assert len(student.encoder.block) == 1 and len(student.decoder.block) == 2


def test_a_student_cut_by_what_parts_do_is_pruning_in_turn():
    teacher = decoder(dtype=torch.float32, num_hidden_layers=4)
    data = [draw_tokens(4, 12, seed=7)]
    student = distillation.from_pruned(
        teacher, data, layers=[0, 3], hidden=20, kv_groups=1, width=16
    )
    by_hand = pruning.depth.drop(teacher, layers=[1, 2])
    for part, keep in (
        (pruning.neurons, 20), (pruning.groups, 1), (pruning.width, 16)
    ):  # fmt: skip
        scores = part.importance(by_hand, data)
        by_hand = part.prune(by_hand, keep=keep, importance=scores)
    assert torch.equal(ask(student), ask(by_hand))
    assert student.format == "2-layers, 20-neurons, 1-groups, 16-wide"


def test_one_part_alone_may_be_cut():
    teacher = decoder(dtype=torch.float32)
    student = distillation.from_pruned(teacher, [draw_tokens(2, 8)], hidden=10)
    assert student.format == "10-neurons" and len(student.layers) == 2


@pytest.mark.parametrize("name", ["decoder", "rnn", "wrapped gpt2", "bert", "t5"])
def test_random_weights_have_the_same_shape_and_are_drawn_anew(name):
    built = {"rnn": recurrent, "wrapped gpt2": wrapped}
    model = built[name](dtype=torch.float32) if name in built else make(name)
    state = torch.get_rng_state()
    fresh, again = students.random(model), students.random(model)
    assert torch.equal(torch.get_rng_state(), state)
    shapes = {n: p.shape for n, p in model.named_parameters()}
    assert {n: p.shape for n, p in fresh.named_parameters()} == shapes
    matrices = [n for n, shape in shapes.items() if len(shape) > 1]
    for which in matrices:
        one, other = (m.get_parameter(which) for m in (fresh, again))
        assert torch.equal(one, other)
        assert not torch.equal(one, model.get_parameter(which))
    third = students.random(model, seed=1)
    assert not torch.equal(
        third.get_parameter(matrices[0]), fresh.get_parameter(matrices[0])
    )


def test_random_weights_of_a_cut_student_fit_its_sizes():
    teacher = decoder(dtype=torch.float32, num_hidden_layers=3)
    cut = distillation.from_pruned(
        teacher, [draw_tokens(4, 12)], layers=[0, 2], hidden=20, kv_groups=1
    )
    fresh = students.random(cut)
    assert ask(fresh).shape == ask(cut).shape
    assert sum(p.numel() for p in fresh.parameters()) == sum(
        p.numel() for p in cut.parameters()
    )


def test_a_student_is_saved_and_comes_back(tmp_path):
    student = distillation.from_layers(decoder(dtype=torch.float32), [1])
    models.save(student, tmp_path / "student")
    assert torch.equal(ask(models.load(tmp_path / "student")), ask(student))


def test_what_changes_a_student_leaves_its_teacher():
    teacher = make("decoder")
    before = {n: p.clone() for n, p in teacher.named_parameters()}
    student = surgery.clone(distillation.from_layers(teacher, [0]))
    spread(student, seed=3)
    assert all(torch.equal(p, before[n]) for n, p in teacher.named_parameters())


def refusals():
    model, t5 = make("decoder"), make("t5")
    data = [draw_tokens(2, 8)]
    return (
        (lambda: distillation.student_layers(4, 6), "are more than the teacher's 4"),
        (lambda: distillation.student_layers(4, 0), "student_layers=0"),
        (lambda: distillation.student_layers(4.0, 2), "teacher_layers=4.0"),
        (lambda: distillation.from_layers(model, [2]), "layers=2 must be .* from 0"),
        (lambda: distillation.from_layers(model, [-1]), "from 0 to 1"),
        (lambda: distillation.from_layers(model, []), r"layers=\[\] must be whole"),
        (lambda: distillation.from_layers(model, [1, 0]), "must rise"),
        (lambda: distillation.from_layers(model, [0, 0]), "no layer twice"),
        (lambda: distillation.from_layers(model, 1), "layers=1 must be whole numbers"),
        (
            lambda: distillation.from_layers(model, [0], decoder_layers=[0]),
            "has no decoder beside an encoder",
        ),
        (
            lambda: distillation.from_layers(t5, [0], decoder_layers=[5]),
            "decoder_layers=5",
        ),
        (lambda: distillation.from_layers("coder", [0]), "teacher='coder'"),
        (lambda: distillation.from_pruned(model, data), "which cuts nothing"),
        (lambda: distillation.from_pruned(model, data, hidden=0), "keep=0 neurons"),
        (lambda: distillation.from_pruned(model, [], hidden=5), "holds no batch"),
        (lambda: students.random(torch.nn.Linear(2, 2)), "without a configuration"),
        (lambda: students.random(model, seed=-1), "seed=-1"),
    )


def test_bad_input_is_refused_in_one_sentence():
    for call, words in refusals():
        with pytest.raises(ValueError, match=words) as refusal:
            call()
        assert "\n" not in str(refusal.value)
