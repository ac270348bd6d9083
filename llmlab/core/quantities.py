"""What the facts of the course are called: name, unit, better direction and keys.

Each name is written once, here if rooms share it, else in the `quantities.py` of the
lab that owns it. A record of such a name must have its unit, and no details besides its
keys; pictures and tables choose records by it. Names that nobody registered are free:
a learner's own fact needs none of this.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from llmlab.core import units

Better = Literal["lower", "higher"] | None

ANYWHERE = frozenset({"note", "guess"})  # keys that every quantity has


@dataclass(frozen=True)
class Quantity:
    """What a fact is a fact of. `str` is its name."""

    name: str
    unit: str  # base: "s", "B", "token/s"; "1" for none
    better: Better = None  # None where neither is
    keys: frozenset[str] = frozenset()  # that the details of its records may have
    is_share: bool = False  # of a whole: tables write it in per cent

    def reaches(self, value: float, bar: float) -> bool:
        """Say whether a value is at least as good as the bar.

        Raises ValueError where neither direction is better.
        """
        if self.better is None:
            raise ValueError(
                f"quantity={self.name!r} is better neither lower nor higher, so no "
                "value of it reaches a bar; register it with better='lower' or "
                "better='higher'."
            )
        return value <= bar if self.better == "lower" else value >= bar

    def __str__(self) -> str:
        return self.name


_REGISTERED: dict[str, Quantity] = {}


def register(
    name: str,
    unit: str,
    *,
    better: Better = None,
    keys: Iterable[str] = (),
    is_share: bool = False,
) -> Quantity:
    """Return the quantity of this name; from now on its records are checked.

    is_share: whether it is a part of a whole, of unit "1", which tables write in per
    cent. Raises ValueError for a name that stands for something else already, for a
    unit with a prefix, and for a share with a unit.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"name={name!r}; a quantity needs a name, such as 'latency'.")
    if better not in ("lower", "higher", None):
        raise ValueError(
            f"better={better!r} of {name!r} is none of 'lower', 'higher' and None."
        )
    if is_share and unit != "1":
        raise ValueError(f"unit={unit!r} of {name!r}; a share has unit='1'.")
    keys = ANYWHERE.union(keys)
    new = Quantity(name, units.check_base(unit), better, keys, is_share)
    old = _REGISTERED.setdefault(name, new)
    if old != new:
        raise ValueError(
            f"name={name!r} is registered already, {_told(old)}; choose another name, "
            "or use that quantity."
        )
    return old


def get(name: str) -> Quantity:
    """Return the registered quantity of this name; ValueError lists what there is."""
    if name not in _REGISTERED:
        raise ValueError(
            f"name={name!r} is no registered quantity; choose among "
            f"{', '.join(names())}, or give a fact of your own its unit."
        )
    return _REGISTERED[name]


def names() -> tuple[str, ...]:
    """Return the names of all that is registered, in the order of their letters."""
    return tuple(sorted(_REGISTERED))


def is_share(name: str) -> bool:
    """Say whether records of this name are parts of a whole."""
    return name in _REGISTERED and _REGISTERED[name].is_share


def is_registered(name: str) -> bool:
    """Say whether records of this name are checked."""
    return name in _REGISTERED


def check(name: str, unit: str, keys: Iterable[str]) -> None:
    """Refuse another unit or key than those of a registered name, by ValueError."""
    known = _REGISTERED.get(name)
    if known is None:
        return
    if unit != known.unit:
        raise ValueError(
            f"unit={unit!r} is not the unit of {name!r}, which is kept in "
            f"{known.unit!r}; convert the value, or give the fact another name."
        )
    if wrong := [key for key in keys if key not in known.keys]:
        raise ValueError(
            f"details[{wrong[0]!r}] is no key of {name!r}, which has "
            f"{', '.join(sorted(known.keys))}; leave it out, or give the fact another "
            "name."
        )


def _told(quantity: Quantity) -> str:
    better = f"{quantity.better} is better" if quantity.better else "neither is better"
    return f"in {quantity.unit!r}, {better}, keys {', '.join(sorted(quantity.keys))}"


# Keys that go together.
_STEP = ("phase", "batch", "prompt", "new", "tokens", "cached")  # a call of a model
_CHOICE = ("model", "dtype", "context")  # what a widget lets choose
_SCORED = ("tokens", "bytes", "parts", "part")  # a text, and how it was drawn from
# Done to a model.
_CHANGE = ("method", "bits", "group size", "sparsity", "scope", "steps", "seconds")
_OPERATOR = ("format", "dtype", "device", "operator", "rows", "chosen")  # a kernel's

PERCENTILES = ("p50", "p90", "p95", "p99")

# Times and rates.
LATENCY = register(
    "latency", "s", better="lower", keys=("rounds", "calls", *_STEP, *_OPERATOR)
)
LATENCIES = {
    word: register(f"latency, {word}", "s", better="lower") for word in PERCENTILES
}
WAITS = {
    word: register(f"wait for a token, {word}", "s", better="lower")
    for word in PERCENTILES
}
TIME_TO_FIRST_TOKEN = register("time to first token", "s", better="lower", keys=_STEP)
TIME_PER_TOKEN = register("time per token", "s", better="lower", keys=_STEP)
REQUEST_LATENCY = register("request latency", "s", better="lower", keys=_STEP)
WAIT = register(
    "wait by position", "s", better="lower", keys=("position", "rounds", *_STEP)
)
MEAN_WAIT = register("wait for a token, mean", "s", better="lower")
THROUGHPUT = register("throughput", "token/s", better="higher", keys=_STEP)
SPEED_UP = register(
    "speed-up",
    "×",
    better="higher",
    keys=("verdict", "against", "of", "rounds", *_STEP),
)
BESIDE_NEIGHBOUR = register(
    "step beside a busy neighbour, times as long", "×", better="lower",
    keys=("against", *_STEP),
)  # fmt: skip
PREFILL_LATENCY = register(
    "prefill latency", "s", better="lower", keys=(*_STEP, *_CHOICE)
)
DECODE_LATENCY = register(
    "decode latency per token", "s", better="lower", keys=(*_STEP, *_CHOICE)
)
DECODE_THROUGHPUT = register(
    "decode throughput", "token/s", better="higher", keys=(*_STEP, *_CHOICE)
)
LATENCY_OF_ANSWERS = register(
    "latency of answers", "s", better="lower", keys=("batch", "phase")
)
THROUGHPUT_OF_ANSWERS = register(
    "throughput of answers", "answer/s", better="higher", keys=("batch", "phase")
)

# What this machine can do at most, and what follows from it.
PEAK = register("peak", "FLOP/s", better="higher")
READ_BANDWIDTH = register("read bandwidth", "B/s", better="higher", keys=("bytes",))
EMPTY_OPERATOR = register("empty operator", "s", better="lower")
COMPUTE_BOUND = register(
    "compute bound", "s", better="lower",
    keys=("flops", "flops_per_second", *_STEP, *_CHOICE),
)  # fmt: skip
BANDWIDTH_BOUND = register(
    "bandwidth bound", "s", better="lower",
    keys=("bytes", "bytes_per_second", *_STEP, *_CHOICE),
)  # fmt: skip
OVERHEAD_BOUND = register(
    "overhead bound", "s", better="lower",
    keys=("operators", "operator_seconds", *_STEP, *_CHOICE),
)  # fmt: skip
BOUNDS = (COMPUTE_BOUND, BANDWIDTH_BOUND, OVERHEAD_BOUND)
SHARE_OF_THE_BOUND = register(
    "share of the bound", "1", better="higher", keys=("bound", *_STEP, *_CHOICE),
    is_share=True,
)  # fmt: skip
VECTOR_PRODUCT = register("matrix times vector", "weight/s", better="higher")
LEAST_TIME = register(
    "least time of a token", "s", better="lower", keys=("bound", "bits", *_STEP)
)

# Where the time of one token goes: parts that together are the whole step.
STEP = register("time of a token", "s", better="lower", keys=_STEP)
READING = register("reading the weights", "s", better="lower", keys=_STEP)
ARITHMETIC = register("arithmetic", "s", better="lower", keys=_STEP)
PRODUCTS = register("products beyond the bound", "s", better="lower", keys=_STEP)
ATTENTION = register("attention", "s", better="lower", keys=_STEP)
STARTING = register("starting operators", "s", better="lower", keys=_STEP)
REST = register("the rest", "s", better="lower", keys=_STEP)
PARTS = (READING, ARITHMETIC, PRODUCTS, ATTENTION, STARTING, REST)
SHARE_OF_THE_TIME = register("share of the time", "1", keys=_STEP, is_share=True)

# How often a single timing misleads.
MISSES = register(
    "single timings off by more", "1", better="lower", keys=("margin", "samples"),
    is_share=True,
)  # fmt: skip
FALSE_CLAIMS = register(
    "pairs that seem to differ", "1", better="lower", keys=("margin", "samples"),
    is_share=True,
)  # fmt: skip

# What texts say, and what was measured of it.
CLAIM = register("claim holds", "1", keys=("claim", "measured", "verdict"))

# Memory.
PARAMETERS = register("parameters", "weight", better="lower", keys=("bits",))
WEIGHTS = register("weights", "B", better="lower", keys=("bits",))
CACHE = register("cache", "B", better="lower", keys=("batch",))
PREFILL_SPEED_UP = register(
    "prefill, times as fast", "×", better="higher", keys=("verdict", "phase")
)
DECODE_SPEED_UP = register(
    "decode, times as fast", "×", better="higher", keys=("verdict", "phase")
)
FILE_SIZE = register("file size", "B", better="lower")
ALLOCATOR_PEAK = register("allocator peak", "B", better="lower")
PROCESS_PEAK = register("process peak", "B", better="lower", keys=("since",))

# Quality.
BITS_PER_TOKEN = register(
    "bits per token", "bit", better="lower", keys=("from", "to", *_SCORED)
)
BITS_PER_BYTE = register(
    "bits per byte", "bit/B", better="lower", keys=(*_SCORED, *_CHANGE)
)
DIFFERENCE_IN_BITS_PER_BYTE = register(
    "difference in bits per byte", "bit/B", better="lower",
    keys=("relative", "relative_low", "relative_high", *_SCORED, *_CHANGE),
)  # fmt: skip
PERPLEXITY = register("perplexity", "1", better="lower", keys=_SCORED)
NEXT_TOKEN_ACCURACY = register(
    "next-token accuracy", "1", better="higher", keys=_SCORED, is_share=True
)
EXACT_MATCH = register(
    "exact match", "1", better="higher", keys=("answers", *_CHANGE), is_share=True
)
ACCURACY = register(
    "accuracy", "1", better="higher",
    keys=("answers", "snippets", "files", "distance", "rows", *_CHANGE),
    is_share=True,
)  # fmt: skip
AGREEMENT = register("agreement", "1", better="higher", keys=_SCORED, is_share=True)
COMMON_PREFIX = register(
    "common prefix", "token", better="higher",
    keys=("prompts", "max_tokens", "never_parted"),
)  # fmt: skip
LOGIT_ERROR = register("logit error", "1", better="lower")
TRAINING_LOSS = register(
    "training loss", "nat/token", better="lower", keys=("step", "tokens", "dtype")
)
ADDED_LOSS = register("added loss", "1", better="lower", keys=("setting", "bytes"))
