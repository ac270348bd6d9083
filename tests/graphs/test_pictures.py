"""The pictures of ways, places and levels keep the rules and say what they show."""

import drawn
import pytest
from ladder_records import WAYS, fact, laddered

from llmlab import show
from llmlab.core import records
from llmlab.graphs import quantities as q
from llmlab.show.graphs import ladder, layers, levels, places

BEFORE = [("norm", "pow"), ("norm", "mean"), ("norm", "rsqrt"), ("norm", "mul"),
          ("norm", "mul"), ("attention", "mm"), ("attention", "mm"),
          ("attention", "mm"), ("attention", "mul"), ("attention", "add"),
          ("attention", "sdpa"), ("attention", "mm"), ("mlp", "mm"), ("mlp", "mm"),
          ("mlp", "silu"), ("mlp", "mul"), ("mlp", "mm")]  # fmt: skip
AFTER = [("norm", ["pow", "mean", "rsqrt", "mul", "mul"]), ("attention", "mm"),
         ("attention", ["mul", "add"]), ("attention", "sdpa"), ("attention", "mm"),
         ("mlp", "mm"), ("mlp", ["silu", "mul"]), ("mlp", "mm")]  # fmt: skip


def built():
    """The same without ratios: what asks when building has paid."""
    return [each for each in laddered() if each.name != q.STEP_GAIN.name]


def compiled():
    return [
        records.make(q.COMPILATIONS, count, kind="measured", subject=name,
                     details={"steps": step})
        for name, counts in (("growing cache", range(1, 9)), ("fixed places", [1] * 8))
        for step, count in enumerate(counts, 1)
    ]  # fmt: skip


def filled():
    return [
        fact(q.FILLED_TIME, time * 1e-3, name, filled=count, places=room)
        for name, grows in (("fixed places", False), ("growing cache", True))
        for count in (16, 64, 256)
        for room in [count if grows else 256]
        for time in [4 + room / 256]
    ]


def won():
    """The same with ratios, as the experiment returns them."""
    details = {"filled": 16, "places": 256, "verdict": "slower"}
    return [*filled(), fact(q.FILLED_GAIN, 0.81, "fixed places", **details)]


def roomy():
    """More and more places for as many tokens."""
    return [
        fact(q.FILLED_TIME, (4 + room / 256) * 1e-3, "static", filled=16, places=room)
        for room in (64, 256, 1024)
    ]


def at_levels():
    rates = {"-O0": 0.4e9, "-O3": 5.6e9, "for this machine": 14.2e9,
             "with prefetch": 15.9e9, "reading alone": 16.4e9}  # fmt: skip
    facts = [fact(q.INNER_RATE, rate, name) for name, rate in rates.items()]
    facts += [fact(q.INNER_TIME, 1e8 / rate, name) for name, rate in rates.items()]
    return facts + [
        fact(q.INNER_GAIN, rate / rates["-O0"], name, against="-O0", verdict="faster")
        for name, rate in rates.items()
        if name != "-O0"
    ]


PICTURES = {
    "ladder": (laddered, ladder.ways),
    "paid": (built, ladder.paid),
    "growing": (compiled, places.growing),
    "filled": (filled, places.filled),
    "roomy": (roomy, places.filled),
    "levels": (at_levels, levels.levels),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_keeps_the_rules(name):
    result, draw = PICTURES[name]
    assert not drawn.faults(lambda: draw(result()))


def words(name):
    result, draw = PICTURES[name]
    return drawn.words_of(draw(result()))


def test_a_whole_ladder_gets_bars_and_without_ratios_the_lines():
    assert show.figure(laddered()).alt.startswith("Time of a decode step by the way")
    assert show.figure(built()).alt.startswith("Time with building")
    assert show.graphs.break_even(laddered()).alt.startswith("Time with building")


def test_a_ladder_says_time_factor_and_seconds_to_build():
    alt = show.figure(laddered()).alt
    assert "eager: 5.00 ms, nothing to build." in alt
    assert "fused: 4.80 ms, 1.04 ×, no difference shown, built in 50.0 ms." in alt
    assert "ONNX Runtime: 2.90 ms, 1.72 × as fast, built in 4.10 s." in alt
    said = words("ladder")
    assert "2.90 ms\n1.72 × as fast" in said and "4.10 s" in said
    assert said.count("nothing to build") == 1


def test_the_lines_say_when_building_has_paid_or_that_it_never_does():
    alt = show.graphs.break_even(laddered()).alt
    assert "static: never, built in 400 ms." in alt
    assert "fused: no gain shown, built in 50.0 ms." in alt
    assert "OpenVINO: after 2,708 tokens, built in 6.50 s." in alt
    said = drawn.words_of(ladder.paid(laddered()))
    assert "eager, nothing to build" in said and "native int8: after 257 tokens" in said
    assert any("estimated from measured times" in each for each in said)


def test_where_no_way_pays_no_marker_is_promised():
    facts = [each for each in laddered() if each.name != q.PAID.name]
    said = drawn.words_of(ladder.paid(facts))
    assert "No way surely catches up with eager" in said
    assert not any(each.startswith("Marked") for each in said)


def test_without_ratios_nothing_is_called_slower():
    assert "static: no gain shown" in words("paid")


def test_a_marker_lies_where_both_lines_meet():
    fig = ladder.paid(built())
    lines = {line.get_label(): line for line in fig.axes[0].lines}
    plain = lines["eager, nothing to build"]
    markers = [line for line in fig.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(markers) == 4
    for marker in markers:
        (count,), (ratio,) = marker.get_xdata(), marker.get_ydata()
        assert ratio == 1 == pytest.approx(plain.get_ydata()[0])
        eager, _ = WAYS["eager"]
        met = [
            (1e3 * build / count + ms) / eager
            for ms, build in WAYS.values()
            if build is not None
        ]
        assert any(ratio == pytest.approx(each) for each in met)


def test_a_growing_cache_says_how_often_a_step_was_compiled():
    alt = show.figure(compiled()).alt
    assert "growing cache: 1 compilation after step 1, 8 compilations after" in alt
    assert "fixed places: 1 compilation after step 1, 1 compilation after" in alt
    assert "compilations so far (measured)" in words("growing")


def test_places_are_drawn_along_what_is_varied():
    assert "places filled" in words("filled")
    assert "places, 16 of them filled" in words("roomy")
    assert (
        "With 16 filled fixed places is 0.81 times as fast as the other (slower)."
        in (show.figure(won()).alt)
    )
    assert "growing cache: 4.06 ms with 16 of 16 filled" in show.figure(filled()).alt


def test_levels_say_rate_ratio_and_time():
    alt = show.figure(at_levels()).alt
    assert "-O0: 400 MB/s, 250 ms a matrix." in alt
    assert "for this machine: 14.2 GB/s, 35.5 × as fast, 7.04 ms a matrix." in alt
    assert "5.60 GB/s, 14 × as fast" in words("levels")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_without_its_facts_is_refused(name):
    _, draw = PICTURES[name]
    with pytest.raises(ValueError, match="result holds no"):
        draw([fact(q.KERNELS, 3, "eager")])


def test_a_layer_says_kernels_before_and_after_by_stage():
    picture = show.graphs.layer(BEFORE, AFTER)
    assert len(picture.png) <= drawn.BYTES
    assert "Before fusing 17 operators." in picture.alt
    assert "After fusing 8 kernels for 14 operators." in picture.alt
    assert "norm: one kernel of pow, mean, rsqrt, mul × 2." in picture.alt
    assert "mlp: mm × 2; one kernel of silu, mul." in picture.alt


def test_a_layer_of_many_operators_still_fits():
    many = [("attention", f"operator {n}") for n in range(24)]
    joined = [("attention", [name for _, name in many])]
    picture = show.graphs.layer(many, joined)
    assert "After fusing 1 kernel for 24 operators." in picture.alt


def test_a_long_name_is_cut_in_its_box_and_told_whole():
    name = "_scaled_dot_product_flash_attention_for_cpu_backward"
    picture = show.graphs.layer([("attention", name)], [("attention", [name, "mm"])])
    assert picture.alt.count(name) == 2


def test_a_stage_that_one_side_has_not_is_drawn_as_nothing():
    picture = show.graphs.layer([("norm", "mul"), ("mlp", "mm")], [("mlp", "mm")])
    assert "After fusing 1 operator. mlp: mm." in picture.alt


@pytest.mark.parametrize("wrong", [[], ["mm"], [("norm", [])], [("norm", "a", "b")]])
def test_a_layer_of_something_else_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match="after"):
        show.graphs.layer(BEFORE, wrong)


def test_what_goes_is_marked_where_it_stood():
    norm = [("norm", name) for name in ("pow", "rsqrt", "mul", "mul")]
    left = [("norm", name) for name in ("pow", "rsqrt", "mul")]
    products = [[("linear", "mm")] * count for count in (3, 1)]
    sides = [
        [(stage, [name]) for stage, name in side]
        for side in (norm * 2 + products[0], left * 2 + products[1])
    ]
    assert layers._gone("norm", sides) == {3, 7}, "one of each norm, the last"
    assert layers._gone("linear", sides) == {1, 2}
    assert not layers._gone("norm", [sides[0], sides[0]])
    alone = [("mlp", ["silu"]), ("mlp", ["mul"])]
    assert not layers._gone("mlp", [alone, [("mlp", ["silu", "mul"])]]), "in a kernel"
