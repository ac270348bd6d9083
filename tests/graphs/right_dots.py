"""C texts of `dot` that are right, truly different ones; each a `dot_source`."""

from llmlab.graphs import inner

HEAD = "int dot(const signed char *a, const signed char *b, int n)"


def of(body: str, *, before: str = "", head: str = HEAD):
    """Return a dot_source of a body."""
    return lambda: f"{before}{head} {{\n{body}\n}}\n"


def named(name, source):
    source.__name__ = name
    return source


PLAIN = "    int sum = 0;\n    for (int i = 0; i < n; i++)\n"
PLAIN += "        sum += a[i] * b[i];\n    return sum;"
UNROLLED = """
    int s0 = 0, s1 = 0, s2 = 0, s3 = 0, i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += a[i] * b[i];
        s1 += a[i + 1] * b[i + 1];
        s2 += a[i + 2] * b[i + 2];
        s3 += a[i + 3] * b[i + 3];
    }
    for (; i < n; i++) s0 += a[i] * b[i];
    return s0 + s1 + s2 + s3;
"""
POINTERS = """
    int sum = 0;
    const signed char *end = a + n;
    while (a != end) sum += *a++ * *b++;
    return sum;
"""
SHORTS = """
    int sum = 0;
    for (int i = 0; i < n; i++) {
        short product = (short)(a[i] * b[i]);
        sum += product;
    }
    return sum;
"""
BACKWARDS = """
    int64_t sum = 0;
    while (n-- > 0) sum += (int32_t)a[n] * b[n];
    return (int)sum;
"""
RECURSIVE = """
    if (n == 0) return 0;
    if (n == 1) return *a * *b;
    return dot(a, b, n / 2) + dot(a + n / 2, b + n / 2, n - n / 2);
"""
MACRO = "#define TIMES(x, y) ((int)(x) * (int)(y))\n"
RIGHT = {
    "dot_source": [
        inner.dot_source,
        inner.prefetching,
        named("plain", of(PLAIN)),
        named("unrolled", of(UNROLLED)),
        named("pointers", of(POINTERS)),
        named("shorts", of(SHORTS)),
        named("backwards", of(
            BACKWARDS, before="#include <stdint.h>\n",
            head="int dot(const int8_t *a, const int8_t *b, int32_t n)")),
        named("halves", of(RECURSIVE)),
        named("macro", of(
            PLAIN.replace("a[i] * b[i]", "TIMES(a[i], b[i])"), before=MACRO)),
    ],
}  # fmt: skip
