/* Products of integers: activations rounded to 13 bits, times int8 weights, exact.

   (int16_t) of both sides: processors multiply 16 bits by 16 and add two such products
   in one instruction (AVX2: vpmaddwd, VNNI: vpdpwssd), and compilers know it. */

#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

enum { BLOCK = 16, AHEAD = 4096, FEW = 4, LARGEST = 8191 };
typedef int64_t whole;

typedef struct { const int8_t *weight; const float *scale, *bias; whole rows, columns; } Matrix;
typedef struct { float *stream, *queries, *keys, *values, *gate, *up, *factors, *scores;
                 int16_t *integers; whole columns, reach; } Room;
typedef struct { whole id, of; } Thread;
typedef struct { whole from, to; } Share;

static Thread thread(void) {
#ifdef _OPENMP
    return (Thread){omp_get_thread_num(), omp_get_num_threads()};
#else
    return (Thread){0, 1};
#endif
}

static whole smaller(whole a, whole b) { return a < b ? a : b; }

static void wait_for_all(void) {
#pragma omp barrier
}

static Share share(whole count, whole unit, Thread t) { /* begins at a multiple of unit */
    whole units = (count + unit - 1) / unit;
    return (Share){units * t.id / t.of * unit, smaller(units * (t.id + 1) / t.of * unit, count)};
}

/* Sixteen sums side by side, folded at the end: an order that vectors keep. */
static inline float dot(const float *a, const float *b, whole n) {
    float sums[16] = {0};
    whole i = 0;
    for (; i + 16 <= n; i += 16)
        for (whole j = 0; j < 16; j++) sums[j] += a[i + j] * b[i + j];
    for (whole j = 0; i + j < n; j++) sums[j] += a[i + j] * b[i + j];
    for (whole j = 0; j < 8; j++) sums[j] += sums[j + 8];
    for (whole j = 0; j < 4; j++) sums[j] += sums[j + 4];
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

/* One over the root mean square; 1 where there is no norm. */
static float evened(const float *x, const float *norm, whole n, float epsilon) {
    return norm ? 1 / sqrtf(dot(x, x, n) / n + epsilon) : 1;
}

/* Round a row, times its norm's weight, to integers whose sums cannot overflow. */
static float rounded(const float *x, const float *norm, float epsilon, whole n,
                     int16_t *restrict integers) {
    float scale = evened(x, norm, n, epsilon), largest = 1e-30f;
    float limit = smaller(LARGEST, INT32_MAX / 128 / n);
#pragma omp simd reduction(max : largest)
    for (whole i = 0; i < n; i++) {
        float size = fabsf(norm ? x[i] * scale * norm[i] : x[i]);
        largest = size > largest ? size : largest;
    }
    for (whole i = 0; i < n; i++)
        integers[i] = rintf((norm ? x[i] * scale * norm[i] : x[i]) * (limit / largest));
    return largest / limit;
}

/* Round all rows; the room that comes back says where this thread finds them. Few rows
   are done by every thread for itself: that costs less than to wait for another. */
static Room prepared(Room room, const float *x, const float *norm, float epsilon, whole n,
                     const whole *index, whole count, Thread t) {
    Share mine = count <= FEW ? (Share){0, count} : share(count, 1, t);
    if (count <= FEW) room.integers += t.id * FEW * room.columns, room.factors += t.id * FEW;
    for (whole m = mine.from; m < mine.to; m++)
        room.factors[m] = rounded(x + (index ? index[m] : m) * n, norm, epsilon, n,
                                  room.integers + m * room.columns);
    if (count > FEW) wait_for_all();
    return room;
}

/* One row of the weight with one token, or with four. (int16_t): two products of 16 bits
   are one instruction, and a weight that was widened serves four tokens. */
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

/* y[m][r] = product (add: plus it) for the rows r of a share of the weight, all tokens. */
static void product(const Matrix *matrix, const Room *room, whole tokens, float *y, int add,
                    Share rows) {
    whole n = matrix->columns, step = room->columns;
    for (whole block = rows.from; block < rows.to; block += BLOCK)
        for (whole m = 0; m < tokens; m += 4) {
            whole high = smaller(BLOCK, rows.to - block), left = smaller(4, tokens - m);
            const int16_t *x = room->integers + m * step;
            int32_t sums[BLOCK][4];
            for (whole r = 0; r < high; r++) {
                const int8_t *w = matrix->weight + (block + r) * n;
                if (left == 4) four_sums(w, x, step, n, sums[r]);
                else for (whole j = 0; j < left; j++) sums[r][j] = one_sum(w, x + j * step, n);
            }
            for (whole j = 0; j < left; j++)
                for (whole r = 0; r < high; r++) {
                    float *to = y + (m + j) * matrix->rows + block + r;
                    float value = sums[r][j] * (matrix->scale[block + r] * room->factors[m + j]);
                    if (matrix->bias) value += matrix->bias[block + r];
                    *to = add ? *to + value : value;
                }
        }
}
