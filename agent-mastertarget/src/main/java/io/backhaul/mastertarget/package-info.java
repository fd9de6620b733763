/**
 * The master target journals every machine's stream, keeps its base disks, and opens or promotes any recovery point.
 */
@NullMarked
package io.backhaul.mastertarget;

import org.jspecify.annotations.NullMarked;
