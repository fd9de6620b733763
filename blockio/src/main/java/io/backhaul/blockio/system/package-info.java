/** The block devices of the machine that this runs on, as the kernel tells of them in sysfs and procfs. Nothing is written. */
@NullMarked
package io.backhaul.blockio.system;

import org.jspecify.annotations.NullMarked;
