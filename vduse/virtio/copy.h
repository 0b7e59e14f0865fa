/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies between buffers of drivers, inline, for loops that copy one small buffer after the
 * other: what a call costs is then a good part of the whole.
 *
 * Both ranges may be memory that drivers write to meanwhile, and a driver may have given
 * the same memory twice: what arrives is then unspecified, but not a byte outside of the
 * two ranges is read or written. The compiler must not know that memory is the same either,
 * so there is no memcpy() with lengths that it could look into; memmove() is right for any.
 *
 * AVX2 where the processor has it, chosen at run time: the functions of that kind can only
 * be used from one with the same target attribute, VQ_COPY_AVX2, which the caller may call
 * when vq_copy_has_avx2() is true. 32 bytes at a time and a last load and store that overlap
 * the ones before: no loop over bytes, and the compiler keeps state in registers.
 */
#ifndef VDUSE_VIRTIO_COPY_H
#define VDUSE_VIRTIO_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#define VQ_COPY_AVX2 __attribute__((target("avx2")))
#include <immintrin.h>

/* Whether this processor (and system) has AVX2. */
static inline bool vq_copy_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static inline __attribute__((always_inline)) VQ_COPY_AVX2 __m256i vq_load_32(const uint8_t *from)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

static inline __attribute__((always_inline)) VQ_COPY_AVX2 void vq_store_32(uint8_t *to,
									     __m256i value)
{
	_mm256_storeu_si256((__m256i *)(void *)to, value);
}

static inline __attribute__((always_inline)) VQ_COPY_AVX2 void vq_copy_16(uint8_t *to,
									    const uint8_t *from)
{
	_mm_storeu_si128((__m128i *)(void *)to,
			 _mm_loadu_si128((const __m128i *)(const void *)from));
}

/* Copies `length` bytes but for the last ones, 1 to 32. */
static inline __attribute__((always_inline)) VQ_COPY_AVX2 void
vq_copy_most_avx2(uint8_t *to, const uint8_t *from, size_t length)
{
	size_t at = 0;

	for (; at + 160 <= length; at += 128) {
		vq_store_32(to + at, vq_load_32(from + at));
		vq_store_32(to + at + 32, vq_load_32(from + at + 32));
		vq_store_32(to + at + 64, vq_load_32(from + at + 64));
		vq_store_32(to + at + 96, vq_load_32(from + at + 96));
	}
	for (; at + 32 < length; at += 32)
		vq_store_32(to + at, vq_load_32(from + at));
}

/*
 * Copies `length` bytes, at least 1, of which the 16 before `from` and `to` have been copied
 * already (they may be copied once more). Without loops up to 64 bytes.
 */
static inline __attribute__((always_inline)) VQ_COPY_AVX2 void
vq_copy_rest_avx2(uint8_t *to, const uint8_t *from, size_t length)
{
	__m256i last;

	if (length <= 16) {
		vq_copy_16(to + length - 16, from + length - 16);
		return;
	}
	if (__builtin_expect(length > 64, 0))
		vq_copy_most_avx2(to, from, length);
	last = vq_load_32(from + length - 32);
	if (length > 32 && length <= 64)
		vq_store_32(to, vq_load_32(from));
	vq_store_32(to + length - 32, last);
}

/*
 * To be called after the last copy, before anything else is. The compiler's own clearing of
 * the upper halves is not enough: gcc 12 leaves it out before a call whose registers it knows,
 * and whoever uses SSE next then pays some 50 ns for each switch.
 */
static inline __attribute__((always_inline)) VQ_COPY_AVX2 void vq_copy_avx2_end(void)
{
	_mm256_zeroupper();
}
#endif

/* As memcpy(), for memory that may be the same. */
static inline void vq_copy_any(uint8_t *to, const uint8_t *from, size_t length)
{
	memmove(to, from, length);
}

/*
 * Copies `length` bytes in the quickest way that this processor has; for one copy, and not
 * inline. The C library takes "rep movsb" for long ones, which is slower than AVX2 on bare
 * metal, and several times so where the processor is emulated, byte by byte.
 */
void vq_copy(uint8_t *to, const uint8_t *from, size_t length);

#endif
