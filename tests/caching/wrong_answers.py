"""Wrong answers to the exercises of lab 07: answer, word of the hint."""

import math

import torch
from caching import right_answers as right
from torch.nn import functional


def attends_first(query, key, value, keys, values):
    shares = torch.softmax(keys @ query / math.sqrt(len(query)), dim=0)
    return (
        shares @ values,
        torch.cat([keys, key[None]]),
        torch.cat([values, value[None]]),
    )


def step(*, front=False, over=False, scale=None, dim=0, mixed_with="values"):
    def answer(query, key, value, keys, values):
        old = (keys[:-1], values[:-1]) if over else (keys, values)
        pairs = zip(old, (key, value), strict=True)
        keys, values = (
            torch.cat([new[None], rows] if front else [rows, new[None]])
            for rows, new in pairs
        )
        by = scale(keys, query) if scale else len(query) ** 0.5
        if dim == 0:
            shares = (keys @ query / by).softmax(0)
            return shares @ (values if mixed_with == "values" else keys), keys, values
        shares = (keys * query / by).softmax(dim)
        return (shares * values).sum(0), keys, values

    return answer


def without_softmax(query, key, value, keys, values):
    keys, values = torch.vstack([keys, key]), torch.vstack([values, value])
    return query @ keys.T / len(query) ** 0.5 @ values, keys, values


def kept_as_they_were(query, key, value, keys, values):
    return right.step_by_torch(query, key, value, keys, values)[0], keys, values


def as_a_matrix(query, key, value, keys, values):
    keys, values = torch.vstack([keys, key]), torch.vstack([values, value])
    mixed = functional.scaled_dot_product_attention(query[None], keys, values)
    return mixed, keys, values


def in_place_scale(query, key, value, keys, values):
    query /= len(query) ** 0.5
    keys, values = torch.vstack([keys, key]), torch.vstack([values, value])
    return (keys @ query).softmax(0) @ values, keys, values


def grown_in_place(query, key, value, keys, values):
    result = right.step_by_cat(query, key, value, keys, values)
    keys.resize_(len(keys) + 1, len(key))[-1] = key
    return result


def tokens_by_loop(pages, page_size, positions):
    slots = [int(pages[p % page_size % len(pages)]) * page_size + p // page_size
             for p in positions.tolist()]  # fmt: skip
    return torch.tensor(slots)


def by_true_division(pages, page_size, positions):
    whole = (positions / page_size).floor()
    return pages[whole.long()] * page_size + (positions - whole * page_size)


def as_it_was_before(pages, tokens, page_size, free):
    try:
        return right.table_by_slices(pages, tokens, page_size, free)
    except ValueError:
        return list(pages), list(free)


def popping(pages, tokens, page_size, free):
    table, left = list(pages), list(free)
    while len(table) * page_size < tokens:
        table.append(left.pop())
    return table, left


def popping_front(pages, tokens, page_size, free):
    needed = math.ceil(tokens / page_size)
    table, left = list(pages), list(free)
    while len(table) < needed:
        table.append(left.pop(0))
    while len(table) > needed:
        left.append(table.pop())
    return table, left


def table(*, need=None, grow_only=False, enough=None):
    def answer(pages, tokens, page_size, free):
        needed = need(tokens, page_size) if need else -(-tokens // page_size)
        more = needed - len(pages)
        if more > 0 and (enough(more, free) if enough else more > len(free)):
            raise ValueError("too few pages")
        if more > 0 or grow_only:
            more = max(0, more)
            return pages + free[:more], free[more:]
        return pages[:needed], free + pages[needed:]

    return answer


def same_lists(pages, tokens, page_size, free):
    if -(-tokens // page_size) == len(pages):
        return pages, free
    return right.table_by_slices(pages, tokens, page_size, free)


def given_back_in_front(pages, tokens, page_size, free):
    needed = -(-tokens // page_size)
    if needed < len(pages):
        return pages[:needed], pages[needed:] + free
    return right.table_by_slices(pages, tokens, page_size, free)


def first_ones_given_back(pages, tokens, page_size, free):
    needed = -(-tokens // page_size)
    gone = len(pages) - needed
    if gone > 0:
        return pages[gone:], free + pages[:gone]
    return right.table_by_slices(pages, tokens, page_size, free)


def refused_late(pages, tokens, page_size, free):
    pages = list(pages)
    while len(pages) * page_size < tokens:
        if not free:
            raise ValueError("no page is free")
        pages.append(free.pop(0))
    needed = -(-tokens // page_size)
    return pages[:needed], free + pages[needed:]


def taken_in_place(pages, tokens, page_size, free):
    table = right.table_by_slices(pages, tokens, page_size, free)
    pages[:] = table[0]
    return table


def given_back_in_place(pages, tokens, page_size, free):
    needed = -(-tokens // page_size)
    if needed < len(pages):
        free += pages[needed:]
        return pages[:needed], list(free)
    return right.table_by_slices(pages, tokens, page_size, free)


def error_returned(pages, tokens, page_size, free):
    try:
        return right.table_by_slices(pages, tokens, page_size, free)
    except ValueError as error:
        return error


def cut_by_minus_zero(pages, tokens, page_size, free):
    gone = len(pages) - math.ceil(tokens / page_size)
    if gone < 0:
        return right.table_by_slices(pages, tokens, page_size, free)
    return pages[:-gone], free + pages[-gone:]


def another_memory(memory, new_slots, all_slots, keys, values):
    return right.pages_by_assigning(memory.clone(), new_slots, all_slots, keys, values)


def read_first(memory, new_slots, all_slots, keys, values):
    read = memory[all_slots].permute(2, 0, 3, 1, 4)
    right.pages_by_assigning(memory, new_slots, all_slots, keys, values)
    return read


def read_only(memory, new_slots, all_slots, keys, values):
    return memory[all_slots].permute(2, 0, 3, 1, 4)


def viewed(memory, new_slots, all_slots, keys, values):
    heads, width = memory.shape[2:]
    pairs = zip((0, 1), (keys, values), strict=True)
    for side, new in pairs:
        rows = new.reshape(-1, heads, width)
        memory[:, side].index_copy_(0, new_slots.flatten(), rows)
    return memory[all_slots].permute(2, 0, 3, 1, 4)


def heads_behind(memory, new_slots, all_slots, keys, values):
    right.pages_by_assigning(memory, new_slots, all_slots, keys, values)
    return memory[all_slots].permute(2, 0, 1, 3, 4)


def wiped(memory, new_slots, all_slots, keys, values):
    memory.zero_()
    return right.pages_by_assigning(memory, new_slots, all_slots, keys, values)


def one_slot_more(memory, new_slots, all_slots, keys, values):
    read = right.pages_by_loop(memory, new_slots, all_slots, keys, values)
    memory[-1] = 0
    return read


def values_first(memory, new_slots, all_slots, keys, values):
    return right.pages_by_loop(memory, new_slots, all_slots, values, keys)[::-1]


def newly_read(memory, new_slots, all_slots, keys, values):
    return right.pages_by_numpy(memory, new_slots, new_slots, keys, values)


def doubled(memory, new_slots, all_slots, keys, values):
    old = right.pages_by_loop(memory, new_slots, all_slots, keys, values)
    return torch.cat([old[0], keys], 2), torch.cat([old[1], values], 2)


def written_to_a_copy(memory, new_slots, all_slots, keys, values):
    memory[new_slots][:, :, 0] = keys.transpose(1, 2)
    memory[new_slots][:, :, 1] = values.transpose(1, 2)
    return memory[all_slots].permute(2, 0, 3, 1, 4)


def cut_as_they_come(memory, new_slots, all_slots, keys, values):
    new = torch.stack([keys, values], 1).reshape(-1, *memory.shape[1:])
    memory.index_copy_(0, new_slots.flatten(), new)
    return memory[all_slots].permute(2, 0, 3, 1, 4)


def in_one_line(memory, new_slots, all_slots, keys, values):
    right.pages_by_assigning(memory, new_slots, all_slots, keys, values)
    return memory.index_select(0, all_slots.flatten()).unbind(1)


def prefix(*, most=1, descend=True, stop=True, key=tuple):
    def answer(tree, tokens, page_size):
        pages, count = [], 0
        while count + page_size + most <= len(tokens):
            part = key(tokens[count : count + page_size])
            if part in tree:
                page, below = tree[part]
                pages.append(page)
                tree = below if descend else tree
            elif stop:
                break
            count += page_size
        return pages, len(pages) * page_size

    return answer


def by_tokens_alone(tree, tokens, page_size):
    known = {}

    def collect(node):
        for part, (page, below) in node.items():
            known.setdefault(part, page)
            collect(below)

    collect(tree)
    pages = []
    for start in range(0, len(tokens) - page_size, page_size):
        part = tuple(tokens[start : start + page_size])
        if part not in known:
            break
        pages.append(known[part])
    return pages, len(pages) * page_size


def part_counted(tree, tokens, page_size):
    pages, count = right.prefix_by_walking(tree, tokens, page_size)
    for place in range(0, count, page_size):
        tree = tree[tuple(tokens[place : place + page_size])][1]
    longest = 0
    for part in tree:
        alike = 0
        for one, other in zip(part, tokens[count:-1], strict=False):
            if one != other:
                break
            alike += 1
        longest = max(longest, alike)
    return pages, count + longest


def lru(*, refresh=True, victim=0, early=0):
    def answer(keys, key, capacity):
        after = list(keys)
        if key in after:
            if refresh:
                after.remove(key)
                after.append(key)
            return True, after
        if len(after) >= capacity - early and after:
            after.pop(victim)
        return False, [*after, key]

    return answer


def lru_at_any_cost(keys, key, capacity):
    hit = key in keys
    if len(keys) == capacity:
        keys = keys[1:]
    return hit, [one for one in keys if one != key] + [key]


def lru_in_place(keys, key, capacity):
    hit = key in keys
    if hit:
        keys.remove(key)
    keys.append(key)
    return hit, keys[-capacity:]


def hit_afterwards(keys, key, capacity):
    after = right.lru_by_filter(keys, key, capacity)[1]
    return key in after, after


def hits(compare, *, over_all=False):
    def answer(similarities, same, threshold):
        served = [compare(one, threshold) for one in similarities]
        wrong = sum(a and not b for a, b in zip(served, same, strict=True))
        count = len(same) if over_all else max(1, sum(served))
        return sum(served) / len(same), wrong / count

    return answer


def divided_by_none(similarities, same, threshold):
    served = [b for a, b in zip(similarities, same, strict=True) if a >= threshold]
    return len(served) / len(same), served.count(False) / len(served)


def counted(similarities, same, threshold):
    shares = hits(reaching, over_all=True)(similarities, same, threshold)
    return [round(len(same) * one) for one in shares]


def above(one, other):
    return one > other


def reaching(one, other):
    return one >= other


def below(one, other):
    return one < other


WRONG = {
    "cached_step": {
        "attends first": (attends_first, "misses itself"),
        "in front": (step(front=True), "at the end"),
        "overwritten": (step(over=True), "overwritten"),
        "root of tokens": (step(scale=lambda k, q: len(k) ** 0.5), "not of the tokens"),
        "no scale": (step(scale=lambda k, q: 1), "sqrt(H), the root"),
        "width": (step(scale=lambda k, q: len(q)), "takes its root"),
        "softmax over the width": (step(dim=1), "over the tokens"),
        "softmax a column": (step(dim=0, scale=lambda k, q: 1 / len(q)), "sqrt(H)"),
        "keys mixed": (step(mixed_with="keys"), "not the keys"),
        "no softmax": (without_softmax, "without softmax"),
        "kept as they were": (kept_as_they_were, "the next token needs"),
        "matrix": (as_a_matrix, "one row of H numbers"),
        "one value": (lambda *a: right.step_by_cat(*a)[0], "in this order"),
        "order": (
            lambda *a: right.step_by_cat(*a)[::-1],
            "in another order",
        ),
    },
    "cache_bytes": {
        "one of two": (lambda L, K, H, n, B, b: L * K * H * n * B * b, "twice"),
        "batch": (lambda L, K, H, n, B, b: 2 * L * K * H * n * b, "batch"),
        "layers": (lambda L, K, H, n, B, b: 2 * K * H * n * B * b, "every layer"),
        "bits": (lambda *a: right.bytes_by_product(*a) * 8, "bits"),
        "divided by 8": (lambda *a: right.bytes_by_product(*a) // 8, "not bits"),
        "numbers": (lambda L, K, H, n, B, b: 2 * L * K * H * n * B, "value_bytes"),
        "width as D": (
            lambda L, K, H, n, B, b: 2 * L * H // K * n * B * b,
            "two (a key and a value)",
        ),
        "squared": (lambda L, K, H, n, B, b: 2 * L * K * H * n**2 * B * b, "square"),
        "MB": (lambda *a: right.bytes_by_product(*a) / 1e6, "larger units"),
    },
    "page_slots": {
        "no offset": (lambda p, s, at: p[at // s] * s, "place in it is missing"),
        "no factor": (lambda p, s, at: p[at // s] + at % s, "factor"),
        "whole position": (lambda p, s, at: p[at // s] * s + at, "% page_size"),
        "other way round": (tokens_by_loop, "other way round"),
        "sorted": (
            lambda p, s, at: right.slots_by_loop(p.sort()[0], s, at),
            "its order",
        ),
        "no table": (lambda p, s, at: at, "table of pages"),
        "from 1": (lambda p, s, at: (p[at // s] - 1) * s + at % s, "count from 0"),
        "times position": (lambda p, s, at: p[at // s] * at + at % s, "the position"),
        "float": (by_true_division, "torch.int64"),
        "list": (lambda *a: right.slots_by_loop(*a).tolist(), "return a tensor"),
        "int32": (lambda *a: right.slots_by_loop(*a).int(), "torch.int64"),
        "true division": (
            lambda p, s, at: p[at / s] * s + at % s,
            "whole pages",
        ),
    },
    "resize_table": {
        "rounded down": (table(need=lambda t, s: t // s), "rounded up"),
        "one more": (table(need=lambda t, s: t // s + 1), "a page too many"),
        "round": (table(need=lambda t, s: round(t / s)), "as often as up"),
        "from the back": (popping, "page"),
        "reversed": (popping_front, "in the order of the table"),
        "never shrinks": (table(grow_only=True), "only grows"),
        "exactly enough": (
            table(enough=lambda more, free: more >= len(free)),
            "that is enough",
        ),
        "not refused": (table(enough=lambda more, free: False), "raise ValueError"),
        "refused in silence": (as_it_was_before, "tell nobody"),
        "front of free": (given_back_in_front, "not to its front"),
        "first ones": (first_ones_given_back, "the last pages go"),
        "same lists": (same_lists, "new lists"),
        "the other way round": (
            lambda *a: right.table_by_slices(*a)[::-1],
            "another order",
        ),
        "error returned": (error_returned, "raise ValueError"),
        "minus zero": (cut_by_minus_zero, "where n is 0"),
        "pages only": (lambda *a: right.table_by_slices(*a)[0], "in this order"),
    },
    "extend_pages": {
        "another memory": (another_memory, "index_copy_ with _"),
        "read first": (read_first, "before it writes"),
        "read only": (read_only, "nothing is written"),
        "viewed": (viewed, "transpose(1, 2)"),
        "heads behind": (heads_behind, "heads behind"),
        "a copy": (written_to_a_copy, "nothing is written"),
        "cut as they come": (cut_as_they_come, "transpose(1, 2)"),
        "in one line": (in_one_line, "unflatten"),
        "wiped": (wiped, "as it was"),
        "one slot more": (one_slot_more, "write the new"),
        "values first": (values_first, "the other way round"),
        "new alone": (newly_read, "all_slots are to be read"),
        "twice": (doubled, "come twice"),
        "nothing read": (
            lambda *a: right.pages_by_loop(*a) and (a[3], a[4]),
            "all_slots are to be read",
        ),
        "order": (lambda *a: right.pages_by_loop(*a)[::-1], "keys first"),
    },
    "longest_prefix": {
        "whole prompt": (prefix(most=0), "never the whole prompt"),
        "too early": (prefix(most=2), "too early"),
        "no descent": (prefix(descend=False), "subtree"),
        "tokens alone": (by_tokens_alone, "behind another beginning"),
        "skipping": (prefix(stop=False), "first page that is not there"),
        "part counted": (part_counted, "as a whole or not"),
        "list as key": (prefix(key=list), "tuple("),
        "reversed": (
            lambda *a: (
                right.prefix_by_walking(*a)[0][::-1],
                right.prefix_by_walking(*a)[1],
            ),
            "last one comes first",
        ),
        "pages counted": (
            lambda *a: (right.prefix_by_walking(*a)[0],) * 2,
            "a number",
        ),
        "length": (
            lambda tree, tokens, size: (
                right.prefix_by_walking(tree, tokens, size)[0],
                len(tokens),
            ),
            "not of all",
        ),
    },
    "lru_step": {
        "no refresh": (lru(refresh=False), "first in, first out"),
        "newest goes": (lru(victim=-1), "the newest"),
        "too early": (lru(early=1), "too early"),
        "too late": (lru(early=-1), "nothing goes here"),
        "never": (lru(early=-(10**9)), "nothing goes here"),
        "hit evicts": (lru_at_any_cost, "needs no room"),
        "hit afterwards": (hit_afterwards, "before this request"),
        "opposite": (
            lambda *a: (not right.lru_by_dict(*a)[0], right.lru_by_dict(*a)[1]),
            "the opposite",
        ),
        "keys first": (lambda *a: right.lru_by_dict(*a)[::-1], "another order"),
        "at the front": (
            lambda k, key, n: (key in k, [key, *(x for x in k if x != key)][:n]),
            "goes to the end",
        ),
    },
    "false_hits": {
        "above": (hits(above), ">="),
        "over all": (hits(reaching, over_all=True), "not of all"),
        "below": (hits(below), "similar enough"),
        "misses counted": (
            lambda s, ok, t: (hits(reaching)(s, ok, t)[0], ok.count(False) / len(ok)),
            "not served",
        ),
        "right share": (
            lambda s, ok, t: (
                hits(reaching)(s, ok, t)[0],
                hits(reaching)(s, [not one for one in ok], t)[1],
            ),
            "these are the right ones",
        ),
        "counts": (
            lambda s, ok, t: counted(s, ok, t),
            "counts",
        ),
        "nothing to divide by": (divided_by_none, "both are 0.0"),
        "per cent": (
            lambda *a: tuple(100 * one for one in hits(reaching)(*a)),
            "per cent",
        ),
    },
}

CHANGING = [  # exercise, parameter, answer
    ("cached_step", "query", in_place_scale),
    ("cached_step", "keys", grown_in_place),
    ("resize_table", "free", refused_late),
    ("resize_table", "pages", taken_in_place),
    ("resize_table", "free", given_back_in_place),
    ("lru_step", "keys", lru_in_place),
]
