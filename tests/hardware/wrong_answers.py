"""Answers to the exercises of lab 11 that are wrong, as learners write them."""

import math

import numpy
from hardware import right_answers as right
from hardware import right_arrays
from hardware import wrong_arrays as arrays
from hardware import wrong_tiles as tiles


def ratio(*, flops=2, weights=None, moved=None):
    """Return an intensity with another count of bytes: (t, i, o, w, a) -> bytes."""

    def answer(t, i, o, w, a):
        layer = i * o * w if weights is None else weights(t, i, o, w, a)
        rest = t * (i + o) * a if moved is None else moved(t, i, o, w, a)
        return flops * t * i * o / (layer + rest)

    return answer


INTENSITY = {
    "one FLOP": (ratio(flops=1), "two FLOPs"),
    "no activations": (ratio(moved=lambda t, i, o, w, a: 0), "come in and go out"),
    "no outputs": (ratio(moved=lambda t, i, o, w, a: t * i * a), "what goes out"),
    "no inputs": (ratio(moved=lambda t, i, o, w, a: t * o * a), "what comes in"),
    "weights by tokens": (
        ratio(weights=lambda t, i, o, w, a: t * i * o * w),
        "read once",
    ),
    "no weights": (ratio(weights=lambda t, i, o, w, a: 0), "the weights move"),
    "one width": (ratio(moved=lambda t, i, o, w, a: t * (i + o) * w), "as wide as"),
    "other width": (ratio(weights=lambda t, i, o, w, a: i * o * a), "as wide as"),
    "one token moves": (
        ratio(moved=lambda t, i, o, w, a: (i + o) * a),
        "activations of its own",
    ),
    "inverted": (lambda *given: 1 / right.intensity_by_sums(*given), "the other way"),
    "numbers": (lambda t, i, o, w, a: ratio()(t, i, o, 1, 1), "has its bytes"),
    "inputs times outputs": (
        ratio(moved=lambda t, i, o, w, a: t * i * o * a),
        "added, not multiplied",
    ),
    "parentheses": (
        lambda t, i, o, w, a: 2 * t * i * o / (i * o * w) + t * (i + o) * a,
        "in parentheses",
    ),
    "whole": (
        lambda t, i, o, w, a: 2 * t * i * o // (i * o * w + t * (i + o) * a),
        "cuts off",
    ),
    "rounded": (lambda *given: round(right.intensity_by_sums(*given), 1), "rounding"),
    "text": (lambda *given: f"{right.intensity_by_sums(*given):.3f}", "a number"),
    "bytes": (
        lambda t, i, o, w, a: i * o * w + t * (i + o) * a,
        "these are the bytes",
    ),
}


def fixed(*, scale=None, low=None, high=None, wrap=False, limits=True):
    """Return a fixed-point product with another rounding or other limits."""

    def answer(a, b, fraction, bits):
        total = sum(x * y for x, y in zip(a, b, strict=True))
        if scale is None:
            number = total + ((1 << fraction) >> 1) >> fraction
        else:
            number = scale(total, fraction)
        if wrap:
            number &= (1 << bits) - 1
            return number - (1 << bits) if number >> bits - 1 else number
        if not limits:
            return number
        least = -(2 ** (bits - 1)) if low is None else low(bits)
        most = 2 ** (bits - 1) - 1 if high is None else high(bits)
        return max(least, min(most, number))

    return answer


def fixed_by_product(a, b, fraction, bits):
    total = sum(x * y >> fraction for x, y in zip(a, b, strict=True))
    return max(-(1 << bits - 1), min((1 << bits - 1) - 1, total))


def fixed_in_float32(a, b, fraction, bits):
    total = float(numpy.float32(a) @ numpy.float32(b))
    number = math.floor(total / 2**fraction + 0.5)
    return max(-(1 << bits - 1), min((1 << bits - 1) - 1, number))


def fixed_in_bits(a, b, fraction, bits):
    most, total = 1 << bits - 1, 0
    for x, y in zip(a, b, strict=True):
        total = max(-most, min(most - 1, total + x * y))
    return total + ((1 << fraction) >> 1) >> fraction


FIXED = {
    "each product": (fixed_by_product, "each product is shifted"),
    "twice": (fixed(scale=lambda s, f: s + (1 << 2 * f >> 1) >> 2 * f), "too many"),
    "not shifted": (fixed(scale=lambda s, f: s), "twice the fraction bits"),
    "wraps": (fixed(wrap=True), "this wraps"),
    "no limits": (fixed(limits=False), "nothing limits"),
    "floors": (fixed(scale=lambda s, f: s >> f), "rounds down"),
    "cuts": (fixed(scale=lambda s, f: int(s / 2**f)), "towards zero"),
    "cuts halves": (fixed(scale=lambda s, f: int(s / 2**f + 0.5)), "towards zero"),
    "even": (fixed(scale=lambda s, f: round(s / 2**f)), "the even one"),
    "up": (fixed(scale=lambda s, f: math.ceil(s / 2**f)), "rounds up"),
    "away": (
        fixed(scale=lambda s, f: int(math.copysign(abs(s) / 2**f + 0.5, s))),
        "below zero",
    ),
    "in bits": (fixed_in_bits, "kept in `bits`"),
    "no fraction bits": (
        fixed(scale=lambda s, f: s + (1 << f - 1) >> f),
        "nothing to round",
    ),
    "symmetric": (fixed(low=lambda n: 1 - 2 ** (n - 1)), "one more than the largest"),
    "unsigned": (fixed(low=lambda n: 0, high=lambda n: 2**n - 1), "is the sign"),
    "one too many": (fixed(high=lambda n: 2 ** (n - 1)), "is the sign"),
    "no lower limit": (fixed(low=lambda n: -math.inf), "there is a smallest"),
    "float32": (fixed_in_float32, "float32 holds 24 bits"),
    "real": (
        lambda a, b, f, n: right.fixed_by_shifts(a, b, f, n) / 2**f,
        "stands for",
    ),
    "int8": (
        lambda a, b, f, n: right.fixed_by_shifts(
            *(numpy.array(x).astype(numpy.int8).tolist() for x in (a, b)), f, n),
        "the sum is wide",
    ),
}  # fmt: skip


def parsed(*, check=True, time=1000, whole=True, begins=True):
    """Return a reader of lines with a mistake in it."""

    def answer(line, template):
        prefix = template.split("info,")[0]
        names = template.partition(":")[2].split(",")
        values = line.removeprefix(prefix).split(",")
        if begins and not line.startswith(prefix):
            return None
        if whole and len(values) != len(names):
            return None
        fields = dict(zip(names, values, strict=False))
        if check and fields.get("operation") != "exec":
            return None
        fields["seconds"] = float(fields.pop("exec_time")) / time
        return fields

    return answer


def fixed_columns(line, template):
    parts = line.split(",")
    if parts[0] != "onednn_verbose" or len(parts) < 14 or parts[3] != "exec":
        return None
    names = (
        "operation engine primitive implementation prop_kind memory_descriptors "
        "attributes auxiliary problem_desc"
    ).split()
    return dict(zip(names, parts[3:], strict=False)) | {
        "seconds": float(parts[12]) / 1000
    }


def first_only(line, template):
    fields = right.parse_by_partition(line, template)
    return fields and {"operation": fields["operation"]}


def splits_colons(line, template):
    fields = right.parse_by_partition(line, template)
    if fields is None:
        return None
    prefix = template.partition("info,")[0]
    parts = line.removeprefix(prefix).replace(":", ",").split(",")
    names = template.partition(":")[2].split(",")
    return dict(zip(names, parts, strict=False)) | {"seconds": fields["seconds"]}


def crashes(line, template):
    prefix, _, rest = template.partition("info,")
    names = rest.partition(":")[2].split(",")
    values = line.removeprefix(prefix).split(",")
    fields = {name: values[place] for place, name in enumerate(names)}
    if fields["operation"] != "exec":
        return None
    return fields | {"seconds": float(fields.pop("exec_time")) / 1000}


def read_of(change, otherwise=None):
    """Return the right fields, changed, and what stands for None."""

    def answer(line, template):
        fields = right.parse_by_partition(line, template)
        return otherwise if fields is None else change(fields)

    return answer


PARSE = {
    "fixed columns": (fixed_columns, "come from the template"),
    "created": (parsed(check=False), "operation is exec"),
    "milliseconds": (parsed(time=1), "milliseconds"),
    "microseconds": (parsed(time=1e6), "divide by 1000"),
    "first field": (first_only, "template's names"),
    "colons": (splits_colons, "the template's names"),
    "crashes": (crashes, "does not begin as"),
    "cut off": (parsed(whole=False), "another number of values"),
    "any beginning": (parsed(begins=False), "does not begin as"),
    "empty dict": (read_of(lambda fields: fields, {}), "not an empty dict"),
    "False": (read_of(lambda fields: fields, False), "not an empty dict"),
    "text": (
        read_of(lambda fields: fields | {"seconds": str(fields["seconds"])}),
        "here they are text",
    ),
    "exec_time": (
        read_of(lambda fields: {
            ("exec_time" if key == "seconds" else key): fields[key] for key in fields}),
        "\"exec_time\" goes",
    ),
    "empty left out": (
        read_of(lambda fields: {key: fields[key] for key in fields if fields[key]}),
        "an empty field is",
    ),
    "pairs": (read_of(lambda fields: [*fields.items()]), "return a dict"),
    "nothing": (lambda line, template: None, "nothing was executed"),
    "old only": (
        lambda line, template: right.parse_by_partition(line, template)
        if line.startswith("onednn_verbose,v1,primitive") else None,
        "from the template",
    ),
}  # fmt: skip

WRONG = {
    "intensity": INTENSITY,
    "tiled_matmul": tiles.TILED,
    "cycle": arrays.CYCLE,
    "skew": arrays.SKEW,
    "fixed_dot": FIXED,
    "parse": PARSE,
}

CHANGING = [  # exercise, parameter, answer
    ("cycle", "activations", arrays.in_place),
    ("skew", "rows", arrays.skew_in_place),
    ("fixed_dot", "a", lambda a, b, f, n: right.fixed_by_shifts(
        [a.pop() for _ in [*a]][::-1], b, f, n)),
    ("tiled_matmul", "a", lambda a, b, tile, memory: [
        right_arrays.tiled_in_loops(a, b, tile, memory), a.fill(0)][0]),
]  # fmt: skip
