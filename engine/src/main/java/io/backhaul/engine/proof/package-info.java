/**
 * Proofs: what the disks of a machine held at a mark, as digests that its source recorded, in a file that says so by itself.
 * The source writes them, whoever holds a disk compares.
 */
@NullMarked
package io.backhaul.engine.proof;

import org.jspecify.annotations.NullMarked;
