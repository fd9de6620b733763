/** Flat VMDK images: a text descriptor beside a raw file. */
@NullMarked
package io.backhaul.blockio.vmdk;

import org.jspecify.annotations.NullMarked;
