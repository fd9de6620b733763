/** Copy-on-write views. */
@NullMarked
package io.backhaul.blockio.overlay;

import org.jspecify.annotations.NullMarked;
