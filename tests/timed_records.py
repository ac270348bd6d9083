"""Records as a machine gives them, and the pictures of lab 1 made of them."""

from llmlab.core.records import Record
from llmlab.show import measure as pictures


def record(name, value, unit, kind="measured", low=None, high=None, subject="", **rest):
    return Record(
        name=name, value=value, unit=unit, kind=kind, low=low, high=high,
        subject=subject, details=rest,
    )  # fmt: skip


def estimates(seconds, **details):
    """The three bounds, in the order compute, bandwidth, overhead."""
    names = ("compute bound", "bandwidth bound", "overhead bound")
    return [
        record(name, value, "s", "estimated", **details)
        for name, value in zip(names, seconds, strict=True)
    ]


SAMPLES = {
    "fp32": [0.0041, 0.0040, 0.0042, 0.0039, 0.0121],
    "bf16": [0.0021, 0.0020, 0.0022, 0.0020, 0.0020],
}
RATIOS = [
    record("speed-up", 1.9, "×", low=1.8, high=2.0, subject="bf16"),
    record("speed-up", 1.01, "×", low=0.97, high=1.06, subject="fp32 again"),
    record("speed-up", 0.7, "×", low=0.66, high=0.75, subject="fp16"),
]
ROOFLINE = [
    record("bandwidth", 40e9, "B/s", subject="main memory"),
    record("bandwidth", 160e9, "B/s", subject="cache"),
    record("peak", 200e9, "FLOP/s", subject="fp32"),
    record("rate", 150e9, "FLOP/s", subject="coder", phase="prefill", intensity=180.0),
    record("rate", 9e9, "FLOP/s", subject="coder", phase="decode", intensity=0.5),
]
BANDWIDTH = [
    *(record("read", 100e9 / (1 + i), "B/s", bytes=4**i * 4096) for i in range(8)),
    record("weights", 16e6, "B", subject="coder fp32"),
]
BATCHES = [
    each
    for subject, factor in (("coder fp32", 1), ("coder bf16", 2))
    for batch in (1, 2, 4, 8, 16)
    for each in (
        record("decode throughput", factor * 300 * batch**0.8, "token/s",
               low=factor * 290 * batch**0.8, high=factor * 310 * batch**0.8,
               subject=subject, batch=batch),
        record("decode latency per token", batch**0.2 / 300 / factor, "s",
               subject=subject, batch=batch),
    )
]  # fmt: skip
BOUNDS = [
    *estimates((0.042, 0.0006, 0.003), phase="prefill"),
    *estimates((0.0001, 0.0008, 0.0021), phase="decode"),
    record("prefill latency", 0.061, "s", low=0.059, high=0.064, tokens=512),
    record("decode latency per token", 0.0027, "s", batch=1),
]
CARD = [
    *BOUNDS,
    *(each for each in BATCHES if each.subject == "coder fp32"),
    record("weights", 40e6, "B"),
    record("cache", 8e6, "B"),
    record("bits per byte", 0.92, "bit/B", low=0.9, high=0.94),
]
STEPS = [
    each
    for batch in (1, 4, 16)
    for each in (
        *estimates((0.0002 * batch, 0.002, 0.001), batch=batch),
        record("decode latency per token", 0.003 * batch**0.4, "s", batch=batch),
    )
]
WAITS = [
    record("wait by position", 0.06 if place == 1 else wait + more * place, "s",
           subject=loop, position=place, prompt=256)
    for loop, wait, more in (("re-reading", 0.06, 1e-3), ("with a cache", 0.004, 0))
    for place in range(1, 33)
]  # fmt: skip
WHOLE = {
    "prefill": {"time of a token": 3e-4, "arithmetic": 2e-4, "the rest": 1e-4},
    "decode": {
        "time of a token": 5e-3,
        "reading the weights": 1e-3,
        "products beyond the bound": 2.9e-3,
        "attention": 2e-4,
        "starting operators": 3e-4,
        "the rest": 6e-4,
    },
}
PARTS = [
    record(
        name, value, "s",
        "measured" if name in ("time of a token", "attention") else "estimated",
        subject="coder fp32", phase=phase, tokens=256 if phase == "prefill" else 1,
    )
    for phase, rows in WHOLE.items()
    for name, value in rows.items()
]  # fmt: skip
PICTURES = {
    "by_position": lambda: pictures.by_position(WAITS),
    "step_parts": lambda: pictures.step_parts(PARTS),
    "latencies": lambda: pictures.latencies(SAMPLES),
    "ratios": lambda: pictures.ratios(RATIOS),
    "roofline": lambda: pictures.roofline(ROOFLINE),
    "bandwidth": lambda: pictures.bandwidth(BANDWIDTH),
    "bounds": lambda: pictures.bounds(BOUNDS),
    "regimes": lambda: pictures.regimes(STEPS, at=4),
    "batches": lambda: pictures.batches(BATCHES),
    "model_card": lambda: pictures.model_card(CARD),
}
