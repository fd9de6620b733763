package io.backhaul.source;

import java.util.List;

/**
 * Epochs of the dirty map that were taken out in a generation, to be cleared.
 *
 * @param unmarkedBefore
 *            no record before this sequence is marked
 */
record Epochs(long generation, List<Integer> numbers, long unmarkedBefore) {}
