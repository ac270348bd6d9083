/* One query or two with the keys and values that they see, sixteen numbers at a time.

   Two heads that share a key read it once; each is added up as it would be alone. */

/* Inlined, so that the numbers of heads and registers are known where it is compiled. */
#define INLINE static inline __attribute__((always_inline))

/* Sixteen scores at once: their sums are folded side by side, in the order of `dot`. */
INLINE void score_wide(const float *queries, const float *keys, whole step,
                       const whole n, whole rows, float *scores, whole apart,
                       const int heads) {
    const int wide = 16 / heads;
    for (whole p = 0; p < rows; p += wide) {
        Real sums[16];
        float out[16];
#pragma GCC unroll 16
        for (int k = 0; k < 16; k++) sums[k] = nought();
#pragma GCC unroll 16
        for (int k = 0; k < wide; k++) {
            const float *key = keys + smaller(p + k, rows - 1) * step;
            for (whole i = 0; i < n; i += 16) {
                Real part = load(key + i);
#pragma GCC unroll 2
                for (int h = 0; h < heads; h++)
                    sums[h * wide + k] = fuse(load(queries + h * n + i), part,
                                              sums[h * wide + k]);
            }
        }
        store(out, folded(sums));
        for (int h = 0; h < heads; h++) {
            float *to = scores + h * apart + p;
            if (rows - p >= wide) memcpy(to, out + h * wide, wide * sizeof *out); /* one store */
            else memcpy(to, out + h * wide, (rows - p) * sizeof *out);
        }
    }
}

INLINE void score_heads(const float *queries, const float *keys, whole step, whole n,
                        whole rows, float *scores, whole apart, const int heads) {
    if (n == 64) score_wide(queries, keys, step, 64, rows, scores, apart, heads);
    else if (n == 32) score_wide(queries, keys, step, 32, rows, scores, apart, heads);
    else if (n % 16 == 0) score_wide(queries, keys, step, n, rows, scores, apart, heads);
    else scores_by_dot(queries, keys, step, n, rows, scores, apart, heads);
}

/* Scores of queries with keys that lie `step` apart; those of two heads lie `apart`. */
static void score(const float *queries, const float *keys, whole step, whole n, whole rows,
                  float *scores, whole apart, whole heads) {
    if (heads == 2) score_heads(queries, keys, step, n, rows, scores, apart, 2);
    else score_heads(queries, keys, step, n, rows, scores, apart, 1);
}

INLINE void add_columns(const float *weights, whole apart, const float *values,
                        whole step, whole rows, float *sum, whole n, const int heads,
                        const int wide) {
    Real sums[8];
#pragma GCC unroll 8
    for (int i = 0; i < heads * wide; i++) sums[i] = load(sum + i / wide * n + i % wide * 16);
    for (whole p = 0; p < rows; p++, values += step)
#pragma GCC unroll 2
        for (int h = 0; h < heads; h++) {
            Real weight = all(weights[h * apart + p]);
#pragma GCC unroll 4
            for (int i = 0; i < wide; i++)
                sums[h * wide + i] = fuse(weight, load(values + 16 * i), sums[h * wide + i]);
        }
#pragma GCC unroll 8
    for (int i = 0; i < heads * wide; i++) store(sum + i / wide * n + i % wide * 16, sums[i]);
}

INLINE void add_heads(const float *weights, whole apart, const float *values, whole step,
                      whole n, whole rows, float *sum, const int heads) {
    whole i = 0;
    if (ACROSS / heads >= 4) for (; i + 64 <= n; i += 64)
        add_columns(weights, apart, values + i, step, rows, sum + i, n, heads, 4);
    for (; i + 32 <= n; i += 32)
        add_columns(weights, apart, values + i, step, rows, sum + i, n, heads, 2);
    for (; i + 16 <= n; i += 16)
        add_columns(weights, apart, values + i, step, rows, sum + i, n, heads, 1);
    for (; i < n; i++)
        for (whole p = 0; p < rows; p++)
            for (whole h = 0; h < heads; h++)
                sum[h * n + i] = fused(weights[h * apart + p], values[p * step + i], sum[h * n + i]);
}

/* sum += weights[p] * row p of the values, in the order of p, for one head or two. */
static void add_rows(const float *weights, whole apart, const float *values, whole step,
                     whole n, whole rows, float *sum, whole heads) {
    if (heads == 2) add_heads(weights, apart, values, step, n, rows, sum, 2);
    else add_heads(weights, apart, values, step, n, rows, sum, 1);
}
