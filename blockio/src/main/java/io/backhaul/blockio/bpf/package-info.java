/**
 * What Linux's BPF offers: programs and maps loaded through libbpf, pinned so that they outlive the process, and the memory
 * that is shared with them. Nothing here knows what a program does.
 */
@NullMarked
package io.backhaul.blockio.bpf;

import org.jspecify.annotations.NullMarked;
