/** What a disk is, and the disks that live in memory or are found by path. */
@NullMarked
package io.backhaul.blockio;

import org.jspecify.annotations.NullMarked;
