/**
 * What is true on the wire and on disk: identities, positions, frames and their bodies, faults. The specification is
 * {@code docs/PROTOCOL.md}; the classes here are its one implementation.
 */
@NullMarked
package io.backhaul.protocol;

import org.jspecify.annotations.NullMarked;
