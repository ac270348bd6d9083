"""What the facts of lab 6 are called, beside those of `core.quantities`."""

from llmlab.core.quantities import register

AGREEMENT = register(
    "agreement with the teacher", "1", better="higher", is_share=True,
    keys=("student", "tokens"),
)  # fmt: skip
DIVERGENCE = register(
    "divergence from the teacher", "nat", better="lower",
    keys=("student", "k", "temperature"),
)  # fmt: skip
MASS = register("probability kept", "1", better="higher", is_share=True, keys=("k",))
KEPT_BYTES = register("kept logits, a token", "B", better="lower", keys=("k",))

# A student's training, one row for each step at which it was judged.
_RUN = ("run", "start", "loss", "steps", "what", "training seconds", "seconds")
_TEXT = ("tokens", "bytes", "parts", "part")
STUDENT_BITS = register(
    "bits per byte of a student", "bit/B", better="lower", keys=(*_RUN, *_TEXT)
)
MORE_THAN_LABELS = register(
    "bits per byte more than by labels", "bit/B", better="lower",
    keys=("relative", "relative_low", "relative_high", *_RUN, *_TEXT),
)  # fmt: skip
STUDENT_RIGHT = register(
    "right answers of a student", "1", better="higher", is_share=True,
    keys=(*_RUN, "answers"),
)  # fmt: skip
# Of what a student writes by itself.
VARIETY = register(
    "runs that come once", "1", better="higher", is_share=True, keys=_RUN
)
GRADE = register(
    "teacher's log-probability", "nat/token", better="higher", keys=(*_RUN, "teacher")
)

# What the experiments of the lab tell.
ELSEWHERE = register(
    "probability of other tokens", "1", is_share=True,
    keys=("tokens", "bytes", "parts", "part"),
)  # fmt: skip
TOKEN_SHARE = register(
    "probability of a token", "1", is_share=True, keys=("temperature", "label")
)
GAP = register(
    "bits per byte fewer", "bit/B", better="higher", keys=("verdict", "against")
)
GAIN = register(
    "share of bits per byte saved", "1", better="higher", is_share=True,
    keys=("verdict", "against"),
)  # fmt: skip
RELATION = register(
    "difference of relations", "nat", better="lower",
    keys=("student layer", "teacher layer"),
)  # fmt: skip
TRAINING_TIME = register("time of the steps", "s", better="lower", keys=("steps",))
