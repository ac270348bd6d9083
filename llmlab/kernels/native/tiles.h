/* Weights in tiles: sixteen rows side by side, in the order in which they are read.

   Of a group of columns come first its weights, two columns of all sixteen rows at a
   time (of 4 bits: four columns), then what the group is scaled by: 16 floats; of 4
   bits 16 scales in bfloat16 and 16 zero points of 16 bits. Lanes are rows, so that no
   sum is ever folded, and a token's two integers go to all of them. A step reads all
   tiles of a share one behind the other, which processors foresee: to prefetch, as plain
   C does for its rows, made it slower. */

enum { STEP = 8, CHAINS = 4 }; /* columns of a round; sums of one token, for latency */

static inline void tile(const Matrix *matrix, const int8_t *w, const int16_t *x,
                        const float *below, whole step, const int tokens, const int bits,
                        float totals[WIDE][BLOCK]) {
    const int chains = tokens < CHAINS ? CHAINS / tokens : 1;
    Real total[WIDE];
    for (int t = 0; t < tokens; t++) total[t] = nought();
    for (whole from = 0, to; from < matrix->columns; from = to) {
        Whole sums[WIDE * CHAINS];
        for (int i = 0; i < tokens * chains; i++) sums[i] = none();
        to = from + matrix->group;
        for (whole c = from; c < to; c += STEP, w += STEP * 2 * bits) {
#pragma GCC unroll 4
            for (int k = 0; k < STEP / 2; k++) {
                Whole two = bits == 8 ? widened(w + 32 * k) : nibbles(w + 32 * (k / 2), k % 2);
#pragma GCC unroll 8
                for (int t = 0; t < tokens; t++) {
                    int pair; /* the integers of two columns */
                    memcpy(&pair, x + t * step + c + 2 * k, sizeof pair);
                    Whole *sum = sums + t * chains + k % chains;
                    *sum = times(*sum, two, pair);
                }
            }
        }
        Real scale = bits == 8 ? load(w) : short_reals(w);
        for (int t = 0; t < tokens; t++) {
            for (int i = 1; i < chains; i++)
                sums[t * chains] = plus(sums[t * chains], sums[t * chains + i]);
            Real sum = real(sums[t * chains]);
            if (bits == 4) sum = less(sum, below[t * (step / GROUP) + from / GROUP],
                                      short_wholes(w + 32));
            total[t] = fuse(sum, scale, total[t]);
        }
        w += 64;
    }
    for (int t = 0; t < tokens; t++) store(totals[t], total[t]);
}

/* Bytes of sixteen rows, with what they are scaled by. */
static whole tile_bytes(const Matrix *matrix) {
    return parts_of(matrix->columns, matrix->group) * (matrix->group * 2 * matrix->bits + 64);
}

static whole add_up(const Matrix *matrix, const Room *room, whole block, whole high, whole m,
                    whole left, float totals[WIDE][BLOCK]) {
    whole step = room->columns;
    const int8_t *w = matrix->weight + block / BLOCK * tile_bytes(matrix);
    const int16_t *x = room->integers + m * step;
    const float *below = room->sums ? room->sums + m * (step / GROUP) : NULL;
    (void)high; /* a tile has all its rows; those beyond the last are zeros */
#define TILE(tokens) (matrix->bits == 8                                           \
        ? tile(matrix, w, x, NULL, step, tokens, 8, totals)                       \
        : tile(matrix, w, x, below, step, tokens, 4, totals), tokens)
    if (left >= WIDE) return TILE(WIDE);
    if (left >= 4) return TILE(4);
    if (left >= 2) return TILE(2);
    return TILE(1);
}
