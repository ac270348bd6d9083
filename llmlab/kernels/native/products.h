/* Products with a weight, in one of three ways that give the same bits.

   WAY 0: plain C, of weights as they lie in rows. 1 and 2: AVX2 and AVX-512, of weights
   in tiles. A way says how a block of rows times some tokens is added up to `totals`:
   integers exactly within a group, then groups in their order by one fused
   multiply-add each. What follows is the same code for all. */

#include "integers.h"
#if WAY == 2
#include "avx512.h"
#include "tiles.h"
#include "heads.h"
#elif WAY == 1
#include "avx2.h"
#include "tiles.h"
#include "heads.h"
#else
#include "plain.h"
#endif

/* y[m][r] = product (add: plus it) for the rows r of a share of the weight, all tokens. */
static void product(const Matrix *matrix, const Room *room, whole tokens, float *y, int add,
                    Share rows) {
    for (whole block = rows.from; block < rows.to; block += BLOCK)
        for (whole m = 0, done; m < tokens; m += done) {
            float totals[WIDE][BLOCK];
            whole high = smaller(BLOCK, rows.to - block);
            done = add_up(matrix, room, block, high, m, tokens - m, totals);
            for (whole j = 0; j < done; j++) {
                float *to = y + (m + j) * matrix->rows + block, factor = room->factors[m + j];
                const float *bias = matrix->bias ? matrix->bias + block : NULL;
                for (whole r = 0; r < high; r++) {
                    float start = (add ? to[r] : 0) + (bias ? bias[r] : 0);
                    to[r] = fused(totals[j][r], factor, start);
                }
            }
        }
}
