"""Exercise 5: write the new keys and values into pages, and read all of them."""

from functools import partial

import torch

from llmlab.checks import values as reading
from llmlab.checks.exercise import TENSOR, Case, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

GIVES = (Value("the keys", tensor=TENSOR), Value("the values", tensor=TENSOR))
ROWS = "keys are (B, K, T, H), a slot is (K, H): transpose(1, 2) before you flatten."
TURNED = "attention wants (B, K, S, H): what is read has the heads behind the tokens."
EARLY = "this reads before it writes: the new tokens are missing, or stale."


def flat(rows):
    """Return keys or values (B, K, T, H) a token each, (B · T, K, H)."""
    return rows.transpose(1, 2).flatten(0, 1)


def written(memory, slots, keys, values, *, flat=flat):
    """Return a memory in which the slots hold the keys and values."""
    pairs = torch.stack([flat(keys), flat(values)], 1)
    return memory.index_copy(0, slots.flatten(), pairs)


def read(memory, slots):
    """Return the keys and values (B, K, S, H) of slots (B, S)."""
    rows = memory[slots]  # (B, S, 2, K, H)
    return rows[:, :, 0].transpose(1, 2), rows[:, :, 1].transpose(1, 2)


def extend_pages(memory, new_slots, all_slots, keys, values, *, write=written,
                 look=read, early=False, store=True):
    """Write the new into memory and return all keys and values (B, K, S, H).

    The knobs each make a typical mistake.
    """
    new = write(memory, new_slots, keys, values)
    result = look(memory.clone() if early else new, all_slots)
    if store:
        memory.copy_(new)
    return result


def _right(memory, new_slots, all_slots, keys, values):
    return extend_pages(memory, new_slots, all_slots, keys, values)


def observed(answer, memory, new_slots, all_slots, keys, values):
    """Return keys, values, and what the memory holds now."""
    return *reading.unpack(answer, GIVES, "extend_pages"), memory


def _unread(memory, new_slots, all_slots, keys, values):
    extend_pages(memory, new_slots, all_slots, keys, values)
    return keys, values


def _only_new(memory, new_slots, all_slots, keys, values):
    return extend_pages(memory, new_slots, new_slots, keys, values)


def _twice(memory, new_slots, all_slots, keys, values):
    """Put the new behind all that was read, where they are already."""
    old = extend_pages(memory, new_slots, all_slots, keys, values)
    return tuple(torch.cat(pair, 2) for pair in zip(old, (keys, values), strict=True))


def _swapped(memory, new_slots, all_slots, keys, values):
    return _right(memory, new_slots, all_slots, values, keys)


def _first_row(memory, slots, keys, values):
    return written(memory, slots[:1], keys[:1], values[:1])


def _reshaped_new(memory, slots, keys, values, *, beside):
    """Put keys beside values, and cut the numbers up as they come."""
    rows = torch.stack([keys, values], beside).reshape(-1, *memory.shape[1:])
    return memory.index_copy(0, slots.flatten(), rows)


def _one_token(memory, slots, keys, values, *, at):
    return written(memory, slots[:, at], keys[:, :, at], values[:, :, at])


def _elsewhere(memory, slots, keys, values):
    return written(torch.zeros_like(memory), slots, keys, values)


def _at_front(memory, slots, keys, values):
    return written(memory, torch.arange(slots.numel()), keys, values)


def _half(memory, slots, keys, values, *, side):
    new, old = written(memory, slots, keys, values), memory.clone()
    old[:, side] = new[:, side]
    return old


def _added(memory, slots, keys, values):
    new = written(torch.zeros_like(memory), slots, keys, values)
    return memory + new


def _turned(memory, slots):
    return tuple(one.transpose(1, 2) for one in read(memory, slots))


def _reshaped(memory, slots):
    """Give (B, S, K, H) the right shape without moving a number."""
    sizes = read(memory, slots)[0].shape
    return tuple(one.reshape(sizes) for one in _turned(memory, slots))


def _in_line(memory, slots, *, side=0):
    """Give (B · S, K, H), or (K, B · S, H)."""
    rows = memory[slots.flatten()]
    return tuple(rows[:, one].transpose(0, side) for one in (0, 1))


def _in_order(memory, slots):
    return read(memory, slots.sort(-1).values)


def _of_one_row(memory, slots):
    return read(memory, slots[:1].expand_as(slots))


def _example():
    memory = torch.arange(16.0).view(4, 2, 1, 2)
    new, slots = torch.tensor([[3]]), torch.tensor([[2, 3]])
    keys, values = torch.tensor([[[[-1.0, -2.0]]]]), torch.tensor([[[[-3.0, -4.0]]]])
    return memory, new, slots, keys, values


def _drawn(dice, rows, new, held, heads, width, dtype=torch.float32):
    """Draw a case: rows of `held` tokens on slots in any order, the last ones new."""
    def normal(*sizes):
        return torch.randn(*sizes, generator=dice, dtype=dtype)
    slots = 3 + torch.randperm(rows * held + 4, generator=dice)[: rows * held]
    slots = slots.view(rows, held)
    memory = normal(rows * held + 9, 2, heads, width)
    memory[:2] = 0  # what nobody holds, read for places that a shorter row lacks
    lacking = slots.clone()
    lacking[0, 1 : (held - new) // 2] = 0
    new_slots = slots[:, held - new :].contiguous()  # so that .view is at hand
    return case(memory, new_slots, lacking,
                normal(rows, heads, new, width), normal(rows, heads, new, width))


def _cases():
    yield Case(_example, setup="memory = torch.arange(16.0).view(4, 2, 1, 2)",
               sources={"memory": "memory"})
    dice = torch.Generator().manual_seed(0)
    for sizes in ((2, 1, 7, 3, 4), (3, 2, 8, 4, 5), (1, 4, 6, 3, 2), (4, 3, 5, 2, 6)):
        yield _drawn(dice, *sizes)
    yield _drawn(dice, 2, 5, 5, 3, 4)  # a prompt: all of it is new
    yield _drawn(dice, 3, 1, 9, 2, 5, torch.float64)


EXERCISE = Exercise(
    name="extend_pages",
    right=_right,
    gives=(*GIVES, Value("the memory",
                         promise="the new keys and values, and nothing else, go into "
                                 "memory")),
    cases=lambda: [*_cases()],
    covers="rows of any slots, and the memory behind them",
    hints=(
        "Two steps: the new go into memory, then all slots are read from it.",
        "keys.transpose(1, 2) is (B, T, K, H), a token after the other, as new_slots "
        "are; memory.index_copy_(0, slots, rows) writes, index_select reads.",
        "new = torch.stack([keys, values], 2).permute(0, 3, 2, 1, 4); "
        "memory.index_copy_(0, new_slots.flatten(), new.flatten(0, 1)); "
        "memory[all_slots] is (B, S, 2, K, H).",
    ),
    hint="memory[slot, 0] is a token's key (K, H), memory[slot, 1] its value; write "
         "the new there and nowhere else, then read all.",
    observe=observed,
    writes=("memory",),
    tolerance=1e-6,
    mistakes={
        EARLY: partial(extend_pages, early=True),
        "nothing is written: `index_copy` without _ and `memory[slots][:, 0] = x` "
        "change a copy; `memory[slots, 0] = x` changes memory.":
            partial(extend_pages, early=True, store=False),
        "the memory itself is to change: index_copy_ with _, or memory[slots] = ….":
            partial(extend_pages, store=False),
        "keys stand at 0 and values at 1 in a slot; here it is the other way round.": (
            _swapped,
            lambda m, new, every, k, v: _swapped(m, new, every, k, v)[::-1],
        ),
        "return the keys first, then the values.": lambda *a: _right(*a)[::-1],
        ROWS: (
            partial(extend_pages, write=partial(
                written, flat=lambda x: x.reshape(-1, x.shape[1], x.shape[3]))),
            partial(extend_pages, write=partial(
                written, flat=lambda x: x.permute(2, 0, 1, 3).flatten(0, 1))),
            partial(extend_pages, write=partial(_reshaped_new, beside=1)),
            partial(extend_pages, write=partial(_reshaped_new, beside=2)),
        ),
        TURNED: (partial(extend_pages, look=_turned),
                 partial(extend_pages, look=_reshaped)),
        "these are the new ones alone; all_slots are to be read.": (
            _unread, _only_new),
        "all_slots hold the new tokens already; here they come twice.": _twice,
        "every row of the batch writes its own; here the first one does.":
            partial(extend_pages, write=_first_row),
        "T tokens are new in a row; here one of them is written.": (
            partial(extend_pages, write=partial(_one_token, at=slice(-1, None))),
            partial(extend_pages, write=partial(_one_token, at=slice(1))),
        ),
        "the rows of the batch lie in one line here: unflatten them to (B, S, …).": (
            partial(extend_pages, look=_in_line),
            partial(extend_pages, look=lambda m, s: _in_line(m, s, side=1)),
        ),
        "index_copy_ and index_select take slots in one line: flatten them.": (
            lambda m, new, every, k, v: m.index_copy_(0, new, k),
            lambda m, new, every, k, v: m.index_select(0, every),
        ),
        "the rest of memory stays as it was: other rows have their tokens there.":
            partial(extend_pages, write=_elsewhere),
        "the new go to new_slots, not to the front of memory.":
            partial(extend_pages, write=_at_front),
        "the values are not written: memory[slot, 1] is the token's value.":
            partial(extend_pages, write=partial(_half, side=0)),
        "the keys are not written: memory[slot, 0] is the token's key.":
            partial(extend_pages, write=partial(_half, side=1)),
        "new keys and values take the place of what lay there: copy, do not add.":
            partial(extend_pages, write=_added),
        "slots are read in their order, which is that of the tokens: do not sort.":
            partial(extend_pages, look=_in_order),
        "each row has its own slots; these are the first row's.":
            partial(extend_pages, look=_of_one_row),
        "these are the keys twice; the second is the values.":
            lambda *a: (_right(*a)[0],) * 2,
    },
)
