"""Lab 8's experiments measure what they say, with the learner's functions as parts."""

from itertools import pairwise
from types import SimpleNamespace

import pytest

from llmlab import batching, models, show
from llmlab.batching import arrivals, experiments, plans
from llmlab.batching import quantities as q
from llmlab.batching.experiments import simulation, timelines, workloads
from llmlab.batching.plans import Plan
from llmlab.batching.replay import StepCost
from llmlab.batching.watching import Step

PARTS = (plans.plan_step, plans.preempt)


@pytest.fixture(scope="module")
def model():
    return models.load("coder-small")


def static_batches(lengths, batch):
    groups = [lengths[i : i + batch] for i in range(0, len(lengths), batch)]
    wasted = sum(max(group) * len(group) - sum(group) for group in groups)
    return sum(map(max, groups)), wasted


def dynamic_batches(came, max_batch, max_wait):
    batches, first = [], 0
    while first < len(came):
        due, last = came[first] + max_wait, first
        while last < len(came) and last - first < max_batch and came[last] <= due:
            last += 1
        full = last - first == max_batch
        batches.append((came[last - 1] if full else due, list(range(first, last))))
        first = last
    return batches


def waiting_time(rate, services):
    busy = rate * sum(services) / len(services)
    if busy >= 1:
        return float("inf")
    second = sum(each**2 for each in services) / len(services)
    return rate * second / (2 * (1 - busy))


def test_more_rows_give_more_tokens_and_longer_steps(model):
    result = experiments.rows(model, rows=(1, 4), tokens=32, seconds=0.1)
    rates = [f for f in result.facts if f.name == q.ROWS_RATE.name]
    steps = [f for f in result.facts if f.name == q.ROWS_STEP.name]
    for one, step in zip(rates, steps, strict=True):
        assert one.value == pytest.approx(one.details["rows"] / step.value)
    product = result.ratio(4).value * result.longer(4).value
    assert product == pytest.approx(4, rel=0.3), "both are medians over rounds"
    assert "4 rows" in show.figure(result).alt
    with pytest.raises(ValueError, match="choose of rows=4"):
        result.ratio(8)


@pytest.fixture(scope="module")
def served(model):
    return experiments.served(model, *PARTS, requests=6, seats=2, repeats=1)


def test_a_trace_is_served_in_every_way_with_the_same_tokens(served):
    assert served.equal
    assert served.said == (
        "6 requests: with your plan all tokens are those of each alone."
    )
    times = {f.subject: f.value for f in served.facts if f.name == q.TRACE_TIME.name}
    gain = times["static batches"] / times["continuous (yours)"]
    assert served.ratio("continuous", against="static").value == pytest.approx(gain)
    assert served.ratio("static").low is None, "of one round"
    assert "ran once: no interval" in show.figure(served).alt
    with pytest.raises(ValueError, match="choose of alone, static"):
        served.ratio("by magic")


def test_spans_follow_each_other_and_end_with_the_last_token(served):
    for policy, spans in served.timeline.spans.items():
        by_request = {span.request: [] for span in spans}
        for span in spans:
            by_request[span.request].append(span)
        assert len(by_request) == 6
        for own in by_request.values():
            assert own[0].start == 0
            assert all(
                a.end == b.start and a.state != b.state for a, b in pairwise(own)
            )
            assert timelines.READING in [span.state for span in own]
        assert served.timeline.seconds(policy) == max(span.end for span in spans)
    assert "ended, still computed" in show.figure(served.timeline).alt
    with pytest.raises(ValueError, match="was not served"):
        served.timeline.seconds("by magic")


def test_a_preempted_request_is_aside_until_it_reads_again():
    requests = [SimpleNamespace(prompt=[1, 2], max_tokens=3) for _ in range(2)]
    tokens = [
        ({7: 2, 8: 2}, ()),
        ({7: 1}, (8,)),
        ({7: 1}, ()),
        ({8: 3}, ()),
        ({8: 1}, ()),
    ]
    steps = [
        Step(place, place + 1, Plan(each, victims), 0, 0, 0)
        for place, (each, victims) in enumerate(tokens)
    ]
    spans = timelines.of_steps(requests, steps, first=7, start=0)
    told = [(s.request, s.state, s.start, s.end) for s in spans]
    assert told == [
        (0, timelines.READING, 0, 1),
        (0, timelines.WRITING, 1, 3),
        (1, timelines.READING, 0, 1),
        (1, timelines.ASIDE, 1, 3),
        (1, timelines.READING, 3, 4),
        (1, timelines.WRITING, 4, 5),
    ]


def test_a_plan_that_starves_is_refused_in_a_sentence(model):
    def nobody_writes(running, waiting, free_pages, budget, page_size):
        plan = plans.plan_step(running, waiting, free_pages, budget, page_size)
        single = [row.id for row in running if row.left == 1]
        return {name: each for name, each in plan.items() if name not in single}

    with pytest.raises(ValueError, match="plan_step starves request"):
        experiments.served(model, nobody_writes, plans.preempt, requests=2, repeats=1)


def test_a_small_pool_puts_some_aside_and_changes_no_token(model):
    result = experiments.small_pool(model, *PARTS, repeats=1)
    assert result.equal and result.put_aside.value > 0
    assert "put aside" in show.figure(result.timeline).alt
    assert result.said.endswith("all tokens are those of each request alone.")
    assert result.ratio().value > 0
    computed = {
        f.subject: f.value for f in result.facts if f.name == q.TOKENS_COMPUTED.name
    }
    assert computed["a third of them"] > computed["pages for all seats"]


def test_a_long_prompt_read_whole_makes_the_longer_gap(model):
    result = experiments.gaps(model, plans.plan_step, prompt=400, streams=2, repeats=1)
    whole, chunks = (
        f.value for f in result.facts if f.name == q.LONGEST_GAP.name
    )  # fmt: skip
    assert result.ratio().value == pytest.approx(whole / chunks)
    assert result.longest().value == whole
    assert "read whole: longest gap" in show.figure(result).alt
    with pytest.raises(ValueError, match="choose of read whole"):
        result.longest("slowly")


def test_padding_on_the_left_gives_the_tokens_of_each_alone(model):
    result = experiments.padded(model, batching.padding.left, new=6)
    assert result.same().value == 1
    assert result.said.endswith("all tokens are those of each prompt alone.")
    assert result.same("without the mask").value < 1
    assert "as you pad: 100 %" in show.figure(result).alt
    with pytest.raises(ValueError, match="choose of as you pad"):
        result.same("upside down")


@pytest.mark.parametrize(
    ("pad_left", "fault"),
    [
        (lambda prompts, pad: None, "return \\(tokens, mask"),
        (lambda prompts, pad: batching.padding.left(prompts[:2], pad), "of shape"),
    ],
)
def test_padding_of_another_form_is_told_in_a_sentence(model, pad_left, fault):
    with pytest.raises(ValueError, match=fault):
        experiments.padded(model, pad_left, new=2)


def test_sorted_batches_waste_less():
    lengths = arrivals.lengths(64, 40, most=120, seed=2)
    result = experiments.fixed(static_batches)
    steps, wasted = static_batches(lengths, 8)
    assert result.steps().value == steps
    assert result.wasted().value == pytest.approx(wasted / (wasted + sum(lengths)))
    assert result.wasted(sorted=True).value < result.wasted().value
    assert {fact.kind for fact in result.records()} == {"simulated"}


@pytest.mark.parametrize("answer", [5, (1, 0), (200, -1), (100, 9000)])
def test_counts_that_cannot_be_are_refused(answer):
    with pytest.raises(ValueError, match="static_batches gave"):
        experiments.fixed(lambda lengths, batch: answer, lengths=[9, 80, 3], batch=2)


def test_waiting_for_company_costs_a_lonely_sentence_the_whole_wait():
    result = experiments.waiting(
        models.load("translator"), dynamic_batches, sizes=(1, 2), seconds=0.1,
        sentences=100,
    )  # fmt: skip
    lonely = result.seconds(0.1).value - result.seconds(0.0).value
    assert lonely == pytest.approx(0.1, rel=0.3)
    assert result.ratio(2).value > 0
    assert "Load 0.9, waits for nobody" in show.figure(result).alt
    with pytest.raises(ValueError, match="choose of load"):
        result.seconds(0.1, load="none")


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (lambda *given: None, "return a list of"),
        (lambda *given: dynamic_batches(*given)[:-1], "the last batch"),
        (lambda came, most, wait: dynamic_batches(came, most, wait + 1), "the latest"),
        (lambda came, most, wait: dynamic_batches(came, most + 1, wait), "at most 4"),
    ],
)
def test_a_rule_of_waiting_that_is_broken_is_told_in_a_sentence(rule, fault):
    from llmlab.batching.experiments import company

    came = [0.0, 0.01, 0.02, 0.03, 0.04, 5.0]
    with pytest.raises(ValueError, match=fault):
        company._checked(rule(came, 4, 0.1), came, 4, 0.1)


@pytest.fixture(scope="module")
def load(model):
    return experiments.load(
        model, waiting_time, loads=(0.1, 0.3, 1.2), live=(0.5,), requests=48,
        live_requests=16,
    )  # fmt: skip


def test_a_load_has_every_policy_and_two_kinds_of_numbers(load):
    for policy in simulation.POLICIES:
        assert load.ttft(policy, 1.2).value > load.ttft("one by one", 0.1).value / 10
        for level in simulation.LEVELS:
            assert 0 <= load.in_time(policy, 0.3, level=level.name).value <= 1
    assert load.ttft("continuous", 0.5, kind="measured").kind == "measured"
    assert load.little.value == pytest.approx(1, abs=0.35)
    assert load.wait(0.1).kind == "estimated"
    assert "by your formula" in show.figure(load).alt
    with pytest.raises(ValueError, match="is none of one by one"):
        load.ttft("by magic", 0.1)


def test_a_wait_that_is_none_is_refused(load):
    from llmlab.batching.experiments import loads

    with pytest.raises(ValueError, match="waiting_time gave -1"):
        loads._theory(lambda *given: -1, load.costs, (0.1,), 1.0)


def test_theory_is_the_simulated_wait_of_many():
    """Pollaczek and Khinchine, against the replay of 4,000 requests."""
    asked = [batching.Request([1, place], place + 2) for place in range(4)]
    total = (0.1, 0.2, 0.3, 0.6)
    costs = simulation.Costs(tuple(asked), total, total, StepCost(0.01, 0, 0))
    came = simulation.arriving(costs, 2.0, 4000)
    times = simulation.serve(simulation.ONE, costs, came)
    own = {one.prompt: seconds for one, seconds in zip(asked, total, strict=True)}
    waits = [t.ttft - own[r.prompt] for t, r in zip(times, came, strict=True)]
    assert sum(waits) / 4000 == pytest.approx(waiting_time(2.0, total), rel=0.15)


def test_shortest_first_waits_less_on_average_and_longer_at_worst(load):
    result = experiments.orders(load, requests=200)
    assert result.mean("shortest first").value < result.mean().value
    assert result.worst("shortest first").value > result.worst().value
    aged = result.worst("by priority, with aging").value
    assert aged <= result.worst("by priority").value
    assert "shortest first: mean" in show.figure(result).alt


def test_the_widget_chooses_among_what_was_simulated(load):
    widget = show.batching.load_widget(load)
    widget.selectors["policy"].value = "one by one"
    widget.selectors["load"].value = 1.2
    assert repr(widget).startswith("one by one at load 1.2: p95 of TTFT")
    assert "in time" in widget.picture.value
    with pytest.raises(ValueError, match=r"batching\.experiments\.load"):
        show.batching.load_widget(SimpleNamespace(records=list))


def test_a_tie_of_two_logits_excuses_what_follows(model):
    (request,) = workloads.ragged(model, 1)
    right = workloads.alone(model, [request])
    other = [[*right[0][:-1], right[0][-1] + 1]]
    share = workloads.as_alone(model, [request], other, right, subject="other")
    assert share.value == pytest.approx(1 - 1 / len(right[0]))
