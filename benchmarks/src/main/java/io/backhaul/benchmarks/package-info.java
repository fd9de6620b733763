/**
 * How fast: JMH benchmarks of the primitives that the data path is made of.
 */
@NullMarked
package io.backhaul.benchmarks;

import org.jspecify.annotations.NullMarked;
