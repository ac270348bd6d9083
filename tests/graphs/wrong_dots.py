"""C texts of `dot` as learners write them wrongly, and a word of what is said."""

from graphs.right_dots import HEAD, PLAIN, UNROLLED, of


def changed(old, new, *, text=PLAIN, head=HEAD, before=""):
    """Return the plain answer with something else in one place."""
    assert old in text
    return of(text.replace(old, new), head=head, before=before)


def ending(first, rest=PLAIN):
    return of(f"{first}\n{rest}")


SUM, STEP = "int sum = 0", "sum += a[i] * b[i]"
UNSIGNED = HEAD.replace("signed", "unsigned")
IO = "#include <stdio.h>\n"
VALUES = {
    "char product": (
        changed(STEP, "{ signed char p = a[i] * b[i]; sum += p; }"),
        "put into a signed char",
    ),
    "char sum": (changed(SUM, "signed char sum = 0"), "kept in a signed char"),
    "short sum": (changed(SUM, "short sum = 0"), "kept in a short"),
    "unsigned short sum": (changed(SUM, "unsigned short sum = 0"), "kept in a short"),
    "float sum": (changed(SUM, "float sum = 0"), "float holds 24 bits"),
    "one too many": (changed("i < n", "i <= n"), "one number too many"),
    "starts at 1": (changed("i = 0", "i = 1"), "starts at 1; the first"),
    "last missing": (changed("i < n", "i < n - 1"), "last product is missing"),
    "no tail": (
        changed("    for (; i < n; i++) s0 += a[i] * b[i];\n", "", text=UNROLLED),
        "last whole step",
    ),
    "unsigned both": (
        changed(STEP, "sum += (unsigned char)a[i] * (unsigned char)b[i]"),
        "without a sign",
    ),
    "unsigned one": (changed(STEP, "sum += (unsigned char)a[i] * b[i]"), "sign"),
    "do while": (
        of("int sum = 0, i = 0; do sum += a[i] * b[i]; while (++i < n); return sum;"),
        "nothing to read",
    ),
    "static sum": (changed(SUM, "static int sum = 0"), "from the last call"),
    "global sum": (
        changed("    int sum = 0;\n", "", before="int sum;\n"),
        "from the last call",
    ),
    "returns early": (
        of("int sum = 0; for (int i = 0; i < n; i++) { sum += a[i] * b[i]; "
           "return sum; } return sum;"),
        "ends after one step",
    ),
    "only the last": (changed("+=", "="), "add it with +="),
    "added": (changed("a[i] * b[i]", "a[i] + b[i]"), "multiplied, not added"),
    "squares": (changed("a[i] * b[i]", "a[i] * a[i]"), "with itself"),
    "nothing": (of("    return 0;"), "always gives 0"),
    "length": (of("    return n;"), "for every i"),
    "writes": (
        ending("    ((signed char *)a)[0] = 1;"),
        "never written to",
    ),
}  # fmt: skip
COMPILER = {
    "no return": (changed("    return sum;", ""), "end it with `return sum;`"),
    "no start": (changed(SUM, "int sum"), "`int sum = 0;`"),
    "no semicolon": (changed("= 0;\n", "= 0\n"), "missing ;"),
    "unsigned char": (of(PLAIN, head=UNSIGNED), "plain char may have no sign"),
    "plain char": (of(PLAIN, head=HEAD.replace("signed ", "")), "plain char"),
    "long": (of(PLAIN, head=HEAD.replace("int dot", "long dot")), "these types"),
    "static": (of(PLAIN, head=f"static {HEAD}"), "leave it out"),
    "other name": (of(PLAIN, head=HEAD.replace("dot", "Dot")), "called dot"),
    "undeclared": (changed("    int sum = 0;\n", ""), "wants every name declared"),
    "Python": (
        lambda: "def dot(a, b, n):\n    return sum(x * y for x, y in zip(a, b))\n",
        "Hint",
    ),
    "own file": (of(PLAIN, before='#include "dot.h"\n'), "no other file"),
    "a file of the system": (
        of(PLAIN, before="#include </etc/../etc/passwd>\n"),
        "no other file",
    ),
    "no such header": (of(PLAIN, before="#include <ints.h>\n"), "no other file"),
    "const": (ending("    a[0] = 1;"), "never written to"),
    "calls what is not there": (
        of("    return product(a, b, n);", before="int product();\n"),
        "that no file of C has",
    ),
    "calls without a header": (ending('    printf("%d", n);'), "header only"),
    "int8_t without its header": (
        of(PLAIN, head="int dot(const int8_t *a, const int8_t *b, int n)"),
        "wants #include <stdint.h>",
    ),
}
DEAD = {
    "no end": (changed("i++", ""), "a loop over n numbers ends"),
    "far away": (changed("a[i] *", "a[i + 1000000000L] *"), "behind it lies"),
    "no address": (ending("    *(volatile int *)8 = 1;"), "behind it lies"),
    "eight at a time": (
        ending("    for (int i = 0; i < n; i += 8) (void)((volatile signed char *)a)"
               "[i + 7];"),
        "behind it lies",
    ),
    "exit": (
        of(
            f"    exit(0);\n{PLAIN}", before="#include <stdlib.h>\n"),
        "ends or starts nothing",
    ),
    "endless recursion": (of("    return dot(a, b, n) + dot(b, a, n);"), "Hint"),
}  # fmt: skip
TEXTS = {
    "no text": (lambda: 7, "return the C text itself"),
    "bytes": (lambda: b"int dot", "return the C text itself"),
    "nothing at all": (lambda: None, "Hint"),
    "empty": (lambda: "", "return the C text itself"),
    "too long": (lambda: "//" + "x" * 30_000, "return the C text itself"),
}
WRONG = {"dot_source": VALUES | COMPILER | DEAD | TEXTS}
