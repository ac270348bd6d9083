"""Right answers to the exercises of lab 11, truly different ones for each."""

import csv
import math
from decimal import Decimal
from fractions import Fraction

import numpy
import torch
from hardware import right_arrays as arrays


def intensity_by_sums(tokens, inputs, outputs, weight_bytes, activation_bytes):
    flops = 2 * tokens * inputs * outputs
    weights = inputs * outputs * weight_bytes
    return flops / (weights + tokens * (inputs + outputs) * activation_bytes)


def intensity_by_parts(tokens, inputs, outputs, weight_bytes, activation_bytes):
    """Add the bytes for a FLOP."""
    weights = weight_bytes / (2 * tokens)
    coming, going = (activation_bytes / (2 * side) for side in (outputs, inputs))
    return 1 / (weights + coming + going)


def intensity_by_numpy(tokens, inputs, outputs, weight_bytes, activation_bytes):
    counts = numpy.array([inputs * outputs, tokens * inputs, tokens * outputs], float)
    widths = numpy.array([weight_bytes, activation_bytes, activation_bytes])
    return 2 * tokens * inputs * outputs / (counts @ widths)


def intensity_by_torch(tokens, inputs, outputs, weight_bytes, activation_bytes):
    layer = torch.nn.Linear(inputs, outputs, bias=False, device="meta")
    x = torch.empty(tokens, inputs, device="meta")
    moved = layer.weight.numel() * weight_bytes
    moved += (x.numel() + layer(x).numel()) * activation_bytes
    return torch.tensor(2 * tokens * layer.weight.numel() / moved)


def intensity_by_fractions(tokens, inputs, outputs, weight_bytes, activation_bytes):
    moved = Fraction(weight_bytes) * inputs * outputs
    moved += Fraction(activation_bytes) * tokens * (inputs + outputs)
    return Fraction(2 * tokens * inputs * outputs) / moved


def fixed_by_shifts(a, b, fraction, bits):
    total = sum(x * y for x, y in zip(a, b, strict=True))
    rounded = (total + ((1 << fraction) >> 1)) >> fraction
    most = 1 << bits - 1
    return max(-most, min(most - 1, rounded))


def fixed_by_floor(a, b, fraction, bits):
    total = 0
    for place in range(len(a)):
        total = total + a[place] * b[place]
    number = math.floor(total / 2**fraction + 0.5)
    if number > 2 ** (bits - 1) - 1:
        return 2 ** (bits - 1) - 1
    if number < -(2 ** (bits - 1)):
        return -(2 ** (bits - 1))
    return number


def fixed_by_numpy(a, b, fraction, bits):
    total = numpy.dot(numpy.array(a, dtype=numpy.int64), b)
    rounded = numpy.floor(total / 2.0**fraction + 0.5)
    return int(numpy.clip(rounded, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1))


def fixed_by_remainder(a, b, fraction, bits):
    quotient, rest = divmod(sum(map(int.__mul__, a, b)), 2**fraction)
    quotient += 2 * rest >= 2**fraction
    return sorted([-(2 ** (bits - 1)), quotient, 2 ** (bits - 1) - 1])[1]


def fixed_by_torch(a, b, fraction, bits):
    total = (torch.tensor(a) * torch.tensor(b)).sum()
    rounded = torch.floor(total.double() / 2**fraction + 0.5).long()
    return rounded.clamp(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def fixed_by_fractions(a, b, fraction, bits):
    exact = sum(Fraction(x, 2**fraction) * y for x, y in zip(a, b, strict=True))
    limits = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return min(limits[1], max(limits[0], math.floor(exact + Fraction(1, 2))))


def parse_by_partition(line, template):
    prefix, _, rest = template.partition("info,")
    names = rest.partition(":")[2].split(",")
    values = line.removeprefix(prefix).split(",")
    if not line.startswith(prefix) or len(values) != len(names):
        return None
    fields = dict(zip(names, values, strict=True))
    if fields["operation"] != "exec":
        return None
    fields["seconds"] = float(fields.pop("exec_time")) / 1000
    return fields


def parse_by_places(line, template):
    names = template[template.index(":") + 1 :].split(",")
    words = template.split(",")
    start = words[: words.index("info")]
    parts = line.split(",")
    if parts[: len(start)] != start or len(parts) - len(start) != len(names):
        return None
    result = {}
    for name, value in zip(names, parts[len(start) :], strict=True):
        if name == "operation" and value != "exec":
            return None
        if name == "exec_time":
            result["seconds"] = numpy.float64(value) * 1e-3
        else:
            result[name] = value
    return result


def parse_by_csv(line, template):
    head, names = template.split(":", maxsplit=1)
    prefix = head[: head.rindex("info,")]
    if line[: len(prefix)] != prefix:
        return None
    (values,) = csv.reader([line[len(prefix) :]], quoting=csv.QUOTE_NONE)
    try:
        pairs = [*zip(names.split(","), values, strict=True)]
    except ValueError:
        return None
    if ("operation", "exec") not in pairs:
        return None
    return {
        ("seconds" if name == "exec_time" else name): (
            float(Decimal(value) / 1000) if name == "exec_time" else value
        )
        for name, value in pairs
    }


def parse_by_pattern(line, template):
    import re

    prefix, names = re.fullmatch(r"(.*?)info,[^:]*:(.*)", template).groups()
    fields = [f"(?P<{name}>[^,]*)" for name in names.split(",")]
    match = re.fullmatch(re.escape(prefix) + ",".join(fields), line)
    if match is None or match["operation"] != "exec":
        return None
    result = match.groupdict()
    return result | {"seconds": float(result.pop("exec_time")) / 1e3}


def parse_by_counting(line, template):
    """Try, and give up on whatever does not fit."""
    try:
        begin = template.split("info,")[0]
        assert line.startswith(begin)
        names = template.split(":")[1].split(",")
        values = line[len(begin) :].split(",")
        assert values.__len__() == names.__len__()
        assert values[names.index("operation")] == "exec"
        time = names.index("exec_time")
        answer = {"seconds": torch.tensor(float(values[time]) / 1000)}
        answer.update(
            {names[i]: values[i] for i in range(len(names)) if i != time},
        )
        return answer
    except AssertionError:
        return


RIGHT = {
    "intensity": [
        intensity_by_sums,
        intensity_by_parts,
        intensity_by_numpy,
        intensity_by_torch,
        intensity_by_fractions,
    ],
    "tiled_matmul": [
        arrays.tiled_in_loops,
        arrays.tiled_by_columns,
        arrays.tiled_by_counting,
        arrays.tiled_by_torch,
        arrays.tiled_by_numbers,
    ],
    "cycle": [
        arrays.cycle_by_stacking,
        arrays.cycle_by_loops,
        arrays.cycle_by_lists,
        arrays.cycle_by_rolling,
        arrays.cycle_by_torch,
        arrays.cycle_by_matrices,
    ],
    "skew": [
        arrays.skew_by_columns,
        arrays.skew_by_places,
        arrays.skew_by_lists,
        arrays.skew_by_padding,
        arrays.skew_by_torch,
        arrays.skew_by_rolling,
    ],
    "fixed_dot": [
        fixed_by_shifts,
        fixed_by_floor,
        fixed_by_numpy,
        fixed_by_remainder,
        fixed_by_torch,
        fixed_by_fractions,
    ],
    "parse": [
        parse_by_partition,
        parse_by_places,
        parse_by_csv,
        parse_by_pattern,
        parse_by_counting,
    ],
}
