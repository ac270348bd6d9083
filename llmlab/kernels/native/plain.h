/* Plain C. Weights are of 8 bits and lie in rows: one row with one token or with four.

   (int16_t) of both sides: processors multiply 16 bits by 16 and add two such products
   in one instruction (AVX2: vpmaddwd, VNNI: vpdpwssd), and compilers know it. A weight
   that was widened serves four tokens. */

enum { WIDE = 4, AHEAD = 4096 }; /* tokens at once; bytes to fetch ahead */

static int32_t one_sum(const int8_t *w, const int16_t *x, whole n) {
    int32_t a = 0;
    whole i = 0;
    for (; i + 64 <= n; i += 64) {
        __builtin_prefetch(w + i + AHEAD);
        for (whole j = i; j < i + 64; j++) a += (int16_t)w[j] * (int)x[j];
    }
    for (; i < n; i++) a += (int16_t)w[i] * (int)x[i];
    return a;
}

static void four_sums(const int8_t *w, const int16_t *x, whole step, whole n, int32_t *sums) {
    const int16_t *x1 = x + step, *x2 = x1 + step, *x3 = x2 + step;
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (whole i = 0; i < n; i++) {
        int v = (int16_t)w[i];
        a += v * (int)x[i], b += v * (int)x1[i], c += v * (int)x2[i], d += v * (int)x3[i];
    }
    sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

static whole add_up(const Matrix *matrix, const Room *room, whole block, whole high, whole m,
                    whole left, float totals[WIDE][BLOCK]) {
    whole n = matrix->columns, group = matrix->group, groups = n / group, step = room->columns;
    whole tokens = smaller(WIDE, left);
    memset(totals, 0, tokens * sizeof *totals);
    for (whole r = 0; r < high; r++)
        for (whole g = 0; g < groups; g++) {
            const int8_t *w = matrix->weight + (block + r) * n + g * group;
            const int16_t *x = room->integers + m * step + g * group;
            float scale = matrix->scale[(block + r) * groups + g];
            int32_t sums[WIDE];
            if (tokens == WIDE) four_sums(w, x, step, group, sums);
            else for (whole j = 0; j < tokens; j++) sums[j] = one_sum(w, x + j * step, group);
            for (whole j = 0; j < tokens; j++)
                totals[j][r] = fused(sums[j], scale, totals[j][r]);
        }
    return tokens;
}

#define score scores_by_dot /* the others read sixteen numbers at a time */

/* sum += weights[p] * row p of the values, in the order of p; four rows at a time. */
static void add_head(const float *weights, const float *restrict values, whole step, whole n,
                     whole rows, float *restrict sum) {
    whole p = 0;
    for (; p + 4 <= rows; p += 4, values += 4 * step)
        for (whole i = 0; i < n; i++) {
            float s = fused(weights[p], values[i], sum[i]);
            s = fused(weights[p + 1], values[i + step], s);
            s = fused(weights[p + 2], values[i + 2 * step], s);
            sum[i] = fused(weights[p + 3], values[i + 3 * step], s);
        }
    for (; p < rows; p++, values += step)
        for (whole i = 0; i < n; i++) sum[i] = fused(weights[p], values[i], sum[i]);
}

static void add_rows(const float *weights, whole apart, const float *values, whole step,
                     whole n, whole rows, float *sum, whole heads) {
    for (whole h = 0; h < heads; h++)
        add_head(weights + h * apart, values, step, n, rows, sum + h * n);
}
