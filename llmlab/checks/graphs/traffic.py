"""Exercise 5: the bytes that kernels move, fused or not."""

import random
from functools import partial
from itertools import pairwise

from llmlab.checks.exercise import Exercise, Value, case
from llmlab.graphs import costs

# A mistake stands in one line or two, as in a table.
# fmt: off

INSIDE = "what a kernel makes and reads itself never goes to memory."
ONCE = "a kernel reads a value once, however often it uses it: a set."
LATER = "what a later kernel reads has to be written."
RESULT = "the result is written, too: the last output of the last kernel."
UNUSED = "what no other kernel reads is not written; only the result is."
EACH = "each kernel reads for itself: a value that two of them use is read twice."
BYTES = 4


def _reads(kernel):
    """Return what a kernel reads and did not make."""
    made = {output for output, _ in kernel}
    return {one for _, inputs in kernel for one in inputs} - made


def _made(kernel):
    return [output for output, _ in kernel]


def _used(kernels, place):
    """Return what a kernel made and a later one reads, or is the result."""
    later = set().union(*map(_reads, kernels[place + 1 :]))
    made = _made(kernels[place])
    result = made[-1:] if place == len(kernels) - 1 else []
    return {one for one in made if one in later} | {*result}


def moved(kernels, size, *, reads=_reads, writes=_used, width=BYTES):
    """Return bytes. The knobs each make a typical mistake.

    reads: what is read, of a kernel; writes: what is written, of all kernels and the
    place of one; width: bytes of a value.
    """
    count = sum(len(reads(kernel)) for kernel in kernels)
    count += sum(len(writes(kernels, place)) for place in range(len(kernels)))
    return count * size * width


def _right(kernels, size):
    return costs.traffic(kernels, size)


_with = partial(partial, moved)  # the mistake of some knobs


def _every(kernel):
    """Return all that the operators of a kernel read."""
    return [one for _, inputs in kernel for one in inputs]


def _twice(kernel):
    """Return what is read from outside, as often as it is."""
    made = {output for output, _ in kernel}
    return [one for one in _every(kernel) if one not in made]


def _all(kernels, place):
    return _made(kernels[place])


def _last(kernels, place):
    return _made(kernels[place])[-1:]


def _nothing(*given):
    return []


def _without_result(kernels, place):
    """Return what a kernel made and a later one reads."""
    later = set().union(*map(_reads, kernels[place + 1 :]))
    return later & {*_made(kernels[place])}


def _result(kernels, place):
    return _made(kernels[-1])[-1:] if place == len(kernels) - 1 else []


def _next(kernels, place):
    """Look for readers in the next kernel alone."""
    return _used(kernels[: place + 2], place)


def _by_reader(kernels, place):
    """Write a value for each kernel that reads it."""
    made = {*_made(kernels[place])}
    return [*_result(kernels, place), *(one for kernel in kernels[place + 1 :]
                                        for one in made & _reads(kernel))]


def _inside_too(kernels, place):
    """Write what any operator reads, in this kernel too."""
    inside = {*_every(kernels[place])} & {*_made(kernels[place])}
    return _used(kernels, place) | inside


def _outputs(kernels, place):
    """Write all that the last kernel makes."""
    return _all(kernels, place) if place == len(kernels) - 1 else _used(kernels, place)


def _unread(kernels, place):
    """Write what no operator reads anywhere, and what later kernels read."""
    every = {one for kernel in kernels for one in _every(kernel)}
    alone = {one for one in _made(kernels[place]) if one not in every}
    return _used(kernels, place) | alone


def _ends(kernels, place):
    """Write the last output of a kernel, and what later ones read."""
    return _used(kernels, place) | {*_last(kernels, place)}


def _in_all(kernels, size):
    """Read each value once in all."""
    read = set().union(*map(_reads, kernels))
    written = sum(len(_used(kernels, place)) for place in range(len(kernels)))
    return (len(read) + written) * size * BYTES


def _inputs_in_all(kernels, size):
    """Read each input once in all, and what kernels made each time."""
    made = {one for kernel in kernels for one in _made(kernel)}
    reads = [one for kernel in kernels for one in _reads(kernel)]
    count = len({*reads} - made) + sum(one in made for one in reads)
    written = sum(len(_used(kernels, place)) for place in range(len(kernels)))
    return (count + written) * size * BYTES


def _one_kernel(kernels, size):
    """Fuse all kernels into one."""
    return _right([[step for kernel in kernels for step in kernel]], size)


def _apart(kernels, size):
    """Make each operator a kernel."""
    return _right([[step] for kernel in kernels for step in kernel], size)


PRODUCT, SUM, RELU = ("t", ["a", "b"]), ("u", ["t", "c"]), ("y", ["u"])


def _drawn(seed, steps, cuts):
    """Draw a chain of operators, cut into kernels, with values that are used again."""
    dice = random.Random(seed)
    names, chain = [*"abc"], []
    for place in range(steps):
        inputs = [names[-1], *dice.choices(names, k=dice.randint(0, 2))]
        dice.shuffle(inputs)
        chain.append((f"v{place}", inputs))
        names.append(f"v{place}")
    ends = [0, *cuts, steps]
    kernels = [chain[start:end] for start, end in pairwise(ends)]
    return case(kernels, dice.randint(100, 9999))


def _cases():
    yield case([[PRODUCT], [SUM], [RELU]], 1000)
    yield case([[PRODUCT, SUM, RELU]], 1000, about=INSIDE)
    yield case([[PRODUCT, SUM], [RELU]], 500, about=INSIDE)
    yield case([[("y", ["a", "a"])]], 10, about=ONCE)
    yield case([[("t", ["a"]), ("u", ["t", "a"])], [("y", ["u", "t"])]], 7,
               about=LATER)
    yield case([[("t", ["a"])], [("u", ["t"])], [("y", ["t", "u"])]], 100, about=LATER)
    yield case([[("t", ["a"])], [("u", ["b"])], [("y", ["t", "u"])]], 21, about=LATER)
    yield case([[("t", ["a"]), ("u", ["a"])], [("y", ["u"])]], 64, about=UNUSED)
    yield case([[("t", ["a"])], [("u", ["b"])], [("v", ["u"]), ("y", ["b"])]], 3,
               about=UNUSED)
    yield case([[("t", ["a", "b"])], [("u", ["a", "t"])], [("y", ["a", "u"])]], 12,
               about=EACH)
    for seed, (steps, cuts) in enumerate(
        ((6, (2, 4)), (7, (1, 3)), (8, (3, 5, 6)), (9, (4,)), (5, ()))):
        yield _drawn(seed, steps, cuts)


EXERCISE = Exercise(
    name="traffic",
    right=_right,
    gives=(Value("the bytes"),),
    cases=lambda: [*_cases()],
    covers="chains cut into kernels in many ways, with values that are used again",
    hints=(
        "Take one kernel. What must come from memory before it begins, and what must "
        "lie there when it has ended?",
        "It reads the set of its inputs without what it made itself. It writes those "
        "of its outputs that a later kernel reads; the last one writes the result, "
        "too.",
        "for i, kernel in enumerate(kernels): made = {out for out, _ in kernel}; read "
        "= {one for _, inputs in kernel for one in inputs} - made; later = {one for "
        "other in kernels[i + 1 :] for _, inputs in other for one in inputs} | "
        "{kernels[-1][-1][0]}; values += len(read) + len(made & later). Then values * "
        "size * 4.",
    ),
    hint="for each kernel: the different values that it reads and did not make, and "
         "those of its own that a later kernel reads or that are the result; 4 bytes "
         "each.",
    tolerance=0.0,
    mistakes={
        "these are values; a value in fp32 has 4 bytes.": _with(width=1),
        "a value in fp32 has 4 bytes.": tuple(_with(width=width) for width in (2, 8)),
        "these are bits; 8 of them are a byte.": _with(width=32),
        "each value has `size` numbers: multiply by it.":
            lambda kernels, size: _right(kernels, 1),
        INSIDE: (
            _apart, _with(reads=lambda kernel: {*_every(kernel)}, writes=_all),
            _with(reads=_every, writes=_all), _with(reads=_every),
            _with(reads=lambda kernel: {*_every(kernel)}),
            _with(writes=_inside_too), _with(reads=_every, writes=_inside_too),
        ),
        ONCE: (_with(reads=_twice), _with(reads=_twice, writes=_all)),
        RESULT: (_with(writes=_without_result),),
        "bytes are missing: kernels write as well, what a later one reads and the "
        "result.": _with(writes=_nothing),
        "bytes are missing: kernels read as well, what they did not make.":
            _with(reads=_nothing),
        LATER + " Here the result alone is.": _with(writes=_result),
        LATER + " Here only the last output of a kernel is.": _with(writes=_last),
        "a later kernel may be any of those that follow, not the next one alone.":
            _with(writes=_next),
        UNUSED: (
            _with(writes=_all), _with(writes=_ends), _with(writes=_unread),
        ),
        "of the last kernel only its last output is the result.":
            _with(writes=_outputs),
        "a value is written once, however many kernels read it.":
            _with(writes=_by_reader),
        EACH: (_in_all, _inputs_in_all),
        "this is what one kernel of all operators would move; here they are cut.":
            _one_kernel,
    },
)
