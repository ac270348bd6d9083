"""What the facts of lab 7 are called, beside those of `core.quantities`."""

from llmlab.core.quantities import register

# Reading again against a cache.
WRITING = register("time to write", "s", better="lower", keys=("tokens", "prompt"))
CACHE_SPEED_UP = register(
    "cache, times as fast", "×", better="higher", keys=("tokens", "prompt", "verdict")
)

# What caches hold.
TOKEN_CACHE = register("cache of a token", "B", better="lower", keys=("bits",))
TEXT_CACHE = register("cache of a text", "B", better="lower", keys=("tokens",))
TEXTS_AS_HEAVY = register("texts as heavy as the weights", "×")
HELD = register("cache in use", "B", keys=("tokens",))
RESERVED = register("cache reserved", "B", better="lower", keys=("tokens",))
WASTED = register("share of the cache wasted", "1", better="lower", is_share=True)

# Pages against one piece of memory, and caches of fewer bits or tokens.
CACHE_STEP = register(
    "time of a step", "s", better="lower", keys=("rows", "tokens", "bits")
)
TIMES_AS_LONG = register(
    "step, times as long", "×", better="lower", keys=("rows", "bits", "verdict")
)
SAME_TOKENS = register(
    "tokens of the plain loop", "1", better="higher", is_share=True, keys=("rows",)
)
CACHE_LOSS = register(
    "bits per byte added by the cache", "1", better="lower", is_share=True,
    keys=("bits", "window", "sinks"),
)  # fmt: skip

# Prefixes.
TOKENS_READ = register("tokens read without prefixes", "token", better="lower")
TOKENS_READ_WITH = register("tokens read with prefixes", "token", better="lower")
FIRST_TOKEN = register("first token, p50", "s", better="lower")
FIRST_TOKEN_WITH = register("first token with prefixes, p50", "s", better="lower")
TIMES_FEWER = register("times fewer tokens read", "×", better="higher")
TIMES_SOONER = register(
    "first token, times as soon", "×", better="higher", keys=("verdict",)
)
PREFIX_HITS = register(
    "tokens found in the tree", "1", better="higher", is_share=True, keys=("capacity",)
)

# Whole answers.
ANSWER_HITS = register(
    "answers found", "1", better="higher", is_share=True, keys=("capacity",)
)
GET = register("time of an answer", "s", better="lower")
STALE = register("stale answers", "1", better="lower", is_share=True)
SERVED = register(
    "requests served", "1", better="higher", is_share=True, keys=("threshold",)
)
WRONG = register(
    "wrong among the served", "1", better="lower", is_share=True, keys=("threshold",)
)
