/**
 * How bytes, time and faults move: clocks, loops, lanes, links with credit, the segment log, metrics and configuration,
 * which the roles are given as constructor arguments.
 */
@NullMarked
package io.backhaul.engine;

import org.jspecify.annotations.NullMarked;
