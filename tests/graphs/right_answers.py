"""Right answers to the exercises of lab 10, truly different ones for each."""

import statistics
from fractions import Fraction

import numpy
import torch
from graphs import right_layers as layers
from graphs import right_programs as programs


def overhead_by_sums(sizes, seconds):
    n = len(sizes)
    x, y = sum(sizes), sum(seconds)
    together = sum(a * b for a, b in zip(sizes, seconds, strict=True))
    slope = (n * together - x * y) / (n * sum(a * a for a in sizes) - x * x)
    return (y - slope * x) / n, slope


def overhead_by_polyfit(sizes, seconds):
    slope, fixed = numpy.polyfit(sizes, seconds, 1)
    return fixed, slope


def overhead_by_lstsq(sizes, seconds):
    table = torch.tensor([[1.0, size] for size in sizes], dtype=torch.float64)
    times = torch.tensor(seconds, dtype=torch.float64)
    return torch.linalg.lstsq(table, times[:, None]).solution[:, 0]


def overhead_by_covariance(sizes, seconds):
    covariance = numpy.cov(sizes, seconds)
    slope = covariance[0, 1] / covariance[0, 0]
    return [numpy.mean(seconds) - slope * numpy.mean(sizes), slope]


def overhead_by_statistics(sizes, seconds):
    slope, fixed = statistics.linear_regression(sizes, seconds)
    return fixed, slope


def overhead_by_fractions(sizes, seconds):
    times = [*map(Fraction, seconds)]
    middle, height = Fraction(sum(sizes), len(sizes)), sum(times) / len(times)
    pairs = [(x - middle, y - height) for x, y in zip(sizes, times, strict=True)]
    slope = sum(x * y for x, y in pairs) / sum(x * x for x, _ in pairs)
    return height - slope * middle, slope


def traffic_by_sets(kernels, size):
    values = 0
    for place, kernel in enumerate(kernels):
        made = {output for output, _ in kernel}
        read = {one for _, inputs in kernel for one in inputs} - made
        later = {kernels[-1][-1][0]}
        for other in kernels[place + 1 :]:
            for _, inputs in other:
                later.update(inputs)
        values += len(read) + len(made & later)
    return values * size * 4


def traffic_by_readers(kernels, size):
    """Find the kernel that makes a value, and the kernels that read it."""
    makers = {out: i for i, kernel in enumerate(kernels) for out, _ in kernel}
    pairs = {
        (one, i)
        for i, kernel in enumerate(kernels)
        for _, inputs in kernel
        for one in inputs
        if makers.get(one) != i
    }
    written = {one for one, _ in pairs if one in makers} | {[*makers][-1]}
    return 4 * size * (len(pairs) + len(written))


def traffic_backwards(kernels, size):
    needed, moved = {kernels[-1][-1][0]}, 0
    for kernel in kernels[::-1]:
        made, read = set(), set()
        for output, inputs in kernel:
            read |= {*inputs} - made
            made.add(output)
        moved += len(made & needed) * size * 4 + len(read) * size * 4
        needed = needed | read
    return moved


def traffic_by_lists(kernels, size):
    moved = 0
    for i in range(len(kernels)):
        own, seen = [step[0] for step in kernels[i]], []
        for _, inputs in kernels[i]:
            for one in inputs:
                if one not in own and one not in seen:
                    seen.append(one)
        moved += len(seen)
        for output in own:
            used = i == len(kernels) - 1 and output == own[-1]
            for later in kernels[i + 1 :]:
                used = used or any(output in inputs for _, inputs in later)
            moved += used
    return moved * size * torch.float32.itemsize


def traffic_by_numpy(kernels, size):
    """Let rows be kernels, columns values, 1 where one touches the other."""
    names = sorted({n for k in kernels for out, ins in k for n in (out, *ins)})
    read = numpy.zeros((len(kernels), len(names)), dtype=bool)
    made = numpy.zeros_like(read)
    for i, kernel in enumerate(kernels):
        for output, inputs in kernel:
            made[i, names.index(output)] = True
            read[i, [names.index(one) for one in inputs]] = True
    read &= ~made
    needed = read.any(0)
    needed[names.index(kernels[-1][-1][0])] = True
    return (read.sum() + (made & needed).sum()) * numpy.float32().itemsize * size


RIGHT = {
    "overhead": [
        overhead_by_sums,
        overhead_by_polyfit,
        overhead_by_lstsq,
        overhead_by_covariance,
        overhead_by_statistics,
        overhead_by_fractions,
    ],
    "count_operators": programs.RIGHT["count_operators"],
    **layers.RIGHT,
    "traffic": [
        traffic_by_sets,
        traffic_by_readers,
        traffic_backwards,
        traffic_by_lists,
        traffic_by_numpy,
    ],
    "static_mask": programs.RIGHT["static_mask"],
}
