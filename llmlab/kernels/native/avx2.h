/* Sixteen rows side by side in two registers: AVX2 with FMA.

   vpmaddwd multiplies pairs of 16 bits and adds the two products. */

#include <immintrin.h>

enum { WIDE = 4 };  /* tokens of a tile: their sums stay in registers */
enum { ACROSS = 4 }; /* sums of sixteen values of a head or two, in registers */
typedef struct { __m256i a, b; } Whole; /* of each row a sum, or two weights */
typedef struct { __m256 a, b; } Real;

static inline __m128i half(const void *p, int second) {
    return _mm_loadu_si128((const __m128i *)p + second);
}
static inline Whole none(void) { return (Whole){_mm256_setzero_si256(), _mm256_setzero_si256()}; }
static inline Real nought(void) { return (Real){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
static inline Whole widened(const int8_t *w) {
    return (Whole){_mm256_cvtepi8_epi16(half(w, 0)), _mm256_cvtepi8_epi16(half(w, 1))};
}
/* Two weights of 4 bits in a byte: the first two columns low, the next two high. */
static inline Whole nibbles(const int8_t *w, int high) {
    __m256i a = _mm256_cvtepu8_epi16(half(w, 0)), b = _mm256_cvtepu8_epi16(half(w, 1));
    __m256i low = _mm256_set1_epi16(15);
    if (high) return (Whole){_mm256_srli_epi16(a, 4), _mm256_srli_epi16(b, 4)};
    return (Whole){_mm256_and_si256(a, low), _mm256_and_si256(b, low)};
}
static inline Whole plus(Whole a, Whole b) {
    return (Whole){_mm256_add_epi32(a.a, b.a), _mm256_add_epi32(a.b, b.b)};
}
static inline Whole times(Whole sum, Whole w, int pair) {
    __m256i x = _mm256_set1_epi32(pair);
    return plus(sum, (Whole){_mm256_madd_epi16(w.a, x), _mm256_madd_epi16(w.b, x)});
}
static inline Real real(Whole sum) {
    return (Real){_mm256_cvtepi32_ps(sum.a), _mm256_cvtepi32_ps(sum.b)};
}
static inline Real load(const void *p) {
    return (Real){_mm256_loadu_ps(p), _mm256_loadu_ps((const float *)p + 8)};
}
/* Scales in the upper half of a float, which is bfloat16; and whole numbers of 16 bits. */
static inline Real short_reals(const void *p) {
    __m256i a = _mm256_cvtepu16_epi32(half(p, 0)), b = _mm256_cvtepu16_epi32(half(p, 1));
    a = _mm256_slli_epi32(a, 16), b = _mm256_slli_epi32(b, 16);
    return (Real){_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)};
}
static inline Real short_wholes(const void *p) {
    return real((Whole){_mm256_cvtepi16_epi32(half(p, 0)), _mm256_cvtepi16_epi32(half(p, 1))});
}
static inline Real fuse(Real a, Real b, Real c) {
    return (Real){_mm256_fmadd_ps(a.a, b.a, c.a), _mm256_fmadd_ps(a.b, b.b, c.b)};
}
static inline Real less(Real a, float b, Real c) { /* a - b * c */
    __m256 all = _mm256_set1_ps(b);
    return (Real){_mm256_fnmadd_ps(all, c.a, a.a), _mm256_fnmadd_ps(all, c.b, a.b)};
}
static inline void store(float *p, Real a) {
    _mm256_storeu_ps(p, a.a), _mm256_storeu_ps(p + 8, a.b);
}
static inline Real all(float x) { return (Real){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
/* Sixteen registers added up within themselves, in the order of `folded_by_hand`: halves,
   quarters, then pairs, of one, two, four and eight of them side by side. */
static inline __m256 quarters(Real a, Real b) {
    __m256 x = a.a + a.b, y = b.a + b.b;
    return _mm256_permute2f128_ps(x, y, 0x20) + _mm256_permute2f128_ps(x, y, 0x31);
}
static inline __m256 pairs(__m256 a, __m256 b) {
    return _mm256_shuffle_ps(a, b, 0x44) + _mm256_shuffle_ps(a, b, 0xEE);
}
static inline __m256 eight(const Real *s) {
    __m256 a = pairs(quarters(s[0], s[4]), quarters(s[1], s[5]));
    __m256 b = pairs(quarters(s[2], s[6]), quarters(s[3], s[7]));
    return _mm256_shuffle_ps(a, b, 0x88) + _mm256_shuffle_ps(a, b, 0xDD);
}
static inline Real folded(const Real *s) { return (Real){eight(s), eight(s + 8)}; }
