/** The network block device: server and client, as in the public specification of the NBD protocol. */
@NullMarked
package io.backhaul.blockio.nbd;

import org.jspecify.annotations.NullMarked;
