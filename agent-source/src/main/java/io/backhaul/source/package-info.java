/**
 * The source captures the writes to a machine's disks and streams them in order, and never writes to a protected disk
 * of its own accord.
 */
@NullMarked
package io.backhaul.source;

import org.jspecify.annotations.NullMarked;
