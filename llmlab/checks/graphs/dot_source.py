"""Exercise 7: the inner loop of a product of int8, in C.

The learner's function gives a text. What comes of it is asked of `llmlab.graphs.inner`,
which compiles and runs it in processes with limits; a mistake of the table says in
Python what it would give, so that no mistake is compiled.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy

from llmlab.checks import shown
from llmlab.checks.exercise import Case, Exercise, MisfitError, Value
from llmlab.checks.graphs.vectors import LEFT, PAIRS, RIGHT, Pair, tried, wrapped
from llmlab.graphs import confined, inner
from llmlab.graphs.compiling import SourceError
from llmlab.graphs.confined import DeadError

# A mistake stands in one line or two, as in a table.
# fmt: off

DECLARED = "int dot(const signed char *a, const signed char *b, int n)"
GIVES = "return the C text itself, a text in three quotes that starts with int dot(…)."
INCLUDE = re.compile(r"^[ \t]*(?:#|%:)[ \t]*include(?![ \t]*<[\w/]+\.h>)", re.M)
OWN_FILES = "dot needs no other file; of the headers, only C's own, such as <stdint.h>."
BEYOND = "the last product is a[n - 1] * b[n - 1]; behind it lies other memory."
LOOP = "a loop over n numbers ends: `for (int i = 0; i < n; i++)`."
ENDED = "dot returns the sum; it ends or starts nothing besides."
HINTS = {  # what a compiler says -> what is meant; the first that is found
    "control reaches end": "dot gives nothing back: end it with `return sum;`.",
    "uninitialized": "the sum starts as whatever lay there: `int sum = 0;`.",
    "static declaration": "`static` hides dot from all other files: leave it out.",
    "conflicting types": f"the first line is `{DECLARED} {{`, with these types; int8 "
                         "is signed char, and plain char may have no sign.",
    "no function with the name": "the function is called dot, all in small letters.",
    "is not defined": "dot calls a function that no file of C has; it needs none.",
    "implicit declaration": "C knows a function by its header only; dot needs none.",
    "expected": "the compiler reads up to this place; look for a missing ; or bracket "
                "right before it.",
    "undeclared": "C wants every name declared with its type, such as `int sum = 0;`.",
    "parameters": f"the first line is `{DECLARED} {{`, with names for all three.",
    "read-only": "a and b are const: they are read, and never written to.",
    "too long, or too much": "the text asks for more than six lines of C ever need.",
    "unknown type": "int8 is `signed char` in C; int8_t wants #include <stdint.h>.",
    "stray": "a character there is not C's, such as a quote of a word processor.",
    "no such file": OWN_FILES,
}
PLAIN_C = "compilers name the line; the first message is the one to mend first."
DEAD = {  # why a dot did not come back -> hint
    confined.MEMORY: f"{BEYOND} Nothing but a[0] … a[n - 1] and b[0] … b[n - 1] is "
                     "yours.",
    confined.LONG: f"{LOOP} i or n must change in it.",
    confined.ENDS: ENDED,
}


class Worked(str):
    """A text that is never compiled: its numbers are worked out in Python."""

    numbers: Callable[[Pair], Any]

    def __new__(cls, text: str, numbers: Callable[[Pair], Any]) -> "Worked":
        """Keep beside a text what its dot gives for a pair of vectors."""
        made = super().__new__(cls, text)
        made.numbers = numbers
        return made


def _exact(pair):
    return pair.right


def _right():
    return Worked(inner.dot_source(), _exact)


def gives(numbers):
    """Return the function of a mistake, whose dot gives these numbers."""
    return lambda: Worked("dot", numbers)


def observed(answer):
    """Return the text, unless it is none."""
    if not isinstance(answer, str):
        raise MisfitError("dot_source gives C text", expected="a text",
                          got=shown.value(answer), hint=GIVES)  # fmt: skip
    if not answer.strip() or len(answer) > inner.LONGEST:
        raise MisfitError("dot_source gives C text", expected="a dot in C", hint=GIVES,
                          got=f"a text of {len(answer):,} characters")  # fmt: skip
    if INCLUDE.search(answer):
        raise MisfitError("dot_source gives C text", expected="a text that is whole",
                          got="#include of a file", hint=OWN_FILES)  # fmt: skip
    return answer


def examined(text, case):
    """Return what the dot of a text gives for the vectors of a case."""
    place = _PLACES[case.told]
    if isinstance(text, Worked):
        return text.numbers(PAIRS[place])
    given = tried(text)[place]
    if isinstance(given, SourceError):
        raise _uncompiled(given)
    if isinstance(given, DeadError):
        raise MisfitError("dot comes back", expected="the sum", got=given.why,
                          hint=DEAD.get(given.why, LOOP))
    if given is False:
        raise MisfitError("dot leaves a and b as they were", expected="both unchanged",
                          got="other numbers in them", hint=HINTS["read-only"])
    return given


def _uncompiled(error):
    where = f" in line {error.number}, `{error.line}`" if error.line else ""
    said = error.said.lower()
    hint = next((HINTS[word] for word in HINTS if word in said), PLAIN_C)
    return MisfitError("dot compiles", expected="C that compiles",
                       got=f"{error.said}{where}", hint=hint)  # fmt: skip


_PLACES = {pair.told: place for place, pair in enumerate(PAIRS)}


def _cases():
    setup = "from llmlab.graphs import inner\n"
    return [Case(tuple, setup=setup, told=pair.told) for pair in PAIRS]


def _shown(text):
    """Return what the worked example gives."""
    return text.numbers(PAIRS[0])


def _pairs(pair):
    return zip(pair.a, pair.b, strict=True)


def _added(number, start=0):
    """Add what is made of each pair of numbers."""
    return lambda pair: wrapped(start + sum(number(x, y) for x, y in _pairs(pair)))


def _cut(bits):
    """Keep the sum in so many bits."""
    return lambda pair: wrapped(pair.right, bits)


def _unsigned(x):
    return x & 0xFF


def _in_float(pair):
    """Add one after the other in float32."""
    if not pair.a:
        return 0
    products = numpy.float32(pair.a) * numpy.float32(pair.b)
    return int(numpy.cumsum(products, dtype=numpy.float32)[-1])


def _from(first):
    """Start at another place."""
    return lambda pair: sum(x * y for x, y in [*_pairs(pair)][first:])


def _steps(width):
    """Leave out what is no whole step of so many numbers."""
    return lambda pair: sum(
        x * y for x, y in [*_pairs(pair)][:len(pair.a) // width * width])


def _kept():
    """Keep the sum of the last calls; the pairs come in their order."""
    totals, sums = {}, 0
    for one in PAIRS:
        sums = wrapped(sums + one.right)
        totals[one] = sums
    return totals.__getitem__


def _last(pair):
    return pair.a[-1] * pair.b[-1] if pair.a else 0


def _beyond(count):
    """Read so many numbers too many."""
    def numbers(pair):
        if pair.closed:
            raise MisfitError("dot comes back", expected="the sum", got=confined.MEMORY,
                              hint=BEYOND)  # fmt: skip
        return pair.right + count * LEFT * RIGHT
    return numbers


def _at_least_once(pair):
    """Test behind the step, as `do … while` does."""
    return pair.right if pair.a else LEFT * RIGHT


def _product(pair):
    """Multiply everything, from 1 on."""
    total = 1
    for x, y in _pairs(pair):
        total = wrapped(total * x * y)
    return total


def _returned_early(pair):
    """Return within the loop."""
    return pair.a[0] * pair.b[0] if pair.a else 0


EXERCISE = Exercise(
    name="dot_source",
    right=_right,
    gives=(Value("C text", promise="dot gives the exact sum of products"),),
    cases=_cases,
    covers="compiled for this machine, up to 4,097 products of -128 and -128",
    hints=(
        "A sum that starts at 0, a loop over i from 0 to n - 1, a product in each, "
        "and the sum returned.",
        "The product of two signed char is an int in C, so nothing is lost as long as "
        "the sum is an int.",
        f"{DECLARED} {{ int sum = 0; for (int i = 0; i < n; i++) sum += a[i] * b[i]; "
        "return sum; }",
    ),
    hint="a[i] * b[i] for every i from 0 to n - 1, added in an int that starts at 0.",
    tolerance=0.0,
    observe=observed,
    examine=examined,
    absent=inner.reason,
    written="inner.dot({}, [3, -2, 1], [4, 5, 6])",
    shows=_shown,
    mistakes={
        "the sum is kept in a signed char, which holds -128 to 127: take an int.":
            gives(_cut(8)),
        "a product is put into a signed char, which holds -128 to 127: a product of "
        "two of them needs a short or an int.":
            gives(_added(lambda x, y: wrapped(x * y, 8))),
        "the sum is kept in a short, which ends at 32,767: take an int.": (
            gives(_cut(16)),
            gives(lambda pair: pair.right % 2**16),
        ),
        "float holds 24 bits of a sum; an int holds 32.": gives(_in_float),
        "this reads one number too many: the last place is n - 1, so i < n.":
            gives(_beyond(1)),
        "the loop starts at 1; the first number is a[0].": gives(_from(1)),
        "the first numbers are left out: the loop starts at 0.": gives(_from(2)),
        "the last product is missing: the loop runs while i < n.":
            gives(lambda pair: pair.right - _last(pair)),
        "what is left behind the last whole step is missing: a second loop goes on "
        "from there to n.":
            tuple(gives(_steps(width)) for width in (2, 4, 8, 16, 32, 64)),
        "char without a sign: -1 is read as 255; the numbers are signed char.": (
            gives(_added(lambda x, y: _unsigned(x) * _unsigned(y))),
            gives(_added(lambda x, y: _unsigned(x) * y)),
            gives(_added(lambda x, y: x * _unsigned(y))),
        ),
        "with n = 0 there is nothing to read: test before the step, as `for` does.":
            gives(_at_least_once),
        "the sum goes on from the last call: it starts at 0 in each.": gives(_kept()),
        "return stands in the loop, so it ends after one step: put it behind the loop.":
            gives(_returned_early),
        "only the last product is kept: add it with +=.": gives(_last),
        "the sum starts at 1; a sum starts at 0.":
            gives(lambda pair: pair.right + 1),
        "a product starts at 1, a sum at 0; and steps are added with +=.":
            gives(_product),
        "the numbers are multiplied, not added, in a step.":
            gives(_added(lambda x, y: x + y)),
        "a is multiplied with itself here; the other factor is b[i].":
            gives(_added(lambda x, y: x * x)),
        "b is multiplied with itself here; the other factor is a[i].":
            gives(_added(lambda x, y: y * y)),
        "products are taken away here: += adds.": gives(lambda pair: -pair.right),
        "products keep their sign; nothing is made positive.": (
            gives(_added(lambda x, y: abs(x * y))),
            gives(lambda pair: abs(pair.right)),
        ),
        "all products are added, not the sums multiplied.":
            gives(lambda pair: wrapped(sum(pair.a) * sum(pair.b))),
        "dot always gives 0: return the sum.": gives(lambda pair: 0),
    },
)
