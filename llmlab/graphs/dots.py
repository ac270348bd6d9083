"""Our own C texts of a dot of two rows of int8, and of the loop over rows around it.

Each is what a learner's `dot_source` returns; the loops are in steps of 64 bytes, a
line of a cache, where they ask for what lies ahead.
"""

from llmlab.core import arguments

ROWS = """
void rows(int (*dot)(const signed char *, const signed char *, int),
          const signed char *w, const signed char *x, int *y, long count, int n) {
    for (long row = 0; row < count; row++)
        y[row] = dot(w + row * n, x, n);
}
"""


def dot_source() -> str:
    """Return C text of the exact sum of products of two rows of int8."""
    return """
int dot(const signed char *a, const signed char *b, int n) {
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += (short)a[i] * (short)b[i];
    return sum;
}
"""


def prefetching(ahead: int = 2048) -> str:
    """Return the same, asking for what lies so many bytes ahead, in steps of 64."""
    ahead = arguments.whole("ahead", ahead, least=64, most=2**20)
    return f"""
int dot(const signed char *a, const signed char *b, int n) {{
    int sum = 0, i = 0;
    for (; i + 64 <= n; i += 64) {{
        __builtin_prefetch(a + i + {ahead});
        for (int j = i; j < i + 64; j++)
            sum += (short)a[j] * (short)b[j];
    }}
    for (; i < n; i++)
        sum += (short)a[i] * (short)b[i];
    return sum;
}}
"""


def widening(ahead: int = 2048) -> str:
    """Return the same, by way of short: 64 of each are widened, then multiplied.

    A sum of products of short is what compilers know an instruction for: pmaddwd, or
    vpdpwssd where the processor has it.
    """
    ahead = arguments.whole("ahead", ahead, least=64, most=2**20)
    return f"""
int dot(const signed char *a, const signed char *b, int n) {{
    int sum = 0, i = 0;
    for (; i + 64 <= n; i += 64) {{
        short x[64], y[64];
        __builtin_prefetch(a + i + {ahead});
        for (int j = 0; j < 64; j++) {{
            x[j] = a[i + j];
            y[j] = b[i + j];
        }}
        for (int j = 0; j < 64; j++)
            sum += x[j] * y[j];
    }}
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}}
"""


def reading(ahead: int = 2048) -> str:
    """Return C text of the same face that only reads a, all of it: no products."""
    ahead = arguments.whole("ahead", ahead, least=64, most=2**20)
    return f"""
int dot(const signed char *a, const signed char *b, int n) {{
    unsigned long long seen[8] = {{0}}, words[8], all = 0;
    for (int i = 0; i + 64 <= n; i += 64) {{
        __builtin_prefetch(a + i + {ahead});
        __builtin_memcpy(words, a + i, 64);
        for (int j = 0; j < 8; j++)
            seen[j] ^= words[j];
    }}
    for (int j = 0; j < 8; j++)
        all ^= seen[j];
    return (int)all;
}}
"""
