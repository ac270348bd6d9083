"""Right answers to the exercises of lab 08, truly different ones for each."""

import bisect
import itertools
import math
import statistics
from collections import Counter, OrderedDict, deque
from fractions import Fraction

import numpy
import torch
from torch.nn.utils.rnn import pad_sequence


def pad_by_lists(prompts, pad):
    width = max(len(prompt) for prompt in prompts)
    tokens, mask, positions = [], [], []
    for prompt in prompts:
        missing = [0] * (width - len(prompt))
        tokens.append([pad for _ in missing] + prompt)
        mask.append(missing + [1] * len(prompt))
        positions.append(missing + list(range(len(prompt))))
    return torch.tensor(tokens), torch.tensor(mask), torch.tensor(positions)


def pad_by_writing(prompts, pad):
    size = len(prompts), max(map(len, prompts))
    tokens = torch.full(size, pad)
    mask, positions = tokens.new_zeros(size), tokens.new_zeros(size)
    for row, prompt in enumerate(prompts):
        tokens[row, -len(prompt) :] = torch.tensor(prompt)
        mask[row, -len(prompt) :] = 1
        positions[row, -len(prompt) :] = torch.arange(len(prompt))
    return tokens, mask, positions


def pad_by_flips(prompts, pad):
    turned = [torch.tensor(prompt[::-1]) for prompt in prompts]
    tokens = pad_sequence(turned, batch_first=True, padding_value=pad).flip(1)
    ones = [torch.ones(len(prompt), dtype=torch.long) for prompt in prompts]
    mask = pad_sequence(ones, batch_first=True).flip(1)
    return tokens, mask, (mask.cumsum(-1) - 1).clamp(min=0)


def pad_by_numpy(prompts, pad):
    lengths = numpy.array([len(prompt) for prompt in prompts])
    columns = numpy.arange(lengths.max()) - (lengths.max() - lengths)[:, None]
    tokens = numpy.full(columns.shape, pad)
    tokens[columns >= 0] = list(itertools.chain(*prompts))
    parts = tokens, (columns >= 0).astype(int), numpy.maximum(columns, 0)
    return [torch.from_numpy(one) for one in parts]


def pad_by_while(prompts, pad):
    rows = [[(token, 1, at) for at, token in enumerate(prompt)] for prompt in prompts]
    longest = max(rows, key=len)
    for row in rows:
        while len(row) < len(longest):
            row.insert(0, (pad, 0, 0))
    return torch.tensor(rows).unbind(-1)


def static_by_loop(lengths, batch):
    steps = wasted = 0
    for start in range(0, len(lengths), batch):
        group = lengths[start : start + batch]
        steps += max(group)
        wasted += max(group) * len(group) - sum(group)
    return steps, wasted


def static_by_comprehension(lengths, batch):
    starts = range(0, len(lengths), batch)
    longest = [max(lengths[start : start + batch]) for start in starts]
    idle = (longest[place // batch] - one for place, one in enumerate(lengths))
    return sum(longest), sum(idle)


def static_by_numpy(lengths, batch):
    rows = numpy.pad(numpy.array(lengths), (0, -len(lengths) % batch))
    longest = rows.reshape(-1, batch).max(axis=1)
    runs = numpy.repeat(longest, batch)[: len(lengths)]
    return longest.sum(), runs.sum() - rows.sum()


def static_by_steps(lengths, batch):
    waiting, steps, wasted = deque(lengths), 0, 0
    while waiting:
        left = [waiting.popleft() for _ in range(min(batch, len(waiting)))]
        while any(one > 0 for one in left):
            steps += 1
            wasted += sum(one <= 0 for one in left)
            left = [one - 1 for one in left]
    return steps, wasted


def static_by_torch(lengths, batch):
    parts = torch.tensor(lengths).split(batch)
    idle = [(part.max() - part).sum() for part in parts]
    return sum(part.max() for part in parts), sum(idle)


def dynamic_by_loop(arrivals, max_batch, max_wait):
    groups, members = [], []
    for place, arrival in enumerate(arrivals):
        if members and arrival > arrivals[members[0]] + max_wait:
            groups.append((arrivals[members[0]] + max_wait, members))
            members = []
        members.append(place)
        if len(members) == max_batch:
            groups.append((arrival, members))
            members = []
    if members:
        groups.append((arrivals[members[0]] + max_wait, members))
    return groups


def dynamic_by_slices(arrivals, max_batch, max_wait):
    batches, first = [], 0
    while first < len(arrivals):
        deadline = arrivals[first] + max_wait
        end = first
        while end < min(len(arrivals), first + max_batch) and arrivals[end] <= deadline:
            end += 1
        full = end - first == max_batch
        start = arrivals[end - 1] if full else deadline
        batches.append((start, list(range(first, end))))
        first = end
    return batches


def dynamic_by_bisect(arrivals, max_batch, max_wait):
    first = 0
    while first < len(arrivals):
        deadline = arrivals[first] + max_wait
        last = min(bisect.bisect_right(arrivals, deadline), first + max_batch)
        start = arrivals[last - 1] if last - first == max_batch else deadline
        yield start, range(first, last)
        first = last


def dynamic_by_recursion(arrivals, max_batch, max_wait, first=0):
    if first == len(arrivals):
        return []
    near = [i for i in range(first, len(arrivals))
            if arrivals[i] <= arrivals[first] + max_wait][:max_batch]  # fmt: skip
    ends = [arrivals[first] + max_wait]
    if len(near) == max_batch:
        ends.append(arrivals[near[-1]])
    rest = dynamic_by_recursion(arrivals, max_batch, max_wait, near[-1] + 1)
    return [[min(ends), tuple(near)], *rest]


class Window:
    """A batch that is open: its members, and when it has to go."""

    def __init__(self, size, wait):
        self.size, self.wait, self.members, self.gone = size, wait, [], []

    def leave(self, moment):
        self.gone.append((moment, [place for place, _ in self.members]))
        self.members = []

    def tick(self, now):
        if self.members and now > self.members[0][1] + self.wait:
            self.leave(self.members[0][1] + self.wait)

    def join(self, place, now):
        self.members.append((place, now))
        if len(self.members) >= self.size:
            self.leave(now)


def dynamic_by_class(arrivals, max_batch, max_wait):
    window = Window(max_batch, max_wait)
    for place, now in enumerate(arrivals):
        window.tick(now)
        window.join(place, now)
    window.tick(math.inf)
    return window.gone


def dynamic_by_numpy(arrivals, max_batch, max_wait):
    times = numpy.asarray(arrivals, dtype=numpy.float32)
    left, batches = numpy.arange(len(times)), []
    while len(left):
        due = times[left[0]] + numpy.float32(max_wait)
        group = left[times[left] <= due][:max_batch]
        leaves = times[group[-1]] if len(group) == max_batch else due
        batches.append((leaves, group))
        left = left[len(group) :]
    return batches


def chunk_by_min(left, computed, free_pages, budget, page_size):
    room = -computed % page_size + free_pages * page_size
    return max(0, min(left, budget, room))


def chunk_by_pages(left, computed, free_pages, budget, page_size):
    held = math.ceil(computed / page_size)
    return min(left, budget, (held + free_pages) * page_size - computed)


def chunk_by_loop(left, computed, free_pages, budget, page_size):
    size = 0
    while size < left and size < budget:
        if (computed + size) % page_size == 0:
            if free_pages == 0:
                break
            free_pages -= 1
        size += 1
    return size


def chunk_by_search(left, computed, free_pages, budget, page_size):
    def pages(tokens):
        return (tokens + page_size - 1) // page_size

    fitting = [size for size in range(min(left, budget) + 1)
               if pages(computed + size) - pages(computed) <= free_pages]  # fmt: skip
    return fitting[-1]


def chunk_by_cases(left, computed, free_pages, budget, page_size):
    used = computed % page_size
    room = free_pages * page_size
    if used:
        room += page_size - used
    if room < left:
        left = room
    return left if left < budget else budget


def chunk_by_numpy(left, computed, free_pages, budget, page_size):
    room = numpy.remainder(-computed, page_size) + free_pages * page_size
    return numpy.minimum.reduce([left, budget, room])


def chunk_size(left, computed, free_pages, budget, page_size):
    return chunk_by_min(left, computed, free_pages, budget, page_size)


def plan_by_chunks(running, waiting, free_pages, budget, page_size):
    writing = [row for row in running if row.left == 1]
    prompts = [row for row in running if row.left > 1]
    plan = {}
    for row in writing + prompts + list(waiting):
        size = chunk_size(row.left, row.computed, free_pages, budget, page_size)
        if size == 0:
            break
        plan[row.id] = size
        before = (row.computed + page_size - 1) // page_size
        free_pages -= (row.computed + size + page_size - 1) // page_size - before
        budget -= size
    return plan


def plan_in_two(running, waiting, free_pages, budget, page_size):
    plan = OrderedDict()
    for row in running:
        if row.tokens - row.computed == 1:
            plan[row.id] = 1
            budget -= 1
            free_pages -= row.computed % page_size == 0
    queue = deque(row for row in running if row.id not in plan)
    queue.extend(waiting)
    while queue and budget:
        row = queue.popleft()
        begun = -row.computed % page_size
        size = min(row.left, budget, begun + free_pages * page_size)
        if not size:
            break
        plan[row.id] = size
        budget -= size
        free_pages -= max(0, -(-(size - begun) // page_size))
    return plan


def plan_by_tokens(running, waiting, free_pages, budget, page_size):
    """Hand out one token at a time."""
    order = sorted(running, key=lambda row: row.left != 1) + list(waiting)
    plan = Counter()
    for row in order:
        while plan[row.id] < row.left and budget > 0:
            opens = (row.computed + plan[row.id]) % page_size == 0
            if opens and free_pages == 0:
                break
            free_pages -= opens
            budget -= 1
            plan[row.id] += 1
        if not plan[row.id]:
            break
    return {name: tokens for name, tokens in plan.items() if tokens}


class Step:
    """What a step has to give, and what it gave."""

    def __init__(self, pages, budget, size):
        self.pages, self.budget, self.size, self.plan = pages, budget, size, {}

    def held(self, tokens):
        return math.ceil(tokens / self.size)

    def give(self, row):
        most = (self.held(row.computed) + self.pages) * self.size
        chunk = min(row.tokens, row.computed + self.budget, most) - row.computed
        if chunk > 0:
            self.plan[row.id] = chunk
            self.budget -= chunk
            self.pages -= self.held(row.computed + chunk) - self.held(row.computed)
        return chunk > 0


def plan_by_class(running, waiting, free_pages, budget, page_size):
    step = Step(free_pages, budget, page_size)
    for row in running:
        if row.left == 1:
            step.give(row)
    rest = itertools.chain((row for row in running if row.left > 1), waiting)
    all(step.give(row) for row in rest)
    return step.plan


def plan_by_recursion(running, waiting, free_pages, budget, page_size):
    def given(rows, free, left):
        if not rows:
            return {}
        (name, tokens, computed, *_), *others = rows
        size = chunk_size(tokens - computed, computed, free, left, page_size)
        if size < 1:
            return {}
        free -= len(range(-(-computed // page_size) * page_size, computed + size,
                          page_size))  # fmt: skip
        return {name: size} | given(others, free, left - size)

    first = [row for row in running if row.left == 1]
    prompts = [row for row in running if not row.left == 1]
    return given([*first, *prompts, *waiting], free_pages, budget)


def plan_by_numpy(running, waiting, free_pages, budget, page_size):
    rows = [*running, *waiting]
    single = [row.left == 1 and place < len(running) for place, row in enumerate(rows)]
    order = numpy.argsort(~numpy.array(single, dtype=bool), kind="stable")
    plan = {}
    for place in order:
        row = rows[place]
        ends = numpy.arange(row.computed + 1, row.tokens + 1)
        taken = numpy.ceil(ends / page_size) - numpy.ceil(row.computed / page_size)
        size = min((taken <= free_pages).sum(), budget)
        if size == 0:
            return plan
        plan[row.id] = int(size)
        budget -= size
        free_pages -= taken[size - 1]
    return plan


def preempt_by_loop(running, needed, free_pages, page_size):
    victims = []
    for row in reversed(running[1:]):
        if needed <= free_pages:
            break
        victims.append(row.id)
        free_pages += row.pages
        if row.computed % page_size == 0:
            needed -= 1
    if needed > free_pages:
        raise ValueError(f"{needed} pages are needed, {free_pages} are free")
    return victims, free_pages


def preempt_by_while(running, needed, free_pages, page_size):
    left, victims = list(running), []
    while needed > free_pages:
        if len(left) == 1:
            raise ValueError("not even the oldest fits")
        row = left.pop()
        victims.append(row.id)
        free_pages += row.pages
        needed -= row.computed % page_size == 0
    return victims, free_pages


def preempt_by_search(running, needed, free_pages, page_size):
    for count in range(len(running)):
        gone = running[len(running) - count :]
        free = free_pages + sum(row.pages for row in gone)
        if needed - sum(row.computed % page_size == 0 for row in gone) <= free:
            return tuple(row.id for row in gone[::-1]), free
    raise ValueError("too few pages")


def preempt_by_sums(running, needed, free_pages, page_size):
    young = running[:0:-1]
    free = [free_pages, *itertools.accumulate(
        (row.pages for row in young), initial=free_pages)][1:]  # fmt: skip
    full = [0, *itertools.accumulate(row.computed % page_size == 0 for row in young)]
    for count, (have, less) in enumerate(zip(free, full, strict=True)):
        if have + less >= needed:
            return [row.id for row in young[:count]], have
    raise ValueError


def preempt_by_recursion(running, needed, free_pages, page_size):
    if needed <= free_pages:
        return [], free_pages
    if len(running) < 2:
        raise ValueError("no room for the oldest alone")
    *older, youngest = running
    less = int(youngest.computed // page_size * page_size == youngest.computed)
    names, free = preempt_by_recursion(
        older, needed - less, free_pages + youngest.pages, page_size
    )
    return [youngest.id, *names], free


def preempt_by_numpy(running, needed, free_pages, page_size):
    table = numpy.array([(r.id, r.pages, r.computed % page_size == 0) for r in running])
    table = table[:0:-1]
    have = free_pages + numpy.concatenate([[0], table[:, 1].cumsum()])
    want = needed - numpy.concatenate([[0], table[:, 2].cumsum()])
    enough = numpy.flatnonzero(want <= have)
    if not len(enough):
        raise ValueError("too few pages")
    return table[: enough[0], 0], have[enough[0]]


def wait_by_sums(rate, service_times):
    mean = sum(service_times) / len(service_times)
    squares = sum(time**2 for time in service_times) / len(service_times)
    load = rate * mean
    if load >= 1:
        return float("inf")
    return rate * squares / (2 * (1 - load))


def wait_by_numpy(rate, service_times):
    times = numpy.asarray(service_times, dtype=float)
    load = rate * times.mean()
    wait = rate * (times**2).mean() / 2 / (1 - load) if load < 1 else numpy.inf
    return wait


def wait_by_spread(rate, service_times):
    """Load over 1 - load, times the mean, times (1 + spread) / 2."""
    mean = statistics.fmean(service_times)
    load = rate * mean
    spread = statistics.pvariance(service_times) / mean**2
    return load / (1 - load) * mean * (1 + spread) / 2 if load < 1 else math.inf


def wait_by_torch(rate, service_times):
    times = torch.tensor(service_times, dtype=torch.float64)
    load = rate * times.mean()
    residual = times.square().sum() / times.sum() / 2  # of the one in service
    if load >= 1:
        return torch.tensor(float("inf"))
    return load * residual / (1 - load)


def wait_by_fractions(rate, service_times):
    times = [Fraction(time) for time in service_times]
    load = Fraction(rate) * sum(times) / len(times)
    if not load < 1:
        return math.inf
    squares = sum(time * time for time in times) / len(times)
    return Fraction(rate) * squares / (2 - 2 * load)


RIGHT = {
    "pad_left": [
        pad_by_lists, pad_by_writing, pad_by_flips, pad_by_numpy, pad_by_while,
    ],
    "static_batches": [
        static_by_loop, static_by_comprehension, static_by_numpy, static_by_steps,
        static_by_torch,
    ],
    "dynamic_batches": [
        dynamic_by_loop, dynamic_by_slices, dynamic_by_bisect, dynamic_by_recursion,
        dynamic_by_class, dynamic_by_numpy,
    ],
    "chunk_size": [
        chunk_by_min, chunk_by_pages, chunk_by_loop, chunk_by_search, chunk_by_cases,
        chunk_by_numpy,
    ],
    "plan_step": [
        plan_by_chunks, plan_in_two, plan_by_tokens, plan_by_class, plan_by_recursion,
        plan_by_numpy,
    ],
    "preempt": [
        preempt_by_loop, preempt_by_while, preempt_by_search, preempt_by_sums,
        preempt_by_recursion, preempt_by_numpy,
    ],
    "waiting_time": [
        wait_by_sums, wait_by_numpy, wait_by_spread, wait_by_torch, wait_by_fractions,
    ],
}  # fmt: skip
