/** Files for logs, behind a port: one folder, its files, and what of them is durable. */
@NullMarked
package io.backhaul.blockio.volume;

import org.jspecify.annotations.NullMarked;
