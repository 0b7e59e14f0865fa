/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processor that a device's interrupts come to.
 *
 * The kernel runs an interrupt of a VDUSE virtqueue on one processor of the mask in
 * irq_cb_affinity, and on the next one each time (vduse_vq_update_effective_cpu() in
 * vduse_dev.c). virtio_net gives it all there are, just before DRIVER_OK
 * (virtnet_set_affinity()). Then the driver's work goes round the machine, a sleeping
 * processor is woken for every second interrupt, and a round trip takes twice as long. A
 * network card's interrupt stays on one processor, and so does ours.
 */
#ifndef VDUSE_PROCESS_INTERRUPTS_H
#define VDUSE_PROCESS_INTERRUPTS_H

#include <stdbool.h>

/*
 * Where the interrupts of device number @device of a process (from 0) go, counted from the
 * processor that it runs on. Who @polls keeps that one busy, and the kernel's worker that
 * raises the interrupt would wait for its turn there: the next one takes it.
 */
static inline unsigned int interrupts_nth(unsigned int device, bool polls)
{
	return device + polls;
}

/*
 * Give the virtqueue whose irq_cb_affinity is open for reading and writing as @fd to one
 * processor: of those that this process may use, @cpu or the @nth after it. A mask that somebody
 * chose, one of fewer than the @online processors, is left as it is. Nothing depends on it: what
 * goes wrong is ignored, as is a negative @fd.
 */
void interrupts_settle(int fd, int cpu, unsigned int nth, long online);

#endif
