/* Products with a weight, in one of four ways that give the same bits.

   WAY 0: plain C, of weights as they lie in rows. 1 and 2: AVX2 and AVX-512, of weights
   in tiles. 3: AVX-512 for few tokens, and AMX for many. A way says how a block of rows
   times some tokens is added up to `totals`: integers exactly within a group, then
   groups in their order by one fused multiply-add each. All else is the same code. */

#include "integers.h"
#if WAY == 0
#include "plain.h"
#else
#if WAY == 1
#include "avx2.h"
#else
#include "avx512.h"
#endif
#include "tiles.h"
#include "heads.h"
#endif
#if WAY == 3
#include "amx.h"
#endif

/* y[m][r] = total * factor + bias (add: plus it) for a block of rows and some tokens. */
static inline void finish(const Matrix *matrix, const Room *room, whole block, whole high,
                          whole m, whole tokens, float totals[][BLOCK], float *y, int add) {
    const float *bias = matrix->bias ? matrix->bias + block : NULL;
    for (whole j = 0; j < tokens; j++) {
        float *to = y + (m + j) * matrix->rows + block, factor = room->factors[m + j];
        for (whole r = 0; r < high; r++) {
            float start = (add ? to[r] : 0) + (bias ? bias[r] : 0);
            to[r] = fused(totals[j][r], factor, start);
        }
    }
}

#if WAY == 3
/* A strip of blocks at a time, so that its weights and 32 tokens' integers stay near. */
static void product_of_many(const Matrix *matrix, const Room *room, whole tokens, float *y,
                            int add, Share rows) {
    whole size = ordered_bytes(matrix), bytes = tile_bytes(matrix);
    shape_tiles();
    for (whole from = rows.from; from < rows.to; from += STRIP * BLOCK) {
        whole to = smaller(from + STRIP * BLOCK, rows.to);
        const int8_t *first = matrix->weight + from / BLOCK * bytes;
        for (whole b = 0; from + b * BLOCK < to; b++)
            reorder(matrix, first + b * bytes, room->strip + b * size);
        settle();
        for (whole m = 0; m < tokens; m += 2 * TALL)
            for (whole b = 0; from + b * BLOCK < to; b++) {
                _Alignas(64) float totals[2 * TALL][BLOCK];
                whole count = smaller(2 * TALL, tokens - m), block = from + b * BLOCK;
                add_up_many(matrix, room, first + b * bytes, room->strip + b * size, m,
                            count, totals);
                finish(matrix, room, block, smaller(BLOCK, to - block), m, count, totals,
                       y, add);
            }
    }
    _tile_release();
}
#endif

/* The same of all rows of a share of the weight, for all tokens. */
static void product(const Matrix *matrix, const Room *room, whole tokens, float *y, int add,
                    Share rows) {
#if WAY == 3
    if (in_parts(room, tokens)) {
        product_of_many(matrix, room, tokens, y, add, rows);
        return;
    }
#endif
    for (whole block = rows.from; block < rows.to; block += BLOCK)
        for (whole m = 0, done; m < tokens; m += done) {
            float totals[WIDE][BLOCK];
            whole high = smaller(BLOCK, rows.to - block);
            done = add_up(matrix, room, block, high, m, tokens - m, totals);
            finish(matrix, room, block, high, m, done, totals, y, add);
        }
}
