"""Wrong answers to the exercises of lab 08: answer, word of the hint."""

import math
import statistics

import numpy
import torch
from batching import right_answers as right
from batching import wrong_plans as plans


def padded(prompts, pad, *, behind=False):
    width = max(map(len, prompts))
    gaps = [[pad] * (width - len(prompt)) for prompt in prompts]
    pairs = zip(gaps, prompts, strict=True)
    return torch.tensor([p + g if behind else g + p for g, p in pairs])


def pads_behind(prompts, pad):
    tokens = padded(prompts, pad, behind=True)
    lengths = torch.tensor([[len(prompt)] for prompt in prompts])
    places = torch.arange(tokens.shape[1]).expand(tokens.shape)
    mask = (places < lengths).long()
    return tokens, mask, places * mask


def mask_by_token(prompts, pad):
    tokens = padded(prompts, pad)
    mask = (tokens != pad).long()
    return tokens, mask, (mask.cumsum(1) - 1).clamp(min=0)


def mask_turned(prompts, pad):
    tokens, mask, positions = right.pad_by_flips(prompts, pad)
    return tokens, (mask == 0).long(), positions


def positions_of_columns(prompts, pad):
    tokens, mask, _ = right.pad_by_lists(prompts, pad)
    return tokens, mask, torch.arange(tokens.shape[1]).repeat(len(prompts), 1)


def positions_below_zero(prompts, pad):
    tokens, mask, _ = right.pad_by_lists(prompts, pad)
    return tokens, mask, mask.cumsum(1) - 1


def positions_with_ones(prompts, pad):
    tokens, mask, _ = right.pad_by_lists(prompts, pad)
    return tokens, mask, (mask.cumsum(1) - 1).masked_fill(mask == 0, 1)


def ragged_lists(prompts, pad):
    return prompts, [[1] * len(p) for p in prompts], [[*range(len(p))] for p in prompts]


def pads_with_zero(prompts, pad):
    return right.pad_by_writing(prompts, 0)


def mask_of_truth(prompts, pad):
    tokens, mask, positions = right.pad_by_lists(prompts, pad)
    return tokens, mask.bool(), positions


def floats(prompts, pad):
    width = max(map(len, prompts))
    tokens = torch.zeros(len(prompts), width) + pad
    for row, prompt in enumerate(prompts):
        tokens[row, width - len(prompt) :] = torch.tensor(prompt, dtype=torch.float)
    return tokens, *right.pad_by_lists(prompts, pad)[1:]


def cut_to_shortest(prompts, pad):
    width = min(map(len, prompts))
    return right.pad_by_lists([prompt[:width] for prompt in prompts], pad)


def static(*, longest=max, order=list, rows=len, last=0):
    def answer(lengths, batch):
        lengths, steps, wasted = order(lengths), 0, 0
        for start in range(0, len(lengths) - last * (batch - 1), batch):
            group = lengths[start : start + batch]
            steps += longest(group)
            wasted += longest(group) * rows(group) - sum(group)
        return steps, wasted

    return answer


def static_full(lengths, batch):
    steps = static()(lengths, batch)[0]
    return steps, steps * batch - sum(lengths)


def static_counts_rows(lengths, batch):
    groups = [lengths[i : i + batch] for i in range(0, len(lengths), batch)]
    ended = sum(one < max(group) for group in groups for one in group)
    return sum(map(max, groups)), ended


def static_by_last(lengths, batch):
    groups = [lengths[i : i + batch] for i in range(0, len(lengths), batch)]
    wasted = sum(max(group) - min(group) for group in groups)
    return sum(map(max, groups)), wasted


def static_one_by_one(lengths, batch):
    return sum(lengths), right.static_by_loop(lengths, batch)[1]


def static_share(lengths, batch):
    steps, wasted = right.static_by_loop(lengths, batch)
    return steps, wasted / (wasted + sum(lengths))


def dynamic(*, late=lambda a, due: a > due, since=0, at_full=True, rest=True, most=0):
    def answer(arrivals, max_batch, max_wait):
        groups, members = [], []
        for place, arrival in enumerate(arrivals):
            if members and late(arrival, arrivals[members[since]] + max_wait):
                groups.append((arrivals[members[since]] + max_wait, members))
                members = []
            members = [*members, place]
            if len(members) == max_batch + most:
                due = arrivals[members[0]] + max_wait
                groups.append((arrival if at_full else due, members))
                members = []
        if members and rest:
            groups.append((arrivals[members[since]] + max_wait, members))
        return groups

    return answer


def dynamic_flushed(arrivals, max_batch, max_wait):
    groups = right.dynamic_by_slices(arrivals, max_batch, max_wait)
    return [*groups[:-1], (arrivals[-1], groups[-1][1])]


def dynamic_late_news(arrivals, max_batch, max_wait):
    """Look at the clock only when somebody comes."""
    groups, members = [], []
    for place, arrival in enumerate(arrivals):
        if members and arrival - arrivals[members[0]] > max_wait:
            groups.append((arrival, members))
            members = []
        members = [*members, place]
        if len(members) == max_batch:
            groups.append((arrival, members))
            members = []
    return [*groups, (arrivals[members[0]] + max_wait, members)] if members else groups


def dynamic_times(arrivals, max_batch, max_wait):
    groups = right.dynamic_by_loop(arrivals, max_batch, max_wait)
    return [(start, [arrivals[one] for one in members]) for start, members in groups]


def dynamic_as_dict(arrivals, max_batch, max_wait):
    return dict(right.dynamic_by_loop(arrivals, max_batch, max_wait))


def dynamic_unlimited(arrivals, max_batch, max_wait):
    return right.dynamic_by_loop(arrivals, len(arrivals) + 1, max_wait)


def chunk(*, begun=True, room=True, budget=True, left=True, least=None, fill=None):
    def answer(left_over, computed, free_pages, limit, page_size):
        free = free_pages * (page_size if fill is None else fill)
        places = free + (-computed % page_size if begun else 0)
        limits = [places] * room + [limit] * budget + [left_over] * left
        return (least or min)(limits)

    def named(left, computed, free_pages, budget, page_size):
        return answer(left, computed, free_pages, budget, page_size)

    return named


def chunk_of_full_page(left, computed, free_pages, budget, page_size):
    room = page_size - computed % page_size + free_pages * page_size
    return min(left, budget, room)


def chunk_of_used(left, computed, free_pages, budget, page_size):
    return min(left, budget, computed % page_size + free_pages * page_size)


def chunk_whole(left, computed, free_pages, budget, page_size):
    fits = right.chunk_by_min(left, computed, free_pages, budget, page_size)
    return left if fits == left else 0


def chunk_of_floats(left, computed, free_pages, budget, page_size):
    pages = math.ceil(computed / page_size) + free_pages
    return float(min(left, budget, pages * page_size - computed))


def chunk_of_tensor(left, computed, free_pages, budget, page_size):
    size = right.chunk_by_min(left, computed, free_pages, budget, page_size)
    return torch.tensor(size)


def chunk_only_if_free(left, computed, free_pages, budget, page_size):
    if free_pages == 0:
        return 0
    return right.chunk_by_pages(left, computed, free_pages, budget, page_size)


def wait(*, moment=None, extra=0.0, full=True, least=1.0):
    def answer(rate, service_times):
        mean = statistics.fmean(service_times)
        squares = statistics.fmean(one**2 for one in service_times)
        load = rate * mean
        if full and load >= least:
            return math.inf
        second = squares if moment is None else moment(service_times)
        return rate * second / (2 * (1 - load)) + extra * mean

    return answer


def wait_without_end_above(rate, service_times):
    load = rate * statistics.fmean(service_times)
    if load > 1:
        return math.inf
    return math.inf if load > 1 else wait(full=False)(rate, service_times)


def wait_raises(rate, service_times):
    if rate * statistics.fmean(service_times) >= 1:
        raise ValueError("too many requests")
    return right.wait_by_sums(rate, service_times)


def wait_over_load(rate, service_times):
    mean = sum(service_times) / len(service_times)
    load = rate * mean
    if load >= 1:
        return float("inf")
    return rate * statistics.fmean(one**2 for one in service_times) / (2 * load)


def wait_mm1(rate, service_times):
    mean = statistics.fmean(service_times)
    return math.inf if rate * mean >= 1 else rate * mean**2 / (1 - rate * mean)


def wait_by_rate(rate, service_times):
    return math.inf if rate >= 1 else wait(full=False)(rate, service_times)


WRONG = {
    "pad_left": {
        "behind": (pads_behind, "in front"),
        "mask by token": (mask_by_token, "equal to pad"),
        "mask turned": (mask_turned, "other way round"),
        "columns": (positions_of_columns, "count the columns"),
        "negative": (positions_below_zero, "negative"),
        "ones": (positions_with_ones, "here it has 1"),
        "ragged": (ragged_lists, "return a tensor"),
        "zeros": (pads_with_zero, "the token to fill up with"),
        "truth": (mask_of_truth, "torch.int64"),
        "floats": (floats, "torch.int64"),
        "shortest": (cut_to_shortest, "no token goes"),
        "two": (lambda p, pad: right.pad_by_lists(p, pad)[:2], "in this order"),
        "order": (
            lambda p, pad: right.pad_by_lists(p, pad)[::-1],
            "another order",
        ),
    },
    "static_batches": {
        "mean": (static(longest=statistics.mean), "on average"),
        "mean, rounded": (static(longest=lambda g: sum(g) // len(g)), "on average"),
        "first": (static(longest=lambda g: g[0]), "anywhere in it"),
        "full": (static_full, "fewer rows"),
        "sorted": (static(order=sorted), "not sorted"),
        "last lost": (static(last=1), "even if it is not full"),
        "rows": (static_counts_rows, "every step after its end"),
        "shortest alone": (static_by_last, "not only the shortest"),
        "one by one": (static_one_by_one, "side by side"),
        "share": (static_share, "not a share"),
        "turned": (
            lambda lengths, batch: right.static_by_loop(lengths, batch)[::-1],
            "another order",
        ),
        "nothing": (lambda lengths, batch: None, "return"),
    },
    "dynamic_batches": {
        "from the last": (dynamic(since=-1), "from the first member"),
        "never full": (dynamic(at_full=False), "full batch leaves at once"),
        "deadline": (dynamic(late=lambda a, due: a >= due), "exactly at the deadline"),
        "leftover": (dynamic(rest=False), "what is open at the end"),
        "flushed": (dynamic_flushed, "nobody knows that it is last"),
        "one more": (dynamic(most=1), "not one more"),
        "unlimited": (dynamic_unlimited, "no limit"),
        "late news": (dynamic_late_news, "not when somebody arrives"),
        "times": (dynamic_times, "not the times"),
        "dict": (dynamic_as_dict, "a list with a pair for each batch"),
        "one member": (
            lambda *a: [(start, g[0]) for start, g in right.dynamic_by_slices(*a)],
            "members are a list",
        ),
    },
    "chunk_size": {
        "begun page": (chunk(begun=False), "has places left, too"),
        "no pages": (chunk(room=False), "no token without a place"),
        "no budget": (chunk(budget=False), "the budget limits"),
        "more than left": (chunk(left=False), "that are left"),
        "largest": (chunk(least=max), "the largest"),
        "pages as places": (chunk(fill=1), "not one"),
        "full page": (chunk_of_full_page, "fill their pages exactly"),
        "used": (chunk_of_used, "are taken"),
        "all or nothing": (chunk_whole, "may be cut"),
        "float": (chunk_of_floats, "keeps whole numbers"),
        "tensor": (chunk_of_tensor, "int(x)"),
        "no free page": (chunk_only_if_free, "even if no other page is free"),
    },
    "plan_step": {what: plans.PLANS[what] for what in plans.PLANS},
    "preempt": {what: plans.VICTIMS[what] for what in plans.VICTIMS},
    "waiting_time": {
        "variance": (wait(moment=statistics.pvariance), "mean of the squares"),
        "numpy's variance": (wait(moment=numpy.var), "mean of the squares"),
        "square of the mean": (
            wait(moment=lambda times: statistics.fmean(times) ** 2),
            "square of the mean",
        ),
        "with the service": (wait(extra=1), "comes on top"),
        "no end": (wait(full=False), "without end"),
        "above 1 only": (wait_without_end_above, "exactly 1"),
        "raises": (wait_raises, "float('inf')"),
        "over the load": (wait_over_load, "1 - load"),
        "M/M/1": (wait_mm1, "M/M/1"),
        "rate alone": (wait_by_rate, "together with the times"),
        "no half": (lambda r, s: 2 * right.wait_by_sums(r, s), "the 2 is missing"),
    },
}

CHANGING = [  # exercise, parameter, answer
    ("plan_step", "waiting", plans.takes_out),
    ("preempt", "running", plans.pops),
    ("pad_left", "prompts", plans.pads_in_place),
    ("static_batches", "lengths", plans.sorts_in_place),
    ("dynamic_batches", "arrivals", plans.eats_arrivals),
]
