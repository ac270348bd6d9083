"""Right answers to the exercises of lab 07, truly different ones for each."""

import bisect
import itertools
import math
from collections import OrderedDict, deque

import numpy
import torch
from torch.nn import functional


def step_by_cat(query, key, value, keys, values):
    keys = torch.cat([keys, key[None]])
    values = torch.cat([values, value[None]])
    shares = torch.softmax(keys @ query / math.sqrt(len(query)), dim=0)
    return shares @ values, keys, values


def step_by_torch(query, key, value, keys, values):
    keys = torch.vstack([keys, key])
    values = torch.vstack([values, value])
    mixed = functional.scaled_dot_product_attention(query[None], keys, values)
    return mixed[0], keys, values


def step_by_loop(query, key, value, keys, values):
    rows, kept = [*keys.tolist(), key.tolist()], [*values.tolist(), value.tolist()]
    width = len(query)
    scores = [
        sum(a * b for a, b in zip(query.tolist(), row, strict=True)) for row in rows
    ]
    powers = [math.exp(one / width**0.5) for one in scores]
    mixed = [0.0] * width
    for power, row in zip(powers, kept, strict=True):
        for place, number in enumerate(row):
            mixed[place] += power / sum(powers) * number
    return torch.tensor(mixed), torch.tensor(rows), torch.tensor(kept)


def step_by_numpy(query, key, value, keys, values):
    every = numpy.concatenate([keys.numpy(), key.numpy()[None]], axis=0)
    kept = numpy.concatenate([values.numpy(), value.numpy()[None]], axis=0)
    scores = every.dot(query.numpy()) / numpy.sqrt(query.numel())
    powers = numpy.exp(scores - scores.max())
    mixed = (powers / powers.sum()) @ kept
    return [torch.from_numpy(one) for one in (mixed, every, kept)]


def step_by_room(query, key, value, keys, values):
    old, width = keys.shape
    new_keys, new_values = keys.new_empty(2, old + 1, width)
    new_keys[:old], new_values[:old] = keys, values
    new_keys[-1], new_values[-1] = key, value
    scores = torch.einsum("h,sh->s", query * width**-0.5, new_keys)
    return torch.einsum("s,sh->h", scores.softmax(-1), new_values), new_keys, new_values


def bytes_by_product(layers, kv_heads, head_width, tokens, batch, value_bytes):
    return 2 * layers * kv_heads * head_width * tokens * batch * value_bytes


def bytes_by_loop(layers, kv_heads, head_width, tokens, batch, value_bytes):
    total = 0
    for _ in range(layers):
        key = batch * tokens * kv_heads * head_width * value_bytes
        total += key + key
    return total


def bytes_by_math(layers, kv_heads, head_width, tokens, batch, value_bytes):
    sizes = (2, layers, batch, kv_heads, tokens, head_width)
    return math.prod(sizes) * value_bytes


def bytes_by_tensor(layers, kv_heads, head_width, tokens, batch, value_bytes):
    memory = torch.empty(2, layers, batch, kv_heads, tokens, head_width, device="meta")
    return torch.tensor(memory.numel() * value_bytes)


def bytes_by_numpy(layers, kv_heads, head_width, tokens, batch, value_bytes):
    a_token = layers * 2 * kv_heads * head_width
    return numpy.int64(a_token) * tokens * batch * value_bytes


def slots_by_index(pages, page_size, positions):
    return pages[positions // page_size] * page_size + positions % page_size


def slots_by_loop(pages, page_size, positions):
    slots = []
    for position in positions.tolist():
        page, place = divmod(position, page_size)
        slots.append(int(pages[page]) * page_size + place)
    return torch.tensor(slots)


def slots_by_table(pages, page_size, positions):
    table = pages[:, None] * page_size + torch.arange(page_size)
    return table.flatten()[positions]


def slots_by_numpy(pages, page_size, positions):
    page, place = numpy.divmod(positions.numpy(), page_size)
    return torch.from_numpy(pages.numpy()[page] * page_size + place)


def slots_by_gather(pages, page_size, positions):
    which = torch.div(positions, page_size, rounding_mode="floor")
    start = torch.gather(pages, 0, which).mul(page_size)
    return torch.add(start, positions - which * page_size)


def table_by_slices(pages, tokens, page_size, free):
    needed = -(-tokens // page_size)
    more = needed - len(pages)
    if more > len(free):
        raise ValueError(f"{more} pages more are needed, {len(free)} are free.")
    if more > 0:
        return pages + free[:more], free[more:]
    return pages[:needed], free + pages[needed:]


def table_by_moving(pages, tokens, page_size, free):
    table, left = list(pages), deque(free)
    while len(table) * page_size < tokens:
        if not left:
            raise ValueError("no page is free")
        table.append(left.popleft())
    given = []
    while table and (len(table) - 1) * page_size >= tokens:
        given.insert(0, table.pop())
    left.extend(given)
    return table, left


def table_by_line(pages, tokens, page_size, free):
    needed = math.ceil(tokens / page_size)
    if needed > len(pages) + len(free):
        raise ValueError
    more = max(0, needed - len(pages))
    line = [*pages, *free[:more]]
    return tuple(line[:needed]), tuple(free[more:]) + tuple(line[needed:])


def table_by_tensor(pages, tokens, page_size, free):
    needed = (tokens + page_size - 1) // page_size
    pages, free = (torch.tensor(one, dtype=torch.int64) for one in (pages, free))
    if needed > pages.numel() + free.numel():
        raise ValueError("too few pages are free")
    if needed >= len(pages):
        taken, left = free.tensor_split([needed - len(pages)])
        return torch.cat([pages, taken]), left
    return pages[:needed], torch.cat([free, pages[needed:]])


def table_by_iterators(pages, tokens, page_size, free):
    needed = len(range(0, tokens, page_size))
    source = itertools.chain(pages, free)
    table = list(itertools.islice(source, needed))
    if len(table) < needed:
        raise ValueError(f"tokens={tokens}: too many")
    if needed >= len(pages):
        return table, source
    return table, [*free, *pages[needed:]]


def pages_by_index(memory, new_slots, all_slots, keys, values):
    new = torch.stack([keys, values], dim=3).transpose(1, 2)  # (B, T, K, 2, H)
    new = new.transpose(2, 3).flatten(0, 1)
    memory.index_copy_(0, new_slots.flatten(), new)
    rows = memory.index_select(0, all_slots.flatten())
    rows = rows.view(*all_slots.shape, *memory.shape[1:])  # (B, S, 2, K, H)
    return rows[:, :, 0].transpose(1, 2), rows[:, :, 1].transpose(1, 2)


def pages_by_assigning(memory, new_slots, all_slots, keys, values):
    memory[new_slots, 0] = keys.transpose(1, 2)
    memory[new_slots, 1] = values.transpose(1, 2)
    return memory[all_slots].permute(2, 0, 3, 1, 4)


def pages_by_loop(memory, new_slots, all_slots, keys, values):
    rows, heads, _, width = keys.shape
    for row, slots in enumerate(new_slots.tolist()):
        for token, slot in enumerate(slots):
            memory[slot][0].copy_(keys[row, :, token])
            memory[slot][1].copy_(values[row, :, token])
    read = torch.empty(2, rows, heads, all_slots.shape[1], width, dtype=memory.dtype)
    for row, slots in enumerate(all_slots.tolist()):
        for token, slot in enumerate(slots):
            read[:, row, :, token] = memory[slot]
    return read[0], read[1]


def pages_by_einsum(memory, new_slots, all_slots, keys, values):
    flat = torch.einsum("cbkth->btckh", torch.stack((keys, values)))
    memory.index_put_((new_slots,), flat)
    gathered = torch.einsum("bsckh->cbksh", memory[all_slots])
    return tuple(gathered.unbind(0))


def pages_by_numpy(memory, new_slots, all_slots, keys, values):
    shared = memory.numpy()
    shared[new_slots.numpy(), 0] = keys.numpy().swapaxes(1, 2)
    shared[new_slots.numpy(), 1] = values.numpy().swapaxes(1, 2)
    read = [shared[all_slots.numpy(), side].swapaxes(1, 2) for side in (0, 1)]
    return [torch.from_numpy(one) for one in read]


def pages_by_view(memory, new_slots, all_slots, keys, values):
    rows, heads, tokens, width = keys.shape
    new = torch.empty(rows * tokens, 2, heads, width, dtype=memory.dtype)
    new[:, 0] = keys.permute(0, 2, 1, 3).reshape(rows * tokens, heads, width)
    new[:, 1] = values.permute(0, 2, 1, 3).reshape(rows * tokens, heads, width)
    memory[new_slots.view(-1)] = new
    read = memory[all_slots.view(-1)].view(rows, -1, 2, heads, width)
    return read[:, :, 0].permute(0, 2, 1, 3), read[:, :, 1].permute(0, 2, 1, 3)


def pages_by_rows(memory, new_slots, all_slots, keys, values):
    for slots, key, value in zip(new_slots, keys, values, strict=True):
        memory[:, 0].index_copy_(0, slots, key.transpose(0, 1))
        memory[:, 1].index_copy_(0, slots, value.transpose(0, 1))
    read = [memory.index_select(0, slots) for slots in all_slots]
    return [torch.stack([one[:, side] for one in read]).transpose(1, 2)
            for side in (0, 1)]  # fmt: skip


def prefix_by_walking(tree, tokens, page_size):
    pages, count = [], 0
    while count + page_size < len(tokens):
        part = tuple(tokens[count : count + page_size])
        if part not in tree:
            break
        page, tree = tree[part]
        pages.append(page)
        count += page_size
    return pages, count


def prefix_by_recursion(tree, tokens, page_size):
    part = tuple(tokens[:page_size])
    if len(tokens) <= page_size or part not in tree:
        return [], 0
    page, subtree = tree[part]
    pages, count = prefix_by_recursion(subtree, tokens[page_size:], page_size)
    return [page, *pages], count + page_size


def prefix_by_parts(tree, tokens, page_size):
    usable = (len(tokens) - 1) // page_size * page_size
    parts = zip(*[iter(tokens[:usable])] * page_size, strict=True)
    pages = []
    for part in parts:
        page, tree = tree.get(part, (None, {}))
        if page is None:
            return tuple(pages), len(pages) * page_size
        pages.append(page)
    return tuple(pages), usable


def prefix_by_all_paths(tree, tokens, page_size):
    """Write every path of the tree out, and take the longest that fits."""

    def paths(node, text, pages):
        yield text, pages
        for part, (page, subtree) in node.items():
            yield from paths(subtree, text + part, [*pages, page])

    fitting = [
        (len(text), pages)
        for text, pages in paths(tree, (), [])
        if len(text) < len(tokens) and tuple(tokens[: len(text)]) == text
    ]
    count, pages = max(fitting)
    return pages, count


def prefix_by_range(tree, tokens, page_size):
    pages = []
    for start in range(0, len(tokens) - page_size, page_size):
        try:
            page, tree = tree[tuple(tokens[start : start + page_size])]
        except KeyError:
            break
        pages.append(page)
    return numpy.array(pages), page_size * len(pages)


def lru_by_filter(keys, key, capacity):
    hit = key in keys
    keys = [one for one in keys if one != key] + [key]
    return hit, keys[-capacity:]


def lru_by_removing(keys, key, capacity):
    after = keys.copy()
    hit = True
    try:
        after.remove(key)
    except ValueError:
        hit = False
        if len(after) == capacity:
            del after[0]
    after.append(key)
    return hit, after


def lru_by_dict(keys, key, capacity):
    store = OrderedDict.fromkeys(keys)
    hit = key in store
    store[key] = True
    store.move_to_end(key)
    while len(store) > capacity:
        store.popitem(last=False)
    return int(hit), list(store)


def lru_by_deque(keys, key, capacity):
    hit = keys.count(key) > 0
    line = deque((one for one in keys if one != key), maxlen=capacity)
    line.append(key)
    return numpy.bool_(hit), tuple(line)


def lru_by_tensor(keys, key, capacity):
    line = torch.tensor(keys, dtype=torch.int64)
    hit = (line == key).any()
    line = torch.cat([line[line != key], torch.tensor([key])])
    return hit, line[-capacity:]


def hits_by_lists(similarities, same, threshold):
    hits = [ok for one, ok in zip(similarities, same, strict=True) if one >= threshold]
    wrong = hits.count(False) / len(hits) if hits else 0.0
    return len(hits) / len(similarities), wrong


def hits_by_tensors(similarities, same, threshold):
    served = torch.tensor(similarities) >= threshold
    wrong = served & ~torch.tensor(same)
    if not served.any():
        return 0.0, 0.0
    return served.double().mean(), wrong.sum() / served.sum()


def hits_by_numpy(similarities, same, threshold):
    served = numpy.array(similarities) >= threshold
    answers = numpy.array(same)[served]
    return served.mean(), 1 - answers.mean() if answers.size else 0


def hits_by_counting(similarities, same, threshold):
    served = wrong = 0
    for similarity, right in zip(similarities, same, strict=True):
        if similarity < threshold:
            continue
        served += 1
        if not right:
            wrong += 1
    return [served / len(same), wrong / max(served, 1)]


def hits_by_sorting(similarities, same, threshold):
    pairs = sorted(zip(similarities, same, strict=True))
    first = bisect.bisect_left(pairs, threshold, key=lambda pair: pair[0])
    served = pairs[first:]
    if not served:
        return 0, 0
    return len(served) / len(pairs), 1 - sum(ok for _, ok in served) / len(served)


RIGHT = {
    "cached_step": [
        step_by_cat,
        step_by_torch,
        step_by_loop,
        step_by_numpy,
        step_by_room,
    ],
    "cache_bytes": [
        bytes_by_product,
        bytes_by_loop,
        bytes_by_math,
        bytes_by_tensor,
        bytes_by_numpy,
    ],
    "page_slots": [
        slots_by_index,
        slots_by_loop,
        slots_by_table,
        slots_by_numpy,
        slots_by_gather,
    ],
    "resize_table": [
        table_by_slices,
        table_by_moving,
        table_by_line,
        table_by_tensor,
        table_by_iterators,
    ],
    "extend_pages": [
        pages_by_index,
        pages_by_assigning,
        pages_by_loop,
        pages_by_einsum,
        pages_by_numpy,
        pages_by_view,
        pages_by_rows,
    ],
    "longest_prefix": [
        prefix_by_walking,
        prefix_by_recursion,
        prefix_by_parts,
        prefix_by_all_paths,
        prefix_by_range,
    ],
    "lru_step": [
        lru_by_filter,
        lru_by_removing,
        lru_by_dict,
        lru_by_deque,
        lru_by_tensor,
    ],
    "false_hits": [
        hits_by_lists,
        hits_by_tensors,
        hits_by_numpy,
        hits_by_counting,
        hits_by_sorting,
    ],
}
