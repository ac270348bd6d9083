/* Many tokens at once: AMX multiplies tiles of 16 rows by 64 bytes with each other.

   It multiplies 8 bits by 8. An activation of 13 bits is 128 times its upper seven bits,
   with sign, plus its lower seven, without; so a sum is 128 times one sum of bytes plus
   another, the same integer as in all other ways. Weights are put in the order that AMX
   reads, a strip of some blocks at a time, and serve all tokens from there. Those of 4
   bits, and short groups, are left to AVX-512: scaling their sums takes longer than
   multiplying (tried: 0.6 to 1.0 times as fast, groups of 32). */

enum { TALL = 16, DEEP = 64, CHUNK = TALL * DEEP }; /* a tile: rows, bytes of one, all */
typedef struct { uint8_t palette, start, none[14]; uint16_t bytes[16]; uint8_t rows[16]; } Shapes;

/* Eight tiles of one shape, until `_tile_release`: each product says so anew, for other
   libraries do on the same thread. Not by gcc's macro, to which the shapes are 8 bytes. */
static void shape_tiles(void) {
    Shapes shapes = {.palette = 1};
    for (int i = 0; i < 8; i++) shapes.bytes[i] = DEEP, shapes.rows[i] = TALL;
    __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
}

/* Bytes of a block of rows in AMX's order. */
static whole ordered_bytes(const Matrix *matrix) {
    return parts_of(matrix->columns, matrix->group) * parts_of(matrix->group, DEEP) * CHUNK;
}

/* Four columns of a row beside each other, and zeros up to a whole chunk of a group. */
static void reorder(const Matrix *matrix, const int8_t *w, int8_t *to) {
    int16_t lanes[32]; /* of two columns, which lie in the first half; then the next two */
    for (int r = 0; r < 16; r++) lanes[2 * r] = r, lanes[2 * r + 1] = r + 16;
    Whole order = _mm512_loadu_si512(lanes);
    for (whole from = 0; from < matrix->columns; from += matrix->group, w += 64) {
        whole c = 0;
        for (; c < matrix->group; c += 4, w += 64, to += 64)
            _mm512_storeu_si512(to, _mm512_permutexvar_epi16(order, _mm512_loadu_si512(w)));
        for (; c % DEEP; c += 4, to += 64) _mm512_storeu_si512(to, none());
    }
}

/* gcc does not know that tiles are loaded from memory: all that was written is there. */
static inline void settle(void) { __asm__ volatile("" : : : "memory"); }

/* One block of rows with up to 32 tokens; `ordered`: its weights in AMX's order. */
static inline void add_up_many(const Matrix *matrix, const Room *room, const int8_t *lying,
                               const int8_t *ordered, whole m, whole tokens,
                               float totals[2 * TALL][BLOCK]) {
    whole columns = matrix->columns, group = matrix->group, row = 2 * room->columns;
    const int8_t *x = (const int8_t *)room->integers + m * row;
    _Alignas(64) int32_t sums[4][TALL][BLOCK]; /* of 16 tokens lower, upper; of 16 more */
    memset(totals, 0, tokens * sizeof *totals);
    for (whole from = 0; from < columns; from += group) {
        const int8_t *lower = x + from, *upper = lower + room->columns;
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (whole c = 0; c < group; c += DEEP, ordered += CHUNK) {
            _tile_loadd(4, ordered, DEEP);
            _tile_loadd(5, lower + c, row);
            _tile_loadd(6, upper + c, row);
            _tile_dpbusd(0, 5, 4);
            _tile_dpbssd(1, 6, 4);
            if (tokens <= TALL) continue;
            _tile_loadd(5, lower + c + TALL * row, row);
            _tile_loadd(6, upper + c + TALL * row, row);
            _tile_dpbusd(2, 5, 4);
            _tile_dpbssd(3, 6, 4);
        }
        _tile_stored(0, sums[0], DEEP);
        _tile_stored(1, sums[1], DEEP);
        if (tokens > TALL) {
            _tile_stored(2, sums[2], DEEP);
            _tile_stored(3, sums[3], DEEP);
        }
        Real scale = load(lying + group * BLOCK);
        lying += (group + 4) * BLOCK;
        for (whole t = 0; t < tokens; t++) {
            whole half = t / TALL * 2, place = t % TALL;
            Whole high = _mm512_slli_epi32(_mm512_load_si512(sums[half + 1][place]), 7);
            Real sum = real(plus(_mm512_load_si512(sums[half][place]), high));
            store(totals[t], fuse(sum, scale, load(totals[t])));
        }
    }
}
