/** Raw files and block devices of Linux. */
@NullMarked
package io.backhaul.blockio.file;

import org.jspecify.annotations.NullMarked;
