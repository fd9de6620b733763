/** What if: the real sessions of all roles in a simulated world, with faults, and an oracle that knows what is right. */
@NullMarked
package io.backhaul.simulation;

import org.jspecify.annotations.NullMarked;
