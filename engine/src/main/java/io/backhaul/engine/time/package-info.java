/** Clocks. */
@NullMarked
package io.backhaul.engine.time;

import org.jspecify.annotations.NullMarked;
