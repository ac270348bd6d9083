/* A query with the keys and values that it sees, sixteen numbers at a time. */

/* Sixteen keys at once: their sums are folded side by side, in the order of `dot`. */
static inline void score_wide(const float *query, const float *keys, whole step, const whole n,
                              whole rows, float *scores) {
    for (whole p = 0; p < rows; p += 16) {
        Real sums[16];
        float out[16];
#pragma GCC unroll 16
        for (int k = 0; k < 16; k++) {
            const float *key = keys + smaller(p + k, rows - 1) * step;
            sums[k] = nought();
            for (whole i = 0; i < n; i += 16)
                sums[k] = fuse(load(query + i), load(key + i), sums[k]);
        }
        store(out, folded(sums));
        memcpy(scores + p, out, smaller(16, rows - p) * sizeof *out);
    }
}

/* Scores of one query with keys that lie `step` apart. */
static void score(const float *query, const float *keys, whole step, whole n, whole rows,
                  float *scores) {
    if (n == 64) score_wide(query, keys, step, 64, rows, scores);
    else if (n == 32) score_wide(query, keys, step, 32, rows, scores);
    else if (n % 16 == 0) score_wide(query, keys, step, n, rows, scores);
    else for (whole p = 0; p < rows; p++) scores[p] = dot(query, keys + p * step, n);
}

static inline void add_columns(const float *weights, const float *values, whole step,
                               whole rows, float *sum, const int wide) {
    Real sums[4];
    for (int i = 0; i < wide; i++) sums[i] = load(sum + 16 * i);
    for (whole p = 0; p < rows; p++, values += step) {
        Real weight = all(weights[p]);
#pragma GCC unroll 4
        for (int i = 0; i < wide; i++) sums[i] = fuse(weight, load(values + 16 * i), sums[i]);
    }
    for (int i = 0; i < wide; i++) store(sum + 16 * i, sums[i]);
}

/* sum += weights[p] * row p of the values, in the order of p. */
static void add_rows(const float *weights, const float *values, whole step, whole n,
                     whole rows, float *sum) {
    whole i = 0;
    for (; i + 64 <= n; i += 64) add_columns(weights, values + i, step, rows, sum + i, 4);
    for (; i + 32 <= n; i += 32) add_columns(weights, values + i, step, rows, sum + i, 2);
    for (; i + 16 <= n; i += 16) add_columns(weights, values + i, step, rows, sum + i, 1);
    for (; i < n; i++)
        for (whole p = 0; p < rows; p++) sum[i] = fused(weights[p], values[p * step + i], sum[i]);
}
