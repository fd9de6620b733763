/** Compression: LZ4 blocks, by the native library. */
@NullMarked
package io.backhaul.engine.codec;

import org.jspecify.annotations.NullMarked;
