/** Links between the parts: ports here, and their one implementation on Netty and TLS 1.3. */
@NullMarked
package io.backhaul.engine.link;

import org.jspecify.annotations.NullMarked;
