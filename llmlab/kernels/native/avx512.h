/* Sixteen rows side by side in one register: AVX-512 with VNNI.

   vpdpwssd multiplies pairs of 16 bits and adds both products to a sum, at once. */

#include <immintrin.h>

enum { WIDE = 8 };  /* tokens of a tile: their sums stay in registers */
enum { ACROSS = 8 }; /* sums of sixteen values of a head or two, in registers */
typedef __m512i Whole; /* of each row a sum, or two weights */
typedef __m512 Real;

static inline Whole none(void) { return _mm512_setzero_si512(); }
static inline Real nought(void) { return _mm512_setzero_ps(); }
static inline Whole widened(const int8_t *w) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)w));
}
/* Two weights of 4 bits in a byte: the first two columns low, the next two high. */
static inline Whole nibbles(const int8_t *w, int high) {
    Whole both = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const void *)w));
    return high ? _mm512_srli_epi16(both, 4) : _mm512_and_si512(both, _mm512_set1_epi16(15));
}
static inline Whole times(Whole sum, Whole w, int pair) {
    return _mm512_dpwssd_epi32(sum, w, _mm512_set1_epi32(pair));
}
static inline Whole plus(Whole a, Whole b) { return _mm512_add_epi32(a, b); }
static inline Real real(Whole sum) { return _mm512_cvtepi32_ps(sum); }
static inline Real load(const void *p) { return _mm512_loadu_ps(p); }
/* Scales in the upper half of a float, which is bfloat16; and whole numbers of 16 bits. */
static inline Real short_reals(const void *p) {
    Whole wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
static inline Real short_wholes(const void *p) {
    return real(_mm512_cvtepi16_epi32(_mm256_loadu_si256(p)));
}
static inline Real fuse(Real a, Real b, Real c) { return _mm512_fmadd_ps(a, b, c); }
static inline Real less(Real a, float b, Real c) { /* a - b * c */
    return _mm512_fnmadd_ps(_mm512_set1_ps(b), c, a);
}
static inline void store(float *p, Real a) { _mm512_storeu_ps(p, a); }
static inline Real all(float x) { return _mm512_set1_ps(x); }
/* Sixteen registers added up within themselves, in the order of `folded_by_hand`: halves,
   quarters, then pairs, of two, four, eight and sixteen of them side by side. */
static inline Real halves(Real a, Real b) {
    return _mm512_shuffle_f32x4(a, b, 0x44) + _mm512_shuffle_f32x4(a, b, 0xEE);
}
static inline Real quarters(Real a, Real b) {
    return _mm512_shuffle_f32x4(a, b, 0x88) + _mm512_shuffle_f32x4(a, b, 0xDD);
}
static inline Real pairs(Real a, Real b) {
    return _mm512_shuffle_ps(a, b, 0x44) + _mm512_shuffle_ps(a, b, 0xEE);
}
static inline Real singles(Real a, Real b) {
    return _mm512_shuffle_ps(a, b, 0x88) + _mm512_shuffle_ps(a, b, 0xDD);
}
static inline Real folded(const Real *s) {
    Real four[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        four[i] = quarters(halves(s[i], s[i + 4]), halves(s[i + 8], s[i + 12]));
    return singles(pairs(four[0], four[1]), pairs(four[2], four[3]));
}
