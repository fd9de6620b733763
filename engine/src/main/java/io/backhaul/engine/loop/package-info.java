/** Who runs what: serial loops with timers, and lanes for blocking work. */
@NullMarked
package io.backhaul.engine.loop;

import org.jspecify.annotations.NullMarked;
