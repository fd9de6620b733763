/** The world that simulated parts live in: virtual time, processes, links and disks, all in one thread from one seed. */
@NullMarked
package io.backhaul.simulation.world;

import org.jspecify.annotations.NullMarked;
