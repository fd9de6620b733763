/** Deliberate defects: the product's classes changed as they are loaded, to see whether the simulation notices. */
@NullMarked
package io.backhaul.simulation.defect;

import org.jspecify.annotations.NullMarked;
