/* Activations rounded to integers of 13 bits, and what threads and matrices are. */

#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* STRIP: blocks of rows whose weights are put in AMX's order at once. */
enum { BLOCK = 16, FEW = 4, LARGEST = 8191, GROUP = 32, STRIP = 8 };
#if WAY == 3
enum { MANY = 9 }; /* tokens from which AMX multiplies */
#else
enum { MANY = INT32_MAX };
#endif
typedef int64_t whole;

/* `group` columns of a row share a scale. Of 4 bits, a weight has a zero point, too. */
typedef struct { const int8_t *weight; const float *scale, *bias;
                 whole rows, columns, group, bits; } Matrix;
/* sums: of `GROUP` integers each, which weights with a zero point want. integers: rows
   of `columns`; in parts, first the lower seven bits of all, then the upper. strip: of
   each thread, `strip_bytes` for weights in AMX's order; none where AMX is not used. */
typedef struct { float *stream, *queries, *keys, *values, *gate, *up, *factors, *scores, *sums;
                 int16_t *integers; int8_t *strip; whole columns, reach, strip_bytes; } Room;
typedef struct { whole id, of; } Thread;
typedef struct { whole from, to; } Share;

static Thread thread(void) {
#ifdef _OPENMP
    return (Thread){omp_get_thread_num(), omp_get_num_threads()};
#else
    return (Thread){0, 1};
#endif
}

static int in_parts(const Room *room, whole tokens) { return tokens >= MANY && room->strip; }

static whole smaller(whole a, whole b) { return a < b ? a : b; }
static whole parts_of(whole count, whole unit) { return (count + unit - 1) / unit; }

static void wait_for_all(void) {
#pragma omp barrier
}

static Share share(whole count, whole unit, Thread t) { /* begins at a multiple of unit */
    whole units = parts_of(count, unit);
    return (Share){units * t.id / t.of * unit, smaller(units * (t.id + 1) / t.of * unit, count)};
}

/* a * b + c, rounded once where the processor can: in all ways, on all lanes alike. */
static inline float fused(float a, float b, float c) {
#ifdef FP_FAST_FMAF
    return fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* Sixteen sums side by side, folded at the end: an order that vectors keep. */
static inline float folded_by_hand(float *sums) {
    for (whole j = 0; j < 8; j++) sums[j] += sums[j + 8];
    for (whole j = 0; j < 4; j++) sums[j] += sums[j + 4];
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

static inline float dot(const float *a, const float *b, whole n) {
    float sums[16] = {0};
    whole i = 0;
    for (; i + 16 <= n; i += 16)
        for (whole j = 0; j < 16; j++) sums[j] = fused(a[i + j], b[i + j], sums[j]);
    for (whole j = 0; i + j < n; j++) sums[j] = fused(a[i + j], b[i + j], sums[j]);
    return folded_by_hand(sums);
}

/* Scores of queries with keys that lie `step` apart, one by one; of heads `apart`. */
static void scores_by_dot(const float *queries, const float *keys, whole step, whole n,
                          whole rows, float *scores, whole apart, whole heads) {
    for (whole h = 0; h < heads; h++)
        for (whole p = 0; p < rows; p++)
            scores[h * apart + p] = dot(queries + h * n, keys + p * step, n);
}

static inline float added(const float *a, whole n) {
    float sums[16] = {0};
    whole i = 0;
    for (; i + 16 <= n; i += 16)
        for (whole j = 0; j < 16; j++) sums[j] += a[i + j];
    for (whole j = 0; i + j < n; j++) sums[j] += a[i + j];
    return folded_by_hand(sums);
}

/* One over the root mean square; 1 where there is no norm. */
static float evened(const float *x, const float *norm, whole n, float epsilon) {
    return norm ? 1 / sqrtf(dot(x, x, n) / n + epsilon) : 1;
}

/* Round a row, times its norm's weight, to integers whose sums cannot overflow. `upper`:
   where the upper bits go, if they are parted. */
static float rounded(const float *x, const float *norm, float epsilon, whole n,
                     int16_t *restrict integers, int8_t *restrict upper) {
    float scale = evened(x, norm, n, epsilon), largest = 1e-30f;
    float limit = smaller(LARGEST, INT32_MAX / 128 / n);
#pragma omp simd reduction(max : largest)
    for (whole i = 0; i < n; i++) {
        float size = fabsf(norm ? x[i] * scale * norm[i] : x[i]);
        largest = size > largest ? size : largest;
    }
    int8_t *restrict lower = (int8_t *)integers;
    for (whole i = 0; i < n; i++) {
        int whole_number = rintf((norm ? x[i] * scale * norm[i] : x[i]) * (limit / largest));
        if (upper) lower[i] = whole_number & 127, upper[i] = whole_number >> 7;
        else integers[i] = whole_number;
    }
    return largest / limit;
}

/* What a zero point is multiplied with: sums of integers, exact in a float. */
static void grouped(const int16_t *integers, whole n, float *restrict sums) {
    for (whole g = 0; g < n / GROUP; g++) {
        int32_t sum = 0;
        for (whole i = 0; i < GROUP; i++) sum += integers[g * GROUP + i];
        sums[g] = sum;
    }
}

/* Round all rows; the room that comes back says where this thread finds them. Few rows
   are done by every thread for itself: that costs less than to wait for another. */
static Room prepared(Room room, const float *x, const float *norm, float epsilon, whole n,
                     const whole *index, whole count, Thread t) {
    Share mine = count <= FEW ? (Share){0, count} : share(count, 1, t);
    whole first = count <= FEW ? t.id * FEW : 0, parts = in_parts(&room, count);
    room.integers += first * room.columns, room.factors += first;
    if (room.sums) room.sums += first * (room.columns / GROUP);
    if (room.strip) room.strip += t.id * room.strip_bytes;
    for (whole m = mine.from; m < mine.to; m++) {
        int16_t *integers = room.integers + m * room.columns;
        int8_t *upper = parts ? (int8_t *)integers + room.columns : NULL;
        const float *row = x + (index ? index[m] : m) * n;
        room.factors[m] = rounded(row, norm, epsilon, n, integers, upper);
        if (room.sums) grouped(integers, n, room.sums + m * (room.columns / GROUP));
    }
    if (count > FEW) wait_for_all();
    return room;
}
