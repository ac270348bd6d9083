"""Answers to the exercises of lab 10 that are wrong, as learners write them."""

import numpy
from graphs import right_answers as right
from graphs import wrong_layers as layers
from graphs import wrong_programs as programs

line = right.overhead_by_statistics


def two_points(sizes, seconds):
    slope = (seconds[-1] - seconds[0]) / (sizes[-1] - sizes[0])
    return seconds[0] - slope * sizes[0], slope


def logarithms(sizes, seconds):
    slope, start = numpy.polyfit(numpy.log(sizes), numpy.log(seconds), 1)
    return numpy.exp(start), slope


def through_the_origin(sizes, seconds):
    x, y = numpy.array(sizes, float), numpy.array(seconds)
    return 0.0, (x @ y) / (x @ x)


def unlike_divisors(sizes, seconds):
    slope = numpy.cov(sizes, seconds)[0, 1] / numpy.var(sizes)
    return numpy.mean(seconds) - slope * numpy.mean(sizes), slope


OVERHEAD = {
    "swapped": (lambda x, y: numpy.polyfit(x, y, 1), "another order"),
    "through the origin": (through_the_origin, "still has to be started"),
    "divided": (
        lambda x, y: (line(x, y)[0], numpy.mean(numpy.array(y) / x)),
        "seconds / size",
    ),
    "divided alone": (
        lambda x, y: (0, numpy.mean(numpy.array(y) / x)),
        "need not pass",
    ),
    "logarithms": (logarithms, "logarithms"),
    "smallest": (lambda x, y: (min(y), line(x, y)[1]), "the smallest time"),
    "two points": (two_points, "all points count"),
    "the other way": (
        lambda x, y: (-line(y, x)[0] / line(y, x)[1], 1 / line(y, x)[1]),
        "sizes over seconds",
    ),
    "unlike divisors": (unlike_divisors, "np.var"),
    "microseconds": (
        lambda x, y: tuple(1e6 * v for v in line(x, y)),
        "both are in seconds",
    ),
    "rate": (lambda x, y: (line(x, y)[0], 1 / line(x, y)[1]), "elements a second"),
    "bytes": (lambda x, y: (line(x, y)[0], line(x, y)[1] / 4), "for a byte"),
    "the mean": (lambda x, y: (numpy.mean(y), line(x, y)[1]), "height at size 0"),
    "rounded": (
        lambda x, y: tuple(round(v, 9) for v in line(x, y)),
        "no rounding",
    ),
    "neighbours": (
        lambda x, y: (lambda s: (numpy.mean(y) - s * numpy.mean(x), s))(
            numpy.mean(numpy.diff(y) / numpy.diff(x))
        ),
        "the fixed seconds",
    ),
    "one number": (lambda x, y: line(x, y)[1], "gives 2 values"),
}


def cut(*, reads=None, writes=None, width=4):
    """Return bytes, with another rule of what is read or written.

    reads: (made, inputs in order) -> values; writes: (made, later, result) -> values.
    """

    def answer(kernels, size):
        values = 0
        for place, kernel in enumerate(kernels):
            made = [output for output, _ in kernel]
            inputs = [one for _, several in kernel for one in several]
            later = {n for k in kernels[place + 1 :] for _, ins in k for n in ins}
            result = made[-1:] if kernel is kernels[-1] else []
            read = (reads or (lambda made, ins: {*ins} - {*made}))(made, inputs)
            written = {one for one in made if one in later} | {*result}
            if writes:
                written = writes(made, later, result)
            values += len([*read]) + len([*written])
        return values * size * width

    return answer


def read_once_in_all(kernels, size):
    made = {output for kernel in kernels for output, _ in kernel}
    seen, values = set(), 0
    for place, kernel in enumerate(kernels):
        own = {output for output, _ in kernel}
        fresh = {n for _, inputs in kernel for n in inputs} - own - seen
        seen |= fresh
        later = {n for k in kernels[place + 1 :] for _, inputs in k for n in inputs}
        values += len(fresh) + len(own & later & made)
    return (values + 1) * size * 4


def read_by_the_next(kernels, size):
    values = 0
    for kernel, after in zip(kernels, [*kernels[1:], None], strict=True):
        made = {output for output, _ in kernel}
        later = {n for _, ins in after for n in ins} if after else {kernel[-1][0]}
        read = {n for _, inputs in kernel for n in inputs} - made
        values += len(read) + len(made & later)
    return values * size * 4


TRAFFIC = {
    "only the next": (read_by_the_next, "not the next one alone"),
    "intermediates": (
        cut(reads=lambda made, ins: ins, writes=lambda made, later, result: made),
        "never goes to memory",
    ),
    "intermediates read": (cut(reads=lambda made, ins: {*ins}), "never goes to"),
    "read twice": (
        cut(reads=lambda made, ins: [n for n in ins if n not in made]),
        "reads a value once",
    ),
    "nothing for later": (
        cut(writes=lambda made, later, result: result),
        "has to be written",
    ),
    "last outputs": (
        cut(writes=lambda made, later, result: made[-1:]),
        "only the last output of a kernel",
    ),
    "no result": (
        cut(writes=lambda made, later, result: {*made} & later),
        "the result is written",
    ),
    "all outputs": (
        cut(writes=lambda made, later, result: made),
        "no other kernel reads is not",
    ),
    "read once in all": (read_once_in_all, "each kernel reads for itself"),
    "values": (cut(width=1), "these are values"),
    "bf16": (cut(width=2), "has 4 bytes"),
    "float64": (cut(width=8), "has 4 bytes"),
    "no size": (lambda kernels, size: cut()(kernels, 1), "multiply by it"),
    "no reads": (cut(reads=lambda made, ins: []), "kernels read as well"),
    "no writes": (cut(writes=lambda *given: []), "kernels write as well"),
    "one kernel": (
        lambda kernels, size: cut()(
            [[step for kernel in kernels for step in kernel]], size
        ),
        "here they are cut",
    ),
    "text": (lambda kernels, size: f"{cut()(kernels, size)} bytes", "a number"),
}

WRONG = {
    "overhead": OVERHEAD,
    "count_operators": programs.COUNT_OPERATORS,
    **layers.WRONG,
    "traffic": TRAFFIC,
    "static_mask": programs.STATIC_MASK,
}
