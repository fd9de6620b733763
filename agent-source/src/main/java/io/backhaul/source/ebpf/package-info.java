/**
 * The capture that observes real disks: programs in the kernel record each write as it is submitted, in one ring for all
 * disks of a machine. Programs, ring and notes are pinned and outlive the agent. Read {@link CaptureRing} for what the
 * kernel promises, {@link EbpfCapture} for what is made of it, {@link EbpfPins} for how it comes and goes.
 */
@NullMarked
package io.backhaul.source.ebpf;

import org.jspecify.annotations.NullMarked;
