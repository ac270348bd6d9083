"""Right answers to the exercises of lab 01, truly different ones for each."""

import statistics
from fractions import Fraction
from itertools import pairwise

import numpy
import torch
from measure import right_decoding as decoding

# --- token_times


def times_by_stamps(tokens, clock):
    stamps = [clock()]
    for _ in tokens:
        stamps.append(clock())
    gaps = [after - before for before, after in pairwise(stamps)]
    return gaps[0], gaps[1:]


def times_by_next(tokens, clock):
    tokens, now, later = iter(tokens), clock(), []
    next(tokens)
    first, now = clock() - now, clock()
    while next(tokens, None) is not None:
        later.append(clock() - now)
        now = clock()
    return first, later


def times_by_array(tokens, clock):
    stamps = numpy.array([clock(), *(clock() for _ in tokens)])
    return numpy.diff(stamps)[0], numpy.diff(stamps)[1:]


def times_by_tensor(tokens, clock):
    start = clock()
    stamps = torch.tensor([clock() - start for _ in tokens], dtype=torch.float64)
    return stamps[0], stamps.diff()


def times_in_float32(tokens, clock):
    start = clock()
    stamps = torch.tensor([0.0, *(clock() - start for _ in tokens)])
    return stamps.diff()[0], tuple(stamps.diff()[1:])


def times_by_generator(tokens, clock):
    stamps = [clock(), *(clock() for _ in tokens)]
    later = (after - before for before, after in pairwise(stamps[1:]))
    return stamps[1] - stamps[0], later


# --- percentile


def percentile_by_hand(samples, share):
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def percentile_by_numpy(samples, share):
    return numpy.percentile(samples, 100 * share)


def percentile_by_torch(samples, share):
    return torch.tensor(samples, dtype=torch.float64).quantile(share)


def percentile_in_float32(samples, share):
    return torch.quantile(torch.tensor(samples), share)


def percentile_by_statistics(samples, share):
    cuts = samples * 999
    if len(samples) > 1:
        cuts = statistics.quantiles(samples, n=1000, method="inclusive")
    return [min(samples), *cuts, max(samples)][round(share * 1000)]


def percentile_in_fractions(samples, share):
    ordered = sorted(map(Fraction, samples))
    place = Fraction(share) * (len(ordered) - 1)
    ordered.append(ordered[-1])
    low, high = ordered[int(place) : int(place) + 2]
    return low + (high - low) * (place - int(place))


def percentile_by_interp(samples, share):
    places = numpy.linspace(0, 1, len(samples))
    return numpy.array([numpy.interp(share, places, numpy.sort(samples))])


# --- speedup


def speedup_by_lists(baseline, candidate, picks, clock):
    ratios = []
    for _ in picks[0]:
        start = clock()
        baseline()
        middle = clock()
        candidate()
        ratios.append((middle - start) / (clock() - middle))
    medians = [statistics.median(ratios[place] for place in row) for row in picks]
    ends = percentile_by_hand(medians, 0.025), percentile_by_hand(medians, 0.975)
    return statistics.median(ratios), *ends


def _seconds(work, clock):
    start = clock()
    work()
    return clock() - start


def speedup_by_arrays(baseline, candidate, picks, clock):
    pairs = [(_seconds(baseline, clock), _seconds(candidate, clock)) for _ in picks[0]]
    ratios = numpy.divide(*numpy.transpose(pairs))
    medians = numpy.median(ratios[numpy.array(picks)], axis=-1)
    return numpy.array([numpy.median(ratios), *numpy.quantile(medians, [0.025, 0.975])])


def speedup_in_float32(baseline, candidate, picks, clock):
    times = [_seconds(work, clock) for _ in picks[0] for work in (baseline, candidate)]
    ratios = torch.tensor(times[::2]) / torch.tensor(times[1::2])
    medians = ratios[torch.tensor(picks)].quantile(0.5, dim=1)
    return torch.stack(
        [ratios.quantile(0.5), *medians.quantile(torch.tensor([0.025, 0.975]))]
    )


def speedup_candidate_first(baseline, candidate, picks, clock):
    ratios = []
    for _ in range(len(picks[0])):
        fast = _seconds(candidate, clock)
        ratios.append(_seconds(baseline, clock) / fast)
    medians = [percentile_by_hand([ratios[i] for i in row], 0.5) for row in picks]
    return [
        percentile_by_hand(ratios, 0.5),
        *(percentile_by_hand(medians, q) for q in (0.025, 0.975)),
    ]


# --- step_bytes


def step_at_once(parameters, shape, cached, batch, value_bytes):
    tokens = batch * (cached + 1)
    cache = tokens * shape.layers * 2 * shape.kv_heads * shape.head_width
    return (parameters + cache) * value_bytes


def step_layer_by_layer(parameters, shape, cached, batch, value_bytes):
    moved = parameters * value_bytes
    for _ in range(shape.layers):
        for _ in ("keys", "values"):
            heads = shape.kv_heads * shape.head_width
            moved += batch * heads * value_bytes * (cached + 1)
    return torch.tensor(moved)


def step_in_floats(parameters, shape, cached, batch, value_bytes):
    sizes = [2, batch, shape.layers, shape.kv_heads, cached + 1, shape.head_width]
    return value_bytes * (float(parameters) + numpy.prod(sizes, dtype=float))


def step_by_tensors(parameters, shape, cached, batch, value_bytes):
    one = torch.empty(
        2, shape.layers, batch, shape.kv_heads, 1 + cached, shape.head_width,
        device="meta",
    )  # fmt: skip
    return numpy.int64((parameters + one.numel()) * value_bytes)


# --- roofline


def roofline_by_comparison(flops, moved, peak, bandwidth):
    if flops / peak > moved / bandwidth:
        return flops / peak, "compute"
    return moved / bandwidth, "bandwidth"


def roofline_by_intensity(flops, moved, peak, bandwidth):
    if flops / moved < peak / bandwidth:
        return [numpy.float64(moved / bandwidth), "bandwidth"]
    return [flops / min(peak, flops / moved * bandwidth), "compute"]


def roofline_in_float32(flops, moved, peak, bandwidth):
    times = torch.tensor([flops / peak, moved / bandwidth])
    return times.max(), ("compute", "bandwidth")[int(times.argmax())]


def roofline_by_dict(flops, moved, peak, bandwidth):
    times = {"bandwidth": moved / bandwidth, "compute": flops / peak}
    name = max(times, key=times.get)
    return numpy.array(times[name]), numpy.str_(name)


RIGHT = {
    "generate": (
        decoding.generate_by_the_text,
        decoding.generate_tensors,
        decoding.generate_by_softmax,
        decoding.generate_by_class,
        decoding.generate_ahead,
    ),
    "token_times": (
        times_by_stamps,
        times_by_next,
        times_by_array,
        times_by_tensor,
        times_in_float32,
        times_by_generator,
    ),
    "generate_cached": (
        decoding.cached_by_feeding,
        decoding.cached_ahead,
        decoding.cached_in_tensors,
        decoding.cached_in_two_parts,
        decoding.cached_by_package,
    ),
    "percentile": (
        percentile_by_hand,
        percentile_by_numpy,
        percentile_by_torch,
        percentile_in_float32,
        percentile_by_statistics,
        percentile_in_fractions,
        percentile_by_interp,
    ),
    "speedup": (
        speedup_by_lists,
        speedup_by_arrays,
        speedup_in_float32,
        speedup_candidate_first,
    ),
    "step_bytes": (
        step_at_once,
        step_layer_by_layer,
        step_in_floats,
        step_by_tensors,
    ),
    "roofline": (
        roofline_by_comparison,
        roofline_by_intensity,
        roofline_in_float32,
        roofline_by_dict,
    ),
}
