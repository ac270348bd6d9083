"""Tokenizer for arithmetic expressions such as ``2 * sin(x) <= 1.5e3``."""

import enum
import sys
from contextlib import contextmanager
from dataclasses import dataclass


class Kind(enum.Enum):
    NUMBER = "number"
    NAME = "name"
    OPERATOR = "operator"
    END = "end of input"


@dataclass(frozen=True)
class Token:
    kind: Kind
    text: str
    column: int

    def __str__(self):
        return self.text or self.kind.value


class TokenError(Exception):
    def __init__(self, message, column):
        super().__init__(message)
        self.column = column


# "<=" must come before "<"
OPERATORS = [
    "**",
    "<=",
    ">=",
    "==",
    "!=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    ">",
    "(",
    ")",
    ",",
]


def _scan(source, start, accept):
    end = start
    while end < len(source) and accept(source[end]):
        end += 1
    return end


def _scan_number(source, start):
    end = _scan(source, start, str.isdecimal)
    if source[end : end + 1] == ".":
        end = _scan(source, end + 1, str.isdecimal)
    if source[end : end + 1] in ("e", "E"):
        digits = end + 1
        if source[digits : digits + 1] in ("+", "-"):
            digits += 1
        end = _scan(source, digits, str.isdecimal)
        if end == digits:
            raise TokenError("exponent has no digits", end)
    return end


def tokenize(source):
    position = 0
    while position < len(source):
        char = source[position]
        if char.isspace():
            position += 1
            continue
        if char.isdecimal():
            kind, end = Kind.NUMBER, _scan_number(source, position)
        elif char.isalpha() or char == "_":
            kind = Kind.NAME
            end = _scan(source, position, lambda c: c.isalnum() or c == "_")
        else:
            for operator in OPERATORS:
                if source.startswith(operator, position):
                    kind, end = Kind.OPERATOR, position + len(operator)
                    break
            else:
                raise TokenError("unexpected character %r" % char, position)
        yield Token(kind, source[position:end], position)
        position = end
    yield Token(Kind.END, "", position)


@contextmanager
def diagnostics(source, stream=sys.stderr):
    try:
        yield
    except TokenError as error:
        print(source, file=stream)
        print(" " * error.column + "^ " + str(error), file=stream)


if __name__ == "__main__":
    for line in sys.stdin:
        with diagnostics(line.rstrip()):
            print(*tokenize(line), sep=" | ")
