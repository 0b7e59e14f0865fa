/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads and stores of memory that the driver shares with us. Each is one access, which
 * the compiler can neither repeat nor split, and converts from and to little endian
 * (virtio 1.2, 2.7 and 1.4: all fields of a ring are little-endian).
 */
#ifndef VDUSE_VIRTIO_SHARED_H
#define VDUSE_VIRTIO_SHARED_H

#include <endian.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/*
 * For what is part of a loop over frames: a call costs as much as what it does, and the compiler,
 * which sees several loops, would rather call.
 */
#define VQ_INLINE static inline __attribute__((always_inline))

/* The pointer must be aligned to 2; relaxed order. */
VQ_INLINE uint16_t shared_load16(const uint16_t *from)
{
	return le16toh(atomic_load_explicit((const _Atomic uint16_t *)from,
					    memory_order_relaxed));
}

/* As shared_load16(); whatever is loaded later is loaded after it. */
VQ_INLINE uint16_t shared_load16_acquire(const uint16_t *from)
{
	return le16toh(atomic_load_explicit((const _Atomic uint16_t *)from,
					    memory_order_acquire));
}

/* The pointer must be aligned to 2; relaxed order. */
VQ_INLINE void shared_store16(uint16_t *to, uint16_t value)
{
	atomic_store_explicit((_Atomic uint16_t *)to, htole16(value), memory_order_relaxed);
}

/* As shared_store16(); whatever was stored earlier is visible before it. */
VQ_INLINE void shared_store16_release(uint16_t *to, uint16_t value)
{
	atomic_store_explicit((_Atomic uint16_t *)to, htole16(value), memory_order_release);
}

/*
 * As shared_store16_release(), and a full fence behind it: what was stored here and before
 * is visible before anything is loaded later. On x86 an exchange is both (any locked
 * instruction orders all loads and stores around it) and costs less than a store and a
 * fence; elsewhere no exchange orders stores *before* it with loads after it.
 */
VQ_INLINE void shared_store16_fenced(uint16_t *to, uint16_t value)
{
#if defined(__x86_64__)
	atomic_exchange_explicit((_Atomic uint16_t *)to, htole16(value), memory_order_seq_cst);
	atomic_signal_fence(memory_order_seq_cst);
#else
	shared_store16_release(to, value);
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* The pointer must be aligned to 4; relaxed order. */
VQ_INLINE uint32_t shared_load32(const uint32_t *from)
{
	return le32toh(atomic_load_explicit((const _Atomic uint32_t *)from,
					    memory_order_relaxed));
}

/* The pointer must be aligned to 4; relaxed order. */
VQ_INLINE void shared_store32(uint32_t *to, uint32_t value)
{
	atomic_store_explicit((_Atomic uint32_t *)to, htole32(value), memory_order_relaxed);
}

/* The pointer must be aligned to 8; relaxed order; no conversion. */
VQ_INLINE uint64_t shared_load64_raw(const void *from)
{
	return atomic_load_explicit((const _Atomic uint64_t *)from, memory_order_relaxed);
}

/* The pointer must be aligned to 8; relaxed order; no conversion. */
VQ_INLINE void shared_store64_raw(uint64_t *to, uint64_t value)
{
	atomic_store_explicit((_Atomic uint64_t *)to, value, memory_order_relaxed);
}

/*
 * Copies bytes of any alignment out of shared memory. The fence keeps the compiler from
 * taking a value from `from` again when it means the one in `to`.
 */
VQ_INLINE void shared_copy(void *to, const void *from, size_t length)
{
	memcpy(to, from, length);
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * Copies the 16 bytes of a descriptor, of any alignment; each is read once, by two loads where
 * they are aligned.
 */
VQ_INLINE void shared_copy16(void *to, const void *from)
{
	uint64_t half[2];

	if ((uintptr_t)from % sizeof(half[0])) {
		shared_copy(to, from, sizeof(half));
		return;
	}
	half[0] = shared_load64_raw(from);
	half[1] = shared_load64_raw((const uint8_t *)from + sizeof(half[0]));
	memcpy(to, half, sizeof(half));
}

#endif
