"""Drawings can be read: text is measured, nothing overlaps, colours carry."""

import io
import itertools
import random

import matplotlib
import pytest
from drawn_ideas import EXAMPLES, mask
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from llmlab.show import draw, style
from llmlab.show.draw import fits, layouts, looks, pictures, words

every_example = pytest.mark.parametrize("example", EXAMPLES)
STEPS = draw.tokens(["a", "b"])


def picture(piece, *joints, title="An idea", **more):
    return draw.picture(piece, *joints, title=title, alt="what is seen", **more)


def sheet(piece, *joints):
    """The laid out sheet, before it is rendered."""
    return style.by_the_rules(pictures.laid_out)(piece, joints, "An idea", "A note.")


def extents(drawn):
    return [fits.extent_of(each, drawn) for each in drawn.written]


# What every drawing keeps


@every_example
def test_text_lies_in_the_card_and_meets_no_other_text(example):
    piece, joints = example()
    drawn = sheet(piece, *joints)
    rects = extents(drawn)
    assert len(rects) > 4
    for rect in rects:
        assert rect.x >= 8 and rect.right <= drawn.card.width - 8
        assert rect.y >= 8 and rect.bottom <= drawn.card.height - 8
    for one, other in itertools.combinations(rects, 2):
        apart_x = one.right <= other.x + 1 or other.right <= one.x + 1
        apart_y = one.bottom <= other.y + 1 or other.bottom <= one.y + 1
        assert apart_x or apart_y


@every_example
def test_text_can_be_read_on_what_it_stands_on(example):
    piece, joints = example()
    for each in sheet(piece, *joints).written:
        assert looks.contrast(each.color, each.fill) >= 4.5
        assert each.artist.get_fontsize() >= 9


@every_example
def test_a_drawing_is_sharp_and_takes_20_kb_at_most(example):
    piece, joints = example()
    drawn = picture(piece, *joints)
    image = Image.open(io.BytesIO(drawn.png))
    assert len(drawn.png) <= 20_000
    assert image.size == (drawn.width * 1.5, drawn.height * 1.5)
    assert drawn.width == 720 and drawn.alt == "what is seen"


@every_example
def test_a_drawing_is_the_same_twice_whatever_the_notebook_has_set(example):
    piece, joints = example()
    first = picture(piece, *joints).png
    with matplotlib.rc_context({"font.size": 22, "savefig.bbox": "tight",
                                "hatch.linewidth": 5}):  # fmt: skip
        assert picture(piece, *joints).png == first


def test_a_drawing_brings_its_own_opaque_card_and_keeps_its_colours():
    piece, joints = mask()
    image = Image.open(io.BytesIO(picture(piece, *joints).png))
    assert "transparency" not in image.info
    colours = {f"#{r:02x}{g:02x}{b:02x}"
               for _, (r, g, b) in image.convert("RGB").getcolors(99)}  # fmt: skip
    assert {style.CARD, style.SERIES[0].color, looks.MASKED.edge} <= colours
    assert len(colours) <= 32


# What cannot be read is refused


def test_words_that_do_not_fit_their_shape_are_refused():
    span = draw.Span(0, 1, "a long name for a short span")
    with pytest.raises(ValueError, match=r"'a long name.*fewer words"):
        draw.timeline(draw.lane("x", span, draw.Span(1, 90)))
    with pytest.raises(ValueError, match=r"'token'.*needs \d+ pixels"):
        draw.tokens(["token"], width=20)
    with pytest.raises(ValueError, match=r"'unbreakable' needs"):
        draw.box("unbreakable", width=50)
    with pytest.raises(ValueError, match=r"height=20 is too low"):
        draw.box("name", note="note", height=20)
    with pytest.raises(ValueError, match=r"'long owner' needs"):
        draw.memory([draw.page("long owner", 1)])


def test_text_that_meets_text_is_refused():
    lengths = [draw.Extent(1, 1.1, "a long name"), draw.Extent(1.5, 1.6, "another")]
    lane = draw.lane("x", draw.Span(0, 9))
    with pytest.raises(ValueError, match="'a long name' overlaps 'another'"):
        picture(draw.timeline(lane, draw.lane("y", *lengths)))


def test_a_label_longer_than_its_arrow_is_refused():
    one, other = draw.box("one"), draw.box("other")
    with pytest.raises(ValueError, match="'goes over to' meets an edge"):
        picture(draw.row(one, other, gap=30), draw.arrow(one, other, "goes over to"))


def test_an_arrow_through_text_or_over_a_shape_is_refused():
    one, between, other = draw.box("one"), draw.box("between"), draw.box("other")
    piece = draw.row(one, between, other, gap=50)
    with pytest.raises(ValueError, match=r"'between' is crossed.*does not join"):
        picture(piece, draw.arrow(one, other))


def test_a_drawing_wider_than_the_page_is_refused():
    with pytest.raises(ValueError, match=r"800 pixels wide.*672"):
        picture(draw.space(width=800))


def test_a_drawing_that_takes_more_than_20_kb_is_refused():
    letters = random.Random(0).choices("abcdefghijkmnopqrs", k=30 * 60)
    lines = ["".join(letters[k : k + 60]) for k in range(0, len(letters), 60)]
    with pytest.raises(ValueError, match=r"20,000.*two drawings"):
        picture(draw.text("\n".join(lines)))


def test_an_arrow_needs_ends_that_are_drawn_once():
    one, other = draw.box("one"), draw.box("other")
    with pytest.raises(ValueError, match="box that is not in the drawing"):
        picture(one, draw.arrow(one, other))
    with pytest.raises(ValueError, match="twice"):
        picture(draw.row(one, one))


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: draw.picture(STEPS, title="x", alt=" "), "alt="),
        (lambda: draw.matrix([[1, 2], [3]]), r"lengths \[2, 1\]"),
        (lambda: draw.matrix([]), "at least one cell"),
        (lambda: draw.matrix([[1]], row_labels=["a", "b"]), "2 labels for 1"),
        (lambda: draw.number_line(1, 1), "not below"),
        (lambda: draw.number_line(0, 1, points=[draw.Point(0.5, to=2)]), "outside"),
        (lambda: draw.timeline(draw.lane("empty")), "no lane has an item"),
        (lambda: draw.timeline(draw.lane("x", draw.Span(2, 1))), "from 2 to 1"),
        (lambda: draw.memory([]), "no memory"),
        (lambda: draw.memory([draw.page("A", 3)], slots=2), "3 of 2 slots"),
        (lambda: draw.shade(1.2), "share=1.2"),
        (lambda: draw.Look(fill="#777777"), "contrast of"),
        (lambda: draw.arrow(STEPS, STEPS, route="round"), "'round'.*'loop'"),
    ],
)
def test_bad_input_is_refused_with_the_rule(make, rule):
    with pytest.raises(ValueError, match=rule):
        make()


# Layout is computed


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1,
                max_size=6), st.integers(0, 30))  # fmt: skip
def test_what_stands_in_a_row_or_column_keeps_its_size_and_its_gap(sizes, gap):
    for stack, along in ((draw.row, 0), (draw.column, 1)):
        pieces = [draw.space(*size) for size in sizes]
        whole = stack(*pieces, gap=gap, align="center")
        where = layouts.places(whole, 0, 0)
        rects = [where[each] for each in pieces]
        assert all(where[whole].holds(rect) for rect in rects)
        for one, other in itertools.pairwise(rects):
            assert (other.x - one.right, other.y - one.bottom)[along] == gap
        across = {round(rect.middle[1 - along], 6) for rect in rects}
        assert len(across) == 1


@settings(max_examples=25, deadline=None)
@given(st.text(st.sampled_from("abMWil .,"), min_size=1, max_size=40))
def test_text_is_never_wider_than_it_was_measured(line):
    drawn = sheet(draw.text(line))
    widths = [rect.width for rect in extents(drawn)]
    assert max(widths[1:-1]) <= words.width_of(line) + 1  # without title and note


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("abcdef", min_size=1, max_size=8), min_size=1, max_size=12),
       st.integers(80, 200))  # fmt: skip
def test_wrapped_lines_fit_and_lose_no_word(parts, width):
    wrapped = words.wrap(" ".join(parts), width)
    assert wrapped.split() == parts
    assert all(words.width_of(line) <= width for line in wrapped.split("\n"))


def test_an_arrow_runs_from_edge_to_edge():
    one, other = draw.box("one"), draw.box("other")
    piece, arrow = draw.row(one, other, gap=50), draw.arrow(one, other)
    where = layouts.places(piece, 0, 0)
    (start, y), (end, to_y) = arrow._points(where)
    assert y == to_y == where[one].middle[1]
    assert where[one].right < start < end < where[other].x
    back = draw.arrow(other, one, route="loop")._points(where)
    assert max(y for _, y in back) > piece.height  # below both


@pytest.mark.parametrize("color", range(len(style.SERIES)))
def test_every_fill_gets_an_ink_that_can_be_read(color):
    fills = [draw.tint(color), draw.solid(color)]
    fills += [draw.shade(k / 20, color) for k in range(21)]
    assert all(looks.contrast(each.ink, each.fill) >= 4.5 for each in fills)


def test_free_wasted_and_masked_differ_in_more_than_colour():
    assert draw.FREE.dashed and draw.WASTED.hatched
    assert not (draw.MASKED.dashed or draw.MASKED.hatched)


def test_a_number_in_a_cell_has_a_true_minus():
    drawn = sheet(draw.matrix([[-2.5, 3]], width=40))
    assert {"−2.5", "3"} <= {each.artist.get_text() for each in drawn.written}
